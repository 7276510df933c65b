"""Which note files a folder has, and their content. Nothing outside of it is read, whatever a link in it says.

A link is followed where it leads to something in the folder (as mounted config maps are made of links), never out of it.
What begins with a dot is not looked at. The number of files and the bytes of each are bounded. Blocking: for a thread.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

SUFFIXES = (".md", ".markdown")
MAX_FILES = 10_000
MAX_BYTES = 256 * 1024
MAX_DEPTH = 16


class Seen(msgspec.Struct, frozen=True):
    """A file as it was when it was looked at; another value of it means that it may have changed."""

    changed: float
    stamp: tuple[int, int, int, int]


class Look(msgspec.Struct, frozen=True):
    """The note files by their path below the folder. `skipped` counts those that are too many or have unusable names."""

    files: dict[str, Seen]
    skipped: int = 0


class Folder:
    """One folder of notes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def look(self) -> Look:
        """What is there now. OSError where the folder itself cannot be read."""
        root = os.path.realpath(self._path)
        files: dict[str, Seen] = {}
        skipped = 0
        left: list[tuple[str, str, int]] = [(root, "", 0)]
        visited: set[tuple[int, int]] = set()
        while left:
            where, below, depth = left.pop()
            for entry in _entries(where, required=not below):
                name = f"{below}{entry.name}"
                status = _status(entry, root)
                if status is None:
                    continue
                if stat.S_ISDIR(status.st_mode):
                    if depth < MAX_DEPTH and (status.st_dev, status.st_ino) not in visited:
                        visited.add((status.st_dev, status.st_ino))
                        left.append((os.path.join(where, entry.name), f"{name}/", depth + 1))  # noqa: PTH118
                elif stat.S_ISREG(status.st_mode) and name.casefold().endswith(SUFFIXES):
                    if len(files) >= MAX_FILES or not _usable(name):
                        skipped += 1
                    else:
                        files[name] = _seen(status)
        return Look(files, skipped)

    def content(self, name: str) -> tuple[bytes, bool] | None:
        """The bytes of a file, at most `MAX_BYTES`, and whether there are more; None where it is gone or out of reach."""
        root = os.path.realpath(self._path)
        real = os.path.realpath(os.path.join(root, name))  # noqa: PTH118  no part of it is looked up twice
        if not _below(real, root):
            return None
        try:
            # A link or a pipe that has taken the file's place meanwhile is refused, and blocks nobody.
            handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        with open(handle, "rb") as file:  # noqa: PTH123  a handle
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            try:
                content = file.read(MAX_BYTES + 1)
            except OSError:
                return None
        return content[:MAX_BYTES], len(content) > MAX_BYTES


def _entries(where: str, *, required: bool) -> Iterator["os.DirEntry[str]"]:
    """What stands in a directory and is not hidden. One below the folder may be gone or closed by now."""
    try:
        with os.scandir(where) as found:
            entries = [entry for entry in found if not entry.name.startswith(".")]
    except OSError:
        if required:
            raise
        return
    yield from sorted(entries, key=lambda entry: entry.name)


def _status(entry: "os.DirEntry[str]", root: str) -> os.stat_result | None:
    """Of the entry, or of what its link leads to in the folder; None for a link that leads out of it or nowhere."""
    try:
        if entry.is_symlink() and not _below(os.path.realpath(entry.path), root):
            return None
        return entry.stat()
    except OSError:
        return None


def _below(real: str, root: str) -> bool:
    return real.startswith(root.rstrip("/") + "/")


def _seen(status: os.stat_result) -> Seen:
    stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
    return Seen(status.st_mtime, stamp)


def _usable(name: str) -> bool:
    """A name that can stand in an id and in a URL."""
    return name.isprintable() and "\\" not in name and len(name) <= 1_000 and "#" not in name
