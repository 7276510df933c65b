"""The notes as an `Upstream`: answers the three routes as a server would.

Looking at the folder, reading and searching happen on one thread of its own, one request after the other, so that the loop
never waits for a disk and no note changes under a search. A request looks for changed files when the last look is
`look_every` seconds ago; nothing runs between requests.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from adapters.markdown.folder import Folder
from adapters.markdown.notes import Note
from adapters.markdown.routes import LIST, SEARCH, Wanted, list_of, search_of, table
from adapters.markdown.shelf import Shelf
from firewall.core.wire.requests import encoded, json_object, query_of
from firewall.errors import CallerError, UpstreamError
from firewall.ports import WireRequest, WireResponse

_JSON = (("Content-Type", "application/json"),)


class MarkdownNotes:
    """An `Upstream` that takes no credential. `clock` is monotonic, in seconds."""

    def __init__(self, folder: Path, *, clock: Callable[[], float], look_every: float = 2.0) -> None:
        self._shelf = Shelf(Folder(folder))
        self._table = table()
        self._clock = clock
        self._look_every = look_every
        self._looked_at: float | None = None
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="notes")
        self._closed = False

    async def send(self, request: WireRequest, *, deadline: float, retry: bool = False) -> WireResponse:  # noqa: ARG002
        """UpstreamError 503 where the folder cannot be read, 504 where it takes too long."""
        if self._closed:
            raise UpstreamError(503, "upstream_closed", "the notes are closed")
        work = asyncio.get_running_loop().run_in_executor(self._worker, self._answer, request)
        try:
            async with asyncio.timeout(deadline):
                return await work
        except TimeoutError:
            raise UpstreamError(504, "upstream_timeout", "the notes took too long") from None
        except CallerError as error:
            return _error(error.status, error.code, error.message)
        except OSError as error:
            reason = f"the folder of notes cannot be read: {error.strerror}"
            raise UpstreamError(503, "upstream_unavailable", reason) from error

    async def close(self) -> None:
        """Waits for what is being done; what waits behind it is not done any more."""
        if not self._closed:
            self._closed = True
            self._worker.shutdown(wait=False, cancel_futures=True)
            await asyncio.to_thread(self._worker.shutdown, wait=True)

    # ---- on the thread

    def _answer(self, request: WireRequest) -> WireResponse:
        match = self._table.match(request.method, request.path)
        if match is None:
            return _error(404, "unknown_route", "there is no such route")
        self._refresh()
        if match.spec.name == SEARCH:
            return self._search(search_of(json_object(request.body)))
        if match.spec.name == LIST:
            return self._list(list_of(query_of(request.query)))
        note = self._shelf.note(match.params["id"])
        return not_found() if note is None else _answered(_row(note))

    def _refresh(self) -> None:
        now = self._clock()
        if self._looked_at is None or now - self._looked_at >= self._look_every:
            self._shelf.refresh()
            self._looked_at = now

    def _search(self, wanted: Wanted) -> WireResponse:
        found = self._shelf.found(wanted.query, wanted.limit, _chosen(wanted))
        rows = [{**_row(note), "score": round(score, 6)} for note, score in found]
        return _answered({"results": rows, "skipped_files": self._shelf.skipped})

    def _list(self, wanted: Wanted) -> WireResponse:
        notes = self._shelf.listed(_chosen(wanted))
        end = wanted.offset + wanted.limit
        rows = [_row(note) for note in notes[wanted.offset : end]]
        following = end if rows and end < len(notes) else None
        return _answered({"results": rows, "next_offset": following, "skipped_files": self._shelf.skipped})


def not_found() -> WireResponse:
    """What an unknown id is answered with."""
    return _error(404, "not_found", "there is no note of this id")


def _chosen(wanted: Wanted) -> Callable[[Note], bool]:
    return lambda note: note.within(wanted.folder) and (not wanted.tag or wanted.tag in note.tags)


def _row(note: Note) -> dict[str, object]:
    row: dict[str, object] = {
        "id": note.id,
        "title": note.title,
        "text": note.text,
        "path": note.path,
        "tags": list(note.tags),
        "updated_at": datetime.fromtimestamp(note.changed, UTC).isoformat(),
        "metadata": note.metadata,
    }
    if note.problems:
        row["problems"] = list(note.problems)
    return row


def _answered(body: object) -> WireResponse:
    return WireResponse(status=200, headers=_JSON, body=encoded(body))


def _error(status: int, code: str, message: str) -> WireResponse:
    body = encoded({"error": {"code": code, "message": message}})
    return WireResponse(status=status, headers=_JSON, body=body)
