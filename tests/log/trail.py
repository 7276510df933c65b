"""Reading a log's audit trail in tests: what it holds, and whether the verifier finds it sound."""

from collections import defaultdict

from firewall.core.chain import NO_LINK, Head, Item, SealBody, Sealed, Stored, digest_of, link_of, seal_body
from firewall.core.fault import Report
from firewall.core.verify import Verifier
from firewall.keyring import signed_by
from firewall.ports import AuditTrail
from tests.log.keys import RING


async def seals_of(log: AuditTrail) -> list[Sealed]:
    return [sealed async for batch in log.seals() for sealed in batch]


async def bodies_of(log: AuditTrail) -> list[SealBody]:
    return [seal_body(sealed) for sealed in await seals_of(log)]


async def things_of(log: AuditTrail) -> list[Stored]:
    return [thing async for batch in log.stored() for thing in batch]


async def named_in(log: AuditTrail) -> list[Item]:
    return [item for body in await bodies_of(log) for item in body.items]


async def verified(log: AuditTrail) -> Report:
    """What the verifier says of the log as it stands."""
    verifier = Verifier(RING.public_keys(), signed_by=signed_by)
    verifier.feed(await seals_of(log))
    verifier.feed(await things_of(log))
    return verifier.finish()


async def check(log: AuditTrail) -> None:
    """Every stored thing is named by exactly one seal, as it is; each lane is without a gap; the verifier agrees."""
    named = await named_in(log)
    things = await things_of(log)
    assert len({(item.kind, item.id) for item in named}) == len(named)
    digests = {(item.kind, item.id): item.digest for item in named}
    stored: dict[tuple[str, str], bytes] = {}
    for thing in things:
        assert thing.body is not None
        digest = digest_of(thing.kind, thing.tenant, thing.scope, thing.id, thing.body)
        stored[thing.kind, thing.id] = digest
    assert stored == digests
    lanes: dict[str, list[Sealed]] = defaultdict(list)
    trimmed: dict[str, Head] = {}
    for sealed in await seals_of(log):
        body = seal_body(sealed)
        lanes[body.lane].append(sealed)
        for head in body.trimmed:
            trimmed[head.lane] = max(head, trimmed.get(head.lane, head), key=lambda one: one.seq)
    for lane, listed in lanes.items():
        seq, link = (trimmed[lane].seq, trimmed[lane].link) if lane in trimmed else (0, NO_LINK)
        for sealed in listed:
            body = seal_body(sealed)
            assert (body.seq, body.prev) == (seq + 1, link)
            seq, link = body.seq, link_of(sealed)
    report = await verified(log)
    assert report.found == 0, report.faults
