"""What Pinecone keeps and finds, small: exact search in plain Python, namespaces as dicts, filters that compare by type.

Errors are `RefusedError` with Pinecone's status, number and text, as the reference server of the recordings gave them.
"""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

DEFAULT = "__default__"
EMBEDDED = 64
_ID = re.compile(r"[\x00-\x7f]{1,512}")


class RefusedError(Exception):
    """A request that the service refuses."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def bad(message: str) -> RefusedError:
    return RefusedError(400, 3, message)


class Index(msgspec.Struct, kw_only=True):
    """One index. `text_field` is set where the service embeds a field itself; `spec` is what the control plane says."""

    name: str
    dimension: int
    metric: str = "cosine"
    text_field: str = ""
    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    namespaces: dict[str, dict[str, dict[str, Any]]] = msgspec.field(default_factory=dict)

    def namespace(self, name: str | None) -> dict[str, dict[str, Any]]:
        """The rows of a namespace that may not be there yet."""
        return self.namespaces.setdefault(name or DEFAULT, {})

    def known(self, name: str | None) -> dict[str, dict[str, Any]]:
        """404 where it is not there."""
        if (name or DEFAULT) not in self.namespaces:
            raise RefusedError(404, 5, "Namespace not found")
        return self.namespaces[name or DEFAULT]

    def upsert(self, namespace: str | None, vectors: Sequence[Mapping[str, Any]]) -> int:
        for vector in vectors:
            if not _ID.fullmatch(vector["id"]):
                raise bad("ID must be ASCII and up to 512 characters")
            values = vector.get("values") or []
            if len(values) != self.dimension:
                raise bad(
                    f"Vector dimension {len(values)} does not match the dimension of the index {self.dimension}"
                )
            if not any(values):
                raise bad("Dense vectors must contain at least one non-zero value")
            metadata = {
                key: value for key, value in (vector.get("metadata") or {}).items() if value is not None
            }
            for value in metadata.values():
                if isinstance(value, dict) or (
                    isinstance(value, list) and not all(isinstance(part, str) for part in value)
                ):
                    raise bad("Metadata value must be a string, number, boolean or list of strings")
            if len(msgspec.json.encode(metadata)) > 40_960:
                raise bad("Metadata size exceeds the limit of 40960 bytes per vector")
            row = {"id": vector["id"], "values": values}
            self.namespace(namespace)[vector["id"]] = {**row, "metadata": metadata} if metadata else row
        return len(vectors)

    def query(self, namespace: str | None, asked: Mapping[str, Any]) -> list[tuple[float, dict[str, Any]]]:
        """Rows with their scores, the best first."""
        top_k = asked.get("topK")
        if not isinstance(top_k, int) or not 1 <= top_k <= 10_000:
            raise bad("top_k must be between 1 and 10000")
        rows = self.namespace(namespace)
        vector = asked.get("vector")
        if asked.get("id") is not None:
            anchor = rows.get(asked["id"])
            vector = anchor["values"] if anchor else None
        if vector is None:
            return []
        if len(vector) != self.dimension:
            raise bad(
                f"Vector dimension {len(vector)} does not match the dimension of the index {self.dimension}"
            )
        found = [
            (score_of(self.metric, vector, row["values"]), row)
            for row in rows.values()
            if fits(row.get("metadata", {}), asked.get("filter") or {})
        ]
        found.sort(key=lambda pair: pair[0], reverse=self.metric != "euclidean")
        return found[:top_k]

    def documents(self, namespace: str, asked: Mapping[str, Any]) -> list[tuple[float, dict[str, Any]]]:
        """Documents by one clause: a dense vector of a field, or the words of a text."""
        clause = asked["score_by"][0]
        found = []
        for row in self.namespace(namespace).values():
            if not fits(row, asked.get("filter") or {}):
                continue
            if clause["type"] == "dense_vector":
                values = row.get(clause.get("field", "_values"))
                if values is not None:
                    found.append((score_of("cosine", clause["values"], values), row))
            else:
                words = set(_words(clause["query"]))
                held = _words(" ".join(str(row.get(field, "")) for field in clause.get("fields", [])))
                if hits := sum(word in words for word in held):
                    found.append((float(hits), row))
        found.sort(key=lambda pair: pair[0], reverse=True)
        return found[: asked["top_k"]]


def score_of(metric: str, one: Sequence[float], other: Sequence[float]) -> float:
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    if metric == "dotproduct":
        return dot
    if metric == "euclidean":
        return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
    length = math.hypot(*one) * math.hypot(*other)
    return dot / length if length else 0.0


def embedded(text: str) -> list[float]:
    """Hashed words: the same words give the same vector, on every machine."""
    vector = [0.0] * EMBEDDED
    for word in _words(text):
        vector[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % EMBEDDED] += 1.0
    return vector if any(vector) else [1.0, *vector[1:]]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def fits(metadata: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a row matches a filter; all of its members have to."""
    for key, condition in wanted.items():
        if key == "$and":
            held = all(fits(metadata, part) for part in condition)
        elif key == "$or":
            held = any(fits(metadata, part) for part in condition)
        elif isinstance(condition, dict):
            held = all(_holds(metadata.get(key), operator, value) for operator, value in condition.items())
        else:
            held = _holds(metadata.get(key), "$eq", condition)
        if not held:
            return False
    return True


def _holds(value: Any, operator: str, wanted: Any) -> bool:
    match operator:
        case "$exists":
            return (value is not None) is bool(wanted)
        case "$eq":
            return _same(value, wanted)
        case "$ne":
            return not _same(value, wanted)
        case "$in" if isinstance(wanted, list):
            return any(_same(value, one) for one in wanted)
        case "$nin" if isinstance(wanted, list):
            return not any(_same(value, one) for one in wanted)
        case "$gt" | "$gte" | "$lt" | "$lte" if _number(wanted):
            if not _number(value):
                return False
            ordered = {
                "$gt": value > wanted,
                "$gte": value >= wanted,
                "$lt": value < wanted,
                "$lte": value <= wanted,
            }
            return bool(ordered[operator])
        case _:
            raise bad(f"{operator} is not a valid operator")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, list):
        return any(_same(part, wanted) for part in value)
    if _number(value) and _number(wanted):
        return bool(value == wanted)
    return type(value) is type(wanted) and bool(value == wanted)
