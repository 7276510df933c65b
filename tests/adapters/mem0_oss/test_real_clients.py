"""The vendor's own clients against a self-hosted Mem0, which they cannot talk to without the translation."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from adapters.mem0.oss import OssUpstream
from tests.backends.mem0 import KEY, oss_front, platform_front
from tests.backends.serving import HttpUpstream, served

Call = Callable[..., Awaitable[Any]]


@asynccontextmanager
async def embedded() -> AsyncIterator[str]:
    async with platform_front() as url:
        yield url


@asynccontextmanager
async def self_hosted() -> AsyncIterator[str]:
    async with oss_front() as server, served(OssUpstream(HttpUpstream(server))) as url:
        yield url


@pytest.fixture(params=["embedded", "oss"])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Both flavors: a Mem0 in this process, and one behind its REST server."""
    async with embedded() if request.param == "embedded" else self_hosted() as url:
        yield url


@pytest.fixture(params=["MemoryClient", "AsyncMemoryClient"])
async def call(request: pytest.FixtureRequest, host: str) -> AsyncIterator[Call]:
    """`await call("search", "tea", filters=...)` with the real client of either kind."""
    import mem0

    client: Any = await asyncio.to_thread(getattr(mem0, request.param), api_key=KEY, host=host)
    is_async = request.param == "AsyncMemoryClient"

    async def made(name: str, *args: Any, **kwargs: Any) -> Any:
        method = getattr(client, name)
        return await (method(*args, **kwargs) if is_async else asyncio.to_thread(method, *args, **kwargs))

    yield made
    if is_async:
        await client.async_client.aclose()
    else:
        client.client.close()


async def stored(call: Call, text: str, **owner: Any) -> str:
    """The id of one memory, stored as it is."""
    added = await call("add", text, infer=False, **owner)
    assert added["status"] == "SUCCEEDED"
    (result,) = added["results"]
    assert result["data"]["memory"] == text
    return str(result["id"])


async def test_a_memory_lives_and_dies(call: Call) -> None:
    """add, get, search, get_all, update, history, feedback, delete, by the real client."""
    mine = await stored(
        call,
        "Deploy uses port 8443",
        user_id="u1",
        agent_id="a1",
        app_id="shop",
        run_id="r1",
        metadata={"k": "v"},
    )
    await stored(call, "Deploy uses port 1111", user_id="u2")
    row = await call("get", mine)
    assert (row["user_id"], row["agent_id"], row["app_id"], row["session_id"]) == ("u1", "a1", "shop", "r1")
    assert row["metadata"] == {"k": "v"}
    found = await call("search", "deploy port", filters={"user_id": "u1"})
    assert [one["id"] for one in found["results"]] == [mine]
    assert found["results"][0]["score"] > 0
    tree = {"AND": [{"OR": [{"user_id": "u1"}]}, {"app_id": "shop"}, {"k": {"in": ["v"]}}]}
    assert [one["id"] for one in (await call("search", "deploy", filters=tree))["results"]] == [mine]
    listed = await call("get_all", filters={"user_id": "u1"})
    assert (listed["count"], listed["next"], listed["results"][0]["id"]) == (1, None, mine)
    updated = await call("update", mine, text="Deploy uses port 9443", metadata={"n": 1})
    assert (updated["memory"], updated["app_id"]) == ("Deploy uses port 9443", "shop")
    changes = await call("history", mine)
    assert [(one["event"], one["new_memory"]) for one in changes] == [
        ("ADD", "Deploy uses port 8443"),
        ("UPDATE", "Deploy uses port 9443"),
    ]
    assert {one["user_id"] for one in changes} == {"u1"}
    assert (await call("feedback", mine, feedback="POSITIVE"))["feedback"] == "POSITIVE"
    assert "deleted" in (await call("delete", mine))["message"]
    assert [one["event"] for one in await call("history", mine)][-1] == "DELETE"
    from mem0.exceptions import MemoryNotFoundError

    for method in ("get", "delete"):
        with pytest.raises(MemoryNotFoundError):
            await call(method, mine)


async def test_pages_batches_and_owners(call: Call) -> None:
    """Pages, batches, users, delete_all, delete_users and reset, by the real client."""
    ids = [await stored(call, f"note {number}", user_id="u1") for number in range(5)]
    await stored(call, "a note of an agent", agent_id="a/1")
    await stored(call, "note of the shop", user_id="u2", app_id="shop")
    kept = await stored(call, "note of the bar", user_id="u2", app_id="bar")
    seen = []
    for page in (1, 2, 3):
        answer = await call("get_all", filters={"user_id": "u1"}, page=page, page_size=2)
        assert answer["count"] == 5
        assert (answer["next"] is None) is (page == 3)
        seen += [one["id"] for one in answer["results"]]
    assert sorted(seen) == sorted(ids)
    await call(
        "batch_update", [{"memory_id": ids[0], "text": "first"}, {"memory_id": ids[1], "text": "second"}]
    )
    assert (await call("get", ids[1]))["memory"] == "second"
    await call("batch_delete", [{"memory_id": ids[0]}, {"memory_id": ids[1]}])
    assert (await call("get_all", filters={"user_id": "u1"}))["count"] == 3
    users = (await call("users"))["results"]
    assert {(one["type"], one["name"]) for one in users} == {("agent", "a/1"), ("user", "u1"), ("user", "u2")}
    await call("delete_all", user_id="u2", app_id="shop")
    assert [one["id"] for one in (await call("get_all", filters={"user_id": "u2"}))["results"]] == [kept]
    await call("delete_users", agent_id="a/1")
    assert {one["name"] for one in (await call("users"))["results"]} == {"u1", "u2"}
    await call("reset")
    assert (await call("users"))["count"] == 0


async def test_the_scope_holds(call: Call) -> None:
    """The trees that break the scope of a self-hosted Mem0 give no foreign row here."""
    await stored(call, "u1 likes tea", user_id="u1")
    await stored(call, "u2 secret tea recipe", user_id="u2")
    await stored(call, "agent tea note", agent_id="a9")

    async def texts(filters: object) -> list[str]:
        found = await call("search", "tea", filters=filters, threshold=0.0)
        listed = await call("get_all", filters=filters)
        texts = sorted(one["memory"] for one in found["results"])
        assert texts == sorted(one["memory"] for one in listed["results"])
        return texts

    assert await texts({"user_id": "u1", "AND": [{"user_id": "u2"}]}) == []
    assert await texts({"user_id": "u1", "AND": [{"user_id": "*"}]}) == ["u1 likes tea"]
    assert await texts({"user_id": "u1", "OR": [{"user_id": "u2"}, {"agent_id": "a9"}]}) == []
    assert await texts({"user_id": "u1", "NOT": [{"user_id": "u1"}]}) == []
    assert await texts({"user_id": "*"}) == ["u1 likes tea", "u2 secret tea recipe"]
    assert await texts({"OR": [{"user_id": "u1"}, {"agent_id": "a9"}]}) == ["agent tea note", "u1 likes tea"]


async def test_refusals_have_the_clients_classes(call: Call) -> None:
    """What it cannot do, what is malformed and what is missing arrive as the vendor's own exceptions."""
    from mem0.exceptions import MemoryError as ClientError
    from mem0.exceptions import MemoryNotFoundError, ValidationError

    with pytest.raises(ClientError, match="not available on a self-hosted Mem0") as refused:
        await call("get_summary", {"user_id": "u1"})
    assert refused.value.details["code"] == "not_supported"
    with pytest.raises(ClientError, match="not available on a self-hosted Mem0"):
        await call("search", "tea", filters={"user_id": "u1"}, categories=["x"])
    with pytest.raises(ValidationError, match="UUID"):
        await call("get", "a/b c?d")
    with pytest.raises(MemoryNotFoundError):
        await call("update", str(uuid.uuid4()), text="x")
    with pytest.raises(ValidationError):
        await call("delete_all")


async def test_a_wrong_key_fails_the_constructor() -> None:
    """The ping goes to the server with the caller's key, so a client with a bad one never comes up."""
    from mem0 import MemoryClient

    async with self_hosted() as url:
        with httpx.Client() as wire, pytest.raises(ValueError, match="Given API token not valid"):
            await asyncio.to_thread(MemoryClient, api_key="wrong", host=url, client=wire)


async def test_many_at_once_on_a_store_that_is_not_thread_safe(host: str) -> None:
    """Concurrent clients get whole answers and their own rows only."""
    headers = {"Authorization": f"Token {KEY}"}
    async with httpx.AsyncClient(base_url=host, headers=headers, timeout=30) as client:

        async def work(user: str) -> None:
            for number in range(5):
                body = {"messages": f"{user} note {number}", "user_id": user, "infer": False}
                assert (await client.post("/v3/memories/add/", json=body)).status_code == 200
                query = {"query": "note", "filters": {"user_id": user}, "threshold": 0.0}
                found = (await client.post("/v3/memories/search/", json=query)).json()["results"]
                assert {row["user_id"] for row in found} == {user}
                assert len(found) == number + 1

        await asyncio.gather(*(work(f"user{number}") for number in range(8)))
