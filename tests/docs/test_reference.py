"""What can be met from the outside is written down: reasons, metrics, settings, routes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from firewall.config.model import Config
from firewall.core.reasons import REASONS, head
from firewall.model_tree import rows
from firewall.server.app import make_app
from tests.docs.reference_page import PAGE, page
from tests.sidecar import sidecar

ROOT = Path(__file__).parents[2]

#: The names that the design promises to operators.
PROMISED = """
memfw_candidates_total memfw_verdict_reasons_total memfw_request_duration_seconds memfw_adjudication_duration_seconds
memfw_upstream_duration_seconds memfw_overhead_duration_seconds memfw_quarantine_items memfw_policy_info
memfw_policy_last_reload_success_timestamp_seconds memfw_log_append_duration_seconds memfw_projection_lag_seconds
memfw_breaker_open memfw_degraded_total memfw_queue_duration_seconds memfw_unknown_routes_total
"""


def test_the_page_is_made_from_the_code() -> None:
    """firewall/REASONS.md says of reasons and metrics what the code says."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_promised_metrics_are_there() -> None:
    """Each promised name is a metric, with the unit in its name."""
    documented = set(re.findall(r"^\| `(memfw_\w+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(PROMISED.split()) <= documented
    assert all(re.fullmatch(r"memfw_[a-z]+(_[a-z]+)*", name) for name in documented)


async def test_every_route_is_written_down(tmp_path: Path) -> None:
    """The page's routes are the application's routes, no more and no fewer."""
    documented = re.findall(
        r"^\| `(GET|POST|PUT|DELETE) (\S+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    async with sidecar(tmp_path, {}) as running:
        routes = {
            (route.method, route.resource.canonical)
            for route in make_app(running.house).router.routes()
            if route.resource is not None and route.method not in {"HEAD", "*"}
        }
    assert set(documented) == routes


def test_every_setting_is_written_down() -> None:
    """deploy/SETTINGS.md has a line for each setting."""
    text = (ROOT / "deploy" / "SETTINGS.md").read_text(encoding="utf-8")
    assert [row.path for row in rows(Config) if f"| `{'.'.join(row.path)}` |" not in text] == []


def _reasons(tree: ast.AST) -> Iterator[str]:
    """The literal beginnings of the reasons of all findings that are made in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
            given = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
            reason = given[0] if given else node.args[2]
            first = reason.values[0] if isinstance(reason, ast.JoinedStr) else reason
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


@pytest.mark.parametrize("room", ["firewall/core", "firewall/service", "firewall/proxy"])
def test_every_reason_is_in_the_table(room: str) -> None:
    """No finding has a reason whose code the table does not explain."""
    known = {code.head for code in REASONS}
    found = {
        reason
        for path in (ROOT / room).rglob("*.py")
        for reason in _reasons(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert {reason for reason in found if head(reason) not in known} == set()
    assert found


def test_reasons_are_sentences() -> None:
    """Each code has one sentence; codes are sorted and unique."""
    heads = [code.head for code in REASONS]
    assert heads == sorted(set(heads))
    assert all(code.sentence[0].isupper() and code.sentence.endswith(".") for code in REASONS)
