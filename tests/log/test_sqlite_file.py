"""The file itself: who may read it, whose it is, where it may be."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from firewall.errors import ConfigError, StateError
from firewall.log.sqlite import SqliteLog
from firewall.log.sqlite_file import SqliteSettings, database_path
from tests.log.keys import SIGNER
from tests.log.samples import KEY, held, numbers


async def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Mode 0600, the files that SQLite keeps beside it too."""
    log = await SqliteLog.open(f"sqlite:///{tmp_path}/log.db", signer=SIGNER)
    await log.append(KEY, [held(1)])
    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in os.scandir(tmp_path)}
    assert modes == {"log.db": 0o600, "log.db-shm": 0o600, "log.db-wal": 0o600}
    await log.close()


async def test_commits_are_durable_by_default(tmp_path: Path) -> None:
    """WAL with a sync at each commit; durability `process` leaves the sync to the system."""
    for durability, synchronous in (("commit", 2), ("process", 1)):
        settings = SqliteSettings(durability=durability)  # type: ignore[arg-type] # one of the two words
        log = await SqliteLog.open(tmp_path / durability, signer=SIGNER, settings=settings)
        with log._links.writer as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)
        await log.close()


async def test_a_file_that_is_no_database_is_corrupt(tmp_path: Path) -> None:
    """It is refused, and stays as it was."""
    path = tmp_path / "log.db"
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 100)
    with pytest.raises(StateError) as caught:
        await SqliteLog.open(path, signer=SIGNER)
    assert caught.value.code == "log_corrupt"
    assert path.read_bytes().startswith(b"not a database")


async def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """Our tables do not belong into it."""
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE record (id)")
    other.close()
    with pytest.raises(StateError) as caught:
        await SqliteLog.open(tmp_path / "other.db", signer=SIGNER)
    assert caught.value.code == "log_format"


async def test_the_log_of_a_newer_memfw_is_refused(tmp_path: Path) -> None:
    """A schema that this version does not know is not half understood."""
    await (await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)).close()
    other = sqlite3.connect(tmp_path / "log.db")
    other.execute("PRAGMA user_version=99")
    other.close()
    with pytest.raises(StateError) as caught:
        await SqliteLog.open(tmp_path / "log.db", signer=SIGNER)
    assert caught.value.code == "log_format"


@pytest.mark.parametrize("where", ["missing/log.db", "file/log.db", "."])
async def test_a_place_where_no_file_can_be_is_unavailable(tmp_path: Path, where: str) -> None:
    """A missing directory, a file instead of one, a directory instead of a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError) as caught:
        await SqliteLog.open(tmp_path / where, signer=SIGNER)
    assert caught.value.code == "log_unavailable"


async def test_memory_logs_are_apart(tmp_path: Path) -> None:
    """Each opening of :memory: is a log of its own."""
    one, two = (
        await SqliteLog.open("sqlite:///:memory:", signer=SIGNER),
        await SqliteLog.open("sqlite:///:memory:", signer=SIGNER),
    )
    await one.append(KEY, [held(1)])
    assert numbers(await one.read(KEY)) == ["m1"]
    assert await two.read(KEY) == []
    await one.close()
    await two.close()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///memfw.db", "memfw.db"),
        ("sqlite:////var/lib/memfw.db", "/var/lib/memfw.db"),
        ("sqlite:///:memory:", ":memory:"),
        ("plain.db", "plain.db"),
        (Path("/a/b.db"), "/a/b.db"),
    ],
)
def test_urls_name_paths(url: str | Path, path: str) -> None:
    """Three slashes are relative, four absolute; a plain path is one."""
    assert database_path(url) == path


@pytest.mark.parametrize(
    "url", ["", "sqlite:///", "sqlite://host/x.db", "sqlite:x.db", "redis://localhost", "a\0b"]
)
def test_urls_of_another_kind_are_config_errors(url: str) -> None:
    """The message names the setting."""
    with pytest.raises(ConfigError, match=r"state\.url"):
        database_path(url)
