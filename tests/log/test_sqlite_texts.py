"""Erased texts leave no bytes: in no file of the log's, whatever was done with it before."""

import random
import sqlite3
from pathlib import Path

import pytest

from firewall.errors import StateError
from firewall.log.sqlite import SqliteLog
from firewall.log.sqlite_file import SqliteSettings
from tests.log.keys import SIGNER
from tests.log.samples import KEY, held

MARK = 16
"""Each text is one mark of so many bytes, again and again: whatever is left of it holds the mark."""


def found_in(folder: Path, texts: list[bytes]) -> list[int]:
    """Which of the texts have left something in a file of the folder."""
    files = [path.read_bytes() for path in folder.iterdir()]
    return [number for number, text in enumerate(texts) if any(text[:MARK] in content for content in files)]


@pytest.mark.parametrize("seed", range(4))
async def test_an_erased_text_leaves_no_bytes(tmp_path: Path, seed: int) -> None:
    """Texts of all sizes, kept, replaced and erased in any order between appends and snapshots, by two handles."""
    draw = random.Random(seed)
    logs = [await SqliteLog.open(tmp_path / "log.db", signer=SIGNER) for _ in range(2)]
    kept: dict[str, bytes] = {}
    gone: list[bytes] = []
    for step in range(150):
        log = draw.choice(logs)
        name = f"t{draw.randrange(60)}"
        if draw.random() < 0.65:
            text = draw.randbytes(MARK) * draw.choice([2, 6, 40, 200, 560, 2500])
            await log.keep_text(KEY, name, text)
            if name in kept:
                gone.append(kept[name])
            kept[name] = text
        else:
            assert await log.erase_text(KEY, name) == (name in kept)
            if name in kept:
                gone.append(kept.pop(name))
        if step % 10 == 0:
            await log.append(KEY, [held(step)])
            await log.save_snapshot(KEY, step, draw.randbytes(20_000))
    await logs[0].erase_text(KEY, "the last one empties the write-ahead log")
    assert found_in(tmp_path, gone) == []
    assert found_in(tmp_path, list(kept.values())) == list(range(len(kept)))
    for log in logs:
        await log.close()
    assert found_in(tmp_path, gone) == []


@pytest.mark.parametrize("size", [1, 100, 4000, 4061, 4062, 9000])
async def test_a_text_is_never_in_a_page_of_a_tree(tmp_path: Path, size: int) -> None:
    """Those are rearranged, and leave stale copies; pages of a tree begin with their kind, overflow pages do not."""
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    text = b"concealed text 1" * size
    await log.keep_text(KEY, "t1", text)
    await log.close()
    content = (tmp_path / "log.db").read_bytes()
    pages = [content[start : start + 4096] for start in range(0, len(content), 4096)]
    holding = [page for page in pages if text[:MARK] in page]
    assert holding
    assert {page[0] for page in holding} == {0}


async def test_a_reader_of_old_pages_makes_an_erasure_unfinished(tmp_path: Path) -> None:
    """It is said, and asking again completes it: until then the bytes may stand in the write-ahead log."""
    settings = SqliteSettings(busy_timeout=0.05)
    log = await SqliteLog.open(tmp_path / "log.db", signer=SIGNER, settings=settings)
    await log.keep_text(KEY, "t1", b"a concealed text")
    other = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM record").fetchone()
    with pytest.raises(StateError) as caught:
        await log.erase_text(KEY, "t1")
    assert caught.value.code == "log_locked"
    assert await log.kept_text(KEY, "t1") is None
    other.execute("ROLLBACK")
    other.close()
    assert not await log.erase_text(KEY, "t1")
    assert found_in(tmp_path, [b"a concealed text"]) == []
    await log.close()
