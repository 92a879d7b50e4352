"""Checks of the account in words and as a document, for plans and for `infragen doctor`."""

from collections.abc import Sequence

from infragen.checks.check import CheckResult, Verdict

SIGNS = {Verdict.OK: ("✓", "green"), Verdict.WRONG: ("✗", "red"), Verdict.UNKNOWN: ("?", "yellow")}


def wrong_lines(results: Sequence[CheckResult]) -> tuple[str, ...]:
    """Return what is wrong, each with its check and what to do about it."""
    return tuple(
        f"{each.check}: {answer.text}: {answer.hint}"
        for each in results
        for answer in each.answers
        if answer.verdict is Verdict.WRONG
    )


def unknown_checks(results: Sequence[CheckResult]) -> tuple[str, ...]:
    """Return the checks in which something is not known, those without an answer in time marked."""
    return tuple(
        f"{each.check} (no answer in time)" if any(one.late for one in each.answers) else each.check
        for each in results
        if any(one.verdict is Verdict.UNKNOWN for one in each.answers)
    )


def check_document(result: CheckResult) -> dict[str, object]:
    """Return one check with its answers."""
    return {
        "id": result.check,
        "verdict": result.verdict.value,
        "answers": [
            {"verdict": each.verdict.value, "text": each.text, "hint": each.hint, "stops": each.stops}
            for each in result.answers
        ],
    }


def check_schema() -> dict[str, object]:
    """Return the schema of one check (JSON Schema 2020-12)."""
    verdict = {
        "enum": [each.value for each in Verdict],
        "description": "`ok`, `wrong`, or `unknown` where a call was denied or not answered in time, or it has no call",
    }

    def text(meaning: str) -> dict[str, object]:
        return {"type": "string", "description": meaning}

    answer: dict[str, object] = {
        "verdict": verdict,
        "text": text("what was looked at and what it is"),
        "hint": text("what to do, empty where nothing is to be done"),
        "stops": {"type": "boolean", "description": "whether `deploy` refuses it without `--skip-check`"},
    }
    answers = {
        "type": "array",
        "description": "what it found, one answer for each thing that was asked",
        "items": {
            "type": "object", "description": "One answer.", "properties": answer, "required": list(answer),
        },
    }  # fmt: skip
    check: dict[str, object] = {
        "id": text("the check, as `--skip-check` names it"),
        "verdict": verdict,
        "answers": answers,
    }
    return {"type": "object", "description": "One check of the account.", "properties": check, "required": list(check)}
