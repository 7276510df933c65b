"""The tables of adapters/README.md against the route tables, and against what memfw answers on each route."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from firewall.policy.reference import refresh
from firewall.ports import RouteClass
from tests.backends.mem0_double import platform_double
from tests.conformance.clients import ask
from tests.docs.support_matrix import EXAMPLES, PAGE, ROOT, described, dialects, tables
from tests.sidecar import KEYS, principals, sidecar


def config_of(name: str, url: str, tmp_path: Path) -> Mapping[str, object]:
    """The upstream as a person writes it."""
    if name in EXAMPLES:
        text = (ROOT / "deploy" / "examples" / f"{name}.yaml").read_text(encoding="utf-8")
        return {**yaml.safe_load(text)["upstreams"][name], "url": url}
    if name == "markdown":
        (tmp_path / "notes").mkdir(exist_ok=True)
        return {"dialect": name, "path": str(tmp_path / "notes")}
    return {"dialect": name, "url": url}


def test_the_page_is_made_from_the_route_tables() -> None:
    """Every dialect has its table there, and the tables are those of the code."""
    page = PAGE.read_text(encoding="utf-8")
    assert refresh(page, tables()) == page
    for name in ("mem0", *dialects()):
        assert f"<!-- begin {name} -->" in page


@pytest.mark.parametrize("name", [*dialects()])
async def test_each_route_is_what_its_class_says(tmp_path: Path, name: str) -> None:
    """An agent is refused what is for admins, and no route of the table is unknown; any other is."""
    headers = (("Memfw-Key", KEYS["AGENT_KEY"]),)
    async with platform_double() as double:
        config = {
            "upstreams": {"m": config_of(name, double.url, tmp_path)},
            "principals": principals("agent"),
        }
        async with sidecar(tmp_path, config) as memfw:
            for spec in dialects()[name].routes:
                target = re.sub(r"\{\w+\}", "x1", spec.pattern)
                body: dict[str, str] | None = {} if spec.method in {"POST", "PUT", "PATCH"} else None
                reply = await ask(f"{memfw.url}/m", spec.method, target, headers=headers, body=body)
                line = f"{spec.method} {target}: {reply.status} {reply.body[:200]!r}"
                assert b"unknown_route" not in reply.body, line
                assert reply.status not in {405, 500}, line
                assert (b"admin_only" in reply.body) >= (spec.route_class is RouteClass.admin), line
            unknown = await ask(f"{memfw.url}/m", "GET", "/no/such/route", headers=headers)
            assert (unknown.status, b"unknown_route" in unknown.body) == (403, True)


def test_the_examples_are_descriptions() -> None:
    """Each of the shipped ones parses, and memfw knows its reads."""
    shipped = {path.stem for path in (ROOT / "deploy" / "examples").glob("*.yaml")}
    assert shipped == set(EXAMPLES)
    for name in EXAMPLES:
        assert any(spec.route_class is RouteClass.governed_read for spec in described(name).routes)
