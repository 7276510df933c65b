"""A memory upstream that costs next to nothing: canned answers over a bare asyncio protocol.

    python -m tests.benchmarks.canned_upstream PORT

A request is known by the owner that it names, whatever its path: so many rows of that dialect.
"""

import asyncio
import sys
from itertools import count
from typing import ClassVar, cast

import uvloop

from tests.benchmarks.wires import SCORE, SIZES, WIRES

_SCORE = str(SCORE).encode()


def answer(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Canned(asyncio.Protocol):
    """Answers when the declared body is complete; knows just what the bench sends."""

    answers: ClassVar = {
        f'"{wire.owner(rows)}"'.encode(): (answer(wire.canned(rows)), wire.anew)
        for wire in WIRES
        for rows in SIZES
    }
    serial: ClassVar = count()
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            ),
            0,
        )
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        for key, (canned, anew) in self.answers.items():
            if key in rest[:length]:
                score = b"0.%06d" % (next(self.serial) % 1_000_000) if anew else _SCORE
                self.transport.write(canned.replace(_SCORE, score) if anew else canned)
                return
        self.transport.write(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
        )


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
