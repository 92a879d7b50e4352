"""Requests that a load balancer is passing on, so that a target that leaves is given up only when it has none.

"If a deregistering target has no in-flight requests and no active connections, Elastic Load Balancing immediately
completes the deregistration process, without waiting for the deregistration delay to elapse" (Elastic Load Balancing,
Target groups for your Application Load Balancers, read 2026-11).
"""

import threading
from collections import Counter


class InFlight:
    """How many requests are on their way to each target, (host, port)."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int]] = Counter()
        self._undecided: set[object] = set()
        self._changed = threading.Condition()

    def arrive(self) -> object:
        """Note a request that has no target yet, and may have looked at the group already; return what names it."""
        request = object()
        with self._changed:
            self._undecided.add(request)
        return request

    def decide(self, request: object) -> None:
        """Note that a request has its target, which has begun to count it, or is answered without one."""
        with self._changed:
            self._undecided.discard(request)
            self._changed.notify_all()

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
        """Wait until no request is on its way to a host, nor may choose it, because it arrived before the host left the
        group; False when that took longer than `seconds`.
        """
        with self._changed:
            before = set(self._undecided)

            def over() -> bool:
                counted = any(count for (where, _), count in self._counts.items() if where == host)
                return not counted and before.isdisjoint(self._undecided)

            return self._changed.wait_for(over, seconds)
