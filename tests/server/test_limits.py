"""What one principal may take, over real HTTP: refused in the upstream's own shape, and nobody else notices."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.backends.mem0_double import Gate, PlatformDouble, Trouble, platform_double
from tests.sidecar import Sidecar, mem0_at, sidecar

AWAY = "http://127.0.0.1:1"
MOUNTS: dict[str, object] = {
    "mem0": {"dialect": "mem0", "url": AWAY},
    "oss": {"dialect": "mem0", "flavor": "oss", "url": AWAY},
    "vectors": {"dialect": "pinecone", "url": AWAY},
    "zep": {"dialect": "zep", "url": AWAY},
    "graph": {"dialect": "graphiti", "url": AWAY},
    "api": {"dialect": "http", "url": AWAY, "reads": [{"path": "/search"}]},
}
#: One request and then, for the time of a test, none.
ONE = {"requests_per_second": 0.02, "burst": 1}
PRINCIPALS: list[dict[str, object]] = [
    {"name": "greedy", "key": "env:GREEDY", "role": "host"},
    {"name": "other", "key": "env:OTHER", "role": "host", "limits": {"requests_per_second": None}},
]
KEYS = {"GREEDY": "k-greedy", "OTHER": "k-other"}
GREEDY, OTHER = {"Memfw-Key": "k-greedy"}, {"Memfw-Key": "k-other"}


async def metric(http: aiohttp.ClientSession, running: Sidecar, begins: str) -> list[str]:
    async with http.get(f"{running.url}/metrics") as response:
        return [line for line in (await response.text()).splitlines() if line.startswith(begins)]


@pytest.mark.parametrize("mount", MOUNTS)
async def test_over_the_rate_in_the_upstreams_shape(
    http: aiohttp.ClientSession, tmp_path: Path, mount: str
) -> None:
    """429 with the time to come back at and our code; it is not sent, and another principal still is served."""
    config = {
        "upstreams": MOUNTS,
        "principals": PRINCIPALS,
        "limits": {"per_principal": ONE},
    }
    async with sidecar(tmp_path, config, environ=KEYS) as running:
        async with http.get(f"{running.url}/v1/policy", headers=GREEDY) as response:
            assert response.status == 200
        url = f"{running.url}/{mount}/v1/memories/search/"
        for again in range(3):
            async with http.post(url, json={"query": "q"}, headers=GREEDY) as response:
                body: dict[str, Any] = await response.json()
                assert response.status == 429
                assert 1 <= int(response.headers["Retry-After"]) <= 60
            assert "rate_limited" in str(body)
            shown = {
                "mem0": body.get("code") == "rate_limited" and "detail" in body,
                "oss": "detail" in body,
                "vectors": body.get("code") == 8 and body.get("details") == [],
                "zep": body.get("message") == "too many requests of this key",
                "graph": "detail" in body,
                "api": bool(body),
            }
            assert shown[mount], body
            limited = await metric(http, running, "memfw_limited_total")
            assert limited == [f'memfw_limited_total{{cause="rate",principal="greedy"}} {again + 1.0}']
        for _ in range(3):
            async with http.post(url, json={"query": "q"}, headers=OTHER) as response:
                assert response.status != 429
            async with http.get(f"{running.url}/v1/policy", headers=OTHER) as response:
                assert response.status == 200
        assert await metric(
            http, running, f'memfw_denied_total{{code="rate_limited",upstream="{mount}"}} 3.0'
        )


async def test_over_the_rate_of_the_native_api(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """The one error shape, with the time to come back at; health and metrics ask for no key and are not limited."""
    config = {"principals": PRINCIPALS, "limits": {"per_principal": ONE}}
    async with sidecar(tmp_path, config, environ=KEYS) as running:
        async with http.get(f"{running.url}/v1/upstreams", headers=GREEDY) as response:
            assert response.status == 200
        for _ in range(2):
            async with http.get(f"{running.url}/v1/upstreams", headers=GREEDY) as response:
                body = await response.json()
                assert (response.status, body["error"], body["status"]) == (429, "rate_limited", 429)
                assert int(response.headers["Retry-After"]) >= 1
        for path in ("/healthz", "/readyz", "/metrics"):
            async with http.get(running.url + path, headers=GREEDY) as response:
                assert response.status == 200


async def test_a_wrong_key_takes_nothing_of_a_right_one(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Who is nobody is refused as nobody, and counted as that."""
    config = {"upstreams": MOUNTS, "principals": PRINCIPALS, "limits": {"per_principal": ONE}}
    async with sidecar(tmp_path, config, environ=KEYS) as running:
        for _ in range(5):
            async with http.get(f"{running.url}/mem0/v1/ping/", headers={"Memfw-Key": "guess"}) as response:
                assert response.status == 403
        async with http.get(f"{running.url}/v1/policy", headers=GREEDY) as response:
            assert response.status == 200
        assert await metric(http, running, 'memfw_denied_total{code="key_unknown",upstream="mem0"} 5.0')
        assert await metric(http, running, "memfw_limited_total{") == []
        for headers, code in (
            ({"Memfw-Key": "guess"}, "key_unknown"),
            ({}, "key_required"),
            (GREEDY, "rate_limited"),
        ):
            async with http.get(f"{running.url}/v1/policy", headers=headers) as response:
                assert response.status in (401, 403, 429)
            assert await metric(http, running, f'memfw_denied_total{{code="{code}",upstream="native"}} 1.0')


async def test_nobody_is_limited_by_default(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Without limits there is nothing to look at for each request."""
    async with sidecar(tmp_path, {"principals": PRINCIPALS}, environ=KEYS) as running:
        assert running.house.services.allowances is None
        for _ in range(50):
            async with http.get(f"{running.url}/v1/policy", headers=GREEDY) as response:
                assert response.status == 200


async def test_everybody_local_shares_the_default(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Without principals the default is for all together."""
    async with sidecar(tmp_path, {"limits": {"per_principal": ONE}}, environ={}) as running:
        for status in (200, 429):
            async with http.get(f"{running.url}/v1/policy") as response:
                assert response.status == status
        assert len(await metric(http, running, 'memfw_limited_total{cause="rate",principal="local"}')) == 1


@asynccontextmanager
async def busy(tmp_path: Path, places: int) -> AsyncIterator[tuple[Sidecar, PlatformDouble]]:
    """A Mem0 behind memfw, which each principal may ask so many times at once."""
    async with platform_double() as double:
        config = {
            "upstreams": mem0_at(double.url),
            "principals": PRINCIPALS,
            "limits": {"per_principal": {"concurrency": places}},
        }
        async with sidecar(tmp_path, config, environ=KEYS) as running:
            yield running, double


@pytest.mark.parametrize("path", ["/v1/ping/", "/v1/memories/m1/"])
async def test_too_many_at_once(http: aiohttp.ClientSession, tmp_path: Path, path: str) -> None:
    """A second request while the first waits at the upstream is refused at once, governed or passed on; then its place is
    free again, also when the first client has gone."""
    async with busy(tmp_path, 1) as (running, double):
        double.answer("GET", path, {"id": "m1", "memory": "a fact", "user_id": "u"})
        gate = Gate()
        double.trouble(Trouble(gate=gate))
        first = asyncio.ensure_future(http.get(running.mem0 + path, headers=GREEDY))
        await gate.reached.wait()
        for headers, status in ((GREEDY, 429), (GREEDY, 429), (OTHER, 200)):
            async with http.get(running.mem0 + path, headers=headers) as response:
                assert response.status == status
        async with http.get(f"{running.url}/v1/policy", headers=GREEDY) as response:
            assert response.status == 429
            assert (await response.json())["error"] == "concurrency_limited"
        gate.opened.set()
        async with await first as response:
            assert response.status == 200
            await response.read()
        for target in (running.mem0 + path, f"{running.url}/v1/policy"):
            async with http.get(target, headers=GREEDY) as response:
                assert response.status == 200


async def test_a_failure_gives_the_place_back(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """An upstream that breaks off, a body that is none, a route that is unknown: each ends its request."""
    async with busy(tmp_path, 1) as (running, double):
        double.trouble(Trouble(reset=True), times=4)
        for _ in range(2):
            async with http.post(
                f"{running.mem0}/v3/memories/search/", json={"query": "q"}, headers=GREEDY
            ) as got:
                assert got.status >= 400
            async with http.get(f"{running.mem0}/no/such/route", headers=GREEDY) as got:
                assert got.status == 403
            async with http.post(f"{running.url}/v1/observe", data=b"{", headers=GREEDY) as got:
                assert got.status == 400
            double.calm()
        async with http.get(f"{running.url}/v1/policy", headers=GREEDY) as got:
            assert got.status == 200
