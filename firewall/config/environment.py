"""The environment as settings: `MEMFW_LISTEN__PORT=9000` is `listen: {port: 9000}`, and wins over the file.

Two underscores go one step deeper; a value that begins with `[` or `{` is JSON. A variable that names no setting is
an error like an unknown key, so that a misspelt limit is not a missing one. Three sorts of `MEMFW_` variables are no
settings: MEMFW_CONFIG (the path of the file), those that hold secrets which the config names, and those that
Kubernetes puts into every container for a service called memfw.
"""

import json
import re
from collections.abc import Container, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from firewall.errors import Problem
from firewall.model_tree import Path
from firewall.yaml_source import Data

PREFIX = "MEMFW_"
CONFIG_FILE = "MEMFW_CONFIG"

_SERVICE = re.compile(
    r"MEMFW_(?:[A-Z0-9]+_)*(?:SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PORT(?:_[0-9]+_(?:TCP|UDP).*)?)"
)
_SERVICE_VALUE = re.compile(r"(?:(?:tcp|udp)://)?[0-9A-Fa-f.:\[\]]+|[0-9]+|tcp|udp")


@dataclass(slots=True)
class Overlay:
    """The file's data with the environment laid over it, and which variable each part came from."""

    data: dict[str, Data]
    origins: dict[Path, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def origin(self, path: Path, in_file: Container[Path]) -> str | None:
        """The variable that `path` comes from, whole or in part; None for what stands in the file."""
        for length in range(len(path), 0, -1):
            whole = path[:length]
            if whole in self.origins:
                return self.origins[whole]
            if whole in in_file:
                return None
            for part, name in self.origins.items():
                if part[:length] == whole:
                    return name
        return None


def settings_in(environ: Mapping[str, str], secrets: AbstractSet[str]) -> dict[str, str]:
    """The variables that are settings, in an order in which a part follows its whole."""
    return {
        name: environ[name]
        for name in sorted(environ)
        if name.startswith(PREFIX)
        and name != CONFIG_FILE
        and name not in secrets
        and not (_SERVICE.fullmatch(name) and _SERVICE_VALUE.fullmatch(environ[name]))
    }


def overlay(data: dict[str, Data], settings: Mapping[str, str]) -> Overlay:
    """Lay the settings over the data, which is changed."""
    laid = Overlay(data)
    for name, text in settings.items():
        steps = name.removeprefix(PREFIX).lower().split("__")
        if not all(steps):
            laid.problems.append(Problem(name, 0, 0, "", "names no setting: an empty step"))
            continue
        try:
            value: Data = json.loads(text) if text.lstrip()[:1] in ("{", "[") else text
        except (ValueError, RecursionError):
            laid.problems.append(Problem(name, 0, 0, "", "is not JSON"))
            continue
        _set(laid, name, steps, value)
    return laid


def _set(laid: Overlay, name: str, steps: list[str], value: Data) -> None:
    here: Data = laid.data
    path: Path = ()
    for at, step in enumerate(steps):
        last = at == len(steps) - 1
        if isinstance(here, list):
            if not step.isdecimal() or int(step) >= len(here):
                problem = f"`{step}` is no place in a list of {len(here)}"
                laid.problems.append(Problem(name, 0, 0, "", problem))
                return
            index = int(step)
            path = (*path, index)
            if last:
                here[index] = value
            else:
                here = here[index]
        elif isinstance(here, dict):
            key = _key(here, step)
            path = (*path, key)
            if last:
                here[key] = value
            else:
                here = here.setdefault(key, {})
                if here is None:
                    laid.problems.append(
                        Problem(name, 0, 0, "", "goes deeper than the file, which has null there")
                    )
                    return
        else:
            laid.problems.append(Problem(name, 0, 0, "", "goes deeper than the setting does"))
            return
    laid.origins[path] = name


def _key(here: Mapping[str, Data], step: str) -> str:
    """The key that a step means: variables have no capitals to tell apart and no hyphens."""
    return next((key for key in here if key.lower().replace("-", "_") == step), step)
