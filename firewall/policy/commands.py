"""`memfw policy check | test | schema`: the command line over `load`, `verify` and `schema`.

Exit codes: 0 it is fine, 1 an expectation of a suite was not met or a schema has drifted, 2 a file cannot be used (every problem is listed).
What only a command needs is imported by that command: the sidecar, which shares this command line, must not carry it.
"""

import argparse
import sys
from pathlib import Path
from typing import TextIO

from firewall.errors import ConfigError
from firewall.policy.load import load_policy

_SCHEMAS = Path("policies/schema")


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `policy` with its three commands; `run` takes what they parse."""
    policy = subparsers.add_parser("policy", help="check, test and describe policies")
    commands = policy.add_subparsers(dest="policy_command", required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="list every mistake with file, line, column and path")
    check.add_argument("policies", nargs="+", metavar="POLICY", help="a file, a directory or a shipped name")

    test = commands.add_parser("test", help="run *_test.yaml suites")
    test.add_argument(
        "places", nargs="+", type=Path, metavar="PLACE", help="a suite or a directory of suites"
    )
    test.add_argument("--policy", help="run every suite under this policy instead of its own")
    test.add_argument("--junit", type=Path, metavar="FILE", help="also write JUnit XML")

    schema = commands.add_parser("schema", help="print, write or check the JSON schemas")
    schema.add_argument("--suite", action="store_true", help="print the schema of *_test.yaml suites instead")
    where = schema.add_mutually_exclusive_group()
    for option, what in (("--write", "write both into"), ("--check", "fail where they are not those in")):
        where.add_argument(
            option,
            nargs="?",
            const=_SCHEMAS,
            type=Path,
            metavar="DIR",
            help=f"{what} a directory ({_SCHEMAS})",
        )


def run(arguments: argparse.Namespace, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Run what `add_commands` parsed; returns the exit code."""
    out = out or sys.stdout
    err = err or sys.stderr
    try:
        match arguments.policy_command:
            case "check":
                return _check(arguments.policies, out, err)
            case "test":
                return _test(arguments.places, arguments.policy, arguments.junit, out)
            case _:
                return _schema(arguments, out, err)
    except ConfigError as error:
        err.write(f"{error}\n")
        return 2
    except OSError as error:  # a report or schema that cannot be written
        err.write(f"{error.filename}: {error.strerror}\n")
        return 2


def _check(policies: list[str], out: TextIO, err: TextIO) -> int:
    wrong = 0
    for name in policies:
        try:
            policy = load_policy(name)
        except ConfigError as error:
            err.write(f"{error}\n")
            wrong += 1
            continue
        rules = len(policy.rules)
        out.write(f"{name}: ok, {policy.label}, mode {policy.mode.name}, {rules} rule{'s' * (rules != 1)}\n")
    return 2 if wrong else 0


def _test(places: list[Path], policy: str | None, junit: Path | None, out: TextIO) -> int:
    from firewall.policy.report import as_junit, as_text
    from firewall.policy.verify import find_suites, verify

    results = verify(find_suites(places), policy)
    if junit is not None:
        junit.write_text(as_junit(results), encoding="utf-8")
    out.write(as_text(results))
    return 1 if any(result.failed for result in results) else 0


def _schema(arguments: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    from firewall.policy.schema import SCHEMAS, drifted_schemas, schema_text, write_schemas

    if arguments.write is not None:
        out.writelines(f"{path}\n" for path in write_schemas(arguments.write))
        return 0
    if arguments.check is not None:
        drifted = drifted_schemas(arguments.check)
        err.writelines(
            f"{path}: is not what the model says; `memfw policy schema --write`\n" for path in drifted
        )
        return 1 if drifted else 0
    out.write(schema_text(SCHEMAS["policy_test.schema.json" if arguments.suite else "policy.schema.json"]))
    return 0
