"""Request bodies from keyword arguments: whose a memory is, what is laid over what, and what is refused."""

import pytest

from firewall.client import GuideInput, MemfwError, MemoryInput, StepInput
from firewall.client.steps import guide_body, handoff_body, memory_body, recover_body, step_body
from firewall.service.evidence.observe_body import ObserveBody
from firewall.service.strict_body import validated


def test_without_a_team_a_step_is_private() -> None:
    """The writer owns what is private; what is shared belongs to the team."""
    private = step_body({"agent_id": "w", "title": "t"})
    assert (private["memory_lane"], private["owner_agent_id"]) == ("private", "w")
    assert "owner_team_id" not in private
    kept = step_body({"agent_id": "w", "title": "t", "team_id": "core", "memory_lane": "private"})
    assert (kept["owner_agent_id"], kept["owner_team_id"]) == ("w", "core")
    shared = step_body({"agent_id": "w", "title": "t", "team_id": "core"})
    assert shared["memory_lane"] == "shared"
    assert "owner_agent_id" not in shared


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (StepInput(agent_id=" ", title="t"), "agent_id_missing"),
        (StepInput(agent_id="w", title="t", memory_lane="shared"), "shared_lane_team_missing"),
    ],
)
def test_nobody_speaks_or_shares_with_nobody(step: StepInput, code: str) -> None:
    """An agent is needed, and for the shared lane a team."""
    with pytest.raises(MemfwError) as refused:
        step_body(step)
    assert refused.value.code == code


def test_the_result_summary() -> None:
    """Only for an outcome that is known; passed stands for succeeded; the evidence ref goes along."""
    step: StepInput = {"agent_id": "w", "title": "t", "summary": "s", "evidence_ref": "ci:1"}
    assert "slots" not in step_body(step)["execution"]  # type: ignore[operator]
    known = step_body({**step, "outcome": "succeeded"})
    assert known["execution"]["slots"] == {  # type: ignore[index]
        "execution_result_summary": {"status": "passed", "summary": "s", "evidence_refs": ["ci:1"]}
    }


def test_what_the_caller_says_comes_last() -> None:
    """Slots and execution are laid over what is made of the rest."""
    body = step_body(
        {
            "agent_id": "w",
            "title": "t",
            "task_signature": "a",
            "slots": {"task_signature": "b", "memory_ids": ["mem0:1"]},
            "execution": {"title": "other", "artifacts": [{"ref": "log"}]},
        }
    )
    assert body["execution"] == {
        "task_signature": "a",
        "title": "other",
        "outcome": "unknown",
        "slots": {"task_signature": "b", "memory_ids": ["mem0:1"]},
        "artifacts": [{"ref": "log"}],
    }
    validated(ObserveBody, body)


@pytest.mark.parametrize(
    ("kind", "node_type"),
    [
        ("fact", "concept"),
        ("project_context", "concept"),
        ("preference", "self_model"),
        ("procedure", "procedure"),
        ("event", "event"),
        ("evidence", "evidence"),
    ],
)
def test_kinds_of_memory(kind: str, node_type: str) -> None:
    """Each kind is a node of its type."""
    memory: MemoryInput = {"agent_id": "w", "text": "x", "kind": kind}  # type: ignore[typeddict-item]
    body = memory_body(memory)
    assert body["memory"]["type"] == node_type  # type: ignore[index]
    validated(ObserveBody, body)


def test_nothing_to_remember() -> None:
    """Blank text is refused."""
    with pytest.raises(MemfwError) as refused:
        memory_body({"agent_id": "w", "text": " \n"})
    assert refused.value.code == "memory_text_empty"


def test_guide_options_come_last() -> None:
    """Fields of the request that have no keyword go through `options`."""
    question: GuideInput = {"agent_id": "w", "query_text": "q", "limit": 3, "options": {"tool_strict": True}}
    assert guide_body(question) == {
        "query_text": "q",
        "agent_role": "agent",
        "consumer_agent_id": "w",
        "limit": 3,
        "include_packets": True,
        "tool_strict": True,
    }


def test_a_handoff_falls_back_to_its_summary() -> None:
    """Text: what is given, else the hint, else the summary; the next action: what is given, else the hint."""
    bare = handoff_body({"agent_id": "w", "summary": "s"})
    assert bare["handoff_text"] == "s"
    assert "next_action" not in bare
    said = handoff_body(
        {"agent_id": "w", "summary": "s", "continuation_hint": "h", "handoff_text": "t", "anchor": "a"}
    )
    assert (said["handoff_text"], said["next_action"], said["anchor"]) == ("t", "h", "a")


def test_an_unnamed_handoff() -> None:
    """Which one?"""
    with pytest.raises(MemfwError) as refused:
        recover_body({"agent_id": "w"})
    assert refused.value.code == "handoff_unnamed"
