"""The README is true: its commands run, its config parses, its client works, its links lead somewhere."""

import asyncio
import io
import json
import os
import re
import shlex
import subprocess
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from firewall.core.receipt import Counts
from firewall.proxy.disclosure import FirewallObject, Withheld
from tests.backends.mem0_double import PLATFORM_2, platform_double
from tests.process.running import Line, serving
from tests.sidecar import mem0_at, sidecar

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(path for path in ROOT.rglob("*.md") if not any(part.startswith(".") for part in path.parts))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    return [
        words
        for block in blocks("sh")
        for line in block.splitlines()
        if (words := shlex.split(line, comments=True))
    ]


def test_every_command_is_known() -> None:
    """The README's shell commands are make's and ours, and make knows its targets."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for words in commands():
        match words:
            case ["make", target]:
                assert target in targets
            case ["memfw", "serve", "--config", "memfw.yaml"]:
                pass
            case ["memfw", "quickstart", "multi-agent" | "host-template"]:  # run in tests/quickstart
                pass
            case _:
                raise AssertionError(words)


@pytest.mark.skipif(
    not (ROOT / ".venv" / ".ready").exists(), reason="needs the environment of `make install`"
)
def test_make_run_runs() -> None:
    """The README's first command shows the table and ends well."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "run", "ARGS=--once"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "through memfw" in done.stdout


def test_the_first_screen_says_it() -> None:
    """Running and testing stand on the first screen."""
    top = "\n".join(README.splitlines()[:20])
    assert "make run" in top
    assert "make test" in top


async def test_its_config_serves(tmp_path: Path) -> None:
    """`memfw serve --config memfw.yaml` with the README's config comes up, with the mount that the README names."""
    (block,) = blocks("yaml")
    async with serving(tmp_path, yaml.safe_load(block)) as process:
        line = await Line.open(process.address)
        assert (await line.ask("GET", "/readyz")).status == 200
        assert (await line.ask("GET", "/mem0/no/such/route")).json != {}
        await line.close()


async def test_its_client_works(tmp_path: Path) -> None:
    """The README's Python, with nothing but our port and key put in, searches through memfw."""
    block = blocks("python")[0]
    async with platform_double(PLATFORM_2) as double:
        double.answer(
            "POST",
            "/v3/memories/search/",
            {"results": [{"id": "m1", "memory": "make deploy", "user_id": "u1", "score": 0.9}]},
        )
        async with sidecar(tmp_path, {"upstreams": mem0_at(double.url)}) as running:
            code = block.replace("http://localhost:8700", running.url).replace('"..."', '"m0-key"')
            assert running.url in code
            lines = code.strip().splitlines()
            lines[-1] = f"print({lines[-1]})"

            def run() -> str:
                names: dict[str, Any] = {}
                with redirect_stdout(io.StringIO()) as printed:
                    exec("\n".join(lines), names)
                names["client"].client.close()
                return printed.getvalue()

            assert "make deploy" in await asyncio.to_thread(run)


def test_its_answer_has_our_fields() -> None:
    """Every field of the README's example answer is one that memfw sends."""
    (block,) = blocks("json")
    shown = json.loads(block)["firewall"]

    def fields(kind: type[msgspec.Struct]) -> set[str]:
        return {field.encode_name for field in msgspec.structs.fields(kind)}

    assert set(shown) <= fields(FirewallObject)
    assert set(shown["counts"]) <= fields(Counts)
    assert all(set(row) <= fields(Withheld) for row in shown["withheld"])


@pytest.mark.parametrize("page", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file of ours finds it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:|#", target):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_the_changelog_has_what_is_next() -> None:
    """CHANGELOG.md follows its format."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.startswith("# Changelog")
    assert re.search(r"^## (Unreleased|\d+\.\d+\.\d+)", text, re.MULTILINE)


async def test_its_execution_memory_works(tmp_path: Path) -> None:
    """The README's observe and guide, run as they stand: the prompt names the failed route as counter-evidence."""
    block = blocks("python")[1]
    async with sidecar(tmp_path, {}) as running:
        code = block.replace("http://localhost:8700", running.url)

        def run() -> str:
            with redirect_stdout(io.StringIO()) as printed:
                exec(code, {})
            return printed.getvalue()

        prompt = await asyncio.to_thread(run)
    failed = prompt.partition("FAILED_BRANCHES")[2].partition("CURRENT_ACTIVE_PATH")[0]
    assert "src/checkout/legacyAdapter.ts" in failed
