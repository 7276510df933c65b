"""Execution: does a memory bring back a route that failed? By id, evidence, file, then text; and with polarity.

A memory that recommends a failed route is blocked and hidden (its id and the failed step are enough); one that reports
the failure is blocked and shown; one that recommends another file and warns of the failed one is neither. What a text
merely hints at (a phrase without company, a task alone) asks for inspection. A candidate is only read when the scope
has routes at all.
"""

from collections.abc import Iterator

import msgspec

from firewall.core.compiled import NOTHING, Env
from firewall.core.model import Action, Candidate, Family, Finding
from firewall.core.routes import (
    ExecutionRoute,
    RouteTables,
    normal_path,
    path_tails,
    words_of,
)
from firewall.core.signals.outcome import Outcome, outcome_of, text_of

#: Characters of a text that are looked at; a longer one is too large for a prompt.
_MOST_CHARS = 20_000
_MOST_PATHS = 200
_HINT = 0.6
_DIRECTIVE_WORDS = (
    "adopt apply continue continuing extend extending finish follow implement keep migrate prefer proceed reuse resume "
    "revive route run switch take try use using via usar utiliser verwenden nutzen continuar"
)
_DIRECTIVES = frozenset(_DIRECTIVE_WORDS.split())
_TRIM = "\"'`()[]{}<>,;.!?*:“”«»"


class _Match(msgspec.Struct, frozen=True, gc=False):
    """A route that was recognised. `by` says how, `words` are what gave it away in the text."""

    route: int
    by: str
    certain: bool = True
    words: tuple[str, ...] = ()


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:
    """The most severe of what the known routes say about this memory."""
    index = env.state.routes
    if not index.routes:
        return NOTHING
    text = text_of(candidate)[:_MOST_CHARS]
    matches = list(_matches(candidate, text, index.tables))
    if not matches:
        return NOTHING
    outcome = outcome_of(candidate)
    findings: dict[tuple[int, bool], Finding] = {}
    for match in matches:
        if not _warned_of(match, outcome, index.tables):
            findings.setdefault(
                (match.route, match.certain), _finding(index.routes[match.route], match, outcome)
            )
    # At equal weight what recommends comes before what reports: its text stays hidden.
    return (min(findings.values(), key=_rank),) if findings else NOTHING


def _rank(finding: Finding) -> tuple[int, bool, tuple[str, ...]]:
    return (-finding.action, finding.show_text, finding.evidence)


def _finding(route: ExecutionRoute, match: _Match, outcome: Outcome | None) -> Finding:
    evidence = (f"step:{route.step_id}", f"by:{match.by}")
    confidence = 1.0 if match.certain else _HINT
    if route.state != "failed":
        reason = f"execution:{route.state}_route"
        return Finding(
            Family.execution, Action.inspect_before_use, reason, confidence, evidence, show_text=True
        )
    reports = _reports(route, outcome)
    return Finding(
        Family.execution,
        Action.do_not_use if match.certain else Action.inspect_before_use,
        "execution:reports_failed_route" if reports else "execution:recommends_failed_route",
        confidence,
        evidence,
        show_text=reports,
    )


# ---- recognising -------------------------------------------------------------------------------------------------


def _matches(candidate: Candidate, text: str, tables: RouteTables) -> Iterator[_Match]:
    for memory in (candidate.id, f"{candidate.upstream}:{candidate.id}"):
        if memory in tables.memory_ids:
            yield _Match(tables.memory_ids[memory], "memory_id")
    for ref in candidate.evidence_refs:
        if ref in tables.evidence_refs:
            yield _Match(tables.evidence_refs[ref], "evidence_ref")
    files = [
        number for file in candidate.target_files if (number := _route_of_file(file, tables)) is not None
    ]
    yield from (_Match(number, "target_file") for number in files)
    words = words_of(text)
    vocabulary = frozenset(words)
    if not tables.file_words.isdisjoint(vocabulary):
        named = _file_names(text)
        yield from _paths(named, tables)
        words = _without_namesakes(text, words, named, tables)
    yield from _phrases(words, vocabulary, tables)
    yield from _wordings(vocabulary, tables)
    # A candidate with files of its own is judged by those.
    if files or not candidate.target_files:
        for own in tables.tasks.get(candidate.task_signature, ()):
            yield _Match(own.route, "task_signature", certain=own.half_in(vocabulary))


def _paths(named: list[str], tables: RouteTables) -> Iterator[_Match]:
    for file in named:
        number = _route_of_file(file, tables)
        if number is not None:
            yield _Match(number, "path", words=tuple(words_of(file)))


def _without_namesakes(text: str, words: list[str], named: list[str], tables: RouteTables) -> list[str]:
    """The same name in another directory is another file: its words say nothing."""
    others = [
        file
        for file in named
        if "/" in file
        and normal_path(file).rpartition("/")[2] in tables.tails
        and _route_of_file(file, tables) is None
    ]
    for file in others:
        text = text.replace(file, " ")
    return words_of(text) if others else words


def _file_names(text: str) -> list[str]:
    """What may be a path, each once, at most so many."""
    tokens = (token.strip(_TRIM) for token in text.split() if "." in token or "/" in token or "\\" in token)
    return list(dict.fromkeys(tokens))[:_MOST_PATHS]


def _route_of_file(file: str, tables: RouteTables) -> int | None:
    """A path as it stands; a short one where its name is telling; an absolute one by its ends."""
    normal = normal_path(file)
    number = tables.files.get(normal)
    if number is None:
        number = tables.tails.get(normal)
    if number is None and (file.startswith(("/", "~")) or file[1:3] in {":\\", ":/"}):
        return next(
            (tables.files[tail] for tail in path_tails(file) if "/" in tail and tail in tables.files), None
        )
    return number


def _phrases(words: list[str], vocabulary: frozenset[str], tables: RouteTables) -> Iterator[_Match]:
    if tables.phrase_heads.keys().isdisjoint(vocabulary):
        return
    for place, word in enumerate(words):
        for length in tables.phrase_heads.get(word, ()):
            phrase = tuple(words[place : place + length])
            found = tables.phrases.get(phrase)
            if found is not None:
                company = length == 1 or not (_DIRECTIVES | found.company).isdisjoint(vocabulary)
                yield _Match(found.route, "phrase", company, phrase)


def _wordings(vocabulary: frozenset[str], tables: RouteTables) -> Iterator[_Match]:
    if tables.wordings.keys().isdisjoint(vocabulary):
        return
    for word in tables.wordings.keys() & vocabulary:
        for wording in tables.wordings[word]:
            if wording.in_words(vocabulary):
                yield _Match(wording.route, "wording")


# ---- polarity ----------------------------------------------------------------------------------------------------


def _warned_of(match: _Match, outcome: Outcome | None, tables: RouteTables) -> bool:
    """The text recommends a file that no blocked route has, and this mention is what it warns of.

    Asks nothing of the route that was matched, so that knowing more failed routes never makes this true.
    """
    if outcome is None or outcome.kind != "accepted":
        return False
    if match.by == "task_signature":
        return True
    if not match.words or not outcome.avoided or _route_of_file(outcome.subject, tables) is not None:
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
