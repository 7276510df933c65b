"""Answers in and out: the admitted rows as the same bytes, whatever stands around them, and more rows where there are any."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewall.errors import UpstreamError
from tests.adapters.mem0.bench import wired

SEARCH = "POST /v3/memories/search/"
LIST = "POST /v3/memories/"
BODY = {"query": "q", "filters": {"user_id": "u1"}}
FIREWALL = b'{"decision_id":"d"}'


def rows_of(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"id": f"m{n}", "memory": f"text {n}", "user_id": "u1"} for n in range(start, start + count)]


json_tree = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner, max_size=3)
    ),
    max_leaves=10,
)


@st.composite
def raw_rows(draw: st.DrawFn) -> bytes:
    """A row in any order of fields, any spacing, escaped or not, perhaps with a key twice."""
    fields = draw(
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), json_tree, max_size=4)
    )
    fields |= {
        "id": draw(st.text("abc-", min_size=1, max_size=6)),
        "memory": draw(st.text('xyz é\\"', max_size=9)),
    }
    items = draw(st.permutations(list(fields.items())))
    ascii_only, space = draw(st.booleans()), draw(st.sampled_from(["", " ", "\n\t"]))
    parts = [
        f"{json.dumps(key, ensure_ascii=ascii_only)}{space}:{space}{json.dumps(value, ensure_ascii=ascii_only)}"
        for key, value in items
    ]
    if draw(st.booleans()):
        parts.append('"memory":"again"')
    return ("{" + space + f",{space}".join(parts) + "}").encode()


@settings(max_examples=150, deadline=None)
@given(st.lists(raw_rows(), max_size=5), st.lists(st.booleans(), min_size=5, max_size=5), st.booleans())
def test_admitted_rows_are_byte_identical(rows: list[bytes], admit: list[bool], bare: bool) -> None:
    """In the same order, in both shapes, with the `firewall` object where there is room for it."""
    wire = wired()
    plan = wire.plan(SEARCH, BODY)
    listed = b"[ " + b" ,\n".join(rows) + b" ]"
    body = listed if bare else b'{"results" : ' + listed + b', "extra": 1.50}'
    answered = wire.through(plan, body, lambda index: admit[index], FIREWALL)
    kept = b"[" + b",".join(row for row, goes in zip(rows, admit, strict=False) if goes) + b"]"
    if bare:
        assert answered.body == kept
    else:
        assert answered.body == b'{"results":' + kept + b',"extra":1.50,"firewall":' + FIREWALL + b"}"


def test_the_firewall_object_is_ours() -> None:
    """What an upstream says under that name does not reach the client beside it."""
    wire = wired()
    body = {"results": [], "firewall": {"decision_id": "forged"}}
    assert msgspec.json.decode(wire.through(wire.plan(SEARCH, BODY), body, firewall=FIREWALL).body) == {
        "results": [],
        "firewall": {"decision_id": "d"},
    }
    assert b"forged" not in wire.through(wire.plan(SEARCH, BODY), body).body


def test_headers_about_the_upstreams_body_go() -> None:
    """The answer is another body."""
    wire = wired()
    answered = wire.through(wire.plan(SEARCH, BODY), {"results": []})
    assert answered.headers == (("Content-Type", "application/json"),)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b"[1]",
        b'{"results":[{}]}',
        b'{"results":{}}',
        b'{"results":[',
        b"<html>",
        b'{"results":"x"}',
        b'{"results":[],"next":5}',
        b"\xff",
        b"[" * 100000,
        b'{"results":[{"id":"1","memory":"x"}]}trailing',
    ],
)
def test_what_is_no_list_of_memories_is_502(body: bytes) -> None:
    """Not JSON, truncated, another shape: nothing of it is used."""
    wire = wired()
    with pytest.raises(UpstreamError) as caught:
        wire.read(wire.plan(SEARCH, BODY), body)
    assert (caught.value.status, caught.value.code) == (502, "upstream_invalid")


def test_null_results_stay_null() -> None:
    """Some servers say null for none."""
    wire = wired()
    assert wire.through(wire.plan(SEARCH, BODY), b'{"results":null}').body == b'{"results":null}'


def test_projection_is_applied_afterwards() -> None:
    """The upstream is asked for whole rows; the caller gets exactly the keys it asked for, each value as it was."""
    wire = wired()
    plan = wire.plan(SEARCH, {**BODY, "fields": ["memory", "score"]})
    assert plan.request is not None
    assert b"fields" not in plan.request.body
    raw = b'{"results":[{"id":"1","score":0.910,"memory":"x","user_id":"u1"}]}'
    assert wire.through(plan, raw).body == b'{"results":[{"score":0.910,"memory":"x"}]}'
    old = wire.plan("GET /v1/memories/?user_id=u1&fields=id,memory")
    assert old.request is not None
    assert old.request.target == "/v1/memories/?user_id=u1"
    assert wire.through(old, b'[{"id":"1","memory":"x","user_id":"u1"}]').body == b'[{"id":"1","memory":"x"}]'


def test_annotations_go_into_the_metadata() -> None:
    """Flat keys for clients that drop what they do not know; the rest of the row keeps its values."""
    wire = wired()
    raw = b'{"results":[{"id":"1","memory":"x","metadata":null,"score":0.910},{"id":"2","memory":"y"}]}'
    notes = {"1": {"_fw_action": "inspect_before_use"}}
    assert wire.through(wire.plan(SEARCH, BODY), raw, annotations=notes).body == (
        b'{"results":[{"id":"1","memory":"x","metadata":{"_fw_action":"inspect_before_use"},"score":0.910},'
        b'{"id":"2","memory":"y"}]}'
    )


@pytest.mark.parametrize(
    ("wanted", "asked"), [(None, 20), (1, 11), (5, 15), (100, 150), (900, 1000), (1000, 1000), (2000, 2000)]
)
def test_a_search_asks_for_more_than_the_caller_wants(wanted: int | None, asked: int) -> None:
    """The default of the platform is 10; its limit is 1000."""
    body = BODY if wanted is None else {**BODY, "top_k": wanted}
    plan = wired().plan(SEARCH, body)
    assert plan.limit == (wanted or 10)
    assert plan.request is not None
    assert msgspec.json.decode(plan.request.body)["top_k"] == asked


def test_other_numbers_are_left_for_the_server_to_refuse() -> None:
    """And `limit` is the older name."""
    for value in (0, -1, "5", 2.5, True):
        plan = wired().plan(SEARCH, {**BODY, "top_k": value})
        assert plan.limit is None
        assert plan.request is not None
        assert msgspec.json.decode(plan.request.body)["top_k"] == value
    old = wired().sent("POST /v1/memories/search/", {**BODY, "limit": 3})[1]
    assert (old["limit"], "top_k" in old) == (13, False)


def test_a_full_ranked_answer_has_more() -> None:
    """Doubling up to the limit; the larger answer replaces the first; a short answer ends it."""
    wire = wired()
    plan = wire.plan(SEARCH, BODY)
    first, _ = wire.read(plan, {"results": rows_of(20)})
    asked = []
    answer = first
    while (request := wire.dialect.more(plan, answer, 10)) is not None:
        asked.append(msgspec.json.decode(request.body)["top_k"])
        further, _ = wire.read(plan, {"results": rows_of(asked[-1])})
        answer = wire.dialect.joined(plan, answer, further)
        assert len(answer.candidates) == asked[-1]
    assert asked == [40, 80, 160, 320, 640, 1000]
    short, _ = wire.read(wire.plan(SEARCH, BODY), {"results": rows_of(19)})
    assert wire.dialect.more(plan, short, 10) is None


def test_a_page_leads_to_the_next_one() -> None:
    """Only paging parameters of the upstream's URL are followed, on the route that was asked."""
    wire = wired()
    plan = wire.plan(f"{LIST}?page=1&page_size=2&org_id=o", {"filters": {"user_id": "u1"}})
    url = "https://evil.example/v1/exports/?page=2&page_size=2&user_id=u2&filters=x#frag"
    first, _ = wire.read(plan, {"count": 4, "next": url, "previous": None, "results": rows_of(2)})
    request = wire.dialect.more(plan, first, 1)
    assert request is not None
    assert request.target == "/v3/memories/?org_id=o&page=2&page_size=2"
    assert plan.request is not None
    assert request.body == plan.request.body
    second, _response = wire.read(plan, {"count": 4, "next": None, "previous": url, "results": rows_of(2, 2)})
    joined = wire.dialect.joined(plan, first, second)
    assert [candidate.id for candidate in joined.candidates] == ["m0", "m1", "m2", "m3"]
    assert not joined.more
    for bad in ("https://x/", "", "https://x/?page=1&page_size=2&org_id=o", "::"):
        odd, _ = wire.read(plan, {"next": bad, "results": []})
        assert wire.dialect.more(plan, odd, 1) is None


@pytest.mark.parametrize(
    ("url", "back"),
    [
        ("https://api.mem0.ai/v3/memories/?page=2", "http://localhost:8700/mem0/v3/memories/?page=2"),
        ("http://evil.example/x/y?page=3#z", "http://localhost:8700/mem0/v3/memories/?page=3"),
        ("http://[broken?page=4", "http://localhost:8700/mem0/v3/memories/?page=4"),
        ("nonsense", "http://localhost:8700/mem0/v3/memories/"),
    ],
)
def test_pages_come_back_through_us(url: str, back: str) -> None:
    """The upstream's host never reaches the client."""
    wire = wired()
    plan = wire.plan(LIST, {"filters": {"user_id": "u1"}})
    body = msgspec.json.decode(
        wire.through(plan, {"count": 1, "next": url, "previous": url, "results": []}).body
    )
    assert (body["next"], body["previous"], body["count"]) == (back, back, 1)


def test_one_object_passes_or_is_refused() -> None:
    """A withheld single read is 403 with a code; the admitted one keeps its bytes."""
    wire = wired()
    plan = wire.plan("GET /v1/memories/m1/")
    assert plan.by_id
    raw = b'{ "id" : "m1", "memory": "x" }'
    assert (
        wire.through(plan, raw, firewall=FIREWALL).body
        == b'{ "id" : "m1", "memory": "x","firewall":' + FIREWALL + b"}"
    )
    assert wire.through(plan, raw).body == raw
    withheld = wire.through(plan, raw, lambda _: False, FIREWALL)
    assert withheld.status == 403
    assert msgspec.json.decode(withheld.body)["code"] == "memory_withheld"
    assert b'"x"' not in withheld.body


@pytest.mark.parametrize("body", [{"summary": "s"}, {}, [], "text", ["a"], None])
def test_a_free_shaped_object_is_one_candidate(body: object) -> None:
    """Every string of it is judged; all of it goes on, or nothing."""
    wire = wired()
    plan = wire.plan("POST /v1/summary/", {"filters": {"user_id": "u1"}})
    answer, _ = wire.read(plan, body)
    assert len(answer.candidates) == 1
    assert answer.candidates[0].owner == {"user_id": "u1"}
    value = msgspec.json.decode(wire.through(plan, body, firewall=FIREWALL).body)
    if isinstance(value, dict):
        assert value.pop("firewall") == {"decision_id": "d"}
    assert value == body
    assert wire.through(plan, body, lambda _: False).status == 403


def test_a_missing_row_of_the_server_is_null() -> None:
    """The bare route says 200 and null; the platform never does."""
    server = wired("oss")
    assert server.through(server.plan("GET /memories/x"), b"null").body == b"null"
    platform = wired()
    with pytest.raises(UpstreamError):
        platform.through(platform.plan("GET /v1/memories/x/"), b"null")


def test_entities_are_cut_to_the_pin() -> None:
    """Names only: a pinned caller sees its own entity, and no totals of others."""
    body: dict[str, Any] = {
        "count": 3,
        "next": None,
        "total_users": 2,
        "results": [
            {"id": "e1", "name": "u1", "type": "user"},
            {"id": "e2", "name": "u2", "type": "user"},
            {"id": "e3", "name": "u1", "type": "agent"},
        ],
    }
    free = wired()
    assert msgspec.json.decode(free.through(free.plan("GET /v1/entities/"), body).body) == body
    pinned = wired(pin={"user_id": "u1"})
    assert msgspec.json.decode(pinned.through(pinned.plan("GET /v1/entities/"), body).body) == {
        "count": 1,
        "next": None,
        "results": body["results"][:1],
    }
    server = wired("oss", pin={"user_id": "u1"})
    listed = [{"id": "u1", "type": "user"}, {"id": "u2", "type": "user"}, {"id": "u1", "type": "run"}]
    assert msgspec.json.decode(server.through(server.plan("GET /entities"), listed).body) == listed[:1]


@given(
    st.binary(max_size=60),
    st.sampled_from(["POST /v3/memories/search/", "GET /v1/memories/x/", "POST /v1/summary/"]),
)
def test_any_answer_is_read_or_our_error(raw: bytes, line: str) -> None:
    """Accept or UpstreamError, nothing else; and what is read can be put together again."""
    wire = wired()
    plan = wire.plan(line, BODY if line.startswith("POST") else None)
    try:
        answered = wire.through(plan, raw, firewall=FIREWALL)
    except UpstreamError:
        return
    msgspec.json.decode(answered.body)
