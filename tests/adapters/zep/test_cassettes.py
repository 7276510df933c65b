"""Every recorded request of three clients goes through the dialect, and every recorded answer comes back with its values."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from firewall.ports import RouteClass, WireRequest
from tests.adapters.zep.bench import cassette, wired

CLIENTS = ("zep_cloud_3.30.0_sync", "zep_cloud_4.0.1_sync", "zep_python_ce_2.0.2_sync")
FIREWALL = b'{"decision_id":"d1"}'
#: An id that holds a slash is two segments: no route, whoever asks.
SLASHED = "thread.get_user_context[template]"


def exchanges(name: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    for call in cassette(name):
        for exchange in call["exchanges"]:
            yield call["name"], exchange["request"], exchange["response"]


def cases() -> Iterator[Any]:
    for client in CLIENTS:
        for number, (name, request, response) in enumerate(exchanges(client)):
            if not (name == SLASHED and "slash" in request["target"]):
                yield pytest.param(request, response, id=f"{client}-{number}-{name}")


def recorded(response: Mapping[str, Any]) -> bytes:
    if response["body"] is not None:
        return msgspec.json.encode(response["body"])
    return str(response.get("body_text") or "").encode()


@pytest.mark.parametrize(("request_", "response"), list(cases()))
def test_a_recorded_exchange_goes_through(request_: Mapping[str, Any], response: Mapping[str, Any]) -> None:
    """The upstream gets the same request but for a larger search; the client gets the same values."""
    wire = wired(admin=True)
    body = b"" if request_["body"] is None else msgspec.json.encode(request_["body"])
    headers = tuple((str(key), str(value)) for key, value in request_["headers"])
    plan = wire.plan(f"{request_['method']} {request_['target']}", body, headers)
    sent = plan.request
    assert (sent.method, sent.target) == (request_["method"], request_["target"])
    if plan.top is not None and plan.limit is not None:
        assert plan.fallback is not None
        assert plan.fallback.body == body
        assert msgspec.json.decode(sent.body) == {**request_["body"], "limit": plan.top}
        assert plan.limit == request_["body"].get("limit", 10)
    else:
        assert sent.body == body
    assert dict(sent.headers)["authorization"] == "Api-Key <API_KEY>"
    content = recorded(response)
    event_stream = [pair for pair in response["headers"] if "event-stream" in pair[1]]
    if event_stream or not content:
        return
    answer = wire.through(plan, content, firewall=FIREWALL)
    value = msgspec.json.decode(answer.body)
    if isinstance(value, dict):
        value.pop("firewall", None)
    assert value == response["body"]


def test_the_count_of_recorded_requests() -> None:
    """Nothing is left out of the replay."""
    assert [len(list(exchanges(client))) for client in CLIENTS] == [75, 68, 12]


def test_an_id_with_a_slash_is_no_route() -> None:
    """The 3.x client does not encode ids: such a request could mean another thread."""
    target = next(request["target"] for name, request, _ in exchanges(CLIENTS[0]) if name == SLASHED)
    path = target.partition("?")[0]
    assert wired().dialect.match(WireRequest(method="GET", path=path)) is None


@pytest.mark.parametrize("client", CLIENTS)
def test_what_holds_memory_is_governed(client: str) -> None:
    """No recorded answer with a fact, a summary or a context goes through unread."""
    dialect = wired().dialect
    for name, request, response in exchanges(client):
        match = dialect.match(WireRequest(method=request["method"], path=request["path"]))
        if match is None:
            assert name == SLASHED
            continue
        text = recorded(response)
        if any(word in text for word in (b'"fact"', b'"summary"', b"<FACTS>", b'"content"')):
            assert match.spec.route_class in (RouteClass.governed_read, RouteClass.gated_write), name
