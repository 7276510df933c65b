"""The answers of the seed's loop as a server gives them: what the client's pure functions read."""

from typing import Any

ACCEPTED, FAILED, POINTER = "a17e", "6d0c", "77aa"


def guide(**changes: Any) -> dict[str, Any]:
    """A guide that served one accepted, one failed and one raw memory."""
    return {
        "contract_version": "aionis_guide_result_v1",
        "guide_trace_id": "gt-91",
        "tenant_id": "default",
        "scope": "checkout",
        "guide_packet": {"contract_version": "aionis_guide_packet_v1"},
        "agent_context": {
            "prompt_text": "AIONIS_CTX v2\n...",
            "memory_ids": [ACCEPTED, FAILED, "seen-only"],
            "use_now_memory_ids": [ACCEPTED],
            "do_not_use_memory_ids": [FAILED],
            "command_posture": [
                {"posture": "should_continue", "memory_id": ACCEPTED},
                {"posture": "must_not", "memory_id": FAILED},
            ],
            "route_contract": {
                "active_targets": [{"target": "src/checkout/adapter.ts", "source_memory_id": ACCEPTED}],
                "blocked_routes": [{"target": "src/checkout/legacyAdapter.ts", "source_memory_id": FAILED}],
            },
            "rehydrate_hints": [{"memory_id": POINTER, "reason": "raw evidence", "required": False}],
        },
        "feedback_attribution_v1": attribution(),
        **changes,
    }


def attribution(**changes: Any) -> dict[str, Any]:
    """What the guide served on which surface."""
    return {
        "contract_version": "aionis_guide_feedback_attribution_v1",
        "status": "available",
        "guide_trace_id": "gt-91",
        "episode_id": "ep-1",
        "items": [
            {"memory_id": FAILED, "served_surface": "do_not_use"},
            {"memory_id": POINTER, "served_surface": "rehydrate"},
            {"memory_id": ACCEPTED, "served_surface": "use_now"},
        ],
        **changes,
    }


def measure() -> dict[str, Any]:
    """A measurement with one skill and one candidate of another kind."""
    return {
        "memory_decision_trace": {"decisions": []},
        "effect_report": {
            "contract_version": "aionis_effect_report_v1",
            "training_candidates": [
                {"candidate_type": "workflow_selector", "source_ids": ["x"], "label": "positive"},
                {"candidate_type": "trace_derived_skill", "source_ids": ["x"], "trace_derived_skill": {}},
                {
                    "candidate_type": "trace_derived_skill",
                    "source_ids": [ACCEPTED],
                    "label": "positive",
                    "export_ready": True,
                    "reason": "continuity kernel positive",
                    "trace_derived_skill": {
                        "contract_version": "aionis_trace_derived_skill_candidate_v1",
                        "skill_name": "checkout continuation",
                        "source_trace_ids": ["gt-91"],
                        "applies_when": ["task_signature=checkout-migration"],
                        "procedure_steps": ["continue src/checkout/adapter.ts"],
                        "target_files": ["src/checkout/adapter.ts"],
                        "authority_state": "candidate",
                        "promotion_status": "promotion_ready",
                        "export_policy": {
                            "agent_prompt_included": False,
                            "runtime_mutation": False,
                            "required_gate": "admission_and_promotion_gate",
                        },
                    },
                },
            ],
        },
    }
