"""Path tricks and header games: nothing but the table's routes, and no base but that of the index in a token of ours."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.errors import CallerError, UpstreamError
from firewall.ports import RouteClass, WireRequest
from tests.adapters.pinecone.bench import INDEX_HOST, Wire, caller, dialect

_PIECES = (
    r"/ // .. . %2e%2e %2F %5C \ ; query vectors fetch _idx indexes docs namespaces ns documents search records list "
    r"http: https://evil.test @evil.test %00 TOKEN ?x=1 %252e%252e ..; VectorService describe_index_stats bulk"
)


@given(
    st.lists(st.sampled_from(_PIECES.split(" ")), max_size=9),
    st.sampled_from(["GET", "POST", "DELETE", "PATCH"]),
)
def test_no_path_leads_to_another_base_or_route(pieces: list[str], method: str) -> None:
    """Whatever is put together: the upstream's path is the row's own, below the base that the token names."""
    wire = Wire()
    path, _, query = "".join(["/", *pieces]).replace("TOKEN", wire.token).partition("?")
    request = WireRequest(method=method, path=path, query=query, body=b"{}")
    with suppress(CallerError, UpstreamError):
        match = wire.dialect.match(request)
        if match is None:
            return
        plan = wire.dialect.plan(request, match, wire.caller, now=0.0)
        literals = [part for part in match.spec.pattern.split("/") if part and not part.startswith("{")]
        if match.spec.pattern.startswith("/_idx/"):
            literals = literals[1:]
            assert plan.request.base == INDEX_HOST
        else:
            assert plan.request.base == ""
        segments = plan.request.path.split("/")[1:]
        assert [part for part in segments if part in literals][: len(literals)] == literals
        assert not {"..", ".", ""} & set(segments)
        assert "%2e%2e" not in plan.request.path.lower()


@pytest.mark.parametrize(
    "path",
    [
        "/_idx/TOKEN/../query",
        "/_idx/TOKEN/%2e%2e/query",
        "/_idx/TOKEN/namespaces/%2e%2e%2fx/documents/search",
        "/_idx/TOKEN/namespaces/..;x/documents/search",
        "/_idx/TOKEN/namespaces/a%5Cb/documents/search",
        "/_idx/TOKEN/namespaces/%252e%252e/documents/search",
        "/_idx/TOKEN/namespaces/%00/documents/search",
    ],
)
def test_a_path_that_climbs_is_refused(path: str) -> None:
    """400, before anything is planned."""
    wire = Wire()
    with pytest.raises(CallerError) as refused:
        wire.dialect.match(WireRequest(method="POST", path=path.replace("TOKEN", wire.token), body=b"{}"))
    assert refused.value.code == "bad_path"


def test_an_escaped_slash_stays_in_its_segment() -> None:
    """A namespace may hold one; it goes on as it was spelled, and is pinned as what it says."""
    plan = Wire().plan("POST ~/records/namespaces/a%2Fb%2Ec/search", {"query": {"top_k": 1, "id": "x"}})
    assert plan.request.path == "/records/namespaces/a%2Fb%2Ec/search"
    assert plan.namespace == "a/b.c"


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host", "X-Original-URL", "X-Http-Method-Override"])
def test_headers_change_nothing_of_where_it_goes(name: str) -> None:
    """Base and path come from the token and the table alone."""
    plan = Wire().plan("POST ~/query", {"topK": 1, "vector": [1]}, ((name, "evil.test/indexes"),))
    assert (plan.request.base, plan.request.path) == (INDEX_HOST, "/query")
    assert name in {"Host", "X-Forwarded-Host"} or name not in dict(plan.request.headers)


def test_an_index_of_nobody_is_refused_in_the_data_planes_shape() -> None:
    """403 with a gRPC number, whatever the token."""
    with pytest.raises(CallerError) as refused:
        Wire().plan("POST /_idx/ZXZpbC50ZXN0.AAAA/query", {"topK": 1, "vector": [1]})
    assert (refused.value.status, refused.value.code) == (403, "index_unknown")


def test_what_is_for_admins_and_what_passes() -> None:
    """Index creation, imports and namespace deletion are admin routes; only inference passes without a look."""
    classes = {spec.name: spec.route_class for spec in dialect().routes}
    for name in ("index.create", "index.configure", "index.delete", "import.start", "namespace.delete"):
        assert classes[name] is RouteClass.admin
    assert {name for name, kind in classes.items() if kind is RouteClass.passed} == {
        "embed",
        "rerank",
        "models",
        "model",
    }
    assert len(classes) == len(dialect().routes)


def test_an_unknown_route_is_unknown() -> None:
    """No data plane on the root, no control plane under an index."""
    wire = Wire(caller(admin=True))
    for line in (
        "POST /query",
        f"GET /_idx/{wire.token}/indexes",
        f"GET /_idx/{wire.token}/query",
        "GET /assistant/chat",
    ):
        method, path = line.split(" ")
        assert wire.dialect.match(WireRequest(method=method, path=path)) is None
