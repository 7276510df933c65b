"""`memfw keys list | new | retire ID`: the key ring of an installation, without its secrets.

A running memfw takes a changed ring on SIGHUP, as it does a policy: what a retired key stamped is unsigned from then on. What
it seals the audit chain with changes at its next start. Exit codes: 0 done, 2 the ring cannot be used.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from firewall.keyring import RingKey


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `keys` with its three commands; `run` takes what they parse."""
    keys = subparsers.add_parser("keys", help="the keys that seal the audit chain and stamp what is written")
    commands = keys.add_subparsers(dest="keys_command", required=True, metavar="COMMAND")
    shown = commands.add_parser("list", help="ids, ages, states and public keys; never a secret")
    made = commands.add_parser(
        "new", help="make a key, which is used from now on; SIGHUP tells a running memfw"
    )
    retired = commands.add_parser("retire", help="believe no stamp of a key any more")
    retired.add_argument("id", metavar="ID", help="as `memfw keys list` shows it")
    for command in (shown, made, retired):
        place = command.add_mutually_exclusive_group()
        place.add_argument("--ring", metavar="FILE", type=Path, help="the key ring's file")
        place.add_argument(
            "--config", metavar="FILE", help="memfw.yaml, which says where the ring is (MEMFW_CONFIG)"
        )


def run(
    arguments: argparse.Namespace, out: TextIO | None = None, clock: Callable[[], float] = time.time
) -> int:
    """Run what `add_commands` parsed; returns the exit code. ConfigError for a ring that cannot be used."""
    from firewall.keyfile import KeyFile, key_file

    out = out or sys.stdout
    if arguments.ring is not None:
        file = KeyFile(arguments.ring)
    else:
        from firewall.config import load_config

        config = load_config(arguments.config, os.environ)
        found = key_file(config.state.url, config.keys)
        if found is None:
            out.write("no file holds the ring of this config\n")
            return 2
        file = found
    match arguments.keys_command:
        case "list":
            out.write(_table(file.read(), clock()))
        case "new":
            out.write(f"{file.add(clock()).id} is in {file.path} and makes from now on\n")
        case _:
            file.retire(arguments.id, clock())
            out.write(f"{arguments.id} is retired in {file.path}\n")
    return 0


def _table(keys: "tuple[RingKey, ...]", now: float) -> str:
    from firewall.keyring import KeyRing

    ring = KeyRing(keys)
    public = ring.public_keys()
    lines = [f"{'id':<12} {'made':<20} {'age':>9} {'state':<28} public key"]
    for key in keys:
        if key.retired_at is not None:
            state = f"retired {_date(key.retired_at)}"
        else:
            state = "makes" if key.id == ring.current else "believed"
        days = f"{max(0.0, now - key.made_at) / 86_400:.1f} d"
        lines.append(f"{key.id:<12} {_date(key.made_at):<20} {days:>9} {state:<28} {public[key.id].hex()}")
    return "\n".join(lines) + "\n"


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
