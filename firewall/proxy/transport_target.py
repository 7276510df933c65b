"""Where an upstream is, and how much a transport lets through: read once from the config, used for every request."""

import re
from urllib.parse import urlsplit

import msgspec

from firewall.errors import ConfigError, Problem

# What may stand in a base URL's path: it is put before every target as it is.
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")


class TransportLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds, sizes in bytes. `keepalive` is how long an idle connection is trusted to be alive."""

    connect_timeout: float = 5.0
    max_connections: int = 100
    max_body: int = 16 * 1024 * 1024
    max_header_bytes: int = 64 * 1024
    keepalive: float = 15.0


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """An upstream's base URL, taken apart. `host_header` leaves out the scheme's own port."""

    tls: bool
    host: str
    port: int
    host_header: str
    prefix: str

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host_header}"


def parse_target(base_url: str) -> Target:
    """The parts of an http:// or https:// URL. ConfigError for what else it is; the URL is not repeated."""
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _unusable("is not a URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise _unusable("must begin with http:// or https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise _unusable("must not hold credentials")
    if parts.query or parts.fragment:
        raise _unusable("must not hold a query or a fragment")
    try:
        host.encode("idna")
    except UnicodeError:
        raise _unusable("names a host that no resolver accepts") from None
    if not base_url.isascii() or not _PREFIX.fullmatch(parts.path):
        raise _unusable("must be percent-encoded")
    tls = parts.scheme == "https"
    usual = 443 if tls else 80
    name = f"[{host}]" if ":" in host else host
    return Target(
        tls=tls,
        host=host,
        port=port if port is not None else usual,
        host_header=name if port in (None, usual) else f"{name}:{port}",
        prefix=parts.path.rstrip("/"),
    )


def _unusable(reason: str) -> ConfigError:
    return ConfigError([Problem(file="upstream", line=0, column=0, path="url", message=f"the URL {reason}")])
