"""The key ring's file: made once, for its owner, whole; changed without losing a key; damaged, it says so and no more."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from firewall.config import Keys
from firewall.errors import ConfigError
from firewall.keyfile import KeyFile, key_file, keys_in, ring_beside, ring_from, ring_source
from firewall.keyring import KeyRing, RingKey, new_key
from tests.sidecar import sidecar

NOW = 1_700_000_000.0


def url_in(folder: Path) -> str:
    return f"sqlite:///{folder}/memfw.db"


def test_it_is_made_once_beside_the_store(tmp_path: Path) -> None:
    """The next start has the same keys; nothing else is left behind; only its owner may read it."""
    first = ring_beside(url_in(tmp_path), NOW)
    assert ring_beside(url_in(tmp_path), NOW + 9).keys == first.keys
    assert [path.name for path in tmp_path.iterdir()] == ["memfw.db.keys"]
    assert stat.S_IMODE((tmp_path / "memfw.db.keys").stat().st_mode) == 0o600


def test_several_processes_have_one(tmp_path: Path) -> None:
    """Whoever comes first makes it."""
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: ring_beside(url_in(tmp_path), NOW).keys, range(32)))
    assert len(set(rings)) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_store_in_memory_has_its_own() -> None:
    """It lasts as long as the store does."""
    one, other = (ring_beside("sqlite:///:memory:", NOW) for _ in range(2))
    assert one.current != other.current


@pytest.mark.parametrize("url", ["redis://h:1", "rediss://h:1/0", "redis+cluster://h:1"])
def test_a_shared_store_needs_one(url: str, tmp_path: Path) -> None:
    """Replicas with keys of their own would not believe each other: there is no start without a configured ring, and no
    replica makes one."""
    with pytest.raises(ConfigError, match=r"keys\.ring"):
        ring_source(url, Keys(), NOW)
    place = tmp_path / "ring.json"
    with pytest.raises(ConfigError, match="memfw keys new"):
        ring_source(url, Keys(ring=place), NOW).read()
    KeyFile(place).add(NOW)
    assert ring_source(url, Keys(ring=place), NOW).read() == KeyFile(place).read()


def test_a_configured_ring_goes_before_the_one_beside(tmp_path: Path) -> None:
    """A file, or the ring itself in a secret."""
    place = tmp_path / "elsewhere"
    assert key_file(url_in(tmp_path), Keys(ring=f"file:{place}")).path == place  # type: ignore[union-attr]
    KeyFile(place).add(NOW)
    held = Keys(ring=SecretStr(place.read_text()))
    assert ring_source(url_in(tmp_path), held, NOW).read() == KeyFile(place).read()
    assert "secret" not in repr(held)


def test_a_new_key_makes_and_the_old_ones_stay(tmp_path: Path) -> None:
    """From the oldest to the newest; a retired one is no current one."""
    file = KeyFile(tmp_path / "ring")
    first, second = file.add(NOW), file.add(NOW + 1)
    assert ring_from(file.path).current == second.id
    file.retire(second.id, NOW + 2)
    ring = ring_from(file.path)
    assert (ring.current, len(ring.keys)) == (first.id, 2)
    assert ring.stamping("t", second.id) is None
    file.retire(second.id, NOW + 3)
    assert ring_from(file.path).keys == ring.keys


def test_the_only_living_key_is_not_retired(tmp_path: Path) -> None:
    """Nor is an unknown one; the file stays what it was."""
    file = KeyFile(tmp_path / "ring")
    key = file.add(NOW)
    before = file.path.read_bytes()
    for key_id, words in ((key.id, "only key"), ("k0", "no key of this id")):
        with pytest.raises(ConfigError, match=words):
            file.retire(key_id, NOW)
    assert file.path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_changes_at_once_follow_each_other(tmp_path: Path) -> None:
    """No key is lost to another process."""
    file = KeyFile(tmp_path / "ring")
    with ThreadPoolExecutor(8) as pool:
        made = {key.id for key in pool.map(lambda _: KeyFile(file.path).add(NOW), range(24))}
    assert {key.id for key in file.read()} == made


def test_a_ring_that_was_made_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A memfw that starts while its first key is added by hand goes on with the ring that it made."""
    file = KeyFile(tmp_path / "ring.json")

    def meanwhile(_: int) -> None:
        monkeypatch.undo()
        file.read_or_make(NOW)

    monkeypatch.setattr("firewall.keyfile.os.fsync", meanwhile)
    with pytest.raises(ConfigError, match="File exists"):
        file.add(NOW)
    kept = file.read()
    assert (*kept, file.add(NOW)) == file.read()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is replaced."""
    real, link = tmp_path / "real", tmp_path / "link"
    KeyFile(real).add(NOW)
    link.symlink_to(real)
    KeyFile(link).add(NOW)
    assert link.is_symlink()
    assert len(KeyFile(real).read()) == 2


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o620, 0o602])
def test_others_must_not_use_it(tmp_path: Path, mode: int) -> None:
    """A group may read a mounted secret; everything else is refused with what to do."""
    file = KeyFile(tmp_path / "ring")
    file.add(NOW)
    file.path.chmod(0o440)
    assert file.read()
    file.path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        file.read()


def test_a_damaged_one_says_nothing_of_itself(tmp_path: Path) -> None:
    """Wherever it was cut or changed: a ConfigError without the secret."""
    key = new_key(NOW)
    file = KeyFile(tmp_path / "ring")
    file.add(NOW)
    whole = file.path.read_bytes()
    tree = json.loads(whole)
    secret = tree["keys"][0]["secret"]
    wrong: list[object] = [
        {**tree, "format": 2},
        {**tree, "keys": []},
        {**tree, "keys": tree["keys"] * 2},
        {**tree, "more": 1},
        {**tree, "keys": [{**tree["keys"][0], "secret": secret[:-1]}]},
        {**tree, "keys": [{**tree["keys"][0], "made_at": 1e300}]},
        {**tree, "keys": [{**tree["keys"][0], "retired_at": 5.0}]},
        {**tree, "keys": [{**tree["keys"][0], "id": "k 1\n"}]},
    ]
    for content in [whole[:at] for at in range(0, len(whole) - 2, 7)] + [
        json.dumps(one).encode() for one in wrong
    ]:
        os.truncate(file.path, 0)
        file.path.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            file.read()
        assert secret[:8] not in str(caught.value)
    assert key.secret not in repr((key, KeyRing([key])))


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_ring_or_a_config_error(content: bytes) -> None:
    """Nothing else gets out."""
    with pytest.raises(ConfigError):
        keys_in(content, "ring")


def test_a_ring_is_renewed_for_all_who_have_it() -> None:
    """What was concluded from the old keys belongs to the old revision; a signer goes on with its own key."""
    one, two = new_key(NOW), new_key(NOW + 1)
    ring = KeyRing([one])
    signer, before = ring.signer(), ring.revision
    assert ring.stamping("t") is not None
    ring.renew([retired(one), two])
    assert ring.current == two.id
    assert ring.revision != before
    assert ring.stamping("t", one.id) is None
    assert signer.key_id == one.id
    with pytest.raises(ValueError, match="no key"):
        ring.renew([])
    assert ring.current == two.id


def retired(key: RingKey) -> RingKey:
    return msgspec.structs.replace(key, retired_at=NOW)


async def test_a_running_memfw_takes_its_ring_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When it is told to; one that cannot be used changes nothing, and the log says so without showing it."""
    async with sidecar(tmp_path, {}) as memfw:
        ring = memfw.house.services.ring
        file = KeyFile(tmp_path / "memfw.db.keys")
        new = file.add(NOW)
        memfw.house.reload()
        assert ring.current == new.id
        file.path.write_text(file.path.read_text()[:-9])
        memfw.house.reload()
        assert ring.current == new.id
    assert "key ring not read again, the last one stays" in caplog.messages
    assert new.secret[:8] not in caplog.text
