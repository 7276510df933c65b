"""A held write that is released goes upstream once; where nobody knows whether it did, only `force` sends it again."""

import asyncio

from firewall.core.events import ScopeKey, WriteMoved
from firewall.errors import CallerError, UpstreamError
from firewall.ports import Appended
from firewall.service.review.deciding import confirm, release
from firewall.service.review.listing import shown
from firewall.service.review.room import HeldRequest
from tests.service.review.bureau import ADMIN, KEY, Bureau, Upstream

LATE = UpstreamError(504, "upstream_late", "too late")


def moves(bureau: Bureau) -> list[tuple[str, int]]:
    return [(event.to, event.answered) for event in bureau.events(WriteMoved)]


async def test_sent_as_it_came_and_recorded_before_and_after() -> None:
    """The request goes as its principal's, with its pin; who released it is recorded; what was kept is erased."""
    bureau = Bureau(upstream=Upstream([200]))
    id_ = await bureau.hold_write("buy", writer="solo")
    answer = await bureau.ask(release, {"note": "checked by phone"}, id=id_)
    assert (answer["status"], answer["upstream_status"], answer["request_erased"]) == ("sent", 200, True)
    (sent,) = bureau.upstream.sent
    assert (sent.principal, sent.body, sent.pin) == ("solo", b"buy", {"user_id": "u1"})
    assert moves(bureau) == [("releasing", 0), ("sent", 200)]
    assert {(event.reviewer, event.note) for event in bureau.events(WriteMoved)} == {
        ("judge", "checked by phone")
    }
    assert bureau.texts.kept == {}
    assert await bureau.refused(release, {}, id=id_) == (409, "item_settled")
    assert len(bureau.upstream.sent) == 1


async def test_what_the_upstream_refuses_can_be_tried_again() -> None:
    """A definite refusal is `failed` with its status; another release tries once more."""
    bureau = Bureau(upstream=Upstream([422, 201]))
    id_ = await bureau.hold_write()
    assert (await bureau.ask(release, {}, id=id_))["status"] == "failed"
    row = (await bureau.ask(shown, id=id_))["item"]
    assert (row["status"], row["attempts"], row["upstream_status"]) == ("failed", 1, 422)
    assert (await bureau.ask(release, {}, id=id_))["status"] == "sent"
    assert moves(bureau) == [("releasing", 0), ("failed", 422), ("releasing", 0), ("sent", 201)]


async def test_an_unknown_outcome_waits_for_force() -> None:
    """After a timeout nobody knows: the write stays `releasing`, is not sent again by itself, and is with `force`."""
    bureau = Bureau(upstream=Upstream([LATE, 200]))
    id_ = await bureau.hold_write()
    assert await bureau.refused(release, {}, id=id_) == (504, "upstream_late")
    assert await bureau.refused(release, {}, id=id_) == (409, "release_pending")
    assert len(bureau.upstream.sent) == 1
    assert (await bureau.ask(release, {"force": True}, id=id_))["status"] == "sent"


async def test_a_crash_in_between_leaves_a_sign() -> None:
    """The log is away when the outcome should be recorded: 503, the write says `releasing`, and nothing is sent twice."""
    bureau = Bureau(upstream=Upstream([200]))
    id_ = await bureau.hold_write()
    bureau.log.appends_left = 1
    assert await bureau.refused(release, {}, id=id_) == (503, "log_unavailable")
    bureau.log.appends_left = None
    assert (await bureau.ask(shown, id=id_))["item"]["status"] == "releasing"
    assert await bureau.refused(release, {}, id=id_) == (409, "release_pending")
    assert len(bureau.upstream.sent) == 1


async def test_nothing_is_sent_that_could_not_be_recorded() -> None:
    """The log is away from the beginning: 503, and the upstream has seen nothing."""
    bureau = Bureau(upstream=Upstream([200]))
    id_ = await bureau.hold_write()
    bureau.log.appends_left = 0
    assert await bureau.refused(release, {}, id=id_) == (503, "log_unavailable")
    assert bureau.upstream.sent == []


async def test_two_reviewers_at_once_send_once() -> None:
    """While one release is on its way another is refused, and so is one whose process has not heard of the first."""

    class Slow(Upstream):
        async def send(self, key: ScopeKey, held: HeldRequest) -> int:
            await asyncio.sleep(0)
            return await super().send(key, held)

    bureau = Bureau(upstream=Slow([200]))
    id_ = await bureau.hold_write()
    first, second = await asyncio.gather(
        bureau.ask(release, {}, id=id_), bureau.refused(release, {}, ADMIN, id=id_)
    )
    assert (first["status"], second) == ("sent", (409, "release_pending"))
    other = await bureau.hold_write("elsewhere")
    attempt = f"quarantine/send\x1f{other}\x1f{bureau.state.quarantine.writes[other].seq}\x1f0"
    bureau.log.operations[KEY, attempt] = "theirs", Appended(1)
    assert await bureau.refused(release, {}, id=other) == (409, "release_pending")
    assert len(bureau.upstream.sent) == 1


async def test_it_needs_a_credential_of_our_own() -> None:
    """Where the client's key went through there is none to send with; nothing is recorded."""
    bureau = Bureau(upstream=Upstream([200], injects=False))
    id_ = await bureau.hold_write()
    assert await bureau.refused(release, {}, id=id_) == (409, "release_needs_inject")
    assert moves(bureau) == []


async def test_a_request_that_is_not_kept() -> None:
    """Erased, or never kept: 409, and the write can still be confirmed."""
    bureau = Bureau(upstream=Upstream([200]))
    id_ = await bureau.hold_write(kept=False)
    assert await bureau.refused(release, {}, id=id_) == (409, "request_not_kept")
    await bureau.ask(confirm, {}, id=id_)


async def test_a_write_that_may_not_be_sent_any_more() -> None:
    """Its plan is refused before anything is sent: `failed`, and the reviewer is told why."""
    bureau = Bureau(upstream=Upstream([CallerError(403, "scope_denied", "not yours")]))
    id_ = await bureau.hold_write()
    assert await bureau.refused(release, {}, id=id_) == (403, "scope_denied")
    assert moves(bureau) == [("releasing", 0), ("failed", 0)]


async def test_a_request_that_could_not_be_erased_is_said() -> None:
    """The write was sent, and the store went away: the answer says so instead of failing."""

    class Leaving(Upstream):
        async def send(self, key: ScopeKey, held: HeldRequest) -> int:
            bureau.texts.away = True
            return await super().send(key, held)

    bureau = Bureau(upstream=Leaving([200]))
    id_ = await bureau.hold_write()
    answer = await bureau.ask(release, {}, id=id_)
    assert (answer["status"], answer["request_erased"]) == ("sent", False)


async def test_a_write_has_no_findings_to_choose() -> None:
    """It is sent as a whole or not at all."""
    bureau = Bureau()
    id_ = await bureau.hold_write()
    assert await bureau.refused(release, {"findings": ["procedure_change"]}, id=id_) == (
        400,
        "invalid_request",
    )
