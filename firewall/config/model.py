"""What can be set, as models: unknown keys are errors, every default is here and nowhere else."""

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from firewall.config.keys import Keys
from firewall.config.state import StateConfig
from firewall.config.tls import ListenTls
from firewall.config.upstreams import UpstreamConfig
from firewall.config.values import BaseUrl, KeyRef, Seconds, Settings, Word
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
    tls: ListenTls | None = None

    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="a port of their own for /metrics, /healthz and /readyz; worker i has this plus i, 0 takes free ones",
    )
    metrics_host: Word = Field("127.0.0.1", description="the address of that port; it asks for no key")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False


class PrincipalLimits(Settings):
    """How much one principal may take; each process counts for itself. Too much is 429."""

    requests_per_second: float | None = Field(
        None, gt=0, le=1_000_000, description="over time; without it there is no limit"
    )
    burst: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="so many at once after a pause; without it what one second allows",
    )
    concurrency: int | None = Field(
        None, ge=1, le=100_000, description="requests at one time; without it there is no limit"
    )

    def over(self, default: "PrincipalLimits") -> "PrincipalLimits":
        """What is set here, also to null, and the default for the rest. A rate brings its own burst."""
        own = {name: getattr(self, name) for name in self.model_fields_set}
        if "requests_per_second" in own:
            own.setdefault("burst", None)
        return default.model_copy(update=own)


class PrincipalConfig(Settings):
    """Who may come, as whom."""

    name: Word = Field(description="stands in receipts")
    key: KeyRef | None = Field(
        None, description="what the client sends to prove that it is this principal; only its digest is kept"
    )
    key_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$")] | None = Field(
        None, description="in place of `key` its sha256 in hex, as `memfw principals hash` says it"
    )
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
    limits: PrincipalLimits = Field(default_factory=PrincipalLimits)

    @property
    def digest(self) -> bytes:
        """The sha256 of its key."""
        return bytes.fromhex(self.key.get_secret_value() if self.key is not None else self.key_sha256 or "")

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key is None) == (self.key_sha256 is None):
            raise ValueError("needs one of `key` and `key_sha256`")
        return self


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
    per_principal: PrincipalLimits = Field(default_factory=PrincipalLimits)


class QuarantineConfig(Settings):
    """What is kept of held memories and writes, and for how long."""

    keep_texts: bool = Field(
        default=True,
        description="keep held texts and writes, encrypted, for reviewers; without them a write that is to be held is refused",
    )
    max_text_bytes: int = Field(
        65_536, ge=256, le=1024**2, description="of one held text; what is longer is cut"
    )
    max_write_bytes: int = Field(
        262_144, ge=1024, le=8 * 1024**2, description="of one held write; more is 413"
    )
    expire_days: float | None = Field(
        None,
        gt=0,
        le=3650,
        description="after so many days without a sighting operational notes leave the queue by themselves; null: never",
    )
    also: tuple[Literal["age", "contested", "execution", "lifecycle", "standing", "unlabelled"], ...] = Field(
        (),
        description="families of operational findings that are held too, where they withhold a memory",
    )


class RetentionConfig(Settings):
    """How long evidence and receipts stay. Without either limit they stay for good, but for the oldest receipts."""

    days: float | None = Field(
        None, gt=0, le=36_500, description="days that evidence and receipts stay; null keeps them"
    )
    bytes: int | None = Field(
        None,
        ge=1024 * 1024,
        description="bytes that the log may use; beyond it the oldest go. null sets no limit",
    )
    every_seconds: Seconds = Field(3600.0, description="how often the oldest are looked for")


class Log(Settings):
    """What memfw writes to its standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="the least that is written"
    )


class Config(Settings):
    """The whole config. Every part has a default: without a file the native API runs on the embedded store."""

    workers: int = Field(
        1, ge=1, le=64, description="processes that serve the port together; their limits count for each"
    )
    listen: Listen = Field(default_factory=Listen)
    state: StateConfig = Field(default_factory=StateConfig)
    keys: Keys = Field(default_factory=Keys)
    policy: Word = Field(
        "default", description="a file, a directory, or `default` `strict` `firewall` `shadow`"
    )
    upstreams: dict[UpstreamName, UpstreamConfig] = Field(
        default_factory=dict, description="by the name under which it is mounted"
    )
    principals: tuple[PrincipalConfig, ...] = ()
    limits: Limits = Field(default_factory=Limits)
    quarantine: QuarantineConfig = Field(default_factory=QuarantineConfig)
    retention: RetentionConfig = Field(default_factory=RetentionConfig)
    log: Log = Field(default_factory=Log)
