"""A mount as a source: what an upstream remembers about a question, as candidates, for a guide or a recall.

The same way as drop-in traffic up to the adjudication: the dialect writes the request, pins it and reads the answer.
Rows of another owner are left out here, because only the plan knows whose they had to be. There is no client whose key
could go along: an upstream that wants one needs `auth.inject`.
"""

import msgspec

from firewall.core.compiled import Env
from firewall.core.model import Candidate, Context
from firewall.core.signals import scope
from firewall.core.state import State
from firewall.errors import CallerError, UpstreamError
from firewall.ports import Caller, Plan
from firewall.proxy.enforce import Exchanges
from firewall.proxy.services import Mount, Services
from firewall.service.desk import Question
from firewall.service.principals import Principal


class MountSource:
    """One mount. `name` is the mount's."""

    def __init__(self, mount: Mount, services: Services) -> None:
        self.name = mount.name
        self._mount = mount
        self._services = services

    async def recall(self, question: Question, *, principal: Principal, deadline: float) -> list[Candidate]:
        """At most `question.limit` rows of the owner. CallerError 403 where the principal's pin forbids that owner,
        UpstreamError where the upstream fails or refuses."""
        mount, services = msgspec.structs.replace(self._mount, deadline=deadline), self._services
        pin = principal.pin.get(mount.name, {})
        # Who is pinned need not say it; another owner than the pin's is refused by the plan.
        request = mount.dialect.recall(question.query, {**pin, **question.owner}, question.limit)
        match = None if request is None else mount.dialect.match(request)
        if request is None or match is None:
            raise CallerError(501, "source_unsupported", "this upstream has no search that memfw could ask")
        caller = Caller(name=principal.name, pin=pin)
        plan = mount.dialect.plan(request, match, caller, now=services.now())
        response = await Exchanges(mount, services).send(plan.request, retry=True)
        if response.status >= 300:
            raise UpstreamError(502, "source_refused", f"the upstream answered {response.status}")
        home = principal.reach(None, None)
        rows = services.stamps.attested(
            mount.dialect.read(plan, response).candidates,
            tenant=home.tenant,
            upstream=mount.name,
            state=services.projections.state(home) or State(),
        )
        return [row for row in rows if self._is_of(row, plan)][: question.limit]

    def _is_of(self, row: Candidate, plan: Plan) -> bool:
        context = Context(decision_id="", pin=plan.pin)
        return not scope.check(row, Env(context, self._services.policy(), State(), self._services.now()))
