"""A small file for its owner's eyes only that is there whole or not at all, whoever writes or reads it at the same time."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def made_beside(place: Path, content: bytes) -> Iterator[Path]:
    """A file of its own beside the place, whole and on the disk, which the block puts there. OSError."""
    made = place.with_name(f"{place.name}.{secrets.token_hex(8)}")
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb") as new:  # noqa: PTH123  a handle
            new.write(content)
            new.flush()
            os.fsync(handle)
        yield made
    finally:
        made.unlink(missing_ok=True)
