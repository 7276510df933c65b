"""TLS as settings: on our own port, and towards an upstream; and the headers that memfw adds to what it sends there."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, model_validator

from firewall.config.values import PathOrSecret, SecretRef, Settings, resolved

#: What one connection says to the other end, what memfw writes itself, and what would lead to another route there.
_NOT_OURS_TO_SET = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-url",
        "x-rewrite-url",
    }
)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SECRET_WORDS = ("auth", "cookie", "credential", "key", "passw", "secret", "token")


def _version(value: object) -> object:
    return str(value) if isinstance(value, float) else value


class ListenTls(Settings):
    """TLS on our own port. The files are read again on SIGHUP; connections that are open stay as they are."""

    cert: Path = Field(description="the certificate with its chain, PEM")
    key: PathOrSecret = Field(description="its key, PEM: a path, or `env:NAME` with the key itself")
    key_password: SecretRef | None = Field(None, description="what the key is encrypted with")
    client_ca: Path | None = Field(
        None,
        description="the authorities, PEM, of which each client has to show a certificate (mutual TLS); one that was "
        "taken out of the file counts until the next start",
    )
    min_version: Annotated[Literal["1.2", "1.3"], BeforeValidator(_version)] = Field(
        "1.2", description="the oldest TLS that is spoken"
    )


class UpstreamTls(Settings):
    """TLS towards an upstream."""

    ca: Path | None = Field(
        None, description="the authorities, PEM, that its certificate may be of, in place of the system's"
    )
    client_cert: Path | None = Field(None, description="the certificate that memfw shows there, PEM")
    client_key: PathOrSecret | None = Field(
        None,
        description="its key, PEM: a path, or `env:NAME` with the key itself; without it the key is in `client_cert`",
    )
    client_key_password: SecretRef | None = Field(None, description="what the key is encrypted with")
    verify: bool = Field(
        default=True,
        description="false: whoever answers there is believed. Said in the log at each start and in /v1/upstreams",
    )

    @property
    def plain(self) -> bool:
        """Whether nothing of it is set."""
        return self.verify and self.ca is None and self.client_cert is None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.client_cert is None and (self.client_key is not None or self.client_key_password is not None):
            raise ValueError("`client_key` goes with `client_cert`")
        if self.ca is not None and not self.verify:
            raise ValueError("`ca` says whom to believe and `verify: false` to believe everybody")
        return self


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError("is no name of a header")
    lowered = name.lower()
    if lowered in _NOT_OURS_TO_SET or lowered.startswith("proxy-"):
        raise ValueError(
            "a header of this name cannot be set: it belongs to the connection or to the request itself"
        )
    return name


def _header_value(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str):
        value = resolved(value, info) if value.startswith(("env:", "file:")) else SecretStr(value)
    if not isinstance(value, SecretStr):
        raise ValueError("is text, env:NAME or file:/path")  # noqa: TRY004  pydantic collects ValueError
    text = value.get_secret_value()
    if not text or text != text.strip() or _CONTROL.search(text) or not text.isascii():
        raise ValueError("holds what the value of a header cannot hold")
    return value


def _no_secret_in_the_file(value: object) -> object:
    """A literal value under a name that is a credential's."""
    if isinstance(value, dict):
        seen: set[str] = set()
        for name, text in value.items():
            lowered = str(name).lower()
            if lowered in seen:
                raise ValueError(f"`{name}` is there twice")
            seen.add(lowered)
            literal = isinstance(text, str) and not text.startswith(("env:", "file:"))
            if literal and any(word in lowered for word in _SECRET_WORDS):
                raise ValueError(
                    f'`{name}` is a secret and does not stand in the config: write "env:NAME" or "file:/path"'
                )
    return value


ExtraHeaders = Annotated[
    dict[
        Annotated[str, AfterValidator(_header_name)],
        Annotated[SecretStr, BeforeValidator(_header_value)],
    ],
    BeforeValidator(_no_secret_in_the_file),
    Field(max_length=32),
]
"""Headers by name. Every value is kept as a secret: memfw cannot tell which of them is one."""
