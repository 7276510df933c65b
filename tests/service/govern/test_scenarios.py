"""The comparison with and without a firewall: what an agent would act on, and what that costs in characters.

Labelled, every memory carries what a careful caller knows of it. Unlabelled, all of them are called trusted and
current, so that only the texts can give a hazard away.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.service.govern.asking import Json, ask, candidate, request, surfaces

SCENARIOS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "scenarios.yaml").read_text())
HAZARDS = [
    scenario for scenario in SCENARIOS if any(row["mark"] == "forbidden" for row in scenario["memories"])
]
CONTROLS = [scenario for scenario in SCENARIOS if scenario not in HAZARDS]
TWELVE = SCENARIOS[:12]


def _governed(scenario: dict[str, Any], *, labelled: bool) -> Json:
    rows = [
        candidate(
            row["text"],
            memory_id=f"mem0:{number}",
            metadata={"title": row["title"]} if "title" in row else None,
            **(row.get("label", {}) if labelled else {}),
        )
        for number, row in enumerate(scenario["memories"])
    ]
    return ask(request(rows, query_text=scenario["query"]))


def _marks(scenario: dict[str, Any]) -> dict[str, str]:
    return {f"mem0:{number}": row["mark"] for number, row in enumerate(scenario["memories"])}


def _wrong(scenario: dict[str, Any], *, labelled: bool) -> bool:
    """Whether a forbidden memory got into direct use."""
    found = surfaces(_governed(scenario, labelled=labelled))
    return any(mark == "forbidden" and found[name] == "use_now" for name, mark in _marks(scenario).items())


def _blocked(scenario: dict[str, Any], *, labelled: bool) -> list[str]:
    """The memories that are fine and were not used directly."""
    found = surfaces(_governed(scenario, labelled=labelled))
    return [
        name for name, mark in _marks(scenario).items() if mark != "forbidden" and found[name] != "use_now"
    ]


def _raw(scenario: dict[str, Any]) -> str:
    """What an agent gets without a firewall: the query and the texts, as they were retrieved."""
    return "\n".join(
        [f"Relevant memories for: {scenario['query']}", *(f"- {row['text']}" for row in scenario["memories"])]
    )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario["id"] for scenario in SCENARIOS])
def test_with_labels_nothing_forbidden_is_used_and_nothing_fine_is_blocked(scenario: dict[str, Any]) -> None:
    """No wrong direct use, no false block, and the current route comes first."""
    assert not _wrong(scenario, labelled=True)
    assert _blocked(scenario, labelled=True) == []
    routes = [name for name, mark in _marks(scenario).items() if mark == "route"]
    used = _governed(scenario, labelled=True)["agent_context"]["use_now_memory_ids"]
    assert not routes or used[0] == routes[0]


@pytest.mark.parametrize("scenario", CONTROLS, ids=[scenario["id"] for scenario in CONTROLS])
def test_without_labels_nothing_fine_is_blocked(scenario: dict[str, Any]) -> None:
    """A control has nothing in it that a text could give away."""
    assert _blocked(scenario, labelled=False) == []


@pytest.mark.parametrize("scenario", HAZARDS, ids=[scenario["id"] for scenario in HAZARDS])
def test_every_decision_is_in_the_receipt_and_the_records(scenario: dict[str, Any]) -> None:
    """Audit coverage is whole: each memory has a summary, a record and, if it is not plain, a receipt entry."""
    answer = _governed(scenario, labelled=True)
    names = list(_marks(scenario))
    assert [entry["memory_id"] for entry in answer["memory_use_receipt"]["decision_summaries"]] == names
    assert [entry["memory_id"] for entry in answer["memory_admission_records"]["entries"]] == names


def test_the_figures_of_the_twelve_scenarios(record_property: Any) -> None:
    """Wrong direct use 83 % -> 0 %, the route first in all of them, at most 15 % more characters than raw."""
    raw = sum(len(_raw(scenario)) for scenario in TWELVE)
    governed = sum(
        len(_governed(scenario, labelled=True)["agent_context"]["prompt_text"]) for scenario in TWELVE
    )
    unlabelled = [scenario["id"] for scenario in HAZARDS if _wrong(scenario, labelled=False)]
    false_blocks = [
        (scenario["id"], name) for scenario in SCENARIOS for name in _blocked(scenario, labelled=False)
    ]
    record_property("chars_ratio", round(governed / raw, 3))
    record_property("wrong_direct_use_unlabelled", unlabelled)
    record_property("false_blocks_unlabelled", false_blocks)
    assert (len(HAZARDS), len(CONTROLS)) == (10, 12)
    assert governed <= 1.15 * raw
    assert false_blocks == []
    # A pointer, an untrusted note and a suppressed experiment do not show in a text: they need their label. So does a
    # failure that is told of "the change", two sentences after the file that was changed.
    assert set(unlabelled) <= {
        "failed-branch-first-search",
        "pointer-to-raw-log",
        "pointer-to-trace",
        "untrusted-note",
        "suppressed-experiment",
    }
