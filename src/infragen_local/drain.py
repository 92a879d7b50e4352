"""Requests that a load balancer is passing on, so that a target that leaves is given up only when it has none.

"If a deregistering target has no in-flight requests and no active connections, Elastic Load Balancing immediately
completes the deregistration process, without waiting for the deregistration delay to elapse" (Elastic Load Balancing,
Target groups for your Application Load Balancers, read 2026-11).
"""

import threading
from collections import Counter

_SETTLE_SECONDS = 0.25
"""A request that chose its target just before that left the group is counted by then."""


class InFlight:
    """How many requests are on their way to each target, (host, port)."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int]] = Counter()
        self._changed = threading.Condition()

    def begin(self, target: tuple[str, int]) -> None:
        """Count a request."""
        with self._changed:
            self._counts[target] += 1

    def end(self, target: tuple[str, int]) -> None:
        """Count a request off, when the last byte of its answer is on its way or nobody waits for it."""
        with self._changed:
            self._counts[target] -= 1
            self._changed.notify_all()

    def drain(self, host: str, seconds: float) -> bool:
        """Wait until no request is on its way to a host; False when that took longer than `seconds`."""
        threading.Event().wait(min(_SETTLE_SECONDS, seconds))
        with self._changed:
            return self._changed.wait_for(
                lambda: not any(count for (where, _), count in self._counts.items() if where == host), seconds
            )
