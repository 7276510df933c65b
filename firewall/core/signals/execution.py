"""Execution: does a memory bring back a route that failed? By id, evidence, file, then text; and with polarity.

A memory that recommends a failed route is blocked and hidden (its id and the failed step are enough); one that reports
the failure is blocked and shown; one that recommends another file and warns of the failed one is neither. What a text
merely hints at (a phrase without company, a task alone) asks for inspection. A candidate is only read when the scope
has routes at all.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec

from firewall.core import ladder
from firewall.core.compiled import NOTHING, Env
from firewall.core.execution import RouteState
from firewall.core.memo import Memo
from firewall.core.model import Action, Candidate, Family, Finding, Mode
from firewall.core.route_tables import words_to_tell
from firewall.core.route_words import normal_path, path_tails, words_of
from firewall.core.routes import ExecutionRoute, Mention, RouteIndex, counts_for
from firewall.core.signals.outcome import Outcome, outcome_of, text_of
from firewall.core.visibility import Viewer

#: Characters of a text that are looked at; a longer one is too large for a prompt.
_MOST_CHARS = 20_000
_MOST_PATHS = 200
#: A shorter text says too little to be recognised by some of its words.
_FEWEST_WORDS = 6
_HINT = 0.6
_DIRECTIVE_WORDS = (
    "adopt apply continue continuing extend extending finish follow implement keep migrate prefer proceed reuse resume "
    "revive route run switch take try use using via usar utiliser verwenden nutzen continuar"
)
_DIRECTIVES = frozenset(_DIRECTIVE_WORDS.split())
_FIREWALL = Mode.firewall
_ACCEPTED, _SUPERSEDED = RouteState.accepted, RouteState.superseded
#: The words of a route's own text in order; compared only where a route's wording was met.
SEQUENCE = Memo(words_of, entries=1_024, size=1 << 20)
_sequence: Callable[[str], list[str]] = SEQUENCE.of
_THE_SAME = 0.95
_TRIM = "\"'`()[]{}<>,;.!?*:“”«»"


class _Match(msgspec.Struct, frozen=True, gc=False):
    """A route that was recognised. `by` says how, `words` are what gave it away in the text."""

    route: str
    by: str
    certain: bool = True
    words: tuple[str, ...] = ()


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:
    """The most severe of what the known routes say about this memory."""
    index = env.state.routes
    if not index.routes:
        return NOTHING
    viewer = env.context.viewer
    reading = _Reading(candidate, index, viewer)
    matches = [*reading.matches()]
    outcome = outcome_of(candidate) if matches else None
    findings: dict[tuple[str, bool], Finding] = {}
    for match in matches:
        if not _warned_of(match, outcome, reading):
            findings.setdefault(
                (match.route, match.certain), _finding(index.routes[match.route], match, outcome, viewer)
            )
    if findings:
        # At equal weight what recommends comes before what reports: its text stays hidden.
        return (min(findings.values(), key=_rank),)
    return reading.vouched() if env.context.mode is _FIREWALL else NOTHING


def _rank(finding: Finding) -> tuple[int, bool, tuple[str, ...]]:
    return (-finding.action, finding.show_text, finding.evidence)


def _finding(route: ExecutionRoute, match: _Match, outcome: Outcome | None, viewer: Viewer) -> Finding:
    evidence = (f"step:{route.step_id}", f"by:{match.by}")
    confidence = 1.0 if match.certain else _HINT
    if not route.failed:
        reason = "execution:superseded_route" if route.state is _SUPERSEDED else "execution:contested_route"
        return Finding(
            Family.execution, Action.inspect_before_use, reason, confidence, evidence, show_text=True
        )
    reports = _reports(route, outcome)
    binds = match.certain and route.binds(viewer)
    return Finding(
        Family.execution,
        Action.do_not_use if binds else Action.inspect_before_use,
        "execution:reports_failed_route" if reports else "execution:recommends_failed_route",
        confidence,
        evidence,
        show_text=reports,
    )


# ---- recognising -------------------------------------------------------------------------------------------------


class _Reading:
    """One candidate held against the routes of its scope, as one viewer knows them."""

    __slots__ = ("_candidate", "_ids", "_index", "_tables", "_text", "_viewer", "_vocabulary", "_words")

    def __init__(self, candidate: Candidate, index: RouteIndex, viewer: Viewer) -> None:
        self._candidate = candidate
        self._index = index
        self._tables = index.tables
        self._viewer = viewer
        self._text = text_of(candidate)[:_MOST_CHARS]
        self._words = words_of(self._text)
        self._vocabulary = frozenset(self._words)
        self._ids = (candidate.id, f"{candidate.upstream}:{candidate.id}")

    def matches(self) -> Iterator[_Match]:
        """The blocked routes that this memory brings back."""
        tables, candidate = self._tables, self._candidate
        for memory in self._ids:
            yield from self._blocked(tables.memory_ids.get(memory), "memory_id")
            yield from self._blocked(tables.evidence_refs.get(memory), "memory_id")
        for ref in candidate.evidence_refs:
            yield from self._blocked(tables.evidence_refs.get(ref), "evidence_ref")
        named_one = False
        for file in candidate.target_files:
            for mention in self.of_file(file):
                named_one = True
                yield _Match(mention.route, "target_file")
        words = self._words
        if not tables.file_words.keys().isdisjoint(self._vocabulary):
            named = _file_names(self._text)
            for file in named:
                for mention in self.of_file(file):
                    yield _Match(mention.route, "path", words=tuple(words_of(file)))
            words = self._without_namesakes(named)
        yield from self._phrases(words)
        yield from self._wordings()
        # A candidate with files of its own is judged by those.
        if named_one or not candidate.target_files:
            for own in self._index.blocked(tables.tasks.get(candidate.task_signature), self._viewer):
                yield _Match(
                    own.route,
                    "task_signature",
                    certain=self._index.routes[own.route].half_in(self._vocabulary),
                )

    def vouched(self) -> tuple[Finding, ...]:
        """A route that a verifier or reviewer accepted says that this very memory is current."""
        tables, index = self._tables, self._index
        for memory in self._ids:
            # The registers' own order is that of the last changes, which differs from process to process.
            for mention in sorted(
                (*tables.memory_ids.get(memory), *tables.evidence_refs.get(memory)), key=_by_route
            ):
                if self._accepted(index.routes[mention.route]):
                    return _vouching(index.routes[mention.route], "memory_id")
        for route in self._worded():
            own = _sequence(route.text)
            if self._accepted(route) and self._is_most(own, _nearness(self._words, own)):
                return _vouching(route, "wording")
        return NOTHING

    def of_file(self, file: str) -> list[Mention]:
        """A path as it stands; a short one where its name is telling; an absolute one by its ends."""
        tables = self._tables
        normal = normal_path(file)
        whole = tables.files.get(normal)
        if whole:
            return self._index.blocked(whole, self._viewer)
        if normal in tables.tails:
            return self._of_tail(normal)
        if file.startswith(("/", "~")) or file[1:3] in {":\\", ":/"}:
            for tail in path_tails(file):
                if "/" in tail and tail in tables.files:
                    return self._index.blocked(tables.files.get(tail), self._viewer)
        return []

    def _of_tail(self, tail: str) -> list[Mention]:
        """Nothing where an open route has a file of that name."""
        tables = self._tables
        entries = [*tables.tails.get(tail)]
        namesakes = tables.tails.get(tail.rpartition("/")[2])
        others = [mention for mention in namesakes if self._index.routes[mention.route].open]
        return self._index.blocked((*entries, *others), self._viewer)

    def _blocked(self, mentions: Collection[Mention], by: str) -> Iterator[_Match]:
        if mentions:
            for mention in self._index.blocked(mentions, self._viewer):
                yield _Match(mention.route, by)

    def _accepted(self, route: ExecutionRoute) -> bool:
        return route.state is _ACCEPTED and self._viewer.sees(route.audience)

    def _without_namesakes(self, named: list[str]) -> list[str]:
        """The same name in another directory is another file: its words say nothing."""
        text = self._text
        others = [
            file
            for file in named
            if "/" in file
            and normal_path(file).rpartition("/")[2] in self._tables.tails
            and not self.of_file(file)
        ]
        for file in others:
            text = text.replace(file, " ")
        return words_of(text) if others else self._words

    def _phrases(self, words: list[str]) -> Iterator[_Match]:
        tables = self._tables
        for word in sorted(tables.phrases.keys() & self._vocabulary):
            if word in words:
                yield from self._phrase(word, (word,), joined=True)
        if tables.heads.keys().isdisjoint(self._vocabulary):
            return
        for place, word in enumerate(words):
            for length in tables.heads.get(word, ()):
                phrase = words[place : place + length]
                yield from self._phrase(" ".join(phrase), tuple(phrase), joined=False)

    def _phrase(self, spelled: str, phrase: tuple[str, ...], *, joined: bool) -> Iterator[_Match]:
        mentions = self._tables.phrases.get(spelled)
        if not mentions:
            return
        for mention in self._index.blocked(mentions, self._viewer):
            if not self._index.blocked(self._tables.files.get(mention.file), self._viewer):
                continue  # an open route has that very file
            company = joined or not self._vocabulary.isdisjoint(
                _DIRECTIVES | self._index.routes[mention.route].company(mention.file)
            )
            yield _Match(mention.route, "phrase", company, phrase)

    def _wordings(self) -> Iterator[_Match]:
        for route in self._worded():
            if not route.open:
                yield _Match(route.key, "wording")

    def _worded(self) -> list[ExecutionRoute]:
        """The routes whose text this is, the nearest kept: near the words of a blocked route and nearer to those of
        an open one is the open one. What is as near to both is the blocked one."""
        near: list[tuple[float, ExecutionRoute]] = []
        for key in self._tables.worded(self._words, self._vocabulary):
            route = self._index.routes[key]
            if self._speaks(route) and route.in_words(self._vocabulary):
                own = _sequence(route.text)
                # Of a failed route whose text was cut nobody knows how the rest of it differs.
                nearness = 1.0 if route.cut and not route.open else _nearness(self._words, own)
                if len(words_to_tell(route.text)) >= _FEWEST_WORDS or self._is_most(own, nearness):
                    near.append((nearness, route))
        return [
            route
            for nearness, route in near
            if not any(
                _prevails(other, route) and (closer > nearness or (closer == nearness and other.failed))
                for closer, other in near
            )
        ]

    def _is_most(self, own: Sequence[str], nearness: float) -> bool:
        """A route's words are there as they were written, and are no small part of the whole."""
        return nearness >= _THE_SAME and 5 * len(own) >= 2 * len(self._words)

    def _speaks(self, route: ExecutionRoute) -> bool:
        return self._viewer.sees(route.audience) if route.open else counts_for(route, self._viewer)


def _by_route(mention: Mention) -> str:
    return mention.route


def _prevails(one: ExecutionRoute, other: ExecutionRoute) -> bool:
    """Whether the nearer words of one route silence the other: only those of another kind, and as well vouched for."""
    return one.open is not other.open and (not one.open or one.verified or not other.verified)


def _nearness(words: Sequence[str], own: Sequence[str]) -> float:
    """How much of a route's own words are the memory's from its beginning on and back from its end: 1.0 where they are
    the memory with one piece cut out. A word that was put in or changed ends the run, so that two texts which differ in
    a line are told apart."""
    most = min(len(words), len(own))
    ahead = next((place for place in range(most) if words[place] != own[place]), most)
    left = most - ahead
    behind = next((place for place in range(left) if words[-1 - place] != own[-1 - place]), left)
    return (ahead + behind) / max(1, len(own))


def _vouching(route: ExecutionRoute, by: str) -> tuple[Finding, ...]:
    return (
        Finding(
            Family.execution,
            Action.use_now,
            ladder.VOUCHED,
            evidence=(f"step:{route.step_id}", f"by:{by}"),
        ),
    )


def _file_names(text: str) -> list[str]:
    """What may be a path, each once, at most so many."""
    tokens = (token.strip(_TRIM) for token in text.split() if "." in token or "/" in token or "\\" in token)
    return list(dict.fromkeys(tokens))[:_MOST_PATHS]


# ---- polarity ----------------------------------------------------------------------------------------------------


def _warned_of(match: _Match, outcome: Outcome | None, reading: _Reading) -> bool:
    """The text recommends a file that no blocked route has, and this mention is what it warns of.

    Asks nothing of the route that was matched, so that knowing more failed routes never makes this true.
    """
    if outcome is None or outcome.kind != "accepted":
        return False
    if match.by == "task_signature":
        return True
    if not match.words or not outcome.avoided or reading.of_file(outcome.subject):
        return False
    return _holds(words_of(outcome.avoided), match.words)


def _reports(route: ExecutionRoute, outcome: Outcome | None) -> bool:
    """The text says itself that this failed; a verdict on another file is no report of this one."""
    if outcome is None or outcome.kind == "accepted":
        return False
    names_file = "/" in outcome.subject or "." in outcome.subject
    return not names_file or any(
        normal_path(outcome.subject) in path_tails(file) for file in route.target_files
    )


def _holds(words: list[str], phrase: tuple[str, ...]) -> bool:
    length = len(phrase)
    return any(tuple(words[place : place + length]) == phrase for place in range(len(words) - length + 1))
