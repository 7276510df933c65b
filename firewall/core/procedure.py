"""The way of a trace-derived skill to a procedure: measured, queued, reviewed, promoted, materialized, observed.

A candidate is no memory and never reaches a prompt. A review changes its status and nothing else; `materialize` makes a
draft and writes nothing; only what the host then observes can be recalled, through the admission of everything else.
"""

from typing import Literal

import msgspec

from firewall.core.evidence import Measured, Skill, SkillReviewed, SkillsQueued

#: Measurements whose skills can still be queued, and review rows; the oldest that are not promoted go first.
MOST_MEASUREMENTS = 1_000
MOST_ROWS = 5_000

ReviewStatus = Literal["pending", "promoted", "rejected"]


class ReviewRow(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A skill in the queue. Times in epoch seconds."""

    skill: Skill
    measurement_id: str
    status: ReviewStatus = "pending"
    reviewer_id: str = ""
    review_reason: str = ""
    created_at: float
    reviewed_at: float | None = None


class Procedures(msgspec.Struct, kw_only=True):
    """Measurements by their id, review rows by their candidate id; oldest first."""

    measurements: dict[str, Measured] = {}
    rows: dict[str, ReviewRow] = {}

    def measured(self, event: Measured) -> None:
        self.measurements[event.measurement_id] = event
        while len(self.measurements) > MOST_MEASUREMENTS:
            del self.measurements[next(iter(self.measurements))]

    def queue(self, event: SkillsQueued) -> None:
        """The skills of a measurement that is known; a candidate that is there is brought up to date, and pending
        again only if it had never been decided."""
        measured = self.measurements.get(event.measurement_id)
        if measured is None:
            return
        for skill in measured.skills:
            self.rows[skill.candidate_id] = queued(self.rows.get(skill.candidate_id), skill, event)
        self._bound()

    def review(self, event: SkillReviewed) -> None:
        """A promoted row may be rejected later; a rejected one is out for good."""
        row = self.rows.get(event.candidate_id)
        if row is not None:
            self.rows[event.candidate_id] = reviewed(row, event)

    def _bound(self) -> None:
        over = len(self.rows) - MOST_ROWS
        if over > 0:
            going = [key for key, row in self.rows.items() if row.status != "promoted"][:over]
            for key in going:
                del self.rows[key]


def queued(row: ReviewRow | None, skill: Skill, event: SkillsQueued) -> ReviewRow:
    """What a skill's row is once it is queued: what was decided stays decided."""
    if row is None:
        return ReviewRow(skill=skill, measurement_id=event.measurement_id, created_at=event.at)
    if row.status != "pending":
        return row
    return msgspec.structs.replace(row, skill=skill, measurement_id=event.measurement_id)


def reviewed(row: ReviewRow, event: SkillReviewed) -> ReviewRow:
    """What a row is once it is decided: rejected is for good."""
    if row.status == "rejected":
        return row
    return msgspec.structs.replace(
        row,
        status=event.decision,
        reviewer_id=event.reviewer_id,
        review_reason=event.review_reason,
        reviewed_at=event.at,
    )


def refusals(row: ReviewRow) -> tuple[str, ...]:
    """Why a row may not be materialized; nothing where it may."""
    skill = row.skill
    checks = (
        (row.status == "promoted", f"review_status_{row.status}"),
        (skill.label == "positive", f"label_{skill.label}"),
        (skill.export_ready, "not_export_ready"),
        (skill.promotion_status == "promotion_ready", f"promotion_status_{skill.promotion_status}"),
    )
    return tuple(reason for holds, reason in checks if not holds)
