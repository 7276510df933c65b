"""Answers: what is admitted comes back as the same bytes, what is withheld is missing, and nothing else is let in."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.errors import UpstreamError
from firewall.ports import Answer, Disclosure, WireResponse
from tests.adapters.pinecone.bench import PUBLIC, Wire, caller

FIREWALL = b'{"decision_id":"d1"}'
SEARCH = "POST ~/records/namespaces/ns/search"
DOCUMENTS = "POST ~/namespaces/ns/documents"

TEXT = st.text(max_size=12)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUE = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)
SCORE = st.floats(-10, 10) | st.integers(-3, 3)


@st.composite
def written(draw: st.DrawFn, *, id_key: str, score: str, inside: str) -> bytes:
    """A row as some server may write it: any order, white space, escapes and numbers."""
    row: dict[str, Any] = {id_key: draw(st.text(min_size=1, max_size=8)), score: draw(SCORE)}
    extra = draw(st.dictionaries(TEXT, VALUE, max_size=3))
    if inside:
        row[inside] = draw(st.dictionaries(TEXT, VALUE, max_size=4))
        row |= {key: value for key, value in extra.items() if key not in {*row, "values"}}
    else:
        row |= {key: value for key, value in extra.items() if key not in row}
    ordered = dict(draw(st.permutations(list(row.items()))))
    spaces = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]))
    return json.dumps(ordered, ensure_ascii=draw(st.booleans()), separators=spaces).encode(
        "utf-8", "surrogatepass"
    )


@given(st.data())
def test_admitted_matches_are_the_same_bytes(data: st.DataObject) -> None:
    """Of random rows, those that are admitted, in their order, and nothing of the others."""
    rows = data.draw(st.lists(written(id_key="id", score="score", inside="metadata"), max_size=5))
    flags = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    wire = Wire()
    plan = wire.plan("POST ~/query", {"topK": 9, "vector": [1], "namespace": "ns", "includeMetadata": True})
    body = b'{"matches":[%b],"namespace":"ns"}' % b",".join(rows)
    got = wire.through(plan, body, lambda place: flags[place], FIREWALL).body
    kept = b",".join(row for row, goes in zip(rows, flags, strict=True) if goes)
    assert got == b'{"matches":[%b],"namespace":"ns","firewall":%b}' % (kept, FIREWALL)


@given(st.data())
def test_admitted_hits_and_documents_are_the_same_bytes(data: st.DataObject) -> None:
    """The same for the other ranked families."""
    wire = Wire()
    hits = data.draw(st.lists(written(id_key="_id", score="_score", inside="fields"), max_size=4))
    plan = wire.plan(SEARCH, {"query": {"top_k": 9, "inputs": {"text": "t"}}})
    body = b'{"result":{"hits":[%b]},"usage":{"read_units":1}}' % b",".join(hits)
    assert wire.through(plan, body).body == body
    rows = data.draw(st.lists(written(id_key="_id", score="_score", inside=""), max_size=4))
    plan = wire.plan(f"{DOCUMENTS}/search", {"top_k": 9, "include_fields": ["*"]})
    body = b'{"matches":[%b],"usage":{"read_units":1}}' % b",".join(rows)
    assert wire.through(plan, body).body == body


def test_a_fetch_keeps_the_rest_of_the_map() -> None:
    """Numbers of any size and depth stay as they were written."""
    deep = b"[" * 60 + b"12345678901234567890123456789" + b"]" * 60
    good = b'{ "id":"b", "values":[1.0e-7, 1E400], "metadata":{"n":%b,"text":"t"} }' % deep
    body = b'{"vectors":{"a":{"id":"a","values":[1]},"b":%b},"namespace":"ns"}' % good
    wire = Wire()
    plan = wire.plan("GET ~/vectors/fetch?ids=a&ids=b&namespace=ns")
    got = wire.through(plan, body, lambda place: place == 1).body
    assert got == b'{"vectors":{"b":%b},"namespace":"ns"}' % good


def candidates(wire: Wire, line: str, asked: object, body: object) -> Answer:
    return wire.read(wire.plan(line, asked), body)[0]


def test_every_string_of_a_row_is_looked_at() -> None:
    """Beside the text: other metadata, keys that say something, lists of values, and what stands beside the metadata."""
    row = {
        "id": "an id that speaks",
        "score": 1,
        "values": [],
        "metadata": {"text": "the text", "n": 1, "tags": ["one"], "a key that speaks": {"deep": ["two"]}},
        "note": "three",
    }
    found = candidates(Wire(), "POST ~/query", {"topK": 1, "vector": [1]}, {"matches": [row]}).candidates[0]
    assert found.text == "the text"
    assert set(found.attached) >= {"one", "two", "three", "a key that speaks", "an id that speaks"}
    assert found.owner == {"index": "docs", "namespace": "__default__"}


def test_values_that_are_no_numbers_are_read() -> None:
    """Whatever should be a number and is a text is text."""
    row = {"id": "a", "score": 1, "values": ["obey"], "metadata": {"text": "t"}}
    found = candidates(Wire(), "POST ~/query", {"topK": 1, "vector": [1]}, {"matches": [row]}).candidates[0]
    assert "obey" in found.attached


def test_rows_of_another_namespace_are_foreign() -> None:
    """The answer says whose rows they are; of another's not even the name goes on."""
    wire = Wire()
    plan = wire.plan("POST ~/query", {"topK": 1, "vector": [1], "namespace": "mine"})
    body = {"matches": [{"id": "a", "score": 1, "metadata": {"text": "t"}}], "namespace": "theirs"}
    answer, _ = wire.read(plan, body)
    assert answer.candidates[0].owner["namespace"] == "theirs" != plan.pin["namespace"]
    assert msgspec.json.decode(wire.through(plan, body, lambda _: False).body)["namespace"] == "mine"


def test_a_row_goes_by_the_key_of_its_map() -> None:
    """What it calls itself otherwise is text."""
    body = {"vectors": {"a": {"id": "some other name", "values": []}}}
    found = candidates(Wire(), "GET ~/vectors/fetch?ids=a", None, body).candidates[0]
    assert found.id == "a"
    assert "some other name" in found.attached


def test_what_is_said_in_metadata_only_lowers() -> None:
    """Dates are claims, ends count, labels too."""
    metadata = {
        "text": "t",
        "created_at": "2026-01-01",
        "expiration_date": "2026-01-02",
        "lifecycle_state": "stale",
    }
    body = {"matches": [{"id": "a", "score": 1, "metadata": metadata}]}
    found = candidates(Wire(), "POST ~/query", {"topK": 1, "vector": [1]}, body).candidates[0]
    assert found.created_at is None
    assert found.claimed_at is not None
    assert found.expires_at == found.claimed_at + 2 * 86_400
    assert found.claims.lifecycle == "stale"


def test_members_that_nobody_documented_go_on_without_strings_only() -> None:
    """An answer may grow; what could be read by an agent may not stand beside the rows."""
    wire = Wire()
    plan = wire.plan("POST ~/query", {"topK": 1, "vector": [1]})
    body = {
        "matches": [],
        "results": [{"matches": [{"id": "x"}]}],
        "note": "obey",
        "took": 3,
        "firewall": {"a": "b"},
    }
    assert msgspec.json.decode(wire.through(plan, body).body) == {"matches": [], "took": 3}


def test_projections_are_cut_out_again() -> None:
    """Metadata, fields and document fields that the caller did not ask for."""
    wire = Wire()
    match = {"id": "a", "score": 0.5, "values": [1.0], "metadata": {"text": "t"}}
    got = wire.through(wire.plan("POST ~/query", {"topK": 1, "vector": [1]}), {"matches": [match]})
    assert msgspec.json.decode(got.body) == {"matches": [{"id": "a", "score": 0.5, "values": [1.0]}]}
    hit = {"_id": "a", "_score": 0.5, "fields": {"text": "t", "topic": "x"}}
    asked = {"query": {"top_k": 1, "inputs": {"text": "t"}}, "fields": ["topic"]}
    got = wire.through(wire.plan(SEARCH, asked), {"result": {"hits": [hit]}})
    assert msgspec.json.decode(got.body)["result"]["hits"][0]["fields"] == {"topic": "x"}
    row = {"_id": "a", "_score": 0.5, "text": "t", "topic": "x"}
    for fields, kept in (([], {}), (["topic"], {"topic": "x"})):
        plan = wire.plan(f"{DOCUMENTS}/search", {"top_k": 1, "include_fields": fields})
        got = wire.through(plan, {"matches": [row]})
        assert msgspec.json.decode(got.body)["matches"] == [{"_id": "a", "_score": 0.5, **kept}]


def test_annotations_are_flat_keys_where_text_stands() -> None:
    """In the metadata, in the fields, beside the document's own."""
    wire, notes = Wire(), {"a": {"memfw_action": "inspect_before_use"}}
    plan = wire.plan("POST ~/query", {"topK": 1, "vector": [1]})
    got = wire.through(
        plan, {"matches": [{"id": "a", "score": 1, "metadata": {"text": "t"}}]}, annotations=notes
    )
    assert msgspec.json.decode(got.body)["matches"][0]["metadata"] == notes["a"]
    plan = wire.plan(f"{DOCUMENTS}/search", {"top_k": 1})
    got = wire.through(plan, {"matches": [{"_id": "a", "_score": 1, "text": "t"}]}, annotations=notes)
    assert msgspec.json.decode(got.body)["matches"] == [{"_id": "a", "_score": 1, **notes["a"]}]


def test_more_rows_are_asked_for_while_answers_are_full() -> None:
    """Doubled, not merged; what both cost is added up; after a refusal for size there is no more."""
    wire = Wire()
    plan = wire.plan("POST ~/query", {"topK": 2, "vector": [1]})

    def full(count: int) -> dict[str, object]:
        rows = [{"id": f"v{place}", "score": 1.0} for place in range(count)]
        return {"matches": rows, "usage": {"readUnits": 5}}

    first, _ = wire.read(plan, full(6))
    request = wire.dialect.more(plan, first, 2)
    assert request is not None
    assert msgspec.json.decode(request.body)["topK"] == 12
    second, _ = wire.read(plan, full(7))
    assert second.more is False
    joined = wire.dialect.joined(plan, first, second)
    assert len(joined.candidates) == 7
    response = WireResponse(status=200, body=b"{}")
    rebuilt = wire.dialect.rebuild(plan, joined, response, Disclosure(admitted=[False] * 7))
    assert msgspec.json.decode(rebuilt.body)["usage"] == {"readUnits": 10}
    plan = wire.plan("POST ~/query", {"topK": 2, "vector": [1]})
    assert plan.fallback is not None
    plan.request = plan.fallback
    assert wire.read(plan, full(2))[0].more is False


def test_pages_follow_their_token() -> None:
    """By the name that each family has for it; the rows of both pages are one answer."""
    wire = Wire()
    plan = wire.plan("POST ~/vectors/fetch_by_metadata", {"filter": {"a": 1}, "namespace": "ns"})
    first, _ = wire.read(plan, {"vectors": {"a": {"id": "a"}}, "pagination": {"next": "T"}})
    request = wire.dialect.more(plan, first, 1)
    assert request is not None
    assert msgspec.json.decode(request.body)["paginationToken"] == "T"
    second, _ = wire.read(plan, {"vectors": {"b": {"id": "b"}}})
    joined = wire.dialect.joined(plan, first, second)
    assert [candidate.id for candidate in joined.candidates] == ["a", "b"]
    assert wire.dialect.more(plan, joined, 1) is None
    plan = wire.plan(f"{DOCUMENTS}/fetch", {"filter": {"a": 1}})
    first, _ = wire.read(plan, {"documents": {"a": {"_id": "a"}}, "pagination": {"next": "T"}})
    request = wire.dialect.more(plan, first, 1)
    assert request is not None
    assert msgspec.json.decode(request.body)["pagination_token"] == "T"


@pytest.mark.parametrize(
    "line", ["GET ~/vectors/list", "GET ~/namespaces", "POST ~/vectors/fetch_by_metadata"]
)
def test_a_next_page_that_is_null_is_never_passed_on(line: str) -> None:
    """Older clients would ask for it for ever."""
    wire = Wire()
    plan = wire.plan(line, {} if line.startswith("POST") else None)
    got = wire.through(plan, {"vectors": [] if "list" in line else {}, "pagination": {"next": None}})
    assert b"pagination" not in got.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"matches":{}}',
        b'{"matches":[1]}',
        b'{"matches":[{"score":1}]}',
        b'{"matches":[{"id":7,"score":1}]}',
        b'{"matches":[{"id":"a","score":"high"}]}',
        b'{"matches":[{"id":"a","score":1}],"namespace":7}',
        b'{"matches":[{"id":"a","score":1}',
        b'{"matches":[{"id":"a","metadata":' + b"[" * 100_000 + b"}]}",
    ],
)
def test_half_an_answer_is_none(body: bytes) -> None:
    """502, and nothing of it."""
    wire = Wire()
    with pytest.raises(UpstreamError) as broken:
        wire.read(wire.plan("POST ~/query", {"topK": 1, "vector": [1]}), body)
    assert broken.value.code == "upstream_invalid"


def test_hosts_are_replaced_where_they_stand() -> None:
    """Only the hosts of indexes; every other byte, also a `host` elsewhere, is the upstream's."""
    body = (
        b'{"indexes": [ {"tags":{"host":"http://docs.upstream.test"},"h\\u006fst" : "http://docs.upstream.test",'
        b'"name":"docs", "private_host":null,"x":["host",{"name":"no","host":"http://e.test"}]} , {"name":"new","host":""}],'
        b' "host":"http://evil.test", "note":"\\"host\\":\\"x\\""}'
    )
    wire = Wire(caller(admin=True))
    got = wire.through(wire.plan("GET /indexes"), body).body
    ours = f'"{PUBLIC}/_idx/{wire.token}"'.encode()
    refused = f'"{PUBLIC}/_idx/host-not-allowed"'.encode()
    wanted = body.replace(b'st" : "http://docs.upstream.test"', b'st" : ' + ours).replace(
        b'"http://evil.test"', refused
    )
    assert got == wanted


def test_a_pinned_caller_sees_its_own_index_and_namespace() -> None:
    """Lists and counts are cut to the pin."""
    wire = Wire(caller(index="docs", namespace="mine"))
    body = {
        "indexes": [{"name": "docs", "host": "http://docs.upstream.test"}, {"name": "other", "host": "x"}]
    }
    got = msgspec.json.decode(wire.through(wire.plan("GET /indexes"), body).body)
    assert [index["name"] for index in got["indexes"]] == ["docs"]
    spaces = {"namespaces": [{"name": "mine"}, {"name": "theirs"}], "total_count": 2}
    got = msgspec.json.decode(wire.through(wire.plan("GET ~/namespaces"), spaces).body)
    assert got == {"namespaces": [{"name": "mine"}]}
    stats = {"namespaces": {"mine": {"vectorCount": 3}, "theirs": {"vectorCount": 4}}, "totalVectorCount": 7}
    got = msgspec.json.decode(wire.through(wire.plan("POST ~/describe_index_stats", {}), stats).body)
    assert got == {"namespaces": {"mine": {"vectorCount": 3}}, "totalVectorCount": 3}


def test_positions_of_the_log_pass() -> None:
    """Freshness checks read them from the headers of an answer that was put together anew."""
    wire = Wire()
    got = wire.through(wire.plan("POST ~/query", {"topK": 1, "vector": [1]}), {"matches": []})
    assert ("x-pinecone-request-lsn", "9") in got.headers
