"""What is counted of a run: the numbers that the kernels score, in four groups. Names on the wire are camel case.

An observation is either derived from records (`recorded`) or given by hand; by hand it is scored, and proves nothing.
"""

import msgspec


class Continuity(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether the run went on where the last one had stopped."""

    repeated_discovery_steps: int = 0
    continuity_guidance_correct: bool = False
    recovered_state_facts: int = 0
    expected_state_facts: int = 0
    verified_facts_carried: int = 0
    verified_facts_expected: int = 0


class LearningSeen(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether what had worked was used again, and what the run made of the evidence."""

    workflow_reused: bool = False
    stable_workflow_reused: bool = False
    provisional_memories_written: int = 0
    trusted_promotions: int = 0
    weak_evidence_promoted: int = 0
    counter_evidence_demotions: int = 0


class Forgetting(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether the context held what was of use, and nothing that was over."""

    context_items: int = 0
    useful_context_items: int = 0
    stale_memory_surfaced: int = 0
    stale_memory_suppressed: int = 0
    archived_memory_rehydrated_on_demand: int = 0
    unnecessary_rehydrations: int = 0


class LearningControl(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether weak evidence was kept from acting as if it were settled."""

    weak_evidence_blocked: int = 0
    authority_requires_evidence: bool = True
    blocked_authority_visible: bool = True
    unverified_authority_applied: bool = False


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One run, counted."""

    label: str
    continuity: Continuity = Continuity()
    learning: LearningSeen = LearningSeen()
    forgetting: Forgetting = Forgetting()
    learning_control: LearningControl = LearningControl()


def without_history(aionis: Observation) -> Observation:
    """The same run as it begins with no memory at all: nothing is carried, all that was due has to be found again."""
    due = aionis.continuity
    return Observation(
        label="empty_history",
        continuity=Continuity(
            repeated_discovery_steps=due.expected_state_facts,
            expected_state_facts=due.expected_state_facts,
            verified_facts_expected=due.verified_facts_expected,
        ),
    )


def due_alike(baseline: Observation, aionis: Observation) -> Observation:
    """The baseline held to what was due in the measured run: a guide that knew less was not owed less."""
    own, due = baseline.continuity, aionis.continuity
    expected = max(own.expected_state_facts, due.expected_state_facts)
    return msgspec.structs.replace(
        baseline,
        continuity=msgspec.structs.replace(
            own,
            expected_state_facts=expected,
            verified_facts_expected=max(own.verified_facts_expected, due.verified_facts_expected),
            repeated_discovery_steps=own.repeated_discovery_steps + expected - own.expected_state_facts,
        ),
    )


def nothing_due(observation: Observation) -> tuple[str, ...]:
    """The ratios that nothing stands behind: they count as 1, and the evidence as insufficient."""
    checks = (
        (observation.continuity.expected_state_facts, "no_state_facts_expected"),
        (observation.continuity.verified_facts_expected, "no_verified_facts_expected"),
        (observation.forgetting.context_items, "no_context_items"),
    )
    return tuple(reason for count, reason in checks if not count)
