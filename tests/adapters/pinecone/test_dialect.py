"""The port's other questions: credentials, refusals in the vendor's shapes, gRPC, recall, the support matrix."""

import msgspec
import pytest

from adapters.pinecone import support_matrix
from firewall.errors import CallerError
from firewall.ports import WireRequest
from tests.adapters.pinecone.bench import Wire, dialect

GRPC = WireRequest(
    method="POST",
    path="/VectorService/Query",
    headers=(("Content-Type", "application/grpc+proto"),),
    body=b"",
)


def test_the_key_stands_in_its_own_header() -> None:
    """The client's is read there, and leaves no trace beside the real one."""
    headers = (("api-key", "client"), ("Authorization", "Bearer client"), ("X-Other", "1"))
    assert dialect().credential(headers) == "client"
    assert dialect().credential(()) is None
    sent = dialect().with_credential(WireRequest(method="GET", path="/indexes", headers=headers), "real")
    assert sent.headers == (("X-Other", "1"), ("Api-Key", "real"))


def test_of_two_keys_the_one_that_was_read_goes_on() -> None:
    """No second one for a server that reads the last."""
    plan = Wire().plan("POST ~/query", {"topK": 1, "vector": [1]}, (("Api-Key", "one"), ("api-key", "two")))
    assert [value for name, value in plan.request.headers if name.lower() == "api-key"] == ["one"]


def test_a_grpc_client_is_told_what_to_use() -> None:
    """415, which it does not send again, naming the REST client."""
    with pytest.raises(CallerError, match="REST client") as refused:
        dialect().match(GRPC)
    assert refused.value.status == 415


def test_refusals_have_the_shape_of_their_plane() -> None:
    """The data plane's number, the control plane's word; where there is no route, both."""
    wire = Wire()
    data = wire.dialect.match(WireRequest(method="POST", path=f"/_idx/{wire.token}/query"))
    control = wire.dialect.match(WireRequest(method="GET", path="/indexes"))
    extra = {"decision_id": "d1"}
    said = msgspec.json.decode(wire.dialect.refusal(data, 403, "scope_denied", "no", extra).body)
    assert said == {"code": 7, "message": "no", "details": [], "firewall": {"code": "scope_denied", **extra}}
    said = msgspec.json.decode(wire.dialect.refusal(control, 403, "admin_only", "no", {}).body)
    assert said["error"] == {"code": "FORBIDDEN", "message": "no"}
    assert said["status"] == 403
    said = msgspec.json.decode(wire.dialect.refusal(None, 418, "odd", "no", {}).body)
    assert (said["code"], said["error"]["code"]) == (2, "UNKNOWN")
    assert data is not None
    assert wire.dialect.not_found(data).status == 404


def test_a_question_without_an_index_cannot_be_asked() -> None:
    """No recall: a search needs an index and a vector."""
    assert dialect().recall("tea", {"namespace": "ns"}, 5) is None


def test_every_route_stands_in_the_matrix() -> None:
    """One line each."""
    lines = support_matrix().splitlines()[2:]
    assert len(lines) == len(dialect().routes)
    assert sum("governed read" in line for line in lines) == 14
