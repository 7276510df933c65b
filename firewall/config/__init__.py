"""The settings of one memfw process: a YAML file, overridden by the environment, checked as a whole.

    model        what can be set, with defaults and meanings
    upstreams    the upstreams: one model for each variant
    http_mapping the description of a JSON search API
    values       the types of single settings: base URLs, secrets
    environment  MEMFW_... variables as settings
    load         file and environment -> Config, or every problem at once
    table        the settings as a table, for deploy/SETTINGS.md

A secret never stands in the file: a setting that holds one says `env:NAME` or `file:/path`, and what it resolves to is
a pydantic secret that no repr and no error shows.
"""

from firewall.config.load import load_config
from firewall.config.model import (
    Config,
    Limits,
    Listen,
    Log,
    PrincipalConfig,
    StateConfig,
)
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
    "Limits",
    "Listen",
    "Log",
    "MarkdownUpstream",
    "Mem0Embedded",
    "Mem0Remote",
    "PineconeUpstream",
    "PrincipalConfig",
    "Remote",
    "StateConfig",
    "Timeouts",
    "UpstreamConfig",
    "ZepUpstream",
    "load_config",
]
