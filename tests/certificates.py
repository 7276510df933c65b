"""Certificates for a test: an authority of its own, made in memory, and what it issued as files."""

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its chain, and its key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """Its own certificate is in `ca`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self.ca = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(self.ca)

    def issue(self, name: str = "server", *, password: str = "", host: str = "127.0.0.1") -> Issued:
        """Files called after `name`, which are replaced where they are there."""
        made = self._authority.issue_cert(host, key_type=trustme.KeyType.ECDSA)
        cert, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        cert.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
        content = made.private_key_pem.bytes()
        if password:
            content = serialization.load_pem_private_key(content, None).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(password.encode()),
            )
        key.write_bytes(content)
        return Issued(cert, key)
