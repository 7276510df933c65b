"""How the govern tests ask: a body in few words, the answer as parsed JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from firewall.core.compiled import CompiledPolicy, compile_policy
from firewall.core.policy import Policy
from firewall.core.state import State
from firewall.service.govern.body import parse_body
from firewall.service.govern.govern import Asker, Governed, govern

#: 2026-11-22T00:00:00Z
NOW = 1_795_305_600.0
POLICY = compile_policy(Policy(), "test")

Json = dict[str, Any]


def candidate(
    text: str,
    *,
    memory_id: str = "m1",
    trust: str = "trusted",
    scope: str = "project",
    evidence: str = "none",
    hint: str = "current",
    metadata: Mapping[str, object] | None = None,
    refs: Sequence[str] = (),
    bare: bool = False,
) -> Json:
    """A memory that would be used at once, but for what is said of it; `bare` says nothing of it at all."""
    row: Json = {"external_memory_id": memory_id, "source_backend": "mem0", "text": text}
    if metadata is not None:
        row["metadata"] = dict(metadata)
    if refs:
        row["evidence_refs"] = list(refs)
    if not bare:
        row["authority"] = {"source_trust": trust, "scope": scope, "evidence_requirement": evidence}
        row["lifecycle_hint"] = hint
    return row


def request(candidates: Iterable[Json], **fields: object) -> Json:
    return {
        "query_text": "Continue the checkout migration",
        "mode": "firewall",
        "include_records": True,
        "candidates": list(candidates),
        **fields,
    }


def governed(
    body: Json, *, policy: CompiledPolicy = POLICY, state: State | None = None, asker: Asker | None = None
) -> Governed:
    return govern(
        parse_body(json.dumps(body).encode(), policy),
        asker or Asker(),
        state or State(),
        policy,
        NOW,
        decision_id="d-1",
    )


def ask(
    body: Json, *, policy: CompiledPolicy = POLICY, state: State | None = None, asker: Asker | None = None
) -> Json:
    """The answer as a client sees it."""
    answer: Json = msgspec.json.decode(
        msgspec.json.encode(governed(body, policy=policy, state=state, asker=asker).response)
    )
    return answer


def surfaces(answer: Json) -> dict[str, str]:
    """Where each memory went, from the lists; a memory on two surfaces or on none is an error."""
    receipt = answer["memory_use_receipt"]
    found: dict[str, str] = {}
    for surface in ("use_now", "inspect_before_use", "do_not_use", "rehydrate"):
        for memory_id in receipt[f"{surface}_memory_ids"]:
            assert memory_id not in found
            found[memory_id] = surface
    assert set(found) == set(answer["agent_context"]["memory_ids"])
    return found


def codes(answer: Json) -> dict[str, list[str]]:
    return {
        summary["memory_id"]: summary["reason_codes"]
        for summary in answer["memory_use_receipt"]["decision_summaries"]
    }


def headers(prompt: str) -> list[str]:
    """The lines of a prompt that an agent takes for section headers, however a line may end."""
    return [
        line.strip()
        for line in prompt.splitlines()
        if line.strip().rstrip(":") in {"USE_NOW", "INSPECT_BEFORE_USE", "DO_NOT_USE", "REHYDRATE"}
    ]
