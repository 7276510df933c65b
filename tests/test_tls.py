"""TLS contexts from files: what is shown and believed, and what is wrong with a file by its name only."""

import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from firewall.errors import ConfigError
from firewall.tls import Chain, ServerTls, upstream_context
from tests.certificates import Authority, Issued

PASSWORD = "hush-hush-password"
INNARDS = "MHcCAQEEIHushHushInnards"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority whose files are in the test's folder."""
    return Authority(tmp_path)


def shaken(
    server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a handshake in memory, the server's first. ssl.SSLError where they do not agree."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1", session=session),
    )
    for _ in range(8):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends


def chain(issued: Issued) -> Chain:
    return Chain(cert=issued.cert, key=issued.key)


def serial(client: ssl.SSLObject) -> object:
    shown = client.getpeercert()
    return shown and shown["serialNumber"]


def problem_of(made: Chain, *, client_ca: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        ServerTls(made, client_ca=client_ca)
    assert caught.value.__cause__ is None or isinstance(caught.value.__cause__, OSError)
    (problem,) = caught.value.problems
    return str(problem)


def test_what_is_shown_is_believed(authority: Authority) -> None:
    """A client that believes the authority, and nobody else, agrees on the newest TLS."""
    tls = ServerTls(chain(authority.issue()))
    _, client = shaken(tls.context, upstream_context(ca=authority.ca, chain=None, verify=True))
    assert client.version() == "TLSv1.3"


def test_who_is_not_believed(authority: Authority, tmp_path: Path) -> None:
    """Another authority's certificate, or another host's, ends the handshake; without verification anything goes."""
    other = Authority(tmp_path, "other")
    foreign, elsewhere = (
        ServerTls(chain(other.issue("foreign"))),
        ServerTls(chain(authority.issue("elsewhere", host="10.0.0.1"))),
    )
    for tls in (foreign, elsewhere):
        with pytest.raises(ssl.SSLCertVerificationError):
            shaken(tls.context, upstream_context(ca=authority.ca, chain=None, verify=True))
        shaken(tls.context, upstream_context(ca=None, chain=None, verify=False))


def test_a_key_in_a_secret_or_with_a_password(authority: Authority) -> None:
    """The key may be encrypted, may come from a variable, or both; nothing of it is left in a file."""
    issued = authority.issue(password=PASSWORD)
    text = SecretStr(issued.key.read_text())
    trusting = upstream_context(ca=authority.ca, chain=None, verify=True)
    for key in (issued.key, text):
        shaken(ServerTls(Chain(cert=issued.cert, key=key, password=SecretStr(PASSWORD))).context, trusting)
    assert PASSWORD not in repr(Chain(cert=issued.cert, key=text, password=SecretStr(PASSWORD)))
    assert "PRIVATE" not in repr(Chain(cert=issued.cert, key=text))


def test_a_client_shows_its_own(authority: Authority, tmp_path: Path) -> None:
    """With `client_ca` only those that show a certificate of that authority get in."""
    clients = Authority(tmp_path, "clients")
    tls = ServerTls(chain(authority.issue()), client_ca=clients.ca)
    mine = upstream_context(ca=authority.ca, chain=chain(clients.issue("mine")), verify=True)
    server, _ = shaken(tls.context, mine)
    assert server.getpeercert()
    for shown in (None, chain(authority.issue("wrong"))):
        with pytest.raises(ssl.SSLError):
            shaken(tls.context, upstream_context(ca=authority.ca, chain=shown, verify=True))


def test_an_old_version_is_not_spoken(authority: Authority) -> None:
    """`min_version` is the oldest that is agreed on."""
    tls = ServerTls(chain(authority.issue()), min_version="1.3")
    old = upstream_context(ca=authority.ca, chain=None, verify=True)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        shaken(tls.context, old)
    shaken(ServerTls(chain(authority.issue())).context, old)


def test_files_are_taken_again(authority: Authority) -> None:
    """`renew` shows the new certificate to who comes later; a bad one changes nothing."""
    issued = authority.issue()
    tls = ServerTls(chain(issued))
    trusting = upstream_context(ca=authority.ca, chain=None, verify=True)
    first = serial(shaken(tls.context, trusting)[1])
    authority.issue()
    tls.renew()
    second = serial(shaken(tls.context, trusting)[1])
    assert first != second
    issued.key.write_text("no key any more")
    with pytest.raises(ConfigError):
        tls.renew()
    authority.issue("other")
    issued.key.write_bytes((issued.key.parent / "other.key").read_bytes())
    with pytest.raises(ConfigError, match="not the certificate of the key"):
        tls.renew()
    assert serial(shaken(tls.context, trusting)[1]) == second


def test_an_authority_that_was_taken_out_is_believed_no_more(authority: Authority, tmp_path: Path) -> None:
    """`renew` believes those in the file as it is now, and nobody else; not by a session from before either."""
    before, after = Authority(tmp_path, "before"), Authority(tmp_path, "after")
    believed = tmp_path / "believed.pem"
    believed.write_bytes(before.ca.read_bytes())
    tls = ServerTls(chain(authority.issue()), client_ca=believed)
    theirs, ours = (
        upstream_context(ca=authority.ca, chain=chain(one.issue(name)), verify=True)
        for one, name in ((before, "theirs"), (after, "ours"))
    )
    server, client = shaken(tls.context, theirs)
    server.write(b"x")
    client.read(1)  # what a session is gone on with comes with the first answer
    believed.write_bytes(after.ca.read_bytes())
    tls.renew()
    shaken(tls.context, ours)
    for session in (client.session, None):
        with pytest.raises(ssl.SSLError):
            shaken(tls.context, theirs, session)


def test_files_that_change_while_they_are_taken(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is written over between two looks at it: what is shown is the old pair or the new one, never half."""
    issued = authority.issue()
    tls = ServerTls(chain(issued))
    trusting = upstream_context(ca=authority.ca, chain=None, verify=True)
    authority.issue()
    whole = Chain.load_into

    def torn(self: Chain, context: ssl.SSLContext) -> None:
        whole(self, context)
        issued.key.write_text("-----BEGIN PRIV")

    monkeypatch.setattr(Chain, "load_into", torn)
    with suppress(ConfigError):
        tls.renew()
    assert shaken(tls.context, trusting)[1].version() == "TLSv1.3"


def test_files_that_cannot_be_used(authority: Authority, tmp_path: Path) -> None:
    """Each problem names the file and shows nothing of what is in it."""
    issued, other = authority.issue(), authority.issue("other")
    locked = authority.issue("locked", password=PASSWORD)
    bad = tmp_path / "bad.pem"
    bad.write_text(f"-----BEGIN EC PRIVATE KEY-----\n{INNARDS}\n-----END EC PRIVATE KEY-----\n")
    gone = tmp_path / "gone.pem"
    expected = [
        (problem_of(Chain(cert=gone, key=issued.key)), f"{gone}: No such file or directory"),
        (problem_of(Chain(cert=issued.cert, key=gone)), f"{gone}: No such file or directory"),
        (problem_of(Chain(cert=tmp_path, key=issued.key)), f"{tmp_path}: Is a directory"),
        (problem_of(Chain(cert=issued.cert, key=other.key)), f"{issued.cert}: is not the certificate of"),
        (problem_of(Chain(cert=bad, key=issued.key)), f"{bad}: is no certificate in PEM"),
        (
            problem_of(Chain(cert=issued.cert, key=bad)),
            f"{issued.cert}: is no certificate in PEM, or the key",
        ),
        (
            problem_of(Chain(cert=locked.cert, key=locked.key)),
            f"{locked.cert}: is no certificate in PEM, or the key",
        ),
        (
            problem_of(Chain(cert=locked.cert, key=locked.key, password=SecretStr("guessed"))),
            "another password",
        ),
        (problem_of(Chain(cert=issued.cert, key=SecretStr(INNARDS))), "another password"),
        (problem_of(chain(issued), client_ca=bad), f"{bad}: holds no certificates in PEM"),
        (problem_of(chain(issued), client_ca=gone), f"{gone}: No such file or directory"),
    ]
    for found, wanted in expected:
        assert wanted in found
        assert INNARDS not in found
        assert "guessed" not in found
