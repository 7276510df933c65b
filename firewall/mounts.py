"""The upstreams of the config as mounts: one case a variant, each with its dialect and what carries its requests.

Part of the composition root, and the only importer of adapters: a dialect is imported by the first mount that needs it, so
that a process holds what it serves. Everything remote goes through one breaker a mount; what
runs in this process has none.
"""

import time
from collections.abc import Callable, Mapping
from typing import assert_never

import msgspec

from adapters.mem0 import Mem0Dialect
from adapters.mem0.embedded import EmbeddedMem0
from adapters.mem0.offline import embedded_factory, offline_config
from adapters.mem0.oss import OssUpstream
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
from firewall.log.lasting_key import lasting_key
from firewall.metrics import Metrics
from firewall.ports import Dialect, Upstream
from firewall.proxy.breaker import Breaker, BreakerSettings, BreakerState
from firewall.proxy.services import Mount
from firewall.proxy.transport import Transport, open_transport
from firewall.proxy.transport_hosts import HostTransports
from firewall.proxy.transport_target import TransportLimits
from firewall.proxy.upstream_client import UpstreamClient


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What every mount is made with."""

    config: Config
    metrics: Metrics
    monotonic: Callable[[], float] = time.monotonic


def mounted(name: str, upstream: UpstreamConfig, site: Site) -> Mount:
    """One upstream of the config behind its dialect. ConfigError where it cannot be served as it is described."""
    match upstream:
        case Mem0Embedded():
            factory = embedded_factory(upstream.config.get_secret_value())
            own = OssUpstream(EmbeddedMem0(factory, max_waiting=upstream.queue))
            return _local(name, upstream, site, Mem0Dialect(upstream.flavor, upstream=name), own)
        case MarkdownUpstream():
            from adapters.markdown import MarkdownDialect, MarkdownNotes

            if not upstream.path.is_dir():
                raise _unusable(name, "path", "is no folder")
            notes = MarkdownNotes(upstream.path, clock=site.monotonic, look_every=upstream.look_seconds)
            return _local(name, upstream, site, MarkdownDialect(name), notes)
        case Mem0Remote(flavor="oss"):  # translates: what passes cannot be streamed
            dialect = Mem0Dialect(upstream.flavor, upstream=name)
            return _remote(name, upstream, site, dialect, through=OssUpstream)
        case Mem0Remote():
            return _remote(name, upstream, site, Mem0Dialect(upstream.flavor, upstream=name))
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


def offline_mem0() -> Upstream:
    """A real Mem0 in this process that needs no network: what the demonstration governs."""
    return OssUpstream(EmbeddedMem0(embedded_factory(offline_config())))


def _local(name: str, upstream: UpstreamConfig, site: Site, dialect: Dialect, client: Upstream) -> Mount:
    return Mount(
        name=name,
        dialect=dialect,
        client=client,
        unknown_routes=upstream.unknown_routes,
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
    transport: Transport = open_transport(upstream.url, limits=limits)
    if many_hosts:
        transport = HostTransports(transport, lambda base: open_transport(base, limits=limits))
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
        unknown_routes=upstream.unknown_routes,
        public_base=_public_base(site.config, name),
        health=lambda: _HEALTH[breaker.state],
    )


def _pinecone(name: str, upstream: PineconeUpstream, site: Site) -> Dialect:
    from adapters.pinecone import DEFAULT_TEXT_KEYS, PineconeDialect, public_base_problem

    problem = public_base_problem(_public_base(site.config, name))
    if problem is not None:
        raise ConfigError([Problem("config", 0, 0, "listen.public_url", problem)])
    given = upstream.index_key
    return PineconeDialect(
        name,
        api_url=upstream.url,
        public_key=lasting_key(site.config.state.url, "index-key")
        if given is None
        else given.get_secret_value().encode(),
        allow_hosts=upstream.allow_hosts,
        text_keys=(*upstream.text_keys, *DEFAULT_TEXT_KEYS),
    )


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
    base = str(listen.public_url or f"http://{listen.host}:{listen.port}").rstrip("/")
    return f"{base}/{name}"


def _unusable(name: str, key: str, message: str) -> ConfigError:
    return ConfigError([Problem("config", 0, 0, f"upstreams.{name}.{key}", message)])
