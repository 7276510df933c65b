"""Every recorded REST request, sent by hand to the service itself and through a whole memfw: the same answers.

No client is needed for that, so that it runs wherever the tests do.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.backends.pinecone_double import KEY, PineconeDouble, pinecone_double
from tests.conformance.clients import Reply, ask
from tests.conformance.pinecone_clients import ADMIN, AGENT, PINNED, POISON, mounted, vectors
from tests.stamps import unstamped

CASSETTES = Path(__file__).parents[1] / "cassettes" / "pinecone"
FILES = sorted(path.name for path in CASSETTES.glob("10*.json"))
#: One recorded row carries an instruction and one reports a failed route: they are there, and come back to nobody.
POISONED = {"v2", "m2"}


def exchanges(name: str) -> Iterator[Mapping[str, Any]]:
    for call in json.loads((CASSETTES / name).read_text(encoding="utf-8"))["calls"]:
        for exchange in call["exchanges"]:
            if call.get("protocol", "REST") == "REST":
                yield exchange["request"]


def furnished(double: PineconeDouble, name: str) -> str:
    """The indexes that a recording was made with; its calls go to the one that is named."""
    if "control" in name:
        return ""
    double.add("dense-s")
    double.add("rec-s", text_field="chunk_text")
    double.add("doc-s")
    return "rec-s" if "records" in name else "doc-s" if "documents" in name else "dense-s"


async def host_of(url: str, index: str, key: str) -> str:
    if not index:
        return url
    described = await ask(url, "GET", f"/indexes/{index}", headers=(("Api-Key", key),))
    return str(described.json["host"])


async def sent(url: str, index_url: str, request: Mapping[str, Any], key: str) -> Reply:
    skipped = {"api-key", "host", "content-length", "accept-encoding", "connection"}
    headers = [(name, value) for name, value in request["headers"] if name.lower() not in skipped]
    body = (request.get("body_text") or "").encode() or None
    base = url if request["path"].startswith("/indexes") else index_url
    return await ask(
        base, request["method"], request["target"], headers=(*headers, ("Api-Key", key)), body=body
    )


def cleaned(value: Any) -> Any:
    """An answer without hosts, costs, our object and the poisoned rows."""
    if isinstance(value, dict):
        return {
            name: cleaned(inner)
            for name, inner in value.items()
            if name not in {"host", "usage", "firewall", *POISONED}
        }
    if isinstance(value, list):
        return [cleaned(one) for one in value if not _is_poisoned(one)]
    return value


def _is_poisoned(row: Any) -> bool:
    return isinstance(row, dict) and (row.get("id") in POISONED or row.get("_id") in POISONED)


@pytest.mark.parametrize("name", FILES)
async def test_the_same_answers_either_way(tmp_path: Path, name: str) -> None:
    """Status and body of every call, in the order of the recording, on two services of their own."""
    async with pinecone_double() as bare, pinecone_double() as behind, mounted(tmp_path, behind) as url:
        index = furnished(bare, name)
        furnished(behind, name)
        direct, through = await host_of(bare.url, index, KEY), await host_of(url, index, ADMIN)
        seen = 0
        for request in exchanges(name):
            wanted = await sent(bare.url, direct, request, KEY)
            got = await sent(url, through, request, ADMIN)
            assert got.status == wanted.status, request["target"]
            if not wanted.body or not got.body:
                assert got.body == wanted.body, request["target"]
            else:
                assert cleaned(unstamped(got.json)) == cleaned(wanted.json), request["target"]
            seen += 1
        assert seen


@pytest.fixture
async def double() -> Any:
    """The service, with a row in it."""
    async with pinecone_double() as running:
        running.add("docs").upsert("mine", vectors({"bad": POISON, "good": "Likes green tea"}))
        yield running


async def test_the_firewall_object_names_what_was_withheld(tmp_path: Path, double: PineconeDouble) -> None:
    """Beside the rows, with headers that count; the hostile text is nowhere in the answer."""
    async with mounted(tmp_path, double) as url:
        host = await host_of(url, "docs", AGENT)
        asked = {"topK": 2, "vector": [1, 0, 0], "namespace": "mine"}
        found = await ask(host, "POST", "/query", headers=(("Api-Key", AGENT),), body=asked)
        fetched = await ask(
            host, "GET", "/vectors/fetch?ids=bad&namespace=mine", headers=(("Api-Key", AGENT),)
        )
    assert [entry["id"] for entry in found.json["firewall"]["withheld"]] == ["bad"]
    assert found.headers["memfw-withheld"] == "1"
    assert found.headers["x-pinecone-max-indexed-lsn"] == "7"
    assert (fetched.status, fetched.json["vectors"]) == (200, {})
    assert [entry["id"] for entry in fetched.json["firewall"]["withheld"]] == ["bad"]
    assert b"evil.test" not in found.body + fetched.body


async def test_denials_have_the_services_shape(tmp_path: Path, double: PineconeDouble) -> None:
    """Never a status that the client would send again, and nothing reaches the service."""
    async with mounted(tmp_path, double) as url:
        host = await host_of(url, "docs", PINNED)
        before = len(double.received)
        key = (("Api-Key", PINNED),)
        foreign = await ask(host, "POST", "/query", headers=key, body={"topK": 1, "namespace": "theirs"})
        forged = await ask(url, "POST", "/_idx/ZXZpbC50ZXN0.AAAA/query", headers=key, body={"topK": 1})
        unknown = await ask(host, "POST", "/nothing", headers=key, body={})
        admin = await ask(url, "DELETE", "/indexes/docs", headers=key)
        grpc = await ask(
            host,
            "POST",
            "/VectorService/Query",
            headers=(*key, ("Content-Type", "application/grpc")),
            body=b"\0",
        )
        nobody = await ask(host, "POST", "/query", body={"topK": 1})
        assert len(double.received) == before
    assert (foreign.status, foreign.json["code"], foreign.json["details"]) == (403, 7, [])
    assert foreign.json["firewall"]["code"] == "scope_denied"
    assert (forged.status, forged.json["firewall"]["code"]) == (403, "index_unknown")
    assert (unknown.status, admin.status, grpc.status, nobody.status) == (403, 403, 415, 401)
    assert admin.json["error"]["code"] == "FORBIDDEN"
    assert "REST" in grpc.json["message"]


async def test_an_index_of_one_name_is_no_way_into_another(tmp_path: Path, double: PineconeDouble) -> None:
    """The token of an index that the pin does not name is refused, whoever got it."""
    double.add("other").upsert("mine", vectors({"a": "Likes coffee"}))
    async with mounted(tmp_path, double) as url:
        other = await host_of(url, "other", ADMIN)
        asked = {"topK": 1, "vector": [1, 0, 0], "namespace": "mine"}
        denied = await ask(other, "POST", "/query", headers=(("Api-Key", PINNED),), body=asked)
    assert (denied.status, denied.json["firewall"]["code"]) == (403, "scope_denied")


async def test_top_k_is_filled_in_the_order_of_the_upstream(tmp_path: Path) -> None:
    """7 poisoned of the 17 nearest, k=5: the five best good ones; where the service refuses more rows, what there is."""
    texts = {f"v{place:02}": POISON if place < 7 else f"Note {place} about tea" for place in range(17)}
    async with pinecone_double() as double, mounted(tmp_path, double) as url:
        double.add("docs").upsert("", vectors(texts))
        host = await host_of(url, "docs", AGENT)
        asked = {"topK": 5, "vector": [1, 0, 0]}
        filled = await ask(host, "POST", "/query", headers=(("Api-Key", AGENT),), body=asked)
        double.row_cap = 12
        capped = await ask(host, "POST", "/query", headers=(("Api-Key", AGENT),), body={**asked, "topK": 10})
    assert [match["id"] for match in filled.json["matches"]] == ["v07", "v08", "v09", "v10", "v11"]
    assert filled.json["usage"]["readUnits"] == 2
    assert [match["id"] for match in capped.json["matches"]] == ["v07", "v08", "v09"]
