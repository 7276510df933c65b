"""`memfw audit verify | export | anchor | keys`: the audit chain for those who do not take our word.

Exit codes: 0 sound or done, 1 tampering found, 2 something cannot be read. Verifying reads only; of the store, of a file
that `export` wrote, or of the one or the other against an anchor that was kept elsewhere.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from firewall.errors import ConfigError, StateError


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `audit` with its commands; `run` takes what they parse."""
    audit = subparsers.add_parser("audit", help="prove what was stored, and in which order")
    commands = audit.add_subparsers(dest="audit_command", required=True, metavar="COMMAND")

    verify = commands.add_parser("verify", help="hold a store, or an export of one, against its audit chain")
    source = verify.add_mutually_exclusive_group()
    source.add_argument("file", nargs="?", type=Path, metavar="FILE", help="what `memfw audit export` wrote")
    _add_store(source)
    verify.add_argument("--anchor", type=Path, metavar="FILE", help="what `memfw audit anchor` wrote earlier")
    verify.add_argument(
        "--key", action="append", default=[], metavar="ID=HEX", help="trust this public key; may be repeated"
    )
    verify.add_argument("--keys", type=Path, metavar="RING", help="trust the keys of this key ring")
    verify.add_argument(
        "--trust-file-keys",
        action="store_true",
        help="trust the public keys in the export itself: proves order and wholeness, not who wrote it",
    )
    verify.add_argument("--json", action="store_true", help="the report as JSON")

    export = commands.add_parser("export", help="write the whole trail as JSON Lines; holds memory text")
    anchor = commands.add_parser("anchor", help="make a checkpoint, and write what to keep elsewhere")
    for command in (export, anchor):
        _add_store(command.add_mutually_exclusive_group())
        command.add_argument(
            "--keys", type=Path, metavar="RING", help="the key ring, where it is not beside the store"
        )
        command.add_argument("--out", type=Path, metavar="FILE", help="into this file, for its owner only")

    keys = commands.add_parser("keys", help="the public keys, as `--key` takes them")
    _add_store(keys.add_mutually_exclusive_group())
    keys.add_argument(
        "--keys", type=Path, metavar="RING", help="the key ring, where it is not beside the store"
    )


def run(
    arguments: argparse.Namespace,
    out: TextIO | None = None,
    err: TextIO | None = None,
    clock: Callable[[], float] = time.time,
) -> int:
    """Run what `add_commands` parsed; returns the exit code."""
    from firewall.commands import auditing

    out = out or sys.stdout
    err = err or sys.stderr
    try:
        match arguments.audit_command:
            case "verify":
                return auditing.verify(arguments, out)
            case "export":
                return auditing.export(arguments, out, clock())
            case "anchor":
                return auditing.anchor(arguments, out, clock())
            case _:
                return auditing.keys(arguments, out)
    except ConfigError as error:
        err.writelines(f"{problem}\n" for problem in error.problems)
    except StateError as error:
        err.write(f"the store cannot be read: {error.message} ({error.code})\n")
    except OSError as error:
        err.write(f"{error.filename or 'the output'}: {error.strerror}\n")
    return 2


def _add_store(group: "argparse._MutuallyExclusiveGroup") -> None:
    group.add_argument("--state", metavar="URL", help="the store")
    group.add_argument(
        "--config", metavar="FILE", help="memfw.yaml, which says where the store is (MEMFW_CONFIG)"
    )
