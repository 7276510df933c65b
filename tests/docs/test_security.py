"""SECURITY.md names the test that covers each threat: every one of them is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(tests/[\w/.-]+?)(?:::(\w+))?`")


def _named() -> list[tuple[str, str]]:
    return _NAMED.findall((ROOT / "SECURITY.md").read_text())


@pytest.mark.parametrize(("place", "test"), sorted(set(_named())))
def test_what_covers_a_threat_is_there(place: str, test: str) -> None:
    """A file, a folder, or a test in a file."""
    path = ROOT / place
    assert path.exists(), place
    if test:
        assert re.search(rf"^\s*(async )?def {test}\b", path.read_text(), re.MULTILINE), test


def test_every_threat_names_what_covers_it() -> None:
    """No row of the threat table is without a test."""
    text = (ROOT / "SECURITY.md").read_text()
    table = text.partition("## Threats")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| threat")]
    assert len(rows) > 20
    assert [row for row in rows if not _NAMED.search(row)] == []
