"""Filter trees of the platform: which scopes they need, what the server may narrow by, which rows they match."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mem0.oss_filters import AllOf, names_entity, parse, pushed, scopes
from adapters.mem0.oss_matching import expired, matches
from adapters.mem0.oss_rows import OssRow
from firewall.errors import CallerError

A_ROW = OssRow(
    id="m1",
    memory="tea",
    user_id="u1",
    agent_id="a1",
    metadata={"_fw_app_id": "app", "outcome": "failed", "size": 3, "tags": ["x", "y"]},
    created_at="2026-01-02T00:00:00+00:00",
    expiration_date="2026-11-17",
)


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"user_id": "u1"}, [{"user_id": "u1"}]),
        ({"AND": [{"user_id": "u1"}, {"agent_id": "a1"}]}, [{"user_id": "u1", "agent_id": "a1"}]),
        ({"OR": [{"user_id": "u1"}]}, [{"user_id": "u1"}]),
        ({"OR": [{"user_id": "u1"}, {"agent_id": "a1"}]}, [{"user_id": "u1"}, {"agent_id": "a1"}]),
        ({"user_id": {"in": ["u1", "u2"]}}, [{"user_id": "u1"}, {"user_id": "u2"}]),
        ({"user_id": "u1", "run_id": "*"}, [{"user_id": "u1"}]),
        ({"user_id": "u1", "NOT": [{"run_id": "r1"}]}, [{"user_id": "u1"}]),
        ({"user_id": "u1", "AND": [{"user_id": "u1"}]}, [{"user_id": "u1"}]),
        ({"user_id": 7}, [{"user_id": "7"}]),
        ({"user_id": "*"}, [{}]),
        ({"app_id": "app"}, [{}]),
        ({"OR": [{"user_id": "u1"}, {"outcome": "failed"}]}, [{}]),
        ({"user_id": "u1", "AND": [{"user_id": "u2"}]}, []),
    ],
)
def test_scopes_of_a_tree(filters: object, wanted: list[dict[str, str]]) -> None:
    """Ids are lifted out of AND and OR lists; a tree that contradicts itself has no scope at all."""
    assert [dict(scope) for scope in scopes(parse(filters))] == wanted


@pytest.mark.parametrize(
    ("filters", "flat", "whole"),
    [
        ({"user_id": "u1"}, {}, True),
        ({"user_id": "u1", "outcome": "failed"}, {"outcome": "failed"}, True),
        ({"user_id": "u1", "outcome": {"in": ["a", "b"]}}, {"outcome": {"in": ["a", "b"]}}, True),
        ({"user_id": "u1", "metadata": {"k": "v"}}, {"k": "v"}, True),
        ({"user_id": "u1", "app_id": "app"}, {"_fw_app_id": "app"}, True),
        ({"AND": [{"user_id": "u1"}, {"AND": [{"k": "v"}]}]}, {"k": "v"}, True),
        ({"OR": [{"user_id": "u1"}, {"agent_id": "a1"}]}, {}, True),
        ({"user_id": "u1", "k": 3}, {}, False),
        ({"user_id": "u1", "k": {"ne": "v"}}, {}, False),
        ({"user_id": "u1", "NOT": [{"k": "v"}]}, {}, False),
        ({"user_id": "u1", "run_id": None}, {}, False),
        ({"user_id": "u1", "AND": [{"k": "v"}, {"k": "w"}]}, {"k": "v"}, False),
        ({"user_id": "u1", "created_at": {"gte": "2026-01-01"}}, {}, False),
    ],
)
def test_what_the_server_narrows_by(filters: object, flat: object, whole: bool) -> None:
    """Only plain equality goes to the server, and whoever asked for more is told that it is not the whole tree."""
    assert pushed(parse(filters)) == (flat, whole)


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"user_id": "u1", "agent_id": "a1", "app_id": "app", "outcome": "failed"}, True),
        ({"user_id": "u2"}, False),
        ({"user_id": "u1", "AND": [{"user_id": "u2"}]}, False),
        ({"user_id": "u1", "OR": [{"user_id": "u2"}, {"k": "v"}]}, False),
        ({"run_id": "*"}, False),
        ({"run_id": None}, True),
        ({"agent_id": "*"}, True),
        ({"size": {"gt": 2, "lte": 3}}, True),
        ({"size": {"lt": "9"}}, False),
        ({"tags": {"contains": "x"}}, True),
        ({"outcome": {"icontains": "FAIL"}}, True),
        ({"outcome": {"contains": "FAIL"}}, False),
        ({"outcome": {"nin": ["ok", "failed"]}}, False),
        ({"missing": {"ne": "v"}}, True),
        ({"NOT": {"outcome": "ok"}}, True),
        ({"created_at": {"gte": "2026-01-02", "lt": "2026-01-03T00:00:00Z"}}, True),
        ({"updated_at": {"gte": "2026-01-01"}}, False),
        ({"timestamp": {"lt": 1}}, False),
        ({"memory_ids": ["m0", "m1"]}, True),
        ({"text_lemmatized": "tea"}, False),
    ],
)
def test_matching_a_row(filters: object, wanted: bool) -> None:
    """The tree's own meaning, decided row by row."""
    assert matches(parse(filters), A_ROW) is wanted


@pytest.mark.parametrize(
    ("filters", "status"),
    [
        ([], 400),
        ({"AND": {"user_id": "u1"}}, 400),
        ({"OR": []}, 400),
        ({"AND": ["u1"]}, 400),
        ({"user_id": "two words"}, 400),
        ({"user_id": ""}, 400),
        ({"user_id": {"in": "u1"}}, 400),
        ({"user_id": True}, 400),
        ({"k": {"regex": "x"}}, 400),
        ({"k": {}}, 400),
        ({"k": {"gt": [1]}}, 400),
        ({"$or": [{"user_id": "u2"}]}, 400),
        ({"_fw_app_id": "app"}, 400),
        ({"created_at": {"gte": "yesterday"}}, 400),
        ({"categories": {"in": ["a"]}}, 501),
        ({"keywords": {"contains": "a"}}, 501),
        ({"k": {"in": list(range(3))}, "AND": [{"k": n} for n in range(300)]}, 400),
    ],
)
def test_refused_trees(filters: object, status: int) -> None:
    """What is malformed or reserved is a 400, what a self-hosted server has no data for a 501."""
    with pytest.raises(CallerError) as refused:
        parse(filters)
    assert refused.value.status == status


def test_deep_and_wide_trees_are_bounded() -> None:
    """Nesting and the number of scopes have limits, so that one request cannot become thousands."""
    deep: dict[str, Any] = {"user_id": "u1"}
    for _ in range(50):
        deep = {"AND": [deep]}
    with pytest.raises(CallerError):
        parse(deep)
    wide = parse({"user_id": {"in": [f"u{n}" for n in range(9)]}, "run_id": {"in": ["a", "b"]}})
    with pytest.raises(CallerError) as refused:
        scopes(wide)
    assert refused.value.status == 501


def test_expiry_is_by_whole_days() -> None:
    """A memory lives through its last day (UTC); one without a date never expires."""
    last_day = 1_794_873_600.0  # 2026-11-17
    assert not expired(A_ROW, last_day + 86_399)
    assert expired(A_ROW, last_day + 86_400)
    assert not expired(OssRow(id="m"), last_day)


IDS = st.sampled_from(["user_id", "agent_id", "run_id", "app_id", "k"])
VALUES = st.sampled_from(["1", "2", "*", None])
CONDITIONS = st.dictionaries(IDS, VALUES | st.lists(st.sampled_from(["1", "2"]), min_size=1), max_size=3)
TREES = st.recursive(
    CONDITIONS,
    lambda inner: st.fixed_dictionaries(
        {}, optional={key: st.lists(inner, min_size=1, max_size=2) for key in ("AND", "OR", "NOT")}
    ),
    max_leaves=5,
)
OWNED = st.sampled_from([None, "1", "2"])


@given(TREES, OWNED, OWNED, OWNED, st.fixed_dictionaries({"k": OWNED, "_fw_app_id": OWNED}))
def test_no_matching_row_is_outside_of_the_scopes(
    filters: object, user: str | None, agent: str | None, run: str | None, metadata: dict[str, Any]
) -> None:
    """A law: every row that a tree matches lies in one of its scopes and passes what the server narrows by."""
    node: AllOf = parse(filters)
    row = OssRow(id="m", user_id=user, agent_id=agent, run_id=run, metadata=metadata)
    within = any(all(row.owner(key) == value for key, value in scope.items()) for scope in scopes(node))
    flat, whole = pushed(node)
    narrowed = all(
        metadata.get(key) in (wanted["in"] if isinstance(wanted, dict) else [wanted])
        for key, wanted in flat.items()
    )
    if matches(node, row):
        assert within
        assert narrowed
    elif whole:
        assert not (within and narrowed)
    assert names_entity(node) or scopes(node) in (({},), ())
