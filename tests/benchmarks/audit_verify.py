"""How long an untouched log of 100,000 records takes to verify: in the store, from an export, with a seal for each record.

python -m tests.benchmarks.audit_verify [records]
"""

import asyncio
import io
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from firewall.core.events import Held, ScopeKey
from firewall.core.verify import Entry, Verifier
from firewall.keyring import signed_by
from firewall.log.export import FORMAT, Header, Writer, read_entries, read_header
from firewall.log.sqlite import SqliteLog
from firewall.log.sqlite_audit import read_trail
from tests.core.sealed_store import SealedStore
from tests.log.keys import RING, SIGNER

AT_ONCE = 64
"""Appends that wait for one commit, and so share a seal."""


class VerifyCost(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the bench: CPU seconds for the whole."""

    source: str
    records: int
    seals: int
    cpu_seconds: float


async def _built(path: Path, records: int, per_seal: int) -> None:
    log = await SqliteLog.open(path, signer=SIGNER)
    key = ScopeKey("acme", "checkout")
    event = Held(
        upstream="mem0",
        memory_id="0a1b2c3d-0000-4000-8000-000000000000",
        digest="0123456789abcdef0123456789abcdef",
        reasons=("injection:override",),
        surface="drop_in",
        at=1.0,
    )
    for _ in range(0, records, per_seal * AT_ONCE):
        await asyncio.gather(*(log.append(key, [event] * per_seal) for _ in range(AT_ONCE)))
    await log.close()


def measure(records: int = 100_000, per_append: int = 1) -> list[VerifyCost]:
    """Build a log, verify it in both ways, and check that each saw all of it and found nothing."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "log.db"
        asyncio.run(_built(path, records, per_append))
        exported = io.BytesIO()
        writer = Writer(exported, Header(FORMAT, 0.0, {}))
        for page in read_trail(path):
            writer.write(page)
        writer.end()
        exported.seek(0)
        rows = [_verified("store", read_trail(path), records)]
        read_header(exported)
        rows.append(_verified("export", ([entry] for entry in read_entries(exported)), records))
    store = SealedStore()  # the slowest: a seal for each record, as a writer makes that nobody keeps busy
    for number in range(records):
        store.commit(heads=store.heads() if number % 1000 == 999 else ())
    rows.append(_verified("single", [[*store.all_seals], [*store.things]], records))
    return rows


def _verified(source: str, pages: Iterable[list[Entry]], records: int) -> VerifyCost:
    begun = time.process_time()
    verifier = Verifier(RING.public_keys(), signed_by=signed_by)
    for page in pages:
        verifier.feed(page)
    report = verifier.finish()
    spent = time.process_time() - begun
    if not report.sound or report.counts.evidence < records:
        raise AssertionError(report.faults[:3])
    return VerifyCost(
        source=source, records=report.counts.evidence, seals=report.counts.seals, cpu_seconds=spent
    )


if __name__ == "__main__":
    for row in measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000):
        print(
            f"verify {row.source:<6} {row.records} records in {row.seals} seals: {row.cpu_seconds:.2f} CPU seconds"
        )
