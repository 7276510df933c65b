"""The small signals by their cases, and what the log has said of a memory: lifecycle, age, size, trust, ledger, standing."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from firewall.core.compiled import CompiledPolicy, Env, compile_policy
from firewall.core.events import Event, Record, Reviewed, ScopeKey, StandingGiven, text_digest
from firewall.core.model import Candidate, Context, Family, Finding, Mode, Surface, Trust
from firewall.core.policy import Policy
from firewall.core.signals import age, ledger, lifecycle, provenance, size, standing
from firewall.core.state import State, fold_all

NOW = 1_795_305_600.0
DAY = 86_400.0
CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load(Path(__file__).with_name("small.yaml").read_text())
SIGNALS = {
    "lifecycle": lifecycle.check,
    "age": age.check,
    "size": size.check,
    "provenance": provenance.check,
}
TIMES = ("created_at", "updated_at", "claimed_at", "expires_at", "invalid_at")


def policy_of(case: dict[str, Any]) -> CompiledPolicy:
    defaults = Policy()
    given = case.get("policy", {})
    trust = {"attestation": {**defaults.trust.attestation, **given.get("trust", {}).get("attestation", {})}}
    merged = {**given, "trust": {**given["trust"], **trust}} if "trust" in given else given
    return compile_policy(Policy.model_validate(merged), "test")


def candidate_of(case: dict[str, Any]) -> Candidate:
    fields = {"id": "m1", "upstream": "mem0", "text": "a memory", **case["candidate"]}
    fields |= {name: NOW + fields[name] * DAY for name in TIMES if name in fields}
    return msgspec.convert(fields, Candidate)


def env_of(case: dict[str, Any], state: State | None = None) -> Env:
    context = Context(
        decision_id="d",
        surface=Surface(case.get("surface", "drop_in")),
        mode=Mode[case.get("mode", "standard")],
        max_trust=Trust[case.get("max_trust", "trusted")],
    )
    return Env(context, policy_of(case), state or State(), NOW)


@pytest.mark.parametrize(
    ("signal", "case"),
    [
        pytest.param(name, case, id=f"{name}: {case['description']}")
        for name in SIGNALS
        for case in CASES[name]
    ],
)
def test_signal(signal: str, case: dict[str, Any]) -> None:
    """Each case of small.yaml gives just the findings that it names."""
    found = SIGNALS[signal](candidate_of(case), env_of(case))
    assert [f"{finding.action.name} {finding.reason}" for finding in found] == case["want"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["description"]) for case in CASES["trust"]])
def test_trust(case: dict[str, Any]) -> None:
    """The lowest trust of all that speak about a candidate."""
    env = env_of(case)
    assert provenance.trust_of(candidate_of(case), env.context, env.policy).name == case["want"]


MEMORY = Candidate(id="m1", upstream="mem0", text="a memory")
DIGEST = text_digest(MEMORY.text)


def after(*events: Event) -> Env:
    """What is known after these events."""
    records = [
        Record(key=ScopeKey(), offset=offset, event_id=str(offset), event=event)
        for offset, event in enumerate(events, start=1)
    ]
    return env_of({}, fold_all(State(), records))


def review(decision: str, *findings: str, digest: str = DIGEST, until: float | None = None) -> Reviewed:
    fields = {
        "upstream": "mem0",
        "memory_id": "m1",
        "digest": digest,
        "decision": decision,
        "findings": findings,
    }
    return msgspec.convert({**fields, "until": until, "reviewer": "r", "at": NOW}, Reviewed)


def reasons(found: tuple[Finding, ...]) -> list[str]:
    assert all(finding.family is Family.held for finding in found)
    return [f"{finding.action.name} {finding.reason}" for finding in found]


@pytest.mark.parametrize(
    ("events", "want"),
    [
        ([], []),
        ([review("confirm")], ["do_not_use ledger:confirmed"]),
        ([review("confirm", digest="another text")], []),
        ([review("suppress", digest="another text")], ["do_not_use ledger:suppressed"]),
        ([review("forget", digest="another text")], ["do_not_use ledger:forgotten"]),
        ([review("suppress"), review("release", "injection")], []),
        ([review("forget"), review("release", "injection")], ["do_not_use ledger:forgotten"]),
        ([review("confirm"), review("release", "injection")], []),
    ],
)
def test_ledger(events: list[Event], want: list[str]) -> None:
    """A confirmation is of one text, a suppression of the memory; a release lifts both, and nothing a forgetting."""
    assert reasons(ledger.check(MEMORY, after(*events))) == want


@pytest.mark.parametrize(
    ("events", "want"),
    [
        ([], set()),
        ([review("release", "injection", "markup:chat")], {"injection", "markup:chat"}),
        ([review("release", "injection", digest="another text")], set()),
        ([review("release", "injection", until=NOW + 1)], {"injection"}),
        ([review("release", "injection", until=NOW)], set()),
        ([review("release", "injection"), review("confirm")], set()),
    ],
)
def test_released(events: list[Event], want: set[str]) -> None:
    """A release names findings, is of one text, and ends when it says so."""
    assert ledger.released(MEMORY, after(*events)) == want


def given(outcome: str, strength: str = "weak", memory: str = "m1") -> StandingGiven:
    fields = {"upstream": "mem0", "memory_id": memory, "outcome": outcome, "strength": strength}
    return msgspec.convert({**fields, "principal": "p", "at": NOW}, StandingGiven)


@pytest.mark.parametrize(
    ("events", "demoted"),
    [
        ([], False),
        ([given("harmed")], False),
        ([given("harmed"), given("harmed")], True),
        ([given("harmed", "strong")], True),
        ([given("harmed", "strong", "m2")], False),
        ([given("harmed", "strong"), given("helped")], True),
        ([given("harmed", "strong"), given("helped"), given("helped")], False),
        ([given("helped")] * 9, False),
        ([given("withdrawn", "strong")] * 9, False),
    ],
)
def test_standing(events: list[Event], *, demoted: bool) -> None:
    """One strong harm or two weak ones ask for inspection, until as many helps follow; nothing blocks."""
    found = standing.check(MEMORY, after(*events))
    assert [(finding.action.name, finding.reason) for finding in found] == (
        [("inspect_before_use", "closed_loop:demoted")] if demoted else []
    )
