"""What IAM knows about the statements of an environment file: operators, placeholders, services, actions, resources.

The catalogue of actions is the one that cfn-lint ships, made from AWS's Service Authorization Reference. It is read as
data; cfn-lint itself is not imported. An action that it does not hold is unknown, and counts as one that can be limited
to resources.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PLACEHOLDERS = (
    "AWS::Partition",
    "AWS::Region",
    "AWS::AccountId",
    "AWS::URLSuffix",
    "ProjectName",
    "EnvironmentName",
)
"""What `${…}` may name in a resource or a condition's value; CloudFormation fills it in."""

POLICY_VARIABLE = re.compile(r"[a-z][A-Za-z0-9.-]*:[^${}]+|[*?$]")
"""What IAM itself fills in when it evaluates a request, such as `${aws:PrincipalTag/team}`, and its three escaped signs
(IAM User Guide, "IAM policy elements: Variables and tags")."""

IN_BRACES = re.compile(r"\$\{([^}]*)\}?")

OPERATORS = (
    "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
    "StringNotLike", "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals",
    "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThan",
    "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress",
    "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike",
)  # fmt: skip
"""IAM User Guide, "IAM JSON policy elements: Condition operators" (read 2026-11-29). Each may end in IfExists; `Null`,
the one that is not here, may not."""

OPERATOR = rf"^(ForAllValues:|ForAnyValue:)?(({'|'.join(OPERATORS)})(IfExists)?|Null)$"
CONDITION_KEY = r"^[A-Za-z0-9._-]+:[A-Za-z0-9 _.:/=+@${}-]+$"
ACTION = r"^(\*|[a-z0-9-]+:[A-Za-z0-9*?]+)$"
RESOURCE = (
    r"^(\*|arn:(aws|\$\{AWS::Partition\}):[a-z0-9-]+:(\$\{AWS::Region\}|[a-z0-9*?-]*)"
    r":(\$\{AWS::AccountId\}|[0-9]{12}|aws|\*)?:[\x21-\x7e]+)$"
)
"""IAM refuses a wildcard in the partition and in the service ("Resource vendor must be fully qualified and cannot
contain regexes")."""

SAMPLE = "q7zx"
"""A name that no pattern matches but one that matches every name."""


def placeholders(text: str) -> str:
    """Return the text. Raises ValueError for a `${…}` that neither CloudFormation nor IAM would fill in."""
    for match in IN_BRACES.finditer(text):
        name = match[1]
        closed = match[0].endswith("}")
        if not closed or (name not in PLACEHOLDERS and not POLICY_VARIABLE.fullmatch(name)):
            known = ", ".join(f"${{{each}}}" for each in PLACEHOLDERS)
            raise ValueError(f"{match[0]} is not known here; known: {known}, and IAM's own such as ${{aws:userid}}")
    return text


def unknown_part(action: str) -> str:
    """Return what of an action the catalogue lacks, in words; empty for a known action, or a pattern that meets one."""
    service, _, name = action.partition(":")
    if action == "*":
        return ""
    if service not in _catalogue():
        return f"service {service}"
    return "" if _meant(action) else f"action {name} of {service}"


def actions_of(action: str) -> tuple[str, ...]:
    """Return the known actions of an action's service, in small letters."""
    service = action.partition(":")[0]
    return tuple(f"{service}:{each}" for each in _actions(service))


def is_whole_service(action: str) -> bool:
    """Return whether an action stands for everything that a service, or all of AWS, offers."""
    service, _, name = action.partition(":")
    known = _actions(service)
    return not set(name or action) - set("*?") or bool(known and len(_meant(action)) == len(known) > 1)


def is_unlimited(action: str, resource: str) -> bool:
    """Return whether a resource stands for every one of a kind, although the action could be limited to some."""
    if not _can_be_limited(action):
        return False
    written = resource.split(":", 5)[-1]
    return not set(written) - set("*?/:") or any(fnmatchcase(each, written) for each in _samples(action, resource))


LIMITING = re.compile(r"(ForAnyValue:)?(String(Equals|Like|EqualsIgnoreCase)|Arn(Equals|Like))")


def is_limited_by(action: str, condition: Mapping[str, Mapping[str, Iterable[str]]]) -> bool:
    """Return whether a condition says what of its service an action is for: by a key of the service, such as
    `cloudwatch:namespace`, or by a tag of the resource.
    """
    service = action.partition(":")[0]
    return any(
        LIMITING.fullmatch(operator)
        and (key.startswith(f"{service}:") or key.lower().startswith("aws:resourcetag/"))
        and all(set(value) - set("*?") for value in values)
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def _can_be_limited(action: str) -> bool:
    meant = _meant(action)
    actions = _actions(action.partition(":")[0])
    return not meant or any(actions[each].get("Resources") for each in meant)


def _samples(action: str, resource: str) -> Iterator[str]:
    """Yield the last part of an ARN of each kind that the action is for, with a name that is nobody's."""
    service = action.partition(":")[0]
    actions = _actions(service)
    kinds = {name.lower(): each for name, each in _catalogue().get(service, {}).get("Resources", {}).items()}
    written = resource.split(":")[2] if resource != "*" else ""
    for name in _meant(action):
        for kind in actions[name].get("Resources", ()):
            for form in kinds.get(kind.lower(), {}).get("ARNFormats", ()):
                if form.split(":")[2] == written:
                    yield form.split(":", 5)[-1].replace(".*", SAMPLE)


def _meant(action: str) -> tuple[str, ...]:
    """Return the known actions that one, with wildcards or not, stands for."""
    service, _, name = action.partition(":")
    actions = _actions(service)
    return tuple(each for each in actions if fnmatchcase(each, name.lower()))


def _actions(service: str) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = _catalogue().get(service, {}).get("Actions", {})
    return found


@cache
def _catalogue() -> Mapping[str, Any]:
    spec = find_spec("cfnlint")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("cfn-lint, which ships the catalogue of actions, is not installed")
    file = Path(next(iter(spec.submodule_search_locations))) / "data" / "AdditionalSpecs" / "Policies.json"
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found
