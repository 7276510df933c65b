"""Erasing: by item, text or memory; the text first, then the tombstone; nothing of it is left, in the store or in memory."""

import gc
from pathlib import Path

import pytest

from firewall.core.erasing import TEXT_MEMOS, forget_texts
from firewall.core.events import Erased, text_digest
from firewall.core.memo import Memo
from firewall.core.model import Candidate
from firewall.core.signals.scan import seen_in
from firewall.log.sqlite import SqliteLog
from firewall.service.review.buffer import QuarantineBuffer
from firewall.service.review.deciding import confirm, release
from firewall.service.review.erasing import erase
from firewall.service.review.listing import shown
from firewall.service.review.vault import HeldText, Vault, encoded
from tests.log.keys import SIGNER
from tests.service.noting import INJECTED, verdict
from tests.service.review.bureau import ADMIN, HOST, JUDGE, KEY, RING, STRANGER, Bureau

SECRET = "the launch code is 8841-PLUM"
WHY = {"why": "asked for by its subject"}


async def test_by_id() -> None:
    """The text is gone, the item says erased, and the tombstone who and why, with the digest alone."""
    bureau = Bureau()
    first, second = await bureau.hold("m1", "m2")
    answer = await bureau.ask(erase, {**WHY, "quarantine_id": first}, ADMIN)
    assert (answer["ids"], answer["texts"]) == ([first], 1)
    assert [id_ for _, id_ in bureau.texts.kept] == [second]
    (event,) = bureau.events(Erased)
    assert (event.by, event.why, event.ids) == ("root", "asked for by its subject", (first,))
    assert event.digests == (text_digest("hostile m1"),)
    seen = await bureau.ask(shown, id=first)
    assert (seen["item"]["status"], seen["text"]) == ("erased", None)
    for use_case, body in ((release, {"findings": ["injection"]}), (confirm, {})):
        assert await bureau.refused(use_case, body, id=first) == (409, "item_erased")


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        ({"digest": text_digest("hostile m1")}, ["m1"]),
        ({"upstream": "mem0", "memory_id": "m2"}, ["m2"]),
        ({"upstream": "zep", "memory_id": "m2"}, []),
        ({"digest": "0" * 32}, []),
    ],
)
async def test_by_text_or_memory(subject: dict[str, str], names: list[str]) -> None:
    """Every item of that text, or of that memory; where there is none the tombstone still says that it was asked."""
    bureau = Bureau()
    ids = dict(zip(["m1", "m2"], await bureau.hold("m1", "m2"), strict=True))
    answer = await bureau.ask(erase, {**WHY, **subject}, ADMIN)
    assert answer["ids"] == [ids[name] for name in names]
    assert len(bureau.events(Erased)) == 1


async def test_a_held_write_by_the_text_that_it_would_have_stored() -> None:
    """Its request holds that text too."""
    bureau = Bureau()
    id_ = await bureau.hold_write("buy")
    assert (await bureau.ask(erase, {**WHY, "digest": text_digest("buy")}, ADMIN))["ids"] == [id_]
    assert bureau.texts.kept == {}
    assert await bureau.refused(release, {}, id=id_) == (409, "item_settled")


async def test_what_left_the_memory_is_found_by_its_decision() -> None:
    """A confirmed text whose item is not remembered any more is erased all the same."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    await bureau.ask(confirm, {}, id=id_)
    bureau.state.held.clear()
    bureau.state.quarantine.keys.clear()
    answer = await bureau.ask(erase, {**WHY, "quarantine_id": id_}, ADMIN)
    assert (answer["ids"], answer["texts"]) == ([id_], 1)


async def test_again_after_it_broke() -> None:
    """The store was away: 503 and no tombstone; asked again it is done; an operation id is answered from the log."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    body = {**WHY, "quarantine_id": id_, "operation_id": "op"}
    bureau.texts.away = True
    assert await bureau.refused(erase, body, ADMIN) == (503, "log_unavailable")
    assert bureau.events(Erased) == []
    bureau.texts.away = False
    first = await bureau.reply(erase, body, ADMIN)
    assert (await bureau.reply(erase, body, ADMIN)).body == first.body
    assert len(bureau.events(Erased)) == 1


async def test_who_may() -> None:
    """Admins of the scope only; an id of another scope is none."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    body = {**WHY, "quarantine_id": id_}
    for principal in (JUDGE, HOST):
        assert await bureau.refused(erase, body, principal) == (403, "role_denied")
    assert await bureau.refused(erase, body, STRANGER) == (404, "quarantine_unknown")


@pytest.mark.parametrize(
    "body",
    [
        {},
        WHY,
        {"quarantine_id": "q"},
        {**WHY, "quarantine_id": "q", "digest": "d"},
        {**WHY, "upstream": "mem0"},
        {**WHY, "memory_id": "m"},
        {**WHY, "digest": "d", "memory_id": "m"},
    ],
)
async def test_a_body_that_names_not_exactly_one(body: dict[str, str]) -> None:
    """A reason and one subject are needed."""
    assert await Bureau().refused(erase, body, ADMIN) == (400, "invalid_request")


async def test_an_erased_text_that_is_met_again_is_counted_and_not_kept() -> None:
    """Its upstream still gives it: it stays withheld by what it says, and its text is not kept a second time."""
    bureau = Bureau()
    (id_,) = await bureau.hold("m1")
    await bureau.ask(erase, {**WHY, "quarantine_id": id_}, ADMIN)
    buffer = QuarantineBuffer(texts=True)
    met = Candidate(id="m1", upstream="mem0", text="hostile m1")
    buffer.note(KEY, bureau.state, [(met, verdict(INJECTED))], surface="drop_in", now=bureau.now + 1)
    assert [event.count for _, events in buffer.drain() for event in events if hasattr(event, "count")] == [1]
    assert buffer.drain_texts() == []


async def test_nothing_is_left_in_the_files(tmp_path: Path) -> None:
    """Neither in clear nor as it was concealed, in the database or beside it; the other text is still there."""
    log = await SqliteLog.open(f"sqlite:///{tmp_path}/memfw.db", signer=SIGNER)
    vault = Vault(log, RING)
    for id_, text in (("q_1", SECRET), ("q_2", "another")):
        await vault.keep(KEY, id_, encoded(HeldText(text=text), 4096))
    concealed = await log.kept_text(KEY, "q_1")
    assert concealed is not None
    assert await vault.erase(KEY, "q_1")
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert SECRET.encode() not in left
    assert concealed[-48:] not in left
    other = await vault.text(KEY, "q_2")
    assert other is not None
    assert other.text == "another"
    await log.close()


def test_no_memory_of_a_function_holds_it_afterwards() -> None:
    """What was read before is forgotten, and read anew as if for the first time."""
    seen_in(SECRET)
    text_digest(SECRET)
    forget_texts()
    assert [len(memo) for memo in TEXT_MEMOS] == [0] * len(TEXT_MEMOS)
    seen_in(SECRET)
    assert len(seen_in.__self__) == 1  # type: ignore[attr-defined]


#: Memories of the product whose keys are no texts of memories: reason codes, stamps, dates, paths, headers and their names.
OF_WORDS = {
    "firewall.core.reasons._label",
    "firewall.core.stamp._read",
    "firewall.core.wire.requests._forwarded",
    "firewall.core.wire.requests._forwarded_with_body",
    "firewall.core.wire.requests._judged",
    "firewall.core.wire.said._dated",
    "firewall.proxy.pipeline.Pipeline._read",
    "firewall.proxy.transport_headers.RequestHeaders._for_plain",
    "firewall.proxy.transport_headers.RequestHeaders._for_stream",
    "firewall.proxy.transport_headers._judged",
    "firewall.proxy.transport_plain.PlainAnswers._judged",
    "firewall.server.answer_bytes._judged",
    "firewall.server.plain_head.PlainHeads._fields_of",
}


def test_every_memory_of_texts_is_on_the_list() -> None:
    """A new memo has to say whether texts of memories are in it."""
    functions = [
        memo._function for memo in gc.get_objects() if isinstance(memo, Memo) and memo not in TEXT_MEMOS
    ]
    names = {f"{function.__module__}.{function.__qualname__}" for function in functions}
    assert {name for name in names if name.startswith("firewall.")} <= OF_WORDS
