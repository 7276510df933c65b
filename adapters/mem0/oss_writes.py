"""The platform's writes as scripts over the bare routes of a self-hosted server.

What the server cannot keep is refused before anything is sent. What takes several requests is checked whole first; where
it then fails half-way, the answer names what was done. Unscoped deletes never reach the server.
"""

from collections.abc import Generator, Mapping
from typing import Any

from adapters.mem0.oss_filters import ENTITY_KEYS, AllOf, Leaf, identity, invalid, parse, scopes
from adapters.mem0.oss_reads import ENTITY_FIELDS, IDLE, collect, memory, memory_id, refuse_unknown
from adapters.mem0.oss_rows import APP_KEY, RESERVED_PREFIX, OssAddedRows, platform_row
from adapters.mem0.oss_wire import (
    ID_KEYS,
    AnsweredError,
    Call,
    Script,
    not_found,
    not_supported,
    read,
    reply,
    segment,
)
from firewall.core.stamp import STAMP_KEY
from firewall.errors import CallerError, UpstreamError
from firewall.ports import WireRequest, WireResponse

ADD = frozenset(
    {"messages", "metadata", "infer", "expiration_date", "filters", "custom_instructions", "memory_type"}
)
UPDATE = frozenset({"text", "metadata", "expiration_date"})
MAX_BATCH = 1000
MAX_SWEEPS = 100

Nothing = Generator[WireRequest, WireResponse, None]


def add(call: Call) -> Script:
    """Stored at once: a self-hosted server infers while we wait, so the event has already succeeded."""
    fields = call.fields()
    refuse_unknown(fields, ADD)
    owner = _owner(fields)
    metadata = {**_metadata(fields), **({APP_KEY: owner["app_id"]} if "app_id" in owner else {})}
    body = {
        "messages": _messages(fields.get("messages")),
        **{key: value for key, value in owner.items() if key in ID_KEYS},
        **({"metadata": metadata} if metadata else {}),
        **{
            key: fields[key]
            for key in ("infer", "expiration_date", "memory_type")
            if fields.get(key) is not None
        },
        **({"prompt": fields["custom_instructions"]} if fields.get("custom_instructions") else {}),
    }
    response = yield call.ask("POST", "/memories", body=body)
    added = read(response, OssAddedRows).results
    return reply(
        {
            "message": "Memory stored",
            "status": "SUCCEEDED",
            "event_id": call.event_id,
            "results": [{"id": one.id, "data": {"memory": one.memory}, "event": one.event} for one in added],
        }
    )


def _owner(fields: Mapping[str, Any]) -> dict[str, str]:
    """Whose memory it is: the ids beside the messages, or inside `filters`, and no two that disagree."""
    named = parse(fields.get("filters") or {})
    owner: dict[str, str] = {}
    given = [(key, fields.get(key)) for key in sorted(ENTITY_KEYS)]
    for key, value in [*given, *((leaf.field, leaf.value) for leaf in _plain_ids(named))]:
        text = identity(key, value)
        if text is not None and owner.setdefault(key, text) != text:
            raise invalid(f"the request names two different values of {key}")
    if not any(key in owner for key in ID_KEYS):
        raise invalid("at least one of user_id, agent_id, run_id is required")
    return owner


def _plain_ids(node: AllOf) -> list[Leaf]:
    leaves = [part for part in node.parts if isinstance(part, Leaf) and part.op == "eq"]
    if len(leaves) != len(node.parts) or any(leaf.field not in ENTITY_KEYS for leaf in leaves):
        raise invalid("the filters of a write can only name ids")
    return leaves


def _messages(value: object) -> list[object]:
    if isinstance(value, str) and value:
        return [{"role": "user", "content": value}]
    messages = [value] if isinstance(value, dict) else value
    if not isinstance(messages, list) or not messages:
        raise CallerError(400, "invalid_request", "messages must be a text, a message or a list of messages")
    return messages


def _metadata(fields: Mapping[str, Any]) -> dict[str, Any]:
    metadata = fields.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise CallerError(400, "invalid_request", "metadata must be an object")
    if any(key.startswith(RESERVED_PREFIX) and key != STAMP_KEY for key in metadata):
        raise CallerError(
            400, "reserved_key", f"metadata keys that begin with {RESERVED_PREFIX} are reserved"
        )
    return metadata


def _changes(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an update. `expiration_date: null` clears the date, so it is sent where it was given."""
    refuse_unknown(fields, UPDATE | {"memory_id"})
    changes = {key: fields[key] for key in ("text",) if fields.get(key) is not None}
    changes |= {"metadata": _metadata(fields)} if fields.get("metadata") is not None else {}
    changes |= {"expiration_date": fields["expiration_date"]} if "expiration_date" in fields else {}
    if not changes:
        raise CallerError(400, "invalid_request", "an update needs text, metadata or expiration_date")
    return changes


def update(call: Call) -> Script:
    """The row as it is afterwards; the server itself only says that it is done."""
    identifier = memory_id(call.params[0])
    yield from _put(call, identifier, _changes(call.fields()))
    row = yield from memory(call, identifier)
    if row is None:
        raise not_found()
    return reply(platform_row(row, ranked=False))


def delete(call: Call) -> Script:
    """`delete_linked` changes nothing: a self-hosted server links no memories."""
    yield from _delete(call, memory_id(call.params[0]))
    return reply({"message": "Memory deleted successfully!"})


def _put(call: Call, identifier: str, changes: Mapping[str, Any]) -> Nothing:
    response = yield call.ask("PUT", f"/memories/{segment(identifier)}", body=changes)
    _done(response)


def _delete(call: Call, identifier: str) -> Nothing:
    response = yield call.ask("DELETE", f"/memories/{segment(identifier)}")
    _done(response)


def _done(response: WireResponse) -> None:
    if response.status == 404:
        raise not_found()
    read(response, dict)


def batch_update(call: Call) -> Script:
    items = _items(call)
    work = [(item["memory_id"], _changes(item)) for item in items]
    yield from _each([(identifier, _put(call, identifier, changes)) for identifier, changes in work])
    return reply({"message": f"Successfully updated {len(work)} memories"})


def batch_delete(call: Call) -> Script:
    items = [item["memory_id"] for item in _items(call)]
    yield from _each([(identifier, _delete(call, identifier)) for identifier in items])
    return reply({"message": f"Successfully deleted {len(items)} memories"})


def _items(call: Call) -> list[dict[str, Any]]:
    items = call.fields().get("memories")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items) or not items:
        raise CallerError(400, "invalid_request", "memories must be a list of objects")
    if len(items) > MAX_BATCH:
        raise CallerError(413, "too_large", f"a batch has at most {MAX_BATCH} memories")
    for item in items:
        memory_id(item.get("memory_id"))
    return items


def _each(steps: list[tuple[str, Nothing]]) -> Nothing:
    """One after the other; the first failure ends them, and the answer names what had been done.

    After a failure of the transport it is not known whether the named one was done as well.
    """
    done: list[str] = []
    for identifier, step in steps:
        try:
            yield from step
        except (AnsweredError, CallerError, UpstreamError) as error:
            status = error.response.status if isinstance(error, AnsweredError) else error.status
            raise AnsweredError(_unfinished(identifier, done, len(steps), status)) from error
        done.append(identifier)


def _unfinished(identifier: str, done: list[str], wanted: int, status: int) -> WireResponse:
    failure = {
        "detail": f"the work ended at memory {identifier}: {len(done)} of {wanted} were done",
        "code": "batch_incomplete",
        "succeeded": done,
        "failed": identifier,
    }
    return reply(failure, status=status)


def delete_all(call: Call) -> Script:
    """Deletes what the ids name, all of them together; `*` for each kind of id is a reset, no id is refused."""
    if call.argument("filters") is not None:
        raise invalid("filters in the query are not JSON: name user_id, agent_id, app_id or run_id")
    unknown = {key for key, _ in call.query} - ENTITY_KEYS - IDLE
    given = {key: value for key in sorted(ENTITY_KEYS) if (value := call.argument(key)) is not None}
    if unknown or not given:
        raise invalid("a delete needs user_id, agent_id, app_id or run_id, and takes nothing else")
    if given == dict.fromkeys(ENTITY_KEYS, "*"):
        response = yield call.ask("POST", "/reset")
        _done(response)
    else:
        yield from _delete_owned(call, given)
    return reply({"message": "Memories deleted successfully!"})


def _delete_owned(call: Call, given: Mapping[str, str]) -> Nothing:
    node = parse(given)
    plain = [scope for scope in scopes(node) if scope == given]
    if plain:
        response = yield call.ask("DELETE", "/memories", query=plain[0])
        _done(response)
        return
    # The server knows neither app_id nor a wildcard beside an id: list, and delete each.
    for _ in range(MAX_SWEEPS):
        rows, cut = yield from collect(call, node, show_expired=True)
        yield from _each([(row.id, _delete(call, row.id)) for row in rows])
        if not cut:
            return
        if not rows:
            break
    raise not_supported("deleting from that many memories by app_id or wildcard")


def delete_entity(call: Call) -> Script:
    """By the memories it owns: that is all an entity is to the server, and an id with a slash works too."""
    kind, name = call.params
    field = ENTITY_FIELDS.get(kind)
    if field is None or name == "*":
        raise CallerError(404, "not_found", "there is no such kind of entity")
    yield from _delete_owned(call, {field: name})
    return reply({"message": "Entity deleted successfully!"})


def feedback(call: Call) -> Script:
    """The server has no route for it. memfw keeps the standing; here the memory and the key are only checked."""
    fields = call.fields()
    row = yield from memory(call, memory_id(fields.get("memory_id")))
    if row is None:
        raise not_found()
    if fields.get("feedback") not in (None, "POSITIVE", "NEGATIVE", "VERY_NEGATIVE"):
        raise CallerError(
            400, "invalid_request", "feedback must be POSITIVE, NEGATIVE, VERY_NEGATIVE or null"
        )
    return reply(
        {
            "id": call.event_id,
            "feedback": fields.get("feedback"),
            "feedback_reason": fields.get("feedback_reason"),
        }
    )
