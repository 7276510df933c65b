"""Feedback on a guide: built here, so that what cannot be credited is refused before it is sent.

Only what the guide served can be credited, and on the surface on which it was served. An outcome that was measured is
worth more than one that is said: away from `use_now` it needs a host receipt, or a verifier's status with the runtime
signals that bear it out.
"""

from collections.abc import Sequence
from typing import Literal

from firewall.client.errors import MemfwError
from firewall.client.guides import feedback_attribution_from_guide, memory_ids_from_guide
from firewall.client.receipts import require_receipt
from firewall.client.shapes import Json, compact, record, records

Outcome = Literal["positive", "negative", "neutral"]
UsedSurface = Literal["use_now", "inspect_before_use", "do_not_use", "explicit_host_assertion"]
VerifierStatus = Literal["passed", "failed", "not_run", "unknown"]
ToolStatus = Literal["succeeded", "failed", "not_run", "unknown"]

_CONTRACT = "aionis_guide_feedback_attribution_v1"
_SURFACES = frozenset({"use_now", "inspect_before_use", "do_not_use", "rehydrate", "not_agent_facing"})
_ID_CHARS = 256


def feedback_from_guide(
    guide: Json,
    *,
    run_id: str,
    outcome: Outcome,
    reason: str,
    used_memory_ids: Sequence[str],
    used_surface: UsedSurface | None = None,
    actor: str | None = None,
    operation_id: str | None = None,
    verifier_status: VerifierStatus | None = None,
    tool_status: ToolStatus | None = None,
    runtime_signal_refs: Sequence[str] | None = None,
    host_use_receipt_v1: Json | None = None,
) -> dict[str, object]:
    """The body for `feedback`. MemfwError, whose `code` names the first rule that does not hold."""
    trace_id = guide.get("guide_trace_id")
    if not isinstance(trace_id, str) or not trace_id:
        raise _refused("trace_missing", "the guide has no guide_trace_id")
    if not used_memory_ids:
        raise _refused("memory_missing", "feedback names at least one memory that was used")
    attribution = feedback_attribution_from_guide(guide)
    receipt_surface = None
    if host_use_receipt_v1 is not None:
        receipt_surface = require_receipt(
            host_use_receipt_v1,
            guide_trace_id=trace_id,
            episode_id=record(attribution).get("episode_id"),
            run_id=run_id,
            operation_id=operation_id,
            outcome=outcome,
            used_memory_ids=used_memory_ids,
        )
    used = _ids(used_memory_ids)
    surface = _served_surface(guide, trace_id, attribution, used)
    if used_surface == "explicit_host_assertion":
        raise _refused(
            "explicit_assertion_not_exact", "an assertion of the host's own is no use of this guide"
        )
    if any(named not in {None, surface} for named in (used_surface, receipt_surface)):
        raise _refused("served_surface_mismatch", "the memory was served on another surface")
    borne_out = verifier_status in {"passed", "failed"} and bool(runtime_signal_refs)
    if outcome != "neutral" and surface != "use_now" and receipt_surface is None and not borne_out:
        raise _refused(
            "host_receipt_required",
            "away from use_now an outcome needs a host receipt, or verifier_status and runtime_signal_refs",
        )
    return compact(
        {
            "operation_id": operation_id,
            "tenant_id": guide.get("tenant_id"),
            "scope": guide.get("scope"),
            "reason": reason,
            "run_id": run_id,
            "outcome": outcome,
            "used_surface": surface,
            "actor": actor or _consumer(guide),
            "guide_trace_id": trace_id,
            "used_memory_ids": used,
            "verifier_status": verifier_status,
            "tool_status": tool_status,
            "runtime_signal_refs": list(runtime_signal_refs or ()),
            "host_use_receipt_v1": host_use_receipt_v1,
        }
    )


def _ids(used_memory_ids: Sequence[str]) -> list[str]:
    if any(not memory_id or len(memory_id) > _ID_CHARS for memory_id in used_memory_ids):
        raise _refused("memory_id_invalid", f"a memory id has 1 to {_ID_CHARS} characters")
    if len(set(used_memory_ids)) != len(used_memory_ids):
        raise _refused("duplicate_memory", "a memory is named twice")
    return sorted(used_memory_ids, key=str.encode)


def _served_surface(guide: Json, trace_id: str, attribution: Json | None, used: Sequence[str]) -> str:
    """The one surface on which all used memories were served."""
    if attribution is None:
        raise _refused("attribution_missing", "the guide does not say what it served")
    if not _well_formed(attribution, trace_id):
        raise _refused("attribution_invalid", "what the guide says that it served cannot be read")
    if attribution.get("status") != "available":
        raise _refused("attribution_unavailable", "what the guide served was not recorded")
    served = {
        str(item["memory_id"]): str(item["served_surface"]) for item in records(attribution.get("items"))
    }
    strange = [memory_id for memory_id in used if memory_id not in served]
    if strange and set(strange) <= set(memory_ids_from_guide(guide)):
        raise _refused(
            "context_only_memory", "the guide only spoke of a memory that was used, it did not serve it"
        )
    if strange:
        raise _refused("unknown_memory", "the guide knows nothing of a memory that was used")
    surfaces = {served[memory_id] for memory_id in used}
    if len(surfaces) > 1:
        raise _refused(
            "mixed_served_surfaces", "the memories were served on different surfaces: one feedback each"
        )
    surface = surfaces.pop()
    if surface == "rehydrate":
        raise _refused("rehydrate_not_feedbackable", "a pointer cannot help or harm; rehydrate it first")
    return surface


def _well_formed(attribution: Json, trace_id: str) -> bool:
    if attribution.get("contract_version", _CONTRACT) != _CONTRACT:
        return False
    status = attribution.get("status")
    if status == "unavailable":
        return True
    items = attribution.get("items")
    if status != "available" or not isinstance(items, list):
        return False
    ids = [record(item).get("memory_id") for item in items]
    return (
        attribution.get("guide_trace_id") == trace_id
        and len(set(map(str, ids))) == len(ids)
        and all(isinstance(memory_id, str) and memory_id for memory_id in ids)
        and all(record(item).get("served_surface") in _SURFACES for item in items)
    )


def _consumer(guide: Json) -> str | None:
    """Who asked for the guide, where the answer says so."""
    for place in (guide, record(guide.get("agent_context"))):
        named = place.get("consumer_agent_id")
        if isinstance(named, str) and named:
            return named
    return None


def _refused(code: str, message: str) -> MemfwError:
    return MemfwError(f"guide_feedback_{code}", message)
