"""What the code promises of itself: small files, plain names, tests that say what they show, imports without effect."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("firewall", "adapters")
LIMIT = 400
#: What is only ever imported where it is used: clients of vendors, and what comes with them.
VENDORS = ("mem0", "pinecone", "zep_cloud", "qdrant_client", "openai", "numpy", "sqlalchemy", "grpc", "httpx")
#: What a house with one remote Mem0 and an embedded log does without: other upstreams and logs, and other commands.
UNUSED = (
    *("redis", "hiredis", "cryptography", "unittest", "multiprocessing"),
    *("adapters.graphiti", "adapters.http", "adapters.markdown", "adapters.pinecone", "adapters.zep"),
    *("adapters.mem0.embedded", "adapters.mem0.offline", "adapters.mem0.oss"),
    *("firewall.client", "firewall.demo", "firewall.evaluate", "firewall.quickstart", "firewall.shared_port"),
    *(
        "firewall.commands.audit_report",
        "firewall.commands.auditing",
        "firewall.core.verify",
        "firewall.log.export",
    ),
    *("firewall.log.redis", "firewall.log.sqlite_audit", "firewall.log.sqlite_backup", "firewall.log.trail"),
    *(
        "firewall.policy.reference",
        "firewall.policy.report",
        "firewall.policy.schema",
        "firewall.policy.suite",
    ),
    *("firewall.policy.verify", "firewall.proxy.transport_aiohttp"),
)
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "manager", "base"}


def sources(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def modules() -> list[str]:
    """Every module of the product by its dotted name; `__main__` runs the command when it is imported as such."""
    names = (path.relative_to(ROOT).with_suffix("") for path in sources(*ROOMS))
    return [".".join(name.parts).removesuffix(".__init__") for name in names if name.name != "__main__"]


@pytest.mark.parametrize("room", [*ROOMS, "tests"])
def test_files_are_small(room: str) -> None:
    """No file has more lines than one can keep in mind."""
    long = {
        str(path): count for path in sources(room) if (count := len(path.read_text().splitlines())) > LIMIT
    }
    assert long == {}


def test_names_say_something() -> None:
    """No module is named for holding what found no place."""
    assert [str(path) for path in sources(*ROOMS, "tests") if path.stem in VAGUE] == []


def _tests(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def test_every_test_says_what_it_shows() -> None:
    """Each test function has a docstring."""
    silent = [
        f"{path.relative_to(ROOT)}:{test.name}"
        for path in sources("tests")
        for test in _tests(path)
        if not ast.get_docstring(test)
    ]
    assert silent == []


def test_no_test_is_shadowed() -> None:
    """Two tests of one name in one file would be one test."""
    for path in sources("tests"):
        names = [test.name for test in _tests(path)]
        assert len(names) == len(set(names)), path


def test_every_module_says_what_it_is() -> None:
    """Each module of the product opens with a docstring; one that is empty needs none."""
    silent = [
        str(path.relative_to(ROOT))
        for path in sources(*ROOMS)
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


_IMPORT_ALL = """
import importlib, json, os, signal, sys, threading
names, vendors = json.loads(sys.argv[1]), json.loads(sys.argv[2])
before = dict(os.environ), threading.active_count(), signal.getsignal(signal.SIGTERM), sorted(os.listdir("."))
for name in names:
    for known in [known for known in sys.modules if known.partition(".")[0] in ("firewall", "adapters")]:
        del sys.modules[known]
    importlib.import_module(name)
    loaded = [vendor for vendor in vendors if vendor in sys.modules]
    assert not loaded, (name, loaded)
after = dict(os.environ), threading.active_count(), signal.getsignal(signal.SIGTERM), sorted(os.listdir("."))
assert before == after, (before, after)
"""


def test_importing_has_no_effect(tmp_path: Path) -> None:
    """Each module can be the first to be imported; none loads a vendor's client, starts a thread or writes a file."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _IMPORT_ALL, json.dumps(modules()), json.dumps(VENDORS)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


_START = """
import asyncio, json, os, signal, sys
import firewall.cli
from firewall.config import load_config
from firewall.serve import run, serve

async def main():
    loop = asyncio.get_running_loop()
    serving = loop.create_task(serve(load_config("memfw.yaml", {"MEMFW_LISTEN__PORT": "0"})))
    loop.call_later(0.3, os.kill, os.getpid(), signal.SIGTERM)
    return await serving

code = run(main())
print(code, "adapters.mem0" in sys.modules, [name for name in json.loads(sys.argv[1]) if name in sys.modules])
"""


def test_a_start_loads_what_it_serves(tmp_path: Path) -> None:
    """`memfw serve` comes up and goes down without a vendor's client, and without the code that its config has no use for."""
    ours = {name for name in UNUSED if name.partition(".")[0] in ROOMS}
    assert ours <= set(modules())
    (tmp_path / "memfw.yaml").write_text("upstreams: {mem0: {dialect: mem0, url: 'http://127.0.0.1:9'}}\n")
    done = subprocess.run(
        [sys.executable, "-c", _START, json.dumps(VENDORS + UNUSED)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "0 True []\n", done.stderr
