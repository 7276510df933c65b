"""The upstreams of the config as mounts: one case a variant, each with its dialect and what carries its requests.

Part of the composition root, and the only importer of adapters: a dialect is imported by the first mount that needs it, so
that a process holds what it serves. Everything remote goes through one breaker a mount; what
runs in this process has none.
"""

import logging
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Literal, assert_never

import msgspec

from firewall.config import (
    Config,
    GraphitiUpstream,
    HttpUpstream,
    MarkdownUpstream,
    Mem0Embedded,
    Mem0Remote,
    PineconeUpstream,
    Remote,
    UpstreamConfig,
    ZepUpstream,
)
from firewall.errors import ConfigError, Problem
from firewall.keyring import KeyRing
from firewall.log.lasting_key import lasting_key
from firewall.metrics import Metrics
from firewall.ports import Dialect, Upstream
from firewall.proxy.breaker import Breaker, BreakerSettings, BreakerState
from firewall.proxy.services import Mount
from firewall.proxy.transport import Transport, open_transport
from firewall.proxy.transport_hosts import HostTransports
from firewall.proxy.transport_target import TransportLimits
from firewall.proxy.upstream_client import UpstreamClient
from firewall.tls import Chain, upstream_context

_log = logging.getLogger("memfw")
#: A shorter value of a header is a word, and would be found in answers that do not repeat it.
_LONG = 16


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What every mount is made with."""

    config: Config
    metrics: Metrics
    ring: KeyRing
    monotonic: Callable[[], float] = time.monotonic


def mounted(name: str, upstream: UpstreamConfig, site: Site) -> Mount:
    """One upstream of the config behind its dialect. ConfigError where it cannot be served as it is described."""
    match upstream:
        case Mem0Embedded() | Mem0Remote():
            return _mem0(name, upstream, site)
        case MarkdownUpstream():
            from adapters.markdown import MarkdownDialect, MarkdownNotes

            if not upstream.path.is_dir():
                raise _unusable(name, "path", "is no folder")
            notes = MarkdownNotes(upstream.path, clock=site.monotonic, look_every=upstream.look_seconds)
            return _local(name, upstream, site, MarkdownDialect(name), notes)
        case PineconeUpstream():
            return _remote(name, upstream, site, _pinecone(name, upstream, site), many_hosts=True)
        case ZepUpstream():
            from adapters.zep import ZepDialect

            return _remote(name, upstream, site, ZepDialect(name, on_unparsed=upstream.on_unparsed))
        case GraphitiUpstream():
            from adapters.graphiti import GraphitiDialect

            return _remote(name, upstream, site, GraphitiDialect(name))
        case HttpUpstream():
            from adapters.http import HttpDialect, HttpMapping

            mapping = msgspec.convert(upstream.model_dump(), HttpMapping)
            return _remote(name, upstream, site, HttpDialect(name, mapping))
    assert_never(upstream)


def _mem0(name: str, upstream: Mem0Embedded | Mem0Remote, site: Site) -> Mount:
    from adapters.mem0 import Mem0Dialect

    dialect = Mem0Dialect(upstream.flavor, upstream=name)
    if isinstance(upstream, Mem0Remote) and upstream.flavor == "platform":
        return _remote(name, upstream, site, dialect)
    from adapters.mem0.oss import OssUpstream

    if isinstance(upstream, Mem0Remote):  # translates: what passes cannot be streamed
        return _remote(name, upstream, site, dialect, through=OssUpstream)
    from adapters.mem0.embedded import EmbeddedMem0
    from adapters.mem0.offline import embedded_factory

    factory = embedded_factory(upstream.config.get_secret_value())
    return _local(
        name, upstream, site, dialect, OssUpstream(EmbeddedMem0(factory, max_waiting=upstream.queue))
    )


def offline_mem0() -> Upstream:
    """A real Mem0 in this process that needs no network: what the demonstration governs."""
    from adapters.mem0.embedded import EmbeddedMem0
    from adapters.mem0.offline import embedded_factory, offline_config
    from adapters.mem0.oss import OssUpstream

    return OssUpstream(EmbeddedMem0(embedded_factory(offline_config())))


def _local(name: str, upstream: UpstreamConfig, site: Site, dialect: Dialect, client: Upstream) -> Mount:
    return Mount(
        name=name,
        dialect=dialect,
        client=client,
        unknown_routes=upstream.unknown_routes,
        stamps=upstream.stamp,
        public_base=_public_base(site.config, name),
    )


def _remote(
    name: str,
    upstream: Remote,
    site: Site,
    dialect: Dialect,
    *,
    through: Callable[[Upstream], Upstream] | None = None,
    many_hosts: bool = False,
) -> Mount:
    """Over HTTP; with `many_hosts` also to those that the dialect has checked."""
    limits = TransportLimits(
        connect_timeout=upstream.timeouts.connect,
        max_connections=upstream.max_concurrency,
        max_body=site.config.limits.answer_bytes,
    )
    ssl_context = _upstream_tls(name, upstream)
    extra = tuple((header, value.get_secret_value()) for header, value in upstream.headers.items())

    def opened(base: str) -> Transport:
        return open_transport(base, limits=limits, ssl_context=ssl_context, extra=extra)

    transport = opened(upstream.url)
    if many_hosts:
        transport = HostTransports(transport, opened)
    breaker = Breaker(BreakerSettings(failures=upstream.breaker.failures, base=upstream.breaker.reset))
    client = UpstreamClient(
        transport,
        breaker,
        clock=site.monotonic,
        observer=_UpstreamReports(name, site.metrics),
    )
    inject = upstream.auth.inject
    return Mount(
        name=name,
        dialect=dialect,
        client=client if through is None else through(client),
        streams=client if through is None else None,
        deadline=upstream.timeouts.total,
        inject=None if inject is None else inject.get_secret_value(),
        secrets=_secrets(upstream),
        keys_pass=inject is None,
        tls=_tls_word(upstream),
        unknown_routes=upstream.unknown_routes,
        stamps=upstream.stamp,
        public_base=_public_base(site.config, name),
        health=lambda: _HEALTH[breaker.state],
    )


def _upstream_tls(name: str, upstream: Remote) -> ssl.SSLContext | None:
    """None for what every client does: the system's authorities, and no certificate of our own."""
    tls = upstream.tls
    if tls.plain:
        return None
    if not tls.verify:
        _log.warning("who answers as this upstream is not verified", extra={"upstream": name})
    chain = None
    if tls.client_cert is not None:
        chain = Chain(cert=tls.client_cert, key=tls.client_key, password=tls.client_key_password)
    return upstream_context(ca=tls.ca, chain=chain, verify=tls.verify)


def _secrets(upstream: Remote) -> tuple[bytes, ...]:
    """Which values of headers are secrets nobody says: the long ones could be."""
    inject = upstream.auth.inject
    held = [] if inject is None else [inject.get_secret_value()]
    held += [
        text
        for text in (value.get_secret_value() for value in upstream.headers.values())
        if len(text) >= _LONG
    ]
    return tuple(text.encode() for text in held)


def _tls_word(upstream: Remote) -> Literal["verified", "unverified", "none"]:
    if upstream.url.startswith("http:"):
        return "none"
    return "verified" if upstream.tls.verify else "unverified"


def _pinecone(name: str, upstream: PineconeUpstream, site: Site) -> Dialect:
    from adapters.pinecone import DEFAULT_TEXT_KEYS, PineconeDialect, public_base_problem

    problem = public_base_problem(_public_base(site.config, name))
    if problem is not None:
        raise ConfigError([Problem("config", 0, 0, "listen.public_url", problem)])
    given = upstream.index_key
    return PineconeDialect(
        name,
        api_url=upstream.url,
        public_key=_index_key(site) if given is None else given.get_secret_value().encode(),
        allow_hosts=upstream.allow_hosts,
        text_keys=(*upstream.text_keys, *DEFAULT_TEXT_KEYS),
    )


def _index_key(site: Site) -> bytes:
    """All replicas must have it: beside an embedded store, else from the ring that they share."""
    state = site.config.state
    return site.ring.lasting("index-key") if state.shared else lasting_key(state.url, "index-key")


class _UpstreamReports:
    """What one upstream's client does, as metrics."""

    def __init__(self, name: str, metrics: Metrics) -> None:
        self._open = metrics.breaker_open.labels(name)
        self._open.set(0)

    def exchanged(self, outcome: str, seconds: float) -> None:
        """Durations are observed where the request is known."""

    def breaker(self, state: BreakerState) -> None:
        self._open.set(0 if state is BreakerState.closed else 1)


#: The breaker's states in the words of whoever looks at the upstream.
_HEALTH: Mapping[BreakerState, str] = {
    BreakerState.closed: "ok",
    BreakerState.open: "left_alone",
    BreakerState.half_open: "on_probation",
}


def _public_base(config: Config, name: str) -> str:
    listen = config.listen
    scheme = "http" if listen.tls is None else "https"
    base = str(listen.public_url or f"{scheme}://{listen.host}:{listen.port}").rstrip("/")
    return f"{base}/{name}"


def _unusable(name: str, key: str, message: str) -> ConfigError:
    return ConfigError([Problem("config", 0, 0, f"upstreams.{name}.{key}", message)])
