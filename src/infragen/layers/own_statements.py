"""The IAM statements of an environment file, as a policy of a role of ours.

They are a policy of their own beside infragen's, so that a change in one is no change in the other.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from troposphere import Sub
from troposphere.iam import Policy

from infragen.config.iam import IN_BRACES, PLACEHOLDERS
from infragen.config.schema import Statement
from infragen.layers.contract import policy

POLICY_NAME = "environment-file"


def own_policies(statements: Sequence[Statement]) -> list[Policy]:
    """Return the inline policy of these statements; none without one."""
    if not statements:
        return []
    return [Policy(PolicyName=POLICY_NAME, PolicyDocument=policy(*map(_statement, statements)))]


def accepted(statements: Sequence[Statement], ours: Mapping[str, str]) -> dict[str, str]:
    """Return why a role has wildcards (rule -> reason): `ours`, and those that the environment file writes."""
    written = any("*" in text for each in statements for text in (*each.Action, *each.Resource))
    reasons = [*ours.values(), *(["what the environment file allows"] if written else [])]
    return {"AwsSolutions-IAM5": "; ".join(reasons)} if reasons else {}


def _statement(statement: Statement) -> dict[str, Any]:
    body: dict[str, Any] = {"Sid": statement.Sid} if statement.Sid else {}
    body |= {
        "Effect": statement.Effect,
        "Action": _single(list(statement.Action)),
        "Resource": _single([_filled(each) for each in statement.Resource]),
    }
    if statement.Condition:
        body["Condition"] = {
            operator: {key: _single([_filled(each) for each in values]) for key, values in keys.items()}
            for operator, keys in statement.Condition.items()
        }
    return body


def _single(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _filled(text: str) -> Any:
    """Return a text in which CloudFormation fills in its placeholders, and leaves those of IAM alone."""
    if not any(match[1] in PLACEHOLDERS for match in IN_BRACES.finditer(text)):
        return text
    return Sub(IN_BRACES.sub(lambda match: match[0] if match[1] in PLACEHOLDERS else f"${{!{match[1]}}}", text))
