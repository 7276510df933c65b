"""The route index: one spelling for a file, the phrase in a name, tables that are made once and never stored."""

import msgspec
import pytest

from firewall.core.execution import RouteState
from firewall.core.route_words import normal_path, path_tails, phrase_of
from firewall.core.routes import ExecutionRoute, RouteIndex
from firewall.core.visibility import EVERYONE


def route(
    step: str, state: RouteState = RouteState.failed, files: tuple[str, ...] = (), text: str = "", task: str = ""
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


def test_a_near_text_shares_a_word() -> None:
    """Each text stands under so many of its words that nine tenths of it cannot miss all of them."""
    text = " ".join(f"word{number}" for number in range(20))
    wordings = RouteIndex.of([route("f", text=text)]).tables.wordings
    assert len([word for word in text.split() if word in wordings]) == 3
