"""Planning of writes: whose memory may be written, changed and deleted, and what the write gate has to look at.

A by-id write of a pinned caller reads the row first (`preflight`); a delete of many needs concrete ids.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from adapters.mem0.drafts import (
    beside,
    checked_metadata,
    message_drafts,
    slot_of,
    text_draft,
    with_stamp,
)
from adapters.mem0.filters import IDENTITY, OPEN, OPERATORS, All, agreed, is_of, occurrences, parse
from adapters.mem0.plans import Asked, Mem0Plan, plan_for, preflight
from adapters.mem0.reads import entity, unscoped
from adapters.mem0.routes import Planning
from adapters.mem0.scope import APP_KEY, Scope, scope_from, scope_of, top_level
from firewall.core.events import StandingGiven
from firewall.core.model import Candidate
from firewall.core.wire.requests import (
    JsonObject,
    denied,
    encoded,
    invalid,
    json_object,
    upstream_request,
)
from firewall.errors import CallerError
from firewall.ports import Slot, WireRequest

_MAX_BATCH = 1_000
_MAX_PINNED_BATCH = 100
_MAX_ID = 1_000

_Outcome = tuple[Literal["helped", "harmed", "withdrawn"], Literal["weak", "strong"]]
_WITHDRAWN: _Outcome = ("withdrawn", "weak")
_FEEDBACK: Mapping[str, _Outcome] = {
    "POSITIVE": ("helped", "weak"),
    "NEGATIVE": ("harmed", "weak"),
    "VERY_NEGATIVE": ("harmed", "strong"),
}


def add(asked: Asked) -> Mem0Plan:
    """Ids may stand at the top level or inside `filters`; the missing part of the pin goes where they stand."""
    body = json_object(asked.request.body)
    scope = scope_of(body, asked.caller, needed=False)
    filters = body.get("filters")
    named = All((*top_level(body), OPEN if filters is None else parse(filters)))
    if scope.tree is not None or any(not part.concrete for part in occurrences(named)):
        raise denied("a memory is written for concrete ids only")
    if isinstance(filters, dict) and filters.keys() & OPERATORS:
        raise invalid("the filters of a write are ids, without operators", code="invalid_filter")
    metadata = checked_metadata(body.get("metadata"))
    sent = _with_missing(body, scope, bare=asked.route.bare)
    plan = plan_for(
        asked, upstream_request(asked.request, asked.match.path, query=unscoped(asked.query()), body=sent)
    )
    plan.drafts = message_drafts(body.get("messages"), metadata, beside(body, "messages", "metadata"))
    plan.owner = scope.pin
    plan.slots = (slot_of(plan.drafts, metadata, scope.pin),)
    return plan


def stamped(plan: Mem0Plan, stamps: Sequence[str]) -> WireRequest:
    """The request with its stamps: one for a write of one memory, one for each of a batch."""
    body = json_object(plan.request.body)
    listed = body.get("memories")
    if isinstance(listed, list):
        pairs = zip(listed, stamps, strict=True)
        body = {**body, "memories": [with_stamp(one, stamp) if stamp else one for one, stamp in pairs]}
    else:
        body = with_stamp(body, stamps[0])
    return msgspec.structs.replace(plan.request, body=encoded(body))


def _with_missing(body: JsonObject, scope: Scope, *, bare: bool) -> JsonObject:
    missing = dict(scope.missing)
    if not missing:
        return body
    if bare and "app_id" in missing:
        metadata = body.get("metadata")
        kept = metadata if isinstance(metadata, dict) else {}
        body = {**body, "metadata": {**kept, APP_KEY: missing.pop("app_id")}}
    filters = body.get("filters")
    if isinstance(filters, dict) and filters:
        return {**body, "filters": {**filters, **missing}}
    return {**body, **missing}


def update(asked: Asked) -> Mem0Plan:
    body = json_object(asked.request.body)
    agreed(All(top_level(body)), asked.caller.pin)
    metadata = checked_metadata(body.get("metadata"))
    plan = plan_for(asked, upstream_request(asked.request, asked.match.path, query=asked.query(), body=body))
    plan.drafts = (text_draft(0, body.get("text"), metadata, beside(body, "text", "metadata")),)
    plan.preflight = preflight(asked, asked.match.params["memory_id"])
    plan.owner = asked.caller.pin
    plan.slots = (_update_slot(asked, plan.drafts[0], body, metadata, asked.match.params["memory_id"]),)
    return plan


def _update_slot(
    asked: Asked, draft: Candidate, body: Mapping[str, object], metadata: Mapping[str, object], record: str
) -> Slot:
    """A stamp is for the text. On the hosted platform it needs metadata that the client sends: whether that replaces
    what is there or is added to it is not for us to find out."""
    if asked.flavor == "platform" and body.get("metadata") is None:
        return Slot()
    return slot_of((draft,), metadata, asked.caller.pin, record)


def delete_one(asked: Asked) -> Mem0Plan:
    plan = plan_for(asked, upstream_request(asked.request, asked.match.path, query=asked.query()))
    plan.preflight = preflight(asked, asked.match.params["memory_id"])
    plan.deletes = (asked.match.params["memory_id"],)
    return plan


def delete_all(asked: Asked) -> Mem0Plan:
    """Concrete ids only. Without them, or with a filter that no server surely understands, everything could be gone."""
    query = asked.query()
    if query.get("filters") is not None:
        raise denied("a delete by filters is refused: name user_id, agent_id, app_id or run_id")
    named = tuple(is_of(key, value) for key in IDENTITY if (value := query.get(key)) is not None)
    if not named:
        raise denied("a delete without a scope is refused: name user_id, agent_id, app_id or run_id")
    scope = scope_from(All(named), asked.caller, needed=False)
    if not asked.caller.admin and any(not part.values for part in named):
        raise denied("deleting by * needs role admin")
    if asked.route.bare and "app_id" in scope.pin:
        raise denied("this server cannot delete by app_id")
    request = upstream_request(asked.request, asked.match.path, query=query.plus(scope.missing))
    return plan_for(asked, request, pin=scope.pin)


def entity_delete(asked: Asked) -> Mem0Plan:
    """All of one entity: its own caller may delete it, and an admin any."""
    key, value = entity(asked.match.params)
    if not asked.caller.admin and dict(asked.caller.pin) != {key: value}:
        raise denied("deleting an entity needs role admin, or a caller that is pinned to just that entity")
    agreed(All((is_of(key, value),)), asked.caller.pin)
    return plan_for(asked, upstream_request(asked.request, asked.match.path, query=asked.query()))


def batch(asked: Asked) -> Mem0Plan:
    body = json_object(asked.request.body)
    memories = body.get("memories")
    if not isinstance(memories, list) or not memories:
        raise invalid("memories must be a list")
    limit = _MAX_PINNED_BATCH if asked.caller.pin else _MAX_BATCH
    if len(memories) > limit:
        raise CallerError(413, "batch_too_large", f"a batch may hold {limit} memories")
    ids: list[str] = []
    drafts: list[Candidate] = []
    slots: list[Slot] = []
    whole = beside(body, "memories")
    for index, memory in enumerate(memories):
        if not isinstance(memory, dict):
            raise invalid("memories must be objects")
        ids.append(_memory_id(memory.get("memory_id")))
        agreed(All(top_level(memory)), asked.caller.pin)
        metadata = checked_metadata(memory.get("metadata"))
        others = beside(memory, "text", "metadata", "memory_id") + whole
        slot = Slot()
        if memory.get("text") is not None or metadata or others:
            drafts.append(text_draft(index, memory.get("text"), metadata, others))
            slot = _update_slot(asked, drafts[-1], memory, metadata, ids[-1])
        slots.append(slot)
    agreed(All(top_level(body)), asked.caller.pin)
    plan = plan_for(asked, upstream_request(asked.request, asked.match.path, query=asked.query(), body=body))
    plan.drafts = tuple(drafts)
    plan.slots = tuple(slots)
    plan.preflight = preflight(asked, *ids)
    if asked.request.method == "DELETE":
        plan.deletes = tuple(ids)
    return plan


def feedback(asked: Asked) -> Mem0Plan:
    """Recorded as standing, for the principal and at the time of the request. The reason is a text that is stored."""
    body = json_object(asked.request.body)
    memory_id = _memory_id(body.get("memory_id"))
    given = body.get("feedback")
    if given is None:
        outcome, strength = _WITHDRAWN
    elif isinstance(given, str) and given in _FEEDBACK:
        outcome, strength = _FEEDBACK[given]
    else:
        raise invalid("feedback must be POSITIVE, NEGATIVE, VERY_NEGATIVE or null", code="invalid_feedback")
    plan = plan_for(asked, upstream_request(asked.request, asked.match.path, query=asked.query(), body=body))
    plan.preflight = preflight(asked, memory_id)
    said = beside(body, "memory_id", "feedback")
    plan.drafts = (text_draft(0, None, {}, said),) if said else ()
    plan.standing = (
        StandingGiven(
            upstream=asked.upstream,
            memory_id=memory_id,
            outcome=outcome,
            strength=strength,
            principal=asked.caller.name,
            at=asked.now,
        ),
    )
    return plan


def _memory_id(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > _MAX_ID:
        raise invalid("memory_id must be an id")
    return value


WRITES: Mapping[Planning, Callable[[Asked], Mem0Plan]] = {
    Planning.add: add,
    Planning.update: update,
    Planning.delete_one: delete_one,
    Planning.delete_all: delete_all,
    Planning.entity_delete: entity_delete,
    Planning.batch: batch,
    Planning.feedback: feedback,
}
