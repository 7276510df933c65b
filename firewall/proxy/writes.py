"""The gate for writes: what is to be stored is adjudicated with the content signals before it leaves us."""

import msgspec

from firewall.core.adjudicate import WRITE_SIGNALS, Adjudication, adjudicate
from firewall.core.compiled import Env
from firewall.core.model import Action, Family, Finding, Trust, Verdict
from firewall.core.receipt import Receipt, receipt_of
from firewall.core.writing import WriteAction, write_action
from firewall.ports import Plan, WireResponse
from firewall.proxy.disclosure import headers_of
from firewall.proxy.services import Mount, Services
from firewall.service.scopes import staleness_of


class Gated(msgspec.Struct, frozen=True):
    """What becomes of a write. `receipt` and `decisive` say why, where anything was found."""

    word: WriteAction
    receipt: Receipt | None = None
    decisive: Verdict | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        return () if self.decisive is None else self.decisive.reasons


_CLEAN = Gated(WriteAction.store)
_CONFIRMED = Verdict(
    Action.do_not_use,
    admitted=False,
    trust=Trust.untrusted,
    findings=(Finding(Family.held, Action.do_not_use, "ledger:confirmed"),),
)


def gate_writes(mount: Mount, plan: Plan, env: Env, services: Services, *, confirmed: bool) -> Gated:
    """The most severe word that the policy has for what is found; that is recorded either way. `confirmed` says that a
    reviewer has said no to it."""
    if confirmed:
        adjudication = Adjudication((_CONFIRMED,) * len(plan.drafts))
    else:
        adjudication = adjudicate(
            plan.drafts, env.context, env.state, env.policy, env.now, signals=WRITE_SIGNALS, set_signals=()
        )
    verdicts = adjudication.verdicts
    if all(not verdict.findings for verdict in verdicts):
        return _CLEAN
    words = [
        WriteAction.refuse
        if confirmed
        else write_action(verdict.findings, env.context.mode, *env.policy.writes)
        for verdict in verdicts
    ]
    word = WriteAction.store if env.policy.shadow else max(words)
    if word is WriteAction.hold and not services.holds.keeps:
        word = WriteAction.refuse  # there is nowhere to keep it
    drafts = [msgspec.structs.replace(draft, upstream=mount.name) for draft in plan.drafts]
    receipt = receipt_of(
        drafts,
        adjudication,
        env.context,
        env.policy,
        now=env.now,
        offset=env.state.offset,
        upstream=mount.name,
        route=plan.match.spec.name,
        staleness=staleness_of(services.projections),
    )
    services.recorder.record(receipt, env.state, drafts, verdicts, held=word is WriteAction.hold)
    return Gated(word, receipt, verdicts[words.index(max(words))])


def kept_back(
    mount: Mount, plan: Plan, gated: Gated, services: Services, *, hold_id: str = ""
) -> WireResponse:
    """The answer to a write that does not go: refused, or held under that id."""
    code, done = ("write_held", "holds") if hold_id else ("write_refused", "refused")
    services.metrics.denied.labels(mount.name, code).inc()
    receipt = gated.receipt
    extra: dict[str, object] = {"reasons": list(gated.reasons)}
    if hold_id:
        extra["hold_id"] = hold_id
    if receipt is not None:
        extra |= {"decision_id": receipt.decision_id, "policy": receipt.policy}
    response = mount.dialect.refusal(
        plan.match, 403, code, f"memfw {done} this write: {', '.join(gated.reasons)}", extra
    )
    told = () if receipt is None else headers_of(receipt)
    return WireResponse(status=response.status, headers=response.headers + told, body=response.body)
