"""Execution routes as the adjudication sees them: what was tried, what failed, and how to recognise a mention.

A later room fills the index from observed steps; a failed route given directly already blocks what recommends it.
Recognising is a dictionary look-up by id, evidence ref, file and word, so that its cost grows with the candidate, not
with the number of routes; the tables are made once for an index (`RouteIndex.of`, or at the first look).
"""

import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

RouteState = Literal["active", "passed", "failed", "contested", "superseded"]

_GENERIC_WORDS = (
    "adapter api app application apps base bin build client cmd code common components config configuration constants controller core data "
    "db default dist doc docs error errors example file files handler handlers helper helpers hooks http index init interface internal js "
    "json lib libs log logger login main manager md misc mod model models module modules new node old package packages page pages path pkg "
    "plugin project py python readme request response route router routes run schema schemas script scripts server service services settings "
    "setup shared source spec src start store style styles sql task test tests tool tools ts tsx type types ui user users util utils utility "
    "utilities v1 v2 version view views web worker yaml yml"
)
#: Words that name half the files of any project: never enough by themselves to recognise one.
GENERIC = frozenset(_GENERIC_WORDS.split())
_FILLER_WORDS = (
    "about after again also always another because been before being between both cannot could does done down during each every from have "
    "here into just like made make many more most much must need needs never next only other over same should since some still such than "
    "that their them then there these they this those through under until used uses using very want were what when where which while will "
    "with within without would your"
)
_FILLER = frozenset(_FILLER_WORDS.split())
#: ASCII punctuation becomes a space; letters of every other script stay.
_SPACED = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")
_LINE_SUFFIX = re.compile(r"(?::\d+){1,2}$")
#: A shorter text says too little to be recognised by its words.
_FEWEST_WORDS = 6


class ExecutionRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One way of doing a task. `step_id` is the observed step that put it into its state."""

    step_id: str
    state: RouteState
    title: str = ""
    text: str = ""
    task_signature: str = ""
    target_files: tuple[str, ...] = ()
    evidence_refs: tuple[str, ...] = ()
    memory_ids: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """It may be taken: what it shares with a blocked route does not give that one away."""
        return self.state in {"active", "passed"}


class Wording(msgspec.Struct, frozen=True, gc=False):
    """The distinctive words of a route's own text."""

    words: frozenset[str]
    route: int

    def in_words(self, words: frozenset[str]) -> bool:
        """Nine tenths of them are there."""
        return 10 * len(self.words & words) >= 9 * len(self.words)

    def half_in(self, words: frozenset[str]) -> bool:
        return bool(self.words) and 2 * len(self.words & words) >= len(self.words)


class Phrase(msgspec.Struct, frozen=True, gc=False):
    """The words of a file's name. `company` are the other words of the routes that have it: one of them makes it certain."""

    route: int
    company: frozenset[str]


class RouteTables(msgspec.Struct, frozen=True, kw_only=True):
    """Look-ups from what a candidate holds to the number of the route that speaks against it: a failed one before a
    contested or superseded one, then the first. `tails` are the ends of paths that are telling by themselves;
    `file_words` says cheaply that a text may name a file; `phrase_heads` gives the lengths of phrases by first word.
    """

    memory_ids: Mapping[str, int]
    evidence_refs: Mapping[str, int]
    tasks: Mapping[str, tuple[Wording, ...]]
    files: Mapping[str, int]
    tails: Mapping[str, int]
    file_words: frozenset[str]
    phrases: Mapping[tuple[str, ...], Phrase]
    phrase_heads: Mapping[str, frozenset[int]]
    wordings: Mapping[str, tuple[Wording, ...]]


class RouteIndex(msgspec.Struct, frozen=True, dict=True):
    """The routes of one scope. `active_path` are the files of the accepted route, for the `firewall` object."""

    routes: tuple[ExecutionRoute, ...] = ()
    active_path: tuple[str, ...] = ()

    @classmethod
    def of(cls, routes: Iterable[ExecutionRoute], active_path: tuple[str, ...] = ()) -> "RouteIndex":
        """An index with its tables made now rather than at the first look."""
        index = cls(tuple(routes), active_path)
        _ = index.tables
        return index

    @functools.cached_property
    def tables(self) -> RouteTables:
        """Made from `routes` alone, so never stored or sent with them."""
        return _tables(self.routes)


# ---- names and words ---------------------------------------------------------------------------------------------


def normal_path(path: str) -> str:
    """One spelling for one file: forward slashes, no `.` or `..` segments, no line number, no case."""
    kept: list[str] = []
    for segment in _LINE_SUFFIX.sub("", path.strip().replace("\\", "/")).casefold().split("/"):
        if segment == ".." and kept:
            kept.pop()
        elif segment not in {"", ".", ".."}:
            kept.append(segment)
    return "/".join(kept)


def path_tails(path: str) -> list[str]:
    """The path and what follows each of its first directories: an absolute path ends in the project's own."""
    normal = normal_path(path)
    tails = [normal]
    while "/" in normal and len(tails) < 16:
        normal = normal.partition("/")[2]
        tails.append(normal)
    return tails


def words_of(text: str) -> list[str]:
    """The words of a text in order, folded; punctuation separates."""
    return text.casefold().translate(_SPACED).split()


def distinctive(words: Iterable[str]) -> frozenset[str]:
    """The words that say what a text is about."""
    return frozenset(word for word in words if len(word) > 3 and word not in _FILLER)


def phrase_of(path: str) -> tuple[str, ...]:
    """The words of a file's name, "legacy adapter" for `legacyAdapter.ts`; none where the name is one word or says nothing."""
    stem = path.replace("\\", "/").rstrip("/").rpartition("/")[2].partition(".")[0]
    words = tuple(part.casefold() for part in _CAMEL.findall(stem))
    telling = [word for word in words if len(word) > 2 and word not in _FILLER]
    return words if len(telling) > 1 and not GENERIC.issuperset(telling) else ()


# ---- tables ------------------------------------------------------------------------------------------------------


class _Open(msgspec.Struct, frozen=True):
    """What the open routes hold: no sign of another route."""

    routes: list[ExecutionRoute]

    def files(self) -> frozenset[str]:
        return frozenset(normal_path(file) for route in self.routes for file in route.target_files)

    def phrases(self) -> frozenset[tuple[str, ...]]:
        return frozenset(phrase_of(file) for route in self.routes for file in route.target_files)

    def memory_ids(self) -> frozenset[str]:
        return frozenset(memory for route in self.routes for memory in route.memory_ids)

    def evidence_refs(self) -> frozenset[str]:
        return frozenset(ref for route in self.routes for ref in route.evidence_refs)


def _tables(routes: tuple[ExecutionRoute, ...]) -> RouteTables:
    ways = _Open([route for route in routes if route.open])
    # A failed route comes first, so that the first to enter a key is the one that counts.
    numbers = sorted(
        (number for number, route in enumerate(routes) if not route.open),
        key=lambda n: routes[n].state != "failed",
    )
    blocked = [(number, routes[number]) for number in numbers]
    files, tails = _file_tables(blocked, ways.files())
    phrases = _phrase_table(blocked, ways.phrases(), files)
    heads: dict[str, frozenset[int]] = {}
    for words in phrases:
        heads[words[0]] = heads.get(words[0], frozenset()) | {len(words)}
    return RouteTables(
        memory_ids=_first(
            ((memory, number) for number, route in blocked for memory in route.memory_ids), ways.memory_ids()
        ),
        evidence_refs=_first(
            ((ref, number) for number, route in blocked for ref in route.evidence_refs), ways.evidence_refs()
        ),
        tasks=_task_table(blocked, frozenset(route.task_signature for route in ways.routes)),
        files=files,
        tails=tails,
        file_words=frozenset(word for file in files for word in words_of(file.rpartition("/")[2])[:1]),
        phrases=phrases,
        phrase_heads=heads,
        wordings=_wordings(blocked, frozenset(distinctive(words_of(route.text)) for route in ways.routes)),
    )


def _first(entries: Iterable[tuple[str, int]], without: frozenset[str]) -> dict[str, int]:
    table: dict[str, int] = {}
    for key, number in entries:
        if key and key not in without:
            table.setdefault(key, number)
    return table


def _file_tables(
    blocked: Sequence[tuple[int, ExecutionRoute]], open_files: frozenset[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """Whole paths, and the ends of those whose name is telling: a name that an open route's file has too is not."""
    open_names = frozenset(file.rpartition("/")[2] for file in open_files)
    files: dict[str, int] = {}
    tails: dict[str, int] = {}
    for number, route in blocked:
        for file in map(normal_path, route.target_files):
            if not file or file in open_files:
                continue
            files.setdefault(file, number)
            name = file.rpartition("/")[2]
            telling = any(len(word) > 3 and word not in GENERIC for word in words_of(name.partition(".")[0]))
            if telling and "." in name and name not in open_names:
                for tail in path_tails(file):
                    tails.setdefault(tail, number)
    return files, tails


def _phrase_table(
    blocked: Sequence[tuple[int, ExecutionRoute]],
    open_phrases: frozenset[tuple[str, ...]],
    files: Mapping[str, int],
) -> dict[tuple[str, ...], Phrase]:
    """The words of file names, apart and joined."""
    first: dict[tuple[str, ...], int] = {}
    company: dict[tuple[str, ...], set[str]] = {}
    for number, route in blocked:
        for file in route.target_files:
            phrase = phrase_of(file)
            if not phrase or phrase in open_phrases or normal_path(file) not in files:
                continue
            first.setdefault(phrase, number)
            around = company.setdefault(phrase, set())
            if route.state == "failed":
                own = words_of(f"{file} {route.task_signature} {route.title} {route.text}")
                around |= distinctive(own) - {*phrase, "".join(phrase)}
    table = {phrase: Phrase(number, frozenset(company[phrase])) for phrase, number in first.items()}
    return table | {("".join(phrase),): found for phrase, found in table.items()}


def _task_table(
    blocked: Sequence[tuple[int, ExecutionRoute]], open_tasks: frozenset[str]
) -> dict[str, tuple[Wording, ...]]:
    table: dict[str, list[Wording]] = {}
    for number, route in blocked:
        task = route.task_signature
        if task and task not in open_tasks:
            own = Wording(distinctive(words_of(f"{route.title} {route.text}")), number)
            table.setdefault(task, []).append(own)
    return {task: tuple(routes) for task, routes in table.items()}


def _wordings(
    blocked: Sequence[tuple[int, ExecutionRoute]], held: frozenset[frozenset[str]]
) -> dict[str, tuple[Wording, ...]]:
    """Each text under so many of its rarest words that whoever shares nine tenths of it shares one of them."""
    bags: dict[frozenset[str], int] = {}
    for number, route in blocked:
        words = distinctive(words_of(route.text))
        if len(words) >= _FEWEST_WORDS and words not in held:
            bags.setdefault(words, number)
    frequency = Counter(word for words in bags for word in words)
    table: dict[str, list[Wording]] = {}
    for words, number in bags.items():
        rarest = sorted(words, key=lambda word: (frequency[word], word))
        for word in rarest[: len(words) // 10 + 1]:
            table.setdefault(word, []).append(Wording(words, number))
    return {word: tuple(wordings) for word, wordings in table.items()}
