"""A port that several processes will listen on: held without listening, and nobody else's."""

import socket
from contextlib import ExitStack

import pytest

from firewall.errors import ConfigError
from firewall.shared_port import hold


def listening(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen()
    return sock


def test_a_held_port_is_open_to_ours_only() -> None:
    """Nobody is answered on it, others cannot have it, and those who share it listen there."""
    (held,) = hold("127.0.0.1", 0)
    port = held.getsockname()[1]
    with held, ExitStack() as stack:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(("127.0.0.1", port))
        for _ in range(2):
            stack.enter_context(listening(port))
        socket.create_connection(("127.0.0.1", port)).close()


def test_every_address_of_the_host_has_the_same_port() -> None:
    """`localhost` may be two addresses; a free port is one that is free on both."""
    held = hold("localhost", 0)
    assert len({sock.getsockname()[1] for sock in held}) == 1
    for sock in held:
        sock.close()


def test_a_port_that_somebody_shares_already() -> None:
    """Another installation's listener, although it would let us in, is a problem of the config that names the place."""
    with socket.socket() as theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        theirs.bind(("127.0.0.1", 0))
        theirs.listen()
        port = theirs.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            hold("127.0.0.1", port)
    (problem,) = caught.value.problems
    assert (problem.file, problem.path) == ("listen", "port")
    assert problem.message == f"cannot listen on 127.0.0.1:{port}: Address already in use"


def test_a_host_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that nobody knows here."""

    def unknown(*_asked: object, **_named: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConfigError, match="the host is not known here"):
        hold("nowhere", 0)


def test_a_platform_that_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SO_REUSEPORT several workers are a problem of the config."""
    monkeypatch.delattr(socket, "SO_REUSEPORT")
    with pytest.raises(ConfigError, match="use one worker"):
        hold("127.0.0.1", 0)
