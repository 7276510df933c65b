"""Which guides a caller may speak of: those that were served to it, or that its own key asked for.

A guide that is not the caller's does not exist for it: nothing here tells an unknown trace from a foreign one.
"""

import msgspec

from firewall.core.attribution import Exposure
from firewall.core.evidence import Exposed
from firewall.core.state import State
from firewall.core.visibility import Viewer
from firewall.service.identity import viewer_of
from firewall.service.principals import Principal


class Reader(msgspec.Struct, frozen=True):
    """Who looks. `key` is the principal's name where the request names no consumer: a host that asked for a guide in
    an agent's name may account for it in its own."""

    viewer: Viewer
    key: str = ""

    def sees(self, served: Exposed) -> bool:
        return self.viewer.sees(served.audience) or (bool(self.key) and served.principal == self.key)


def reader_of(principal: Principal, *, agent: str | None, team: str | None) -> Reader:
    """The reader of a request. CallerError 403 `identity_denied` for another agent's or team's name."""
    return Reader(viewer_of(principal, agent=agent, team=team), "" if agent or team else principal.name)


def exposure_of(state: State, reader: Reader, guide_trace_id: str | None) -> Exposure | None:
    """The guide of that trace; None where there is none for this reader."""
    exposure = state.learning.exposures.get(guide_trace_id or "")
    return exposure if exposure is not None and reader.sees(exposure.served) else None


def exposure_of_run(state: State, reader: Reader, run_id: str, *, until: float | None) -> Exposure | None:
    """The newest guide of a run that this reader sees and that was served by then."""
    for exposure in reversed(state.learning.exposures.values()):
        served = exposure.served
        if served.run_id == run_id and (until is None or served.at <= until) and reader.sees(served):
            return exposure
    return None
