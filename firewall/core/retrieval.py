"""Recall of execution evidence: BM25 over words, kept up to date node by node. No vectors, no model, no I/O.

Bulk knowledge stays in the upstreams; this finds what agents of a scope did. Who may see what it finds is for the
caller to say, through `admit`.
"""

import math
from collections.abc import Callable, Iterable

from firewall.core.route_words import words_of

_K1 = 1.2
_B = 0.75
#: Words of a text that count, and of a query.
_MOST_WORDS = 400
_MOST_QUERY_WORDS = 48
#: A word in more texts than this says nothing, where the query has rarer ones.
_COMMON = 4_000


class Lexicon:
    """An inverted index. Removal is lazy: the postings of what is gone are swept when they outweigh the rest."""

    __slots__ = ("_keys", "_lengths", "_live", "_numbers", "_postings", "_total")

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._keys: list[str] = []
        self._lengths: list[int] = []
        self._live = 0
        self._total = 0
        self._postings: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return self._live

    def add(self, key: str, text: str) -> None:
        """Enter a text under its key; one that is there already is replaced."""
        self.remove(key)
        words = words_of(text)[:_MOST_WORDS]
        number = len(self._keys)
        self._keys.append(key)
        self._lengths.append(len(words))
        self._numbers[key] = number
        self._live += 1
        self._total += len(words)
        for word in dict.fromkeys(words):
            self._postings.setdefault(word, []).append(number)

    def remove(self, key: str) -> None:
        number = self._numbers.pop(key, None)
        if number is None:
            return
        self._live -= 1
        self._total -= self._lengths[number]
        self._lengths[number] = -1
        if len(self._keys) > 2 * self._live + 1_024:
            self._sweep()

    def search(self, query: str, *, limit: int, admit: Callable[[str], bool]) -> list[tuple[str, float]]:
        """The best `limit` keys that `admit` lets through, each with its score, best first; ties by key."""
        words = dict.fromkeys(words_of(query)[:_MOST_QUERY_WORDS])
        found = [(word, postings) for word in words if (postings := self._postings.get(word))]
        telling = [entry for entry in found if len(entry[1]) <= _COMMON] or found
        scores: dict[int, float] = {}
        lengths = self._lengths
        mean = self._total / max(1, self._live)
        for _, postings in telling:
            weight = math.log(1.0 + (self._live + 0.5) / (len(postings) + 0.5))
            for number in postings:
                length = lengths[number]
                if length >= 0:
                    share = weight * (_K1 + 1.0) / (1.0 + _K1 * (1.0 - _B + _B * length / mean))
                    scores[number] = scores.get(number, 0.0) + share
        return self._best(scores, limit, admit)

    def _best(
        self, scores: dict[int, float], limit: int, admit: Callable[[str], bool]
    ) -> list[tuple[str, float]]:
        ranked = sorted(scores.items(), key=lambda entry: (-entry[1], self._keys[entry[0]]))
        best: list[tuple[str, float]] = []
        for number, score in ranked:
            if len(best) == limit:
                break
            if admit(self._keys[number]):
                best.append((self._keys[number], score))
        return best

    def _sweep(self) -> None:
        kept = [number for number, length in enumerate(self._lengths) if length >= 0]
        renumbered = {old: new for new, old in enumerate(kept)}
        self._keys = [self._keys[number] for number in kept]
        self._lengths = [self._lengths[number] for number in kept]
        self._numbers = {key: number for number, key in enumerate(self._keys)}
        swept = {
            word: [renumbered[number] for number in postings if number in renumbered]
            for word, postings in self._postings.items()
        }
        self._postings = {word: postings for word, postings in swept.items() if postings}


def lexicon_of(texts: Iterable[tuple[str, str]]) -> Lexicon:
    """An index of these (key, text)."""
    lexicon = Lexicon()
    for key, text in texts:
        lexicon.add(key, text)
    return lexicon
