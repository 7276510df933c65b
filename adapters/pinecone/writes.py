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
from firewall.core.wire.prose import is_prose, strings
from firewall.core.wire.requests import encoded, invalid, raw_object
from firewall.errors import CallerError

_OWN_PREFIX = "_fw_"
_MAX_ROWS = 1_000
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
    body["vectors"] = rewritten(vectors)
    plan = plan_for(asked, sent(asked, body, query=queried(asked)), namespace=namespace)
    plan.drafts = tuple(
        _metadata_draft(drafting, place, vector, "metadata") for place, vector in enumerate(vectors)
    )
    return plan


def update(asked: Asked, drafting: Drafting) -> PineconePlan:
    body, namespace = body_and_namespace(asked)
    plan = plan_for(asked, sent(asked, body, query=queried(asked)), namespace=namespace)
    plan.drafts = (_metadata_draft(drafting, 0, body, "setMetadata"),)
    return plan


def _metadata_draft(drafting: Drafting, place: int, row: RawObject, key: str) -> Candidate:
    metadata = inner_object(row, key)
    fields = {} if metadata is None else strict_object(row[key])
    return drafting.draft(place, fields, text_in(row, "id"))


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
    plan = plan_for(asked, sent(asked, lines=body, query=queried(asked)), namespace=namespace)
    plan.drafts = _row_drafts(drafting, rows)
    return plan


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
