"""An answer as items: where they stand, what candidates they are, whether there may be more of them.

Items keep their bytes. An answer that is not JSON, or has no list where the description says, is UpstreamError 502; nothing
of it is used. An item of any shape is a candidate: what it does not say is missing, and all of its texts are looked at.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from adapters.http.asking import HttpPlan
from adapters.http.pointers import Levels, found_at, reader_of, steps_of
from firewall.core.model import Candidate
from firewall.core.wire.prose import is_prose, strings, strings_beside
from firewall.core.wire.said import KNOWN, Said, moment, said_by
from firewall.core.wire.splice import FIREWALL, broken, items, members, tree
from firewall.ports import Answer, WireResponse

Raw = msgspec.Raw
BACKEND = "http"
_DIGEST_CHARS = 24
_copy = msgspec.structs.replace


class HttpAnswer(Answer, frozen=True, kw_only=True):
    """`rows` are the raw items; of an answer by columns `columns` instead, each with the values of all items in order, and
    `groups` how many of them belong to each question. `body` is the whole, `around` what stands around the items.

    `told`: the upstream has a member of its own there that is called like ours.
    """

    body: bytes
    around: Levels = ()
    told: bool = False
    rows: Sequence[bytes | Raw] = ()
    columns: Mapping[str, Sequence[Raw]] = {}
    groups: tuple[int, ...] = ()


def read_answer(plan: HttpPlan, response: WireResponse) -> HttpAnswer:
    """The items of an answer, as candidates."""
    read, body = plan.read, response.body
    where = found_at(body, steps_of(read.list))
    if where is None:
        raise broken("the upstream's answer has no items where they are described")
    around, found = where
    told = FIREWALL in (around[0] if around else members(body) if body.lstrip()[:1] == b"{" else ())
    answer = HttpAnswer(candidates=[], body=body, around=around, told=told, held=sum(map(len, around)))
    if read.columns:
        return _by_columns(plan, answer, found)
    rows: Sequence[bytes | Raw] = (found,) if read.single else items(found)
    whole = tree(found)
    values = whole if isinstance(whole, list) and not read.single else [whole]
    candidates = _candidates(plan, [*zip(rows, values, strict=True)])
    return _copy(answer, candidates=candidates, rows=rows, more=_more(plan, len(rows)))


def _by_columns(plan: HttpPlan, answer: HttpAnswer, found: bytes | Raw) -> HttpAnswer:
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
    return msgspec.structs.replace(
        answer,
        candidates=_candidates(plan, rows),
        columns=columns,
        groups=groups,
        more=not unlimited and _more(plan, len(rows)),
        unlimited=unlimited,
    )


def _more(plan: HttpPlan, count: int) -> bool:
    return plan.growing and plan.asked is not None and plan.asked <= count


def _candidates(plan: HttpPlan, rows: Sequence[tuple[bytes | Raw, object]]) -> list[Candidate]:
    """What items share is made once, and each is a copy of it with what is its own."""
    read = plan.read
    keys: list[str] = []
    spoken: Sequence[Sequence[str]] = [strings_beside(item, keys) for _, item in rows]
    if is_prose("".join(keys)):
        spoken = [strings(item) for _, item in rows]
    id_of, said_in, owner_of = reader_of(read.id), reader_of(read.metadata), _owners(plan)
    texts = [reader_of(pointer) for pointer in read.text]
    titled, created, updated = (_reader(where) for where in (read.title, read.created, read.updated))
    like = Candidate(id="", upstream=plan.upstream, backend=BACKEND, text="")
    used: dict[str, int] = {}
    candidates = []
    for (raw, item), everything in zip(rows, spoken, strict=True):
        name = _name(id_of(item))
        if name is None:  # the same item has the same name in every answer; twins are told apart
            digest = hashlib.sha256(raw).hexdigest()[:_DIGEST_CHARS]
            used[digest] = used.get(digest, 0) + 1
            name = digest if used[digest] == 1 else f"{digest}-{used[digest]}"
        text = _text_of(item, texts)
        if text is None:
            text, beside = "\n".join(everything), []
        else:
            beside = [part for part in everything if part != text and part != name]  # noqa: PLR1714  a tuple less a part
        candidate = _copy(like, id=name, text=text, owner=owner_of(item), attached=tuple(beside))
        metadata = said_in(item)
        if isinstance(metadata, dict) and not KNOWN.isdisjoint(metadata):
            candidate = _with_said(candidate, said_by(metadata))
        if titled is not None and isinstance(title := titled(item), str) and title:
            candidate = _copy(candidate, title=title)
        if created is not None or updated is not None:
            candidate = _copy(
                candidate,
                created_at=None if created is None else moment(created(item)),
                updated_at=None if updated is None else moment(updated(item)),
            )
        candidates.append(candidate)
    return candidates


def _reader(pointer: str | None) -> Callable[[object], object] | None:
    return None if pointer is None else reader_of(pointer)


def _name(value: object) -> str | None:
    """The text or whole number that names something."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _text_of(item: object, texts: Sequence[Callable[[object], object]]) -> str | None:
    for text_in in texts:
        value = text_in(item)
        if value is not None:
            return value if isinstance(value, str) else "\n".join(strings(value))
    return None


def _with_said(candidate: Candidate, said: Said) -> Candidate:
    return _copy(
        candidate,
        kind=said.kind,
        title=said.title,
        claimed_at=said.claimed_at,
        superseded_by=said.superseded_by,
        claims=said.claims,
        writer=said.writer,
        source_class=said.source_class,
        target_files=said.target_files,
        task_signature=said.task_signature,
        evidence_refs=said.evidence_refs,
    )


def _owners(plan: HttpPlan) -> Callable[[object], Mapping[str, str]]:
    """Whose an item is; items of one owner share it."""
    read = [(key, reader_of(where.item)) for key, where in plan.owners.items() if where.item is not None]
    known: dict[tuple[str | None, ...], Mapping[str, str]] = {}

    def owner_of(item: object) -> Mapping[str, str]:
        names = tuple([_owner(value_in(item)) for _, value_in in read])
        owner = known.get(names)
        if owner is None:
            stated = {key: name for (key, _), name in zip(read, names, strict=True) if name is not None}
            owner = known[names] = {**plan.params_owner, **stated}
        return owner

    return owner_of


def _owner(value: object) -> str | None:
    """As `_name`, but nothing is a name too."""
    return value if isinstance(value, str) else _name(value)
