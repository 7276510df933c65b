"""Secrets: named in the file, found in the environment or a file, shown by nothing."""

import traceback
from hashlib import sha256
from pathlib import Path

import pytest

from firewall.config import Config, load_config
from firewall.config.values import MAX_SECRET_BYTES
from firewall.errors import ConfigError

SECRET = "hush-4711"


def with_key(tmp_path: Path, key: str) -> Path:
    path = tmp_path / "memfw.yaml"
    path.write_text(f'principals:\n- {{name: a, key: "{key}"}}\n')
    return path


def test_from_the_environment_and_from_a_file(tmp_path: Path) -> None:
    """White space around a file's content is dropped, as editors and mounts add it."""
    (tmp_path / "key").write_text(f"{SECRET}\n")
    for reference in ("env:KEY", f"file:{tmp_path}/key"):
        config = load_config(with_key(tmp_path, reference), {"KEY": SECRET})
        assert config.principals[0].digest == sha256(SECRET.encode()).digest()


def test_nothing_shows_it(tmp_path: Path) -> None:
    """Neither the config's words nor its dump nor a vendor's config that it was resolved into."""
    path = tmp_path / "memfw.yaml"
    path.write_text(
        """\
principals: [{name: a, key: "env:KEY"}]
upstreams:
  own: {dialect: mem0, url: "https://a.example", auth: {inject: "env:KEY"}}
  here: {dialect: mem0, flavor: embedded, config: {embedder: {token: "env:KEY"}, hosts: ["env:KEY"]}}
"""
    )
    config = load_config(path, {"KEY": SECRET})
    for shown in (repr(config), str(config), str(config.model_dump()), config.model_dump_json()):
        assert SECRET not in shown


@pytest.mark.parametrize(
    "text",
    [
        f"principals: [{{name: a, key: {SECRET}}}]",
        f'principals: [{{name: a, key: "plain:{SECRET}"}}]',
        f"principals: [{{name: a, key: [{SECRET}]}}]",
        f"upstreams: {{m: {{dialect: mem0, url: 'https://a.example', auth: {{inject: {SECRET}}}}}}}",
        f"upstreams: {{m: {{dialect: mem0, url: 'https://a.example', auth: {SECRET}}}}}",
        f"upstreams: {{m: {{dialect: mem0, flavor: embedded, config: {{llm: {{api_key: {SECRET}}}}}}}}}",
        f"upstreams: {{m: {{dialect: mem0, flavor: embedded, config: {{db: [{{password: {SECRET}}}]}}}}}}",
    ],
)
def test_a_literal_secret_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    """A key that stands in the file is an error, and not even its traceback says it."""
    path = tmp_path / "memfw.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert len(caught.value.problems) == 1
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_a_literal_secret_in_a_variable_is_refused_too(tmp_path: Path) -> None:
    """Variables of settings are printed by tools; those of secrets are named by the config."""
    with pytest.raises(ConfigError, match="MEMFW_PRINCIPALS__0__KEY") as caught:
        load_config(with_key(tmp_path, "env:KEY"), {"KEY": "k", "MEMFW_PRINCIPALS__0__KEY": SECRET})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b" \n", "is empty or larger"),
        (b"x" * (MAX_SECRET_BYTES + 1), "is empty or larger"),
        (b"\xff\xfe" + SECRET.encode(), "is not text"),
    ],
)
def test_secret_files_that_are_none(tmp_path: Path, content: bytes | None, message: str) -> None:
    """Missing, empty, huge or binary: a problem that names the file and shows nothing of it."""
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(with_key(tmp_path, f"file:{file}"), {})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("reference", ["env:", "file:", "env:EMPTY", "env:UNSET"])
def test_references_to_nothing(tmp_path: Path, reference: str) -> None:
    """An empty secret would let anybody in."""
    with pytest.raises(ConfigError, match=r"principals\[0\].key"):
        load_config(with_key(tmp_path, reference), {"EMPTY": ""})


def test_a_model_made_by_hand_resolves_nothing() -> None:
    """Without an environment that was passed in, no variable is read."""
    with pytest.raises(ValueError, match="PATH is not set"):
        Config.model_validate({"principals": [{"name": "a", "key": "env:PATH"}]})
