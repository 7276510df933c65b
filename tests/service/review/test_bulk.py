"""Many items at once: counted first, atomic for each, resumable after whatever broke, and nobody swept along."""

import pytest

from firewall.core.events import BulkBegun, HeldExpired, Reviewed
from firewall.core.quarantine import MOST_CLOSED
from firewall.service.desk import UseCase
from firewall.service.review.bulk import AT_ONCE, BATCH, confirm_many, expire_many, release_many
from firewall.service.review.listing import listed
from tests.service.review.bureau import HOST, JUDGE, STRANGER, Bureau

INJECTED = {"reason": "injection", "findings": ["injection"]}


def named(count: int) -> list[str]:
    return [f"m{number}" for number in range(count)]


async def test_a_dry_run_counts_and_changes_nothing() -> None:
    """It says what `expected` has to be."""
    bureau = Bureau()
    await bureau.hold(*named(7))
    await bureau.hold("s", reasons=("secret:aws",))
    answer = await bureau.ask(release_many, {**INJECTED, "dry_run": True})
    assert (answer["matching"], answer["done"], answer["left"], answer["dry_run"]) == (7, 0, 0, True)
    assert bureau.events(Reviewed) == []


async def test_release_by_reason() -> None:
    """Every item with the finding is released from it, one event each; the others wait on."""
    bureau = Bureau()
    await bureau.hold(*named(BATCH + 3))
    await bureau.hold("s", reasons=("secret:aws",))
    body = {**INJECTED, "expected": BATCH + 3, "operation_id": "op", "note": "false alarm"}
    answer = await bureau.ask(release_many, body)
    assert (answer["done"], answer["left"]) == (BATCH + 3, 0)
    events = bureau.events(Reviewed)
    assert len(events) == len({event.memory_id for event in events}) == BATCH + 3
    assert {(event.reviewer, event.note, event.findings) for event in events} == {
        ("judge", "false alarm", ("injection",))
    }
    assert [item["memory_id"] for item in (await bureau.ask(listed))["items"]] == ["s"]


@pytest.mark.parametrize("expected", [0, 4, 6])
async def test_another_number_than_expected(expected: int) -> None:
    """Somebody's view was old: nothing is done."""
    bureau = Bureau()
    await bureau.hold(*named(5))
    body = {**INJECTED, "expected": expected, "operation_id": "op"}
    assert await bureau.refused(release_many, body) == (409, "count_changed")
    assert bureau.events(BulkBegun) == []


@pytest.mark.parametrize("breaks_after", [0, 1, 2, 3])
async def test_interrupted_anywhere_it_finishes_when_it_is_called_again(breaks_after: int) -> None:
    """The log goes away after some appends: 503, and the same call later leaves every item decided exactly once."""
    bureau = Bureau()
    count = 2 * BATCH + 10
    await bureau.hold(*named(count))
    body = {**INJECTED, "expected": count, "operation_id": "op"}
    bureau.log.appends_left = breaks_after
    assert await bureau.refused(release_many, body) == (503, "log_unavailable")
    bureau.log.appends_left = None
    answer = await bureau.ask(release_many, body)
    assert (answer["left"], answer["matching"]) == (0, 0)
    events = bureau.events(Reviewed)
    assert len(events) == len({event.memory_id for event in events}) == count
    again = await bureau.ask(release_many, body)
    assert (again["done"], again["left"]) == (0, 0)
    assert len(bureau.events(Reviewed)) == count


async def test_what_comes_in_the_meantime_is_not_swept_along() -> None:
    """An item that nobody counted waits on, although it fits the selection."""
    bureau = Bureau()
    await bureau.hold(*named(3))
    body = {**INJECTED, "expected": 3, "operation_id": "op"}
    bureau.log.appends_left = 1
    await bureau.refused(release_many, body)
    bureau.log.appends_left = None
    await bureau.hold("late")
    assert (await bureau.ask(release_many, body))["done"] == 3
    assert [item["memory_id"] for item in (await bureau.ask(listed))["items"]] == ["late"]


async def test_one_call_is_bounded() -> None:
    """It does so many at once and says how many are left; calling again goes on, and ids that left the memory are no 404."""
    bureau = Bureau()
    count = AT_ONCE + MOST_CLOSED + 100
    ids = await bureau.hold(*named(count), kept=False)
    body = {"ids": ids, "expected": count, "operation_id": "op"}
    first = await bureau.ask(confirm_many, body)
    assert (first["done"], first["left"]) == (AT_ONCE, count - AT_ONCE)
    done = first["done"]
    while (answer := await bureau.ask(confirm_many, body))["left"]:
        done += answer["done"]
    assert done + answer["done"] == count
    assert bureau.state.quarantine.waiting == 0
    assert len(bureau.state.held) == MOST_CLOSED
    assert len(bureau.state.reviews) == count


async def test_expired_texts_are_erased() -> None:
    """Nothing of the expired items is kept; where the store breaks in the middle, calling again finishes."""
    bureau = Bureau()
    await bureau.hold(*named(5))
    body = {"upstream": "mem0", "expected": 5, "operation_id": "op"}
    bureau.log.appends_left = 1
    await bureau.refused(expire_many, body)
    bureau.log.appends_left = None
    assert (await bureau.ask(expire_many, body))["left"] == 0
    assert bureau.texts.kept == {}
    assert len(bureau.events(HeldExpired)) == 5


async def test_a_release_that_ended_can_expire() -> None:
    """It waits again, so it belongs to what a bulk review takes out."""
    bureau = Bureau()
    await bureau.hold("m1")
    until = {**INJECTED, "until": bureau.now + 60, "expected": 1, "operation_id": "op1"}
    await bureau.ask(release_many, until)
    bureau.now += 61
    answer = await bureau.ask(expire_many, {"upstream": "mem0", "expected": 1, "operation_id": "op2"})
    assert (answer["done"], answer["left"]) == (1, 0)


async def test_ones_own_are_left_to_others() -> None:
    """What the reviewer's key wrote is counted apart and waits for somebody else."""
    bureau = Bureau()
    await bureau.hold("m1", "m2")
    await bureau.hold("mine", writer="judge")
    body = {**INJECTED, "expected": 2, "operation_id": "op"}
    answer = await bureau.ask(release_many, body)
    assert (answer["done"], answer["left"], answer["own"]) == (2, 0, 1)
    assert [item["memory_id"] for item in (await bureau.ask(listed))["items"]] == ["mine"]


async def test_held_writes_are_released_one_by_one() -> None:
    """A filter passes them by, their id is refused; confirming them in bulk is fine."""
    bureau = Bureau()
    write = await bureau.hold_write()
    body = {"findings": ["procedure_change"], "expected": 0, "operation_id": "op"}
    assert (await bureau.ask(release_many, {**body, "reason": "procedure_change"}))["done"] == 0
    assert await bureau.refused(release_many, {**body, "operation_id": "op2", "ids": [write]}) == (
        400,
        "invalid_request",
    )
    answer = await bureau.ask(confirm_many, {"ids": [write], "expected": 1, "operation_id": "op3"})
    assert answer["done"] == 1
    assert bureau.state.quarantine.writes[write].status == "confirmed"


@pytest.mark.parametrize("use_case", [release_many, confirm_many, expire_many])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": ["a"], "reason": "b", "expected": 1, "operation_id": "op"},
        {"reason": "b", "operation_id": "op"},
        {"reason": "b", "expected": 1},
        {"reason": "b", "expected": -1, "operation_id": "op"},
    ],
)
async def test_a_body_that_means_nothing_certain(use_case: UseCase, body: dict[str, object]) -> None:
    """Without a selection, a count or an operation id nothing is begun."""
    said = {**body, "findings": ["injection"]} if use_case is release_many else body
    assert await Bureau().refused(use_case, said) == (400, "invalid_request")


async def test_ids_that_there_are_not() -> None:
    """An unknown id, and one of another scope, is 404 before anything is done."""
    bureau = Bureau()
    ids = await bureau.hold("m1")
    body = {"ids": [*ids, "q_unknown"], "expected": 2, "operation_id": "op"}
    assert await bureau.refused(confirm_many, body) == (404, "quarantine_unknown")
    assert await bureau.refused(confirm_many, {**body, "ids": ids, "expected": 1}, STRANGER) == (
        404,
        "quarantine_unknown",
    )
    assert bureau.events(Reviewed) == []


async def test_who_may() -> None:
    """Reviewers and admins only, also for a dry run."""
    said = {**INJECTED, "dry_run": True}
    assert await Bureau().refused(release_many, said, HOST) == (403, "role_denied")


async def test_an_operation_id_means_one_body() -> None:
    """The id of a review with another selection, or another decision, is a conflict."""
    bureau = Bureau()
    await bureau.hold("m1")
    await bureau.hold("s1", reasons=("secret:aws",))
    body = {"reason": "injection", "expected": 1, "operation_id": "op"}
    await bureau.ask(confirm_many, body)
    for other in ({**body, "reason": "secret"}, {**body, "note": "x"}):
        assert await bureau.refused(confirm_many, other) == (409, "operation_conflict")
    assert await bureau.refused(expire_many, body) == (409, "operation_conflict")


async def test_others_are_served_between_two_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long review gives the loop away after each batch."""
    turns = 0

    async def turn(_seconds: float) -> None:
        nonlocal turns
        turns += 1

    monkeypatch.setattr("asyncio.sleep", turn)
    bureau = Bureau()
    await bureau.hold(*named(3 * BATCH), kept=False)
    body = {**INJECTED, "expected": 3 * BATCH, "operation_id": "op"}
    await bureau.ask(release_many, body, JUDGE)
    assert turns == 3
