"""Defects of the runtime that memfw takes after, where no other test here bears their number: each done right."""

import sys
from pathlib import Path
from typing import Any, get_args

import aiohttp

from firewall.core.adjudicate import conclude, judge
from firewall.core.compiled import Env, compile_policy
from firewall.core.events import ScopeKey
from firewall.core.evidence import Exposed, ExposedItem
from firewall.core.measure.training import CandidateType
from firewall.core.model import Candidate, Context, Surface
from firewall.core.policy import Policy
from firewall.core.state import State
from tests.server.asking import GOVERN, bare
from tests.server.teams import NOW, post
from tests.sidecar import Sidecar, sidecar


def surfaces(answer: dict[str, Any]) -> dict[str, str]:
    context = answer["agent_context"]
    return {
        memory: surface
        for surface in ("use_now", "inspect_before_use", "do_not_use")
        for memory in context[f"{surface}_memory_ids"]
    }


async def test_defect_11_govern_learns_from_feedback(keyless: Sidecar, http: aiohttp.ClientSession) -> None:
    """Feedback on an upstream's memory moves what govern decides about it next."""
    candidate = {
        **bare(1),
        "authority": {"source_trust": "trusted", "scope": "project", "evidence_requirement": "none"},
        "lifecycle_hint": "current",
    }
    request = {"query_text": "q", "candidates": [candidate]}
    _, before = await post(http, keyless, GOVERN, request)
    assert surfaces(before) == {"m1": "use_now"}
    item = ExposedItem("mem0:m1", "mem0", "use_now")
    served = Exposed(
        guide_trace_id="gt-1",
        episode_id="ep-1",
        exposure_event_id="ex-1",
        run_id="run-1",
        principal="local",
        items=(item,),
        item_set_sha256="0" * 64,
        served_surface_sha256="0" * 64,
        at=NOW,
    )
    await keyless.house.desk.projections.append(ScopeKey(), [served])
    said = {
        "reason": "It broke the build.",
        "run_id": "run-1",
        "outcome": "negative",
        "used_surface": "use_now",
        "guide_trace_id": "gt-1",
        "used_memory_ids": ["mem0:m1"],
        "verifier_status": "failed",
    }
    status, _ = await post(http, keyless, "/v1/feedback", said)
    assert status == 200
    _, after = await post(http, keyless, GOVERN, request)
    assert surfaces(after) == {"m1": "inspect_before_use"}


async def test_defect_12_pairs_are_found_in_govern_too(keyless: Sidecar, http: aiohttp.ClientSession) -> None:
    """Two of many candidates that contradict each other are told of, wherever they stand."""
    rows = [
        {**bare(number), "text": f"Room {number} of building {number * 7} has a window."}
        for number in range(200)
    ]
    rows[3]["text"] = "User is vegetarian"
    rows[190]["text"] = "User is no longer vegetarian"
    _, answer = await post(
        http, keyless, GOVERN, {"query_text": "q", "candidates": rows, "include_records": True}
    )
    entries = {
        row["memory_id"]: str(row["reason_codes"]) for row in answer["memory_admission_records"]["entries"]
    }
    assert "contradiction" in entries["m3"]
    assert "contradiction" not in entries["m4"]


def test_defect_12_the_cost_of_a_set_is_linear() -> None:
    """Twice as many memories are about twice as many calls, not four times."""
    policy = compile_policy(Policy(), "test")

    def calls(count: int) -> int:
        candidates = [
            Candidate(id=str(n), upstream="u", text=f"Service {n} listens on port {n}; port {n + 1} is free.")
            for n in range(count)
        ]
        env = Env(Context(decision_id="d", surface=Surface.guide, ranked=True), policy, State(), NOW)
        conclude(candidates, judge(candidates, env), env)
        counted = 0

        def count_one(_frame: object, event: str, _argument: object) -> None:
            nonlocal counted
            counted += event == "call"

        sys.setprofile(count_one)
        try:
            conclude(candidates, judge(candidates, env), env)
        finally:
            sys.setprofile(None)
        return counted

    assert calls(800) < 3 * calls(400)


async def test_defect_13_time_has_an_effect(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """A suppression ends when its time is over, and not before."""
    clock = [NOW]
    async with sidecar(tmp_path, {}, now=lambda: clock[0]) as running:
        step = {"execution": {"task_signature": "t", "title": "Use the adapter", "outcome": "succeeded"}}
        _, observed = await post(http, running, "/v1/observe", step)
        memory = observed["memory_write"]["nodes"][0]["id"]
        stop = {
            "operation": "suppress",
            "reason": "r",
            "memory_ids": [memory],
            "until": "2026-03-01T01:00:00Z",
        }
        assert (await post(http, running, "/v1/forget", stop))[0] == 200
        ask = {"query_text": "go on", "context": {"task_signature": "t"}}
        seen = []
        for later in (0.0, 3_599.0, 3_601.0):
            clock[0] = NOW + later
            _, guide = await post(http, running, "/v1/guide", ask)
            seen.append(surfaces(guide)[memory])
    assert seen == ["do_not_use", "do_not_use", "use_now"]


async def test_defect_16_feedback_keeps_what_was_observed(
    keyless: Sidecar, http: aiohttp.ClientSession
) -> None:
    """A memory that feedback activates has the slots that it was written with."""
    slots = {"lifecycle_state": "active", "compression_layer": "L2"}
    body = {
        "memory": {"type": "concept", "title": "Port", "text_summary": "The port is 8443.", "slots": slots}
    }
    _, observed = await post(http, keyless, "/v1/observe", body)
    memory = observed["memory_write"]["nodes"][0]["id"]
    _, guide = await post(http, keyless, "/v1/guide", {"query_text": "which port?", "run_id": "r"})
    assert surfaces(guide)[memory] == "use_now"
    said = {
        "reason": "It was right.",
        "run_id": "r",
        "outcome": "positive",
        "used_surface": "use_now",
        "guide_trace_id": guide["guide_trace_id"],
        "used_memory_ids": [memory],
    }
    assert (await post(http, keyless, "/v1/feedback", said))[0] == 200
    _, resolved = await post(http, keyless, "/v1/memory/resolve", {"memory_ids": [memory]})
    assert "compression_layer" in str(resolved)
    assert "L2" in str(resolved)


def test_defect_18_every_kind_of_candidate() -> None:
    """The kinds of training candidates are the reference's six, the trace-derived skill among them."""
    assert set(get_args(CandidateType)) == {
        "handoff_distillation",
        "transfer_judge",
        "workflow_selector",
        "forgetting_suppression",
        "authority_judgment",
        "trace_derived_skill",
    }
