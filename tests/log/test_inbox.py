"""The bounded inbox of the writer, without a writer."""

import asyncio

import pytest

from firewall.errors import CallerError, StateError
from firewall.log.sqlite_file import SqliteSettings
from firewall.log.sqlite_inbox import Append, Flush, Inbox, SaveSnapshot
from firewall.ports import Appended
from tests.log.samples import KEY, decision


def append(count: int = 1, size: int = 10) -> Append:
    done: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
    events = [(f"e{number}", b"x" * size) for number in range(count)]
    return Append(key=KEY, events=events, size=size * count, operation="", digest="", done=done)


async def test_all_that_waits_is_taken_at_once() -> None:
    """In its order; then there is room again."""
    inbox = Inbox(SqliteSettings(max_pending_records=3))
    jobs = [append(2), append(1)]
    for job in jobs:
        inbox.put(job)
    with pytest.raises(StateError, match="wait"):
        inbox.put(append())
    assert inbox.take(delay=0, idle=0).jobs == jobs
    inbox.put(append(3))


async def test_what_could_never_fit_is_too_large() -> None:
    """To come again later would not help it."""
    inbox = Inbox(SqliteSettings(max_pending_records=3, max_pending_bytes=5000))
    for job in (append(4), append(1, size=6000)):
        with pytest.raises(CallerError) as caught:
            inbox.put(job)
        assert (caught.value.status, caught.value.code) == (413, "event_too_large")


async def test_bytes_are_bounded_too() -> None:
    """Of records and snapshots together."""
    inbox = Inbox(SqliteSettings(max_pending_bytes=2000))
    inbox.put(append(1, size=1000))
    snapshot = SaveSnapshot(
        key=KEY, offset=1, blob=b"x" * 700, done=asyncio.get_running_loop().create_future()
    )
    with pytest.raises(StateError) as caught:
        inbox.put(snapshot)
    assert caught.value.code == "log_busy"
    inbox.send(Flush(done=asyncio.get_running_loop().create_future()))


async def test_decisions_stay_until_they_are_written() -> None:
    """Taking is not writing: a failed batch comes again; the first of an id stays until then."""
    inbox = Inbox(SqliteSettings())
    assert inbox.offer(decision(1))
    taken = inbox.take(delay=0, idle=0).decisions
    assert inbox.take(delay=0, idle=0).decisions == taken == [decision(1)]
    assert inbox.offer(decision(1, size=20))
    assert inbox.buffered("dec1") is taken[0]
    inbox.written(taken)
    assert inbox.buffered("dec1") is None
    assert inbox.take(delay=0, idle=0).decisions == []


async def test_room_for_decisions_comes_back() -> None:
    """Bytes are given back exactly, also where one comes again."""
    inbox = Inbox(SqliteSettings(max_buffered_decision_bytes=1000))
    for _ in range(5):
        assert inbox.offer(decision(1, size=300))
        assert not inbox.offer(decision(2, size=900))
        inbox.written(inbox.take(delay=0, idle=0).decisions)
        assert inbox.offer(decision(2, size=790))
        inbox.written(inbox.take(delay=0, idle=0).decisions)
    assert inbox.dropped == 5


async def test_what_the_dead_writer_leaves_is_given_back() -> None:
    """Jobs to be refused, decisions counted as dropped, and nothing more goes in."""
    inbox = Inbox(SqliteSettings())
    job = append()
    inbox.put(job)
    assert inbox.offer(decision(1))
    assert inbox.abandon() == [job]
    assert inbox.dropped == 1
    with pytest.raises(StateError) as caught:
        inbox.put(append())
    assert caught.value.code == "log_closed"
