"""Who a request speaks for: the one rule by which every native route finds its viewer, its writer and its role.

    consumer ids of the body, else the key's own identity, else (keyless, and nobody was named) everything

A key that belongs to an agent or a team speaks for no other, and one with the role `agent` for none but its own. A role
must be one that the key may act as; it shapes what is shown and makes a word on an outcome settled, and never opens
anything.
"""

from typing import Literal

import msgspec

from firewall.core.execution import VERIFYING
from firewall.core.visibility import Audience, Lane, Viewer
from firewall.errors import CallerError
from firewall.service.principals import Principal, Role


class Acting(msgspec.Struct, frozen=True):
    """An execution role, and whether its word on an outcome is settled."""

    role: str
    verified: bool


def viewer_of(principal: Principal, *, agent: str | None = None, team: str | None = None) -> Viewer:
    """Whose evidence may be read. CallerError 403 `identity_denied` for another agent's or team's name."""
    if principal.local and not agent and not team:
        return Viewer(everything=True)
    return Viewer(
        agent=_own(principal, "agent", agent) or ("" if principal.local else principal.name),
        team=_own(principal, "team", team),
    )


def audience_of(
    principal: Principal,
    *,
    lane: Lane | None,
    writer: str | None = None,
    owner_agent: str | None = None,
    owner_team: str | None = None,
) -> Audience:
    """Whom written evidence is for. Without a lane: the team's, if there is one; shared in the keyless set-up, where
    there is nobody to hide it from; else the writer's own."""
    wrote = _own(principal, "agent", writer) or principal.name
    team = _own(principal, "team", owner_team)
    if lane is None:
        lane = "shared" if team or principal.local else "private"
    if lane == "shared":
        return Audience(lane="shared", team=team, writer=wrote)
    owner = _own(principal, "agent", owner_agent)
    return Audience(lane="private", agent=owner or ("" if team else wrote), team=team, writer=wrote)


def acting_as(principal: Principal, claimed: str | None) -> Acting:
    """The role that a body claims. CallerError 403 `role_denied` where the key may not act as it."""
    role = claimed or "agent"
    if role != "agent" and role not in principal.may_act_as:
        raise CallerError(403, "role_denied", "this key may not act in the role that was claimed")
    return Acting(role, role in VERIFYING)


def _own(principal: Principal, kind: Literal["agent", "team"], claimed: str | None) -> str:
    held = principal.agent if kind == "agent" else principal.team
    if not claimed or claimed == held:
        return held
    # An agent's key that names no agent is the agent of its own name; only a host speaks for those it runs.
    own_name = kind == "agent" and not held and claimed == principal.name
    if held or (principal.role is Role.agent and not own_name):
        raise CallerError(403, "identity_denied", f"this key does not speak for that {kind}")
    return claimed
