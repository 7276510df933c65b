"""What the candidates of one answer have in common, read out of them once: which differ by no more than id, text and dates.

It depends on the candidates alone, on no policy, state, tenant or time: of an answer that comes again it is still true. What
it says of many rows at once is what a policy then has to be asked once.
"""

from collections.abc import Sequence

import msgspec

from firewall.core.model import Candidate
from firewall.core.signals.outcome import outcome_of
from firewall.core.signals.scan import seen_in

_NEVER = float("inf")


class Group(msgspec.Struct):
    """Candidates behind each other that are like `sample` but for id, text and dates. `oldest` is the earliest of their last
    changes, infinite where none has a date; `longest` counts characters."""

    sample: Candidate
    places: list[int]
    oldest: float = _NEVER
    longest: int = 0


class Survey(msgspec.Struct, frozen=True):
    """`telling` are the places of texts in which a signal of texts found something, `cued` of those that may contradict each
    other, `odd` of candidates that cannot be read. `reaching`: one of those that are cued may contradict any text at all;
    `namesakes`: some share an id; `copies`: some may be alike."""

    groups: Sequence[Group]
    telling: Sequence[int]
    cued: Sequence[int]
    odd: Sequence[int]
    reaching: bool
    namesakes: bool
    copies: bool


# One loop, in which a row without a title makes a single call: the calls cost more than the steps.
def survey_of(candidates: Sequence[Candidate]) -> Survey:
    """The survey; total over any candidates. What became of something is read in title and text together."""
    groups: list[Group] = []
    telling: list[int] = []
    cued: list[int] = []
    odd: list[int] = []
    reaching = False
    ids: set[str] = set()
    traits: set[int] = set()
    shared: object = None
    group = Group(Candidate(id="", upstream="", text=""), [])
    for index, candidate in enumerate(candidates):
        try:
            text, title = candidate.text, candidate.title
            seen = seen_in(text)
            outcome = outcome_of(candidate) if title else seen.outcome
            its_own = (
                candidate.owner,
                candidate.attached,
                title,
                candidate.kind,
                candidate.claims,
                candidate.attestation,
                candidate.signed,
                candidate.superseded_by,
                candidate.expires_at,
                candidate.invalid_at,
                candidate.claimed_at,
                candidate.upstream,
                candidate.backend,
                candidate.source_class,
                candidate.writer,
            )
            if its_own != shared:
                group = Group(candidate, [])
                groups.append(group)
                shared = its_own
            changed, created = candidate.updated_at, candidate.created_at
            if changed is None or (created is not None and created > changed):
                changed = created
            if changed is not None and changed < group.oldest:
                group.oldest = changed
            chars = len(text)
            if chars > group.longest:  # noqa: PLR1730  a call costs more
                group.longest = chars
            ids.add(candidate.id)
            traits.add(seen.trait)
        except Exception:  # noqa: BLE001  the enforcement boundary: it is judged alone, and fails there
            odd.append(index)
            continue
        group.places.append(index)
        if seen.detections or outcome is not None:
            telling.append(index)
        if seen.cues is not None:
            cued.append(index)
            reaching = reaching or seen.cues.denial or seen.cues.continuation
    number = len(candidates)
    return Survey(groups, telling, cued, odd, reaching, len(ids) < number, len(traits) < number)
