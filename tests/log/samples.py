"""Events to put into a log: plain ones by number, and hypothesis strategies of all kinds."""

import itertools

from hypothesis import strategies as st

from firewall.core.events import (
    Event,
    Held,
    HeldAgain,
    PolicyActivated,
    Record,
    Reviewed,
    ScopeKey,
    Stamped,
    StandingGiven,
)
from firewall.ports import Decision, EvidenceLog

KEY = ScopeKey("acme", "checkout")
OTHER = ScopeKey("acme", "billing")


def neighbour(log: EvidenceLog, key: ScopeKey = KEY) -> ScopeKey:
    """Another scope in the same shard: the two have one order."""
    names = (ScopeKey("acme", f"neighbour-{number}") for number in itertools.count())
    return next(name for name in names if log.shard_of(name) == log.shard_of(key))


def held(number: int) -> Held:
    """A quarantine entry that can be told from others by its number."""
    return Held(
        upstream="mem0",
        memory_id=f"m{number}",
        digest="d",
        reasons=("injection",),
        surface="drop_in",
        at=float(number),
    )


def numbers(records: list[Record]) -> list[str]:
    """The memory ids of `held` records."""
    return [record.event.memory_id for record in records if isinstance(record.event, Held)]


def decision(number: int, *, size: int = 10) -> Decision:
    return Decision(decision_id=f"dec{number}", key=KEY, at=float(number), body=b"x" * size)


# Few distinct names, so that events meet each other.
_upstreams = st.sampled_from(["mem0", "zep"])
_ids = st.sampled_from(["a", "b", "c"])
_digests = st.sampled_from(["d1", "d2"])
_times = st.integers(0, 1000).map(float)

events: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        Held,
        upstream=_upstreams,
        memory_id=_ids,
        digest=_digests,
        reasons=st.lists(st.sampled_from(["injection", "secret"]), max_size=2).map(tuple),
        surface=st.just("drop_in"),
        at=_times,
    ),
    st.builds(
        HeldAgain, upstream=_upstreams, memory_id=_ids, digest=_digests, count=st.integers(1, 5), at=_times
    ),
    st.builds(
        Reviewed,
        upstream=_upstreams,
        memory_id=_ids,
        digest=_digests,
        decision=st.sampled_from(["release", "confirm", "suppress", "forget"]),
        findings=st.lists(st.sampled_from(["injection", "secret"]), max_size=2).map(tuple),
        until=st.none() | _times,
        reviewer=st.just("rita"),
        note=st.text(max_size=5),
        at=_times,
    ),
    st.builds(
        StandingGiven,
        upstream=_upstreams,
        memory_id=_ids,
        outcome=st.sampled_from(["helped", "harmed", "withdrawn"]),
        strength=st.sampled_from(["weak", "strong"]),
        principal=st.just("agents"),
        at=_times,
    ),
    st.builds(
        Stamped,
        upstream=_upstreams,
        memory_id=_ids,
        stamp_id=st.sampled_from(["s1", "s2"]),
        digest=_digests,
        at=_times,
    ),
    st.builds(PolicyActivated, name=_ids, revision=_digests, at=_times),
)


def records_of(listed: list[Event], key: ScopeKey = KEY, *, step: int = 3) -> list[Record]:
    """The events as records of one scope; offsets have gaps, as the offsets of other scopes leave them."""
    return [
        Record(key=key, offset=(index + 1) * step, event_id=f"e{index}", event=event)
        for index, event in enumerate(listed)
    ]
