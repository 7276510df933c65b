"""One writer's end of the audit chain in a file: its lanes, and what the next seal of each has to say.

A seal is stored in the transaction that stores what it names. Three lanes, because retention removes the beginning of a
lane and never anything else: `log` names evidence, `receipts` decisions, and `retention` says what was removed; that one
is never trimmed itself. Used by the writer thread only.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec

from firewall.core.chain import Head, Item, Lane, Sealed, SealSigner, link_of
from firewall.log.sqlite_file import transaction

Part = Literal["log", "receipts", "retention"]
CHECKPOINT_EVERY = 1000
"""Seals of one writer between two checkpoints."""
HEADS_AT_MOST = 256
"""Lanes that a checkpoint names which nobody asked for, the most recent ones. Each start of a process begins lanes, and each
names all: that would grow with the square of the starts. A lane that is not named any more was, by the hundred writers
that came after it, and they are named in turn. What retention says names all, as those may go."""

_INSERT_SEAL = "INSERT INTO seal (lane, seq, at, body, signature) VALUES (?, ?, ?, ?, ?)"
_SEAL_AT = "SELECT CAST(body AS BLOB), CAST(signature AS BLOB) FROM seal WHERE lane = ? AND seq = ?"
# Looks only at the beginning and the end of each lane, however long the lanes are.
_LANES = """WITH RECURSIVE lanes (lane) AS (
        SELECT min(lane) FROM seal
        UNION ALL SELECT (SELECT min(lane) FROM seal WHERE lane > lanes.lane) FROM lanes WHERE lane IS NOT NULL)
    SELECT typeof(lane), CAST(lane AS BLOB), (SELECT min(seq) FROM seal WHERE seal.lane = lanes.lane),
        (SELECT max(seq) FROM seal WHERE seal.lane = lanes.lane) FROM lanes WHERE lane IS NOT NULL"""
_NEWEST = "SELECT place, CAST(body AS BLOB) FROM seal WHERE lane = ? AND seq = ?"


class _Mark(msgspec.Struct, frozen=True):
    """Where the lanes were when a transaction began."""

    heads: list[Head]
    dropped_said: int


class Chain:
    """The lanes of one process. `dropped` counts what its full buffer lost; a seal says what the one before did not."""

    def __init__(
        self, signer: SealSigner, *, writer: str, clock: Callable[[], float], dropped: Callable[[], int]
    ) -> None:
        parts: tuple[Part, ...] = ("log", "receipts", "retention")
        self._lanes = {part: Lane(f"{writer}/{part}", signer) for part in parts}
        self._clock = clock
        self._dropped = dropped
        self._dropped_said = 0
        self._since_checkpoint: int | None = None
        self._news = False
        self._open: _Mark | None = None

    @contextlib.contextmanager
    def sealing(self, connection: sqlite3.Connection) -> Iterator[None]:
        """A transaction in which `seal` may be called."""
        with transaction(connection):
            self._begin(connection)
            yield
        self._open = None

    def _begin(self, connection: sqlite3.Connection) -> None:
        lanes = list(self._lanes.values())
        if self._open is not None:
            # The transaction before failed; where its commit did, only the store knows whether its seals are there.
            there = False
            for lane, head in zip(lanes, self._open.heads, strict=True):
                lane.seq, lane.link = head.seq, head.link
                while (sealed := _seal_at(connection, lane.name, lane.seq + 1)) is not None:
                    lane.stored(sealed)
                    there = True
            self._dropped_said = self._dropped_said if there else self._open.dropped_said
            self._since_checkpoint = None
        self._open = _Mark([lane.head for lane in lanes], self._dropped_said)

    def seal(
        self,
        connection: sqlite3.Connection,
        part: Part,
        items: Sequence[Item] = (),
        *,
        trimmed: Sequence[Head] = (),
        checkpoint: bool = False,
    ) -> None:
        """Seal, in the open transaction, what it stores. A checkpoint where one is due or asked for."""
        lane, at = self._lanes[part], self._clock()
        since = self._since_checkpoint
        due = checkpoint or since is None or since >= CHECKPOINT_EVERY
        dropped = self._dropped()
        sealed = lane.seal(
            items,
            at=at,
            dropped=dropped - self._dropped_said,
            heads=heads(connection, most=None if checkpoint else HEADS_AT_MOST) if due else (),
            trimmed=trimmed,
        )
        connection.execute(_INSERT_SEAL, (lane.name, lane.seq + 1, at, sealed.body, sealed.signature))
        lane.stored(sealed)
        self._dropped_said = dropped
        self._news = not checkpoint
        self._since_checkpoint = 0 if since is None or due else since + 1

    def checkpoint(self, connection: sqlite3.Connection) -> tuple[Head, ...]:
        """Seal the heads of all lanes; they, with that seal."""
        with self.sealing(connection):
            self.seal(connection, "log", checkpoint=True)
            return heads(connection)

    def end(self, connection: sqlite3.Connection) -> None:
        """A last seal, which is a checkpoint, where there is anything to say."""
        if self._news or self._dropped() > self._dropped_said:
            self._since_checkpoint = None
            with self.sealing(connection):
                self.seal(connection, "log")


def lanes_in(connection: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """Each lane with its first and last number. Rows that cannot be ours are left to the auditor."""
    found: list[tuple[str, int, int]] = []
    for kind, lane, first, last in connection.execute(_LANES).fetchall():
        if kind == "text" and isinstance(first, int) and isinstance(last, int):
            with contextlib.suppress(UnicodeDecodeError):
                found.append((lane.decode(), first, last))
    return found


def heads(connection: sqlite3.Connection, *, most: int | None = None) -> tuple[Head, ...]:
    """The newest seal of each lane that the store holds, or of so many lanes that were sealed last; these at the end."""
    found: list[tuple[int, Head]] = []
    for lane, _, seq in lanes_in(connection):
        place, body = connection.execute(_NEWEST, (lane, seq)).fetchone()
        found.append((place, Head(lane, seq, link_of(Sealed(body, b"")))))
    found.sort(key=lambda one: one[0])
    return tuple(head for _, head in (found if most is None else found[-most:]))


def _seal_at(connection: sqlite3.Connection, lane: str, seq: int) -> Sealed | None:
    row = connection.execute(_SEAL_AT, (lane, seq)).fetchone()
    return None if row is None else Sealed(*row)
