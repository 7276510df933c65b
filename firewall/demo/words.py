"""Reason codes in plain words, for people who see them for the first time."""

from collections.abc import Mapping, Sequence

from firewall.core.reasons import REASONS, head

_SENTENCES = {code.head: code.sentence for code in REASONS}
_SHORT = {"superseded_by": "superseded by {}", "duplicate_of": "the same text as {}"}


def plain(reasons: Sequence[str], names: Mapping[str, str]) -> str:
    """One clause for each kind of reason, its variants in brackets; ids are replaced by `names`."""
    tails: dict[str, list[str]] = {}
    for reason in reasons:
        tail = reason.partition(":")[2]
        tails.setdefault(head(reason), []).extend([names.get(tail, tail)] if tail else [])
    return "; ".join(_clause(name, found) for name, found in tails.items())


def _clause(name: str, tails: Sequence[str]) -> str:
    listed = ", ".join(tails)
    if name in _SHORT and listed:
        return _SHORT[name].format(listed)
    sentence = _SENTENCES.get(name, name).rstrip(".")
    clause = sentence[:1].lower() + sentence[1:]
    return f"{clause} ({listed})" if listed else clause
