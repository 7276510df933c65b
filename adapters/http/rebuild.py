"""The caller's answer: the upstream's own bytes with the withheld items cut out, and the `firewall` object beside them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress

import msgspec

from adapters.http.answers import HttpAnswer
from adapters.http.asking import HttpPlan
from adapters.http.pointers import put_into, raw_at, replaced, steps_of
from firewall.core.wire.requests import encoded
from firewall.core.wire.splice import (
    FIREWALL,
    JSON,
    array,
    for_caller,
    members,
    object_of,
    tree,
    with_firewall,
)
from firewall.ports import Disclosure, WireResponse

Raw = msgspec.Raw


def refusal(status: int, code: str, message: str, extra: Mapping[str, object]) -> WireResponse:
    """`{"error": {"code", "message"}}`: no described API has a shape of its own for it."""
    body = {"error": {"code": code, "message": message}, **extra}
    return WireResponse(status=status, headers=(JSON,), body=encoded(body))


def rebuild(
    plan: HttpPlan, answer: HttpAnswer, response: WireResponse, disclosure: Disclosure
) -> WireResponse:
    """Every item that is admitted as the same bytes, in the same order; a member `firewall` of the upstream's own goes."""
    if len(disclosure.admitted) != len(answer.candidates):
        raise ValueError("a decision for each item is needed")
    body = _cut(plan, answer, disclosure)
    if answer.told:  # only memfw says what memfw decided
        body = object_of({key: value for key, value in members(body).items() if key != FIREWALL})
    return WireResponse(
        status=response.status,
        headers=for_caller(response.headers),
        body=with_firewall(body, disclosure.firewall),
    )


def _cut(plan: HttpPlan, answer: HttpAnswer, disclosure: Disclosure) -> bytes:
    """The whole without what is withheld."""
    steps = steps_of(plan.read.list)
    if plan.read.single:
        return _item(answer, disclosure, steps, plan)
    if plan.read.columns:
        return put_into(answer.around, steps, _columns(answer, disclosure, steps, batched=plan.read.batched))
    if all(disclosure.admitted) and not disclosure.annotations:
        return answer.body
    rows: list[bytes | Raw] = [*compress(answer.rows, disclosure.admitted)]
    if disclosure.annotations:
        names = [candidate.id for candidate in compress(answer.candidates, disclosure.admitted)]
        rows = [_annotated(row, name, disclosure, plan) for row, name in zip(rows, names, strict=True)]
    return put_into(answer.around, steps, array(rows))


def _item(answer: HttpAnswer, disclosure: Disclosure, steps: Sequence[str], plan: HttpPlan) -> bytes:
    """One single item; withheld, it was refused before."""
    if not all(disclosure.admitted):
        raise ValueError("a withheld item has no answer")
    row, candidate = answer.rows[0], answer.candidates[0]
    noted = _annotated(row, candidate.id, disclosure, plan)
    return answer.body if noted is row else put_into(answer.around, steps, bytes(noted))


def _annotated(row: bytes | Raw, name: str, disclosure: Disclosure, plan: HttpPlan) -> bytes | Raw:
    """The item as it is; where its metadata is to say what it was admitted with, with that beside what it says."""
    notes = disclosure.annotations.get(name)
    steps = steps_of(plan.read.metadata)
    there = None if not notes or not steps else raw_at(row, steps)
    if there is None or not isinstance(tree(there), dict):
        return row
    fields: dict[str, bytes | Raw] = {
        **members(there),
        **{key: encoded(value) for key, value in (notes or {}).items()},
    }
    return replaced(row, steps, object_of(fields))


def _columns(answer: HttpAnswer, disclosure: Disclosure, steps: Sequence[str], *, batched: bool) -> bytes:
    """The object of the columns, each without the values of what is withheld."""
    whole = raw_at(answer.body, steps)
    fields: dict[str, bytes | Raw] = {**members(whole if whole is not None else b"{}")}
    for name, values in answer.columns.items():
        parts = [array(part) for part in _grouped(values, answer.groups, disclosure.admitted)]
        fields[name] = array(parts) if batched else parts[0]
    return object_of(fields)


def _grouped(values: Sequence[Raw], groups: Sequence[int], admitted: Sequence[bool]) -> Iterator[list[Raw]]:
    start = 0
    for count in groups:
        yield list(compress(values[start : start + count], admitted[start : start + count]))
        start += count
