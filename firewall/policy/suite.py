"""The format of a policy suite (`*_test.yaml`): fixtures, cases, and what the author expects of each candidate.

Every input of adjudication is written down, `now` too, so that a suite says the same today and in ten years.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from firewall.core.execution import RouteState
from firewall.core.model import (
    Attestation,
    AuthorityScope,
    EvidenceRequirement,
    Kind,
    Lifecycle,
    Surface,
)
from firewall.core.policy import ActionName, ModeName, TrustName
from firewall.errors import ConfigError, Problem
from firewall.model_tree import Path as Keys
from firewall.model_tree import dotted, nearest
from firewall.yaml_source import checked, load_text, read

EVERY = "*"
"""In `want`: what holds for each candidate that is not named."""

Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ClaimsFixture(_Part):
    """What the row says about itself."""

    trust: TrustName | None = None
    authority_scope: AuthorityScope | None = None
    evidence: EvidenceRequirement | None = None
    lifecycle: Lifecycle | None = None


class CandidateFixture(_Part):
    """One memory. Its id is the fixture's name where no other is given."""

    text: str
    repeat: int = Field(1, ge=1, le=100_000, description="the text that many times, for large memories")
    id: str | None = None
    upstream: str = "mem0"
    backend: str = "mem0"
    kind: Kind = Kind.unknown
    title: str = ""
    owner: dict[str, str] = Field(default_factory=dict)
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    claimed_at: AwareDatetime | None = Field(None, description="a date that metadata states")
    expires_at: AwareDatetime | None = None
    invalid_at: AwareDatetime | None = None
    superseded_by: str | None = None
    claims: ClaimsFixture = Field(default_factory=ClaimsFixture)
    writer: str = ""
    source_class: str = ""
    attestation: Attestation = Attestation.unsigned
    target_files: tuple[str, ...] = ()
    task_signature: str = ""
    evidence_refs: tuple[str, ...] = ()
    attached: tuple[str, ...] = Field((), description="other text of the row that reaches the agent")


class RouteFixture(_Part):
    """One way of doing a task, in the state that was observed. Its step id is the fixture's name."""

    state: RouteState
    title: str = ""
    text: str = ""
    task_signature: str = ""
    target_files: tuple[str, ...] = ()
    evidence_refs: tuple[str, ...] = ()
    memory_ids: tuple[str, ...] = ()


class ReviewFixture(_Part):
    """A reviewer's decision about a candidate's present text."""

    candidate: Name
    decision: Literal["release", "confirm", "suppress", "forget"]
    findings: tuple[str, ...] = ()
    until: AwareDatetime | None = None


class StandingFixture(_Part):
    """Feedback on a candidate."""

    candidate: Name
    outcome: Literal["helped", "harmed", "withdrawn"]
    strength: Literal["weak", "strong"] = "weak"


class Input(_Part):
    """Who asks, through which door, for what, and what is known already."""

    candidates: tuple[Name, ...] | None = Field(None, description="names of fixtures; left out: all of them")
    mode: ModeName = Field(
        "standard", description="the request's; the stricter of it and the policy's counts"
    )
    surface: Surface = Surface.drop_in
    tenant: str = "default"
    scope: str = "default"
    principal: str = ""
    max_trust: TrustName = "trusted"
    pin: dict[str, str] = Field(default_factory=dict, description="owner keys that every row must carry")
    by_id: bool = False
    ranked: bool = False
    query: str = ""
    routes: tuple[Name, ...] = Field((), description="names of route fixtures that are known")
    reviews: tuple[ReviewFixture, ...] = ()
    standings: tuple[StandingFixture, ...] = ()


class Want(_Part):
    """What is expected of one candidate; what is left out is not looked at."""

    action: ActionName | None = None
    admitted: bool | None = None
    trust: TrustName | None = None
    reasons: tuple[str, ...] | None = Field(
        None, description="all reason codes, each whole or up to one of its colons; [] for none"
    )


class Case(_Part):
    """One adjudication and its expected verdicts."""

    name: Name
    input: Input = Field(default_factory=Input)
    want: dict[str, Want] = Field(
        min_length=1, description="by name of the candidate; `*` for each that is not named"
    )


class Suite(_Part):
    """One `*_test.yaml` file."""

    description: str = ""
    policy: Name = Field("default", description="a shipped name, or a path seen from this file")
    now: AwareDatetime = Field(description="the frozen clock")
    candidates: dict[str, CandidateFixture] = Field(min_length=1)
    routes: dict[str, RouteFixture] = Field(default_factory=dict)
    cases: tuple[Case, ...] = Field(min_length=1)

    def chosen(self, case: Case) -> tuple[str, ...]:
        """The fixtures that a case is about."""
        return tuple(self.candidates) if case.input.candidates is None else case.input.candidates


def load_suite(path: Path) -> Suite:
    """Read a suite, or ConfigError with every mistake in it, names of fixtures that do not exist included."""
    document = read(load_text(path), str(path))
    suite, problems = checked(Suite, document.data, document.locate)
    problems = [*document.problems, *problems]
    for index, case in enumerate(suite.cases if suite else ()):
        for keys, message in _dangling(suite, case) if suite else ():
            where: Keys = ("cases", index, *keys)
            problems.append(Problem(*document.locate(where), dotted(where), message))
    if suite is None or problems:
        raise ConfigError(problems)
    return suite


def _dangling(suite: Suite, case: Case) -> list[tuple[Keys, str]]:
    """Where a case names what is not there, or leaves a candidate without expectation."""
    found: list[tuple[Keys, str]] = []
    chosen = suite.chosen(case)

    def look(keys: Keys, name: str, known: tuple[str, ...], what: str) -> None:
        if name not in known:
            meant = nearest(name, known)
            found.append((keys, f"no {what} `{name}`" + (f", did you mean `{meant}`?" if meant else "")))

    for at, name in enumerate(case.input.candidates or ()):
        look(("input", "candidates", at), name, tuple(suite.candidates), "candidate")
    for at, name in enumerate(case.input.routes):
        look(("input", "routes", at), name, tuple(suite.routes), "route")
    for at, review in enumerate(case.input.reviews):
        look(("input", "reviews", at, "candidate"), review.candidate, chosen, "candidate")
    for at, standing in enumerate(case.input.standings):
        look(("input", "standings", at, "candidate"), standing.candidate, chosen, "candidate")
    for name in case.want:
        if name != EVERY:
            look(("want", name), name, chosen, "candidate")
    missing = [name for name in chosen if name not in case.want] if EVERY not in case.want else []
    if missing:
        found.append((("want",), f"says nothing of {', '.join(missing)}; `{EVERY}` stands for the rest"))
    return found
