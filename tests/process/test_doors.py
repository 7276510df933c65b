"""The door of a real process: TLS and its renewal, where it may listen, and the admin token that is told once."""

import asyncio
import signal
import ssl
from pathlib import Path

import pytest

from firewall.service.principals import ADMIN_PREFIX
from tests.certificates import Authority
from tests.process.running import Line, Process, serving, start

PASSWORD = "hush-hush-password"
PRINCIPALS = [{"name": "a", "key": "env:A_KEY"}]


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.ca)


async def secure(process: Process, context: ssl.SSLContext) -> tuple[Line, object]:
    """A connection over TLS, and the serial number of the certificate that was shown."""
    host, port = process.address
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    tls = writer.get_extra_info("ssl_object")
    shown = tls.getpeercert()
    assert shown
    return Line(reader, writer), shown["serialNumber"]


async def said(process: Process, message: str, times: int = 1) -> None:
    """Until the process has logged that so often."""
    async with asyncio.timeout(30):
        while process.messages().count(message) < times:  # noqa: ASYNC110  lines come from another process
            await asyncio.sleep(0.01)


async def test_tls_and_its_renewal(tmp_path: Path) -> None:
    """https in the ready line; SIGHUP takes a new certificate while an old connection goes on; a bad one changes nothing;
    SIGTERM ends it in order."""
    authority = Authority(tmp_path)
    issued = authority.issue(password=PASSWORD)
    tls = {"cert": str(issued.cert), "key": str(issued.key), "key_password": "env:TLS_PASSWORD"}
    config = {"listen": {"port": 0, "tls": tls}}
    async with serving(tmp_path, config, environ={"TLS_PASSWORD": PASSWORD}) as process:
        assert process.url.startswith("https://127.0.0.1:")
        context = trusting(authority)
        old, first = await secure(process, context)
        assert (await old.ask("GET", "/readyz")).status == 200
        authority.issue(password=PASSWORD)
        process.tell(signal.SIGHUP)
        await said(process, "certificate read")
        new, second = await secure(process, context)
        assert first != second
        for line in (old, new):
            assert (await line.ask("GET", "/readyz")).status == 200
            await line.close()
        issued.key.write_text("no key any more")
        process.tell(signal.SIGHUP)
        await said(process, "certificate not read again, the last one stays")
        line, third = await secure(process, context)
        assert third == second
        assert (await line.ask("GET", "/readyz")).status == 200
        await line.close()
        process.tell(signal.SIGTERM)
        assert await process.ended() == 0
    assert PASSWORD not in str(process.lines)
    assert "no key any more" not in str(process.lines)


async def test_tls_files_that_cannot_be_used(tmp_path: Path) -> None:
    """Exit 2; the file is named, what is in it is not."""
    issued = Authority(tmp_path).issue(password=PASSWORD)
    for tls, named in (
        ({"cert": "no.pem", "key": str(issued.key)}, "no.pem"),
        ({"cert": str(issued.cert), "key": str(issued.key)}, str(issued.cert)),
        ({"cert": str(issued.cert), "key": "env:TLS_KEY"}, str(issued.cert)),
    ):
        process = await start(
            tmp_path, {"listen": {"port": 0, "tls": tls}}, environ={"TLS_KEY": "hush-hush-no-key"}
        )
        assert await process.ended() == 2
        (message,) = process.messages()
        assert message.startswith(f"{named}: ")
        assert "hush" not in message


async def test_upstream_tls_files_that_cannot_be_used(tmp_path: Path) -> None:
    """The same for an upstream's."""
    upstream = {"dialect": "mem0", "url": "https://127.0.0.1:1", "tls": {"ca": "no.pem"}}
    process = await start(tmp_path, {"upstreams": {"m": upstream}})
    assert await process.ended() == 2
    assert "no.pem: No such file or directory" in process.messages()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "memfw.example.com"])
@pytest.mark.parametrize("by", ["file", "environment"])
async def test_nobody_listens_elsewhere_without_principals(tmp_path: Path, host: str, by: str) -> None:
    """Exit 2, whichever way the address was set; nothing was opened, and no token told."""
    listen = {"port": 0, "host": host} if by == "file" else {"port": 0}
    environ = {} if by == "file" else {"MEMFW_LISTEN__HOST": host}
    process = await start(tmp_path, {"listen": listen}, environ=environ)
    assert await process.ended() == 2
    (message,) = process.messages()
    assert "listen.host: other machines could connect and nobody would have to show a key" in message
    assert not (tmp_path / "memfw.db").exists()


async def test_with_principals_it_listens_everywhere(tmp_path: Path) -> None:
    """Then each request has to show a key."""
    config = {"listen": {"port": 0, "host": "0.0.0.0"}, "principals": PRINCIPALS}
    async with serving(tmp_path, config, environ={"A_KEY": "k" * 30}) as process:
        port = int(process.url.rpartition(":")[2])
        line = await Line.open(("127.0.0.1", port))
        assert (await line.ask("GET", "/v1/policy")).status == 401
        await line.close()
    assert ADMIN_PREFIX not in str(process.lines)


async def test_the_admin_token_is_told_once(tmp_path: Path) -> None:
    """At the first start, on a line that is no log line; never again, and no file holds it."""
    async with serving(tmp_path, {}) as process:
        (told,) = [line["message"] for line in process.lines if ADMIN_PREFIX in str(line)]
        assert [line for line in process.lines if "ts" in line and ADMIN_PREFIX in str(line)] == []
        token = told.rpartition(" ")[2]
        line = await Line.open(process.address)
        assert (await line.ask("GET", "/v1/policy", **{"Memfw-Key": token})).status == 200
        await line.close()
        process.tell(signal.SIGTERM)
        assert await process.ended() == 0
    async with serving(tmp_path, {}) as again:
        assert ADMIN_PREFIX not in str(again.lines)
    for file in tmp_path.iterdir():
        assert token.encode() not in file.read_bytes(), file.name


async def test_a_token_of_its_own_for_each_start_in_memory(tmp_path: Path) -> None:
    """There is nothing to keep it in."""
    told = set()
    for _ in range(2):
        async with serving(tmp_path, {"state": {"url": "sqlite:///:memory:"}}) as process:
            told |= {line["message"] for line in process.lines if ADMIN_PREFIX in str(line)}
    assert len(told) == 2
