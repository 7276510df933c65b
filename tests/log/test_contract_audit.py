"""The contract of the audit trail: seals, what is stored, checkpoints and retention, on every implementation."""

import asyncio

import pytest

from firewall.core.chain import seal_body
from firewall.core.events import ScopeKey
from firewall.errors import CallerError
from firewall.ports import EvidenceStore, Trimmed
from tests.log.conftest import Backend
from tests.log.samples import KEY, OTHER, decision, held, numbers
from tests.log.trail import bodies_of, check, named_in, seals_of, things_of

LATER = 1e12
"""A time after everything."""


async def test_what_is_stored_is_sealed(log: EvidenceStore) -> None:
    """Every record and every receipt of many producers is named by exactly one seal, with its digest, in whole lanes."""
    await asyncio.gather(
        *(log.append(KEY if number % 2 else OTHER, [held(number)] * 2) for number in range(40)),
        *(
            log.append(KEY, [held(number)], operation=f"op{number % 5}", body_digest="d")
            for number in range(20)
        ),
    )
    assert all(log.record_decision(decision(number)) for number in range(30))
    await log.flush()
    assert len(await named_in(log)) == 80 + 5 + 30
    await check(log)


async def test_an_acknowledged_record_is_already_sealed(log: EvidenceStore) -> None:
    """There is no tail that is stored and not yet proven."""
    for number in range(5):
        await log.append(KEY, [held(number)])
        assert len(await named_in(log)) == number + 1
    await check(log)


async def test_what_stored_nothing_seals_nothing(log: EvidenceStore) -> None:
    """A repeated operation, a conflict, a receipt that comes again."""
    await log.append(KEY, [held(1)], operation="op", body_digest="d")
    assert log.record_decision(decision(1))
    await log.flush()
    before = await named_in(log)
    assert (await log.append(KEY, [held(2)], operation="op", body_digest="d")).replayed
    with pytest.raises(CallerError):
        await log.append(KEY, [held(3)], operation="op", body_digest="e")
    log.record_decision(decision(1, size=20))
    await log.flush()
    assert await named_in(log) == before
    await check(log)


async def test_stored_things_come_with_their_bytes(log: EvidenceStore) -> None:
    """Records with tenant, scope and offset; receipts with the bytes that were given."""
    appended = await log.append(OTHER, [held(1)])
    assert log.record_decision(decision(7))
    await log.flush()
    record, receipt = sorted(await things_of(log), key=lambda thing: thing.kind)
    assert (record.tenant, record.scope, record.offset) == (OTHER.tenant, OTHER.scope, appended.offset)
    assert (receipt.tenant, receipt.scope, receipt.id) == (KEY.tenant, KEY.scope, "dec7")
    assert receipt.body == decision(7).body


async def test_dropped_receipts_are_said_in_a_seal(log: EvidenceStore) -> None:
    """What the buffer could not take stands in the chain, counted once."""
    for _ in range(3):
        assert not log.record_decision(decision(float("nan")))  # type: ignore[arg-type] # a time that is no time
    for number in (1, 2):
        assert log.record_decision(decision(number))
        await log.flush()
    assert sum(body.dropped for body in await bodies_of(log)) == 3
    await check(log)


async def test_a_checkpoint_names_the_heads_of_all_lanes(log: EvidenceStore) -> None:
    """Its own too, so that they can be kept elsewhere."""
    await log.append(KEY, [held(1)])
    assert log.record_decision(decision(1))
    await log.flush()
    heads = {head.lane: head.seq for head in await log.checkpoint() if not head.lane.startswith("order/")}
    newest: dict[str, int] = {}
    for body in await bodies_of(log):
        newest[body.lane] = max(body.seq, newest.get(body.lane, 0))
    assert heads == newest
    await check(log)


async def test_a_new_writer_begins_with_a_checkpoint(shared: Backend) -> None:
    """Its first seal names the lanes that were there before it; later ones need not."""
    first, second = await shared.open(), await shared.open()
    await first.append(KEY, [held(1)])
    before = {body.lane for body in await bodies_of(first)}
    for number in (2, 3):
        await second.append(KEY, [held(number)])
    own = [body for body in await bodies_of(second) if body.lane not in before]
    own.sort(key=lambda body: body.at)  # a store of many lanes is read lane by lane
    assert before <= {head.lane for head in own[0].heads}
    assert not own[-1].heads
    await check(second)


async def test_a_clean_end_leaves_a_checkpoint(shared: Backend) -> None:
    """Of all lanes; a handle that stored nothing leaves nothing."""
    log, reader = await shared.open(), await shared.open()
    await log.append(KEY, [held(1)])
    assert log.record_decision(decision(1))
    lanes = {body.lane for body in await bodies_of(log)}
    await log.close()
    last = (await bodies_of(reader))[-1]
    assert lanes <= {head.lane for head in last.heads}
    count = len(await seals_of(reader))
    await reader.close()
    after = await shared.open()
    assert len(await seals_of(after)) == count
    await check(after)


async def test_writers_have_lanes_of_their_own(shared: Backend) -> None:
    """Several handles at once: one chain each, together the whole log."""
    handles = [await shared.open() for _ in range(3)]
    await asyncio.gather(*(handle.append(KEY, [held(n)]) for n in range(20) for handle in handles))
    for handle in handles:
        await handle.close()
    log = await shared.open()
    assert len({body.lane.partition("/")[0] for body in await bodies_of(log)}) == 3
    assert len(await named_in(log)) == 60
    await check(log)


async def test_without_a_snapshot_evidence_stays(log: EvidenceStore) -> None:
    """However old it is and however little room there is: the state could not be made again."""
    await log.append(KEY, [held(1)])
    assert await log.trim(before=LATER, keep_bytes=0) == Trimmed()
    assert numbers(await log.read(KEY)) == ["m1"]
    await check(log)


async def test_evidence_goes_as_far_as_the_snapshot_covers_it(log: EvidenceStore) -> None:
    """What is left reads on, goes on and verifies; offsets are not given again."""
    offsets = [(await log.append(KEY, [held(number)])).offset for number in range(5)]
    await log.save_snapshot(KEY, offsets[2], b"state")
    assert await log.trim(before=LATER) == Trimmed(records=3)
    assert numbers(await log.read(KEY)) == ["m3", "m4"]
    await check(log)
    assert (await log.append(KEY, [held(5)])).offset > offsets[-1]
    assert await log.head(KEY) > offsets[-1]
    assert await log.load_snapshot(KEY) == (offsets[2], b"state")
    assert await log.trim(before=LATER) == Trimmed()
    await check(log)


async def test_all_of_a_log_can_go(log: EvidenceStore) -> None:
    """Even then offsets grow, and a seal tells what there was."""
    for number in range(3):
        await log.append(KEY, [held(number)])
        assert log.record_decision(decision(number))
        await log.flush()
    before = await log.head(KEY)
    await log.save_snapshot(KEY, before, b"state")
    assert await log.trim(keep_bytes=0) == Trimmed(records=3, decisions=3)
    assert await log.read(KEY) == []
    assert await things_of(log) == []
    await check(log)
    assert (await log.append(KEY, [held(9)])).offset > before
    await check(log)


async def test_nothing_young_goes(log: EvidenceStore) -> None:
    """A time before everything, and more room than is used."""
    appended = await log.append(KEY, [held(1)])
    await log.save_snapshot(KEY, appended.offset, b"state")
    assert log.record_decision(decision(1))
    await log.flush()
    assert await log.trim(before=1.0, keep_bytes=2**50) == Trimmed()
    assert await log.trim() == Trimmed()
    assert len(await things_of(log)) == 2


async def test_receipts_go_by_time(log: EvidenceStore) -> None:
    """They need no snapshot; one that went is not found any more, and was not taken by anybody."""
    assert all(log.record_decision(decision(number)) for number in range(10))
    await log.flush()
    await log.append(KEY, [held(1)])
    assert await log.trim(before=LATER) == Trimmed(decisions=10)
    assert await log.decision("dec3") is None
    assert numbers(await log.read(KEY)) == ["m1"]
    await check(log)


async def test_a_key_outlives_its_records(log: EvidenceStore) -> None:
    """A client that repeats an operation late is answered as it was, and stores nothing."""
    appended = await log.append(KEY, [held(1)], operation="op", body_digest="d", answer=b"one")
    await log.save_snapshot(KEY, appended.offset, b"state")
    assert await log.trim(keep_bytes=0) == Trimmed(records=1)
    again = await log.append(KEY, [held(1)], operation="op", body_digest="d", answer=b"two")
    assert (again.replayed, again.answer) == (True, b"one")
    await check(log)


async def test_a_trimmed_log_takes_new_writers(shared: Backend) -> None:
    """One that was open all the time and one that comes later go on; both can trim."""
    log, other = await shared.open(), await shared.open()
    for number in range(3):
        await log.append(KEY, [held(number)])
    await log.save_snapshot(KEY, await log.head(KEY), b"state")
    assert await other.trim(before=LATER) == Trimmed(records=3)
    appended = await log.append(KEY, [held(3)])
    await check(other)
    await other.close()
    late = await shared.open()
    await late.append(KEY, [held(4)])
    await late.save_snapshot(KEY, appended.offset, b"state")
    assert await log.trim(before=LATER) == Trimmed(records=1)
    assert numbers(await late.read(KEY)) == ["m4"]
    await check(late)


async def test_a_follower_is_not_disturbed_by_retention(log: EvidenceStore) -> None:
    """It sees what comes after, once."""
    appended = await log.append(KEY, [held(1)])
    await log.save_snapshot(KEY, appended.offset, b"state")
    position = await log.position()
    await log.trim(before=LATER)
    await log.append(KEY, [held(2)])
    async for batch in log.follow(after=position):
        if batch:
            assert numbers(batch) == ["m2"]
            break


async def test_seals_are_signed_bytes(log: EvidenceStore) -> None:
    """Of the ring's key, which each names."""
    await log.append(KEY, [held(1)])
    (sealed,) = await seals_of(log)
    assert (seal_body(sealed).key_id, len(sealed.signature)) == ("k1", 64)


async def test_the_log_knows_what_no_snapshot_covers(log: EvidenceStore) -> None:
    """Scopes with newer evidence than their snapshot, and no others."""
    other = ScopeKey("acme", "elsewhere")
    first = await log.append(KEY, [held(1)])
    await log.append(other, [held(2)])
    assert sorted(await log.uncovered(10)) == sorted([KEY, other])
    assert len(await log.uncovered(1)) == 1
    await log.save_snapshot(KEY, first.offset, b"all of it")
    assert await log.uncovered(10) == [other]
    await log.append(KEY, [held(3)])
    assert sorted(await log.uncovered(10)) == sorted([KEY, other])


async def test_the_log_says_up_to_where_a_scope_was_trimmed(log: EvidenceStore) -> None:
    """Of each scope by itself, and nothing of one that kept everything."""
    first = await log.append(KEY, [held(1)])
    assert await log.trimmed_to(KEY) == 0
    await log.save_snapshot(KEY, first.offset, b"all of it")
    assert (await log.trim(before=LATER)).records == 1
    later = ScopeKey("acme", "later")
    last = await log.append(later, [held(2)])
    await log.save_snapshot(later, last.offset, b"all of it")
    assert await log.trimmed_to(KEY) >= first.offset
    assert await log.trimmed_to(later) == 0
