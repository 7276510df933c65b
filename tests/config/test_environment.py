"""The environment over the file: names, precedence, JSON, and which variables are no settings."""

from hashlib import sha256
from pathlib import Path

import pytest

from firewall.config import Config, Mem0Remote, load_config
from firewall.errors import ConfigError

FILE = """\
listen: {port: 1000}
upstreams:
  my-notes: {dialect: mem0, url: "https://file.example"}
principals:
- {name: a, key: "env:A_KEY"}
"""


def loaded(tmp_path: Path, **environ: str) -> Config:
    path = tmp_path / "memfw.yaml"
    path.write_text(FILE)
    return load_config(path, {"A_KEY": "hush", **environ})


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    """Two underscores go one step deeper; text becomes what the setting is."""
    config = loaded(
        tmp_path, MEMFW_LISTEN__PORT="2000", MEMFW_LOG__LEVEL="error", MEMFW_LIMITS__QUEUE_TIMEOUT="0.5"
    )
    assert (config.listen.port, config.log.level, config.limits.queue_timeout) == (2000, "error", 0.5)


def test_names_and_places(tmp_path: Path) -> None:
    """An upstream's name in capitals with `-` as `_`, a place of a list, a new upstream."""
    config = loaded(
        tmp_path,
        MEMFW_UPSTREAMS__MY_NOTES__URL="https://env.example",
        MEMFW_PRINCIPALS__0__ROLE="admin",
        MEMFW_UPSTREAMS__OTHER__DIALECT="mem0",
        MEMFW_UPSTREAMS__OTHER__URL="https://other.example",
        MEMFW_UPSTREAMS__OTHER__AUTH="passthrough",
    )
    urls = {name: up.url for name, up in config.upstreams.items() if isinstance(up, Mem0Remote)}
    assert urls == {"my-notes": "https://env.example", "other": "https://other.example"}
    assert config.principals[0].role == "admin"


def test_lists_and_objects_are_json(tmp_path: Path) -> None:
    """A whole list replaces the file's; a part laid over it comes after."""
    config = loaded(
        tmp_path,
        MEMFW_PRINCIPALS='[{"name": "b", "key": "env:MEMFW_B_KEY", "scopes": ["s"]}]',
        MEMFW_PRINCIPALS__0__TENANT="acme",
        MEMFW_B_KEY="whisper",
    )
    (principal,) = config.principals
    assert (principal.name, principal.tenant, principal.scopes) == ("b", "acme", ("s",))
    assert principal.digest == sha256(b"whisper").digest()


def test_the_file_can_be_named_by_the_environment(tmp_path: Path) -> None:
    """MEMFW_CONFIG, where no path is given; a path that is given wins."""
    path = tmp_path / "other.yaml"
    path.write_text("log: {level: error}\n")
    assert load_config(None, {"MEMFW_CONFIG": str(path)}).log.level == "error"
    assert loaded(tmp_path, MEMFW_CONFIG=str(path)).log.level == "info"


def test_what_kubernetes_sets_is_no_setting(tmp_path: Path) -> None:
    """A service called memfw puts its addresses into every container; a setting of a like name still counts."""
    config = loaded(
        tmp_path,
        MEMFW_SERVICE_HOST="10.0.0.1",
        MEMFW_SERVICE_PORT="8700",
        MEMFW_SERVICE_PORT_HTTP="8700",
        MEMFW_PORT="tcp://10.0.0.1:8700",
        MEMFW_PORT_8700_TCP="tcp://10.0.0.1:8700",
        MEMFW_PORT_8700_TCP_PROTO="tcp",
        MEMFW_PORT_8700_TCP_ADDR="10.0.0.1",
        MEMFW_SIDECAR_SERVICE_HOST="fd00::1",
        OTHER="x",
    )
    assert config.listen.port == 1000


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MEMFW_LISTEN__PROT", "1", "MEMFW_LISTEN__PROT: listen.prot: unknown key, did you mean `port`?"),
        ("MEMFW_LIMITS", "many", "MEMFW_LIMITS: limits: Input should be"),
        ("MEMFW_LIMITS", "{", "MEMFW_LIMITS: is not JSON"),
        ("MEMFW_LIMITS", '{"queu": 1}', "MEMFW_LIMITS: limits.queu: unknown key"),
        ("MEMFW_LIMITS", "[" * 100_000, "MEMFW_LIMITS: is not JSON"),
        ("MEMFW_PRINCIPALS__1__ROLE", "admin", "`1` is no place in a list of 1"),
        ("MEMFW_PRINCIPALS__A__ROLE", "admin", "`a` is no place in a list of 1"),
        ("MEMFW_LISTEN__PORT__X", "1", "MEMFW_LISTEN__PORT__X: goes deeper than the setting does"),
        ("MEMFW_", "1", "MEMFW_: names no setting"),
        ("MEMFW_NAME", "x", "MEMFW_NAME: name: unknown key"),
    ],
)
def test_mistakes_are_placed_at_the_variable(tmp_path: Path, name: str, value: str, message: str) -> None:
    """A variable that is wrong, or that names no setting, is an error with its name."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, **{name: value})
    assert message in str(caught.value)
