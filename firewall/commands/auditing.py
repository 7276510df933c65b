"""What `memfw audit` does, once its arguments are parsed: which store, which keys, which file.

Raises ConfigError, StateError and OSError for what cannot be read or written.
"""

import argparse
import asyncio
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TextIO

import msgspec

from firewall.commands.audit_report import as_json, as_text
from firewall.config import load_config
from firewall.config.keys import Keys
from firewall.core.fault import Report
from firewall.core.verify import Verifier
from firewall.errors import ConfigError, Problem
from firewall.keyfile import KeyFile, key_file, keys_in
from firewall.keyring import KeyRing, signed_by
from firewall.log.anchor import Anchor, anchor_bytes, make_anchor, read_anchor
from firewall.log.export import FORMAT, Header, Writer, read_header
from firewall.log.open import open_log
from firewall.log.trail import Trail, exported_trail, stored_trail

_KEY = re.compile(r"([A-Za-z0-9_-]{1,32})=([0-9a-f]{64})")


class Store(msgspec.Struct, frozen=True):
    """Which store, and where its key ring is."""

    url: str
    keys: Keys

    def ring(self) -> KeyRing:
        """ConfigError where there is none; none is made."""
        file = key_file(self.url, self.keys)
        if file is not None:
            return KeyRing(file.read())
        if self.keys.content is not None:
            return KeyRing(keys_in(self.keys.content, "keys.ring"))
        raise _unusable("--state", "a log in memory is nobody else's to read")


def verify(arguments: argparse.Namespace, out: TextIO) -> int:
    """0 for a sound trail, 1 where something is not as it was sealed."""
    against = None if arguments.anchor is None else _anchor(arguments.anchor)
    trusted = _Trusted()
    if against is not None:
        trusted.add("the anchor", against.public_keys())
    for key in arguments.key:
        trusted.add("--key", _given(key))
    if arguments.keys is not None:
        trusted.add("the key ring", KeyRing(KeyFile(arguments.keys).read()).public_keys())
    if arguments.file is None:
        store = _store(arguments)
        trail = stored_trail(store.url)
        if not trusted.keys:
            trusted.add("the key ring of the store", store.ring().public_keys())
    else:
        trail = exported_trail(arguments.file)
        header = _header(arguments.file)
        if arguments.trust_file_keys and not trusted.keys:
            trusted.add_own(str(arguments.file), header)
    if not trusted.keys:
        reason = "nothing says which keys to trust: --anchor, --key or --keys, or --trust-file-keys"
        raise _unusable(str(arguments.file), reason)
    report = asyncio.run(_verified(trail, trusted.keys, against))
    write = as_json if arguments.json else as_text
    out.write(write(report, trusted=trusted.sources, own=trusted.own, anchored=against is not None))
    return 0 if report.sound else 1


def export(arguments: argparse.Namespace, out: TextIO, now: float) -> int:
    """Write the trail of a store that may be in use."""
    store = _store(arguments)
    public = _optional(store)
    header = Header(FORMAT, now, {name: key.hex() for name, key in public.items()})
    with _written(arguments.out, out) as file:
        writer = Writer(file, header)
        asyncio.run(_copy(stored_trail(store.url), writer))
        writer.end()
    return 0


def anchor(arguments: argparse.Namespace, out: TextIO, now: float) -> int:
    """Make a checkpoint and write its heads, signed."""
    store = _store(arguments)
    ring = store.ring()
    made = asyncio.run(_anchored(store, ring, now))
    with _written(arguments.out, out) as file:
        file.write(anchor_bytes(made))
    return 0


def keys(arguments: argparse.Namespace, out: TextIO) -> int:
    """Print the public keys."""
    out.writelines(f"{name}={key.hex()}\n" for name, key in _store(arguments).ring().public_keys().items())
    return 0


class _Trusted:
    """Public keys and who vouches for them. Two that disagree about a key are a mistake, not a choice."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}
        self.sources: list[str] = []
        self.own = False

    def add(self, source: str, keys: Mapping[str, bytes]) -> None:
        for name, key in keys.items():
            if self.keys.setdefault(name, key) != key:
                raise _unusable(source, f"has another key {name} than {' and '.join(self.sources)}")
        self.sources.append(source)

    def add_own(self, file: str, header: Header) -> None:
        for name, key in header.keys.items():
            self.add("the file itself", _given(f"{name}={key}"))
        self.sources = ["the file itself"]
        self.own = True
        if not self.keys:
            raise _unusable(file, "brings no public keys")


async def _verified(trail: Trail, trusted: Mapping[str, bytes], against: Anchor | None) -> Report:
    """A few signatures prove a whole chain. Where it is not whole all are checked, to find where that begins."""
    report = await _pass(trail, trusted, against, every_signature=False)
    return report if report.sound else await _pass(trail, trusted, against, every_signature=True)


async def _pass(
    trail: Trail, trusted: Mapping[str, bytes], against: Anchor | None, *, every_signature: bool
) -> Report:
    verifier = Verifier(
        trusted,
        against.trusted_heads() if against is not None else (),
        signed_by=signed_by,
        every_signature=every_signature,
    )
    try:
        async for page in trail():
            verifier.feed(page)
    except ValueError as error:
        raise _unusable("the export", str(error)) from error
    return verifier.finish()


async def _copy(trail: Trail, writer: Writer) -> None:
    async for page in trail():
        writer.write(page)


async def _anchored(store: Store, ring: KeyRing, now: float) -> Anchor:
    log = await open_log(store.url, signer=ring.signer())
    try:
        return make_anchor(await log.checkpoint(), ring, now)
    finally:
        await log.close()


def _store(arguments: argparse.Namespace) -> Store:
    given = Keys.model_validate({"ring": arguments.keys} if arguments.keys is not None else {})
    if arguments.state is not None:
        return Store(arguments.state, given)
    config = load_config(arguments.config, os.environ)
    return Store(config.state.url, given if arguments.keys is not None else config.keys)


def _optional(store: Store) -> Mapping[str, bytes]:
    """An auditor may export without the ring: the keys in the file are a hint only."""
    try:
        return store.ring().public_keys()
    except ConfigError:
        return {}


def _given(text: str) -> dict[str, bytes]:
    found = _KEY.fullmatch(text)
    if found is None:
        raise _unusable("--key", "has to be ID=HEX, as `memfw audit keys` prints it")
    return {found[1]: bytes.fromhex(found[2])}


def _anchor(path: Path) -> Anchor:
    try:
        return read_anchor(path.read_bytes())
    except ValueError as error:
        raise _unusable(str(path), str(error)) from error


def _header(path: Path) -> Header:
    try:
        with path.open("rb") as file:
            return read_header(file)
    except ValueError as error:
        raise _unusable(str(path), str(error)) from error


@contextlib.contextmanager
def _written(path: Path | None, out: TextIO) -> Iterator[IO[bytes]]:
    """A file that is there whole or not at all, for its owner only; or standard output."""
    if path is None:
        yield out.buffer if hasattr(out, "buffer") else sys.stdout.buffer
        out.flush()
        return
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with open(handle, "wb") as file:  # noqa: PTH123  a handle
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(made).replace(path)
    finally:
        Path(made).unlink(missing_ok=True)


def _unusable(place: str, reason: str) -> ConfigError:
    return ConfigError([Problem(place, 0, 0, "", reason)])
