"""Which hosts an index may have, and how they are named in a path of ours.

An index host of the upstream becomes `<public base>/_idx/<token>`. The token says the index's name and host, and carries a
MAC under a key that lasts, because people write index hosts into their settings. It is bound to the mount, and the host is
held against the allowlist again whenever it is used: this is never an open proxy.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from firewall.errors import CallerError, ConfigError, Problem

#: Stands in the place of a token for a host that is not allowed: the index stays listed, and using it says why it fails.
NOT_ALLOWED = "host-not-allowed"
_MAX_TOKEN = 2_048
_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_HOST = re.compile(
    rf"(?:(?P<scheme>https?)://)?(?P<host>{_NAME}|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{{0,4}}))?"
    r"(?P<prefix>(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)/?",
    re.ASCII | re.IGNORECASE,
)
_RULE = re.compile(
    rf"(?:(?P<scheme>https?)://)?(?P<suffix>\.?{_NAME}|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{{0,4}}|\*))?"
)
_USUAL = {"https": 443, "http": 80}
_ADDRESS = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)|\[.*")


class IndexHost(msgspec.Struct, frozen=True):
    """An index as the control plane named it, and the base URL of its data plane."""

    name: str
    base: str


class _Rule(msgspec.Struct, frozen=True):
    """`suffix` with a leading dot stands for the hosts below it, without for itself as well. `port` None: the usual one.

    `scheme` is the only one that it allows, where it names one, and what a host without a scheme gets.
    """

    suffix: str
    scheme: str | None = None
    port: int | None = None
    any_port: bool = False
    below: bool = True

    def allows(self, host: str, scheme: str, port: int) -> bool:
        if self.scheme is not None and scheme != self.scheme:
            return False
        if not self.any_port and port != (_USUAL[scheme] if self.port is None else self.port):
            return False
        if self.suffix.startswith("."):
            return host.endswith(self.suffix)
        return host == self.suffix or (self.below and host.endswith(f".{self.suffix}"))


class Hosts:
    """The index hosts of one mount."""

    def __init__(self, upstream: str, *, api_url: str, public_key: bytes, allow_hosts: Sequence[str]) -> None:
        if len(public_key) < 16:
            raise _unusable("public_key", "the key for index hosts needs at least 16 bytes")
        self._key = public_key
        self._context = b"memfw index host\0" + upstream.encode() + b"\0"
        own = _own(api_url)
        cloud = _Rule(".pinecone.io", scheme="https")
        self._rules = (own, cloud, *map(_rule, allow_hosts))

    def token(self, name: str, host: str) -> str:
        """The path segment for that index; `NOT_ALLOWED` where its host is none that may be asked."""
        if self._base(host) is None:
            return NOT_ALLOWED
        said = f"{name if name.isprintable() else ''}\n{host}".encode()
        text = base64.urlsafe_b64encode(said).rstrip(b"=")
        return f"{text.decode()}.{self._mac(text)}"

    def opened(self, token: str) -> IndexHost:
        """The index that a token of ours names. CallerError 403 for any other."""
        if token == NOT_ALLOWED:
            raise CallerError(
                403, "host_not_allowed", "this index has a host that memfw may not ask: see allow_hosts"
            )
        text, _, mac = token.rpartition(".")
        if not text or not token.isascii() or len(token) > _MAX_TOKEN:
            raise _unknown()
        if not hmac.compare_digest(self._mac(text.encode()), mac):
            raise _unknown()
        try:
            said = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise _unknown() from None
        name, _, host = said.partition("\n")
        base = self._base(host)
        if base is None:  # it was allowed when the token was made
            raise CallerError(
                403, "host_not_allowed", "the host of this index is not allowed any more: see allow_hosts"
            )
        return IndexHost(name, base)

    def _mac(self, text: bytes) -> str:
        digest = hmac.digest(self._key, self._context + text, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _base(self, host: str) -> str | None:
        """The base URL of a host that may be asked. One without a scheme has that of the rule that allows it, or https."""
        found = _HOST.fullmatch(host)
        if found is None or len(host) > 1_024:
            return None
        name, port = found["host"].lower(), found["port"]
        for rule in self._rules:
            scheme = (found["scheme"] or rule.scheme or "https").lower()
            if rule.allows(name, scheme, int(port) if port else _USUAL[scheme]):
                return f"{scheme}://{name}{f':{port}' if port else ''}{found['prefix']}"
        return None


def public_base_problem(url: str) -> str | None:
    """Why Pinecone's clients would not take an index host below this URL; None where they do."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "is not a URL"
    if parts.scheme not in _USUAL:
        return "must begin with http:// or https://"
    if "." not in host and "localhost" not in host:
        return "needs a host with a dot in it, or localhost: Pinecone's clients refuse any other index host"
    return None


def _own(api_url: str) -> _Rule:
    """The control plane's own host, and nothing below it."""
    found = _HOST.fullmatch(api_url.lower())  # its path is none of ours here
    if found is None or found["scheme"] is None:
        raise _unusable("url", "the control plane's URL must begin with http:// or https:// and name a host")
    port = int(found["port"]) if found["port"] else None
    return _Rule(found["host"], scheme=found["scheme"], port=port, below=False)


def _rule(entry: str) -> _Rule:
    found = _RULE.fullmatch(entry.lower())
    if found is None:
        raise _unusable("allow_hosts", f"{entry!r} is no host suffix like .example.com or localhost:5081")
    port = found["port"]
    return _Rule(
        found["suffix"],
        scheme=found["scheme"],
        port=int(port) if port and port != "*" else None,
        any_port=port == "*",
        below=_ADDRESS.fullmatch(found["suffix"]) is None,
    )


def _unknown() -> CallerError:
    return CallerError(403, "index_unknown", "this is no index host that memfw gave out")


def _unusable(path: str, message: str) -> ConfigError:
    return ConfigError([Problem(file="upstream", line=0, column=0, path=path, message=message)])
