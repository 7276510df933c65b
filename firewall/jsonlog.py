"""Logs as JSON lines on standard error: one line a decision, no memory text, no credential.

What a record carries beyond its message comes as `extra`, and only the fields that are named here are written: a field
that someone adds by mistake does not leak.
"""

import logging
import sys
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
    "error",
    "problems",
    "cause",
    "url",
    "offset",
)
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


def configure(level: str, stream: TextIO | None = None) -> None:
    """The handler of the `memfw` loggers; other libraries' records are kept from WARNING up, in the same shape."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("memfw").setLevel(level.upper())
