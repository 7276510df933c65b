"""Where the evidence log is: what may stand in the file, and what a password's URL is treated like."""

from pathlib import Path

import pytest

from firewall.config import load_config
from firewall.config.model import Config
from firewall.errors import ConfigError

WITH_PASSWORD = "rediss://memfw:hush-4711@redis.example:6379/0"


def loaded(folder: Path, text: str, **environ: str) -> Config:
    (folder / "memfw.yaml").write_text(text)
    return load_config(folder / "memfw.yaml", environ)


def problem(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, **environ)
    (one,) = caught.value.problems
    return f"{one.line}:{one.column}: {one.path}: {one.message}"


@pytest.mark.parametrize(
    ("url", "shared"),
    [
        ("sqlite:///memfw.db", False),
        ("sqlite:///:memory:", False),
        ("redis://127.0.0.1:6379/0?min_replicas=1", True),
        ("rediss://user@h/0", True),
        ("redis+cluster://h1:1,h2:2/", True),
        ("rediss+cluster://h1,h2/", True),
    ],
)
def test_stores(tmp_path: Path, url: str, shared: bool) -> None:
    """Files of this host, and stores that several hosts share."""
    state = loaded(tmp_path, f'state: {{url: "{url}"}}').state
    assert (state.url, state.shared) == (url, shared)


def test_a_password_comes_from_elsewhere(tmp_path: Path) -> None:
    """From a variable, a file, or the setting's own variable; never from the config itself."""
    (tmp_path / "url").write_text(WITH_PASSWORD + "\n")
    for reference in ("env:REDIS_URL", f"file:{tmp_path}/url"):
        config = loaded(tmp_path, f'state: {{url: "{reference}"}}', REDIS_URL=WITH_PASSWORD)
        assert config.state.url == WITH_PASSWORD
        assert "hush" not in repr(config)
    assert loaded(tmp_path, "", MEMFW_STATE__URL=WITH_PASSWORD).state.url == WITH_PASSWORD
    refused = problem(tmp_path, f'state: {{url: "{WITH_PASSWORD}"}}')
    assert refused.startswith("1:14: state.url: a password does not stand in the config")
    assert "hush" not in refused


def test_what_is_behind_a_reference_is_checked(tmp_path: Path) -> None:
    """And not shown when it is wrong."""
    refused = problem(tmp_path, 'state: {url: "env:U"}', U="postgres://me:hush-4711@h/")
    assert "state.url: has to begin with sqlite:///" in refused
    assert "hush" not in refused


WORKERS = "workers: 2\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('state: {url: "sqlite:///:memory:"}', "workers: several processes cannot share a state in memory"),
        ('state: {url: "redis://h"}', "workers: each would have an admin token of its own"),
        ("listen: {metrics_port: 8699}", "listen.metrics_port: each worker needs one: 8699 to 8700"),
        ("listen: {metrics_port: 65535}", "listen.metrics_port: each worker needs one: 65535 to 65536"),
        (
            "upstreams: {m: {dialect: mem0, flavor: embedded, config: {}}}",
            "upstreams.m.flavor: an embedded Mem0 lives in one process",
        ),
    ],
)
def test_what_workers_cannot_share(tmp_path: Path, text: str, says: str) -> None:
    """Each is right for one process, and wrong for two."""
    loaded(tmp_path, text)
    assert says in problem(tmp_path, WORKERS + text)
