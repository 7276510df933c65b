"""`memfw erase`: what a running memfw kept of a held text is gone afterwards, and a tombstone says so.

Exit codes: 0 done, 1 refused, 2 memfw cannot be asked.
"""

import argparse
import sys
from typing import TYPE_CHECKING, TextIO

import msgspec

from firewall.commands.remote import add_place, as_json, ask, read

if TYPE_CHECKING:
    from firewall.client.wire import Wire


class _Erased(msgspec.Struct):
    ids: list[str]
    texts: int


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `erase`; `run` takes what it parses."""
    erase = subparsers.add_parser("erase", help="erase what is kept of a held text")
    what = erase.add_mutually_exclusive_group(required=True)
    what.add_argument("--id", metavar="ID", help="of the quarantine")
    what.add_argument("--digest", metavar="DIGEST", help="every item of that text")
    what.add_argument("--memory", nargs=2, metavar=("UPSTREAM", "ID"), help="every text of that memory")
    erase.add_argument("--why", required=True, help="stands in the tombstone")
    add_place(erase)


def run(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Run what `add_commands` parsed; returns the exit code."""
    return ask(arguments, lambda wire: _erase(wire, arguments, out or sys.stdout))


async def _erase(wire: "Wire", arguments: argparse.Namespace, out: TextIO) -> int:
    upstream, memory_id = arguments.memory or (None, None)
    said = {
        "quarantine_id": arguments.id,
        "digest": arguments.digest,
        "upstream": upstream,
        "memory_id": memory_id,
        "why": arguments.why,
    }
    answer = await wire.post("/v1/erase", said)
    erased = read(answer, _Erased)
    count = len(erased.ids)
    line = f"{count} item{'s' * (count != 1)}, {erased.texts} of them with a text that was kept\n"
    out.write(as_json(answer) if arguments.json else line)
    return 0
