"""File and environment to one `Config`, or a ConfigError with every problem: the file's with line and column, the
environment's with the variable's name. No problem shows a value."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath

from firewall.config.environment import CONFIG_FILE, PREFIX, overlay, settings_in
from firewall.config.model import Config, PrincipalLimits
from firewall.config.state import holds_password
from firewall.config.upstreams import Mem0Embedded
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
    plain = _plain_secrets(data)
    laid = overlay(data, settings_in(environ, _named_secrets(data, environ)))

    def locate(keys: Path, on_key: bool = False) -> Place:
        variable = laid.origin(keys, document.values)
        return (variable, 0, 0) if variable else document.locate(keys, on_key)

    config, wrong = checked(Config, laid.data, locate, context=SecretSource(environ))
    problems = [*document.problems, *laid.problems, *wrong]
    problems += [Problem(*document.locate(keys), dotted(keys), message) for keys, message in plain]
    if config is not None:
        problems += [
            Problem(*locate(keys), dotted(keys), message) for keys, message in _contradictions(config)
        ]
    if config is None or problems:
        raise ConfigError(problems)
    return config


def _plain_secrets(data: Mapping[str, Data]) -> list[tuple[Path, str]]:
    """A password in the file, where the environment may hold the same URL as it is."""
    state = data.get("state")
    url = state.get("url") if isinstance(state, dict) else None
    if isinstance(url, str) and holds_password(url):
        return [
            (("state", "url"), 'a password does not stand in the config: write "env:NAME" or "file:/path"')
        ]
    return []


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
    yield from _crowded(config)
    yield from _limiting(config)
    names: dict[str, int] = {}
    keys: dict[bytes, int] = {}
    for index, principal in enumerate(config.principals):
        if names.setdefault(principal.name, index) != index:
            yield ("principals", index, "name"), f"is the name of principals[{names[principal.name]}] too"
        if keys.setdefault(principal.digest, index) != index:
            which = "key_sha256" if principal.key is None else "key"
            yield ("principals", index, which), "is another principal's key too"
        for pinned, pins in principal.pin.items():
            at: Path = ("principals", index, "pin", pinned)
            if pinned not in config.upstreams:
                yield at, "no upstream has this name, so this would confine nothing"
                continue
            known = config.upstreams[pinned].pin_keys
            for key in pins:
                if key not in known:
                    yield (
                        (*at, key),
                        f"rows of this upstream have no such owner key; it has {', '.join(sorted(known))}",
                    )


def _limiting(config: Config) -> Iterator[tuple[Path, str]]:
    """Limits of principals that would limit nothing."""
    default = config.limits.per_principal
    limits: dict[Path, PrincipalLimits] = {("limits", "per_principal"): default}
    for index, principal in enumerate(config.principals):
        if "burst" in principal.limits.model_fields_set:
            limits["principals", index, "limits"] = principal.limits.over(default)
    for path, limit in limits.items():
        if limit.burst is not None and limit.requests_per_second is None:
            yield (*path, "burst"), "limits nothing without `requests_per_second`"


def _crowded(config: Config) -> Iterator[tuple[Path, str]]:
    """What several workers cannot share."""
    ports = range(config.listen.metrics_port or 0, (config.listen.metrics_port or 0) + config.workers)
    if config.listen.metrics_port and (config.listen.port in ports or ports[-1] > 65535):
        yield ("listen", "metrics_port"), f"each worker needs one: {ports[0]} to {ports[-1]} are not all free"
    if config.workers == 1:
        return
    if config.state.url.partition("?")[0].endswith("/:memory:"):
        yield ("workers",), "several processes cannot share a state in memory: use one, or a file"
    if config.state.shared and not config.principals:
        yield ("workers",), "each would have an admin token of its own: configure principals"
    for name, upstream in config.upstreams.items():
        if isinstance(upstream, Mem0Embedded):
            yield (
                ("upstreams", name, "flavor"),
                "an embedded Mem0 lives in one process: use one worker, or run Mem0's server and `flavor: oss`",
            )
