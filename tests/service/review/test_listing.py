"""Listing and showing: in order, by pages, within the scope, and the text for reviewers only."""

import pytest

from firewall.service.principals import Principal
from firewall.service.review.deciding import confirm, release
from firewall.service.review.listing import listed, shown
from tests.service.review.bureau import ADMIN, AGENT, HOST, JUDGE, STRANGER, Bureau


async def test_pages_hold_every_item_once_and_in_order() -> None:
    """Texts and writes come in the order in which they were held, however they are cut into pages."""
    bureau = Bureau()
    want = await bureau.hold("m1", "m2")
    want.append(await bureau.hold_write())
    want += await bureau.hold("m3", "m4")
    got: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await bureau.ask(listed, limit="2", **cursor)
        got += [item["id"] for item in page["items"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert got == want
    assert page["open"] == {"operational": 0, "person": 5}


async def test_a_page_goes_on_where_it_was_although_the_queue_moves() -> None:
    """What is decided or comes between two pages makes none of the others come twice or never."""
    bureau = Bureau()
    ids = await bureau.hold(*(f"m{number}" for number in range(6)))
    first = await bureau.ask(listed, limit="3")
    await bureau.ask(confirm, {}, id=ids[0])
    await bureau.hold("late")
    second = await bureau.ask(listed, limit="3", cursor=first["cursor"])
    assert [item["memory_id"] for item in second["items"]] == ["m3", "m4", "m5"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"reason": "secret"}, ["s1"]),
        ({"reason": "secret:aws"}, ["s1"]),
        ({"reason": "secret:gcp"}, []),
        ({"upstream": "zep"}, ["z1"]),
        ({"tier": "operational"}, ["o1"]),
        ({"tier": "person", "upstream": "mem0"}, ["m1", "s1", None]),
        ({"status": "released"}, []),
        ({"kind": "write"}, [None]),
        ({"status": "all", "kind": "text"}, ["m1", "s1", "z1", "o1"]),
    ],
)
async def test_what_is_asked_for(query: dict[str, str], names: list[str | None]) -> None:
    """Each filter leaves just what fits it."""
    bureau = Bureau()
    await bureau.hold("m1")
    await bureau.hold("s1", reasons=("secret:aws",))
    await bureau.hold("z1", upstream="zep")
    await bureau.hold("o1", reasons=("too_old:fact",), upstream="notes")
    await bureau.hold_write()
    page = await bureau.ask(listed, **query)
    assert [item.get("memory_id") for item in page["items"]] == names


@pytest.mark.parametrize(
    "query",
    [
        {"status": "what"},
        {"limit": "0"},
        {"limit": "1001"},
        {"tier": "x"},
        {"colour": "red"},
        {"kind": "thing"},
    ],
)
async def test_a_question_that_there_is_not(query: dict[str, str]) -> None:
    """An unknown word, filter or size is 400."""
    assert await Bureau().refused(listed, **query) == (400, "invalid_request")


async def test_a_cursor_is_of_one_listing_of_one_scope() -> None:
    """A cursor of other filters, of another scope, a forged one and plain numbers are all 400."""
    bureau = Bureau()
    await bureau.hold("m1", "m2", "m3")
    cursor = (await bureau.ask(listed, limit="1"))["cursor"]
    assert await bureau.refused(listed, limit="1", status="all", cursor=cursor) == (400, "invalid_cursor")
    assert await bureau.refused(listed, None, STRANGER, limit="1", cursor=cursor) == (400, "invalid_cursor")
    flipped = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    for forged in ("1", "AAAA", flipped, "é", "=" * 400):
        assert await bureau.refused(listed, limit="1", cursor=forged) == (400, "invalid_cursor")


async def test_who_sees_what() -> None:
    """Reviewers and admins see text and writer; a host sees facts; an agent sees an item whose id it knows, and no list."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1", writer="mallory")
    for principal in (JUDGE, ADMIN):
        seen = await bureau.ask(shown, None, principal, id=id_)
        assert seen["text"]["text"] == "hostile m1"
        assert seen["item"]["writer"] == "mallory"
    for principal in (HOST, AGENT):
        seen = await bureau.ask(shown, None, principal, id=id_)
        assert seen["text"] is None
        assert "writer" not in seen["item"]
        assert "hostile" not in str(seen)
    assert len((await bureau.ask(listed, None, HOST))["items"]) == 1
    assert await bureau.refused(listed, None, AGENT) == (403, "role_denied")


@pytest.mark.parametrize("principal", [STRANGER, AGENT, JUDGE])
async def test_what_is_not_there(principal: Principal) -> None:
    """An id that there is not, and one of another scope, are the same 404."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    asked = id_ if principal is STRANGER else "q_unknown"
    assert await bureau.refused(shown, None, principal, id=asked) == (404, "quarantine_unknown")


async def test_a_held_write_is_its_writers_and_the_reviewers() -> None:
    """Its writer sees that it is held; another agent does not know it; a reviewer sees the request."""
    bureau = Bureau()
    id_ = await bureau.hold_write(writer="solo")
    assert (await bureau.ask(shown, None, AGENT, id=id_))["item"]["status"] == "held"
    assert await bureau.refused(shown, None, HOST, id=id_) == (404, "quarantine_unknown")
    assert (await bureau.ask(listed, None, HOST))["items"] == []
    seen = await bureau.ask(shown, None, JUDGE, id=id_)
    assert seen["request"] == {
        "method": "POST",
        "path": "/v1/memories/",
        "query": "",
        "body": "w",
        "pin": {"user_id": "u1"},
    }


async def test_a_text_that_was_not_kept_or_cannot_be_read() -> None:
    """Without a text there is none to show; one that was changed or moved in the store is a 503, never shown."""
    bureau = Bureau()
    bare, first, second = (await bureau.hold("m0", kept=False)) + await bureau.hold("m1", "m2")
    assert (await bureau.ask(shown, id=bare))["text"] is None
    kept = bureau.texts.kept
    one, two = (next(place for place in kept if place[1] == id_) for id_ in (first, second))
    kept[one], kept[two] = kept[two], kept[one]
    assert await bureau.refused(shown, id=first) == (503, "text_unreadable")


async def test_a_release_that_ended_waits_again() -> None:
    """Until its end a released text is released; after it the same item is open again."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    body = {"findings": ["injection"], "until": bureau.now + 60}
    await bureau.ask(release, body, id=id_)
    assert (await bureau.ask(listed))["items"] == []
    bureau.now += 61
    assert [item["status"] for item in (await bureau.ask(listed))["items"]] == ["held"]
