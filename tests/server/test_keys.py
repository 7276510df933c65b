"""Whose key opens what, over real HTTP: digests in the config, an upstream's own key, and the admin token."""

from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest

from firewall.admin_token import AdminToken, rotate
from tests.backends.mem0_double import platform_double
from tests.sidecar import Sidecar, mem0_at, sidecar

CLEAR = "the-clear-key-of-a-team"
VENDOR = "m0-the-vendors-own-key"
ADMIN_ROUTE = "/v1/entities/user/u1/"
READ_ROUTE = "/v1/ping/"


def digest(key: str) -> str:

    return sha256(key.encode()).hexdigest()


async def status(http: aiohttp.ClientSession, method: str, url: str, **headers: str) -> int:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http.request(method, url, headers=sent) as response:
        await response.read()
        return response.status


async def test_a_digest_is_enough(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """The key opens both doors though no clear key is anywhere; the digest itself opens none."""
    async with platform_double() as double:
        double.answer("GET", READ_ROUTE, {"status": "ok"})
        config = {
            "upstreams": mem0_at(double.url),
            "principals": [{"name": "team", "key_sha256": digest(CLEAR)}],
        }
        async with sidecar(tmp_path, config, environ={}) as running:
            native, dropin = f"{running.url}/v1/policy", running.mem0 + READ_ROUTE
            assert await status(http, "GET", native, Memfw_Key=CLEAR) == 200
            assert await status(http, "GET", native, Authorization=f"Bearer {CLEAR}") == 200
            assert await status(http, "GET", native, X_Api_Key=CLEAR) == 200
            assert await status(http, "GET", dropin, Authorization=f"Token {CLEAR}") == 200
            for url in (native, dropin):
                assert await status(http, "GET", url, Memfw_Key=digest(CLEAR)) == 403
                assert await status(http, "GET", url) == 401
        assert CLEAR not in (tmp_path / "memfw.yaml").read_text()


async def test_an_upstreams_own_key(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Clients change nothing: their own key is who they are, goes on as it came, and opens no native route."""
    principals = [
        {
            "name": "vendor",
            "key": "env:VENDOR",
            "upstream_key": True,
            "role": "agent",
            "pin": {"mem0": {"user_id": "u1"}},
        },
    ]
    async with platform_double() as double:
        rows = [{"id": name, "memory": f"of {name}", "user_id": name} for name in ("u1", "u2")]
        double.answer("POST", "/v3/memories/search/", {"results": rows})
        double.answer("GET", READ_ROUTE, {"status": "ok"})
        config = {"upstreams": mem0_at(double.url), "principals": principals}
        async with sidecar(tmp_path, config, environ={"VENDOR": VENDOR}) as running:
            headers = {"Authorization": f"Token {VENDOR}"}
            search = {"query": "q", "filters": {"user_id": "u1"}}
            async with http.post(f"{running.mem0}/v3/memories/search/", json=search, headers=headers) as got:
                assert [row["id"] for row in (await got.json())["results"]] == ["u1"]
            assert await status(http, "GET", running.mem0 + READ_ROUTE, **headers) == 200
            for request in double.received:
                assert dict(request.headers)["Authorization"] == f"Token {VENDOR}"
            asked = len(double.received)
            for sent in ({"Memfw_Key": VENDOR}, {"Authorization": f"Bearer {VENDOR}"}, {"X_Api_Key": VENDOR}):
                for path in ("/v1/policy", "/v1/upstreams", "/v1/decisions/x"):
                    assert await status(http, "GET", running.url + path, **sent) == 403
            assert (
                await status(http, "GET", running.mem0 + READ_ROUTE, Authorization="Token m0-another") == 403
            )
            assert await status(http, "GET", running.mem0 + READ_ROUTE) == 401
            assert len(double.received) == asked


async def admin_statuses(http: aiohttp.ClientSession, running: Sidecar, token: str) -> tuple[int, int]:
    """Of a route of the upstream that only an admin may use, and of a native one."""
    dropin = await status(
        http, "DELETE", running.mem0 + ADMIN_ROUTE, Memfw_Key=token, Authorization="Token m0-somebody"
    )
    return dropin, await status(http, "GET", f"{running.url}/v1/policy", Memfw_Key=token)


async def test_the_admin_token(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Keyless, everybody is local and administers nothing; the token's holder does. Any other key is still nobody's
    error, because a client's own for the upstream is in that place; its own goes on, the token does not."""
    url, told = f"sqlite:///{tmp_path}/memfw.db", list[str]()
    AdminToken(url, told.append).first()
    async with platform_double() as double:
        double.answer("DELETE", "/v2/entities/user/u1/", {"message": "ok"})
        double.answer("DELETE", ADMIN_ROUTE, {"message": "ok"})
        async with sidecar(tmp_path, {"upstreams": mem0_at(double.url)}, environ={}) as running:
            assert (await admin_statuses(http, running, "somebody-else"))[0] == 403
            assert (await admin_statuses(http, running, told[0] + "x"))[0] == 403
            assert double.received == []
            assert await admin_statuses(http, running, told[0]) == (200, 200)
            assert told[0] not in str(double.received)
            assert dict(double.received[-1].headers)["Authorization"] == "Token m0-somebody"
            new = rotate(url)
            running.house.reload()
            assert (await admin_statuses(http, running, told[0]))[0] == 403
            assert await admin_statuses(http, running, new) == (200, 200)


async def test_the_admin_token_goes_to_no_upstream(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Where the client's key goes through, the token in its place is refused and not sent; where memfw holds the key,
    that is sent in its place."""
    url, told = f"sqlite:///{tmp_path}/memfw.db", list[str]()
    AdminToken(url, told.append).first()
    async with platform_double() as double:
        double.answer("DELETE", ADMIN_ROUTE, {"message": "ok"})
        held = mem0_at(double.url, auth={"inject": "env:HELD"})
        config = {"upstreams": {**mem0_at(double.url), "held": held["mem0"]}}
        async with sidecar(tmp_path, config, environ={"HELD": VENDOR}) as running:
            headers = {"Authorization": f"Token {told[0]}"}
            async with http.delete(running.mem0 + ADMIN_ROUTE, headers=headers) as got:
                assert got.status == 403
                assert (await got.json())["code"] == "key_misplaced"
            assert double.received == []
            assert await status(http, "DELETE", f"{running.url}/held{ADMIN_ROUTE}", **headers) == 200
            assert [dict(request.headers)["Authorization"] for request in double.received] == [
                f"Token {VENDOR}"
            ]


@pytest.mark.parametrize("key", [CLEAR, "a key of several words"])
@pytest.mark.parametrize("route", [READ_ROUTE, "/v1/memories/?user_id=u1"])
async def test_a_memfw_key_goes_to_no_upstream(
    http: aiohttp.ClientSession, tmp_path: Path, route: str, key: str
) -> None:
    """Said in other vendors' headers too, because a client speaks to several mounts: only our key for the upstream goes."""
    async with platform_double() as double:
        double.answer("GET", route, [] if "?" in route else {"status": "ok"})
        config = {
            "upstreams": mem0_at(double.url, auth={"inject": "env:HELD"}),
            "principals": [{"name": "team", "key_sha256": digest(key)}],
        }
        async with sidecar(tmp_path, config, environ={"HELD": VENDOR}) as running:
            said_again = {"X_Api_Key": key, "Api_Key": f"Key\t{key}", "X_Cut": f"{key} and more"}
            for own in ({"Memfw_Key": key}, {"Authorization": f"Token {key}"}):
                others = {**said_again, "X_Other": "kept", "X_Empty": ""}
                assert await status(http, "GET", running.mem0 + route, **own, **others) == 200
                headers = dict(double.received[-1].headers)
                assert key not in str(headers)
                assert headers["Authorization"] == f"Token {VENDOR}"
                assert (headers["X-Other"], headers["X-Empty"]) == ("kept", "")


async def test_the_admin_token_beside_a_clients_own_key_goes_nowhere(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The client's key goes through as it came; the token, which that upstream would not look at, does not."""
    url, told = f"sqlite:///{tmp_path}/memfw.db", list[str]()
    AdminToken(url, told.append).first()
    async with platform_double() as double:
        double.answer("GET", READ_ROUTE, {"status": "ok"})
        async with sidecar(tmp_path, {"upstreams": mem0_at(double.url)}, environ={}) as running:
            again = {"X_Api_Key": told[0], "X_Cut": f"{told[0]} and more", "X_Tab": f"Key\t{told[0]}"}
            both = {"Authorization": f"Token {VENDOR}", "X_Empty": "", **again}
            assert await status(http, "GET", running.mem0 + READ_ROUTE, **both) == 200
        assert told[0] not in str(double.received)
        headers = dict(double.received[-1].headers)
        assert (headers["Authorization"], headers["X-Empty"]) == (f"Token {VENDOR}", "")


@pytest.mark.parametrize("native", [True, False])
async def test_no_admin_token_beside_principals(
    http: aiohttp.ClientSession, tmp_path: Path, *, native: bool
) -> None:
    """A digest that an earlier keyless set-up left behind opens nothing, and none is made."""
    url, told = f"sqlite:///{tmp_path}/memfw.db", list[str]()
    AdminToken(url, told.append).first()
    config = {
        "upstreams": mem0_at("http://127.0.0.1:1"),
        "principals": [{"name": "team", "key_sha256": digest(CLEAR)}],
    }
    async with sidecar(tmp_path, config, environ={}) as running:
        target = f"{running.url}/v1/policy" if native else running.mem0 + READ_ROUTE
        assert await status(http, "GET", target, Memfw_Key=told[0]) == 403
