"""Rows for a data set of admissions: the label of each entry, and what was known of the memory before."""

import json
from typing import Any

import pytest

from firewall.client import (
    MemfwError,
    memory_admission_dataset_jsonl_from_records,
    memory_admission_dataset_rows_from_record,
    memory_admission_dataset_rows_from_records,
)


def entry(**changes: Any) -> dict[str, Any]:
    """A memory that was served and not used."""
    return {
        "memory_id": "m1",
        "title": "Accepted route",
        "admission_action": "use_now",
        "prompt_included": True,
        "agent_used": False,
        "feedback_outcome": None,
        "reason_codes": ["mode:firewall"],
        **changes,
    }


def used(outcome: str) -> dict[str, Any]:
    """A memory that was used, with what came of it."""
    return entry(agent_used=True, feedback_outcome=outcome)


@pytest.mark.parametrize(
    ("given", "label"),
    [
        (used("positive"), "positive_use"),
        (used("negative"), "negative_use"),
        (used("neutral"), "neutral_use"),
        ({**used("negative"), "admission_action": "do_not_use"}, "negative_use"),
        (entry(admission_action="do_not_use"), "blocked_or_suppressed"),
        (entry(admission_action="rehydrate"), "rehydrate_requested"),
        (entry(admission_action="not_agent_facing"), "not_agent_facing"),
        (entry(), "unused_exposed"),
        (entry(prompt_included=False), "unknown"),
        (entry(agent_used=True), "unknown"),
    ],
)
def test_labels(given: dict[str, Any], label: str) -> None:
    """How it was used comes first, then why it was not served, then that nobody used it."""
    (row,) = memory_admission_dataset_rows_from_record({"entries": [given]})
    assert row["outcome_label"] == label


def test_what_was_known_before() -> None:
    """Earlier rows of the same memory count, this one's own outcome does not."""
    served = [used("negative"), used("negative"), used("positive"), entry(memory_id="m2")]
    rows = memory_admission_dataset_rows_from_records(
        [{"entries": [row]} for row in (entry(admission_action="rehydrate"), *served, entry())]
    )
    assert [row["closed_loop_effect_state"] for row in rows] == [
        "no_prior",
        "rehydrate_requested",
        "contradicted",
        "contradicted",
        "no_prior",
        "mixed",
    ]
    assert [row["repeated_negative_posture"] for row in rows] == [False, False, False, True, False, True]


def test_no_text_in_a_row() -> None:
    """Ids, codes and counts; one JSON object a line."""
    record = {"entries": [entry(text="secret plans", evidence_ids=["ci:1"])]}
    (line,) = memory_admission_dataset_jsonl_from_records([record]).splitlines()
    row = json.loads(line)
    assert row["contract_version"] == "aionis_memory_admission_dataset_row_v1"
    assert (row["policy_id"], row["evidence_ids"]) == ("AIONIS_ADMISSION_POLICY_V1", ["ci:1"])
    assert "secret" not in line
    assert "Accepted route" not in line


def test_what_is_no_record() -> None:
    """A record has entries."""
    with pytest.raises(MemfwError) as refused:
        memory_admission_dataset_rows_from_record({})
    assert refused.value.code == "admission_record_invalid"
