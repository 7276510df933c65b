"""Plain candidates: those on which no signal has anything to say, told by one look instead of a call for each signal.

Nearly every row of nearly every answer is plain. What is not, or may not be, goes to the signals: this only ever saves
their calls, and a test holds it against them. What rows share (the owner, the source, the attached strings) is judged
once an answer; a look may know no more than that the last one of its like was all right.
"""

from collections.abc import Mapping

import msgspec

from firewall.core import ladder
from firewall.core.compiled import Env
from firewall.core.model import NO_CLAIMS, Attestation, Candidate, Finding, Surface, Trust
from firewall.core.signals import content, provenance, scope
from firewall.core.signals.scan import seen_in

# Looked up once: an enum finds its members by a Python call, which every candidate would pay.
_WRITE = Surface.write
_UNSIGNED = Attestation.unsigned


class Draft(msgspec.Struct, frozen=True, gc=False):
    """What is known of one candidate before the set has been looked at. Plain candidates of one source share theirs."""

    trust: Trust
    findings: tuple[Finding, ...]


class Sources:
    """Trust and the ladder's step. Rows that claim nothing and carry no stamp differ by their source alone."""

    __slots__ = ("_drafts", "_env")

    def __init__(self, env: Env) -> None:
        self._env = env
        self._drafts: dict[tuple[str, str, str, str], Draft] = {}

    def draft_of(self, candidate: Candidate) -> Draft:
        """The draft of a candidate on which no signal has anything to say."""
        if candidate.claims is not NO_CLAIMS or candidate.attestation is not _UNSIGNED:
            return self._judged(candidate)
        source = (candidate.upstream, candidate.backend, candidate.source_class, candidate.writer)
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
        return Draft(trust, () if step is None else (step,))


class Plain:
    """The look, for one answer. It speaks for the signals that read nothing but the candidate and the policy."""

    __slots__ = (
        "_attached",
        "_attached_chars",
        "_env",
        "_max_age",
        "_most_chars",
        "_now",
        "_owner",
        "_sources",
    )

    def __init__(self, env: Env, sources: Sources) -> None:
        self._env = env
        self._sources = sources
        self._now = env.now
        self._max_age = env.policy.max_age
        self._most_chars = env.policy.prompt_chars
        #: The last owner that is within scope, and the last attached strings that hold nothing.
        self._owner: Mapping[str, str] | None = None
        self._attached: tuple[str, ...] = ()
        self._attached_chars = 0

    def draft_of(self, candidate: Candidate) -> Draft | None:
        """The draft of a plain candidate; None for one that the signals have to look at."""
        if (
            candidate.title
            or candidate.attestation is not _UNSIGNED
            or candidate.superseded_by is not None
            or candidate.expires_at is not None
            or candidate.invalid_at is not None
            or candidate.claimed_at is not None
        ):
            return None
        text = candidate.text
        seen = seen_in(text)
        if seen.detections or seen.outcome is not None:
            return None
        chars = len(text)
        if candidate.attached:
            if candidate.attached != self._attached and not self._attaches_nothing(candidate):
                return None
            chars += self._attached_chars
        if chars > self._most_chars:
            return None
        if (self._owner is None or candidate.owner != self._owner) and not self._is_ours(candidate):
            return None
        limit = self._max_age[candidate.kind]
        if limit is not None:
            changed = candidate.updated_at
            if changed is None:
                changed = candidate.created_at
            if changed is not None and self._now - changed > limit:
                return None
        return self._sources.draft_of(candidate)

    def _attaches_nothing(self, candidate: Candidate) -> bool:
        clean = content.rest_is_clean(candidate)
        if clean:
            self._attached = candidate.attached
            self._attached_chars = sum(map(len, candidate.attached))
        return clean

    def _is_ours(self, candidate: Candidate) -> bool:
        ours = not scope.check(candidate, self._env)
        if ours:
            self._owner = candidate.owner
        return ours
