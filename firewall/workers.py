"""`memfw serve --workers N`: one small process that keeps N others running, each a whole memfw on the same port and log.

    cli: config read, port held -> exec -> this module: start, watch, restart, pass signals on -> exit code

It imports nothing but the standard library, and not even asyncio: what serves is in the workers, and this process is the
memory that they cost beyond themselves. The kernel deals connections out (SO_REUSEPORT); we hold the port bound but never
listen, so that it stays ours while workers come and go. Each worker has a line to us: it says on it that it is ready, and
its end tells the worker that we are gone. A worker that dies is started again; told to end, we wait for all of them.
"""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import NamedTuple, NoReturn

#: How long workers may drain: longer than they give their requests, shorter than the 30 seconds of Kubernetes.
LEAVE_SECONDS = 28.0
#: The pause before a worker is started again: doubled with each failure in a row, forgotten once it has run so long.
FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS = 0.1, 10.0, 30.0

_TOLD = (signal.SIGTERM, signal.SIGINT)
_LEVELS = {"info": 20, "error": 40}


class Worker(NamedTuple):
    """Which worker a process is: its number from 0, the shared port, its line to the supervisor."""

    number: int
    port: int
    line: int

    @classmethod
    def parse(cls, text: str) -> "Worker":
        """From the argument that `argument` makes. ValueError."""
        number, port, line = map(int, text.split(":"))
        return cls(number, port, line)

    @property
    def argument(self) -> str:
        return ":".join(map(str, self))


class Plan(NamedTuple):
    """What is to be supervised. `held` are the file descriptors of the bound port, `serve` the arguments of each worker's
    command, `level` the least that is logged."""

    workers: int
    port: int
    held: list[int]
    serve: list[str]
    level: str


def become_supervisor(plan: Plan) -> NoReturn:
    """This process goes on as the supervisor: same id, none of the memory that reading the config took."""
    for handle in plan.held:
        os.set_inheritable(handle, True)
    arguments = [sys.executable, "-P", "-m", __name__, json.dumps(plan)]
    os.execv(sys.executable, arguments)  # noqa: S606  our own interpreter


def pause_after(failures: int) -> float:
    """Seconds until a worker that failed so often in a row is started again."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 16)))


class _Slot:
    """One worker's place. `due` is when it is to be started again; `failures` counts those in a row."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.child: subprocess.Popen[bytes] | None = None
        self.line: socket.socket | None = None
        self.url = ""
        self.started = 0.0
        self.failures = 0
        self.due: float | None = None


class Supervisor:
    """Runs until it is told to end, or until a worker could not be started at first. The clock is monotonic."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._slots = [_Slot(number) for number in range(plan.workers)]
        self._selector = selectors.DefaultSelector()
        self._ready = False
        self._leave_by: float | None = None
        self._code = 0
        self._wake, waker = socket.socketpair()
        self._waker = waker
        self._wake.setblocking(False)
        waker.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)

    def run(self) -> int:
        """The exit code: 0 when every worker ended well after it was told to, 2 when none could be started."""
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (*_TOLD, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, _noted)
        # The first alone: it makes the store, and what is wrong with the set-up is said once, not N times.
        self._start(self._slots[0])
        while self._leave_by is None or any(slot.child is not None for slot in self._slots):
            self._wait()
            self._reap()
            if self._leave_by is None:
                self._start_due()
            elif time.monotonic() >= self._leave_by:
                self._kill()
        return self._code

    # ---- what happens --------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        due = [slot.due for slot in self._slots if slot.due is not None]
        ends = due if self._leave_by is None else [self._leave_by]
        timeout = max(0.0, min(ends) - time.monotonic()) if ends else None
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                for number in self._wake.recv(4096):
                    self._told(signal.Signals(number))
            else:
                self._heard(key.data)

    def _told(self, number: signal.Signals) -> None:
        """One that is not ready has no handlers yet: a SIGHUP would end it, and it reads the newest policy anyway."""
        if number is signal.SIGHUP:
            for slot in self._slots:
                if slot.child is not None and slot.url:
                    slot.child.send_signal(signal.SIGHUP)
        elif number in _TOLD and self._leave_by is None:
            _say("info", "the workers are told to end", self._plan.level)
            self._leave(0)

    def _heard(self, slot: _Slot) -> None:
        """A worker says its URL when it is ready; the end of its line is followed by its own."""
        if slot.line is None:
            return
        said = slot.line.recv(4096)
        if not said:
            self._hang_up(slot)
            return
        slot.url += said.decode().strip()
        if self._ready or self._leave_by is not None:
            return
        for other in self._slots:
            if other.child is None and other.due is None:
                self._start(other)
        if all(other.url for other in self._slots):
            self._ready = True
            _say("info", "ready", self._plan.level, url=slot.url, workers=self._plan.workers)

    def _reap(self) -> None:
        for slot in self._slots:
            if slot.child is not None and (code := slot.child.poll()) is not None:
                self._ended(slot, code)

    def _ended(self, slot: _Slot, code: int) -> None:
        served, lived = bool(slot.url), time.monotonic() - slot.started
        slot.child, slot.url = None, ""
        self._hang_up(slot)
        if self._leave_by is not None:
            # One that was not ready has nothing to finish, and no handler for the signal that ended it.
            self._code = self._code or int(code != 0 and served)
            return
        if not served and not self._ready:
            # A start is whole or it is none. The worker has said itself what is wrong.
            _say(
                "error", "a worker could not start", self._plan.level, worker=slot.number, cause=_cause(code)
            )
            self._leave(2)
            return
        slot.failures = 1 if lived >= STEADY_SECONDS else slot.failures + 1
        pause = pause_after(slot.failures)
        slot.due = time.monotonic() + pause
        _say(
            "error",
            "a worker ended by itself and is started again",
            self._plan.level,
            worker=slot.number,
            cause=_cause(code),
            retry_after=pause,
        )

    # ---- what is done --------------------------------------------------------------------------------------------

    def _start_due(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.due is not None and slot.due <= now:
                self._start(slot)

    def _start(self, slot: _Slot) -> None:
        ours, theirs = socket.socketpair()
        worker = Worker(slot.number, self._plan.port, theirs.fileno())
        command = [sys.executable, "-P", "-m", "firewall", *self._plan.serve, "--worker", worker.argument]
        with theirs:
            slot.child = subprocess.Popen(command, pass_fds=(worker.line,))  # noqa: S603  our own command line
        slot.line, slot.started, slot.due = ours, time.monotonic(), None
        self._selector.register(ours, selectors.EVENT_READ, slot)

    def _leave(self, code: int) -> None:
        """Everybody is told once; who is still draining at the limit is killed."""
        self._code = code
        self._leave_by = time.monotonic() + LEAVE_SECONDS
        for slot in self._slots:
            slot.due = None
            if slot.child is not None:
                slot.child.terminate()

    def _kill(self) -> None:
        self._code = self._code or 1
        for slot in self._slots:
            if slot.child is not None:
                _say("error", "a worker did not end in time and is killed", "error", worker=slot.number)
                slot.child.kill()
                slot.child.wait()
        self._reap()

    def _hang_up(self, slot: _Slot) -> None:
        if slot.line is not None:
            self._selector.unregister(slot.line)
            slot.line.close()
            slot.line = None


def _noted(_number: int, _frame: FrameType | None) -> None:
    """The signal's number is in the wake-up socket; it is handled in turn."""


def _cause(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _say(level: str, message: str, least: str, **fields: object) -> None:
    """A log line in the workers' format, in one write."""
    if _LEVELS[level] < {"warning": 30, "error": 40}.get(least, 0):
        return
    line = {
        "ts": round(time.time(), 3),
        "level": level,
        "logger": "memfw.workers",
        "message": message,
        **fields,
    }
    os.write(2, json.dumps(line).encode() + b"\n")


def main(arguments: Sequence[str]) -> int:
    """Only ever started by `become_supervisor`."""
    plan = Plan(*json.loads(arguments[0]))
    for handle in plan.held:
        os.set_inheritable(handle, False)
    return Supervisor(plan).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
