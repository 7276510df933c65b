"""The types of single settings: base URLs, words, seconds, and secrets that are named in the file but never stand in it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    Secret,
    SecretStr,
    StringConstraints,
    ValidationInfo,
)

MAX_SECRET_BYTES = 64 * 1024
_SECRET_KEYS = ("api_key", "apikey", "password", "passwd", "secret", "token", "credential", "private_key")

Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Settings(BaseModel):
    """A part of the config."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        defer_build=True,  # only the whole config is ever validated: its parts need no validator of their own
    )


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where `env:` secrets come from."""

    environ: Mapping[str, str]

    def resolve(self, reference: str) -> str:
        """The secret behind `env:NAME` or `file:/path`; ValueError says what is wrong without showing anything."""
        kind, _, name = reference.partition(":")
        if kind == "env" and name:
            value = self.environ.get(name, "")
            if not value:
                raise ValueError(f"the environment variable {name} is not set or empty")
            return value
        if kind == "file" and name:
            return _from_file(Path(name))
        raise ValueError('a secret does not stand in the config: write "env:NAME" or "file:/path"')


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
        value = content.decode().strip()
    except OSError as error:
        raise ValueError(f"the secret file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ValueError(f"the secret file {path} is not text") from None  # the error would show its bytes
    if not value or len(content) > MAX_SECRET_BYTES:
        raise ValueError(f"the secret file {path} is empty or larger than {MAX_SECRET_BYTES} bytes")
    return value


def _source(info: ValidationInfo) -> SecretSource:
    """Without a source (a model made by hand) no reference can be resolved, and none is."""
    return info.context if isinstance(info.context, SecretSource) else SecretSource({})


def resolved(value: object, info: ValidationInfo) -> object:
    """The secret behind a reference, as pydantic keeps secrets."""
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise ValueError('a secret is written "env:NAME" or "file:/path"')  # noqa: TRY004  pydantic collects ValueError
    return SecretStr(_source(info).resolve(value))


SecretRef = Annotated[SecretStr, BeforeValidator(resolved)]
"""A secret, written `env:NAME` or `file:/path`."""


def _path_or_secret(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        return resolved(value, info)
    path = value.removeprefix("file:")
    if not path or "\0" in path:
        raise ValueError("has to be the path of a file, or env:NAME")
    return Path(path)


PathOrSecret = Annotated[Path | SecretStr, BeforeValidator(_path_or_secret)]
"""The path of a file, or `env:NAME` with the file's content."""


def _digested(value: object, info: ValidationInfo) -> object:
    if isinstance(value, SecretStr):
        return value
    secret = resolved(value, info)
    assert isinstance(secret, SecretStr)
    return SecretStr(hashlib.sha256(secret.get_secret_value().encode("utf-8", "surrogatepass")).hexdigest())


KeyRef = Annotated[SecretStr, BeforeValidator(_digested)]
"""A key that somebody shows, written `env:NAME` or `file:/path`. What is kept is its sha256, as hex."""


def _resolved_tree(value: Any, info: ValidationInfo, key: str = "") -> Any:
    """`Any` because this is somebody else's JSON: a vendor's own configuration, handed on as it is."""
    if isinstance(value, Mapping):
        return {name: _resolved_tree(item, info, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolved_tree(item, info, key) for item in value]
    if isinstance(value, str):
        if value.startswith(("env:", "file:")):
            return _source(info).resolve(value)
        if value and any(word in key.lower() for word in _SECRET_KEYS):
            raise ValueError(
                f'`{key}` is a secret and does not stand in the config: write "env:NAME" or "file:/path"'
            )
    return value


def _vendor_config(value: object, info: ValidationInfo) -> object:
    return value if isinstance(value, Secret) else _resolved_tree(value, info)


VendorConfig = Annotated[Secret[dict[str, JsonValue]], BeforeValidator(_vendor_config)]
"""A vendor's own configuration; texts in it that say `env:NAME` or `file:/path` are resolved."""


def _base_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a URL") from None  # urllib's words would repeat it
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise ValueError("has to be a URL with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise ValueError("a URL here carries no user name or password; use `auth`")
    if "?" in value or "#" in value:
        raise ValueError("a base URL has no query and no fragment")
    if not value.isascii() or any(char.isspace() or char < " " or char == "\\" for char in value):
        raise ValueError("holds a character that a URL cannot hold")
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""http or https, a host, maybe a path; kept without the final slash."""
