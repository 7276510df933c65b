"""The support matrix in `adapters/README.md` against what memfw answers on each of its routes."""

import re
from pathlib import Path

import pytest

from adapters.mem0.routes import FLAVORS, Flavor, support_matrix
from tests.backends.mem0_double import platform_double
from tests.conformance.clients import ask
from tests.conformance.self_hosted import governed
from tests.sidecar import KEYS, Sidecar, mem0_at, principals, sidecar

README = Path(__file__).parents[2] / "adapters" / "README.md"
ROW = re.compile(r"^\| `(?P<method>[A-Z]+) (?P<path>/\S+)` \| [^|]+ \| (\S+) \| (\S+) \| (\S+) \|")
NAMES = {"entity_type": "user"}


def promised(flavor: Flavor) -> list[tuple[str, str, str]]:
    """Method, path and promise of every row of the table that a reader sees."""
    rows = [found for line in README.read_text(encoding="utf-8").splitlines() if (found := ROW.match(line))]
    return [(row["method"], row["path"], row.group(3 + FLAVORS.index(flavor))) for row in rows]


async def kept(memfw: Sidecar, flavor: Flavor) -> int:
    """Asks every route with an empty object; the number of routes that are 501."""
    cannot = 0
    for method, path, promise in promised(flavor):
        target = re.sub(r"\{(\w+)\}", lambda found: NAMES.get(found[1], "x1"), path)
        body: dict[str, str] | None = {} if method in {"POST", "PUT", "PATCH"} else None
        reply = await ask(memfw.mem0, method, target, key=KEYS["ADMIN_KEY"], body=body)
        code = reply.json.get("code") if isinstance(reply.json, dict) else None
        line = f"{method} {target}: {reply.status} {code}"
        if promise == "501":
            cannot += 1
            assert (reply.status, code) == (501, "not_supported"), line
            assert reply.json["detail"], line
        elif promise == "-":
            assert (reply.status, code) == (403, "unknown_route"), line
        else:
            assert promise == "yes"
            assert reply.status != 501, line
            assert code != "unknown_route", line
    return cannot


async def test_the_platforms_column_holds(tmp_path: Path) -> None:
    """The platform can do all of its routes, and has none of the bare ones."""
    async with platform_double() as double:
        config = {"upstreams": mem0_at(double.url), "principals": principals("admin")}
        async with sidecar(tmp_path, config) as memfw:
            assert await kept(memfw, "platform") == 0


async def test_the_open_source_servers_column_holds(tmp_path: Path) -> None:
    """What the open-source server cannot do is 501 in Mem0's shape; the server behind is one that knows nothing."""
    async with platform_double() as double:
        upstreams = {"mem0": {"dialect": "mem0", "flavor": "oss", "url": double.url}}
        config = {"upstreams": upstreams, "principals": principals("admin")}
        async with sidecar(tmp_path, config) as memfw:
            assert await kept(memfw, "oss") == 24


async def test_the_embedded_column_holds(tmp_path: Path) -> None:
    """What a Mem0 in this process cannot do is 501 in Mem0's shape."""
    async with governed(tmp_path, "embedded", "admin") as (memfw, _):
        assert await kept(memfw, "embedded") == 40


@pytest.mark.parametrize("flavor", FLAVORS)
def test_the_readme_holds_the_whole_table(flavor: Flavor) -> None:
    """The table in the README is the one that the code has."""
    assert support_matrix() in README.read_text(encoding="utf-8")
    assert len(promised(flavor)) == len(support_matrix().splitlines()) - 2
