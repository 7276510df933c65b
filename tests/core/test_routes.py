"""The route index: one spelling for a file, the phrase in a name, tables that are made once and never stored."""

import msgspec
import pytest

from firewall.core.routes import ExecutionRoute, RouteIndex, RouteState, normal_path, path_tails, phrase_of


def route(
    step: str, state: RouteState = "failed", files: tuple[str, ...] = (), text: str = "", task: str = ""
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


def test_a_failed_route_comes_before_a_contested_one() -> None:
    """Where both have the file, the failed one speaks."""
    index = RouteIndex.of(
        [route("c", "contested", ("src/oldFlow.ts",)), route("f", "failed", ("src/oldFlow.ts",))]
    )
    assert index.routes[index.tables.files["src/oldflow.ts"]].step_id == "f"


@pytest.mark.parametrize("state", ["active", "passed"])
def test_what_an_open_route_shares_gives_nothing_away(state: RouteState) -> None:
    """A file, task or evidence that the accepted route has too is no sign of the failed one."""
    files = ("src/checkout/oldFlow.ts",)
    index = RouteIndex.of([route("f", "failed", files, task="t"), route("p", state, files, task="t")])
    tables = index.tables
    assert [tables.files, tables.tails, tables.phrases, tables.tasks] == [{}, {}, {}, {}]


def test_tables_are_not_stored() -> None:
    """A snapshot holds the routes alone, and reads back the same."""
    index = RouteIndex.of([route("f", files=("src/oldFlow.ts",))], ("src/new.ts",))
    blob = msgspec.msgpack.encode(index)
    assert b"oldflow" not in blob
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(index), type=RouteIndex)
    assert again == index
    assert again.tables == index.tables


def test_a_near_text_shares_a_rare_word() -> None:
    """Each text stands under so many of its words that nine tenths of it cannot miss all of them."""
    text = " ".join(f"word{number}" for number in range(20))
    tables = RouteIndex.of([route("f", text=text)]).tables
    assert len(tables.wordings) == 3
