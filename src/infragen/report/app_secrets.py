"""The application's own secrets as text and as JSON: names and what is known of them, never a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infragen.engine.app_secrets import AppSecret, Difference, Written
from infragen.report.duration import instant, span
from infragen.report.keys import Key, count, document, schema, text, version
from infragen.secrecy.visible import Shown, shown_json

AWS_KEY = "alias/aws/ssm"
VERSION = 1


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


SECRET: tuple[Key, ...] = (
    text("name", "name of the variable", lambda each: each.name),
    Key("stored", "boolean", "whether Parameter Store has a value", lambda each: each.stored),
    text("changed", "when its value was set", lambda each: instant(each.changed) if each.changed else None, null=True),
    text("changed_by", "ARN of who set it", lambda each: each.by or None, null=True),
    count("version", "version of the parameter", lambda each: each.version or None, "integer"),
    text("kms_key", "key that it is encrypted with", lambda each: each.key or None, null=True),
    Key("used_by", "array", "`api` and the workers whose environment names it", lambda each: list(each.used_by)),
)
SECRETS: tuple[Key, ...] = (
    version(VERSION),
    text("environment", "name of the environment", lambda found: found[0]),
    Key("secrets", "array", "the application's own secrets, by name", lambda found: found[1], rows=SECRET),
)
DIFFERENCE: tuple[Key, ...] = (
    version(VERSION),
    Key("only", "object", "secrets that one alone has, as a list by its name", lambda found: found[0]),
    Key("both", "array", "secrets that both have", lambda found: list(found[1])),
)
WRITTEN: tuple[Key, ...] = (
    text("name", "name of the variable", lambda each: each[0]),
    count("version", "version of the parameter that was written", lambda each: each[1], "integer"),
    Key("used_by", "array", "`api` and the workers whose environment names it", lambda each: list(each[2])),
)
STORED: tuple[Key, ...] = (
    version(VERSION),
    text("environment", "name of the environment", lambda found: found[0]),
    Key("stored", "array", "the secrets that were stored", lambda found: found[1], rows=WRITTEN),
    Key(
        "own_key",
        "boolean",
        "whether they are encrypted with the environment's own key; false: with aws/ssm, because it is not deployed",
        lambda found: found[2],
    ),
)
DELETED: tuple[Key, ...] = (
    version(VERSION),
    text("environment", "name of the environment", lambda found: found[0]),
    Key("deleted", "array", "names of the secrets that were deleted", lambda found: list(found[1])),
)


def secrets_json(environment: str, secrets: Sequence[AppSecret]) -> Shown:
    """Return the same as one document; `SECRETS` are its keys."""
    return shown_json(document(SECRETS, (environment, secrets)), indent=2)


def stored_json(environment: str, written: Written, used_by: Mapping[str, Sequence[str]]) -> Shown:
    """Return what was stored as one document; `STORED` are its keys, `used_by` what takes each secret."""
    rows = [(name, number, used_by.get(name, ())) for name, number in written.versions.items()]
    return shown_json(document(STORED, (environment, rows, written.own_key)), indent=2)


def deleted_json(environment: str, names: Sequence[str]) -> Shown:
    """Return what was deleted as one document; `DELETED` are its keys."""
    return shown_json(document(DELETED, (environment, names)), indent=2)


def difference_lines(first: str, second: str, found: Difference) -> Iterator[str]:
    """Yield which names only one of two environments has."""
    for name in found.only_first:
        yield f"only {first}: {name}"
    for name in found.only_second:
        yield f"only {second}: {name}"
    yield f"both: {', '.join(found.both) or '-'}"


def difference_json(first: str, second: str, found: Difference) -> Shown:
    """Return the same as one document; `DIFFERENCE` are its keys."""
    only = {first: list(found.only_first), second: list(found.only_second)}
    return shown_json(document(DIFFERENCE, (only, found.both)), indent=2)


def secrets_schema() -> dict[str, Any]:
    """Return the schema of what `infragen secrets list|set|import|rm|diff --format json` print (JSON Schema)."""
    title = "The application's own secrets: those of an environment, stored, deleted, or those of two environments"
    return schema(title, SECRETS, STORED, DELETED, DIFFERENCE)
