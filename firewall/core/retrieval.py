"""Recall of execution evidence: BM25 over words, kept up to date node by node. No vectors, no model, no I/O.

Bulk knowledge stays in the upstreams; this finds what agents of a scope did. Who may see what it finds is for the
caller to say, through `admit`.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable
from heapq import nlargest

from firewall.core.route_words import words_of

_K1 = 1.2
_B = 0.75
#: Words of a text that count, and of a query.
_MOST_WORDS = 400
_MOST_QUERY_WORDS = 48
#: How many postings a search looks through beside those of its rarest word.
_MOST_POSTINGS = 6_000


class Lexicon:
    """An inverted index. It holds nothing of what was removed, so that it ranks like one that was made at once."""

    __slots__ = ("_keys", "_lengths", "_next", "_numbers", "_postings", "_total")

    def __init__(self) -> None:
        self._next = 0
        self._numbers: dict[str, int] = {}
        self._keys: dict[int, str] = {}
        self._lengths: dict[int, int] = {}
        self._total = 0
        self._postings: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: str, text: str) -> None:
        """Enter a text under its key; a key that is there keeps the text that it has."""
        if key in self._numbers:
            return
        words = _words(text)
        number = self._next
        self._next += 1
        self._numbers[key] = number
        self._keys[number] = key
        self._lengths[number] = len(words)
        self._total += len(words)
        for word in dict.fromkeys(words):
            self._postings.setdefault(word, []).append(number)

    def remove(self, key: str, text: str) -> None:
        """Take out a key that was entered with this text."""
        number = self._numbers.pop(key, None)
        if number is None:
            return
        del self._keys[number]
        self._total -= self._lengths.pop(number)
        for word in dict.fromkeys(_words(text)):
            postings = self._postings[word]
            del postings[bisect_left(postings, number)]  # they only grow at their end
            if not postings:
                del self._postings[word]

    def search(self, query: str, *, limit: int, admit: Callable[[str], bool]) -> list[tuple[str, float]]:
        """The best `limit` keys that `admit` lets through, each with its score, best first; ties by key."""
        scores = self._scores(query)
        best: list[tuple[str, float]] = []
        seen, wanted = 0, 4 * limit + 64
        while len(best) < limit and seen < len(scores):
            # Only the foremost are put in order; all of a score come together, so that ties are decided by key.
            least = nlargest(wanted, scores.values())[-1]
            ranked = sorted(
                (-score, self._keys[number]) for number, score in scores.items() if score >= least
            )
            for score, key in ranked[seen:]:
                if len(best) == limit:
                    break
                if admit(key):
                    best.append((key, -score))
            seen, wanted = len(ranked), 8 * wanted
        return best

    def _scores(self, query: str) -> dict[int, float]:
        """The score of each text that holds one of the query's telling words."""
        scores: dict[int, float] = {}
        known, lengths = scores.get, self._lengths
        longer = _K1 * _B * len(self) / max(1, self._total)
        # By length: there are few of those.
        shares = [1.0 / (1.0 + _K1 * (1.0 - _B) + longer * length) for length in range(_MOST_WORDS + 1)]
        for postings in self._telling(query):
            weight = (_K1 + 1.0) * math.log(1.0 + (len(self) + 0.5) / (len(postings) + 0.5))
            for number in postings:
                scores[number] = known(number, 0.0) + weight * shares[lengths[number]]
        return scores

    def _telling(self, query: str) -> list[list[int]]:
        """The postings of the query's words, the rarest first, and no more than can be looked through in no time: a word
        that most texts have says little beside rarer ones."""
        words = sorted(frozenset(words_of(query)[:_MOST_QUERY_WORDS]))
        found = sorted((postings for word in words if (postings := self._postings.get(word))), key=len)
        total = 0
        for place, postings in enumerate(found):
            total += len(postings)
            if place and total > _MOST_POSTINGS:
                return found[:place]
        return found


def _words(text: str) -> list[str]:
    return words_of(text)[:_MOST_WORDS]


def lexicon_of(texts: Iterable[tuple[str, str]]) -> Lexicon:
    """An index of these (key, text)."""
    lexicon = Lexicon()
    for key, text in texts:
        lexicon.add(key, text)
    return lexicon
