"""`memfw policy ...`: output and exit codes."""

import argparse
import io
import json
from pathlib import Path

import pytest

from firewall.policy import commands
from tests.policy.test_verify import SUITE


def memfw_policy(*arguments: str) -> tuple[int, str, str]:
    parser = argparse.ArgumentParser()
    commands.add_commands(parser.add_subparsers())
    out, err = io.StringIO(), io.StringIO()
    code = commands.run(parser.parse_args(["policy", *arguments]), out, err)
    return code, out.getvalue(), err.getvalue()


def test_check(tmp_path: Path) -> None:
    """Good policies are named with their revision, bad ones with every problem; one bad one makes it 2."""
    code, out, err = memfw_policy("check", "default", "strict")
    assert (code, err) == (0, "")
    assert [line.split("@")[0] for line in out.splitlines()] == ["default: ok, default", "strict: ok, strict"]
    bad = tmp_path / "bad.yaml"
    bad.write_text("mode: none\nnmae: x\n")
    code, out, err = memfw_policy("check", str(bad), "default")
    assert code == 2
    assert out.startswith("default: ok")
    assert [line.removeprefix(str(bad))[:5] for line in err.splitlines()] == [":1:7:", ":2:1:"]


def test_test(tmp_path: Path) -> None:
    """0 where all expectations are met, 1 where one is not, with JUnit XML for both; 2 where nothing can run."""
    suite = tmp_path / "s_test.yaml"
    suite.write_text(SUITE.replace("POLICY", "default"))
    junit = tmp_path / "junit.xml"
    assert memfw_policy("test", str(tmp_path), "--junit", str(junit))[0] == 0
    assert 'failures="0"' in junit.read_text()
    code, out, err = memfw_policy("test", str(suite), "--policy", "strict", "--junit", str(junit))
    assert (code, err) == (1, "")
    assert "FAILED as expected" in out
    assert 'failures="1"' in junit.read_text()
    suite.write_text("now: 1\n")
    assert memfw_policy("test", str(suite))[0] == 2
    assert memfw_policy("test", str(tmp_path / "nowhere"))[0] == 2


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    """Said in a sentence, not in a traceback."""
    suite = tmp_path / "s_test.yaml"
    suite.write_text(SUITE.replace("POLICY", "default"))
    code, _, err = memfw_policy("test", str(suite), "--junit", str(tmp_path / "no" / "junit.xml"))
    assert code == 2
    assert err.endswith("No such file or directory\n")


def test_schema(tmp_path: Path) -> None:
    """Printed, written, and held against a directory."""
    assert json.loads(memfw_policy("schema")[1])["title"] == "Policy"
    assert json.loads(memfw_policy("schema", "--suite")[1])["title"] == "Suite"
    folder = tmp_path / "schema"
    code, out, _ = memfw_policy("schema", "--write", str(folder))
    assert code == 0
    assert len(out.splitlines()) == 2
    assert memfw_policy("schema", "--check", str(folder))[0] == 0
    (folder / "policy.schema.json").write_text("{}")
    code, _, err = memfw_policy("schema", "--check", str(folder))
    assert code == 1
    assert "policy.schema.json" in err


def test_usage_errors_exit_with_2() -> None:
    """argparse's own exit code is the one for what cannot be used."""
    with pytest.raises(SystemExit, match="2"):
        memfw_policy("nothing")
