"""Requests and answers: who asks, in which scope, and how each kind of failure looks to the caller."""

import socket

import aiohttp
import pytest

from firewall.client import AnswerIssue, Memfw, MemfwAnswerError, MemfwError
from firewall.client.wire import MOST_PLACES
from tests.client.double import Double


async def test_key_tenant_and_scope_go_along(server: Double) -> None:
    """The key is in the header, tenant and scope are in each request; what the body says comes first, None says nothing."""
    async with Memfw(server.url + "/", key="k-1", tenant_id="acme", scope="checkout") as memfw:
        await memfw.observe({"input_text": "x", "scope": "billing", "tenant_id": None})
        await memfw.skills.list("all")
    written, read = server.asked
    assert written.body == {"tenant_id": "acme", "scope": "billing", "input_text": "x"}
    assert written.headers["Authorization"] == "Bearer k-1"
    assert (read.method, read.path) == ("GET", "/v1/skills/candidates")
    assert dict(read.query) == {"tenant_id": "acme", "scope": "checkout", "status": "all"}


async def test_without_a_key_no_header(server: Double, client: Memfw) -> None:
    """A keyless memfw gets no credentials."""
    await client.observe({"input_text": "x"})
    assert "Authorization" not in server.asked[0].headers


async def test_the_servers_error(server: Double, client: Memfw) -> None:
    """Status, code, message, issues and the time to wait, as the server said them."""
    issue = {"path": "execution.outcome", "message": "no such outcome"}
    body = {"status": 400, "error": "invalid_request", "message": "problems: 1", "issues": [issue]}
    server.answer("/v1/observe", body, status=400, headers={"Retry-After": "3"})
    with pytest.raises(MemfwAnswerError) as refused:
        await client.observe({"input_text": "x"})
    error = refused.value
    assert (error.status, error.code, error.message) == (400, "invalid_request", "problems: 1")
    assert error.issues == (AnswerIssue("execution.outcome", "no such outcome"),)
    assert error.retry_after == 3.0
    assert isinstance(error, MemfwError)


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b'{"error": 7}'])
async def test_somebody_elses_error(server: Double, client: Memfw, body: bytes) -> None:
    """A gateway's error is known by its status."""
    server.answer("/v1/observe", body, status=502)
    with pytest.raises(MemfwAnswerError) as refused:
        await client.observe({"input_text": "x"})
    assert (refused.value.status, refused.value.code) == (502, "http_502")


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"half": '])
async def test_what_is_no_object_is_no_answer(server: Double, client: Memfw, body: bytes) -> None:
    """Nothing half-parsed is given to the caller."""
    server.answer("/v1/guide", body)
    with pytest.raises(MemfwError) as refused:
        await client.guide({"query_text": "x"})
    assert refused.value.code == "answer_invalid"


async def test_a_redirect_is_not_followed(server: Double) -> None:
    """The key is for this server and no other."""
    server.answer("/v1/observe", {}, status=307, headers={"Location": "http://127.0.0.1:9/v1/observe"})
    async with Memfw(server.url, key="k-1") as memfw:
        with pytest.raises(MemfwAnswerError) as refused:
            await memfw.observe({"input_text": "x"})
    assert refused.value.status == 307


async def test_nobody_there() -> None:
    """A refused connection has a code of its own."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with Memfw(f"http://127.0.0.1:{port}") as memfw:
        with pytest.raises(MemfwError) as refused:
            await memfw.observe({"input_text": "x"})
    assert refused.value.code == "unreachable"


async def test_late() -> None:
    """A server that takes the request and says nothing is late."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with Memfw(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.05) as memfw:
            with pytest.raises(MemfwError) as refused:
                await memfw.observe({"input_text": "x"})
    assert refused.value.code == "timeout"


async def test_a_given_session_stays_open(server: Double) -> None:
    """Who brought the session closes it."""
    async with aiohttp.ClientSession() as session:
        async with Memfw(server.url, session=session) as memfw:
            await memfw.observe({"input_text": "x"})
        assert not session.closed


async def test_a_closed_client_opens_no_more_connections(server: Double) -> None:
    """Closing is for good, and twice is once."""
    memfw = Memfw(server.url)
    await memfw.observe({"input_text": "x"})
    await memfw.close()
    await memfw.close()
    with pytest.raises(MemfwError) as refused:
        await memfw.observe({"input_text": "x"})
    assert refused.value.code == "client_closed"
    assert len(server.asked) == 1


@pytest.mark.parametrize("text", ["\ud800", object()])
async def test_what_cannot_be_sent(server: Double, client: Memfw, text: object) -> None:
    """What is no JSON in UTF-8 is refused before anything is sent."""
    with pytest.raises(MemfwError) as refused:
        await client.observe({"input_text": text})
    assert refused.value.code == "body_invalid"
    assert server.asked == []


async def test_what_was_written_is_read(server: Double, client: Memfw) -> None:
    """The offset of the last write to a scope goes along with each later request to it, and with no other."""
    server.answer("/v1/observe", {}, headers={"Memfw-After": "7"})
    server.answer("/v1/feedback", {}, headers={"Memfw-After": "5"})
    await client.observe({"input_text": "x"})
    await client.feedback({"run_id": "r"})
    await client.guide({"query_text": "q"})
    await client.skills.list()
    await client.guide({"query_text": "q", "scope": "billing"})
    offsets = [asked.headers.get("Memfw-After") for asked in server.asked]
    assert offsets == [None, "7", "7", "7", None]


async def test_a_log_that_began_anew(server: Double, client: Memfw) -> None:
    """A server that never gets to an offset is asked for it once."""
    server.answer("/v1/observe", {}, headers={"Memfw-After": "7"})
    server.answer("/v1/guide", {"error": "state_behind", "message": "no"}, status=503)
    server.answer("/v1/guide", {"guide_trace_id": "gt-1"})
    await client.observe({"input_text": "x"})
    with pytest.raises(MemfwAnswerError):
        await client.guide({"query_text": "q"})
    assert await client.guide({"query_text": "q"}) == {"guide_trace_id": "gt-1"}
    assert [asked.headers.get("Memfw-After") for asked in server.asked] == [None, "7", None]


async def test_the_last_writes_of_many_scopes_are_bounded(server: Double, client: Memfw) -> None:
    """The oldest scope is forgotten first."""
    server.answer("/v1/observe", {}, headers={"Memfw-After": "7"})
    for number in range(MOST_PLACES + 1):
        await client.observe({"input_text": "x", "scope": f"s{number}"})
    await client.guide({"query_text": "q", "scope": "s0"})
    await client.guide({"query_text": "q", "scope": "s1"})
    assert [asked.headers.get("Memfw-After") for asked in server.asked[-2:]] == [None, "7"]
