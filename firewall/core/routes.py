"""Execution routes as the adjudication sees them: what was tried, what became of it, and how to recognise a mention.

Recognising is a look-up by id, evidence ref, file, phrase and word, so that its cost grows with the candidate and not
with the number of routes. The registers follow the routes one by one (`RouteIndex.put`): nothing is ever made anew.
What an open route holds too does not give a blocked one away, if the open one is visible to whoever asks and as well
vouched for: an agent's own success takes no ground back from a verifier's rejection.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, KeysView

import msgspec

from firewall.core.execution import RouteState
from firewall.core.route_words import GENERIC, distinctive, normal_path, path_tails, phrase_of, words_of
from firewall.core.visibility import SCOPE_WIDE, Audience, Viewer

#: A shorter text says too little to be recognised by its words alone: it has to be there as it was written.
FEWEST_WORDS = 6
_OPEN = frozenset({RouteState.active, RouteState.passed, RouteState.accepted})


class ExecutionRoute(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One way of doing a task. `step_id` is the observed step that put it into its state, at `since` (epoch seconds)
    and log `offset`; `team` is the team of that step: an unverified failure binds nobody else."""

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
    team: str = ""
    since: float = 0.0
    offset: int = 0

    @property
    def open(self) -> bool:
        """It may be taken: what it shares with a blocked route does not give that one away."""
        return self.state in _OPEN

    @property
    def verified(self) -> bool:
        """A verifier or reviewer said so."""
        return self.state is RouteState.accepted or self.state is RouteState.rejected

    @property
    def failed(self) -> bool:
        return self.state is RouteState.failed or self.state is RouteState.rejected

    @property
    def succeeded(self) -> bool:
        return self.state is RouteState.passed or self.state is RouteState.accepted


class Mention(msgspec.Struct, frozen=True, gc=False):
    """One thing by which a route is recognised. `file` is the normal path it came from, where it came from one;
    `words` are those of the route that make it certain."""

    route: str
    file: str = ""
    words: frozenset[str] = frozenset()

    def in_words(self, words: frozenset[str]) -> bool:
        """Nine tenths of them are there."""
        return 10 * len(self.words & words) >= 9 * len(self.words)

    def half_in(self, words: frozenset[str]) -> bool:
        return bool(self.words) and 2 * len(self.words & words) >= len(self.words)


class Register:
    """Which routes have something, by what they have."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[str, dict[tuple[str, str], Mention]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def get(self, key: str) -> Collection[Mention]:
        found = self._entries.get(key)
        return () if found is None else found.values()

    def keys(self) -> KeysView[str]:
        return self._entries.keys()

    def isdisjoint(self, keys: Iterable[str]) -> bool:
        return self._entries.keys().isdisjoint(keys)

    def among(self, keys: frozenset[str]) -> Iterator[Mention]:
        """The entries under any of the keys, in the order of the keys."""
        for key in sorted(self._entries.keys() & keys):
            yield from self._entries[key].values()

    def add(self, key: str, mention: Mention) -> None:
        self._entries.setdefault(key, {})[mention.route, mention.file] = mention

    def discard(self, key: str, mention: Mention) -> None:
        held = self._entries[key]
        held.pop((mention.route, mention.file), None)
        if not held:
            del self._entries[key]


class RouteTables:
    """The registers. Blocked and open routes stand in the same ones: who asks decides which of them count.

    `files` holds whole normal paths, `tails` the ends of those whose name is telling by itself, `names` bare names;
    `file_words` says cheaply that a text may name a file; `phrases` holds the words of file names, apart and joined;
    `heads` counts the lengths of phrases by their first word. `solved` are the tasks of routes that succeeded, `topics`
    the words of their names.
    """

    __slots__ = (
        "evidence_refs",
        "file_words",
        "files",
        "heads",
        "memory_ids",
        "names",
        "phrases",
        "solved",
        "tails",
        "tasks",
        "topics",
        "wordings",
    )

    def __init__(self) -> None:
        self.memory_ids = Register()
        self.evidence_refs = Register()
        self.files = Register()
        self.tails = Register()
        self.names = Register()
        self.file_words = Register()
        self.phrases = Register()
        self.heads: dict[str, Counter[int]] = {}
        self.tasks = Register()
        self.solved = Register()
        self.topics = Register()
        self.wordings = Register()

    def enter(self, route: ExecutionRoute) -> None:
        """Everything by which this route is recognised."""
        for register, key, mention in self._mentions(route):
            register.add(key, mention)
        for phrase in map(phrase_of, route.target_files):
            if phrase:
                self.heads.setdefault(phrase[0], Counter())[len(phrase)] += 1

    def leave(self, route: ExecutionRoute) -> None:
        """Undo `enter` for the same value."""
        for register, key, mention in self._mentions(route):
            register.discard(key, mention)
        for phrase in map(phrase_of, route.target_files):
            if phrase:
                lengths = self.heads[phrase[0]]
                lengths[len(phrase)] -= 1
                if not +lengths:
                    del self.heads[phrase[0]]

    def _mentions(self, route: ExecutionRoute) -> Iterator[tuple[Register, str, Mention]]:
        plain = Mention(route.key)
        for memory in route.memory_ids:
            yield self.memory_ids, memory, plain
        for ref in route.evidence_refs:
            yield self.evidence_refs, ref, plain
        text = distinctive(words_of(route.text))
        own = text | distinctive(words_of(f"{route.title} {route.task_signature}"))
        for path in route.target_files:
            yield from self._of_file(path, route, own)
        if route.task_signature:
            said = Mention(route.key, words=distinctive(words_of(f"{route.title} {route.text}")))
            yield self.tasks, route.task_signature, said
            if route.succeeded:
                topic = frozenset(words_of(route.task_signature))
                for word in topic:
                    yield self.topics, word, Mention(route.key, words=topic)
                yield self.solved, route.task_signature, plain
        telling = text or frozenset(words_of(route.text))
        whole = Mention(route.key, words=telling)
        # Under so many that whoever shares nine tenths of the text shares one of them.
        for word in sorted(telling, key=_by_length)[: len(telling) // 10 + 1]:
            yield self.wordings, word, whole

    def _of_file(
        self, path: str, route: ExecutionRoute, own: frozenset[str]
    ) -> Iterator[tuple[Register, str, Mention]]:
        file = normal_path(path)
        if not file:
            return
        here = Mention(route.key, file)
        name = file.rpartition("/")[2]
        yield self.files, file, here
        yield self.names, name, here
        for word in words_of(name)[:1]:
            yield self.file_words, word, here
        if "." in name and any(
            len(word) > 3 and word not in GENERIC for word in words_of(name.partition(".")[0])
        ):
            for tail in path_tails(file):
                yield self.tails, tail, here
        phrase = phrase_of(path)
        if phrase:
            # What else the failed route speaks of makes the phrase certain.
            around = own | distinctive(words_of(path)) if route.failed else frozenset()
            joined = "".join(phrase)
            spelled = Mention(route.key, file, around - {*phrase, joined})
            yield self.phrases, " ".join(phrase), spelled
            yield self.phrases, joined, spelled


class RouteIndex(msgspec.Struct, dict=True):
    """The routes of one scope by their key. `put` is the only way in; the tables are made at the first look."""

    routes: dict[str, ExecutionRoute] = {}

    @classmethod
    def of(cls, routes: Iterable[ExecutionRoute]) -> "RouteIndex":
        """An index of these, with its tables made. Routes without a key get their place as one."""
        index = cls()
        for place, route in enumerate(routes):
            index.put(route if route.key else msgspec.structs.replace(route, key=f"#{place:06d}"))
        _ = index.tables
        return index

    @property
    def tables(self) -> RouteTables:
        """Made from `routes` alone, so never stored or sent with them."""
        found: RouteTables | None = self.__dict__.get("tables")
        if found is None:
            found = self.__dict__["tables"] = RouteTables()
            for route in self.routes.values():
                found.enter(route)
        return found

    def put(self, route: ExecutionRoute) -> None:
        """Enter a route, or what has become of it."""
        tables: RouteTables | None = self.__dict__.get("tables")
        before = self.routes.get(route.key)
        self.routes[route.key] = route
        if tables is not None:
            if before is not None:
                tables.leave(before)
            tables.enter(route)

    def blocked(self, mentions: Iterable[Mention], viewer: Viewer) -> list[Mention]:
        """Those of routes that may not be taken, without what an open one that the viewer sees holds as well as they."""
        found: list[tuple[Mention, ExecutionRoute]] = []
        opened = accepted = False
        for mention in mentions:
            route = self.routes[mention.route]
            if not route.open:
                if counts_for(route, viewer):
                    found.append((mention, route))
            elif viewer.sees(route.audience):
                opened = True
                accepted = accepted or route.verified
        if accepted:
            return []
        return [mention for mention, route in found if not opened or route.verified]

    def overtaken(self, route: ExecutionRoute, viewer: Viewer) -> bool:
        """Every file of this route belongs to one that failed later and is as well vouched for."""
        if not route.target_files:
            return False
        return all(
            any(
                later.failed
                and later.offset > route.offset
                and (later.verified or not route.verified)
                and counts_for(later, viewer)
                for later in map(self._route_of, self.tables.files.get(normal_path(file)))
            )
            for file in route.target_files
        )

    def active(self, viewer: Viewer, *, task: str = "", query: str = "") -> ExecutionRoute | None:
        """The accepted route to go on with: the newest success of the task. Without a task, of the one whose name the
        query speaks of, or of the only one there is."""
        tables = self.tables
        if not task:
            task = self._task_of(query, viewer)
        solved = [
            route
            for route in map(self._route_of, tables.solved.get(task))
            if viewer.sees(route.audience) and not self.overtaken(route, viewer)
        ]
        return max(solved, key=_newest, default=None)

    def active_path(self, viewer: Viewer, query: str) -> tuple[str, ...]:
        """The files of the accepted route for what is asked; none where none is known."""
        route = self.active(viewer, query=query) if self.routes else None
        return () if route is None else route.target_files

    def _task_of(self, query: str, viewer: Viewer) -> str:
        solved = self.tables.solved.keys()
        if len(solved) == 1:
            return next(iter(solved))
        words = frozenset(words_of(query))
        best, most = "", 0.0
        for mention in self.tables.topics.among(words):
            route = self.routes[mention.route]
            shared = len(mention.words & words) / len(mention.words)
            if (
                (shared, route.task_signature) > (most, best)
                and 2 * shared >= 1
                and viewer.sees(route.audience)
            ):
                best, most = route.task_signature, shared
        return best

    def _route_of(self, mention: Mention) -> ExecutionRoute:
        return self.routes[mention.route]


def _newest(route: ExecutionRoute) -> tuple[float, int]:
    return route.since, route.offset


def counts_for(route: ExecutionRoute, viewer: Viewer) -> bool:
    """Whether a route that may not be taken speaks to this viewer: a private one does to its own circle only."""
    return route.audience.lane == "shared" or viewer.sees(route.audience)


def _by_length(word: str) -> tuple[int, str]:
    return (-len(word), word)
