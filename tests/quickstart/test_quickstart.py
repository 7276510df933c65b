"""Both quickstarts over a real memfw: as commands, and what makes them fail."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from firewall.quickstart import host_template as template
from firewall.quickstart import multi_agent as story

ROOT = Path(__file__).parents[2]


async def command(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """`memfw quickstart ...` in an empty folder: exit code, what it printed, what it complained about."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "firewall",
        "quickstart",
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MEMFW_LISTEN__PORT": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    out, err = await child.communicate()
    return child.returncode or 0, out.decode(), err.decode()


async def test_multi_agent(tmp_path: Path) -> None:
    """The last worker reads the accepted way, the blocked ones and the procedure; nothing is left behind."""
    code, out, err = await command(tmp_path, "multi-agent")
    assert (code, err) == (0, "")
    for role in ("planner-1", "worker-1", "verifier-1", "reviewer-1", "worker-2", "worker-3"):
        assert re.search(rf"^{role} ", out, re.MULTILINE), role
    assert "skill_candidate_not_materializable" in out
    told, _, prompt = out.partition("This is all it reads:")
    assert "keeps its plan" in told
    sections = re.split(r"^    ([A-Z_]+)$", prompt, flags=re.MULTILINE)
    by_name = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert story.ADAPTER in by_name["CURRENT_ACTIVE_PATH"]
    assert story.LEGACY not in by_name["CURRENT_ACTIVE_PATH"]
    assert story.LEGACY in by_name["FAILED_BRANCHES"]
    assert "Procedure" in by_name["PASSED_SOLUTIONS"]
    assert list(tmp_path.iterdir()) == []


async def test_host_template(tmp_path: Path) -> None:
    """The same agent repeats what failed on notes alone, and never on memfw."""
    code, out, err = await command(tmp_path, "host-template")
    assert (code, err) == (0, "")
    rows = {
        line[:24].strip(): [int(number.replace(",", "")) for number in line[24:].split()]
        for line in out.splitlines()
        if re.search(r"\d$", line)
    }
    assert rows["repeated failed routes"][0] > 0
    assert rows["repeated failed routes"][1] == 0
    assert rows["wrong writes"][1] < rows["wrong writes"][0]
    assert rows["tasks on a good route"] == [1, 4]
    assert set(rows) == {
        "repeated failed routes",
        "wrong writes",
        "tasks on a good route",
        "prompt characters",
    }
    assert list(tmp_path.iterdir()) == []


async def test_host_template_fails_when_a_failed_route_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory that keeps recommending what failed is exit code 1."""
    monkeypatch.setattr(template, "agent_prompt_from_guide", lambda guide: "")
    said: list[str] = []
    assert await template.host_template(said.append) == 1


def test_multi_agent_fails_when_the_way_is_not_shown() -> None:
    """The wrong way among the active ones, or not among the blocked ones: exit code 1."""
    right = {
        "active_targets": [{"target": story.ADAPTER}],
        "blocked_routes": [{"target": story.LEGACY}],
    }

    def kept(**changes: object) -> bool:
        return story._kept({"agent_context": {"route_contract": {**right, **changes}}})

    assert kept()
    assert not kept(blocked_routes=[])
    assert not kept(active_targets=[])
    assert not kept(active_targets=[{"target": story.ADAPTER}, {"target": story.LEGACY}])
