"""What an answer says of its time: from when until when the same bytes read the same."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from firewall.ports import Answer
from tests.adapters.zep.bench import LIVE, answered, wired

#: The second of a year that dates and moments are drawn from: few, so that they meet.
START = 1_700_000_000
SECONDS = st.integers(0, 6)
DATE = st.none() | SECONDS.map(lambda second: datetime.fromtimestamp(START + second, UTC).isoformat())
EDGES = st.lists(
    st.fixed_dictionaries(
        {
            "valid_at": DATE,
            "invalid_at": DATE,
            "expired_at": DATE,
            "target_node_uuid": st.sampled_from(["n1", "n2"]),
            "fact": st.sampled_from(["a uses b", "a uses c"]),
        },
        optional={"unknown": st.just(1)},
    ),
    max_size=4,
)
#: Facts as lines of a context.
LINES = st.lists(st.tuples(st.sampled_from(["a uses b", "it rains"]), DATE, DATE), max_size=2)


def read(body: dict[str, Any], now: float) -> Answer:
    wire = wired()
    plan = wire.plan("POST /api/v2/graph/search", {"query": "q", "user_id": "u1", "scope": "auto"})
    plan.source = msgspec.structs.replace(plan.source, now=now)
    return wire.dialect.read(plan, answered(body))


@given(EDGES, LINES, st.booleans(), SECONDS, SECONDS)
def test_it_reads_the_same_for_as_long_as_it_says(
    edges: list[dict[str, Any]],
    lines: list[tuple[str, str | None, str | None]],
    drawn: bool,
    now: int,
    then: int,
) -> None:
    """Facts, lines of a context and what was drawn from them."""
    body: dict[str, Any] = {"edges": [{**LIVE, **edge, "uuid": f"e{at}"} for at, edge in enumerate(edges)]}
    said = "\n".join(f"- {text} ({valid or 'unknown'} - {end or 'present'})" for text, valid, end in lines)
    body["context"] = f"<FACTS>\n{said}\n</FACTS>"
    if drawn:
        body["response"] = "They use both."
    answer = read(body, START + now)
    assert answer.since <= START + now < answer.until
    if answer.since <= START + then < answer.until:
        assert read(body, START + then) == answer
