"""Notes without a config: `memfw serve` governs a folder for those who have no other memory yet."""

from pathlib import Path

from firewall.config.model import Config
from firewall.config.upstreams import MarkdownUpstream
from firewall.errors import ConfigError, Problem

MOUNT = "notes"


def with_notes(config: Config, folder: Path | None, *, beside: Path | None = None) -> Config:
    """The config with `folder` mounted as `notes`. Without a folder the one called `notes` in `beside` is taken, where
    it is there and no upstream is configured. ConfigError for a folder that is none, or a name that is taken."""
    if folder is None:
        if beside is None or config.upstreams or not (beside / MOUNT).is_dir():
            return config
        folder = beside / MOUNT
    elif not folder.is_dir():
        raise ConfigError([Problem("--notes", 0, 0, "", "is no folder")])
    elif MOUNT in config.upstreams:
        raise ConfigError([Problem("--notes", 0, 0, "", "an upstream of the config is called notes already")])
    notes = MarkdownUpstream(dialect="markdown", path=folder)
    return config.model_copy(update={"upstreams": {**config.upstreams, MOUNT: notes}})
