"""The times of a fact: which case of the table it is, what follows it, and what contradicts it."""

from collections.abc import Mapping

import pytest

from firewall.core.model import Claims, EvidenceRequirement, Lifecycle
from firewall.core.wire.graph_items import ItemSource, Sort, item_of
from firewall.core.wire.temporal import Edge, contested, inspected, is_over, linked, times_of

NOW = 1_800_000_000.0
PAST, LATER, FUTURE = "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z"
SOURCE = ItemSource(upstream="u", backend="zep", now=NOW)


@pytest.mark.parametrize(
    ("item", "over", "doubtful"),
    [
        ({}, False, False),
        ({"valid_at": PAST}, False, False),
        ({"invalid_at": PAST}, True, False),
        ({"invalid_at": "2025-01-01 00:00:00"}, True, False),
        ({"expired_at": PAST}, True, False),
        ({"expired_at": FUTURE}, False, False),
        ({"expired_at": PAST, "invalid_at": FUTURE}, False, True),
        ({"invalid_at": FUTURE}, False, False),
        ({"valid_at": FUTURE}, False, True),
        ({"valid_at": LATER, "invalid_at": PAST}, True, True),
        ({"valid_at": "soon"}, False, True),
        ({"invalid_at": ["x"]}, False, True),
    ],
)
def test_the_cases(item: Mapping[str, object], over: bool, doubtful: bool) -> None:
    """A date without a zone is UTC; one that cannot be read leaves a doubt."""
    times = times_of(item)
    assert (times.over(NOW), times.doubtful(NOW)) == (over, doubtful)


def test_a_wish_to_inspect_weakens_nothing() -> None:
    """What asks for more than that keeps it."""
    assert inspected(Claims()).evidence is EvidenceRequirement.inspect_before_use
    assert (
        inspected(Claims(evidence=EvidenceRequirement.none)).evidence
        is EvidenceRequirement.inspect_before_use
    )
    blocked = Claims(evidence=EvidenceRequirement.blocked)
    assert inspected(blocked) is blocked


def row(name: str, target: str, **times: str) -> Mapping[str, object]:
    return {
        "uuid": name,
        "fact": f"a uses {target}",
        "name": "USES",
        "source_node_uuid": "a",
        "target_node_uuid": target,
        **times,
    }


def joined(*rows: Mapping[str, object]) -> dict[str, tuple[str | None, Lifecycle | None]]:
    read = [item_of(value, Sort.edge, "", SOURCE) for value in rows]
    candidates = [each.candidate for each in read]
    edges: list[Edge] = [each.edge(index) for index, each in enumerate(read)]
    linked(candidates, edges, NOW)
    again = list(candidates)
    linked(again, edges, NOW)
    assert again == candidates
    return {each.id: (each.superseded_by, each.claims.lifecycle) for each in candidates}


def test_what_took_the_place_of_a_fact() -> None:
    """It begins in the moment in which the other ended; of several the first by its id."""
    old = row("old", "b", valid_at=PAST, invalid_at=LATER)
    assert joined(old, row("new", "c", valid_at=LATER))["old"] == ("new", None)
    assert joined(old, row("new", "c", valid_at=LATER), row("alt", "c", valid_at=LATER))["old"] == (
        "alt",
        None,
    )
    assert joined(old, row("new", "c", valid_at=FUTURE))["old"] == (None, None)
    assert joined(old, {**row("new", "c", valid_at=LATER), "name": "HAS"})["old"] == (None, None)
    assert joined(row("old", "b", invalid_at=FUTURE), row("new", "c", valid_at=FUTURE))["old"] == (None, None)
    assert joined(old, {**row("new", "c", valid_at=LATER), "source_node_uuid": None})["old"] == (None, None)


def test_two_live_facts_in_two_ways() -> None:
    """Both are contested; what is over, or leads to the same place, contradicts nothing."""
    both = joined(row("x", "b"), row("y", "c"))
    assert [label for _, label in both.values()] == [Lifecycle.contested] * 2
    assert joined(row("x", "b"), row("y", "b"))["x"] == (None, None)
    assert joined(row("x", "b"), row("y", "c", invalid_at=PAST))["x"] == (None, None)


def test_contested_hides_nothing_worse() -> None:
    """A label that is worse stays."""
    candidate = item_of(
        {"fact": "f", "attributes": {"lifecycle_hint": "failed"}}, Sort.edge, "p", SOURCE
    ).candidate
    assert contested(candidate).claims.lifecycle is Lifecycle.failed


def test_what_is_over() -> None:
    """By either end, or because something took its place."""
    for value, over in (
        ({"invalid_at": PAST}, True),
        ({"expired_at": PAST}, True),
        ({"invalid_at": FUTURE}, False),
    ):
        assert is_over(item_of({"fact": "f", **value}, Sort.edge, "p", SOURCE).candidate, NOW) is over
    replaced = {"fact": "f", "attributes": {"superseded_by": "x"}}
    assert is_over(item_of(replaced, Sort.edge, "p", SOURCE).candidate, NOW)
