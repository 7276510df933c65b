"""`memfw audit`: whose keys are trusted, what is written and read, and which exit code says what."""

import asyncio
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from firewall.cli import main
from firewall.keyfile import ring_beside
from firewall.log.sqlite import SqliteLog
from tests.log.samples import KEY, decision, held

Say = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs `memfw audit` with these words: exit code, standard output, standard error."""

    def run(*words: object) -> tuple[int, str, str]:
        code = main(["audit", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Path:
    """A copy of the log with its key ring."""
    shutil.copy(built / "log.db", tmp_path / "log.db")
    shutil.copy(built / "log.db.keys", tmp_path / "log.db.keys")
    return tmp_path / "log.db"


@pytest.fixture
def exported(built: Path, tmp_path: Path) -> Path:
    """A copy of its export, with nothing beside it."""
    return Path(shutil.copy(built / "log.jsonl", tmp_path / "export.jsonl"))


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


# ---- whose keys --------------------------------------------------------------------------------------------------


def test_a_store_is_verified_with_the_ring_beside_it(say: Say, store: Path) -> None:
    """And with no other, once that is gone; none is made."""
    code, out, _ = say("verify", "--state", _url(store))
    assert code == 0
    assert out.startswith("sound: ")
    assert "the key ring of the store" in out
    Path(f"{store}.keys").unlink()
    code, _, err = say("verify", "--state", _url(store))
    assert code == 2
    assert "there is no key ring" in err
    assert not Path(f"{store}.keys").exists()


def test_an_export_does_not_vouch_for_itself(say: Say, exported: Path, built: Path) -> None:
    """Somebody has to say which keys to trust: the one who verifies, an anchor, or, asked for, the file."""
    code, out, err = say("verify", exported)
    assert (code, out) == (2, "")
    assert "nothing says which keys to trust" in err
    code, out, _ = say("verify", exported, "--trust-file-keys")
    assert code == 0
    assert "proves order and wholeness, not who wrote it" in out
    _, printed, _ = say("keys", "--keys", built / "log.db.keys", "--state", _url(built / "log.db"))
    for words in (
        ("--keys", built / "log.db.keys"),
        ("--key", printed.strip()),
        ("--anchor", built / "anchor.json"),
    ):
        code, out, _ = say("verify", exported, *words)
        assert code == 0
        assert "not who wrote it" not in out


def test_a_key_of_somebody_else(say: Say, exported: Path) -> None:
    """Proves nothing: every lane is said to be signed with a key that is not trusted."""
    code, out, _ = say("verify", exported, "--key", f"k9={'ab' * 32}")
    assert code == 1
    assert out.startswith("TAMPERED: ")
    assert "which is not among the trusted ones" in out


def test_keys_that_disagree(say: Say, exported: Path, built: Path) -> None:
    """One id with two keys is a mistake, whoever is right."""
    name = json.loads((built / "anchor.json").read_text())["key_id"]
    code, _, err = say("verify", exported, "--anchor", built / "anchor.json", "--key", f"{name}={'ab' * 32}")
    assert code == 2
    assert f"has another key {name}" in err


@pytest.mark.parametrize("key", ["", "k1", "k1=", "k1=ab", f"={'ab' * 32}", f"k1={'AB' * 32}"])
def test_keys_that_are_none(say: Say, exported: Path, key: str) -> None:
    """Are refused, not ignored."""
    assert say("verify", exported, "--key", key)[0] == 2


def test_public_keys(say: Say, store: Path) -> None:
    """As `--key` takes them; no secret is among them."""
    code, out, _ = say("keys", "--state", _url(store))
    assert code == 0
    secret = json.loads(Path(f"{store}.keys").read_text())["keys"][0]["secret"]
    assert secret not in out
    assert say("verify", "--state", _url(store), "--key", out.strip())[0] == 0


def test_the_store_of_a_config(say: Say, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its URL and its ring, from the file or the environment."""
    config = store.parent / "memfw.yaml"
    ring = store.parent / "ring"
    Path(f"{store}.keys").rename(ring)
    config.write_text(f"state: {{url: '{_url(store)}'}}\nkeys: {{ring: '{ring}'}}\n")
    assert say("verify", "--config", config)[0] == 0
    monkeypatch.setenv("MEMFW_STATE__URL", _url(store))
    assert say("verify")[0] == 2
    monkeypatch.setenv("MEMFW_KEYS__RING", str(ring))
    assert say("verify")[0] == 0


# ---- what is written ---------------------------------------------------------------------------------------------


def test_what_is_written_is_its_owners(say: Say, store: Path) -> None:
    """Mode 0600, in the place of what was there, and nothing half beside it."""
    before = set(store.parent.iterdir())
    for command in ("export", "anchor"):
        out = store.parent / command
        out.write_text("older")
        assert say(command, "--state", _url(store), "--out", out)[0] == 0
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        assert out.read_text().startswith("{")
    new = {path.name for path in set(store.parent.iterdir()) - before}
    assert new - {"log.db-wal", "log.db-shm"} == {"export", "anchor"}


def test_a_place_that_cannot_be_written(say: Say, store: Path) -> None:
    """Exit code 2."""
    code, _, err = say("export", "--state", _url(store), "--out", store.parent / "nowhere" / "x")
    assert code == 2
    assert "No such file" in err


def test_to_standard_output(store: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Where no file is named."""
    assert main(["audit", "export", "--state", _url(store)]) == 0
    lines = capfdbinary.readouterr().out.splitlines()
    assert json.loads(lines[0])["line"] == "header"
    assert json.loads(lines[-1])["line"] == "end"


def test_an_export_without_a_ring(say: Say, store: Path) -> None:
    """An auditor who has the store only may export it; the file then brings no keys."""
    Path(f"{store}.keys").unlink()
    out = store.parent / "x.jsonl"
    assert say("export", "--state", _url(store), "--out", out)[0] == 0
    assert json.loads(out.read_text().splitlines()[0])["keys"] == {}
    code, _, err = say("verify", out, "--trust-file-keys")
    assert code == 2
    assert "brings no public keys" in err


def test_verifying_changes_nothing(say: Say, store: Path) -> None:
    """Not a byte of the store."""
    before = store.read_bytes()
    assert say("verify", "--state", _url(store))[0] == 0
    assert say("export", "--state", _url(store), "--out", store.parent / "x")[0] == 0
    assert store.read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_in_which_nothing_can_be_made(say: Say, store: Path) -> None:
    """Such as a backup that is mounted for reading only."""
    store.parent.chmod(0o500)
    try:
        assert say("verify", "--state", _url(store))[0] == 0
    finally:
        store.parent.chmod(0o700)


# ---- stores in use, retention ------------------------------------------------------------------------------------


def test_a_store_in_use(store: Path) -> None:
    """Is read as it was at one moment, while its writer goes on; also by who makes an anchor."""
    url = _url(store)

    async def use() -> list[int]:
        log = await SqliteLog.open(url, signer=ring_beside(url, 1.0).signer())
        writing = asyncio.get_running_loop().create_task(_write(log))
        codes = [
            await asyncio.to_thread(main, ["audit", *words.split(), "--state", url])
            for words in ("verify", f"anchor --out {store}.anchor", f"verify --anchor {store}.anchor")
        ]
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await log.close()
        return codes

    assert asyncio.run(use()) == [0, 0, 0]
    assert main(["audit", "verify", "--state", url, "--anchor", f"{store}.anchor"]) == 0


async def _write(log: SqliteLog) -> None:
    number = 2000
    while True:
        number += 1
        await log.append(KEY, [held(number)])
        log.record_decision(decision(number))


def test_a_trimmed_store(say: Say, store: Path) -> None:
    """Verifies, also against an anchor from before; what retention did not let go is still missed."""
    url = _url(store)
    assert say("anchor", "--state", url, "--out", f"{store}.anchor")[0] == 0

    async def trim() -> int:
        log = await SqliteLog.open(url, signer=ring_beside(url, 1.0).signer())
        await log.save_snapshot(KEY, 10_000, b"snapshot")
        trimmed = await log.trim(before=10.0**12)
        await log.close()
        return trimmed.records + trimmed.decisions

    gone = asyncio.run(trim())
    assert gone > 0
    code, out, _ = say("verify", "--state", url, "--anchor", f"{store}.anchor", "--json")
    assert code == 0, out
    assert json.loads(out)["counts"]["evidence"] < 40
    with closing(sqlite3.connect(store)) as connection, connection:
        (name,) = connection.execute("SELECT event_id FROM record LIMIT 1").fetchone()
        connection.execute("DELETE FROM record WHERE event_id = ?", (name,))
    code, out, _ = say("verify", "--state", url)
    assert code == 1
    assert f"first: evidence {name}" in out
    assert "was sealed and is not stored [missing]" in out


# ---- what cannot be read -----------------------------------------------------------------------------------------


def test_files_that_are_no_export(say: Say, tmp_path: Path, built: Path) -> None:
    """Exit code 2, and a reason."""
    for name, content in (("empty", b""), ("db", (built / "log.db").read_bytes()), ("json", b"{}\n")):
        (tmp_path / name).write_bytes(content)
        code, out, err = say("verify", tmp_path / name, "--keys", built / "log.db.keys")
        assert (code, out) == (2, "")
        assert "is no export" in err
    assert say("verify", tmp_path / "nothing", "--keys", built / "log.db.keys")[0] == 2


def test_anchors_that_are_none(say: Say, exported: Path, built: Path) -> None:
    """Nobody is told that a store is sound against an anchor that was changed."""
    for content in ("", "{}", (built / "anchor.json").read_text().replace('"seq": 1', '"seq": 2')):
        changed = exported.parent / "anchor"
        changed.write_text(content)
        code, out, err = say("verify", exported, "--anchor", changed)
        assert (code, out) == (2, "")
        assert "anchor" in err


def test_stores_that_cannot_be_read(say: Say, tmp_path: Path, built: Path) -> None:
    """No file, no database, another program's, one in memory: never a new file, and never sound."""
    keys = ("--keys", built / "log.db.keys")
    assert say("verify", "--state", _url(tmp_path / "none.db"), *keys)[0] == 2
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("not a database, but long enough to be looked at" * 50)
    assert say("verify", "--state", _url(tmp_path / "text.db"), *keys)[0] == 2
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
        connection.execute("CREATE TABLE other (x)")
    code, _, err = say("verify", "--state", _url(tmp_path / "other.db"), *keys)
    assert code == 2
    assert "another program's database" in err
    assert say("verify", "--state", "sqlite:///:memory:", *keys)[0] == 2
    assert say("verify", "--state", "mysql://x", *keys)[0] == 2


def test_values_of_the_wrong_type(say: Say, store: Path) -> None:
    """Whatever somebody put into the columns of a seal, a record or a receipt: a fault, not a crash."""
    edits = (
        "UPDATE seal SET body = 'text' WHERE place = 3",
        "UPDATE seal SET signature = 7 WHERE place = 3",
        "UPDATE seal SET lane = x'ff' WHERE place = 3",
        "UPDATE seal SET seq = 'third' WHERE place = 3",
        "UPDATE seal SET at = at + 1 WHERE place = 3",
        "UPDATE record SET tenant = x'ff' WHERE offset = 3",
        "UPDATE record SET body = 7 WHERE offset = 3",
        "UPDATE record SET event_id = x'00' WHERE offset = 3",
        "UPDATE decision SET scope = x'c328' WHERE seq = 3",
    )
    for edit in edits:
        copy = Path(shutil.copy(store, store.parent / "copy.db"))
        with closing(sqlite3.connect(copy)) as connection, connection:
            assert connection.execute(edit).rowcount == 1
        words = ("--state", _url(copy), "--keys", f"{store}.keys")
        code, out, _ = say("verify", *words)
        if "signature" in edit:
            continue  # nothing rests on it: the chain proves that seal
        assert (code, out[:8]) == (1, "TAMPERED"), edit
        assert say("export", *words, "--out", store.parent / "copy.jsonl")[0] == 0
        assert say("verify", store.parent / "copy.jsonl", "--keys", f"{store}.keys")[0] == 1, edit
