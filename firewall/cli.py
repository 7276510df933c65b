"""The command line: `memfw serve | demo | quickstart | eval | audit | backup | restore | keys | principals | quarantine | erase | policy | version`. Exit codes: 0 done, 1 a check failed, 2 cannot start."""

import argparse
import asyncio
import functools
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from firewall.commands import audit as audit_commands
from firewall.commands import backup as backup_commands
from firewall.commands import erase as erase_commands
from firewall.commands import keys as keys_commands
from firewall.commands import principals as principals_commands
from firewall.commands import quarantine as quarantine_commands
from firewall.config import Config, load_config
from firewall.errors import ConfigError, StateError
from firewall.policy import commands as policy_commands
from firewall.workers import Worker


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 2
    except StateError as error:
        print(f"memfw cannot use its evidence log: {error.message} ({error.code})", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="memfw", description="A memory firewall: governs what agents read from the memory they have."
    )
    parser.add_argument("--version", action="version", version=f"memfw {version('memfw')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the sidecar")
    serve.add_argument(
        "--config", metavar="FILE", help="memfw.yaml; without it the environment and the defaults"
    )
    serve.add_argument(
        "--notes",
        metavar="DIR",
        type=Path,
        help="mount a folder of notes; without a config and upstreams ./notes is, where it is there",
    )
    serve.add_argument(
        "--workers", metavar="N", help="so many processes on one port; the same as the setting `workers`"
    )
    serve.add_argument("--worker", type=Worker.parse, help=argparse.SUPPRESS)  # given by the supervisor
    serve.set_defaults(run=_serve)

    demo = commands.add_parser("demo", help="a real Mem0, straight and through memfw, side by side")
    demo.add_argument("--once", action="store_true", help="end after the table")
    demo.set_defaults(run=_demo)

    quickstart = commands.add_parser("quickstart", help="execution memory at work, over the real HTTP API")
    stories = quickstart.add_subparsers(required=True, metavar="STORY", dest="story")
    stories.add_parser("multi-agent", help="four roles of one team, and the prompt that the last worker gets")
    stories.add_parser("host-template", help="one host loop on notes and on memfw, and what each led to")
    quickstart.set_defaults(run=_quickstart)

    evaluations = commands.add_parser("eval", help="hold memfw against your own notes")
    kinds = evaluations.add_subparsers(required=True, metavar="KIND", dest="kind")
    execution = kinds.add_parser("execution", help="notes about attempts, governed by what became of them")
    execution.add_argument("file", metavar="FILE", help="JSON Lines: id, source_dataset, text, label, meta")
    evaluations.set_defaults(run=_evaluate)

    audit_commands.add_commands(commands)
    commands.choices["audit"].set_defaults(run=audit_commands.run)
    backup_commands.add_commands(commands)
    for name in ("backup", "restore"):
        commands.choices[name].set_defaults(run=backup_commands.run)
    keys_commands.add_commands(commands)
    commands.choices["keys"].set_defaults(run=keys_commands.run)
    principals_commands.add_commands(commands)
    commands.choices["principals"].set_defaults(run=principals_commands.run)
    quarantine_commands.add_commands(commands)
    commands.choices["quarantine"].set_defaults(run=quarantine_commands.run)
    erase_commands.add_commands(commands)
    commands.choices["erase"].set_defaults(run=erase_commands.run)
    policy_commands.add_commands(commands)
    commands.choices["policy"].set_defaults(run=policy_commands.run)
    return parser


def _serve(parsed: argparse.Namespace) -> int:
    from firewall.config.environment import CONFIG_FILE
    from firewall.config.notes import with_notes
    from firewall.serve import run, serve

    flags = {} if parsed.workers is None else {"MEMFW_WORKERS": parsed.workers}
    config = load_config(parsed.config, {**os.environ, **flags})
    bare = parsed.config is None and CONFIG_FILE not in os.environ
    config = with_notes(config, parsed.notes, beside=Path.cwd() if bare else None)
    if config.workers > 1 and parsed.worker is None:
        _supervise(config, parsed)
    return run(serve(config, parsed.worker))


def _supervise(config: Config, parsed: argparse.Namespace) -> NoReturn:
    from firewall.shared_port import hold
    from firewall.workers import Plan, become_supervisor

    held = hold(config.listen.host, config.listen.port)
    options = (("--config", parsed.config), ("--notes", parsed.notes), ("--workers", parsed.workers))
    given = [str(word) for option in options if option[1] is not None for word in option]
    become_supervisor(
        Plan(
            workers=config.workers,
            port=held[0].getsockname()[1],
            held=[sock.fileno() for sock in held],
            serve=["serve", *given],
            level=config.log.level,
        )
    )


def _demo(parsed: argparse.Namespace) -> int:
    from firewall.demo.run import demo

    return asyncio.run(demo(once=parsed.once))


def _quickstart(parsed: argparse.Namespace) -> int:
    from firewall.quickstart.host_template import host_template
    from firewall.quickstart.multi_agent import multi_agent

    story = multi_agent if parsed.story == "multi-agent" else host_template
    return asyncio.run(story(functools.partial(print, flush=True)))


def _evaluate(parsed: argparse.Namespace) -> int:
    from firewall.evaluate.run import evaluate_execution

    return asyncio.run(evaluate_execution(Path(parsed.file), functools.partial(print, flush=True)))


if __name__ == "__main__":
    sys.exit(main())
