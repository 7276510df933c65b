"""Policy reload in a running process: by SIGHUP and by a changed file, with no failed request; a bad one changes nothing."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from tests.process.running import Answered, Line, Load, Process, serving
from tests.server.asking import GOVERN, asking


async def _until(process: Process, method: str, path: str, holds: Callable[[Answered], bool]) -> Answered:
    """Ask until the answer is as wanted; the test's timeout is the bound."""
    line = await Line.open(process.address)
    while not holds(answer := await line.ask(method, path)):  # noqa: ASYNC110  it is the other process that we await
        await asyncio.sleep(0.01)
    await line.close()
    return answer


async def _label(process: Process) -> str:
    answer = await _until(process, "GET", "/readyz", lambda answer: answer.status == 200)
    label: str = answer.json["policy"]
    return label


async def test_sighup_reloads_under_load(tmp_path: Path) -> None:
    """Requests run on while the policy is replaced: all answer 200, first with one revision, then with the other."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("name: mine\n")
    async with serving(tmp_path, {"policy": str(policy)}) as process:
        first = await _label(process)
        load = Load(process.address, "POST", GOVERN, asking(3))
        running = asyncio.ensure_future(load.run(8))
        await load.reached(20)
        policy.write_text("name: mine\nmode: strict\n")
        process.tell(signal.SIGHUP)
        await _until(process, "GET", "/readyz", lambda answer: answer.json["policy"] != first)
        second = await _label(process)
        await load.reached(len(load.statuses) + 20)
        load.stopped = True
        await running
        assert process.child.returncode is None
    assert load.lost == []
    assert set(load.statuses) == {200}
    assert first != second
    assert first.startswith("mine@")
    assert second.startswith("mine@")
    assert set(load.labels) == {first, second}
    # Each client's answers turn once, so all of the first come before the last eight of the second begin to.
    assert load.labels.index(second) >= load.labels.count(first) - 8


async def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    """Without any signal the new revision comes into force; it is logged and stands in `/metrics`."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("name: one\n")
    async with serving(tmp_path, {"policy": str(policy)}) as process:
        assert (await _label(process)).startswith("one@")
        policy.write_text("name: two\n")
        await _until(process, "GET", "/readyz", lambda answer: answer.json["policy"].startswith("two@"))
        second = await _label(process)
        metrics = (
            await _until(process, "GET", "/metrics", lambda answer: answer.status == 200)
        ).body.decode()
        process.tell(signal.SIGTERM)
        assert await process.ended() == 0
    name, _, revision = second.partition("@")
    assert f'memfw_policy_info{{name="{name}",revision="{revision}"}} 1.0' in metrics
    assert metrics.count("memfw_policy_info{") == 1
    assert second in [line["policy"] for line in process.lines if line["message"] == "policy activated"]


async def test_a_bad_policy_changes_nothing(tmp_path: Path) -> None:
    """The last good one stays, the failure is counted and every problem is logged; a good file later takes over."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("name: good\n")
    async with serving(tmp_path, {"policy": str(policy)}) as process:
        label = await _label(process)
        policy.write_text("mode: lenient\nsurprise: 1\n")
        process.tell(signal.SIGHUP)
        failed = "memfw_policy_reload_failures_total 1.0"
        await _until(process, "GET", "/metrics", lambda answer: failed in answer.body.decode())
        assert await _label(process) == label
        line = await Line.open(process.address)
        answer = await line.ask("POST", GOVERN, asking(1))
        assert (answer.status, answer.headers["memfw-policy"]) == (200, label)
        await line.close()
        policy.write_text("name: better\n")
        process.tell(signal.SIGHUP)
        await _until(process, "GET", "/readyz", lambda answer: answer.json["policy"].startswith("better@"))
        process.tell(signal.SIGTERM)
        assert await process.ended() == 0
    (report,) = [line for line in process.lines if line.get("level") == "error"]
    assert report["policy"] == label
    assert any("policy.yaml:1" in problem and "mode" in problem for problem in report["problems"])
    assert any("policy.yaml:2" in problem and "surprise" in problem for problem in report["problems"])
