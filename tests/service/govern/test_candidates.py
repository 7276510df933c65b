"""What each key of a row's metadata means to the core."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.model import Candidate, EvidenceRequirement, Kind, Lifecycle, Trust
from firewall.service.govern.body import parse_body
from firewall.service.govern.candidates import moment_of
from firewall.service.govern.govern import Asker, Prepared, prepare
from tests.service.govern.asking import POLICY, Json, candidate, request

DAY = 1_772_323_200.0
"""2026-03-01T00:00:00Z"""


def _prepared(row: Json, asker: Asker | None = None) -> Prepared:
    body = parse_body(json.dumps(request([row])).encode(), POLICY)
    return prepare(body, asker or Asker(), POLICY, decision_id="d")


def _candidate(metadata: Json, **fields: str) -> Candidate:
    return _prepared(candidate("Room 1 has a window.", metadata=metadata, **fields)).candidates[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2026-03-01", DAY),
        ("2026-03-01T00:00:00", DAY),
        ("2026-03-01T01:00:00+01:00", DAY),
        (" 2026-03-01T00:00:00Z ", DAY),
        (1_772_323_200, DAY),
        (1_772_323_200.5, DAY + 0.5),
        (1_772_323_200_000, DAY),
        ("1772323201", DAY + 1),
        (-1, -1.0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        (True, None),
        (None, None),
        ([2026], None),
        (10**400, None),
        (1e300, None),
    ],
)
def test_a_moment_is_read_or_is_none(value: object, seconds: float | None) -> None:
    """ISO, seconds, milliseconds; anything else is no date."""
    assert moment_of(value) == seconds


@given(st.one_of(st.text("0123456789-:TZ+. e", max_size=30), st.integers(), st.floats()))
def test_no_value_breaks_the_reading_of_a_moment(value: object) -> None:
    """A moment or None, never an exception."""
    moment = moment_of(value)
    assert moment is None or abs(moment) < 1e12


def test_dates_of_a_trusted_claim_are_dates_and_others_are_claims() -> None:
    """What an untrusted source says of its age can only make it older."""
    dated = {"created_at": "2026-01-01", "updated_at": "2026-03-01"}
    trusted = _candidate(dated)
    assert (trusted.updated_at, trusted.claimed_at) == (DAY, None)
    assert trusted.created_at is not None
    known = _candidate(dated, trust="known")
    assert (known.created_at, known.updated_at, known.claimed_at) == (None, None, DAY)
    row = candidate("Room 1 has a window.", metadata=dated)
    assert _prepared(row, Asker(max_trust=Trust.known)).candidates[0].claimed_at == DAY


def test_files_are_merged_and_bounded() -> None:
    """Three keys, each file once, at most 32, no line breaks in a name."""
    files = _candidate(
        {"target_files": ["a.ts", "b\n.ts"], "files": "a.ts", "paths": [f"{n}.ts" for n in range(40)]}
    ).target_files
    assert files[:3] == ("a.ts", "b .ts", "0.ts")
    assert len(files) == 32


@pytest.mark.parametrize(
    ("metadata", "hint", "text", "domain", "kind"),
    [
        ({}, "current", "Room 1.", "general", Kind.unknown),
        ({}, "procedure", "Room 1.", "execution", Kind.procedure),
        ({"files": ["a.ts"]}, "current", "Room 1.", "execution", Kind.execution_memory),
        ({}, "current", "see src/a.ts", "execution", Kind.execution_memory),
        ({}, "current", "see mysrc/a.ts", "general", Kind.unknown),
        ({"domain": "general"}, "current", "see src/a.ts", "general", Kind.unknown),
        ({"domain": "execution"}, "current", "Room 1.", "execution", Kind.execution_memory),
        ({"domain": "other"}, "current", "Room 1.", "general", Kind.unknown),
        ({"memory_type": "fact"}, "procedure", "Room 1.", "execution", Kind.fact),
        ({"memory_type": "novel"}, "current", "Room 1.", "general", Kind.unknown),
    ],
)
def test_domain_and_kind(metadata: Json, hint: str, text: str, domain: str, kind: Kind) -> None:
    """Stated where the words are known, else derived from hint, files and text."""
    described = _prepared(candidate(text, hint=hint, metadata=metadata)).described[0]
    assert (described.domain, described.candidate.kind) == (domain, kind)


def test_the_title_is_stated_or_made_of_the_text() -> None:
    """`title`, else `name`, else the first 96 characters; only a stated one is the candidate's own."""
    assert _candidate({"name": "n", "title": "t"}).title == "t"
    assert _candidate({"name": "n", "title": 7}).title == "n"
    described = _prepared(candidate("word " * 40)).described[0]
    assert described.candidate.title == ""
    assert described.title.startswith("word word")
    assert len(described.title) <= 96


def test_every_string_of_the_metadata_is_attached() -> None:
    """However deep it lies; the title stands for itself."""
    attached = _candidate({"title": "t", "a": {"b": [{"c": "deep"}, 7]}, "d": "flat"}).attached
    assert sorted(attached) == ["deep", "flat"]


def test_names_that_are_sentences_are_attached_too() -> None:
    """Ids and refs reach the prompt; one with a space in it is looked at like a text."""
    row = candidate("Room 1.", memory_id="m 1\nUSE_NOW:", refs=["ci:1", "see the log"])
    assert _prepared(row).candidates[0].attached == ("m 1 (USE_NOW)", "see the log")


def test_a_label_of_the_row_can_only_make_it_worse() -> None:
    """Current may become failed, failed never becomes current; an end that cannot be read asks for inspection."""
    assert _candidate({"lifecycle_state": "stale"}).claims.lifecycle is Lifecycle.stale
    assert _candidate({"lifecycle_state": "current"}, hint="failed").claims.lifecycle is Lifecycle.failed
    assert (
        _candidate({"lifecycle_state": "stale"}, hint="suppressed").claims.lifecycle is Lifecycle.suppressed
    )
    unread = _candidate({"expires_at": "some day"})
    assert unread.claims.evidence is EvidenceRequirement.inspect_before_use
    assert _candidate({"expires_at": "?"}, evidence="blocked").claims.evidence is EvidenceRequirement.blocked
