"""The dialect of the notes. Pure, and as careful as in front of any other server: it checks every row that comes back.

Whose a note is, is its folder: a pin or a filter `folder` holds for the notes in that folder and below it. The dates of the
files are the upstream's own; what the front matter says is the writer's claim.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from adapters.markdown.notes import inside
from adapters.markdown.routes import LIST, MAX_LIMIT, NOTE, ROUTES, SEARCH, Wanted, list_of, search_of, table
from firewall.core.model import Candidate, EvidenceRequirement
from firewall.core.wire.prose import strings
from firewall.core.wire.requests import (
    NO_QUERY,
    denied,
    encoded,
    json_object,
    query_of,
    upstream_request,
)
from firewall.core.wire.said import moment, said_by
from firewall.core.wire.splice import JSON, array, broken, for_caller, items, members, object_of, tree
from firewall.core.wire.splice import with_firewall as with_member
from firewall.ports import (
    Answer,
    Caller,
    Disclosure,
    Headers,
    Match,
    Plan,
    RouteSpec,
    WireRequest,
    WireResponse,
    header,
)

_BACKEND = "markdown"
_INSPECT = EvidenceRequirement.inspect_before_use
_RESULTS = "results"
#: Notes that are asked for beside the caller's, in the place of those that may be withheld.
_SURPLUS = 10


class NotesPlan(Plan, kw_only=True):
    """`wanted` is what goes upstream; of a search its limit grows while it is filled up."""

    wanted: Wanted


class NotesAnswer(Answer, frozen=True, kw_only=True):
    """`rows` are the raw notes, `envelope` what stands around them; of a single note the row alone."""

    rows: list[msgspec.Raw]
    envelope: dict[str, msgspec.Raw]


class _Row(msgspec.Struct, kw_only=True):
    """A note on the wire."""

    id: str
    title: str
    text: str
    path: str
    tags: list[str] = []
    updated_at: str
    metadata: dict[str, object] = {}
    problems: list[str] = []


_row_of = msgspec.json.Decoder(_Row).decode


class MarkdownDialect:
    """The codec of one folder. `upstream` is the name that candidates carry."""

    name = "markdown"
    routes: Sequence[RouteSpec] = ROUTES

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._table = table()

    def match(self, request: WireRequest) -> Match | None:
        """CallerError 400 `bad_path` for a path that servers read in different ways."""
        return self._table.match(request.method, request.path)

    def credential(self, headers: Headers) -> str | None:
        scheme, _, key = (header(headers, "authorization") or "").strip().partition(" ")
        return key.strip() or None if scheme.lower() == "bearer" else header(headers, "x-api-key")

    def with_credential(self, request: WireRequest, key: str) -> WireRequest:  # noqa: ARG002
        """The notes ask for none."""
        return request

    def plan(self, request: WireRequest, match: Match, caller: Caller, *, now: float) -> NotesPlan:  # noqa: ARG002
        if caller.pin.keys() - {"folder"}:
            raise denied("a caller of notes can be pinned to a folder only")
        pinned = caller.pin.get("folder", "").strip("/")
        if match.spec.name == NOTE:
            return NotesPlan(
                match=match,
                request=upstream_request(request, match.path),
                pin={"folder": pinned} if pinned else {},
                by_id=True,
                wanted=Wanted(folder=pinned),
            )
        is_search = match.spec.name == SEARCH
        asked = search_of(json_object(request.body)) if is_search else list_of(query_of(request.query))
        if asked.folder and not inside(f"{asked.folder}/", pinned):
            raise denied("the request names a folder that is not the caller's")
        wanted = msgspec.structs.replace(asked, folder=asked.folder or pinned)
        if is_search and asked.limit:
            wanted = msgspec.structs.replace(wanted, limit=min(MAX_LIMIT, asked.limit + _SURPLUS))
        return NotesPlan(
            match=match,
            request=_sent(request, match, wanted),
            pin={"folder": wanted.folder} if wanted.folder else {},
            limit=asked.limit if is_search else None,
            ranked=is_search,
            query=wanted.query,
            wanted=wanted,
        )

    def stamped(self, plan: Plan, stamps: Sequence[str]) -> WireRequest:  # noqa: ARG002
        """As it is: no plan of this dialect has a place for a stamp."""
        return plan.request

    def recall(self, query: str, owner: Mapping[str, str], limit: int) -> WireRequest:
        body = encoded({"query": query, "limit": min(limit, MAX_LIMIT), "filters": dict(owner)})
        return WireRequest(method="POST", path="/search", headers=(JSON,), body=body)

    # Plans and answers of this dialect are its own; the port only knows their common part.

    def read(self, plan: Plan, response: WireResponse) -> NotesAnswer:
        assert isinstance(plan, NotesPlan)
        if plan.by_id:
            rows, envelope, more = [msgspec.Raw(response.body)], {}, False
        else:
            envelope = members(response.body)
            if _RESULTS not in envelope:
                raise broken("the upstream's answer has no results")
            rows = items(envelope[_RESULTS])
            full = plan.wanted.limit <= len(rows)
            more = _following(envelope) is not None if plan.limit is None else full
        return NotesAnswer(
            candidates=[self._candidate(row, plan) for row in rows], rows=rows, envelope=envelope, more=more
        )

    def more(self, plan: Plan, answer: Answer, wanted: int) -> WireRequest | None:
        """A search for more notes, or the page that follows."""
        assert isinstance(plan, NotesPlan)
        assert isinstance(answer, NotesAnswer)
        if not answer.more:
            return None
        if plan.limit is None:
            following = _following(answer.envelope)
            if following is None or following <= plan.wanted.offset:
                return None
            plan.wanted = msgspec.structs.replace(plan.wanted, offset=following)
        else:
            limit = min(MAX_LIMIT, max(plan.wanted.limit * 2, wanted))
            if limit <= plan.wanted.limit:
                return None
            plan.wanted = msgspec.structs.replace(plan.wanted, limit=limit)
        return _sent(plan.request, plan.match, plan.wanted)

    def joined(self, plan: Plan, first: Answer, second: Answer) -> Answer:
        """A larger search holds the first one; a further page follows it."""
        assert isinstance(first, NotesAnswer)
        assert isinstance(second, NotesAnswer)
        if plan.limit is not None:
            return second
        return NotesAnswer(
            candidates=[*first.candidates, *second.candidates],
            rows=[*first.rows, *second.rows],
            envelope=second.envelope,
            more=second.more,
        )

    def rebuild(
        self, plan: Plan, answer: Answer, response: WireResponse, disclosure: Disclosure
    ) -> WireResponse:
        """The admitted notes as the same bytes, in the same order."""
        assert isinstance(answer, NotesAnswer)
        if len(disclosure.admitted) != len(answer.rows):
            raise ValueError("a decision for each note is needed")
        kept = [
            _annotated(row, disclosure.annotations.get(candidate.id))
            for row, candidate, goes in zip(answer.rows, answer.candidates, disclosure.admitted, strict=True)
            if goes
        ]
        body = kept[0] if plan.by_id else object_of({**answer.envelope, _RESULTS: array(kept)})
        return WireResponse(
            status=response.status,
            headers=for_caller(response.headers),
            body=with_member(bytes(body), disclosure.firewall),
        )

    def refusal(
        self,
        match: Match | None,  # noqa: ARG002  one shape for all routes
        status: int,
        code: str,
        message: str,
        extra: Mapping[str, Any],
    ) -> WireResponse:
        """`{"error": {"code", "message"}}`."""
        body = encoded({"error": {"code": code, "message": message}, **extra})
        return WireResponse(status=status, headers=(JSON,), body=body)

    def not_found(self, match: Match) -> WireResponse:
        """As the notes answer an id that they do not have."""
        return self.refusal(match, 404, "not_found", "there is no note of this id", {})

    def _candidate(self, raw: msgspec.Raw, plan: NotesPlan) -> Candidate:
        try:
            row = _row_of(raw)
        except (ValueError, RecursionError):
            raise broken("a row of the upstream's answer is no note") from None
        said = said_by(row.metadata)
        claims = said.claims
        if row.problems and claims.evidence in (None, EvidenceRequirement.none):
            claims = msgspec.structs.replace(claims, evidence=_INSPECT)
        folder = plan.pin.get("folder")  # without one, all the notes are one owner's
        own = folder if folder and inside(row.path, folder) else row.path.rpartition("/")[0]
        return Candidate(
            id=row.id,
            upstream=self._upstream,
            backend=_BACKEND,
            text=row.text,
            kind=said.kind,
            title=row.title,
            owner={"folder": own} if folder else {},
            updated_at=moment(row.updated_at),
            claimed_at=said.claimed_at,
            superseded_by=said.superseded_by,
            claims=claims,
            writer=said.writer,
            source_class=said.source_class,
            target_files=said.target_files,
            task_signature=said.task_signature,
            evidence_refs=said.evidence_refs,
            attached=(row.title, row.path, *row.tags, *strings(row.metadata)),
        )


def _sent(request: WireRequest, match: Match, wanted: Wanted) -> WireRequest:
    if match.spec.name == LIST:
        return upstream_request(request, match.path, query=NO_QUERY.plus(wanted.parameters()))
    return upstream_request(request, match.path, body=wanted.body())


def _following(envelope: Mapping[str, msgspec.Raw]) -> int | None:
    value = tree(envelope["next_offset"]) if "next_offset" in envelope else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _annotated(row: msgspec.Raw, notes: Mapping[str, str] | None) -> bytes | msgspec.Raw:
    """The note as it is; with what it was admitted with in its metadata, where that was asked for."""
    if not notes:
        return row
    fields: dict[str, bytes | msgspec.Raw] = {**members(row)}
    metadata = tree(fields["metadata"]) if "metadata" in fields else {}
    fields["metadata"] = encoded({**(metadata if isinstance(metadata, dict) else {}), **notes})
    return object_of(fields)
