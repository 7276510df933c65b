"""T1 to T9 on the seals themselves: forged, edited, replayed, chained anew."""

import msgspec
import pytest

from firewall.core.chain import Item, Lane, Sealed, digest_of, link_of, seal_body
from firewall.keyring import Signer
from tests.commands.at_rest import Case, replaced


@pytest.mark.parametrize(("known", "code"), [(True, "forged"), (False, "key_unknown")])
def test_t5_forged_record_with_a_seal(case: Case, known: bool, code: str) -> None:
    """Sealed in the next place of a lane, under the real key's id or one of its own."""
    last = case.evidence()[-1]
    forged = replaced(last, id="forged", offset=last.offset + 1)
    assert forged.body is not None
    newest = case.newest_seal(last)
    head = seal_body(newest)
    signer = Signer(head.key_id if known else "own", bytes(32))
    digest = digest_of("evidence", forged.tenant, forged.scope, forged.id, forged.body)
    item = Item("evidence", forged.tenant, forged.scope, forged.id, forged.offset, digest)
    lane = Lane(head.lane, signer, seq=head.seq, link=link_of(newest))
    case.at_rest.add(forged)
    case.at_rest.add_seal(lane.seal([item], at=head.at))
    assert seal_body(case.newest_seal(last)).items == (item,)
    assert case.verify().found() == [(code, (head.lane, head.seq + 1))]


def test_t7_an_older_seal_over_the_newest(case: Case) -> None:
    """A genuine seal in the place of a later one."""
    newest = case.newest_seal(case.evidence()[-1])
    lane = seal_body(newest).lane
    older = next(seal for seal in case.at_rest.seals() if seal_body(seal).lane == lane)
    case.at_rest.change_seal(newest, older)
    assert case.at_rest.seals().count(older) == 2
    said = case.verify()
    assert ("seal_twice", (lane, seal_body(older).seq)) in said.found()


@pytest.mark.parametrize("place", ["first", "middle", "newest"])
def test_t8_a_seal_edited(case: Case, place: str) -> None:
    """What a seal says of its record is made to fit a changed record: the seal itself tells."""
    lane = seal_body(case.seal_of(case.evidence()[-1])).lane
    seals = [seal for seal in case.at_rest.seals() if seal_body(seal).lane == lane and seal_body(seal).items]
    seal = {"first": seals[0], "middle": seals[len(seals) // 2], "newest": seals[-1]}[place]
    body = seal_body(seal)
    (target, *_) = [thing for thing in case.evidence() if thing.id == body.items[0].id]
    changed = replaced(target, body=b"changed")
    digest = digest_of("evidence", target.tenant, target.scope, target.id, b"changed")
    item = msgspec.structs.replace(body.items[0], digest=digest)
    edited = Sealed(
        msgspec.msgpack.encode(msgspec.structs.replace(body, items=(item, *body.items[1:]))), seal.signature
    )
    case.at_rest.change(target, changed)
    case.at_rest.change_seal(seal, edited)
    assert edited in case.at_rest.seals()
    said = case.verify()
    assert said.first == ("forged", (lane, body.seq))
    assert "changed" not in {fault["code"] for fault in said.faults}


def test_t8_a_lane_chained_anew(case: Case) -> None:
    """From an edited seal on every link is made right again: the first one that the key did not sign is named."""
    lane = seal_body(case.seal_of(case.evidence()[-1])).lane
    seals = [seal for seal in case.at_rest.seals() if seal_body(seal).lane == lane]
    start = len(seals) // 2
    link = link_of(seals[start - 1])
    for seal in seals[start:]:
        body = msgspec.structs.replace(seal_body(seal), prev=link, dropped=seal_body(seal).dropped + 1)
        edited = Sealed(msgspec.msgpack.encode(body), seal.signature)
        case.at_rest.change_seal(seal, edited)
        link = link_of(edited)
    said = case.verify()
    assert said.first == ("forged", (lane, start + 1))
