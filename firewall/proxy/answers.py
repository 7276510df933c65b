"""The ways out of the enforcement point: a governed answer, a refusal, or the upstream's error in its own shape."""

import msgspec

from firewall.core.compiled import Env
from firewall.core.model import Family
from firewall.core.receipt import Receipt, receipt_of
from firewall.errors import CallerError, UpstreamError
from firewall.ports import Disclosure, Headers, Match, Plan, WireResponse, header
from firewall.proxy.disclosure import encoded, firewall_object, headers_of
from firewall.proxy.enforce import Enforced
from firewall.proxy.services import Mount, Services
from firewall.service.scopes import staleness_of

#: Headers of an upstream's error that tell a client how to go on.
_KEPT_ON_ERROR = ("retry-after", "x-request-id", "www-authenticate")


def governed(
    mount: Mount, plan: Plan, response: WireResponse, enforced: Enforced, env: Env, services: Services
) -> WireResponse:
    """Rebuild the answer, record its receipt, count it."""
    candidates = enforced.candidates
    if not candidates:
        return mount.dialect.rebuild(plan, enforced.answer, response, Disclosure(admitted=()))
    receipt = receipt_of(
        candidates,
        enforced.adjudication,
        env.context,
        env.policy,
        now=env.now,
        offset=env.state.offset,
        upstream=mount.name,
        route=plan.match.spec.name,
        delivered=enforced.delivered,
        considered=enforced.considered,
        degraded=enforced.degraded,
        staleness=staleness_of(services.projections),
    )
    named = enforced.adjudication.named(candidates)
    services.recorder.record(
        receipt, env.state, [candidate for candidate, _ in named], [verdict for _, verdict in named]
    )
    refuses = env.policy.source.surfaces.drop_in.on_degraded == "error" and not env.policy.shadow
    if enforced.degraded and refuses:
        raise UpstreamError(503, "degraded", "the answer could not be adjudicated", retry_after=1.0)
    if plan.by_id and not plan.omits and not any(enforced.delivered):
        return _withheld_single(mount, plan, receipt, enforced)
    active_path = env.state.routes.active_path(env.context.viewer, env.context.query)
    disclosed = firewall_object(receipt, named, active_path=active_path)
    # In shadow mode the body stays the upstream's; the headers and the receipt say what would have been.
    annotate = "none" if env.policy.shadow else env.policy.source.surfaces.drop_in.annotate
    disclosure = Disclosure(
        admitted=enforced.delivered,
        firewall=encoded(disclosed) if annotate == "body" else None,
        annotations={key: {"memfw_action": action} for key, action in disclosed.postures.items()}
        if annotate == "metadata"
        else {},
    )
    rebuilt = mount.dialect.rebuild(plan, enforced.answer, response, disclosure)
    return msgspec.structs.replace(rebuilt, headers=rebuilt.headers + headers_of(receipt))


def _withheld_single(mount: Mount, plan: Plan, receipt: Receipt, enforced: Enforced) -> WireResponse:
    """403 with the reason; a foreign row looks as if it did not exist."""
    verdict = enforced.adjudication.verdicts[0]
    if any(finding.family is Family.scope for finding in verdict.findings):
        return mount.dialect.not_found(plan.match)
    entry = receipt.entries[0] if receipt.entries else None
    refusal = mount.dialect.refusal(
        plan.match,
        403,
        "memory_withheld",
        f"memfw withheld this memory: {', '.join(verdict.reasons) or receipt.degraded}",
        {
            "decision_id": receipt.decision_id,
            "action": verdict.action.name,
            "reasons": list(verdict.reasons),
            "evidence": list(entry.evidence) if entry else [],
            "policy": receipt.policy,
        },
    )
    return msgspec.structs.replace(refusal, headers=refusal.headers + headers_of(receipt))


def refused(mount: Mount, match: Match | None, error: CallerError) -> WireResponse:
    issues = [{"path": issue.path, "message": issue.message} for issue in error.issues]
    extra = {"issues": issues} if issues else {}
    return _later(mount.dialect.refusal(match, error.status, error.code, error.message, extra), error)


def failed(mount: Mount, match: Match | None, error: UpstreamError) -> WireResponse:
    return _later(mount.dialect.refusal(match, error.status, error.code, error.message, {}), error)


def _later(response: WireResponse, error: CallerError | UpstreamError) -> WireResponse:
    """With the time to come back at, where there is one."""
    if error.retry_after is None:
        return response
    seconds = str(max(1, round(error.retry_after)))
    return msgspec.structs.replace(response, headers=(*response.headers, ("Retry-After", seconds)))


def not_found(mount: Mount, match: Match, theirs: WireResponse) -> WireResponse:
    """The upstream's own 404 where it gave one, else the dialect's: a foreign row looks the same."""
    return upstream_error(mount, match, theirs) if theirs.body else mount.dialect.not_found(match)


def upstream_error(mount: Mount, match: Match | None, response: WireResponse) -> WireResponse:
    """The upstream's error, passed on as it is if it is JSON, else in its shape without its text: so is one that repeats what
    memfw itself said there.

    A redirect is no answer: its Location would lead the client around memfw.
    """
    kept: Headers = tuple(
        (name, value)
        for name, value in response.headers
        if name.lower() in _KEPT_ON_ERROR or name.lower().startswith(("x-ratelimit", "ratelimit"))
    )
    if response.status < 400:
        raise UpstreamError(502, "upstream_redirect", "the upstream answered with a redirect")
    if _is_json_object(response) and not any(secret in response.body for secret in mount.secrets):
        return WireResponse(
            status=response.status,
            headers=(*kept, ("Content-Type", "application/json")),
            body=response.body,
        )
    plain = mount.dialect.refusal(
        match, response.status, "upstream_error", f"the upstream answered {response.status}", {}
    )
    return msgspec.structs.replace(plain, headers=plain.headers + kept)


def _is_json_object(response: WireResponse) -> bool:
    if "json" not in (header(response.headers, "Content-Type") or ""):
        return False
    try:
        return isinstance(msgspec.json.decode(response.body), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
