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
from firewall.core.signals import content, outcome, provenance, scope
from firewall.core.signals.scan import seen_in

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
        if candidate.attestation is not _UNSIGNED:
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


# One loop on purpose, with no call in it that a row like the one before does not need: the calls cost more than the steps.
def look(candidates: Sequence[Candidate], env: Env, sources: Sources) -> Looked:  # noqa: C901, PLR0912, PLR0915
    """The look, for one answer. It speaks for the signals that read nothing but the candidate and the policy."""
    drafts = [FAILED_DRAFT] * len(candidates)
    by_text: list[int] = []
    by_all: list[int] = []
    now, max_age, most_chars = env.now, env.policy.max_age, env.policy.prompt_chars
    owner: object = _NOBODY
    title = ""
    attached: tuple[str, ...] = ()
    attached_chars = 0
    source: tuple[object, ...] = ()
    draft = FAILED_DRAFT
    for index, candidate in enumerate(candidates):
        try:
            if (
                (candidate.attestation is not _UNSIGNED and candidate.attestation in _FALSE)
                or candidate.superseded_by is not None
                or candidate.expires_at is not None
                or candidate.invalid_at is not None
                or candidate.claimed_at is not None
            ):
                by_all.append(index)
                continue
            its_title = candidate.title
            if candidate.attached != attached or its_title != title:
                if not content.rest_is_clean(candidate):
                    by_all.append(index)
                    continue
                title, attached = its_title, candidate.attached
                attached_chars = sum(map(len, attached))
            its = candidate.owner
            if its is not owner and its != owner:
                if scope.check(candidate, env):
                    by_all.append(index)
                    continue
                owner = its
            text = candidate.text
            if len(text) + attached_chars > most_chars:
                by_all.append(index)
                continue
            limit = max_age[candidate.kind]
            if limit is not None:
                changed = candidate.updated_at
                if changed is None:
                    changed = candidate.created_at
                if changed is not None and now - changed > limit:
                    by_all.append(index)
                    continue
            seen = seen_in(text)
            if its_title:  # it is read with the text, and is then more than what the text says
                if seen.detections or outcome.outcome_of(candidate) is not None:
                    by_all.append(index)
                    continue
            elif seen.detections or seen.outcome is not None:
                by_text.append(index)
                continue
            if candidate.claims is not NO_CLAIMS:
                drafts[index] = sources.draft_of(candidate)
                continue
            its_source: tuple[object, ...] = (
                candidate.upstream,
                candidate.backend,
                candidate.source_class,
                candidate.writer,
            )
            if candidate.attestation is not _UNSIGNED:
                its_source += (candidate.attestation, candidate.signed)
            if its_source != source:
                draft = sources.draft_of(candidate)
                source = its_source
            drafts[index] = draft
        except Exception:  # noqa: BLE001, S112  the enforcement boundary: its draft stays the failed one
            continue
    return Looked(drafts, by_text, by_all)
