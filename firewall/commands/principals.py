"""`memfw principals hash | admin-token`: keys that the config holds as digests, and the admin token of a keyless set-up.

A key is read from standard input, never from the command line, which every user of the machine can see. Exit codes: 0
done, 2 it cannot be done.
"""

import argparse
import getpass
import os
import sys
from typing import TextIO

#: A shorter key could be guessed from its digest.
_SHORT = 20


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `principals` with its commands; `run` takes what they parse."""
    principals = subparsers.add_parser("principals", help="digests of keys, and the admin token")
    commands = principals.add_subparsers(dest="principals_command", required=True, metavar="COMMAND")
    commands.add_parser("hash", help="read a key from standard input and print its `key_sha256`")
    token = commands.add_parser(
        "admin-token", help="make a new admin token, shown once; a running memfw takes it on SIGHUP"
    )
    token.add_argument(
        "--config", metavar="FILE", help="memfw.yaml, which says where the state is (MEMFW_CONFIG)"
    )


def run(
    arguments: argparse.Namespace,
    *,
    into: TextIO | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Run what `add_commands` parsed; returns the exit code. ConfigError for a store that keeps no token."""
    out, err = out or sys.stdout, err or sys.stderr
    if arguments.principals_command == "hash":
        return _hash(into or sys.stdin, out, err)
    return _admin_token(arguments.config, out, err)


def _hash(into: TextIO, out: TextIO, err: TextIO) -> int:
    from firewall.service.principals import digest_of

    text = getpass.getpass("key: ") if into.isatty() else into.read()
    key = text.strip()  # as a secret's file is read
    if not key or any(char.isspace() for char in key):
        err.write("a key is one word\n")
        return 2
    if len(key) < _SHORT:
        err.write(f"warning: a key of fewer than {_SHORT} characters can be guessed from its digest\n")
    out.write(f"{digest_of(key).hex()}\n")
    return 0


def _admin_token(config_file: str | None, out: TextIO, err: TextIO) -> int:
    from firewall.admin_token import rotate
    from firewall.config import load_config

    config = load_config(config_file, os.environ)
    if config.principals:
        err.write("with principals there is no admin token: give one of them the role admin\n")
        return 2
    out.write(f"{rotate(config.state.url)}\n")
    err.write("this is shown once; it counts from the next start or SIGHUP on, and the old one no longer\n")
    return 0
