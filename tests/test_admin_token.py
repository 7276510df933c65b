"""The admin token of a keyless set-up: told once, kept as a digest, whole or not at all."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firewall.admin_token import AdminToken, rotate, token_file
from firewall.errors import ConfigError
from firewall.service.principals import ADMIN, ADMIN_PREFIX, LOCAL, Principals, digest_of

MEMORY = "sqlite:///:memory:"


def test_it_is_told_once(tmp_path: Path) -> None:
    """The first start makes and tells it; the next one knows its digest and tells nothing; no clear token is kept."""
    url, told = f"sqlite:///{tmp_path}/memfw.db", list[str]()
    first = AdminToken(url, told.append).first()
    (token,) = told
    assert token.startswith(ADMIN_PREFIX)
    assert len(token) >= len(ADMIN_PREFIX) + 40
    assert first == digest_of(token) == AdminToken(url, told.append).first()
    assert told == [token]
    (file,) = tmp_path.iterdir()
    assert file.name == "memfw.db.admin-token"
    assert token not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_of_several_processes_one_tells_it(tmp_path: Path) -> None:
    """And all have that one's digest."""
    url, told = f"sqlite:///{tmp_path}/memfw.db", list[str]()
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda _: AdminToken(url, told.append).first(), range(32)))
    assert digests == {digest_of(token) for token in told}
    assert len(told) == 1


def test_nobody_to_tell_none_made(tmp_path: Path) -> None:
    """A token that nobody learns is not made; one that is there counts all the same."""
    url = f"sqlite:///{tmp_path}/memfw.db"
    assert AdminToken(url).first() is None
    assert list(tmp_path.iterdir()) == []
    token = rotate(url)
    assert AdminToken(url).first() == digest_of(token)


def test_a_new_one_ends_the_old_one(tmp_path: Path) -> None:
    """A running process takes it with `digest`."""
    url, told = f"sqlite:///{tmp_path}/memfw.db", list[str]()
    running = AdminToken(url, told.append)
    principals = Principals([], admin_digest=running.first())
    assert principals.resolve(told[0], native=True) is ADMIN
    new = rotate(url)
    principals.admin_digest = running.digest()
    assert principals.resolve(told[0], native=True) is LOCAL
    assert principals.resolve(new, native=False) is ADMIN
    assert [path.name for path in tmp_path.iterdir()] == ["memfw.db.admin-token"]


@pytest.mark.parametrize("url", [MEMORY, "redis://127.0.0.1:6379/0", "rediss+cluster://h:1"])
def test_a_store_without_a_place_beside_it(url: str) -> None:
    """A token for the life of the process: each start tells another one, and there is nothing to rotate."""
    told = list[str]()
    one, two = AdminToken(url, told.append), AdminToken(url, told.append)
    assert one.first() != two.first()
    assert one.digest() == digest_of(told[0])
    assert token_file(url) is None
    with pytest.raises(ConfigError, match="keeps no admin token"):
        rotate(url)


@pytest.mark.parametrize("content", [b"", b"memfw_admin_clear", b"0" * 63, b"0" * 65, b"\xff" * 64])
def test_a_file_that_is_no_digest_opens_nothing(tmp_path: Path, content: bytes) -> None:
    """It is not replaced behind the operator's back, and not shown."""
    file = tmp_path / "memfw.db.admin-token"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="holds no digest") as caught:
        AdminToken(f"sqlite:///{tmp_path}/memfw.db", lambda _: None).first()
    assert "clear" not in str(caught.value)
    assert file.read_bytes() == content


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A problem that names the file; nothing is told."""
    url, told = f"sqlite:///{tmp_path}/no/such/memfw.db", list[str]()
    with pytest.raises(ConfigError, match=r"memfw\.db\.admin-token: No such file"):
        AdminToken(url, told.append).first()
    with pytest.raises(ConfigError, match=r"memfw\.db\.admin-token: No such file"):
        rotate(url)
    assert told == []
