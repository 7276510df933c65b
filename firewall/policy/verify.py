"""Runs policy suites: the same adjudication as in traffic, on fixtures, compared with what the author expects.

Nothing is printed here; `report` turns the results into text or JUnit XML. A result names candidates, actions and
reason codes, never a memory's text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from firewall.core.adjudicate import adjudicate
from firewall.core.compiled import CompiledPolicy
from firewall.core.events import Event, Record, Reviewed, ScopeKey, StandingGiven, text_digest
from firewall.core.model import Candidate, Claims, Context, Mode, Trust, Verdict
from firewall.core.routes import ExecutionRoute, RouteIndex
from firewall.core.state import State, fold_all
from firewall.errors import ConfigError, Problem
from firewall.policy.load import SHIPPED, SUITE_SUFFIX, load_policy
from firewall.policy.suite import EVERY, CandidateFixture, Case, Input, Suite, Want, load_suite


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case. `failures` are sentences; none of them means that it passed."""

    name: str
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """One suite file, run under one policy."""

    file: str
    policy: str
    cases: tuple[CaseResult, ...]

    @property
    def failed(self) -> int:
        return sum(bool(case.failures) for case in self.cases)


def find_suites(places: Iterable[Path]) -> list[Path]:
    """The suite files at these places, directories searched whole. ConfigError where there is none."""
    found: list[Path] = []
    problems: list[Problem] = []
    for place in places:
        files = sorted(place.rglob(f"*{SUITE_SUFFIX}")) if place.is_dir() else [place]
        if not files:
            problems.append(Problem(str(place), 0, 0, "", f"holds no suite (*{SUITE_SUFFIX})"))
        found += [file for file in files if file not in found]
    if problems:
        raise ConfigError(problems)
    return found


def verify(files: Sequence[Path], policy: str | None = None) -> list[SuiteResult]:
    """Run the suites, each under its own policy or all under `policy`. ConfigError lists what cannot be run at all."""
    problems: dict[str, Problem] = {}  # by their words: two suites may share one broken policy
    ready: list[tuple[Path, Suite, CompiledPolicy]] = []
    compiled: dict[str | Path, CompiledPolicy] = {}
    for file in files:
        try:
            suite = load_suite(file)
            source = policy or (suite.policy if suite.policy in SHIPPED else file.parent / suite.policy)
            if source not in compiled:
                compiled[source] = load_policy(source)
            ready.append((file, suite, compiled[source]))
        except ConfigError as error:
            problems.update((str(problem), problem) for problem in error.problems)
    if problems:
        raise ConfigError(list(problems.values()))
    return [run_suite(suite, str(file), chosen) for file, suite, chosen in ready]


def run_suite(suite: Suite, file: str, policy: CompiledPolicy) -> SuiteResult:
    """Every case of one suite under one policy."""
    cases = tuple(CaseResult(case.name, tuple(_run_case(suite, case, policy))) for case in suite.cases)
    return SuiteResult(file, policy.label, cases)


def _run_case(suite: Suite, case: Case, policy: CompiledPolicy) -> list[str]:
    names = suite.chosen(case)
    now = suite.now.timestamp()
    candidates = {name: _candidate(name, suite.candidates[name]) for name in names}
    verdicts = adjudicate(
        list(candidates.values()),
        _context(case.input, policy),
        _state(suite, case.input, candidates, now),
        policy,
        now,
    ).verdicts
    failures: list[str] = []
    for name, verdict in zip(candidates, verdicts, strict=True):
        want = case.want.get(name) or case.want[EVERY]
        failures += [f"{name}: {difference}" for difference in _differences(want, verdict)]
    return failures


def _differences(want: Want, verdict: Verdict) -> list[str]:
    because = f" ({', '.join(verdict.reasons)})" if verdict.reasons else ""
    found: list[str] = []
    if want.action is not None and verdict.action.name != want.action:
        found.append(f"action is {verdict.action.name}{because}, expected {want.action}")
    if want.admitted is not None and verdict.admitted is not want.admitted:
        state = "admitted" if verdict.admitted else "withheld"
        found.append(f"is {state}{because}, expected to be {'admitted' if want.admitted else 'withheld'}")
    if want.trust is not None and verdict.trust.name != want.trust:
        found.append(f"trust is {verdict.trust.name}, expected {want.trust}")
    if want.reasons is not None:
        missing = [wanted for wanted in want.reasons if not any(_is(wanted, got) for got in verdict.reasons)]
        surplus = [got for got in verdict.reasons if not any(_is(wanted, got) for wanted in want.reasons)]
        if missing or surplus:
            got = ", ".join(verdict.reasons) or "none"
            found.append(f"reasons are {got}, expected {', '.join(want.reasons) or 'none'}")
    return found


def _is(wanted: str, reason: str) -> bool:
    return reason == wanted or reason.startswith(f"{wanted}:")


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _candidate(name: str, fixture: CandidateFixture) -> Candidate:
    claims = fixture.claims
    return Candidate(
        id=fixture.id or name,
        upstream=fixture.upstream,
        text=fixture.text * fixture.repeat,
        backend=fixture.backend,
        kind=fixture.kind,
        title=fixture.title,
        owner=fixture.owner,
        created_at=_seconds(fixture.created_at),
        updated_at=_seconds(fixture.updated_at),
        claimed_at=_seconds(fixture.claimed_at),
        expires_at=_seconds(fixture.expires_at),
        invalid_at=_seconds(fixture.invalid_at),
        superseded_by=fixture.superseded_by,
        claims=Claims(
            trust=None if claims.trust is None else Trust[claims.trust],
            authority_scope=claims.authority_scope,
            evidence=claims.evidence,
            lifecycle=claims.lifecycle,
        ),
        writer=fixture.writer,
        source_class=fixture.source_class,
        attestation=fixture.attestation,
        target_files=fixture.target_files,
        task_signature=fixture.task_signature,
        evidence_refs=fixture.evidence_refs,
        attached=fixture.attached,
    )


def _context(given: Input, policy: CompiledPolicy) -> Context:
    return Context(
        decision_id="policy-test",
        surface=given.surface,
        mode=max(Mode[given.mode], policy.mode),
        tenant=given.tenant,
        scope=given.scope,
        principal=given.principal,
        max_trust=Trust[given.max_trust],
        pin=given.pin,
        by_id=given.by_id,
        ranked=given.ranked,
        query=given.query,
    )


def _state(suite: Suite, given: Input, candidates: Mapping[str, Candidate], now: float) -> State:
    """What is known, folded from events as in traffic, so that a suite cannot state what could never come about."""
    events: list[Event] = []
    for review in given.reviews:
        candidate = candidates[review.candidate]
        events.append(
            Reviewed(
                upstream=candidate.upstream,
                memory_id=candidate.id,
                digest=text_digest(candidate.text),
                decision=review.decision,
                findings=review.findings,
                until=_seconds(review.until),
                reviewer="policy-test",
                at=now,
            )
        )
    for standing in given.standings:
        candidate = candidates[standing.candidate]
        events.append(
            StandingGiven(
                upstream=candidate.upstream,
                memory_id=candidate.id,
                outcome=standing.outcome,
                strength=standing.strength,
                principal="policy-test",
                at=now,
            )
        )
    key = ScopeKey(given.tenant, given.scope)
    state = State(routes=RouteIndex.of(_route(name, suite) for name in given.routes))
    return fold_all(
        state,
        (
            Record(key=key, offset=offset, event_id=f"policy-test-{offset}", event=event)
            for offset, event in enumerate(events, start=1)
        ),
    )


def _route(name: str, suite: Suite) -> ExecutionRoute:
    route = suite.routes[name]
    return ExecutionRoute(
        step_id=name,
        state=route.state,
        title=route.title,
        text=route.text,
        task_signature=route.task_signature,
        target_files=route.target_files,
        evidence_refs=route.evidence_refs,
        memory_ids=route.memory_ids,
    )
