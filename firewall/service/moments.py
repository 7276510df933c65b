"""Times on the wire: ISO 8601 in UTC with a Z. Inside they are seconds since the epoch."""

from datetime import UTC, datetime


def iso(seconds: float) -> str:
    """The moment as it is written in answers, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
