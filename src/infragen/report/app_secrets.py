"""The application's own secrets as text and as JSON: names and what is known of them, never a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from infragen.engine.app_secrets import AppSecret, Difference
from infragen.report.duration import span
from infragen.secrecy.visible import Shown, shown_json

AWS_KEY = "alias/aws/ssm"


def secret_lines(secrets: Sequence[AppSecret], now: float) -> Iterator[str]:
    """Yield a table; `now` is in seconds since 1970."""
    rows = [("NAME", "AGE", "CHANGED BY", "KEY", "USED BY"), *(_row(each, now) for each in secrets)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        yield "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[4]]).rstrip()


def _row(each: AppSecret, now: float) -> tuple[str, str, str, str, str]:
    used = ", ".join(each.used_by) or "-"
    if not each.stored:
        return each.name, "-", "-", "missing", used
    age = span(max(0.0, now - each.changed)) if each.changed else "?"
    return each.name, age, _who(each.by), "aws/ssm" if each.key == AWS_KEY else "own", used


def _who(arn: str) -> str:
    """Return the last parts of a caller's ARN: the user, or the role and its session."""
    name = arn.rpartition(":")[2]
    return name.removeprefix("assumed-role/").removeprefix("user/") or "?"


def secrets_json(environment: str, secrets: Sequence[AppSecret]) -> Shown:
    """Return the same as one document."""
    rows = [
        {
            "name": each.name,
            "stored": each.stored,
            "changed": f"{datetime.fromtimestamp(each.changed, UTC):%Y-%m-%dT%H:%M:%SZ}" if each.changed else None,
            "changed_by": each.by or None,
            "version": each.version or None,
            "kms_key": each.key or None,
            "used_by": list(each.used_by),
        }
        for each in secrets
    ]
    return shown_json({"version": 1, "environment": environment, "secrets": rows}, indent=2)


def difference_lines(first: str, second: str, found: Difference) -> Iterator[str]:
    """Yield which names only one of two environments has."""
    for name in found.only_first:
        yield f"only {first}: {name}"
    for name in found.only_second:
        yield f"only {second}: {name}"
    yield f"both: {', '.join(found.both) or '-'}"


def difference_json(first: str, second: str, found: Difference) -> Shown:
    """Return the same as one document."""
    only = {first: list(found.only_first), second: list(found.only_second)}
    return shown_json({"version": 1, "only": only, "both": list(found.both)}, indent=2)
