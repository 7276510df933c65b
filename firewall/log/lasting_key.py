"""A key that is made once and kept beside the state: for what people write down and must still be good tomorrow."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from firewall.errors import ConfigError, Problem
from firewall.log.sqlite_file import database_path
from firewall.log.whole_file import made_beside

_BYTES = 32


def lasting_key(state_url: str, kind: str) -> bytes:
    """The key of that kind beside this store, for its owner's eyes only; a store in memory has one for its own life.

    ConfigError where it can neither be read nor made: a new one each time would break what was written down.
    """
    path = database_path(state_url)
    if path == ":memory:":
        return secrets.token_bytes(_BYTES)
    file = Path(f"{path}.{kind}")
    try:
        key = _kept(file)
    except OSError as error:
        raise _unusable(file, error.strerror or "cannot be read") from error
    if len(key) != 2 * _BYTES:
        raise _unusable(file, "holds no key: put the old one back, or remove it for a new one")
    return key


def _kept(file: Path) -> bytes:
    """Of two processes that make it at once, one wins, and both have its key: it appears whole or not at all."""
    with suppress(FileNotFoundError):
        return file.read_bytes()
    with (
        made_beside(file, secrets.token_hex(_BYTES).encode()) as made,
        suppress(FileExistsError),
    ):
        os.link(made, file)
    return file.read_bytes()


def _unusable(file: Path, reason: str) -> ConfigError:
    return ConfigError([Problem(str(file), 0, 0, "", reason)])
