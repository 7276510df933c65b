"""TLS and headers as settings: what goes together, and that no secret stands in the file or is shown."""

from pathlib import Path

import pytest

from firewall.config import Config, Mem0Remote, load_config
from firewall.errors import ConfigError

SECRET = "hush-4711"


def loaded(tmp_path: Path, text: str, **environ: str) -> Config:
    path = tmp_path / "memfw.yaml"
    path.write_text(text)
    return load_config(path, environ)


def problem_of(tmp_path: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, **environ)
    (problem,) = caught.value.problems
    assert SECRET not in str(problem)
    return str(problem)


def upstream(tmp_path: Path, settings: str, **environ: str) -> Mem0Remote:
    config = loaded(tmp_path, f"upstreams: {{m: {{dialect: mem0, {settings}}}}}", **environ)
    found = config.upstreams["m"]
    assert isinstance(found, Mem0Remote)
    assert SECRET not in f"{config!r}{config.model_dump()}{config.model_dump_json()}"
    return found


def test_on_our_own_port(tmp_path: Path) -> None:
    """Paths, or a key and its password as secrets; the version may be written as a number."""
    text = "listen: {tls: {cert: a.pem, key: b.pem, client_ca: c.pem, min_version: 1.3}}"
    tls = loaded(tmp_path, text).listen.tls
    assert tls is not None
    assert (tls.cert, tls.key, tls.client_ca, tls.min_version) == (
        Path("a.pem"),
        Path("b.pem"),
        Path("c.pem"),
        "1.3",
    )
    secret = loaded(
        tmp_path, "listen: {tls: {cert: a.pem, key: 'env:KEY', key_password: 'env:KEY'}}", KEY=SECRET
    )
    assert SECRET not in repr(secret)
    assert secret.listen.tls is not None
    assert secret.listen.tls.min_version == "1.2"
    assert loaded(tmp_path, "listen: {tls: {cert: a.pem, key: 'file:/b.pem'}}").listen.tls is not None
    assert loaded(tmp_path, "").listen.tls is None


@pytest.mark.parametrize(
    ("tls", "message"),
    [
        ("{cert: a.pem}", "listen.tls.key: is required"),
        ("{cert: a.pem, key: 'env:NOT_SET'}", "NOT_SET is not set"),
        ("{cert: a.pem, key: b.pem, key_password: hush-4711}", "does not stand in the config"),
        ("{cert: a.pem, key: b.pem, min_version: 1.1}", "listen.tls.min_version"),
        ("{cert: a.pem, key: 'file:'}", "has to be the path of a file"),
    ],
)
def test_what_our_port_cannot_have(tmp_path: Path, tls: str, message: str) -> None:
    """Each with its place."""
    assert message in problem_of(tmp_path, f"listen: {{tls: {tls}}}")


def test_towards_an_upstream(tmp_path: Path) -> None:
    """Verified unless it is told not to."""
    plain = upstream(tmp_path, "url: 'https://a.example'")
    assert plain.tls.plain
    assert plain.tls.verify
    mutual = upstream(
        tmp_path,
        "url: 'https://a.example', tls: {ca: a.pem, client_cert: b.pem, client_key: 'env:KEY'}",
        KEY=SECRET,
    )
    assert not mutual.tls.plain
    assert not upstream(tmp_path, "url: 'https://a.example', tls: {verify: false}").tls.verify


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("url: 'https://a.example', tls: {client_key: b.pem}", "`client_key` goes with `client_cert`"),
        ("url: 'https://a.example', tls: {ca: a.pem, verify: false}", "believe everybody"),
        ("url: 'http://a.example', tls: {ca: a.pem}", "begins with http://"),
        ("url: 'http://a.example', tls: {verify: false}", "begins with http://"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, settings: str, message: str) -> None:
    """A setting that would do nothing, or half of one, is an error."""
    assert message in problem_of(tmp_path, f"upstreams: {{m: {{dialect: mem0, {settings}}}}}")


def test_headers(tmp_path: Path) -> None:
    """Text, or a secret; kept as secrets all of them."""
    found = upstream(
        tmp_path,
        "url: 'http://a.example', headers: {X-Team: checkout, CF-Access-Client-Secret: 'env:KEY', Memfw-Scope: s}",
        KEY=SECRET,
    )
    assert {name: value.get_secret_value() for name, value in found.headers.items()} == {
        "X-Team": "checkout",
        "CF-Access-Client-Secret": SECRET,
        "Memfw-Scope": "s",
    }


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        *(
            (f"{{{name}: x}}", "cannot be set")
            for name in (
                "Host",
                "host",
                "Content-Length",
                "Connection",
                "Transfer-Encoding",
                "TE",
                "Upgrade",
                "Keep-Alive",
                "Proxy-Thing",
                "Expect",
                "Accept-Encoding",
                "X-HTTP-Method-Override",
            )
        ),
        ("{'X Y': x}", "is no name of a header"),
        ("{'X:': x}", "is no name of a header"),
        ('{X-Y: "a\\r\\nHost: b"}', "cannot hold"),
        ('{X-Y: "a\\tb"}', "cannot hold"),
        ('{X-Y: "\\0"}', "cannot hold"),
        ("{X-Y: ' a'}", "cannot hold"),
        ("{X-Y: ''}", "cannot hold"),
        ("{X-Y: ü}", "cannot hold"),
        ("{X-Y: 'env:BROKEN'}", "cannot hold"),
        ("{X-Y: [a]}", "is text"),
        ("{X-Y: 'env:NOT_SET'}", "NOT_SET is not set"),
        ("{Authorization: Bearer hush-4711}", "does not stand in the config"),
        ("{X-Api-Key: hush-4711}", "does not stand in the config"),
        ("{Cookie: hush-4711}", "does not stand in the config"),
        ("{X-Y: a, x-y: b}", "is there twice"),
    ],
)
def test_headers_that_cannot_be_set(tmp_path: Path, headers: str, message: str) -> None:
    """What belongs to the connection, what would split a request, and secrets in the file; no value is repeated."""
    text = f"upstreams: {{m: {{dialect: mem0, url: 'http://a.example', headers: {headers}}}}}"
    assert message in problem_of(tmp_path, text, BROKEN=f"{SECRET}\nHost: b")
