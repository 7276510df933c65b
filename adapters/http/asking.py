"""A request to its plan: held to the caller's pin, made to say what governing needs, and asked again for more."""

from collections.abc import Mapping

import msgspec

from adapters.http.filters import Written, asked_owner, pinned
from adapters.http.mapping import HttpMapping, HttpOwner, HttpRead
from firewall.core.wire.requests import (
    NO_QUERY,
    denied,
    encoded,
    forwarded,
    invalid,
    json_object,
    query_of,
    raw_object,
)
from firewall.ports import Caller, Match, Plan, WireRequest

_JSON = (("Content-Type", "application/json"),)
_MAX_QUERY = 4_096
#: From how many bytes on it is worth a look which members of a body are vectors.
_LONG = 256
_decode = msgspec.json.Decoder().decode
#: Items that are asked for beside the caller's, in the place of those that may be withheld.
_SURPLUS = 10


class HttpPlan(Plan, kw_only=True):
    """`asked` is how many items `request` asks for, `params_owner` what the path says of every item.

    Sent in its place, `fallback` asks for the caller's own number, and then no more are asked for.
    """

    read: HttpRead
    owners: Mapping[str, HttpOwner]
    upstream: str
    params_owner: Mapping[str, str] = {}
    asked: int | None = None

    @property
    def reading(self) -> object:
        return self.read, self.owners, self.upstream, self.params_owner, self.asked, self.growing

    @property
    def growing(self) -> bool:
        """Whether the upstream may be asked for more items than it was."""
        if self.asked is None or self.request is self.fallback:
            return False
        return self.asked < self.read.limit_max


def plan_of(
    request: WireRequest, match: Match, caller: Caller, read: HttpRead, mapping: HttpMapping, upstream: str
) -> HttpPlan:
    """CallerError 403 `scope_denied` for what widens the scope, 400 for what cannot be read."""
    owners = mapping.owner
    if caller.pin.keys() - owners.keys():
        raise denied("the caller is pinned to what this upstream does not know")
    written = written_of(request)
    asked = asked_owner(written, match, owners)
    for key, value in caller.pin.items():
        if asked.get(key, value) != value:
            raise denied(f"the request names a {key} that is not the caller's")
        owner = owners[key]
        if owner.param is not None and key not in asked:
            raise denied(f"this route says nothing of {key}, to which the caller is pinned")
    for place, said in read.ask.items():
        written = written.put(place, said)
    if read.filtered:  # last, so that nothing takes the place of the pin
        named = asked_owner(written, match, owners)
        missing = {key: value for key, value in caller.pin.items() if key not in named}
        written = pinned(written, owners, missing)
    limit = _limit(written, read)
    sent, fallback, asked_for = _request(request, match, written), None, limit
    if limit and read.limit is not None and limit < read.limit_max and not read.batched:
        asked_for = min(read.limit_max, limit + _SURPLUS)
        sent, fallback = _request(request, match, written.put(read.limit, asked_for)), sent
    return HttpPlan(
        match=match,
        request=sent,
        fallback=fallback,
        pin={**asked, **caller.pin},
        limit=limit,
        by_id=read.single,
        ranked=read.limit is not None,
        query=_question(written, read),
        read=read,
        owners=owners,
        upstream=upstream,
        params_owner={
            key: match.params[owner.param]
            for key, owner in owners.items()
            if owner.param is not None and owner.param in match.params
        },
        asked=asked_for,
    )


def recall_of(
    read: HttpRead, mapping: HttpMapping, query: str, owner: Mapping[str, str], limit: int
) -> WireRequest | None:
    """A search of our own, as a client would send it; None where the description has none."""
    recall = read.recall
    if recall is None:
        return None
    if owner.keys() - mapping.owner.keys():
        raise denied("this upstream does not know such an owner")
    in_path = next((key for key in owner if mapping.owner[key].param is not None), None)
    if in_path is not None:
        raise denied(f"the path of this search is fixed: {in_path} cannot be chosen")
    body = None if read.method == "GET" else dict(recall.body)
    written = Written(body, NO_QUERY).put(recall.query, query)
    if read.limit is not None:
        written = written.put(read.limit, limit)
    written = pinned(written, mapping.owner, owner)
    return WireRequest(
        method=read.method,
        path=recall.path,
        query=written.query.raw,
        headers=_JSON if body is not None else (),
        body=b"" if written.body is None else encoded(written.body),
    )


def more_of(plan: HttpPlan, wanted: int) -> WireRequest | None:
    """The same question for twice as many items; None where the upstream gives no more."""
    read = plan.read
    if plan.asked is None or read.limit is None or not plan.growing:
        return None
    plan.asked = min(read.limit_max, max(plan.asked * 2, wanted))
    written = written_of(plan.request).put(read.limit, plan.asked)
    return msgspec.structs.replace(
        plan.request,
        query=written.query.raw,
        body=b"" if written.body is None else encoded(written.body),
    )


def written_of(request: WireRequest) -> Written:
    """The request's body and query, parsed. A GET has no body, whatever came with it."""
    query = query_of(request.query)
    if request.method == "GET":
        return Written(None, query)
    if len(request.body) < _LONG:
        return Written(json_object(request.body), query)
    try:
        return Written({key: _value(raw) for key, raw in raw_object(request.body).items()}, query)
    except (ValueError, RecursionError):
        raise invalid("the body is not JSON") from None


def _value(raw: msgspec.Raw) -> object:
    """A member of a body. A vector is long, and nobody looks for anything in it: it goes on as it came."""
    text = bytes(raw)
    return raw if len(text) >= _LONG and b'"' not in text and b"{" not in text else _decode(raw)


def _request(request: WireRequest, match: Match, written: Written) -> WireRequest:
    body = written.body
    return WireRequest(
        method=request.method,
        path=match.path,
        query=written.query.raw,
        headers=forwarded(request.headers, body=body is not None),
        body=b"" if body is None else encoded(body),
    )


def _limit(written: Written, read: HttpRead) -> int | None:
    """How many items the caller gets: what it says, else what the upstream gives then. CallerError 400."""
    if read.limit is None:
        return None
    said = written.at(read.limit)
    if said is None:
        return read.limit_default
    if isinstance(said, str) and said.isdecimal() and said.isascii() and len(said) < 10:
        return int(said)
    if isinstance(said, int) and not isinstance(said, bool) and said >= 0:
        return said
    raise invalid("the limit is a whole number")


def _question(written: Written, read: HttpRead) -> str:
    """The text that was searched for, where it is one."""
    said = None if read.recall is None else written.at(read.recall.query)
    return said[:_MAX_QUERY] if isinstance(said, str) else ""
