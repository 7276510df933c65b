"""The keyspace: which shard a scope is in, what its keys are called, and what stands in them. No I/O.

All keys of shard k carry the tag `{s<k>}`, so that one script may touch them together, in a cluster too:

    <prefix>:{s5}:e   stream: groups of evidence        <prefix>:{s5}:i:<scope>   stream: where a scope's records are
    <prefix>:{s5}:r   stream: groups of receipts        <prefix>:{s5}:o:<op>      an operation and its answer
    <prefix>:{s5}:h   hash: format, heads, sizes        <prefix>:{s5}:s:<scope>   a scope's snapshot
    <prefix>:{s5}:l   hash: lane -> seq and link        <prefix>:{s5}:t:<text>    a held text
    <prefix>:{s5}:c   hash: scope -> newest offset      <prefix>:{s5}:d:<id>      where a decision is
    <prefix>:{s5}:n   hash: scope -> snapshot's offset      <prefix>:{s5}:z   hash: lane -> up to where it was trimmed
    <prefix>:{s5}:g   hash: scope -> up to which offset it was trimmed

Names of tenants, scopes, operations and texts appear only as digests. A stream entry is one sealed group; its id is the
offset of its last record.
"""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from firewall.core.chain import NO_LINK, Sealed, place_of
from firewall.core.events import Record, ScopeKey
from firewall.log.codec import decode_event
from firewall.log.redis_faults import damaged

SHARDS = 64
FORMAT = b"1"
LONGEST_KEPT = 1024
"""Characters of a scope and its tenant that `located` remembers."""
Part = Literal["e", "r"]
LARGEST_OFFSET = 2**53 - 1
"""Lua counts in doubles."""


class Packed(msgspec.Struct, array_like=True, frozen=True):
    """A record or a receipt inside a group; `at` is a receipt's."""

    tenant: str
    scope: str
    id: str
    body: bytes
    at: float = 0.0


class Entry(msgspec.Struct, frozen=True):
    """One group as it stands in a stream. `before` is the link of the entry before it, NO_LINK for the first."""

    offset: int
    sealed: Sealed
    packed: bytes
    before: bytes
    operations: bytes

    def contents(self) -> list[Packed]:
        """What is in it. StateError `log_format` for what nobody wrote so."""
        try:
            return _packs.decode(self.packed)
        except (ValueError, RecursionError) as error:
            raise damaged() from error

    def operation_keys(self) -> list[bytes]:
        """The keys of the operations that it answered."""
        try:
            return _names.decode(self.operations)
        except (ValueError, RecursionError) as error:
            raise damaged() from error

    @property
    def size(self) -> int:
        """As the store counts it."""
        return (
            len(self.sealed.body) + len(self.sealed.signature) + len(self.packed) + len(self.operations) + 64
        )


class Keys:
    """Makes keys. One for each open log."""

    def __init__(self, prefix: str) -> None:
        self._shards = [f"{prefix}:{{s{shard}}}:".encode() for shard in range(SHARDS)]
        self.channel = f"{prefix}:appended".encode()

    def of(self, shard: int, kind: str) -> bytes:
        """A key that a shard has once."""
        return self._shards[shard] + kind.encode()

    def named(self, shard: int, kind: str, name: bytes) -> bytes:
        """A key of which a shard has many; `name` is a digest."""
        return self._shards[shard] + kind.encode() + b":" + name


def scope_name(key: ScopeKey) -> bytes:
    """What a scope is called in keys."""
    return digest(key.tenant, key.scope)


class Located(msgspec.Struct, frozen=True):
    """A scope's name, its shard, and what the digests of its records begin with."""

    name: bytes
    shard: int
    prefix: bytes


def located(key: ScopeKey) -> Located:
    """Where a scope's records go. Remembered for the last ones, as each append asks; long names are not kept."""
    short = len(key.tenant) + len(key.scope) <= LONGEST_KEPT
    return _remembered(key) if short else _located(key)


def _located(key: ScopeKey) -> Located:
    name = scope_name(key)
    return Located(name, shard_of_name(name), place_of("evidence", key.tenant, key.scope))


_remembered = functools.lru_cache(maxsize=4096)(_located)


def shard_of_name(name: bytes) -> int:
    """The shard of what is named by a digest; the same in every process and version."""
    return int(name[:8], 16) % SHARDS


def digest(*texts: str) -> bytes:
    """32 hex digits over the texts and their lengths: no text can pass for another."""
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    return (
        hashlib.sha256(b"".join([len(part).to_bytes(8) + part for part in parts])).hexdigest()[:32].encode()
    )


def pack(items: Sequence[Packed]) -> bytes:
    return _encoder.encode(items)


def pack_names(names: Sequence[bytes]) -> bytes:
    return _encoder.encode(names)


def entry_of(raw: object) -> Entry:
    """An entry from XRANGE's reply. StateError `log_format` for one that is not ours."""
    match raw:
        case [bytes() as name, [*fields]]:
            found: Mapping[object, object] = dict(zip(fields[::2], fields[1::2], strict=False))
        case _:
            raise damaged()
    offset, _, rest = name.partition(b"-")
    match [found.get(field) for field in (b"s", b"g", b"p", b"b", b"o")]:
        case [
            bytes() as body,
            bytes() as signature,
            bytes() as packed,
            bytes() as before,
            bytes() as names,
        ] if rest == b"0" and offset.isdigit():
            return Entry(int(offset), Sealed(body, signature), packed, _link(before), names)
        case _:
            raise damaged()


def records_of(entry: Entry) -> list[Record]:
    """The records of a group with their offsets. StateError `log_format` where one cannot be understood."""
    contents = entry.contents()
    first = entry.offset - len(contents) + 1
    return [
        Record(
            key=ScopeKey(item.tenant, item.scope),
            offset=first + index,
            event_id=item.id,
            event=decode_event(item.body),
        )
        for index, item in enumerate(contents)
    ]


def lane_value(seq: int, link: bytes) -> bytes:
    """How a lane's head stands in the store; empty before the first seal."""
    return b"%d:%s" % (seq, link.hex().encode()) if seq else b""


def lane_head(value: bytes | None) -> tuple[int, bytes]:
    """Seq and link again."""
    if not value:
        return 0, NO_LINK
    seq, _, link = value.partition(b":")
    try:
        return int(seq), bytes.fromhex(link.decode("ascii"))
    except ValueError as error:
        raise damaged() from error


def _link(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii")) if text else NO_LINK
    except ValueError as error:
        raise damaged() from error


_encoder = msgspec.msgpack.Encoder()
_packs = msgspec.msgpack.Decoder(list[Packed])
_names = msgspec.msgpack.Decoder(list[bytes])
