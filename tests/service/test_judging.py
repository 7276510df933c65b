"""Adjudication under a deadline, with a clock that the test turns."""

import pytest

from firewall.core.adjudicate import CHUNK, adjudicate
from firewall.core.compiled import Env, compile_policy
from firewall.core.model import Candidate, Context, Finding
from firewall.core.policy import Policy
from firewall.core.state import State
from firewall.service.judging import adjudicate_within

POLICY = compile_policy(Policy(), "test")
ENV = Env(Context(decision_id="d", ranked=True), POLICY, State(), 1_795_305_600.0)


class Clock:
    """Goes on by `step` at each judged candidate, and by nothing else."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.judged = 0
        self._step = step

    def __call__(self) -> float:
        return self.now

    def signal(self, candidate: Candidate, env: Env) -> tuple[Finding, ...]:
        self.judged += 1
        self.now += self._step
        return ()


def answers(count: int) -> list[Candidate]:
    return [
        Candidate(id=f"m{number}", upstream="mem0", text=f"Fact number {number}.") for number in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
async def test_chunks_change_no_verdict(count: int) -> None:
    """In chunks or at once, the verdicts are the same."""
    candidates = answers(count)
    whole = adjudicate(candidates, ENV.context, ENV.state, POLICY, ENV.now)
    chunked = await adjudicate_within(candidates, ENV, seconds=60.0, monotonic=Clock(0.0))
    assert chunked is not None
    assert chunked.verdicts == whole.verdicts


async def test_late_between_chunks() -> None:
    """At the first look beyond the deadline it ends: no verdicts, and no further work."""
    clock = Clock(0.001)
    late = await adjudicate_within(
        answers(5 * CHUNK), ENV, seconds=0.3, monotonic=clock, signals=(clock.signal,)
    )
    assert late is None
    assert clock.judged == 2 * CHUNK


async def test_late_at_the_end() -> None:
    """Late with the last chunk is late as well."""
    clock = Clock(0.001)
    assert (
        await adjudicate_within(
            answers(2 * CHUNK), ENV, seconds=0.399, monotonic=clock, signals=(clock.signal,)
        )
        is None
    )
    assert clock.judged == 2 * CHUNK


async def test_in_time_to_the_moment() -> None:
    """The deadline itself is in time; one chunk runs without a look at the clock."""
    clock = Clock(0.0009765625)  # a power of two, so that sums are exact
    seconds = 2 * CHUNK * 0.0009765625
    assert await adjudicate_within(
        answers(2 * CHUNK), ENV, seconds=seconds, monotonic=clock, signals=(clock.signal,)
    )
    one = Clock(1.0)
    assert await adjudicate_within(answers(CHUNK), ENV, seconds=0.1, monotonic=one, signals=(one.signal,))
