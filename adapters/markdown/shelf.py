"""The notes in memory: kept up to date file by file, found by their words. For one thread at a time.

What a file held before is forgotten with its last note. The bytes of all notes together are bounded; files that do not fit
are counted, and an answer says so.
"""

from collections.abc import Callable, Iterable

from adapters.markdown.folder import Folder, Seen
from adapters.markdown.notes import Note, notes_of
from firewall.core.retrieval import Lexicon

MAX_TOTAL = 64 * 1024 * 1024
#: The lexicon reads the first words of a text only, so a long note is entered in pieces.
PIECE_WORDS = 300


class Shelf:
    """`skipped` counts the files of which nothing is here."""

    def __init__(self, folder: Folder, *, max_total: int = MAX_TOTAL) -> None:
        self._folder = folder
        self._max_total = max_total
        self._total = 0
        self._seen: dict[str, Seen] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self._notes: dict[str, Note] = {}
        self._lexicon = Lexicon()
        self.skipped = 0

    def refresh(self) -> None:
        """Read what has changed. OSError where the folder cannot be read: what was known stays."""
        look = self._folder.look()
        for path in [path for path, seen in self._seen.items() if look.files.get(path) != seen]:
            self._forget(path)
        too_many = 0
        for path, seen in look.files.items():
            if path not in self._seen and not self._enter(path, seen):
                too_many += 1
        self.skipped = look.skipped + too_many

    def note(self, note_id: str) -> Note | None:
        return self._notes.get(note_id)

    def listed(self, admit: Callable[[Note], bool]) -> list[Note]:
        """Those that are let through, by id."""
        return [self._notes[name] for name in sorted(self._notes) if admit(self._notes[name])]

    def found(self, query: str, limit: int, admit: Callable[[Note], bool]) -> list[tuple[Note, float]]:
        """The best of those that are let through; a note counts by its best piece."""
        taken: set[str] = set()

        def wanted(key: str) -> bool:
            name = key.partition("\n")[0]
            if name in taken or not admit(self._notes[name]):
                return False
            taken.add(name)
            return True

        ranked = self._lexicon.search(query, limit=limit, admit=wanted)
        return [(self._notes[key.partition("\n")[0]], score) for key, score in ranked]

    def _enter(self, path: str, seen: Seen) -> bool:
        if self._total + seen.stamp[2] > self._max_total:
            return False
        read = self._folder.content(path)
        if read is None:
            return False
        content, cut = read
        notes = notes_of(path, content, changed=seen.changed, cut=cut)
        for note in notes:
            self._notes[note.id] = note
            for key, text in _pieces(note):
                self._lexicon.add(key, text)
        self._names[path] = tuple(note.id for note in notes)
        self._seen[path] = seen
        self._total += seen.stamp[2]
        return True

    def _forget(self, path: str) -> None:
        for name in self._names.pop(path):
            note = self._notes.pop(name)
            for key, text in _pieces(note):
                self._lexicon.remove(key, text)
        self._total -= self._seen.pop(path).stamp[2]


def _pieces(note: Note) -> Iterable[tuple[str, str]]:
    words = note.words.split()
    for place, start in enumerate(range(0, max(1, len(words)), PIECE_WORDS)):
        yield f"{note.id}\n{place}", " ".join(words[start : start + PIECE_WORDS])
