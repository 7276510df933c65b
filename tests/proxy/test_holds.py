"""Holding a write: recorded before anybody hears of it, once for each request, bounded, and without anybody's key."""

import msgspec
import pytest

from firewall.core.events import WriteHeld
from firewall.core.model import Trust
from firewall.core.wire.values import Match, RouteClass, RouteSpec, WireRequest
from firewall.errors import CallerError, StateError, UpstreamError
from firewall.ports import Plan
from firewall.proxy import holds
from firewall.proxy.holds import Holds, principal_of, request_of
from firewall.service.principals import Principal, Role
from firewall.service.review.room import HeldRequest, ReviewSettings, decoded_request
from tests.service.review.bureau import KEY, Bureau

SOLO = Principal(
    name="solo", tenant="acme", scopes=("checkout",), role=Role.agent, pin={"mem0": {"user_id": "u1"}}
)
REQUEST = WireRequest(
    method="POST",
    path="/v1/memories/",
    query="a=1",
    headers=(
        ("Content-Type", "application/json"),
        ("Authorization", "Token client-key"),
        ("X-Api-Key", "client-key"),
        ("Cookie", "client-key"),
        ("Anything-Else", "client-key"),
    ),
    body=b'{"messages": "x"}',
)
SPEC = RouteSpec(name="v1.add", method="POST", pattern="/v1/memories/", route_class=RouteClass.gated_write)
PLAN = Plan(match=Match(spec=SPEC, path=REQUEST.path), request=REQUEST)


async def hold(bureau: Bureau, request: WireRequest = REQUEST, **settings: object) -> str:
    room = Holds(bureau.vault, bureau.log, msgspec.convert(settings, ReviewSettings))
    return await room.hold(
        request,
        PLAN,
        SOLO,
        ("secret:aws",),
        key=KEY,
        state=bureau.state,
        upstream="mem0",
        now=bureau.now,
    )


async def kept(bureau: Bureau, id_: str) -> HeldRequest:
    content = await bureau.vault.reveal(KEY, id_)
    assert content is not None
    return decoded_request(content)


async def test_what_is_kept_is_the_request_without_a_credential() -> None:
    """Method, path, body, content type and as whom it came; no header that may be a key."""
    bureau = Bureau()
    held = await kept(bureau, await hold(bureau))
    assert b"client-key" not in msgspec.json.encode(held)
    assert request_of(held) == msgspec.structs.replace(
        REQUEST, headers=(("content-type", "application/json"),)
    )
    again = principal_of(held, KEY, "mem0")
    assert (again.name, again.pin, again.role, again.max_trust) == (
        "solo",
        SOLO.pin,
        Role.agent,
        Trust.trusted,
    )
    (event,) = bureau.events(WriteHeld)
    assert (event.principal, event.reasons, event.route) == ("solo", ("secret:aws",), "v1.add")


async def test_an_unrecorded_hold_is_an_error() -> None:
    """The log away: 503. The store of texts away: 503 too, and the retry completes the same hold."""
    bureau = Bureau()
    bureau.log.appends_left = 0
    with pytest.raises(StateError):
        await hold(bureau)
    assert bureau.texts.kept == {}
    bureau.log.appends_left = None
    bureau.texts.away = True
    with pytest.raises(StateError):
        await hold(bureau)
    bureau.texts.away = False
    id_ = await hold(bureau)
    assert (await kept(bureau, id_)).body == REQUEST.body
    assert len(bureau.events(WriteHeld)) == 1


async def test_another_request_is_another_hold() -> None:
    """By its method, target and body."""
    bureau = Bureau()
    ids = {await hold(bureau), await hold(bureau)}
    for change in ({"body": b"{}"}, {"query": "a=2"}, {"method": "PUT"}):
        ids.add(await hold(bureau, msgspec.structs.replace(REQUEST, **change)))
    assert len(ids) == 4


async def test_holds_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many that wait are a 503, and one that is too large a 413; nothing is stored of either."""
    monkeypatch.setattr(holds, "MOST_HELD_WRITES", 1)
    bureau = Bureau()
    await hold(bureau)
    with pytest.raises(UpstreamError, match="wait for a reviewer"):
        await hold(bureau, msgspec.structs.replace(REQUEST, body=b"{}"))
    with pytest.raises(CallerError, match="too large"):
        await hold(bureau, max_write_bytes=10)
    assert len(bureau.events(WriteHeld)) == 1


async def test_a_target_that_cannot_be_kept() -> None:
    """What is not ASCII in a path is refused, not lost."""
    with pytest.raises(CallerError, match="ASCII"):
        await hold(Bureau(), msgspec.structs.replace(REQUEST, path="/v1/\udcff"))
