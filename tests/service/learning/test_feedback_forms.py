"""The other forms of feedback: a host's assertion without a guide, and feedback on a chosen tool."""

import pytest

from firewall.core.evidence import FeedbackGiven, Observed, ToolFeedbackGiven
from firewall.service.learning.feedback import feedback
from firewall.service.principals import Principal
from tests.service.learning.desk import NOW, Json, Office, about, exposed, item, private_to


@pytest.fixture
async def office() -> Office:
    """A guide of one memory, that chose a tool."""
    opened = Office()
    await opened.log(exposed(item("a17e")))
    return opened


async def test_without_a_guide_it_is_only_noted(office: Office) -> None:
    """An explicit assertion of the host is in the log, and moves no standing."""
    body = about(
        "a17e",
        guide_trace_id=None,
        used_surface="explicit_host_assertion",
        outcome="negative",
        tool_status="failed",
    )
    answer = await office.ask(feedback, body)
    assert answer["feedback_learning_control"]["attribution_strength"] == "observed_feedback_only"
    assert answer["feedback_learning_control"]["affected"] == []
    assert answer["forget_effect"]["changed_count"] == 0
    assert (office.state.standings, office.state.learning.unattributed) == ({}, 1)
    assert (await office.reply(feedback, body)).replayed
    assert len(office.events(FeedbackGiven)) == 1


TOOL_BODY: Json = {
    "feedback_kind": "tool_selection",
    "guide_trace_id": "gt-1",
    "decision_id": "td-1",
    "run_id": "run-1",
    "selected_tool": "edit",
    "candidates": ["edit", "bash"],
    "outcome": "positive",
    "context": {"goal": "repair"},
}


async def test_feedback_on_a_tool(office: Office) -> None:
    """It is kept for those who learn from it, and changes no memory."""
    answer = await office.ask(feedback, TOOL_BODY)
    assert answer["result"]["tool_selection"]["decision_id"] == "td-1"
    assert answer["target"] == "tool"
    (event,) = office.events(ToolFeedbackGiven)
    assert (event.selected_tool, event.outcome) == ("edit", "positive")
    assert office.state.standings == {}
    assert (await office.reply(feedback, TOOL_BODY)).replayed


TOOL_REFUSALS: dict[str, tuple[Json, str]] = {
    "another decision": ({"decision_id": "td-2"}, "tool_decision_mismatch"),
    "another run": ({"run_id": "run-9"}, "tool_decision_mismatch"),
    "a tool that was not offered": (
        {"selected_tool": "rm", "candidates": ["rm"]},
        "tool_decision_mismatch",
    ),
    "a tool that is no candidate": ({"selected_tool": "rm"}, "invalid_request"),
    "an unknown guide": ({"guide_trace_id": "gt-9"}, "guide_trace_unknown"),
    "a bad digest": ({"input_sha256": "xyz"}, "invalid_request"),
    "a memory's field": ({"used_memory_ids": ["a17e"]}, "invalid_request"),
}


@pytest.mark.parametrize("name", TOOL_REFUSALS)
async def test_tool_refusals(office: Office, name: str) -> None:
    """The decision has to be that guide's, in that run."""
    fields, code = TOOL_REFUSALS[name]
    assert await office.refused(feedback, {**TOOL_BODY, **fields}) == (400, code)
    assert office.events(ToolFeedbackGiven) == []


async def test_a_guide_without_tools() -> None:
    """A guide that decided on no tool takes no feedback on one."""
    office = Office()
    await office.log(exposed(item("a17e"), tool=None))
    assert await office.refused(feedback, TOOL_BODY) == (400, "tool_decision_mismatch")


async def test_client_ids_stand_for_evidence_that_is_seen(office: Office) -> None:
    """A host may name its evidence by its own ids, if it may see it; the feedback is noted under the node's id."""
    await office.log(
        Observed(
            node_id="n1",
            kind="execution",
            client_id="mine",
            audience=private_to("w1"),
            principal="p",
            at=NOW,
            observed_at=NOW,
        )
    )
    ((client_id, _),) = office.state.evidence.clients.items()
    body = about(
        guide_trace_id=None,
        used_memory_ids=None,
        client_ids=[client_id],
        used_surface="explicit_host_assertion",
    )
    other = Principal(name="w2", agent="w2")
    assert await office.refused(feedback, body, other) == (400, "client_ids_unknown")
    answer = await office.ask(feedback, body, Principal(name="w1", agent="w1"))
    assert answer["forget_effect"]["affected_client_ids"] == [client_id]
    assert office.events(FeedbackGiven)[0].memory_ids == ("n1",)
