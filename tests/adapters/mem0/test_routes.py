"""The route tables: what is in them, what is not, and that a path means one thing only."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mem0 import Mem0Dialect, support_matrix
from adapters.mem0.routes import BARE_ROUTES, FLAVORS, PLATFORM_ROUTES, Flavor
from firewall.core.wire.paths import segment
from firewall.errors import CallerError
from firewall.ports import RouteClass, WireRequest

README = Path(__file__).parents[3] / "adapters" / "README.md"


def matched(line: str, flavor: Flavor = "platform") -> tuple[str, str, dict[str, str]] | None:
    method, path = line.split(" ", 1)
    found = Mem0Dialect(flavor).match(WireRequest(method=method, path=path))
    return None if found is None else (found.spec.name, found.path, dict(found.params))


@pytest.mark.parametrize(
    ("line", "name", "path"),
    [
        ("GET /v1/ping/", "ping", "/v1/ping/"),
        ("GET //v1/ping/", "ping", "/v1/ping/"),
        ("GET /v1//ping", "ping", "/v1/ping/"),
        ("POST /v3/memories/search", "v3.search", "/v3/memories/search/"),
        ("GET /v1/memories/events/", "events.memories", "/v1/memories/events/"),
        ("GET /v1/memories/%65vents/", "events.memories", "/v1/memories/events/"),
        ("GET /v1/memories/x/history", "history", "/v1/memories/x/history/"),
        ("GET /v1/memories/user/u1/", "entity.list", "/v1/memories/user/u1/"),
        ("GET /v1/memories/a%2fhistory/", "get", "/v1/memories/a%2Fhistory/"),
        ("GET /api/v1/webhooks/projects/p/", "webhooks", "/api/v1/webhooks/projects/p/"),
    ],
)
def test_a_path_is_cleaned_and_matched(line: str, name: str, path: str) -> None:
    """Slashes collapse, the slash form goes upstream, an escaped slash stays inside its segment."""
    found = matched(line)
    assert found is not None
    assert found[:2] == (name, path)


def test_parameters_are_decoded_once() -> None:
    """The id of the recorded `a/b c?d` arrives whole, and its raw form goes on untouched."""
    assert matched("GET /v1/memories/a%2Fb%20c%3Fd/") == (
        "get",
        "/v1/memories/a%2Fb%20c%3Fd/",
        {"memory_id": "a/b c?d"},
    )


@pytest.mark.parametrize(
    "line",
    [
        "HEAD /v1/ping/",
        "OPTIONS /v3/memories/search/",
        "POST /v4/memories/search/",
        "GET /v1/agent-rush/x/",
        "GET /V1/ping/",
        "GET /",
        "GET /memories",
        "POST /reset",
        "PATCH /v1/memories/x/",
        "POST /v1/memories/x/history/",
    ],
)
def test_what_is_not_in_the_table_is_no_route(line: str) -> None:
    """Unknown methods, versions and paths, and on the platform the bare routes, match nothing."""
    assert matched(line) is None


@pytest.mark.parametrize(
    "segment",
    [
        "..",
        ".",
        "%2e%2e",
        "%2E.",
        "%252e%252e",
        "..%2Fx",
        "x%2F..%2Fy",
        "%5C",
        "a%00b",
        "%0a",
        "%7f",
        "%20",
        "a b",
        "a\\b",
        "%zz",
        "%",
        "%ff",
        "é",
        "a%25252e%25252e".replace("a", ""),
        "%E2%80%8B",
    ],
)
def test_an_ambiguous_path_is_refused(segment: str) -> None:
    """What one server could read as another path than we do is 400, not an unknown route."""
    with pytest.raises(CallerError) as caught:
        matched(f"GET /v1/memories/{segment}/")
    assert (caught.value.status, caught.value.code) == (400, "bad_path")


def test_bare_routes_belong_to_the_servers_flavors() -> None:
    """They match with and without a slash, and the slashless form goes upstream."""
    for flavor in ("oss", "embedded"):
        assert matched("POST /search/", flavor) == ("bare.search", "/search", {})
        assert matched("GET /memories/x/history", flavor) == (
            "bare.history",
            "/memories/x/history",
            {"memory_id": "x"},
        )


def test_administration_is_admin_and_reads_of_text_are_governed() -> None:
    """The classes that matter most, by name."""
    classes = {spec.name: spec.route_class for spec in Mem0Dialect("oss").routes}
    platform = {spec.name: spec.route_class for spec in Mem0Dialect("platform").routes}
    for name in ("bare.reset", "bare.configure", "bare.configure.set", "bare.keys", "bare.auth.login"):
        assert classes[name] is RouteClass.admin
    for name in ("webhooks", "webhooks.create", "project.update", "members.add", "profile.settings.update"):
        assert platform[name] is RouteClass.admin
        assert classes[name] is RouteClass.unsupported
    for name in (
        "v3.search",
        "v1.list",
        "get",
        "history",
        "events",
        "event",
        "export.get",
        "summary",
        "profile",
    ):
        assert platform[name] is RouteClass.governed_read
    assert platform["project"] is RouteClass.passed


def test_every_route_is_found_by_its_own_pattern() -> None:
    """No row of a table hides another."""
    for flavor in FLAVORS:
        dialect = Mem0Dialect(flavor)
        for spec in dialect.routes:
            path = spec.pattern.replace("{", "x-").replace("}", "")
            found = dialect.match(WireRequest(method=spec.method, path=path))
            assert found is not None
            assert found.spec == spec


def test_names_are_unique() -> None:
    """A plan finds its row by the name."""
    names = [route.name for route in PLATFORM_ROUTES + BARE_ROUTES]
    assert len(names) == len(set(names))


def test_the_support_matrix_is_the_tables() -> None:
    """`adapters/README.md` shows exactly what the tables say."""
    assert support_matrix() in README.read_text(encoding="utf-8")


@given(st.text(max_size=60), st.sampled_from(["GET", "POST", "DELETE", "x"]))
def test_any_path_is_matched_refused_or_unknown(path: str, method: str) -> None:
    """The matcher accepts, says no, or raises our own error."""
    for flavor in FLAVORS:
        with suppress(CallerError):
            matched(f"{method} /{path}", flavor)


@given(st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable() and text.strip()))
def test_a_segment_comes_back_as_it_was(value: str) -> None:
    """What we put into a path is what we would read out of it, or it is refused."""
    try:
        raw = segment(value)
    except (CallerError, UnicodeEncodeError):
        return
    found = matched(f"GET /v1/memories/{raw}/")
    assert found is None or found[0] == "events.memories" or found[2] == {"memory_id": value}
