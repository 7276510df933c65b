"""A review desk over a log in memory: held items in few words, reviewers, and a store of texts that can be away."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
import pytest

from firewall.core.events import Event, Held, ScopeKey, WriteHeld, text_digest
from firewall.core.model import Trust
from firewall.core.quarantine import hold_id, quarantine_id
from firewall.core.state import State
from firewall.errors import CallerError, StateError, UpstreamError
from firewall.keyring import KeyRing, RingKey
from firewall.log.sqlite import SqliteLog
from firewall.metrics import Metrics
from firewall.ports import Appended
from firewall.service.desk import Call, Desk, Reply, UseCase
from firewall.service.principals import Principal, Role
from firewall.service.recorder import Recorder
from firewall.service.review.room import HeldRequest, ReviewRoom, ReviewSettings, encoded_request
from firewall.service.review.vault import HeldText, Vault, encoded
from tests.service.learning.desk import NOW, POLICY, Ledger

Json = dict[str, Any]

KEY = ScopeKey("acme", "checkout")
INJECTION = ("injection:override",)
JUDGE = Principal(name="judge", tenant="acme", scopes=("checkout",), role=Role.reviewer)
ADMIN = Principal(name="root", tenant="acme", scopes=("checkout",), role=Role.admin)
HOST = Principal(name="host", tenant="acme", scopes=("checkout",), role=Role.host)
AGENT = Principal(name="solo", tenant="acme", scopes=("checkout",), role=Role.agent)
STRANGER = Principal(name="stranger", tenant="globex", scopes=("checkout",), role=Role.admin)
RING = KeyRing([RingKey(id="k1", made_at=1.0, secret="11" * 32)])


class Texts:
    """The port of held texts, in memory. `away` makes every call fail."""

    def __init__(self) -> None:
        self.kept: dict[tuple[ScopeKey, str], bytes] = {}
        self.away = False
        self.longest = 1 << 20

    async def keep_text(self, key: ScopeKey, text_id: str, concealed: bytes) -> None:
        self._reach()
        if len(concealed) > self.longest:
            raise CallerError(413, "text_too_large", "too large")
        self.kept[key, text_id] = concealed

    async def kept_text(self, key: ScopeKey, text_id: str) -> bytes | None:
        self._reach()
        return self.kept.get((key, text_id))

    async def erase_text(self, key: ScopeKey, text_id: str) -> bool:
        self._reach()
        return self.kept.pop((key, text_id), None) is not None

    def _reach(self) -> None:
        if self.away:
            raise StateError("log_unavailable", "the store is away")


class Log(Ledger):
    """The projections. After `appends_left` more appends the log is away; events with the word `refuses` it never takes;
    `warm` is what chores look through."""

    appends_left: int | None = None
    refuses: str = ""

    async def append(
        self,
        key: ScopeKey,
        events: Sequence[Event],
        *,
        operation: str = "",
        body_digest: str = "",
        answer: bytes = b"",
    ) -> Appended:
        if self.appends_left is not None:
            if self.appends_left == 0:
                raise StateError("log_unavailable", "the log is away")
            self.appends_left -= 1
        if self.refuses and any(self.refuses in repr(event) for event in events):
            raise CallerError(413, "event_too_large", "too large")
        return await super().append(key, events, operation=operation, body_digest=body_digest, answer=answer)

    def warm(self) -> list[tuple[ScopeKey, State]]:
        return list(self.states.items())


@dataclass
class Upstream:
    """Where released writes go: answers in the order given, or fails."""

    replies: list[int | CallerError | UpstreamError] = field(default_factory=list)
    injects: bool = True
    sent: list[HeldRequest] = field(default_factory=list)

    async def send(self, key: ScopeKey, held: HeldRequest) -> int:
        self.sent.append(held)
        reply = self.replies.pop(0)
        if isinstance(reply, int):
            return reply
        raise reply


@dataclass
class Bureau:
    """A desk of the review, and what stands behind it."""

    log: Log = field(default_factory=Log)
    texts: Texts = field(default_factory=Texts)
    upstream: Upstream = field(default_factory=Upstream)
    settings: ReviewSettings = field(default_factory=ReviewSettings)
    now: float = NOW
    _ids: int = 0

    @property
    def vault(self) -> Vault:
        return Vault(self.texts, RING)

    @property
    def desk(self) -> Desk:
        return Desk(
            projections=self.log,
            policy=lambda: POLICY,
            recorder=Recorder(cast("SqliteLog", None), self.log, Metrics(), vault=self.vault),
            review=ReviewRoom(
                vault=self.vault, ring=RING, settings=self.settings, senders={"mem0": self.upstream}
            ),
            now=lambda: self.now,
            monotonic=lambda: 0.0,
            new_id=self._new_id,
        )

    def _new_id(self) -> str:
        self._ids += 1
        return f"{self._ids:032x}"

    @property
    def state(self) -> State:
        return self.log.states.setdefault(KEY, State())

    def events(self, kind: type[Event]) -> list[Any]:
        return [one.event for one in self.log.records.get(KEY, []) if isinstance(one.event, kind)]

    async def hold(
        self,
        *names: str,
        reasons: tuple[str, ...] = INJECTION,
        writer: str = "",
        upstream: str = "mem0",
        kept: bool = True,
    ) -> list[str]:
        """The ids of held texts of these memories; each says its own name."""
        events: list[Event] = []
        ids = []
        for name in names:
            digest = text_digest(f"hostile {name}")
            events.append(
                Held(
                    upstream=upstream,
                    memory_id=name,
                    digest=digest,
                    reasons=reasons,
                    surface="drop_in",
                    at=self.now,
                    writer=writer,
                )
            )
            ids.append(quarantine_id(upstream, name, digest))
            if kept:
                text = encoded(HeldText(text=f"hostile {name}"), 4096)
                await self.vault.keep(KEY, ids[-1], text)
        await self.log.append(KEY, events)
        return ids

    async def hold_write(self, name: str = "w", *, writer: str = "solo", kept: bool = True) -> str:
        """The id of a held write."""
        id_ = hold_id("mem0", writer, name)
        event = WriteHeld(
            hold_id=id_,
            upstream="mem0",
            route="memories.add",
            principal=writer,
            digest=name,
            texts=(text_digest(name),),
            reasons=("procedure_change:payee",),
            at=self.now,
        )
        await self.log.append(KEY, [event])
        if kept:
            request = HeldRequest(
                method="POST",
                path="/v1/memories/",
                body=name.encode(),
                principal=writer,
                role=Role.agent,
                max_trust=Trust.known,
                pin={"user_id": "u1"},
            )
            await self.vault.keep(KEY, id_, encoded_request(request))
        return id_

    async def reply(
        self, use_case: UseCase, body: object = None, principal: Principal = JUDGE, /, **said: str
    ) -> Reply:
        """`said` are path parameters (`id`) and query words."""
        params = {"id": said.pop("id")} if "id" in said else {}
        raw = b"" if body is None else json.dumps(body).encode()
        return await use_case(self.desk, Call(principal=principal, raw=raw, params=params, query=said))

    async def ask(
        self, use_case: UseCase, body: object = None, principal: Principal = JUDGE, /, **said: str
    ) -> Json:
        answer: Json = msgspec.json.decode((await self.reply(use_case, body, principal, **said)).body)
        return answer

    async def refused(
        self, use_case: UseCase, body: object = None, principal: Principal = JUDGE, /, **said: str
    ) -> tuple[int, str]:
        """Status and code of the refusal."""
        with pytest.raises((CallerError, UpstreamError)) as caught:
            await self.reply(use_case, body, principal, **said)
        error = cast("CallerError | UpstreamError", caught.value)
        return error.status, error.code
