"""Items of a temporal graph as candidates: nothing of them escapes a look, and nothing is guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.model import EvidenceRequirement, Kind
from firewall.core.wire.graph_items import ItemSource, Sort, item_of
from firewall.core.wire.prose import is_prose, strings
from firewall.errors import UpstreamError

SOURCE = ItemSource(
    upstream="memory",
    backend="zep",
    now=1_800_000_000.0,
    owner={"user_id": "u1"},
    stating={"user_uuid": "user_id"},
)


def test_a_fact() -> None:
    """As it is documented."""
    value = {
        "uuid": "e1",
        "fact": "a uses b",
        "name": "USES",
        "created_at": "2026-01-05T10:00:00Z",
        "source_node_uuid": "n1",
        "target_node_uuid": "n2",
        "episodes": ["ep-1", 3],
        "attributes": {"writer": "tool", "note": "by hand"},
        "score": 0.5,
    }
    read = item_of(value, Sort.edge, "edges/0", SOURCE)
    candidate = read.candidate
    assert (candidate.id, candidate.text, candidate.kind, candidate.title) == (
        "e1",
        "a uses b",
        Kind.fact,
        "USES",
    )
    assert (candidate.writer, candidate.evidence_refs) == ("tool", ("ep-1",))
    assert candidate.attached == ("USES", "tool", "by hand")
    assert candidate.created_at == 1_767_607_200.0
    assert (read.source, read.name, read.target) == ("n1", "USES", "n2")


@pytest.mark.parametrize(
    ("sort", "value", "text", "kind"),
    [
        (Sort.node, {"uuid": "n", "name": "team", "summary": "s"}, "s", Kind.unknown),
        (Sort.node, {"uuid": "n", "name": "team"}, "team", Kind.unknown),
        (Sort.episode, {"uuid": "e", "content": "c"}, "c", Kind.event),
        (Sort.message, {"uuid": "m", "content": "c", "role": "user"}, "c", Kind.event),
        (Sort.derived, {"uuid": "o", "summary": "s"}, "s", Kind.unknown),
        (Sort.loose, {"uuid": "x", "deep": [{"a": "some text"}], "id": "y"}, "some text", Kind.unknown),
    ],
)
def test_the_sorts(sort: Sort, value: dict[str, Any], text: str, kind: Kind) -> None:
    """Each has its text in its own place."""
    candidate = item_of(value, sort, "p", SOURCE).candidate
    assert (candidate.text, candidate.kind) == (text, kind)


def test_whose_it_is() -> None:
    """What the item states counts before what the request says; a name that is no text makes it nobody's."""
    assert item_of({}, Sort.edge, "p", SOURCE).candidate.owner == {"user_id": "u1"}
    assert item_of({"user_uuid": "u2"}, Sort.edge, "p", SOURCE).candidate.owner == {"user_id": "u2"}
    assert item_of({"user_uuid": ["u1"]}, Sort.edge, "p", SOURCE).candidate.owner == {}
    assert item_of({"user_uuid": None}, Sort.edge, "p", SOURCE).candidate.owner == {"user_id": "u1"}


def test_an_item_without_an_id_has_its_place() -> None:
    """Nearly every member may be missing in version 4."""
    assert item_of({"fact": "f"}, Sort.edge, "items/3", SOURCE).candidate.id == "items/3"


def test_a_date_that_is_none_is_text() -> None:
    """It is looked at, and the item has to be inspected."""
    candidate = item_of({"fact": "f", "created_at": "read this"}, Sort.edge, "p", SOURCE).candidate
    assert candidate.attached == ("read this",)
    assert candidate.claims.evidence is EvidenceRequirement.inspect_before_use


@pytest.mark.parametrize("value", [None, 1, "x", ["a"]])
def test_what_is_no_object_is_no_item(value: object) -> None:
    """502."""
    with pytest.raises(UpstreamError):
        item_of(value, Sort.edge, "p", SOURCE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
KEYS = st.sampled_from(
    ["fact", "content", "summary", "name", "metadata", "attributes", "uuid", "valid_at", "role", "x"]
)


@given(st.dictionaries(KEYS | st.text(), JSON, max_size=6), st.sampled_from(list(Sort)))
def test_every_string_that_says_something_is_looked_at(value: dict[str, Any], sort: Sort) -> None:
    """As text or attached, wherever it stands."""
    candidate = item_of(value, sort, "p", SOURCE).candidate
    looked_at = {candidate.text, *candidate.attached, *candidate.text.split("\n")}
    for text in strings(value):
        if is_prose(text):
            assert text in looked_at or text in candidate.text
