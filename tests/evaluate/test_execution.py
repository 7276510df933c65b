"""`memfw eval execution`: what became of an attempt governs the notes about it, and the command says so or not."""

import json
import os
from pathlib import Path

import pytest

from firewall.cli import main
from firewall.errors import ConfigError
from firewall.evaluate.execution import GOALS, Row, below, missed, pooled
from firewall.evaluate.notes import read_notes, reworded

#: Notes of others, where they have been put beside the project; `MEMFW_DATA` names another place.
DATA = Path(os.environ.get("MEMFW_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
NOTES = DATA / "open" / "execution_notes.jsonl"

TEXTS = {
    "accepted": "Split the migration by tenant first. Then move each ledger inside one transaction. Verify the totals.",
    "failed": "Lock the whole ledger table at once. Copy every row with a single statement. Unlock it when it is done.",
}


def written(folder: Path, *lines: object) -> Path:
    path = folder / "notes.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def note(number: int, label: str, **evidence: object) -> dict[str, object]:
    told = evidence or {"hidden_tests_passed": label == "accepted"}
    return {
        "id": f"n{number}",
        "source_dataset": "ours",
        "text": TEXTS[label],
        "label": label,
        "meta": {"scope": f"task-{number // 2}", "evidence": told},
    }


def test_evidence_makes_the_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By id and by wording every note goes where its evidence says, and without evidence none is used; exit 0."""
    path = written(tmp_path, *(note(number, "accepted" if number % 2 else "failed") for number in range(8)))
    assert main(["eval", "execution", str(path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["by", "id", "ours", "accepted", "4", "100.0%", "4", "0", "0", "0"] in lines
    assert ["by", "id", "ours", "failed", "4", "100.0%", "0", "0", "0", "4"] in lines
    assert ["by", "wording", "ours", "accepted", "4", "100.0%", "4", "0", "0", "0"] in lines
    assert ["by", "wording", "ours", "failed", "4", "100.0%", "0", "0", "0", "4"] in lines
    assert ["without", "ours", "accepted", "4", "0", "4", "0", "0"] in lines


def test_the_evidence_is_told_and_not_the_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Notes whose labels lie against their evidence are governed by the evidence, and the goals are missed; exit 1."""
    path = written(tmp_path, note(0, "accepted", hidden_tests_passed=False))
    assert main(["eval", "execution", str(path)]) == 1
    assert "missed: by id, accepted" in capsys.readouterr().out


def test_every_bad_line_is_named(tmp_path: Path) -> None:
    """Not JSON, no evidence, an unknown label: each with its line; a file that is not there too."""
    path = written(
        tmp_path, note(0, "failed"), "{", note(1, "failed", seen="yes"), {**note(2, "failed"), "label": "odd"}
    )
    with pytest.raises(ConfigError) as refused:
        read_notes(path)
    assert [problem.line for problem in refused.value.problems] == [2, 3, 4]
    with pytest.raises(ConfigError):
        read_notes(tmp_path / "nowhere")


def test_a_reworded_text_is_another_text(tmp_path: Path) -> None:
    """Its case and white space differ, and one of its sentences is gone."""
    (one,) = read_notes(written(tmp_path, note(0, "accepted")))
    text = reworded(one)
    assert text != one.text
    kept = [part for part in TEXTS["accepted"].split(". ") if part.rstrip(".").swapcase() in text]
    assert len(kept) == 2


@pytest.mark.skipif(not NOTES.exists(), reason="the open evaluation notes are not here")
async def test_the_open_notes() -> None:
    """On the notes of others: 99 % right by id, 90 % by wording, no failed one used, none used without evidence."""
    from firewall.client.wire import TIMEOUT_SECONDS, Wire
    from firewall.evaluate.execution import evaluate
    from firewall.quickstart.house import running_memfw

    async with running_memfw() as url:
        wire = Wire(url, key=None, tenant_id=None, scope=None, timeout=TIMEOUT_SECONDS)
        try:
            rows = await evaluate(read_notes(NOTES), wire.post)
        finally:
            await wire.close()
    assert missed(rows) == []
    assert all(row.right >= GOALS[row.arm] for row in pooled(rows))
    assert not any(row.actions["use_now"] for row in rows if row.label == "failed")


def test_a_goal_is_for_all_sources_together() -> None:
    """One small source may fall short; a failed note that is used never may."""
    from collections import Counter

    good = Row("by wording", "a", "failed", Counter(do_not_use=95))
    weak = Row("by wording", "b", "failed", Counter(do_not_use=1, inspect_before_use=1))
    assert missed([good, weak]) == []
    assert below([good, weak]) == ["by wording, b, failed: 50.0% of 2 is below 90%"]
    used = Row("by wording", "c", "failed", Counter(use_now=1))
    assert missed([good, used]) == ["by wording, c, failed: 1 are use_now"]
