"""Where the evidence log is kept: a file of this host, or a Redis that several hosts share.

The URL of a Redis may hold a password, and is then treated as a secret: it comes from the environment or a file, and no
repr and no error shows it.
"""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from firewall.config.values import Settings, resolved

#: Beside `sqlite:///`: stores that several hosts share.
SHARED = ("redis://", "rediss://", "redis+cluster://", "rediss+cluster://")


def _behind(value: object, info: ValidationInfo) -> object:
    """`env:NAME` and `file:/path` hold the URL."""
    if not isinstance(value, str) or not value.startswith(("env:", "file:")):
        return value
    secret = resolved(value, info)
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret


def _usable(url: str) -> str:
    if (url.startswith("sqlite:///") and url != "sqlite:///") or url.startswith(SHARED):
        return url
    raise ValueError(f"has to begin with {', '.join(('sqlite:///', *SHARED))}")


def holds_password(url: str) -> bool:
    """Whether whoever can read this URL can read a password."""
    place = url.partition("://")[2].partition("/")[0]
    return ":" in place.rpartition("@")[0]


class StateConfig(Settings):
    """Where the evidence log is kept."""

    url: Annotated[str, BeforeValidator(_behind), AfterValidator(_usable)] = Field(
        "sqlite:///memfw.db",
        repr=False,
        description=(
            "`sqlite:///PATH` (`sqlite:////PATH` for an absolute one), `sqlite:///:memory:`, or a store that replicas"
            " share: `redis://`, `rediss://`, `redis+cluster://`, `rediss+cluster://`; with a password in it `env:NAME`"
            " or `file:/path`"
        ),
    )

    @property
    def shared(self) -> bool:
        """Whether other hosts may have the same store."""
        return self.url.startswith(SHARED)
