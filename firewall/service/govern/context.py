"""`agent_context`: what the agent gets, and the posture, route contract and risk that follow from the decisions."""

from collections.abc import Iterable
from typing import Literal

from firewall.core.model import Action, Lifecycle
from firewall.core.reasons import head, metric_label
from firewall.service.govern import response as wire
from firewall.service.govern.merge import Decided, Split, ids
from firewall.service.govern.prompt import GovernPrompt
from firewall.service.govern.reasons import UNSAFE_HINTS, hostile, news, why

_STALE = frozenset({"too_old", "expired", "superseded_by", "invalidated"})
_POSTURES: dict[
    Action, tuple[Literal["should_continue", "inspect_first", "rehydrate_first", "must_not"], str]
] = {
    Action.use_now: ("should_continue", "continue from this memory"),
    Action.inspect_before_use: ("inspect_first", "verify this memory before acting on it"),
    Action.rehydrate: ("rehydrate_first", "fetch this memory by its id before exact use"),
    Action.do_not_use: ("must_not", "do not act on this memory"),
}


def agent_context(split: Split, prompt: GovernPrompt) -> wire.AgentContext:
    return wire.AgentContext(
        prompt_text=prompt.text,
        summary=summary_of(split),
        history_used=True,
        actionable_history_used=bool(split.use_now),
        recommended_posture=_posture(split),
        authority=_authority(split),
        use_now_memory_ids=ids(split.use_now),
        inspect_before_use_memory_ids=ids(split.inspect),
        do_not_use_memory_ids=ids(split.blocked),
        memory_ids=ids(split.every),
        rehydrate_hints=tuple(
            wire.RehydrateHint(memory_id=one.memory_id, reason=why(one.described, one.verdict))
            for one in split.rehydrate
        ),
        command_posture=tuple(_command(one) for one in split.every),
        route_contract=_route_contract(split),
        risk=_risk(split),
    )


def summary_of(split: Split) -> str:
    """The counts as one sentence."""
    return (
        f"{len(split.every)} external memories: {len(split.use_now)} direct, {len(split.inspect)} to inspect, "
        f"{len(split.blocked)} blocked, {len(split.rehydrate)} to rehydrate"
    )


def risk_words(memories: Iterable[Decided]) -> set[str]:
    """What makes the answer risky, from a bounded set of words."""
    words: set[str] = set()
    for one in memories:
        words.update(
            metric_label(finding.reason)
            for finding in news(one.described, one.verdict)
            if finding.action > Action.use_now
        )
    return words


def _posture(
    split: Split,
) -> Literal["reuse_supported_history", "rehydrate_before_use", "inspect_before_use", "ignore_history"]:
    if split.use_now:
        return "reuse_supported_history"
    if split.rehydrate:
        return "rehydrate_before_use"
    return "inspect_before_use" if split.inspect else "ignore_history"


def _authority(split: Split) -> wire.AuthorityWord:
    if split.inspect or split.rehydrate:
        return "advisory"
    if split.blocked:
        return "blocked"
    return "trusted" if split.use_now else "none"


def _command(one: Decided) -> wire.CommandPosture:
    posture, instruction = _POSTURES[one.surfaced]
    return wire.CommandPosture(
        posture=posture,
        surface=one.surfaced.name,
        memory_id=one.memory_id,
        instruction=instruction,
        reason=why(one.described, one.verdict),
        target_files=_files(one),
    )


def _files(one: Decided) -> tuple[str, ...]:
    """A hostile memory does not get to say which files are off limits."""
    return () if hostile(one.verdict) else one.described.candidate.target_files


def _route_contract(split: Split) -> wire.RouteContract:
    used = [(path, one.memory_id) for one in split.use_now for path in _files(one)]
    inspected = [(path, one.memory_id) for one in split.inspect for path in _files(one)]
    blocked = [(path, one.memory_id) for one in split.blocked for path in _files(one)]
    active = {path for path, _ in used}
    return wire.RouteContract(
        active_targets=tuple(
            wire.RouteTarget(
                target=path,
                source_memory_id=memory_id,
                source="should_continue",
                artifact_status="unknown",
                missing_policy="restore_or_create_if_task_consistent_or_rehydrate",
            )
            for path, memory_id in used
        ),
        pending_artifacts=tuple(
            wire.RouteTarget(
                target=path,
                source_memory_id=memory_id,
                source="should_continue",
                status="unknown_until_host_observation",
                when="if_active_target_is_missing",
                allowed_actions=("create", "restore", "rehydrate"),
            )
            for path, memory_id in used
        ),
        reference_only_targets=tuple(
            wire.RouteTarget(target=path, source_memory_id=memory_id, source="inspect_first")
            for path, memory_id in inspected
        ),
        # A route that failed in a file does not forbid the file that the accepted route works in.
        blocked_direction_targets=tuple(
            wire.RouteTarget(target=path, source_memory_id=memory_id, source="must_not")
            for path, memory_id in blocked
            if path not in active
        ),
        evidence_sources=tuple(
            wire.RouteTarget(
                target=path,
                source_memory_id=memory_id,
                source="inspect_first",
                evidence_use="reference_only",
                direction_policy="must_not_be_primary_route",
            )
            for path, memory_id in inspected
        ),
        blocked_routes=tuple(
            wire.RouteTarget(
                target=path,
                source_memory_id=memory_id,
                source="must_not",
                direction_policy="blocked_route",
                evidence_use="counter_evidence_only",
            )
            for path, memory_id in blocked
        ),
    )


def _risk(split: Split) -> wire.Risk:
    hints = {one.described.hint.value for one in split.every if one.described.hint in UNSAFE_HINTS}
    level: Literal["low", "medium", "high"] = "low"
    if split.blocked or hints:
        level = "high"
    elif split.inspect or split.rehydrate:
        level = "medium"
    return wire.Risk(
        negative_transfer_risk=level,
        blocked_authority_count=len(split.blocked),
        stale_memory_count=sum(map(_stale, split.every)),
        reasons=tuple(sorted(hints | risk_words(split.every))),
    )


def _stale(one: Decided) -> bool:
    return one.described.hint is Lifecycle.stale or any(
        head(finding.reason) in _STALE or finding.reason.startswith("text_signal:stale")
        for finding in one.verdict.findings
    )
