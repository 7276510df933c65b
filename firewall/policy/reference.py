"""The generated parts of policies/README.md: keys, names of the condition language, ordered words.

`refresh` puts each table between its markers; a test holds the committed file against it.
"""

from collections.abc import Callable, Iterable, Mapping

from firewall.core.expression_names import CANDIDATE, FACTS, ORDERED_WORDS, Sort
from firewall.core.policy import Policy
from firewall.model_tree import rows

FACT_MEANINGS: Mapping[str, str] = {
    "action": "what the signals have concluded so far",
    "trust": "the effective trust: the lowest of all that speak about the candidate",
    "mode": "the mode in force: the stricter of the request's and the policy's",
    "surface": "the door that the candidate came through",
    "attestation": "what the stamp on the record proves about its writer",
    "lifecycle": "the lifecycle label that the record carries",
    "age_days": "days since it last changed; None where nobody states a time",
    "families": "the families of the findings so far",
    "reasons": "the reason codes of the findings so far, variable part included",
    "tenant": "the tenant of the one who asks",
    "scope": "the scope of the one who asks",
    "query": "what was searched for; empty where nothing was",
}

CANDIDATE_MEANINGS: Mapping[str, str] = {
    "id": "the upstream's id",
    "upstream": "the name of the upstream in the config",
    "backend": "the dialect, or `source_backend` of POST /v1/memory/govern",
    "kind": "the kind of memory",
    "title": "the title; often empty",
    "text": "the memory itself",
    "writer": "who wrote it, as the row says",
    "source_class": "the class of source, as the row says",
    "target_files": "the files that it is about",
    "task_signature": "the task that it belongs to",
    "evidence_refs": "references to evidence",
    "superseded_by": "the id of the record that replaced it; None where there is none",
}


def key_table() -> str:
    """Every key of a policy with its type, default and meaning."""
    return _table(
        ("key", "type", "default", "meaning"),
        ((f"`{'.'.join(row.path)}`", row.type, row.default, row.meaning) for row in rows(Policy)),
    )


def fact_table() -> str:
    """Every name that a condition may read."""
    lines = [(f"`{name}`", _sort_words(sort), FACT_MEANINGS[name]) for name, sort in FACTS.items()]
    lines += [
        (f"`candidate.{name}`", _sort_words(sort), CANDIDATE_MEANINGS[name])
        for name, sort in CANDIDATE.items()
    ]
    lines.append(("`candidate.owner.<key>`", "text or None", "what the upstream states for that owner key"))
    return _table(("name", "value", "meaning"), lines)


def word_table() -> str:
    """The ordered words, lowest first."""
    sorts: dict[str, list[str]] = {}
    for word, (sort, _) in ORDERED_WORDS.items():
        sorts.setdefault(sort.name, []).append(f"`{word}`")
    return _table(("of", "words, lowest first"), ((f"`{name}`", " < ".join(w)) for name, w in sorts.items()))


TABLES: Mapping[str, Callable[[], str]] = {"keys": key_table, "facts": fact_table, "words": word_table}


def refresh(text: str, tables: Mapping[str, Callable[[], str]] = TABLES) -> str:
    """The document with every table between `<!-- begin NAME -->` and `<!-- end NAME -->` made anew."""
    for name, table in tables.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        head, found_begin, rest = text.partition(begin)
        _, found_end, tail = rest.partition(end)
        if not (found_begin and found_end):
            raise ValueError(f"the document has no place for the table {name}")
        text = f"{head}{begin}\n\n{table()}\n{end}{tail}"
    return text


def _sort_words(sort: Sort) -> str:
    if sort.name in ("action", "trust", "mode"):
        return f"a word of `{sort.name}`"
    words = " ".join(f"`{word}`" for word in sorted(sort.words))
    what = f"{sort.name}: {words}" if words else sort.name
    return f"{what} or None" if sort.absent else what


def _table(heads: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    every = [heads, tuple("---" for _ in heads), *lines]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in every)
