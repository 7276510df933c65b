"""Where memory stands in Zep's answers, as data. Of several parts the text drawn from the others is read last."""

from collections.abc import Mapping

import msgspec

from adapters.zep.blobs import read_blob
from firewall.core.model import Candidate
from firewall.core.wire.graph_items import Sort, prose_of
from firewall.core.wire.layouts import Known, Layout, Many, One, Reading, Special
from firewall.core.wire.pieces import Drawn, Listed, Piece
from firewall.core.wire.prose import strings
from firewall.core.wire.splice import Raw, broken, items, tree
from firewall.core.wire.temporal import is_over


def read_drawn(reading: Reading, raw: Raw, place: str, beside: Mapping[str, Raw]) -> Piece:
    """An answer that a model wrote over the raw items: it goes only where all that it cites goes.

    Where it cites nothing, it may be drawn from everything; where it cites what the answer does not hold, nobody can check it.
    """
    text = tree(raw)
    if not isinstance(text, str):
        raise broken("the answer of the upstream's model is no text")
    reading.link()
    cited = _cited(beside)
    held = {candidate.id for candidate in reading.candidates}
    sources = [
        index
        for index, candidate in enumerate(reading.candidates)
        if not cited or candidate.id in cited  # every one of that id
    ]
    unchecked = not held.issuperset(cited)
    candidate = prose_of(text, place, reading.source)
    if unchecked:
        candidate = msgspec.structs.replace(candidate, claims=reading.unparsed)
    ended = [reading.candidates[index] for index in sources]
    index = reading.add(_ended_with(candidate, ended, reading.source.now))
    return Drawn(raw=raw, index=index, sources=tuple(sources))


def read_texts(reading: Reading, raw: Raw, place: str, _beside: Mapping[str, Raw]) -> Piece:
    """Facts as bare texts; one that the answer also holds as an object ends when that one does."""
    known = {candidate.text: candidate for candidate in reading.candidates}
    parts: list[tuple[Raw, Piece]] = []
    for number, part in enumerate(items(raw)):
        text = tree(part)
        if not isinstance(text, str):
            raise broken("a fact of the upstream's answer is no text")
        candidate = prose_of(text, f"{place}/{number}", reading.source)
        if text in known:
            candidate = _ended_with(candidate, [known[text]], reading.source.now)
        parts.append((part, Drawn(raw=part, index=reading.add(candidate))))
    return Listed(raw=raw, parts=parts)


def _ended_with(candidate: Candidate, sources: list[Candidate], now: float) -> Candidate:
    """The text is over as soon as one of its sources is."""
    over = min((each for each in sources if is_over(each, now)), key=lambda each: each.id, default=None)
    if over is None:
        return candidate
    return msgspec.structs.replace(
        candidate,
        invalid_at=over.invalid_at,
        expires_at=over.expires_at,
        superseded_by=over.superseded_by,
    )


def _cited(beside: Mapping[str, Raw]) -> frozenset[str]:
    """Every id that the answer names as its source, whatever kind it is of."""
    return frozenset(strings(tree(beside["citations"]))) if "citations" in beside else frozenset()


EDGE = One(Sort.edge, notes="attributes")
NODE = One(Sort.node, summary="summary", notes="attributes")
EPISODE = One(Sort.episode, notes="metadata")
MESSAGE = One(Sort.message, notes="metadata")
DERIVED = One(Sort.derived, summary="summary")
#: A record of which nothing is known but that it may hold text.
LOOSE = One(Sort.loose)
BLOB = Special(read_blob)
DRAWN = Special(read_drawn)
FACT_TEXTS = Special(read_texts)

_RESULTS: Mapping[str, Layout] = {
    "edges": Many(EDGE),
    "nodes": Many(NODE),
    "episodes": Many(EPISODE),
    "observations": Many(DERIVED),
    "thread_summaries": Many(DERIVED),
    "document_summaries": Many(DERIVED),
    "hyperedges": Many(EDGE),
}
RESULTS = Known(_RESULTS)
SEARCH = Known({**_RESULTS, "context": BLOB, "response": DRAWN})
SUBGRAPH = Known({"edges": Many(EDGE), "nodes": Many(NODE)})
CONTEXT = Known({"results": RESULTS, "context": BLOB})
QUERY = Known({"results": RESULTS, "answer": DRAWN})
#: An event of its stream: some hold the lists themselves.
EVENT = Known({**_RESULTS, **QUERY.members})
EPISODES = Known({"episodes": Many(EPISODE)})
MESSAGES = Known({"messages": Many(MESSAGE)})
MESSAGES_ADDED = Known({"messages": Many(MESSAGE), "context": BLOB})
USER_NODE = Known({"node": NODE}, gate="node")
TRIPLE = Known({"edge": EDGE, "source_node": NODE, "target_node": NODE})
NEIGHBOR = Known({"node": NODE, "edges": Many(EDGE)}, gate="node")
EDGES_ADDED = Known({"edges": Many(EDGE), "nodes": Many(NODE)})
EPISODE_ADDED = Known({"episode": EPISODE})
HYPEREDGE_ADDED = Known({"hyperedge": EDGE, "edges": Many(EDGE), "nodes": Many(NODE)})

FACT = Known({"fact": EDGE}, gate="fact")
FOUND = Known({"results": Many(Known({"fact": EDGE, "message": MESSAGE, "summary": DERIVED}, gate="fact"))})


def page_of(each: Layout) -> Known:
    """A page of version 4."""
    return Known({"items": Many(each)})
