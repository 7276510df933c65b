"""The log that a URL names."""

import subprocess
import sys
from pathlib import Path

import pytest

from firewall.errors import ConfigError
from firewall.log.open import open_log
from firewall.log.redis import RedisLog
from firewall.log.sqlite import SqliteLog
from tests.log.keys import SIGNER
from tests.log.samples import KEY, held

_LOADED = (
    "import sys, firewall.log.open; print([name for name in ('redis', 'hiredis') if name in sys.modules])"
)


@pytest.mark.parametrize("kind", [SqliteLog, RedisLog])
async def test_the_scheme_chooses(kind: type, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A file, or the shared store."""
    url = f"sqlite:///{tmp_path}/log.db" if kind is SqliteLog else request.getfixturevalue("redis_url")
    log = await open_log(url, signer=SIGNER)
    assert isinstance(log, kind)
    await log.append(KEY, [held(1)])
    await log.close()


async def test_a_url_of_nothing() -> None:
    """Is a mistake of the configuration."""
    with pytest.raises(ConfigError):
        await open_log("redis://", signer=SIGNER)


def test_redis_is_loaded_only_where_it_is_used() -> None:
    """An embedded log does without it."""
    done = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
