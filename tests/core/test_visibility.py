"""Who sees what, and whose evidence may say something of whose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.visibility import EVERYONE, SCOPE_WIDE, Audience, Viewer

ANN, BOB, NOBODY = Viewer(agent="ann", team="a"), Viewer(agent="bob", team="b"), Viewer()
names = st.sampled_from(["", "a", "b"])
audiences = st.builds(
    Audience, lane=st.sampled_from(["private", "shared"]), agent=names, team=names, writer=names
)
viewers = st.builds(Viewer, agent=names, team=names)


@pytest.mark.parametrize(
    ("audience", "seen_by"),
    [
        (SCOPE_WIDE, [ANN, BOB, NOBODY]),
        (Audience(agent="ann", writer="ann"), [ANN, BOB, NOBODY]),
        (Audience(team="a"), [ANN]),
        (Audience(lane="private", agent="ann"), [ANN]),
        (Audience(lane="private", agent="ann", team="b"), [ANN]),
        (Audience(lane="private", team="b"), [BOB]),
        (Audience(lane="private", writer="bob"), [BOB]),
        (Audience(lane="private"), []),
    ],
)
def test_lanes(audience: Audience, seen_by: list[Viewer]) -> None:
    """The table at the head of the module; who is nobody sees what is for all, and no more."""
    assert [viewer for viewer in (ANN, BOB, NOBODY) if viewer.sees(audience)] == seen_by
    assert EVERYONE.sees(audience)


def test_a_teams_word_binds_the_team() -> None:
    """And in the keyless set-up whoever asks."""
    assert ANN.is_of("a")
    assert not ANN.is_of("b")
    assert ANN.is_of("")
    assert NOBODY.is_of("")
    assert EVERYONE.is_of("b")


@given(audiences, audiences, viewers)
def test_a_circle_is_who_sees(one: Audience, other: Audience, viewer: Viewer) -> None:
    """Private evidence of one circle is seen by the same viewers."""
    if one.lane == other.lane == "private" and one.circle == other.circle:
        assert viewer.sees(one) == viewer.sees(other)


@given(audiences, audiences)
def test_private_evidence_speaks_within_its_circle(one: Audience, other: Audience) -> None:
    """What others cannot see says nothing of what they can."""
    if one.lane == "private" and one.speaks_to(other):
        assert other.lane == "private"
        assert one.circle == other.circle
