"""Who a request speaks for: a key's own identity, what it may say beside it, and what it may not."""

import pytest

from firewall.core.visibility import Audience, Viewer
from firewall.errors import CallerError
from firewall.service.identity import acting_as, audience_of, viewer_of
from firewall.service.principals import LOCAL, Principal, Role

HOST = Principal(name="host", role=Role.host)
AGENT = Principal(name="solo", role=Role.agent)
MEMBER = Principal(name="m", role=Role.agent, agent="ann", team="red")


def test_nobody_named() -> None:
    """Keyless everything, else the key's own identity; a key without an agent is the agent of its name."""
    assert viewer_of(LOCAL) == Viewer(everything=True)
    assert viewer_of(HOST) == Viewer(agent="host")
    assert viewer_of(AGENT) == Viewer(agent="solo")
    assert viewer_of(MEMBER) == Viewer(agent="ann", team="red")


def test_a_host_names_those_it_runs() -> None:
    """And so does whoever is keyless."""
    for principal in (HOST, LOCAL):
        assert viewer_of(principal, agent="bob", team="blue") == Viewer(agent="bob", team="blue")


@pytest.mark.parametrize("principal", [AGENT, MEMBER], ids=["solo", "member"])
@pytest.mark.parametrize("claim", [{"agent": "bob"}, {"team": "blue"}])
def test_an_agents_key_speaks_for_no_other(principal: Principal, claim: dict[str, str]) -> None:
    """Neither to read nor to write: a team's evidence is not opened by saying its name."""
    with pytest.raises(CallerError) as refused:
        viewer_of(principal, **claim)
    assert (refused.value.status, refused.value.code) == (403, "identity_denied")
    owner = {f"owner_{kind}": name for kind, name in claim.items()}
    with pytest.raises(CallerError):
        audience_of(principal, lane="private", **owner)


def test_its_own_names_may_be_said() -> None:
    """What a key is may stand in the body too."""
    assert viewer_of(AGENT, agent="solo") == viewer_of(AGENT)
    assert viewer_of(MEMBER, agent="ann", team="red") == viewer_of(MEMBER)
    assert audience_of(MEMBER, lane=None, writer="ann") == Audience(team="red", writer="ann")


def test_roles_are_those_that_a_key_may_act_as() -> None:
    """Any key is an agent; settled is only what a verifier or reviewer says."""
    assert not acting_as(AGENT, None).verified
    assert acting_as(LOCAL, "verifier").verified
    with pytest.raises(CallerError) as refused:
        acting_as(AGENT, "verifier")
    assert refused.value.code == "role_denied"
