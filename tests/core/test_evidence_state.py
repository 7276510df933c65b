"""Evidence in memory: once is once, who may end what, what stays when memory is bounded."""

import copy
from itertools import chain

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core import evidence_state
from firewall.core.compiled import Env, compile_policy
from firewall.core.events import Event
from firewall.core.evidence import NATIVE, Observed, Tended
from firewall.core.evidence_state import key_of
from firewall.core.execution import RouteState
from firewall.core.model import Action, Candidate, Context
from firewall.core.policy import Policy
from firewall.core.signals.execution import check
from firewall.core.state import State, fold, fold_all
from firewall.core.visibility import SCOPE_WIDE, Audience, Viewer
from tests.core.observing import (
    LEGACY,
    PRIVATE,
    TEAM_A,
    TEAM_B,
    after,
    memory,
    numbered,
    only_route,
    step,
    steps,
)
from tests.log.samples import records_of

ANN, BOB = Viewer(agent="ann", team="a"), Viewer(agent="bob", team="b")
POLICY = compile_policy(Policy(), "test")
RECOMMENDS = Candidate(id="m", upstream="mem0", text="use the legacy adapter for checkout")


def judged(state: State, viewer: Viewer, candidate: Candidate = RECOMMENDS) -> Action:
    env = Env(Context(decision_id="d", viewer=viewer), POLICY, state, 0.0)
    return max((finding.action for finding in check(candidate, env)), default=Action.use_now)


def tended(operation: str, node_id: str, *, restored: Observed | None = None, origin: int = 0) -> Tended:
    return Tended(
        operation=operation,  # type: ignore[arg-type] # one of its words
        upstream=NATIVE,
        memory_id=node_id,
        restored=restored,
        origin=origin,
        principal="agents",
        at=500.0,
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for six nodes, of which two may be more for a while."""
    monkeypatch.setattr(evidence_state, "MOST_NODES", 6)
    monkeypatch.setattr(evidence_state, "SLACK", 2)


# ---- once ----------------------------------------------------------------------------------------------------------


@given(st.lists(steps(), max_size=12))
def test_observing_twice_is_once(listed: list[Observed]) -> None:
    """The same node under another offset changes nothing, whatever else it says then."""
    listed = numbered(listed)
    once = after(*listed)
    twice = fold_all(
        copy.deepcopy(once),
        [msgspec.structs.replace(one, offset=one.offset + 900) for one in records_of([*listed])],
    )
    twice.offset = once.offset
    assert twice == once


# ---- superseding and contradicting ----------------------------------------------------------------------------------


def test_what_is_superseded_says_by_what() -> None:
    """The node and, where it was open, its route."""
    state = after(step("succeeded", 1), step("succeeded", 2, target_files=("src/b.ts",), supersedes=("n1",)))
    assert (state.evidence.nodes["n1"].lifecycle, state.evidence.nodes["n1"].superseded_by) == (
        "superseded",
        "n2",
    )
    assert state.routes.routes[key_of(step("succeeded"))].state is RouteState.superseded


def test_a_newer_step_of_the_same_route_supersedes_the_note_only() -> None:
    """The way is the same one, and goes on."""
    state = after(step("succeeded", 1), step("succeeded", 2, supersedes=("n1",)))
    assert state.evidence.nodes["n1"].lifecycle == "superseded"
    assert state.routes.routes[key_of(step("succeeded"))].state is RouteState.passed


def test_what_a_verifier_said_is_superseded_by_a_verifier() -> None:
    """Anybody else's later word has it looked at, and ends nothing."""
    accepted = step("succeeded", 1, verified=True)
    for verified, lifecycle, route in (
        (False, "contested", RouteState.accepted),
        (True, "superseded", RouteState.superseded),
    ):
        other = step("succeeded", 2, verified=verified, target_files=("src/b.ts",), supersedes=("n1",))
        state = after(accepted, other)
        assert state.evidence.nodes["n1"].lifecycle == lifecycle
        assert state.routes.routes[key_of(accepted)].state is route


@pytest.mark.parametrize(("audience", "touched"), [(PRIVATE, False), (TEAM_B, True), (SCOPE_WIDE, True)])
@pytest.mark.parametrize("word", ["supersedes", "contradicts"])
def test_private_evidence_ends_nothing_of_others(audience: Audience, touched: bool, word: str) -> None:
    """What they cannot see says nothing of what they can."""
    other = step("succeeded", 2, audience=audience, target_files=("src/b.ts",), **{word: ("n1",)})
    node = after(step("succeeded", 1), other).evidence.nodes["n1"]
    assert (node.lifecycle != "active") is touched


def test_what_is_contradicted_is_contested_and_nothing_better() -> None:
    """What was superseded before stays so; an unknown id and the node itself are nothing."""
    state = after(
        memory(1),
        memory(2, supersedes=("n1",)),
        memory(3, contradicts=("n1", "n2", "n3", "unknown")),
        memory(4),
    )
    lifecycles = [node.lifecycle for node in state.evidence.nodes.values()]
    assert lifecycles == ["superseded", "contested", "active", "active"]


# ---- what a route is recognised by -----------------------------------------------------------------------------------


def test_an_accepted_route_vouches_for_what_a_verifier_named() -> None:
    """Neither what somebody else had named before nor what is named after it."""
    before = step("succeeded", 1, evidence_refs=("poison",), memory_ids=("p1",))
    accepted = step("succeeded", 2, verified=True, evidence_refs=("good",))
    behind = step("succeeded", 3, evidence_refs=("late",), memory_ids=("p2",))
    route = only_route(before, accepted, behind)
    assert (route.state, route.evidence_refs, route.memory_ids) == (RouteState.accepted, ("good",), ())


def test_a_rejected_route_forgets_nothing() -> None:
    """A flood of names by others pushes out nothing that the verifier named."""
    rejected = step("failed", 1, verified=True, evidence_refs=("ci:1",), memory_ids=("m",))
    flood = tuple(f"junk{number}" for number in range(100))
    route = only_route(rejected, step("unknown", 2, evidence_refs=flood, memory_ids=flood))
    assert route.evidence_refs[0] == "ci:1"
    assert route.memory_ids[0] == "m"
    assert len(route.memory_ids) == 64


def test_a_disputed_route_is_recognised_by_what_failed() -> None:
    """Whoever disputes it does not replace its words."""
    rejected = step("failed", 1, verified=True)
    route = only_route(rejected, step("succeeded", 2, text="All is well", title="Gateway"))
    assert (route.state, route.text, route.title) == (RouteState.disputed, rejected.text, rejected.title)


# ---- who is bound ----------------------------------------------------------------------------------------------------


def test_a_private_failure_blocks_its_own_circle_only() -> None:
    """Nobody else hears of it."""
    state = after(step("failed", audience=PRIVATE))
    assert judged(state, ANN) is Action.do_not_use
    assert judged(state, BOB) is Action.use_now


@pytest.mark.parametrize(
    "success",
    [
        step("succeeded", 2, verified=True, audience=PRIVATE),
        step("succeeded", 2, audience=PRIVATE, target_files=(LEGACY, "src/b.ts")),
        step("succeeded", 2, target_files=(LEGACY, "src/b.ts")),
        step("succeeded", 2, audience=TEAM_A, target_files=(LEGACY, "src/b.ts")),
    ],
    ids=["private", "private, another way", "unverified, another way", "of a team, another way"],
)
def test_a_lesser_success_does_not_unblock_a_rejection(success: Observed) -> None:
    """An agent's private or unverified success in the same file takes no ground from a verifier's word."""
    state = after(step("failed", 1, verified=True), success)
    assert judged(state, BOB) is Action.do_not_use


def test_no_two_steps_of_an_agent_open_a_rejection() -> None:
    """To dispute it and then to succeed in the same file by another way."""
    state = after(
        step("failed", 1, verified=True),
        step("succeeded", 2),
        step("succeeded", 3, target_files=(LEGACY, "src/b.ts")),
    )
    assert judged(state, BOB) is Action.inspect_before_use


@given(st.lists(steps(st.sampled_from([SCOPE_WIDE, TEAM_A, TEAM_B, PRIVATE])), max_size=10))
def test_no_unverified_steps_open_a_rejection(listed: list[Observed]) -> None:
    """Whatever they are and whosoever: what the verifier rejected is never simply usable again."""
    agents = [msgspec.structs.replace(one, verified=False, at=200.0, observed_at=200.0) for one in listed]
    rejected = step("failed", 1, verified=True, node_id="rejected")
    state = after(
        rejected, *(msgspec.structs.replace(one, node_id=f"a{place}") for place, one in enumerate(agents))
    )
    assert judged(state, BOB) is not Action.use_now


def test_a_verifiers_success_opens_it_again() -> None:
    """For everybody who sees it."""
    state = after(step("failed", 1, verified=True), step("succeeded", 2, verified=True))
    assert judged(state, BOB) is Action.use_now


# ---- bounds ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small")
def test_the_oldest_are_let_go_and_can_be_found() -> None:
    """At once and by a fixed rule; what they said of their route stays."""
    state = after(step("failed", 0), *(memory(number) for number in range(1, 9)))
    assert [*state.evidence.nodes] == ["n3", "n4", "n5", "n6", "n7", "n8"]
    assert state.evidence.archived == {"n0": 3, "n1": 6, "n2": 9}
    assert judged(state, BOB) is not Action.use_now
    before = copy.deepcopy(state.evidence)
    fold_all(state, records_of([memory(1)], step=1_000))
    assert state.evidence == before


@pytest.mark.usefixtures("small")
def test_procedures_and_handoffs_go_last() -> None:
    """Half of the room is kept for the newest of them."""
    first = [memory(number, node_type="procedure") for number in range(2)]
    handoff = memory(2, kind="handoff", anchor="here")
    state = after(*first, handoff, *(memory(number) for number in range(3, 20)))
    assert [*state.evidence.nodes][:3] == ["n0", "n1", "n2"]
    assert state.evidence.anchors == {"here": ["n2"]}


@pytest.mark.usefixtures("small")
@given(st.lists(steps(), max_size=40))
def test_memory_is_bounded(listed: list[Observed]) -> None:
    """Whatever comes; and looking at it changes nothing of what is let go."""
    looked_at, untouched = State(), State()
    for record in records_of([*numbered(listed)]):
        fold(looked_at, record)
        fold(untouched, record)
        assert len(looked_at.evidence.nodes) <= 8
        assert len(looked_at.evidence.lexicon) == len(looked_at.evidence.nodes)
    assert looked_at == untouched
    evidence = looked_at.evidence
    assert set(chain.from_iterable(evidence.clients.values())) <= {*evidence.nodes, *evidence.archived}
    assert all(len(held) <= 16 for held in evidence.anchors.values())


@pytest.mark.usefixtures("small")
def test_what_is_nowhere_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the archive's bound an id is gone with its anchor and its client id."""
    monkeypatch.setattr(evidence_state, "MOST_ARCHIVED", 3)
    named = [memory(number, client_id=f"c{number}", anchor=f"a{number}") for number in range(30)]
    state = after(*named, *(memory(number) for number in range(30, 60)))
    assert len(state.evidence.archived) == 3
    known = {*state.evidence.nodes, *state.evidence.archived}
    assert {node for held in state.evidence.anchors.values() for node in held} <= known
    assert set(chain.from_iterable(state.evidence.clients.values())) <= known
    assert set(state.evidence.ended) <= set(state.evidence.archived)


def test_an_anchor_holds_its_newest_handoffs() -> None:
    """Sixteen of them."""
    state = after(*(memory(number, kind="handoff", anchor="here") for number in range(20)))
    assert state.evidence.anchors["here"] == [f"n{number}" for number in range(4, 20)]


def test_a_client_id_stands_for_its_last_node() -> None:
    """Where it comes again with another body."""
    assert after(memory(1, client_id="c"), memory(2, client_id="c")).evidence.clients == {"c": ["n1", "n2"]}


# ---- forgetting and its undoing ----------------------------------------------------------------------------------------


def test_archived_comes_back_to_be_looked_at() -> None:
    """What was fine is a candidate, what failed is still the step that failed."""
    state = after(step("failed", 1), tended("archive", "n1"))
    assert state.evidence.nodes["n1"].tier == "archive"
    state = after(step("failed", 1), tended("archive", "n1"), tended("rehydrate", "n1"))
    node = state.evidence.nodes["n1"]
    assert (node.tier, node.lifecycle, node.outcome) == ("warm", "rehydration_candidate", "failed")
    assert judged(state, BOB) is not Action.use_now


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("word", ["supersedes", "contradicts"])
def test_what_was_let_go_comes_back_as_what_it_had_become(word: str) -> None:
    """From the log, with what others had said of it meanwhile."""
    events: list[Event] = [memory(0), memory(1), memory(2, **{word: ("n1",)})]
    events += [memory(number) for number in range(3, 12)]
    lost = after(*events)
    assert {"n0", "n1"} <= set(lost.evidence.archived)
    back: list[Event] = [
        tended("rehydrate", f"n{place}", restored=memory(place), origin=3 * place + 3) for place in (0, 1)
    ]
    state = after(*events, *back)
    lifecycles = [state.evidence.nodes[name].lifecycle for name in ("n0", "n1")]
    assert lifecycles == [
        "rehydration_candidate",
        {"supersedes": "superseded", "contradicts": "contested"}[word],
    ]
    assert state.evidence.nodes["n1"].superseded_by == ("n2" if word == "supersedes" else "")
    assert not {"n0", "n1"} & set(state.evidence.archived)
    assert state.evidence.nodes["n1"].offset == 6


@pytest.mark.usefixtures("small")
def test_nothing_comes_back_under_another_name() -> None:
    """What is restored is the node that was asked for; what was never here does not appear."""
    events: list[Event] = [memory(number) for number in range(12)]
    lost = after(*events)
    for wrong in (
        tended("rehydrate", "n0", restored=memory(1)),
        tended("rehydrate", "other", restored=memory(50)),
    ):
        assert [*after(*events, wrong).evidence.nodes] == [*lost.evidence.nodes]


def test_two_teams_may_use_one_client_id() -> None:
    """Each finds its own newest evidence under it, and neither takes it from the other."""
    red, blue = Audience(team="red"), Audience(team="blue")
    evidence = after(memory(1, client_id="c", audience=red), memory(2, client_id="c", audience=blue)).evidence
    found = [evidence.of_client("c", Viewer(team=team)) for team in ("red", "blue", "green")]
    assert [node and node.node_id for node in found] == ["n1", "n2", None]
