"""Plans of single memories, objects and deletes: pins, preflights, what is refused, what is sent on."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mem0.routes import FLAVORS, PLATFORM_ROUTES
from firewall.errors import CallerError
from tests.adapters.mem0.bench import Wire, wired

ADD = "POST /v3/memories/add/"
MESSAGES = [{"role": "user", "content": "hello"}]


def code_of(wire: Wire, line: str, body: object = None) -> tuple[int, str]:
    with pytest.raises(CallerError) as caught:
        wire.plan(line, body)
    return caught.value.status, caught.value.code


def targets(wire: Wire, line: str, body: object = None) -> list[str]:
    return [f"{request.method} {request.target}" for request in wire.plan(line, body).preflight]


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("PUT /v1/memories/a%2Fb/?org_id=o&x=y", {"text": "t"}),
        ("DELETE /v1/memories/a%2Fb/?org_id=o&delete_linked=true", None),
        ("GET /v1/memories/a%2Fb/history/?org_id=o", None),
        ("POST /v1/feedback/?org_id=o", {"memory_id": "a/b", "feedback": "POSITIVE"}),
        ("DELETE /v1/batch/?org_id=o", {"memories": [{"memory_id": "a/b"}, {"memory_id": "a/b"}]}),
    ],
)
def test_a_pinned_caller_reads_the_row_first(line: str, body: object) -> None:
    """Mem0 checks no owner on a read or write by id; unpinned callers are unchecked, as documented."""
    assert targets(wired(pin={"user_id": "u1"}), line, body) == ["GET /v1/memories/a%2Fb/?org_id=o"]
    assert targets(wired(), line, body) == []


def test_the_bare_server_is_read_on_its_own_route() -> None:
    """With its own paths."""
    assert targets(wired("oss", pin={"user_id": "u1"}), "DELETE /memories/x") == ["GET /memories/x"]


def test_a_preflight_is_itself_a_route() -> None:
    """The proxy plans and reads it like any other request, and finds the owner."""
    wire = wired(pin={"user_id": "u1"})
    (request,) = wire.plan("DELETE /v1/memories/x/").preflight
    plan = wire.plan(f"{request.method} {request.target}")
    answer, _ = wire.read(plan, {"id": "x", "memory": "m", "user_id": "u2"})
    assert answer.candidates[0].owner == {"user_id": "u2"}
    assert plan.pin == {"user_id": "u1"}


def test_an_id_that_is_a_way_out_is_refused() -> None:
    """An id from a body becomes a path: it stays one segment."""
    pinned = wired(pin={"user_id": "u1"})
    for name in ("../../v1/users", "..", "a\\b"):
        assert code_of(pinned, "POST /v1/feedback/", {"memory_id": name, "feedback": None})[0] == 400


def test_history_of_a_server_gets_the_owner_that_was_checked() -> None:
    """Its rows name none."""
    wire = wired("oss", pin={"user_id": "u1"})
    plan = wire.plan("GET /memories/x/history")
    answer, _ = wire.read(plan, [{"id": "h", "memory_id": "x", "new_memory": "n"}])
    assert answer.candidates[0].owner == {"user_id": "u1"}


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("DELETE /v1/memories/", 403, "scope_denied"),
        ("DELETE /v1/memories/?org_id=o", 403, "scope_denied"),
        ("DELETE /v1/memories/?filters=%7B%27user_id%27%3A+%27u1%27%7D", 403, "scope_denied"),
        ("DELETE /v1/memories/?user_id=u1&filters=x", 403, "scope_denied"),
        ("DELETE /v1/memories/?user_id=*", 403, "scope_denied"),
        ("DELETE /v1/memories/?user_id=u1&run_id=*", 403, "scope_denied"),
        ("DELETE /v1/memories/?user_id=", 400, "invalid_filter"),
        ("DELETE /v1/memories/?user_id=u1&user_id=u2", 400, "invalid_request"),
    ],
)
def test_a_delete_of_many_needs_concrete_ids(line: str, status: int, code: str) -> None:
    """An unscoped, a wild and a guessed delete are refused; a pin makes none of them legal."""
    assert code_of(wired(), line) == (status, code)
    assert code_of(wired(pin={"user_id": "u1"}), line)[0] in {400, 403}


def test_a_scoped_delete_goes_through_with_its_pin() -> None:
    """An admin may wipe; a body on a DELETE is not sent on."""
    assert wired().sent("DELETE /v1/memories/?user_id=u1", {"user_id": "u2"}) == (
        "/v1/memories/?user_id=u1",
        None,
    )
    assert (
        wired(pin={"user_id": "u1"}).sent("DELETE /v1/memories/?run_id=r")[0]
        == "/v1/memories/?run_id=r&user_id=u1"
    )
    assert code_of(wired(pin={"user_id": "u1"}), "DELETE /v1/memories/?user_id=u2") == (403, "scope_denied")
    assert wired(admin=True).sent("DELETE /v1/memories/?user_id=*")[0] == "/v1/memories/?user_id=*"
    assert code_of(wired(admin=True), "DELETE /v1/memories/") == (403, "scope_denied")


def test_an_entity_is_deleted_by_its_own_caller_or_an_admin() -> None:
    """A caller that is pinned more narrowly does not own all of it."""
    line = "DELETE /v2/entities/user/u%2F1/"
    assert wired(pin={"user_id": "u/1"}).sent(line)[0] == "/v2/entities/user/u%2F1/"
    assert wired(admin=True).sent(line)[0] == "/v2/entities/user/u%2F1/"
    for caller in ({}, {"pin": {"user_id": "u2"}}, {"pin": {"user_id": "u/1", "app_id": "x"}}):
        assert code_of(wired(**caller), line) == (403, "scope_denied")
    assert code_of(wired(admin=True), "DELETE /v2/entities/tenant/x/") == (400, "invalid_request")


def test_profiles_belong_to_their_entity() -> None:
    """Made from everything of it: a narrower pin may not see it."""
    line = "GET /v2/entities/user/u1/profile/"
    plan = wired(pin={"user_id": "u1"}).plan(line)
    assert (plan.owner, plan.by_id) == ({"user_id": "u1"}, True)
    for pin in ({"user_id": "u2"}, {"user_id": "u1", "app_id": "x"}):
        assert code_of(wired(pin=pin), line) == (403, "scope_denied")
    jobs = "POST /v2/profiles/jobs/"
    own = {"operation": "trigger", "entity_type": "user", "entity_id": "u1"}
    assert wired(pin={"user_id": "u1"}).sent(jobs, own)[1] == own
    assert code_of(wired(pin={"user_id": "u2"}), jobs, own) == (403, "scope_denied")
    assert code_of(wired(), jobs, {"operation": "sample", "entity_type": "user"}) == (403, "scope_denied")


def test_exports_are_asked_for_by_their_scope() -> None:
    """A finished export states no owner: a pinned caller cannot fetch one by its id."""
    pinned = wired(pin={"user_id": "u1"})
    assert pinned.sent("POST /v1/exports/", {"schema": "{}"})[1] == {
        "schema": "{}",
        "filters": {"user_id": "u1"},
    }
    assert code_of(pinned, "POST /v1/exports/get/", {"memory_export_id": "e"}) == (403, "scope_denied")
    assert pinned.sent("POST /v1/exports/get/", {})[1] == {"filters": {"user_id": "u1"}}
    assert wired().sent("POST /v1/exports/get/", {"memory_export_id": "e"})[1] == {"memory_export_id": "e"}
    assert code_of(wired(), "POST /v1/exports/", {"schema": "{}"}) == (403, "scope_denied")


def test_what_speaks_of_another_request_is_not_sent_on() -> None:
    """No second method, path, encoding or credential reaches the upstream of a governed route."""
    headers = (
        ("Authorization", "Token a"),
        ("authorization", "Token b"),
        ("X-API-Key", "c"),
        ("Accept-Encoding", "gzip"),
        ("Content-Type", "application/json; charset=utf-16"),
        ("Content-Length", "5"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("If-None-Match", "x"),
        ("Mem0-User-ID", "m"),
    )
    plan = wired().plan("POST /v3/memories/search/", {"filters": {"user_id": "u1"}}, headers)
    assert plan.request is not None
    assert plan.request.headers == (
        ("Authorization", "Token a"),
        ("Mem0-User-ID", "m"),
        ("Content-Type", "application/json"),
    )


BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "filters",
                    "messages",
                    "metadata",
                    "user_id",
                    "AND",
                    "memories",
                    "memory_id",
                    "feedback",
                    "top_k",
                    "fields",
                    "entity_type",
                    "entity_id",
                    "query",
                    "text",
                    "memory_export_id",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(
    st.sampled_from(PLATFORM_ROUTES),
    BODIES | st.binary(max_size=20),
    st.text(max_size=20),
    st.sampled_from([{}, {"user_id": "u1"}]),
)
def test_any_request_is_planned_or_refused(route: Any, body: object, query: str, pin: dict[str, str]) -> None:
    """Accept or CallerError, nothing else, on every route, pinned or not."""
    for flavor in FLAVORS:
        path = route.pattern.replace("{", "x").replace("}", "")
        with suppress(CallerError):
            wired(flavor, pin=pin).plan(f"{route.method} {path}?{query}", body)
