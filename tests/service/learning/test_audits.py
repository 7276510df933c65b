"""Flight recorder, decision report and decision trace: what was served, why, and what came of it."""

import json
from typing import Any

import pytest

from firewall.core.evidence import FeedbackGiven
from firewall.service.audit.decisions import decision_report, decision_trace
from firewall.service.audit.flight_recorder import flight_recorder
from firewall.service.desk import UseCase
from firewall.service.principals import Principal
from tests.service.learning.desk import NOW, Json, Office, exposed, item, private_to

CONTEXT: Json = {
    "prompt_text": "SECRET-PROMPT",
    "memory_ids": ["a17e", "6d0c"],
    "use_now_memory_ids": ["a17e"],
    "do_not_use_memory_ids": ["6d0c"],
}
ROWS = [
    {"memory_id": "a17e", "agent_surface": "use_now", "reason_codes": []},
    {"memory_id": "6d0c", "agent_surface": "do_not_use", "reason_codes": ["failed_branch"]},
]
GUIDE: Json = {"guide_trace_id": "gt-9", "agent_context": CONTEXT, "guide_packet": {"any": "thing"}}


def given(run_id: str = "run-1", outcome: Any = "positive", at: float = NOW, *ids: str) -> FeedbackGiven:
    return FeedbackGiven(
        guide_trace_id="gt-1",
        run_id=run_id,
        outcome=outcome,
        served_surface="use_now",
        memory_ids=ids or ("a17e",),
        reason="SECRET-REASON",
        principal="p",
        at=at,
    )


@pytest.fixture
async def office() -> Office:
    """A guide of four memories."""
    opened = Office()
    await opened.log(
        exposed(
            item("a17e"),
            item("b2"),
            item("6d0c", "do_not_use", "failed_branch"),
            item("raw", "rehydrate"),
            item("aside", "not_agent_facing", "optional_context_only"),
            considered=40,
            dropped=("char_budget",),
        )
    )
    return opened


async def flight(office: Office, **fields: object) -> Json:
    answer = await office.ask(flight_recorder, fields)
    assert answer["contract_version"] == "aionis_agent_flight_recorder_result_v1"
    assert "SECRET" not in json.dumps(answer)
    found: Json = answer["agent_flight_recorder"]
    return found


def claims(report: Json) -> dict[str, str]:
    return {one["claim"]: one["status"] for one in report["claims"]}


async def test_a_flight_from_the_record(office: Office) -> None:
    """What the agent could see, on which surface, why not the rest, and at which place of the log."""
    seen = await flight(office, guide_trace_id="gt-1")
    assert seen["contract_version"] == "aionis_agent_flight_recorder_report_v1"
    assert seen["intended_use"] == "incident_replay_audit"
    assert (seen["agent_prompt_included"], seen["runtime_mutation"]) == (False, False)
    assert seen["agent_view"] == {
        "prompt_text_included": False,
        "exposed_memory_ids": ["6d0c", "a17e", "b2", "raw"],
        "use_now_memory_ids": ["a17e", "b2"],
        "inspect_before_use_memory_ids": [],
        "do_not_use_memory_ids": ["6d0c"],
        "rehydrate_memory_ids": ["raw"],
    }
    assert seen["blocked_or_suppressed"] == [
        {"memory_id": "6d0c", "agent_surface": "do_not_use", "reason_codes": ["failed_branch"]}
    ]
    assert (seen["offset"], seen["run_id"], seen["replay_sources"]) == (1, "run-1", ["persisted_exposure"])
    assert seen["served_at"] == "2026-11-21T23:59:00.000Z"
    assert seen["attribution"]["present"] is False


async def test_a_flight_with_feedback(office: Office) -> None:
    """What was used is attributed, what was not is unattributed; one run's feedback at a time where one is named."""
    await office.log(given(), given("run-2", "negative", NOW + 5, "b2"))
    one = (await flight(office, guide_trace_id="gt-1", run_id="run-1"))["attribution"]
    assert one == {
        "present": True,
        "outcome": "positive",
        "used_memory_ids": ["a17e"],
        "attributed_memory_ids": ["a17e"],
        "unattributed_memory_ids": ["6d0c", "b2", "raw"],
        "supported_memory_ids": ["a17e"],
        "contradicted_memory_ids": [],
    }
    every = (await flight(office, guide_trace_id="gt-1"))["attribution"]
    assert (every["outcome"], every["contradicted_memory_ids"]) == ("mixed", ["b2"])


async def test_feedback_after_the_decision_is_left_out(office: Office) -> None:
    """Up to the time of the decision, whatever the host hands back; a guide after it fails the claim."""
    await office.log(given(at=NOW + 10))
    told = {"feedback_result": {"run_id": "run-1", "outcome": "negative", "used_memory_ids": ["a17e"]}}
    before = await flight(office, guide_trace_id="gt-1", decision_time="2026-11-22T00:00:09Z", **told)
    assert before["attribution"]["present"] is False
    assert before["decision_time"] == "2026-11-22T00:00:09.000Z"
    after = await flight(office, guide_trace_id="gt-1", decision_time="2026-11-22T01:00:10+01:00")
    assert after["attribution"]["outcome"] == "positive"
    early = await flight(office, guide_trace_id="gt-1", decision_time="2026-11-21")
    assert claims(early)["the guide was served before the decision"] == "fail"


@pytest.mark.parametrize(
    "result",
    [
        {"run_id": "run-1", "outcome": "positive", "used_memory_ids": ["a17e", "stranger"]},
        {
            "forget_effect": {"affected_memory_ids": ["a17e", "stranger"]},
            "result": {"activated": {"outcome": "positive"}},
        },
    ],
)
async def test_feedback_that_only_the_host_tells_of(office: Office, result: Json) -> None:
    """Its body or its answer: shown with a warning, credited only where it was exposed."""
    seen = await flight(office, guide_trace_id="gt-1", run_id="run-1", feedback_result=result)
    assert seen["attribution"]["used_memory_ids"] == ["a17e", "stranger"]
    assert seen["attribution"]["attributed_memory_ids"] == ["a17e"]
    assert claims(seen)["the feedback was recorded here"] == "warn"
    assert seen["replay_sources"] == ["persisted_exposure", "feedback_result"]


async def test_feedback_of_another_run_is_not_this_one(office: Office) -> None:
    """What the host tells of another run says nothing here."""
    told = {"feedback_result": {"run_id": "run-7", "outcome": "positive", "used_memory_ids": ["a17e"]}}
    assert (await flight(office, run_id="run-1", **told))["attribution"]["present"] is False


async def test_the_newest_guide_of_a_run(office: Office) -> None:
    """By its run alone: the newest that was served by the time of the decision."""
    await office.log(exposed(item("later"), guide_trace_id="gt-2", at=NOW + 100))
    assert (await flight(office, run_id="run-1"))["guide_trace_id"] == "gt-2"
    at = "2026-11-22T00:00:00Z"
    assert (await flight(office, run_id="run-1", decision_time=at))["guide_trace_id"] == "gt-1"


SUPPLIED: dict[str, Json] = {
    "agent_context": CONTEXT,
    "product_trace": {"after_guide": GUIDE},
    "memory_use_receipt": {"decision_summaries": ROWS, "history_used": True},
    "memory_decision_trace": {"decisions": ROWS},
    "memory_admission_record": {
        "entries": [{"memory_id": row["memory_id"], "admission_action": row["agent_surface"]} for row in ROWS]
    },
    "operator_snapshot": {"memory_use_receipt": {"decision_summaries": ROWS}},
}


@pytest.mark.parametrize("name", SUPPLIED)
async def test_a_flight_from_what_the_host_supplies(office: Office, name: str) -> None:
    """Each of the records that a host may hold is enough, and is named as the source."""
    seen = await flight(office, guide_trace_id="gt-9", **{name: SUPPLIED[name]})
    assert seen["agent_view"]["use_now_memory_ids"] == ["a17e"]
    assert seen["agent_view"]["do_not_use_memory_ids"] == ["6d0c"]
    assert seen["replay_sources"] == [name]
    assert (seen["offset"], seen["served_at"]) == (None, None)
    assert claims(seen)["the exposure was recorded here"] == "warn"
    told = await flight(office, guide_trace_id="gt-1", **{name: SUPPLIED[name]})
    assert told["replay_sources"] == ["persisted_exposure", name]
    assert claims(told)["what the host says agrees with the recorded exposure"] == "pass"


async def test_a_record_names_its_guide(office: Office) -> None:
    """A receipt that carries the trace id leads to what was recorded of it."""
    receipt = {"guide_trace_id": "gt-1", "decision_summaries": []}
    assert (await flight(office, memory_use_receipt=receipt))["offset"] == 1


async def test_rows_that_say_two_things(office: Office) -> None:
    """The more severe counts, and the claim fails."""
    rows = [*ROWS, {"memory_id": "6d0c", "agent_surface": "use_now"}]
    seen = await flight(office, memory_decision_trace={"decisions": rows})
    assert seen["agent_view"]["use_now_memory_ids"] == ["a17e"]
    assert claims(seen)["blocked memory was not actionable"] == "fail"


# ---- decisions ---------------------------------------------------------------------------------------------------


async def test_the_trace(office: Office) -> None:
    """Each decision with its surface and codes; the three fields of an answer around them."""
    answer = await office.ask(decision_trace, {"guide_trace_id": "gt-1"})
    assert answer["contract_version"] == "aionis_memory_decision_trace_result_v1"
    trace = answer["memory_decision_trace"]
    assert (trace["source"], trace["run_id"]) == ("persisted_exposure", "run-1")
    assert trace["decisions"][0] == {
        "memory_id": "6d0c",
        "agent_surface": "do_not_use",
        "decision_kind": "blocked",
        "actionable": False,
        "reason_codes": ["failed_branch"],
    }
    assert len(trace["decisions"]) == 5


async def test_the_trace_is_what_the_others_take(office: Office) -> None:
    """What the trace gives can be handed to the flight recorder as it is."""
    trace = (await office.ask(decision_trace, {"guide_trace_id": "gt-1"}))["memory_decision_trace"]
    seen = await flight(Office(), memory_decision_trace=trace)
    assert seen["agent_view"]["use_now_memory_ids"] == ["a17e", "b2"]


async def test_the_report(office: Office) -> None:
    """Counts, what did not fit, claims."""
    answer = await office.ask(decision_report, {"product_trace": {"after_guide": {"guide_trace_id": "gt-1"}}})
    report = answer["memory_decision_report"]
    assert report["counts"] == {
        "considered": 40,
        "use_now": 2,
        "inspect_before_use": 0,
        "do_not_use": 1,
        "rehydrate": 1,
        "not_agent_facing": 1,
    }
    assert report["dropped_reason_codes"] == ["char_budget"]
    assert set(claims(report).values()) == {"pass"}
    told = await office.ask(decision_report, {"product_trace": {"after_guide": GUIDE}})
    assert told["memory_decision_report"]["source"] == "product_trace"
    assert told["memory_decision_report"]["counts"]["considered"] == 2


# ---- refusals ----------------------------------------------------------------------------------------------------

REFUSALS: dict[str, tuple[UseCase, Json, int, str]] = {
    "flight, nothing": (flight_recorder, {}, 400, "nothing_to_replay"),
    "flight, unknown guide": (flight_recorder, {"guide_trace_id": "gt-9"}, 404, "guide_trace_unknown"),
    "flight, unknown run": (flight_recorder, {"run_id": "run-9"}, 404, "guide_trace_unknown"),
    "flight, no date": (
        flight_recorder,
        {"guide_trace_id": "gt-1", "decision_time": "soon"},
        400,
        "invalid_request",
    ),
    "flight, before there were computers": (
        flight_recorder,
        {"guide_trace_id": "gt-1", "decision_time": "0001-01-01T00:00:00+23:00"},
        400,
        "invalid_request",
    ),
    "flight, after the calendar": (
        flight_recorder,
        {"guide_trace_id": "gt-1", "decision_time": "9999-12-31T23:59:59-23:00"},
        400,
        "invalid_request",
    ),
    "flight, an unknown surface": (
        flight_recorder,
        {"memory_decision_trace": {"decisions": [{"memory_id": "m", "agent_surface": "maybe"}]}},
        400,
        "invalid_request",
    ),
    "trace, nothing": (decision_trace, {}, 400, "nothing_to_replay"),
    "trace, unknown guide": (decision_trace, {"guide_trace_id": "gt-9"}, 404, "guide_trace_unknown"),
    "report, no guide after": (decision_report, {"product_trace": {}}, 400, "invalid_request"),
    "report, unknown field": (decision_report, {"guide_trace_id": "gt-1", "x": 1}, 400, "invalid_request"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_refusals(office: Office, name: str) -> None:
    """What cannot be replayed is refused with a code."""
    use_case, body, status, code = REFUSALS[name]
    assert await office.refused(use_case, body) == (status, code)


@pytest.mark.parametrize("use_case", [flight_recorder, decision_trace, decision_report])
async def test_a_foreign_guide_does_not_exist(use_case: UseCase) -> None:
    """Another agent's guide is as unknown as one that never was, by its trace and by its run."""
    office = Office()
    await office.log(exposed(item("a17e"), audience=private_to("worker-1")))
    other = Principal(name="w2", agent="worker-2")
    refused = (404, "guide_trace_unknown")
    assert await office.refused(use_case, {"guide_trace_id": "gt-1"}, other) == refused
    if use_case is flight_recorder:
        assert await office.refused(use_case, {"run_id": "run-1"}, other) == refused
    await office.ask(use_case, {"guide_trace_id": "gt-1"}, Principal(name="w1", agent="worker-1"))
