"""The config as a whole: file and environment, every problem at once, secrets that nothing shows."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.config import Config, Mem0Embedded, Mem0Remote, load_config
from firewall.config.table import settings_table
from firewall.errors import ConfigError
from firewall.policy.reference import refresh

DEPLOY = Path(__file__).parents[2] / "deploy"

OPEN_DOOR = "other machines could connect and nobody would have to show a key: configure principals, or a loopback host"
OWNER_KEYS = "agent_id, app_id, run_id, user_id"


def loaded(tmp_path: Path, text: str, **environ: str) -> Config:
    path = tmp_path / "memfw.yaml"
    path.write_text(text)
    return load_config(path, environ)


def problems_of(tmp_path: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, **environ)
    return [str(problem).removeprefix(f"{tmp_path}/memfw.yaml:") for problem in caught.value.problems]


def test_nothing_is_a_config() -> None:
    """Without a file and a variable: loopback, the embedded store, the default policy, no upstream."""
    config = load_config(None, {})
    assert config == Config()
    assert (config.listen.host, config.listen.port, config.listen.loopback) == ("127.0.0.1", 8700, True)
    assert (config.state.url, config.policy) == ("sqlite:///memfw.db", "default")
    assert not config.upstreams


def test_the_example_is_a_config() -> None:
    """deploy/memfw.example.yaml works as it stands, once its secrets are there."""
    environ = {"MEM0_SERVER_KEY": "s1", "CHECKOUT_KEY": "s2", "REVIEW_KEY": "s3"}
    config = load_config(DEPLOY / "memfw.example.yaml", environ)
    assert set(config.upstreams) == {"mem0", "team"}
    assert [principal.role for principal in config.principals] == ["host", "reviewer"]


def test_the_settings_page_is_made_from_the_model() -> None:
    """Every setting, its variable and its default are in deploy/SETTINGS.md."""
    page = (DEPLOY / "SETTINGS.md").read_text()
    assert refresh(page, {"settings": settings_table}) == page
    assert [line for line in settings_table().splitlines()[2:] if line.endswith("|  |")] == []


def test_upstreams(tmp_path: Path) -> None:
    """The flavors of Mem0 are variants with settings of their own; `passthrough` is the absence of a key."""
    config = loaded(
        tmp_path,
        """\
upstreams:
  hosted: {dialect: mem0, url: "https://api.mem0.ai/", auth: passthrough}
  own: {dialect: mem0, flavor: oss, url: "http://127.0.0.1:8888/base", auth: {inject: "env:KEY"}}
  here: {dialect: mem0, flavor: embedded, config: {llm: {config: {api_key: "env:KEY", model: m}}}}
""",
        KEY="hush",
    )
    hosted, own, here = config.upstreams.values()
    assert isinstance(hosted, Mem0Remote)
    assert (hosted.flavor, hosted.url, hosted.auth.inject) == ("platform", "https://api.mem0.ai", None)
    assert isinstance(own, Mem0Remote)
    assert own.auth.inject is not None
    assert own.auth.inject.get_secret_value() == "hush"
    assert isinstance(here, Mem0Embedded)
    assert here.config.get_secret_value() == {"llm": {"config": {"api_key": "hush", "model": "m"}}}


def test_every_problem_at_once(tmp_path: Path) -> None:
    """File and environment in one list, each with its place."""
    text = """\
listen: {prot: 1, port: many}
upstreams:
  v1: {dialect: mem0, url: "https://a.example"}
  Big: {dialect: mem0, url: "https://a.example"}
  zep: {dialect: zpe, url: "https://a.example"}
  here: {dialect: mem0, flavor: embedded, url: "https://a.example"}
  own: {dialect: mem0, flavor: os, url: "https://a.example", auth: through}
  own: {dialect: mem0}
principals:
- {name: a, key: "env:NOT_SET", role: king}
state: {url: "postgres://localhost"}
"""
    environ = {
        "MEMFW_LIMITS__QUEU": "1",
        "MEMFW_LOG__LEVEL": "loud",
        "MEMFW_POLICY__NAME": "x",
        "MEMFW_X__": "1",
    }
    assert problems_of(tmp_path, text, **environ) == [
        "1:10: listen.prot: unknown key, did you mean `port`?",
        "1:25: listen.port: Input should be a valid integer, unable to parse string as an integer",
        "3:3: upstreams.v1: memfw itself is mounted under this name",
        "4:3: upstreams.Big: String should match pattern '^[a-z0-9][a-z0-9_-]{0,62}$'",
        "5:8: upstreams.zep: needs a `dialect` that memfw speaks: mem0, pinecone, zep, graphiti, markdown or http",
        "6:9: upstreams.here.config: is required",
        "6:43: upstreams.here.url: this key does not go with the others",
        "7:32: upstreams.own.flavor: is `platform`, `oss` or `embedded`",
        '7:68: upstreams.own.auth: is `passthrough` or {inject: "env:KEY"}',
        "8:3: upstreams.own: duplicate key, it already stands on line 7",
        "10:18: principals[0].key: the environment variable NOT_SET is not set or empty",
        "10:39: principals[0].role: Input should be 'agent', 'host', 'reviewer' or 'admin'",
        "11:14: state.url: has to begin with sqlite:///, redis://, rediss://, redis+cluster://, rediss+cluster://",
        "MEMFW_LIMITS__QUEU: limits.queu: unknown key, did you mean `queue`?",
        "MEMFW_LOG__LEVEL: log.level: Input should be 'debug', 'info', 'warning' or 'error'",
        "MEMFW_POLICY__NAME: policy: Input should be a valid string",
        "MEMFW_X__: names no setting: an empty step",
    ]


def test_contradictions(tmp_path: Path) -> None:
    """Settings that are right alone and wrong together."""
    text = """\
listen: {host: 0.0.0.0}
upstreams: {mem0: {dialect: mem0, url: "https://a.example"}}
"""
    principals = """\
principals:
- {name: a, key: "env:A", pin: {mem0: {user_id: u}}}
- {name: a, key: "env:B", pin: {mem0: {usr_id: u}, mem1: {user_id: u}}}
"""
    assert problems_of(tmp_path, text) == [
        f"1:16: listen.host: {OPEN_DOOR}",
    ]
    assert problems_of(tmp_path, text + principals, A="same", B="same") == [
        "5:10: principals[1].name: is the name of principals[0] too",
        "5:18: principals[1].key: is another principal's key too",
        f"5:48: principals[1].pin.mem0.usr_id: rows of this upstream have no such owner key; it has {OWNER_KEYS}",
        "5:58: principals[1].pin.mem1: no upstream has this name, so this would confine nothing",
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"])
def test_loopback(tmp_path: Path, host: str) -> None:
    """Only this machine can connect, so no principal is needed."""
    assert loaded(tmp_path, f"listen: {{host: '{host}'}}").listen.loopback


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example.com", "127.0.0.1.example.com"]
)
def test_not_loopback(tmp_path: Path, host: str) -> None:
    """Anything else may be reached by others."""
    assert len(problems_of(tmp_path, f"listen: {{host: '{host}'}}")) == 1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://a.example", "http:// or https://"),
        ("a.example", "http:// or https://"),
        ("https://", "http:// or https://"),
        ("https://user:hush@a.example", "no user name or password"),
        ("https://hush@a.example", "no user name or password"),
        ("https://a.example?key=hush", "no query"),
        ("https://a.example/#hush", "no query"),
        ("https://a.example:x", "is not a URL"),
        ("https://a.example:0", "http:// or https://"),
        ("https://[::1", "is not a URL"),
        ("https://a.example/a b", "cannot hold"),
        ("https://a.example\\\\@b.example", "no user name"),
        ("https://ex\u00e4mple.com", "cannot hold"),
    ],
)
def test_base_urls(tmp_path: Path, url: str, message: str) -> None:
    """What an upstream's URL may not be; its parts are not shown."""
    (problem,) = problems_of(tmp_path, f'upstreams: {{m: {{dialect: mem0, url: "{url}"}}}}')
    assert message in problem
    assert "hush" not in problem


def test_a_file_that_is_no_mapping(tmp_path: Path) -> None:
    """Or none at all."""
    assert problems_of(tmp_path, "- a\n") == ["1:1: has to be a mapping of keys to values"]
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none.yaml", {})


@given(
    st.dictionaries(st.from_regex(r"MEMFW_[A-Z_]{0,20}", fullmatch=True), st.text(max_size=20), max_size=4)
)
def test_any_environment_is_a_config_or_refused(environ: dict[str, str]) -> None:
    """Accept, or our error; nothing else gets out."""
    try:
        config = load_config(None, {name: value for name, value in environ.items() if name != "MEMFW_CONFIG"})
    except ConfigError as error:
        assert error.problems  # noqa: PT017
    else:
        assert isinstance(config, Config)
