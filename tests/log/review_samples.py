"""Hypothesis strategies of the events of quarantine and review; few names, so that they meet what is held."""

import itertools

from hypothesis import strategies as st

from firewall.core.events import BulkBegun, Erased, Event, HeldExpired, WriteHeld, WriteMoved
from firewall.core.quarantine import quarantine_id

_UPSTREAMS, _MEMORIES, _DIGESTS = ("mem0", "zep"), ("a", "b", "c"), ("d1", "d2")
_upstreams, _digests = st.sampled_from(_UPSTREAMS), st.sampled_from(_DIGESTS)
_holds = st.sampled_from(["w_1", "w_2"])
_items = st.sampled_from(
    ["w_1", *(quarantine_id(*place) for place in itertools.product(_UPSTREAMS, _MEMORIES, _DIGESTS))]
)
_times = st.integers(0, 1000).map(float)

review_events: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        HeldExpired,
        upstream=_upstreams,
        memory_id=st.sampled_from(_MEMORIES),
        digest=_digests,
        reviewer=st.sampled_from(["", "rita"]),
        at=_times,
    ),
    st.builds(
        WriteHeld,
        hold_id=_holds,
        upstream=_upstreams,
        route=st.just("add"),
        principal=st.just("agents"),
        digest=_digests,
        reasons=st.lists(st.sampled_from(["injection", "secret"]), max_size=2).map(tuple),
        at=_times,
    ),
    st.builds(
        WriteMoved,
        hold_id=_holds,
        to=st.sampled_from(["releasing", "sent", "failed", "confirmed", "expired"]),
        reviewer=st.just("rita"),
        answered=st.sampled_from([0, 200, 500]),
        at=_times,
    ),
    st.builds(
        BulkBegun,
        operation=st.sampled_from(["o1", "o2"]),
        decision=st.sampled_from(["release", "confirm", "expire"]),
        digest=_digests,
        expected=st.integers(0, 9),
        upto=st.integers(0, 100),
        reviewer=st.just("rita"),
        at=_times,
    ),
    st.builds(
        Erased,
        ids=st.lists(_items, max_size=3).map(tuple),
        digests=st.lists(_digests, max_size=2).map(tuple),
        by=st.just("adam"),
        why=st.just("asked to"),
        at=_times,
    ),
)
