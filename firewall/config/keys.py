"""Where the installation's key ring is: a path, or a secret that holds the ring itself."""

from pathlib import Path

from pydantic import Field, SecretStr

from firewall.config.values import PathOrSecret, Settings


class Keys(Settings):
    """The keys that sign the audit chain and stamp what is written."""

    ring: PathOrSecret | None = Field(
        None,
        description="the key ring's file, or `env:NAME` with the ring itself; without it `PATH.keys` beside an embedded store",
    )

    @property
    def file(self) -> Path | None:
        """The configured file."""
        return self.ring if isinstance(self.ring, Path) else None

    @property
    def content(self) -> bytes | None:
        """The ring itself, where a variable holds it."""
        return self.ring.get_secret_value().encode() if isinstance(self.ring, SecretStr) else None
