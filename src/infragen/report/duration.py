"""When and how long: instants, spans of time in words, and how long AWS usually takes for what takes long.

The figures are in the rows of `resource_types`. AWS promises none of these times: each says where it comes from, or
that it is what people commonly see. Nothing is decided by it.
"""

from datetime import UTC, datetime

from infragen.resource_types import UsualMinutes, resource_type

HEARTBEAT = 60.0
"""Seconds of silence after which whoever listens hears that the command is alive."""

BEGINNINGS = {"CREATE": "creating", "UPDATE": "updating", "DELETE": "deleting", "IMPORT": "importing"}


def instant(seconds: float) -> str:
    """Return `2026-11-29T15:04:05Z`, of seconds since 1970."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def span(seconds: float) -> str:
    """Return `38 s`, `1 min 35 s`, `1 h 2 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def usually(type_: str, status: str) -> UsualMinutes | None:
    """Return how long a resource of this type usually is in this status; None where it is quick or nobody knows."""
    return resource_type(type_).usual_minutes.get(status.partition("_")[0])


def verb(status: str) -> str:
    """Return what a resource in progress is doing: `creating`; a status that is not in progress stays as it is."""
    operation = status.removesuffix("_IN_PROGRESS")
    return BEGINNINGS.get(operation, operation.lower().replace("_", " ")) if operation != status else status
