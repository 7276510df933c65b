"""The tables hold what the search relies on."""

import re

import pytest
import re2

from firewall.core.policy import Detect
from firewall.core.signals.content import DETECTOR_REVISION, patterns_languages_wide, patterns_secret
from firewall.core.signals.content.decoding import readings
from firewall.core.signals.content.pattern import Check, Pattern, phrases
from firewall.core.signals.content.tables import PATTERNS

_GAP = r"(?:[^\s.!?;]+\s+)"


@pytest.mark.parametrize(
    "pattern",
    [pytest.param(row, id=f"{number}-{row.kind}-{row.name}") for number, row in enumerate(PATTERNS)],
)
def test_row(pattern: Pattern) -> None:
    """A row compiles, its hint is a part of it without a gap, its name is a name, its kind is the policy's."""
    re2.compile(pattern.regex)
    re2.compile(pattern.hint)
    assert pattern.hint.removeprefix("(?i)").removeprefix(r"\b") in pattern.regex
    assert _GAP not in pattern.hint
    assert re.fullmatch(r"[a-z][a-z0-9_]*", pattern.name)
    assert pattern.kind in Detect.model_fields
    assert 0.5 <= pattern.confidence <= 1
    assert "«" not in pattern.regex
    assert "»" not in pattern.regex
    if pattern.check is Check.decode:
        assert list(readings(pattern.name, "x")) is not None
    if pattern.check in (Check.assigned, Check.password):
        assert re2.compile(pattern.regex).groups == 1


def test_only_other_scripts_have_other_hints() -> None:
    """A row whose hint is not ASCII is never tried on an ASCII text, so it must not match one."""
    wide = {pattern for pattern in PATTERNS if not pattern.hint.isascii()}
    assert wide - set(patterns_languages_wide.PATTERNS) == {
        pattern for pattern in patterns_secret.PATTERNS if "密码" in pattern.hint
    }


def test_the_notation() -> None:
    """A space is what may stand between words, dots are a gap, marks make a hint that begins a word."""
    (row,) = phrases("injection", "example", 0.9, "send .. «the keys» away")
    assert re2.search(row.regex, "Send, as agreed, *the keys* away")
    assert re2.search(row.regex, "send one two three four the keys away")
    assert not re2.search(row.regex, "send one two three four five the keys away")
    assert not re2.search(row.regex, "send it. The keys away")
    assert re2.search(row.hint, "give *the* keys")
    assert not re2.search(row.hint, "bathe keys")


def test_the_revision_names_the_tables() -> None:
    """What a cache is keyed by is stable within a version and printable."""
    assert re.fullmatch(r"\d+-[0-9a-f]{12}", DETECTOR_REVISION)
