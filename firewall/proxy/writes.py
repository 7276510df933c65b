"""The gate for writes: what is to be stored is adjudicated with the content signals before it leaves us."""

import msgspec

from firewall.core.adjudicate import WRITE_SIGNALS, adjudicate
from firewall.core.compiled import Env
from firewall.core.receipt import receipt_of
from firewall.ports import Plan, WireResponse
from firewall.proxy.disclosure import headers_of
from firewall.proxy.services import Mount, Services


def gate_writes(mount: Mount, plan: Plan, env: Env, services: Services) -> WireResponse | None:
    """The refusal, or None when the write may go. What is found is recorded either way."""
    adjudication = adjudicate(
        plan.drafts, env.context, env.state, env.policy, env.now, signals=WRITE_SIGNALS, set_signals=()
    )
    verdicts = adjudication.verdicts
    if all(not verdict.findings for verdict in verdicts):
        return None
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
    )
    services.recorder.record(receipt, env.state, drafts, verdicts)
    refused = next((verdict for verdict in verdicts if not verdict.admitted), None)
    if refused is None or env.policy.shadow:
        return None
    services.metrics.denied.labels(mount.name, "write_refused").inc()
    response = mount.dialect.refusal(
        plan.match,
        403,
        "write_refused",
        f"memfw refused this write: {', '.join(refused.reasons)}",
        {"decision_id": receipt.decision_id, "reasons": list(refused.reasons), "policy": receipt.policy},
    )
    return WireResponse(
        status=response.status, headers=response.headers + headers_of(receipt), body=response.body
    )
