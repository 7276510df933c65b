"""The enforcement point: one drop-in request on its way through memfw, in one direction.

    match -> authenticate -> plan (pin, rewrite) -> gate -> preflight -> upstream -> read -> adjudicate -> rebuild -> record

A dialect decides what things mean on the wire; this room carries them and enforces the verdicts. Every way out is an
answer in the upstream's own shape.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager

import msgspec

from firewall.core.compiled import CompiledPolicy, Env
from firewall.core.events import Event, ScopeKey
from firewall.core.memo import Memo
from firewall.core.model import Candidate, Context, Family, Mode, Surface, Trust
from firewall.core.signals import scope as scope_signal
from firewall.core.state import State
from firewall.core.writing import WriteAction
from firewall.errors import CallerError, StateError, UpstreamError
from firewall.ports import (
    Caller,
    Headers,
    Match,
    Plan,
    RouteClass,
    WireRequest,
    WireResponse,
)
from firewall.proxy import answers
from firewall.proxy.enforce import Exchanges, enforce
from firewall.proxy.services import Mount, Services
from firewall.proxy.stamping import NONE_MADE, Made
from firewall.proxy.transport_headers import at_edge
from firewall.proxy.writes import gate_writes, kept_back
from firewall.service.identity import viewer_of
from firewall.service.principals import ADMIN, ADMIN_PREFIX, Principal, Role
from firewall.service.scopes import state_for

#: How an upstream refuses an answer that would be too large: not all of them tell that from any other bad request.
_TOO_LARGE = frozenset({400, 413})
_ADMIN_WORD = f" {ADMIN_PREFIX}"


class Passage(msgspec.Struct, frozen=True):
    """A request that streams through untouched: the server room carries it over `mount.client`."""

    request: WireRequest


class Handled(msgspec.Struct, frozen=True):
    """What became of a request: its route, the answer or what is to be streamed, and the seconds spent upstream."""

    route: str
    outcome: WireResponse | Passage
    upstream_seconds: float


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, under which policy, in which state. `degraded` names the cause when there is no state."""

    principal: Principal
    policy: CompiledPolicy
    key: ScopeKey
    mode: Mode
    state: State
    now: float
    degraded: str = ""


class _Said(msgspec.Struct, frozen=True):
    """What the headers of a request say: memfw's own by lower-case name, what goes on, the key in it, and the words of all
    its values; `admin` where one of those looks like the admin token."""

    ours: Mapping[str, str]
    theirs: Headers
    credential: str | None
    words: str
    admin: bool


class Pipeline:
    """One mount's enforcement point."""

    def __init__(self, mount: Mount, services: Services) -> None:
        self.mount = mount
        self._services = services
        # Callers send the same headers over and over.
        self._said = Memo(self._read, entries=1_024, size=1 << 19).of

    def allowance(self, request: WireRequest) -> AbstractContextManager[None] | None:
        """What the caller may take, to be entered before its request waits for anything; None where nobody is limited.
        CallerError."""
        allowances = self._services.allowances
        if allowances is None:
            return None
        return allowances.of(self._principal(self._said(request.headers)))

    def _read(self, headers: Headers) -> _Said:
        ours, theirs = at_edge(headers)
        words = "\n".join([_words(value) for _, value in theirs])
        return _Said(ours, theirs, self.mount.dialect.credential(theirs), words, admin=_ADMIN_WORD in words)

    def _principal(self, said: _Said) -> Principal:
        own = said.ours.get("memfw-key")
        principal = self._services.principals.resolve(own or said.credential, native=False)
        if principal is ADMIN and not own and self.mount.keys_pass:
            # It would go on to the upstream, which is nobody to know it and needs its own key there.
            raise CallerError(
                403,
                "key_misplaced",
                "the admin token belongs in Memfw-Key: this upstream's own key goes here",
            )
        return principal

    def _without_our_keys(self, said: _Said, principal: Principal) -> Headers:
        """What goes on: a key that opens memfw goes to no upstream, under whatever vendor's header it was said again."""
        if not principal.native:
            return said.theirs
        own = said.ours.get("memfw-key") or None
        if own is None and self.mount.inject is not None:
            own = said.credential or None
        if principal.local:  # nobody's key but the admin token, which is known by its look
            own = None
        ours = _ADMIN_WORD if own is None else _words(own)
        if ours not in said.words and not said.admin:
            return said.theirs
        return tuple(
            [
                pair
                for pair in said.theirs
                if ours not in (words := _words(pair[1])) and _ADMIN_WORD not in words
            ]
        )

    async def handle(self, request: WireRequest) -> Handled:
        """Never raises the three families."""
        mount, metrics = self.mount, self._services.metrics
        exchanges = Exchanges(mount, self._services)
        match: Match | None = None
        outcome: WireResponse | Passage
        try:
            match = mount.dialect.match(request)
            outcome = await self._handle(request, match, exchanges)
        except CallerError as error:
            metrics.denied.labels(mount.name, error.code).inc()
            outcome = answers.refused(mount, match, error)
        except UpstreamError as error:
            outcome = answers.failed(mount, match, error)
        return Handled(match.spec.name if match else "unknown", outcome, exchanges.seconds)

    async def _handle(
        self, request: WireRequest, match: Match | None, exchanges: Exchanges
    ) -> WireResponse | Passage:
        mount, services = self.mount, self._services
        said = self._said(request.headers)
        ours, principal = said.ours, self._principal(said)
        request = msgspec.structs.replace(request, headers=self._without_our_keys(said, principal))
        if match is None:
            services.metrics.unknown_routes.labels(mount.name).inc()
            if mount.unknown_routes == "deny":
                raise CallerError(
                    403, "unknown_route", "memfw does not know this route and does not pass it on"
                )
            return self._passage(request, request.path)
        route_class = match.spec.route_class
        if route_class is RouteClass.unsupported:
            raise CallerError(501, "not_supported", match.spec.note or "this upstream cannot do that")
        admin = principal.role is Role.admin
        if route_class is RouteClass.admin and not admin:
            raise CallerError(403, "admin_only", "this route needs a key with the role admin")
        if route_class is RouteClass.passed:
            return self._passage(request, match.path)
        caller = self._caller(principal)
        asking = await self._asking(ours, principal)
        plan = mount.dialect.plan(request, match, caller, now=asking.now)
        if plan.drafts:
            gated = await self._gate(request, plan, asking)
            if isinstance(gated, WireResponse):
                return gated
            asking = gated
        return await self._carry(plan, caller, asking, exchanges)

    async def send_released(self, request: WireRequest, principal: Principal, key: ScopeKey) -> WireResponse:
        """A write that a reviewer released: as its principal would send it now, but past the gate. CallerError,
        UpstreamError."""
        mount = self.mount
        match = mount.dialect.match(request)
        if match is None or match.spec.route_class is not RouteClass.gated_write:
            raise CallerError(409, "route_gone", "this upstream has no such write any more")
        caller = self._caller(principal)
        asking = await self._asking({"memfw-scope": key.scope}, principal)
        plan = mount.dialect.plan(request, match, caller, now=asking.now)
        return await self._carry(plan, caller, asking, Exchanges(mount, self._services))

    def _caller(self, principal: Principal) -> Caller:
        mount = self.mount
        return Caller(
            name=principal.name,
            admin=principal.role is Role.admin,
            pin=principal.pin.get(mount.name, {}),
            public_base=mount.public_base,
        )

    async def _gate(self, request: WireRequest, plan: Plan, asking: Asking) -> WireResponse | Asking:
        """The answer to a write that does not go; else as whom it goes: one that is marked is vouched for by nobody.
        StateError without a state: what reviewers said of the write is not known, so it is not clean."""
        mount, services = self.mount, self._services
        if asking.degraded and not asking.policy.shadow:
            services.metrics.degraded.labels(asking.degraded).inc()
            raise StateError(asking.degraded, "the write cannot be judged while the scope's state is away")
        confirmed = services.holds.confirmed(
            request, asking.principal, state=asking.state, upstream=mount.name
        )
        env = self._env(plan, asking, Surface.write)
        gated = gate_writes(mount, plan, env, services, confirmed=confirmed)
        match gated.word:
            case WriteAction.store:
                return asking
            case WriteAction.store_marked:
                principal = asking.principal
                marked = msgspec.structs.replace(principal, max_trust=min(principal.max_trust, Trust.unknown))
                return msgspec.structs.replace(asking, principal=marked)
            case WriteAction.refuse:
                return kept_back(mount, plan, gated, services)
            case WriteAction.hold:
                held = await services.holds.hold(
                    request,
                    plan,
                    asking.principal,
                    gated.reasons,
                    key=asking.key,
                    state=asking.state,
                    upstream=mount.name,
                    now=asking.now,
                )
                return kept_back(mount, plan, gated, services, hold_id=held)

    def _passage(self, request: WireRequest, path: str) -> Passage:
        request = msgspec.structs.replace(request, path=path)
        if self.mount.inject is not None:
            request = self.mount.dialect.with_credential(request, self.mount.inject)
        return Passage(request)

    async def _asking(self, ours: Mapping[str, str], principal: Principal) -> Asking:
        services = self._services
        policy = services.policy()
        key = principal.reach(None, ours.get("memfw-scope"))
        asked = ours.get("memfw-mode")
        if asked is not None and asked not in Mode.__members__:
            raise CallerError(400, "invalid_header", "Memfw-Mode is standard, strict or firewall")
        mode = policy.mode if asked is None else max(policy.mode, Mode[asked])
        after = ours.get("memfw-after")
        if after is not None and not (after.isdecimal() and len(after) < 19):
            raise CallerError(400, "invalid_header", "Memfw-After is an offset that a write returned")
        degraded = ""
        try:
            state = await state_for(
                services.projections,
                key,
                max_staleness=policy.source.limits.max_staleness_s,
                after=None if after is None else int(after),
            )
        except StateError as error:
            state, degraded = State(), error.code
        return Asking(
            principal=principal,
            policy=policy,
            key=key,
            mode=mode,
            state=state,
            now=services.now(),
            degraded=degraded,
        )

    def _env(self, plan: Plan, asking: Asking, surface: Surface) -> Env:
        context = Context(
            decision_id=self._services.new_id(),
            surface=surface,
            mode=asking.mode,
            tenant=asking.key.tenant,
            scope=asking.key.scope,
            principal=asking.principal.name,
            max_trust=asking.principal.max_trust,
            pin=plan.pin,
            by_id=plan.by_id,
            ranked=plan.ranked,
            query=plan.query,
            viewer=viewer_of(asking.principal),
        )
        return Env(context, asking.policy, asking.state, asking.now)

    async def _carry(self, plan: Plan, caller: Caller, asking: Asking, exchanges: Exchanges) -> WireResponse:
        mount, services = self.mount, self._services
        for single in plan.preflight:
            foreign = await self._foreign(single, caller, asking, exchanges)
            if foreign is not None:
                return answers.not_found(mount, plan.match, foreign)
        made = self._stamped(plan, asking)
        reads = plan.match.spec.route_class is RouteClass.governed_read
        response = await exchanges.send(plan.request, retry=reads)
        if plan.fallback is not None and response.status in _TOO_LARGE:
            plan.request = plan.fallback
            response = await exchanges.send(plan.request, retry=reads)
        if response.status >= 300:
            return answers.upstream_error(mount, plan.match, response)
        if plan.deletes:
            services.deletes.note(
                asking.key, mount.name, plan.deletes, by=asking.principal.name, at=asking.now
            )
        written = await self._record_standing(plan, asking) if plan.standing else ()
        env = self._env(plan, asking, Surface.drop_in)
        enforced = await enforce(mount, plan, response, env, services, exchanges, degraded=asking.degraded)
        if made is not NONE_MADE:
            for bound in services.stamps.named(made, plan, enforced.answer, mount.name, asking.now):
                services.recorder.note(asking.key, bound)
        governed = answers.governed(mount, plan, response, enforced, env, services)
        return msgspec.structs.replace(governed, headers=governed.headers + written) if written else governed

    def _stamped(self, plan: Plan, asking: Asking) -> Made:
        """Stamp what passed the gate; shadow mode changes nothing of what is stored either."""
        if not plan.slots or not self.mount.stamps or asking.policy.shadow:
            return NONE_MADE
        return self._services.stamps.put(
            self.mount.dialect,
            plan,
            self.mount.name,
            asking.principal,
            tenant=asking.key.tenant,
            now=asking.now,
        )

    async def _foreign(
        self, single: WireRequest, caller: Caller, asking: Asking, exchanges: Exchanges
    ) -> WireResponse | None:
        """The upstream's 404, or an empty answer for a row of another owner; None when the row is ours."""
        mount = self.mount
        match = mount.dialect.match(single)
        if match is None:
            raise UpstreamError(502, "plan_invalid", "the dialect planned a preflight that it does not know")
        plan = mount.dialect.plan(single, match, caller, now=asking.now)
        response = await exchanges.send(single, retry=True)
        if response.status == 404:
            return response
        if response.status >= 300:
            raise UpstreamError(502, "preflight_failed", "the owner of the row could not be looked up")
        candidates = mount.dialect.read(plan, response).candidates
        env = self._env(plan, asking, Surface.drop_in)
        if not candidates or any(_is_foreign(candidate, env) for candidate in candidates):
            return WireResponse(status=404)
        return None

    async def _record_standing(self, plan: Plan, asking: Asking) -> Headers:
        """Feedback becomes standing after the upstream took it: a repeat is safe there, and counted once here.

        The header says from which offset on a read sees it.
        """
        events: list[Event] = [
            msgspec.structs.replace(given, principal=asking.principal.name, at=asking.now)
            for given in plan.standing
        ]
        appended = await self._services.projections.append(asking.key, events)
        return (("Memfw-After", str(appended.offset)),)


def _words(value: str) -> str:
    """With one blank around each: a key stands behind its scheme or alone, and may be of several words itself."""
    return f" {' '.join(value.split())} "


def _is_foreign(candidate: Candidate, env: Env) -> bool:
    return any(finding.family is Family.scope for finding in scope_signal.check(candidate, env))
