"""Planted secrets, and everything that memfw says while it is asked well, badly and with bad will: none of them is in it.

A real process with every setting that holds a secret. Read is what it logs at its most talkative, what it measures, what
it answers to anybody, what it knows of decisions, and every byte that it keeps.
"""

import asyncio
import contextlib
import json
import os
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from firewall.config import load_config
from firewall.service.principals import ADMIN_PREFIX
from tests.backends.mem0_double import PlatformDouble, platform_double
from tests.certificates import Authority
from tests.process.running import Process, serving, start

PLANTED = {
    "TEAM_KEY": "planted-team-key-0001",
    "ADMIN_KEY": "planted-admin-key-0002",
    "VENDOR_KEY": "m0-planted-vendor-key-0003",
    "HELD_KEY": "m0-planted-held-key-0004",
    "GATE_SECRET": "planted-gate-secret-0005",
    "TLS_PASSWORD": "planted-tls-password-0006",
    "INDEX_KEY": "planted-index-key-0007-of-some-length",
    "REDIS_URL": "redis://memfw:planted-redis-password-0008@127.0.0.1:1/0",
}
#: What somebody sends who is nobody here: it may well open another door.
STRANGE = "planted-strange-key-0009"
SEARCH = "/v3/memories/search/"
FEEDBACK = "/v1/feedback/"


def config_of(upstream: str, authority: Authority) -> dict[str, object]:
    issued = authority.issue(password=PLANTED["TLS_PASSWORD"])
    tls = {"cert": str(issued.cert), "key": str(issued.key), "key_password": "env:TLS_PASSWORD"}
    mem0 = {"dialect": "mem0", "url": upstream}
    return {
        "listen": {"port": 0, "tls": tls},
        "log": {"level": "debug"},
        "upstreams": {
            "mem0": {**mem0, "headers": {"X-Gate-Secret": "env:GATE_SECRET"}},
            "held": {
                **mem0,
                "auth": {"inject": "env:HELD_KEY"},
                "headers": {"X-Gate-Secret": "env:GATE_SECRET"},
            },
            "away": {"dialect": "mem0", "url": "http://127.0.0.1:1", "auth": {"inject": "env:HELD_KEY"}},
            "vectors": {"dialect": "pinecone", "url": upstream, "index_key": "env:INDEX_KEY"},
        },
        "principals": [
            {"name": "team", "key": "env:TEAM_KEY", "role": "host", "limits": {"requests_per_second": 500}},
            {
                "name": "admin",
                "key": "env:ADMIN_KEY",
                "role": "admin",
                "limits": {"requests_per_second": None},
            },
            {"name": "vendor", "key": "env:VENDOR_KEY", "upstream_key": True},
        ],
    }


def refusing(double: PlatformDouble) -> None:
    """An upstream that repeats what it was sent when it refuses it."""
    said = {"detail": f"{PLANTED['HELD_KEY']} is no good, nor is {PLANTED['GATE_SECRET']}"}
    double.answer("GET", "/v1/memories/echo/", said, status=401)
    double.answer("POST", "/v2/memories/", said, status=403)
    double.answer("GET", "/v1/ping/?again=1", said, status=401)


class Heard:
    """Everything that was answered to whoever asked."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url, self._http = url, http
        self.texts: list[str] = []
        self.statuses: set[int] = set()

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        data: bytes = b"",
    ) -> Any:
        content = msgspec.json.encode(body) if body is not None else data
        async with self._http.request(method, self._url + path, data=content, headers=headers) as response:
            text = await response.text()
            self.statuses.add(response.status)
            self.texts.append(f"{response.status} {dict(response.headers)} {text}")
            with contextlib.suppress(ValueError):
                return json.loads(text)
            return text


def keys() -> Iterator[dict[str, str]]:
    """Every planted key and a strange one, in every place where a key may stand."""
    for key in (*PLANTED.values(), STRANGE):
        yield {"Memfw-Key": key}
        yield {"Authorization": f"Bearer {key}"}
        yield {"Authorization": f"Token {key}"}
        yield {"X-Api-Key": key, "Api-Key": key}


async def drive(heard: Heard) -> None:
    """Asks well, badly, and with bad will."""
    search = {"query": "q", "filters": {"user_id": "u"}}
    step = {"run_id": "r1", "steps": [{"title": "a step", "status": "failed"}], "text": "the route failed"}
    for headers in keys():
        for path in (
            "/v1/policy",
            "/v1/upstreams",
            "/v1/routes",
            "/v1/quarantine",
            "/v1/decisions/none",
            "/v1/none",
        ):
            await heard.ask("GET", path, headers=headers)
        await heard.ask("POST", "/v1/observe", step, headers)
        await heard.ask("POST", "/v1/memory/govern", {"query_text": "q", "candidates": []}, headers)
        await heard.ask("POST", "/v1/recall", {"query": "q", "upstreams": ["held", "away"]}, headers)
        for mount in ("mem0", "held", "away", "vectors"):
            answer = await heard.ask("POST", f"/{mount}{SEARCH}", search, headers)
            await heard.ask("GET", f"/{mount}/v1/ping/", headers=headers)
            await heard.ask("GET", f"/{mount}/v1/memories/echo/", headers=headers)
            await heard.ask("GET", f"/{mount}/v1/ping/?again=1", headers=headers)
            await heard.ask("POST", f"/{mount}/v2/memories/", {"filters": {"user_id": "u"}}, headers)
            await heard.ask(
                "POST", f"/{mount}{FEEDBACK}", {"memory_id": "m1", "feedback": "POSITIVE"}, headers
            )
            await heard.ask("POST", f"/{mount}/v3/memories/add/", {"messages": [], "user_id": "u"}, headers)
            await heard.ask("DELETE", f"/{mount}/v1/entities/user/u/", headers=headers)
            await heard.ask("GET", f"/{mount}/no/such/route", headers=headers)
            decision = answer.get("firewall", {}).get("decision_id") if isinstance(answer, dict) else None
            if decision:
                await heard.ask("GET", f"/v1/decisions/{decision}", headers=headers)
        await heard.ask("POST", "/v1/observe", data=b"{", headers=headers)
        await heard.ask("POST", f"/mem0{SEARCH}", data=b"\xff{", headers=headers)
        await heard.ask("POST", f"/mem0{SEARCH}", search, {**headers, "Content-Encoding": "gzip"})
        await heard.ask("GET", "/v1/policy", headers={**headers, "X-Filler": "x" * 20_000})


async def rude(process: Process, context: ssl.SSLContext) -> list[str]:
    """Requests that are none, with keys in every corner of them; what was answered."""
    host, port = process.address
    answered = []
    for key in (PLANTED["TEAM_KEY"], STRANGE):
        for data in (
            f"GET /mem0/v1/memories/{key}/?api_key={key} HTTP/1.1\r\nHost: {key}\r\nMemfw-Key: x\r\n\r\n",
            f"GET /v1/{key}?key={key} HTTP/1.1\r\nHost: me\r\nMemfw-Key: x\r\n\r\n",
            f"GET /v1/decisions/{key} HTTP/1.1\r\nHost: me\r\nMemfw-Key: x\r\n\r\n",
            f"GET /mem0/ HTTP/1.1\r\nHost: me\r\nMemfw-Key: {key}\r\nMemfw-Scope: {key}\r\n\r\n",
            f"GET /mem0/ HTTP/1.1\r\nHost: me\r\nMemfw-Key: {key}\r\nMemfw-Mode: {key}\r\n\r\n",
            f"GET /mem0/ HTTP/1.1\r\nHost: me\r\nMemfw-Key: {key}\r\nMemfw-After: {key}\r\n\r\n",
            f"GET /v1/policy HTTP/1.1\r\nHost: me\r\nMemfw-Key: {key}\r\nX-Tenant-Id: {key}\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            writer.write(data.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").encode())
            answered.append((await reader.read()).decode("latin-1"))
            writer.close()
    return answered


async def impolite(process: Process, context: ssl.SSLContext) -> None:
    """What is no HTTP at all. The parser tells the sender where its own bytes went wrong, so that answer is its own."""
    host, port = process.address
    key = PLANTED["TEAM_KEY"]
    for data in (
        f"{key}\r\n\r\n",
        f"GET / HTTP/{key}\r\n\r\n",
        f"GET /mem0/ HTTP/1.1\r\nHost: me\r\nMemfw-Key {key}\r\n\r\n",
        f"GET /mem0/ HTTP/1.1\r\nHost: me\r\nMemfw-Key: {key}\x00\r\n\r\n",
        f"POST /v1/observe HTTP/1.1\r\nHost: me\r\nContent-Length: {key}\r\n\r\n",
        f"GET /{key} HTTP/1.1\r\nHost: me\r\nMemfw-Key: {key * 2000}\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
        writer.write(data.encode())
        writer.write_eof() if writer.can_write_eof() else None
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(10):
                await reader.read(1 << 16)
        writer.close()


def kept_in(folder: Path, *but: str) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name not in but:
            yield file.name, file.read_bytes()


@contextlib.asynccontextmanager
async def asked(process: Process, authority: Authority) -> AsyncIterator[Heard]:
    context = ssl.create_default_context(cafile=authority.ca)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
        yield Heard(process.url, http)


async def test_no_planted_secret_is_anywhere(tmp_path: Path) -> None:
    """Whatever is asked, and by whomever."""
    state, certificates = tmp_path / "state", tmp_path / "certificates"
    state.mkdir()
    certificates.mkdir()
    authority = Authority(certificates)
    async with platform_double() as double:
        double.answer("POST", SEARCH, {"results": [{"id": "m1", "memory": "a fact", "user_id": "u"}]})
        double.answer("GET", "/v1/ping/", {"status": "ok"})
        refusing(double)
        config = config_of(double.url, authority)
        async with serving(state, config, environ=PLANTED) as process, asked(process, authority) as heard:
            await drive(heard)
            texts = heard.texts + await rude(process, ssl.create_default_context(cafile=authority.ca))
            await impolite(process, ssl.create_default_context(cafile=authority.ca))
            await heard.ask("GET", "/metrics")
            await heard.ask("GET", "/readyz")
            texts += heard.texts[-2:]
        # The upstream was told, and so somebody could have been.
        sent = str([request.headers for request in double.received])
        assert PLANTED["HELD_KEY"] in sent
        assert PLANTED["GATE_SECRET"] in sent
        assert STRANGE not in sent
    assert {200, 400, 401, 403, 404, 415} <= heard.statuses
    ring = json.loads((state / "memfw.db.keys").read_text())
    secrets = [*PLANTED.values(), "planted-", STRANGE, *(key["secret"] for key in ring["keys"])]
    logged = json.dumps(process.lines)
    settings = load_config(state / "memfw.yaml", {**os.environ, **PLANTED})
    told = [
        *texts,
        logged,
        repr(settings),
        str(settings),
        str(settings.model_dump()),
        settings.model_dump_json(),
    ]
    assert len(process.lines) > 20
    for secret in secrets:
        assert [text for text in told if secret in text] == []
        for name, content in kept_in(state, "memfw.db.keys"):
            assert secret.encode() not in content, name


async def test_no_secret_of_a_keyless_set_up(tmp_path: Path) -> None:
    """The admin token is on the one line that tells it, and a client's own key nowhere."""
    async with platform_double() as double:
        double.answer("POST", SEARCH, {"results": [{"id": "m1", "memory": "a fact", "user_id": "u"}]})
        refusing(double)
        config = {"log": {"level": "debug"}, "upstreams": {"mem0": {"dialect": "mem0", "url": double.url}}}
        async with serving(tmp_path, config) as process, aiohttp.ClientSession() as http:
            (told,) = [line for line in process.lines if ADMIN_PREFIX in line["message"]]
            token = told["message"].rpartition(" ")[2]
            heard = Heard(process.url, http)
            for headers in (
                {"Memfw-Key": token},
                {"Authorization": f"Token {token}"},
                {"Authorization": f"Token {STRANGE}"},
            ):
                await heard.ask(
                    "POST", f"/mem0{SEARCH}", {"query": "q", "filters": {"user_id": "u"}}, headers
                )
                await heard.ask("GET", "/v1/policy", headers=headers)
                await heard.ask("DELETE", "/mem0/v1/entities/user/u/", headers=headers)
                await heard.ask("POST", "/v1/observe", {"text": "a note"}, headers)
            await heard.ask("GET", "/metrics")
        assert token not in str([request.headers for request in double.received])
    told_elsewhere = [*heard.texts, json.dumps([line for line in process.lines if line is not told])]
    for secret in (token, STRANGE):
        assert [text for text in told_elsewhere if secret in text] == []
        assert [name for name, content in kept_in(tmp_path) if secret.encode() in content] == []


async def test_a_start_that_fails_shows_none(tmp_path: Path) -> None:
    """Neither a store that cannot be had nor a config that is wrong around its secrets."""
    broken = {
        "state": {"url": "env:REDIS_URL"},
        "upstreams": {
            "m": {"dialect": "mem0", "url": "http://a", "auth": {"inject": "env:HELD_KEY"}, "no": 1}
        },
        "principals": [{"name": "a", "key": "env:TEAM_KEY", "role": "king"}],
    }
    for config in (broken, {"state": {"url": "env:REDIS_URL"}}, {"state": {"url": PLANTED["REDIS_URL"]}}):
        process = await start(tmp_path, config, environ=PLANTED)
        assert await process.ended() == 2
        assert process.lines
        assert "planted-" not in str(process.lines)
    settings = load_config(None, {"MEMFW_STATE__URL": "env:REDIS_URL", **PLANTED})
    assert "planted-" not in f"{settings!r} {settings}"
