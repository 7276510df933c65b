"""The route index: one spelling for a file, the phrase in a name, tables that are made once and never stored."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.evidence import Observed
from firewall.core.execution import RouteState
from firewall.core.route_tables import Register, tables_of
from firewall.core.route_words import normal_path, path_tails, phrase_of, words_of
from firewall.core.routes import ExecutionRoute, RouteIndex
from firewall.core.state import State, fold, fold_all
from firewall.core.visibility import EVERYONE, Viewer
from tests.core.observing import LEGACY, PRIVATE, after, numbered, step, steps
from tests.log.samples import records_of


def route(
    step: str,
    state: RouteState = RouteState.failed,
    files: tuple[str, ...] = (),
    text: str = "",
    task: str = "",
) -> ExecutionRoute:
    return ExecutionRoute(step_id=step, state=state, target_files=files, text=text, task_signature=task)


@pytest.mark.parametrize(
    "spelling",
    [
        "src/a.ts",
        "./src/a.ts",
        "src//a.ts",
        "src\\a.ts",
        "src/x/../a.ts",
        "SRC/A.ts",
        "src/a.ts:12",
        " src/a.ts:12:3 ",
    ],
)
def test_one_spelling_for_one_file(spelling: str) -> None:
    """Slashes, dots, case and line numbers do not make another file."""
    assert normal_path(spelling) == "src/a.ts"


@pytest.mark.parametrize(
    ("path", "phrase"),
    [
        ("src/checkout/legacyAdapter.ts", ("legacy", "adapter")),
        ("src/legacy_adapter.py", ("legacy", "adapter")),
        ("legacy-adapter.test.ts", ("legacy", "adapter")),
        ("src/HTTPRetryPolicy.java", ("http", "retry", "policy")),
        ("src/index.ts", ()),
        ("src/adapter.ts", ()),
        ("src/user_service.ts", ()),
        ("src/main/testUtils.py", ()),
        ("", ()),
    ],
)
def test_phrase_of_a_file_name(path: str, phrase: tuple[str, ...]) -> None:
    """A name of several telling words is a phrase; generic names are none."""
    assert phrase_of(path) == phrase


def test_tails_are_bounded() -> None:
    """A path of a thousand directories has few ends."""
    assert len(path_tails("a/" * 1000 + "b.ts")) == 16


@pytest.mark.parametrize("state", [RouteState.active, RouteState.passed, RouteState.accepted])
def test_what_an_open_route_shares_gives_nothing_away(state: RouteState) -> None:
    """A file, task or evidence that the accepted route has too is no sign of the failed one."""
    files = ("src/checkout/oldFlow.ts",)
    index = RouteIndex.of([route("f", files=files, task="t"), route("p", state, files, task="t")])
    tables = index.tables
    for register, key in (
        (tables.files, "src/checkout/oldflow.ts"),
        (tables.tails, "oldflow.ts"),
        (tables.phrases, "old flow"),
        (tables.tasks, "t"),
    ):
        assert len(register.get(key)) == 2
        assert index.blocked(register.get(key), EVERYONE) == []


def test_a_rejection_is_not_opened_by_anybodys_success() -> None:
    """What a verifier rejected stays blocked beside an agent's own success in the same file."""
    files = ("src/checkout/oldFlow.ts",)
    index = RouteIndex.of(
        [route("r", RouteState.rejected, files), route("p", RouteState.passed, (*files, "src/b.ts"))]
    )
    (mention,) = index.blocked(index.tables.files.get("src/checkout/oldflow.ts"), EVERYONE)
    assert index.routes[mention.route].step_id == "r"


def test_tables_are_not_stored() -> None:
    """A snapshot holds the routes alone, and reads back to the same look-ups."""
    index = RouteIndex.of([route("f", files=("src/oldFlow.ts",))])
    encoded = msgspec.msgpack.encode(index)
    assert b"tables" not in encoded
    again = msgspec.msgpack.decode(encoded, type=RouteIndex)
    assert again.routes == index.routes
    assert [*again.tables.tails.get("oldflow.ts")] == [*index.tables.tails.get("oldflow.ts")]


def registers(index: RouteIndex) -> dict[str, object]:
    """All that can be looked up in the tables, without its order."""
    tables = index.tables
    held: dict[str, object] = {
        name: {key: frozenset(register.get(key)) for key in register}
        for name in tables.__slots__
        if isinstance(register := getattr(tables, name), Register) and name != "wordings"
    }
    return {
        **held,
        "file_words": tables.file_words,
        "heads": tables.heads,
        "topics": {word: set(tasks) for word, tasks in tables.topics.items()},
    }


@given(st.lists(steps(), max_size=16), st.integers(0, 16))
def test_followed_one_by_one_or_made_at_once(listed: list[Observed], look: int) -> None:
    """The registers hold the same after any steps, from whenever on they are followed."""
    state = State()
    for place, record in enumerate(records_of([*numbered(listed)])):
        if place == look:
            _ = state.routes.tables
        fold(state, record)
    at_once = RouteIndex.of(state.routes.routes.values())
    assert registers(state.routes) == registers(at_once)
    for route in state.routes.routes.values():
        words = words_of(route.text)
        found = [[*index.tables.worded(words, frozenset(words))] for index in (state.routes, at_once)]
        assert not words or all(route.key in keys for keys in found)


@given(st.lists(steps(), max_size=10), st.lists(steps(), max_size=10))
def test_tables_made_elsewhere_are_brought_up_to_date(
    before: list[Observed], meanwhile: list[Observed]
) -> None:
    """As if they had been followed all the time."""
    records = records_of([*numbered([*before, *meanwhile])])
    state = fold_all(State(), records[: len(before)])
    made_of = dict(state.routes.routes)
    tables = tables_of(made_of.values())
    fold_all(state, records)
    state.routes.adopt(tables, made_of)
    assert registers(state.routes) == registers(RouteIndex.of(state.routes.routes.values()))


def test_a_route_that_names_a_thing_twice_can_change() -> None:
    """The same file in two spellings, the same memory twice: what was entered once is taken out once."""
    twice = step(
        "failed", 1, target_files=("src/a.ts", "./SRC/a.ts"), memory_ids=("m", "m"), evidence_refs=("e", "e")
    )
    index = RouteIndex.of([])
    for event in (
        twice,
        msgspec.structs.replace(twice, outcome="succeeded", verified=True, node_id="n2", at=200.0),
    ):
        state = after(event)
        (route,) = state.routes.routes.values()
        index.put(msgspec.structs.replace(route, key="k", memory_ids=("m", "m"), evidence_refs=("e", "e")))
    assert [mention.route for mention in index.tables.files.get("src/a.ts")] == ["k"]
    assert [mention.route for mention in index.tables.memory_ids.get("m")] == ["k"]


@pytest.mark.parametrize("size", [1, 2, 5, 11, 25, 60, 130])
def test_a_text_is_found_without_a_tenth_of_its_words(size: int) -> None:
    """Wherever the words are that are gone, and among texts that share all neighbours."""
    words = [f"word{number}" for number in range(size)]
    index = RouteIndex.of([route(f"f{place}", text=" ".join(words)) for place in range(3)])
    for start in range(0, size, 7):
        left = words[:start] + words[start + size // 10 :]
        assert len([*index.tables.worded(left, frozenset(left))]) == 3


def test_other_texts_are_not_looked_at() -> None:
    """A thousand texts that share words, but not their order, cost a candidate nothing."""
    turned = [" ".join(f"word{(place * step + 1) % 29}" for place in range(1, 29)) for step in range(1, 29)]
    index = RouteIndex.of([route(f"f{place}", text=text) for place, text in enumerate(turned)])
    words = turned[4].split()
    assert [*index.tables.worded(words, frozenset(words))] == ["#000004"]


# ---- what is active ----------------------------------------------------------------------------------------------------

TWO_TASKS = (
    step("succeeded", 1, verified=True, task_signature="checkout-migration", target_files=("src/a.ts",)),
    step("succeeded", 2, task_signature="search-rewrite", target_files=("src/b.ts",)),
)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("go on with the checkout migration", ("src/a.ts",)),
        ("rewrite: what is left?", ("src/b.ts",)),
        ("the search", ("src/b.ts",)),
        ("what is for lunch", ()),
        ("", ()),
    ],
)
def test_the_query_picks_the_task(query: str, path: tuple[str, ...]) -> None:
    """Half of the words of its name, or nothing is active."""
    assert after(*TWO_TASKS).routes.active_path(EVERYONE, query) == path


def test_the_only_task_needs_no_query() -> None:
    """The only one that the viewer knows: what is private to another does not count."""
    private = msgspec.structs.replace(TWO_TASKS[1], audience=PRIVATE)
    index = after(TWO_TASKS[0], private).routes
    assert index.active_path(Viewer(agent="bob"), "what is for lunch") == ("src/a.ts",)
    assert index.active_path(Viewer(agent="ann"), "what is for lunch") == ()
    assert index.active_path(Viewer(agent="bob"), "search rewrite") == ("src/a.ts",)
    assert index.active_path(Viewer(agent="ann"), "search rewrite") == ("src/b.ts",)


def test_the_newest_success_wins() -> None:
    """Of the task, by the time of its observation."""
    second = step("succeeded", 5, target_files=("src/c.ts",))
    first = step("succeeded", 1, target_files=("src/d.ts",))
    history = step("succeeded", 9, target_files=("src/e.ts",), observed_at=3.0)
    assert after(second, first, history).routes.active_path(EVERYONE, "checkout migration") == ("src/c.ts",)


@pytest.mark.parametrize(
    ("events", "active"),
    [
        ((step("succeeded", 1), step("failed", 2, target_files=(LEGACY, "src/b.ts"))), False),
        ((step("failed", 1, target_files=(LEGACY, "src/b.ts")), step("succeeded", 2)), True),
        ((step("succeeded", 1, verified=True), step("failed", 2, target_files=(LEGACY, "src/b.ts"))), True),
        (
            (
                step("succeeded", 1, verified=True),
                step("failed", 2, verified=True, target_files=(LEGACY, "b.ts")),
            ),
            False,
        ),
        ((step("succeeded", 1, target_files=(LEGACY, "c.ts")), step("failed", 2)), True),
        ((step("succeeded", 1), step("failed", 2, audience=PRIVATE)), True),
        (
            (
                step("succeeded", 1),
                step("failed", 2, verified=True, target_files=(LEGACY, "src/b.ts")),
                step("succeeded", 3, target_files=(LEGACY, "src/b.ts")),
            ),
            False,
        ),
    ],
    ids=["later", "earlier", "lesser", "as verified", "one file is left", "private", "disputed"],
)
def test_a_route_is_overtaken(events: tuple[Observed, ...], active: bool) -> None:
    """By one that failed later in all of its files and is as well vouched for."""
    found = after(*events).routes.active(Viewer(agent="bob"), task="checkout-migration")
    assert (found is not None) is active
