"""Paths that mean two things: whatever is asked, only described routes of the mount's own upstream are reached."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.http import HttpDialect, HttpMapping, HttpOwner, HttpRead
from adapters.markdown import MarkdownDialect
from firewall.errors import CallerError
from firewall.ports import Caller, WireRequest
from tests.backends.mem0_double import PlatformDouble, platform_double
from tests.conformance.clients import ask
from tests.sidecar import KEYS, Sidecar, sidecar

SECRET = "The secret of another collection."
TRICKS = (
    "/c/other/query",
    "/c/notes/../other/query",
    "/c/notes%2F..%2Fother/query",
    "/c/notes/%2e%2e/other/query",
    "/c/notes%252F..%252Fother/query",
    "/c/notes/..;/other/query",
    "/c/notes\\..\\other/query",
    "/c/%6f%74her/query",
    "//c//other//query",
    "/c/notes/query/../../other/query",
    "/../c/other/query",
    "/notes/c/other/query",
    "/api/c/other/query",
    "/c/other/query?x=/c/notes/query",
    "/c/other/query#/c/notes/query",
    "/c/notes;/query",
    "/c/notes%00/query",
    "/c//query",
    "/admin",
    "/%61dmin",
    "/./admin",
    "/c/notes/query/",
)


@pytest.fixture
async def double() -> AsyncIterator[PlatformDouble]:
    async with platform_double() as running:
        for target in ("/c/other/query", "/admin", "/c/%6Fther/query"):
            running.answer("POST", target, {"hits": [{"id": "s", "text": SECRET}]})
        running.answer("POST", "/c/notes/query", {"hits": [{"id": "1", "text": "A note."}]})
        yield running


@pytest.fixture
async def memfw(double: PlatformDouble, tmp_path: Path) -> AsyncIterator[Sidecar]:
    folder = tmp_path / "folder"
    (folder / "mine").mkdir(parents=True)
    (folder / "mine" / "a.md").write_text("A note.")
    (folder / "other.md").write_text(SECRET)
    (tmp_path / "outside.md").write_text(SECRET)
    read = {"path": "/c/{collection}/query", "list": "/hits", "text": ["/text"]}
    config = {
        "upstreams": {
            "api": {
                "dialect": "http",
                "url": double.url,
                "reads": [read],
                "owner": {"collection": {"param": "collection"}},
            },
            "notes": {"dialect": "markdown", "path": str(folder)},
        },
        "principals": [
            {
                "name": "p",
                "key": "env:PINNED_KEY",
                "role": "agent",
                "pin": {"api": {"collection": "notes"}, "notes": {"folder": "mine"}},
            }
        ],
    }
    async with sidecar(tmp_path, config) as running:
        yield running


KEY = (("Authorization", f"Bearer {KEYS['PINNED_KEY']}"),)


@pytest.mark.parametrize("target", TRICKS)
async def test_no_trick_reaches_another_collection(
    memfw: Sidecar, double: PlatformDouble, target: str
) -> None:
    """Nothing that a pinned caller asks gets there, and no absolute URL or Host changes where it goes."""
    for start in (target, f"http://127.0.0.1:1{target}" if target.startswith("/c") else target):
        for headers in (KEY, (*KEY, ("Host", "evil.example")), (*KEY, ("X-Original-URL", "/c/other/query"))):
            prefix = f"{memfw.url}/api" if start.startswith("/") else memfw.url
            reply = await ask(prefix, "POST", start, headers=headers, body={})
            assert SECRET.encode() not in reply.body, (start, headers)
    assert {asked.path for asked in double.received} <= {"/c/notes/query"}
    assert all("x-original-url" not in dict(asked.headers) for asked in double.received)


@pytest.mark.parametrize(
    "target",
    [
        "/notes/other.md",
        "/notes/mine%2F..%2Fother.md",
        "/notes/mine/../other.md",
        "/notes/..%2F..%2Foutside.md",
        "/notes/%2Fetc%2Fpasswd",
        "/notes/%2e%2e%2foutside.md",
        "/notes/mine%5C..%5Cother.md",
        "/notes?folder=",
        "/notes?folder=..",
        "/notes?folder=mine/../",
        "/notes?folder=mine&folder=",
        "/notes?folder=%2F",
        "/notes?tag=x&offset=-1",
        "/notes/other.md%23",
    ],
)
async def test_no_trick_reads_another_folder(memfw: Sidecar, target: str) -> None:
    """Neither another folder's notes nor anything outside."""
    reply = await ask(f"{memfw.url}/notes", "GET", target, headers=KEY)
    assert SECRET.encode() not in reply.body
    assert b"root:" not in reply.body


async def test_what_is_the_callers_own_is_there(memfw: Sidecar) -> None:
    """The same caller, without a trick."""
    note = await ask(f"{memfw.url}/notes", "GET", "/notes/mine%2Fa.md", headers=KEY)
    assert (note.status, note.json["text"]) == (200, "A note.")
    listed = await ask(f"{memfw.url}/notes", "GET", "/notes", headers=KEY)
    assert [row["id"] for row in listed.json["results"]] == ["mine/a.md"]
    hits = await ask(f"{memfw.url}/api", "POST", "/c/notes/query", headers=KEY, body={})
    assert hits.json["hits"] == [{"id": "1", "text": "A note."}]


PIECES = st.sampled_from(
    [
        "c",
        "notes",
        "other",
        "query",
        "..",
        ".",
        "%2e",
        "%2E%2e",
        "%2F",
        "%5C",
        "/",
        "//",
        ";",
        "%00",
        "%25",
        "é",
        "?",
        "#",
        "~",
    ]
)
API = HttpDialect(
    "api",
    HttpMapping(
        reads=(HttpRead(path="/c/{collection}/query", list=""),),
        owner={"collection": HttpOwner(param="collection")},
    ),
)
NOTES = MarkdownDialect("notes")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, max_size=12).map(lambda parts: "/" + "".join(parts)) | st.text(max_size=30))
def test_any_path_is_the_pinned_collection_or_refused(path: str) -> None:
    """What a pinned caller's request becomes is one path, with no other reading."""
    asked = WireRequest(method="POST", path=path, body=b"{}")
    try:
        match = API.match(asked)
        plan = None if match is None else API.plan(asked, match, Caller(pin={"collection": "notes"}), now=0.0)
    except CallerError:
        return
    if plan is not None:
        assert plan.request.path == "/c/notes/query"
        assert plan.request.base == ""


@given(st.lists(PIECES, max_size=10).map("".join))
def test_any_note_id_is_one_segment(text: str) -> None:
    """A path of the notes never climbs."""
    asked = WireRequest(method="GET", path=f"/notes/{text}")
    try:
        match = NOTES.match(asked)
    except CallerError:
        return
    if match is not None and "id" in match.params:
        assert ".." not in match.params["id"].split("/")
