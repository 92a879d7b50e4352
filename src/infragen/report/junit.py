"""What was checked as a JUnit report, as CI systems read one.

Only elements and attributes that Jenkins knows (jenkinsci/xunit-plugin, types/model/xsd/junit-10.xsd; read 2026-11-29),
which GitLab reads as well (docs.gitlab.com, "Unit test reports"). The same findings give the same bytes: no time, no
host name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from infragen.secrecy.visible import Shown, assembled, shown

_NO_XML = re.compile("[\ufffe\uffff]")
"""What XML 1.0 has no place for and `shown` leaves ("Characters", Char)."""


@dataclass(frozen=True)
class Case:
    """One thing that was checked. `failed` says what is wrong, `skipped` why nobody can tell; neither: it is well.
    `note` is what it says all the same.
    """

    name: str
    group: str
    failed: str = ""
    skipped: str = ""
    kind: str = ""
    note: str = ""


def as_junit(suites: Mapping[str, Sequence[Case]]) -> Shown:
    """Return the report: a suite per name with its cases."""
    whole = [each for cases in suites.values() for each in cases]
    root = ET.Element("testsuites", {"name": "infragen", **_counts(whole)})
    for name, cases in suites.items():
        counts = {**_counts(cases), "skipped": str(sum(bool(each.skipped) for each in cases))}
        suite = ET.SubElement(root, "testsuite", {"name": _text(name), **counts, "time": "0"})
        for each in cases:
            _add(suite, each)
    ET.indent(root)
    return assembled('<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode"))


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    return {"tests": str(len(cases)), "failures": str(sum(bool(each.failed) for each in cases)), "errors": "0"}


def _add(suite: ET.Element, case: Case) -> None:
    found = ET.SubElement(suite, "testcase", {"name": _text(case.name), "classname": _text(case.group), "time": "0"})
    for tag, text in (("failure", case.failed), ("skipped", case.skipped)):
        if text:
            first = text.partition("\n")[0]
            ET.SubElement(found, tag, {"type": _text(case.kind), "message": _text(first)}).text = _text(text)
    if case.note:
        ET.SubElement(found, "system-out").text = _text(case.note)


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", shown(text))
