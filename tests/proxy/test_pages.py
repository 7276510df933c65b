"""Answers that came before: read once, never mixed up, bounded, forgotten when asked."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mem0 import Mem0Dialect
from firewall.core.erasing import forget_texts
from firewall.core.survey import survey_of
from firewall.errors import UpstreamError
from firewall.ports import Answer, Caller, Dialect, Plan, WireRequest, WireResponse
from firewall.proxy import pages as module
from firewall.proxy.pages import Page, Pages
from tests.adapters.pinecone.bench import Wire
from tests.proxy.searches import DIALECT, answer, page_of, plan_of, search
from tests.server.reviewing import POISON, court


class Counting(Mem0Dialect):
    """Counts what is really read."""

    def __init__(self) -> None:
        super().__init__("platform")
        self.reads = 0

    def read(self, plan: Plan, response: WireResponse) -> Answer:
        self.reads += 1
        return super().read(plan, response)


def read(pages: Pages, dialect: Dialect, response: WireResponse, *, user: str = "u1") -> Page:
    return pages.read(dialect, search(user), response)


def test_from_the_second_time_on_an_answer_is_kept() -> None:
    """One that comes once leaves a mark only; the third time nothing is read."""
    pages, dialect = Pages(), Counting()
    first, second, third = (read(pages, dialect, answer("Likes tea")) for _ in range(3))
    assert dialect.reads == 2
    assert first is not second
    assert third is second
    assert third.answer.candidates == first.answer.candidates
    assert third.survey_of(third.answer.candidates) is third.survey_of(third.answer.candidates)


@pytest.mark.parametrize(
    "other",
    [
        search("u2"),
        search("u1", top_k=3),
        plan_of({"filters": {"OR": [{"user_id": "u1"}, {"user_id": "u2"}]}}),
    ],
)
def test_a_plan_that_reads_otherwise_reads_anew(other: Plan) -> None:
    """The same bytes for another scope or number are not the same answer."""
    pages, dialect = Pages(), Counting()
    _, _, kept = (read(pages, dialect, answer("Likes tea")) for _ in range(3))
    seen = pages.read(dialect, other, answer("Likes tea"))
    assert dialect.reads == 3
    assert seen is not kept
    assert seen.answer.candidates == DIALECT.read(other, answer("Likes tea")).candidates


def test_what_looks_alike_from_afar_is_told_apart() -> None:
    """One letter where nobody samples, and the same length: each is read for itself, however they alternate."""
    pages, dialect = Pages(), Counting()
    filler = "word " * 200
    for _ in range(4):
        for letter in "ab":
            page = read(pages, dialect, answer(letter + filler))
            assert page.answer.candidates[0].text == letter + filler


def test_bodies_that_are_not_kept() -> None:
    """Too long, or of a plan that does not say how it reads."""
    pages, dialect = Pages(), Counting()
    large = answer("x" * module.LONGEST)
    for _ in range(3):
        read(pages, dialect, large)
    assert dialect.reads == 3
    row = WireResponse(status=200, body=b'{"id":"m1","memory":"Likes tea","user_id":"u1"}')
    request = WireRequest(method="GET", path="/v1/memories/m1/")
    match = dialect.match(request)
    assert match is not None
    for _ in range(3):
        pages.read(dialect, dialect.plan(request, match, Caller(), now=0.0), row)
    assert dialect.reads == 6


def test_a_dialect_that_says_nothing_is_never_remembered() -> None:
    """The port's own word for it."""
    known = search()
    plan = Plan(match=known.match, request=known.request)
    assert plan.reading is None
    assert plan.moment == 0.0


def test_what_is_kept_is_bounded() -> None:
    """The answer that nobody asked for longest goes first, and the marks are bounded as well."""
    pages, dialect = Pages(size=5 * weight_of("Likes tea 0") - 1), Counting()

    def twice(number: int) -> None:
        for _ in range(2):
            read(pages, dialect, answer(f"Likes tea {number}"))

    for number in range(4):
        twice(number)
    read(pages, dialect, answer("Likes tea 0"))
    twice(4)
    before = dialect.reads
    read(pages, dialect, answer("Likes tea 0"))
    assert dialect.reads == before
    read(pages, dialect, answer("Likes tea 1"))
    assert dialect.reads == before + 1


def weight_of(*texts: str) -> int:
    """What such an answer is said to take."""
    pages = Pages()
    return [read(pages, DIALECT, answer(*texts)) for _ in range(2)][-1].weight


STRINGS = b",".join(b'"%d"' % number for number in range(5_000))


@pytest.mark.parametrize(
    "body",
    [
        lambda number: b'{"results":[],"count":%d}' % number,
        lambda number: b'{"results":[{"id":"%d","memory":"a"}]}' % number,
        lambda number: b'{"results":[%b{"id":"%d","memory":""}]}' % (b'{"id":"","memory":""},' * 200, number),
        lambda number: b'{"results":[{"metadata":{"x":[%b]},"memory":"a","id":"%d"}]}' % (STRINGS, number),
        lambda number: b'{"results":[{"memory":"%b \\ud83d\\ude00","id":"%d"}]}' % (b"a" * 9_000, number),
    ],
    ids=["no rows", "one row", "small rows", "many strings", "wide text"],
)
def test_the_bound_counts_what_is_really_held(body: Callable[[int], bytes]) -> None:
    """Small bodies and those that are read into much more than themselves take no more room than is said."""
    size = 2 << 20
    pages = Pages(size=size)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(100, 999):
            read(pages, DIALECT, page_of(body(number)))
            page = read(pages, DIALECT, page_of(body(number)))
            page.survey_of(page.answer.candidates)
            if pages._used > size // 2:
                break
        forget_texts()
        pages._once.clear()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size // 2 < pages._used == sum(page.weight for page in pages._kept.values())
    assert after - before < 1.2 * pages._used


def test_an_answer_that_would_take_it_all_is_not_kept() -> None:
    """It drives nothing out, however it came to be that heavy."""
    pages, wire = Pages(size=1 << 20), Wire()
    _, light = (read(pages, DIALECT, answer("Likes tea")) for _ in range(2))
    heavy = page_of(b'{"results":[{"id":"m1","memory":"a","metadata":{"x":[%b]}}]}' % STRINGS)
    wide = {"vector": [0.5], "topK": 1, "namespace": "n" * (1 << 20)}
    for _ in range(3):
        read(pages, DIALECT, heavy)
        pages.read(wire.dialect, wire.plan("POST ~/query", wide), page_of(b'{"matches":[]}'))
    assert list(pages._kept.values()) == [light]


def test_what_looks_alike_is_weighed_anew() -> None:
    """One page takes the place of another, and its own room."""
    pages = Pages()
    filler = "word " * 200
    for letters in ("a", "a", "ä", "b", "ä"):
        text = letters.ljust(2, "x") if letters.isascii() else letters
        read(pages, DIALECT, answer(text + filler))
        assert pages._used == sum(page.weight for page in pages._kept.values())
    assert len(pages._kept) == 1


def test_marks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that came once, long ago, begins anew."""
    monkeypatch.setattr(module, "MOST_MARKS", 2)
    pages, dialect = Pages(), Counting()
    for number in (0, 1, 2, 0, 0):
        read(pages, dialect, answer(f"Likes tea {number}"))
    assert dialect.reads == 5


def test_forgotten() -> None:
    """No answer is left."""
    pages, dialect = Pages(), Counting()
    for _ in range(2):
        read(pages, dialect, answer("Likes tea"))
    pages.forget()
    read(pages, dialect, answer("Likes tea"))
    assert dialect.reads == 3


def test_an_answer_that_cannot_be_read_is_refused_each_time() -> None:
    """And stays out."""
    pages = Pages()
    for _ in range(3):
        with pytest.raises(UpstreamError):
            pages.read(DIALECT, search(), WireResponse(status=200, body=b'{"results":[{"id":1}]}'))


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["Likes tea", POISON, "Service port is 8080", ""]), max_size=3),
            st.sampled_from(["u1", "u2"]),
        ),
        max_size=12,
    )
)
def test_remembering_changes_no_answer(asked: list[tuple[list[str], str]]) -> None:
    """Whatever came before, candidates and survey are those of these bytes."""
    pages = Pages()
    for texts, user in asked:
        response = answer(*texts, user=user)
        page = read(pages, DIALECT, response, user=user)
        plain = DIALECT.read(search(user), response)
        assert page.answer == plain
        assert page.survey_of(page.answer.candidates) == survey_of(plain.candidates)


async def test_what_is_remembered_is_judged_each_time(tmp_path: Path) -> None:
    """The same bytes over and over: released they go through, confirmed they do not, erased they are read anew."""
    rows = [("m1", POISON), ("m2", "Likes green tea")]
    async with court(tmp_path) as bench:
        for _ in range(4):
            assert await bench.memories(*rows) == ["m2"]
        await bench.settled()
        (item,) = await bench.queue()
        assert item["count"] == 4
        path = f"/v1/quarantine/{item['id']}"
        body = {"findings": item["releasable"], "note": "a test of ours"}
        assert (await bench.ask("POST", f"{path}/release", body))[0] == 200
        assert await bench.memories(*rows) == ["m1", "m2"]
        assert (await bench.ask("POST", f"{path}/confirm", {}))[0] == 200
        assert await bench.memories(*rows) == ["m2"]
        pages = bench.memfw.house.services.pages
        assert POISON.encode() in b"".join(page.body for page in pages._kept.values())
        why = {"quarantine_id": item["id"], "why": "asked for"}
        assert (await bench.ask("POST", "/v1/erase", why, key="root"))[0] == 200
        assert not pages._kept
        assert await bench.memories(*rows) == ["m2"]
