"""What can be set, as models: unknown keys are errors, every default is here and nowhere else."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from firewall.config.upstreams import UpstreamConfig
from firewall.config.values import BaseUrl, Seconds, SecretRef, Settings, Word
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
