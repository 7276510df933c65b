"""A fact that is as documented is read in one go: with the same result as the careful way."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.model import Signed, Trust
from firewall.core.stamp import STAMP_KEY, make, text_digest
from firewall.core.wire.edge_rows import edge_of, edges_of
from firewall.core.wire.graph_items import ItemSource, ReadItem, Sort, item_of
from firewall.errors import UpstreamError

SOURCE = ItemSource(
    upstream="memory",
    backend="zep",
    now=1_800_000_000.0,
    owner={"user_id": "u1"},
    stating={"user_uuid": "user_id", "graph_uuid": "graph_id", "thread_uuid": "thread_id"},
)
STAMP = make(
    b"k" * 32,
    "k1",
    "s1",
    Signed(
        principal="p", role="agent", source_class="agent_authored", trust=Trust.trusted, at=1_790_000_000.0
    ),
    tenant="t",
    upstream="memory",
    owner={"user_id": "u1"},
    texts=[text_digest("f", b"")],
)
NAME = st.none() | st.text(max_size=12)
DATE = st.none() | st.sampled_from(
    ["2025-01-01T00:00:00Z", "2030-06-01T10:00:00.5+02:00", "2026-01-05T10:00:00", "2026-01-05", "soon", 7]
)
ATTRIBUTES = (
    st.none()
    | st.dictionaries(
        st.sampled_from(["lifecycle_hint", "writer", "note", "superseded_by", "created_at", "kind"])
        | st.text(max_size=5),
        st.none()
        | st.text(max_size=12)
        | st.sampled_from(["stale", "2025-01-01"])
        | st.lists(st.text(max_size=5)),
        max_size=3,
    )
    | st.just({STAMP_KEY: STAMP, "note": "n"})
)
ROWS = st.fixed_dictionaries(
    {"uuid": st.text(max_size=8), "fact": st.text(max_size=20)},
    optional={
        **dict.fromkeys(["name", "source_node_uuid", "target_node_uuid", "source_node_name"], NAME),
        **dict.fromkeys(["graph_uuid", "user_uuid", "scope", "group_id", "thread_uuid"], NAME),
        **dict.fromkeys(["valid_at", "invalid_at", "expired_at", "created_at"], DATE),
        **dict.fromkeys(
            ["episodes", "episode_uuids", "source_node_labels"],
            st.none() | st.lists(st.text(max_size=5), max_size=3),
        ),
        "attributes": ATTRIBUTES,
        "score": st.none() | st.floats(0, 1),
    },
)


def told(read: ReadItem) -> tuple[Any, ...]:
    """What a reading says, whatever order the strings are in."""
    candidate = read.candidate
    attached = sorted(filter(None, candidate.attached))
    return (
        msgspec.structs.replace(candidate, attached=()),
        attached,
        read.times,
        read.source,
        read.name,
        read.target,
    )


@given(ROWS)
def test_both_ways_say_the_same(row: dict[str, Any]) -> None:
    """Of whatever both can read."""
    fast = edge_of(msgspec.Raw(msgspec.json.encode(row)), SOURCE)
    if fast is not None:
        assert told(fast) == told(item_of(row, Sort.edge, "p", SOURCE))


@given(st.lists(ROWS, max_size=5), st.data())
def test_a_list_reads_like_its_facts(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """Whatever they share, in any order, and with something among them that is no documented fact."""
    if rows:
        rows += data.draw(st.lists(st.sampled_from(rows), max_size=3))
    if data.draw(st.booleans()):
        rows.insert(data.draw(st.integers(0, len(rows))), {"fact": "without an id", "later": 1})
    raws = [msgspec.Raw(msgspec.json.encode(row)) for row in rows]
    listed = msgspec.Raw(b"[%b]" % b",".join(raws))
    candidates, edges = edges_of(raws, listed, "p", SOURCE, 3)
    alone = [
        edge_of(raw, SOURCE) or item_of(msgspec.json.decode(raw), Sort.edge, f"p/{number}", SOURCE)
        for number, raw in enumerate(raws)
    ]
    assert candidates == [read.candidate for read in alone]
    assert edges == [read.edge(3 + number) for number, read in enumerate(alone)]


def test_a_stamp_is_found_whatever_stands_beside_its_fact() -> None:
    """Reading takes it out of what was read: it is there also where another fact makes the list be read carefully."""
    rows = [
        {"uuid": "a", "fact": "f", "attributes": {STAMP_KEY: STAMP, "note": "n"}},
        {"uuid": "an id that says something", "fact": "f"},
    ]
    raws = [msgspec.Raw(msgspec.json.encode(row)) for row in rows]
    candidates, _ = edges_of(raws, msgspec.Raw(b"[%b]" % b",".join(raws)), "", SOURCE, 0)
    assert [each.stamp for each in candidates] == [STAMP, ""]


def test_a_list_of_something_else_is_refused() -> None:
    """It holds what is no object."""
    raws = [msgspec.Raw(b'{"uuid":"e","fact":"f"}'), msgspec.Raw(b"1")]
    with pytest.raises(UpstreamError):
        edges_of(raws, msgspec.Raw(b"[%b]" % b",".join(raws)), "", SOURCE, 0)


def test_a_documented_fact_is_read_in_one_go() -> None:
    """Of both versions and of Graphiti."""
    row: dict[str, Any] = {
        "uuid": "e",
        "fact": "a uses b",
        "name": "USES",
        "created_at": "2026-01-05T10:00:00Z",
        "valid_at": "2026-01-05T10:00:00+00:00",
        "invalid_at": None,
        "episodes": ["ep"],
        "attributes": {},
        "graph_uuid": "g",
        "score": 1,
    }
    assert edge_of(msgspec.Raw(msgspec.json.encode(row)), SOURCE) is not None


@pytest.mark.parametrize(
    "extra", [{"later": 1}, {"valid_at": 1}, {"episodes": [1]}, {"uuid": ""}, {"fact": None}]
)
def test_any_other_goes_the_careful_way(extra: dict[str, Any]) -> None:
    """Nothing is guessed."""
    row: dict[str, Any] = {"uuid": "e", "fact": "f", **extra}
    assert edge_of(msgspec.Raw(msgspec.json.encode(row)), SOURCE) is None
