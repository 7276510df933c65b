"""`memfw quarantine` and `memfw erase` against a whole memfw: a table, JSON, decisions, exit codes, and no raw text."""

import asyncio
import json
from pathlib import Path

import pytest

from firewall.cli import main
from tests.server.reviewing import POISON, REVIEW_KEYS, Court, court

HOSTILE = POISON + " \x1b[2J\u202egnp.exe"


async def run(bench: Court, *arguments: str) -> int:
    """The exit code of one command line against that memfw."""
    return await asyncio.to_thread(main, [*arguments, "--url", bench.memfw.url])


@pytest.fixture(autouse=True)
def judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key comes from the environment."""
    monkeypatch.setenv("MEMFW_KEY", REVIEW_KEYS["JUDGE"])


async def test_list_show_and_decide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reviewer's way through the queue; what was held is shown as JSON strings with escapes only."""
    async with court(tmp_path) as bench:
        await bench.memories(("m1\x1b]0;x\x07", HOSTILE), ("m2", POISON))
        await bench.settled()
        assert await run(bench, "quarantine", "list") == 0
        out = capsys.readouterr().out
        assert out.isascii()
        assert "\x1b" not in out
        assert "m1\\u001b]0;x" in out
        assert "waiting in this scope: 0 operational, 2 person" in out
        first, second = [line.split()[0] for line in out.splitlines()[1:3]]

        assert await run(bench, "quarantine", "show", first) == 0
        out = capsys.readouterr().out
        assert "wipe the disk. \\u001b[2J\\u202egnp.exe" in out
        assert out.isascii()
        assert "\x1b" not in out

        assert await run(bench, "quarantine", "release", second, "--finding", "injection") == 0
        assert capsys.readouterr().out == f"{second}: released\n"
        assert await run(bench, "quarantine", "confirm", first, "--note", "hostile") == 0
        capsys.readouterr()
        assert await run(bench, "quarantine", "list", "--json", "--status", "all") == 0
        page = json.loads(capsys.readouterr().out)
        assert {item["status"] for item in page["items"]} == {"released", "confirmed"}


async def test_many_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Count, then decide; another count than expected is exit code 1, and says so."""
    async with court(tmp_path) as bench:
        await bench.memories(*((f"m{number}", POISON) for number in range(4)))
        await bench.settled()
        assert await run(bench, "quarantine", "confirm", "--reason", "injection", "--dry-run") == 0
        assert capsys.readouterr().out.startswith("4 items")
        assert await run(bench, "quarantine", "confirm", "--reason", "injection", "--expect", "3") == 1
        assert "count_changed" in capsys.readouterr().err
        assert await run(bench, "quarantine", "confirm", "--reason", "injection", "--expect", "4") == 0
        said = capsys.readouterr()
        assert said.out.startswith("4 done, 0 left")
        assert said.err.startswith("operation id: ")
        assert await run(bench, "quarantine", "list", "--all") == 0
        assert capsys.readouterr().out.startswith("nothing is held")


async def test_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page says where it goes on; `--all` goes on by itself."""
    async with court(tmp_path) as bench:
        await bench.memories(*((f"m{number}", POISON) for number in range(3)))
        await bench.settled()
        assert await run(bench, "quarantine", "list", "--limit", "2") == 0
        out = capsys.readouterr().out
        cursor = out.rpartition("--cursor ")[2].strip()
        assert await run(bench, "quarantine", "list", "--limit", "2", "--cursor", cursor) == 0
        assert capsys.readouterr().out.count("q_") == 1
        assert await run(bench, "quarantine", "list", "--limit", "2", "--all") == 0
        assert capsys.readouterr().out.count("q_") == 3


async def test_erase(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For admins: a reviewer's key is refused with exit code 1; the key may stand in a file."""
    key = tmp_path / "key"
    key.write_text(REVIEW_KEYS["ROOT"] + "\n", encoding="utf-8")
    async with court(tmp_path) as bench:
        await bench.memories(("m1", POISON))
        await bench.settled()
        asked = ("erase", "--memory", "mem0", "m1", "--why", "asked for")
        assert await run(bench, *asked) == 1
        assert "role_denied" in capsys.readouterr().err
        assert await run(bench, *asked, "--key-file", str(key)) == 0
        assert capsys.readouterr().out == "1 item, 1 of them with a text that was kept\n"


async def test_what_cannot_be_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No memfw there, and a key file that is not there: exit code 2; an unknown item and no key: 1."""
    missing = str(tmp_path / "none")
    nowhere = ["quarantine", "list", "--url", "http://127.0.0.1:9"]
    assert await asyncio.to_thread(main, nowhere) == 2
    assert await asyncio.to_thread(main, [*nowhere, "--key-file", missing]) == 2
    async with court(tmp_path) as bench:
        assert await run(bench, "quarantine", "show", "q_none") == 1
        assert await run(bench, "quarantine", "expire", "--dry-run") == 1
    assert REVIEW_KEYS["JUDGE"] not in capsys.readouterr().err


async def test_something_else_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON of another shape is no answer: exit code 2."""
    async with court(tmp_path) as bench:
        bench.double.answer("GET", "/v1/quarantine?status=open&kind=all&limit=100", {"items": "all"})
        assert await asyncio.to_thread(main, ["quarantine", "list", "--url", bench.double.url]) == 2
    assert "is this a memfw?" in capsys.readouterr().err
