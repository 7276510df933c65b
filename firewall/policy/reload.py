"""The policy in force: one reference, replaced whole; on a bad reload the last good one stays.

A request takes `current` once and keeps what it took, so that it is decided and receipted by one revision. Files are
read and compiled off the event loop; only the swap is on it. Attempts are serial, so an older reading can never
replace a newer one.

`watch` looks at the files at every tick and compiles what has changed *and then stood still for one tick*: a file that
an editor has half written is not a policy. `request_reload` (SIGHUP) does not wait.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from firewall.core.compiled import CompiledPolicy
from firewall.errors import ConfigError, Problem
from firewall.policy.load import Source, compile_sources, digest_of, read_sources

Tick = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reload:
    """One attempt: whether it took, when (epoch seconds), what is in force now, and what was wrong."""

    ok: bool
    at: float
    label: str
    changed: bool
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reading:
    """The files at one moment, or why they could not be read. `digest` tells one moment from another."""

    digest: str
    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]


class PolicyHolder:
    """Holds the policy in force. Construct it at start: a policy that cannot be loaded then is a ConfigError."""

    def __init__(
        self, source: str | Path, *, clock: Callable[[], float], on_result: Callable[[Reload], None]
    ) -> None:
        self._source = source
        self._clock = clock
        self._on_result = on_result
        sources = read_sources(source)
        self._current = compile_sources(sources)
        self._digest = digest_of(sources)
        self._unsettled = ""
        self._lock = asyncio.Lock()
        self._requested = asyncio.Event()
        self._last = Reload(ok=True, at=clock(), label=self._current.label, changed=True)

    @property
    def current(self) -> CompiledPolicy:
        """The policy in force at this moment."""
        return self._current

    @property
    def last(self) -> Reload:
        """How the newest attempt ended; its problems are those of the files as they are."""
        return self._last

    def request_reload(self) -> None:
        """Ask `watch` to reload now; for signal handlers of the loop."""
        self._requested.set()

    async def reload(self) -> Reload:
        """Read, compile, swap. The last good policy stays where the files have problems."""
        async with self._lock:
            return await self._activate(await asyncio.to_thread(_read, self._source))

    async def watch(self, tick: Tick) -> None:
        """Follow the files and the requests until cancelled. `tick` returns when it is time to look again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_files(tick))
            group.create_task(self._follow_requests())

    async def _follow_files(self, tick: Tick) -> None:
        while True:
            await tick()
            async with self._lock:
                reading = await asyncio.to_thread(_read, self._source)
                if reading.digest == self._digest:
                    self._unsettled = ""
                elif reading.digest != self._unsettled:
                    self._unsettled = reading.digest
                else:
                    await self._activate(reading)

    async def _follow_requests(self) -> None:
        while True:
            await self._requested.wait()
            self._requested.clear()
            await self.reload()

    async def _activate(self, reading: _Reading) -> Reload:
        """Called with the lock held. What was seen is remembered even if it is bad, so that it is reported once."""
        problems: Sequence[Problem] = reading.problems
        policy: CompiledPolicy | None = None
        if not problems:
            try:
                policy = await asyncio.to_thread(compile_sources, reading.sources)
            except ConfigError as error:
                problems = error.problems
        changed = policy is not None and policy.revision != self._current.revision
        if policy is not None:
            self._current = policy
        self._digest, self._unsettled = reading.digest, ""
        self._last = Reload(
            ok=policy is not None,
            at=self._clock(),
            label=self._current.label,
            changed=changed,
            problems=tuple(problems),
        )
        self._on_result(self._last)
        return self._last


def _read(source: str | Path) -> _Reading:
    try:
        sources = read_sources(source)
    except ConfigError as error:
        return _Reading(f"unreadable: {error}", (), error.problems)
    return _Reading(digest_of(sources), sources, ())
