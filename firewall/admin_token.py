"""The admin token of a keyless set-up: made at the first start, told once, kept as a digest only.

The digest lies beside an embedded store (`memfw.db.admin-token`) and is there whole or not at all. A store in memory, or
one that replicas share, has a token for the life of this process. With principals in the config there is none: the
administrator is one of them then, and a digest that an earlier set-up left behind opens nothing.
"""

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from firewall.errors import ConfigError, Problem
from firewall.log.sqlite_file import MEMORY, database_path
from firewall.log.whole_file import made_beside
from firewall.service.principals import ADMIN_PREFIX, digest_of

_EMBEDDED = "sqlite:///"
_DIGEST = re.compile(rb"[0-9a-f]{64}\n?")


def token_file(state_url: str) -> Path | None:
    """Where the digest is kept; None for a store that has no place beside it."""
    if not state_url.startswith(_EMBEDDED) or database_path(state_url) == MEMORY:
        return None
    return Path(f"{database_path(state_url)}.admin-token")


class AdminToken:
    """The token of one store. `tell` gets a new one, once; without it nobody would know it, and none is made."""

    def __init__(self, state_url: str, tell: Callable[[str], None] | None = None) -> None:
        self._file = token_file(state_url)
        self._tell = tell
        self._own: bytes | None = None

    def digest(self) -> bytes | None:
        """That of the token that counts now. ConfigError where the file is no longer what memfw wrote."""
        if self._file is None:
            return self._own
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self._file, error.strerror or "cannot be read") from error
        if not _DIGEST.fullmatch(content):
            raise _unusable(self._file, "holds no digest: `memfw principals admin-token` makes a new token")
        return bytes.fromhex(content.decode())

    def first(self) -> bytes | None:
        """As `digest`; where there is no token yet, one is made and told. Of two processes that make it at once one does."""
        found = self.digest()
        if found is not None or self._tell is None:
            return found
        token = _new_token()
        if self._file is None:
            self._own = digest_of(token)
        else:
            try:
                with made_beside(self._file, _content(token)) as made:
                    os.link(made, self._file)
            except FileExistsError:
                return self.digest()
            except OSError as error:
                raise _unusable(self._file, error.strerror or "cannot be written") from error
        self._tell(token)
        return digest_of(token)


def rotate(state_url: str) -> str:
    """A new token in the place of the old one. ConfigError where there is no file to keep it in."""
    file = token_file(state_url)
    if file is None:
        message = (
            "a store in memory, or one that replicas share, keeps no admin token: each process tells its own"
        )
        raise ConfigError([Problem("config", 0, 0, "state.url", message)])
    token = _new_token()
    try:
        with made_beside(file, _content(token)) as made:
            made.replace(file)
    except OSError as error:
        raise _unusable(file, error.strerror or "cannot be written") from error
    return token


def _new_token() -> str:
    return ADMIN_PREFIX + secrets.token_urlsafe(32)


def _content(token: str) -> bytes:
    return digest_of(token).hex().encode() + b"\n"


def _unusable(file: Path, reason: str) -> ConfigError:
    return ConfigError([Problem(str(file), 0, 0, "", reason)])
