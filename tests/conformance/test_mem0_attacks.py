"""The attacks that a bare Mem0 falls for, through memfw over a real Mem0: with a pinned principal, and with an unpinned one.

The store holds a memory of u1, one of u2 and one of an agent. Whoever attacks is u1, or asks as u1.
"""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.clients import RealClient, ask, real_client
from tests.conformance.self_hosted import FLAVORS, Store, governed
from tests.sidecar import KEYS, Sidecar

U1 = {"user_id": "u1"}
AND_OVERRIDE = {"user_id": "u1", "AND": [{"user_id": "u2"}]}

#: Filters that ask for more than u1's rows. Refused by their shape or their scope, whoever asks.
WIDENING: dict[str, tuple[object, int]] = {
    "AND another user": (AND_OVERRIDE, 403),
    "AND everybody": ({"user_id": "u1", "AND": [{"user_id": "*"}]}, 403),
    "AND deep down": ({"AND": [U1, {"AND": [{"AND": [{"user_id": "u2"}]}]}]}, 403),
    "AND of not me": ({"user_id": "u1", "AND": [{"user_id": {"ne": "u1"}}]}, 403),
    "everybody": ({"user_id": "*"}, 403),
    "everybody by in": ({"user_id": {"in": ["*"]}}, 403),
    "OR another user": ({"user_id": "u1", "OR": [{"user_id": "u2"}, {"agent_id": "a9"}]}, 403),
    "OR at the root": ({"OR": [U1, {"user_id": "*"}]}, 403),
    "$or": ({"user_id": "u1", "$or": [{"user_id": "u2"}]}, 403),
    "not me": ({"user_id": {"ne": "u1"}}, 403),
    "hidden in metadata": ({"user_id": "u1", "metadata": {"user_id": "u2"}}, 403),
    "AND in metadata": ({"user_id": "u1", "metadata": {"AND": [{"user_id": "u2"}]}}, 403),
    "and": ({"user_id": "u1", "and": [{"user_id": "u2"}]}, 400),
    "a list": ({"user_id": ["u1", "u2"]}, 400),
    "no id": ({"user_id": None, "run_id": None}, 400),
    "an empty id": ({"user_id": ""}, 400),
    "white space": ({"user_id": " u1"}, 400),
    "an operator": ({"user_id": {"contains": "u"}}, 400),
    "text": ("user_id=u2", 400),
}

#: Wildcards of another key: they only narrow a pin, and without one they would be everybody.
NARROWING: dict[str, object] = {
    "run_id=*": {"run_id": "*"},
    "agent_id=*": {"agent_id": "*"},
    "nothing": {},
    "NOT me": {"NOT": [U1]},
}

READS = (
    "/v3/memories/search/",
    "/v3/memories/",
    "/v2/memories/search/",
    "/v2/memories/",
    "/v1/memories/search/",
)


@dataclass(frozen=True, slots=True)
class Field:
    """A running memfw, the attacker's key, and the store with the ids of what is in it."""

    memfw: Sidecar
    key: str
    pinned: bool
    store: Store
    mine: str
    theirs: str
    agents: str

    async def ask(self, method: str, target: str, body: object = None) -> Any:
        return await ask(self.memfw.mem0, method, target, key=self.key, body=body)


@pytest.fixture(params=[(flavor, name) for flavor in FLAVORS for name in ("pinned", "agent")])
async def field(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Field]:
    """Both flavors, attacked by a principal that is pinned to u1 and by one that is not pinned."""
    flavor, name = request.param
    async with governed(tmp_path, flavor, "pinned", "agent") as (memfw, store):
        yield Field(
            memfw=memfw,
            key=KEYS["PINNED_KEY" if name == "pinned" else "AGENT_KEY"],
            pinned=name == "pinned",
            store=store,
            mine=await store.add("u1 likes tea"),
            theirs=await store.add("u2 secret tea recipe", user_id="u2"),
            agents=await _agents_note(store),
        )


async def _agents_note(store: Store) -> str:
    message = {"role": "user", "content": "agent a9 tea note"}
    added = await store.ask("POST", "/memories", {"messages": [message], "agent_id": "a9", "infer": False})
    return str(added["results"][0]["id"])


@pytest.fixture
async def client(field: Field) -> AsyncIterator[RealClient]:
    async with real_client(field.memfw.mem0, field.key) as one:
        yield one


def body_of(target: str, filters: object) -> dict[str, object]:
    """A search or a listing with those filters."""
    return {"filters": filters} | ({"query": "tea", "threshold": 0.0} if target.endswith("/search/") else {})


def ids(answer: Any) -> set[str]:
    rows = answer["results"] if isinstance(answer, dict) else answer
    return {row["id"] for row in rows}


async def test_the_bare_store_falls_for_it(field: Field) -> None:
    """The attack is real: straight to the store, the override gives u2's memory, and a wildcard everybody's."""
    found = await field.store.search("tea", AND_OVERRIDE)
    assert field.theirs in ids(found)
    everything = await field.store.search("tea", {"run_id": "*"})
    assert {field.mine, field.theirs, field.agents} <= ids(everything)


async def test_a_filter_that_widens_is_refused(field: Field) -> None:
    """Every widening filter on every route that takes filters: an error in Mem0's shape, and no row."""
    for name, (filters, status) in WIDENING.items():
        for target in READS:
            reply = await field.ask("POST", target, body_of(target, filters))
            assert (reply.status, target, name) == (status, target, name)
            assert reply.json["code"] == ("scope_denied" if status == 403 else "invalid_filter"), name
            assert "recipe" not in reply.body.decode()


async def test_a_wildcard_of_another_key_only_narrows(field: Field) -> None:
    """Pinned, it is u1's rows at most; unpinned, it has no scope and is refused. Beside a user it is legal."""
    for name, filters in NARROWING.items():
        for target in READS:
            reply = await field.ask("POST", target, body_of(target, filters))
            if field.pinned:
                assert (reply.status, name) == (200, name)
                assert ids(reply.json) <= {field.mine}
            else:
                assert (reply.status, reply.json["code"], name) == (403, "scope_denied", name)
    legal = await field.ask("POST", READS[0], {"query": "tea", "filters": {"user_id": "u1", "run_id": "*"}})
    assert legal.status == 200
    assert ids(legal.json) <= {field.mine}


async def test_a_scope_in_two_places_is_one_scope(field: Field) -> None:
    """Ids at the top level, in the query and in the filters cannot be played against each other."""
    two: tuple[tuple[str, str, object], ...] = (
        ("POST", "/v2/memories/search/", {"query": "tea", "user_id": "u1", "filters": {"user_id": "u2"}}),
        ("POST", "/v1/memories/search/", {"query": "tea", "user_id": "u1", "filters": {"user_id": "*"}}),
        ("POST", "/search", {"query": "tea", "user_id": "u1", "filters": {"user_id": "u2"}}),
        ("POST", "/v2/memories/?user_id=u2", {"filters": U1}),
        ("GET", "/v1/memories/?user_id=u1&user_id=u2", None),
        ("GET", "/v1/memories/?user_id=u1&filters=%7B%27user_id%27%3A%20%27u2%27%7D", None),
        ("GET", "/memories?user_id=u1&user_id=u2", None),
        ("POST", "/v2/memories/", b'{"filters": {"user_id": "u1"}, "filters": {"user_id": "*"}}'),
    )
    for method, target, body in two:
        reply = await field.ask(method, target, body)
        assert reply.status in {400, 403}, (target, reply.body)
        assert reply.json["code"] in {"scope_denied", "invalid_filter", "invalid_request"}
        assert "recipe" not in reply.body.decode()


async def test_a_pinned_caller_cannot_ask_as_another(field: Field) -> None:
    """u2 by any route: 403 for the pinned caller. Who is not pinned asks for whom it names, and gets those rows only."""
    asked: tuple[tuple[str, str, object], ...] = (
        ("POST", "/v3/memories/search/", {"query": "tea", "filters": {"user_id": "u2"}, "threshold": 0.0}),
        ("POST", "/v3/memories/", {"filters": {"user_id": {"in": ["u2"]}}}),
        ("GET", "/v1/memories/?user_id=u2", None),
        ("GET", "/v1/memories/user/u2/", None),
        ("GET", "/memories?user_id=u2", None),
    )
    for method, target, body in asked:
        reply = await field.ask(method, target, body)
        if field.pinned:
            assert (reply.status, reply.json["code"]) == (403, "scope_denied"), target
        else:
            assert (reply.status, ids(reply.json)) == (200, {field.theirs}), target


async def test_a_foreign_id_is_unknown_to_a_pinned_caller(field: Field, client: RealClient) -> None:
    """get, update, delete, history, feedback and both batches: 404, and the store is as it was.

    An unpinned caller is not held against a scope when it names an id.
    """
    from mem0.exceptions import MemoryNotFoundError

    if not field.pinned:
        assert (await client("get", field.theirs))["memory"] == "u2 secret tea recipe"
        return
    before = await field.store.dump()
    for foreign in (field.theirs, field.agents):
        item = {"memory_id": foreign, "text": "mine now"}
        calls: tuple[tuple[str, tuple[Any, ...], dict[str, str]], ...] = (
            ("get", (foreign,), {}),
            ("update", (foreign,), {"text": "mine now"}),
            ("delete", (foreign,), {}),
            ("history", (foreign,), {}),
            ("feedback", (foreign, "NEGATIVE"), {}),
            ("batch_update", ([{"memory_id": field.mine, "text": "changed"}, item],), {}),
            ("batch_delete", ([{"memory_id": field.mine}, {"memory_id": foreign}],), {}),
        )
        for name, arguments, named in calls:
            with pytest.raises(MemoryNotFoundError):
                await client(name, *arguments, **named)
        reply = await field.ask("GET", f"/memories/{foreign}")
        assert (reply.status, reply.json) == (200, None)
    assert await field.store.dump() == before
    missing = await field.ask("GET", f"/v1/memories/{uuid.uuid4()}/")
    known = await field.ask("GET", f"/v1/memories/{field.theirs}/")
    assert (known.status, known.body) == (missing.status, missing.body)
    assert ids(await client("get_all", filters=U1)) == {field.mine}


async def test_a_pinned_caller_writes_for_itself_only(field: Field, client: RealClient) -> None:
    """What names another user is refused; what names none is u1's."""
    from mem0.exceptions import AuthenticationError

    if not field.pinned:
        return
    before = await field.store.dump()
    for owner in ({"user_id": "u2"}, {"filters": {"user_id": "u2"}}, {"user_id": "*"}):
        with pytest.raises(AuthenticationError) as refused:
            await client("add", "planted", infer=False, **owner)
        assert refused.value.details["code"] == "scope_denied"
    assert await field.store.dump() == before
    added = await client("add", "a note of a run", run_id="r1", infer=False)
    row = (await field.store.dump())[added["results"][0]["id"]]
    assert (row["user_id"], row["run_id"]) == ("u1", "r1")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?filters=%7B%27user_id%27%3A+%27u1%27%7D",
        "?filters=%7B%22user_id%22%3A+%22u1%22%7D",
        "?user_id=*",
        "?user_id=u1&agent_id=*",
        "?user_id=u1&user_id=u2",
        "?user_id=",
        "?org_id=o&project_id=p",
    ],
)
async def test_a_delete_without_a_clear_scope_is_refused(field: Field, query: str) -> None:
    """Python literals, no scope, wildcards, a scope given twice: nothing is deleted."""
    before = await field.store.dump()
    targets = [f"/v1/memories/{query}", f"/memories{query}"]
    for target in targets:
        reply = await field.ask("DELETE", target)
        assert reply.status in {400, 403}, target
        assert reply.json["code"] in {"scope_denied", "invalid_request", "invalid_filter"}
    assert await field.store.dump() == before


async def test_deleting_others_is_refused(field: Field, client: RealClient) -> None:
    """delete_all of another user, delete_users and reset: not for a pinned caller, and not without role admin."""
    from mem0.exceptions import AuthenticationError

    before = await field.store.dump()
    for name, owner in (("delete_users", {"user_id": "u2"}), ("reset", {})):
        if field.pinned and name == "reset":
            continue  # it sees no entity but its own, and may delete that one
        with pytest.raises(AuthenticationError):
            await client(name, **owner)
    if field.pinned:
        with pytest.raises(AuthenticationError):
            await client("delete_all", user_id="u2")
    assert (await field.ask("POST", "/reset")).json["code"] == "admin_only"
    assert await field.store.dump() == before
    if field.pinned:
        await client("reset")
        assert set(await field.store.dump()) == {field.theirs, field.agents}


@pytest.mark.parametrize("flavor", FLAVORS)
async def test_deleting_everything_is_for_an_admin(tmp_path: Path, flavor: str) -> None:
    """`deleteAll("*")` works for the role admin."""
    async with governed(tmp_path, flavor, "admin") as (memfw, store):
        await store.add("u1 likes tea")
        await store.add("u2 likes tea", user_id="u2")
        target = "/v1/memories/?user_id=*&agent_id=*&app_id=*&run_id=*"
        assert (await ask(memfw.mem0, "DELETE", target, key=KEYS["ADMIN_KEY"])).status == 200
        assert await store.dump() == {}
