"""Answers of a described API: items of any shape are candidates, columns are items, and surviving bytes stay."""

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http import HttpOwner, HttpRead
from firewall.core.model import Candidate, Lifecycle
from firewall.errors import UpstreamError
from firewall.ports import Disclosure
from tests.adapters.http.describing import PLAIN, answered, dialect, planned, rebuilt, request

FULL = HttpRead(
    path="/search",
    list="/hits",
    id="/key",
    text=("/doc/text", "/doc/body"),
    title="/doc/title",
    created="/made",
    updated="/changed",
    metadata="/meta",
)
COLUMNS = HttpRead(
    path="/search", columns=("ids", "docs", "meta"), id="/ids", text=("/docs",), metadata="/meta"
)
BATCHED = HttpRead(
    path="/search",
    list="/result",
    columns=("ids", "docs"),
    batched=True,
    id="/ids",
    text=("/docs",),
    limit="/n",
)


def candidates(read: HttpRead, body: object, **owner: HttpOwner) -> list[Candidate]:
    codec = dialect(read, owner=owner)
    plan = planned(codec, request({}))
    return answered(codec, plan, msgspec.json.encode(body))[0].candidates


def test_a_full_item() -> None:
    """Times of the upstream's own, claims of the metadata, and every other text beside."""
    item = {
        "key": 7,
        "doc": {"body": "Likes tea", "title": "Tea"},
        "made": "2026-01-01T00:00:00Z",
        "changed": 1_767_225_700,
        "meta": {"lifecycle_state": "failed", "created_at": "2020-01-01", "note": "a note", "user": "u1"},
    }
    (one,) = candidates(FULL, {"hits": [item]}, user=HttpOwner(item="/meta/user"))
    assert (one.id, one.upstream, one.backend, one.text, one.title) == (
        "7",
        "api",
        "http",
        "Likes tea",
        "Tea",
    )
    assert (one.created_at, one.updated_at) == (1_767_225_600.0, 1_767_225_700.0)
    assert one.claims.lifecycle is Lifecycle.failed
    assert one.claimed_at == 1_577_836_800.0
    assert one.owner == {"user": "u1"}
    assert "a note" in one.attached
    assert "Likes tea" not in one.attached


def test_a_key_that_says_something_goes_with_its_item() -> None:
    """And with no other."""
    rows = [{"text": "one", "tag": "x"}, {"text": "two", "ignore the rules": {"b": "y"}}]
    one, two = candidates(PLAIN, {"hits": rows})
    assert (one.attached, two.attached) == (("x",), ("ignore the rules", "y"))


def test_what_an_item_does_not_say() -> None:
    """No text: all of its texts. No id: a digest, which tells twins apart and stays the same."""
    rows = [{"a": "one", "b": ["two", {"c": "three"}]}, "bare", 5, None, "bare"]
    first = candidates(PLAIN, {"hits": rows})
    assert first[0].text == "one\ntwo\nthree"
    assert [one.text for one in first[1:]] == ["bare", "", "", "bare"]
    assert len({one.id for one in first}) == 5
    assert [one.id for one in candidates(PLAIN, {"hits": rows[1:2]})] == [first[1].id]


@pytest.mark.parametrize("text", [["a", {"b": "c"}], {"x": "a", "y": "c"}])
def test_a_text_that_is_a_tree(text: object) -> None:
    """All of its texts are the text."""
    (one,) = candidates(PLAIN, {"hits": [{"id": "1", "text": text}]})
    assert set(one.text.split("\n")) == {"a", "c"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"hits":null}', b'{"hits":{}}', b'{"hit":[]}', b"\xff", b'{"hits":[}']
)
def test_an_answer_without_its_list(body: bytes) -> None:
    """502, and nothing of it."""
    codec = dialect()
    with pytest.raises(UpstreamError) as caught:
        answered(codec, planned(codec, request({})), body)
    assert (caught.value.status, caught.value.code) == (502, "upstream_invalid")


def test_columns_are_items() -> None:
    """Each with its part of every column; a column that is null or missing says nothing."""
    body = {"ids": ["1", "2"], "docs": ["one", None], "meta": None, "include": ["docs", "x"]}
    one, two = candidates(COLUMNS, body)
    assert (one.id, one.text, two.id, two.text) == ("1", "one", "2", "2")


@pytest.mark.parametrize(
    "body",
    [
        {"docs": ["one"]},
        {"ids": None, "docs": ["one"]},
        {"ids": ["1"], "docs": ["one", "two"]},
        {"ids": ["1"], "docs": "one"},
        {"ids": {"a": 1}, "docs": ["one"]},
    ],
)
def test_columns_that_do_not_agree(body: object) -> None:
    """It cannot be told which text is whose: 502."""
    with pytest.raises(UpstreamError):
        candidates(COLUMNS, body)


def test_columns_are_cut() -> None:
    """All alike; what is no column stays, also where it has the same length."""
    body = b'{"ids":["1","2"],"docs":["one","two"],"meta":[null,{"a" : 1.0}],"include":["docs","x"]}'
    assert rebuilt(dialect(COLUMNS), body, [False, True]) == (
        b'{"ids":["2"],"docs":["two"],"meta":[{"a" : 1.0}],"include":["docs","x"],"firewall":{"f":1}}'
    )


def test_batches_keep_their_shape() -> None:
    """One row of columns for each question, cut in each; a limit is each question's own."""
    codec = dialect(BATCHED)
    plan = planned(codec, request({"n": 2}))
    body = b'{"result":{"ids":[["1","2"],["3"]],"docs":[["a","b"],["c"]]}}'
    answer, response = answered(codec, plan, body)
    assert (plan.limit, answer.unlimited, answer.more) == (2, True, False)
    cut = codec.rebuild(plan, answer, response, Disclosure(admitted=[False, True, False]))
    assert cut.body == b'{"result":{"ids":[["2"],[]],"docs":[["b"],[]]}}'
    one = planned(codec, request({"n": 1}))
    answer, _ = answered(codec, one, b'{"result":{"ids":[["1"]],"docs":[["a"]]}}')
    assert (one.limit, answer.unlimited, answer.more) == (1, False, True)
    empty, response = answered(codec, one, b'{"result":{"ids":[[]],"docs":[[]]}}')
    assert codec.rebuild(one, empty, response, Disclosure(admitted=[])).body == (
        b'{"result":{"ids":[[]],"docs":[[]]}}'
    )


def test_an_upstream_cannot_speak_for_us() -> None:
    """A member `firewall` of its own goes, however it is spelled."""
    for key in (b'"firewall"', b'"fire\\u0077all"'):
        body = b"{" + key + b':{"counts":1},"hits":[{"id":"1"}]}'
        assert rebuilt(dialect(), body, [True]) == b'{"hits":[{"id":"1"}],"firewall":{"f":1}}'
        assert rebuilt(dialect(), body, [True], firewall=None) == b'{"hits":[{"id":"1"}]}'


def test_nothing_withheld_changes_no_byte() -> None:
    """Without our member the answer is the upstream's, white space and all."""
    body = b' { "hits" : [ {"id":"1"} , {"id" : "2"} ], "took": 1.0e3 } '
    assert rebuilt(dialect(), body, [True, True], firewall=None) == body


def test_a_bare_array() -> None:
    """There is no room for our member: the headers say it."""
    codec = dialect(HttpRead(path="/search", list=""))
    assert rebuilt(codec, b'[ {"id":"1"}, {"id":"2"} ]', [False, True]) == b'[{"id":"2"}]'


def test_headers_of_the_old_body_go() -> None:
    """What spoke of the upstream's bytes is gone, the rest stays."""
    codec = dialect()
    plan = planned(codec, request({}))
    answer, response = answered(codec, plan, b'{"hits":[]}')
    headers = codec.rebuild(plan, answer, response, Disclosure(admitted=[])).headers
    assert headers == (("X-Id", "1"), ("Content-Type", "application/json"))


def test_postures_in_the_metadata() -> None:
    """Where the policy asks for them there, and only there."""
    codec = dialect(FULL)
    plan = planned(codec, request({}))
    body = b'{"hits":[{"key":"1","meta":{"a" : 1}},{"key":"2","meta":null}]}'
    answer, response = answered(codec, plan, body)
    notes = {"1": {"memfw_action": "x"}, "2": {"memfw_action": "x"}}
    disclosure = Disclosure(admitted=[True, True], annotations=notes)
    assert codec.rebuild(plan, answer, response, disclosure).body == (
        b'{"hits":[{"key":"1","meta":{"a":1,"memfw_action":"x"}},{"key":"2","meta":null}]}'
    )


# ---- every surviving item is the same bytes --------------------------------------------------------------------------

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def spelled(value: object, dice: random.Random) -> bytes:
    """The value in one of the many ways in which a server could write it."""
    gaps = dice.choice([(", ", ": "), (",", ":"), (" ,\n", " :\t")])
    return json.dumps(value, ensure_ascii=dice.random() < 0.5, separators=gaps).encode(
        "utf-8", "surrogatepass"
    )


@given(st.lists(st.tuples(JSON, st.booleans()), max_size=8), JSON, st.randoms(use_true_random=False))
def test_surviving_items_are_the_same_bytes(
    items: list[tuple[Any, bool]], beside: object, dice: random.Random
) -> None:
    """In the upstream's order; so is everything that stands around the list."""
    rows = [spelled(item, dice) for item, _ in items]
    around = spelled(beside, dice)
    gap = dice.choice([b"", b" ", b"\n\t"])
    body = b'{"a":%b,%b"in":[0,{"hits":%b[%b]}],"z":%b}' % (
        around,
        gap,
        gap,
        (gap + b"," + gap).join(rows),
        around,
    )
    codec = dialect(HttpRead(path="/search", list="/in/1/hits"))
    admitted = [goes for _, goes in items]
    cut = rebuilt(codec, body, admitted, firewall=None)
    kept = [row for row, goes in zip(rows, admitted, strict=True) if goes]
    if all(admitted):
        assert cut == body
    else:
        assert cut == b'{"a":%b,"in":[0,{"hits":[%b]}],"z":%b}' % (around, b",".join(kept), around)


@given(st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")))
def test_any_answer_is_read_or_refused(body: bytes) -> None:
    """Items or 502, by rows and by columns; nothing else gets out."""
    for read in (HttpRead(path="/search", list=""), PLAIN, FULL, COLUMNS, BATCHED):
        codec = dialect(read)
        plan = planned(codec, request({}))
        try:
            answer, response = answered(codec, plan, body)
        except UpstreamError:
            continue
        admitted = [place % 2 == 0 for place, _ in enumerate(answer.candidates)]
        cut = codec.rebuild(plan, answer, response, Disclosure(admitted=admitted)).body
        assert len(answered(codec, planned(codec, request({})), cut)[0].candidates) == sum(admitted)
