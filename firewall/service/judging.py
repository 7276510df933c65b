"""Adjudication under a deadline: chunk by chunk, with a look at the clock between, then one pass over the set;
and what of its outcome is delivered."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import accumulate

from firewall.core.adjudicate import CHUNK, SIGNALS, Adjudication, Signal, conclude, judge
from firewall.core.compiled import Env
from firewall.core.model import Candidate, Verdict
from firewall.core.plain import Draft
from firewall.core.survey import Survey, survey_of


async def adjudicate_within(
    candidates: Sequence[Candidate],
    env: Env,
    *,
    seconds: float,
    monotonic: Callable[[], float],
    signals: tuple[Signal, ...] = SIGNALS,
    survey: Survey | None = None,
) -> Adjudication | None:
    """The adjudication, or None when it was late: then nothing may be admitted.

    Up to one chunk runs without giving the loop a turn, and `survey` may be known of it; a larger answer gives it one after
    each chunk.
    """
    if len(candidates) <= CHUNK:
        survey = survey_of(candidates) if survey is None else survey
        return conclude(candidates, judge(candidates, env, signals, survey=survey), env, survey=survey)
    end = monotonic() + seconds
    drafts: list[Draft] = []
    for start in range(0, len(candidates), CHUNK):
        if monotonic() > end:
            return None
        drafts += judge(candidates[start : start + CHUNK], env, signals)
        await asyncio.sleep(0)
    if monotonic() > end:
        return None
    return conclude(candidates, drafts, env)


def chosen(verdicts: Sequence[Verdict], limit: int | None, *, shadow: bool) -> tuple[Sequence[bool], int]:
    """Which candidates go to the caller, and how many of the first count as considered.

    In shadow mode the answer is what it would have been without us: the first `limit` rows.
    """
    if shadow:
        cut = len(verdicts) if limit is None else min(limit, len(verdicts))
        return [index < cut for index in range(len(verdicts))], cut
    flags = [verdict.admitted for verdict in verdicts]
    if limit is None:
        return flags, len(flags)
    if limit <= 0:
        return [False] * len(flags), 0
    if sum(flags) < limit:
        return flags, len(flags)
    cut = list(accumulate(map(int, flags))).index(limit) + 1
    return flags[:cut] + [False] * (len(flags) - cut), cut
