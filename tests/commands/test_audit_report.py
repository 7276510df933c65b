"""What a report of the audit chain looks like, to people and to machines."""

import json

from firewall.commands.audit_report import as_json, as_text
from firewall.core.chain import NO_LINK
from firewall.core.fault import Counts, Fault, Place, Report

PLACES = tuple(Place(lane=f"w{number}/log", seq=number, link=NO_LINK) for number in range(1, 31))


def _report(found: int) -> Report:
    faults = tuple(
        Fault(
            code="changed", kind="evidence", what="its bytes differ", id=f"id{number}", lane="w1/log", seq=1
        )
        for number in range(min(found, 3))
    )
    return Report(
        faults=faults,
        found=found,
        notes=("a note",),
        counts=Counts(lanes=30, seals=40),
        proven=PLACES,
        anchored=PLACES[:2],
    )


def test_the_first_fault_comes_first() -> None:
    """Then the others, how many more there are, how far lanes are proven, and notes."""
    lines = as_text(_report(5), trusted=["the anchor"], own=False, anchored=True).splitlines()
    assert lines[0].startswith("TAMPERED: 40 seals in 30 lanes")
    assert lines[1].startswith("first: evidence id0 ")
    assert [line.split(" (")[0] for line in lines[2:4]] == ["  also: evidence id1", "  also: evidence id2"]
    assert lines[4] == "  and 2 more"
    assert lines[5:] == [
        "lane w1/log is proven up to seal 1",
        "lane w2/log is proven up to seal 2",
        "note: a note",
    ]


def test_many_lanes_are_cut() -> None:
    """People see some of them, machines all."""
    text = as_text(_report(0), trusted=["--key"], own=True, anchored=False)
    assert text.startswith("sound: ")
    assert text.count("is proven up to") == 20
    assert "and 10 more lanes" in text
    report = json.loads(as_json(_report(0), trusted=["--key"], own=True, anchored=False))
    assert len(report["proven"]) == 30
    assert report["verdict"] == "sound"
    assert len(report["notes"]) == 3
