"""Planning of reads: whole rows, more of them, and never another namespace or index."""

import msgspec
import pytest

from adapters.pinecone.reads import MAX_TOP_K, overfetched
from firewall.errors import CallerError
from tests.adapters.pinecone.bench import Wire, caller

PINNED = caller(index="docs", namespace="mine")
SEARCH = "POST ~/records/namespaces/mine/search"
DOCUMENTS = "POST ~/namespaces/mine/documents"


def test_how_much_more_is_asked_for() -> None:
    """A quarter more, at least four, and never above what the service takes."""
    assert [overfetched(wanted) for wanted in (1, 5, 16, 17, 100)] == [5, 9, 20, 22, 125]
    assert overfetched(9_999) == overfetched(MAX_TOP_K) == MAX_TOP_K


def test_a_query_asks_for_metadata_and_more_rows() -> None:
    """The vector goes on as the bytes that came; without the over-fetch the caller's own count is asked for."""
    body = b'{"topK":5,"vector":[0.10,2e-3,1E2],"includeMetadata":false,"namespace":"ns"}'
    plan = Wire().plan("POST ~/query", body)
    assert b"[0.10,2e-3,1E2]" in plan.request.body
    sent = msgspec.json.decode(plan.request.body)
    assert (sent["topK"], sent["includeMetadata"], plan.limit) == (9, True, 5)
    assert plan.fallback is not None
    assert msgspec.json.decode(plan.fallback.body)["topK"] == 5
    assert plan.pin == {"index": "docs", "namespace": "ns"}


@pytest.mark.parametrize("count", [0, -1, 10_001, "5", 1.5, True, None])
def test_a_count_that_the_server_refuses_is_left_to_it(count: object) -> None:
    """It goes on as it is."""
    plan = Wire().plan("POST ~/query", {"topK": count, "vector": [1]})
    assert plan.limit is None
    assert msgspec.json.decode(plan.request.body)["topK"] == count


@pytest.mark.parametrize(
    ("body", "ranked"),
    [
        ({"vector": [0, 0.0, 0]}, False),
        ({"vector": [0, 0.5]}, True),
        ({"id": "v1"}, True),
        ({"vector": [0, 0], "sparseVector": {"indices": [1], "values": [1]}}, True),
    ],
)
def test_a_vector_of_zeros_is_a_list(body: dict[str, object], ranked: bool) -> None:
    """Frameworks list with one: no order means anything there."""
    assert Wire().plan("POST ~/query", {"topK": 3, **body}).ranked is ranked


def test_a_reranked_search() -> None:
    """The reranker gives more rows out, and its pool grows only where it would be too small."""
    query = {"top_k": 10, "inputs": {"text": "tea"}}
    sent = Wire().sent(SEARCH, {"query": query, "rerank": {"model": "m", "top_n": 3}, "fields": ["a"]})
    assert (sent["query"]["top_k"], sent["rerank"]["top_n"]) == (10, 7)
    assert "fields" not in sent
    small = Wire().plan(SEARCH, {"query": {**query, "top_k": 3}, "rerank": {"model": "m", "top_n": 3}})
    assert msgspec.json.decode(small.request.body)["query"]["top_k"] == 7
    assert (small.limit, small.query) == (3, "tea")
    whole = Wire().sent(SEARCH, {"query": query, "rerank": {"model": "m"}})
    assert whole["query"]["top_k"] == 14
    assert "top_n" not in whole["rerank"]


def test_documents_are_asked_for_whole() -> None:
    """A search names every field; a fetch brings them anyway."""
    body = {"score_by": [{"type": "text", "query": "tea"}], "top_k": 2}
    plan = Wire().plan(f"{DOCUMENTS}/search", body)
    assert msgspec.json.decode(plan.request.body)["include_fields"] == ["*"]
    assert (plan.wanted_fields, plan.query) == ((), "tea")
    assert Wire().plan(f"{DOCUMENTS}/search", {**body, "include_fields": ["*"]}).wanted_fields is None
    fetch = Wire().plan(f"{DOCUMENTS}/fetch", {"ids": ["a"], "include_fields": ["x"]})
    assert msgspec.json.decode(fetch.request.body) == {"ids": ["a"]}
    assert (fetch.wanted_fields, fetch.by_id, fetch.omits) == (("x",), True, True)
    assert Wire().plan(f"{DOCUMENTS}/fetch", {"ids": ["a"], "include_fields": []}).wanted_fields is None


def test_one_id_alone_is_a_read_by_id() -> None:
    """That is what rehydrates; several are a list."""
    assert Wire().plan("GET ~/vectors/fetch?ids=a&namespace=ns").by_id is True
    assert Wire().plan("GET ~/vectors/fetch?ids=a&ids=b").by_id is False


def test_the_default_namespace_has_three_names() -> None:
    """Missing, empty and `__default__` are one."""
    wire = Wire(caller(namespace=""))
    for line in (
        "GET ~/vectors/fetch?ids=a",
        "GET ~/vectors/fetch?ids=a&namespace=",
        "GET ~/namespaces/__default__",
    ):
        assert wire.plan(line).owner["namespace"] == "__default__"


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("POST ~/query", {"topK": 1, "vector": [1], "namespace": "theirs"}),
        ("POST ~/query", {"topK": 1, "vector": [1], "namespace": "__default__"}),
        ("GET ~/vectors/fetch?ids=a&namespace=theirs", None),
        ("POST ~/vectors/fetch_by_metadata", {"filter": {}, "namespace": "theirs"}),
        ("GET ~/vectors/list?namespace=theirs", None),
        ("GET ~/namespaces/theirs", None),
        ("DELETE ~/namespaces/theirs", None),
        ("POST ~/namespaces", {"name": "theirs"}),
        ("POST ~/records/namespaces/theirs/search", {"query": {"top_k": 1}}),
        ("POST ~/records/namespaces/theirs/upsert", b'{"_id":"a"}'),
        ("POST ~/namespaces/theirs/documents/search", {"top_k": 1}),
        ("POST ~/namespaces/theirs/documents/fetch", {"ids": ["a"]}),
        ("POST ~/namespaces/theirs/documents/list", {}),
        ("POST ~/namespaces/theirs/documents/upsert", {"documents": []}),
        ("POST ~/namespaces/theirs/documents/delete", {"ids": ["a"]}),
        ("POST ~/vectors/upsert", {"vectors": [], "namespace": "theirs"}),
        ("POST ~/vectors/update", {"id": "a", "namespace": "theirs"}),
        ("POST ~/vectors/delete", {"ids": ["a"], "namespace": "theirs"}),
        ("POST ~/bulk/imports", {"uri": "s3://b/"}),
        ("GET /indexes/other", None),
        ("POST /indexes", {"name": "other"}),
        ("GET /collections", None),
    ],
)
def test_a_pinned_caller_asks_for_its_own_only(line: str, body: object) -> None:
    """403 on every route that names another namespace or index, or all of them."""
    with pytest.raises(CallerError) as refused:
        Wire(PINNED).plan(line, body)
    assert (refused.value.status, refused.value.code) == (403, "scope_denied")


def test_a_pinned_caller_who_names_no_namespace_gets_its_own() -> None:
    """In the body, in the query and in a write."""
    wire = Wire(PINNED)
    assert wire.sent("POST ~/query", {"topK": 1, "vector": [1]})["namespace"] == "mine"
    assert wire.plan("GET ~/vectors/list?namespace=&limit=2").request.query == "limit=2&namespace=mine"
    assert wire.sent("POST ~/vectors/upsert", {"vectors": []})["namespace"] == "mine"


def test_an_index_of_another_name_is_not_the_pinned_callers() -> None:
    """The name is the one that the control plane said, and stands in the token."""
    with pytest.raises(CallerError):
        Wire(PINNED, name="other").plan("POST ~/query", {"topK": 1, "vector": [1]})


def test_a_pin_that_no_row_can_show_confines_everything() -> None:
    """Pinecone's rows state no user: a caller that is pinned to one gets nothing, not everything."""
    with pytest.raises(CallerError):
        Wire(caller(user_id="u1")).plan("POST ~/query", {"topK": 1, "vector": [1]})


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("POST ~/query", b"[]"),
        ("POST ~/query", b'{"topK":1'),
        ("POST ~/query", b"{" + b'"a":[' * 100_000),
        ("POST ~/query", {"topK": 1, "namespace": 7}),
        ("POST ~/query", {"topK": 1, "queries": [{"values": [1]}]}),
        (SEARCH, {"query": []}),
        (SEARCH, {"query": {"top_k": 1}, "fields": "text"}),
        ("POST ~/query?namespace=theirs", {"topK": 1, "vector": [1], "namespace": "mine"}),
        (SEARCH, {"query": {"top_k": 1}, "namespace": "theirs"}),
        (f"{DOCUMENTS}/list", {"namespace": "theirs"}),
        (f"{DOCUMENTS}/delete", {"ids": ["a"], "namespace": "theirs"}),
        ("GET ~/vectors/fetch?ids=a&namespace=x&namespace=mine", None),
        ("GET ~/vectors/fetch?ids=%zz&namespace=%ff", None),
    ],
)
def test_a_request_that_could_be_read_in_two_ways_is_refused(line: str, body: object) -> None:
    """400, with nothing sent."""
    with pytest.raises(CallerError) as refused:
        Wire().plan(line, body)
    assert refused.value.status == 400


def test_what_a_get_brings_along_is_left_behind() -> None:
    """A body where there should be none says nothing upstream."""
    plan = Wire(PINNED).plan("GET ~/namespaces/mine", {"namespace": "theirs"})
    assert plan.request.body == b""
