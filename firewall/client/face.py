"""Two faces of one client: each call is written once, as a coroutine, and is offered to be awaited or to be waited for.

A `Call` on an `AsyncFace` gives the coroutine function; on a `SyncFace` it gives a function that runs the coroutine on the
face's own thread and returns its result. Types follow: no signature is written twice.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from firewall.client.errors import MemfwError
from firewall.client.wire import Wire

P = ParamSpec("P")
R = TypeVar("R")


class LoopThread:
    """An event loop on a thread of its own, for callers that have none. Many threads may wait for it at once."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="memfw-client", daemon=True)
        self._open = True
        self._door = threading.Lock()
        self._thread.start()

    def run(self, work: Coroutine[object, object, R]) -> R:
        """The result; whoever interrupts the wait cancels the work."""
        with self._door:
            if not self._open:
                work.close()
                raise _closed()
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise _closed() from None
        finally:
            future.cancel()

    def end(self, last: Callable[[], Coroutine[object, object, None]]) -> None:
        """Break off what is under way, do the last work, and wait for the thread to end. Twice is once."""
        with self._door:
            if not self._open:
                return
            self._open = False
        asyncio.run_coroutine_threadsafe(_finish(last), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _finish(last: Callable[[], Coroutine[object, object, None]]) -> None:
    waiting = asyncio.all_tasks() - {asyncio.current_task()}
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await last()


def _closed() -> MemfwError:
    return MemfwError("client_closed", "this client was closed")


class AsyncFace:
    """Its calls are awaited."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def offer(self, work: Callable[[Wire], Coroutine[object, object, R]]) -> Coroutine[object, object, R]:
        """The work, to be awaited."""
        return work(self._wire)


class SyncFace:
    """Its calls return when they are done."""

    def __init__(self, wire: Wire, thread: LoopThread) -> None:
        self._wire = wire
        self._thread = thread

    def offer(self, work: Callable[[Wire], Coroutine[object, object, R]]) -> R:
        """The work's result."""
        return self._thread.run(work(self._wire))


class Call(Generic[P, R]):
    """One call of the API. What it takes and gives is said by the coroutine function that it is made of."""

    def __init__(self, function: Callable[Concatenate[Wire, P], Coroutine[object, object, R]]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, face: None, owner: type) -> Self: ...

    @overload
    def __get__(self, face: AsyncFace, owner: type) -> Callable[P, Coroutine[object, object, R]]: ...

    @overload
    def __get__(self, face: SyncFace, owner: type) -> Callable[P, R]: ...

    def __get__(self, face: AsyncFace | SyncFace | None, owner: type) -> object:
        if face is None:
            return self

        @functools.wraps(self._function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Coroutine[object, object, R] | R:
            return face.offer(lambda wire: self._function(wire, *args, **kwargs))

        return call
