"""What is made from a state in a thread: complete, brought up to date, and made once."""

import asyncio

import pytest

from firewall.core.state import State, fold_all
from firewall.log import indexing
from firewall.log.indexing import make_lexicon, make_tables
from tests.core.observing import step
from tests.log.samples import records_of

STEPS = [
    step("failed", number, target_files=(f"src/f{number}.ts",), text=f"note {number}") for number in range(12)
]


@pytest.fixture(autouse=True)
def _little_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "MANY", 1)


async def test_what_is_folded_meanwhile_is_there() -> None:
    """Steps that come while the thread works are in the tables and in the lexicon."""
    records = records_of([*STEPS])
    state = fold_all(State(), records[:5])
    for made in (make_tables(state), make_lexicon(state)):
        task = asyncio.ensure_future(made)
        await asyncio.sleep(0)
        fold_all(state, records[: state.offset // 3 + 2])
        await task
    assert (state.routes.recognises, state.evidence.searchable) == (True, True)
    fold_all(state, records)
    assert {f"src/f{number}.ts" for number in range(12)} == set(state.routes.tables.files)
    assert len(state.evidence.lexicon) == 12


async def test_what_was_made_is_kept() -> None:
    """At once for a little, and never a second time."""
    state = fold_all(State(), records_of([*STEPS]))
    tables, lexicon = state.routes.tables, state.evidence.lexicon
    await make_tables(state)
    await make_lexicon(state)
    assert state.routes.tables is tables
    assert state.evidence.lexicon is lexicon
