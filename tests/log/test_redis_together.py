"""Exchanges that several shards share, over a server that the test plays."""

import asyncio

import pytest

from firewall.errors import StateError
from firewall.log.redis_node import NotSentError, Packed, Reply, packed
from firewall.log.redis_together import LARGEST, Together

WAIT = (b"WAIT", 1, 500)


class Server:
    """Keeps each exchange until the test answers it: with the number of each reply, or with an error."""

    def __init__(self) -> None:
        self.asked: list[Packed] = []
        self.answers: asyncio.Queue[StateError | None] = asyncio.Queue()

    async def carry(self, commands: Packed, *, extra: float) -> list[Reply]:
        assert extra == 0.5
        self.asked.append(commands)
        if error := await self.answers.get():
            raise error
        return list(range(commands.count))


def command(number: int) -> tuple[bytes, int]:
    return (b"PING", number)


async def turns(count: int = 5) -> None:
    """Let what can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)


def together(server: Server, *, wait: bool = True) -> Together:
    return Together(server, wait=[WAIT] if wait else [], wait_seconds=0.5)


async def test_what_comes_in_one_turn_goes_in_one_exchange() -> None:
    """Each part gets its own replies, and that of the command that ends the exchange."""
    server = Server()
    shared = together(server)
    async with asyncio.TaskGroup() as group:
        parts = [
            group.create_task(shared.exchange([command(1)])),
            group.create_task(shared.exchange([command(2), command(3)])),
        ]
        server.answers.put_nowait(None)
    assert server.asked == [packed([command(1), command(2), command(3), WAIT])]
    assert [part.result() for part in parts] == [[0, 3], [1, 2, 3]]


async def test_what_comes_meanwhile_goes_in_the_next() -> None:
    """One exchange is on its way at a time; where no replica is asked for, nothing ends it."""
    server = Server()
    shared = together(server, wait=False)
    async with asyncio.TaskGroup() as group:
        group.create_task(shared.exchange([command(1)]))
        await turns()
        later = [group.create_task(shared.exchange([command(number)])) for number in (2, 3)]
        await turns()
        assert server.asked == [packed([command(1)])]
        server.answers.put_nowait(None)
        server.answers.put_nowait(None)
    assert server.asked[1:] == [packed([command(2), command(3)])]
    assert [part.result() for part in later] == [[0], [1]]


@pytest.mark.parametrize("kind", [StateError, NotSentError])
async def test_a_lost_exchange_is_lost_for_each_part(kind: type[StateError]) -> None:
    """With an error of its own that says whether anything was sent; the next exchange is another one."""
    server = Server()
    shared = together(server)
    parts = [asyncio.ensure_future(shared.exchange([command(number)])) for number in (1, 2)]
    server.answers.put_nowait(kind("log_unavailable", "gone"))
    errors = await asyncio.gather(*parts, return_exceptions=True)
    assert [(type(error), str(error)) for error in errors] == [
        (kind, str(kind("log_unavailable", "gone")))
    ] * 2
    assert errors[0] is not errors[1]
    server.answers.put_nowait(None)
    assert await shared.exchange([command(3)]) == [0, 1]


async def test_who_was_cancelled_before_is_not_sent() -> None:
    """Who was cancelled while it was on its way takes nothing from the others."""
    server = Server()
    shared = together(server)
    parts = [asyncio.ensure_future(shared.exchange([command(number)])) for number in (1, 2)]
    await turns()
    late = [asyncio.ensure_future(shared.exchange([command(number)])) for number in (3, 4)]
    await turns()
    parts[0].cancel()
    late[0].cancel()
    await turns()
    server.answers.put_nowait(None)
    server.answers.put_nowait(None)
    assert await parts[1] == [1, 2]
    assert await late[1] == [0, 1]
    assert server.asked[1] == packed([command(4), WAIT])


async def test_large_parts_go_one_after_the_other() -> None:
    """So that a deadline and a buffer are not those of all that waits."""
    server = Server()
    shared = together(server, wait=False)
    parts = [asyncio.ensure_future(shared.exchange([(b"SET", b"x" * (LARGEST // 2 + 1))])) for _ in range(2)]
    server.answers.put_nowait(None)
    server.answers.put_nowait(None)
    assert await asyncio.gather(*parts) == [[0], [0]]
    assert [one.count for one in server.asked] == [1, 1]


async def test_nobody_waits_for_ever() -> None:
    """An exchange that is ended by something else says so: to those in it that it may have happened, to others that not."""
    server = Server()
    shared = together(server)
    before = asyncio.all_tasks()
    first = asyncio.ensure_future(shared.exchange([command(1)]))
    await turns()
    second = asyncio.ensure_future(shared.exchange([command(2)]))
    await turns()
    (sending,) = asyncio.all_tasks() - before - {first, second}
    sending.cancel()
    await shared.close()
    errors = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(error) for error in errors] == [StateError, NotSentError]
