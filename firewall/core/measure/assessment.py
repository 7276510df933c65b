"""Whether the evidence of a measurement suffices. We say so, never the caller: what it claims is echoed and ignored.

It suffices when the guide is one that we served, the run gave attributed feedback with an outcome, the memories that it
credits had been served, the task is the guide's, and no ratio stands on nothing.
"""

from typing import Literal

import msgspec

from firewall.core.measure.observation import Observation, nothing_due
from firewall.core.measure.trial import Trial

Provenance = Literal["runtime_verified", "manual_unverified", "unverified_product_trace"]


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """`evidence_ids` are the credited memories that were served. No reasons: it suffices."""

    provenance: Provenance
    reasons: tuple[str, ...]
    evidence_ids: tuple[str, ...] = ()

    @property
    def sufficient(self) -> bool:
        return not self.reasons


BY_HAND = Assessment(provenance="manual_unverified", reasons=("manual_observations",))
UNKNOWN = Assessment(provenance="unverified_product_trace", reasons=("guide_trace_unknown",))


def assess(trial: Trial, observation: Observation, *, task_signature: str) -> Assessment:
    """The assessment of a recorded run that is measured as one of that task."""
    spoke = [given for given in trial.given if given.outcome != "neutral"]
    named = {memory for given in spoke for memory in given.memory_ids}
    credited = sorted(use.memory_id for use in trial.uses if use.memory_id in named)
    checks = (
        (bool(trial.given), "no_attributed_feedback"),
        (bool(spoke) or not trial.given, "feedback_neutral_only"),
        (bool(credited) or not spoke, "no_memory_credited"),
        (len(named) == len(credited), "credited_memory_not_exposed"),
        (trial.task_signature == task_signature, "task_signature_mismatch"),
    )
    return Assessment(
        provenance="runtime_verified",
        reasons=(*(reason for holds, reason in checks if not holds), *nothing_due(observation)),
        evidence_ids=tuple(credited),
    )
