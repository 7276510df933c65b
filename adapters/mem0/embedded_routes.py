"""The bare routes of the open-source Mem0 server over a `Memory` object: synchronous, for the one worker thread.

Request in, response out, in the shapes that the real server gives. What the object raises gets out; `embedded` says what
it means to a caller. The vendor's package is never imported here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from adapters.mem0.oss_wire import ID_KEYS, MAX_BODY, MAX_ROWS, arguments, reply, segments
from firewall.errors import CallerError
from firewall.ports import WireRequest, WireResponse

SCAN_LIMIT = 10_000
ENTITY_TYPES = {"agent": "agent_id", "run": "run_id", "user": "user_id"}
LISTED_APART = frozenset({"data", "hash", "created_at", "updated_at", "expiration_date", *ID_KEYS})
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
T = TypeVar("T")


class Point(Protocol):
    """A stored row as every vector store of Mem0 gives it."""

    id: object
    payload: Mapping[str, Any] | None


class VectorStore(Protocol):
    def list(self, filters: Mapping[str, Any] | None = None, top_k: int = 100) -> Any: ...


class MemoryLike(Protocol):
    """What we use of `mem0.Memory`. None of it may be called from two threads at once."""

    vector_store: VectorStore

    def add(self, messages: list[dict[str, Any]], **options: object) -> dict[str, Any]: ...
    def search(self, query: str, **options: object) -> dict[str, Any]: ...
    def get_all(self, **options: object) -> dict[str, Any]: ...
    def get(self, memory_id: str) -> dict[str, Any] | None: ...
    def update(self, memory_id: str, **changes: object) -> dict[str, Any]: ...
    def delete(self, memory_id: str) -> dict[str, Any]: ...
    def delete_all(self, **owner: str) -> dict[str, Any]: ...
    def history(self, memory_id: str) -> list[dict[str, Any]]: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...


class ProviderError(Exception):
    """A request that the real server lets its store fail on."""


class InvalidRequestError(Exception):
    """What the real server answers with 422 and a list: where in the request, and what was expected there."""

    def __init__(self, kind: str, where: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.detail = [{"type": kind, "loc": list(where), "msg": message}]


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    role: str
    content: str | list[Any] | dict[str, Any]
    name: str | msgspec.UnsetType = msgspec.UNSET


class AddBody(msgspec.Struct, frozen=True, omit_defaults=True):
    messages: list[Message]
    user_id: str | None = None
    agent_id: str | None = None
    run_id: str | None = None
    metadata: dict[str, Any] | None = None
    infer: bool | None = None
    expiration_date: str | None = None
    memory_type: str | None = None
    prompt: str | None = None


class SearchBody(msgspec.Struct, frozen=True, omit_defaults=True):
    query: str
    filters: dict[str, Any] | None = None
    user_id: str | None = None
    agent_id: str | None = None
    run_id: str | None = None
    top_k: int | None = None
    threshold: float | None = None
    explain: bool | None = None
    show_expired: bool | None = None


class UpdateBody(msgspec.Struct, frozen=True, omit_defaults=True):
    text: str | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    expiration_date: str | msgspec.UnsetType | None = msgspec.UNSET


def _body(request: WireRequest, shape: type[T], required: str = "") -> T:
    """The body in its shape, or the server's 422 with a list of what is wrong; without the input, which is memory text."""
    if len(request.body) > MAX_BODY:
        raise CallerError(413, "too_large", "the body is too large")
    try:
        value = msgspec.json.decode(request.body)
        if required and isinstance(value, dict) and required not in value:
            raise InvalidRequestError("missing", ("body", required), "Field required")
        return msgspec.convert(value, shape)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        raise InvalidRequestError("model_type", ("body",), "Input should be a valid request body") from None


def _uuid(value: str) -> str:
    if UUID.fullmatch(value) is None:
        raise ProviderError
    return value


def _given(body: AddBody | SearchBody, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(body, name) for name in names if getattr(body, name) is not None}


def _owner(request: WireRequest) -> dict[str, str]:
    return {key: value for key, value in arguments(request.query) if key in ID_KEYS and value}


def _add(memory: MemoryLike, request: WireRequest, _: tuple[str, ...]) -> object:
    body = _body(request, AddBody, "messages")
    owner = {key: value for key, value in _given(body, ID_KEYS).items() if value}
    if not owner:
        raise CallerError(400, "invalid", "At least one identifier (user_id, agent_id, run_id) is required.")
    options = _given(body, ("metadata", "infer", "expiration_date", "memory_type", "prompt"))
    messages: list[dict[str, Any]] = [msgspec.to_builtins(message) for message in body.messages]
    return memory.add(messages, **owner, **options)


def _search(memory: MemoryLike, request: WireRequest, _: tuple[str, ...]) -> object:
    body = _body(request, SearchBody, "query")
    filters = {
        **(body.filters or {}),
        **{key: value for key, value in _given(body, ID_KEYS).items() if value},
    }
    options = _given(body, ("top_k", "threshold", "explain", "show_expired"))
    return memory.search(body.query, filters=filters, **options)


def _list(memory: MemoryLike, request: WireRequest, _: tuple[str, ...]) -> object:
    query = dict(arguments(request.query))
    owner = _owner(request)
    top_k = query.get("top_k")
    if top_k is not None and not (top_k.isascii() and top_k.isdecimal() and int(top_k[:10]) <= MAX_ROWS):
        raise InvalidRequestError(
            "int_parsing", ("query", "top_k"), f"Input should be a whole number up to {MAX_ROWS}"
        )
    limit = {} if top_k is None else {"top_k": int(top_k)}
    if not owner:
        return {"results": [_dumped(point) for point in _points(memory, limit.get("top_k", MAX_ROWS))]}
    show_expired = query.get("show_expired", "").lower() in {"true", "1", "yes", "on"}
    return memory.get_all(filters=owner, show_expired=show_expired, **limit)


def _get(memory: MemoryLike, _: WireRequest, parts: tuple[str, ...]) -> object:
    return memory.get(_uuid(parts[1]))


def _history(memory: MemoryLike, _: WireRequest, parts: tuple[str, ...]) -> object:
    return memory.history(_uuid(parts[1]))


def _update(memory: MemoryLike, request: WireRequest, parts: tuple[str, ...]) -> object:
    body = _body(request, UpdateBody)
    changes = {name: getattr(body, name) for name in body.__struct_fields__}
    return memory.update(
        _uuid(parts[1]), **{name: value for name, value in changes.items() if value is not msgspec.UNSET}
    )


def _delete(memory: MemoryLike, _: WireRequest, parts: tuple[str, ...]) -> object:
    memory.delete(_uuid(parts[1]))
    return {"message": "Memory deleted successfully"}


def _delete_all(memory: MemoryLike, request: WireRequest, _: tuple[str, ...]) -> object:
    owner = _owner(request)
    if not owner:
        raise CallerError(400, "invalid", "At least one identifier is required.")
    memory.delete_all(**owner)
    return {"message": "All relevant memories deleted"}


def _delete_entity(memory: MemoryLike, _: WireRequest, parts: tuple[str, ...]) -> object:
    if parts[1] not in ENTITY_TYPES:
        raise InvalidRequestError(
            "literal_error", ("path", "entity_type"), "Input should be 'user', 'agent' or 'run'"
        )
    memory.delete_all(**{ENTITY_TYPES[parts[1]]: parts[2]})
    return {"message": "Entity deleted"}


def _reset(memory: MemoryLike, _: WireRequest, __: tuple[str, ...]) -> object:
    memory.reset()
    return {"message": "All memories reset"}


def _points(memory: MemoryLike, limit: int) -> list[Point]:
    """The store's rows; some stores wrap the list once more, beside a cursor."""
    listed = memory.vector_store.list(top_k=limit)
    inner = listed[0] if listed and isinstance(listed[0], list | tuple) else listed
    return list(inner or ())


def _dumped(point: Point) -> dict[str, object]:
    payload = point.payload or {}
    return {
        "id": str(point.id),
        "memory": payload.get("data"),
        **{key: payload.get(key) for key in (*ID_KEYS, "hash", "expiration_date")},
        "metadata": {key: value for key, value in payload.items() if key not in LISTED_APART},
        "created_at": payload.get("created_at"),
        "updated_at": payload.get("updated_at"),
    }


def _entities(memory: MemoryLike, _: WireRequest, __: tuple[str, ...]) -> object:
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for point in _points(memory, SCAN_LIMIT):
        payload = point.payload or {}
        for kind, key in ENTITY_TYPES.items():
            if payload.get(key):
                found.setdefault((kind, str(payload[key])), []).append(payload)
    return [
        {
            "id": name,
            "type": kind,
            "total_memories": len(rows),
            "created_at": min(
                (str(row["created_at"]) for row in rows if row.get("created_at")), default=None
            ),
            "updated_at": max(
                (str(row["updated_at"]) for row in rows if row.get("updated_at")), default=None
            ),
        }
        for (kind, name), rows in sorted(found.items())
    ]


Handler = Callable[[MemoryLike, WireRequest, tuple[str, ...]], object]

HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("POST", "memories"): _add,
    ("GET", "memories"): _list,
    ("DELETE", "memories"): _delete_all,
    ("POST", "search"): _search,
    ("GET", "memories/{}"): _get,
    ("PUT", "memories/{}"): _update,
    ("DELETE", "memories/{}"): _delete,
    ("GET", "memories/{}/history"): _history,
    ("POST", "reset"): _reset,
    ("GET", "entities"): _entities,
    ("DELETE", "entities/{}/{}"): _delete_entity,
}


def handle(memory: MemoryLike, request: WireRequest) -> WireResponse:
    """The server's answer. A path with a trailing slash is no route of the real server, so it is none here."""
    parts = segments(request.path)
    handler = None if request.path.endswith("/") else HANDLERS.get((request.method, _shape(parts)))
    if handler is None:
        return reply({"detail": "Not Found"}, status=404)
    return reply(handler(memory, request, parts))


def _shape(parts: tuple[str, ...]) -> str:
    named = [part if place == 0 or part == "history" else "{}" for place, part in enumerate(parts)]
    return "/".join(named)
