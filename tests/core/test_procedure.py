"""The review queue and the promotion gate: what a row becomes, and what may be materialized."""

import itertools

import msgspec
import pytest

from firewall.core.evidence import Measured, Skill, SkillReviewed, SkillsQueued
from firewall.core.procedure import Procedures, ReviewRow, queued, refusals, reviewed

SKILL = Skill(
    candidate_id="cand-1",
    skill_name="s",
    label="positive",
    reason="r",
    export_ready=True,
    promotion_status="promotion_ready",
    source_trace_ids=("gt",),
    applies_when=("task_signature=t",),
    procedure_steps=("go on",),
)
ROW = ReviewRow(skill=SKILL, measurement_id="ms-1", created_at=1.0)
QUEUED = SkillsQueued(measurement_id="ms-2", principal="p", at=2.0)


def decided(decision: str) -> SkillReviewed:
    """A review."""
    return msgspec.convert(
        {
            "type": "skill_reviewed",
            "candidate_id": "cand-1",
            "decision": decision,
            "reviewer_id": decision,
            "review_reason": "why",
            "principal": "p",
            "at": 3.0,
        },
        SkillReviewed,
    )


STATUSES = {
    "pending": ROW,
    "promoted": reviewed(ROW, decided("promoted")),
    "rejected": reviewed(ROW, decided("rejected")),
}
LABELS = ("positive", "negative", "neutral", "blocked", "insufficient_evidence")
PROMOTIONS = ("candidate_only", "needs_feedback_attribution", "promotion_ready")


@pytest.mark.parametrize(
    ("status", "label", "export_ready", "promotion"),
    list(itertools.product(STATUSES, LABELS, (True, False), PROMOTIONS)),
)
def test_the_gate(status: str, label: str, export_ready: bool, promotion: str) -> None:
    """One combination of ninety is let through, and every other names exactly what stands against it."""
    skill = msgspec.convert(
        {
            **msgspec.to_builtins(SKILL),
            "label": label,
            "export_ready": export_ready,
            "promotion_status": promotion,
        },
        Skill,
    )
    row = msgspec.structs.replace(STATUSES[status], skill=skill)
    expected = {
        *({f"review_status_{status}"} - {"review_status_promoted"}),
        *({f"label_{label}"} - {"label_positive"}),
        *(() if export_ready else ("not_export_ready",)),
        *({f"promotion_status_{promotion}"} - {"promotion_status_promotion_ready"}),
    }
    assert set(refusals(row)) == expected


@pytest.mark.parametrize(
    ("status", "decision", "becomes"),
    [
        ("pending", "promoted", "promoted"),
        ("pending", "rejected", "rejected"),
        ("promoted", "promoted", "promoted"),
        ("promoted", "rejected", "rejected"),
        ("rejected", "promoted", "rejected"),
        ("rejected", "rejected", "rejected"),
    ],
)
def test_reviewing(status: str, decision: str, becomes: str) -> None:
    """A promoted row may be rejected; rejected is for good."""
    assert reviewed(STATUSES[status], decided(decision)).status == becomes


def test_queuing_updates_what_is_undecided_only() -> None:
    """A pending row gets the newer measurement; a decided one keeps what was decided on."""
    assert queued(ROW, SKILL, QUEUED).measurement_id == "ms-2"
    assert queued(ROW, SKILL, QUEUED).created_at == 1.0
    for status in ("promoted", "rejected"):
        assert queued(STATUSES[status], SKILL, QUEUED) == STATUSES[status]


def test_the_fold_makes_the_same_rows() -> None:
    """What the routes foretell of a row is what the fold makes of it."""
    procedures = Procedures()
    procedures.measured(
        Measured(
            measurement_id="ms-2",
            digest="d",
            report_sha256="r",
            run_id="run",
            task_signature="t",
            sufficient=True,
            skills=(SKILL,),
            principal="p",
            at=1.0,
        )
    )
    procedures.queue(QUEUED)
    row = queued(None, SKILL, QUEUED)
    assert procedures.rows == {"cand-1": row}
    procedures.review(decided("promoted"))
    assert procedures.rows == {"cand-1": reviewed(row, decided("promoted"))}
