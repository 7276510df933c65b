"""The demonstration itself: fill, ask twice, show side by side, stay up."""

import asyncio
import contextlib
import importlib.util
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
from aiohttp import web

from firewall import jsonlog
from firewall.bootstrap import offline_mem0, open_house
from firewall.config import load_config
from firewall.demo.front import plain_front
from firewall.demo.store import AGENT, MEMORIES, QUERY
from firewall.demo.table import Line, render
from firewall.errors import ConfigError, Problem
from firewall.server.app import make_app

AGENT_KEY = "demo-agent-key"
PORT = 8700
SEARCH = {"top_k": 20, "threshold": 0.0, "show_expired": True}


class Asked(msgspec.Struct, frozen=True):
    """What one client got: the ids in the answer, what memfw said beside them, and whose row it could read by id."""

    found: frozenset[str]
    withheld: Mapping[str, str]
    by_id: Mapping[str, bool]
    results: int


async def demo(*, once: bool) -> int:
    """Print the table; then stay up until Ctrl-C, or end with `once`."""
    _environment()
    jsonlog.configure("warning")
    with tempfile.TemporaryDirectory(prefix="memfw-demo-") as name:
        folder = Path(name)
        os.environ.setdefault("MEM0_DIR", str(folder / "mem0"))
        print("Starting a real Mem0 in memory ...", flush=True)
        upstream = offline_mem0()
        try:
            async with plain_front(upstream) as straight:
                ids = await asyncio.to_thread(_fill, straight)
                async with _sidecar(folder, straight) as governed:
                    host = f"{governed}/mem0"
                    first = await asyncio.to_thread(_ask, straight, ids)
                    second = await asyncio.to_thread(_ask, host, ids)
                    print(_story(ids, first, second, straight, host), flush=True)
                    if not once:
                        await _until_interrupted(governed)
        finally:
            await upstream.close()
    return 0


def _environment() -> None:
    """Mem0 phones nobody, and no proxy of the environment gets between us and the loopback."""
    os.environ["MEM0_TELEMETRY"] = "false"
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    if importlib.util.find_spec("mem0") is None:
        raise ConfigError([Problem("memfw demo", 0, 0, "", "needs Mem0: pip install 'memfw[mem0]'")])


def _fill(host: str) -> dict[str, str]:
    """Write the store as any client would; the ids by the memories' names."""
    from mem0 import MemoryClient

    client = MemoryClient(api_key=AGENT_KEY, host=host)
    ids: dict[str, str] = {}
    for memory in MEMORIES:
        metadata: dict[str, str] = dict(memory.metadata)
        if memory.superseded_by:
            metadata["replaced_by"] = ids[memory.superseded_by]
        optional = {"expiration_date": memory.expires} if memory.expires else {}
        added = client.add(memory.text, user_id=memory.user, metadata=metadata, infer=False, **optional)
        ids[memory.key] = added["results"][0]["id"]
    return ids


def _ask(host: str, ids: Mapping[str, str]) -> Asked:
    """The same unchanged client, the same calls; only `host` differs."""
    from mem0 import MemoryClient
    from mem0.exceptions import MemoryError as Mem0Error

    client = MemoryClient(api_key=AGENT_KEY, host=host)
    answer = client.search(QUERY, filters={"user_id": AGENT}, **SEARCH)
    by_id: dict[str, bool] = {}
    for memory in MEMORIES:
        if memory.user != AGENT:
            try:
                client.get(ids[memory.key])
                by_id[ids[memory.key]] = True
            except Mem0Error:
                by_id[ids[memory.key]] = False
    firewall = answer.get("firewall", {})
    return Asked(
        found=frozenset(row["id"] for row in answer["results"]),
        withheld={row["id"]: f"{row['action']}\n{', '.join(row['reasons'])}" for row in firewall.get("withheld", [])},
        by_id=by_id,
        results=len(answer["results"]),
    )


def _story(ids: Mapping[str, str], straight: Asked, governed: Asked, plain_url: str, host: str) -> str:
    names = {memory_id: name for name, memory_id in ids.items()}
    lines = []
    for memory in MEMORIES:
        memory_id = ids[memory.key]
        foreign = memory.user != AGENT
        action, _, why = governed.withheld.get(memory_id, "").partition("\n")
        for other, name in names.items():
            why = why.replace(other, f"the {name}")
        if foreign:
            action, why = ("" if governed.by_id[memory_id] else "404"), "read by its id: another owner's row does not exist here"
        lines.append(
            Line(
                name=memory.key,
                text=memory.text,
                straight=straight.by_id[memory_id] if foreign else memory_id in straight.found,
                governed="admitted" if not action else action,
                why=why,
            )
        )
    head = (
        f'\nOne agent asks its memory: "{QUERY}"\n'
        f"MemoryClient(host={plain_url!r})  against  MemoryClient(host={host!r})\n"
    )
    tail = (
        f"\n{straight.results} memories straight, {governed.results} through memfw. "
        "What was withheld came along as counter-evidence, with its reason."
    )
    return f"{head}\n{render(lines, colour=_colour())}{tail}"


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


@contextlib.asynccontextmanager
async def _sidecar(folder: Path, upstream: str) -> AsyncIterator[str]:
    """memfw as anyone would configure it, in front of `upstream`, for one agent that is pinned to its team."""
    port = _free(PORT)
    config = folder / "memfw.yaml"
    config.write_text(
        f"listen: {{port: {port}}}\n"
        f'state: {{url: "sqlite:///{folder}/memfw.db"}}\n'
        f'upstreams: {{mem0: {{dialect: mem0, flavor: platform, url: "{upstream}"}}}}\n'
        f'principals: [{{name: demo-agent, key: "env:DEMO_KEY", role: host, pin: {{mem0: {{user_id: {AGENT}}}}}}}]\n',
        encoding="utf-8",
    )
    async with open_house(load_config(config, {"DEMO_KEY": AGENT_KEY})) as house:
        runner = web.AppRunner(make_app(house), access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield f"http://127.0.0.1:{port}"
        finally:
            await runner.cleanup()


def _free(wanted: int) -> int:
    """The usual port where it is free, else any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConfigError([Problem("memfw demo", 0, 0, "", "no port of the loopback is free")])


async def _until_interrupted(url: str) -> None:
    body = '{"query": "checkout", "filters": {"user_id": "' + AGENT + '"}, "show_expired": true}'
    print(
        f"\nmemfw stays up at {url} (Ctrl-C ends it). Try:\n\n"
        f"  curl -s {url}/mem0/v3/memories/search/ -H 'Authorization: Token {AGENT_KEY}' \\\n"
        f"    -H 'Content-Type: application/json' -d '{body}'\n\n"
        f"  {url}/metrics    {url}/readyz    {url}/v1/policy (with -H 'X-Api-Key: {AGENT_KEY}')",
        flush=True,
    )
    await asyncio.Event().wait()
