"""What checks of the account found, as text, JSON, a JUnit report, and annotations of GitHub."""

from collections.abc import Iterator

from rich.text import Text

from infragen.checks import Answer, CheckResult, Verdict
from infragen.engine.doctor import Diagnosis
from infragen.report.checks import SIGNS, check_document
from infragen.report.document_types import Doctor
from infragen.report.github import annotation
from infragen.report.junit import Case, as_junit
from infragen.report.wrapping import wrapped
from infragen.secrecy.visible import Shown, shown, shown_json

VERSION = 1


def doctor_lines(found: Diagnosis, width: int) -> Iterator[Text]:
    """Yield one line for each answer, below what is wrong what to do, and one line for all."""
    name = max((len(each.check) for each in found.results), default=0)
    for role in found.fixed:
        yield Text(f"created the service-linked role {role}")
    for result in found.results:
        for answer in result.answers:
            sign, colour = SIGNS[answer.verdict]
            line = Text.assemble((sign, colour), " ", (result.check.ljust(name), "bold"), f"  {answer.text}")
            yield from wrapped(line, width, name + 4)
            if answer.hint:
                yield from wrapped(Text(f"{'':{name + 4}}{answer.hint}", style="yellow"), width, name + 4)
    yield Text()
    yield Text(summary(found.results), style="bold")


def summary(results: tuple[CheckResult, ...]) -> str:
    """Return `9 checks: 6 ok, 1 wrong, 2 not known`."""
    counts = {each: sum(one.verdict is each for one in results) for each in Verdict}
    parts = [
        f"{counts[each]} {said}"
        for each, said in ((Verdict.OK, "ok"), (Verdict.WRONG, "wrong"), (Verdict.UNKNOWN, "not known"))
        if counts[each] or each is Verdict.OK
    ]
    return f"{len(results)} {'check' if len(results) == 1 else 'checks'}: {', '.join(parts)}"


def as_json(found: Diagnosis) -> str:
    """Return the document as text."""
    document: Doctor = {
        "version": VERSION,
        "environment": found.environment,
        "account": found.account,
        "region": found.region,
        "summary": summary(found.results),
        "created_roles": list(found.fixed),
        "checks": [check_document(each) for each in found.results],
    }
    return shown_json(document, indent=2)


def as_github(found: Diagnosis) -> list[Shown]:
    """Return an annotation for each answer that is wrong or not known, and a line for each that is ok."""
    levels = {Verdict.WRONG: "error", Verdict.UNKNOWN: "warning"}
    lines = [shown(f"created the service-linked role {role}") for role in found.fixed]
    for result in found.results:
        for answer in result.answers:
            if answer.verdict is Verdict.OK:
                lines.append(shown(f"{SIGNS[Verdict.OK][0]} {result.check}  {answer.text}"))
            else:
                title = f"{found.environment}: {result.check}"
                text = f"{answer.text}\n{answer.hint}" if answer.hint else answer.text
                lines.append(annotation(levels[answer.verdict], text, title=title))
    return [*lines, shown(summary(found.results))]


def as_report(found: Diagnosis) -> Shown:
    """Return a JUnit report: a case per answer; what is not known is skipped."""
    cases = [_case(found, each.check, answer) for each in found.results for answer in each.answers]
    return as_junit({found.environment: cases})


def _case(found: Diagnosis, check: str, answer: Answer) -> Case:
    text = f"{answer.text}\n{answer.hint}" if answer.hint else answer.text
    group = f"{found.environment}.{check}"
    match answer.verdict:
        case Verdict.WRONG:
            return Case(answer.text, group, failed=text, kind=check)
        case Verdict.UNKNOWN:
            return Case(answer.text, group, skipped=text, kind=check)
    return Case(answer.text, group)
