"""Recall: what failed always comes, what may not be seen never does, and the rest is held to the limit."""

import pytest

from firewall.core import evidence_state
from firewall.core.evidence import Observed
from firewall.core.guide.recall import Ask, Recall, recall
from firewall.core.state import State
from firewall.core.visibility import EVERYONE, Audience, Viewer
from tests.core.guide.guiding import NOW, TASK, guided, state_of, step

RED = Audience(lane="shared", team="red")
BLUE = Viewer(agent="b", team="blue")


def of_team(node_id: str, outcome: str, team: str, **fields: object) -> Observed:
    """A step that a team keeps to itself."""
    return step(node_id, outcome, audience={"lane": "shared", "team": team}, **fields)


def look(
    state: State, *, viewer: Viewer = EVERYONE, query: str = "words", limit: int = 10, task: str = TASK
) -> Recall:
    return recall(state, Ask(viewer=viewer, query=query, task=task, limit=limit))


def test_failures_take_no_place_from_the_rest() -> None:
    """The limit bounds everything but the failed routes of the task; what is left out is counted."""
    events = [step(f"bad{n}", "failed", target_files=[f"bad{n}.ts"], title=f"Bad {n}") for n in range(20)]
    events += [
        step(f"good{n}", "succeeded", target_files=[f"good{n}.ts"], title=f"Good {n}") for n in range(8)
    ]
    found = look(state_of(*events), limit=5)
    ids = [one.memory_id for one in found.memories]
    assert sum(memory.startswith("bad") for memory in ids) == 20
    assert sum(memory.startswith("good") for memory in ids) == 5
    assert found.dropped == {"task_routes": 3}
    assert len(set(ids)) == len(ids)


def test_the_failed_routes_themselves_are_bounded_newest_first() -> None:
    """Beyond their own bound the oldest are counted."""
    events = [
        step(f"bad{n}", "failed", target_files=[f"bad{n}.ts"], at=NOW - 50 + n, observed_at=NOW - 50 + n)
        for n in range(5)
    ]
    found = recall(state_of(*events), Ask(viewer=EVERYONE, query="x", task=TASK, most_failed=2))
    assert [one.memory_id for one in found.memories][:2] == ["bad4", "bad3"]
    assert found.dropped["failed_branches"] == 3


def test_another_teams_unverified_failure_shows_nothing() -> None:
    """It does not bind, and it is not to be seen: it is not there, by route and by word."""
    state = state_of(of_team("red", "failed", "red", title="Slow join", target_files=["join.sql"]))
    assert look(state, viewer=BLUE, query="slow join").memories == ()
    assert [one.memory_id for one in look(state, viewer=Viewer(team="red"), query="slow join").memories] == [
        "red"
    ]


def test_another_teams_settled_failure_is_named_without_its_words() -> None:
    """A verifier's rejection binds the scope: id, files and reason, and nothing of its title or text."""
    state = state_of(
        of_team(
            "red",
            "failed",
            "red",
            verified=True,
            role="verifier",
            title="Secret plan",
            text="Hidden words.",
            target_files=["join.sql"],
            evidence_refs=["private-ref"],
        )
    )
    got = guided(state, viewer=BLUE)
    assert got.served() == {"red": "do_not_use"}
    assert got.section("FAILED_BRANCHES") == [
        "- red files=join.sql; reason=failed_branch; use=counter_evidence_only"
    ]
    assert not any(word in repr(got.context) for word in ("Secret", "Hidden", "private-ref"))


@pytest.mark.parametrize(
    "audience",
    [
        {"lane": "private", "agent": "a"},
        {"lane": "private", "team": "red"},
        {"lane": "private", "writer": "a"},
        {"lane": "shared", "team": "red"},
    ],
)
def test_private_evidence_stays_private(audience: dict[str, str]) -> None:
    """Successes, procedures and memories of others are found neither by task nor by word."""
    state = state_of(
        step("done", "succeeded", title="Adapter moved", target_files=["a.ts"], audience=audience),
        step("how", kind="memory", node_type="procedure", title="Adapter steps", audience=audience),
        step("fact", kind="memory", node_type="concept", title="Adapter port", audience=audience),
    )
    assert look(state, viewer=BLUE, query="adapter").memories == ()
    assert len(look(state, query="adapter").memories) == 3


def test_a_route_outlives_the_step_that_decided_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the step was let go from memory the route still says what failed."""
    monkeypatch.setattr(evidence_state, "MOST_NODES", 2)
    monkeypatch.setattr(evidence_state, "SLACK", 0)
    state = state_of(
        step("bad", "failed", title="Legacy adapter", text="Broke.", target_files=["legacy.ts"]),
        *(step(f"n{n}", kind="memory", node_type="concept", title=f"Note {n}") for n in range(4)),
    )
    assert "bad" not in state.evidence.nodes
    got = guided(state)
    assert got.served()["bad"] == "do_not_use"
    assert "Legacy adapter" in got.section("FAILED_BRANCHES")[0]


def test_procedures_are_kept_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """A procedure that comes later is found, one that was let go is not."""
    monkeypatch.setattr(evidence_state, "MOST_NODES", 2)
    monkeypatch.setattr(evidence_state, "SLACK", 0)
    state = state_of(step("p0", kind="memory", node_type="procedure", title="Zero"))
    assert list(state.evidence.procedures[TASK]) == ["p0"]
    for number in range(1, 5):
        event = step(f"p{number}", kind="memory", node_type="procedure", title=f"Number {number}")
        evidence_state.observe(state.evidence, state.routes, event, number + 1)
    kept = [node for node in state.evidence.nodes if node.startswith("p")]
    assert list(state.evidence.procedures[TASK]) == kept
    assert look(state, query="nothing").memories[0].memory_id == kept[-1]


def test_without_a_task_that_of_the_active_path_counts() -> None:
    """A query that speaks of a solved task brings its failures too."""
    state = state_of(
        step("bad", "failed", title="Legacy adapter", target_files=["legacy.ts"]),
        step("good", "succeeded", title="New adapter", target_files=["new.ts"]),
    )
    found = look(state, task="", query="continue the checkout migration")
    assert found.task == TASK
    assert {one.memory_id for one in found.memories} == {"bad", "good"}


def test_one_failed_route_is_named_once() -> None:
    """Further tries of the same failed route add nothing; the step that decided stands for it."""
    state = state_of(
        step("try1", "failed", title="Legacy adapter", target_files=["legacy.ts"]),
        step("try2", "failed", title="Legacy adapter again", target_files=["legacy.ts"]),
    )
    assert [one.memory_id for one in look(state, query="legacy adapter").memories] == ["try2"]
