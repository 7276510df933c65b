"""The lexicon: what is found, in which order, and that removal leaves no trace in it."""

import string

from hypothesis import given
from hypothesis import strategies as st

from firewall.core import retrieval
from firewall.core.retrieval import Lexicon, lexicon_of

NOTES = {
    "a": "the legacy adapter changed billing tables",
    "b": "billing gateway adapter adapter notes",
    "c": "search ranking by recency",
    "d": "Überweisung für Zoë: Größe geändert; 支付 网关",
}
texts = st.lists(st.sampled_from(["legacy", "adapter", "billing", "search", "the", "é", ""]), max_size=8).map(
    " ".join
)
keys = st.sampled_from(string.ascii_lowercase[:6])


def everything(key: str) -> bool:
    return True


def found(query: str, lexicon: Lexicon | None = None, limit: int = 10) -> list[str]:
    lexicon = lexicon or lexicon_of(NOTES.items())
    return [key for key, _ in lexicon.search(query, limit=limit, admit=everything)]


def test_rare_words_weigh_more() -> None:
    """Of two that share a common word, the one with the rare word is first; what shares none is not there."""
    assert found("legacy billing") == ["a", "b"]
    assert found("gateway billing") == ["b", "a"]
    assert found("weather") == found("") == found("  ,;") == []


def test_shorter_texts_weigh_more() -> None:
    """The same word in less text says more."""
    lexicon = lexicon_of([("long", "adapter " + "word " * 30), ("short", "adapter")])
    assert found("adapter", lexicon) == ["short", "long"]


def test_any_script_is_found() -> None:
    """By its words, in any case."""
    assert found("ÜBERWEISUNG zoë") == found("支付") == ["d"]


def test_ties_go_by_key() -> None:
    """Never by the order in which they came."""
    assert found("note", lexicon_of([(key, "a note") for key in "cab"])) == ["a", "b", "c"]


def test_who_asks_says_what_may_be_found() -> None:
    """What is not admitted takes no place of what is."""
    lexicon = lexicon_of([(key, "a note") for key in "abcdef"])
    best = lexicon.search("note", limit=2, admit=lambda key: key in "bdf")
    assert [key for key, _ in best] == ["b", "d"]


def test_a_key_keeps_its_text() -> None:
    """Entered again it stays what it is; what is unknown cannot be removed."""
    lexicon = lexicon_of(NOTES.items())
    lexicon.add("a", "something else")
    lexicon.remove("unknown", "legacy")
    assert (found("legacy", lexicon), found("something", lexicon), len(lexicon)) == (["a"], [], 4)


def test_words_that_all_have_are_left_out() -> None:
    """Beyond what can be looked through, the rarest words decide; one word alone is always looked for."""
    many = lexicon_of(
        [(f"k{number:05}", f"common w{number}") for number in range(retrieval._MOST_POSTINGS + 10)]
    )
    assert found("common w17", many, limit=3) == ["k00017"]
    assert found("common", many, limit=3) == ["k00000", "k00001", "k00002"]


def test_huge_texts_and_queries_are_bounded() -> None:
    """So many words of each count."""
    lexicon = lexicon_of([("k", " ".join(f"w{number}" for number in range(10_000)))])
    assert found("w399", lexicon) == ["k"]
    assert found("w400", lexicon) == []
    assert found(" ".join(f"x{number}" for number in range(10_000)) + " w1", lexicon) == []


@given(st.lists(st.tuples(keys, texts, st.booleans()), max_size=30), texts)
def test_it_ranks_like_one_made_at_once(changes: list[tuple[str, str, bool]], query: str) -> None:
    """After any adding and removing, to the last digit of a score."""
    lexicon, held = Lexicon(), dict[str, str]()
    for key, text, adds in changes:
        if adds:
            lexicon.add(key, text)
            held.setdefault(key, text)
        else:
            lexicon.remove(key, held.pop(key, ""))
    made = lexicon_of(held.items())
    assert len(lexicon) == len(made) == len(held)
    assert lexicon.search(query, limit=99, admit=everything) == made.search(query, limit=99, admit=everything)
    for key, text in held.items():
        lexicon.remove(key, text)
    assert not lexicon._postings
