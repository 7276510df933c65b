"""A key that lasts: made once beside the state, for its owner only."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firewall.errors import ConfigError
from firewall.log.lasting_key import lasting_key


def test_it_is_made_once(tmp_path: Path) -> None:
    """The next start has the same; another kind is another key; nothing else is left behind."""
    url = f"sqlite:///{tmp_path}/memfw.db"
    key = lasting_key(url, "index-key")
    assert len(key) >= 32
    assert lasting_key(url, "index-key") == key
    assert lasting_key(url, "other-key") != key
    assert sorted(path.name for path in tmp_path.iterdir()) == ["memfw.db.index-key", "memfw.db.other-key"]


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """Mode 0600, whatever the umask says."""
    lasting_key(f"sqlite:///{tmp_path}/memfw.db", "index-key")
    assert stat.S_IMODE((tmp_path / "memfw.db.index-key").stat().st_mode) == 0o600


def test_several_processes_have_one(tmp_path: Path) -> None:
    """Whoever comes first makes it."""
    url = f"sqlite:///{tmp_path}/memfw.db"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: lasting_key(url, "index-key"), range(32)))
    assert len(keys) == 1


def test_a_store_in_memory_has_its_own() -> None:
    """It lasts as long as the store does."""
    assert lasting_key("sqlite:///:memory:", "k") != lasting_key("sqlite:///:memory:", "k")


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 1_000])
def test_a_key_that_is_none_is_no_key(tmp_path: Path, content: bytes) -> None:
    """It is not replaced behind the operator's back."""
    (tmp_path / "memfw.db.index-key").write_bytes(content)
    with pytest.raises(ConfigError, match="holds no key"):
        lasting_key(f"sqlite:///{tmp_path}/memfw.db", "index-key")
    assert (tmp_path / "memfw.db.index-key").read_bytes() == content


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A problem that names the file."""
    with pytest.raises(ConfigError, match="index-key: No such file"):
        lasting_key(f"sqlite:///{tmp_path}/none/memfw.db", "index-key")
