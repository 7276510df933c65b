"""How the server tests measure: evidence, a guide and feedback put into the log, and the bodies that speak of them."""

from collections.abc import Sequence
from typing import Any

from firewall.core.events import Event, ScopeKey
from tests.core.measure.scene import ACCEPTED, GUIDE, REJECTED, RUN, SERVED, TASK, said
from tests.sidecar import Sidecar

Json = dict[str, Any]

MEASURE = "/v1/measure"
CANDIDATES = "/v1/skills/candidates"
REVIEW: Json = {"reviewer_id": "reviewer-1", "review_reason": "two clean runs"}
GOOD: tuple[Event, ...] = (REJECTED, ACCEPTED, SERVED, said("positive", "adapter"))


def measuring(**trace: object) -> Json:
    """A measure request for the run; what is given goes into the product trace."""
    return {
        "task": {"task_id": RUN, "run_id": RUN, "task_signature": TASK},
        "product_trace": {"after_guide": {"guide_trace_id": GUIDE}, **trace},
    }


BY_HAND: Json = {
    "continuity": {
        "repeatedDiscoverySteps": 1,
        "continuityGuidanceCorrect": True,
        "recoveredStateFacts": 3,
        "expectedStateFacts": 3,
        "verifiedFactsCarried": 2,
        "verifiedFactsExpected": 2,
    },
    "learning": {
        "workflowReused": True,
        "stableWorkflowReused": False,
        "provisionalMemoriesWritten": 1,
        "trustedPromotions": 0,
        "weakEvidencePromoted": False,
        "counterEvidenceDemotions": 1,
    },
    "forgetting": {
        "contextItems": 5,
        "usefulContextItems": 4,
        "staleMemorySurfaced": 0,
        "staleMemorySuppressed": 2,
        "archivedMemoryRehydratedOnDemand": 1,
        "unnecessaryRehydrations": 0,
    },
    "learning_control": {
        "weakEvidenceBlocked": True,
        "authorityRequiresEvidence": True,
        "blockedAuthorityVisible": True,
        "unverifiedAuthorityApplied": False,
    },
}


async def append(sidecar: Sidecar, events: Sequence[Event], key: ScopeKey | None = None) -> None:
    """Put events into a scope's log, as the routes that make them do."""
    await sidecar.house.desk.projections.append(key or ScopeKey(), events)
