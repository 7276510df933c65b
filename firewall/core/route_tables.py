"""How a mention of an execution route is recognised: registers that follow the routes one by one, and nothing else.

A look-up by id, evidence ref, file, phrase and wording, so that its cost grows with the text that is read and not with
the number of routes. The registers hold keys only: what a route's words are is asked of the route itself, for the few
that a text may mean.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, KeysView, Mapping, Sequence
from itertools import chain, pairwise
from typing import Generic, TypeVar

import msgspec

from firewall.core.execution import RouteState
from firewall.core.memo import Memo
from firewall.core.route_words import (
    GENERIC,
    distinctive,
    normal_path,
    path_tails,
    phrase_of,
    telling_words,
    words_of,
)
from firewall.core.visibility import SCOPE_WIDE, Audience, Viewer

_OPEN = frozenset({RouteState.active, RouteState.passed, RouteState.accepted})
_VERIFIED = frozenset({RouteState.accepted, RouteState.rejected, RouteState.disputed})
Key = TypeVar("Key", bound=Hashable)
#: Pairs of neighbouring words.
Pairs = tuple[tuple[str, str], ...]
#: The offset of a route, and the pairs that were chosen for its text as it was then.
Chosen = tuple[int, Pairs]
_NEVER: Chosen = (-1, ())
_NONE: Mapping[str, Chosen] = {}

#: The words of a text that tell it from others, as a set. Asked of the few routes that a text may mean.
TELLING = Memo[str, frozenset[str]](
    lambda text: frozenset(telling_words(words_of(text))), entries=2_048, size=1 << 20
)
words_to_tell: Callable[[str], frozenset[str]] = TELLING.of

#: How much of a text is kept with a route or a node; the log has all of it.
TEXT_CHARS = 2_000


class ExecutionRoute(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One way of doing a task. `step_id` is the observed step that put it into its state, at `since` (epoch seconds)
    and log `offset`; `teams` are those that said themselves that it failed: an unverified failure binds nobody else."""

    key: str = ""
    step_id: str
    state: RouteState
    title: str = ""
    text: str = ""
    task_signature: str = ""
    workflow_signature: str = ""
    target_files: tuple[str, ...] = ()
    evidence_refs: tuple[str, ...] = ()
    memory_ids: tuple[str, ...] = ()
    audience: Audience = SCOPE_WIDE
    teams: tuple[str, ...] = ("",)
    since: float = 0.0
    offset: int = 0

    @property
    def cut(self) -> bool:
        """Its text may go on beyond what is kept of it."""
        return len(self.text) >= TEXT_CHARS

    @property
    def open(self) -> bool:
        """It may be taken: what it shares with a blocked route does not give that one away."""
        return self.state in _OPEN

    @property
    def verified(self) -> bool:
        """The word of a verifier or reviewer stands in it."""
        return self.state in _VERIFIED

    @property
    def failed(self) -> bool:
        return self.state is RouteState.failed or self.state is RouteState.rejected

    @property
    def disputed(self) -> bool:
        """A verifier or reviewer rejected it, and somebody else says that it works."""
        return self.state is RouteState.disputed

    def binds(self, viewer: Viewer) -> bool:
        """Whether its failure blocks for this viewer; elsewhere it asks for inspection. A private one is nobody else's."""
        if not self.failed:
            return False
        if self.verified or (self.audience.lane == "private" and viewer.sees(self.audience)):
            return True
        return any(viewer.is_of(team) for team in self.teams)

    @property
    def succeeded(self) -> bool:
        return self.state is RouteState.passed or self.state is RouteState.accepted

    def in_words(self, words: frozenset[str]) -> bool:
        """Nine tenths of the words of its text are there."""
        own = words_to_tell(self.text)
        return 10 * len(own & words) >= 9 * len(own) > 0

    def half_in(self, words: frozenset[str]) -> bool:
        """Half of what it says is there."""
        own = distinctive(words_of(f"{self.title} {self.text}"))
        return bool(own) and 2 * len(own & words) >= len(own)

    def company(self, file: str) -> frozenset[str]:
        """What else a failed route speaks of: it makes certain that the words of a file's name are that name."""
        if not self.failed:
            return frozenset()
        phrases = [phrase_of(path) for path in self.target_files if normal_path(path) == file]
        own = distinctive(words_of(f"{self.title} {self.task_signature} {self.text} {file}"))
        return own.difference(*phrases, ("".join(phrase) for phrase in phrases))


class Mention(msgspec.Struct, frozen=True, gc=False):
    """One thing by which a route is recognised. `file` is the normal path it came from, where it came from one."""

    route: str
    file: str = ""


class Register(Generic[Key]):
    """Which routes have something, by what they have. Most things only one has: it stands there by itself."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[Key, Mention | dict[Mention, None]] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def get(self, key: Key) -> Collection[Mention]:
        found = self._entries.get(key)
        if found is None:
            return ()
        return found if isinstance(found, dict) else (found,)

    def load(self, key: Key) -> int:
        """How many stand under the key."""
        return len(self.get(key))

    def keys(self) -> KeysView[Key]:
        return self._entries.keys()

    def isdisjoint(self, keys: Iterable[Key]) -> bool:
        return self._entries.keys().isdisjoint(keys)

    def add(self, keys: Iterable[Key], mention: Mention) -> None:
        """Enter one under each of the keys."""
        entries = self._entries
        for key in keys:
            found = entries.setdefault(key, mention)
            if found is mention:
                continue
            if isinstance(found, dict):
                found[mention] = None
            elif found != mention:
                entries[key] = {found: None, mention: None}

    def discard(self, keys: Iterable[Key], mention: Mention) -> None:
        """Nothing where it does not stand: a route that names a thing twice has one entry for it."""
        for key in keys:
            found = self._entries.get(key)
            if isinstance(found, dict):
                found.pop(mention, None)
                if len(found) == 1:
                    self._entries[key] = next(iter(found))
            elif found == mention:
                del self._entries[key]


class RouteTables:
    """The registers. Blocked and open routes stand in the same ones: who asks decides which of them count.

    `worded_by` are the pairs of words under which a route's text stands. `files` holds whole normal paths, `tails` the ends of those whose name is telling by itself, down to the name;
    `file_words` says cheaply that a text may name a file; `phrases` holds the words of file names, apart and joined;
    `heads` counts the lengths of phrases by their first word. `solved` are the tasks of routes that succeeded, `topics`
    those tasks by the words of their names.
    """

    __slots__ = (
        "evidence_refs",
        "file_words",
        "files",
        "heads",
        "lone_words",
        "memory_ids",
        "phrases",
        "solved",
        "tails",
        "tasks",
        "topics",
        "worded_by",
        "wordings",
    )

    def __init__(self) -> None:
        self.memory_ids: Register[str] = Register()
        self.evidence_refs: Register[str] = Register()
        self.files: Register[str] = Register()
        self.tails: Register[str] = Register()
        self.file_words: Counter[str] = Counter()
        self.phrases: Register[str] = Register()
        self.heads: dict[str, Counter[int]] = {}
        self.tasks: Register[str] = Register()
        self.solved: Register[str] = Register()
        self.topics: dict[str, dict[str, None]] = {}
        self.wordings: Register[tuple[str, str]] = Register()
        self.lone_words: Register[str] = Register()
        self.worded_by: dict[str, Pairs] = {}

    def enter(self, route: ExecutionRoute, worded_by: Pairs = ()) -> None:
        """Everything by which this route is recognised. `worded_by` are the pairs of its text, where they were chosen
        before: which ones they are does not matter, only how many."""
        plain = Mention(route.key)
        for register, keys in self._keys(route):
            register.add(keys, plain)
        for spelling in map(_spelling, route.target_files):
            if not spelling.file:
                continue
            here = Mention(route.key, spelling.file)
            self.files.add((spelling.file,), here)
            self.tails.add(spelling.tails, here)
            self.phrases.add(spelling.phrases, here)
            for word in spelling.word:
                self.file_words[word] = self.file_words.get(word, 0) + 1
            for first in spelling.phrase[:1]:
                self.heads.setdefault(first, Counter())[len(spelling.phrase)] += 1
        if route.succeeded:
            for word in words_of(route.task_signature):
                self.topics.setdefault(word, {})[route.task_signature] = None
        if not worded_by:
            worded_by = self._choose(route, plain)
        if worded_by:
            self.worded_by[route.key] = worded_by
            self.wordings.add(worded_by, plain)

    def leave(self, route: ExecutionRoute) -> None:
        """Undo `enter` for the same value."""
        plain = Mention(route.key)
        for register, keys in self._keys(route):
            register.discard(keys, plain)
        for spelling in map(_spelling, route.target_files):
            if not spelling.file:
                continue
            here = Mention(route.key, spelling.file)
            self.files.discard((spelling.file,), here)
            self.tails.discard(spelling.tails, here)
            self.phrases.discard(spelling.phrases, here)
            for word in spelling.word:
                _count_down(self.file_words, word)
            for first in spelling.phrase[:1]:
                _count_down(self.heads[first], len(spelling.phrase))
                if not self.heads[first]:
                    del self.heads[first]
        if route.succeeded and route.task_signature not in self.solved:
            for word in set(words_of(route.task_signature)):
                del self.topics[word][route.task_signature]
                if not self.topics[word]:
                    del self.topics[word]
        self.wordings.discard(self.worded_by.pop(route.key, ()), plain)
        self.lone_words.discard(telling_words(words_of(route.text))[:1], plain)

    def worded(self, words: list[str], vocabulary: frozenset[str]) -> Iterator[str]:
        """The keys of the routes whose text this may be, in their order: to be looked at more closely."""
        pairs = self.wordings.keys() & set(pairwise(telling_words(words)))
        hits: dict[str, int] = {}
        for mention in chain.from_iterable(map(self.wordings.get, pairs)):
            hits[mention.route] = hits.get(mention.route, 0) + 1
        # A shorter text stands under too few for two of them to be left.
        found = {
            route for route, count in hits.items() if count > 1 or len(self.worded_by[route]) < _FEW_PAIRS
        }
        if len(self.lone_words):
            for word in self.lone_words.keys() & vocabulary:
                found.update(mention.route for mention in self.lone_words.get(word))
        yield from sorted(found)

    def _choose(self, route: ExecutionRoute, plain: Mention) -> Pairs:
        telling = telling_words(words_of(route.text))
        if len(telling) > 1:
            return self._rarest(telling)
        self.lone_words.add(telling, plain)
        return ()

    def _rarest(self, telling: list[str]) -> Pairs:
        """Pairs of neighbouring words under which a text stands, those that the fewest other texts have: so many that
        two of them are left of a longer text in which a tenth of the words is gone and its halves are exchanged."""
        wanted = _wanted(len(frozenset(telling)))
        known = self.wordings.keys()
        fresh: dict[tuple[str, str], None] = {}
        for pair in pairwise(telling):
            if pair not in known:
                fresh[pair] = None
                if len(fresh) == wanted:
                    return tuple(fresh)
        pairs = dict.fromkeys(pairwise(telling))
        return tuple(sorted(pairs, key=self.wordings.load)[:wanted])

    def _keys(self, route: ExecutionRoute) -> Sequence[tuple[Register[str], tuple[str, ...]]]:
        task = (route.task_signature,) if route.task_signature else ()
        return (
            (self.memory_ids, route.memory_ids),
            (self.evidence_refs, route.evidence_refs),
            (self.tasks, task),
            (self.solved, task if route.succeeded else ()),
        )


def tables_of(routes: Iterable[ExecutionRoute], chosen: Mapping[str, Chosen] = _NONE) -> RouteTables:
    """The registers of these routes. `chosen` are the pairs of their texts, as far as they were chosen before."""
    tables = RouteTables()
    for route in routes:
        offset, pairs = chosen.get(route.key, _NEVER)
        tables.enter(route, pairs if offset == route.offset else ())
    return tables


class _Spelling(msgspec.Struct, frozen=True):
    """All by which a file may be named. `word` is the first of its name, `tails` none where the name is not telling,
    `phrases` the words of the name, apart and joined."""

    file: str
    word: tuple[str, ...]
    tails: tuple[str, ...]
    phrase: tuple[str, ...]
    phrases: tuple[str, ...]


def _spell(path: str) -> _Spelling:
    file = normal_path(path)
    name = file.rpartition("/")[2]
    stem, dot, _ = name.partition(".")
    words = words_of(stem)
    tails: tuple[str, ...] = ()
    if dot and any(len(word) > 3 and word not in GENERIC for word in words):
        tails = tuple(dict.fromkeys((*path_tails(file), name)))
    phrase = phrase_of(path)
    phrases = (" ".join(phrase), "".join(phrase)) if phrase else ()
    return _Spelling(file, tuple(words[:1] or words_of(name)[:1]), tails, phrase, phrases)


#: The same few files are named by step after step.
SPELLING = Memo(_spell, entries=4_096, size=4 << 20)
_spelling: Callable[[str], _Spelling] = SPELLING.of


def _count_down(counts: Counter[Key], key: Key) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


def _wanted(words: int) -> int:
    """Each word that is gone takes two pairs with it."""
    return 2 * (words // 10) + 3


_FEW_PAIRS = _wanted(10)
