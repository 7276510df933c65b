"""The demonstration itself: fill, ask twice, show side by side, stay up."""

import asyncio
import contextlib
import importlib.util
import io
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
from aiohttp import web

from firewall import jsonlog
from firewall.bootstrap import open_house
from firewall.config import load_config
from firewall.demo.front import plain_front
from firewall.demo.store import AGENT, MEMORIES, QUERY, Memory
from firewall.demo.table import Line, render
from firewall.demo.words import plain
from firewall.errors import ConfigError, Problem
from firewall.mounts import offline_mem0
from firewall.server.app import make_runner

AGENT_KEY = "demo-agent-key"
PORT = 8700
SEARCH = {"top_k": 20, "threshold": 0.0, "show_expired": True}


class Asked(msgspec.Struct, frozen=True):
    """What one client got: the ids in the answer, what memfw said beside them (action, reasons), and which of the
    rows of others it could read by their id."""

    found: frozenset[str]
    withheld: Mapping[str, tuple[str, tuple[str, ...]]]
    by_id: Mapping[str, bool]


async def demo(*, once: bool) -> int:
    """Print the table; then stay up until Ctrl-C, or end with `once`. Being interrupted is a way to end: 0."""
    _environment()
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("the demonstration runs as a task")
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await _show(once=once)
    except asyncio.CancelledError:
        print("\nThat was memfw.", flush=True)
    return 0


async def _show(*, once: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="memfw-demo-") as name:
        folder = Path(name)
        os.environ.setdefault("MEM0_DIR", str(folder / "mem0"))
        print("Starting a real Mem0 in memory ...", flush=True)
        async with contextlib.AsyncExitStack() as stack:
            upstream = offline_mem0()
            stack.push_async_callback(upstream.close)
            straight = await stack.enter_async_context(plain_front(upstream))
            ids = await asyncio.to_thread(_fill, straight)
            governed = await stack.enter_async_context(_sidecar(folder, straight))
            host = f"{governed}/mem0"
            first = await asyncio.to_thread(_ask, straight, ids)
            second = await asyncio.to_thread(_ask, host, ids)
            print(_story(ids, first, second, straight, host), flush=True)
            if not once:
                await _until_interrupted(governed)


def _environment() -> None:
    """Mem0 phones nobody, no proxy of the environment gets between us and the loopback, and nobody chats in the log:
    what Mem0 misses on this machine is not what the demonstration is about."""
    os.environ["MEM0_TELEMETRY"] = "false"
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a character shows another
    jsonlog.configure("error")
    logging.getLogger().setLevel(logging.CRITICAL)
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
        withheld={row["id"]: (row["action"], tuple(row["reasons"])) for row in firewall.get("withheld", [])},
        by_id=by_id,
    )


def _story(ids: Mapping[str, str], straight: Asked, governed: Asked, plain_url: str, host: str) -> str:
    names = {memory_id: f"the {name}" for name, memory_id in ids.items()}
    table = render(
        [_line(memory, ids[memory.key], straight, governed, names) for memory in MEMORIES],
        colour=_colour(),
        width=shutil.get_terminal_size((100, 24)).columns,
    )
    head = (
        f'\nOne agent asks its memory: "{QUERY}"\n'
        f"MemoryClient(host={plain_url!r})  against  MemoryClient(host={host!r})\n"
    )
    tail = (
        f"{len(straight.found)} memories straight, {len(governed.found)} through memfw. "
        "What was withheld came along as counter-evidence, with its reason."
    )
    return f"{head}\n{table}\n{tail}"


def _line(memory: Memory, memory_id: str, straight: Asked, governed: Asked, names: Mapping[str, str]) -> Line:
    if memory.user != AGENT:
        seen, outcome = straight.by_id[memory_id], "passed on" if governed.by_id[memory_id] else "not found"
        why = "" if governed.by_id[memory_id] else "read by its id: another owner's row does not exist here"
    else:
        seen, (action, reasons) = memory_id in straight.found, governed.withheld.get(memory_id, ("", ()))
        outcome = "blocked" if action == "do_not_use" else "withheld" if action else "passed on"
        why = plain(reasons, names)
    return Line(name=memory.key, text=memory.text, straight=seen, outcome=outcome, why=why)


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


@contextlib.asynccontextmanager
async def _sidecar(folder: Path, upstream: str) -> AsyncIterator[str]:
    """memfw as anyone would configure it, in front of `upstream`, for one agent that is pinned to its team."""
    with _listener() as listener:
        port = listener.getsockname()[1]
        config = folder / "memfw.yaml"
        config.write_text(
            f"listen: {{port: {port}}}\n"
            f'state: {{url: "sqlite:///{folder}/memfw.db"}}\n'
            f'upstreams: {{mem0: {{dialect: mem0, flavor: platform, url: "{upstream}"}}}}\n'
            f'principals: [{{name: demo-agent, key: "env:DEMO_KEY", role: host, '
            f"pin: {{mem0: {{user_id: {AGENT}}}}}}}]\n",
            encoding="utf-8",
        )
        async with open_house(load_config(config, {"DEMO_KEY": AGENT_KEY})) as house:
            runner = make_runner(house, shutdown_timeout=1.0)
            await runner.setup()
            try:
                await web.SockSite(runner, listener).start()
                yield f"http://127.0.0.1:{port}"
            finally:
                await runner.cleanup()


def _listener() -> socket.socket:
    """On the usual port where it is free, else on any."""
    try:
        return socket.create_server(("127.0.0.1", PORT))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


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
