"""What is plain is read as it stands; of everything else nothing is believed."""

import pytest

from firewall.server.plain_head import Beginnings, PlainHead, PlainHeads

HEAD = b"POST /mem0/v3/x?q=%20 HTTP/1.1\r\nHost: me\r\nX-A:\t b \r\nX-A: c\r\nCONTENT-length: 12\r\nConnection: Close"


def test_a_plain_head() -> None:
    """Target and values as they came but for the spaces around them; length and keep-alive understood."""
    assert PlainHeads().read(HEAD) == PlainHead(
        method="POST",
        target="/mem0/v3/x?q=%20",
        headers=(
            ("Host", "me"),
            ("X-A", "b"),
            ("X-A", "c"),
            ("CONTENT-length", "12"),
            ("Connection", "Close"),
        ),
        length=12,
        keep_alive=False,
    )


def test_bytes_that_are_not_utf8_survive() -> None:
    """A value comes as text from which the same bytes can be made again."""
    head = PlainHeads().read(b"GET /mem0 HTTP/1.1\r\nHost: me\r\nX-A: \xc3\xa4\xff")
    assert head is not None
    assert head.headers[1][1].encode("utf-8", "surrogateescape") == b"\xc3\xa4\xff"


@pytest.mark.parametrize(
    "request_line",
    [
        b"",
        b"GET /mem0",
        b"GET  /mem0 HTTP/1.1",
        b"GET /mem0 HTTP/1.1 ",
        b" GET /mem0 HTTP/1.1",
        b"GET /mem0 HTTP/1.0",
        b"GET /mem0 HTTP/2.0",
        b"GET /mem0 HTTP/1.10",
        b"get /mem0 HTTP/1.1",
        b"CONNECT /mem0 HTTP/1.1",
        b"GET http://me/mem0 HTTP/1.1",
        b"GET mem0 HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"GET /mem0#x HTTP/1.1",
        b"GET /mem0\xc3\xa4 HTTP/1.1",
        b"GET /mem0\t HTTP/1.1",
        b"GET /mem0\x00 HTTP/1.1",
        b"\r\nGET /mem0 HTTP/1.1",
    ],
)
def test_a_request_line_that_is_not_plain(request_line: bytes) -> None:
    """Other versions, methods and forms of target are for the whole parser."""
    assert PlainHeads().read(request_line + b"\r\nHost: me") is None


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"Host: me", b"Host: me"],
        [b"Host: me", b"Content-Length: 1", b"content-length: 1"],
        [b"Host: me", b"Content-Length: 1, 1"],
        [b"Host: me", b"Content-Length:"],
        [b"Host: me", b"Content-Length: +1"],
        [b"Host: me", b"Content-Length: 01"],
        [b"Host: me", b"Content-Length: 1_0"],
        [b"Host: me", b"Content-Length: \xd9\xa1"],
        [b"Host: me", b"Content-Length: " + b"9" * 20],
        [b"Host: me", b"Transfer-Encoding: chunked"],
        [b"Host: me", b"Content-Length: 1", b"transfer-encoding: identity"],
        [b"Host: me", b"Transfer-Encoding : chunked"],
        [b"Host: me", b"Expect: 100-continue"],
        [b"Host: me", b"Upgrade: h2c"],
        [b"Host: me", b"Connection: keep-alive, x"],
        [b"Host: me", b"Connection: close", b"Connection: close"],
        [b"Host: me", b"Content-Encoding: gzip"],
        [b"Host: me", b"Authorization: a", b"authorization: b"],
        [b"Host: me", b" folded"],
        [b"Host: me", b"X A: b"],
        [b"Host: me", b": b"],
        [b"Host: me", b"colon"],
        [b"Host: me", b"X-\xc3\xa4: b"],
        [b"Host: me", b"X-A: a\rb"],
        [b"Host: me", b"X-A: a\nX-B: b"],
        [b"Host: me", b"X-A: a\rX-B: b\nX-C: c"],
        [b"Host: me", b"X-A: a\x00"],
        [b"Host: me", b"X-A: \x7f"],
        [b"Host: me\r"],
        [b"Host: me", *[b"X-A: b"] * 200],
    ],
)
def test_headers_that_are_not_plain(lines: list[bytes]) -> None:
    """What two readers could understand in two ways, and what asks for more than one request and one answer."""
    heads = PlainHeads()
    for _ in range(2):  # a name that was judged before is judged the same
        assert heads.read(b"\r\n".join([b"GET /mem0 HTTP/1.1", *lines])) is None


def test_what_is_remembered_of_names_is_bounded() -> None:
    """Names come from callers: many, or long ones, are read as well and not kept."""
    heads = PlainHeads()
    for number in range(600):
        assert heads.read(b"GET /mem0 HTTP/1.1\r\nHost: me\r\nX-%d: b" % number)
    assert heads.read(b"GET /mem0 HTTP/1.1\r\nHost: me\r\n" + b"X" * 500 + b": b")
    assert len(heads._names) <= 512


@pytest.mark.parametrize(
    "data",
    [b"", b"P", b"POST /me", b"POST /mem0", b"GET /mem0/x HTTP/1.1\r\nHost: m", b"GET /mem0/x HTTP/1.1\r"],
)
def test_a_beginning_that_may_become_a_request_to_a_mount(data: bytes) -> None:
    """It is waited for, however little of it is there."""
    assert Beginnings(["other", "mem0"]).allow(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01",
        b"X",
        b"get /mem0",
        b"GET /v1",
        b"GET http:",
        b"GET /mem0/x HTTP/1.1\nHost",
        b"\r\n",
        b"GET /mem0\r\n",
    ],
)
def test_a_beginning_that_will_not(data: bytes) -> None:
    """It need not be waited for: other servers' protocols, other paths, bare line ends."""
    assert not Beginnings(["other", "mem0"]).allow(data)


def test_a_head_that_was_read_before_is_read_the_same() -> None:
    """First lines and fields are remembered apart: any of them goes with any other."""
    heads = PlainHeads()
    lines = [b"GET /mem0 HTTP/1.1", b"POST /mem0/x?y HTTP/1.1", b"GET /mem0 HTTP/1.0"]
    fields = [b"Host: me", b"Host: me\r\nContent-Length: 3", b"Host: me\r\nExpect: x", b""]
    for _ in range(2):
        for head in [line + b"\r\n" + field for line in lines for field in fields]:
            assert heads.read(head) == PlainHeads().read(head)
