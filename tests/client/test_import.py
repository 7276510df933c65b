"""The client stands alone: importing it brings none of the server along."""

import subprocess
import sys
from pathlib import Path

import firewall.client

_LOOK = """
import sys
import firewall.client
ours = sorted(name for name in sys.modules if name.startswith(("firewall.", "adapters")))
print([name for name in ours if not name.startswith("firewall.client")])
print([name for name in ("pydantic", "yaml", "redis", "aiohttp.web", "prometheus_client", "re2") if name in sys.modules])
"""


def test_no_server_comes_along() -> None:
    """Neither our other rooms nor what only a server needs."""
    done = subprocess.run([sys.executable, "-c", _LOOK], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"


def test_everything_is_exported_that_is_promised() -> None:
    """Every public name of the package is there, and is documented in the room's page."""
    page = (Path(firewall.client.__file__).parent / "README.md").read_text(encoding="utf-8")
    for name in firewall.client.__all__:
        assert hasattr(firewall.client, name)
    functions = [name for name in firewall.client.__all__ if name.islower()]
    assert [name for name in functions if f"`{name}`" not in page] == []
