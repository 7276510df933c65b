"""Writes: what the gate looks at, what may not be written, and that admitted lines go on as the bytes that came."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.pinecone.plans import PineconePlan
from firewall.errors import CallerError
from tests.adapters.pinecone.bench import Wire, caller

RECORDS = "POST ~/records/namespaces/ns/upsert"
DOCUMENTS = "POST ~/namespaces/ns/documents"


def said(plan: PineconePlan) -> list[str]:
    """Everything that the gate gets to see of each draft."""
    return ["|".join((draft.text, *draft.attached)) for draft in plan.drafts]


def test_each_vector_is_a_draft() -> None:
    """Its text by the usual keys, every other string beside it; the vectors themselves go on as they came."""
    body = (
        b'{"vectors":[{"id":"a","values":[1.0e0,2],"metadata":{"text":"one","tag":"x"}},{"id":"b","values":[3]},'
        b'{"id":"an id that speaks","values":[4],"metadata":null}],"namespace":"ns"}'
    )
    plan = Wire().plan("POST ~/vectors/upsert", body)
    assert said(plan) == ["one|x", "", "|an id that speaks"]
    assert plan.request.body == body


def test_an_update_is_a_draft_of_what_it_sets() -> None:
    """By id or by filter."""
    plan = Wire().plan(
        "POST ~/vectors/update", {"filter": {"a": 1}, "setMetadata": {"text": "new"}, "namespace": "ns"}
    )
    assert said(plan) == ["new"]


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("POST ~/vectors/update", {"id": "a", "set_metadata": {"text": "unseen", "_fw_stamp": "1"}}),
        ("POST ~/vectors/delete", {"delete_all": True}),
        ("POST ~/query", {"vector": [1], "topK": 1, "include_metadata": False}),
    ],
)
def test_the_other_spelling_is_refused(line: str, body: object) -> None:
    """A server that speaks protobuf takes both: what is written so would pass the gate unseen."""
    with pytest.raises(CallerError, match="camelCase"):
        Wire().plan(line, body)


LINE = st.dictionaries(st.text(max_size=6), st.text(max_size=6) | st.integers() | st.booleans(), max_size=3)


@given(st.lists(LINE, max_size=5), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_lines_go_on_as_the_bytes_that_came(rows: list[dict[str, object]], end: str) -> None:
    """Whatever their order, spaces and ends; each is a draft."""
    rows = [
        {key: value for key, value in row.items() if not key.strip().casefold().startswith("_fw_")}
        for row in rows
    ]
    body = "".join(msgspec.json.encode(row).decode() + end for row in rows).encode()
    plan = Wire().plan(RECORDS, body)
    assert plan.request.body == body
    assert dict(plan.request.headers)["Content-Type"] == "application/x-ndjson"
    assert len(plan.drafts) == len(rows)


def test_documents_are_drafts_too() -> None:
    """Upserts, patches, and patches by filter."""
    wire = Wire()
    assert said(wire.plan(f"{DOCUMENTS}/upsert", {"documents": [{"_id": "a", "body": "one"}]})) == ["one"]
    assert said(wire.plan(f"{DOCUMENTS}/update", {"documents": [{"_id": "a", "t": "two"}]})) == ["two"]
    assert said(wire.plan(f"{DOCUMENTS}/update", {"filter": {"x": 1}, "set_fields": {"t": "three"}})) == [
        "three"
    ]


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("POST ~/vectors/upsert", b'{"vectors":[{"id":"a","metadata":{"text":"good","text":"evil"}}]}'),
        ("POST ~/vectors/upsert", b'{"vectors":[{"id":"a","metadata":{"a":{"b":1,"b":2}}}]}'),
        (RECORDS, b'{"_id":"a","text":"good","text":"evil"}'),
        (RECORDS, b'{"_id":"a"}{"_id":"b"}'),
        (RECORDS, b'{"_id":"a"} trailing'),
        (RECORDS, b'[{"_id":"a"}]'),
        (RECORDS, b'{"_id":NaN}'),
        (RECORDS, b"\xff\xfe{\x00}\x00"),
        (RECORDS, b'{"a":' + b"[" * 100_000),
        (f"{DOCUMENTS}/upsert", b'{"documents":[{"_id":"a","t":"x","t":"y"}]}'),
        (f"{DOCUMENTS}/upsert", {"documents": ["text"]}),
        ("POST ~/vectors/upsert", {"vectors": "x"}),
        ("POST ~/vectors/upsert", {"vectors": [{"id": "a", "metadata": []}]}),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(line: str, body: object) -> None:
    """400: nothing of the batch goes on."""
    with pytest.raises(CallerError) as refused:
        Wire().plan(line, body)
    assert refused.value.status == 400


def test_of_members_given_twice_one_goes_on() -> None:
    """The last is what was read, and the only one that is sent."""
    body = b'{"vectors":[{"id":"a","id":"b","metadata":{"text":"x"},"metadata":{"text":"y"}}],"namespace":"a","namespace":"b"}'
    plan = Wire().plan("POST ~/vectors/upsert", body)
    assert plan.request.body == b'{"vectors":[{"id":"b","metadata":{"text":"y"}}],"namespace":"b"}'
    assert said(plan) == ["y"]


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("POST ~/vectors/upsert", {"vectors": [{"id": "a", "metadata": {"_fw_state": "x"}}]}),
        ("POST ~/vectors/update", {"id": "a", "setMetadata": {" _FW_stamp": "x"}}),
        (RECORDS, b'{"_id":"a","_fw_x":"y"}'),
        (f"{DOCUMENTS}/upsert", {"documents": [{"_id": "a", "_fw_x": 1}]}),
    ],
)
def test_memfws_own_keys_are_nobodys_to_write(line: str, body: object) -> None:
    """400 with its own code."""
    with pytest.raises(CallerError) as refused:
        Wire().plan(line, body)
    assert refused.value.code == "reserved_metadata"


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("POST ~/vectors/delete", {"deleteAll": True, "namespace": "mine"}),
        ("POST ~/vectors/delete", {"deleteAll": 1, "namespace": "mine"}),
        ("POST ~/namespaces/mine/documents/delete", {"delete_all": True}),
    ],
)
def test_deleting_everything_is_for_admins_and_owners(line: str, body: object) -> None:
    """Nobody else; ids and filters are anybody's who may write."""
    with pytest.raises(CallerError) as refused:
        Wire().plan(line, body)
    assert (refused.value.status, refused.value.code) == (403, "admin_only")
    for who in (caller(admin=True), caller(namespace="mine")):
        Wire(who).plan(line, body)
    Wire().plan("POST ~/vectors/delete", {"ids": ["a"], "namespace": "mine"})


def test_a_batch_has_an_end() -> None:
    """1000 rows, as the service has it."""
    for line, body in (
        ("POST ~/vectors/upsert", {"vectors": [{"id": "a"}] * 1_001}),
        (RECORDS, b'{"_id":"a"}\n' * 1_001),
    ):
        with pytest.raises(CallerError) as refused:
            Wire().plan(line, body)
        assert refused.value.status == 413
