"""`memfw quarantine list | show | release | confirm | expire`: the review queue of a running memfw, over its HTTP API.

One id is one decision. Several ids, or --reason, --digest, --upstream, are a review of many: it needs --expect N (what
--dry-run says), goes on until nothing is left, and with the same --operation-id where it was interrupted. Exit codes: 0
done, 1 refused, 2 memfw cannot be asked.
"""

import argparse
import sys
import urllib.parse
import uuid
from typing import TYPE_CHECKING, TextIO

import msgspec

from firewall.commands.remote import add_place, as_json, ask, read, safe, table

if TYPE_CHECKING:
    from firewall.client.wire import Wire

_PATH = "/v1/quarantine"
_FILTERS = ("reason", "digest", "upstream")
_HEADS = ("ID", "STATUS", "TIER", "UPSTREAM", "WHAT", "COUNT", "LAST SEEN", "REASONS")


class _Item(msgspec.Struct, kw_only=True):
    id: str
    status: str
    tier: str
    upstream: str
    count: int
    last_seen: str
    reasons: list[str]
    memory_id: str = ""
    route: str = ""


class _Page(msgspec.Struct):
    items: list[_Item]
    open: dict[str, int]
    cursor: str | None


class _Shown(msgspec.Struct):
    item: dict[str, object]
    text: dict[str, object] | None = None
    request: dict[str, object] | None = None


class _Decided(msgspec.Struct):
    id: str
    status: str


class _Many(msgspec.Struct):
    matching: int
    done: int
    left: int
    own: int


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `quarantine` with its commands; `run` takes what they parse."""
    quarantine = subparsers.add_parser("quarantine", help="what is held, and what a reviewer says of it")
    commands = quarantine.add_subparsers(dest="quarantine_command", required=True, metavar="COMMAND")
    listed = commands.add_parser("list", help="held texts and writes, the oldest first")
    listed.add_argument("--status", default="open", help="open (default), held, released, confirmed ... all")
    listed.add_argument("--kind", choices=("text", "write", "all"), default="all")
    listed.add_argument("--tier", choices=("operational", "person"))
    listed.add_argument("--limit", type=int, default=100, metavar="N", help="rows of a page")
    listed.add_argument("--all", action="store_true", help="every page")
    listed.add_argument("--cursor", metavar="CURSOR", help="go on behind the page before")
    shown = commands.add_parser("show", help="one item with what was held, as JSON strings")
    shown.add_argument("id", metavar="ID")
    deciding = []
    for word, says in (
        ("release", "let texts through again, or send a held write"),
        ("confirm", "withhold for good"),
        ("expire", "take out of the queue undecided, and erase what was kept"),
    ):
        command = commands.add_parser(word, help=says)
        command.add_argument("ids", nargs="*", metavar="ID")
        command.add_argument("--note", default="", help="why; stands in the log")
        command.add_argument("--expect", type=int, metavar="N", help="how many items are meant")
        command.add_argument("--dry-run", action="store_true", help="only say how many it would be")
        command.add_argument("--operation-id", metavar="ID", help="of a review that was interrupted")
        deciding.append(command)
    deciding[0].add_argument(
        "--finding", action="append", default=[], metavar="CODE", help="what is released; may come again"
    )
    deciding[0].add_argument("--until", metavar="TIME", help="ISO 8601: when the release ends")
    deciding[0].add_argument(
        "--force", action="store_true", help="send a write again of which nobody knows whether it was sent"
    )
    for command in (listed, *deciding):
        for name in _FILTERS:
            command.add_argument(f"--{name}", metavar="WORD")
    for command in (listed, shown, *deciding):
        add_place(command)


def run(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Run what `add_commands` parsed; returns the exit code."""
    to = out or sys.stdout
    match arguments.quarantine_command:
        case "list":
            return ask(arguments, lambda wire: _list(wire, arguments, to))
        case "show":
            return ask(arguments, lambda wire: _show(wire, arguments, to))
        case word:
            return ask(arguments, lambda wire: _decide(wire, word, arguments, to))


async def _list(wire: "Wire", arguments: argparse.Namespace, out: TextIO) -> int:
    names = ("status", "kind", "tier", "limit", "cursor", *_FILTERS)
    query = {name: str(value) for name in names if (value := getattr(arguments, name)) is not None}
    items: list[_Item] = []
    while True:
        answer = await wire.get(_PATH, query)
        page = read(answer, _Page)
        if arguments.json:
            out.write(as_json(answer))
        items += page.items
        if not arguments.all or page.cursor is None:
            break
        query["cursor"] = page.cursor
    if arguments.json:
        return 0
    out.write(table(_HEADS, [_row(item) for item in items]) if items else "nothing is held\n")
    waiting = ", ".join(f"{count} {safe(tier)}" for tier, count in page.open.items())
    out.write(f"waiting in this scope: {waiting}\n")
    if page.cursor is not None:
        out.write(f"more: --cursor {safe(page.cursor)}\n")
    return 0


def _row(item: _Item) -> tuple[str, ...]:
    return (
        safe(item.id),
        safe(item.status),
        safe(item.tier),
        safe(item.upstream),
        safe(item.memory_id or item.route)[:48],
        safe(item.count),
        safe(item.last_seen),
        safe(" ".join(item.reasons))[:80],
    )


async def _show(wire: "Wire", arguments: argparse.Namespace, out: TextIO) -> int:
    answer = await wire.get(f"{_PATH}/{_quoted(arguments.id)}", {})
    if arguments.json:
        out.write(as_json(answer))
        return 0
    shown = read(answer, _Shown)
    out.writelines(f"{safe(name)}: {as_json(value)}" for name, value in shown.item.items())
    held = shown.text or shown.request
    if held is None:
        out.write("what was held is not kept, or not for this key\n")
        return 0
    out.writelines(f"{safe(name)}: {as_json(value)}" for name, value in held.items())
    return 0


async def _decide(wire: "Wire", word: str, arguments: argparse.Namespace, out: TextIO) -> int:
    several = len(arguments.ids) != 1 or arguments.dry_run or arguments.expect is not None
    if several or any(getattr(arguments, name) for name in _FILTERS):
        return await _decide_many(wire, word, arguments, out)
    said: dict[str, object] = {"note": arguments.note, "operation_id": arguments.operation_id}
    if word == "release":
        said |= {"findings": arguments.finding, "until": arguments.until, "force": arguments.force}
    answer = await wire.post(f"{_PATH}/{_quoted(arguments.ids[0])}/{word}", said)
    decided = read(answer, _Decided)
    out.write(as_json(answer) if arguments.json else f"{safe(decided.id)}: {safe(decided.status)}\n")
    return 1 if decided.status == "failed" else 0


async def _decide_many(wire: "Wire", word: str, arguments: argparse.Namespace, out: TextIO) -> int:
    operation = arguments.operation_id or uuid.uuid4().hex
    said: dict[str, object] = {
        "note": arguments.note,
        "expected": arguments.expect,
        "dry_run": arguments.dry_run,
        **{name: getattr(arguments, name) for name in _FILTERS},
    }
    if not arguments.dry_run:
        said["operation_id"] = operation
    if arguments.ids:
        said["ids"] = arguments.ids
    if word == "release":
        said |= {"findings": arguments.finding, "until": arguments.until}
    if not arguments.dry_run:
        # Whatever happens from here on, with this id the review goes on.
        sys.stderr.write(f"operation id: {operation}\n")
    done = 0
    while True:
        answer = await wire.post(f"{_PATH}/{word}", said)
        many = read(answer, _Many)
        done += many.done
        if not many.left or not many.done:
            break
    if arguments.json:
        out.write(as_json({**answer, "done": done}))
    elif arguments.dry_run:
        out.write(f"{many.matching} items, and {many.own} that this key wrote itself\n")
    else:
        out.write(f"{done} done, {many.left} left, {many.own} that this key wrote itself\n")
    return 1 if many.left else 0


def _quoted(id_: str) -> str:
    return urllib.parse.quote(id_, safe="")
