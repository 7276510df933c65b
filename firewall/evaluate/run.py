"""Running an evaluation: a memfw of its own on a free port, asked over HTTP, and the table at the end."""

from collections.abc import Callable
from pathlib import Path

from firewall.client.wire import TIMEOUT_SECONDS, Wire
from firewall.evaluate.execution import below, evaluate, missed, table
from firewall.evaluate.notes import read_notes
from firewall.quickstart.house import running_memfw


async def evaluate_execution(path: Path, say: Callable[[str], None]) -> int:
    """0 where every goal is reached, 1 otherwise. ConfigError for a file that holds no notes."""
    notes = read_notes(path)
    async with running_memfw() as url:
        wire = Wire(url, key=None, tenant_id=None, scope=None, timeout=TIMEOUT_SECONDS)
        try:
            rows = await evaluate(notes, wire.post)
        finally:
            await wire.close()
    say(table(rows))
    for line in below(rows):
        say(f"in one source: {line}")
    short = missed(rows)
    for line in short:
        say(f"missed: {line}")
    return 1 if short else 0
