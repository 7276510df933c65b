"""Answers that came before: read once, never mixed up, bounded, forgotten when asked."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http import HttpOwner, HttpRead
from adapters.mem0 import Mem0Dialect
from firewall.core.survey import survey_of
from firewall.errors import UpstreamError
from firewall.ports import Answer, Caller, Dialect, Plan, WireRequest, WireResponse
from firewall.proxy import pages as module
from firewall.proxy.pages import Page, Pages
from tests.adapters.graphiti import bench as graphiti_bench
from tests.adapters.http import describing
from tests.adapters.pinecone.bench import Wire
from tests.adapters.zep import bench as zep_bench
from tests.server.reviewing import POISON, court

SEARCH = "/v3/memories/search/"
DIALECT = Mem0Dialect("platform")


class Counting(Mem0Dialect):
    """Counts what is really read."""

    def __init__(self) -> None:
        super().__init__("platform")
        self.reads = 0

    def read(self, plan: Plan, response: WireResponse) -> Answer:
        self.reads += 1
        return super().read(plan, response)


def plan_of(body: Mapping[str, object], dialect: Dialect = DIALECT, path: str = SEARCH) -> Plan:
    request = WireRequest(method="POST", path=path, body=msgspec.json.encode({"query": "q", **body}))
    match = dialect.match(request)
    assert match is not None
    return dialect.plan(request, match, Caller(), now=0.0)


def search(user: str = "u1", **more: object) -> Plan:
    return plan_of({"filters": {"user_id": user}, **more})


def answer(*texts: str, user: str = "u1") -> WireResponse:
    rows = [{"id": f"m{place}", "memory": text, "user_id": user} for place, text in enumerate(texts)]
    return WireResponse(status=200, body=msgspec.json.encode({"results": rows}))


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


def known_again(dialect: Dialect, first: Plan, same: Plan, response: WireResponse, *others: Plan) -> None:
    """What the one plan read is the other's, and no third plan's: each of those reads for itself."""
    pages = Pages()
    pages.read(dialect, first, response)
    kept = pages.read(dialect, same, response)
    assert pages.read(dialect, first, response) is kept
    for plan in others:
        page = pages.read(dialect, plan, response)
        assert page is not kept
        assert page.answer == dialect.read(plan, response)


def test_pinecone_says_how_it_reads_too() -> None:
    """One namespace's answer is not another's, and whether there is more depends on how much was asked for."""
    wire = Wire()

    def plan(**other: object) -> Plan:
        body = {"vector": [0.5], "includeMetadata": True, "topK": 9, "namespace": "a"}
        return wire.plan("POST ~/query", {**body, **other})

    matches = [{"id": "m1", "score": 0.5, "metadata": {"text": "Likes tea"}}]
    response = WireResponse(status=200, body=msgspec.json.encode({"matches": matches}))
    known_again(wire.dialect, plan(), plan(), response, plan(namespace="b"), plan(topK=1))


def test_zep_says_how_it_reads_too() -> None:
    """Whose the answer is, the list that the limit counts, and how much was asked for."""
    wire = zep_bench.wired()

    def plan(**other: object) -> Plan:
        return wire.plan("POST /api/v2/graph/search", {"query": "q", "user_id": "u1", **other})

    response = zep_bench.answered({"edges": [zep_bench.LIVE, zep_bench.OVER], "context": "It rains."})
    others = (plan(user_id="u2"), plan(limit=3), plan(scope="nodes"), plan(scope="auto"))
    known_again(wire.dialect, plan(), plan(), response, *others)
    blocking = zep_bench.wired("block")
    assert (
        blocking.plan("POST /api/v2/graph/search", {"query": "q", "user_id": "u1"}).reading != plan().reading
    )
    streamed = wire.plan("POST /api/v4/graphs/query", {"query": "q", "graph_uuids": ["g1"]})
    written = wire.plan("POST /api/v2/graph", {"user_id": "u1", "type": "text", "data": "It rains."})
    assert streamed.reading is written.reading is None


def test_graphiti_says_how_it_reads_too() -> None:
    """Which groups it is about, and how much was asked for."""
    wire = graphiti_bench.wired()

    def plan(*groups: str, facts: int = 3) -> Plan:
        return wire.plan("POST /search", {"query": "q", "group_ids": [*groups], "max_facts": facts})

    response = WireResponse(status=200, body=msgspec.json.encode({"facts": [zep_bench.LIVE]}))
    others = (plan("g2"), plan("g1", "g2"), plan("g1", facts=200), plan("g1", facts=4))
    known_again(wire.dialect, plan("g1"), plan("g1"), response, *others)


def test_a_described_api_says_how_it_reads_too() -> None:
    """By which of its reads, what the path says, and how much was asked for."""
    reads = [
        HttpRead(name=name, path=f"/{{place}}/{name}", list="/hits", text=("/text",), limit="/limit")
        for name in ("one", "two")
    ]
    dialect = describing.dialect(*reads, owner={"place": HttpOwner(param="place")})

    def plan(path: str = "/a/one", limit: int = 1) -> Plan:
        return describing.planned(dialect, describing.request({"limit": limit}, path))

    response = WireResponse(status=200, body=b'{"hits":[{"id":"1","text":"Likes tea"}]}')
    smaller = plan()
    assert smaller.fallback is not None
    smaller.request = smaller.fallback
    others = (plan("/b/one"), plan("/a/two"), plan(limit=2), smaller)
    known_again(dialect, plan(), plan(), response, *others)


@pytest.mark.parametrize("key", ["valid_at", "invalid_at"])
def test_what_time_falsifies_is_read_anew(key: str) -> None:
    """A fact that begins or ends: until then it is known, and from then on as it reads then; also where a clock goes back."""
    pages, wire = Pages(), zep_bench.wired()
    turn = zep_bench.NOW + 60
    fact = {**zep_bench.LIVE, key: datetime.fromtimestamp(turn, UTC).isoformat()}
    response = zep_bench.answered({"edges": [fact, {**fact, "uuid": "other", "target_node_uuid": "n9"}]})
    body = {"query": "q", "user_id": "u1"}

    def page(now: float) -> Page:
        plan = wire.plan("POST /api/v2/graph/search", body)
        plan.source = msgspec.structs.replace(plan.source, now=now)
        found = pages.read(wire.dialect, plan, response)
        assert found.answer == wire.dialect.read(plan, response)
        return found

    page(turn - 60)
    before = page(turn - 60)
    assert page(turn - 1) is before
    after = page(turn)
    assert after.answer.candidates != before.answer.candidates
    assert page(turn + 1e9) is after
    assert page(turn - 1) is not after


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
    body = answer("Likes tea 0")
    pages, dialect = Pages(size=2 * len(body.body)), Counting()

    def twice(number: int) -> None:
        for _ in range(2):
            read(pages, dialect, answer(f"Likes tea {number}"))

    for number in (0, 1):
        twice(number)
    read(pages, dialect, answer("Likes tea 0"))
    twice(2)
    before = dialect.reads
    read(pages, dialect, answer("Likes tea 0"))
    assert dialect.reads == before
    read(pages, dialect, answer("Likes tea 1"))
    assert dialect.reads == before + 1


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
