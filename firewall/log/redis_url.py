"""Where the shared store is and how it is used, read from `state.url`.

    redis://user:password@host:6379/0?min_replicas=1      rediss:// over TLS, `ca`, `cert`, `key` name files
    redis+cluster://user:password@h1:6379,h2:6379/        rediss+cluster:// over TLS

Every mistake is a ConfigError that names the option and never repeats the URL: it holds a password. The query has the
settings of `RedisSettings` that `_OPTIONS` lists. No I/O; `redis` is not imported here.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from firewall.errors import ConfigError, Problem

DEFAULT_PORT = 6379
#: Scheme to (over TLS, cluster).
SCHEMES: Mapping[str, tuple[bool, bool]] = {
    "redis": (False, False),
    "rediss": (True, False),
    "redis+cluster": (False, True),
    "rediss+cluster": (True, True),
}
_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may change. Seconds, records and bytes.

    `timeout` bounds one exchange with the server, `connect_timeout` the making of a connection; with `min_replicas` an
    append is acknowledged when so many replicas have it, or refused after `wait_timeout`.
    """

    prefix: str = "memfw"
    min_replicas: int = 0
    wait_timeout: float = 0.5
    timeout: float = 1.0
    connect_timeout: float = 0.25
    connections: int = 16
    failures: int = 3
    heartbeat: float = 0.5
    retry_pause: float = 1.0
    max_pending_records: int = 20_000
    max_pending_bytes: int = 64 * 2**20
    max_event_bytes: int = 2**20
    group_records: int = 512
    group_bytes: int = 2**20
    max_buffered_decisions: int = 10_000
    max_buffered_decision_bytes: int = 32 * 2**20
    decision_delay: float = 0.1
    decision_days: float = 30.0
    checkpoint_every: int = 1000


class Place(msgspec.Struct, frozen=True, order=True):
    """One server."""

    host: str
    port: int


class RedisTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The servers and how to get in. Never shows the password."""

    places: tuple[Place, ...]
    cluster: bool = False
    tls: bool = False
    database: int = 0
    username: str | None = None
    password: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    def __repr__(self) -> str:
        where = ",".join(f"{place.host}:{place.port}" for place in self.places)
        return f"RedisTarget({where!r}, cluster={self.cluster}, tls={self.tls})"


_FILES = ("ca", "cert", "key")
_OPTIONS: Mapping[str, Callable[[str], object]] = {
    "prefix": str,
    "min_replicas": int,
    "connections": int,
    "wait_timeout": float,
    "timeout": float,
    "connect_timeout": float,
    "decision_days": float,
}


def is_redis(url: str) -> bool:
    """Whether the URL is one of a shared store."""
    return url.partition("://")[0] in SCHEMES


def parse_url(url: str) -> tuple[RedisTarget, RedisSettings]:
    """The target and the settings of a URL. ConfigError for one that cannot be used."""
    try:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError as error:
        raise _wrong("is not a URL") from error
    if parts.scheme not in SCHEMES:
        raise _wrong("has none of the schemes " + ", ".join(SCHEMES))
    tls, cluster = SCHEMES[parts.scheme]
    user, _, hosts = parts.netloc.rpartition("@")
    username, _, password = user.partition(":")
    places = tuple(_place(text) for text in hosts.split(","))
    if len(places) > 1 and not cluster:
        raise _wrong(
            "names several hosts, which only a cluster has: use redis+cluster:// or rediss+cluster://"
        )
    target = RedisTarget(
        places=places,
        cluster=cluster,
        tls=tls,
        database=_database(parts.path, cluster=cluster),
        username=unquote(username) or None,
        password=unquote(password) or None,
        **{name: query.pop(name) for name in _FILES if name in query},
    )
    if not tls and (target.ca or target.cert or target.key):
        raise _wrong("names certificate files, but is not over TLS: use rediss:// or rediss+cluster://")
    return target, _settings(query)


def _settings(query: Mapping[str, str]) -> RedisSettings:
    given: dict[str, object] = {}
    for name, text in query.items():
        if name not in _OPTIONS:
            raise _wrong(f"has an unknown option; there are {', '.join((*_OPTIONS, *_FILES))}")
        try:
            given[name] = _OPTIONS[name](text)
        except ValueError as error:
            raise _wrong(f"has an option {name} that is not a number") from error
    settings = msgspec.convert(given, RedisSettings)
    if not _PREFIX.match(settings.prefix):
        raise _wrong("has a prefix with other characters than letters, digits and _ . : -")
    bounds = (settings.timeout, settings.connect_timeout, settings.wait_timeout, settings.decision_days)
    if not all(0 < bound < 1e6 for bound in bounds) or settings.min_replicas < 0 or settings.connections < 1:
        raise _wrong("has an option that is out of bounds")
    if settings.min_replicas and settings.wait_timeout >= settings.timeout:
        raise _wrong("has a wait_timeout that is not below timeout")
    return settings


def _place(text: str) -> Place:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _wrong("has a host or port that is none") from error
    if not host:
        raise _wrong("names no host")
    return Place(host, port or DEFAULT_PORT)


def _database(path: str, *, cluster: bool) -> int:
    text = path.strip("/")
    if not text:
        return 0
    if not text.isdecimal() or len(text) > 4:
        raise _wrong("has a database that is not a number")
    if cluster and int(text):
        raise _wrong("names a database, but a cluster has only 0")
    return int(text)


def _wrong(reason: str) -> ConfigError:
    return ConfigError([Problem("", 0, 0, "state.url", reason)])
