"""What the supervisor of several workers decides; its processes are in tests/process."""

import json
import subprocess
import sys

import pytest

from firewall.workers import FIRST_PAUSE, LONGEST_PAUSE, Worker, pause_after


def test_a_worker_is_named_on_its_command_line() -> None:
    """What the supervisor writes there, the worker reads."""
    worker = Worker(number=3, port=8700, line=9)
    assert Worker.parse(worker.argument) == worker
    for text in ("", "1:2", "a:b:c", "1:2:3:4"):
        with pytest.raises(ValueError):
            Worker.parse(text)


def test_pauses_grow_and_end() -> None:
    """Each failure in a row doubles the pause, up to a bound that no number of them passes."""
    assert [pause_after(count) for count in (1, 2, 3)] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pause_after(8) == pause_after(10**6) == LONGEST_PAUSE


def test_the_supervisor_stays_small() -> None:
    """Nothing of what serves is in its process."""
    code = "import sys, json, firewall.workers; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert (
        loaded & {"asyncio", "pydantic", "msgspec", "aiohttp", "firewall.config", "firewall.bootstrap"}
        == set()
    )
