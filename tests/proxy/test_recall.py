"""A mount as a source: who is pinned need not say so, and cannot ask for another."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from firewall.core.model import Attestation
from firewall.errors import CallerError
from firewall.ports import Caller, WireRequest, WireResponse
from firewall.proxy.recall import MountSource
from firewall.service.desk import Question
from firewall.service.principals import Principal
from tests.sidecar import sidecar

FACT = {
    "uuid": "e1",
    "name": "USES",
    "fact": "Checkout uses the new adapter",
    "created_at": "2026-01-05T10:00:00Z",
    "source_node_uuid": "n1",
    "target_node_uuid": "n2",
}
PINNED = Principal(name="p", pin={"memory": {"user_id": "u1"}})


class Canned:
    """An upstream that answers every search with one fact and keeps what it was asked."""

    def __init__(self, fact: Mapping[str, object] = FACT) -> None:
        self.asked: list[WireRequest] = []
        self._fact = fact

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:
        self.asked.append(request)
        body = msgspec.json.encode({"edges": [self._fact]})
        return WireResponse(status=200, headers=(("Content-Type", "application/json"),), body=body)

    async def close(self) -> None:
        """There is nothing to close."""


async def test_the_pin_is_the_owner(tmp_path: Path) -> None:
    """A pinned principal's question goes out with its pin; one that names another owner never does."""
    config = {"upstreams": {"memory": {"dialect": "zep", "url": "http://127.0.0.1:9"}}}
    async with sidecar(tmp_path, config) as memfw:
        canned = Canned()
        mount = msgspec.structs.replace(memfw.house.pipelines[0].mount, client=canned)
        source = MountSource(mount, memfw.house.services)
        rows = await source.recall(Question("checkout?", 5), principal=PINNED, deadline=1.0)
        assert [row.id for row in rows] == ["e1"]
        assert msgspec.json.decode(canned.asked[0].body)["user_id"] == "u1"
        question = Question("checkout?", 5, {"user_id": "u2"})
        with pytest.raises(CallerError) as refused:
            await source.recall(question, principal=PINNED, deadline=1.0)
    assert refused.value.status == 403
    assert len(canned.asked) == 1


async def test_what_was_written_through_memfw_is_verified(tmp_path: Path) -> None:
    """A guide or a recall sees who wrote a row, as drop-in traffic does."""
    config = {"upstreams": {"memory": {"dialect": "zep", "url": "http://127.0.0.1:9"}}}
    async with sidecar(tmp_path, config) as memfw:
        services, mount = memfw.house.services, memfw.house.pipelines[0].mount
        triple = {"fact": FACT["fact"], "fact_name": "USES", "user_id": "u1"}
        request = WireRequest(
            method="POST", path="/api/v2/graph/add-fact-triple", body=msgspec.json.encode(triple)
        )
        match = mount.dialect.match(request)
        assert match is not None
        plan = mount.dialect.plan(request, match, Caller(), now=0.0)
        services.stamps.put(mount.dialect, plan, mount.name, PINNED, tenant="default", now=services.now())
        attributes = msgspec.json.decode(plan.request.body)["edge_attributes"]
        canned = Canned({**FACT, "attributes": attributes})
        source = MountSource(msgspec.structs.replace(mount, client=canned), services)
        (row,) = await source.recall(Question("checkout?", 5), principal=PINNED, deadline=1.0)
    assert (row.attestation, row.writer) == (Attestation.verified, "p")
