"""DescribeStacks: what MiniStack leaves out or says otherwise.

- A parameter of type `AWS::SSM::Parameter::Value<…>`: MiniStack gives the resolved value as ParameterValue; AWS gives
  the name as ParameterValue and the value as ResolvedValue (data type Parameter, CloudFormation API Reference).
- RootId and ParentId of a nested stack (data type Stack): MiniStack knows them and does not give them.
- ChangeSetId of a stack (data type Stack), the change set that was executed last: MiniStack does not know it.
"""

from typing import Any
from xml.etree import ElementTree

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, helpers

_EXECUTED = "_ExecutedChangeSetId"


def apply() -> None:
    """Complete the answers of DescribeStacks."""
    own = handlers._ACTION_HANDLERS["DescribeStacks"]

    def describe(params: dict[str, Any]) -> Any:
        status, headers, body = own(params)
        return status, headers, _completed(body) if status == 200 else body

    handlers._ACTION_HANDLERS["DescribeStacks"] = describe
    own_execute = handlers._ACTION_HANDLERS["ExecuteChangeSet"]
    own_update = handlers._ACTION_HANDLERS["UpdateStack"]

    def execute(params: dict[str, Any]) -> Any:
        answer = own_execute(params)
        if answer[0] == 200:
            _note_execution(helpers._p(params, "ChangeSetName"), helpers._p(params, "StackName"))
        return answer

    def update(params: dict[str, Any]) -> Any:
        answer = own_update(params)
        for record in cloudformation._stacks.values() if answer[0] == 200 else ():
            if helpers._p(params, "StackName") in (record["StackName"], record["StackId"]):
                record.pop(_EXECUTED, None)
        return answer

    handlers._ACTION_HANDLERS["ExecuteChangeSet"] = execute
    handlers._ACTION_HANDLERS["UpdateStack"] = update


def _note_execution(name: str, stack: str) -> None:
    """Remember with its stack which change set was executed: it is called by its ARN, or by its name and its stack."""
    for change_set in cloudformation._change_sets.values():
        record = cloudformation._stacks.get(change_set["StackName"])
        of_stack = record is not None and stack in (record["StackName"], record["StackId"])
        if record is not None and (
            name == change_set["ChangeSetId"] or (of_stack and name == change_set["ChangeSetName"])
        ):
            record[_EXECUTED] = change_set["ChangeSetId"]


def _completed(body: bytes) -> bytes:
    ElementTree.register_namespace("", helpers.CFN_NS)
    answer = ElementTree.fromstring(body)  # noqa: S314 — MiniStack wrote it
    records = {record["StackId"]: record for record in cloudformation._stacks.values()}
    for stack in answer.iterfind(f"{_tag('DescribeStacksResult')}/{_tag('Stacks')}/{_tag('member')}"):
        record = records.get(stack.findtext(_tag("StackId")), {})
        _add_relatives(stack, record)
        if record.get(_EXECUTED):
            ElementTree.SubElement(stack, _tag("ChangeSetId")).text = record[_EXECUTED]
        _add_resolved_values(stack, record)
    return bytes(ElementTree.tostring(answer, encoding="utf-8", xml_declaration=True))


def _tag(name: str) -> str:
    return f"{{{helpers.CFN_NS}}}{name}"


def _add_relatives(stack: ElementTree.Element, record: dict[str, Any]) -> None:
    for name in ("RootId", "ParentId"):
        if record.get(name):
            ElementTree.SubElement(stack, _tag(name)).text = record[name]


def _add_resolved_values(stack: ElementTree.Element, record: dict[str, Any]) -> None:
    resolved = record.get("_resolved_params") or {}
    for parameter in stack.iterfind(f"{_tag('Parameters')}/{_tag('member')}"):
        name = (resolved.get(parameter.findtext(_tag("ParameterKey"))) or {}).get("SsmName")
        value = parameter.find(_tag("ParameterValue"))
        if name and value is not None:
            ElementTree.SubElement(parameter, _tag("ResolvedValue")).text = value.text
            value.text = name
