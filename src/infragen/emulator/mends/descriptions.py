"""DescribeStacks: what MiniStack leaves out or says otherwise.

- A parameter of type `AWS::SSM::Parameter::Value<…>`: MiniStack gives the resolved value as ParameterValue; AWS gives
  the name as ParameterValue and the value as ResolvedValue (data type Parameter, CloudFormation API Reference).
- RootId and ParentId of a nested stack (data type Stack): MiniStack knows them and does not give them.
"""

from typing import Any
from xml.etree import ElementTree

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, helpers


def mend() -> None:
    """Complete the answers of DescribeStacks."""
    own = handlers._ACTION_HANDLERS["DescribeStacks"]

    def describe(params: dict[str, Any]) -> Any:
        status, headers, body = own(params)
        return status, headers, _completed(body) if status == 200 else body

    handlers._ACTION_HANDLERS["DescribeStacks"] = describe


def _completed(body: bytes) -> bytes:
    ElementTree.register_namespace("", helpers.CFN_NS)
    answer = ElementTree.fromstring(body)  # noqa: S314 — MiniStack wrote it
    records = {record["StackId"]: record for record in cloudformation._stacks.values()}
    for stack in answer.iterfind(f"{_tag('DescribeStacksResult')}/{_tag('Stacks')}/{_tag('member')}"):
        record = records.get(stack.findtext(_tag("StackId")), {})
        _add_relatives(stack, record)
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
