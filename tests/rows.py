"""Rows of a plan as tests write and read them: causes and disagreements in the words that the document has for them."""

from collections.abc import Iterable

from infragen.cloud.cloudformation import Cause, CauseKind, Disagreement, PropertyChange, ResourceChange
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.report.plan_document import disagreement, plan_document
from infragen.report.plan_types import Plan, Property, Row
from infragen.report.plan_words import rows


def causes(words: str) -> tuple[Cause, ...]:
    """`parameter P, resource R.Arn`, `nested stack`, `the stack's tags`."""
    return tuple(_cause(each) for each in words.split(", ") if each)


def _cause(words: str) -> Cause:
    kind = next(each for each in CauseKind if words.startswith(each))
    return Cause(kind, words.removeprefix(kind).strip())


def because(made: PropertyChange | ResourceChange) -> str:
    """The causes of a value or a row, in words."""
    return ", ".join(map(str, made.causes))


def sentences(of: ResourceChange | StackPlan) -> tuple[str, ...]:
    """What the two sources say differently."""
    return tuple(map(disagreement, of.disagreements))


def said(found: Iterable[Disagreement]) -> tuple[str, ...]:
    """Disagreements in words."""
    return tuple(map(disagreement, found))


def document_of(*changes: ResourceChange, layer: str = "queue") -> Plan:
    """The document of a plan with one stack that has these rows."""
    stack = StackPlan(layer, "", "update", changes)
    return plan_document(EnvironmentPlan("dev", "111111111111", "eu-west-1", "independent", (stack,)))


def row_of(row: ResourceChange) -> Row:
    """A row as the document has it."""
    return document_of(row, layer=row.layer)["stacks"][0]["changes"][0]


def property_of(change: PropertyChange) -> Property:
    """A value as the document has it."""
    return row_of(ResourceChange("queue", "Modify", "Q", "AWS::SQS::Queue", "False", properties=(change,)))[
        "properties"
    ][0]


def summary(plan: EnvironmentPlan) -> str:
    """The one line that sums a plan up."""
    return plan_document(plan)["summary"]["text"]


def shown_rows(plan: EnvironmentPlan) -> dict[str, Row]:
    """The rows that every format shows, by place."""
    return {row["place"]: row for stack in plan_document(plan)["stacks"] for row in rows(stack)}
