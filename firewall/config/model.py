"""What can be set, as models: unknown keys are errors, every default is here and nowhere else."""

import ipaddress
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
)

from firewall.config.values import BaseUrl, SecretRef, VendorConfig
from firewall.core.policy import TrustName

#: What memfw itself serves at the root of its port.
RESERVED_MOUNTS = frozenset({"v1", "healthz", "readyz", "metrics", "_idx"})


def _mountable(name: str) -> str:
    if name in RESERVED_MOUNTS:
        raise ValueError("memfw itself is mounted under this name")
    return name


UpstreamName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$"), AfterValidator(_mountable)
]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Settings(BaseModel):
    """A part of the config."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class Listen(Settings):
    """Where clients reach memfw."""

    host: Word = Field(
        "127.0.0.1", description="the address to listen on; other than loopback only with principals"
    )
    port: int = Field(8700, ge=0, le=65535, description="0 takes a free port")
    public_url: BaseUrl | None = Field(
        None, description="how clients reach us, where that differs from host and port"
    )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False


class StateConfig(Settings):
    """Where the evidence log is kept."""

    url: str = Field(
        "sqlite:///memfw.db",
        pattern=r"^sqlite:///.+$",
        description="`sqlite:///PATH` (`sqlite:////PATH` for an absolute one) or `sqlite:///:memory:`",
    )


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


class _Upstream(Settings):
    """What every upstream has."""

    pin_keys: ClassVar[frozenset[str]] = frozenset()
    """The owner keys that a principal's pin may name for this dialect."""

    unknown_routes: Literal["deny", "pass"] = Field(
        "deny", description="a route that the dialect's table does not hold"
    )
    max_concurrency: int = Field(100, ge=1, le=10_000, description="requests at the upstream at one time")


class _Mem0(_Upstream):
    pin_keys: ClassVar[frozenset[str]] = frozenset({"user_id", "agent_id", "app_id", "run_id"})

    dialect: Literal["mem0"] = Field(description="the wire format")


class Mem0Remote(_Mem0):
    """A Mem0 behind HTTP."""

    flavor: Annotated[Literal["platform", "oss"], BeforeValidator(_flavor)] = Field(
        "platform",
        description="`platform`: the hosted API; `oss`: the open-source server; `embedded`: in-process",
    )
    url: BaseUrl = Field(description="where it is")
    auth: Annotated[Auth, BeforeValidator(_auth)] = Field(
        default_factory=Auth, description='`passthrough` or {inject: "env:KEY"}'
    )
    timeouts: Timeouts = Field(default_factory=Timeouts)
    breaker: Breaker = Field(default_factory=Breaker)


class Mem0Embedded(_Mem0):
    """A Mem0 in this process."""

    flavor: Literal["embedded"]
    queue: int = Field(256, ge=1, le=100_000, description="requests that may wait for the one worker")
    config: VendorConfig = Field(description="with flavor `embedded`: what mem0's Memory.from_config takes")


def _variant(value: object) -> str | None:
    """Which model an upstream is of; None for a dialect that memfw does not speak."""
    if isinstance(value, _Upstream):
        return "mem0 embedded" if isinstance(value, Mem0Embedded) else "mem0"
    if not isinstance(value, Mapping):
        return None
    variant = f"{value.get('dialect')} {value.get('flavor')}"
    return variant if variant in _VARIANTS else str(value.get("dialect"))


_VARIANTS = frozenset({"mem0 embedded"})

#: One line a variant: the dialect, and the flavor where it has settings of its own.
UpstreamConfig = Annotated[
    Annotated[Mem0Remote, Tag("mem0")] | Annotated[Mem0Embedded, Tag("mem0 embedded")],
    Discriminator(
        _variant,
        custom_error_type="dialect",
        custom_error_message="needs a `dialect` that memfw speaks: mem0",
    ),
]


class PrincipalConfig(Settings):
    """Who may come, as whom."""

    name: Word = Field(description="stands in receipts")
    key: SecretRef = Field(description="what the client sends to prove that it is this principal")
    upstream_key: bool = Field(
        default=False,
        description="the key is the upstream's own: it opens the drop-in mounts, not the native API",
    )
    tenant: Word = Field("default", description="the tenant that it belongs to")
    scopes: tuple[Word, ...] = Field(
        ("default",), min_length=1, description="the scopes of execution memory that it may use"
    )
    agent: str = Field("", max_length=200, description="the agent that it is")
    team: str = Field("", max_length=200, description="the team that it belongs to")
    role: Literal["agent", "host", "reviewer", "admin"] = Field("agent", description="what it may do")
    max_trust: TrustName = Field("known", description="the highest trust that it may claim for a candidate")
    may_act_as: tuple[Literal["planner", "worker", "verifier", "reviewer"], ...] = Field(
        (), description="the execution roles that a body of its may claim"
    )
    pin: dict[UpstreamName, dict[Word, Word]] = Field(
        default_factory=dict, description="by upstream: the owner keys and values that it is confined to"
    )


class Limits(Settings):
    """Bounds of requests and of how many at a time."""

    body_bytes: int = Field(16 * 1024 * 1024, ge=1024, le=1024**3, description="of a request; more is 413")
    answer_bytes: int = Field(
        16 * 1024 * 1024, ge=1024, le=1024**3, description="of an upstream's governed answer; more is 502"
    )
    header_bytes: int = Field(16 * 1024, ge=1024, le=1024**2, description="of one header line; more is 400")
    concurrency: int = Field(256, ge=1, le=100_000, description="requests at one time")
    queue: int = Field(512, ge=0, le=100_000, description="requests that may wait; more are 503")
    queue_timeout: Seconds = Field(1.0, description="seconds that a request may wait; then 503")


class Log(Settings):
    """What memfw writes to its standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="the least that is written"
    )


class Config(Settings):
    """The whole config. Every part has a default: without a file the native API runs on the embedded store."""

    listen: Listen = Field(default_factory=Listen)
    state: StateConfig = Field(default_factory=StateConfig)
    policy: Word = Field(
        "default", description="a file, a directory, or `default` `strict` `firewall` `shadow`"
    )
    upstreams: dict[UpstreamName, UpstreamConfig] = Field(
        default_factory=dict, description="by the name under which it is mounted"
    )
    principals: tuple[PrincipalConfig, ...] = ()
    limits: Limits = Field(default_factory=Limits)
    log: Log = Field(default_factory=Log)
