"""Getting into the shared store: names and passwords, ACL, TLS, and servers that memfw refuses to trust with its log."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from firewall.core.events import ScopeKey
from firewall.errors import ConfigError, StateError
from firewall.log.redis import RedisLog
from firewall.log.redis_url import RedisSettings
from tests.certificates import Authority
from tests.log.keys import SIGNER
from tests.log.redis_opening import quick
from tests.log.redis_servers import Cluster, Server, free_port, running, server_binary
from tests.log.relay import relayed
from tests.log.samples import KEY, decision, held, numbers
from tests.log.trail import check
from tests.log.waiting import eventually

pytestmark = pytest.mark.skipif(server_binary() is None, reason="no redis-server")

SECRET = "planted-secret"
#: What the README tells an operator to allow.
ACL = (
    "on >planted-secret resetkeys ~mine:* resetchannels &mine:* -@all +ping +info +evalsha +eval +publish +subscribe"
    " +wait +get +set +del +expire +pexpire +hget +hgetall +hmget +hset +hdel +hincrby +xadd +xrange +xtrim +asking"
    " +cluster|slots"
)


def impatient(settings: RedisSettings) -> RedisSettings:
    """One who is not meant to get in need not wait long."""
    return msgspec.structs.replace(quick(settings), connect_timeout=0.5)


async def refused(url: str) -> StateError:
    with pytest.raises(StateError) as caught:
        await RedisLog.open(url, signer=SIGNER, adjust=impatient)
    assert SECRET not in str(caught.value)
    return caught.value


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, to be configured."""
    with running(tmp_path / "redis") as server:
        yield server


async def test_the_documented_acl_is_enough(own: Server) -> None:
    """For everything that a log does."""
    own.ask("ACL", "SETUSER", "memfw", *ACL.split())
    url = f"redis://memfw:{SECRET}@127.0.0.1:{own.port}/?prefix=mine"
    log = await RedisLog.open(url, signer=SIGNER, adjust=quick)
    appended = await log.append(KEY, [held(1)], operation="op", body_digest="d")
    assert (await log.append(KEY, [held(1)], operation="op", body_digest="d")).replayed
    assert log.record_decision(decision(1))
    await log.flush()
    await log.save_snapshot(KEY, appended.offset, b"state")
    await log.keep_text(KEY, "t", b"text")
    assert await log.erase_text(KEY, "t")
    position = (0,) * log.shards
    async for batch in log.follow(after=position):
        if not batch:
            break
    await check(log)
    await log.trim(keep_bytes=0)
    await log.checkpoint()
    assert await log.answered(KEY, "op", "d") is not None
    assert log.health().ok
    await log.close()


@pytest.mark.parametrize(
    "change",
    ["-xadd", "-xtrim", "-hset", "-publish", "-info", "-eval", "resetkeys ~other:*", "resetchannels"],
)
async def test_an_acl_that_forbids_something_is_found_at_the_start(own: Server, change: str) -> None:
    """Not when a half of an append has been done."""
    own.ask("ACL", "SETUSER", "memfw", *ACL.split(), *change.split())
    error = await refused(f"redis://memfw:{SECRET}@127.0.0.1:{own.port}/?prefix=mine")
    assert error.code == "log_unavailable"
    assert "NOPERM" in error.message


async def test_wrong_and_missing_passwords(own: Server) -> None:
    """One sentence for both, without what was tried."""
    own.ask("CONFIG", "SET", "requirepass", "another")
    for login in ("", f":{SECRET}@", f"somebody:{SECRET}@"):
        error = await refused(f"redis://{login}127.0.0.1:{own.port}/")
        assert error.code == "log_unavailable"
        assert "password" in error.message
    log = await RedisLog.open(f"redis://:another@127.0.0.1:{own.port}/", signer=SIGNER)
    assert log.health().ok
    await log.close()


async def test_a_password_that_changes_while_we_run(own: Server) -> None:
    """Health says why; when it is right again, all goes on."""
    log = await RedisLog.open(own.url(), signer=SIGNER, adjust=quick)
    await log.append(KEY, [held(1)])
    own.ask("ACL", "SETUSER", "default", "-@write")
    with pytest.raises(StateError) as caught:
        await log.append(KEY, [held(2)], operation="op", body_digest="d")
    assert caught.value.code == "log_unavailable"
    assert "NOPERM" in log.health().reason
    own.ask("ACL", "SETUSER", "default", "+@all")
    await eventually(lambda: log.health().ok)
    await log.append(KEY, [held(2)], operation="op", body_digest="d")
    assert numbers(await log.read(KEY)) == ["m1", "m2"]
    await check(log)
    await log.close()


async def test_a_server_that_evicts_is_refused(own: Server) -> None:
    """It would lose what was acknowledged."""
    own.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    assert "noeviction" in (await refused(own.url())).message


async def test_a_replica_is_refused(own: Server, tmp_path: Path) -> None:
    """It takes no writes, and reads from it would be old."""
    with running(tmp_path / "replica", "--replicaof", f"127.0.0.1 {own.port}") as replica:
        assert "replica" in (await refused(replica.url())).message


async def test_a_master_that_becomes_a_replica(own: Server, tmp_path: Path) -> None:
    """Appends are refused with the reason; when it is a master again they are taken."""
    log = await RedisLog.open(own.url(), signer=SIGNER, adjust=quick)
    await log.append(KEY, [held(1)])
    with running(tmp_path / "other") as other:
        own.ask("REPLICAOF", "127.0.0.1", str(other.port))
        with pytest.raises(StateError) as caught:
            await log.append(KEY, [held(2)])
        assert "replica" in caught.value.message
        own.ask("REPLICAOF", "NO", "ONE")
    await eventually(lambda: log.health().ok)
    await log.append(KEY, [held(3)])
    await log.close()


async def test_keys_of_another_program(redis_server: Server, prefix: str) -> None:
    """Or of a newer memfw: nothing is written among them."""
    redis_server.ask("SET", f"{prefix}:{{s7}}:h", "mine")
    assert (await refused(redis_server.url(f"prefix={prefix}"))).code == "log_format"
    redis_server.ask("DEL", f"{prefix}:{{s7}}:h")
    redis_server.ask("HSET", f"{prefix}:{{s7}}:h", "format", "2")
    error = await refused(redis_server.url(f"prefix={prefix}"))
    assert (error.code, "newer" in error.message) == ("log_format", True)


async def test_a_newer_memfw_takes_over(redis_server: Server, prefix: str) -> None:
    """The older one stores nothing more in what it does not understand."""
    log = await RedisLog.open(redis_server.url(f"prefix={prefix}"), signer=SIGNER, adjust=quick)
    await log.append(KEY, [held(1)])
    redis_server.ask("HSET", f"{prefix}:{{s{log.shard_of(KEY)}}}:h", "format", "2")
    with pytest.raises(StateError) as caught:
        await log.append(KEY, [held(2)])
    assert caught.value.code == "log_format"
    assert numbers(await log.read(KEY)) == ["m1"]
    await log.close()


async def test_nobody_is_there(tmp_path: Path) -> None:
    """A start fails with the reason, and leaves nothing open."""
    with running(tmp_path / "gone") as server:
        url = server.url()
    assert (await refused(url)).code == "log_unavailable"
    cluster = url.replace("redis://", "redis+cluster://")
    assert (await refused(cluster)).code == "log_unavailable"


async def test_one_server_is_no_cluster(redis_server: Server) -> None:
    """The scheme says what is expected."""
    url = redis_server.url().replace("redis://", "redis+cluster://")
    assert (await refused(url)).code == "log_unavailable"


async def test_over_tls(redis_server: Server, prefix: str, tmp_path: Path) -> None:
    """With the authority that the URL names, and with a certificate of our own where the server asks for one."""
    authority = Authority(tmp_path)
    server, client = authority.issue("server"), authority.issue("client")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.ca))
    context.load_cert_chain(server.cert, server.key)
    context.verify_mode = ssl.CERT_REQUIRED
    async with relayed(redis_server.port, tls=context) as relay:
        url = f"rediss://127.0.0.1:{relay.port}/?prefix={prefix}&ca={authority.ca}"
        assert (await refused(url)).code == "log_unavailable"
        log = await RedisLog.open(f"{url}&cert={client.cert}&key={client.key}", signer=SIGNER, adjust=quick)
        await log.append(KEY, [held(1)])
        assert numbers(await log.read(KEY)) == ["m1"]
        await log.close()


async def test_a_server_of_another_authority(redis_server: Server, tmp_path: Path) -> None:
    """Nothing is said to it; nor over TLS to one that has none."""
    issued = Authority(tmp_path).issue("server")
    other = Authority(tmp_path, "other")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issued.cert, issued.key)
    async with relayed(redis_server.port, tls=context) as relay:
        url = f"rediss://:{SECRET}@127.0.0.1:{relay.port}/?ca={other.ca}"
        assert (await refused(url)).code == "log_unavailable"
    assert (await refused(f"rediss://127.0.0.1:{redis_server.port}/?ca={other.ca}")).code == "log_unavailable"


async def test_certificate_files_that_are_none(tmp_path: Path) -> None:
    """A mistake of the configuration."""
    with pytest.raises(ConfigError, match="certificate file"):
        await RedisLog.open(f"rediss://127.0.0.1/?ca={tmp_path}/none.pem", signer=SIGNER)


async def test_connections_are_bounded(redis_server: Server, prefix: str) -> None:
    """However many ask at once; they wait for each other."""

    def few(settings: RedisSettings) -> RedisSettings:
        return msgspec.structs.replace(quick(settings), connections=2)

    log = await RedisLog.open(redis_server.url(f"prefix={prefix}"), signer=SIGNER, adjust=few)
    await asyncio.gather(*(log.read(KEY) for _ in range(100)))
    (node,) = log._nodes._nodes.values()
    assert len(node._idle) <= 2
    await log.close()


async def test_any_living_host_of_a_cluster_is_enough(redis_cluster: Cluster, prefix: str) -> None:
    """The others are found through it; a replica tells as well."""
    places = [free_port(), redis_cluster.servers[-1].port]
    hosts = ",".join(f"127.0.0.1:{port}" for port in places)
    log = await RedisLog.open(f"redis+cluster://{hosts}/?prefix={prefix}", signer=SIGNER, adjust=quick)
    for number in range(12):
        await log.append(ScopeKey("acme", f"scope-{number}"), [held(number)])
    assert log.health().ok
    await check(log)
    await log.close()
