"""Ordinary memories simply work: plain use_now in mode standard, from an unsigned, unlabelled Mem0 row."""

from pathlib import Path

import pytest
import yaml

from firewall.core.adjudicate import adjudicate
from firewall.core.compiled import compile_policy
from firewall.core.model import Action, Candidate, Context
from firewall.core.policy import Policy
from firewall.core.state import State

NOW = 1_795_305_600.0
ORDINARY = yaml.safe_load((Path(__file__).parent / "ordinary.yaml").read_text())


def _candidate(index: int, text: str) -> Candidate:
    return Candidate(
        id=f"m{index}", upstream="mem0", text=text, owner={"user_id": "u1"}, created_at=NOW - 86_400.0 * 90
    )


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_memory_is_admitted_unmarked(text: str) -> None:
    """Admitted as use_now: no posture, nothing withheld."""
    context = Context(decision_id="d", pin={"user_id": "u1"}, ranked=True)
    verdict = adjudicate(
        [_candidate(0, text)], context, State(), compile_policy(Policy(), "test"), NOW
    ).verdicts[0]
    assert verdict.action is Action.use_now, verdict.reasons
    assert verdict.admitted


def test_all_ordinary_memories_together_are_admitted_unmarked() -> None:
    """In one answer they do not contradict each other either."""
    answer = [_candidate(index, text) for index, text in enumerate(ORDINARY)]
    context = Context(decision_id="d", pin={"user_id": "u1"}, ranked=True)
    verdicts = adjudicate(answer, context, State(), compile_policy(Policy(), "test"), NOW).verdicts
    marked = {
        text: verdict.reasons
        for text, verdict in zip(ORDINARY, verdicts, strict=True)
        if verdict.action is not Action.use_now
    }
    assert marked == {}
