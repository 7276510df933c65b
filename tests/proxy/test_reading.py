"""What each dialect says of how it reads: enough that an answer which is remembered is the right one."""

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import pytest

from adapters.graphiti import answers as graphiti
from adapters.http import HttpOwner, HttpRead
from adapters.http import answers as http
from adapters.mem0 import answers as mem0
from adapters.pinecone import answers as pinecone
from adapters.zep import answers as zep
from firewall.ports import Answer, Dialect, Disclosure, Plan, WireResponse
from firewall.proxy.pages import Page, Pages
from tests.adapters.graphiti import bench as graphiti_bench
from tests.adapters.http import describing
from tests.adapters.pinecone.bench import Wire
from tests.adapters.zep import bench as zep_bench
from tests.proxy.searches import DIALECT, SEARCH, answer, page_of, search


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


class Watched:
    """Hands on what is asked of a value, and notes what that is."""

    def __init__(self, value: object) -> None:
        self._value = value
        self.looked_at: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.looked_at.add(name)
        return getattr(self._value, name)


ROW = {"id": "m1", "metadata": {"text": "Likes tea"}}
HIT = {"_id": "m1", "_score": 0.5, "fields": {"text": "Likes tea"}}
READINGS = {
    "POST ~/query": {"matches": [{**ROW, "score": 0.5}], "namespace": "other"},
    "POST ~/records/namespaces/a/search": {"result": {"hits": [HIT]}},
    "GET ~/vectors/fetch?ids=m1&namespace=a": {"vectors": {"m1": ROW}, "namespace": "a"},
}
ASKED: dict[str, object] = {
    "POST ~/query": {"vector": [0.5], "topK": 9},
    "POST ~/records/namespaces/a/search": {"query": {"inputs": {"text": "tea"}, "top_k": 9}},
}


def encoded(line: str) -> bytes:
    return msgspec.json.encode(READINGS[line])


@pytest.mark.parametrize("line", [SEARCH, *READINGS])
def test_all_that_is_looked_at_is_said(line: str) -> None:
    """Nothing of a plan decides how an answer is read that `reading` does not hold, and of the answer the body alone does."""
    plan: Plan
    reads: Callable[..., Answer]
    if line == SEARCH:
        plan, reads, response = search(top_k=3), mem0.read, answer("Likes tea", user="u2")
    else:
        plan, reads = Wire().plan(line, ASKED.get(line)), partial(pinecone.read, text_keys=("text",))
        response = page_of(encoded(line))
    says: Any = Watched(plan)
    asked: Any = Watched(plan)
    answered: Any = Watched(response)
    assert type(plan).reading.fget(says) == plan.reading is not None  # type: ignore[attr-defined]
    assert reads(asked, answered).candidates
    assert asked.looked_at <= says.looked_at
    assert answered.looked_at == {"body"}


FACTS = [
    zep_bench.LIVE,
    {**zep_bench.OVER, "attributes": {"note": "n"}},
    {**zep_bench.LIVE, "uuid": "e3", "later": 1},
]
NODES = [{"uuid": "n1", "name": "Checkout", "summary": f"A team. {zep_bench.OVER['fact']}."}]
RESULTS = {
    "edges": FACTS,
    "nodes": NODES,
    "episodes": [{"uuid": "ep-1", "content": "It rains."}],
    "context": f"<FACTS>\n- {zep_bench.LIVE['fact']} (2026-01-05 - present)\n</FACTS>",
    "response": "They use both.",
}
HITS = [
    {"id": number, "meta": {"user": "u1", "kind": "fact"}, "text": f"Likes tea {number}"} for number in (1, 2)
]
DESCRIBED = describing.dialect(
    HttpRead(path="/{place}/rows", list="/hits/0", text=("/text",), metadata="/meta", limit="/limit"),
    HttpRead(
        name="columns", path="/columns", columns=("ids", "texts"), id="/ids", text=("/texts",), limit="/n"
    ),
    owner={"user": HttpOwner(item="/meta/user"), "place": HttpOwner(param="place")},
)


def of_zep(line: str, body: object) -> Plan:
    return zep_bench.wired().plan(line, body)


def of_graphiti(*groups: str) -> Plan:
    return graphiti_bench.wired().plan("POST /search", {"query": "q", "group_ids": [*groups], "max_facts": 2})


def described(path: str) -> Plan:
    return describing.planned(DESCRIBED, describing.request({"limit": 2, "n": 2}, path))


ZEP, GRAPHITI = zep_bench.wired().dialect, graphiti_bench.wired().dialect
SEARCHED = {"query": "q", "user_id": "u1"}
#: Of the other dialects: who reads, a plan, and an answer to it.
OTHERS: dict[str, tuple[Dialect, Callable[..., Answer], Callable[[], Plan], object]] = {
    "zep": (ZEP, zep.read, lambda: of_zep("POST /api/v2/graph/search", SEARCHED), RESULTS),
    "zep, all": (
        ZEP,
        zep.read,
        lambda: of_zep("POST /api/v2/graph/search", {**SEARCHED, "scope": "auto"}),
        RESULTS,
    ),
    "zep, one list": (
        ZEP,
        zep.read,
        lambda: of_zep("POST /api/v2/graph/search", {**SEARCHED, "limit": 1}),
        {"edges": FACTS * 4},
    ),
    "zep, pages": (ZEP, zep.read, lambda: of_zep("POST /api/v2/graph/edge/user/u1", {"limit": 3}), FACTS),
    "zep, one": (ZEP, zep.read, lambda: of_zep("GET /api/v2/graph/node/n1", None), NODES[0]),
    "graphiti": (GRAPHITI, graphiti.read, lambda: of_graphiti("g1"), {"facts": FACTS * 4}),
    "graphiti, groups": (GRAPHITI, graphiti.read, lambda: of_graphiti("g1", "g2"), {"facts": FACTS}),
    "http": (
        DESCRIBED,
        http.read_answer,
        lambda: described("/a/rows"),
        {"hits": [HITS * 6], "firewall": {"told": True}},
    ),
    "http, columns": (
        DESCRIBED,
        http.read_answer,
        lambda: described("/columns"),
        {"ids": ["a", "b"], "texts": ["Likes tea", "It rains."]},
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_all_that_the_others_look_at_is_said_too(name: str) -> None:
    """Also of what the items have in common, but for what all plans of the dialect have: it is the dialect that is known."""
    _, reads, planned, value = OTHERS[name]
    plan: Any = planned()
    says: Any = Watched(plan)
    asked: Any = Watched(planned())
    told: Any = Watched(None)
    seen: Any = Watched(None)
    if hasattr(plan, "source"):
        told, seen = Watched(plan.source), Watched(plan.source)
        says.source, asked.source = told, seen
    answered: Any = Watched(zep_bench.answered(value))
    assert type(plan).reading.fget(says) is not None
    type(plan).moment.fget(says)
    assert reads(asked, answered).candidates
    assert asked.looked_at <= says.looked_at
    assert seen.looked_at <= told.looked_at | ({"backend", "stating"} if name[0] == "g" else {"backend"})
    assert answered.looked_at == {"body"}


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_that_is_done_with_their_answers_changes_them(name: str) -> None:
    """Whatever is withheld, struck out or said of what goes, and whatever follows."""
    dialect, _, planned, value = OTHERS[name]
    response = zep_bench.answered(value)
    pages = Pages()
    pages.read(dialect, planned(), response)
    page = pages.read(dialect, planned(), response)
    assert pages.read(dialect, planned(), response) is page
    count = len(page.answer.candidates)
    plan = planned()
    for admitted in ([True] * count, [False] * count, [at % 2 == 0 for at in range(count)]):
        notes = {each.id: {"memfw_action": "use_now"} for each in page.answer.candidates}
        for annotations in ({}, notes):
            disclosure = Disclosure(admitted=admitted, firewall=b"{}", annotations=annotations)
            once = dialect.rebuild(plan, page.answer, response, disclosure)
            assert dialect.rebuild(planned(), dialect.read(planned(), response), response, disclosure) == once
    joined = dialect.joined(plan, page.answer, page.answer)
    dialect.rebuild(plan, joined, response, Disclosure(admitted=[False] * len(joined.candidates)))
    dialect.more(plan, page.answer, 90)
    assert page.answer == dialect.read(planned(), response)


def vectors() -> Plan:
    return Wire().plan("POST ~/query", {"vector": [0.5], "topK": 9})


MEMBERS = b",".join(b'"%04d":1' % number for number in range(1_000))
#: Answers that hold much and have few candidates, if any; each with a number of its own.
HOLLOW: dict[str, tuple[Dialect, Callable[[], Plan], bytes]] = {
    "zep, objects": (
        ZEP,
        lambda: of_zep("POST /api/v2/graph/node/n1/neighbors", {}),
        b"[" + b"{}," * 1_000 + b'{"n":%d}]',
    ),
    "zep, members": (ZEP, OTHERS["zep"][2], b'{"edges":[],' + MEMBERS + b',"n":%d}'),
    "zep, lines": (ZEP, OTHERS["zep"][2], b'{"context":"' + b"a\\n" * 1_000 + b'%d"}'),
    "graphiti": (GRAPHITI, OTHERS["graphiti"][2], b'{"facts":[],' + MEMBERS + b',"n":%d}'),
    "http": (DESCRIBED, OTHERS["http"][2], b'{"hits":[[]],' + MEMBERS + b',"n":%d}'),
    "mem0": (DIALECT, lambda: search(top_k=3), b'{"results":[],' + MEMBERS + b',"n":%d}'),
    "pinecone": (Wire().dialect, vectors, b'{"matches":[],' + MEMBERS + b',"n":%d}'),
}


@pytest.mark.parametrize("name", HOLLOW)
def test_what_is_held_beside_candidates_is_counted(name: str) -> None:
    """An answer that is read into much more than itself takes no more room than is said."""
    dialect, planned, body = HOLLOW[name]
    size = 4 << 20
    pages = Pages(size=size)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(100, 140):
            for _ in range(2):
                pages.read(dialect, planned(), page_of(body % number))
            if pages._used > size // 2:
                break
        pages._once.clear()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert pages._used > size // 2
    assert after - before < 1.2 * pages._used


@pytest.mark.parametrize("line", [SEARCH, *READINGS])
def test_nothing_that_is_done_with_an_answer_changes_it(line: str) -> None:
    """It is put together with some rows less and some said of them, joined with what follows, and is still as it was read."""
    dialect: Dialect
    plan: Plan
    if line == SEARCH:
        dialect, plan, response = DIALECT, search(fields=["id"]), answer("Likes tea")
    else:
        wire = Wire()
        dialect, plan, response = wire.dialect, wire.plan(line, ASKED.get(line)), page_of(encoded(line))
    page = [Pages().read(dialect, plan, response) for _ in range(2)][-1]
    for admitted in ([True], [False]):
        notes = {"m1": {"memfw_action": "inspect_before_use"}, "m0": {"memfw_action": "use_now"}}
        disclosure = Disclosure(admitted=admitted, firewall=b'{"policy":"p"}', annotations=notes)
        dialect.rebuild(plan, page.answer, response, disclosure)
    joined = dialect.joined(plan, page.answer, page.answer)
    dialect.rebuild(plan, joined, response, Disclosure(admitted=[False] * len(joined.candidates)))
    dialect.more(plan, page.answer, 90)
    assert page.answer == dialect.read(plan, response)


@pytest.mark.parametrize("call", ["GET /indexes", "POST ~/describe_index_stats", "POST ~/vectors/upsert"])
def test_what_holds_no_memory_text_is_not_kept(call: str) -> None:
    """It is not read, so there is nothing to save; and it may hold what is nobody's to keep."""
    body = {"vectors": [{"id": "v1", "values": [0.5]}]} if call.endswith("upsert") else None
    assert Wire().plan(call, body).reading is None
