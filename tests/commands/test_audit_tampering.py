"""T1 to T9: what somebody does to a log at rest is found and named, in the store itself and in an export of it.

The guards: what nobody touched verifies; each edit is shown to have changed what it meant to; and a finding is exit code 1
with a report, never a crash. The first three are the fixture's: `case`.
"""

import asyncio
from pathlib import Path

import pytest

from firewall.cli import main
from firewall.core.chain import seal_body
from firewall.keyfile import ring_beside
from firewall.keyring import KeyRing
from firewall.log.sqlite import SqliteLog
from tests.commands.at_rest import FOREIGN, MIDDLE, Case, replaced
from tests.log.samples import KEY, held


@pytest.mark.parametrize("kind", ["evidence", "receipt"])
def test_t1_content_changed(case: Case, kind: str) -> None:
    """One byte of one record or receipt."""
    target = [thing for thing in case.at_rest.things() if thing.kind == kind][MIDDLE]
    assert target.body
    case.at_rest.change(target, changed := replaced(target, body=target.body[:-1] + b"\x00"))
    assert changed in case.at_rest.things()
    assert target not in case.at_rest.things()
    said = case.verify()
    assert said.first == ("changed", target.id)
    assert len(said.faults) == 1
    assert said.faults[0]["offset"] == target.offset


def test_t2_tail_cut(case: Case) -> None:
    """The newest seals of a lane and what they name: sound as far as it goes, and found against the anchor."""
    lane = seal_body(case.seal_of(case.evidence()[-1])).lane
    before = len(case.at_rest.seals())
    left = case.cut(lane, 2)
    assert len(case.at_rest.seals()) <= before - 2
    said = case.verify()
    assert said.sound
    assert "sound as far as it goes" in str(said.report["notes"])
    said = case.verify(anchored=True)
    assert ("lane_cut", (lane, left)) in said.found()
    newest = [thing for thing in case.evidence() if seal_body(case.seal_of(thing)).lane == lane][-1]
    assert said.proven()[lane] == (left, newest.offset)


def test_t2_a_tail_cut_behind_a_checkpoint(case: Case) -> None:
    """Where a later checkpoint of any lane is left the cut is found without an anchor."""
    target = case.evidence()[-1]
    newest = max(
        (
            seal
            for seal in case.at_rest.seals()
            if seal_body(seal).lane == seal_body(case.seal_of(target)).lane
        ),
        key=lambda seal: seal_body(seal).seq,
    )
    case.at_rest.remove_seal(newest)
    said = case.verify()
    body = seal_body(newest)
    assert ("lane_cut", (body.lane, body.seq - 1)) in said.found()


def test_t3_record_removed_from_the_middle(case: Case) -> None:
    """Without its seal; its seal is what names it."""
    target = case.middle()
    case.at_rest.remove(target)
    assert target not in case.at_rest.things()
    assert case.verify().first == ("missing", target.id)


def test_t3_seal_removed_with_its_records(case: Case) -> None:
    """A number is missing in the lane."""
    seal = case.seal_of(case.middle())
    names = {item.id for item in seal_body(seal).items}
    case.at_rest.remove_seal(seal)
    for thing in [thing for thing in case.at_rest.things() if thing.id in names]:
        case.at_rest.remove(thing)
    assert not names & {thing.id for thing in case.at_rest.things()}
    said = case.verify()
    assert said.first == ("seal_missing", (seal_body(seal).lane, seal_body(seal).seq))
    assert {code for code, _ in said.found()} <= {"seal_missing", "order_differs"}


def test_t3_only_the_seal_removed(case: Case) -> None:
    """The seal is missing first, then nobody names its records."""
    if not case.at_rest.apart:
        pytest.skip("here a seal goes with its records")
    seal = case.seal_of(case.middle())
    case.at_rest.remove_seal(seal)
    assert seal not in case.at_rest.seals()
    said = case.verify()
    assert said.first == ("seal_missing", (seal_body(seal).lane, seal_body(seal).seq))
    assert {fault["id"] for fault in said.faults[1:]} == {item.id for item in seal_body(seal).items}
    assert {fault["code"] for fault in said.faults[1:]} == {"not_sealed"}


def test_t4_contents_exchanged(case: Case) -> None:
    """Two records of one scope have each other's bytes."""
    one, other = case.pair()
    case.at_rest.change(one, crossed := replaced(one, body=other.body))
    case.at_rest.change(other, replaced(other, body=one.body))
    assert crossed in case.evidence()
    assert other not in case.evidence()
    assert case.verify().found() == [("changed", one.id), ("changed", other.id)]


def test_t4_places_exchanged(case: Case) -> None:
    """Two records have each other's offsets: the order is sealed too."""
    one, other = case.pair()
    if case.at_rest.apart:
        aside = replaced(one, offset=10_000)
        for old, new in (
            (one, aside),
            (other, replaced(other, offset=one.offset)),
            (aside, replaced(one, offset=other.offset)),
        ):
            case.at_rest.change(old, new)
    else:
        case.at_rest.change(one, replaced(other, id="aside"))
        case.at_rest.change(other, one)
        case.at_rest.change(replaced(other, id="aside"), other)
    offsets = {thing.id: thing.offset for thing in case.evidence()}
    assert (offsets[one.id], offsets[other.id]) == (other.offset, one.offset)
    said = case.verify()
    assert {code for code, _ in said.found()} == {"moved"}
    assert said.found()[-1] == ("moved", other.id)


def test_t5_forged_record(case: Case) -> None:
    """A record that nobody sealed."""
    last = case.evidence()[-1]
    forged = replaced(last, id="forged", offset=last.offset + 1)
    case.at_rest.add(forged)
    assert forged in case.at_rest.things()
    found = case.verify().found()
    assert found[-1] == ("not_sealed", "forged")
    assert len(found) == 1 or not case.at_rest.apart  # there its entry's seal is none


@pytest.mark.parametrize("whole", [True, False])
def test_t6_a_record_of_another_owner_in_a_slot(case: Case, whole: bool) -> None:
    """A foreign tenant's genuine content under our name, or its whole record in the place of ours."""
    ours = next(thing for thing in case.evidence()[1:] if thing.tenant == KEY.tenant)
    foreign = next(thing for thing in case.evidence() if thing.tenant == FOREIGN.tenant)
    if whole:
        case.at_rest.remove(foreign)
        case.at_rest.change(ours, placed := replaced(foreign, offset=ours.offset))
    else:
        case.at_rest.change(ours, placed := replaced(ours, body=foreign.body))
    assert placed in case.at_rest.things()
    found = case.verify().found()
    assert (("missing" if whole else "changed"), ours.id) in found
    if whole and case.at_rest.apart:
        assert ("moved", foreign.id) in found
    assert {name for _, name in found} <= {ours.id, foreign.id}


def test_t7_an_older_record_over_the_newest(case: Case) -> None:
    """Its content is genuine, and older than the place where it stands."""
    newest = case.evidence()[-1]
    older = next(
        thing for thing in case.evidence() if (thing.tenant, thing.scope) == (newest.tenant, newest.scope)
    )
    case.at_rest.change(newest, placed := replaced(newest, body=older.body))
    assert case.evidence()[-1] == placed != newest
    assert case.verify().found() == [("changed", newest.id)]


@pytest.mark.parametrize(
    ("kind", "field"),
    [("evidence", "offset"), *((k, f) for k in ("evidence", "receipt") for f in ("tenant", "scope", "id"))],
)
def test_t8_metadata_edited(case: Case, kind: str, field: str) -> None:
    """Whose it is, what it is called and where it stands; the content is untouched."""
    target = [thing for thing in case.at_rest.things() if thing.kind == kind][MIDDLE]
    if field == "offset" and not case.at_rest.apart:
        pytest.skip("here an offset is a place, as in T4")
    edited = replaced(target, **{field: 9_999 if field == "offset" else "edited"})
    case.at_rest.change(target, edited)
    assert edited in case.at_rest.things()
    assert edited.body == target.body
    said = case.verify()
    expected = ("missing", target.id) if field == "id" else ("moved", target.id)
    assert said.first == expected
    if field == "id":
        assert said.faults[1]["id"] == "edited"


def test_t9_rolled_back(case: Case) -> None:
    """An older copy of everything is sound in itself; the anchor knows more, and says how far each lane is proven."""
    before = len(case.at_rest.seals())
    case.at_rest.roll_back(case.earlier)
    assert len(case.at_rest.seals()) < before
    said = case.verify()
    assert said.sound
    assert "sound as far as it goes" in str(said.report["notes"])
    said = case.verify(anchored=True)
    earlier = {seal_body(seal).lane for seal in case.at_rest.seals()}
    gone = {str(fault["lane"]) for fault in said.faults if fault["code"] == "lane_missing"}
    assert len(gone) >= 3  # the second writer's, and the anchor's
    assert not gone & earlier
    assert {fault["code"] for fault in said.faults} <= {"lane_missing", "order_differs"}
    # What the first writer stored is proven to its end.
    proven = said.proven()
    assert {lane for lane, (seq, _) in proven.items() if seq == 0} == gone
    assert max(offset for _, offset in proven.values()) == max(thing.offset for thing in case.evidence())


def test_the_key_is_not_the_attackers(case: Case, tmp_path: Path) -> None:
    """A log that somebody wrote with a key of his own is sound under that key, and under no other."""
    url = f"sqlite:///{tmp_path}/own.db"

    async def write() -> KeyRing:
        ring = ring_beside(url, 1.0)
        log = await SqliteLog.open(url, signer=ring.signer())
        await log.append(KEY, [held(1)])
        await log.close()
        return ring

    ring = asyncio.run(write())
    assert main(["audit", "verify", "--state", url]) == 0
    assert main(["audit", "verify", "--state", url, "--keys", str(case.ring)]) == 1
    said = case.capsys.readouterr().out
    assert f"key {ring.current}, which is not among the trusted ones" in said
