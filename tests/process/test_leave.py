"""SIGTERM and SIGINT: nobody's request is dropped, the log is flushed, exit 0."""

import asyncio
import signal
import sqlite3
from pathlib import Path

import pytest

from tests.backends.mem0_double import PLATFORM_2, Gate, PlatformDouble, Trouble, platform_double
from tests.process.running import Line, Load, serving
from tests.server.asking import GOVERN, asking
from tests.sidecar import mem0_at

SEARCH = "/mem0/v3/memories/search/"
QUERY = {"query": "q", "filters": {"user_id": "u1"}}


def _rows(double: PlatformDouble) -> None:
    rows = [{"id": f"m{number}", "memory": f"fact {number}", "user_id": "u1"} for number in range(10)]
    double.answer("POST", "/v3/memories/search/", {"results": rows})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_leaving_under_load_fails_no_request(tmp_path: Path, number: signal.Signals) -> None:
    """Every request on an accepted connection is answered whole with 200; afterwards the port refuses; exit 0."""
    async with platform_double(PLATFORM_2) as double:
        _rows(double)
        async with serving(tmp_path, {"upstreams": mem0_at(double.url)}) as process:
            load = Load(process.address, "POST", SEARCH, QUERY)
            running = asyncio.ensure_future(load.run(16))
            await load.reached(50)
            process.tell(number)
            assert await process.ended() == 0
            await running
    assert load.lost == []
    assert set(load.statuses) == {200}
    assert load.refused == 16
    assert process.messages() == [
        "ready",
        *["decision"] * process.messages().count("decision"),
        "draining",
    ] or ("draining" in process.messages())


async def test_every_receipt_of_the_load_is_in_the_log(tmp_path: Path) -> None:
    """What was decided until the end is flushed before the process ends."""
    async with serving(tmp_path, {}) as process:
        load = Load(process.address, "POST", GOVERN, asking(3))
        running = asyncio.ensure_future(load.run(4))
        await load.reached(20)
        process.tell(signal.SIGTERM)
        assert await process.ended() == 0
        await running
    assert load.lost == []
    with sqlite3.connect(tmp_path / "memfw.db") as database:
        (stored,) = database.execute("SELECT count(*) FROM decision").fetchone()
    database.close()
    assert stored == len(load.statuses)


async def test_a_request_in_the_upstream_is_waited_for(tmp_path: Path) -> None:
    """A request that hangs in the upstream while we leave gets its whole answer, with readiness off meanwhile."""
    async with platform_double(PLATFORM_2) as double:
        _rows(double)
        gate = Gate()
        async with serving(tmp_path, {"upstreams": mem0_at(double.url)}) as process:
            ready, slow = await Line.open(process.address), await Line.open(process.address)
            assert (await ready.ask("GET", "/readyz")).status == 200
            double.trouble(Trouble(gate=gate))
            slow.send("POST", SEARCH, QUERY)
            await gate.reached.wait()
            process.tell(signal.SIGTERM)
            while (leaving := await ready.ask("GET", "/readyz")).status == 200:
                pass
            assert leaving.json["reasons"] == ["draining"]
            assert leaving.headers["connection"] == "close"
            assert await ready.closed()
            gate.opened.set()
            answer = await slow.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            assert await process.ended() == 0
            await ready.close()
            await slow.close()


async def test_idle_connections_do_not_hold_it(tmp_path: Path) -> None:
    """Connections that never ask, or asked once and stay silent, are closed; the process ends."""
    async with serving(tmp_path, {}) as process:
        silent, asked, half = [await Line.open(process.address) for _ in range(3)]
        assert (await asked.ask("GET", "/healthz")).status == 200
        half._writer.write(b"GET /healthz HTTP/1.1\r\nHost: me")
        process.tell(signal.SIGTERM)
        assert await process.ended() == 0
        for line in (silent, asked, half):
            assert await line.closed()
            await line.close()


async def test_a_second_signal_changes_nothing(tmp_path: Path) -> None:
    """Being told twice is being told once."""
    async with serving(tmp_path, {}) as process:
        process.tell(signal.SIGTERM)
        process.tell(signal.SIGTERM)
        process.tell(signal.SIGINT)
        assert await process.ended() == 0
    assert process.messages().count("draining") == 1
