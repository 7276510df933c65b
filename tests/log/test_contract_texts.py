"""The contract of held texts: kept apart from the chain, replaced, erased, on every implementation."""

import pytest

from firewall.errors import CallerError
from firewall.log.sqlite_file import SqliteSettings
from firewall.ports import EvidenceStore
from tests.log.conftest import Backend
from tests.log.samples import KEY, OTHER
from tests.log.trail import seals_of


async def test_a_text_is_kept_for_its_scope(log: EvidenceStore) -> None:
    """As the bytes that it was given as; no other scope has it, no seal names it."""
    await log.keep_text(KEY, "t1", b"\x00concealed\xff")
    assert await log.kept_text(KEY, "t1") == b"\x00concealed\xff"
    assert await log.kept_text(OTHER, "t1") is None
    assert await log.kept_text(KEY, "t2") is None
    assert await seals_of(log) == []


async def test_the_same_id_again_replaces(log: EvidenceStore) -> None:
    """The last one stays."""
    for text in (b"first", b"", b"the third"):
        await log.keep_text(KEY, "t1", text)
        assert await log.kept_text(KEY, "t1") == text


async def test_an_erased_text_is_gone(log: EvidenceStore) -> None:
    """Once; others stay; it can be kept again."""
    for key in (KEY, OTHER):
        await log.keep_text(key, "t1", b"text")
    assert await log.erase_text(KEY, "t1")
    assert not await log.erase_text(KEY, "t1")
    assert await log.kept_text(KEY, "t1") is None
    assert await log.kept_text(OTHER, "t1") == b"text"
    await log.keep_text(KEY, "t1", b"again")
    assert await log.kept_text(KEY, "t1") == b"again"


async def test_a_text_is_bounded(log: EvidenceStore) -> None:
    """413, and what was kept before stays."""
    most = SqliteSettings().max_event_bytes
    await log.keep_text(KEY, "t1", b"x" * (most // 2))
    with pytest.raises(CallerError) as caught:
        await log.keep_text(KEY, "t1", b"x" * (most + 1))
    assert (caught.value.status, caught.value.code) == (413, "event_too_large")
    assert await log.kept_text(KEY, "t1") == b"x" * (most // 2)


async def test_an_id_that_is_no_text_is_refused(log: EvidenceStore) -> None:
    """A lone surrogate is its caller's error, and names nothing."""
    with pytest.raises(CallerError):
        await log.keep_text(KEY, "\udfff", b"text")
    assert await log.kept_text(KEY, "\udfff") is None
    assert not await log.erase_text(KEY, "\udfff")
    assert log.health().ok


async def test_texts_are_shared_and_survive(shared: Backend) -> None:
    """Another handle has them, erases them, and so does a later one."""
    log, other = await shared.open(), await shared.open()
    await log.keep_text(KEY, "t1", b"one")
    await log.keep_text(KEY, "t2", b"two")
    assert await other.kept_text(KEY, "t1") == b"one"
    assert await other.erase_text(KEY, "t1")
    assert await log.kept_text(KEY, "t1") is None
    await log.close()
    await other.close()
    assert await (await shared.open()).kept_text(KEY, "t2") == b"two"
