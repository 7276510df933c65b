"""Retention that keeps the proof: the beginnings of lanes go, and a seal that is never removed says up to where.

A lane's oldest seal may go when everything that it names may go: evidence that the stored snapshot of its scope covers, and
receipts. With it go the things that it names, and nothing else ever goes; so whatever else is missing was taken by somebody.
One transaction removes a bounded part and seals that it did: a crash leaves all of it or nothing.
"""

import heapq
import json
import sqlite3
from collections.abc import Callable

import msgspec

from firewall.core.chain import Head, Item, Sealed, link_of, seal_body
from firewall.core.events import ScopeKey
from firewall.log.sqlite_chain import Chain, lanes_in
from firewall.ports import Trimmed

ITEMS_AT_ONCE = 20_000
"""About so many things go in one transaction, so that appends are not kept waiting for long."""
KEYS_OUTLIVE = 7 * 86_400.0
"""Seconds by which an idempotency key outlives its records."""
ROW_BYTES = 150
"""What a row costs besides its body, roughly: place, ids, indexes."""

_NOTE_TRIMMED = """INSERT INTO trimmed VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET offset = max(trimmed.offset, excluded.offset)"""
_UNCOVERED = """SELECT tenant, scope FROM (SELECT tenant, scope, max(offset) AS newest FROM record GROUP BY tenant, scope)
    LEFT JOIN snapshot USING (tenant, scope) WHERE newest > ifnull(snapshot.offset, 0) LIMIT ?"""
_OLDEST = "SELECT place, CAST(at AS REAL), CAST(body AS BLOB) FROM seal WHERE lane = ? AND seq = ?"
_SNAPSHOTS = "SELECT tenant, scope, offset FROM snapshot"
_RECORD_BYTES = "SELECT total(length(body)) FROM record WHERE offset IN (SELECT value FROM json_each(?))"
_RECEIPT_BYTES = (
    "SELECT total(length(body)) FROM decision WHERE decision_id IN (SELECT value FROM json_each(?))"
)
# Asked for both in one go, SQLite looks at every row.
_SPAN = "SELECT ifnull((SELECT max(seq) FROM decision) - (SELECT min(seq) FROM decision) + 1, 0)"
_FORGET_KEYS = """DELETE FROM operation
    WHERE at < ? AND NOT EXISTS (SELECT 1 FROM record WHERE record.offset = operation.offset)"""


class Oldest(msgspec.Struct, frozen=True, order=True):
    """The oldest seal of a lane that is still there; seals compare by when they were committed."""

    place: int
    lane: str
    seq: int
    at: float
    items: tuple[Item, ...]
    link: bytes
    size: int

    @property
    def kept_decisions(self) -> int:
        return sum(item.kind == "receipt" for item in self.items)


class Step(msgspec.Struct, frozen=True):
    """What one transaction removed; `more` says that another one would go on. `newest` is the time of the newest seal
    that went."""

    trimmed: Trimmed
    more: bool = False
    newest: float | None = None


def trim_step(
    connection: sqlite3.Connection, *, chain: Chain, before: float | None, keep_bytes: int | None
) -> Step:
    """Remove what was sealed before that time, and the oldest until only so many bytes are used."""
    excess = 0 if keep_bytes is None else used_bytes(connection) - keep_bytes
    freed = 0

    def goes(oldest: Oldest) -> bool:
        nonlocal freed
        wanted = (before is not None and oldest.at < before) or freed < excess
        freed += oldest.size if wanted else 0
        return wanted

    step = _remove(connection, chain, ("log", "receipts"), goes)
    _give_back(connection)
    if not step.trimmed.records and not step.trimmed.decisions:
        return step
    left = keep_bytes is not None and used_bytes(connection) > keep_bytes
    return msgspec.structs.replace(step, more=step.more or left)


def trim_decisions(connection: sqlite3.Connection, *, chain: Chain, keep: int) -> None:
    """Let the oldest receipts go where there are more than a tenth too many; the newest `keep` stay."""
    # The difference is enough to see that it is not yet time; to count takes a while.
    (most,) = connection.execute(_SPAN).fetchone()
    if most <= keep + keep // 10:
        return
    (left,) = connection.execute("SELECT count(*) FROM decision").fetchone()

    def goes(oldest: Oldest) -> bool:
        nonlocal left
        wanted: bool = left - oldest.kept_decisions >= keep
        left -= oldest.kept_decisions if wanted else 0
        return wanted

    _remove(connection, chain, ("receipts",), goes)


def forget_keys(connection: sqlite3.Connection, *, horizon: float) -> None:
    """Let the idempotency keys go whose records went, where they are older than `horizon` by what they outlive them."""
    connection.execute(_FORGET_KEYS, (horizon - KEYS_OUTLIVE,))
    _give_back(connection)
    # Where somebody reads just now, the file becomes smaller at a later checkpoint.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def uncovered(connection: sqlite3.Connection, limit: int) -> list[ScopeKey]:
    """Scopes with records that no snapshot covers."""
    return [ScopeKey(*row) for row in connection.execute(_UNCOVERED, (limit,))]


def trimmed_to(connection: sqlite3.Connection, key: ScopeKey) -> int:
    """Up to which offset records of the scope went, 0 for none."""
    row = connection.execute(
        "SELECT offset FROM trimmed WHERE tenant = ? AND scope = ?", (key.tenant, key.scope)
    ).fetchone()
    return 0 if row is None else int(row[0])


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the pages that hold something."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def _give_back(connection: sqlite3.Connection) -> None:
    # As a script, because it is one step for each page, and only a script is run to its end.
    connection.executescript("PRAGMA incremental_vacuum")


def _remove(
    connection: sqlite3.Connection, chain: Chain, parts: tuple[str, ...], goes: Callable[[Oldest], bool]
) -> Step:
    with chain.sealing(connection):
        covered = {(tenant, scope): offset for tenant, scope, offset in connection.execute(_SNAPSHOTS)}
        waiting = [
            oldest
            for lane, first, _ in lanes_in(connection)
            if lane.rpartition("/")[2] in parts
            and (oldest := _oldest(connection, lane, first, covered)) is not None
        ]
        heapq.heapify(waiting)
        gone: dict[str, Oldest] = {}
        items: list[Item] = []
        while waiting and len(items) < ITEMS_AT_ONCE:
            oldest = heapq.heappop(waiting)
            if not goes(oldest):
                continue  # the rest of its lane is newer
            gone[oldest.lane] = oldest
            items += oldest.items
            following = _oldest(connection, oldest.lane, oldest.seq + 1, covered)
            if following is not None:
                heapq.heappush(waiting, following)
        if not gone:
            return Step(Trimmed())
        # Deleted first, so that a log that is full has room for the seal; both are there at once or not at all.
        trimmed = _delete(connection, items)
        connection.executemany(
            "DELETE FROM seal WHERE lane = ? AND seq <= ?", [(one.lane, one.seq) for one in gone.values()]
        )
        heads = [Head(one.lane, one.seq, one.link) for one in gone.values()]
        chain.seal(connection, "retention", trimmed=heads, checkpoint=True)
    return Step(trimmed, more=bool(waiting), newest=max(one.at for one in gone.values()))


def _delete(connection: sqlite3.Connection, items: list[Item]) -> Trimmed:
    newest: dict[ScopeKey, int] = {}
    for item in items:
        if item.kind == "evidence":
            key = ScopeKey(item.tenant, item.scope)
            newest[key] = max(newest.get(key, 0), item.offset)
    connection.executemany(_NOTE_TRIMMED, [(key.tenant, key.scope, offset) for key, offset in newest.items()])
    records = connection.executemany(
        "DELETE FROM record WHERE offset = ? AND event_id = ?",
        [(item.offset, item.id) for item in items if item.kind == "evidence"],
    ).rowcount
    decisions = connection.executemany(
        "DELETE FROM decision WHERE decision_id = ?", [(item.id,) for item in items if item.kind == "receipt"]
    ).rowcount
    return Trimmed(records=max(0, records), decisions=max(0, decisions))


def _oldest(
    connection: sqlite3.Connection, lane: str, seq: int, covered: dict[tuple[str, str], int]
) -> Oldest | None:
    """The seal at that place of its lane; None where there is none, or where it names what has to stay."""
    row = connection.execute(_OLDEST, (lane, seq)).fetchone()
    if row is None:
        return None
    place, at, body = row
    sealed = Sealed(body, b"")
    try:
        items = seal_body(sealed).items
    except ValueError:
        return None  # not made by us: what is here is for an auditor, and stays
    for item in items:
        if item.kind == "evidence" and covered.get((item.tenant, item.scope), 0) < item.offset:
            return None
    size = len(body) + ROW_BYTES * (len(items) + 1) + _bytes_of(connection, items)
    return Oldest(place, lane, seq, at, items, link_of(sealed), size)


def _bytes_of(connection: sqlite3.Connection, items: tuple[Item, ...]) -> int:
    offsets = json.dumps([item.offset for item in items if item.kind == "evidence"])
    ids = json.dumps([item.id for item in items if item.kind == "receipt"])
    (records,) = connection.execute(_RECORD_BYTES, (offsets,)).fetchone()
    (receipts,) = connection.execute(_RECEIPT_BYTES, (ids,)).fetchone()
    return int(records + receipts)
