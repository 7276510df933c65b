"""Host receipts: a host's own measured word on what a memory did, bound by digest to one guide and one run.

A receipt speaks of one outcome on one surface, and of exactly the memories that the feedback names.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from firewall.client.errors import MemfwError
from firewall.client.shapes import Json, records

_canonical = msgspec.json.Encoder(order="sorted")


def receipt_digest(receipt: Json) -> str:
    """sha256 of the receipt's canonical JSON (sorted keys) without the digest itself."""
    body = {name: value for name, value in receipt.items() if name != "receipt_sha256"}
    return hashlib.sha256(_canonical.encode(body)).hexdigest()


def require_receipt(
    receipt: Json,
    *,
    guide_trace_id: str,
    episode_id: object,
    run_id: str,
    operation_id: str | None,
    outcome: str,
    used_memory_ids: Sequence[str],
) -> str:
    """The surface that the receipt speaks of. MemfwError with a code of its own for each thing that does not match."""
    if not operation_id:
        raise _refused("operation_id_required", "feedback with a receipt needs an operation_id")
    expected = {"guide_trace_id": guide_trace_id, "run_id": run_id, "operation_id": operation_id}
    if episode_id is not None:
        expected["episode_id"] = str(episode_id)
    for name, value in expected.items():
        if receipt.get(name) != value:
            raise _refused(f"receipt_{name}_mismatch", f"the receipt is for another {name}")
    items = records(receipt.get("items"))
    ids = [item.get("memory_id") for item in items]
    if not items or ids != sorted(set(used_memory_ids), key=str.encode) or len(ids) != len(used_memory_ids):
        raise _refused(
            "receipt_memory_mismatch", "the receipt's memories are not the used ones, sorted and unique"
        )
    if {item.get("outcome") for item in items} != {outcome}:
        raise _refused("receipt_outcome_mismatch", "the receipt does not speak of this one outcome")
    surfaces = {item.get("used_surface") for item in items}
    surface = next(iter(surfaces))
    if len(surfaces) != 1 or not isinstance(surface, str):
        raise _refused("receipt_mixed_surfaces", "a receipt speaks of one surface")
    if receipt.get("receipt_sha256") != receipt_digest(receipt):
        raise _refused("receipt_digest_mismatch", "the receipt is not what its digest says")
    return surface


def _refused(code: str, message: str) -> MemfwError:
    return MemfwError(f"guide_feedback_{code}", message)
