"""Erasing: the memories of pure functions of a text are emptied, so that an erased text is in none of them.

They hold what was read last, and fill up again by themselves; nothing but time is lost. A test finds every `Memo` of the
core and holds this list against it.
"""

from typing import Any

from firewall.core import events, route_tables
from firewall.core.memo import Memo
from firewall.core.signals import execution, scan
from firewall.core.signals.conflict import answer
from firewall.core.signals.content import signal as content
from firewall.core.signals.outcome import signal as outcome

#: Those whose keys are texts of memories, or parts of them.
TEXT_MEMOS: tuple[Memo[Any, Any], ...] = (
    events.text_digest,
    scan.SEEN,
    content.CLEAN,
    content.DETECTIONS,
    outcome.READ,
    answer.VALUES,
    answer.OPINIONS,
    execution.SEQUENCE,
    route_tables.TELLING,
    route_tables.SPELLING,
)


def forget_texts() -> None:
    """No memory of this process's core holds a text afterwards."""
    for memo in TEXT_MEMOS:
        memo.clear()
