"""Adjudication: candidates in, one verdict each out. Pure, order-free, fail-closed.

    judge (one candidate: signals, ladder)  ->  conclude (the answer as a set: conflicts, releases, rules, admission)

The safe answer is written first: a candidate on which anything raises keeps `do_not_use` with `adjudication_error`.
`judge` works in chunks, so that a caller with an event loop can look at its deadline between them.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from firewall.core import ladder
from firewall.core.compiled import CompiledPolicy, CompiledRule, Env
from firewall.core.facts import Facts
from firewall.core.model import (
    Action,
    Candidate,
    Context,
    Family,
    Finding,
    Lifecycle,
    Mode,
    Surface,
    Trust,
    Verdict,
)
from firewall.core.plain import Draft, Plain, Sources
from firewall.core.reasons import head
from firewall.core.signals import (
    age,
    conflict,
    content,
    execution,
    ledger,
    lifecycle,
    outcome,
    provenance,
    scope,
    size,
    standing,
)
from firewall.core.state import State

Signal = Callable[[Candidate, Env], tuple[Finding, ...]]
SetSignal = Callable[[Sequence[Candidate], Sequence[Trust], Env], Mapping[int, tuple[Finding, ...]]]

#: A new one also goes into `_OF_STATE`, or `core.plain` has to know when it has nothing to say.
SIGNALS: tuple[Signal, ...] = (
    scope.check,
    provenance.check,
    lifecycle.check,
    age.check,
    content.check,
    outcome.check,
    execution.check,
    standing.check,
    ledger.check,
    size.check,
)
SET_SIGNALS: tuple[SetSignal, ...] = (conflict.check_set,)
WRITE_SIGNALS: tuple[Signal, ...] = (content.check,)

#: The signals that ask what is known of a memory, and whether anything is known of any: asked once an answer.
_OF_STATE: Mapping[Signal, Callable[[State], bool]] = {
    execution.check: lambda state: bool(state.routes.routes),
    standing.check: lambda state: bool(state.standings),
    ledger.check: lambda state: bool(state.reviewed_memories or state.suppressed or state.suppressions),
}

#: How many candidates are judged between two looks at the clock.
CHUNK = 200

# Looked up once: an enum finds its members by a Python call, which every candidate would pay.
_WRITE, _GOVERN = Surface.write, Surface.govern
_STANDARD = Mode.standard
_USE_NOW, _INSPECT, _DO_NOT_USE = Action.use_now, Action.inspect_before_use, Action.do_not_use

_FAILED = (Finding(Family.error, Action.do_not_use, "adjudication_error"),)
_FAILED_DRAFT = Draft(Trust.untrusted, _FAILED)
_CLEAN = {trust: Verdict(Action.use_now, admitted=True, trust=trust) for trust in Trust}


class Adjudication(msgspec.Struct, frozen=True):
    """`verdicts[i]` is the verdict of candidate i. `shadow_rules` counts what shadow rules would have done."""

    verdicts: tuple[Verdict, ...]
    shadow_rules: Mapping[str, int] = {}


def adjudicate(
    candidates: Sequence[Candidate],
    context: Context,
    state: State,
    policy: CompiledPolicy,
    now: float,
    *,
    signals: tuple[Signal, ...] = SIGNALS,
    set_signals: tuple[SetSignal, ...] = SET_SIGNALS,
) -> Adjudication:
    """Every candidate gets exactly one verdict; the order of candidates changes none of them."""
    env = Env(context, policy, state, now)
    return conclude(candidates, judge(candidates, env, signals), env, set_signals)


def judge(candidates: Sequence[Candidate], env: Env, signals: tuple[Signal, ...] = SIGNALS) -> list[Draft]:
    """Each candidate alone."""
    sources = Sources(env)
    plain = Plain(env, sources) if signals is SIGNALS else None
    of_state = [signal for signal, knows in _OF_STATE.items() if knows(env.state)]
    return [_judge_one(candidate, env, signals, of_state, sources, plain) for candidate in candidates]


def _judge_one(
    candidate: Candidate,
    env: Env,
    signals: Sequence[Signal],
    of_state: Sequence[Signal],
    sources: Sources,
    plain: Plain | None,
) -> Draft:
    """A plain candidate meets the signals of the state alone."""
    findings: tuple[Finding, ...] = ()
    try:
        draft = None if plain is None else plain.draft_of(candidate)
        for signal in signals if draft is None else of_state:
            found = signal(candidate, env)
            if found:
                findings += found
        if draft is None:
            draft = sources.draft_of(candidate)
    except Exception:  # noqa: BLE001  the enforcement boundary: whatever fails here must fail closed
        return _FAILED_DRAFT
    return Draft(draft.trust, findings + ladder.beside(findings, draft.findings)) if findings else draft


def conclude(
    candidates: Sequence[Candidate],
    drafts: Sequence[Draft],
    env: Env,
    set_signals: tuple[SetSignal, ...] = SET_SIGNALS,
) -> Adjudication:
    """The set: conflicts and duplicates among what is not already out, then releases, rules, admission."""
    relations = _relations(candidates, drafts, env, set_signals)
    rules = [rule for rule in env.policy.rules if env.context.surface in rule.surfaces]
    shadow: dict[str, int] = {}
    verdicts: list[Verdict] = []
    for index, (candidate, draft) in enumerate(zip(candidates, drafts, strict=True)):
        findings = draft.findings
        if relations:
            findings += relations.get(index, ())
        if not findings and not rules:
            verdicts.append(_CLEAN[draft.trust])
            continue
        try:
            findings = _without_released(candidate, findings, env)
            for rule in rules:
                findings += _apply(rule, candidate, draft.trust, findings, env, shadow)
        except Exception:  # noqa: BLE001  the enforcement boundary: whatever fails here must fail closed
            findings = _FAILED
        verdicts.append(_verdict(findings, draft.trust, env))
    return Adjudication(tuple(verdicts), shadow)


def _relations(
    candidates: Sequence[Candidate], drafts: Sequence[Draft], env: Env, set_signals: tuple[SetSignal, ...]
) -> dict[int, tuple[Finding, ...]]:
    """What the candidates say about each other. One that is out already says nothing about the rest."""
    standing_in = [
        index for index, draft in enumerate(drafts) if not draft.findings or not _is_out(draft.findings)
    ]
    if len(standing_in) < 2 or not set_signals:
        return {}
    everyone = len(standing_in) == len(candidates)
    chosen = candidates if everyone else [candidates[index] for index in standing_in]
    trusts = [drafts[index].trust for index in standing_in]
    relations: dict[int, tuple[Finding, ...]] = {}
    try:
        for signal in set_signals:
            for position, findings in signal(chosen, trusts, env).items():
                index = standing_in[position]
                relations[index] = relations.get(index, ()) + findings
    except Exception:  # noqa: BLE001  the enforcement boundary: whatever fails here must fail closed
        return dict.fromkeys(standing_in, _FAILED)
    return relations


def _is_out(findings: tuple[Finding, ...]) -> bool:
    return _DO_NOT_USE in [finding.action for finding in findings]


def _without_released(candidate: Candidate, findings: tuple[Finding, ...], env: Env) -> tuple[Finding, ...]:
    names = ledger.released(candidate, env)
    if not names:
        return findings
    kept: list[Finding] = []
    for finding in findings:
        name = finding.reason if finding.reason in names else head(finding.reason)
        if name in names and finding.family not in ledger.NEVER_RELEASED:
            kept.append(Finding(Family.held, Action.use_now, f"released:{name}"))
        else:
            kept.append(finding)
    return tuple(kept)


def _apply(
    rule: CompiledRule,
    candidate: Candidate,
    trust: Trust,
    findings: tuple[Finding, ...],
    env: Env,
    shadow: dict[str, int],
) -> tuple[Finding, ...]:
    if not rule.when(facts_of(candidate, trust, findings, env)):
        return ()
    if rule.shadow:
        shadow[rule.id] = shadow.get(rule.id, 0) + 1
        return ()
    evidence = (f"owasp:{rule.owasp}",) if rule.owasp else ()
    return (Finding(Family.rule, rule.action, f"policy:{rule.id}", evidence=evidence, rule=rule.id),)


def facts_of(candidate: Candidate, trust: Trust, findings: tuple[Finding, ...], env: Env) -> Facts:
    """What a rule sees: the candidate and what the signals made of it so far."""
    seconds = age.age_of(candidate, env.now)
    label = candidate.claims.lifecycle or Lifecycle.unknown
    return Facts(
        candidate=candidate,
        action=max((finding.action for finding in findings), default=Action.use_now),
        trust=trust,
        mode=env.context.mode,
        surface=env.context.surface.value,
        attestation=candidate.attestation.value,
        lifecycle=label.value,
        age_days=None if seconds is None else seconds / 86_400.0,
        families=frozenset(finding.family.value for finding in findings),
        reasons=frozenset(finding.reason for finding in findings),
        tenant=env.context.tenant,
        scope=env.context.scope,
        query=env.context.query,
    )


def _verdict(findings: tuple[Finding, ...], trust: Trust, env: Env) -> Verdict:
    ordered = findings if len(findings) < 2 else tuple(sorted(findings, key=_rank))
    action = ordered[0].action if ordered else _USE_NOW
    return Verdict(action, _admits(action, ordered, env), trust, ordered)


def _rank(finding: Finding) -> tuple[int, str, str]:
    return (-finding.action, finding.family, finding.reason)


def _admits(action: Action, findings: tuple[Finding, ...], env: Env) -> bool:
    """What the surface does with the action.

    Drop-in traffic admits some `inspect_before_use` with its posture, by family, in mode standard only. One pointer that
    was asked for by its id is thereby rehydrated, if nothing else speaks against it.
    """
    if action is _USE_NOW:
        return True
    context = env.context
    if context.surface is _WRITE:
        strict = context.mode is not _STANDARD or env.policy.source.surfaces.write.content == "refuse"
        return not (strict and action is _DO_NOT_USE)
    if action is _DO_NOT_USE or context.surface is _GOVERN:
        return False
    if action is Action.rehydrate and not context.by_id:
        return False
    admits = env.policy.admits if context.mode is _STANDARD else frozenset()
    return all(finding.family in admits for finding in findings if finding.action is _INSPECT)
