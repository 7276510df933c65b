"""Credentials and errors, in the shapes that Mem0's clients and servers use."""

import msgspec
import pytest

from adapters.mem0 import Flavor, Mem0Dialect
from firewall.ports import Headers, WireRequest


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ((("Authorization", "Token k1"),), "k1"),
        ((("authorization", "bearer  k2 "),), "k2"),
        ((("X-API-Key", "k3"),), "k3"),
        ((("X-API-Key", "k3"), ("Authorization", "Token k1")), "k1"),
        ((("Authorization", "Basic abc"),), None),
        ((("Authorization", "Token"),), None),
        ((), None),
    ],
)
def test_the_key_is_where_the_vendors_key_goes(headers: Headers, key: str | None) -> None:
    """Token on the platform, X-API-Key or Bearer on a server."""
    assert Mem0Dialect("platform").credential(headers) == key


@pytest.mark.parametrize(
    ("flavor", "header"),
    [("platform", ("Authorization", "Token real")), ("oss", ("X-API-Key", "real"))],
)
def test_an_injected_key_replaces_every_trace_of_the_clients(flavor: Flavor, header: tuple[str, str]) -> None:
    """`Mem0-User-ID` is a digest of the client's key."""
    headers = (
        ("Authorization", "Token mine"),
        ("X-API-Key", "mine"),
        ("Mem0-User-ID", "md5"),
        ("X-Mem0-Source", "s"),
    )
    request = Mem0Dialect(flavor).with_credential(
        WireRequest(method="GET", path="/", headers=headers), "real"
    )
    assert request.headers == (("X-Mem0-Source", "s"), header)


def test_a_refusal_is_json_in_mem0s_shape() -> None:
    """`detail` is the message of the exception, the rest is its `details`."""
    refused = Mem0Dialect("platform").refusal(None, 403, "scope_denied", "no", {"decision_id": "d"})
    assert refused.status == 403
    assert refused.headers == (("Content-Type", "application/json"),)
    assert msgspec.json.decode(refused.body) == {"detail": "no", "code": "scope_denied", "decision_id": "d"}


@pytest.mark.parametrize(
    ("flavor", "line", "status", "body"),
    [
        ("platform", "GET /v1/memories/x/", 404, {"error": "Memory not found!"}),
        ("oss", "GET /v1/memories/x/", 404, {"error": "Memory not found!"}),
        ("oss", "GET /memories/x", 200, None),
        ("oss", "GET /memories/x/history", 200, []),
        ("oss", "DELETE /memories/x", 404, {"detail": "Memory with id x not found"}),
    ],
)
def test_a_foreign_row_looks_like_one_that_is_not_there(
    flavor: Flavor, line: str, status: int, body: object
) -> None:
    """In the words of the route that was asked."""
    dialect = Mem0Dialect(flavor)
    method, path = line.split(" ")
    match = dialect.match(WireRequest(method=method, path=path))
    assert match is not None
    missing = dialect.not_found(match)
    assert (missing.status, msgspec.json.decode(missing.body)) == (status, body)
