"""Several upstreams in one answer: a copy in another one is a copy, if whose it is is the same."""

import msgspec

from firewall.core.adjudicate import adjudicate
from firewall.core.compiled import compile_policy
from firewall.core.model import Action, Candidate, Context, Surface
from firewall.core.policy import Policy
from firewall.core.state import State

POLICY = compile_policy(Policy(), "r")
FEDERATED = Context(decision_id="d", surface=Surface.guide, ranked=True, federated=True)
ONE = Candidate(id="1", upstream="mem0", text="Likes green tea.", updated_at=2.0)
COPY = Candidate(id="2", upstream="notes", text="likes  Green tea.", updated_at=1.0)


def actions(candidates: list[Candidate], context: Context = FEDERATED) -> list[Action]:
    verdicts = adjudicate(candidates, context, State(), POLICY, 10.0).verdicts
    return [verdict.action for verdict in verdicts]


def test_a_copy_in_another_upstream_points_to_the_best() -> None:
    """Also where both upstreams gave it the same id, and in any order."""
    twin = msgspec.structs.replace(COPY, id="1")
    for copy in (COPY, twin):
        assert actions([ONE, copy]) == [Action.use_now, Action.rehydrate]
        assert actions([copy, ONE]) == [Action.rehydrate, Action.use_now]


def test_a_copy_of_another_owner_stands() -> None:
    """It must not stand in for a memory that somebody else may see."""
    foreign = msgspec.structs.replace(COPY, owner={"user_id": "u2"})
    assert actions([ONE, foreign]) == [Action.use_now, Action.use_now]


def test_in_the_answer_of_one_upstream_nothing_changes() -> None:
    """There upstreams are apart, as they always were."""
    alone = msgspec.structs.replace(FEDERATED, federated=False)
    assert actions([ONE, COPY], alone) == [Action.use_now, Action.use_now]
