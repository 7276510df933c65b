"""The real mem0ai clients, with only `host=` changed, through memfw in front of the recorded platform."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.mem0_double import (
    PLATFORM_2,
    PlatformDouble,
    Recorded,
    Recording,
    platform_double,
    recordings,
)
from tests.conformance.clients import KINDS, RealClient, ask, real_client, without_firewall
from tests.sidecar import KEYS, mem0_at, principals, sidecar
from tests.stamps import unstamped

CALLS = [recording for recording in recordings(PLATFORM_2) if recording.name != "constructor"]

#: Refused for everyone: a Python literal in a query says nothing that a server could be trusted to understand.
REFUSED = "delete_all(options.filters)"

#: The recording's stub answered a filter for an agent with a row that is no agent's: a lying upstream, so nothing comes back.
OF_NOBODY = "search(options)"

#: What only an admin may ask for: it needs the role, or it has no scope that a row could be held against.
FOR_ADMINS = {
    "get_all(options)",
    "delete_users(user)",
    "delete_users()",
    "reset",
    "update_project",
    "update_profile_settings",
    "sample_profiles",
    "get_webhooks",
    "create_webhook",
    "update_webhook",
    "delete_webhook",
    "project.create",
    "project.update",
    "project.delete",
    "project.add_member",
    "project.update_member",
    "project.remove_member",
}

#: What every client of this package sends, and what has to arrive as it was sent.
FORWARDED = ("Accept", "User-Agent", "X-Mem0-Client", "Idempotency-Key")


@pytest.fixture
async def double() -> AsyncIterator[PlatformDouble]:
    """The recorded platform."""
    async with platform_double(PLATFORM_2) as running:
        yield running


def rewritten(request: Recorded) -> Any:
    """The body that upstream gets for a recorded one: whole rows, and more of them."""
    body = request.body
    if request.path != "/v3/memories/search/":
        return body
    whole = {name: value for name, value in body.items() if name != "fields"}
    return {**whole, "top_k": body.get("top_k", 10) + 10}


def expected(call: Recording) -> Any:
    """What the client returned when it was recorded; of a projection the fields that it asked for."""
    returned = without_firewall(call.sdk["returned"])
    if call.name == OF_NOBODY:
        return {"results": []}
    fields = call.requests[0].body.get("fields") if isinstance(call.requests[0].body, dict) else None
    if not fields:
        return returned
    rows = [{name: row[name] for name in fields if name in row} for row in returned["results"]]
    return {**returned, "results": rows}


def assert_received(double: PlatformDouble, call: Recording, key: str) -> None:
    """Method, target, headers and body as recorded, apart from what governing rewrites."""
    assert [(one.method, one.target) for one in double.received] == [
        (one.method, one.target) for one in call.requests
    ], call.name
    for got, sent in zip(double.received, call.requests, strict=True):
        assert unstamped(got.body) == rewritten(sent), call.name
        headers, recorded = dict(got.headers), dict(sent.headers)
        for name in FORWARDED:
            assert headers.get(name) == recorded.get(name), (call.name, name)
        assert headers["Authorization"] == f"Token {key}"
        assert headers["Mem0-User-ID"] == hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()
        assert headers["Host"] == double.url.removeprefix("http://")
        assert not [name for name in headers if name.lower().startswith("memfw")]


async def outcome_of(client: RealClient, call: Recording) -> Any:
    """The call's value, or the exception that it raised."""
    try:
        return await client.perform(call)
    except (ValueError, NotImplementedError) as error:
        return error


async def replay(client: RealClient, double: PlatformDouble, call: Recording, key: str) -> None:
    """One recorded call, made again: the same request upstream, the same value."""
    double.received.clear()
    outcome = await outcome_of(client, call)
    assert_received(double, call, key)
    if "raised" in call.sdk:
        assert f"{type(outcome).__name__}: {outcome}" == call.sdk["raised"]
    else:
        assert without_firewall(outcome) == expected(call), call.name


async def assert_denied(client: RealClient, double: PlatformDouble, call: Recording, code: str) -> None:
    """The client's own exception for a 403, with our code; upstream was not asked for anything but names."""
    from mem0.exceptions import AuthenticationError

    double.received.clear()
    with pytest.raises(AuthenticationError) as refused:
        await client.perform(call)
    assert refused.value.error_code == "HTTP_403", call.name
    assert refused.value.details["code"] == code, call.name
    assert {(one.method, one.target) for one in double.received} <= {("GET", "/v1/entities/")}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_recorded_call_round_trips(tmp_path: Path, double: PlatformDouble, kind: str) -> None:
    """All 53 calls of the recording give an admin the recorded values; the one ambiguous delete is refused."""
    config = {"upstreams": mem0_at(double.url), "principals": principals("admin")}
    key = KEYS["ADMIN_KEY"]
    async with sidecar(tmp_path, config) as memfw, real_client(memfw.mem0, key, kind) as client:
        assert [(one.method, one.target) for one in double.received] == [("GET", "/v1/ping/")]
        for call in CALLS:
            if call.name == REFUSED:
                await assert_denied(client, double, call, "scope_denied")
            else:
                await replay(client, double, call, key)
    assert len(CALLS) == 53


@pytest.mark.parametrize("kind", KINDS)
async def test_without_principals_what_needs_no_admin_works(
    tmp_path: Path, double: PlatformDouble, kind: str
) -> None:
    """A keyless memfw passes the client's own key through; what administers or has no scope is refused."""
    async with (
        sidecar(tmp_path, {"upstreams": mem0_at(double.url)}) as memfw,
        real_client(memfw.mem0, "m0-someones-own", kind) as client,
    ):
        for call in CALLS:
            if call.name in FOR_ADMINS:
                administers = call.requests[0].target.startswith("/api/") or "settings" in call.name
                await assert_denied(client, double, call, "admin_only" if administers else "scope_denied")
            elif call.name == REFUSED:
                await assert_denied(client, double, call, "scope_denied")
            else:
                await replay(client, double, call, "m0-someones-own")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", ["", "/"])
async def test_any_spelling_of_the_host_works(
    tmp_path: Path, double: PlatformDouble, kind: str, suffix: str
) -> None:
    """A slash at the end of `host` makes the async client send `//v1/ping/`: upstream sees one slash."""
    async with (
        sidecar(tmp_path, {"upstreams": mem0_at(double.url)}) as memfw,
        real_client(memfw.mem0 + suffix, "k", kind) as client,
    ):
        found = await client("search", "tea", filters={"user_id": "u1"})
        assert [row["memory"] for row in found["results"]] == ["Likes green tea"]
    assert [one.target for one in double.received] == ["/v1/ping/", "/v3/memories/search/"]


async def test_an_upstream_under_a_path_and_ids_that_need_escaping(tmp_path: Path) -> None:
    """The prefix of the upstream's URL comes first, and an id with a slash in it stays one segment."""
    async with platform_double() as double:
        double.answer("GET", "/t/acme/v1/ping/", {"status": "ok", "org_id": "o", "project_id": "p"})
        row = {"id": "a/b c?d", "memory": "Likes green tea", "user_id": "u1"}
        double.answer("GET", "/t/acme/v1/memories/a%2Fb%20c%3Fd/", row)
        async with (
            sidecar(tmp_path, {"upstreams": mem0_at(f"{double.url}/t/acme/")}) as memfw,
            real_client(memfw.mem0, "k") as client,
        ):
            assert without_firewall(await client("get", "a/b c?d")) == row


async def test_the_answer_says_what_memfw_did(tmp_path: Path, double: PlatformDouble) -> None:
    """The `firewall` object arrives with an unchanged client, and its receipt can be read back."""
    async with sidecar(tmp_path, {"upstreams": mem0_at(double.url)}) as memfw:
        async with real_client(memfw.mem0, "k") as client:
            found = await client("search", "tea", filters={"user_id": "u1"})
        said = found["firewall"]
        assert said["counts"]["admitted"] == 1
        assert said["withheld"] == []
        receipt = await ask(memfw.url, "GET", f"/v1/decisions/{said['decision_id']}")
        assert receipt.json["decision_id"] == said["decision_id"]
        assert receipt.json["upstream"] == "mem0"


async def test_pages_come_back_on_our_own_address(tmp_path: Path, double: PlatformDouble) -> None:
    """`next` and `previous` lead through memfw again, not to the upstream's host."""

    def page(number: int, following: str | None) -> dict[str, object]:
        row = {"id": f"m{number}", "memory": f"note {number}", "user_id": "u1"}
        return {"count": 2, "next": following, "previous": None, "results": [row]}

    async with sidecar(tmp_path, {"upstreams": mem0_at(double.url)}) as memfw:
        second = "/v3/memories/?page=2&page_size=1"
        double.answer("POST", "/v3/memories/?page=1&page_size=1", page(1, f"{double.url}{second}"))
        double.answer("POST", second, page(2, None))
        async with real_client(memfw.mem0, "k") as client:
            first = await client("get_all", filters={"user_id": "u1"}, page=1, page_size=1)
        assert first["next"] == memfw.mem0 + second
        followed = await ask(
            memfw.url,
            "POST",
            first["next"].removeprefix(memfw.url),
            key="k",
            body={"filters": {"user_id": "u1"}},
        )
        assert [row["memory"] for row in followed.json["results"]] == ["note 2"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_row_that_the_filter_asked_for_comes_back(
    tmp_path: Path, double: PlatformDouble, kind: str
) -> None:
    """The call whose recorded answer contradicts its filter, with an answer that does not."""
    call = next(call for call in CALLS if call.name == OF_NOBODY)
    row = {"id": "m1", "memory": "Likes green tea", "agent_id": "a1", "score": 0.91}
    double.answer("POST", "/v3/memories/search/", {"results": [row]})
    async with (
        sidecar(tmp_path, {"upstreams": mem0_at(double.url)}) as memfw,
        real_client(memfw.mem0, "k", kind) as client,
    ):
        assert without_firewall(await client.perform(call)) == {"results": [row]}


def test_the_calls_for_admins_are_recorded_calls() -> None:
    """No name in the table above is misspelt."""
    assert FOR_ADMINS | {REFUSED} <= {call.name for call in CALLS}
