"""A folder of notes without a config: named, found beside, or not there."""

from pathlib import Path

import pytest

from firewall.config import Config, load_config
from firewall.config.notes import with_notes
from firewall.config.upstreams import MarkdownUpstream
from firewall.errors import ConfigError

BARE = load_config(None, {})


def mounted(config: Config) -> dict[str, Path]:
    return {name: up.path for name, up in config.upstreams.items() if isinstance(up, MarkdownUpstream)}


def test_a_named_folder_is_mounted(tmp_path: Path) -> None:
    """Beside whatever the config has."""
    assert mounted(with_notes(BARE, tmp_path)) == {"notes": tmp_path}


def test_the_folder_beside_is_the_default(tmp_path: Path) -> None:
    """Where it is there and nothing else is configured; else nothing is exposed that nobody named."""
    assert with_notes(BARE, None, beside=tmp_path) is BARE
    (tmp_path / "notes").mkdir()
    found = with_notes(BARE, None, beside=tmp_path)
    assert mounted(found) == {"notes": tmp_path / "notes"}
    assert with_notes(BARE, None) is BARE
    other = with_notes(BARE, tmp_path)
    assert with_notes(other, None, beside=tmp_path) is other


def test_no_folder_and_a_taken_name(tmp_path: Path) -> None:
    """Both are problems at the start, not at the first request."""
    for config, folder in ((BARE, tmp_path / "nowhere"), (with_notes(BARE, tmp_path), tmp_path)):
        with pytest.raises(ConfigError):
            with_notes(config, folder)
