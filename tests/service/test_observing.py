"""From a body to events: which words go where, and what of them an event may hold."""

from itertools import count
from typing import Any

import msgspec
import pytest

from firewall.core.evidence import Observed
from firewall.core.visibility import SCOPE_WIDE
from firewall.errors import CallerError
from firewall.service.evidence.observe_body import ObserveBody
from firewall.service.evidence.observing import PAYLOAD_BYTES, Stamp, events_of, stamp_of
from firewall.service.principals import LOCAL, Principal, Role
from firewall.service.strict_body import validated

STAMP = Stamp(principal="p", role="worker", verified=False, audience=SCOPE_WIDE, at=9.0, observed_at=8.0)


def made(**body: Any) -> list[Observed]:
    numbers = count()
    return events_of(validated(ObserveBody, body), STAMP, STAMP, lambda: f"n{next(numbers)}")


def test_a_step_in_full() -> None:
    """Each word of a step has its place; refs come from all the places where they may stand, each once."""
    (event,) = made(
        execution={
            "title": "T",
            "summary": "S",
            "outcome": "failed",
            "evidence_ref": "e1",
            "raw_ref": "raw",
            "evidence": [{"ref": "e2", "more": 1}, {"id": "e3"}, {}],
            "continuation_hint": "go on",
            "workflow_steps": ["one"],
            "slots": {
                "task_signature": "sig",
                "evidence_refs": ["e1", "e4"],
                "memory_ids": ["mem0:1"],
                "execution_result_summary": {"evidence_refs": ["e5"]},
                "handoff_target": "verifier",
            },
        }
    )
    assert event.evidence_refs == ("e1", "e2", "e3", "raw", "e4", "e5")
    assert (event.task_signature, event.memory_ids, event.next_action) == ("sig", ("mem0:1",), "go on")
    assert (event.role, event.at, event.observed_at) == ("worker", 9.0, 8.0)
    assert (event.handoff_target, event.workflow_steps) == ("verifier", ("one",))


def test_the_text_beside_a_step() -> None:
    """It is the step's only where the step has no summary; it is kept in the payload either way."""
    (silent,) = made(input_text="aloud", execution={"title": "T"})
    (said,) = made(input_text="aloud", execution={"title": "T", "summary": "S"})
    assert (silent.text, said.text) == ("aloud", "S")
    assert msgspec.json.decode(said.payload)["input_text"] == "aloud"


def test_a_payload_is_canonical_and_bounded() -> None:
    """The order in which keys were sent changes nothing; what is too large is refused, not cut."""
    (one,) = made(memory={"title": "T", "slots": {"a": 1, "b": 2}})
    (other,) = made(memory={"slots": {"b": 2, "a": 1}, "title": "T"})
    assert one.payload == other.payload
    with pytest.raises(CallerError) as caught:
        made(memory={"title": "T", "slots": {"log": "x" * PAYLOAD_BYTES}})
    assert (caught.value.status, caught.value.code) == (413, "evidence_too_large")


def test_what_memory_holds_is_bounded() -> None:
    """Lists and their words are cut for memory; the payload holds them whole."""
    steps = ["s" * 4_000] * 256
    with pytest.raises(CallerError):
        made(execution={"title": "T", "workflow_steps": steps})
    (event,) = made(execution={"title": "T", "workflow_steps": steps[:60], "acceptance_checks": ["c"] * 256})
    assert (len(event.workflow_steps), len(event.workflow_steps[0])) == (32, 480)
    assert len(msgspec.json.decode(event.payload)["execution"]["acceptance_checks"]) == 256


@pytest.mark.parametrize(
    ("role", "said", "observed"),
    [
        (Role.agent, 5.0, 10.0),
        (Role.host, 5.0, 5.0),
        (Role.reviewer, 5.0, 5.0),
        (Role.admin, 5.0, 5.0),
        (Role.host, 15.0, 10.0),
        (Role.host, None, 10.0),
    ],
)
def test_when(role: Role, said: float | None, observed: float) -> None:
    """Hosts, reviewers and administrators may say when, never ahead of now."""
    stamp = stamp_of(
        Principal(name="p", role=role), role=None, audience=SCOPE_WIDE, now=10.0, observed_at=said
    )
    assert (stamp.at, stamp.observed_at) == (10.0, observed)


@pytest.mark.parametrize(("role", "verified"), [(None, False), ("worker", False), ("verifier", True)])
def test_whose_word_is_settled(role: str | None, verified: bool) -> None:
    """A verifier's or reviewer's."""
    assert stamp_of(LOCAL, role=role, audience=SCOPE_WIDE, now=1.0).verified is verified
