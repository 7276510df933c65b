"""`workers: N`: several processes behind one port, one supervisor, no request lost that could be served."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from firewall.shared_port import hold
from firewall.workers import Plan
from tests.process.crew import gone, kill, line_to, worker_of, workers_of
from tests.process.running import ROOT, Line, Load, Process, serving, start
from tests.server.asking import GOVERN, asking

TWO: dict[str, object] = {"workers": 2}


def lines(process: Process, message: str) -> list[dict[str, object]]:
    return [line for line in process.lines if line["message"] == message]


async def test_two_workers_share_a_port(tmp_path: Path) -> None:
    """Both are reached on the one port, each says which it is, and each has a port of its own for operators. Another
    memfw with workers does not share the port by mistake."""
    (tmp_path / "second").mkdir()
    config = {"workers": 2, "listen": {"port": 0, "metrics_port": 0}}
    async with serving(tmp_path, config) as process:
        for number in (0, 1):
            line = await line_to(process, number)
            assert (await line.ask("POST", GOVERN, asking(1))).status == 200
            await line.close()
        ready = lines(process, "worker ready")
        assert {line["worker"] for line in ready} == {0, 1}
        assert {line["url"] for line in ready} == {process.url}
        for said in ready:
            port = int(str(said["metrics"]).rpartition(":")[2])
            own = await Line.open(("127.0.0.1", port))
            assert await worker_of(own) == said["worker"]
            assert (await own.ask("GET", "/readyz")).status == 200
            await own.close()
        host, port = process.address
        second = await start(tmp_path / "second", {"workers": 2, "listen": {"port": port}})
        assert await second.ended() == 2
        assert f"listen: port: cannot listen on {host}:{port}: Address already in use" in second.messages()
        process.tell(signal.SIGTERM)
        assert await process.ended() == 0
    assert len(lines(process, "draining")) == 2


async def test_leaving_under_load_fails_no_request(tmp_path: Path) -> None:
    """Every worker drains: each request on an accepted connection is answered whole; then the port refuses; exit 0.
    Being told twice is being told once."""
    async with serving(tmp_path, TWO) as process:
        load = Load(process.address, "POST", GOVERN, asking(3))
        running = asyncio.ensure_future(load.run(16))
        await load.reached(100)
        process.tell(signal.SIGINT)
        process.tell(signal.SIGTERM)
        assert await process.ended() == 0
        await running
    assert load.lost == []
    assert set(load.statuses) == {200}
    assert load.refused == 16


async def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    """The other serves on meanwhile, the loss is said loudly, and a new worker takes the place. SIGHUP reaches every
    worker, and nobody dies of it."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("name: one\n")
    async with serving(tmp_path, {"workers": 2, "policy": str(policy)}) as process:
        other = await line_to(process, 1)
        before = workers_of(process)
        kill(before[0])
        await gone(before[0])
        assert (await other.ask("POST", GOVERN, asking(1))).status == 200
        line = await line_to(process, 0)
        assert (await line.ask("POST", GOVERN, asking(1))).status == 200
        after = workers_of(process)
        assert after[1] == before[1]
        assert after[0] != before[0]
        policy.write_text("name: two\n")
        process.tell(signal.SIGHUP)
        for one in (other, line):
            while not (await one.ask("GET", "/readyz")).json["policy"].startswith("two@"):
                pass
            await one.close()
        process.tell(signal.SIGTERM)
        assert await process.ended() == 0
    (said,) = lines(process, "a worker ended by itself and is started again")
    assert (said["level"], said["worker"], said["cause"]) == ("error", 0, "signal 9")


async def test_workers_do_not_outlive_their_supervisor(tmp_path: Path) -> None:
    """A supervisor that was killed tells nobody; its workers leave all the same."""
    async with serving(tmp_path, TWO) as process:
        workers = workers_of(process)
        assert set(workers) == {0, 1}
        process.child.kill()
        for pid in workers.values():
            await gone(pid)


async def test_what_cannot_start_says_so_once(tmp_path: Path) -> None:
    """A policy that cannot be used ends the start with exit code 2; its problems come from the first worker alone."""
    (tmp_path / "policy.yaml").write_text("mode: lenient\nsurprise: 1\n")
    process = await start(tmp_path, {"workers": 4, "policy": "policy.yaml"})
    assert await process.ended() == 2
    assert len([line for line in process.messages() if "policy.yaml:" in line]) == 2
    assert "Traceback" not in "\n".join(process.messages())


async def test_a_state_in_memory_is_not_shared(tmp_path: Path) -> None:
    """Each worker would have a truth of its own: a problem of the config."""
    process = await start(tmp_path, {"workers": 2, "state": {"url": "sqlite:///:memory:"}})
    assert await process.ended() == 2
    (message,) = process.messages()
    assert "workers: several processes cannot share a state in memory" in message


_IMPATIENT = """
import sys
import firewall.workers
firewall.workers.LEAVE_SECONDS = 4.0
sys.exit(firewall.workers.main(sys.argv[1:]))
"""


async def test_who_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    """A worker that hangs does not keep the others and their supervisor; the exit code says that something was lost."""
    (held,) = hold("127.0.0.1", 0)
    plan = Plan(workers=2, port=held.getsockname()[1], held=[], serve=["serve"], level="info")
    with held:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _IMPATIENT, json.dumps(plan)),
            cwd=tmp_path,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        process = Process(child)
        await process.ready()
        hung = workers_of(process)[0]
        os.kill(hung, signal.SIGSTOP)
        process.tell(signal.SIGTERM)
        assert await process.ended() == 1
        await gone(hung)
    (said,) = lines(process, "a worker did not end in time and is killed")
    assert said["worker"] == 0
