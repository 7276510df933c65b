"""Snapshots: bytes of a projection, and what is no snapshot."""

import subprocess
import sys
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.events import Event
from firewall.core.execution import RouteState
from firewall.core.routes import ExecutionRoute, RouteIndex
from firewall.core.state import State, fold_all
from firewall.log import snapshot
from firewall.log.snapshot import decode_state, encode_state
from tests.log.execution_samples import all_events as events
from tests.log.samples import records_of

ROOT = Path(__file__).parents[2]


@given(st.lists(events, max_size=30), st.lists(st.integers(0, 30), max_size=3))
def test_snapshot_and_tail_make_the_state_of_a_full_replay(listed: list[Event], cuts: list[int]) -> None:
    """With restarts anywhere, and the tail reaching back before the snapshot."""
    records = records_of(listed)
    state = State()
    for cut in sorted(cuts):
        found = decode_state(encode_state(fold_all(state, records[:cut])))
        assert found is not None
        state = found
    assert fold_all(state, records) == fold_all(State(), records)


def test_routes_come_back() -> None:
    """The index is built again from its routes."""
    route = ExecutionRoute(
        key="k", step_id="s1", state=RouteState.failed, text="use the legacy adapter", target_files=("a.ts",)
    )
    state = State(offset=7, routes=RouteIndex.of([route]))
    found = decode_state(encode_state(state))
    assert found is not None
    assert found.routes.routes == state.routes.routes
    assert [mention.route for mention in found.routes.tables.files.get("a.ts")] == ["k"]


def test_the_snapshot_of_another_fold_is_none() -> None:
    """It is made again from the log, however well its bytes could be read."""
    saved = snapshot._snapshots.decode(encode_state(State(offset=3)))
    other = msgspec.structs.replace(saved, tag="0:of another day")
    assert decode_state(msgspec.msgpack.encode(other)) is None
    assert decode_state(msgspec.msgpack.encode(saved)) == State(offset=3)


def test_the_tag_is_the_same_in_another_process() -> None:
    """Else no process would ever take another one's snapshot."""
    code = "from firewall.log.snapshot import TAG; print(TAG)"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert said.stdout.decode().strip() == snapshot.TAG


@given(st.binary(max_size=100))
def test_bytes_that_are_no_snapshot_are_none(blob: bytes) -> None:
    """Whatever stands there, nothing is raised and nothing is half read."""
    assert decode_state(blob) is None
