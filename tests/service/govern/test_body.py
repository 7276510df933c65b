"""The body: every mistake with its path, all at once; bounded; nothing of its values in a message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.compiled import compile_policy
from firewall.core.policy import Limits, Policy
from firewall.errors import CallerError
from firewall.service.govern.body import GovernBody, parse_body
from firewall.service.strict_body import DEPTH, ISSUES
from tests.service.govern.asking import POLICY, Json, candidate, request

SECRET = "hunter2-in-the-body"
ROW: Json = {"external_memory_id": "a", "source_backend": "mem0", "text": "t"}


def _refused(body: object, status: int = 400) -> CallerError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(CallerError) as caught:
        parse_body(raw, POLICY)
    assert caught.value.status == status
    return caught.value


def _paths(body: object) -> list[str]:
    error = _refused(body)
    assert error.code == "invalid_request"
    assert SECRET not in str(error.issues) + error.message
    return [issue.path for issue in error.issues]


def test_defaults_are_those_of_the_contract() -> None:
    """Only query, and of each candidate id, backend and text, have to be given."""
    body = parse_body(json.dumps({"query_text": "q", "candidates": [ROW]}).encode(), POLICY)
    assert (body.mode, body.context_mode, body.include_records) == ("standard", "compact_agent", False)
    row = body.candidates[0]
    assert row.authority.source_trust == row.authority.scope.value == row.lifecycle_hint.value == "unknown"
    assert row.authority.evidence_requirement.value == "inspect_before_use"
    assert (row.metadata, row.evidence_refs) == ({}, [])


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"extra": SECRET}, "extra"),
        ({"query_text": "  \n"}, "query_text"),
        ({"query_text": 7}, "query_text"),
        ({"mode": SECRET}, "mode"),
        ({"context_mode": "full"}, "context_mode"),
        ({"include_records": "yes"}, "include_records"),
        ({"include_records": 1}, "include_records"),
        ({"candidates": []}, "candidates"),
        ({"candidates": {"a": 1}}, "candidates"),
        ({"tenant_id": ""}, "tenant_id"),
        ({"run_id": 7}, "run_id"),
    ],
)
def test_a_wrong_field_is_named(change: Json, path: str) -> None:
    """400 with the path of the field."""
    assert _paths({"query_text": "q", "candidates": [ROW], **change}) == [path]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"external_memory_id": ""}, "external_memory_id"),
        ({"source_backend": ""}, "source_backend"),
        ({"text": ""}, "text"),
        ({"text": None}, "text"),
        ({"text": "x" * 200_001}, "text"),
        ({"metadata": []}, "metadata"),
        ({"authority": {"source_trust": SECRET}}, "authority.source_trust"),
        ({"authority": {"scope": "galaxy"}}, "authority.scope"),
        ({"authority": {"evidence_requirement": 3}}, "authority.evidence_requirement"),
        ({"authority": {"level": SECRET}}, "authority.level"),
        ({"lifecycle_hint": SECRET}, "lifecycle_hint"),
        ({"evidence_refs": [""]}, "evidence_refs.0"),
        ({"evidence_refs": ["r"] * 257}, "evidence_refs"),
        ({"score": 0.5}, "score"),
    ],
)
def test_a_wrong_field_of_a_candidate_is_named(change: Json, path: str) -> None:
    """400 with the path through the list."""
    body = {"query_text": "q", "candidates": [ROW, {**ROW, **change}]}
    assert _paths(body) == [f"candidates.1.{path}"]


def test_every_problem_is_reported_at_once() -> None:
    """Not the first one only; but a flood of them is counted after the hundredth."""
    assert _paths({"mode": 1, "candidates": [{}], "more": 1}) == [
        "query_text",
        "mode",
        "candidates.0.external_memory_id",
        "candidates.0.source_backend",
        "candidates.0.text",
        "more",
    ]
    flood = _refused({"query_text": "q", "candidates": [{}] * 200})
    assert len(flood.issues) == ISSUES + 1
    assert flood.issues[-1].message == "and 500 more"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"query_text":"\xff"}',
        b'{"query_text":"\\ud800"}',
        b'{"query_text":NaN}',
        b'{"query_text":1e999}',
        b"[" * 100_000,
        b"[]",
        b"null",
        b'"text"',
    ],
)
def test_what_is_no_object_of_json_is_refused(raw: bytes) -> None:
    """Broken, foreign encoding, too deep, not an object: 400, nothing else."""
    assert _refused(raw).code == "invalid_request"


def _nested(depth: int) -> Json:
    metadata: Json = {}
    for _ in range(depth - 1):
        metadata = {"in": metadata}
    return metadata


def test_metadata_is_free_but_not_bottomless() -> None:
    """As deep as the limit is fine, one more is not, lists count too."""
    parse_body(json.dumps(request([{**ROW, "metadata": _nested(DEPTH)}])).encode(), POLICY)
    assert _paths(request([{**ROW, "metadata": _nested(DEPTH + 1)}])) == ["candidates.0.metadata"]
    assert _paths(request([{**ROW, "metadata": {"a": [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}}])) == [
        "candidates.0.metadata"
    ]


def test_ten_thousand_candidates_are_taken_and_one_more_is_not() -> None:
    """413 with its own code, before anything else is looked at."""
    rows = [candidate(f"Room {number} has a window.", memory_id=f"m{number}") for number in range(10_001)]
    assert len(parse_body(json.dumps(request(rows[:-1])).encode(), POLICY).candidates) == 10_000
    assert _refused(request(rows), 413).code == "too_many_candidates"


def test_the_limits_are_the_policys() -> None:
    """Fewer candidates and shorter texts, if it says so."""
    policy = compile_policy(Policy(limits=Limits(candidates=1, text_chars=3)), "test")
    with pytest.raises(CallerError) as caught:
        parse_body(json.dumps(request([ROW, ROW])).encode(), policy)
    assert caught.value.status == 413
    with pytest.raises(CallerError) as caught:
        parse_body(json.dumps({"query_text": "q", "candidates": [{**ROW, "text": "four"}]}).encode(), policy)
    assert [issue.path for issue in caught.value.issues] == ["candidates.0.text"]


PIECES = (*'{}[]":,', "\\", "null", "1e9", "query_text", "candidates", "text", "\u2028", "é")


@given(
    st.one_of(
        st.binary(max_size=200), st.lists(st.sampled_from(PIECES)).map(lambda parts: "".join(parts).encode())
    )
)
def test_any_bytes_are_a_body_or_a_clear_refusal(raw: bytes) -> None:
    """Accept, or our error; nothing else."""
    try:
        assert isinstance(parse_body(raw, POLICY), GovernBody)
    except CallerError as error:
        status = error.status
    else:
        status = 400
    assert status == 400
