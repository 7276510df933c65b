"""Search results of Mem0, Zep and Pinecone as requests to govern them. All of it pure.

Answers are taken as their API gives them (JSON objects); an object of a vendor's client is made into one first
(`.model_dump(mode="json")`, `.to_dict()`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypedDict

from firewall.client.candidates import Mapper, Row, as_json, candidate_of, first_text, id_of
from firewall.client.errors import MemfwError
from firewall.client.shapes import Json, compact, record, records, text

Results = Json | Sequence[Json]

_MEM0_TEXT = ("memory", "text", "data", "content")
_MEM0_FACTS = ("created_at", "updated_at", "expiration_date")
_ZEP_KINDS = ("edges", "nodes", "episodes", "observations", "thread_summaries")
_ZEP_TEXT = ("fact", "content", "summary", "text", "name")
_PINECONE_TEXT = ("text", "content", "data", "page_content", "chunk_text", "body")
_PINECONE_OWN = frozenset({"id", "_id", "score", "_score", "values", "sparse_values", "sparseValues"})


class GovernOptions(TypedDict, total=False):
    """What a govern request says besides its candidates."""

    run_id: str
    mode: Literal["standard", "strict", "firewall"]
    context_mode: Literal["standard", "compact_agent"]
    include_records: bool
    tenant_id: str
    scope: str


def mem0_search_results_to_candidates(
    results: Results, mapper: Mapper | None = None
) -> list[dict[str, object]]:
    """One candidate a row of a Mem0 search: `{"results": [...]}` or the list."""
    mapper = mapper or Mapper(source_backend="mem0")
    return _candidates((_mem0_row(row) for row in _rows(results, "results")), mapper)


def zep_search_results_to_candidates(
    results: Results, mapper: Mapper | None = None
) -> list[dict[str, object]]:
    """One candidate an item of a Zep graph search, of whatever kind, of a page of one kind, or of a list.

    The text blob `context` is not read: it repeats the items, and cannot be governed one by one.
    """
    mapper = mapper or Mapper(source_backend="zep")
    return _candidates((_zep_row(row) for row in _rows(results, *_ZEP_KINDS, "items")), mapper)


def pinecone_matches_to_candidates(results: Results, mapper: Mapper | None = None) -> list[dict[str, object]]:
    """One candidate a match of a query, hit of a search, fetched vector or document."""
    mapper = mapper or Mapper(source_backend="pinecone")
    if isinstance(results, Mapping):
        fetched = [{"id": name, **record(vector)} for name, vector in record(results.get("vectors")).items()]
        found = [
            *records(results.get("matches")),
            *records(record(results.get("result")).get("hits")),
            *fetched,
        ]
    else:
        found = records(results)
    return _candidates((_pinecone_row(row) for row in found), mapper)


def govern_request(query_text: str, candidates: Sequence[Json], request: GovernOptions) -> dict[str, object]:
    """The body. MemfwError where nothing was found: there is nothing to govern then."""
    if not candidates:
        raise MemfwError(
            "govern_candidates_missing", "the search found nothing, so there is nothing to govern"
        )
    said: Json = {"mode": "firewall", "context_mode": "compact_agent", "include_records": True, **request}
    return {"query_text": query_text, **compact(said), "candidates": list(candidates)}


def _rows(results: Results, *names: str) -> list[Json]:
    if isinstance(results, Mapping):
        return [row for name in names for row in records(results.get(name))]
    return records(results)


def _candidates(rows: Iterable[Row], mapper: Mapper) -> list[dict[str, object]]:
    return [candidate_of(row, place, mapper) for place, row in enumerate(rows, 1)]


def _mem0_row(row: Json) -> Row:
    facts = {
        "mem0_score": row.get("score"),
        "mem0_row_id": id_of(row, "id") or None,
        **{name: row.get(name) for name in _MEM0_FACTS},
    }
    return Row(
        text=first_text(row, _MEM0_TEXT) or as_json(row),
        id=id_of(row, "id"),
        claims=record(row.get("metadata")),
        facts=compact(facts),
    )


def _zep_row(row: Json) -> Row:
    """An end in the future that came with a retirement says that the store was not sure: inspect."""
    ends, retired = row.get("invalid_at"), row.get("expired_at")
    facts = {
        "title": None if row.get("fact") else text(row.get("name")) or None,
        "zep_score": row.get("score"),
        "created_at": row.get("created_at"),
        "valid_at": row.get("valid_at"),
        "invalid_at": ends,
        "expired_at": retired if ends is None else None,
    }
    return Row(
        text=first_text(row, _ZEP_TEXT) or as_json(row),
        id=id_of(row, "uuid", "uuid_"),
        claims={**record(row.get("attributes")), **record(row.get("metadata"))},
        facts=compact(facts),
        inspect=ends is not None and retired is not None,
    )


def _pinecone_row(row: Json) -> Row:
    """Metadata of a vector, fields of a record, or what else stands in a document."""
    written = next((record(row[name]) for name in ("metadata", "fields") if record(row.get(name))), None)
    if written is None:
        written = {name: value for name, value in row.items() if name not in _PINECONE_OWN}
    score = row.get("score", row.get("_score"))
    return Row(
        text=_pinecone_text(written) or as_json(written),
        id=id_of(row, "id", "_id"),
        claims={name: value for name, value in written.items() if name != "_node_content"},
        facts=compact({"pinecone_score": score}),
    )


def _pinecone_text(written: Json) -> str:
    """A framework's own node first (it holds its text as JSON), then the usual names, then every text there is."""
    node = text(written.get("_node_content"))
    if node and (inner := _node_text(node)):
        return inner
    return first_text(written, _PINECONE_TEXT) or "\n".join(
        value for value in written.values() if isinstance(value, str) and value
    )


def _node_text(node: str) -> str:
    try:
        return text(record(json.loads(node)).get("text"))
    except (ValueError, RecursionError):
        return ""
