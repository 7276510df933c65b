"""The dialect's table and the translation's agree on what a self-hosted Mem0 can do."""

import re

import pytest

from adapters.mem0.oss_routes import ROUTES, find, is_platform
from adapters.mem0.routes import PLATFORM_ROUTES, Route
from firewall.errors import CallerError


@pytest.mark.parametrize("route", PLATFORM_ROUTES, ids=lambda route: str(route.name))
def test_what_the_dialect_lets_through_has_a_script(route: Route) -> None:
    """A route that is on for `oss` is found here; one that is off is a 501 here too."""
    path = re.sub(r"{\w+}", "x", route.pattern)
    assert is_platform(path)
    assert route.oss == route.embedded
    if route.oss:
        assert find(route.method, path)[0] in ROUTES
    else:
        with pytest.raises(CallerError) as refused:
            find(route.method, path)
        assert (refused.value.status, refused.value.code) == (501, "not_supported")


def test_every_script_is_reached_by_the_dialect() -> None:
    """No row of ours is without a row of the dialect's."""
    known = {(route.method, re.sub(r"{\w+}", "{}", route.pattern)) for route in PLATFORM_ROUTES}
    assert {(route.method, route.pattern) for route in ROUTES} <= known


@pytest.mark.parametrize("path", ["/memories", "/search", "/entities/user/u1", "/", "", "/v1.0/x"])
def test_the_servers_own_routes_are_not_the_platforms(path: str) -> None:
    """Only v1, v2, v3 and api begin a platform route."""
    assert not is_platform(path)
