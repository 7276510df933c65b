"""Logs as JSON lines on standard error: one line a decision, no memory text, no credential.

What a record carries beyond its message comes as `extra`, and only the fields that are named here are written: a field
that someone adds by mistake does not leak. Decisions, one for each request, do not go through `logging`: `Journal`
gathers their lines for a moment and writes them at once.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from typing import TextIO

import msgspec

FIELDS = (
    "upstream",
    "route",
    "status",
    "decision_id",
    "principal",
    "policy",
    "mode",
    "admitted",
    "withheld",
    "reasons",
    "degraded",
    "staleness",
    "error",
    "problems",
    "cause",
    "url",
    "offset",
    "worker",
    "metrics",
)
#: What POSIX lets a writer put into a pipe as one.
_UNDIVIDED = 4096
_encoder = msgspec.json.Encoder()


class JsonFormatter(logging.Formatter):
    """`{"ts", "level", "logger", "message", ...}`; `ts` in epoch seconds."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "ts": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        extra = record.__dict__
        line.update((name, extra[name]) for name in FIELDS if name in extra)
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return _encoder.encode(line).decode()


class DecisionLine(msgspec.Struct, kw_only=True):
    """One decision: ids, counts and reason codes, of `FIELDS`; no memory text. `ts` in epoch seconds."""

    ts: float
    level: str = "info"
    logger: str = "memfw.decisions"
    message: str = "decision"
    decision_id: str
    upstream: str
    route: str
    principal: str
    policy: str
    mode: str
    admitted: int
    withheld: int
    reasons: Sequence[str] | msgspec.UnsetType = msgspec.UNSET
    degraded: str | msgspec.UnsetType = msgspec.UNSET
    staleness: float | msgspec.UnsetType = msgspec.UNSET


class Journal:
    """Decision lines of the level info. What a kill takes with it is a moment of lines; the receipts are in the log."""

    def __init__(self, stream: TextIO, *, delay: float = 0.05) -> None:
        self._stream = stream
        self._delay = delay
        self._lines: list[bytes] = []

    def write(self, line: DecisionLine) -> None:
        """Needs a running loop."""
        if not self._lines:
            asyncio.get_running_loop().call_later(self._delay, self.flush)
        self._lines.append(_encoder.encode(line))

    def flush(self) -> None:
        """Write what was gathered."""
        lines, self._lines = self._lines, []
        while lines:
            # One write for what no other process's lines can get in between of, where several share a pipe.
            size, count = 0, 0
            while count < len(lines) and (not count or size + len(lines[count]) < _UNDIVIDED):
                size += len(lines[count]) + 1
                count += 1
            self._stream.write(b"\n".join(lines[:count]).decode() + "\n")
            self._stream.flush()
            del lines[:count]


def configure(level: str, stream: TextIO | None = None) -> Journal | None:
    """The handler of the `memfw` loggers, and the journal of decisions where the level lets them through.

    Other libraries' records are kept from WARNING up, in the same shape.
    """
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    memfw = logging.getLogger("memfw")
    memfw.setLevel(level.upper())
    return Journal(target) if memfw.isEnabledFor(logging.INFO) else None
