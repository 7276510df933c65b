"""TLS contexts from files that an operator names: for our own port, and towards upstreams.

Whatever is wrong with a file is a ConfigError that names its path and shows nothing of what is in it.
"""

import ssl
import tempfile
from pathlib import Path
from typing import Literal

import msgspec
from pydantic import SecretStr

from firewall.errors import ConfigError, Problem

Version = Literal["1.2", "1.3"]

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate and its key: in a file, in a secret, or (None) in the certificate's own file."""

    cert: Path
    key: Path | SecretStr | None = None
    password: SecretStr | None = None

    def load_into(self, context: ssl.SSLContext) -> None:
        """From now on the context shows this certificate. ConfigError, which may leave the context half changed."""
        _check_readable(self.cert)
        if isinstance(self.key, SecretStr):
            # The library reads keys from files only: this one is nobody else's, and gone before it is used.
            with tempfile.NamedTemporaryFile("w", prefix="memfw-", suffix=".key") as file:
                file.write(self.key.get_secret_value())
                file.flush()
                self._load(context, Path(file.name))
        else:
            if self.key is not None:
                _check_readable(self.key)
            self._load(context, self.key)

    def _load(self, context: ssl.SSLContext, key: Path | None) -> None:
        # Without an answer the library would ask for the password on the terminal.
        password = "" if self.password is None else self.password.get_secret_value()
        try:
            context.load_cert_chain(self.cert, key, password=lambda: password)
        except (ssl.SSLError, ValueError) as error:
            if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
                raise _unusable(self.cert, "is not the certificate of the key that goes with it") from None
            reason = "is no certificate in PEM, or the key that goes with it cannot be read: not PEM, or another password"
            raise _unusable(self.cert, reason) from None


class ServerTls:
    """What our own port speaks. With `client_ca` each client has to show a certificate of one of its authorities. `context` is
    for the listener, for good."""

    def __init__(self, chain: Chain, *, client_ca: Path | None = None, min_version: Version = "1.2") -> None:
        """ConfigError."""
        self._chain = chain
        self._client_ca = client_ca
        self._min_version = _VERSIONS[min_version]
        self.context = self._shown = self._read()
        self.context.sni_callback = self._show

    def renew(self) -> None:
        """Take the files again, for connections that come from now on. ConfigError, and nothing is changed."""
        self._shown = self._read()

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = self._min_version
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        self._chain.load_into(context)
        if self._client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            # A session that is gone on with shows no certificate again: who is taken out would stay in by it. (TLS 1.2 has
            # another way to go on, for two hours, that this library cannot shut.)
            context.options |= ssl.OP_NO_TICKET
            context.num_tickets = 0
            _believe(context, self._client_ca)
        return context

    def _show(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Asked in every handshake, with a name or without. Files that were taken again are a context of their own: one
        that is in use can only be added to, and could be left half changed."""
        connection.context = self._shown


def upstream_context(*, ca: Path | None, chain: Chain | None, verify: bool) -> ssl.SSLContext:
    """What an upstream has to show, and what is shown to it. ConfigError."""
    context = ssl.create_default_context() if ca is None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is not None:
        _believe(context, ca)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if chain is not None:
        chain.load_into(context)
    return context


def _believe(context: ssl.SSLContext, authorities: Path) -> None:
    _check_readable(authorities)
    before = context.cert_store_stats()["x509"]
    try:
        context.load_verify_locations(authorities)
    except ssl.SSLError:
        raise _unusable(authorities, "holds no certificates in PEM") from None
    if not before and not context.cert_store_stats()["x509"]:
        raise _unusable(authorities, "holds no certificates in PEM")


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise _unusable(path, error.strerror or "cannot be read") from error


def _unusable(path: Path, reason: str) -> ConfigError:
    return ConfigError([Problem(str(path), 0, 0, "", reason)])
