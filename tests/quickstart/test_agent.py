"""The scripted agent reads its prompt and nothing else; the notes that it is given without memfw go by similarity."""

import pytest

from firewall.quickstart.agent import choose
from firewall.quickstart.notes import MOST, Notes
from firewall.quickstart.tasks import TASKS, verdict_on

FILES = ("src/a.ts", "src/b.ts", "src/c.ts")


@pytest.mark.parametrize(
    ("prompt", "file"),
    [
        ("", "src/a.ts"),
        ("- go on in src/b.ts", "src/b.ts"),
        ("- see src/elsewhere.ts", "src/a.ts"),
        ("- src/b.ts\nCURRENT_ACTIVE_PATH\n- m1 continue src/c.ts", "src/c.ts"),
        ("FAILED_BRANCHES\n- m1 title; files=src/a.ts\nCURRENT_ACTIVE_PATH\n- none", "src/b.ts"),
        ("- extend src/a.ts\n- run-1: Reverted: src/a.ts failed.", "src/b.ts"),
        ("DO_NOT_USE:\n- src/a.ts src/b.ts\nUSE_NOW:\n- src/a.ts", "src/c.ts"),
        ("FAILED_BRANCHES\n- src/a.ts src/b.ts src/c.ts", None),
    ],
)
def test_the_agent_is_literal(prompt: str, file: str | None) -> None:
    """What failed is never touched, then the active path, then what is named first, then its own order."""
    assert choose(prompt, FILES) == file


def test_notes_go_by_similarity() -> None:
    """The nearest few, the newer first where two are as near."""
    notes = Notes()
    for note in ("we speak German", "checkout adapter one", "checkout adapter two", "the checkout", "lunch"):
        notes.add(note)
    assert notes.nearest("the checkout adapter") == [
        "the checkout",
        "checkout adapter two",
        "checkout adapter one",
    ]
    assert len(notes.nearest("anything")) == MOST


def test_the_world_is_sound() -> None:
    """Each task can be done, and the checks' words tell a good file from a wrong one."""
    for task in TASKS:
        assert task.works in task.files
        for file in task.files:
            assert ("failed" in verdict_on(task, file)) is (file != task.works)
