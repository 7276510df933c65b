"""The upstreams beside Mem0: what each may say, and where its mistakes are."""

from pathlib import Path

import pytest

from firewall.config import (
    Config,
    GraphitiUpstream,
    HttpUpstream,
    MarkdownUpstream,
    PineconeUpstream,
    ZepUpstream,
    load_config,
)
from firewall.errors import ConfigError

EVERY = """\
upstreams:
  zep: {dialect: zep, url: "https://api.getzep.com", on_unparsed: block}
  vectors: {dialect: pinecone, url: "https://api.pinecone.io", allow_hosts: [".example.com"], index_key: "env:KEY"}
  graph: {dialect: graphiti, url: "http://127.0.0.1:8000"}
  notes: {dialect: markdown, path: ./notes}
  api:
    dialect: http
    url: "http://127.0.0.1:9000"
    reads: [{path: /search, list: /hits, text: [/text]}]
    owner: {user: {item: /user, at: /filter/user}}
"""


def loaded(tmp_path: Path, text: str, **environ: str) -> Config:
    path = tmp_path / "memfw.yaml"
    path.write_text(text)
    return load_config(path, environ)


def problems_of(tmp_path: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, **environ)
    return [str(problem).removeprefix(f"{tmp_path}/memfw.yaml:") for problem in caught.value.problems]


def test_every_dialect(tmp_path: Path) -> None:
    """Each is its own model, with the owner keys that a pin may name."""
    zep, vectors, graph, notes, api = loaded(tmp_path, EVERY, KEY="0123456789abcdef").upstreams.values()
    assert isinstance(zep, ZepUpstream)
    assert zep.on_unparsed == "block"
    assert isinstance(vectors, PineconeUpstream)
    assert vectors.index_key is not None
    assert "0123456789abcdef" not in repr(vectors)
    assert isinstance(graph, GraphitiUpstream)
    assert isinstance(notes, MarkdownUpstream)
    assert notes.path == Path("notes")
    assert isinstance(api, HttpUpstream)
    assert [sorted(upstream.pin_keys) for upstream in (zep, vectors, graph, notes, api)] == [
        ["graph_id", "graph_uuid", "thread_id", "thread_uuid", "user_id", "user_uuid"],
        ["index", "namespace"],
        ["group_id"],
        ["folder"],
        ["user"],
    ]


def test_the_environment_reaches_all_of_them(tmp_path: Path) -> None:
    """Also a part of a description, by its place."""
    config = loaded(
        tmp_path,
        EVERY,
        KEY="k",
        MEMFW_UPSTREAMS__NOTES__PATH="/srv/notes",
        MEMFW_UPSTREAMS__API__READS__0__LIST="/results",
        MEMFW_UPSTREAMS__ZEP__ON_UNPARSED="pass",
    )
    notes, api, zep = (config.upstreams[name] for name in ("notes", "api", "zep"))
    assert isinstance(notes, MarkdownUpstream)
    assert isinstance(api, HttpUpstream)
    assert isinstance(zep, ZepUpstream)
    assert (notes.path, api.reads[0].list, zep.on_unparsed) == (Path("/srv/notes"), "/results", "pass")


def test_every_problem_has_its_place(tmp_path: Path) -> None:
    """Line and column, in whichever dialect."""
    text = """\
upstreams:
  zep: {dialect: zep, url: "https://a.example", on_unparsed: maybe}
  notes: {dialect: markdown, url: "https://a.example"}
  graph: {dialect: graphiti}
  api:
    dialect: http
    url: "https://a.example"
    reads:
    - {path: search, list: hits, limt: /limit}
    - {path: /b, limit: limit}
    owner: {user: {at: /x}}
    routes: [{method: get, path: "/a/{B}"}]
principals:
- {name: a, key: "env:A", pin: {notes: {user_id: u}}}
"""
    found = problems_of(tmp_path, text, A="a")
    places = [problem.partition(" ")[0] + " " + problem.split(" ")[1] for problem in found]
    assert places == [
        "2:62: upstreams.zep.on_unparsed:",
        "3:10: upstreams.notes.path:",
        "3:30: upstreams.notes.url:",
        "4:10: upstreams.graph.url:",
        "9:14: upstreams.api.reads[0].path:",
        "9:28: upstreams.api.reads[0].list:",
        "9:34: upstreams.api.reads[0].limt:",
        "10:25: upstreams.api.reads[1].limit:",
        "11:19: upstreams.api.owner.user:",
        "12:23: upstreams.api.routes[0].method:",
        "12:34: upstreams.api.routes[0].path:",
    ]
    assert found[6].endswith("unknown key, did you mean `limit`?")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("reads: []", "at least one of `reads`"),
        ("reads: [{path: /a}, {path: /b}]", "two of the reads have one `name`"),
        ("reads: [{path: /a}, {path: /a, name: b}]", "one method and path"),
        ("reads: [{path: /a, method: GET, limit: /limit}]", "a GET has no body"),
        ("reads: [{path: /a, method: GET, ask: {/a: 1}}]", "a GET has no body"),
        ("reads: [{path: /a, single: true, columns: [a]}]", "neither `columns` nor"),
        ("reads: [{path: /a, batched: true}]", "`batched` is for `columns`"),
        ("reads: [{path: /a, limit_default: 0}]", "greater than or equal to 1"),
        ("reads: [{path: '/a/../b'}], owner: {u: {item: /a, param: b}}", "and not both"),
        ("reads: [{path: /a}], owner: {u: {param: b, at: /x}}", "needs no filter"),
        ("reads: [{path: /a}], owner: {u: {item: /a, at: /x, value: 'u = {value}'}}", "`{value}` once"),
        ("reads: [{path: /a}], owner: {u: {item: /a, at: /x, value: {a: 1}}}", "`{value}` once"),
        ("reads: [{path: /a, text: [a]}]", "should match pattern"),
        ("reads: [{path: /a, id: '/a~2'}]", "should match pattern"),
        ("reads: [{path: /a}], key_header: 'a b'", "should match pattern"),
    ],
)
def test_descriptions_that_contradict_themselves(tmp_path: Path, changed: str, message: str) -> None:
    """Each with one sentence."""
    text = f'upstreams: {{api: {{dialect: http, url: "https://a.example", {changed}}}}}'
    assert any(message in problem for problem in problems_of(tmp_path, text))


def test_a_pin_is_checked_against_the_description(tmp_path: Path) -> None:
    """A key that no item states would confine nothing."""
    text = EVERY + 'principals: [{name: a, key: "env:A", pin: {api: {team: x}, notes: {folder: y}}}]\n'
    (problem,) = problems_of(tmp_path, text, A="a", KEY="k")
    assert problem.endswith("rows of this upstream have no such owner key; it has user")
