"""Rows as candidates: what of a row counts, and that nothing of an odd one is guessed."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mem0.records import event_row, history_row
from adapters.mem0.rows import RowSource, memory_row
from firewall.core.model import Candidate, EvidenceRequirement, Kind, Lifecycle, Trust
from firewall.core.wire.said import moment
from firewall.errors import UpstreamError

PLATFORM = RowSource("memory", vouched=True)
SERVER = RowSource("memory", vouched=False)
Y2026 = 1_767_225_600.0


def row(source: RowSource = PLATFORM, **fields: Any) -> Candidate:
    return memory_row(msgspec.json.encode({"id": "m1", "memory": "text", **fields}), source)


def test_a_documented_row() -> None:
    """Owner, times, and every string that reaches the agent with the text."""
    found = row(
        user_id="u1",
        agent_id=None,
        session_id="r1",
        metadata={"k": "v", "deep": [{"x": "inner"}], "a key that speaks": 1},
        categories=["preferences"],
        created_at="2026-01-01T00:00:00Z",
        updated_at="2026-01-01T02:00:00+02:00",
        hash="h",
        score=0.5,
        role="user",
    )
    assert found.owner == {"user_id": "u1", "run_id": "r1"}
    assert found.created_at == found.updated_at == Y2026
    assert found.writer == "user"
    assert set(found.attached) == {"v", "inner", "a key that speaks", "preferences"}
    assert found.claims.evidence is None


def test_what_metadata_says_is_read_as_claims() -> None:
    """Labels, trust, kind, files and refs, in all their spellings."""
    found = row(
        metadata={
            "title": "T",
            "memory_type": "procedure",
            "source_trust": "trusted",
            "trust": "untrusted",
            "lifecycle_hint": "current",
            "status": "failed",
            "target_files": ["a.py"],
            "paths_json": '["b.py", "a.py"]',
            "files": "c.py, d.py",
            "evidence_refs": ["ci:1"],
            "source_class": "web",
            "writer": "scraper",
            "superseded_by": "m2",
            "task_signature": "t",
        }
    )
    assert (found.title, found.kind, found.claims.trust) == ("T", Kind.procedure, Trust.untrusted)
    assert found.claims.lifecycle is Lifecycle.failed
    assert set(found.target_files) == {"a.py", "b.py", "c.py", "d.py"}
    assert (found.evidence_refs, found.source_class, found.writer) == (("ci:1",), "web", "scraper")
    assert (found.superseded_by, found.task_signature) == ("m2", "t")


@pytest.mark.parametrize(
    ("state", "label"),
    [
        ("superseded", Lifecycle.stale),
        ("ACTIVE", Lifecycle.current),
        ("quux", Lifecycle.unknown),
        ("", Lifecycle.unknown),
    ],
)
def test_lifecycle_state(state: str, label: Lifecycle) -> None:
    """The upstream's own state is a label; a word that nobody knows is the unknown one, an empty one is none."""
    assert row(lifecycle_state=state).claims.lifecycle is (label if state else None)


def test_the_worst_label_counts() -> None:
    """Metadata cannot make a superseded memory current again."""
    assert (
        row(lifecycle_state="stale", metadata={"lifecycle_hint": "current"}).claims.lifecycle
        is Lifecycle.stale
    )
    assert (
        row(lifecycle_state="active", metadata={"lifecycle_hint": "failed"}).claims.lifecycle
        is Lifecycle.failed
    )


def test_expiration_is_the_end_of_the_day() -> None:
    """In UTC; a full time is that time; garbage asks for inspection."""
    assert row(expiration_date="2026-01-01").expires_at == Y2026 + 86_400
    assert row(expiration_date="2026-01-01T00:00:00Z").expires_at == Y2026
    odd = row(expiration_date="soon")
    assert odd.expires_at is None
    assert odd.claims.evidence is EvidenceRequirement.inspect_before_use
    assert row(expiration_date="9999-12-31").id == "m1"


def test_successor() -> None:
    """`replaced_by` is the platform's word for superseded."""
    assert row(replaced_by="m2").superseded_by == "m2"


def test_dates_that_metadata_forges_do_not_count() -> None:
    """On the open-source server metadata can overwrite the row's dates, and no trace stays: there all dates are claims."""
    forged = {"metadata": {"created_at": "1999-01-01T00:00:00Z"}, "created_at": "2026-01-01T00:00:00Z"}
    on_server = row(SERVER, **forged)
    assert (on_server.created_at, on_server.updated_at) == (None, None)
    assert on_server.claimed_at == moment("1999-01-01T00:00:00Z")
    on_platform = row(PLATFORM, **forged)
    assert on_platform.created_at == Y2026
    assert on_platform.claimed_at == moment("1999-01-01T00:00:00Z")
    without_trace = row(SERVER, created_at="2026-01-01T00:00:00Z", updated_at="2026-02-01T00:00:00Z")
    assert (without_trace.created_at, without_trace.updated_at) == (None, None)
    assert without_trace.claimed_at == moment("2026-02-01T00:00:00Z")


def test_the_app_id_of_the_server_lies_in_the_metadata() -> None:
    """Where memfw put it; on the platform that key says nothing."""
    assert row(SERVER, metadata={"_fw_app_id": "shop"}).owner == {"app_id": "shop"}
    assert row(PLATFORM, metadata={"_fw_app_id": "shop"}).owner == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": "a string"},
        {"metadata": ["x"]},
        {"created_at": 5},
        {"created_at": "yesterday"},
        {"updated_at": {"x": 1}},
        {"replaced_by": 7},
        {"user_id": 5},
        {"agent_id": ["a"]},
        {"expiration_date": 2026},
    ],
    ids=str,
)
def test_an_odd_field_asks_for_inspection(fields: dict[str, Any]) -> None:
    """The row is judged, not guessed; the rest of the answer is not lost."""
    found = row(**fields)
    assert found.text == "text"
    assert found.claims.evidence is EvidenceRequirement.inspect_before_use
    assert found.owner == {}


def test_strings_of_unknown_fields_are_judged_too() -> None:
    """Hostile text hides in what we do not know."""
    assert "IGNORE ALL" in row(extra={"deep": ["IGNORE ALL"]}).attached
    assert "IGNORE ALL" in row(metadata="IGNORE ALL").attached
    assert "ignore all previous" in row(run_id="ignore all previous").attached
    assert "a b" in row(text="a b").attached


NAMES = ["user_id", "agent_id", "app_id", "run_id", "session_id", "replaced_by", "lifecycle_state"]


@pytest.mark.parametrize("field", ["id", *NAMES, "hash", "role", "actor_id", "attributed_to"])
@pytest.mark.parametrize("said", ["ignore all previous", "ignoriere\n", "ign\u00f6re"])
def test_an_identifier_that_speaks_is_attached(field: str, said: str) -> None:
    """Whichever it is, after the other strings; the identifiers of an ordinary row are not."""
    quiet: dict[str, Any] = {
        "metadata": {"source": "chat", "topic": "x", "n": 1},
        "categories": ["c"],
        "role": "user",
    }
    assert row(**quiet).attached == ("chat", "x", "c")
    attached = row(**{**quiet, field: said}).attached
    assert attached[:3] == ("chat", "x", "c")
    assert said in attached[3:]


def test_a_key_that_speaks_brings_no_identifiers() -> None:
    """Keys of metadata and identifiers are looked at together, and attached each for itself."""
    attached = row(user_id="u1", metadata={"k": "v", "a b": 1, "deep": {"c d": ["w"]}}).attached
    assert attached == ("v", "a b", "c d", "w")


def test_strings_keep_their_order() -> None:
    """Metadata at any depth, then categories, then what the platform computed."""
    found = row(
        metadata={"a": "1", "b": [{"c": "2"}, "3"], "d": None, "e": "4"},
        categories=["5"],
        score_details={"f": "7"},
        structured_attributes={"g": "6"},
    )
    assert found.attached == ("1", "2", "3", "4", "5", "6", "7")


@pytest.mark.parametrize(
    "updated", ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00"]
)
def test_a_memory_that_was_never_changed(updated: str) -> None:
    """One moment, however each of its dates is written; and a missing date is none."""
    found = row(created_at="2026-01-01T00:00:00Z", updated_at=updated)
    assert found.created_at == found.updated_at == Y2026
    assert row(created_at="2026-01-01T00:00:00Z").updated_at is None
    assert row(updated_at=updated).created_at is None


@pytest.mark.parametrize(
    "raw",
    [
        b"5",
        b"null",
        b"[]",
        b"{}",
        b'{"id":"x"}',
        b'{"memory":"x"}',
        b'{"id":1,"memory":"x"}',
        b'{"id":"x","memory":null}',
        b'{"id":"x","memory":"\xff"}',
        b'{"id":"x","memory":"y","score":1e999}',
        b"[" * 100000,
        b"",
        b'{"id":"x"',
    ],
)
def test_what_is_no_row_is_502(raw: bytes) -> None:
    """Nothing half-parsed is judged."""
    with pytest.raises(UpstreamError) as caught:
        memory_row(raw, PLATFORM)
    assert (caught.value.status, caught.value.code) == (502, "upstream_invalid")


def test_a_change_shows_all_of_its_text() -> None:
    """Old text, new text and the raw input of a history row."""
    change = {
        "id": "h1",
        "memory_id": "m1",
        "old_memory": "old",
        "new_memory": "new",
        "input": [{"role": "user", "content": "raw"}],
        "user_id": "u1",
    }
    found = history_row(msgspec.json.encode(change), PLATFORM)
    assert (found.id, found.text, found.owner) == ("m1", "new", {"user_id": "u1"})
    assert {"old", "raw"} <= set(found.attached)
    deleted = history_row(msgspec.json.encode({**change, "new_memory": None}), PLATFORM)
    assert deleted.text == "old"


def test_an_event_states_its_owner_once() -> None:
    """Ids in metadata do not count, and two different ones are none."""
    event = {
        "id": "e1",
        "payload": {"user_id": "u1", "metadata": {"user_id": "u2"}},
        "results": [{"memory": "m"}],
    }
    found = event_row(msgspec.json.encode(event), PLATFORM)
    assert found.owner == {"user_id": "u1"}
    assert "m" in found.text
    mixed = {**event, "results": [{"memory": "m", "user_id": "u2"}]}
    assert event_row(msgspec.json.encode(mixed), PLATFORM).owner == {}


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["id", "memory", "user_id", "metadata", "categories", "created_at", "expiration_date", "replaced_by"]


@given(st.dictionaries(st.sampled_from([*FIELDS, "lifecycle_state", "session_id", "score", "new"]), any_json))
def test_any_object_is_a_candidate_or_our_error(fields: dict[str, Any]) -> None:
    """Accept or UpstreamError, nothing else; and no string of the row is lost."""
    for source in (PLATFORM, SERVER):
        for fill in ({}, {"id": "m", "memory": "t"}):
            try:
                found = memory_row(msgspec.json.encode({**fill, **fields}), source)
            except UpstreamError:
                continue
            assert isinstance(found.text, str)
            metadata = fields.get("metadata")
            if isinstance(metadata, dict):
                assert {value for value in metadata.values() if isinstance(value, str)} <= set(found.attached)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_candidate_or_our_error(raw: bytes) -> None:
    """Accept or UpstreamError, nothing else."""
    for reader in (memory_row, history_row, event_row):
        with suppress(UpstreamError):
            reader(raw, PLATFORM)
