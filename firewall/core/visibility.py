"""Who may see a piece of execution evidence: lane, team and agent inside one (tenant, scope).

    shared                      everybody of the scope
    shared, with a team         that team
    private, with an agent      that agent
    private, with a team        that team
    private, with neither       whoever wrote it

A role shapes what is shown and never what may be seen.
"""

from typing import Literal

import msgspec

Lane = Literal["private", "shared"]


class Audience(msgspec.Struct, frozen=True, gc=False):
    """Whom a piece of evidence is for. `writer` is the agent that wrote it."""

    lane: Lane = "shared"
    agent: str = ""
    team: str = ""
    writer: str = ""

    @property
    def scope_wide(self) -> bool:
        return self.lane == "shared" and not self.team

    @property
    def circle(self) -> tuple[str, str]:
        """Who alone sees private evidence; the same for all that is shared. An agent is never a team of its name."""
        if self.lane == "shared":
            return ("", "")
        if self.agent or not self.team:
            return ("agent", self.agent or self.writer)
        return ("team", self.team)

    def speaks_to(self, other: "Audience") -> bool:
        """Whether evidence for this audience may say something of what is for the other one: private evidence speaks
        within its own circle only."""
        return self.lane == "shared" or self.circle == other.circle


SCOPE_WIDE = Audience()


class Viewer(msgspec.Struct, frozen=True, gc=False):
    """Who looks. `everything` is the local keyless set-up in which nobody said who asks."""

    agent: str = ""
    team: str = ""
    everything: bool = False

    def sees(self, audience: Audience) -> bool:
        """The one rule of visibility, for every read."""
        if self.everything:
            return True
        if audience.lane == "shared":
            return not audience.team or audience.team == self.team
        if audience.agent:
            return audience.agent == self.agent
        if audience.team:
            return audience.team == self.team
        return bool(audience.writer) and audience.writer == self.agent

    def is_of(self, team: str) -> bool:
        """Whether what this team says, unverified, binds the viewer too. Who has no team speaks for the scope."""
        return self.everything or not team or team == self.team


EVERYONE = Viewer(everything=True)
