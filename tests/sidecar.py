"""A whole memfw for a test: the real composition root on a random loopback port, with a config as a person writes it."""

import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from aiohttp import web

from firewall.bootstrap import open_house
from firewall.config import load_config
from firewall.jsonlog import Journal
from firewall.server.app import make_runner
from firewall.server.house import House

KEYS = {
    "AGENT_KEY": "m0-agent-key",
    "ADMIN_KEY": "m0-admin-key",
    "PINNED_KEY": "m0-pinned-key",
    "AUTHOR_KEY": "m0-author-key",
}


@dataclass(frozen=True, slots=True)
class Sidecar:
    url: str
    house: House

    @property
    def mem0(self) -> str:
        """What a client takes as its host."""
        return f"{self.url}/mem0"


@asynccontextmanager
async def sidecar(
    folder: Path,
    config: Mapping[str, object],
    *,
    policy: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    now: Callable[[], float] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    journal: Journal | None = None,
) -> AsyncIterator[Sidecar]:
    """Runs until the context ends; the evidence log lies in `folder`. `policy` is written to a file of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    whole = {"state": {"url": f"sqlite:///{folder}/memfw.db"}, "listen": {"port": port}, **config}
    if policy is not None:
        (folder / "policy.yaml").write_text(yaml.safe_dump(dict(policy)), encoding="utf-8")
        whole["policy"] = str(folder / "policy.yaml")
    path = folder / "memfw.yaml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    with listener:
        settings = load_config(path, KEYS if environ is None else {**KEYS, **environ})
        async with open_house(settings, now=now or time.time, monotonic=monotonic, journal=journal) as house:
            runner = make_runner(house, shutdown_timeout=1.0)
            await runner.setup()
            try:
                await web.SockSite(runner, listener).start()
                yield Sidecar(f"http://127.0.0.1:{port}", house)
            finally:
                await runner.cleanup()


def principals(*names: str) -> list[dict[str, object]]:
    """Entries of the config: `agent` is a plain host, `admin` administers, `pinned` sees user u1 only,
    `author` is trusted."""
    known: dict[str, dict[str, object]] = {
        "agent": {"name": "agent", "key": "env:AGENT_KEY", "role": "host"},
        "admin": {"name": "admin", "key": "env:ADMIN_KEY", "role": "admin"},
        "author": {"name": "author", "key": "env:AUTHOR_KEY", "role": "agent", "max_trust": "trusted"},
        "pinned": {
            "name": "pinned",
            "key": "env:PINNED_KEY",
            "role": "agent",
            "pin": {"mem0": {"user_id": "u1"}},
        },
    }
    return [known[name] for name in names]


def mem0_at(url: str, **settings: object) -> dict[str, object]:
    """The `upstreams` of a config with one Mem0 platform, mounted as `mem0`."""
    return {"mem0": {"dialect": "mem0", "flavor": "platform", "url": url, **settings}}
