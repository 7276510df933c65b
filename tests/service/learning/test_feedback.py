"""Feedback: what it must hold to, what it counts, and what it moves."""

from typing import Any

import pytest

from firewall.core.adjudicate import adjudicate
from firewall.core.attribution import MOST_FEEDBACK
from firewall.core.evidence import FeedbackGiven, Tended
from firewall.core.model import Action, Candidate, Context
from firewall.service.learning.feedback import feedback
from firewall.service.principals import Principal, Role
from tests.service.learning.desk import (
    NOW,
    POLICY,
    Json,
    Office,
    about,
    exposed,
    item,
    private_to,
)

BOTH = (item("a17e"), item("b2"), item("6d0c", "do_not_use", "failed_branch"), item("raw", "rehydrate"))


@pytest.fixture
async def office() -> Office:
    """One guide: two memories for use, one blocked, one pointer, one to inspect, one not for the agent."""
    opened = Office()
    await opened.log(
        exposed(
            *BOTH, item("look", "inspect_before_use", "contested_route"), item("aside", "not_agent_facing")
        )
    )
    return opened


def control(answer: Json) -> Json:
    found: Json = answer["feedback_learning_control"]
    return found


async def test_the_worked_example(office: Office) -> None:
    """A positive on a used memory: counted once, for that one, and no authority changes."""
    answer = await office.ask(
        feedback, about("a17e", actor="reviewer-1", verifier_status="passed", tenant_id="default")
    )
    assert answer["contract_version"] == "aionis_feedback_result_v1"
    assert (answer["operation"], answer["target"]) == ("activate", "memory")
    assert answer["forget_effect"] == {
        "action": "activate",
        "target": "memory",
        "changed_count": 1,
        "affected_memory_ids": ["a17e"],
        "affected_client_ids": [],
        "anchor_id": None,
        "anchor_uri": None,
    }
    assert control(answer)["attribution_strength"] == "positive_attribution"
    assert control(answer)["authority_mutation"] is False
    (affected,) = control(answer)["affected"]
    assert (affected["memory_id"], affected["next_posture"]) == ("a17e", "use_now")
    assert answer["result"]["activated"]["updated_ids"] == ["a17e"]
    assert answer["source_map"]["routes_used"] == ["/v1/feedback"]
    assert office.state.standings["memfw", "a17e"].helped == 1


# ---- thresholds --------------------------------------------------------------------------------------------------

NEG: Json = {"outcome": "negative"}
THRESHOLDS: dict[str, tuple[list[Json], str, str]] = {
    "a positive supports": ([{}], "positive_attribution", "use_now"),
    "a neutral says nothing": ([{"outcome": "neutral"}], "none", "use_now"),
    "one weak negative changes nothing": ([NEG], "weak_below_threshold", "use_now"),
    "a second run has it inspected": (
        [NEG, {**NEG, "run_id": "run-2"}],
        "repeated_weak_threshold_met",
        "inspect_before_use",
    ),
    "a verifier's failure at once": (
        [{**NEG, "verifier_status": "failed"}],
        "strong_signal_threshold_met",
        "inspect_before_use",
    ),
    "a tool's failure at once": (
        [{**NEG, "tool_status": "failed"}],
        "strong_signal_threshold_met",
        "inspect_before_use",
    ),
    "a runtime signal at once": (
        [{**NEG, "runtime_signal_refs": ["ci:812"]}],
        "strong_signal_threshold_met",
        "inspect_before_use",
    ),
    "a check that was not run is nothing": (
        [{**NEG, "verifier_status": "not_run", "tool_status": "unknown"}],
        "weak_below_threshold",
        "use_now",
    ),
    "a check that says the opposite is nothing": (
        [{**NEG, "verifier_status": "passed", "tool_status": "succeeded"}],
        "weak_below_threshold",
        "use_now",
    ),
    "as many helps bring it back": (
        [NEG, {**NEG, "run_id": "run-2"}, {"run_id": "run-3"}, {"run_id": "run-4"}],
        "positive_attribution",
        "use_now",
    ),
    "one help does not": (
        [{**NEG, "tool_status": "failed"}, {"run_id": "run-2"}],
        "positive_attribution",
        "inspect_before_use",
    ),
}


@pytest.mark.parametrize("name", THRESHOLDS)
async def test_thresholds(office: Office, name: str) -> None:
    """What is foretold of the last of these feedbacks, and that the projection then says the same."""
    posts, strength, posture = THRESHOLDS[name]
    answer: Json = {}
    for fields in posts:
        answer = await office.ask(feedback, about("a17e", **fields))
    (affected,) = control(answer)["affected"]
    assert (control(answer)["attribution_strength"], affected["next_posture"]) == (strength, posture)
    standing = office.state.standings["memfw", "a17e"]
    assert standing.demoted == (posture == "inspect_before_use")


async def test_unused_memory_is_never_blamed(office: Office) -> None:
    """Passed by in three runs without ever helping: named as a candidate for inspection, and no more."""
    answer: Json = {}
    for run in range(3):
        answer = await office.ask(feedback, about("a17e", run_id=f"run-{run}", **NEG))
    assert control(answer)["inspect_candidate_memory_ids"] == ["b2"]
    unused = office.state.standings["memfw", "b2"]
    assert (unused.harmed_weak, unused.harmed_strong, unused.demoted) == (0, 0, False)
    assert ("memfw", "6d0c") not in office.state.standings


async def test_only_its_standing_had_it_inspected() -> None:
    """A memory that was inspected for its standing alone is used again once it helped enough; others are not."""
    office = Office()
    items = (
        item("a", "inspect_before_use", "closed_loop:demoted"),
        item("b", "inspect_before_use", "too_old"),
    )
    await office.log(exposed(*items))
    body = about(
        "a", "b", used_surface="inspect_before_use", verifier_status="passed", runtime_signal_refs=["s"]
    )
    answer = await office.ask(feedback, body)
    assert [one["next_posture"] for one in control(answer)["affected"]] == ["use_now", "inspect_before_use"]


# ---- refusals ----------------------------------------------------------------------------------------------------

LIGHT: Json = {"verifier_status": "passed", "runtime_signal_refs": ["ci:812"]}
REFUSALS: dict[str, tuple[Json, str]] = {
    "not exposed": (about("stranger"), "memory_not_exposed"),
    "one of two not exposed": (about("a17e", "stranger"), "memory_not_exposed"),
    "not shown to the agent": (about("aside"), "memory_not_exposed"),
    "two surfaces": (about("a17e", "6d0c"), "mixed_served_surfaces"),
    "another surface": (about("6d0c"), "served_surface_mismatch"),
    "another surface, neutral": (
        about("a17e", used_surface="do_not_use", outcome="neutral"),
        "served_surface_mismatch",
    ),
    "a pointer": (about("raw", outcome="neutral"), "rehydrate_not_feedbackable"),
    "an assertion about a guide": (
        about("a17e", used_surface="explicit_host_assertion"),
        "explicit_assertion_not_exact",
    ),
    "blocked, without a receipt": (about("6d0c", used_surface="do_not_use"), "host_receipt_required"),
    "blocked, a verifier but no signal": (
        about("6d0c", used_surface="do_not_use", verifier_status="passed"),
        "host_receipt_required",
    ),
    "blocked, a signal but no verifier": (
        about("6d0c", used_surface="do_not_use", runtime_signal_refs=["s"]),
        "host_receipt_required",
    ),
    "blocked, a verifier that did not run": (
        about("6d0c", used_surface="do_not_use", runtime_signal_refs=["s"], verifier_status="not_run"),
        "host_receipt_required",
    ),
    "to inspect, without a receipt": (
        about("look", used_surface="inspect_before_use", **NEG),
        "host_receipt_required",
    ),
    "an unknown guide": (about("a17e", guide_trace_id="gt-9"), "guide_trace_unknown"),
    "no guide": (about("a17e", guide_trace_id=None), "guide_trace_required"),
    "client ids with a guide": (
        about(used_memory_ids=None, client_ids=["c"]),
        "invalid_request",
    ),
    "no ids": (about(used_memory_ids=None), "invalid_request"),
    "an empty list": (about(), "invalid_request"),
    "the same id twice": (about("a17e", "a17e"), "invalid_request"),
    "two lists": (about("a17e", memory_ids=["a17e"]), "invalid_request"),
    "client ids of nothing": (
        about(
            guide_trace_id=None,
            used_memory_ids=None,
            client_ids=["c"],
            used_surface="explicit_host_assertion",
        ),
        "client_ids_unknown",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_refusals(office: Office, name: str) -> None:
    """Each is 400 with a code of its own, and nothing gets into the log."""
    body, code = REFUSALS[name]
    assert await office.refused(feedback, body) == (400, code)
    assert office.events(FeedbackGiven) == []


async def test_defect_10_a_suppression_that_helped(office: Office) -> None:
    """Without a heavy receipt: neutral at once, an outcome by a verifier's word and a runtime signal."""
    neutral = await office.ask(feedback, about("6d0c", used_surface="do_not_use", outcome="neutral"))
    assert control(neutral)["attribution_strength"] == "none"
    body = about("6d0c", used_surface="do_not_use", run_id="run-2", **LIGHT)
    answer = await office.ask(feedback, body)
    (affected,) = control(answer)["affected"]
    assert affected["next_posture"] == "do_not_use"
    assert answer["forget_effect"]["changed_count"] == 1
    assert office.events(FeedbackGiven)[-1].served_surface == "do_not_use"


# ---- who may say what --------------------------------------------------------------------------------------------

AGENT = Principal(name="agent", role=Role.agent)
HOST = Principal(name="host", role=Role.host)
VERIFIER = Principal(name="verifier", role=Role.agent, may_act_as=("verifier",))
WEIGHTS: dict[str, tuple[Principal, Json, bool, bool]] = {
    "an agent's word on a verifier is an agent's word": (AGENT, {"verifier_status": "failed"}, False, False),
    "an agent with a runtime signal": (AGENT, {"runtime_signal_refs": ["ci:1"]}, True, False),
    "an agent with a tool's failure": (AGENT, {"tool_status": "failed"}, True, False),
    "a host tells of a verifier": (HOST, {"verifier_status": "failed"}, True, False),
    "a verifier settles it": (VERIFIER, {"verifier_status": "failed"}, True, True),
    "a verifier that acts as an agent": (
        VERIFIER,
        {"verifier_status": "failed", "agent_role": "agent"},
        False,
        False,
    ),
    "a verifier that did not verify": (VERIFIER, {"tool_status": "failed"}, True, False),
}


@pytest.mark.parametrize("name", WEIGHTS)
async def test_who_may_say_what(office: Office, name: str) -> None:
    """Strong and verified, by what is said and by whose key."""
    principal, fields, strong, verified = WEIGHTS[name]
    await office.ask(feedback, about("a17e", **NEG, **fields), principal)
    (event,) = office.events(FeedbackGiven)
    assert (event.strong, event.verified, event.principal) == (strong, verified, principal.name)


async def test_a_role_that_the_key_may_not_act_in(office: Office) -> None:
    """403, before anything is looked up."""
    assert await office.refused(feedback, about("a17e", agent_role="verifier"), AGENT) == (403, "role_denied")


# ---- once --------------------------------------------------------------------------------------------------------


async def test_a_repeat_is_the_first_answer(office: Office) -> None:
    """The same body again, its keys in any order: the same bytes, one event."""
    body = about("b2", "a17e")
    first = await office.reply(feedback, body)
    again = await office.reply(feedback, dict(reversed(body.items())))
    assert (again.body, again.replayed) == (first.body, True)
    assert len(office.events(FeedbackGiven)) == 1


async def test_a_repeat_in_other_words_counts_nothing(office: Office) -> None:
    """No conflict and nothing counted, even with another outcome; what is new in it counts."""
    await office.ask(feedback, about("a17e"))
    other = await office.ask(feedback, about("a17e", reason="said again", **NEG, tool_status="failed"))
    assert (other["forget_effect"]["changed_count"], control(other)["attribution_strength"]) == (0, "none")
    more = await office.ask(feedback, about("a17e", "b2"))
    assert more["forget_effect"]["affected_memory_ids"] == ["b2"]
    assert office.state.standings["memfw", "a17e"].harmed_strong == 0
    assert [event.memory_ids for event in office.events(FeedbackGiven)] == [("a17e",), ("b2",)]


async def test_an_operation_id(office: Office) -> None:
    """The same operation with the same body is the stored answer; with another body 409."""
    first = await office.reply(feedback, about("a17e", operation_id="op-1"))
    assert (await office.reply(feedback, about("a17e", operation_id="op-1"))).body == first.body
    other = about("b2", operation_id="op-1")
    assert await office.refused(feedback, other) == (409, "operation_conflict")


async def test_one_guide_takes_so_many(office: Office) -> None:
    """What is kept with a guide is bounded; then it is refused."""
    for run in range(MOST_FEEDBACK):
        await office.log(
            FeedbackGiven(
                guide_trace_id="gt-1",
                run_id=f"r{run}",
                outcome="neutral",
                served_surface="use_now",
                memory_ids=("a17e",),
                principal="p",
                at=NOW,
            )
        )
    assert await office.refused(feedback, about("a17e", run_id="more")) == (400, "feedback_limit")


# ---- visibility and freezing -------------------------------------------------------------------------------------


async def test_a_foreign_guide_does_not_exist() -> None:
    """Another agent's guide is refused as an unknown one is; its own agent and the key that asked for it may speak."""
    office = Office()
    await office.log(exposed(*BOTH, audience=private_to("worker-2"), principal="host"))
    foreign = Principal(name="other", agent="worker-3")
    unknown = await office.refused(feedback, about("a17e", guide_trace_id="gt-9"), foreign)
    assert await office.refused(feedback, about("a17e"), foreign) == unknown == (400, "guide_trace_unknown")
    assert await office.refused(feedback, about("a17e", consumer_agent_id="worker-3")) == unknown
    await office.ask(feedback, about("a17e", consumer_agent_id="worker-2"), Principal(name="host"))
    await office.ask(feedback, about("a17e", run_id="run-2"), Principal(name="host"))
    await office.ask(feedback, about("a17e", run_id="run-3"), Principal(name="w", agent="worker-2"))
    assert len(office.events(FeedbackGiven)) == 3


@pytest.mark.parametrize(("mode", "counted"), [("hard_freeze", 0), ("shadow_learn", 1)])
async def test_defect_04_a_frozen_memory(office: Office, mode: Any, counted: int) -> None:
    """`hard_freeze` counts nothing, `shadow_learn` goes on counting; both stay blocked while they last."""
    await office.log(
        Tended(
            operation="suppress",
            upstream="memfw",
            memory_id="a17e",
            mode=mode,
            until=NOW + 60,
            principal="p",
            at=NOW,
        )
    )
    answer = await office.ask(feedback, about("a17e", "b2"))
    first = control(answer)["affected"][0]
    assert first["next_posture"] == "do_not_use"
    assert first["attribution_strength"] == ("positive_attribution" if counted else "none")
    assert answer["forget_effect"]["changed_count"] == 1 + counted
    standing = office.state.standings.get(("memfw", "a17e"))
    assert (0 if standing is None else standing.helped) == counted
    office.now = NOW + 61
    later = await office.ask(feedback, about("a17e", run_id="run-2"))
    assert later["forget_effect"]["changed_count"] == 1


# ---- upstream memory ----------------------------------------------------------------------------------------------


async def test_feedback_on_upstream_memory_is_seen_by_drop_in_traffic() -> None:
    """Harm by `mem0:abc` has the row `abc` of mem0 inspected when it comes by next, and no other row."""
    office = Office()
    await office.log(exposed(item("mem0:abc"), item("mem0:abd")))
    rows = [
        Candidate(id="abc", upstream="mem0", text="The cart service is written in Rust."),
        Candidate(id="abd", upstream="mem0", text="The customer prefers tea over coffee."),
    ]

    def actions() -> list[Action]:
        context = Context(decision_id="d")
        return [one.action for one in adjudicate(rows, context, office.state, POLICY, NOW).verdicts]

    before = actions()
    answer = await office.ask(feedback, about("mem0:abc", **NEG, tool_status="failed"))
    assert control(answer)["affected"][0]["next_posture"] == "inspect_before_use"
    assert (before, actions()) == ([Action.use_now] * 2, [Action.inspect_before_use, Action.use_now])
