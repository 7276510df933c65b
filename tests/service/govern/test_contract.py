"""The contract of the route: the worked example, the order of reason codes, what each part of the answer says."""

from typing import Any

import pytest

from firewall.core.compiled import compile_policy
from firewall.core.model import Trust
from firewall.core.policy import Govern, Policy, Surfaces, TrustTable
from tests.service.govern.asking import Json, ask, candidate, codes, governed, request, surfaces

EXAMPLE: Json = {
    "query_text": "Continue the checkout migration",
    "mode": "firewall",
    "run_id": "run-7",
    "include_records": True,
    "candidates": [
        {
            "external_memory_id": "mem0:cur",
            "source_backend": "mem0",
            "text": "Continue in src/checkout/adapter.ts; verifier accepted it.",
            "metadata": {"title": "Accepted route", "target_files": ["src/checkout/adapter.ts"]},
            "authority": {"source_trust": "trusted", "scope": "project", "evidence_requirement": "none"},
            "lifecycle_hint": "current",
            "evidence_refs": ["ci:812"],
        },
        {
            "external_memory_id": "mem0:old",
            "source_backend": "mem0",
            "text": "Extend src/checkout/legacyAdapter.ts.",
            "metadata": {"title": "Legacy route"},
            "authority": {"source_trust": "trusted", "scope": "project", "evidence_requirement": "none"},
            "lifecycle_hint": "failed",
        },
        {
            "external_memory_id": "mem0:log",
            "source_backend": "mem0",
            "text": "Full validator log of run 5",
            "authority": {"source_trust": "known", "evidence_requirement": "rehydrate_before_use"},
        },
        {"external_memory_id": "mem0:note", "source_backend": "mem0", "text": "Maybe rewrite the cart too"},
    ],
}


def test_the_worked_example() -> None:
    """Every list, count and word of the reference's own example."""
    answer = ask(EXAMPLE)
    assert surfaces(answer) == {
        "mem0:cur": "use_now",
        "mem0:old": "do_not_use",
        "mem0:log": "rehydrate",
        "mem0:note": "inspect_before_use",
    }
    context = answer["agent_context"]
    assert context["memory_ids"] == ["mem0:cur", "mem0:old", "mem0:log", "mem0:note"]
    assert context["recommended_posture"] == "reuse_supported_history"
    assert context["authority"] == "advisory"
    assert context["rehydrate_hints"] == [
        {"memory_id": "mem0:log", "reason": "evidence_requirement:rehydrate_before_use", "required": True}
    ]
    assert context["risk"] == {
        "negative_transfer_risk": "high",
        "blocked_authority_count": 1,
        "stale_memory_count": 0,
        "reasons": ["failed"],
    }
    active = context["route_contract"]["active_targets"]
    assert active == [
        {
            "target": "src/checkout/adapter.ts",
            "source_memory_id": "mem0:cur",
            "source": "should_continue",
            "artifact_status": "unknown",
            "missing_policy": "restore_or_create_if_task_consistent_or_rehydrate",
        }
    ]
    receipt = answer["memory_use_receipt"]
    assert receipt["guide_trace_id"] == "external-admission:run-7"
    assert receipt["exposed_memory_ids"] == context["memory_ids"]
    assert receipt["prompt_char_count"] == len(context["prompt_text"])
    assert receipt["risk_flags"] == ["lifecycle_hint:failed"]
    assert receipt["decision_summaries"][:2] == [
        {
            "memory_id": "mem0:cur",
            "agent_surface": "use_now",
            "decision_kind": "used",
            "actionable": True,
            "reason_codes": [
                "external_candidate_admission",
                "mode:firewall",
                "source_backend:mem0",
                "source_trust:trusted",
                "scope:project",
                "evidence_requirement:none",
                "lifecycle_hint:current",
                "trusted_current_or_procedure_candidate",
            ],
        },
        {
            "memory_id": "mem0:old",
            "agent_surface": "do_not_use",
            "decision_kind": "blocked",
            "actionable": False,
            "reason_codes": [
                "external_candidate_admission",
                "mode:firewall",
                "source_backend:mem0",
                "source_trust:trusted",
                "scope:project",
                "evidence_requirement:none",
                "lifecycle_hint:failed",
                "candidate_blocked_from_agent_action",
            ],
        },
    ]
    records = answer["memory_admission_records"]
    assert records["candidate_memory_count"] == records["prompt_included_memory_count"] == 4
    entry = records["entries"][0]
    assert {key: entry[key] for key in entry if key != "reason_codes"} == {
        "memory_id": "mem0:cur",
        "title": "Accepted route",
        "memory_origin": "external",
        "source_backend": "mem0",
        "domain": "execution",
        "memory_type": "execution_memory",
        "lifecycle_state": "active",
        "authority": "trusted",
        "admission_action": "use_now",
        "decision_kind": "used",
        "actionable": True,
        "prompt_included": True,
        "agent_used": False,
        "feedback_outcome": None,
        "attribution_strength": None,
        "evidence_ids": ["ci:812"],
    }
    summary = answer["memory_firewall"]
    assert summary["unsafe_candidate_count"] == 1
    assert summary["unsafe_direct_use_count"] == 0
    assert [claim["status"] for claim in summary["claims"]] == ["pass"] * 5
    assert answer["admission_summary"]["source_backends"] == ["mem0"]
    assert answer["source_map"]["routes_used"] == ["/v1/memory/govern"]
    assert answer["tenant_id"] == answer["scope"] == "default"


def test_the_prompt_of_the_worked_example() -> None:
    """Word for word: what is blocked has no title and no text, what is to be fetched no text."""
    assert ask(EXAMPLE)["agent_context"]["prompt_text"].split("\n") == [
        "AIONIS_EXTERNAL_MEMORY_ADMISSION v1",
        "mode=firewall context=compact_agent",
        "contract: act on USE_NOW; verify INSPECT_BEFORE_USE first; never follow DO_NOT_USE; fetch REHYDRATE by id",
        "query: Continue the checkout migration",
        "USE_NOW:",
        "- [mem0:cur] Accepted route: Continue in src/checkout/adapter.ts; verifier accepted it. refs=ci:812",
        "INSPECT_BEFORE_USE:",
        "- [mem0:note] Maybe rewrite the cart too",
        "DO_NOT_USE:",
        "- [mem0:old] reason=failed",
        "REHYDRATE:",
        "- [mem0:log]",
    ]


def test_parts_come_only_when_they_are_asked_for() -> None:
    """Records with `include_records`, the firewall summary in mode firewall, everything else always."""
    plain = ask(request([candidate("The queue drains at night.")], mode="strict", include_records=False))
    assert set(plain) == {
        "contract_version",
        "tenant_id",
        "scope",
        "run_id",
        "mode",
        "agent_context",
        "memory_use_receipt",
        "admission_summary",
        "source_map",
        "firewall",
    }
    assert plain["run_id"] is None
    assert plain["memory_use_receipt"]["guide_trace_id"] == "external-admission:d-1"


@pytest.mark.parametrize(
    ("given", "surface"),
    [
        ({"evidence": "blocked"}, ("do_not_use", "do_not_use", "do_not_use")),
        ({"hint": "suppressed"}, ("do_not_use", "do_not_use", "do_not_use")),
        ({"hint": "archived"}, ("rehydrate", "do_not_use", "do_not_use")),
        ({"evidence": "rehydrate_before_use"}, ("rehydrate", "rehydrate", "rehydrate")),
        ({"evidence": "rehydrate_before_use", "hint": "failed"}, ("rehydrate", "rehydrate", "rehydrate")),
        ({"hint": "failed"}, ("inspect_before_use", "inspect_before_use", "do_not_use")),
        ({"hint": "stale"}, ("inspect_before_use", "inspect_before_use", "do_not_use")),
        ({"hint": "contested"}, ("inspect_before_use", "inspect_before_use", "do_not_use")),
        ({"evidence": "inspect_before_use"}, ("inspect_before_use",) * 3),
        ({}, ("use_now", "use_now", "use_now")),
        ({"hint": "procedure"}, ("use_now", "use_now", "use_now")),
        ({"trust": "known"}, ("use_now", "inspect_before_use", "inspect_before_use")),
        ({"trust": "unknown"}, ("inspect_before_use",) * 3),
        ({"trust": "untrusted"}, ("inspect_before_use",) * 3),
        ({"hint": "unknown"}, ("inspect_before_use",) * 3),
    ],
)
def test_the_decision_order(given: dict[str, str], surface: tuple[str, str, str]) -> None:
    """First match wins, in each mode; archived is a pointer in standard only."""
    found = tuple(
        surfaces(ask(request([candidate("The queue drains at night.", **given)], mode=mode)))["m1"]  # type: ignore[arg-type]
        for mode in ("standard", "strict", "firewall")
    )
    assert found == surface


@pytest.mark.parametrize(
    ("rows", "posture", "authority", "risk"),
    [
        (["current"], "reuse_supported_history", "trusted", "low"),
        (["current", "unknown"], "reuse_supported_history", "advisory", "medium"),
        (["failed"], "ignore_history", "blocked", "high"),
        (["current", "failed"], "reuse_supported_history", "blocked", "high"),
        (["unknown"], "inspect_before_use", "advisory", "medium"),
    ],
)
def test_the_aggregates(rows: list[str], posture: str, authority: str, risk: str) -> None:
    """Posture, authority and risk follow from the surfaces that are used."""
    bodies = [
        candidate(f"Room {number} has a window.", memory_id=f"m{number}", hint=hint)
        for number, hint in enumerate(rows)
    ]
    context = ask(request(bodies))["agent_context"]
    assert context["recommended_posture"] == posture
    assert context["authority"] == authority
    assert context["risk"]["negative_transfer_risk"] == risk


def test_claims_warn_where_nothing_could_test_them() -> None:
    """No doubtful source and no pointer in the request: two of the five are warnings."""
    answer = ask(request([candidate("The queue drains at night.")]))
    assert [claim["status"] for claim in answer["memory_firewall"]["claims"]] == [
        "pass",
        "pass",
        "warn",
        "warn",
        "pass",
    ]


def test_the_stricter_mode_counts() -> None:
    """A policy in mode firewall is not talked down by a request for standard."""
    policy = compile_policy(Policy(mode="firewall"), "test")
    answer = ask(request([candidate("Note.", hint="failed")], mode="standard"), policy=policy)
    assert answer["mode"] == answer["memory_firewall"]["mode"] == "firewall"
    assert surfaces(answer) == {"m1": "do_not_use"}
    assert "mode:firewall" in codes(answer)["m1"]


def test_codes_of_ours_stand_before_the_verdict() -> None:
    """Ten codes: seven of the contract, ours, the verdict."""
    row = candidate("The queue drains at night.", metadata={"expires_at": "2020-01-01", "scope": "elsewhere"})
    given = codes(ask(request([row])))["m1"]
    assert given[7:] == ["expired", "scope_mismatch", "candidate_blocked_from_agent_action"]


def test_a_policy_may_let_the_authority_of_a_user_act() -> None:
    """Which claimed scopes may act is the policy's to say."""
    policy = compile_policy(
        Policy(surfaces=Surfaces(govern=Govern(authority_scopes=("user", "project")))), "test"
    )
    assert surfaces(ask(request([candidate("Note.", scope="user")]), policy=policy)) == {"m1": "use_now"}


def test_files_of_each_surface_stand_in_their_lists() -> None:
    """Used files are active, inspected ones reference, blocked ones blocked, unless an accepted route works there."""
    rows = [
        candidate("Work goes on here.", memory_id="a", metadata={"target_files": ["src/a.ts"]}),
        candidate("Seen once.", memory_id="b", hint="unknown", metadata={"files": ["src/b.ts"]}),
        candidate("First try.", memory_id="c", hint="failed", metadata={"paths": ["src/a.ts", "src/c.ts"]}),
    ]
    contract = ask(request(rows))["agent_context"]["route_contract"]

    def targets(name: str) -> list[Any]:
        return [entry["target"] for entry in contract[name]]

    assert targets("active_targets") == targets("pending_artifacts") == ["src/a.ts"]
    assert targets("reference_only_targets") == targets("evidence_sources") == ["src/b.ts"]
    assert targets("blocked_routes") == ["src/a.ts", "src/c.ts"]
    assert targets("blocked_direction_targets") == ["src/c.ts"]


def test_the_receipt_says_the_same_as_the_answer() -> None:
    """The core's receipt of the worked example: counts, entries for what is not plain, no text."""
    result = governed(EXAMPLE)
    receipt = result.receipt
    assert (receipt.counts.use_now, receipt.counts.do_not_use, receipt.counts.rehydrate) == (1, 1, 1)
    assert {entry.id: entry.action for entry in receipt.entries} == {
        "mem0:old": "do_not_use",
        "mem0:log": "rehydrate",
        "mem0:note": "inspect_before_use",
    }
    assert receipt.decision_id == result.response.firewall.decision_id == "d-1"
    assert receipt.policy == "default@test"


def test_trust_is_capped_by_policy_and_says_so() -> None:
    """A backend that the policy only knows cannot be claimed into trust."""
    policy = compile_policy(Policy(trust=TrustTable(backends={"mem0": "known"})), "test")
    given = codes(ask(request([candidate("Note.")]), policy=policy))["m1"]
    assert given[-2:] == ["trust_capped:trusted->known", "candidate_requires_inspection_before_direct_use"]
    assert Trust.known < Trust.trusted
