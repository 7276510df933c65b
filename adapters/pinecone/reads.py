"""Planning of reads: hold them to the pin, ask for whole rows, ask for more of them than the caller wants."""

import math
import re
from collections.abc import Callable, Mapping

import msgspec

from adapters.pinecone.bodies import RawObject, count_in, inner_object, text_in, value_of
from adapters.pinecone.plans import Asked, PineconePlan, by_path, indexed, plan_for, queried, sent, within
from adapters.pinecone.routes import Planning, Shape
from firewall.core.wire.prose import strings
from firewall.core.wire.requests import denied, encoded, invalid, query_of, raw_object
from firewall.ports import WireRequest

Raw = msgspec.Raw
MAX_TOP_K = 10_000
_WITH_BODY = frozenset({"POST", "PATCH"})
_ALL = Raw(b'["*"]')
_TRUE = Raw(b"true")
#: A vector without any of these is all zeros: a framework's way of listing, in which no order means anything.
_NOT_ZERO = re.compile(rb"[1-9]")


def overfetched(wanted: int) -> int:
    """How many rows to ask for, so that what is withheld does not starve the caller."""
    return max(wanted, min(MAX_TOP_K, wanted + max(4, math.ceil(wanted / 4))))


def resized(shape: Shape, body: RawObject, count: int) -> RawObject:
    """The body of a ranked read that brings `count` rows; a reranker gives as many out, and gets no fewer in."""
    number = Raw(b"%d" % count)
    if shape is Shape.matches:
        return {**body, "topK": number}
    if shape is Shape.documents:
        return {**body, "top_k": number}
    query, rerank = inner_object(body, "query") or {}, inner_object(body, "rerank")
    if rerank is None or count_in(rerank, "top_n") is None:
        return {**body, "query": _object({**query, "top_k": number})}
    pool = max(count, count_in(query, "top_k") or count)
    return {
        **body,
        "query": _object({**query, "top_k": Raw(b"%d" % pool)}),
        "rerank": _object({**rerank, "top_n": number}),
    }


def _object(members: RawObject) -> Raw:
    return Raw(encoded(members))


def control(asked: Asked) -> PineconePlan:
    """A caller that is pinned to an index sees that one only, and nothing of what it is kept in."""
    params = asked.match.params
    if "index_name" in params:
        indexed(asked, params["index_name"])
    elif "index" in asked.caller.pin and asked.route.shape is Shape.indexes:
        if asked.request.method == "POST":
            indexed(asked, str(value_of(raw_object(asked.request.body), "name")))
    elif "index" in asked.caller.pin:
        raise denied("the caller is pinned to one index: this route is about all of them")
    return plan_for(asked, _as_it_came(asked))


def plain(asked: Asked) -> PineconePlan:
    """The answer is cut to the pin where it lists namespaces."""
    return plan_for(asked, _as_it_came(asked))


def whole_index(asked: Asked) -> PineconePlan:
    """An import goes into any namespace of the index."""
    if "namespace" in asked.caller.pin:
        raise denied("the caller is pinned to a namespace: an import is about the whole index")
    return plan_for(asked, _as_it_came(asked))


def query_namespace(asked: Asked) -> PineconePlan:
    """The namespace stands in the query string."""
    namespace, query = _namespace_in_query(asked)
    return plan_for(asked, sent(asked, query=query), namespace=namespace)


def path_namespace(asked: Asked) -> PineconePlan:
    """The namespace stands in the path."""
    body = _body_of(asked)
    return plan_for(asked, sent(asked, body, query=queried(asked)), namespace=by_path(asked, body))


def _as_it_came(asked: Asked) -> WireRequest:
    return sent(asked, _body_of(asked), query=queried(asked))


def _body_of(asked: Asked) -> RawObject | None:
    """The body of a request that may have none; what a GET or a DELETE brings along is left behind."""
    given = asked.request.method in _WITH_BODY and asked.request.body.strip()
    return raw_object(asked.request.body) if given else None


def _namespace_in_query(asked: Asked) -> tuple[str, str]:
    """The namespace, and the query string that names it."""
    query = query_of(asked.request.query)
    named = query.get("namespace")
    namespace = within(asked, named)
    if namespace != (named or ""):
        query = query.without("namespace").plus({"namespace": namespace})
    return namespace, query.raw


def fetch(asked: Asked) -> PineconePlan:
    """One id that is asked for alone is a read by id: that is what rehydrates a memory."""
    namespace, query = _namespace_in_query(asked)
    plan = plan_for(asked, sent(asked, query=query), namespace=namespace)
    ids = [value for key, value in query_of(query).pairs if key == "ids"]
    plan.by_id, plan.omits = len(ids) == 1, True
    return plan


def fetch_by_metadata(asked: Asked) -> PineconePlan:
    body, namespace = body_and_namespace(asked)
    plan = plan_for(asked, sent(asked, body, query=queried(asked)), namespace=namespace)
    plan.body = body
    return plan


def document_fetch(asked: Asked) -> PineconePlan:
    body = raw_object(asked.request.body)
    fields = _names(body, "include_fields")
    if fields:
        body.pop("include_fields")
    ids = value_of(body, "ids")
    namespace = by_path(asked, body)
    plan = plan_for(asked, sent(asked, body, query=queried(asked)), namespace=namespace)
    plan.body, plan.wanted_fields = body, fields or None
    plan.by_id, plan.omits = isinstance(ids, list) and len(ids) == 1, True
    return plan


def query(asked: Asked) -> PineconePlan:
    """Metadata is always asked for, and taken out again where the caller did not want it."""
    body, namespace = body_and_namespace(asked)
    if "queries" in body:
        raise invalid("several queries in one request are not supported: send one request for each")
    bare = value_of(body, "includeMetadata") is not True
    body["includeMetadata"] = _TRUE
    plan = _ranked(asked, body, count_in(body, "topK"), namespace)
    plan.bare = bare
    vector = body.get("vector")
    lists = vector is not None and "sparseVector" not in body and not _NOT_ZERO.search(bytes(vector))
    plan.ranked = not lists
    return plan


def search(asked: Asked) -> PineconePlan:
    """Every field is asked for; what the caller wants of them is cut out of the answer."""
    body = raw_object(asked.request.body)
    namespace = by_path(asked, body)
    fields = _names(body, "fields")
    body.pop("fields", None)
    given = inner_object(body, "query")
    if given is None:
        raise invalid("query must be an object")
    rerank = inner_object(body, "rerank")
    most = count_in(given, "top_k")
    best = None if rerank is None else count_in(rerank, "top_n")
    plan = _ranked(asked, body, min(most, best) if most and best else most, namespace)
    plan.wanted_fields = fields
    plan.query = " ".join(strings(value_of(given, "inputs")))
    return plan


def document_search(asked: Asked) -> PineconePlan:
    """Without `include_fields` a search brings ids and scores only: all fields are asked for, and cut out again."""
    body = raw_object(asked.request.body)
    namespace = by_path(asked, body)
    fields = _names(body, "include_fields", missing=())
    body["include_fields"] = _ALL
    plan = _ranked(asked, body, count_in(body, "top_k"), namespace)
    plan.wanted_fields = fields
    clauses = value_of(body, "score_by")
    texts = (
        [clause.get("query") for clause in clauses if isinstance(clause, dict)]
        if isinstance(clauses, list)
        else []
    )
    plan.query = " ".join(text for text in texts if isinstance(text, str))
    return plan


def _ranked(asked: Asked, body: RawObject, limit: int | None, namespace: str) -> PineconePlan:
    """A ranked read, over-fetched; without a usable count it goes on as it is, for the server to refuse."""
    shape, query = asked.route.shape, queried(asked)
    plan = plan_for(asked, sent(asked, body, query=query), namespace=namespace)
    plan.body, plan.ranked = body, True
    if limit is not None and limit <= MAX_TOP_K:
        plan.limit, plan.asked = limit, overfetched(limit)
        plan.request = sent(asked, resized(shape, body, plan.asked), query=query)
        if plan.asked > limit:
            plan.fallback = sent(asked, resized(shape, body, limit), query=query)
    return plan


def body_and_namespace(asked: Asked) -> tuple[RawObject, str]:
    """The members of a body, and the namespace that they name or that the caller is pinned to.

    CallerError 400 for a member in the other spelling: a server that speaks protobuf takes `set_metadata` for `setMetadata`,
    and here nobody would have looked at it.
    """
    body = raw_object(asked.request.body)
    if any("_" in key for key in body):
        raise invalid("the members of this route are spelled in camelCase")
    named = text_in(body, "namespace")
    namespace = within(asked, named)
    if namespace != (named or ""):
        body["namespace"] = Raw(encoded(namespace))
    return body, namespace


def _names(body: RawObject, key: str, missing: tuple[str, ...] | None = None) -> tuple[str, ...] | None:
    """The fields that a caller wants; None for all of them. CallerError 400 for what is no list of names."""
    value = value_of(body, key)
    if value is None:
        return missing
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise invalid(f"{key} must be a list of names")
    return None if "*" in value else tuple(value)


READS: Mapping[Planning, Callable[[Asked], PineconePlan]] = {
    Planning.control: control,
    Planning.plain: plain,
    Planning.whole_index: whole_index,
    Planning.query_namespace: query_namespace,
    Planning.path_namespace: path_namespace,
    Planning.query: query,
    Planning.search: search,
    Planning.document_search: document_search,
    Planning.fetch: fetch,
    Planning.fetch_by_metadata: fetch_by_metadata,
    Planning.document_fetch: document_fetch,
}
