"""URLs of a shared store: what they say, and that no mistake repeats the password."""

import pytest

from firewall.errors import ConfigError
from firewall.log.redis_url import Place, RedisSettings, is_redis, parse_url

SECRET = "planted-secret"


def test_one_server() -> None:
    """Port and database have defaults; the settings are those of the class."""
    target, settings = parse_url("redis://localhost")
    assert target.places == (Place("localhost", 6379),)
    assert (target.cluster, target.tls, target.database, target.password) == (False, False, 0, None)
    assert settings == RedisSettings()


def test_everything_that_can_be_said() -> None:
    """Names and passwords are decoded; options become settings; files are for TLS."""
    target, settings = parse_url(
        "rediss://me%40home:p%2Fw%3Ad@[::1]:7000/3?ca=%2Fca.pem&cert=c&key=k&prefix=a.b&min_replicas=2"
        "&wait_timeout=0.25&timeout=2&connect_timeout=0.1&connections=4&decision_days=1.5"
    )
    assert (target.username, target.password) == ("me@home", "p/w:d")
    assert (target.places, target.database, target.tls) == ((Place("::1", 7000),), 3, True)
    assert (target.ca, target.cert, target.key) == ("/ca.pem", "c", "k")
    assert settings == RedisSettings(
        prefix="a.b",
        min_replicas=2,
        wait_timeout=0.25,
        timeout=2.0,
        connect_timeout=0.1,
        connections=4,
        decision_days=1.5,
    )


def test_a_cluster_has_several_hosts() -> None:
    """Also one; a password alone is that of the default user."""
    target, _ = parse_url(f"rediss+cluster://:{SECRET}@a:1,b,c:3/")
    assert target.places == (Place("a", 1), Place("b", 6379), Place("c", 3))
    assert (target.cluster, target.tls, target.username, target.password) == (True, True, None, SECRET)
    assert parse_url("redis+cluster://a")[0].cluster


def test_the_password_is_not_shown() -> None:
    """Not in a repr, which logs and tracebacks may hold."""
    target, _ = parse_url(f"redis://me:{SECRET}@host/1")
    assert SECRET not in repr(target)
    assert "me" not in repr(target)


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("a,b/0", "several hosts"),
        ("host:port/0", "host or port"),
        ("host:70000/0", "host or port"),
        ("/0", "names no host"),
        ("host/zero", "database"),
        ("host/?colour=red", "unknown option"),
        ("host/?prefix=a{b}", "prefix"),
        ("host/?prefix=%20", "prefix"),
        ("host/?min_replicas=many", "not a number"),
        ("host/?min_replicas=-1", "out of bounds"),
        ("host/?connections=0", "out of bounds"),
        ("host/?timeout=nan", "out of bounds"),
        ("host/?min_replicas=1&wait_timeout=5", "wait_timeout"),
        ("host/?ca=/ca.pem", "not over TLS"),
        ("host/?prefix", "not a URL"),
        ("[host/0", "not a URL"),
    ],
)
def test_mistakes(rest: str, says: str) -> None:
    """Each is named; none repeats what stands in the URL."""
    with pytest.raises(ConfigError) as caught:
        parse_url(f"redis://me:{SECRET}@{rest}")
    assert says in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "state.url" in str(caught.value)


def test_a_cluster_has_one_database() -> None:
    """Number 0."""
    parse_url("redis+cluster://a/0")
    with pytest.raises(ConfigError, match="only 0"):
        parse_url("redis+cluster://a/1")


def test_other_schemes_are_others() -> None:
    """They are refused here, and `is_redis` tells them apart before."""
    with pytest.raises(ConfigError, match="schemes"):
        parse_url("sqlite:///memfw.db")
    assert not is_redis("sqlite:///memfw.db")
    assert not is_redis("redis.db")
    assert all(is_redis(f"{scheme}://h") for scheme in ("redis", "rediss", "redis+cluster", "rediss+cluster"))
