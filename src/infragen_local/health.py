"""Whether a task is healthy: the health check of its container, and that of its target group.

Both are what AWS does, with one difference that saves time: until it has passed for the first time a check is repeated
quickly instead of once an interval, and passing once is enough (AWS: HealthyThresholdCount times, an interval apart).
Failures are counted as on AWS: `retries` after `startPeriod`, UnhealthyThresholdCount after the service's grace period.
"""

import http.client
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infragen_local.children import send
from infragen_local.containers import Address, Container, Containers

_FIRST_SECONDS = 0.2


@dataclass(frozen=True)
class Check:
    """A check and how its failures count. `passes()` may take up to its own timeout."""

    passes: Callable[[], bool]
    interval: float
    failures: int
    grace: float
    reason: str


def watch(
    checks: Sequence[Check],
    alive: Callable[[], bool],
    became_healthy: Callable[[], None],
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> str:
    """Repeat checks as long as a task is alive; return the reason of the first that failed, empty when the task ended.

    `became_healthy` is called once, when each of them has passed.
    """
    began = now()
    passed, failed, due = [False] * len(checks), [0] * len(checks), [began] * len(checks)
    told = False
    while alive():
        for index, check in enumerate(checks):
            # The container's check comes after that of the target: starting it costs a process.
            if now() < due[index] or not all(passed[:index]):
                continue
            if check.passes():
                passed[index], failed[index] = True, 0
            elif now() - began >= check.grace:
                failed[index] += 1
                if failed[index] >= check.failures:
                    return check.reason if alive() else ""
            counting = passed[index] or now() - began >= check.grace
            due[index] = now() + (check.interval if counting else _FIRST_SECONDS)
        if all(passed) and not told:
            told = True
            became_healthy()
        sleep(_FIRST_SECONDS if not told else 2 * _FIRST_SECONDS)
    return ""


def container_check(containers: Containers, container: Container) -> Check | None:
    """Return the health check of a container's definition; None when it has none.

    Defaults: interval 30 s, timeout 5 s, 3 retries, no start period (HealthCheck, Amazon ECS API Reference).
    """
    definition: Mapping[str, Any] = container.definition.health or {}
    command = [str(word) for word in definition.get("command") or ["NONE"]]
    if command[0] == "NONE":
        return None
    words = ["/bin/sh", "-c", " ".join(command[1:])] if command[0] == "CMD-SHELL" else command
    words = words[1:] if words[0] == "CMD" else words
    timeout = float(definition.get("timeout") or 5)

    def passes() -> bool:
        try:
            process = containers.spawn(container, words)
        except OSError:
            return False
        late = threading.Timer(timeout, send, (process.pid, signal.SIGKILL))
        late.start()
        try:
            return containers.finish(process) == 0
        finally:
            late.cancel()

    return Check(
        passes,
        float(definition.get("interval") or 30),
        int(definition.get("retries") or 3),
        float(definition.get("startPeriod") or 0),
        "Task failed container health checks",
    )


def target_check(group: Mapping[str, Any], address: Address, port: int, grace: float) -> Check:
    """Return the check of a target group for one target, from its record in MiniStack."""
    timeout = float(group.get("HealthCheckTimeoutSeconds") or 5)
    path = str(group.get("HealthCheckPath") or "/")
    codes = str((group.get("Matcher") or {}).get("HttpCode") or "200")
    where = address.ports.get(port, port)

    def passes() -> bool:
        connection = http.client.HTTPConnection(address.host, where, timeout=timeout)
        try:
            headers = {"Host": f"{address.host}:{where}", "User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"}
            connection.request("GET", path, headers=headers)
            return matches(codes, connection.getresponse().status)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return Check(
        passes,
        float(group.get("HealthCheckIntervalSeconds") or 30),
        int(group.get("UnhealthyThresholdCount") or 2),
        grace,
        f"Task failed ELB health checks in (target-group {group.get('TargetGroupArn', '')})",
    )


def matches(codes: str, status: int) -> bool:
    """Tell whether a status is one of a matcher's: "200", "200,202" or "200-299" (Matcher, ELB API Reference)."""
    for part in codes.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdigit() and int(first) <= status <= int(last or first):
            return True
    return False
