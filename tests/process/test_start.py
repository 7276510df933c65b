"""Starting: what cannot start says everything that is wrong and ends with exit code 2; secrets are in no line."""

import signal
from pathlib import Path

from tests.process.running import Line, serving, start

SECRET = "sk-very-secret-key"


async def test_a_bad_config_lists_every_problem(tmp_path: Path) -> None:
    """All mistakes of the file come at once, with line and column, and no traceback."""
    config = {
        "listen": {"port": 70_000},
        "surprise": True,
        "upstreams": {"mem0": {"dialect": "pigeon"}},
        "principals": [{"name": "a", "key": "plain-text-key", "role": "king"}],
    }
    process = await start(tmp_path, config)
    assert await process.ended() == 2
    text = "\n".join(process.messages())
    for path in ("listen.port", "surprise", "upstreams.mem0", "principals[0].key", "principals[0].role"):
        assert any(path in line and "memfw.yaml:" in line for line in process.messages()), path
    assert "Traceback" not in text
    assert "plain-text-key" not in text


async def test_a_bad_policy_at_the_start(tmp_path: Path) -> None:
    """A policy that cannot be used ends the start, with its problems."""
    (tmp_path / "policy.yaml").write_text("mode: lenient\nsurprise: 1\n")
    process = await start(tmp_path, {"policy": "policy.yaml"})
    assert await process.ended() == 2
    assert len([line for line in process.messages() if "policy.yaml:" in line]) == 2


async def test_a_missing_secret(tmp_path: Path) -> None:
    """A variable that a setting names and that is not there is a problem of the config."""
    config = {"principals": [{"name": "a", "key": "env:NOT_THERE"}]}
    process = await start(tmp_path, config)
    assert await process.ended() == 2
    assert any("NOT_THERE" in line for line in process.messages())


async def test_a_port_in_use(tmp_path: Path) -> None:
    """Somebody else has the port: exit 2, the place named."""
    (tmp_path / "second").mkdir()
    async with serving(tmp_path, {}) as first:
        host, port = first.address
        second = await start(tmp_path / "second", {"listen": {"port": port}})
        assert await second.ended() == 2
    assert f"listen: port: cannot listen on {host}:{port}: Address already in use" in second.messages()


async def test_a_log_that_is_none(tmp_path: Path) -> None:
    """A state file that is no evidence log is left as it is: exit 2."""
    (tmp_path / "memfw.db").write_bytes(b"this is a diary" * 1000)
    process = await start(tmp_path, {})
    assert await process.ended() == 2
    assert any("evidence log" in line for line in process.messages())
    assert (tmp_path / "memfw.db").read_bytes() == b"this is a diary" * 1000


async def test_a_log_where_nothing_can_be_made(tmp_path: Path) -> None:
    """A folder that is not there: exit 2."""
    process = await start(tmp_path, {"state": {"url": f"sqlite:///{tmp_path}/no/such/folder/memfw.db"}})
    assert await process.ended() == 2
    assert "Traceback" not in "\n".join(process.messages())


async def test_it_is_ready_when_it_says_so(tmp_path: Path) -> None:
    """At its first line the port answers, is ready, and no secret of the config is in what it logs."""
    config = {"principals": [{"name": "a", "key": "env:A_KEY"}]}
    async with serving(tmp_path, config, environ={"A_KEY": SECRET}) as process:
        line = await Line.open(process.address)
        answer = await line.ask("GET", "/readyz")
        assert (answer.status, answer.json["status"]) == (200, "ready")
        assert (await line.ask("GET", "/v1/policy")).status == 401
        assert (await line.ask("GET", "/v1/policy", **{"Memfw-Key": SECRET})).status == 200
        await line.close()
        process.tell(signal.SIGTERM)
        assert await process.ended() == 0
    assert SECRET not in str(process.lines)
