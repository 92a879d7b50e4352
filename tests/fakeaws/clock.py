"""Virtual time, and processes that live in it.

A stack operation is a generator that yields what it waits for: a number of seconds, or other processes. Nothing here
ever sleeps: time moves only when a test calls `advance` (or passes `sleep` to the code under test), and everything that
falls due on the way runs in order. The same calls therefore give the same history, on a slow machine too.
"""

from __future__ import annotations

import datetime
import heapq
import itertools
import threading
from collections.abc import Generator, Sequence
from typing import Any

Steps = Generator[float | Sequence["Process"], None, Any]
"""What a process yields: seconds to wait, or processes of which any one must end before it goes on."""

START = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)


class OperationError(Exception):
    """An operation in the cloud failed, with the reason CloudFormation would give."""


class Process:
    """A running generator: `done` when it has ended, `error` when it ended with an OperationError."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.done = False
        self.error: OperationError | None = None
        self.value: Any = None
        self.waiters: list[Process] = []

    def __deepcopy__(self, memo: object) -> Process:
        """What has ended can be copied: its generator has nothing more to do."""
        assert self.done, "a running operation cannot be copied"
        ended = Process(self.steps)
        ended.done, ended.value, ended.error = True, self.value, self.error
        return ended

    def cancel(self) -> None:
        """End it where it stands; who waits for it is not woken."""
        if not self.done:
            self.done = True
            self.steps.close()


class Clock:
    """Virtual seconds since START. Thread-safe: server threads and the test share one lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.seconds = 0.0
        self._due: list[tuple[float, int, Process]] = []
        self._order = itertools.count()

    def now(self) -> datetime.datetime:
        """The virtual time of day."""
        return START + datetime.timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Virtual seconds, for code that takes a clock."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """What the code under test is given in place of time.sleep."""
        self.advance(max(seconds, 0.0))

    def advance(self, seconds: float) -> None:
        """Move time on and run everything that falls due, in order."""
        with self.lock:
            end = self.seconds + seconds
            while self._due and self._due[0][0] <= end:
                self._run_next()
            self.seconds = end

    def settle(self) -> None:
        """Move time on until nothing is going on any more."""
        with self.lock:
            while self._due:
                self._run_next()

    @property
    def busy(self) -> bool:
        """Whether a process is still to run."""
        return any(not process.done for _, _, process in self._due)

    def spawn(self, steps: Steps) -> Process:
        """Start a process; it runs up to its first wait at once."""
        process = Process(steps)
        self._step(process)
        return process

    def _run_next(self) -> None:
        at, _, process = heapq.heappop(self._due)
        self.seconds = max(self.seconds, at)
        self._step(process)

    def _step(self, process: Process) -> None:
        if process.done:
            return
        try:
            wait = next(process.steps)
        except StopIteration as end:
            self._end(process, value=end.value)
            return
        except OperationError as error:
            self._end(process, error=error)
            return
        if isinstance(wait, int | float):
            self._wake(process, wait)
        elif any(other.done for other in wait) or not wait:
            self._wake(process, 0)
        else:
            for other in wait:
                other.waiters.append(process)

    def _end(self, process: Process, value: object = None, error: OperationError | None = None) -> None:
        process.done, process.value, process.error = True, value, error
        for waiter in process.waiters:
            self._wake(waiter, 0)

    def _wake(self, process: Process, delay: float) -> None:
        # A process waiting for several others may be woken more than once: it loops over what it waits for anyway.
        heapq.heappush(self._due, (self.seconds + delay, next(self._order), process))
