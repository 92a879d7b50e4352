"""CloudFormation templates as text: a stable YAML or JSON writer, and a reader of both.

The writer uses the short forms that people review (`!Sub`, `!Ref`, `!GetAtt`); the reader turns them back into the
long forms, so that a template read equals the one written. Nothing here knows what a template means.
"""

import json
from typing import Any

import yaml

from infragen.errors import CloudError

_SHORT = {
    "Ref": "!Ref",
    "Condition": "!Condition",
    **{
        f"Fn::{name}": f"!{name}"
        for name in (
            "And", "Base64", "Cidr", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue", "Join", "Length",
            "Not", "Or", "Select", "Split", "Sub", "ToJsonString", "Transform",
        )
    },
}  # fmt: skip
_LONG = {short: long for long, short in _SHORT.items()}


class _Writer(yaml.CSafeDumper):
    """libyaml's emitter: the pure-Python one takes ten times as long."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write no anchors, because people review the template."""
        return True


def _write_mapping(writer: _Writer, data: dict[str, Any]) -> yaml.Node:
    if len(data) == 1:
        [(key, value)] = data.items()
        tag = _SHORT.get(key)
        if tag and key != "Condition":
            node = _short_form(writer, key, tag, value)
            if node is not None:
                return node
    return writer.represent_mapping("tag:yaml.org,2002:map", data.items())


def _short_form(writer: _Writer, key: str, tag: str, value: Any) -> yaml.Node | None:
    """Return the intrinsic as a tagged node, or None when its argument is itself tagged (YAML allows one per node)."""
    if key == "Fn::GetAtt" and isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = ".".join(value)
    node = writer.represent_data(value)
    if isinstance(node, yaml.MappingNode) or node.tag.startswith("!"):
        return None
    style = getattr(node, "style", None)
    if isinstance(node, yaml.ScalarNode):
        return yaml.ScalarNode(tag, node.value, style=style)
    assert isinstance(node, yaml.SequenceNode)  # noqa: S101 # the three node kinds of YAML
    return yaml.SequenceNode(tag, node.value, flow_style=node.flow_style)


def _write_text(writer: _Writer, data: str) -> yaml.Node:
    block = "\n" in data and not any(line.endswith((" ", "\t")) for line in data.split("\n"))
    return writer.represent_scalar("tag:yaml.org,2002:str", data, style="|" if block else None)


_Writer.add_representer(dict, _write_mapping)
_Writer.add_representer(str, _write_text)


def dump_yaml(body: dict[str, Any], escaped: bool = True) -> str:
    """Write a template as YAML text, the same bytes for the same body; keys keep their order, lines end in LF.

    The text is ASCII: GetTemplate gives a question mark for every other character of the text that was sent
    (aws-cloudformation/cloudformation-coverage-roadmap#814, aws/aws-cdk#38708, read 2026-11-28), so that others are
    written as escapes, which are read back as they were. Without `escaped` they stand as they are: for people.
    """
    text: str = yaml.dump(
        body,
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=not escaped,
        width=120,
        line_break="\n",
        default_flow_style=False,
    )
    return text


def dump_json(body: dict[str, Any]) -> str:
    """Write a template as JSON text with the same order of keys, in ASCII as `dump_yaml` does."""
    return json.dumps(body, indent=2, ensure_ascii=True) + "\n"


class _Reader(yaml.CSafeLoader):
    """Reads the short forms; dates and the like stay text, as CloudFormation reads them."""

    yaml_implicit_resolvers = {  # noqa: RUF012 # PyYAML's own class attribute, minus timestamps
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def _read_short_form(reader: _Reader, suffix: str, node: yaml.Node) -> Any:
    key = _LONG.get(f"!{suffix}")
    if key is None:
        raise yaml.constructor.ConstructorError(None, None, f"unknown tag !{suffix}", node.start_mark)
    if isinstance(node, yaml.ScalarNode):
        text = reader.construct_scalar(node)
        return {key: text.split(".", 1) if key == "Fn::GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {key: reader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 # the three node kinds of YAML
    return {key: reader.construct_mapping(node, deep=True)}


_Reader.add_multi_constructor("!", _read_short_form)


SECTIONS = ("Resources", "Parameters", "Outputs", "Conditions", "Mappings", "Metadata", "Rules")
MOST_VALUES = 1_000_000
"""Values of a template, those that an alias repeats included. CloudFormation takes a text of 1 MB."""


def parse(text: str) -> dict[str, Any]:
    """Return a template's text, YAML (short or long forms) or JSON, as a body of long forms; ValueError when it is
    neither, or a section or a resource of it is no mapping.
    """
    try:
        body = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, Loader=_Reader)  # noqa: S506 # a SafeLoader
        _count(body, {})
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        raise ValueError(f"not a CloudFormation template: {error}") from error
    except RecursionError:
        raise ValueError("not a CloudFormation template: it is nested too deeply") from None
    if not isinstance(body, dict):
        raise ValueError("not a CloudFormation template: the top level is not a mapping")  # about the text, not a type
    for section in SECTIONS:
        if not isinstance(body.get(section, {}), dict):
            raise ValueError(f"not a CloudFormation template: {section} is not a mapping")  # the text's
    for section in ("Parameters", "Outputs", "Mappings"):
        for name, each in body.get(section, {}).items():
            if not (isinstance(name, str) and isinstance(each, dict)):
                raise ValueError(f"not a CloudFormation template: {name} of its {section} is not a mapping")
    for name, each in body.get("Resources", {}).items():
        if not isinstance(name, str) or not isinstance(each, dict) or not isinstance(each.get("Type"), str):
            raise ValueError(f"not a CloudFormation template that infragen reads: {name} is not a resource with a Type")
        if not isinstance(each.get("Properties", {}), dict):
            raise ValueError(f"not a CloudFormation template: Properties of {name} are not a mapping")
    return body


def parse_deployed(text: str, stack: str) -> dict[str, Any]:
    """Return the body of a template that AWS gives back. Raises CloudError for what is none: it is another server's."""
    try:
        return parse(text)
    except ValueError as error:
        raise CloudError(
            f"the template of {stack}, as it was given back, cannot be read: {error}",
            "`aws cloudformation get-template` shows it; --endpoint-url and AWS_ENDPOINT_URL say who was asked",
        ) from error


def _count(value: Any, counted: dict[int, int]) -> int:
    """Return how many values there are, an alias counted as if it were copied. ValueError for too many, and for one
    that holds itself.
    """
    if not isinstance(value, dict | list):
        return 1
    if id(value) in counted:
        if not counted[id(value)]:
            raise ValueError("not a CloudFormation template: an alias in it holds itself")
        return counted[id(value)]
    counted[id(value)] = 0
    inside = value.values() if isinstance(value, dict) else value
    total = 1 + sum(_count(each, counted) for each in inside)
    if total > MOST_VALUES:
        raise ValueError(f"not a CloudFormation template: it has more than {MOST_VALUES:,} values")
    counted[id(value)] = total
    return total
