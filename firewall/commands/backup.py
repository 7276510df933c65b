"""`memfw backup TARGET` and `memfw restore SOURCE TARGET`: an embedded log as one file, taken while it runs, and put back.

Held texts are in the copy, concealed as they are in the log. The key ring that reveals them and seals the chain is not,
unless it is asked for: who has both has everything. Exit codes: 0 done, 2 it cannot be done, and nothing was changed.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `backup` and `restore`; `run` takes what they parse."""
    backup = subparsers.add_parser("backup", help="copy an embedded log into one file, also while it runs")
    backup.set_defaults(direction="backup")
    place = backup.add_mutually_exclusive_group()
    place.add_argument("--state", metavar="FILE", help="the log's file")
    place.add_argument("--config", metavar="FILE", help="memfw.yaml, which says where it is (MEMFW_CONFIG)")
    backup.add_argument("target", metavar="TARGET", type=Path, help="a new file; nothing is overwritten")

    restore = subparsers.add_parser("restore", help="put such a copy where memfw opens its log")
    restore.set_defaults(direction="restore")
    restore.add_argument("source", metavar="SOURCE", type=Path, help="what `memfw backup` wrote")
    restore.add_argument(
        "target", metavar="TARGET", type=Path, help="the log's file; memfw must not run on it"
    )
    restore.add_argument("--force", action="store_true", help="move a log that is there aside")
    for command in (backup, restore):
        command.add_argument("--with-keys", action="store_true", help="also the key ring, as TARGET.keys")


def run(
    arguments: argparse.Namespace,
    out: TextIO | None = None,
    clock: Callable[[], float] = time.time,
) -> int:
    """Run what `add_commands` parsed; returns the exit code. ConfigError and StateError where it cannot be done."""
    out = out or sys.stdout
    if arguments.direction == "backup":
        return _backup(arguments, out)
    return _restore(arguments, out, f"replaced-{datetime.fromtimestamp(clock(), UTC):%Y%m%dT%H%M%SZ}")


def _backup(arguments: argparse.Namespace, out: TextIO) -> int:
    from firewall.config import Keys, load_config
    from firewall.errors import StateError
    from firewall.keyfile import key_file
    from firewall.log.sqlite_backup import back_up
    from firewall.log.sqlite_file import MEMORY, database_path

    if arguments.state is not None:
        state, keys = arguments.state, Keys()
    else:
        config = load_config(arguments.config, os.environ)
        state, keys = config.state.url, config.keys
    path = database_path(state)
    if path == MEMORY:
        raise StateError("log_unavailable", "a log in memory cannot be copied from outside")
    ring = None
    if arguments.with_keys:
        file = key_file(state, keys)
        if file is None:
            raise StateError("log_unavailable", "no file holds the key ring of this config")
        ring = _ring(file.path, _keys_of(arguments.target))
    copied = back_up(Path(path), arguments.target)
    out.write(
        f"{arguments.target}: records up to offset {copied.offset}, {copied.receipts} receipts, {copied.size} bytes\n"
    )
    _put_ring(ring, _keys_of(arguments.target), out)
    if ring is None:
        out.write(
            "the key ring is not in it: keep a copy of it elsewhere, held texts cannot be read without\n"
        )
    return 0


def _restore(arguments: argparse.Namespace, out: TextIO, stamp: str) -> int:
    from firewall.log.sqlite_backup import restore

    ring = None
    if arguments.with_keys:
        ring = _ring(_keys_of(arguments.source), _keys_of(arguments.target))
    copied = restore(arguments.source, arguments.target, force=arguments.force, stamp=stamp)
    if copied.aside is not None:
        out.write(f"what was there is now {copied.aside}\n")
    out.write(f"{arguments.target}: records up to offset {copied.offset}, {copied.receipts} receipts\n")
    _put_ring(ring, _keys_of(arguments.target), out)
    if not _keys_of(arguments.target).exists():
        out.write(
            f"there is no {_keys_of(arguments.target)}: unless the config names another ring, put it there before the start,"
            " or held texts cannot be read and older seals not be verified\n"
        )
    return 0


def _keys_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.keys")


def _ring(source: Path, target: Path) -> bytes:
    """The ring's bytes, once it is known that they are one and have a place to go to."""
    from firewall.errors import StateError
    from firewall.keyfile import KeyFile

    KeyFile(source).read()
    content = source.read_bytes()
    if target.exists() and target.read_bytes() != content:
        raise StateError("log_unavailable", f"{target} is there already, with other keys")
    return content


def _put_ring(content: bytes | None, target: Path, out: TextIO) -> None:
    from contextlib import suppress

    from firewall.log.whole_file import made_beside

    if content is None:
        return
    with made_beside(target, content) as made, suppress(FileExistsError):
        os.link(made, target)
    out.write(f"{target}: the key ring; who has it can read held texts and seal in your name\n")
