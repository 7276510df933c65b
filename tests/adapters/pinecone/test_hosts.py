"""Index hosts: what may be asked, and that only tokens of ours lead there."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.pinecone import public_base_problem
from adapters.pinecone.hosts import NOT_ALLOWED, Hosts
from firewall.errors import CallerError, ConfigError
from tests.adapters.pinecone.bench import KEY

CLOUD = "docs-abc123.svc.us-east-1.pinecone.io"


def hosts(api_url: str = "https://api.pinecone.io", *allowed: str, upstream: str = "vectors") -> Hosts:
    return Hosts(upstream, api_url=api_url, public_key=KEY, allow_hosts=allowed)


def base_of(ours: Hosts, host: str) -> str | None:
    token = ours.token("docs", host)
    return None if token == NOT_ALLOWED else ours.opened(token).base


@pytest.mark.parametrize(
    ("api_url", "allowed", "host", "base"),
    [
        ("https://api.pinecone.io", (), CLOUD, f"https://{CLOUD}"),
        ("https://api.pinecone.io", (), f"https://{CLOUD.upper()}/", f"https://{CLOUD}"),
        ("https://api.pinecone.io", (), f"{CLOUD}:443", f"https://{CLOUD}:443"),
        ("http://127.0.0.1:9", (), "http://127.0.0.1:9/indexes/docs", "http://127.0.0.1:9/indexes/docs"),
        ("http://127.0.0.1:9", (), "127.0.0.1:9/indexes/docs", "http://127.0.0.1:9/indexes/docs"),
        ("http://e.test", (".e.test",), "http://docs.e.test", "http://docs.e.test"),
        ("http://e.test", ("e.test",), "https://docs.e.test", "https://docs.e.test"),
        ("http://e.test", ("http://localhost:*",), "localhost:5081", "http://localhost:5081"),
        ("http://e.test", ("10.0.0.7:80",), "http://10.0.0.7", "http://10.0.0.7"),
        ("http://e.test", ("[::1]:5081",), "http://[::1]:5081", "http://[::1]:5081"),
    ],
)
def test_a_host_that_may_be_asked(api_url: str, allowed: tuple[str, ...], host: str, base: str) -> None:
    """The cloud's, the control plane's own and those that the config names; https where nothing else is said."""
    assert base_of(hosts(api_url, *allowed), host) == base


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "pinecone.io",
        "evilpinecone.io",
        "docs.pinecone.io.evil.test",
        f"http://{CLOUD}",
        f"{CLOUD}:8443",
        f"{CLOUD}.",
        f"user@{CLOUD}",
        f"https://user:pass@{CLOUD}",
        f"evil.test#.{CLOUD}",
        f"evil.test?.{CLOUD}",
        f"evil.test/.{CLOUD}",
        f"evil.test\\.{CLOUD}",
        f"evil.test%2F.{CLOUD}",
        f"{CLOUD}/..",
        f"{CLOUD}/../x",
        f"{CLOUD}/a?b=c",
        f"{CLOUD}/%2e%2e",
        f"ftp://{CLOUD}",
        f"//{CLOUD}",
        f" {CLOUD}",
        f"{CLOUD}\n",
        "a\u3002pinecone\u3002io",
        "\u212a.pinecone.io\u200b",
        "api.pinecone.io:444",
        "sub.api.pinecone.io:80",
        "2130706433",
        "0x7f000001",
        "127.1",
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "localhost",
        "",
        "x" * 2_000 + ".pinecone.io",
    ],
)
def test_a_host_that_may_not(host: str) -> None:
    """Look-alikes, credentials, ports, addresses in any writing, and what two parsers could read in two ways."""
    assert base_of(hosts(), host) is None


def test_an_address_allows_itself_alone() -> None:
    """A suffix of an address is no parent of other hosts."""
    ours = hosts("http://e.test", "10.0.0.7:80")
    assert base_of(ours, "http://x.10.0.0.7") is None
    assert base_of(ours, "http://110.0.0.7") is None


@given(st.text(max_size=40))
def test_no_host_leads_anywhere_else(host: str) -> None:
    """Whatever an upstream calls an index's host: nothing outside the cloud is ever asked."""
    base = base_of(hosts(), host)
    assert base is None or base.removeprefix("https://").partition("/")[0].partition(":")[0].endswith(
        ".pinecone.io"
    )


@given(st.text(max_size=120) | st.binary(max_size=80).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_token_can_be_made_up(token: str) -> None:
    """Only what was signed here opens."""
    with pytest.raises(CallerError) as refused:
        hosts().opened(token)
    assert refused.value.status == 403


@given(st.data())
def test_a_changed_token_does_not_open(data: st.DataObject) -> None:
    """One character more, less or different."""
    token = hosts().token("docs", CLOUD)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(["", "A", "-", ".", "=", "aa"]).filter(lambda one: one != token[place]))
    with pytest.raises(CallerError):
        hosts().opened(token[:place] + other + token[place + 1 :])


def test_a_token_is_of_one_mount_and_one_key() -> None:
    """Another mount's tokens, and those of another key, do not open; the same settings give the same token."""
    token = hosts().token("docs", CLOUD)
    assert hosts().token("docs", CLOUD) == token
    assert hosts().opened(token).name == "docs"
    with pytest.raises(CallerError):
        hosts(upstream="other").opened(token)
    strange = Hosts(
        "vectors",
        api_url="https://api.pinecone.io",
        public_key=b"another key, of 32 bytes length.",
        allow_hosts=(),
    )
    with pytest.raises(CallerError):
        strange.opened(token)


def test_a_host_that_is_not_allowed_any_more_is_not_asked() -> None:
    """The allowlist counts when a token is used, not only when it was made."""
    token = hosts("http://e.test", ".old.test").token("docs", "http://docs.old.test")
    with pytest.raises(CallerError) as refused:
        hosts("http://e.test").opened(token)
    assert refused.value.code == "host_not_allowed"


@pytest.mark.parametrize(
    "entry", ["", "*", "http://", "a b", "x/y", "user@x", "x:0", "x:99999999", ".", "x."]
)
def test_a_suffix_that_is_none_is_a_mistake_in_the_config(entry: str) -> None:
    """Nothing is guessed from it."""
    with pytest.raises(ConfigError):
        hosts("http://e.test", entry)


@pytest.mark.parametrize("url", ["", "api.pinecone.io", "ftp://x.test", "http://user@x.test", "http://"])
def test_a_control_plane_that_is_no_url_is_a_mistake_too(url: str) -> None:
    """It must name scheme and host."""
    with pytest.raises(ConfigError):
        hosts(url)


def test_a_short_key_is_a_mistake() -> None:
    """A MAC is worth what its key is."""
    with pytest.raises(ConfigError):
        Hosts("vectors", api_url="http://e.test", public_key=b"short", allow_hosts=())


def test_where_clients_take_an_index_host() -> None:
    """A scheme, and a dot or localhost in the name."""
    assert public_base_problem("http://localhost:8700/vectors") is None
    assert public_base_problem("https://memfw.example.com/vectors") is None
    assert "dot" in (public_base_problem("http://memfw:8700/vectors") or "")
    assert "http" in (public_base_problem("localhost:8700") or "")
    assert public_base_problem("http://[") is not None
