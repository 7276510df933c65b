"""The dialect of the notes in front of a server that may lie: pins, rows, bytes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.markdown import MarkdownDialect
from adapters.markdown.dialect import NotesPlan
from firewall.core.model import Candidate, EvidenceRequirement, Lifecycle
from firewall.errors import CallerError, UpstreamError
from firewall.ports import Caller, Disclosure, WireRequest, WireResponse

NOTES = MarkdownDialect("notes")
ROW: dict[str, object] = {
    "id": "team/a.md",
    "title": "A",
    "text": "Text of a note.",
    "path": "team/a.md",
    "tags": ["x"],
    "updated_at": "2026-01-01T00:00:00+00:00",
    "metadata": {},
}


def planned(body: object = None, *, path: str = "/search", query: str = "", folder: str = "") -> NotesPlan:
    method = "POST" if path == "/search" else "GET"
    content = msgspec.json.encode({"query": "q"} if body is None else body) if method == "POST" else b""
    request = WireRequest(method=method, path=path, query=query, body=content)
    match = NOTES.match(request)
    assert match is not None
    return NOTES.plan(request, match, Caller(pin={"folder": folder} if folder else {}), now=0.0)


def candidate(plan: NotesPlan, **changed: object) -> Candidate:
    body = msgspec.json.encode({"results": [{**ROW, **changed}]})
    return NOTES.read(plan, WireResponse(status=200, body=body)).candidates[0]


def test_a_note_as_a_candidate() -> None:
    """The file's time is its own, what the front matter says is a claim, and everything else is looked at too."""
    one = candidate(
        planned(),
        metadata={"lifecycle_state": "failed", "date": "2020-01-01", "source_class": "web", "n": ["deep"]},
    )
    assert (one.id, one.upstream, one.backend, one.title) == ("team/a.md", "notes", "markdown", "A")
    assert (one.updated_at, one.created_at, one.claimed_at) == (1_767_225_600.0, None, 1_577_836_800.0)
    assert (one.claims.lifecycle, one.source_class) == (Lifecycle.failed, "web")
    assert {"A", "team/a.md", "x", "deep"} <= set(one.attached)
    assert one.owner == {}


def test_a_note_that_could_not_be_read_is_inspected() -> None:
    """A claim that asks for more than that stays."""
    assert (
        candidate(planned(), problems=["not_utf8"]).claims.evidence is EvidenceRequirement.inspect_before_use
    )
    blocked = candidate(planned(), problems=["x"], metadata={"evidence_requirement": "blocked"})
    assert blocked.claims.evidence is EvidenceRequirement.blocked


@pytest.mark.parametrize(
    ("pinned", "asked", "sent"),
    [("team", None, "team"), ("team", "team/x", "team/x"), ("/team/", "team", "team"), ("", "team", "team")],
)
def test_a_pin_goes_upstream(pinned: str, asked: str | None, sent: str) -> None:
    """A narrower folder of the caller's stays, and is what the rows are held to."""
    body = {"query": "q"} if asked is None else {"query": "q", "filters": {"folder": asked}}
    plan = planned(body, folder=pinned)
    assert msgspec.json.decode(plan.request.body)["filters"] == {"folder": sent}
    assert plan.pin == {"folder": sent}


@pytest.mark.parametrize("asked", ["other", "teams", "tea", "team2/x"])
def test_another_folder_is_denied(asked: str) -> None:
    """Also one with the same beginning; in a search and in a list."""
    for path, body, query in (
        ("/search", {"query": "q", "filters": {"folder": asked}}, ""),
        ("/notes", None, f"folder={asked}"),
    ):
        with pytest.raises(CallerError) as caught:
            planned(body, path=path, query=query, folder="team")
        assert caught.value.status == 403


def test_rows_that_leak_are_foreign() -> None:
    """Their folder is their own, so they do not fit the pin."""
    plan = planned(folder="team")
    assert candidate(plan).owner == {"folder": "team"}
    assert candidate(plan, path="other/a.md").owner == {"folder": "other"}
    assert candidate(plan, path="teams/a.md").owner == {"folder": "teams"}
    assert candidate(plan, path="a.md").owner == {"folder": ""}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"results":{}}',
        b'{"results":[1]}',
        b'{"results":[{"id":"a"}]}',
        b'{"results":[{"id":1,"t',
    ],
)
def test_answers_that_are_none(body: bytes) -> None:
    """502."""
    with pytest.raises(UpstreamError) as caught:
        NOTES.read(planned(), WireResponse(status=200, body=body))
    assert caught.value.code == "upstream_invalid"


def test_more_notes() -> None:
    """A search grows to its bound; a list goes on where the answer says, and only forwards."""
    plan = planned({"query": "q", "limit": 1})
    assert (plan.limit, plan.wanted.limit) == (1, 11)
    body = msgspec.json.encode({"results": [ROW]})
    full = msgspec.json.encode({"results": [ROW] * 11})
    assert NOTES.more(plan, NOTES.read(plan, WireResponse(status=200, body=body)), 5) is None
    more = NOTES.more(plan, NOTES.read(plan, WireResponse(status=200, body=full)), 5)
    assert more is not None
    assert msgspec.json.decode(more.body)["limit"] == 22
    page = planned(path="/notes", query="limit=1")
    first = NOTES.read(page, WireResponse(status=200, body=body[:-1] + b',"next_offset":1}'))
    following = NOTES.more(page, first, 1)
    assert following is not None
    assert following.query == "limit=1&offset=1"
    assert NOTES.more(page, first, 1) is None
    last = NOTES.read(page, WireResponse(status=200, body=body[:-1] + b',"next_offset":null}'))
    assert NOTES.more(page, last, 1) is None
    assert len(NOTES.joined(page, first, last).candidates) == 2


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers() | st.none()),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_surviving_notes_are_the_same_bytes(rows: list[tuple[dict[str, object], bool]]) -> None:
    """In the upstream's order."""
    raw = [
        msgspec.json.encode({**ROW, "id": str(place), "metadata": data})
        for place, (data, _) in enumerate(rows)
    ]
    spaced = [msgspec.json.format(row, indent=1) for row in raw]
    plan = planned()
    response = WireResponse(
        status=200, body=b'{"results": [' + b" , ".join(spaced) + b'], "skipped_files":0}'
    )
    answer = NOTES.read(plan, response)
    admitted = [goes for _, goes in rows]
    body = NOTES.rebuild(plan, answer, response, Disclosure(admitted=admitted, firewall=b"{}")).body
    kept = [row for row, goes in zip(spaced, admitted, strict=True) if goes]
    assert body == b'{"results":[' + b",".join(kept) + b'],"skipped_files":0,"firewall":{}}'
