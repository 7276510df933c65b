"""An answer over its own bytes, and what is struck out of summaries."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.model import Candidate
from firewall.core.wire.graph_items import ItemSource, Sort
from firewall.core.wire.layouts import Known, Many, One, Reading
from firewall.core.wire.pieces import Cut, Listed, Piece, Rows, cut_of
from firewall.core.wire.splice import Raw
from firewall.core.wire.strikes import struck_words, without
from firewall.errors import UpstreamError

SOURCE = ItemSource(upstream="u", backend="zep", now=1_800_000_000.0)
EDGES = Many(One(Sort.edge))
PAIR = Known({"node": One(Sort.node), "edges": EDGES}, gate="node")
FACT = "The team uses the legacy adapter"


def read(layout: Known | Many, body: bytes, *, husk: bool = False) -> tuple[Piece, list[Candidate]]:
    reading = Reading(SOURCE, husk=husk)
    return reading.read(layout, Raw(body), ""), reading.candidates


def test_what_nothing_is_taken_out_of_is_the_same_object() -> None:
    """The very bytes, white space and all."""
    body = b'{ "edges" : [ {"fact":"a"} , {"fact":"b"} ], "x": 1 }'
    piece, candidates = read(Known({"edges": EDGES}), body)
    assert bytes(piece.put(Cut(admitted=[True] * len(candidates))) or b"") == body


def test_without_its_gate_an_object_is_gone() -> None:
    """The neighbour with its edges; in a list it is missing."""
    body = b'[{"node":{"name":"n"},"edges":[{"fact":"a"}]},{"node":{"name":"m"},"edges":[]}]'
    piece, candidates = read(Many(PAIR), body)
    assert [each.id for each in candidates] == ["0/node", "0/edges/0", "1/node"]
    assert piece.put(Cut(admitted=[False, True, True])) == b'[{"node":{"name":"m"},"edges":[]}]'
    kept = piece.put(Cut(admitted=[True, False, True]))
    assert kept == b'[{"node":{"name":"n"},"edges":[]},{"node":{"name":"m"},"edges":[]}]'


def test_members_that_nobody_knows_go_together() -> None:
    """One candidate for what says something; the rest of the object stays."""
    piece, candidates = read(Known({"edges": EDGES}), b'{"edges":[],"a":"x y","b":{"c d":1},"n":1,"s":"z"}')
    assert [each.text for each in candidates] == ["x y\nc d"]
    assert piece.put(Cut(admitted=[False])) == b'{"edges":[],"n":1,"s":"z"}'


def test_a_write_keeps_its_ids() -> None:
    """And what clients fail without, empty."""
    piece, _ = read(EDGES, b'[{"uuid":"e","fact":"x","name":"N","other":"y","graph_uuid":"g h"}]', husk=True)
    assert piece.put(Cut(admitted=[False])) == b'[{"uuid":"e","fact":"","name":"","graph_uuid":""}]'


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=4), st.booleans())
def test_rows_put_like_the_pieces_they_are(chosen: list[tuple[bool, bool]], husk: bool) -> None:
    """What is taken out, annotated or struck, one by one or all at once."""
    rows = [Raw(b'{"uuid":"e%d" ,"summary":"%b"}' % (at, FACT.encode())) for at in range(len(chosen))]
    piece = Rows(
        raw=Raw(b"[ %b ]" % b" ,".join(rows)), rows=rows, first=1, summary="summary", notes="n", husk=husk
    )
    whole = Listed(raw=piece.raw, parts=piece.parts)
    assert whole.rows == rows
    admitted = [False, *(goes for goes, _ in chosen), True]
    notes = {at: {"a": "b"} for at, (_, noted) in enumerate(chosen, 1) if noted}
    for cut in (
        Cut(admitted=admitted),
        Cut(admitted=admitted, notes=notes),
        Cut(admitted=admitted, struck=struck_words([FACT])),
    ):
        assert bytes(piece.put(cut)) == bytes(whole.put(cut))


def test_a_null_part_is_no_part() -> None:
    """It stays null."""
    piece, candidates = read(Known({"edges": EDGES, "node": One(Sort.node)}), b'{"edges":null,"node":null}')
    assert candidates == []
    assert bytes(piece.put(Cut(admitted=[])) or b"") == b'{"edges":null,"node":null}'


@pytest.mark.parametrize("body", [b"[1]", b"{}", b"[[]]", b"[null]", b"nope"])
def test_another_form_is_502(body: bytes) -> None:
    """Nothing of it is used."""
    with pytest.raises(UpstreamError):
        read(EDGES, body)


def test_a_decision_for_each_candidate() -> None:
    """One too few is a fault of ours, not an admission."""
    with pytest.raises(ValueError, match="each candidate"):
        cut_of([Candidate(id="a", upstream="u", text="t")], [], {}, 0.0)


def test_only_what_is_over_is_struck() -> None:
    """A hostile text is judged where it stands; a surplus row is nothing against its text."""
    over = Candidate(id="a", upstream="u", text=FACT, invalid_at=5.0)
    live = Candidate(id="b", upstream="u", text="The team uses the new adapter")
    assert cut_of([over, live], [False, False], {}, 10.0).struck == struck_words([FACT])
    assert cut_of([over, live], [True, False], {}, 10.0).struck == ()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (FACT, ""),
        (f"{FACT}\nThe rest", "The rest"),
        (f"First.\n\n- {FACT.upper()}!\nLast.", "First.\n\nLast."),
        (f"It is late. {FACT}. Go on.", "It is late. Go on."),
        ("The team uses the new adapter", "The team uses the new adapter"),
        ("The teams uses the legacy adapter", "The teams uses the legacy adapter"),
    ],
)
def test_striking(text: str, left: str) -> None:
    """A line, or the one sentence of it, by its words alone."""
    assert without(text, struck_words([FACT])) == left


def test_a_short_fact_strikes_nothing() -> None:
    """Two words stand in too many places."""
    assert struck_words(["uses tea", "", "!?"]) == ()


@given(st.text(), st.lists(st.text(), max_size=3))
def test_striking_never_adds(text: str, facts: list[str]) -> None:
    """And leaves alone what holds none of the facts."""
    struck = struck_words(facts)
    left = without(text, struck)
    assert len(left) <= len(text)
    if not struck:
        assert left == text
    assert without(left, struck) == left or len(left) < len(text)


def test_a_struck_summary_is_json() -> None:
    """The rest of the item keeps its values."""
    layout = Known({"nodes": Many(One(Sort.node, summary="summary"))})
    body = msgspec.json.encode({"nodes": [{"name": "n", "summary": f"{FACT}\nön", "big": 10**30}]})
    piece, _ = read(layout, body)
    put = piece.put(Cut(admitted=[True], struck=struck_words([FACT])))
    assert put is not None
    assert (
        bytes(put) == '{"nodes":[{"name":"n","summary":"ön","big":1000000000000000000000000000000}]}'.encode()
    )
