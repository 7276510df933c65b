"""A port for several processes: found free, and held, before any of them listens.

With SO_REUSEPORT a second memfw could listen beside the first without anybody noticing, so the port is first taken for
ourselves alone: somebody else's listener makes that fail.
"""

import os
import socket
from collections.abc import Sequence

from firewall.errors import ConfigError, Problem


def hold(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to every address of the host, on one port, not listening. ConfigError where that cannot be."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise _problem("workers", "this platform cannot share a port between processes: use one worker")
    held: list[socket.socket] = []
    try:
        for family, address in _addresses(host):
            with _bound(family, (address, port), shared=False):
                pass  # nobody listens there; with port 0 there is nobody to ask about
            held.append(_bound(family, (address, port), shared=True))
            port = held[0].getsockname()[1]
    except OSError as error:
        for sock in held:
            sock.close()
        # A failed look-up of the host has a number of its own kind, below zero.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else "the host is not known here"
        raise _problem("port", f"cannot listen on {host}:{port}: {reason}") from error
    return held


def _addresses(host: str) -> Sequence[tuple[socket.AddressFamily, str]]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, str(place[0])) for family, _, _, _, place in found))


def _bound(family: socket.AddressFamily, place: tuple[str, int], *, shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(place)
    except OSError:
        sock.close()
        raise
    return sock


def _problem(path: str, message: str) -> ConfigError:
    return ConfigError([Problem("listen", 0, 0, path, message)])
