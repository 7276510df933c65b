"""Rows for a data set of admission decisions: what was decided, what came of it, and what was known before.

Neither prompt text nor memory text nor vectors are in a row. The order of the records is the order of time.
"""

from collections.abc import Iterable, Iterator

import msgspec

from firewall.client.errors import MemfwError
from firewall.client.shapes import Json, records, strings, text

POLICY = {
    "policy_id": "AIONIS_ADMISSION_POLICY_V1",
    "policy_version": "2026-06-17",
    "policy_mode": "deterministic_admission",
}
_CONTRACT = "aionis_memory_admission_dataset_row_v1"
_COPIED = (
    "memory_origin",
    "source_backend",
    "domain",
    "memory_type",
    "lifecycle_state",
    "authority",
    "admission_action",
    "decision_kind",
    "actionable",
    "prompt_included",
    "agent_used",
    "feedback_outcome",
    "attribution_strength",
)
_USED = {"positive": "positive_use", "negative": "negative_use", "neutral": "neutral_use"}
_UNSERVED = {
    "do_not_use": "blocked_or_suppressed",
    "rehydrate": "rehydrate_requested",
    "not_agent_facing": "not_agent_facing",
}


class _Prior(msgspec.Struct):
    """What earlier rows say of one memory."""

    positive: int = 0
    negative: int = 0
    rehydrate: int = 0

    def count(self, label: str) -> None:
        if label == "positive_use":
            self.positive += 1
        elif label == "negative_use":
            self.negative += 1
        elif label == "rehydrate_requested":
            self.rehydrate += 1

    @property
    def effect(self) -> str:
        if self.positive and self.negative:
            return "mixed"
        if self.positive:
            return "supported"
        if self.negative:
            return "contradicted"
        return "rehydrate_requested" if self.rehydrate else "no_prior"


def memory_admission_dataset_rows_from_record(admission: Json) -> list[dict[str, object]]:
    """One row for each entry of one admission record."""
    return memory_admission_dataset_rows_from_records([admission])


def memory_admission_dataset_rows_from_records(admissions: Iterable[Json]) -> list[dict[str, object]]:
    """One row for each entry of the records, oldest record first. MemfwError for what is no record."""
    prior: dict[str, _Prior] = {}
    return [row for admission in admissions for row in _rows(admission, prior)]


def memory_admission_dataset_jsonl_from_records(admissions: Iterable[Json]) -> str:
    """The rows, one JSON object a line."""
    rows = memory_admission_dataset_rows_from_records(admissions)
    return "".join(f"{msgspec.json.encode(row).decode()}\n" for row in rows)


def _rows(admission: Json, prior: dict[str, _Prior]) -> Iterator[dict[str, object]]:
    if not isinstance(admission.get("entries"), list):
        raise MemfwError("admission_record_invalid", "an admission record has a list of entries")
    for entry in records(admission["entries"]):
        memory_id = text(entry.get("memory_id"))
        known = prior.setdefault(memory_id, _Prior())
        label = _label(entry)
        yield {
            "contract_version": _CONTRACT,
            "memory_id": memory_id,
            **{name: entry.get(name) for name in _COPIED},
            "reason_codes": strings(entry.get("reason_codes")),
            "evidence_ids": strings(entry.get("evidence_ids")),
            "outcome_label": label,
            "prior_positive_count": known.positive,
            "prior_negative_count": known.negative,
            "prior_rehydrate_count": known.rehydrate,
            "closed_loop_effect_state": known.effect,
            "repeated_negative_posture": known.negative >= 2,
            **POLICY,
        }
        known.count(label)


def _label(entry: Json) -> str:
    """What came of it, the first that holds: how it was used, why it was not served, or that nobody used it."""
    used = entry.get("agent_used") is True
    outcome, action = text(entry.get("feedback_outcome")), text(entry.get("admission_action"))
    if used and outcome in _USED:
        return _USED[outcome]
    if action in _UNSERVED:
        return _UNSERVED[action]
    return "unused_exposed" if entry.get("prompt_included") is True and not used else "unknown"
