"""The case files: what a text carries, by name. One finding more or less than wanted is a failure."""

from pathlib import Path
from typing import TypedDict

import pytest
import yaml
from _pytest.mark import ParameterSet

from firewall.core.signals.content import detect

#: Further true findings of a hostile text are no failure there; in the other files every finding is named.
OPEN_ENDED = {"injection", "languages", "disguise"}


class Case(TypedDict):
    text: str
    want: list[str]


def _cases() -> list[ParameterSet]:
    folder = Path(__file__).parent / "cases"
    return [
        pytest.param(path.stem, case, id=f"{path.stem}-{number}")
        for path in sorted(folder.glob("*.yaml"))
        for number, case in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")))
    ]


@pytest.mark.parametrize(("family", "case"), _cases())
def test_case(family: str, case: Case) -> None:
    """A text carries what its case says."""
    found = {f"{detection.kind}:{detection.name}" for detection in detect(case["text"])}
    wanted = set(case["want"])
    if family in OPEN_ENDED and wanted:
        assert wanted <= found
    elif family == "mention" and wanted:
        assert wanted & found
    else:
        assert found == wanted
