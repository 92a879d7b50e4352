"""Checks of the account in words and as a document, for plans and for `infragen doctor`."""

from collections.abc import Sequence

from infragen.checks.check import CheckResult, Verdict
from infragen.report.plan_types import Check

SIGNS = {Verdict.OK: ("✓", "green"), Verdict.WRONG: ("✗", "red"), Verdict.UNKNOWN: ("?", "yellow")}


def wrong_lines(checks: Sequence[Check]) -> tuple[str, ...]:
    """Return what is wrong, each with its check and what to do about it."""
    return tuple(
        f"{each['id']}: {answer['text']}: {answer['hint']}"
        for each in checks
        for answer in each["answers"]
        if answer["verdict"] == Verdict.WRONG.value
    )


def unknown_checks(checks: Sequence[Check]) -> tuple[str, ...]:
    """Return the checks in which something is not known, those without an answer in time marked."""
    return tuple(
        f"{each['id']} (no answer in time)" if any(one["late"] for one in each["answers"]) else each["id"]
        for each in checks
        if any(one["verdict"] == Verdict.UNKNOWN.value for one in each["answers"])
    )


def check_document(result: CheckResult) -> Check:
    """Return one check with its answers."""
    return {
        "id": result.check,
        "verdict": result.verdict.value,
        "answers": [
            {
                "verdict": each.verdict.value,
                "text": each.text,
                "hint": each.hint,
                "stops": each.stops,
                "late": each.late,
            }
            for each in result.answers
        ],
    }
