"""Held writes: kept in memfw instead of sent, and sent as their principal once a reviewer has released them.

    gate -> WriteHeld (appended) -> request (concealed, kept) -> 403 `write_held` with the hold id
    release -> matched, planned and pinned anew -> preflight -> stamp -> upstream, with memfw's own credential

The caller is told of a hold only when it is recorded; what could not be recorded is a 503, and trying again is safe: the
same request of the same principal is the same hold. No credential of a client is ever kept.
"""

from firewall.core.events import ScopeKey, WriteHeld, text_digest
from firewall.core.quarantine import hold_id
from firewall.core.state import State
from firewall.errors import CallerError, UpstreamError
from firewall.ports import Headers, Plan, WireRequest
from firewall.service.principals import Principal
from firewall.service.review.room import HeldRequest, ReviewSettings, encoded_request
from firewall.service.review.vault import Vault
from firewall.service.scopes import Projects

#: Held writes of a scope that may wait for a decision: each keeps a whole request.
MOST_HELD_WRITES = 1_000
#: What of a client's headers the upstream needs to read the body. Everything else may be a credential.
_KEPT_HEADERS = frozenset({"content-type", "accept", "x-pinecone-api-version"})


class Holds:
    """Where held writes are kept."""

    def __init__(self, vault: Vault, projections: Projects, settings: ReviewSettings) -> None:
        self._vault = vault
        self._projections = projections
        self._settings = settings

    @property
    def keeps(self) -> bool:
        """Whether a write can be held at all: without its request there would be nothing to release."""
        return self._settings.keep_texts

    def confirmed(self, request: WireRequest, principal: Principal, *, state: State, upstream: str) -> bool:
        """Whether a reviewer has said no to this very write: then nothing asks what is found in it today."""
        writes = state.quarantine.writes
        known = writes.get(hold_id(upstream, principal.name, _digest(request))) if writes else None
        return known is not None and known.status == "confirmed"

    async def hold(
        self,
        request: WireRequest,
        plan: Plan,
        principal: Principal,
        reasons: tuple[str, ...],
        *,
        key: ScopeKey,
        state: State,
        upstream: str,
        now: float,
    ) -> str:
        """The hold id, once the hold is recorded; "" where a reviewer has said no to this very write before. StateError;
        UpstreamError 503 `quarantine_full`; CallerError 413 `held_write_too_large`."""
        content = encoded_request(_kept(request, principal, upstream))
        if len(content) > self._settings.max_write_bytes:
            raise CallerError(
                413, "held_write_too_large", "this write would be held, and is too large to be kept"
            )
        digest = _digest(request)
        id_ = hold_id(upstream, principal.name, digest)
        known = state.quarantine.writes.get(id_)
        if known is not None and known.status == "confirmed":
            return ""
        if known is None or not known.open:
            if sum(write.open for write in state.quarantine.writes.values()) >= MOST_HELD_WRITES:
                raise UpstreamError(
                    503, "quarantine_full", "too many writes wait for a reviewer", retry_after=60.0
                )
            event = WriteHeld(
                hold_id=id_,
                upstream=upstream,
                route=plan.match.spec.name,
                principal=principal.name,
                digest=digest,
                texts=tuple(dict.fromkeys(text_digest(draft.text) for draft in plan.drafts)),
                reasons=reasons,
                at=now,
            )
            await self._projections.append(key, [event])
            await self._vault.keep(key, id_, content)
        elif await self._vault.reveal(key, id_) is None:  # it was recorded, and then something broke
            await self._vault.keep(key, id_, content)
        return id_


def request_of(held: HeldRequest) -> WireRequest:
    """The request as it came."""
    return WireRequest(
        method=held.method, path=held.path, query=held.query, headers=held.headers, body=held.body
    )


def principal_of(held: HeldRequest, key: ScopeKey, upstream: str) -> Principal:
    """As whom it came: with the pin, role and trust of that moment."""
    return Principal(
        name=held.principal,
        tenant=key.tenant,
        scopes=(key.scope,),
        role=held.role,
        max_trust=held.max_trust,
        pin={upstream: held.pin},
    )


def _digest(request: WireRequest) -> str:
    return text_digest("\n".join((request.method, request.target, request.body.decode("latin-1"))))


def _kept(request: WireRequest, principal: Principal, upstream: str) -> HeldRequest:
    if not request.target.isascii():
        raise CallerError(400, "invalid_request", "the path of a write has to be ASCII")
    headers: Headers = tuple(
        (name.lower(), value)
        for name, value in request.headers
        if name.lower() in _KEPT_HEADERS and value.isascii()
    )
    return HeldRequest(
        method=request.method,
        path=request.path,
        query=request.query,
        headers=headers,
        body=request.body,
        principal=principal.name,
        role=principal.role,
        max_trust=principal.max_trust,
        pin=principal.pin.get(upstream, {}),
    )
