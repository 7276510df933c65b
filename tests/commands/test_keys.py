"""`memfw keys`: what it shows and changes, and that it never shows a secret."""

from pathlib import Path

import pytest

from firewall.cli import main
from firewall.keyfile import KeyFile


def test_from_the_first_key_to_a_retired_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """new, list, retire; the last living key stays."""
    ring = str(tmp_path / "ring.json")
    assert main(["keys", "new", "--ring", ring]) == 0
    assert main(["keys", "new", "--ring", ring]) == 0
    old, new = KeyFile(Path(ring)).read()
    assert main(["keys", "retire", old.id, "--ring", ring]) == 0
    assert main(["keys", "list", "--ring", ring]) == 0
    assert main(["keys", "retire", new.id, "--ring", ring]) == 2
    said = capsys.readouterr()
    shown = said.out + said.err
    assert f"{old.id} is retired" in shown
    assert "only key that is not retired" in said.err
    table = {
        line.split()[0]: line for line in said.out.splitlines() if line.endswith(tuple("0123456789abcdef"))
    }
    assert " makes " in table[new.id]
    assert " retired 2" in table[old.id]
    assert old.secret not in shown
    assert new.secret not in shown


def test_the_ring_of_a_config(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that `memfw serve` would use; a store in memory has none."""
    monkeypatch.setenv("MEMFW_STATE__URL", f"sqlite:///{tmp_path}/m.db")
    assert main(["keys", "list"]) == 2
    assert "there is no key ring" in capsys.readouterr().err
    assert main(["keys", "new"]) == 0
    assert (tmp_path / "m.db.keys").exists()
    monkeypatch.setenv("MEMFW_KEYS__RING", str(tmp_path / "other"))
    assert main(["keys", "list"]) == 2
    monkeypatch.delenv("MEMFW_KEYS__RING")
    monkeypatch.setenv("MEMFW_STATE__URL", "sqlite:///:memory:")
    assert main(["keys", "list"]) == 2
