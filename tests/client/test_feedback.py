"""`feedback_from_guide`: each rule in its order, by its code."""

from typing import Any

import pytest

from firewall.client import MemfwError, feedback_from_guide, receipt_digest
from firewall.service.learning.feedback_body import MemoryFeedbackBody
from firewall.service.strict_body import validated
from tests.client.seed import ACCEPTED, FAILED, POINTER, attribution, guide

SAID: dict[str, Any] = {
    "run_id": "run-2",
    "outcome": "positive",
    "reason": "It held.",
    "used_memory_ids": [ACCEPTED],
}


def receipt(**changes: Any) -> dict[str, Any]:
    """A host receipt for the failed memory, whole and with its digest."""
    digest = "0" * 64
    body = {
        "contract_version": "aionis_host_use_receipt_v1",
        "receipt_id": "rc-1",
        "guide_trace_id": "gt-91",
        "episode_id": "ep-1",
        "operation_id": "op-1",
        "run_id": "run-2",
        "host_task_id": "task-1",
        "host_task_envelope_sha256": digest,
        "collector_id": "ci",
        "collector_version": "1",
        "host_trace_sha256": digest,
        "observed_at": "2025-06-15T10:00:00Z",
        "items": [
            {
                "memory_id": FAILED,
                "used_surface": "do_not_use",
                "outcome": "positive",
                "action_outcome": "accepted_completed",
                "verifier_kind": "deterministic_scorer",
                "verifier_version": "1",
                "verifier_config_sha256": digest,
                "verifier_status": "passed",
                "content_evidence_sha256": digest,
                "evidence_ref_sha256": digest,
            }
        ],
        **changes,
    }
    return {**body, "receipt_sha256": receipt_digest(body)}


def item(**changes: Any) -> dict[str, Any]:
    """The receipt's one item, changed."""
    return {**receipt()["items"][0], **changes}


WITH_RECEIPT = {**SAID, "used_memory_ids": [FAILED], "operation_id": "op-1"}


def code_of(guided: dict[str, Any], **said: Any) -> str:
    """The code with which the feedback is refused."""
    with pytest.raises(MemfwError) as refused:
        feedback_from_guide(guided, **said)
    return refused.value.code.removeprefix("guide_feedback_")


def test_the_body() -> None:
    """What was served, on its surface, in the guide's scope; nothing that says nothing; a body that the server takes."""
    body = feedback_from_guide(guide(), **SAID, actor="reviewer-1", verifier_status="passed")
    assert body == {
        "tenant_id": "default",
        "scope": "checkout",
        "reason": "It held.",
        "run_id": "run-2",
        "outcome": "positive",
        "used_surface": "use_now",
        "actor": "reviewer-1",
        "guide_trace_id": "gt-91",
        "used_memory_ids": [ACCEPTED],
        "verifier_status": "passed",
    }
    validated(MemoryFeedbackBody, body)


def test_ids_are_sorted_bytewise() -> None:
    """By their UTF-8, whatever order they came in."""
    ids = ["b", "ä", "Z", "\U0001f600", "a"]
    items = [{"memory_id": memory_id, "served_surface": "use_now"} for memory_id in ids]
    body = feedback_from_guide(
        guide(feedback_attribution_v1=attribution(items=items)), **{**SAID, "used_memory_ids": ids}
    )
    assert body["used_memory_ids"] == ["Z", "a", "b", "ä", "\U0001f600"]


def test_the_actor_falls_back_to_the_consumer() -> None:
    """Who asked for the guide is who speaks, unless somebody is named."""
    assert feedback_from_guide(guide(consumer_agent_id="worker-2"), **SAID)["actor"] == "worker-2"
    assert "actor" not in feedback_from_guide(guide(), **SAID)


@pytest.mark.parametrize(
    ("guided", "said", "code"),
    [
        (guide(guide_trace_id=None), {}, "trace_missing"),
        (guide(), {"used_memory_ids": []}, "memory_missing"),
        (guide(), {"used_memory_ids": ["x" * 257]}, "memory_id_invalid"),
        (guide(), {"used_memory_ids": [ACCEPTED, ACCEPTED]}, "duplicate_memory"),
        (guide(feedback_attribution_v1=None), {}, "attribution_missing"),
        (guide(feedback_attribution_v1={"status": "unavailable"}), {}, "attribution_unavailable"),
        (guide(), {"used_memory_ids": ["seen-only"]}, "context_only_memory"),
        (guide(), {"used_memory_ids": ["seen-only", "strange"]}, "unknown_memory"),
        (guide(), {"used_memory_ids": [ACCEPTED, FAILED]}, "mixed_served_surfaces"),
        (guide(), {"used_memory_ids": [POINTER]}, "rehydrate_not_feedbackable"),
        (guide(), {"used_surface": "explicit_host_assertion"}, "explicit_assertion_not_exact"),
        (guide(), {"used_surface": "do_not_use"}, "served_surface_mismatch"),
        (guide(), {"used_memory_ids": [FAILED], "outcome": "negative"}, "host_receipt_required"),
    ],
)
def test_each_rule_has_its_code(guided: dict[str, Any], said: dict[str, Any], code: str) -> None:
    """The first rule that does not hold is named."""
    assert code_of(guided, **{**SAID, **said}) == code


@pytest.mark.parametrize(
    "broken",
    [
        attribution(contract_version="another"),
        attribution(status="perhaps"),
        attribution(guide_trace_id="gt-0"),
        attribution(items=None),
        attribution(items=["a17e"]),
        attribution(items=[{"memory_id": ACCEPTED, "served_surface": "nowhere"}]),
        attribution(items=[{"memory_id": ACCEPTED, "served_surface": "use_now"}] * 2),
    ],
)
def test_an_attribution_that_cannot_be_read(broken: dict[str, Any]) -> None:
    """Anything half there is no ground for credit."""
    assert code_of(guide(feedback_attribution_v1=broken), **SAID) == "attribution_invalid"


def test_the_order_of_the_rules() -> None:
    """Where several do not hold, the earlier one speaks."""
    assert code_of(guide(guide_trace_id=""), **{**SAID, "used_memory_ids": []}) == "trace_missing"
    bare = guide(feedback_attribution_v1=None)
    assert code_of(bare, **{**SAID, "used_memory_ids": ["a", "a"]}) == "duplicate_memory"
    mixed = {**SAID, "used_memory_ids": [ACCEPTED, POINTER], "used_surface": "explicit_host_assertion"}
    assert code_of(guide(), **mixed) == "mixed_served_surfaces"


def test_a_receipt_lifts_the_surface() -> None:
    """A measured outcome may be said of a memory that was served to be avoided; the server takes the body."""
    body = feedback_from_guide(guide(), **WITH_RECEIPT, host_use_receipt_v1=receipt())
    assert (body["used_surface"], body["outcome"]) == ("do_not_use", "positive")
    validated(MemoryFeedbackBody, body)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (receipt(guide_trace_id="gt-0"), "receipt_guide_trace_id_mismatch"),
        (receipt(run_id="run-9"), "receipt_run_id_mismatch"),
        (receipt(operation_id="op-9"), "receipt_operation_id_mismatch"),
        (receipt(episode_id="ep-9"), "receipt_episode_id_mismatch"),
        (receipt(items=[]), "receipt_memory_mismatch"),
        (receipt(items=[item(memory_id=ACCEPTED)]), "receipt_memory_mismatch"),
        (receipt(items=[item(outcome="negative")]), "receipt_outcome_mismatch"),
        (receipt(items=[item(used_surface="use_now")]), "served_surface_mismatch"),
        ({**receipt(), "receipt_sha256": "0" * 64}, "receipt_digest_mismatch"),
        ({**receipt(), "collector_id": "forged"}, "receipt_digest_mismatch"),
    ],
)
def test_a_receipt_for_something_else(changed: dict[str, Any], code: str) -> None:
    """A receipt is for one guide, run, operation, outcome and surface, and for exactly these memories."""
    assert code_of(guide(), **WITH_RECEIPT, host_use_receipt_v1=changed) == code


def test_a_receipt_needs_an_operation() -> None:
    """Before anything else of it is looked at."""
    said = {**WITH_RECEIPT, "operation_id": None, "used_memory_ids": [FAILED, FAILED]}
    assert code_of(guide(), **said, host_use_receipt_v1=receipt()) == "operation_id_required"


def test_defect_10_a_light_path_for_what_was_avoided() -> None:
    """Neutral needs nothing; an outcome that a verifier and runtime signals bear out needs no receipt."""
    avoided = {**SAID, "used_memory_ids": [FAILED]}
    assert feedback_from_guide(guide(), **{**avoided, "outcome": "neutral"})["used_surface"] == "do_not_use"
    signals: dict[str, Any] = {"verifier_status": "passed", "runtime_signal_refs": ["ci:812"]}
    assert feedback_from_guide(guide(), **avoided, **signals)["runtime_signal_refs"] == ["ci:812"]
    halves: tuple[dict[str, Any], ...] = ({"verifier_status": "passed"}, {"runtime_signal_refs": ["ci:812"]})
    for half in halves:
        assert code_of(guide(), **avoided, **half) == "host_receipt_required"
    unsure: dict[str, Any] = {"verifier_status": "unknown", "runtime_signal_refs": ["ci:812"]}
    assert code_of(guide(), **avoided, **unsure) == "host_receipt_required"
