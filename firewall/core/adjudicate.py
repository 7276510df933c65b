"""Adjudication: candidates in, one verdict each out. Pure, order-free, fail-closed.

    judge (one candidate: signals, ladder)  ->  conclude (the answer as a set: conflicts, releases, rules, admission)

The safe answer is written first: a candidate on which anything raises keeps `do_not_use` with `adjudication_error`.
`judge` works in chunks, so that a caller with an event loop can look at its deadline between them.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence

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
from firewall.core.plain import FAILED, FAILED_DRAFT, Draft, Looked, Sources, look
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
from firewall.core.signals.conflict.duplicates import pointed
from firewall.core.signals.scan import seen_in
from firewall.core.state import State
from firewall.core.survey import Survey, survey_of
from firewall.core.writing import WriteAction, write_action

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
#: A new one has to be known to `_rivals`, which says of whom these can find anything.
SET_SIGNALS: tuple[SetSignal, ...] = (conflict.check_set,)
WRITE_SIGNALS: tuple[Signal, ...] = (content.check,)

#: The signals that read nothing of a candidate that is plain but for its text.
_OF_TEXT: tuple[Signal, ...] = (content.check, outcome.check)

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

_CLEAN = {trust: Verdict(Action.use_now, admitted=True, trust=trust) for trust in Trust}


class Adjudication(msgspec.Struct, frozen=True):
    """`verdicts[i]` is the verdict of candidate i. `shadow_rules` counts what shadow rules would have done.

    `places` is `marked`, where the one who made it knows it.
    """

    verdicts: tuple[Verdict, ...]
    shadow_rules: Mapping[str, int] = {}
    places: Sequence[int] | None = None

    def named(self, candidates: Sequence[Candidate]) -> list[tuple[Candidate, Verdict]]:
        """Those that are not plain `use_now`: what is told of an answer is told of them."""
        return [(candidates[index], self.verdicts[index]) for index in self.marked]

    @property
    def marked(self) -> Sequence[int]:
        """Where those stand, in their order."""
        if self.places is not None:
            return self.places
        return [index for index, verdict in enumerate(self.verdicts) if verdict.findings]


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
    survey = survey_of(candidates)
    drafts = judge(candidates, env, signals, survey=survey)
    return conclude(candidates, drafts, env, set_signals, survey=survey)


def judge(
    candidates: Sequence[Candidate],
    env: Env,
    signals: tuple[Signal, ...] = SIGNALS,
    *,
    survey: Survey | None = None,
) -> list[Draft]:
    """Each candidate alone. A plain one meets the signals of the state alone, and most answers are judged by none. `survey` is
    that of the candidates, where it is known."""
    sources = Sources(env)
    if signals is SIGNALS:
        looked = look(candidates, survey_of(candidates) if survey is None else survey, env, sources)
    else:
        looked = Looked([FAILED_DRAFT] * len(candidates), (), range(len(candidates)))
    drafts = looked.drafts
    of_state = [signal for signal, knows in _OF_STATE.items() if knows(env.state)]
    if of_state:
        for index, draft in enumerate(drafts):
            if draft is not FAILED_DRAFT:
                drafts[index] = _judge_one(candidates[index], env, of_state, sources)
    by_text = (*_OF_TEXT, *of_state)
    alike: dict[Hashable, Draft] = {}
    for index in looked.by_text:
        drafts[index] = _judge_text(candidates[index], env, by_text, sources, alike)
    for index in looked.by_all:
        drafts[index] = _judge_one(candidates[index], env, signals, sources)
    return drafts


def _judge_text(
    candidate: Candidate, env: Env, due: Sequence[Signal], sources: Sources, alike: dict[Hashable, Draft]
) -> Draft:
    """As `_judge_one`, of a candidate that is plain but for its text. `alike` are those of this answer by all that the
    signals of the text read of one: a hostile text seldom comes alone."""
    if len(due) > len(_OF_TEXT):
        return _judge_one(candidate, env, due, sources)
    try:
        its, seen = candidate, seen_in(candidate.text)
        source = (
            its.upstream,
            its.backend,
            its.source_class,
            its.writer,
            its.claims,
            its.attestation,
            its.signed,
        )
        read = (seen.detections, outcome.outcome_of(its), source)
        draft = alike.get(read)
    except Exception:  # noqa: BLE001  the enforcement boundary: whatever fails here must fail closed
        return FAILED_DRAFT
    if draft is None:
        draft = _judge_one(candidate, env, due, sources)
        if draft is not FAILED_DRAFT:
            alike[read] = draft
    return draft


def _judge_one(candidate: Candidate, env: Env, due: Sequence[Signal], sources: Sources) -> Draft:
    findings: tuple[Finding, ...] = ()
    try:
        for signal in due:
            found = signal(candidate, env)
            if found:
                findings += found
        draft = sources.draft_of(candidate)
    except Exception:  # noqa: BLE001  the enforcement boundary: whatever fails here must fail closed
        return FAILED_DRAFT
    return Draft(draft.trust, findings + ladder.beside(findings, draft.findings)) if findings else draft


def conclude(
    candidates: Sequence[Candidate],
    drafts: Sequence[Draft],
    env: Env,
    set_signals: tuple[SetSignal, ...] = SET_SIGNALS,
    *,
    survey: Survey | None = None,
) -> Adjudication:
    """The set: conflicts and duplicates among what is not already out, then releases, rules, admission."""
    if len(drafts) != len(candidates):
        raise ValueError("a draft for each candidate is needed")
    marked = [index for index, draft in enumerate(drafts) if draft.findings]
    among = None if survey is None or set_signals is not SET_SIGNALS else _rivals(survey, env)
    relations = _relations(candidates, drafts, env, set_signals, among) if among is None or among else {}
    rules = env.policy.rules and [rule for rule in env.policy.rules if env.context.surface in rule.surfaces]
    shadow: dict[str, int] = {}
    verdicts = [_CLEAN[draft.trust] for draft in drafts]
    due: Sequence[int] = range(len(drafts))
    if not rules:
        due = sorted({*marked, *relations}) if relations else marked
    # Where nothing looks at the candidate itself any more, one draft has one verdict.
    shared = not rules and not env.state.reviewed_memories
    of_draft: dict[int, Verdict] = {}
    for index in due:
        draft = drafts[index]
        if shared and index not in relations:
            known = of_draft.get(id(draft))
            if known is None:
                known = of_draft[id(draft)] = _verdict(draft.findings, draft.trust, env)
            verdicts[index] = known
            continue
        candidate, trust = candidates[index], draft.trust
        try:
            findings = draft.findings + relations.get(index, ())
            if findings and env.state.reviewed_memories:
                findings = _without_released(candidate, findings, env)
            for rule in rules:
                findings += _apply(rule, candidate, trust, findings, env, shadow)
        except Exception:  # noqa: BLE001  the enforcement boundary: whatever fails here must fail closed
            findings = FAILED
        verdicts[index] = _verdict(findings, trust, env)
    return Adjudication(tuple(verdicts), shadow, [index for index in due if verdicts[index].findings])


def _rivals(survey: Survey, env: Env) -> Sequence[int] | None:
    """Those of which `SET_SIGNALS` can find anything; None where that may be any."""
    anybody = survey.reaching or survey.namesakes or survey.odd or (survey.copies and pointed(env))
    return None if anybody else survey.cued


def _relations(
    candidates: Sequence[Candidate],
    drafts: Sequence[Draft],
    env: Env,
    set_signals: tuple[SetSignal, ...],
    among: Sequence[int] | None,
) -> dict[int, tuple[Finding, ...]]:
    """What the candidates say about each other, all or only those `among` them. One that is out already says nothing about
    the rest; where the look fails, all who were held against each other are out."""
    standing_in = [
        index
        for index in (range(len(drafts)) if among is None else among)
        if not (drafts[index].findings and _is_out(drafts[index].findings))
    ]
    if len(standing_in) < 2 or not set_signals:
        return {}
    chosen = [candidates[index] for index in standing_in]
    trusts = [drafts[index].trust for index in standing_in]
    relations: dict[int, tuple[Finding, ...]] = {}
    try:
        for signal in set_signals:
            for position, findings in signal(chosen, trusts, env).items():
                index = standing_in[position]
                relations[index] = relations.get(index, ()) + findings
    except Exception:  # noqa: BLE001  the enforcement boundary: whatever fails here must fail closed
        return dict.fromkeys(standing_in, FAILED)
    return relations


def _is_out(findings: tuple[Finding, ...]) -> bool:
    for finding in findings:  # noqa: SIM110  a call for each finding less than `any`
        if finding.action is _DO_NOT_USE:
            return True
    return False


def _without_released(candidate: Candidate, findings: tuple[Finding, ...], env: Env) -> tuple[Finding, ...]:
    whole = ledger.released_whole(candidate, env)
    names = whole | ledger.released(candidate, env)
    if not names:
        return findings
    kept: list[Finding] = []
    for finding in findings:
        reach = whole if ledger.beside_text(finding) else names
        name = finding.reason if finding.reason in reach else head(finding.reason)
        if name in reach and finding.family not in ledger.NEVER_RELEASED:
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
        return write_action(findings, context.mode, *env.policy.writes) < WriteAction.hold
    if action is _DO_NOT_USE or context.surface is _GOVERN:
        return False
    if action is Action.rehydrate and not context.by_id:
        return False
    admits = env.policy.admits if context.mode is _STANDARD else frozenset()
    return all(finding.family in admits for finding in findings if finding.action is _INSPECT)
