"""Laws over random filter trees: no reading of what is sent reaches a row outside of the pin, and any input is bounded."""

from collections.abc import Mapping
from contextlib import suppress
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mem0.filters import IDENTITY, literal, parse, possible
from adapters.mem0.scope import scope_of
from firewall.errors import CallerError
from firewall.ports import Caller
from tests.adapters.mem0.bench import wired

SEARCH = "POST /v3/memories/search/"
BARE = "POST /search"

ROWS = [
    {key: value for key, value in zip(("user_id", "agent_id", "run_id", "tag"), values, strict=True) if value}
    for values in product(("u1", "u2", None), ("a1", "a2", None), ("r1", None), ("x", None))
]

_leaf = st.one_of(
    st.tuples(
        st.sampled_from(["user_id", "agent_id", "run_id", "tag"]),
        st.one_of(
            st.sampled_from(["u1", "u2", "a1", "a2", "r1", "x", "*"]),
            st.builds(lambda v: {"eq": v}, st.sampled_from(["u1", "u2", "a1", "*"])),
            st.builds(lambda v: {"ne": v}, st.sampled_from(["u1", "u2", "a1"])),
            st.builds(
                lambda v: {"in": v},
                st.lists(st.sampled_from(["u1", "u2", "a1", "*"]), min_size=1, max_size=2),
            ),
        ),
    ).map(lambda pair: {pair[0]: pair[1]}),
)


def _grow(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    group = st.tuples(st.sampled_from(["AND", "OR", "NOT"]), st.lists(inner, min_size=1, max_size=3)).map(
        lambda pair: {pair[0]: pair[1]}
    )
    return st.lists(st.one_of(inner, group), min_size=1, max_size=3).map(
        lambda parts: {key: value for part in parts for key, value in part.items()}
    )


TREES = st.recursive(_leaf, _grow, max_leaves=8)


def field_holds(key: str, test: Any, row: Mapping[str, str]) -> bool:
    value = row.get(key)
    if not isinstance(test, dict):
        return test in ("*", value)
    ((operator, operand),) = test.items()
    if operator == "ne":
        return bool(value != operand)
    wanted = operand if operator == "in" else [operand]
    return "*" in wanted or value in wanted


def as_documented(tree: Mapping[str, Any], row: Mapping[str, str]) -> bool:
    """The platform's reading; a wildcard counts as no condition, which is what the worst store makes of it."""
    for key, test in tree.items():
        if key == "AND":
            ok = all(as_documented(part, row) for part in test)
        elif key == "OR":
            ok = any(as_documented(part, row) for part in test)
        elif key == "NOT":
            ok = not any(as_documented(part, row) for part in test)
        else:
            ok = field_holds(key, test, row)
        if not ok:
            return False
    return True


def overriding(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The open-source server's reading: what stands under AND overwrites what stands beside it, at any depth."""
    flat = {key: test for key, test in tree.items() if key not in {"AND", "NOT"}}
    for name in ("AND", "NOT"):
        for part in tree.get(name, ()):
            flat.update(overriding(part))
    return flat


@settings(max_examples=400, deadline=None)
@given(TREES, st.sampled_from(["platform", "oss", "bare"]))
def test_no_tree_reaches_a_row_outside_of_the_pin(tree: dict[str, Any], where: str) -> None:
    """Whatever a pinned caller asks for: what is sent can only match rows of the pin, in every reading of the tree."""
    wire = wired("platform" if where == "platform" else "oss", pin={"user_id": "u1"})
    try:
        _, body = wire.sent(BARE if where == "bare" else SEARCH, {"query": "q", "filters": tree})
    except CallerError:
        return
    for row in ROWS:
        if row.get("user_id") != "u1":
            assert not as_documented(body["filters"], row)
            assert not as_documented(overriding(body["filters"]), row)


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_an_unpinned_tree_never_reaches_beyond_what_it_names(tree: dict[str, Any]) -> None:
    """Without a pin every row that a tree can match is one of an id that the tree names."""
    wire = wired()
    try:
        plan = wire.plan(SEARCH, {"query": "q", "filters": tree})
    except CallerError:
        return
    stranger = {"user_id": "u9", "agent_id": "a9", "run_id": "r9", "tag": "x"}
    answer, _ = wire.read(plan, {"results": [{"id": "1", "memory": "m", **stranger}]})
    owner = answer.candidates[0].owner
    assert any(owner.get(key) != value for key, value in plan.pin.items())


@settings(max_examples=300, deadline=None)
@given(TREES, st.sampled_from(ROWS))
def test_a_row_that_the_tree_asks_for_is_possible(tree: dict[str, Any], row: dict[str, str]) -> None:
    """The check of returned rows never takes out one that the request really asked for."""
    try:
        node = parse(tree)
    except CallerError:
        return
    if as_documented(tree, row):
        assert possible(node, row)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["AND", "OR", "NOT", "user_id", "agent_id", "in", "eq", "tag", "$or", "metadata", "and"]
            )
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_a_tree_or_our_error(value: object) -> None:
    """Accept or CallerError, nothing else."""
    with suppress(CallerError):
        parse(value)


@given(st.text(max_size=80))
def test_any_text_is_a_literal_or_our_error(text: str) -> None:
    """Accept or CallerError, nothing else."""
    with suppress(CallerError):
        literal(text)


@given(
    filters=st.dictionaries(
        st.sampled_from(IDENTITY), st.sampled_from(["u1", "u2", "*", " u1", ""]), max_size=3
    ),
    pin=st.dictionaries(st.sampled_from(IDENTITY), st.sampled_from(["u1", "u2"]), max_size=2),
    beside=st.dictionaries(st.sampled_from(IDENTITY), st.just("u1"), max_size=1),
)
def test_the_short_way_reads_flat_filters_as_the_tree_does(
    filters: dict[str, str], pin: dict[str, str], beside: dict[str, str]
) -> None:
    """Flat filters are scoped the same whether they are read at once or as a tree."""

    def outcome(body: dict[str, object]) -> object:
        try:
            scope = scope_of(body, Caller(pin=pin))
        except CallerError as error:
            return error.code
        return scope.pin, scope.missing, scope.tree is None

    # An AND of one is the same tree, and never goes the short way.
    assert outcome({"filters": filters, **beside}) == outcome({"filters": {"AND": [filters]}, **beside})
