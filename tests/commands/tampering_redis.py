"""A shared store that a test may tamper with: the streams of a Redis, written anew with the same ids.

A stream's entry is a seal together with what it names, and its id is the offset of its last record: seals and things, things
and offsets are not apart.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
import redis

from firewall.core.chain import NO_LINK, Sealed, Stored
from firewall.core.events import ScopeKey
from firewall.errors import StateError
from firewall.log.redis_layout import SHARDS, Entry, Keys, Packed, entry_of, pack, scope_name, shard_of_name
from tests.commands.tampering import Tamperable
from tests.log.redis_servers import Server

Rows = dict[bytes, list[Entry]]
"""By stream the entries in their order."""


class RedisStreams:
    """A store at rest. `content` is a copy of another one, which only `roll_back` uses."""

    apart = False

    def __init__(self, server: Server, prefix: str, content: Rows | None = None) -> None:
        self._server = server
        self._prefix = prefix
        keys = Keys(prefix)
        self._streams = [keys.of(shard, part) for part in ("e", "r") for shard in range(SHARDS)]
        self._content = content

    @property
    def arguments(self) -> list[str]:
        return ["--state", self._server.url(f"prefix={self._prefix}")]

    def rows(self) -> Rows:
        if self._content is not None:
            return self._content
        with self._client() as client:
            pipeline = client.pipeline(transaction=False)
            pipeline.response_callbacks = {}  # the replies as they are
            for stream in self._streams:
                pipeline.execute_command("XRANGE", stream, "-", "+")
            found = pipeline.execute()
        return {
            stream: [entry_of(entry) for entry in entries]
            for stream, entries in zip(self._streams, found, strict=True)
            if entries
        }

    def things(self) -> list[Stored]:
        return [
            Stored(
                kind="evidence" if stream.endswith(b"e") else "receipt",
                tenant=item.tenant,
                scope=item.scope,
                id=item.id,
                offset=entry.offset - len(contents) + 1 + place if stream.endswith(b"e") else 0,
                body=item.body,
            )
            for stream, entries in self.rows().items()
            for entry in entries
            for contents in [entry.contents()]
            for place, item in enumerate(contents)
        ]

    def seals(self) -> list[Sealed]:
        return [entry.sealed for entries in self.rows().values() for entry in entries if entry.sealed.body]

    def change(self, old: Stored, new: Stored) -> None:
        assert new.body is not None
        packed = Packed(new.tenant, new.scope, new.id, new.body)
        self._packed(lambda item: [packed] if item.id == old.id else [item])

    def remove(self, thing: Stored) -> None:
        self._packed(lambda item: [] if item.id == thing.id else [item])

    def add(self, thing: Stored) -> None:
        """In an entry of its own without a seal, behind the newest of its shard."""
        assert thing.body is not None
        rows = self.rows()
        stream = self._streams[shard_of_name(scope_name(ScopeKey(thing.tenant, thing.scope)))]
        packed = pack([Packed(thing.tenant, thing.scope, thing.id, thing.body)])
        rows[stream].append(Entry(thing.offset, Sealed(b"", b""), packed, NO_LINK, pack([])))
        self._write(rows)

    def change_seal(self, old: Sealed, new: Sealed) -> None:
        self._sealed(
            lambda entry: [msgspec.structs.replace(entry, sealed=new)] if entry.sealed == old else [entry]
        )

    def remove_seal(self, seal: Sealed) -> None:
        """With what it names."""
        self._sealed(lambda entry: [] if entry.sealed == seal else [entry])

    def add_seal(self, seal: Sealed) -> None:
        """To the entry that has none."""
        self._sealed(
            lambda entry: [entry] if entry.sealed.body else [msgspec.structs.replace(entry, sealed=seal)]
        )

    def copy_to(self, place: Path) -> "RedisStreams":
        return RedisStreams(self._server, self._prefix, self.rows())

    def roll_back(self, copy: Tamperable) -> None:
        assert isinstance(copy, RedisStreams)
        self._write(copy.rows())

    def _packed(self, change: Callable[[Packed], list[Packed]]) -> None:
        def changed(entry: Entry) -> list[Entry]:
            contents = entry.contents()
            after = [kept for item in contents for kept in change(item)]
            return [entry if after == contents else msgspec.structs.replace(entry, packed=pack(after))]

        self._sealed(changed)

    def _sealed(self, change: Callable[[Entry], Iterable[Entry]]) -> None:
        rows = self.rows()
        after = {
            stream: [new for entry in entries for new in change(entry)] for stream, entries in rows.items()
        }
        assert after != rows
        self._write(after)

    def _write(self, rows: Rows) -> None:
        with self._client() as client:
            pipeline = client.pipeline()
            for index in client.scan_iter(f"{self._prefix}:{{*}}:i:*", count=1000):
                pipeline.delete(index)
            for shard, stream in enumerate(self._streams):
                pipeline.delete(stream)
                for entry in rows.get(stream, ()):
                    fields = (
                        *(b"s", entry.sealed.body, b"g", entry.sealed.signature, b"p", entry.packed),
                        *(
                            b"b",
                            b"" if entry.before == NO_LINK else entry.before.hex(),
                            b"o",
                            entry.operations,
                        ),
                    )
                    pipeline.execute_command("XADD", stream, f"{entry.offset}-0", *fields)
                    for name, count in _places(entry).items() if shard < SHARDS else ():
                        index = Keys(self._prefix).named(shard, "i", name)
                        pipeline.execute_command("XADD", index, f"{entry.offset}-0", "n", count)
            pipeline.execute()

    def _client(self) -> redis.Redis:
        return redis.Redis(port=self._server.port, socket_timeout=5, protocol=2)


def _places(entry: Entry) -> Counter[bytes]:
    """How many things of each scope are in it; none where nobody can tell."""
    with suppress(StateError):
        return Counter(scope_name(ScopeKey(item.tenant, item.scope)) for item in entry.contents())
    return Counter()
