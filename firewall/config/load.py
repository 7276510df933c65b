"""File and environment to one `Config`, or a ConfigError with every problem: the file's with line and column, the
environment's with the variable's name. No problem shows a value."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath

from firewall.config.environment import CONFIG_FILE, PREFIX, overlay, settings_in
from firewall.config.model import Config
from firewall.config.values import SecretSource
from firewall.errors import ConfigError, Problem
from firewall.model_tree import Path, dotted
from firewall.yaml_source import Data, Place, checked, load_text, read

_REFERENCE = re.compile(r"\benv:([A-Za-z_][A-Za-z0-9_]*)")


def load_config(path: FilePath | str | None, environ: Mapping[str, str]) -> Config:
    """The config of the file at `path` (or MEMFW_CONFIG, or none) under the environment's settings."""
    chosen = path if path is not None else environ.get(CONFIG_FILE)
    document = read(load_text(FilePath(chosen)), str(chosen)) if chosen else read("", "the environment")
    data = document.data
    if not isinstance(data, dict):
        raise ConfigError([Problem(*document.locate(()), "", "has to be a mapping of keys to values")])
    laid = overlay(data, settings_in(environ, _named_secrets(data, environ)))

    def locate(keys: Path, on_key: bool = False) -> Place:
        variable = laid.origin(keys, document.values)
        return (variable, 0, 0) if variable else document.locate(keys, on_key)

    config, wrong = checked(Config, laid.data, locate, context=SecretSource(environ))
    problems = [*document.problems, *laid.problems, *wrong]
    if config is not None:
        problems += [
            Problem(*locate(keys), dotted(keys), message) for keys, message in _contradictions(config)
        ]
    if config is None or problems:
        raise ConfigError(problems)
    return config


def _named_secrets(data: Data, environ: Mapping[str, str]) -> set[str]:
    """The variables that the config names as secrets: they are no settings, even where they begin like one."""
    texts = [*_texts(data), *(value for name, value in environ.items() if name.startswith(PREFIX))]
    return {name for text in texts for name in _REFERENCE.findall(text)}


def _texts(data: Data) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for item in data.values() if isinstance(data, dict) else data:
            yield from _texts(item)


def _contradictions(config: Config) -> Iterator[tuple[Path, str]]:
    """What is wrong between settings that are each right."""
    if not config.listen.loopback and not config.principals:
        yield (
            ("listen", "host"),
            "other machines could connect and nobody would have to show a key: configure principals, or a loopback host",
        )
    names: dict[str, int] = {}
    keys: dict[str, int] = {}
    for index, principal in enumerate(config.principals):
        if names.setdefault(principal.name, index) != index:
            yield ("principals", index, "name"), f"is the name of principals[{names[principal.name]}] too"
        if keys.setdefault(principal.key.get_secret_value(), index) != index:
            yield ("principals", index, "key"), "is another principal's key too"
        for upstream, pins in principal.pin.items():
            at: Path = ("principals", index, "pin", upstream)
            if upstream not in config.upstreams:
                yield at, "no upstream has this name, so this would confine nothing"
                continue
            known = config.upstreams[upstream].pin_keys
            for key in pins:
                if key not in known:
                    yield (
                        (*at, key),
                        f"rows of this upstream have no such owner key; it has {', '.join(sorted(known))}",
                    )
