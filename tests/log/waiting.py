"""Waiting for what threads and tasks do, without a fixed time: the test's own timeout is the bound."""

import asyncio
from collections.abc import Callable


async def eventually(condition: Callable[[], bool]) -> None:
    """Give the others turns until the condition holds."""
    while not condition():  # noqa: ASYNC110 - what is waited for happens in threads, or has no event
        await asyncio.sleep(0.002)
