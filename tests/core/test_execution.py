"""The state of a route: the table by its cases, its laws, and what makes a route the same route."""

from functools import reduce
from itertools import product
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.evidence import Outcome
from firewall.core.execution import OUTCOMES, RouteState, Said, after, route_key
from firewall.core.visibility import SCOPE_WIDE, Audience, Viewer
from tests.core.observing import PRIVATE, TEAM_A, TEAM_B, only_route, outcomes, step

CASES = yaml.safe_load(Path(__file__).with_name("transitions.yaml").read_text(encoding="utf-8"))
OPEN = {RouteState.active, RouteState.passed, RouteState.accepted}
STATES = [None, *RouteState]
statements = st.lists(st.tuples(st.sampled_from(Said), st.booleans()), max_size=12)


def said_of(statements: list[tuple[Said, bool]], start: RouteState | None = None) -> RouteState | None:
    return reduce(lambda state, said: after(state, said[0], verified=said[1]), statements, start)


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_transitions(case: dict[str, str]) -> None:
    """The cases of `transitions.yaml`."""
    listed = [(Said(word.rstrip("!")), word.endswith("!")) for word in case["said"].split()]
    assert said_of(listed) is RouteState(case["is"])


@pytest.mark.parametrize(("state", "said", "verified"), list(product(STATES, Said, (True, False))))
def test_every_statement_has_an_answer(state: RouteState | None, said: Said, verified: bool) -> None:
    """Nothing can be said of a route that has no place in the table."""
    assert after(state, said, verified=verified) in RouteState


@pytest.mark.parametrize(("state", "verified"), list(product(STATES, (True, False))))
def test_a_failure_never_leaves_a_route_open(state: RouteState | None, verified: bool) -> None:
    """Whoever says it, and whatever was known."""
    assert after(state, Said.failed, verified=verified) in {RouteState.failed, RouteState.rejected}


@given(st.lists(st.sampled_from(Said)))
def test_nobody_else_opens_what_was_rejected(listed: list[Said]) -> None:
    """No sequence of statements by those who are no verifiers makes it open, or a thing of lesser weight."""
    state = said_of([(said, False) for said in listed], RouteState.rejected)
    assert state in {RouteState.rejected, RouteState.disputed}


@given(statements)
def test_settled_states_need_a_verifier(listed: list[tuple[Said, bool]]) -> None:
    """Without a verifier's word a route is never accepted, rejected or disputed."""
    unverified = [(said, False) for said, _ in listed]
    assert said_of(unverified) not in {RouteState.accepted, RouteState.rejected, RouteState.disputed}


@given(statements)
def test_twice_is_once(listed: list[tuple[Said, bool]]) -> None:
    """The same statement by the same one again changes nothing."""
    for place, said in enumerate(listed):
        once = said_of(listed[: place + 1])
        assert said_of([said], once) is once


def test_every_outcome_says_something() -> None:
    """Whatever a step may end with."""
    assert set(OUTCOMES) == {"succeeded", "failed", "blocked", "interrupted", "unknown"}


# ---- as steps are observed: DESIGN 8, "Time and roles" -------------------------------------------------------------


def test_an_unverified_failure_binds_its_own_team() -> None:
    """It blocks there, and asks for inspection elsewhere."""
    route = only_route(step("failed", audience=TEAM_A))
    assert route.binds(Viewer(team="a"))
    assert not route.binds(Viewer(team="b"))
    assert route.failed


def test_a_second_teams_failure_takes_nothing_from_the_first() -> None:
    """Both are bound by their own."""
    route = only_route(step("failed", 1, audience=TEAM_A), step("failed", 2, audience=TEAM_B))
    assert route.binds(Viewer(team="a"))
    assert route.binds(Viewer(team="b"))
    assert not route.binds(Viewer(team="c"))
    assert route.step_id == "n1"


@pytest.mark.parametrize("team", ["a", "b", ""])
def test_a_verified_failure_binds_everybody(team: str) -> None:
    """Whichever team's verifier said so."""
    assert only_route(step("failed", audience=TEAM_A, verified=True)).binds(Viewer(team=team))


@pytest.mark.parametrize(("verified", "state"), [(True, RouteState.accepted), (False, RouteState.contested)])
def test_a_later_success(verified: bool, state: RouteState) -> None:
    """Reopens as accepted by a verifier or reviewer, as contested by anybody else."""
    route = only_route(step("failed", 1), step("succeeded", 2, verified=verified))
    assert (route.state, route.step_id) == (state, "n2")


@given(outcomes, st.booleans())
def test_history_changes_nothing(outcome: Outcome, verified: bool) -> None:
    """What was observed earlier than the statement that decided is history, though it comes later."""
    late = step(outcome, 5, verified=verified, observed_at=1.0)
    decided = step("failed", 2, verified=True)
    assert only_route(decided, late) == only_route(decided)


def test_another_clock_makes_no_history() -> None:
    """Two processes' clocks differ: what does not say itself that it is old counts in the order of the log."""
    accepted = step("succeeded", 9, verified=True)
    assert only_route(accepted, step("failed", 2, verified=True)).state is RouteState.rejected


def test_nobody_observes_the_future() -> None:
    """A time ahead of now is now: it cannot make all that comes later history."""
    ahead = step("succeeded", 1, verified=True, observed_at=9_999.0)
    assert only_route(ahead).since == 101.0
    assert only_route(ahead, step("failed", 2, verified=True)).state is RouteState.rejected


# ---- which route it is ---------------------------------------------------------------------------------------------


def key(
    audience: Audience = SCOPE_WIDE, *, files: tuple[str, ...] = (), flow: str = "", title: str = "t"
) -> str:
    return route_key(audience, "task", files, flow, title)


def test_a_route_is_its_files() -> None:
    """In any order and spelling; then its workflow, then its title."""
    assert key(files=("b.ts", "./A.ts")) == key(files=("a.ts", "B.ts", "b.ts"), flow="w", title="other")
    assert key(flow="w") == key(flow="w", title="other") != key(flow="v")
    assert key(title="Use the Gateway!") == key(title="use  the gateway") != key(title="use the adapter")


def test_a_route_without_a_title_is_its_text() -> None:
    """Two steps of one task that name neither files nor a title are two ways."""
    parts: dict[str, object] = {"target_files": (), "title": " ?"}
    two = (
        step("failed", 1, **parts, text="by the adapter"),
        step("succeeded", 2, **parts, text="by the gateway"),
    )
    assert [only_route(one).state for one in two] == [RouteState.failed, RouteState.passed]
    assert only_route(two[0]).key != only_route(two[1]).key


def test_private_routes_are_their_owners() -> None:
    """Shared evidence of all teams speaks of one route; an agent's is not that of a team of the same name."""
    assert key() == key(TEAM_A) == key(TEAM_B) != key(PRIVATE)
    agent, team = Audience(lane="private", agent="ops"), Audience(lane="private", team="ops")
    assert len({key(agent), key(team), key(PRIVATE), key()}) == 4
    assert key(agent) == key(Audience(lane="private", writer="ops"))
