"""`memfw principals`: digests of keys from standard input, and a new admin token."""

import argparse
import hashlib
import io
from pathlib import Path

import pytest

from firewall.admin_token import AdminToken
from firewall.commands import principals
from firewall.errors import ConfigError
from firewall.service.principals import digest_of

KEY = "a-key-that-is-long-enough"


def ran(*words: str, into: str = "") -> tuple[int, str, str]:
    """The exit code, and what came out and as errors."""
    parser = argparse.ArgumentParser()
    principals.add_commands(parser.add_subparsers())
    out, err = io.StringIO(), io.StringIO()
    code = principals.run(parser.parse_args(["principals", *words]), into=io.StringIO(into), out=out, err=err)
    return code, out.getvalue(), err.getvalue()


def test_a_digest_is_what_the_config_takes() -> None:
    """The sha256 of the key as a client sends it; the line's end that `echo` adds is no part of it."""
    for text in (KEY, f"{KEY}\n", f"  {KEY}\r\n"):
        assert ran("hash", into=text) == (0, hashlib.sha256(KEY.encode()).hexdigest() + "\n", "")


def test_a_key_does_not_stand_in_the_command() -> None:
    """Every user of the machine can see command lines."""
    with pytest.raises(SystemExit):
        ran("hash", KEY)


@pytest.mark.parametrize("text", ["", "\n", "two words", "two\nlines"])
def test_what_is_no_key(text: str) -> None:
    """Nothing, or more than one word, is refused and not repeated."""
    assert ran("hash", into=text) == (2, "", "a key is one word\n")


def test_a_short_key_is_warned_of() -> None:
    """Its digest is as good as the key itself."""
    code, out, err = ran("hash", into="short")
    assert (code, len(out)) == (0, 65)
    assert "guessed" in err
    assert "short" not in err


def test_a_new_admin_token(tmp_path: Path) -> None:
    """It comes out alone, so that it can be kept; the words around it are no part of that."""
    config, url = tmp_path / "memfw.yaml", f"sqlite:///{tmp_path}/memfw.db"
    config.write_text(f"state: {{url: '{url}'}}\n")
    tokens = []
    for _ in range(2):
        code, out, err = ran("admin-token", "--config", str(config))
        tokens.append(out.strip())
        assert (code, AdminToken(url).digest()) == (0, digest_of(tokens[-1]))
        assert "shown once" in err
        assert tokens[-1] not in err
    assert tokens[0] != tokens[1]


def test_no_admin_token_with_principals(tmp_path: Path) -> None:
    """The administrator is one of them; a store in memory has nothing to keep a token in."""
    config = tmp_path / "memfw.yaml"
    config.write_text(f"principals: [{{name: a, key_sha256: {'0' * 64}}}]\n")
    code, out, err = ran("admin-token", "--config", str(config))
    assert (code, out) == (2, "")
    assert "role admin" in err
    config.write_text("state: {url: 'sqlite:///:memory:'}\n")
    with pytest.raises(ConfigError, match="keeps no admin token"):
        ran("admin-token", "--config", str(config))
