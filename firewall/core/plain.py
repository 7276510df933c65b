"""Plain candidates: those on which no signal has anything to say, told by one look instead of a call for each signal.

Nearly every row of nearly every answer is plain. What is not, or may not be, goes to the signals: this only ever saves
their calls, and a test holds it against them. What rows share (the owner, the source, the attached strings) is judged
when it is first met; a look may know no more than that the last one of its like was all right.
"""

from collections.abc import Sequence

import msgspec

from firewall.core import ladder
from firewall.core.compiled import Env
from firewall.core.model import (
    NO_CLAIMS,
    Action,
    Attestation,
    Candidate,
    Family,
    Finding,
    Surface,
    Trust,
)
from firewall.core.signals import age, content, provenance, scope
from firewall.core.survey import Group, Survey

# Looked up once: an enum finds its members by a Python call, which every candidate would pay.
_WRITE, _GOVERN = Surface.write, Surface.govern
_UNSIGNED = Attestation.unsigned
#: Stamps that are a finding.
_FALSE = frozenset({Attestation.forged, Attestation.replayed})

FAILED = (Finding(Family.error, Action.do_not_use, "adjudication_error"),)

#: No owner, not even a broken one, is this one.
_NOBODY = object()


class Draft(msgspec.Struct, frozen=True, gc=False):
    """What is known of one candidate before the set has been looked at. Plain candidates of one source share theirs."""

    trust: Trust
    findings: tuple[Finding, ...]


FAILED_DRAFT = Draft(Trust.untrusted, FAILED)


class Looked(msgspec.Struct, frozen=True):
    """`drafts` of an answer: right for the plain candidates, `FAILED_DRAFT` for all others.

    Of those, `by_text` are plain but for what their text says, and `by_all` may be anything. What is in neither failed.
    """

    drafts: list[Draft]
    by_text: Sequence[int]
    by_all: Sequence[int]


class Sources:
    """Trust and the ladder's step. Rows that claim nothing differ by their source alone, and by who signed them."""

    __slots__ = ("_drafts", "_env")

    def __init__(self, env: Env) -> None:
        self._env = env
        self._drafts: dict[tuple[object, ...], Draft] = {}

    def draft_of(self, candidate: Candidate) -> Draft:
        """The draft of a candidate on which no signal has anything to say."""
        if candidate.claims is not NO_CLAIMS:
            return self._judged(candidate)
        source: tuple[object, ...] = (
            candidate.upstream,
            candidate.backend,
            candidate.source_class,
            candidate.writer,
        )
        if candidate.attestation is not _UNSIGNED or candidate.signed is not None:
            source += (candidate.attestation, candidate.signed)
        known = self._drafts.get(source)
        if known is None:
            known = self._drafts[source] = self._judged(candidate)
        return known

    def _judged(self, candidate: Candidate) -> Draft:
        env = self._env
        trust = provenance.trust_of(candidate, env.context, env.policy)
        if env.context.surface is _WRITE:
            return Draft(trust, ())
        step = ladder.climb(candidate.claims, trust, env.context, env.policy)
        if step is not None and step.reason.startswith("trust:") and env.context.surface is not _GOVERN:
            step = msgspec.structs.replace(step, evidence=(f"attestation:{candidate.attestation.value}",))
        return Draft(trust, () if step is None else (step,))


def look(candidates: Sequence[Candidate], survey: Survey, env: Env, sources: Sources) -> Looked:
    """The look, for one answer. It speaks for the signals that read nothing but the candidate and the policy."""
    drafts = [FAILED_DRAFT] * len(candidates)
    by_all: list[int] = [*survey.odd]
    met = _Met(env)
    for group in survey.groups:
        try:
            passing = _passing(group, candidates, met, env)
            if not passing:
                by_all += group.places
                continue
            draft = sources.draft_of(group.sample)
        except Exception:  # noqa: BLE001  the enforcement boundary: each is judged alone, and what fails there is out
            by_all += group.places
            continue
        for place in passing:
            drafts[place] = draft
        if len(passing) < len(group.places):
            by_all += sorted({*group.places}.difference(passing))
    by_text: Sequence[int] = survey.telling
    if by_all and by_text:
        apart = {*by_all}
        by_text = [place for place in by_text if place not in apart]
    for place in by_text:
        drafts[place] = FAILED_DRAFT
    return Looked(drafts, by_text, sorted(by_all))


class _Met:
    """What was all right with the group before, and need not be judged again."""

    __slots__ = ("attached", "chars", "env", "owner", "title")

    def __init__(self, env: Env) -> None:
        self.env = env
        self.owner: object = _NOBODY
        self.title = ""
        self.attached: tuple[str, ...] = ()
        self.chars = 0

    def is_fine(self, sample: Candidate) -> bool:
        """Whether nothing speaks against what the group shares."""
        if (
            (sample.attestation is not _UNSIGNED and sample.attestation in _FALSE)
            or sample.superseded_by is not None
            or sample.expires_at is not None
            or sample.invalid_at is not None
            or sample.claimed_at is not None
        ):
            return False
        if sample.attached != self.attached or sample.title != self.title:
            if not content.rest_is_clean(sample):
                return False
            self.title, self.attached = sample.title, sample.attached
            self.chars = sum(map(len, sample.attached))
        its = sample.owner
        if its is not self.owner and its != self.owner:
            if scope.check(sample, self.env):
                return False
            self.owner = its
        return True


def _passing(group: Group, candidates: Sequence[Candidate], met: _Met, env: Env) -> Sequence[int]:
    """The places of the group at which nothing but the text, with the title before it, may say something."""
    sample = group.sample
    if not met.is_fine(sample):
        return ()
    places: Sequence[int] = group.places
    room = env.policy.prompt_chars - met.chars
    if group.longest > room:
        places = [place for place in places if len(candidates[place].text) <= room]
    limit = env.policy.max_age[sample.kind]
    if limit is not None and env.now - group.oldest > limit:
        places = [place for place in places if not _too_old(candidates[place], limit, env.now)]
    return places


def _too_old(candidate: Candidate, limit: float, now: float) -> bool:
    seconds = age.age_of(candidate, now)
    return seconds is not None and seconds > limit
