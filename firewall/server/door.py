"""The listening sockets, and how to shut them so that nobody falls who was already let in by the kernel.

A socket that is simply closed resets every connection in its backlog, although those clients have connected and asked.
So we keep a second handle on each socket: new connections are turned away first, then the backlog is emptied, and only
then the last handle goes.
"""

import asyncio
import ctypes
import ipaddress
import os
import socket
import ssl
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from firewall.errors import ConfigError, Problem

_BACKLOG = 1024
#: How long a client may take to agree on TLS, when we are open and when we are about to leave; and to say goodbye.
_HANDSHAKE_SECONDS = 20.0
_LATE_HANDSHAKE_SECONDS = 2.0
_GOODBYE_SECONDS = 2.0
#: A classic BPF program for a TCP socket, which sees each packet from its TCP header on: drop what has the flag SYN and
#: let the rest pass. A client that is turned away so tries again by itself, and is refused once the socket is closed.
_DROP_NEW = (
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x45, 0, 1, 0x02),  # SYN set?
    (0x06, 0, 0, 0),  # yes: drop
    (0x06, 0, 0, 0xFFFFFFFF),  # no: keep all of it
)
_SO_ATTACH_FILTER = 26


class Server(Protocol):
    """A protocol factory that knows its connections: aiohttp's server, or our entrance."""

    def __call__(self) -> asyncio.BaseProtocol: ...

    @property
    def connections(self) -> Sequence[object]: ...


class Door:
    """What is open to clients. `shut` may be called once."""

    def __init__(self, server: Server, listening: asyncio.Server, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._listening = listening
        self._tls = tls
        self._sockets = [socket.socket(fileno=os.dup(sock.fileno())) for sock in listening.sockets]

    @classmethod
    async def open(
        cls,
        server: Server,
        host: str,
        port: int,
        *,
        shared: bool = False,
        tls: ssl.SSLContext | None = None,
        loopback_only: bool = False,
    ) -> "Door":
        """ConfigError where nobody can listen there, or with `loopback_only` other machines could connect. A `shared` port
        has other processes of ours behind it too."""
        loop = asyncio.get_running_loop()
        try:
            listening = await loop.create_server(
                server,
                host.strip("[]"),
                port,
                backlog=_BACKLOG,
                reuse_port=shared or None,
                ssl=tls,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS if tls else None,
                ssl_shutdown_timeout=_GOODBYE_SECONDS if tls else None,
                start_serving=False,
            )
        except OSError as error:
            # A failed look-up of the host has a number of its own kind, below zero.
            number = error.errno or 0
            reason = os.strerror(number) if number > 0 else "the host is not known here"
            message = f"cannot listen on {host}:{port}: {reason}"
            raise ConfigError([Problem("listen", 0, 0, "port", message)]) from error
        # A name is what this machine's resolver says, so what counts is where we really are.
        if loopback_only and not all(_is_loopback(sock) for sock in listening.sockets):
            listening.close()
            message = (
                f"{host} is an address that other machines can reach, and nobody would have to show a key"
            )
            raise ConfigError([Problem("listen", 0, 0, "host", message)])
        await listening.start_serving()
        return cls(server, listening, tls)

    @property
    def url(self) -> str:
        """Where it is, with the port that it really got."""
        host, port = self._sockets[0].getsockname()[:2]
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @property
    def connections(self) -> int:
        return len(self._server.connections)

    async def shut(self) -> None:
        """Nobody is let in any more; who is in the backlog still is."""
        let_in: list[socket.socket] = []
        for listener in self._sockets:
            _turn_away(listener)
        self._listening.close()
        for listener in self._sockets:
            let_in += _backlog(listener)
            listener.close()
        await asyncio.gather(*(self._let_in(connection) for connection in let_in))

    async def _let_in(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        if self._tls is None:
            await loop.connect_accepted_socket(self._server, connection)
            return
        with suppress(
            OSError
        ):  # a handshake that fails or takes too long (ssl.SSLError, TimeoutError): it is closed
            await loop.connect_accepted_socket(
                self._server,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=_LATE_HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=_GOODBYE_SECONDS,
            )


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def _turn_away(listener: socket.socket) -> None:
    """Where the platform cannot, a client that connects in the microseconds before the close gets a reset."""
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _DROP_NEW))
    with suppress(OSError):
        listener.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(_DROP_NEW), ctypes.addressof(program))
        )


def _backlog(listener: socket.socket) -> list[socket.socket]:
    """Every connection that the kernel has made for us already."""
    listener.setblocking(False)
    waiting: list[socket.socket] = []
    while True:
        try:
            connection, _ = listener.accept()
        except ConnectionAbortedError:
            continue  # this one went by itself
        except OSError:
            return waiting  # empty, or no file handle is left for more
        connection.setblocking(False)
        waiting.append(connection)
