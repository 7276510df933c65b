"""Reading an upstream's answer and putting the caller's together."""

from collections.abc import Mapping, Sequence

import msgspec

from adapters.graphiti.planning import FILTER, GROUP, INSIDE, MAX_FACTS, OUTSIDE, GraphitiPlan
from firewall.core.model import Candidate
from firewall.core.wire.layouts import One, Reading
from firewall.core.wire.pieces import Fields, Listed, Piece, Rows, cut_of
from firewall.core.wire.requests import encoded, json_object
from firewall.core.wire.splice import Raw, for_caller, with_firewall
from firewall.ports import Answer, Disclosure, WireRequest, WireResponse


class GraphitiAnswer(Answer, frozen=True, kw_only=True):
    """`piece` is the answer over its own bytes, None where it holds no memory."""

    piece: Piece | None = None


def read(plan: GraphitiPlan, response: WireResponse) -> GraphitiAnswer:
    """UpstreamError 502 for what is not of the route's form; nothing of it is used."""
    layout = plan.layout
    if layout is None or (plan.husk and not response.body.strip()):
        return GraphitiAnswer(candidates=[])
    reading = Reading(plan.source, husk=plan.husk)
    piece = reading.read(layout, Raw(response.body), plan.name if isinstance(layout, One) else "")
    reading.link()
    candidates = reading.candidates
    if plan.groups:
        candidates = _marked(candidates, plan.groups)
    rows = _facts(piece)
    # There may be more in it than the facts that the limit counts.
    unlimited = plan.limit is not None and rows != len(candidates)
    since, until = reading.span()
    return GraphitiAnswer(
        candidates=candidates,
        piece=piece,
        more=not unlimited and plan.top is not None and plan.top < MAX_FACTS and rows >= plan.top,
        unlimited=unlimited,
        since=since,
        until=until,
        held=reading.held,
    )


def _marked(candidates: Sequence[Candidate], groups: frozenset[str]) -> list[Candidate]:
    """Facts state no group; one that does has to be of those that were asked for."""
    owners: dict[str | None, Mapping[str, str]] = {}
    for candidate in candidates:
        stated = candidate.owner.get(GROUP)
        if stated not in owners:
            where = INSIDE if stated is None or stated in groups else OUTSIDE
            owners[stated] = {**candidate.owner, FILTER: where}  # nothing but the group is in it
    return [
        msgspec.structs.replace(candidate, owner=owners[candidate.owner.get(GROUP)])
        for candidate in candidates
    ]


def _facts(piece: Piece) -> int:
    part = piece.parts.get("facts") if isinstance(piece, Fields) else piece
    return len(part.rows) if isinstance(part, Rows | Listed) else 0


def more(plan: GraphitiPlan, answer: GraphitiAnswer, wanted: int) -> WireRequest | None:
    """A larger search; None where there is no more."""
    if not answer.more or plan.top is None:
        return None
    plan.top = min(MAX_FACTS, max(plan.top * 2, wanted))
    body = {**json_object(plan.request.body), "max_facts": plan.top}
    return msgspec.structs.replace(plan.request, body=encoded(body))


def rebuild(
    plan: GraphitiPlan, answer: GraphitiAnswer, response: WireResponse, disclosure: Disclosure
) -> WireResponse:
    """The answer for the caller: where nothing is taken out, the same bytes and the `firewall` object."""
    if answer.piece is None:
        return response
    put = answer.piece.put(
        cut_of(answer.candidates, disclosure.admitted, disclosure.annotations, plan.source.now)
    )
    body = with_firewall(b"{}" if put is None else bytes(put), disclosure.firewall)
    return WireResponse(status=response.status, headers=for_caller(response.headers), body=body)
