"""Steps and memories to observe, and the state that they make: for tests of the execution memory's core."""

from collections.abc import Sequence

import msgspec
from hypothesis import strategies as st

from firewall.core.events import Event
from firewall.core.evidence import Observed, Outcome
from firewall.core.routes import ExecutionRoute
from firewall.core.state import State, fold_all
from firewall.core.visibility import SCOPE_WIDE, Audience
from tests.log.samples import records_of

LEGACY = "src/checkout/legacyAdapter.ts"
#: Parts of a step that tests set.
_STEP = Observed(
    node_id="n",
    kind="execution",
    title="Legacy adapter",
    text="The legacy adapter changed unrelated modules and billing tables",
    task_signature="checkout-migration",
    target_files=(LEGACY,),
    principal="agents",
    at=100.0,
    observed_at=100.0,
)
TEAM_A, TEAM_B = Audience(team="a"), Audience(team="b")
PRIVATE = Audience(lane="private", agent="ann")


def step(outcome: Outcome, number: int = 0, **parts: object) -> Observed:
    """One try of the legacy adapter unless `parts` say another way; numbers make ids and times."""
    at = 100.0 + number
    verified = parts.get("verified") is True
    made = msgspec.structs.replace(
        _STEP,
        node_id=f"n{number}",
        outcome=outcome,
        verified=verified,
        role="verifier" if verified else "worker",
        at=at,
        observed_at=at,
    )
    return msgspec.structs.replace(made, **parts)


def memory(number: int, **parts: object) -> Observed:
    """General memory: no execution, so no route."""
    return step("", number, **{"kind": "memory", "target_files": (), "task_signature": "", **parts})


def after(*events: Event) -> State:
    """The state that these make."""
    return fold_all(State(), records_of(list(events)))


def only_route(*events: Event) -> ExecutionRoute:
    """The one route that these speak of."""
    (route,) = after(*events).routes.routes.values()
    return route


# ---- any ---------------------------------------------------------------------------------------------------------

outcomes: st.SearchStrategy[Outcome] = st.sampled_from(
    ["succeeded", "failed", "blocked", "interrupted", "unknown"]
)
audiences = st.sampled_from([SCOPE_WIDE, TEAM_A, TEAM_B, PRIVATE, Audience(lane="private", team="a")])
_FILES = ["src/a.ts", "./SRC/a.ts", "src/checkout/legacyAdapter.ts", "src/legacy_adapter.py", "a", ""]
_WORDS = ["legacy", "adapter", "gateway", "billing", "unrelated", "modules", "the", "café", "x"]
_texts = st.lists(st.sampled_from(_WORDS), max_size=24).map(" ".join)
_names = st.lists(st.sampled_from([f"n{number}" for number in range(8)]), max_size=3).map(tuple)


def steps(audience: st.SearchStrategy[Audience] = audiences) -> st.SearchStrategy[Observed]:
    """Steps of few ways and few names, so that they meet each other."""
    return st.builds(
        Observed,
        node_id=st.sampled_from([f"n{number}" for number in range(8)]),
        kind=st.sampled_from(["execution", "execution", "memory", "handoff"]),
        node_type=st.sampled_from(["event", "procedure"]),
        title=st.sampled_from(["", "legacy adapter", "gateway"]),
        text=_texts,
        outcome=outcomes,
        verified=st.booleans(),
        audience=audience,
        principal=st.just("agents"),
        client_id=st.sampled_from(["", "c1", "c2"]),
        task_signature=st.sampled_from(["", "task one", "task two"]),
        target_files=st.lists(st.sampled_from(_FILES), max_size=3).map(tuple),
        evidence_refs=_names,
        memory_ids=_names,
        anchor=st.sampled_from(["", "here"]),
        supersedes=_names,
        contradicts=_names,
        at=st.integers(0, 20).map(float),
        observed_at=st.integers(0, 20).map(float),
    )


def numbered(listed: Sequence[Observed]) -> list[Observed]:
    """The same with an id of its own for each, as a service gives them."""
    return [msgspec.structs.replace(one, node_id=f"n{place}") for place, one in enumerate(listed)]
