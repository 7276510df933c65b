"""Attribution: what feedback is worth to the memory that it names, and only to that.

Rules
-----
1. A guide's exposure is the only ground: feedback credits what that guide served, on the surface on which it did.
2. Runs count, not posts: the same guide, run and memory said twice is once.
3. A positive supports. One weak negative changes nothing; a second distinct run, or one that a verifier, a tool or a
   runtime signal bears out, has the memory inspected until as many distinct runs were helped.
4. What was exposed and not used is never blamed. Three runs that passed it by, and none that it helped, make it a
   candidate for inspection, which is said and changes no verdict.
5. A suppression that helped says nothing good of what was suppressed, nor does one that hindered say anything bad: what
   was served as `do_not_use` is noted and not counted.
6. While a memory is suppressed with `hard_freeze` nothing is counted for it.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from firewall.core.evidence import Exposed, ExposedItem, FeedbackGiven

#: Guides whose feedback can still be credited; the oldest go first.
MOST_EXPOSURES = 5_000
PASSED_BY = 3
_MOST_RUNS = 64
#: Feedbacks on one guide; later ones credit nothing.
MOST_FEEDBACK = 512

Strength = Literal[
    "none",
    "observed_feedback_only",
    "positive_attribution",
    "weak_below_threshold",
    "repeated_weak_threshold_met",
    "strong_signal_threshold_met",
]


class Standing(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What feedback says of one memory. `*_runs` are the last runs that were counted."""

    helped: int = 0
    harmed_weak: int = 0
    harmed_strong: int = 0
    passed_by: int = 0
    helped_runs: list[str] = []
    harmed_runs: list[str] = []
    unused_runs: list[str] = []

    @property
    def demoted(self) -> bool:
        """One strong harm or two weak ones, unless helps outweigh them (a strong harm weighs two)."""
        harm = self.harmed_weak + 2 * self.harmed_strong
        return harm >= 2 and harm > self.helped

    @property
    def inspect_candidate(self) -> bool:
        """Passed by again and again, and never of help: only said, never acted on."""
        return self.passed_by >= PASSED_BY and not self.helped


class Exposure(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A guide as it was served, and the feedback on it. `offset` is its place in the log."""

    served: Exposed
    offset: int
    feedback: tuple[FeedbackGiven, ...] = ()


class Learning(msgspec.Struct, kw_only=True):
    """The guides of one scope by their trace id, oldest first, and how many feedbacks named none."""

    exposures: dict[str, Exposure] = {}
    unattributed: int = 0

    def expose(self, served: Exposed, offset: int) -> None:
        """Remember what a guide served."""
        self.exposures.setdefault(served.guide_trace_id, Exposure(served=served, offset=offset))
        while len(self.exposures) > MOST_EXPOSURES:
            del self.exposures[next(iter(self.exposures))]


def credit(
    learning: Learning,
    standings: dict[tuple[str, str], Standing],
    frozen: frozenset[tuple[str, str]],
    given: FeedbackGiven,
) -> None:
    """Fold one feedback. `frozen` are the memories for which nothing is counted at the moment."""
    exposure = learning.exposures.get(given.guide_trace_id)
    if exposure is None or len(exposure.feedback) >= MOST_FEEDBACK:
        learning.unattributed += 1
        return
    before = said_of(exposure, given.run_id)
    learning.exposures[given.guide_trace_id] = msgspec.structs.replace(
        exposure, feedback=(*exposure.feedback, given)
    )
    for item in exposure.served.items:
        memory = (item.upstream, bare_id(item))
        if memory in frozen or item.memory_id in before or item.served_surface == "do_not_use":
            continue
        if item.memory_id in given.memory_ids:
            _count(standings.setdefault(memory, Standing()), given)
        elif item.served_surface == "use_now" and not before:
            _pass_by(standings.setdefault(memory, Standing()), given.run_id)


def said_of(exposure: Exposure, run_id: str) -> frozenset[str]:
    """The memories of this exposure that feedback of this run was already given on."""
    return frozenset(
        memory for given in exposure.feedback if given.run_id == run_id for memory in given.memory_ids
    )


def foreseen(
    exposure: Exposure,
    standings: Mapping[tuple[str, str], Standing],
    frozen: frozenset[tuple[str, str]],
    given: FeedbackGiven,
) -> dict[tuple[str, str], Standing]:
    """The standings of this guide's memories as they will be once the feedback is folded; nothing changes by it."""
    held = {
        memory: msgspec.structs.replace(
            standing,
            helped_runs=[*standing.helped_runs],
            harmed_runs=[*standing.harmed_runs],
            unused_runs=[*standing.unused_runs],
        )
        for item in exposure.served.items
        if (standing := standings.get(memory := (item.upstream, bare_id(item)))) is not None
    }
    credit(Learning(exposures={given.guide_trace_id: exposure}), held, frozen, given)
    return held


def bare_id(item: ExposedItem) -> str:
    """The id in its upstream: on the wire memory of an upstream is prefixed with its name."""
    prefix = f"{item.upstream}:"
    return item.memory_id.removeprefix(prefix)


def strength_of(standing: Standing | None, given: FeedbackGiven) -> Strength:
    """What this feedback would be worth to a memory of that standing, before it is counted."""
    if given.outcome == "positive":
        return "positive_attribution"
    if given.outcome == "neutral":
        return "none"
    if given.strong:
        return "strong_signal_threshold_met"
    runs = [] if standing is None else standing.harmed_runs
    weak = 0 if standing is None else standing.harmed_weak
    met = weak >= 1 and given.run_id not in runs
    return "repeated_weak_threshold_met" if met else "weak_below_threshold"


def _count(standing: Standing, given: FeedbackGiven) -> None:
    if given.outcome == "positive":
        if _first(standing.helped_runs, given.run_id):
            standing.helped += 1
    elif given.outcome == "negative" and (given.strong or given.run_id not in standing.harmed_runs):
        _first(standing.harmed_runs, given.run_id)
        if given.strong:
            standing.harmed_strong += 1
        else:
            standing.harmed_weak += 1


def _pass_by(standing: Standing, run_id: str) -> None:
    if _first(standing.unused_runs, run_id):
        standing.passed_by += 1


def _first(runs: list[str], run_id: str) -> bool:
    """Whether the run is new here; it is remembered."""
    if run_id in runs:
        return False
    runs.append(run_id)
    del runs[:-_MOST_RUNS]
    return True
