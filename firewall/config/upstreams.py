"""The upstreams of a config, one model a variant: what they share, and what only one of them has.

`dialect` chooses the model, with `flavor` where a dialect has variants with settings of their own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from firewall.config.http_mapping import HttpOwner, HttpRead, HttpRoute
from firewall.config.tls import ExtraHeaders, UpstreamTls
from firewall.config.values import BaseUrl, Seconds, SecretRef, Settings, VendorConfig, Word


def _flavor(value: object) -> object:
    if value in ("platform", "oss"):
        return value
    raise ValueError("is `platform`, `oss` or `embedded`")


def _auth(value: object) -> object:
    """`passthrough` is a word in the file and the absence of a key in the model."""
    if value == "passthrough":
        return {}
    if isinstance(value, Mapping) and value:
        return value
    if isinstance(value, Auth):
        return value
    raise ValueError('is `passthrough` or {inject: "env:KEY"}')


class Auth(Settings):
    """Whose key the upstream sees. Without `inject` it is the client's own."""

    inject: SecretRef | None = Field(
        None,
        description="the upstream's key, held by memfw; clients send their memfw key in its place. "
        "Without it (`auth: passthrough`) the client's own key goes through",
    )


class Timeouts(Settings):
    """How long an upstream may take."""

    connect: Seconds = Field(5.0, description="seconds until it is connected")
    total: Seconds = Field(60.0, description="seconds until the whole answer is there")


class Breaker(Settings):
    """When an upstream that fails is left alone for a while."""

    failures: int = Field(5, ge=1, le=1000, description="so many in a row open the breaker")
    reset: Seconds = Field(10.0, description="seconds until one request may try again")


class Upstream(Settings):
    """What every upstream has."""

    unknown_routes: Literal["deny", "pass"] = Field(
        "deny", description="a route that the dialect's table does not hold"
    )
    stamp: bool = Field(
        default=True,
        description="what is written through memfw is stamped in its metadata, so that reads can tell who wrote it",
    )
    max_concurrency: int = Field(100, ge=1, le=10_000, description="requests at the upstream at one time")

    @property
    def pin_keys(self) -> frozenset[str]:
        """The owner keys that a principal's pin may name for this upstream."""
        return frozenset()


class Remote(Upstream):
    """An upstream behind HTTP."""

    url: BaseUrl = Field(description="where it is")
    auth: Annotated[Auth, BeforeValidator(_auth)] = Field(
        default_factory=Auth, description='`passthrough` or {inject: "env:KEY"}'
    )
    tls: UpstreamTls = Field(default_factory=UpstreamTls)
    headers: ExtraHeaders = Field(
        default_factory=dict,
        description="headers that memfw adds to every request there, in place of the client's: text, `env:NAME` or `file:/path`",
    )
    timeouts: Timeouts = Field(default_factory=Timeouts)
    breaker: Breaker = Field(default_factory=Breaker)

    @model_validator(mode="after")
    def _tls_is_spoken(self) -> Self:
        if self.url.startswith("http:") and not self.tls.plain:
            raise ValueError("`tls` is set and the URL begins with http://, where there is none")
        return self


_MEM0_PINS = frozenset({"user_id", "agent_id", "app_id", "run_id"})


class Mem0Remote(Remote):
    """A Mem0 behind HTTP."""

    dialect: Literal["mem0"] = Field(description="the wire format")
    flavor: Annotated[Literal["platform", "oss"], BeforeValidator(_flavor)] = Field(
        "platform",
        description="of dialect mem0: `platform`: the hosted API; `oss`: the open-source server; `embedded`: in-process",
    )

    @property
    def pin_keys(self) -> frozenset[str]:
        return _MEM0_PINS


class Mem0Embedded(Upstream):
    """A Mem0 in this process."""

    dialect: Literal["mem0"]
    flavor: Literal["embedded"]
    queue: int = Field(256, ge=1, le=100_000, description="requests that may wait for the one worker")
    config: VendorConfig = Field(description="with flavor `embedded`: what mem0's Memory.from_config takes")

    @property
    def pin_keys(self) -> frozenset[str]:
        return _MEM0_PINS


class PineconeUpstream(Remote):
    """Pinecone over REST: `url` is its control plane."""

    dialect: Literal["pinecone"]
    allow_hosts: tuple[Word, ...] = Field(
        (),
        description="of dialect pinecone: host suffixes of indexes beside the control plane's own host and "
        "`.pinecone.io`, as `.example.com` or `http://localhost:*`",
    )
    text_keys: tuple[Word, ...] = Field(
        (),
        description="of dialect pinecone: metadata keys that hold a row's text, before the frameworks' own",
    )
    index_key: SecretRef | None = Field(
        None,
        description="of dialect pinecone: the key that signs the index URLs that clients write down, so do not change it; "
        "without it one is made and kept beside the state",
    )

    @property
    def pin_keys(self) -> frozenset[str]:
        return frozenset({"index", "namespace"})


class ZepUpstream(Remote):
    """Zep's cloud, or what speaks its wire."""

    dialect: Literal["zep"]
    on_unparsed: Literal["pass", "block"] | None = Field(
        None,
        description="of dialect zep: a part of a context block that cannot be read; by default it is marked for "
        "inspection, so that mode standard shows it and strict and firewall withhold it",
    )

    @property
    def pin_keys(self) -> frozenset[str]:
        ids = ("user_id", "graph_id", "thread_id")  # of version 4 they are the server's own: uuids
        return frozenset({*ids, "user_uuid", "graph_uuid", "thread_uuid"})


class GraphitiUpstream(Remote):
    """Graphiti's REST server."""

    dialect: Literal["graphiti"]

    @property
    def pin_keys(self) -> frozenset[str]:
        return frozenset({"group_id"})


class MarkdownUpstream(Upstream):
    """A folder of notes on this machine."""

    dialect: Literal["markdown"]
    path: Path = Field(description="of dialect markdown: the folder")
    look_seconds: Seconds = Field(
        2.0,
        description="of dialect markdown: changed files are seen by a request so many seconds later at most",
    )

    @property
    def pin_keys(self) -> frozenset[str]:
        return frozenset({"folder"})


class HttpUpstream(Remote):
    """Any JSON search API, described here."""

    dialect: Literal["http"]
    key_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = Field(
        "Authorization", description="of dialect http: the header in which a client sends its key"
    )
    key_scheme: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,32}$")] = Field(
        "Bearer", description="of dialect http: the word before the key; empty for none"
    )
    reads: tuple[HttpRead, ...] = Field(max_length=64)
    owner: dict[Word, HttpOwner] = Field(default_factory=dict)
    routes: tuple[HttpRoute, ...] = Field((), max_length=256)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if not self.reads:
            raise ValueError("needs at least one of `reads`")
        names = [read.name for read in self.reads]
        if len(set(names)) < len(names):
            raise ValueError("two of the reads have one `name`")
        rows: list[tuple[str, str]] = [(read.method, read.path) for read in self.reads]
        rows += [(route.method, route.path) for route in self.routes]
        if len(set(rows)) < len(rows):
            raise ValueError("two of the reads and routes have one method and path")
        return self

    @property
    def pin_keys(self) -> frozenset[str]:
        return frozenset(self.owner)


def _variant(value: object) -> str | None:
    """Which model an upstream is of; None for a dialect that memfw does not speak."""
    if isinstance(value, Upstream):
        return next(tag for tag, model in _VARIANTS.items() if type(value) is model)
    if not isinstance(value, Mapping):
        return None
    variant = f"{value.get('dialect')} {value.get('flavor')}"
    return variant if variant in _VARIANTS else str(value.get("dialect"))


_VARIANTS: Mapping[str, type[Upstream]] = {
    "mem0": Mem0Remote,
    "mem0 embedded": Mem0Embedded,
    "pinecone": PineconeUpstream,
    "zep": ZepUpstream,
    "graphiti": GraphitiUpstream,
    "markdown": MarkdownUpstream,
    "http": HttpUpstream,
}

#: One line a variant: the dialect, and the flavor where it has settings of its own.
UpstreamConfig = Annotated[
    Annotated[Mem0Remote, Tag("mem0")]
    | Annotated[Mem0Embedded, Tag("mem0 embedded")]
    | Annotated[PineconeUpstream, Tag("pinecone")]
    | Annotated[ZepUpstream, Tag("zep")]
    | Annotated[GraphitiUpstream, Tag("graphiti")]
    | Annotated[MarkdownUpstream, Tag("markdown")]
    | Annotated[HttpUpstream, Tag("http")],
    Discriminator(
        _variant,
        custom_error_type="dialect",
        custom_error_message="needs a `dialect` that memfw speaks: mem0, pinecone, zep, graphiti, markdown or http",
    ),
]
