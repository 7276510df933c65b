"""The audit parts of a govern answer: the use receipt, the admission records, the firewall summary and its claims."""

from collections.abc import Callable, Sequence

from msgspec import UNSET

from firewall.core.model import Action, EvidenceRequirement, Lifecycle, Mode, Trust
from firewall.core.prompt import holds_structure
from firewall.service.govern import response as wire
from firewall.service.govern.context import risk_words, summary_of
from firewall.service.govern.merge import Decided, Split, ids
from firewall.service.govern.prompt import GovernPrompt
from firewall.service.govern.reasons import UNSAFE_HINTS, hostile, unsafe

_FLAGS = 64
_KINDS: dict[Action, wire.DecisionKind] = {
    Action.use_now: "used",
    Action.inspect_before_use: "downgraded",
    Action.rehydrate: "rehydrate",
    Action.do_not_use: "blocked",
}
_AUTHORITY: dict[Action, wire.AuthorityWord] = {
    Action.use_now: "trusted",
    Action.inspect_before_use: "advisory",
    Action.rehydrate: "advisory",
    Action.do_not_use: "blocked",
}
_STATES = {
    Lifecycle.current: "active",
    Lifecycle.procedure: "active",
    Lifecycle.failed: "contested",
    Lifecycle.contested: "contested",
    Lifecycle.stale: "demoted",
}


def risk_flags(split: Split) -> tuple[str, ...]:
    """At most 64 words: unsafe labels, what we found, and texts that imitate the prompt's structure."""
    flags = risk_words(split.every)
    for one in split.every:
        if one.described.hint in UNSAFE_HINTS:
            flags.add(f"lifecycle_hint:{one.described.hint.value}")
        candidate = one.described.candidate
        if holds_structure(candidate.id, candidate.title, candidate.text):
            flags.add("prompt_structure_in_text")
    return tuple(sorted(flags)[:_FLAGS])


def use_receipt(
    split: Split, prompt: GovernPrompt, *, trace_id: str, flags: tuple[str, ...]
) -> wire.MemoryUseReceipt:
    return wire.MemoryUseReceipt(
        guide_trace_id=trace_id,
        history_used=True,
        actionable_history_used=bool(split.use_now),
        prompt_char_count=len(prompt.text),
        exposed_memory_ids=_in_order(split, prompt),
        use_now_memory_ids=ids(split.use_now),
        inspect_before_use_memory_ids=ids(split.inspect),
        do_not_use_memory_ids=ids(split.blocked),
        rehydrate_memory_ids=ids(split.rehydrate),
        decision_summaries=tuple(
            wire.DecisionSummary(
                memory_id=one.memory_id,
                agent_surface=one.surfaced.name,
                decision_kind=_KINDS[one.surfaced],
                actionable=one.surfaced is Action.use_now,
                reason_codes=one.codes,
                candidate_indexes=one.places if one.duplicate else UNSET,
            )
            for one in split.every
        ),
        risk_flags=flags,
        summary=summary_of(split),
    )


def admission_records(split: Split, prompt: GovernPrompt) -> wire.AdmissionRecords:
    shown = {one.memory_id for one in prompt.shown}
    return wire.AdmissionRecords(
        candidate_memory_count=len(split.every),
        prompt_included_memory_count=len(shown),
        entries=tuple(_record(one, prompted=one.memory_id in shown) for one in split.every),
        summary=summary_of(split),
    )


def memory_firewall(split: Split, *, mode: Mode, shadow: bool, flags: tuple[str, ...]) -> wire.MemoryFirewall:
    endangering = [one for one in split.every if unsafe(one.described, one.verdict)]
    return wire.MemoryFirewall(
        mode=mode.name,
        candidate_count=len(split.every),
        direct_use_count=len(split.use_now),
        inspect_count=len(split.inspect),
        blocked_count=len(split.blocked),
        rehydrate_count=len(split.rehydrate),
        unsafe_candidate_count=len(endangering),
        unsafe_direct_use_count=_count(endangering, _direct),
        risk_flags=flags,
        claims=_claims(split, endangering),
        summary=summary_of(split),
        shadow=_shadow(split) if shadow else UNSET,
    )


def admission_summary(split: Split) -> wire.AdmissionSummary:
    return wire.AdmissionSummary(
        candidate_count=len(split.every),
        direct_use_count=len(split.use_now),
        inspect_count=len(split.inspect),
        blocked_count=len(split.blocked),
        rehydrate_count=len(split.rehydrate),
        source_backends=tuple(sorted({one.described.candidate.backend for one in split.every})),
        reason=summary_of(split),
    )


def _in_order(split: Split, prompt: GovernPrompt) -> tuple[str, ...]:
    shown = {one.memory_id for one in prompt.shown}
    return tuple(one.memory_id for one in split.every if one.memory_id in shown)


def _record(one: Decided, *, prompted: bool) -> wire.AdmissionRecord:
    described = one.described
    hint = described.hint
    return wire.AdmissionRecord(
        memory_id=one.memory_id,
        title="" if hostile(one.verdict) else described.title,
        source_backend=described.candidate.backend,
        domain=described.domain,
        memory_type=described.candidate.kind.value,
        lifecycle_state=(
            "rehydration_candidate" if one.surfaced is Action.rehydrate else _STATES.get(hint, hint.value)
        ),
        authority=_AUTHORITY[one.surfaced],
        admission_action=one.surfaced.name,
        decision_kind=_KINDS[one.surfaced],
        actionable=one.surfaced is Action.use_now,
        prompt_included=prompted,
        reason_codes=one.codes,
        evidence_ids=described.candidate.evidence_refs,
        candidate_indexes=one.places if one.duplicate else UNSET,
    )


def _direct(one: Decided) -> bool:
    return one.surfaced is Action.use_now


def _seen(one: Decided) -> bool:
    return one.surfaced in {Action.use_now, Action.inspect_before_use}


def _unblocked(one: Decided) -> bool:
    return one.surfaced is not Action.do_not_use


def _count(memories: Sequence[Decided], test: Callable[[Decided], bool]) -> int:
    return sum(map(test, memories))


def _claims(split: Split, endangering: Sequence[Decided]) -> tuple[wire.Claim, ...]:
    """Five statements about this very answer; one that nothing in it could test is `warn` where it says so."""
    explicit = [
        one
        for one in split.every
        if one.described.evidence is EvidenceRequirement.blocked or one.described.hint is Lifecycle.suppressed
    ]
    doubtful = [one for one in split.every if one.described.trust <= Trust.unknown]
    pointers = [
        one for one in split.every if one.described.evidence is EvidenceRequirement.rehydrate_before_use
    ]
    return (
        _claim("unsafe lifecycle did not enter direct use", endangering, _direct),
        _claim("explicit blocks stayed blocked", explicit, _unblocked),
        _claim("unknown or untrusted memory did not direct the agent", doubtful, _direct, none="warn"),
        _claim("rehydrate-required memory stayed a pointer", pointers, _seen, none="warn"),
        wire.Claim(claim="the call was read-only", status="pass", evidence="no memory was written"),
    )


def _claim(
    claim: str, memories: Sequence[Decided], broken: Callable[[Decided], bool], *, none: str = "pass"
) -> wire.Claim:
    wrong = _count(memories, broken)
    evidence = f"{wrong} of {len(memories)}"
    if wrong:
        return wire.Claim(claim=claim, status="fail", evidence=evidence)
    return wire.Claim(
        claim=claim, status="warn" if none == "warn" and not memories else "pass", evidence=evidence
    )


def _shadow(split: Split) -> wire.ShadowReport:
    held_back = [one for one in split.every if one.verdict.action is not one.surfaced]
    return wire.ShadowReport(
        would_block_memory_ids=ids([one for one in held_back if one.verdict.action is Action.do_not_use]),
        would_rehydrate_memory_ids=ids([one for one in held_back if one.verdict.action is Action.rehydrate]),
        changed_count=len(held_back),
    )
