"""The contract of stored answers: an operation that was done before is answered as it was then, on every implementation."""

import asyncio

import pytest

from firewall.errors import CallerError
from firewall.log.sqlite_file import SqliteSettings
from firewall.ports import EvidenceLog
from tests.log.conftest import Backend
from tests.log.samples import KEY, OTHER, held, numbers


async def test_the_first_answer_is_the_answer(log: EvidenceLog) -> None:
    """Whatever a repetition would have said itself."""
    first = await log.append(KEY, [held(1)], operation="op", body_digest="d", answer=b"one")
    again = await log.append(KEY, [held(2)], operation="op", body_digest="d", answer=b"two")
    assert (first.replayed, first.offset) == (False, again.offset)
    assert (again.replayed, again.answer) == (True, b"one")
    assert await log.answered(KEY, "op", "d") == again
    assert numbers(await log.read(KEY)) == ["m1"]


async def test_a_new_operation_has_no_answer(log: EvidenceLog) -> None:
    """Nor has one of another scope, nor one that was refused."""
    await log.append(KEY, [held(1)], operation="op", body_digest="d", answer=b"one")
    assert await log.answered(KEY, "other", "d") is None
    assert await log.answered(OTHER, "op", "d") is None
    with pytest.raises(CallerError):
        await log.append(KEY, [], operation="empty", body_digest="d", answer=b"none")
    assert await log.answered(KEY, "empty", "d") is None


async def test_another_body_is_a_conflict(log: EvidenceLog) -> None:
    """409, asked before or at the append, without the stored answer."""
    await log.append(KEY, [held(1)], operation="op", body_digest="d", answer=b"one")
    for asking in (
        log.answered(KEY, "op", "e"),
        log.append(KEY, [held(2)], operation="op", body_digest="e", answer=b"two"),
    ):
        with pytest.raises(CallerError) as caught:
            await asking
        assert (caught.value.status, caught.value.code) == (409, "operation_conflict")
        assert "one" not in caught.value.message


async def test_of_many_at_once_one_answers_for_all(log: EvidenceLog) -> None:
    """Retries that race get the bytes of the one that was stored."""
    results = await asyncio.gather(
        *(
            log.append(KEY, [held(number)], operation="op", body_digest="d", answer=b"%d" % number)
            for number in range(50)
        )
    )
    (first,) = [number for number, result in enumerate(results) if not result.replayed]
    assert {result.answer for result in results if result.replayed} == {b"%d" % first}
    assert numbers(await log.read(KEY)) == [f"m{first}"]


async def test_an_operation_without_an_answer_has_an_empty_one(log: EvidenceLog) -> None:
    """Events without an operation are stored each time."""
    await log.append(KEY, [held(1)], operation="op", body_digest="d")
    found = await log.answered(KEY, "op", "d")
    assert found is not None
    assert found.answer == b""
    for _ in range(2):
        assert not (await log.append(KEY, [held(2)], answer=b"unused")).replayed


async def test_an_answer_survives(shared: Backend) -> None:
    """A restart, and other processes know it too."""
    log = await shared.open()
    stored = await log.append(KEY, [held(1)], operation="op", body_digest="d", answer=b"\x00\xffone")
    other = await shared.open()
    await log.close()
    for one in (other, await shared.open()):
        found = await one.answered(KEY, "op", "d")
        assert found is not None
        assert (found.offset, found.replayed, found.answer) == (stored.offset, True, b"\x00\xffone")


async def test_an_answer_is_bounded_as_an_event_is(log: EvidenceLog) -> None:
    """413, and nothing of the append is stored; the largest one comes back whole."""
    most = SqliteSettings().max_event_bytes
    with pytest.raises(CallerError) as caught:
        await log.append(KEY, [held(1)], operation="op", body_digest="d", answer=b"x" * (most + 1))
    assert (caught.value.status, caught.value.code) == (413, "event_too_large")
    assert await log.read(KEY) == []
    assert await log.answered(KEY, "op", "d") is None
    await log.append(KEY, [held(1)], operation="op", body_digest="d", answer=b"x" * most)
    found = await log.answered(KEY, "op", "d")
    assert found is not None
    assert len(found.answer) == most


async def test_an_operation_that_is_no_text_is_refused(log: EvidenceLog) -> None:
    """A lone surrogate is its caller's error."""
    with pytest.raises(CallerError):
        await log.answered(KEY, "\udfff", "d")
    assert log.health().ok
