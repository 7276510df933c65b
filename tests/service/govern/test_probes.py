"""The probes: each one is a way in which an admission gateway was seen to fail, or to block what is fine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.service.govern.asking import Json, ask, candidate, codes, headers, request, surfaces

PROBES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "probes.yaml").read_text())
MODES = [pytest.param(probe, mode, id=f"{probe['id']}-{mode}") for probe in PROBES for mode in probe["want"]]
IN_FIREWALL = [pytest.param(probe, id=probe["id"]) for probe in PROBES]


def _candidates(probe: dict[str, Any]) -> Iterator[Json]:
    for row in probe["candidates"]:
        given = {"memory_id": "m1", **row}
        given["memory_id"] = given.pop("id", given["memory_id"])
        repeat = given.pop("repeat", None)
        if repeat is None:
            yield candidate(**given)
        for number in range(repeat or 0):
            named = {key: given[key].replace("{n}", str(number)) for key in ("memory_id", "text")}
            yield candidate(**{**given, **named})


def _answer(probe: dict[str, Any], mode: str) -> Json:
    return ask(request(_candidates(probe), mode=mode))


@pytest.mark.parametrize(("probe", "mode"), MODES)
def test_a_probe_ends_on_its_surface(probe: dict[str, Any], mode: str) -> None:
    """Each memory of the probe is where it has to be in this mode."""
    answer = _answer(probe, mode)
    found = surfaces(answer)
    want = probe["want"][mode]
    if "all" in want:
        want = dict.fromkeys(found, want["all"])
    wrong = {
        memory_id: (surface, codes(answer)[memory_id][7:])
        for memory_id, surface in found.items()
        if surface not in (want[memory_id] if isinstance(want[memory_id], list) else [want[memory_id]])
    }
    assert wrong == {}
    assert set(found) == set(want)


@pytest.mark.parametrize("probe", IN_FIREWALL)
def test_a_probe_says_why(probe: dict[str, Any]) -> None:
    """The reason codes that the contract names are there, before the one code of the verdict."""
    given = codes(_answer(probe, "firewall"))
    for memory_id, beginnings in probe.get("reasons", {}).items():
        for beginning in beginnings:
            assert any(code.startswith(beginning) for code in given[memory_id][7:-1]), (beginning, given)


@pytest.mark.parametrize("probe", IN_FIREWALL)
def test_a_probe_forges_and_leaks_nothing(probe: dict[str, Any]) -> None:
    """The prompt has our headers and no others, the answer none of the words that have to stay behind."""
    answer = _answer(probe, "firewall")
    context = answer["agent_context"]
    expected = [
        f"{name}:"
        for name in ("USE_NOW", "INSPECT_BEFORE_USE", "DO_NOT_USE", "REHYDRATE")
        if name.lower() in set(surfaces(answer).values())
    ]
    assert headers(context["prompt_text"]) == expected
    whole = json.dumps(answer, ensure_ascii=False)
    for word in probe.get("hidden", ()):
        assert word not in whole
    shown = {entry["id"]: entry.get("text", "") for entry in answer["firewall"]["withheld"]}
    for memory_id, words in probe.get("shown", {}).items():
        assert words in shown[memory_id]
    assert set(probe.get("flags", ())) <= set(answer["memory_firewall"]["risk_flags"])
