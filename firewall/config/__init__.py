"""The settings of one memfw process: a YAML file, overridden by the environment, checked as a whole.

    model        what can be set, with defaults and meanings
    upstreams    the upstreams: one model for each variant
    http_mapping the description of a JSON search API
    keys         where the key ring is
    state        where the evidence log is kept
    tls          TLS on our port and towards upstreams, headers for upstreams
    values       the types of single settings: base URLs, secrets
    environment  MEMFW_... variables as settings
    load         file and environment -> Config, or every problem at once
    table        the settings as a table, for deploy/SETTINGS.md

A secret never stands in the file: a setting that holds one says `env:NAME` or `file:/path`, and what it resolves to is
a pydantic secret that no repr and no error shows.
"""

from firewall.config.keys import Keys
from firewall.config.load import load_config
from firewall.config.model import (
    Config,
    Limits,
    Listen,
    Log,
    PrincipalConfig,
    PrincipalLimits,
    QuarantineConfig,
    RetentionConfig,
)
from firewall.config.state import StateConfig
from firewall.config.tls import ListenTls, UpstreamTls
from firewall.config.upstreams import (
    Auth,
    Breaker,
    GraphitiUpstream,
    HttpUpstream,
    MarkdownUpstream,
    Mem0Embedded,
    Mem0Remote,
    PineconeUpstream,
    Remote,
    Timeouts,
    UpstreamConfig,
    ZepUpstream,
)

__all__ = [
    "Auth",
    "Breaker",
    "Config",
    "GraphitiUpstream",
    "HttpUpstream",
    "Keys",
    "Limits",
    "Listen",
    "ListenTls",
    "Log",
    "MarkdownUpstream",
    "Mem0Embedded",
    "Mem0Remote",
    "PineconeUpstream",
    "PrincipalConfig",
    "PrincipalLimits",
    "QuarantineConfig",
    "Remote",
    "RetentionConfig",
    "StateConfig",
    "Timeouts",
    "UpstreamConfig",
    "UpstreamTls",
    "ZepUpstream",
    "load_config",
]
