"""One reviewer's decisions: who may, on what, bound to the text, recorded with who, when and why."""

import msgspec
import pytest

from firewall.core.events import HeldExpired, Reviewed, WriteMoved
from firewall.service.desk import UseCase
from firewall.service.principals import LOCAL, Principal
from firewall.service.review.deciding import confirm, expire, release
from firewall.service.review.listing import listed, shown
from tests.service.review.bureau import ADMIN, AGENT, HOST, JUDGE, KEY, STRANGER, Bureau

RELEASE = {"findings": ["injection"], "note": "quoted in a report"}


async def test_a_release_says_who_when_why_and_what() -> None:
    """The event names the findings and the exact text; the item shows the decision and does not wait any more."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    answer = await bureau.ask(release, RELEASE, id=id_)
    assert (answer["status"], answer["findings"]) == ("released", ["injection"])
    (event,) = bureau.events(Reviewed)
    assert (event.reviewer, event.at, event.note) == ("judge", bureau.now, "quoted in a report")
    assert (event.decision, event.findings, event.memory_id) == ("release", ("injection",), "m1")
    row = (await bureau.ask(shown, id=id_))["item"]
    assert row["status"] == "released"
    assert row["decision"]["by"] == "judge"
    assert (await bureau.ask(listed))["items"] == []


@pytest.mark.parametrize("use_case", [release, confirm, expire])
@pytest.mark.parametrize("principal", [HOST, AGENT, LOCAL])
async def test_only_reviewers_decide(use_case: UseCase, principal: Principal) -> None:
    """A host, an agent and the keyless set-up decide nothing."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    said = {"tenant_id": KEY.tenant, "scope": KEY.scope, **(RELEASE if use_case is release else {})}
    assert await bureau.refused(use_case, said, principal, id=id_) == (403, "role_denied")
    assert bureau.events(Reviewed) == []


@pytest.mark.parametrize("use_case", [release, confirm, expire])
async def test_an_item_of_another_scope_is_none(use_case: UseCase) -> None:
    """A reviewer of another tenant gets the 404 of an id that there is not; naming the tenant is 403."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    said: dict[str, object] = dict(RELEASE) if use_case is release else {}
    assert await bureau.refused(use_case, said, STRANGER, id=id_) == (404, "quarantine_unknown")
    said["tenant_id"] = KEY.tenant
    assert await bureau.refused(use_case, said, STRANGER, id=id_) == (403, "scope_denied")


async def test_four_eyes() -> None:
    """Nobody releases what the same key wrote, not even an admin; somebody else may; withholding one's own is free."""
    bureau = Bureau()
    mine, other = await bureau.hold("m1", "m2", writer="judge")
    write = await bureau.hold_write(writer="judge")
    for id_, body in ((mine, RELEASE), (write, {})):
        assert await bureau.refused(release, body, id=id_) == (403, "own_write")
    await bureau.ask(release, RELEASE, ADMIN, id=mine)
    await bureau.ask(confirm, {}, id=other)


async def test_four_eyes_are_of_two_agents() -> None:
    """A second key of the same agent releases as little as the one that wrote."""
    bureau = Bureau()
    second = msgspec.structs.replace(JUDGE, name="judge-2", also=frozenset({"judge"}))
    (text,) = await bureau.hold("m1", writer="judge")
    write = await bureau.hold_write(writer="judge")
    for id_, body in ((text, RELEASE), (write, {})):
        assert await bureau.refused(release, body, second, id=id_) == (403, "own_write")


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], "invalid_request"),
        (["secret"], "invalid_request"),
        (["injection:other"], "invalid_request"),
        (["injection", "markup"], "invalid_request"),
        (["forged"], "finding_not_releasable"),
        (["scope_mismatch"], "finding_not_releasable"),
        (["injection", "forged"], "finding_not_releasable"),
        (["adjudication_error"], "finding_not_releasable"),
    ],
)
async def test_findings_that_cannot_be_released(findings: list[str], code: str) -> None:
    """Only what the item has, and never whose it is or that its stamp is false; nothing is stored."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1", reasons=("injection:override", "forged"))
    assert await bureau.refused(release, {"findings": findings}, id=id_) == (400, code)
    assert bureau.events(Reviewed) == []


async def test_a_digest_that_is_meant() -> None:
    """A reviewer who names the text that was looked at decides on no other."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    assert await bureau.refused(confirm, {"digest": "0" * 32}, id=id_) == (409, "digest_changed")
    digest = (await bureau.ask(shown, id=id_))["item"]["digest"]
    await bureau.ask(confirm, {"digest": digest}, id=id_)


@pytest.mark.parametrize("until", [0.0, 1.0])
async def test_a_release_ends_in_the_future(until: float) -> None:
    """An end that is past is refused."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    assert await bureau.refused(release, {**RELEASE, "until": until}, id=id_) == (400, "invalid_request")


async def test_a_repeated_operation_is_one_decision() -> None:
    """The same operation id on the same item is answered from the log; with another body it is a conflict."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    body = {**RELEASE, "operation_id": "op-1"}
    first = await bureau.reply(release, body, id=id_)
    again = await bureau.reply(release, body, id=id_)
    assert (again.body, again.replayed) == (first.body, True)
    assert len(bureau.events(Reviewed)) == 1
    assert await bureau.refused(release, {**body, "note": "x"}, id=id_) == (409, "operation_conflict")


async def test_expired_is_no_decision() -> None:
    """The item leaves the queue, its text is erased, and another sighting holds it again."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    await bureau.ask(expire, {"note": "seen"}, id=id_)
    assert bureau.texts.kept == {}
    (event,) = bureau.events(HeldExpired)
    assert (event.reviewer, event.note) == ("judge", "seen")
    bureau.now += 1
    assert await bureau.hold("m1") == [id_]
    row = (await bureau.ask(shown, id=id_))["item"]
    assert (row["status"], row["count"]) == ("held", 2)


async def test_expiring_again_finishes_what_broke() -> None:
    """The store was away when the text should go: saying it again erases it, and stores nothing twice."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    bureau.texts.away = True
    assert await bureau.refused(expire, {}, id=id_) == (503, "log_unavailable")
    bureau.texts.away = False
    await bureau.ask(expire, {}, id=id_)
    assert bureau.texts.kept == {}
    assert len(bureau.events(HeldExpired)) == 1


async def test_what_was_settled_does_not_expire() -> None:
    """A released or confirmed text was decided; a confirmed write too."""
    bureau = Bureau()
    first, second = await bureau.hold("m1", "m2")
    await bureau.ask(release, RELEASE, id=first)
    await bureau.ask(confirm, {}, id=second)
    for id_ in (first, second):
        assert await bureau.refused(expire, {}, id=id_) == (409, "item_settled")
    write = await bureau.hold_write()
    await bureau.ask(confirm, {}, id=write)
    assert await bureau.refused(expire, {}, id=write) == (409, "item_settled")
    assert [event.to for event in bureau.events(WriteMoved)] == ["confirmed"]
    await bureau.ask(confirm, {}, JUDGE, id=write)
    assert len(bureau.events(WriteMoved)) == 1


async def test_without_a_reason_or_note() -> None:
    """Confirming needs no body at all; what is no JSON is 400."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    assert (await bureau.ask(confirm, id=id_))["status"] == "confirmed"
    assert await bureau.refused(confirm, {"colour": "red"}, id=id_) == (400, "invalid_request")
