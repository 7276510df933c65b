"""The demonstration's table and its words."""

from firewall.core.reasons import REASONS
from firewall.demo.table import Line, render
from firewall.demo.words import plain

HOSTILE = "one\x1b[2Jtwo\nthree\u202eevil"


def test_hostile_text_moves_no_cursor() -> None:
    """No control character of a memory gets to the terminal, coloured or not."""
    line = Line(name=HOSTILE, text=HOSTILE, straight=True, outcome="blocked", why=HOSTILE)
    shown = render([line], colour=False, width=100)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    coloured = render([line], colour=True, width=100)
    assert "\x1b[2J" not in coloured


def test_colours_change_no_word() -> None:
    """Colour is paint: without it the table reads the same, and no line is wider than the terminal."""
    lines = [
        Line(name="a", text="word " * 40, straight=True, outcome="withheld", why="because " * 20),
        Line(name="b", text="short", straight=False, outcome="passed on"),
    ]
    bare = render(lines, colour=False, width=90)
    coloured = render(lines, colour=True, width=90)
    for code in ("\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m"):
        coloured = coloured.replace(code, "")
    assert [line.rstrip() for line in coloured.splitlines()] == [line.rstrip() for line in bare.splitlines()]
    assert max(map(len, bare.splitlines())) <= 90


def test_every_reason_has_words() -> None:
    """Each code of the table reads as a clause; variants stand in brackets, ids by their names."""
    for code in REASONS:
        clause = plain([f"{code.head}:x"], {"x": "the other"})
        assert clause
        assert "the other" in clause
        assert not clause.endswith(".")
    assert plain(["injection:a", "injection:b", "expired"], {}) == (
        "the text gives the agent instructions of its own (a, b); its expiration date has passed"
    )
