"""Putting the caller's answer together: the admitted rows as the same bytes, in the same order, and the `firewall` object.

What is withheld is missing, also from a fetch of its id. What was only asked for to judge by is cut out again.
"""

from collections.abc import Mapping

import msgspec

from adapters.pinecone import control
from adapters.pinecone.answers import PineconeAnswer
from adapters.pinecone.plans import PineconePlan
from adapters.pinecone.routes import Shape
from adapters.pinecone.rows import LAYOUTS
from firewall.core.wire.requests import encoded
from firewall.core.wire.splice import FIREWALL, array, for_caller, members, object_of, tree
from firewall.ports import Disclosure, WireResponse

Raw = msgspec.Raw


def rebuild(
    plan: PineconePlan, answer: PineconeAnswer, response: WireResponse, disclosure: Disclosure
) -> WireResponse:
    """The answer for the caller; what holds no memory text and names no host is the upstream's own."""
    match plan.shape:
        case Shape.plain:
            return response
        case Shape.indexes:
            body = control.indexes(response.body, plan)
        case Shape.namespaces:
            body = control.namespaces(response.body, plan)
        case Shape.stats:
            body = control.stats(response.body, plan)
        case Shape.ids:
            body = control.unpaged(response.body)
        case _:
            body = _governed(plan, answer, disclosure)
    if body is response.body:
        return response
    return WireResponse(status=response.status, headers=for_caller(response.headers), body=body)


def _governed(plan: PineconePlan, answer: PineconeAnswer, disclosure: Disclosure) -> bytes:
    layout = LAYOUTS[plan.shape]
    places = [place for place, goes in enumerate(disclosure.admitted) if goes]
    rows = [_emitted(answer.rows[place], answer.candidates[place].id, plan, disclosure) for place in places]
    if layout.mapped:
        whole = object_of({answer.keys[place]: row for place, row in zip(places, rows, strict=True)})
    else:
        whole = array(rows)
    fields: dict[str, bytes | Raw] = {**answer.envelope}
    for step in reversed(layout.path[1:]):
        whole = object_of({step: whole})
    fields[layout.path[0]] = whole
    if disclosure.firewall is not None:
        fields[FIREWALL] = disclosure.firewall
    return object_of(fields)


def _emitted(row: Raw, name: str, plan: PineconePlan, disclosure: Disclosure) -> Raw:
    """The row as it is; with the caller's projection or our annotation, each value of it as it is."""
    notes = disclosure.annotations.get(name, {})
    if not (plan.bare or plan.wanted_fields is not None or notes):
        return row
    layout = LAYOUTS[plan.shape]
    fields = members(row)
    if layout.inside:
        inner = _projected(fields.get(layout.inside), plan)
        if inner is not None or notes:
            fields[layout.inside] = Raw(object_of({**(inner or {}), **_noted(notes)}))
        else:
            fields.pop(layout.inside, None)
        return Raw(object_of(fields))
    if plan.wanted_fields is not None:
        kept = {layout.id_key, layout.score, *plan.wanted_fields}
        fields = {key: value for key, value in fields.items() if key in kept}
    return Raw(object_of({**fields, **_noted(notes)}))


def _projected(raw: Raw | None, plan: PineconePlan) -> dict[str, Raw] | None:
    """The metadata or fields that the caller wants; None for none at all."""
    if plan.bare or raw is None or not isinstance(tree(raw), dict):
        return None
    wanted = plan.wanted_fields
    return {key: value for key, value in members(raw).items() if wanted is None or key in wanted}


def _noted(notes: Mapping[str, str]) -> dict[str, Raw]:
    return {key: Raw(encoded(value)) for key, value in notes.items()}
