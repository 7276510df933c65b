"""One server: its connections, what goes over them, and a breaker that keeps a dead one from costing time.

An exchange sends its commands in one write over one connection and reads as many replies, under one deadline; a
connection on which anything else happens is closed, so that no reply can ever be taken for another's. Nothing is retried
here. redis-py is used for its protocol only: its clients retry on their own, for seconds.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence

import msgspec
from hiredis import pack_command
from redis import exceptions as raised
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from firewall.errors import StateError
from firewall.log.redis_faults import state_error
from firewall.log.redis_url import Place, RedisSettings, RedisTarget

SLOWEST = 8 * 2**20
"""Bytes a second that a large command may take beyond the timeout."""

Argument = bytes | int
Command = tuple[Argument, ...]
#: What RESP2 gives: bytes, numbers, None, lists of these, and errors as values.
Reply = object


class Packed(msgspec.Struct, frozen=True):
    """Commands as they go over a connection, and how many they are."""

    data: bytes
    count: int


def packed(commands: Sequence[Command]) -> Packed:
    """The commands as bytes."""
    return Packed(b"".join([pack_command(command) for command in commands]), len(commands))  # type: ignore[arg-type]  # of any length


class Access(msgspec.Struct, frozen=True):
    """How to get into every server of the store."""

    target: RedisTarget
    settings: RedisSettings
    tls: ssl.SSLContext | None

    def connection(self, place: Place) -> Connection:
        return _Connection(
            tls=self.tls,
            host=place.host,
            port=place.port,
            db=self.target.database,
            username=self.target.username,
            password=self.target.password,
            socket_timeout=None,  # an exchange has one deadline of its own
            socket_connect_timeout=self.settings.connect_timeout,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            decode_responses=False,
            driver_info=None,
        )


class _Connection(Connection):
    """Over TLS with a context that was made once, outside the event loop."""

    def __init__(self, *, tls: ssl.SSLContext | None, **settings: object) -> None:
        self._tls = tls
        super().__init__(**settings)  # type: ignore[arg-type]  # redis-py takes them by name

    def _connection_arguments(self) -> dict[str, object]:
        arguments = dict(super()._connection_arguments())
        if self._tls is not None:
            arguments["ssl"] = self._tls
        return arguments


class NotSentError(StateError):
    """Nothing went out: what was asked for has certainly not happened."""


class Node:
    """The connections to one server; `closed` for good after `close`."""

    def __init__(self, place: Place, access: Access) -> None:
        self.place = place
        self._access = access
        self._settings = access.settings
        self._idle: list[Connection] = []
        self._room = asyncio.Semaphore(access.settings.connections)
        self._failures = 0
        self._closed_until = 0.0
        self._closed = False
        self.unreachable: StateError | None = None
        self.refuses: StateError | None = None

    async def exchange(self, commands: Sequence[Command], *, extra: float = 0.0) -> list[Reply]:
        """The replies, an error reply as a value. NotSentError or StateError where the server was not reached or was
        lost meanwhile; `extra` seconds more than the timeout for commands that wait."""
        return await self.carry(packed(commands), extra=extra)

    async def carry(self, commands: Packed, *, extra: float = 0.0) -> list[Reply]:
        """`exchange`, for commands that were packed before."""
        self._check_breaker()
        sent = False
        extra += len(commands.data) / SLOWEST
        try:
            async with asyncio.timeout(self._settings.timeout + extra), self._room:
                connection = await self._connected()
                try:
                    sent = True
                    await connection.send_packed_command(commands.data, check_health=False)
                    replies = [await _reply(connection) for _ in range(commands.count)]
                except BaseException:
                    await connection.disconnect(nowait=True)
                    raise
                await self._put_back(connection)
        except (raised.RedisError, OSError, TimeoutError) as error:
            cause = state_error(raised.TimeoutError() if isinstance(error, TimeoutError) else error)
            self._failed(cause)
            kind = StateError if sent else NotSentError
            raise kind(cause.code, cause.message) from error
        self._failures = 0
        self.unreachable = None
        return replies

    async def subscribed(self, channel: bytes) -> Connection:
        """A connection of its own that receives what is published there; the caller closes it."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                connection = self._access.connection(self.place)
                try:
                    await connection.connect()  # type: ignore[no-untyped-call]
                    await connection.send_command(b"SUBSCRIBE", channel, check_health=False)
                    await connection.read_response()
                except BaseException:
                    await connection.disconnect(nowait=True)
                    raise
        except (raised.RedisError, OSError, TimeoutError) as error:
            raise state_error(raised.TimeoutError() if isinstance(error, TimeoutError) else error) from error
        return connection

    async def close(self) -> None:
        self._closed = True
        while self._idle:
            await self._idle.pop().disconnect(nowait=True)

    @property
    def open(self) -> bool:
        """Whether the breaker would let an exchange through."""
        return time.monotonic() >= self._closed_until

    def _check_breaker(self) -> None:
        if self._closed:
            raise NotSentError("log_closed", "the log is closed")
        now = time.monotonic()
        if now < self._closed_until:
            cause = self.unreachable
            raise NotSentError("log_unavailable", cause.message if cause else "the store cannot be reached")
        if self._failures >= self._settings.failures:
            # One probe at a time: the next may go when this one has failed, or a pause later.
            self._closed_until = now + self._settings.retry_pause

    def _failed(self, cause: StateError) -> None:
        self.unreachable = cause
        self._failures += 1
        if self._failures >= self._settings.failures:
            self._closed_until = time.monotonic() + self._settings.retry_pause

    async def _connected(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_connected and not await connection.can_read():
                return connection
            await connection.disconnect(nowait=True)  # the server closed it, or said what nobody asked for
        connection = self._access.connection(self.place)
        await connection.connect()  # type: ignore[no-untyped-call]
        return connection

    async def _put_back(self, connection: Connection) -> None:
        if self._closed:
            await connection.disconnect(nowait=True)
        else:
            self._idle.append(connection)


async def _reply(connection: Connection) -> Reply:
    try:
        return await connection.read_response()
    except raised.ResponseError as error:
        return error
