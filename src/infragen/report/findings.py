"""Findings of the linter as text, JSON, SARIF, a JUnit report, and annotations of GitHub."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from infragen.assembly.lint import LEVELS, Finding
from infragen.report import document_types as made
from infragen.report.github import annotation
from infragen.report.junit import Case, as_junit
from infragen.secrecy.visible import Shown, quoted, shown_json

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SARIF_LEVEL = {"error": "error", "warning": "warning", "informational": "note"}
_ANNOTATION = {"error": "error", "warning": "warning", "informational": "notice"}

Findings = Mapping[str, Sequence[Finding]]
"""Name of an environment -> its findings."""


def file_of(templates: PurePath, environment: str, finding: Finding) -> str:
    """Return the rendered file that a finding is about, with forward slashes."""
    return (templates / environment / f"{finding.layer}.yaml").as_posix()


def where(templates: PurePath, environment: str, finding: Finding) -> tuple[str, int, int]:
    """Return file, line and column of what to change: where the project wrote it, else in the rendered file."""
    if finding.written is not None:
        return PurePath(finding.written.file).as_posix(), finding.written.line, finding.written.column
    return file_of(templates, environment, finding), finding.line, finding.column


def _rendered(templates: PurePath, environment: str, finding: Finding) -> str:
    """Return where in the rendered file it is, for a finding that is placed elsewhere; else ''."""
    return f" ({file_of(templates, environment, finding)}:{finding.line})" if finding.written is not None else ""


def _at(place: tuple[str, int, int]) -> str:
    return ":".join(map(str, place))


def place(finding: Finding) -> str:
    """Return where in the template: `Cluster Properties.Engine`, or the section for what is in no resource."""
    head, *rest = finding.path or ("the template",)
    if head == "Resources" and rest:
        head, *rest = rest
    inner = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest).lstrip(".")
    return f"{head} {inner}".rstrip()


def message(finding: Finding) -> Shown:
    """Return the linter's words, which quote values."""
    return quoted(finding.message)


def as_text(findings: Findings, templates: PurePath) -> str:
    """Return one line for each finding, `file:line:column: level rule place: message`, and a summary."""
    lines = [
        f"{_at(where(templates, environment, each))}: "
        f"{each.level} {each.rule} {place(each)}: {message(each)}{_rendered(templates, environment, each)}"
        for environment, some in findings.items()
        for each in some
    ]
    return "\n".join([*lines, f"{', '.join(findings)}: {summary(findings)}"])


def summary(findings: Findings) -> str:
    """Return `1 error, 2 warnings, no informational findings`-like, in as few words as possible."""
    counts = {level: sum(each.level == level for some in findings.values() for each in some) for level in LEVELS}
    words = {"error": "error", "warning": "warning", "informational": "informational finding"}
    parts = [f"{count} {words[level]}{'' if count == 1 else 's'}" for level, count in counts.items() if count]
    return ", ".join(parts) or "no findings"


def as_json(findings: Findings, templates: PurePath) -> str:
    """Return the document as text."""
    rows = [_document(templates, environment, each) for environment, some in findings.items() for each in some]
    document: made.Findings = {"version": 1, "findings": rows}
    return shown_json(document, indent=2)


def _document(templates: PurePath, environment: str, each: Finding) -> made.Finding:
    file, line, column = where(templates, environment, each)
    return {
        "environment": environment,
        "layer": each.layer,
        "rule": each.rule,
        "level": each.level,
        "message": message(each),
        "path": list(each.path),
        "file": file,
        "line": line,
        "column": column,
        "about": each.about,
        "rendered": f"{file_of(templates, environment, each)}:{each.line}:{each.column}",
    }


def as_sarif(findings: Findings, templates: PurePath, version: str) -> str:
    """Return SARIF 2.1.0, as code scanning reads it; file names are relative to the working directory."""
    rules = {each.rule: each.about for some in findings.values() for each in some}
    driver = {
        "name": "infragen",
        "version": version,
        "rules": [{"id": rule, "helpUri": about} for rule, about in sorted(rules.items())],
    }
    results = [_result(templates, name, each) for name, some in findings.items() for each in some]
    run = {"tool": {"driver": driver}, "results": results}
    return shown_json({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def as_github(findings: Findings, templates: PurePath, root: Path | None) -> list[Shown]:
    """Return one annotation for each finding; files are named from `root`."""
    return [
        annotation(
            _ANNOTATION[each.level], f"{place(each)}: {message(each)}",
            place=_at(where(templates, environment, each)), title=each.rule, root=root,
        )
        for environment, some in findings.items()
        for each in some
    ]  # fmt: skip


def as_report(
    findings: Findings, templates: PurePath, layers: Mapping[str, Sequence[str]], failing: Sequence[str]
) -> Shown:
    """Return a JUnit report: a suite per environment, a case per finding and per layer (`layers`) without one.

    A finding of a level that does not fail the command is no failure either.
    """
    suites = {}
    for environment, names in layers.items():
        cases = [_case(templates, environment, each, failing) for each in findings[environment]]
        found = {each.layer for each in findings[environment]}
        clean = [Case("no findings", f"{environment}.{layer}") for layer in names if layer not in found]
        suites[environment] = [*cases, *clean]
    return as_junit(suites)


def _case(templates: PurePath, environment: str, finding: Finding, failing: Sequence[str]) -> Case:
    at = f"{_at(where(templates, environment, finding))}{_rendered(templates, environment, finding)}"
    text = f"{finding.level} {finding.rule} {place(finding)}: {message(finding)}\n{at}\n{finding.about}"
    name, group = f"{finding.rule} {place(finding)} line {finding.line}", f"{environment}.{finding.layer}"
    if finding.level in failing:
        return Case(name, group, failed=text, kind=finding.rule)
    return Case(name, group, note=text)


def _result(templates: PurePath, environment: str, finding: Finding) -> dict[str, Any]:
    file, line, column = where(templates, environment, finding)
    physical = {"artifactLocation": {"uri": file}, "region": {"startLine": line, "startColumn": column}}
    return {
        "ruleId": finding.rule,
        "level": _SARIF_LEVEL[finding.level],
        "message": {"text": f"{place(finding)}: {message(finding)}"},
        "locations": [
            {
                "physicalLocation": physical,
                "logicalLocations": [{"fullyQualifiedName": f"{finding.layer}/{place(finding)}"}],
            }
        ],
    }
