"""An answer of CloudFormation as facts that can be written down: what is compared of a change set, a stack, its events.

Names, ids, dates and the account differ between two runs of one scenario. `Places` replaces them by words, so that the
answer of the fake and the recorded answer of AWS read the same where they agree.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Answer = Mapping[str, Any]

UNRECORDED = {"LastOperations", "RetainExceptOnCreate"}
"""Members of a stack that AWS added to its answers after most of the recordings were made."""
ALWAYS = {
    "CreationTime",
    "DisableRollback",
    "DriftInformation",
    "NotificationARNs",
    "RollbackConfiguration",
    "StackId",
    "StackName",
    "StackStatus",
    "Tags",
}
"""Members that every recorded stack has, a deleted one and one in review too."""


def rows(answer: Answer) -> list[dict[str, Any]]:
    """The changes of a DescribeChangeSet answer, each as one line, its details as lines, its contexts as values."""
    return [_row(each["ResourceChange"]) for each in answer["Changes"]]


def _row(change: Answer) -> dict[str, Any]:
    words = [change["Action"], change["LogicalResourceId"], change["ResourceType"]]
    words += [f"{key}={change[key]}" for key in ("Replacement", "PolicyAction") if key in change]
    words += [f"Scope={','.join(change['Scope'])}"] if change["Scope"] else []
    words += ["with PhysicalResourceId"] if "PhysicalResourceId" in change else []
    row: dict[str, Any] = {"row": " ".join(words)}
    if change["Details"]:
        row["details"] = sorted(_detail(each) for each in change["Details"])
    for key in ("BeforeContext", "AfterContext"):
        if key in change:
            context = change[key]
            row[key] = json.loads(context) if isinstance(context, str) else context
    return row


def _detail(detail: Answer) -> str:
    target = detail["Target"]
    words = [target["Attribute"], *([target["Name"]] if "Name" in target else []), target["RequiresRecreation"]]
    words += [detail["Evaluation"], detail["ChangeSource"]]
    words += [detail["CausingEntity"]] if "CausingEntity" in detail else []
    words += [f"at {target['Path']}"] if "Path" in target else []
    if "AttributeChangeType" in target:
        values = [json.dumps(target[key]) if key in target else "-" for key in ("BeforeValue", "AfterValue")]
        words += [f"{target['AttributeChangeType']}:", values[0], "->", values[1]]
    return " ".join(words)


def change_set(answer: Answer) -> dict[str, Any]:
    """What is compared of a DescribeChangeSet answer beside its rows."""
    told = {key: answer[key] for key in ("Status", "ExecutionStatus", "StatusReason", "Parameters") if key in answer}
    return {**told, "rows": rows(answer)}


def stack(answer: Answer) -> dict[str, Any]:
    """What is compared of one stack in a DescribeStacks answer: its status, what it tells, and which members it has."""
    missing = ALWAYS - set(answer)
    assert not missing, f"a stack always has {missing}"
    told = {key: answer[key] for key in ("StackStatus", "StackStatusReason", "Parameters") if key in answer}
    if "Outputs" in answer:
        told["Outputs"] = sorted(each["OutputKey"] for each in answer["Outputs"])
    return {**told, "members": " ".join(sorted(set(answer) - ALWAYS - UNRECORDED))}


def events(answers: Iterable[Answer]) -> list[str]:
    """Events of one resource, newest first, as status and reason."""
    return [f"{each['ResourceStatus']} {each.get('ResourceStatusReason', '')}".strip() for each in answers]
