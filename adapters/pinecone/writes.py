"""Planning of writes: which namespace may be written, and what the write gate has to look at.

Every text of a batch is a draft of its own, and one that is refused refuses the batch: an answer without a body cannot say
which line was left out.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from adapters.pinecone.bodies import (
    RawObject,
    inner_object,
    lines,
    raw_objects,
    rewritten,
    strict_object,
    text_in,
    value_of,
)
from adapters.pinecone.plans import (
    Asked,
    PineconePlan,
    by_path,
    plan_for,
    queried,
    sent,
    whole_namespace,
    within,
)
from adapters.pinecone.reads import body_and_namespace
from adapters.pinecone.routes import Planning
from adapters.pinecone.rows import BACKEND
from adapters.pinecone.texts import text_of
from firewall.core.model import Candidate
from firewall.core.stamp import STAMP_KEY, governed_in
from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.requests import JsonObject, encoded, invalid, raw_object
from firewall.core.wire.splice import object_of
from firewall.errors import CallerError
from firewall.ports import Slot, WireRequest

_OWN_PREFIX = "_fw_"
_MAX_ROWS = 1_000
#: Pinecone's own limits: of one record's metadata, and of a request.
_MAX_METADATA = 40_960
_MAX_REQUEST = 2_000_000
_IDS = ("_id", "id")


class Drafting(msgspec.Struct, frozen=True):
    """Makes drafts as rows are read: text by the same keys."""

    text_keys: Sequence[str]

    def draft(self, place: int, fields: Mapping[str, object], *names: object) -> Candidate:
        """The draft of one row. CallerError 400 `reserved_metadata` for keys that are memfw's own."""
        for key in fields:
            if key.strip().casefold().startswith(_OWN_PREFIX):
                raise invalid(f"the metadata key {key[:40]!r} is reserved", code="reserved_metadata")
        text, attached = text_of(fields, self.text_keys)
        spoken = tuple(name for name in names if isinstance(name, str) and is_prose(name))
        return Candidate(
            id=f"draft-{place}", upstream="", backend=BACKEND, text=text, attached=(*attached, *spoken)
        )


def upsert(asked: Asked, drafting: Drafting) -> PineconePlan:
    body, namespace = body_and_namespace(asked)
    vectors = raw_objects(body.get("vectors", msgspec.Raw(b"[]")))
    _bounded(len(vectors))
    fields = [_fields(vector, "metadata") for vector in vectors]
    body["vectors"] = rewritten(vectors)
    plan = plan_for(asked, sent(asked, body, query=queried(asked)), namespace=namespace)
    plan.body = body
    return _drafted(plan, drafting, vectors, fields, inside="metadata")


def update(asked: Asked, drafting: Drafting) -> PineconePlan:
    """Of a record that it names; what a filter finds has no stamp of its own."""
    body, namespace = body_and_namespace(asked)
    fields = _fields(body, "setMetadata")
    plan = plan_for(asked, sent(asked, body, query=queried(asked)), namespace=namespace)
    plan.body = body
    return _drafted(plan, drafting, [body], [fields], inside="setMetadata")


def _fields(row: RawObject, inside: str) -> JsonObject:
    """The metadata of a row. A stamp that a client read and sends back is taken out of it: it gets one of its own."""
    metadata = inner_object(row, inside)
    if metadata is None:
        return {}
    fields = strict_object(row[inside])
    if STAMP_KEY in fields:
        del fields[STAMP_KEY], metadata[STAMP_KEY]
        row[inside] = msgspec.Raw(object_of(metadata))
    return fields


def _drafted(
    plan: PineconePlan,
    drafting: Drafting,
    rows: list[RawObject],
    fields: Sequence[JsonObject],
    *,
    inside: str,
) -> PineconePlan:
    plan.rows, plan.inside, plan.longest = rows, inside, _MAX_REQUEST
    names = [text_in(row, "id") for row in rows]
    plan.drafts = tuple(
        drafting.draft(place, its, name) for place, (its, name) in enumerate(zip(fields, names, strict=True))
    )
    plan.slots = tuple(
        _slot(plan, draft, its, name, len(bytes(row.get(inside, b""))))
        for draft, its, name, row in zip(plan.drafts, fields, names, rows, strict=True)
    )
    return plan


def _slot(plan: PineconePlan, draft: Candidate, fields: JsonObject, name: object, size: int) -> Slot:
    if not draft.text or not isinstance(name, str) or not name:
        return Slot()
    return Slot(
        texts=(draft.text,),
        governed=governed_in(fields),
        owner=plan.owner,
        record=name,
        room=_MAX_METADATA - size,
    )


def stamped(plan: PineconePlan, stamps: Sequence[str]) -> WireRequest:
    """The request with a stamp in each row's metadata, which lie as bytes between those that came."""
    if plan.lines:
        pairs = zip(plan.lines, stamps, strict=True)
        content = b"\n".join(_with_stamp(line, stamp) for line, stamp in pairs)
        return msgspec.structs.replace(plan.request, body=content)
    rows = [
        {**row, plan.inside: msgspec.Raw(_with_stamp(bytes(row[plan.inside]), stamp))} if stamp else row
        for row, stamp in zip(plan.rows, stamps, strict=True)
    ]
    body = {**plan.body, "vectors": rewritten(rows)} if plan.inside == "metadata" else rows[0]
    return msgspec.structs.replace(plan.request, body=object_of(body))


def _with_stamp(raw: bytes, stamp: str) -> bytes:
    if not stamp:
        return raw
    inner = raw.strip()[:-1].rstrip()
    comma = b"" if inner == b"{" else b","
    return b'%b%b"%b":"%b"}' % (inner, comma, STAMP_KEY.encode(), stamp.encode())


def delete(asked: Asked, _drafting: Drafting) -> PineconePlan:
    body, namespace = body_and_namespace(asked)
    if value_of(body, "deleteAll") not in (None, False):
        whole_namespace(asked, namespace)
    return plan_for(asked, sent(asked, body, query=queried(asked)), namespace=namespace)


def create_namespace(asked: Asked, _drafting: Drafting) -> PineconePlan:
    body = raw_object(asked.request.body)
    name = text_in(body, "name")
    namespace = within(asked, name)
    if namespace != (name or ""):
        body["name"] = msgspec.Raw(encoded(namespace))
    return plan_for(asked, sent(asked, body, query=queried(asked)), namespace=namespace)


def records_upsert(asked: Asked, drafting: Drafting) -> PineconePlan:
    """The lines go on as the bytes that came, so each has to be one that every reader reads the same way."""
    namespace = by_path(asked)
    body = asked.request.body
    given = lines(body)
    _bounded(len(given))
    rows = [strict_object(line) for line in given]
    if any(STAMP_KEY in row for row in rows):
        given = [_unstamped(line, row) for line, row in zip(given, rows, strict=True)]
        body = b"\n".join(given)
    plan = plan_for(asked, sent(asked, lines=body, query=queried(asked)), namespace=namespace)
    plan.drafts = _row_drafts(drafting, rows)
    plan.lines, plan.longest = given, _MAX_REQUEST
    plan.slots = tuple(
        _slot(plan, draft, row, row.get("_id", row.get("id")), len(line))
        for draft, row, line in zip(plan.drafts, rows, given, strict=True)
    )
    return plan


def _unstamped(line: bytes, row: JsonObject) -> bytes:
    """The line without the stamp that a client sends back; the row loses it too."""
    if row.pop(STAMP_KEY, None) is None:
        return line
    return object_of({key: raw for key, raw in raw_object(line).items() if key != STAMP_KEY})


def documents_upsert(asked: Asked, drafting: Drafting) -> PineconePlan:
    return _documents(asked, drafting, strict_object(asked.request.body), keys=("documents",))


def documents_update(asked: Asked, drafting: Drafting) -> PineconePlan:
    """Patches of named documents, or one for all that a filter finds."""
    return _documents(asked, drafting, strict_object(asked.request.body), keys=("documents", "set_fields"))


def _documents(
    asked: Asked, drafting: Drafting, body: Mapping[str, object], *, keys: Sequence[str]
) -> PineconePlan:
    namespace = by_path(asked, body)
    rows: list[Mapping[str, object]] = []
    for key in keys:
        given = body.get(key)
        for row in given if isinstance(given, list) else [] if given is None else [given]:
            if not isinstance(row, dict):
                raise invalid(f"{key} must hold objects")
            rows.append(row)
    _bounded(len(rows))
    request = sent(asked, raw_object(asked.request.body), query=queried(asked))
    plan = plan_for(asked, request, namespace=namespace)
    plan.drafts = _row_drafts(drafting, rows)
    return plan


def _row_drafts(drafting: Drafting, rows: Sequence[Mapping[str, object]]) -> tuple[Candidate, ...]:
    return tuple(
        drafting.draft(
            place,
            {key: value for key, value in row.items() if key not in _IDS},
            *(part for key in _IDS for part in strings(row.get(key))),
        )
        for place, row in enumerate(rows)
    )


def documents_delete(asked: Asked, _drafting: Drafting) -> PineconePlan:
    body = raw_object(asked.request.body)
    namespace = by_path(asked, body)
    if value_of(body, "delete_all") not in (None, False):
        whole_namespace(asked, namespace)
    return plan_for(asked, sent(asked, body, query=queried(asked)), namespace=namespace)


def _bounded(count: int) -> None:
    if count > _MAX_ROWS:
        raise CallerError(413, "batch_too_large", f"a batch may hold {_MAX_ROWS} rows")


WRITES: Mapping[Planning, Callable[[Asked, Drafting], PineconePlan]] = {
    Planning.upsert: upsert,
    Planning.update: update,
    Planning.delete: delete,
    Planning.create_namespace: create_namespace,
    Planning.records_upsert: records_upsert,
    Planning.documents_upsert: documents_upsert,
    Planning.documents_update: documents_update,
    Planning.documents_delete: documents_delete,
}
