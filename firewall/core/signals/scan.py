"""What a text says, whoever asks: searched once for the words of all signals that read texts, and remembered.

    text  ->  one RE2 set over the hints of content, one over the cues of outcome and conflict  ->  the readers that are due

Most texts hold no hint and no cue, and cost these searches once. The two sets are not one: the states of their automata
would multiply, and on texts of every kind it would do nothing but build them anew. A reader looks again with its own
tables, so that a set can only say that there is nothing to read. Nothing but the text goes in here: no tenant, no
policy, no state, no time.
"""

import functools
from collections.abc import Callable

import msgspec
import re2

from firewall.core.memo import Memo
from firewall.core.signals.conflict.duplicates import trait_of
from firewall.core.signals.conflict.statements import CUES as CONFLICT_CUES
from firewall.core.signals.conflict.statements import MOST_CHARS, Cues, cues_from, cues_of
from firewall.core.signals.content.detect import Detection, detect
from firewall.core.signals.content.index import is_clean
from firewall.core.signals.outcome.cues import CUES as OUTCOME_CUES
from firewall.core.signals.outcome.reading import Outcome, read_outcome


class Seen(msgspec.Struct, frozen=True, gc=False):
    """All that the signals read out of one text. `trait` is the same for its copies."""

    trait: int
    detections: tuple[Detection, ...] = ()
    outcome: Outcome | None = None
    cues: Cues | None = None


@functools.cache
def _cues() -> Callable[[str], list[int] | None]:
    """The numbers of the cues that occur: those of outcome, then those of conflict."""
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    table = re2.Set.SearchSet(options)
    for pattern in (*(cue.pattern for cue in OUTCOME_CUES), *CONFLICT_CUES):
        table.Add(pattern)
    table.Compile()
    search: Callable[[str], list[int] | None] = table.Match
    if not search("it is 1"):
        raise RuntimeError("the cues do not fit into the automaton's memory")
    return search


def look(text: str) -> Seen:
    """What the text says; total over any string."""
    if not text.isascii() or len(text) > MOST_CHARS:  # the readers fold and cut it, each in its own way
        return Seen(trait_of(text), detect(text), read_outcome(text), cues_of(text))
    clean = is_clean(text)
    hits = _cues()(text)
    if hits is None:
        return Seen(trait_of(text), () if clean else detect(text))
    first = len(OUTCOME_CUES)
    return Seen(
        trait_of(text),
        detections=() if clean else detect(text),
        outcome=read_outcome(text) if any(hit < first for hit in hits) else None,
        cues=cues_from({hit - first for hit in hits}),
    )


#: `look`, remembered.
SEEN = Memo(look)
seen_in = SEEN.of
