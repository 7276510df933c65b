"""The file of the key ring: found, made, read and rewritten. What is in it is `firewall.keyring`'s.

It lies beside an embedded store (`memfw.db.keys`) and is made at the first start; a store that several replicas share
needs one that is configured, so that they share it too. It is there whole or not at all, whoever writes it at once, and
is not used when other users of the machine could read it. No error says anything of what is in it.
"""

import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import msgspec

from firewall.config import Keys
from firewall.errors import ConfigError, Problem
from firewall.keyring import SECRET_BYTES, KeyRing, RingFile, RingKey, new_key
from firewall.log.sqlite_file import MEMORY, database_path

_MAX_BYTES = 1 << 20
_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SECRET = re.compile(rf"[0-9a-f]{{{2 * SECRET_BYTES}}}")
_LATEST = 250_000_000_000.0  # a date that calendars still have
#: Others may do nothing with it; a group may read it, which is how Kubernetes mounts a secret.
_FORBIDDEN = 0o027


class RingSource(Protocol):
    """Where a running memfw has its keys from, and has them from again when it is told to."""

    def read(self) -> tuple[RingKey, ...]:
        """The keys as they are now. ConfigError where they cannot be used."""
        ...


class FixedRing:
    """Keys that no file holds: a store's in memory, for its own life, or those of an environment variable."""

    def __init__(self, keys: tuple[RingKey, ...]) -> None:
        self._keys = keys

    def read(self) -> tuple[RingKey, ...]:
        return self._keys


class KeyFile:
    """One ring on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[RingKey, ...]:
        """ConfigError where it is missing, damaged, or open to other users."""
        try:
            with self.path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                content = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            raise self._unusable("there is no key ring: make one with `memfw keys new --ring FILE`") from None
        except OSError as error:
            raise self._unusable(error.strerror or "cannot be read") from error
        if mode & _FORBIDDEN:
            raise self._unusable(f"other users may use the key ring: chmod 600 {self.path}")
        return keys_in(content, str(self.path))

    def read_or_make(self, now: float) -> tuple[RingKey, ...]:
        """The keys of the file, which is made where there is none: of two that make it at once, both have the same."""
        if not self.path.exists():
            with self._writing((new_key(now),)) as made, suppress(FileExistsError):
                os.link(made, self.path)
        return self.read()

    def add(self, now: float) -> RingKey:
        """A fresh key, which makes from now on. The file is made where there is none."""
        key = new_key(now)
        self._rewrite(lambda keys: (*keys, key))
        return key

    def retire(self, key_id: str, now: float) -> None:
        """What that key stamped is not believed any more. ConfigError for an unknown one and for the last that is left."""

        def retired(keys: tuple[RingKey, ...]) -> tuple[RingKey, ...]:
            if all(key.id != key_id for key in keys):
                raise self._unusable("has no key of this id")
            after = tuple(
                msgspec.structs.replace(key, retired_at=now)
                if key.id == key_id and key.retired_at is None
                else key
                for key in keys
            )
            if all(key.retired_at is not None for key in after):
                raise self._unusable("this is the only key that is not retired: make a new one first")
            return after

        self._rewrite(retired)

    def _rewrite(self, change: Callable[[tuple[RingKey, ...]], tuple[RingKey, ...]]) -> None:
        """Changes of several processes follow each other; a reader sees the old ring or the new one."""
        place = KeyFile(self.path.resolve())  # where it is a link, what it leads to is replaced
        with place._alone():
            there = place.path.exists()
            with place._writing(change(place.read() if there else ())) as made:
                if there:
                    made.replace(place.path)
                else:  # a memfw that starts makes one without waiting for us: that one stays
                    os.link(made, place.path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        import fcntl  # not on every platform, and reading a ring needs none

        try:
            handle = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise self._unusable(error.strerror or "cannot be written") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def _writing(self, keys: tuple[RingKey, ...]) -> Iterator[Path]:
        """A file of its own beside the place, whole and on the disk, which the block puts there."""
        made = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}")
        try:
            handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                with open(handle, "wb") as new:  # noqa: PTH123  a handle
                    new.write(msgspec.json.format(msgspec.json.encode(RingFile(keys=keys))) + b"\n")
                    new.flush()
                    os.fsync(handle)
                yield made
            finally:
                made.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error.strerror or "cannot be written") from error

    def _unusable(self, reason: str) -> ConfigError:
        return _unusable(str(self.path), reason)


def keys_in(content: bytes, place: str) -> tuple[RingKey, ...]:
    """The keys of a ring's JSON. ConfigError, which names `place`, for what is no ring or has no key that makes."""
    try:
        ring = msgspec.json.decode(content, type=RingFile) if len(content) <= _MAX_BYTES else None
    except (ValueError, RecursionError):
        ring = None
    if ring is None or not all(_sound(key) for key in ring.keys):
        raise _unusable(place, "is no key ring, or a damaged one: put a copy of the old one back")
    if ring.format != 1:
        raise _unusable(place, f"is a key ring of format {ring.format}, this memfw knows 1")
    if len({key.id for key in ring.keys}) != len(ring.keys):
        raise _unusable(place, "two keys of the ring have the same id")
    if all(key.retired_at is not None for key in ring.keys):
        raise _unusable(place, "has no key that is not retired: `memfw keys new` makes one")
    return ring.keys


def _sound(key: RingKey) -> bool:
    times = (key.made_at, 0.0 if key.retired_at is None else key.retired_at)
    return bool(_ID.fullmatch(key.id) and _SECRET.fullmatch(key.secret)) and all(
        0 <= time < _LATEST for time in times
    )


def key_file(state_url: str, keys: Keys) -> KeyFile | None:
    """The ring's file: the configured one, or the one beside an embedded store. None where no file holds it; ConfigError
    for a store that replicas share without one."""
    if keys.file is not None:
        return KeyFile(keys.file)
    if keys.content is not None:
        return None
    if shared(state_url):
        reason = "a store that replicas share needs a key ring that they share: `memfw keys new --ring FILE`"
        raise _unusable("config", reason, "keys.ring")
    path = database_path(state_url)
    return None if path == MEMORY else KeyFile(Path(f"{path}.keys"))


def ring_source(state_url: str, keys: Keys, now: float) -> RingSource:
    """The keys of an installation, made at its first start where the store is embedded."""
    file = key_file(state_url, keys)
    if file is None:
        content = keys.content
        return FixedRing((new_key(now),) if content is None else keys_in(content, "keys.ring"))
    if not shared(state_url):
        file.read_or_make(now)
    return file


def ring_beside(state_url: str, now: float) -> KeyRing:
    """The ring of an embedded store, made where there is none; one of its own for a store in memory."""
    return KeyRing(ring_source(state_url, Keys(), now).read())


def ring_from(path: Path) -> KeyRing:
    """The ring of that file. ConfigError where it cannot be used."""
    return KeyRing(KeyFile(path).read())


def shared(state_url: str) -> bool:
    """Whether other hosts may have the same store."""
    return "://" in state_url and not state_url.startswith("sqlite:")


def _unusable(place: str, reason: str, path: str = "") -> ConfigError:
    return ConfigError([Problem(place, 0, 0, path, reason)])
