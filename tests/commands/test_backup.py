"""`memfw backup` and `memfw restore`: what they say, and what becomes of the key ring."""

import asyncio
import stat
from pathlib import Path

import pytest

from firewall.cli import main
from firewall.keyfile import ring_beside, ring_from
from firewall.log.sqlite import SqliteLog
from tests.log.samples import KEY, held


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A log with one record, and the ring beside it."""
    path = tmp_path / "m.db"

    async def fill() -> None:
        log = await SqliteLog.open(path, signer=ring_beside(str(path), 1.0).signer())
        await log.append(KEY, [held(1)])
        await log.close()

    asyncio.run(fill())
    return path


def test_there_and_back(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without keys both commands say that the ring is not there."""
    copy, back = tmp_path / "copy.db", tmp_path / "back.db"
    assert main(["backup", "--state", str(state), str(copy)]) == 0
    assert "offset 1" in capsys.readouterr().out
    assert main(["restore", str(copy), str(back)]) == 0
    assert f"there is no {back}.keys" in capsys.readouterr().out
    assert not Path(f"{copy}.keys").exists()


def test_the_ring_goes_along_when_asked(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For its owner's eyes only; its secret is shown nowhere."""
    copy, back = tmp_path / "copy.db", tmp_path / "back.db"
    assert main(["backup", "--with-keys", "--state", str(state), str(copy)]) == 0
    assert main(["restore", "--with-keys", str(copy), str(back)]) == 0
    rings = [ring_from(Path(f"{path}.keys")) for path in (state, copy, back)]
    assert rings[0].keys == rings[1].keys == rings[2].keys
    assert stat.S_IMODE(Path(f"{back}.keys").stat().st_mode) == 0o600
    said = capsys.readouterr()
    assert rings[0].keys[0].secret not in said.out + said.err


def test_other_keys_are_not_replaced(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Found before anything is done."""
    copy = tmp_path / "copy.db"
    ring_beside(str(copy), 2.0)
    assert main(["backup", "--with-keys", "--state", str(state), str(copy)]) == 2
    assert "with other keys" in capsys.readouterr().err
    assert not copy.exists()


def test_the_log_of_a_config(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `memfw serve` would open it; one in memory cannot be copied."""
    monkeypatch.setenv("MEMFW_STATE__URL", f"sqlite:///{state}")
    assert main(["backup", str(tmp_path / "copy.db")]) == 0
    monkeypatch.setenv("MEMFW_STATE__URL", "sqlite:///:memory:")
    assert main(["backup", str(tmp_path / "other.db")]) == 2


def test_force_says_where_the_old_one_is(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And without it nothing is touched."""
    copy = tmp_path / "copy.db"
    assert main(["backup", "--state", str(state), str(copy)]) == 0
    assert main(["restore", str(copy), str(state)]) == 2
    assert "there already" in capsys.readouterr().err
    assert main(["restore", "--force", str(copy), str(state)]) == 0
    (aside,) = tmp_path.glob("m.db.replaced-*Z")
    assert str(aside) in capsys.readouterr().out
