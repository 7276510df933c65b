"""The words of the guide: a recalled memory, what was decided of it, and the place at which it stands."""

from typing import Literal

import msgspec

from firewall.core.evidence import NATIVE, Node, Served
from firewall.core.model import Action, Candidate, Family, Verdict, Word
from firewall.core.routes import ExecutionRoute

AuthorityWord = Literal["trusted", "advisory", "candidate", "blocked", "none"]
Role = Literal["agent", "planner", "worker", "verifier", "reviewer"]

#: The families that say that a memory, or the hand it came from, means harm: nothing of it is shown.
_HOSTILE = frozenset(
    {Family.scope, Family.forged, Family.content, Family.procedure_change, Family.held, Family.error}
)


_FAILED_ROUTE = frozenset({"failed_branch", "overtaken_by_failed_branch"})


class Part(Word):
    """Where a memory stands. `candidate` is route evidence that has to be inspected, `inspect` everything else."""

    current = "current"
    handoff = "handoff"
    passed = "passed"
    procedure = "procedure"
    context = "context"
    candidate = "candidate"
    inspect = "inspect"
    failed = "failed"
    rehydrate = "rehydrate"


#: What is told to act on.
USED = frozenset({Part.current, Part.handoff, Part.passed, Part.procedure, Part.context})


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """A memory that may be served. Native evidence has its node and, where it speaks of one, its route.

    `visible` is false for a settled failure that binds a viewer who may not see the row: its id, files and reason are
    then all that is ever said of it.
    """

    memory_id: str
    candidate: Candidate
    node: Node | None = None
    route: ExecutionRoute | None = None
    visible: bool = True

    @property
    def native(self) -> bool:
        return self.candidate.upstream == NATIVE


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """A memory with its decision. `reasons` are codes, the decisive one first; `alias` is its name in a compact prompt.
    `files` are those that the guide says of it, each on one line: of a blocked memory only those that stay blocked."""

    recalled: Recalled
    verdict: Verdict
    action: Action
    part: Part
    reasons: tuple[str, ...] = ()
    authority: AuthorityWord = "none"
    alias: str = ""
    files: tuple[str, ...] = ()

    @property
    def memory_id(self) -> str:
        return self.recalled.memory_id

    @property
    def served(self) -> Served:
        name: Served = _SERVED[self.action]
        return name

    @property
    def why(self) -> str:
        """The decisive reason."""
        return self.reasons[0] if self.reasons else self.action.name

    @property
    def failed_route(self) -> bool:
        """Only a route that failed says where not to go; what is out for another reason blocks no file."""
        return self.recalled.route is not None and self.why in _FAILED_ROUTE

    @property
    def hostile(self) -> bool:
        """Whether title, files and refs must not be shown either."""
        return any(
            finding.action > Action.use_now and finding.family in _HOSTILE
            for finding in self.verdict.findings
        )


_SERVED: dict[Action, Served] = {
    Action.use_now: "use_now",
    Action.inspect_before_use: "inspect_before_use",
    Action.rehydrate: "rehydrate",
    Action.do_not_use: "do_not_use",
}
