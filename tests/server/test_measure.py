"""`POST /v1/measure` over real HTTP: what we recorded counts, what the caller says does not."""

import aiohttp
import pytest

from firewall.core.events import ScopeKey
from firewall.core.visibility import Audience
from firewall.errors import StateError
from tests.core.measure.scene import GUIDE, guided, said
from tests.server.asking import refusal
from tests.server.conftest import KEYS, Reopened
from tests.server.measuring import BY_HAND, GOOD, MEASURE, Json, append, measuring
from tests.sidecar import Sidecar

TEAM = {"Memfw-Key": KEYS["TEAM_KEY"]}
OTHER = {"Memfw-Key": KEYS["OTHER_KEY"]}


async def asked(
    http: aiohttp.ClientSession, sidecar: Sidecar, body: Json, headers: Json | None = None
) -> Json:
    """The answer to a measure request that is answered."""
    async with http.post(sidecar.url + MEASURE, json=body, headers=headers) as response:
        assert response.status == 200, await response.text()
        answer: Json = await response.json()
    return answer


async def test_a_recorded_run(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """The seed's run is sufficient, positive, persisted, and gives a skill that is ready for review."""
    await append(keyless, GOOD)
    answer = await asked(http, keyless, measuring())
    assert answer["contract_version"] == "aionis_measure_result_v1"
    assert answer["measurement_persisted"] is True
    assessment = answer["evidence_assessment"]
    assert assessment["status"] == "sufficient"
    assert assessment["eligible_for_skill_export"] is True
    assert assessment["provenance"] == "runtime_verified"
    assert assessment["runtime_evidence_ids"] == ["adapter"]
    assert answer["kernel_report"]["status"] == "pass"
    assert answer["measurement_input"]["source"] == "recorded_exposure_and_feedback"
    assert answer["measurement_input"]["aionis"]["continuity"]["continuityGuidanceCorrect"] is True
    report = answer["effect_report"]
    assert list(report) == [
        "contract_version",
        "task",
        "comparison",
        "history_impact",
        "efficiency",
        "quality",
        "history_contributions",
        "learning_effect",
        "forgetting_effect",
        "feedback_signal_summary",
        "training_candidates",
        "evidence",
    ]
    skill = report["training_candidates"][-1]
    assert (skill["candidate_type"], skill["label"], skill["export_ready"]) == (
        "trace_derived_skill",
        "positive",
        True,
    )
    assert skill["trace_derived_skill"]["export_policy"]["agent_prompt_included"] is False
    stored = keyless.house.desk.projections.state(ScopeKey())
    assert stored is not None
    assert stored.procedures.measurements[answer["measurement_id"]].sufficient


@pytest.mark.parametrize("trace", [{"after_guide": {}}, {"after_guide": {"guide_trace_id": "gt-forged"}}])
async def test_defect_17_what_the_caller_claims_is_ignored(
    http: aiohttp.ClientSession, keyless: Sidecar, trace: Json
) -> None:
    """`sufficient_evidence: true` on an empty or forged trace is insufficient, and is only echoed."""
    await append(keyless, GOOD)
    body = measuring(sufficient_evidence=True, evidence_ids=["a", "b"], forget_result={"x": 1}, **trace)
    answer = await asked(http, keyless, body)
    assessment = answer["evidence_assessment"]
    assert assessment["status"] == "insufficient"
    assert assessment["sufficient_evidence"] is False
    assert assessment["provenance"] == "unverified_product_trace"
    assert assessment["client_claims_ignored"] == {"sufficient_evidence": True, "evidence_id_count": 2}
    assert "kernel_report" not in answer
    assert answer["effect_report"]["training_candidates"] == []
    assert answer["effect_report"]["history_impact"]["impact_direction"] == "insufficient_evidence"


async def test_the_callers_copy_of_the_guide_changes_nothing(
    http: aiohttp.ClientSession, keyless: Sidecar
) -> None:
    """Only the trace id of a guide is read: same inputs, same digest, another measurement."""
    await append(keyless, GOOD)
    plain = await asked(http, keyless, measuring())
    dressed = await asked(
        http,
        keyless,
        measuring(
            after_guide={"guide_trace_id": GUIDE, "agent_context": {"use_now_memory_ids": ["forged"]}},
            sufficient_evidence=True,
        ),
    )
    assert dressed["measurement_digest"] == plain["measurement_digest"]
    assert dressed["effect_report"] == plain["effect_report"]
    assert dressed["measurement_id"] != plain["measurement_id"]


async def test_observations_by_hand(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """They are scored with the worked numbers, and are no evidence."""
    nothing = {
        group: {name: type(value)(0) for name, value in part.items()} for group, part in BY_HAND.items()
    }
    body = {"task": measuring()["task"], "baseline": nothing, "aionis": BY_HAND}
    answer = await asked(http, keyless, body)
    kernels = answer["kernel_report"]
    assert kernels["continuity"]["score"] == pytest.approx(0.95)
    assert kernels["learning"]["score"] == pytest.approx(0.767, abs=5e-4)
    assert kernels["forgetting"]["score"] == pytest.approx(0.933, abs=5e-4)
    assert kernels["status"] == "pass"
    assert answer["evidence_assessment"]["provenance"] == "manual_unverified"
    assert answer["evidence_assessment"]["status"] == "insufficient"
    assert answer["effect_report"]["training_candidates"] == []


async def test_asking_for_less_exports_nothing_more(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """Thresholds below ours change what passes for the caller, never what is exported."""
    nothing_gained = guided(("adapter", "use_now"), ("legacy", "do_not_use"), trace="gt-0", run="run-0")
    before = said("positive", "adapter", run="run-0", trace="gt-0")
    await append(keyless, [*GOOD, nothing_gained, before])
    body = {
        **measuring(before_guide={"guide_trace_id": "gt-0"}),
        "minEffectDelta": 0.0,
        "minAionisScore": 0.0,
    }
    answer = await asked(http, keyless, body)
    assert answer["kernel_report"]["status"] == "pass"
    assert answer["evidence_assessment"]["eligible_for_skill_export"] is False


async def test_somebody_elses_guide_does_not_exist(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """A guide of another team, or of another agent, is answered as an unknown one."""
    theirs = guided(("adapter", "use_now"), ("legacy", "do_not_use"), audience=Audience(team="theirs"))
    await append(keyless, [*GOOD[:2], theirs, GOOD[3]])
    foreign = await asked(http, keyless, {**measuring(), "consumer_team_id": "ours"})
    unknown = await asked(
        http,
        keyless,
        {**measuring(after_guide={"guide_trace_id": "gt-none"}), "consumer_team_id": "ours"},
    )
    assert foreign["evidence_assessment"] == unknown["evidence_assessment"]
    assert foreign["effect_report"] == unknown["effect_report"]
    known = await asked(http, keyless, {**measuring(), "consumer_team_id": "theirs"})
    assert known["evidence_assessment"]["provenance"] == "runtime_verified"


async def test_another_tenant(http: aiohttp.ClientSession, keyed: Sidecar) -> None:
    """A trace of one tenant is unknown to the other; a scope that is not the key's is 403."""
    await append(keyed, GOOD, ScopeKey("acme", "checkout"))
    ours = await asked(http, keyed, {**measuring(), "scope": "checkout"}, TEAM)
    theirs = await asked(http, keyed, measuring(), OTHER)
    assert ours["evidence_assessment"]["status"] == "sufficient"
    assert theirs["evidence_assessment"]["provenance"] == "unverified_product_trace"
    async with http.post(
        keyed.url + MEASURE, json={**measuring(), "scope": "secret"}, headers=TEAM
    ) as response:
        await refusal(response, 403, "scope_denied")


async def test_the_same_operation_is_answered_once(http: aiohttp.ClientSession, keyless: Sidecar) -> None:
    """The same body gets the same bytes, another one 409."""
    await append(keyless, GOOD)
    body = {**measuring(), "operation_id": "op-1"}
    answers = []
    for _ in range(2):
        async with http.post(keyless.url + MEASURE, json=body) as response:
            answers.append(await response.read())
    assert answers[0] == answers[1]
    other = {**body, "minEffectDelta": 0.2}
    async with http.post(keyless.url + MEASURE, json=other) as response:
        await refusal(response, 409, "operation_conflict")


BAD: dict[str, tuple[Json, set[str]]] = {
    "unknown field": ({**measuring(), "surprise": 1}, {"surprise"}),
    "unknown in the trace": (measuring(surprise=1), {"product_trace.surprise"}),
    "no task": ({"product_trace": {"after_guide": {}}}, {"task"}),
    "half a task": (
        {**measuring(), "task": {"run_id": ""}},
        {"task.task_id", "task.run_id", "task.task_signature"},
    ),
    "no source": ({"task": measuring()["task"]}, {"product_trace"}),
    "half a source": ({"task": measuring()["task"], "aionis": BY_HAND}, {"baseline"}),
    "two sources": ({**measuring(), "aionis": BY_HAND}, {"aionis"}),
    "no guide": ({**measuring(), "product_trace": {}}, {"product_trace.after_guide"}),
    "a guide that is a text": (measuring(after_guide="gt-1"), {"product_trace.after_guide"}),
    "a trace id that is none": (
        measuring(after_guide={"guide_trace_id": 7}),
        {"product_trace.after_guide"},
    ),
    "claims of the wrong type": (
        measuring(sufficient_evidence="yes", evidence_ids="a"),
        {"product_trace.sufficient_evidence", "product_trace.evidence_ids"},
    ),
    "a negative count": (
        {
            "task": measuring()["task"],
            "baseline": BY_HAND,
            "aionis": {**BY_HAND, "continuity": {**BY_HAND["continuity"], "recoveredStateFacts": -1}},
        },
        {"aionis.continuity.recoveredStateFacts"},
    ),
    "thresholds beyond one": (
        {**measuring(), "minEffectDelta": 2, "minAionisScore": "0"},
        {"minEffectDelta", "minAionisScore"},
    ),
    "a mode that there is not": ({**measuring(), "comparison": {"mode": "guess"}}, {"comparison.mode"}),
    "a task that is too long": (
        {**measuring(), "task": {"task_id": "t", "run_id": "r" * 2000, "task_signature": "s"}},
        {"task.run_id"},
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_input(http: aiohttp.ClientSession, keyless: Sidecar, name: str) -> None:
    """Every mistake is 400 with its path."""
    body, paths = BAD[name]
    async with http.post(keyless.url + MEASURE, json=body) as response:
        refused = await refusal(response, 400, "invalid_request")
    assert {issue["path"] for issue in refused["issues"]} == paths


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'{"task": NaN}', b"\xff"])
async def test_what_is_no_request(http: aiohttp.ClientSession, keyless: Sidecar, raw: bytes) -> None:
    """What is no JSON object is 400."""
    async with http.post(keyless.url + MEASURE, data=raw) as response:
        await refusal(response, 400, "invalid_request")


async def test_a_guide_that_is_too_deep_or_too_large(
    http: aiohttp.ClientSession, keyless: Sidecar, reopened: Reopened
) -> None:
    """The free objects are bounded in depth, the body in size."""
    deep: object = 1
    for _ in range(40):
        deep = {"more": deep}
    async with http.post(keyless.url + MEASURE, json=measuring(after_guide=deep)) as response:
        await refusal(response, 400, "invalid_request")
    large = measuring(after_guide={"text": "x" * 4096})
    async with (
        reopened(keyless.house, max_body=2048) as url,
        http.post(url + MEASURE, json=large) as response,
    ):
        await refusal(response, 413, "body_too_large")


async def test_what_cannot_be_stored_is_not_answered(
    http: aiohttp.ClientSession, keyless: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that takes nothing is 503: no measurement is claimed to be persisted."""

    async def refuse(*_: object, **__: object) -> None:
        raise StateError("log_unavailable", "the log takes nothing")

    monkeypatch.setattr(keyless.house.desk.projections, "append", refuse)
    async with http.post(keyless.url + MEASURE, json=measuring()) as response:
        await refusal(response, 503, "log_unavailable")
