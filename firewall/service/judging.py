"""Adjudication under a deadline: chunk by chunk, with a look at the clock between, then one pass over the set."""

import asyncio
from collections.abc import Callable, Sequence

from firewall.core.adjudicate import CHUNK, SIGNALS, Adjudication, Signal, conclude, judge
from firewall.core.compiled import Env
from firewall.core.model import Candidate
from firewall.core.plain import Draft


async def adjudicate_within(
    candidates: Sequence[Candidate],
    env: Env,
    *,
    seconds: float,
    monotonic: Callable[[], float],
    signals: tuple[Signal, ...] = SIGNALS,
) -> Adjudication | None:
    """The adjudication, or None when it was late: then nothing may be admitted.

    Up to one chunk runs without giving the loop a turn; a larger answer gives it one after each chunk.
    """
    if len(candidates) <= CHUNK:
        return conclude(candidates, judge(candidates, env, signals), env)
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
