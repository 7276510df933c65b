"""The policy in force: swapped whole, last good kept, settled files only, requests at once."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firewall.core.model import Mode
from firewall.errors import ConfigError
from firewall.policy.reload import PolicyHolder, Reload


class Bench:
    """A policy file, its holder, a hand-turned ticker and what the holder reported."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "p.yaml"
        self.write("mode: standard\n")
        self.results: asyncio.Queue[Reload] = asyncio.Queue()
        self.time = 100.0
        self._ticks: asyncio.Queue[None] = asyncio.Queue()
        self.waiting = asyncio.Event()
        self.holder = PolicyHolder(self.file, clock=lambda: self.time, on_result=self.results.put_nowait)

    def write(self, text: str) -> None:
        self.file.write_text(text)

    async def _tick(self) -> None:
        self.waiting.set()
        await self._ticks.get()

    async def look(self) -> None:
        """Let the watch look at the files once, and wait until it has."""
        self.waiting.clear()
        self._ticks.put_nowait(None)
        await self.waiting.wait()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.holder.watch(self._tick))
            await self.waiting.wait()
            yield
            task.cancel()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_bad_policy_at_start_is_an_error(tmp_path: Path) -> None:
    """There is no last good one to keep yet."""
    (tmp_path / "p.yaml").write_text("mode: none\n")
    with pytest.raises(ConfigError):
        PolicyHolder(tmp_path / "p.yaml", clock=lambda: 0.0, on_result=lambda _: None)


async def test_reload_swaps(bench: Bench) -> None:
    """A reload takes the files as they are; who holds the old policy keeps it."""
    held = bench.holder.current
    before = held.revision
    bench.write("mode: strict\n")
    bench.time = 200.0
    result = await bench.holder.reload()
    assert (result.ok, result.changed, result.at) == (True, True, 200.0)
    assert result.label == bench.holder.current.label
    assert bench.holder.current.mode is Mode.strict
    assert held.revision == before != result.label
    assert bench.results.get_nowait() == bench.holder.last == result


async def test_the_last_good_one_stays(bench: Bench) -> None:
    """A policy with mistakes is not taken; the problems are kept and reported."""
    good = bench.holder.current
    bench.write("mode: none\n")
    result = await bench.holder.reload()
    assert not result.ok
    assert not result.changed
    assert result.label == good.label
    assert [problem.path for problem in result.problems] == ["mode"]
    assert bench.holder.current is good
    bench.write("mode: firewall\n")
    assert (await bench.holder.reload()).ok
    assert bench.holder.current.mode is Mode.firewall


async def test_a_deleted_file_keeps_the_last_good_one(bench: Bench) -> None:
    """Files that cannot be read are problems like others."""
    good = bench.holder.current
    bench.file.unlink()
    assert not (await bench.holder.reload()).ok
    assert bench.holder.current is good


async def test_watch_takes_a_change_that_stands_still(bench: Bench) -> None:
    """A changed file is taken when it looks the same twice; a half-written one never is."""
    async with bench.watching():
        bench.write("mode: st")
        await bench.look()
        bench.write("mode: strict\n")
        await bench.look()
        assert bench.results.empty()
        assert bench.holder.current.source.mode == "standard"
        await bench.look()
        assert bench.results.get_nowait().ok
        assert bench.holder.current.mode is Mode.strict


async def test_watch_reports_once(bench: Bench) -> None:
    """An unchanged file, touched or not, is not compiled again, and a bad one is reported once."""
    async with bench.watching():
        os.utime(bench.file, (1, 1))
        for _ in range(3):
            await bench.look()
        assert bench.results.empty()
        bench.write("mode: none\n")
        for _ in range(4):
            await bench.look()
        assert not bench.results.get_nowait().ok
        assert bench.results.empty()


async def test_watch_sees_a_change_that_kept_time_and_size(bench: Bench) -> None:
    """Content is compared, not dates."""
    bench.write("mode: strict\nname: a\n")
    await bench.holder.reload()
    stat = bench.file.stat()
    async with bench.watching():
        bench.write("mode: strict\nname: b\n")
        os.utime(bench.file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        await bench.look()
        await bench.look()
        assert bench.holder.current.source.name == "b"


async def test_a_change_that_is_taken_back_is_none(bench: Bench) -> None:
    """What is in force again before it settled is not reloaded."""
    async with bench.watching():
        bench.write("mode: strict\n")
        await bench.look()
        bench.write("mode: standard\n")
        await bench.look()
        bench.write("mode: strict\n")
        await bench.look()
        assert bench.holder.current.mode is Mode.standard
        assert bench.results.empty()


async def test_a_request_does_not_wait(bench: Bench) -> None:
    """SIGHUP's way: the reload comes without a tick."""
    async with bench.watching():
        bench.write("mode: firewall\n")
        bench.holder.request_reload()
        assert (await bench.results.get()).ok
        assert bench.holder.current.mode is Mode.firewall


async def test_reloads_at_one_time_end_with_the_newest_files(bench: Bench) -> None:
    """Attempts are serial, so none puts back what an earlier one read."""
    bench.write("mode: strict\n")
    first = asyncio.ensure_future(bench.holder.reload())
    second = asyncio.ensure_future(bench.holder.reload())
    await first
    bench.write("mode: firewall\n")
    third = asyncio.ensure_future(bench.holder.reload())
    await asyncio.gather(second, third)
    assert bench.holder.current.mode is Mode.firewall


async def test_a_cancelled_reload_changes_nothing(bench: Bench) -> None:
    """Cancelled while it reads, the policy in force is as it was, and the next reload works."""
    good = bench.holder.current
    bench.write("mode: strict\n")
    task = asyncio.ensure_future(bench.holder.reload())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.holder.current is good
    assert (await bench.holder.reload()).changed
