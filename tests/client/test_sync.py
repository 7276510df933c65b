"""The sync face: the same calls, declared once, waited for."""

import asyncio
import threading

import pytest

from firewall.client import Memfw, MemfwAnswerError, MemfwError, MemfwSync
from firewall.client.calls import ExecutionCalls, MemoryCalls, SkillCalls
from firewall.client.face import Call
from tests.client.double import Double


async def test_the_same_calls(server: Double) -> None:
    """A step is sent as the async face sends it; results and errors come back to the calling thread."""
    server.answer("/v1/guide", {"guide_trace_id": "gt-1"})
    server.answer("/v1/feedback", {"error": "trace_unknown", "message": "no"}, status=400)

    def work() -> None:
        with MemfwSync(server.url, key="k", scope="checkout") as memfw:
            memfw.execution.observe_step(agent_id="w", title="t", team_id="core")
            assert memfw.guide({"query_text": "q"})["guide_trace_id"] == "gt-1"
            with pytest.raises(MemfwAnswerError) as refused:
                memfw.feedback({"run_id": "r"})
            assert refused.value.code == "trace_unknown"
            assert memfw.skills.list() == {}

    await asyncio.to_thread(work)
    async with Memfw(server.url, key="k", scope="checkout") as memfw:
        await memfw.execution.observe_step(agent_id="w", title="t", team_id="core")
    assert server.asked[0].body == server.asked[-1].body


def test_there_is_no_twin() -> None:
    """Neither face has a call of its own: all of them are `Call`s of the shared declarations."""
    for face in (Memfw, MemfwSync):
        own = {name for name in vars(face) if not name.startswith("_")}
        assert own == {"close"}
    for declared in (MemoryCalls, ExecutionCalls, SkillCalls):
        calls = {name: value for name, value in vars(declared).items() if not name.startswith("_")}
        assert calls
        assert all(isinstance(call, Call) and call.__doc__ for call in calls.values())


def test_the_thread_ends() -> None:
    """Closing ends the thread, twice is once, and afterwards every call says so."""
    before = threading.active_count()
    memfw = MemfwSync("http://127.0.0.1:9")
    assert threading.active_count() == before + 1
    memfw.close()
    memfw.close()
    assert threading.active_count() == before
    with pytest.raises(MemfwError) as refused:
        memfw.observe({"input_text": "x"})
    assert refused.value.code == "client_closed"


async def test_threads_share_one_client(server: Double) -> None:
    """Many threads ask at once; each gets its own answer."""
    with MemfwSync(server.url) as memfw:
        asks = [asyncio.to_thread(memfw.observe, {"input_text": str(number)}) for number in range(20)]
        await asyncio.gather(*asks)
    assert sorted(int(asked.body["input_text"]) for asked in server.asked) == list(range(20))


async def test_closing_breaks_off_what_is_under_way() -> None:
    """A thread that waits for a silent server is told that the client was closed."""
    arrived = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        arrived.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as listening:
        memfw = MemfwSync(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", timeout=30)
        waiting = asyncio.ensure_future(asyncio.to_thread(memfw.observe, {"input_text": "x"}))
        await arrived.wait()
        await asyncio.to_thread(memfw.close)
        with pytest.raises(MemfwError) as refused:
            await waiting
    assert refused.value.code == "client_closed"
