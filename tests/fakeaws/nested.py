"""What IncludeNestedStacks does to the change sets of nested stacks: placeholders, and what fails because of them.

Nested change sets are not recorded by anyone, so all of this is unproven: it is what public reports say, each behaviour
with a switch in `Settings`, and what deploys here must deploy with every switch either way.

| behaviour | switch | source, date |
|---|---|---|
| a sibling's output is `{{IntrinsicFunction:STACK/LogicalId.Outputs.NAME/Fn::GetAtt}}` in the parameters of the nested sets, also when nothing in the sibling changes | `nested_placeholder`: "intrinsic" | a public reproduction with SSM parameters (2025); PRX's notifier ignores both texts (2024) |
| the same is `{{changeSet:KNOWN_AFTER_APPLY}}` in newer sets | "known after apply" | an Amplify sandbox's change set, read in public (2026) |
| outputs that do not change read as they are | "resolved" | API CreateChangeSet promises nothing; kinder than the reports |
| what uses such a parameter is listed as changed, and replaced where the property says so, though the value will be the same | `nested_phantom_rows` | coverage-roadmap#759 (2021); coverage-roadmap#2113 (2024): Replacement True for KNOWN_AFTER_APPLY |
| two Details for such a property: ParameterReference/Static and DirectModification/Dynamic | - | the same Amplify change set (2026) |
| `AWS::SSM::Parameter::Value<…>` is fetched with the placeholder: "Unable to fetch parameters […] from parameter store for this account." | `nested_types_checked` | the SSM reproduction (2025) |
| AWS-specific types are looked up in the account with it (expected, reported by no one; the words are those of CreateStack) | `nested_types_checked` | UG "Specify existing resources at runtime", 2026 |
| AllowedPattern, Number, Fn::Select of a list fail with it | - | rain#526 (2024), coverage-roadmap#759 (2021) |
| a parameter that is refused fails the root in its own words, without a set for the child | `nested_parameter_fails`: "root" | SSM reproduction (2025), rain#526 (2024) |
| it fails the child's set, which holds no changes, and the root says only which one | "child" | amazon-s3-find-and-forget#224 (2020) |
| Export names made by functions are all `{{IntrinsicFunction://Fn::Join}}`: "Template format error: duplicate Export names"; the set holds its changes | `nested_exports_collide` | aws-cdk-cli#1307 (2026), Amplify's decision record on template drift (April 2026) |
| the root is FAILED as soon as one child is, the others are CREATE_IN_PROGRESS for a while | `nested_sibling_seconds` | the same decision record |
| a set that fails early validation holds its changes | - | the same decision record |
"""  # noqa: E501 # a table

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fakeaws.clock import OperationError, Steps
from fakeaws.cloud import Cloud
from fakeaws.model import ChangeSet, Stack
from fakeaws.protocol import validation_error
from fakeaws.templates import KNOWN_AFTER_APPLY

INTRINSIC = "{{IntrinsicFunction:"
PLACEHOLDERS = (INTRINSIC, KNOWN_AFTER_APPLY)
LOOKED_UP = ("AWS::EC2::", "AWS::Route53::", "List<AWS::")
"""How the AWS-specific parameter types begin (UG "CloudFormation-supplied parameter types")."""
DUPLICATE_EXPORTS = "Template format error: duplicate Export names"


def is_placeholder(value: Any) -> bool:
    """Whether a value, or a part of it, stands for one that is not known yet."""
    return any(each in str(value) for each in PLACEHOLDERS)


def output(cloud: Cloud, parent: Stack, logical_id: str, name: str, moved: bool, known: Any) -> Any:
    """A sibling's output in the parameters of a nested change set; `moved` when the sibling changes."""
    settings = cloud.settings
    if settings.nested_placeholder == "resolved" or not (settings.nested_phantom_rows or moved):
        return known
    if settings.nested_placeholder == "known after apply":
        return KNOWN_AFTER_APPLY
    return f"{INTRINSIC}{parent.name}/{logical_id}.Outputs.{name}/Fn::GetAtt}}}}"


def check_types(cloud: Cloud, body: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse a placeholder for a parameter whose value AWS looks up."""
    if not cloud.settings.nested_types_checked:
        return
    for name, value in given.items():
        kind = str((body.get("Parameters") or {}).get(name, {}).get("Type", "String"))
        if not is_placeholder(value):
            continue
        if kind.startswith("AWS::SSM::"):
            raise validation_error(f"Unable to fetch parameters [{value}] from parameter store for this account.")
        if kind.startswith(LOOKED_UP):
            raise validation_error(
                f"Parameter validation failed: parameter value {value} for parameter name {name} does not exist"
            )


def check_exports(cloud: Cloud, change_set: ChangeSet) -> None:
    """Fail a nested set whose exports have a name that an export of the same family has by then."""
    if change_set.parent_id is None or not cloud.settings.nested_exports_collide:
        return
    root = cloud.change_sets.get(change_set.root_id or "")
    others = [name for each in _below(root) if each is not change_set for name in _exports(each)] if root else []
    own = list(_exports(change_set))
    if len(set(own)) < len(own) or set(own) & set(others):
        raise OperationError(DUPLICATE_EXPORTS)


def _below(change_set: ChangeSet) -> Iterator[ChangeSet]:
    for child in change_set.children:
        yield child
        yield from _below(child)


def _exports(change_set: ChangeSet) -> Iterator[str]:
    for entry in (change_set.target.body.get("Outputs") or {}).values():
        name = (entry.get("Export") or {}).get("Name")
        if isinstance(name, dict):
            yield f"{INTRINSIC}//{next(iter(name))}}}}}"
        elif name is not None:
            yield str(name)


def leave_running(cloud: Cloud, root: ChangeSet, broken: list[ChangeSet]) -> None:
    """Set all below a failed root but the child that failed first back to CREATE_IN_PROGRESS, for a while."""
    seconds = cloud.settings.nested_sibling_seconds
    for child in _below(root) if seconds else ():
        if child not in broken[:1]:
            ended = (child.status, child.execution, child.reason, child.changes)
            child.status, child.execution, child.reason, child.changes = "CREATE_IN_PROGRESS", "UNAVAILABLE", "", []
            cloud.clock.spawn(_end(child, seconds, ended))


def _end(child: ChangeSet, seconds: float, ended: tuple[str, str, str, list[Any]]) -> Steps:
    yield seconds
    if child.status == "CREATE_IN_PROGRESS":
        child.status, child.execution, child.reason, child.changes = ended
