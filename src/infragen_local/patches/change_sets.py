"""Change sets: two changes that MiniStack takes for none ("The submitted information didn't contain changes"), and
lists by a stack's ARN, which MiniStack answers with nothing.

- `Fn::GetAtt` of another resource or attribute: MiniStack compares templates whose GetAtts are all the same empty text.
- Outputs alone: on AWS the change set has no resource change, is CREATE_COMPLETE and can be executed.
"""

from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers, helpers


def apply() -> None:
    """Let change sets see changed attributes and changed outputs, and be listed by a stack's ARN."""
    own_resolve = changesets._resolve_props_for_diff

    def resolve(template: Any, *rest: Any) -> Any:
        return own_resolve(_with_attribute_names(template), *rest)

    changesets._resolve_props_for_diff = resolve

    own_create = handlers._ACTION_HANDLERS["CreateChangeSet"]

    def create(params: dict[str, Any]) -> Any:
        answer = own_create(params)
        for change_set in cloudformation._change_sets.values():
            if change_set["ChangeSetName"] == helpers._p(params, "ChangeSetName"):
                _allow_changed_outputs(change_set)
        return answer

    handlers._ACTION_HANDLERS["CreateChangeSet"] = create

    own_list = handlers._ACTION_HANDLERS["ListChangeSets"]

    def listed(params: dict[str, Any]) -> Any:
        wanted = helpers._p(params, "StackName")
        named = (name for name, stack in cloudformation._stacks.items() if stack.get("StackId") == wanted)
        return own_list({**params, "StackName": [next(named, wanted)]})

    handlers._ACTION_HANDLERS["ListChangeSets"] = listed


def _with_attribute_names(node: Any) -> Any:
    """Return a template in which each GetAtt is a Ref to `Name.Attribute`, which MiniStack leaves as that text."""
    if isinstance(node, list):
        return [_with_attribute_names(item) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"Fn::GetAtt"}:
        attribute = node["Fn::GetAtt"]
        return {"Ref": attribute if isinstance(attribute, str) else ".".join(map(str, attribute))}
    return {key: _with_attribute_names(value) for key, value in node.items()}


def _allow_changed_outputs(change_set: dict[str, Any]) -> None:
    """Make a change set executable that failed for want of changes although the outputs differ."""
    deployed = (cloudformation._stacks.get(change_set["StackName"]) or {}).get("_template") or {}
    wanted = change_set.get("_template") or {}
    without_changes = change_set["Status"] == "FAILED" and "didn't contain changes" in change_set["StatusReason"]
    if without_changes and deployed.get("Outputs") != wanted.get("Outputs"):
        change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")
