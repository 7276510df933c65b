"""Memory as it is without memfw: notes, and those go into the prompt that sound most like the question."""

import re

MOST = 3


class Notes:
    """Everything that was ever noted, oldest first."""

    def __init__(self) -> None:
        self._notes: list[str] = []

    def add(self, note: str) -> None:
        """Keep it."""
        self._notes.append(note)

    def nearest(self, query: str) -> list[str]:
        """The notes that share most with the question for their length; the newer one first where two are as near."""
        asked = _words(query)

        def nearness(place: int) -> tuple[float, int]:
            words = _words(self._notes[place])
            return len(asked & words) / len(asked | words), place

        best = sorted(range(len(self._notes)), key=nearness, reverse=True)
        return [self._notes[place] for place in best[:MOST]]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))
