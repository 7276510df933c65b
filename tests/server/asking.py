"""How the server tests ask: the worked request of the govern contract, and one candidate in few words."""

from typing import Any

import aiohttp

Json = dict[str, Any]

GOVERN = "/v1/memory/govern"

WORKED: Json = {
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


def bare(number: int) -> Json:
    """A candidate of which nothing is said."""
    return {"external_memory_id": f"m{number}", "source_backend": "mem0", "text": f"Fact number {number}."}


def asking(count: int, **fields: object) -> Json:
    """A request with so many bare candidates."""
    return {"query_text": "q", "candidates": [bare(number) for number in range(count)], **fields}


async def refusal(response: aiohttp.ClientResponse, status: int, code: str) -> Json:
    """The one error shape, asserted; its body."""
    body: Json = await response.json()
    assert response.content_type == "application/json"
    assert (response.status, body["status"], body["error"]) == (status, status, code)
    assert isinstance(body["message"], str)
    assert body["message"]
    assert body["details"]["contract"] == "error_v1"
    assert set(body) <= {"status", "error", "message", "details", "issues"}
    assert body["details"].get("issues") == body.get("issues")
    return body
