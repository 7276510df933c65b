"""What several shards have for one server, in one exchange: one write, one deadline, one WAIT for all of it.

While an exchange is on its way, what comes waits and goes together in the next: so its cost is shared by as many shards
as write at the time. Each part gets its own replies, and an error reply is one part's alone; an exchange that is lost is
lost for all its parts, as it would have been on a server that does not answer. Nothing is retried here.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import msgspec

from firewall.errors import StateError
from firewall.log.redis_node import Command, NotSentError, Packed, Reply, packed

LARGEST = 4 * 2**20
"""Bytes of one exchange of several parts; a larger part goes alone."""


class Carrier(Protocol):
    """What sends: a `Node`."""

    async def carry(self, commands: Packed, *, extra: float) -> list[Reply]: ...


class _Part(msgspec.Struct, frozen=True, eq=False):
    commands: Packed
    replies: asyncio.Future[list[Reply]]


class Together:
    """The exchanges with one server that parts share. `wait` ends each, where there is any, and takes up to
    `wait_seconds`."""

    def __init__(self, node: Carrier, *, wait: Sequence[Command], wait_seconds: float) -> None:
        self._node = node
        self._wait = packed(wait)
        self._wait_seconds = wait_seconds
        self._waiting: list[_Part] = []
        self._sending: asyncio.Task[None] | None = None

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """The replies to these commands, then those of what ends the exchange. Raises as `Node.exchange`."""
        part = _Part(packed(commands), asyncio.get_running_loop().create_future())
        self._waiting.append(part)
        if self._sending is None:
            # Begins in the next turn of the loop, with all that this one brings.
            self._sending = asyncio.create_task(self._send())  # noqa: TID251 - owned here, ends when nothing waits
        return await part.replies

    async def close(self) -> None:
        """Returns when nothing is on its way any more."""
        if self._sending is not None:
            await asyncio.wait([self._sending])

    async def _send(self) -> None:
        parts: list[_Part] = []
        try:
            while parts := self._take():
                await self._carry(parts)
        finally:
            # Nobody may wait for ever, whatever ended this; after a clean end there is nobody.
            self._sending = None
            left, self._waiting = self._waiting, []
            _fail(parts, StateError("log_unavailable", "the exchange with the store was given up"))
            _fail(left, NotSentError("log_unavailable", "the exchange with the store was given up"))

    def _take(self) -> list[_Part]:
        # Who was cancelled before anything was sent needs nothing to be sent.
        waiting = [part for part in self._waiting if not part.replies.done()]
        size = count = 0
        for part in waiting:
            size += len(part.commands.data)
            if count and size > LARGEST:
                break
            count += 1
        self._waiting = waiting[count:]
        return waiting[:count]

    async def _carry(self, parts: Sequence[_Part]) -> None:
        all_ = [*(part.commands for part in parts), self._wait]
        joined = Packed(b"".join([one.data for one in all_]), sum(one.count for one in all_))
        try:
            replies = await self._node.carry(joined, extra=self._wait_seconds)
        except StateError as error:
            _fail(parts, error)
            return
        last = replies[joined.count - self._wait.count :]
        at = 0
        for part in parts:
            end = at + part.commands.count
            if not part.replies.done():  # its caller was cancelled
                part.replies.set_result([*replies[at:end], *last])
            at = end


def _fail(parts: Sequence[_Part], error: StateError) -> None:
    for part in parts:
        if not part.replies.done():  # one error for each: a shared one would gather the tracebacks of all
            part.replies.set_exception(type(error)(error.code, error.message))
