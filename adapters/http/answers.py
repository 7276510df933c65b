"""An answer as items: where they stand, what candidates they are, whether there may be more of them.

Items keep their bytes. An answer that is not JSON, or has no list where the description says, is UpstreamError 502; nothing
of it is used. An item of any shape is a candidate: what it does not say is missing, and all of its texts are looked at.
"""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from adapters.http.asking import HttpPlan
from adapters.http.mapping import HttpRead
from adapters.http.pointers import raw_at, steps_of, value_at
from firewall.core.model import Candidate
from firewall.core.wire.prose import strings
from firewall.core.wire.said import NOTHING_SAID, Said, moment, said_by
from firewall.core.wire.splice import broken, items, members, tree
from firewall.ports import Answer, WireResponse

Raw = msgspec.Raw
BACKEND = "http"
_DIGEST_CHARS = 24


class HttpAnswer(Answer, frozen=True, kw_only=True):
    """`rows` are the raw items; of an answer by columns `columns` instead, each with the values of all items in order, and
    `groups` how many of them belong to each question. `body` is what stands around them."""

    body: bytes
    rows: Sequence[bytes | Raw] = ()
    columns: Mapping[str, Sequence[Raw]] = {}
    groups: tuple[int, ...] = ()


def read_answer(plan: HttpPlan, response: WireResponse) -> HttpAnswer:
    """The items of an answer, as candidates."""
    read = plan.read
    found = raw_at(response.body, steps_of(read.list))
    if found is None:
        raise broken("the upstream's answer has no items where they are described")
    if read.columns:
        return _by_columns(plan, response.body, found)
    rows: Sequence[bytes | Raw] = (found,) if read.single else items(found)
    candidates = _candidates(plan, [(row, tree(row)) for row in rows])
    return HttpAnswer(candidates=candidates, body=response.body, rows=rows, more=_more(plan, len(rows)))


def _by_columns(plan: HttpPlan, body: bytes, found: bytes | Raw) -> HttpAnswer:
    """Parallel arrays as items: item i is an object of the i-th value of each column."""
    read = plan.read
    fields = members(found)
    columns: dict[str, list[Raw]] = {}
    groups: tuple[int, ...] | None = None
    for name in read.columns:
        raw = fields.get(name)
        if raw is None or bytes(raw).strip() == b"null":
            if groups is None:  # the first column counts the items: without it nothing can be said
                raise broken("the upstream's answer lacks its first column")
            continue
        parts = [items(part) for part in items(raw)] if read.batched else [items(raw)]
        shape = tuple(len(part) for part in parts)
        if groups is not None and shape != groups:
            raise broken("the columns of the upstream's answer have different lengths")
        groups = shape
        columns[name] = [value for part in parts for value in part]
    groups = groups or ()
    unlimited = len(groups) != 1  # the limit is each question's own: they are neither cut nor filled up
    rows: list[tuple[bytes | Raw, object]] = []
    for place in range(sum(groups)):
        values = {name: column[place] for name, column in columns.items()}
        rows.append((b"\n".join(values.values()), {name: tree(value) for name, value in values.items()}))
    return HttpAnswer(
        candidates=_candidates(plan, rows),
        body=body,
        columns=columns,
        groups=groups,
        more=not unlimited and _more(plan, len(rows)),
        unlimited=unlimited,
    )


def _more(plan: HttpPlan, count: int) -> bool:
    return plan.growing and plan.asked is not None and plan.asked <= count


def _candidates(plan: HttpPlan, rows: Sequence[tuple[bytes | Raw, object]]) -> list[Candidate]:
    used: dict[str, int] = {}
    candidates = []
    for raw, item in rows:
        name = _id_of(item, plan.read)
        if name is None:  # the same item has the same name in every answer; twins are told apart
            digest = hashlib.sha256(raw).hexdigest()[:_DIGEST_CHARS]
            used[digest] = used.get(digest, 0) + 1
            name = digest if used[digest] == 1 else f"{digest}-{used[digest]}"
        candidates.append(_candidate(name, item, plan))
    return candidates


def _id_of(item: object, read: HttpRead) -> str | None:
    value = value_at(item, steps_of(read.id))
    if isinstance(value, str) and value:
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _candidate(name: str, item: object, plan: HttpPlan) -> Candidate:
    read = plan.read
    text = _text_of(item, read)
    said = _said_of(item, read)
    everything = strings(item)
    return Candidate(
        id=name,
        upstream=plan.upstream,
        backend=BACKEND,
        text="\n".join(everything) if text is None else text,
        kind=said.kind,
        title=_string(item, read.title) or said.title,
        owner=_owner_of(item, plan),
        created_at=_moment(item, read.created),
        updated_at=_moment(item, read.updated),
        claimed_at=said.claimed_at,
        superseded_by=said.superseded_by,
        claims=said.claims,
        writer=said.writer,
        source_class=said.source_class,
        target_files=said.target_files,
        task_signature=said.task_signature,
        evidence_refs=said.evidence_refs,
        attached=() if text is None else tuple(part for part in everything if part not in (text, name)),
    )


def _text_of(item: object, read: HttpRead) -> str | None:
    for pointer in read.text:
        value = value_at(item, steps_of(pointer))
        if value is not None:
            return value if isinstance(value, str) else "\n".join(strings(value))
    return None


def _said_of(item: object, read: HttpRead) -> Said:
    metadata = value_at(item, steps_of(read.metadata))
    return said_by(metadata) if isinstance(metadata, dict) else NOTHING_SAID


def _owner_of(item: object, plan: HttpPlan) -> Mapping[str, str]:
    owner = dict(plan.params_owner)
    for key, where in plan.owners.items():
        if where.item is not None:
            value = value_at(item, steps_of(where.item))
            if isinstance(value, str):
                owner[key] = value
            elif isinstance(value, int) and not isinstance(value, bool):
                owner[key] = str(value)
    return owner


def _string(item: object, pointer: str | None) -> str:
    value = None if pointer is None else value_at(item, steps_of(pointer))
    return value if isinstance(value, str) else ""


def _moment(item: object, pointer: str | None) -> float | None:
    return None if pointer is None else moment(value_at(item, steps_of(pointer)))
