"""The worker thread of an embedded Mem0: lazy, alone, bounded, and never late with a surprise."""

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from adapters.mem0.embedded import EmbeddedMem0
from adapters.mem0.offline import embedded_factory, offline_config
from firewall.errors import UpstreamError
from firewall.ports import WireRequest

ID = "cb8a22ad-52a1-416b-935d-3d624121a935"
GET = WireRequest(method="GET", path=f"/memories/{ID}")
DELETE = WireRequest(method="DELETE", path=f"/memories/{ID}")


class FakeMemory:
    """Notes which thread called what; `get` waits for the test when it has a gate."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.threads: set[int] = {threading.get_ident()}
        self.entered = threading.Event()
        self.gate: threading.Event | None = None
        self.failure: BaseException | None = None
        self.vector_store = FakeStore()

    def get(self, memory_id: str) -> dict[str, Any] | None:
        self.calls.append("get")
        self.threads.add(threading.get_ident())
        self.entered.set()
        if self.gate is not None:
            assert self.gate.wait(20)
        if self.failure is not None:
            raise self.failure
        return None

    def delete(self, memory_id: str) -> dict[str, Any]:
        self.calls.append("delete")
        return {}

    def close(self) -> None:
        self.calls.append("close")
        self.threads.add(threading.get_ident())

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AssertionError(f"{name} was called")


class FakeStore:
    def list(self, filters: Any = None, top_k: int = 100) -> list[Any]:
        return []


def embedded(**options: Any) -> tuple[EmbeddedMem0, list[FakeMemory]]:
    made: list[FakeMemory] = []

    def factory() -> Any:
        made.append(FakeMemory())
        return made[-1]

    return EmbeddedMem0(factory, **options), made


async def test_the_memory_is_made_once_and_at_first_use() -> None:
    """Nothing is made at the start; every call runs on one thread that is not the loop's."""
    upstream, made = embedded()
    assert made == []
    for _ in range(3):
        assert (await upstream.send(GET, deadline=20)).body == b"null"
    (memory,) = made
    assert memory.calls == ["get"] * 3
    assert len(memory.threads) == 1
    assert threading.get_ident() not in memory.threads
    await upstream.close()
    await upstream.close()
    assert memory.calls[-1] == "close"
    assert memory.calls.count("close") == 1
    with pytest.raises(UpstreamError) as closed:
        await upstream.send(GET, deadline=20)
    assert closed.value.code == "upstream_closed"


async def busy(upstream: EmbeddedMem0, made: list[FakeMemory]) -> tuple[asyncio.Task[Any], threading.Event]:
    """A request that occupies the worker until its gate opens."""
    await upstream.send(GET, deadline=20)
    gate = made[0].gate = threading.Event()
    made[0].entered.clear()
    running = asyncio.ensure_future(upstream.send(GET, deadline=20))
    assert await asyncio.to_thread(made[0].entered.wait, 20)
    return running, gate


async def test_a_late_request_that_waited_is_never_performed() -> None:
    """Its caller has been told 504, so the delete behind the slow read must not happen afterwards."""
    upstream, made = embedded()
    running, gate = await busy(upstream, made)
    with pytest.raises(UpstreamError) as late:
        await upstream.send(DELETE, deadline=0.01)
    assert (late.value.status, late.value.code) == (504, "upstream_timeout")
    gate.set()
    assert (await running).status == 200
    made[0].gate = None
    await upstream.send(GET, deadline=20)
    assert "delete" not in made[0].calls
    await upstream.close()


async def test_a_given_up_request_is_never_performed() -> None:
    """A caller that goes away takes its waiting request along."""
    upstream, made = embedded()
    running, gate = await busy(upstream, made)
    waiting = asyncio.ensure_future(upstream.send(DELETE, deadline=20))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.set()
    await running
    await upstream.close()
    assert "delete" not in made[0].calls


async def test_the_queue_is_bounded() -> None:
    """More than `max_waiting` at once is refused with retry advice; afterwards there is room again."""
    upstream, made = embedded(max_waiting=1)
    running, gate = await busy(upstream, made)
    with pytest.raises(UpstreamError) as full:
        await upstream.send(GET, deadline=20)
    assert (full.value.status, full.value.retry_after) == (503, 1.0)
    gate.set()
    await running
    assert (await upstream.send(GET, deadline=20)).status == 200
    await upstream.close()


async def test_closing_refuses_what_waits() -> None:
    """The running call ends in peace, what waits behind it gets 503 and is not performed."""
    upstream, made = embedded()
    running, gate = await busy(upstream, made)
    waiting = asyncio.ensure_future(upstream.send(DELETE, deadline=20))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(upstream.close())
    with pytest.raises(UpstreamError) as closed:
        await waiting
    assert closed.value.code == "upstream_closed"
    gate.set()
    assert (await running).status == 200
    await closing
    assert made[0].calls == ["get", "get", "close"]


async def test_a_mem0_that_does_not_start() -> None:
    """The caller gets 503 and the kind of the error, not its words; the next request tries again."""
    tries: list[BaseException] = [ModuleNotFoundError("secret"), OSError("secret")]

    def factory() -> Any:
        if tries:
            raise tries.pop(0)
        return FakeMemory()

    upstream = EmbeddedMem0(factory)
    for hint in ("install memfw[mem0]", "OSError"):
        with pytest.raises(UpstreamError) as away:
            await upstream.send(GET, deadline=20)
        assert away.value.status == 503
        assert hint in away.value.message
        assert "secret" not in away.value.message
    assert (await upstream.send(GET, deadline=20)).status == 200
    await upstream.close()


class SubclassError(ValueError):
    """As other packages derive them."""


@pytest.mark.parametrize(
    ("failure", "status", "detail"),
    [
        (ValueError("Invalid user_id"), 400, "Invalid user_id"),
        (ValueError(f"Memory with id {ID} not found"), 404, f"Memory with id {ID} not found"),
        (SubclassError("memory text"), 502, "Upstream provider error."),
        (RuntimeError("memory text"), 502, "Upstream provider error."),
    ],
)
async def test_what_the_memory_raises(failure: Exception, status: int, detail: str) -> None:
    """Mem0's own refusals are told, everything else is the server's 502 without a foreign word in it."""
    upstream, made = embedded(new_id=lambda: "r1")
    await upstream.send(GET, deadline=20)
    made[0].failure = failure
    response = await upstream.send(GET, deadline=20)
    assert response.status == status
    assert json.loads(response.body)["detail"] == detail
    if status == 502:
        assert json.loads(response.body)["request_id"] == "r1"
    await upstream.close()


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "status"),
    [
        ("GET", "/memories/", "", b"", 404),
        ("GET", "/configure", "", b"", 404),
        ("GET", "/v1/ping/", "", b"", 404),
        ("GET", "/", "", b"", 404),
        ("GET", "/memories/abc", "", b"", 502),
        ("GET", "/memories", "top_k=5000", b"", 422),
        ("POST", "/memories", "", b'{"user_id": "u1"}', 422),
        ("POST", "/memories", "", b'{"messages": [{"role": "user"}], "user_id": "u1"}', 422),
        ("POST", "/memories", "", b'{"messages": []}', 400),
        ("POST", "/search", "", b"{}", 422),
        ("POST", "/search", "", b"[" * 100_000, 422),
        ("POST", "/search", "", b"", 422),
        ("DELETE", "/memories", "", b"", 400),
        ("DELETE", "/entities/planet/x", "", b"", 422),
    ],
)
async def test_refusals_like_the_servers(
    method: str, path: str, query: str, body: bytes, status: int
) -> None:
    """Bad requests are refused before the Memory is touched, with the statuses of the real server."""
    upstream, _ = embedded()
    response = await upstream.send(WireRequest(method=method, path=path, query=query, body=body), deadline=20)
    assert response.status == status
    assert isinstance(json.loads(response.body)["detail"], list if status == 422 else str)
    await upstream.close()


async def test_importing_costs_nothing() -> None:
    """The vendor's package comes in with the first request of a real embedded Mem0, not with our modules."""
    program = (
        "import sys, adapters.mem0.embedded, adapters.mem0.oss, adapters.mem0.offline;"
        "adapters.mem0.offline.embedded_factory(adapters.mem0.offline.offline_config());"
        "sys.exit('mem0' in sys.modules or 'qdrant_client' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await process.wait() == 0


async def test_the_hashing_embedder_leaves_mem0_as_it_was() -> None:
    """The stand-in name is ours only while a Memory is made."""
    from mem0.utils.factory import EmbedderFactory

    before = dict(EmbedderFactory.provider_to_class)
    upstream = EmbeddedMem0(embedded_factory(offline_config()))
    assert (await upstream.send(WireRequest(method="GET", path="/entities"), deadline=30)).status == 200
    await upstream.close()
    assert before == EmbedderFactory.provider_to_class
