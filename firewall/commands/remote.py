"""How a command asks a running memfw: where it is, with which key, and what a refusal means for the exit code.

The key comes from the environment (MEMFW_KEY) or a file, never from the arguments, which every process of the machine can
read. What memfw answers may hold hostile words: everything is shown as ASCII, with escapes for the rest.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from firewall.client.wire import Wire

Shape = TypeVar("Shape")

DEFAULT_URL = "http://127.0.0.1:8700"
TIMEOUT_SECONDS = 60.0


def add_place(parser: argparse.ArgumentParser) -> None:
    """The options by which every such command finds its memfw."""
    parser.add_argument(
        "--url", help=f"of the running memfw; else MEMFW_URL, else {DEFAULT_URL}", metavar="URL"
    )
    parser.add_argument(
        "--key-file", type=Path, metavar="FILE", help="holds the key; else MEMFW_KEY of the environment does"
    )
    parser.add_argument("--tenant", metavar="NAME", help="else the key's own")
    parser.add_argument("--scope", metavar="NAME", help="else the key's own")
    parser.add_argument("--json", action="store_true", help="the answer as JSON")


def ask(arguments: argparse.Namespace, asking: Callable[["Wire"], Awaitable[int]]) -> int:
    """Run what asks; 1 where memfw refuses, 2 where it cannot be asked."""
    return asyncio.run(_ask(arguments, asking))


async def _ask(arguments: argparse.Namespace, asking: Callable[["Wire"], Awaitable[int]]) -> int:
    from firewall.client.errors import MemfwAnswerError, MemfwError
    from firewall.client.wire import Wire

    try:
        key = _key(arguments.key_file)
    except (OSError, UnicodeDecodeError):
        return _said("the key file cannot be read", 2)
    wire = Wire(
        arguments.url or os.environ.get("MEMFW_URL") or DEFAULT_URL,
        key=key,
        tenant_id=arguments.tenant,
        scope=arguments.scope,
        timeout=TIMEOUT_SECONDS,
    )
    try:
        return await asking(wire)
    except MemfwAnswerError as error:
        issues = "".join(f"\n  {safe(issue.path)}: {safe(issue.message)}" for issue in error.issues)
        return _said(f"{safe(error.message)} ({safe(error.code)}){issues}", 1 if error.status < 500 else 2)
    except MemfwError as error:
        return _said(f"{safe(error.message)} ({error.code})", 2)
    finally:
        await wire.close()


def read(answer: object, shape: type[Shape]) -> Shape:
    """What of the answer the command needs. MemfwError for an answer that is not of that shape."""
    from firewall.client.errors import MemfwError

    try:
        return msgspec.convert(answer, shape)
    except msgspec.ValidationError:
        raise MemfwError("answer_invalid", "the answer is not what was asked for: is this a memfw?") from None


def safe(text: object) -> str:
    """The text in ASCII on one line: nothing of it can move a cursor or look like something else."""
    return json.dumps(str(text))[1:-1].replace("\x7f", "\\u007f")


def as_json(answer: object) -> str:
    return json.dumps(answer, indent=2).replace("\x7f", "\\u007f") + "\n"


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as they have to be; what stands in them is safe already."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in (heads, *rows))
    return "".join(f"{line}\n" for line in lines)


def _key(file: Path | None) -> str | None:
    if file is not None:
        return file.read_text(encoding="utf-8").strip()
    return os.environ.get("MEMFW_KEY") or None


def _said(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code
