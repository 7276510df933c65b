"""The notes as a server would answer: search, list, one note; changes are seen, and nothing blocks the loop."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.markdown import MarkdownNotes
from firewall.errors import UpstreamError
from firewall.ports import WireRequest, WireResponse


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    (path / "team").mkdir(parents=True)
    (path / "tea.md").write_text("---\ntags: drinks\n---\nGreen tea at four.")
    (path / "team" / "deploy.md").write_text(
        "# Deploy\n\nUse the pipeline.\n\n## Rollback\n\nPress the green button."
    )
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def notes(folder: Path, clock: Clock) -> AsyncIterator[MarkdownNotes]:
    running = MarkdownNotes(folder, clock=clock, look_every=2.0)
    yield running
    await running.close()


async def sent(notes: MarkdownNotes, method: str, target: str, body: object = None) -> WireResponse:
    path, _, query = target.partition("?")
    content = b"" if body is None else msgspec.json.encode(body)
    return await notes.send(WireRequest(method=method, path=path, query=query, body=content), deadline=5.0)


async def asked(notes: MarkdownNotes, method: str, target: str, body: object = None) -> Any:
    return msgspec.json.decode((await sent(notes, method, target, body)).body)


async def ids(notes: MarkdownNotes, query: str, **more: object) -> list[str]:
    answer = await asked(notes, "POST", "/search", {"query": query, **more})
    return [row["id"] for row in answer["results"]]


async def test_a_search_ranks_notes(notes: MarkdownNotes) -> None:
    """Each with its path, tags, time and score."""
    answer = await asked(notes, "POST", "/search", {"query": "green tea", "limit": 5})
    first, second = answer["results"]
    assert (first["id"], second["id"]) == ("tea.md", "team/deploy.md#rollback")
    assert first["score"] > second["score"] > 0
    assert (first["title"], first["path"], first["tags"]) == ("tea", "tea.md", ["drinks"])
    assert first["updated_at"].endswith("+00:00")
    assert answer["skipped_files"] == 0


async def test_filters(notes: MarkdownNotes) -> None:
    """A folder with all below it, a tag, both."""
    assert await ids(notes, "green", filters={"folder": "team"}) == ["team/deploy.md#rollback"]
    assert await ids(notes, "green", filters={"folder": "/team/"}) == ["team/deploy.md#rollback"]
    assert await ids(notes, "green", filters={"folder": "tea"}) == []
    assert await ids(notes, "green", filters={"tag": "drinks"}) == ["tea.md"]
    assert await ids(notes, "green", filters={"tag": "drinks", "folder": "team"}) == []
    assert await ids(notes, "green", limit=1) == ["tea.md"]
    assert await ids(notes, "green", limit=0) == []


async def test_pages(notes: MarkdownNotes) -> None:
    """By id; the last one says that it is."""
    first = await asked(notes, "GET", "/notes?limit=2")
    assert [row["id"] for row in first["results"]] == ["tea.md", "team/deploy.md"]
    second = await asked(notes, "GET", f"/notes?limit=2&offset={first['next_offset']}")
    assert [row["id"] for row in second["results"]] == ["team/deploy.md#rollback"]
    assert second["next_offset"] is None


async def test_one_note(notes: MarkdownNotes) -> None:
    """By its escaped id; any other is 404."""
    row = await asked(notes, "GET", "/notes/team%2Fdeploy.md%23rollback")
    assert row["text"].endswith("Press the green button.")
    missing = await sent(notes, "GET", "/notes/none.md")
    assert (missing.status, msgspec.json.decode(missing.body)["error"]["code"]) == (404, "not_found")


async def test_changes_are_seen_when_it_is_time(notes: MarkdownNotes, folder: Path, clock: Clock) -> None:
    """A new file, another text and a file that is gone; not before the next look."""
    assert await ids(notes, "oolong") == []
    (folder / "new.md").write_text("Oolong.")
    (folder / "tea.md").write_text("Coffee.")
    (folder / "team" / "deploy.md").unlink()
    clock.now = 1.9
    assert await ids(notes, "oolong") == []
    clock.now = 2.0
    assert await ids(notes, "oolong") == ["new.md"]
    assert await ids(notes, "green") == []
    assert await ids(notes, "coffee") == ["tea.md"]


async def test_a_change_of_the_same_size_and_time_is_seen(
    notes: MarkdownNotes, folder: Path, clock: Clock
) -> None:
    """A file that was put in the place of another."""
    assert await ids(notes, "green") != []
    times = (folder / "tea.md").stat()
    (folder / "other.md").write_text((folder / "tea.md").read_text().replace("Green", "Black"))
    os.utime(folder / "other.md", ns=(times.st_atime_ns, times.st_mtime_ns))
    (folder / "other.md").replace(folder / "tea.md")
    clock.now = 5.0
    assert await ids(notes, "black") == ["tea.md"]


async def test_a_long_note_is_found_by_its_end(notes: MarkdownNotes, folder: Path) -> None:
    """Once, by its best piece."""
    (folder / "long.md").write_text("filler words " * 2_000 + "zanzibar zanzibar")
    assert await ids(notes, "zanzibar filler") == ["long.md"]


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("POST", "/search", {"query": 1}, 400),
        ("POST", "/search", {"query": "a", "limit": -1}, 400),
        ("POST", "/search", {"query": "a", "limit": True}, 400),
        ("POST", "/search", {"query": "a", "limit": 1_001}, 400),
        ("POST", "/search", {"query": "a", "filters": {"folder": "../x"}}, 400),
        ("POST", "/search", {"query": "a", "filters": {"owner": "x"}}, 400),
        ("POST", "/search", {"query": "a", "x": 1}, 400),
        ("POST", "/search", {"query": "a" * 9_000}, 400),
        ("POST", "/search", [], 400),
        ("GET", "/notes?limit=x", None, 400),
        ("GET", "/notes?x=1", None, 400),
        ("GET", "/notes?limit=1&limit=2", None, 400),
        ("GET", "/other", None, 404),
        ("DELETE", "/notes/tea.md", None, 404),
        ("GET", "/notes/..%2Fsecret.md", None, 400),
    ],
)
async def test_what_it_does_not_answer(
    notes: MarkdownNotes, method: str, target: str, body: object, status: int
) -> None:
    """In one shape."""
    response = await sent(notes, method, target, body)
    assert response.status == status
    assert set(msgspec.json.decode(response.body)["error"]) == {"code", "message"}


async def test_a_folder_that_goes_away(notes: MarkdownNotes, folder: Path, clock: Clock) -> None:
    """503 while it is gone, and the notes again when it is back."""
    assert await ids(notes, "green") != []
    folder.rename(folder.with_name("gone"))
    clock.now = 3.0
    with pytest.raises(UpstreamError) as caught:
        await ids(notes, "green")
    assert (caught.value.status, caught.value.code) == (503, "upstream_unavailable")
    folder.with_name("gone").rename(folder)
    assert await ids(notes, "green") != []


async def test_a_deadline_holds_for_what_waits_too(notes: MarkdownNotes) -> None:
    """504, and the loop goes on."""
    with pytest.raises(UpstreamError) as caught:
        await notes.send(WireRequest(method="GET", path="/notes"), deadline=0.0)
    assert caught.value.status == 504
    assert await ids(notes, "green") != []


async def test_many_at_once(notes: MarkdownNotes) -> None:
    """All get the same answer."""
    answers = await asyncio.gather(*(ids(notes, "green tea") for _ in range(20)))
    assert {tuple(answer) for answer in answers} == {("tea.md", "team/deploy.md#rollback")}


async def test_closed(folder: Path, clock: Clock) -> None:
    """Twice is once; a request after it is refused."""
    notes = MarkdownNotes(folder, clock=clock)
    await notes.close()
    await notes.close()
    with pytest.raises(UpstreamError):
        await ids(notes, "green")
