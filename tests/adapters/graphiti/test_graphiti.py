"""Graphiti's REST routes: the real recording goes through, groups are required, superseded facts are withheld."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.errors import CallerError, UpstreamError
from firewall.ports import RouteClass, WireRequest
from tests.adapters.graphiti.bench import NOW, wired

RECORDED: list[Mapping[str, Any]] = [
    exchange
    for call in json.loads((Path(__file__).parents[2] / "cassettes/zep/graphiti_rest_real.json").read_text())[
        "calls"
    ]
    for exchange in call["exchanges"]
]
SEARCH = "POST /search"
ASKED = {"query": "adapter", "group_ids": ["g1"]}
PINNED = {"group_id": "g1"}
LIVE = {
    "uuid": "live",
    "name": "USES",
    "fact": "checkout-team uses new-adapter",
    "valid_at": "2026-01-05T10:00:00+00:00",
    "invalid_at": None,
    "created_at": "2026-01-05T10:00:01+00:00",
    "expired_at": None,
    "source_node_uuid": "n1",
    "target_node_uuid": "n2",
    "episodes": ["ep"],
}
OVER = {
    **LIVE,
    "uuid": "over",
    "fact": "checkout-team uses legacy-adapter",
    "valid_at": "2025-06-01T00:00:00+00:00",
    "invalid_at": "2026-01-05T10:00:00+00:00",
    "expired_at": "2026-01-05T10:00:01+00:00",
    "target_node_uuid": "n3",
}


@pytest.mark.parametrize("number", range(len(RECORDED)))
def test_a_recorded_exchange_goes_through(number: int) -> None:
    """The upstream gets the same request but for more facts; the client gets the same values."""
    request, response = RECORDED[number]["request"], RECORDED[number]["response"]
    wire = wired(admin=True)
    plan = wire.plan(f"{request['method']} {request['target']}", request["body"])
    assert (plan.request.method, plan.request.target) == (request["method"], request["target"])
    sent = json.loads(plan.request.body) if plan.request.body else None
    if plan.top is not None:
        assert sent == {**request["body"], "max_facts": plan.top}
        assert plan.fallback is not None
        assert json.loads(plan.fallback.body) == request["body"]
    else:
        assert sent == request["body"]
    if response["status"] < 300:
        body = msgspec.json.encode(response["body"])
        assert wire.through(plan, body).body == body
        value = json.loads(wire.through(plan, body, firewall=b"{}").body)
        if isinstance(value, dict):
            value.pop("firewall", None)
        assert value == response["body"]


def test_the_count_of_recorded_requests() -> None:
    """Nothing is left out of the replay."""
    assert len(RECORDED) == 13


def test_the_recorded_contradiction_is_seen() -> None:
    """After the second message the search still returns the first fact: it names what took its place."""
    facts = next(
        entry["response"]["body"]
        for entry in reversed(RECORDED)
        if entry["request"]["target"] == "/search"
        and len((entry["response"]["body"] or {}).get("facts", ())) > 1
    )
    wire = wired()
    plan = wire.plan(SEARCH, {"query": "q", "group_ids": ["checkout"]})
    by_text = {fact["fact"]: fact["uuid"] for fact in facts["facts"]}
    verdicts = wire.judged(plan, facts)
    legacy = verdicts[by_text["checkout-team uses legacy-adapter"]]
    assert not legacy.admitted
    assert legacy.shows_text
    assert legacy.superseded_by == by_text["checkout-team uses new-adapter"]
    assert verdicts[by_text["checkout-team uses new-adapter"]].admitted


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (SEARCH, {"query": "q"}),
        (SEARCH, {"query": "q", "group_ids": []}),
        (SEARCH, {"query": "q", "group_ids": None}),
        (SEARCH, {"query": "q", "group_ids": ["g1", "g2"]}),
        (SEARCH, {"query": "q", "group_ids": ["g2"]}),
        ("POST /get-memory", {"group_id": "g2", "messages": []}),
        ("POST /get-memory", {"messages": []}),
        ("GET /episodes/g2?last_n=3", None),
        ("POST /messages", {"group_id": "g2", "messages": []}),
        ("POST /entity-node", {"group_id": "g2", "name": "x"}),
        ("DELETE /episode/ep", None),
    ],
)
def test_another_group_is_not_the_callers(line: str, body: object) -> None:
    """403 `scope_denied` for another group, for all of them, and for what the upstream cannot be asked about."""
    with pytest.raises(CallerError) as caught:
        wired(pin=PINNED).plan(line, body)
    assert (caught.value.status, caught.value.code) == (403, "scope_denied")


def test_a_pin_that_cannot_be_kept() -> None:
    """Graphiti knows groups only."""
    with pytest.raises(CallerError) as caught:
        wired(pin={"user_id": "u1"}).plan(SEARCH, ASKED)
    assert caught.value.code == "scope_denied"


@pytest.mark.parametrize(
    ("line", "body"),
    [(SEARCH, {"query": "q"}), ("POST /get-memory", {"messages": []}), ("POST /messages", {})],
)
def test_a_group_is_needed(line: str, body: object) -> None:
    """A search without one reads everybody's memory: that is for admins."""
    with pytest.raises(CallerError) as caught:
        wired().plan(line, body)
    assert caught.value.code == "scope_denied"
    wired(admin=True).plan(line, body)


def test_a_fact_that_states_another_group_is_withheld() -> None:
    """The upstream's own filter is not trusted, of one group or of several."""
    for groups, admitted in ((["g1"], [True, True, False]), (["g1", "g2"], [True, True, False])):
        wire = wired()
        plan = wire.plan(SEARCH, {"query": "q", "group_ids": groups})
        rows = [{**LIVE, "uuid": str(number)} for number in range(3)]
        rows[1]["group_id"], rows[2]["group_id"] = groups[-1], "g9"
        verdicts = wire.judged(
            plan, {"facts": [{**row, "fact": f"{row['fact']} {row['uuid']}"} for row in rows]}
        )
        assert [verdict.admitted for verdict in verdicts.values()] == admitted


def test_a_fact_by_its_id() -> None:
    """Unchecked for an unpinned caller; it states no group, so that a pinned one has none."""
    line = "GET /entity-edge/live"
    assert wired().judged(wired().plan(line), LIVE)["live"].admitted
    pinned = wired(pin=PINNED)
    plan = pinned.plan(line)
    assert plan.by_id
    assert not pinned.judged(plan, LIVE)["live"].admitted
    (single,) = pinned.plan("DELETE /entity-edge/a%2Fb").preflight
    assert (single.method, single.path) == ("GET", "/entity-edge/a%2Fb")


def test_more_facts_are_asked_for() -> None:
    """Up to half of the candidates are over; then twice as many, within a limit."""
    wire = wired()
    plan = wire.plan(SEARCH, {**ASKED, "max_facts": 5})
    assert (plan.limit, json.loads(plan.request.body)["max_facts"]) == (5, 15)
    rows = [{**LIVE, "uuid": f"e{number}", "fact": f"fact number {number}"} for number in range(15)]
    answer, _ = wire.read(plan, {"facts": rows})
    assert answer.more
    larger = wire.dialect.more(plan, answer, 5)
    assert larger is not None
    assert json.loads(larger.body)["max_facts"] == 30
    assert wire.dialect.more(plan, wire.read(plan, {"facts": rows})[0], 5) is None
    for wanted in (0, -1, 200, "5", True):
        untouched = wire.plan(SEARCH, {**ASKED, "max_facts": wanted})
        assert json.loads(untouched.request.body)["max_facts"] == wanted
        assert untouched.limit is None


def test_what_would_be_stored() -> None:
    """Messages and nodes are looked at before they go."""
    message = {
        "content": "a",
        "role_type": "user",
        "role": "ann",
        "source_description": "hand off",
        "uuid": "u",
    }
    (draft,) = wired().plan("POST /messages", {"group_id": "g1", "messages": [message]}).drafts
    assert (draft.text, draft.writer, set(draft.attached)) == ("a", "user", {"ann", "hand off"})
    node = {"uuid": "u", "group_id": "g1", "name": "plan", "summary": "s"}
    wire = wired()
    plan = wire.plan("POST /entity-node", node)
    assert [(each.text, each.attached) for each in plan.drafts] == [("s", ("plan",))]
    answer = {**node, "created_at": "2026-01-05T10:00:00Z", "labels": [], "attributes": {}}
    husk = json.loads(wire.through(plan, answer, lambda _: False).body)
    assert husk == {"uuid": "u", "name": "", "summary": "", "created_at": "2026-01-05T10:00:00Z"}
    for messages in ("x", [1]):
        with pytest.raises(CallerError):
            wired().plan("POST /messages", {"group_id": "g1", "messages": messages})


@given(st.lists(st.tuples(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), st.booleans())))
def test_surviving_facts_are_byte_identical(rows: list[tuple[dict[str, Any], bool]]) -> None:
    """However they are written."""
    raws = [
        json.dumps({**row, "uuid": f"e{number}"}, indent=1).encode() for number, (row, _) in enumerate(rows)
    ]
    keep = {f"e{number}" for number, (_, goes) in enumerate(rows) if goes}
    wire = wired()
    body = b"[" + b" , ".join(raws) + b"]"
    rebuilt = wire.through(wire.plan("GET /episodes/g1"), body, lambda each: each.id in keep).body
    if len(keep) == len(rows):
        assert rebuilt == body
    else:
        kept = [raw for number, raw in enumerate(raws) if f"e{number}" in keep]
        assert rebuilt == b"[" + b",".join(kept) + b"]"


@pytest.mark.parametrize("body", [b"[]", b"x", b'{"facts":{}}', b'{"facts":[1]}'])
def test_an_answer_of_another_form_is_not_used(body: bytes) -> None:
    """Nothing half-parsed goes on."""
    with pytest.raises(UpstreamError):
        wired().read(wired().plan(SEARCH, ASKED), body)


def test_errors_keys_and_the_table() -> None:
    """In FastAPI's shape; the server itself asks for no key."""
    dialect = wired().dialect
    refusal = dialect.refusal(None, 403, "scope_denied", "why", {"a": 1})
    assert json.loads(refusal.body) == {"detail": "why", "code": "scope_denied", "a": 1}
    request = WireRequest(method="GET", path="/entity-edge/nope")
    match = dialect.match(request)
    assert match is not None
    assert json.loads(dialect.not_found(match).body) == {"detail": "edge nope not found"}
    assert (
        dialect.credential((("Authorization", "Bearer k"),))
        == dialect.credential((("X-API-Key", "k"),))
        == "k"
    )
    assert dialect.credential(()) is None
    assert dict(dialect.with_credential(request, "k").headers) == {"Authorization": "Bearer k"}
    classes = {spec.name: spec.route_class for spec in dialect.routes}
    assert classes["clear"] is classes["group.delete"] is RouteClass.admin
    assert dialect.match(WireRequest(method="GET", path="/docs")) is None


def test_a_search_of_our_own() -> None:
    """Of one group; of nobody there is none."""
    wire = wired()
    request = wire.dialect.recall("tea", {"group_id": "g1", "user_id": "u"}, 7)
    assert request is not None
    match = wire.dialect.match(request)
    assert match is not None
    plan = wire.dialect.plan(request, match, wire.caller, now=NOW)
    assert (plan.limit, plan.pin, plan.query) == (7, {"group_id": "g1"}, "tea")
    assert wire.dialect.recall("tea", {}, 7) is None
