"""Addons: plain CloudFormation templates in `addons/`, read and checked without an environment.

An addon becomes a layer (`layers.addons`). What it may consist of is a list: a section, attribute or function that is
not on it is refused with its line, as is whatever would give another layer a value that only deployment knows.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infragen.changes.evaluate import circle, is_sub
from infragen.cloud.template import misshapen
from infragen.config import yamlfile
from infragen.config.schema import NAME
from infragen.config.yamlfile import Node, Place, Problem, Scalar, Sequence, shown
from infragen.errors import InputError
from infragen.machine.input_file import entries
from infragen.secrecy.texts import certain_credential

ENDINGS = (".yaml", ".yml", ".json")
COMMON = ("ProjectName", "EnvironmentName")
"""Parameters that every layer gets."""

VERSION = "2010-09-09"
SECTIONS = (
    "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions", "Resources",
    "Outputs",
)  # fmt: skip
WHY_NOT = {
    "Transform": "a macro rewrites the template at deployment, after the review",
    "Rules": "AWS evaluates them before the values of other layers are known",
    "Hooks": "infragen plans and rolls back by itself",
    "Globals": "it belongs to a transform",
}
"""Sections that are refused, and why."""

ATTRIBUTES = (
    "Type", "Properties", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy",
    "UpdatePolicy", "Metadata",
)  # fmt: skip
FUNCTIONS = (
    "Ref", "Condition", "Fn::And", "Fn::Base64", "Fn::Cidr", "Fn::Equals", "Fn::FindInMap", "Fn::GetAtt", "Fn::GetAZs",
    "Fn::If", "Fn::Join", "Fn::Not", "Fn::Or", "Fn::Select", "Fn::Split", "Fn::Sub",
)  # fmt: skip
"""Functions without a transform (CloudFormation Template Reference, "Intrinsic function reference", read 2026-11-29).
Fn::ImportValue is not among them: layers are wired by outputs alone."""

PASS_ON = frozenset({"Ref", "Fn::Sub", "Fn::Join", "Fn::If", "Fn::Base64"})
"""Functions that take a value of another layer as it is (`assembly.wiring`)."""

SHORT_FORMS = {
    **{f"!{each.removeprefix('Fn::')}": each for each in FUNCTIONS},
    "!ImportValue": "Fn::ImportValue",
    "!Transform": "Fn::Transform",
    "!Length": "Fn::Length",
    "!ToJsonString": "Fn::ToJsonString",
}
"""Tags that are read, those of refused functions among them, so that the refusal names the function."""

PSEUDO = frozenset({
    "AWS::AccountId", "AWS::NotificationARNs", "AWS::NoValue", "AWS::Partition", "AWS::Region", "AWS::StackId",
    "AWS::StackName", "AWS::URLSuffix",
})  # fmt: skip
CLOUDFORMATION = (
    "AWS::CloudFormation::CustomResource", "AWS::CloudFormation::WaitCondition",
    "AWS::CloudFormation::WaitConditionHandle",
)  # fmt: skip
"""Types of CloudFormation's own that an addon may hold. A nested stack is not among them: its template would have to
be uploaded, and nothing would look into it."""

MANAGED_POLICY = "AWS::IAM::ManagedPolicy"
OURS = "infragen"
"""The key of the template's Metadata that infragen reads and leaves out."""

_SUB_PART = re.compile(r"\$\{(!?)([^}]*)(\}?)")
_SUB_CHARACTERS = re.compile(r"[A-Za-z0-9_.:]+")
"""CloudFormation: "variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods,
and colons" (aws-cloudformation/cfn-lint#1430, 2020; read 2026-11-29). What it says to a `${` without an end is not
public.
"""
_SUB_NAME = re.compile(r"\$\{(?!!)\s*([^}]+?)\s*\}")
_LOGICAL_ID = re.compile(r"[A-Za-z0-9]{1,255}")
_TYPE = re.compile(r"[A-Za-z0-9]+::[A-Za-z0-9]+(::[A-Za-z0-9_@-]+){0,2}(::MODULE)?")


@dataclass(frozen=True)
class Addon:
    """One addon: its name (that of the file), the file, and its template as it is written, in long forms.

    `environments` are the environments that have it; empty for all.
    """

    name: str
    file: str
    node: yamlfile.Mapping
    environments: tuple[str, ...] = ()

    @cached_property
    def body(self) -> dict[str, Any]:
        """Return the template without what infragen reads itself: parameters, and its key of the Metadata."""
        body: dict[str, Any] = _plain(self.node)  # type: ignore[assignment]  # a map becomes a dict
        for section in ("AWSTemplateFormatVersion", "Description", "Parameters"):
            body.pop(section, None)
        metadata = {key: value for key, value in (body.pop("Metadata", None) or {}).items() if key != OURS}
        return {**({"Metadata": metadata} if metadata else {}), **body}

    @property
    def description(self) -> str:
        """Return what the template says it is; '' when it does not."""
        entry = self.node.entries.get("Description")
        return entry.node.text if entry and isinstance(entry.node, Scalar) else ""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Return the parameters that it declares with their types, those of every layer left out."""
        declared = _entries(self.node, "Parameters").items()
        return {name: _text(each.node, "Type") for name, each in declared if name not in COMMON}

    @property
    def outputs(self) -> Mapping[str, str]:
        """Return its outputs with their descriptions."""
        return {
            name: _text(each.node, "Description") or f"{name} of the addon {self.name}"
            for name, each in _entries(self.node, "Outputs").items()
        }

    def is_policy(self, output: str) -> bool:
        """Return whether an output is a managed policy of the template, by a Ref to it."""
        value = self.body["Outputs"][output]["Value"]
        named = value.get("Ref") if isinstance(value, dict) and len(value) == 1 else None
        return isinstance(named, str) and self.body["Resources"].get(named, {}).get("Type") == MANAGED_POLICY

    def place(self, path: tuple[str | int, ...]) -> Place:
        """Return where a key of the template, or the nearest that holds it, is written."""
        return yamlfile.find_key(self.node, path)


def addon_files(folder: Path) -> tuple[Path, ...]:
    """Return the addons of a folder, in the order of their names; none when there is no such folder. Files with other
    endings and folders in it are no addons. Raises InputError when it is no folder, or cannot be read.
    """
    return tuple(each for each in entries(folder) if each.suffix in ENDINGS and not each.name.startswith("."))


def read_addons(written: Iterable[tuple[Path, bytes]], shown_as: Path) -> tuple[Addon, ...]:
    """Read addons from their files and what is in them. `shown_as` is what messages call their folder.

    Raises InputError with the problems of all of them.
    """
    found: dict[str, Addon] = {}
    problems: list[str] = []
    for path, data in written:
        file = str(shown_as / path.name)
        try:
            if path.stem in found:
                raise yamlfile.refusal([Problem(Place(file, 1, 1), f"{found[path.stem].file} is called so already")])
            found[path.stem] = read_addon(path.stem, data, file)
        except InputError as error:
            problems.append(error.message)
    if problems:
        raise InputError("\n".join(problems), "`infragen docs addons` says what an addon may consist of")
    return tuple(found.values())


def read_addon(name: str, data: bytes, file: str) -> Addon:
    """Read one addon; `file` is what messages call it. Raises InputError with every problem, in file order."""
    place = Place(file, 1, 1)
    if not re.fullmatch(NAME, name):
        said = f"{shown(name)} is no name of an addon: lower-case words and digits joined by single hyphens"
        raise yamlfile.refusal([Problem(place, said)])
    node, problems = yamlfile.read(data, file, SHORT_FORMS)
    node = _tidied(node)
    found = [*problems, *_problems(node)]
    if found:
        raise yamlfile.refusal(found)
    return Addon(name, file, node, _environments(node))


# --- what is written -------------------------------------------------------------------------------------------------


def _tidied(node: Any) -> Any:
    """Return the template with each Fn::GetAtt as a list, however it is written."""
    if isinstance(node, Sequence):
        return Sequence(tuple(_tidied(each) for each in node.items), node.place)
    if not isinstance(node, yamlfile.Mapping):
        return node
    entries = {key: yamlfile.Entry(key, each.key_place, _tidied(each.node)) for key, each in node.entries.items()}
    asked = entries.get("Fn::GetAtt")
    if asked and isinstance(asked.node, Scalar) and len(entries) == 1:
        parts = tuple(Scalar(each, each, asked.node.place) for each in asked.node.text.split(".", 1))
        entries["Fn::GetAtt"] = yamlfile.Entry("Fn::GetAtt", asked.key_place, Sequence(parts, asked.node.place))
    return yamlfile.Mapping(entries, node.place)


def _plain(node: Node) -> object:
    """Return a node as CloudFormation reads it. A number that would be written another way stays a text: 17.10."""
    if isinstance(node, yamlfile.Mapping):
        return {key: _plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    if isinstance(node.value, int | float) and not isinstance(node.value, bool) and str(node.value) != node.text:
        return node.text
    return node.value


def _entries(node: Node | None, key: str) -> Mapping[str, yamlfile.Entry]:
    """Return the entries of a map in a map; none when there is no such map."""
    entry = node.entries.get(key) if isinstance(node, yamlfile.Mapping) else None
    return entry.node.entries if entry and isinstance(entry.node, yamlfile.Mapping) else {}


def _text(node: Node, key: str) -> str:
    entry = node.entries.get(key) if isinstance(node, yamlfile.Mapping) else None
    return entry.node.text if entry and isinstance(entry.node, Scalar) else ""


def _environments(node: yamlfile.Mapping) -> tuple[str, ...]:
    listed = _entries(_node(node, "Metadata"), OURS).get("Environments")
    items = listed.node.items if listed and isinstance(listed.node, Sequence) else ()
    return tuple(each.text for each in items if isinstance(each, Scalar))


def _node(node: Node, key: str) -> Node | None:
    entry = node.entries.get(key) if isinstance(node, yamlfile.Mapping) else None
    return entry.node if entry else None


# --- what is wrong with it -------------------------------------------------------------------------------------------


def _problems(node: yamlfile.Mapping) -> Iterator[Problem]:
    for section, entry in node.entries.items():
        if section not in SECTIONS:
            why = WHY_NOT.get(section, f"known: {', '.join(SECTIONS)}")
            yield Problem(entry.key_place, f"an addon has no section {shown(section)}: {why}")
        elif section not in ("AWSTemplateFormatVersion", "Description") and not isinstance(
            entry.node, yamlfile.Mapping
        ):
            yield Problem(entry.node.place, f"{section} must be a map")
    version = node.entries.get("AWSTemplateFormatVersion")
    if version and not (isinstance(version.node, Scalar) and version.node.text == VERSION):
        yield Problem(version.node.place, f'AWSTemplateFormatVersion is not "{VERSION}", the only one there is')
    description = node.entries.get("Description")
    if description and not isinstance(description.node, Scalar):
        yield Problem(description.node.place, "Description must be a text")
    if not _entries(node, "Resources"):
        yield Problem(node.place, "the template has no Resources")
    yield from _of_metadata(node)
    yield from _of_parameters(node)
    for name, entry in _entries(node, "Resources").items():
        yield from _of_resource(name, entry)
    for name, entry in _entries(node, "Outputs").items():
        yield from _of_output(name, entry)
    names = _Names.of(node)
    for section in ("Conditions", "Resources", "Outputs"):
        for entry in _entries(node, section).values():
            yield from _of_values(entry.node, names)
    for section in ("Metadata", "Mappings", "Conditions", "Resources"):
        for entry in _entries(node, section).values():
            yield from _nulls(entry.node)
    yield from _circles(node)
    yield from _unused(node)
    yield from _credentials(node)


def _of_metadata(node: yamlfile.Mapping) -> Iterator[Problem]:
    ours = _entries(node, "Metadata").get(OURS)
    if ours is None:
        return
    if not isinstance(ours.node, yamlfile.Mapping):
        yield Problem(ours.node.place, f"Metadata.{OURS} must be a map with the key Environments")
        return
    for key, entry in ours.node.entries.items():
        if key != "Environments":
            yield Problem(entry.key_place, f"Metadata.{OURS} has no key {shown(key)}; known: Environments")
        elif not isinstance(entry.node, Sequence) or not entry.node.items:
            yield Problem(entry.node.place, f"Metadata.{OURS}.Environments must be a list of names of environments")
        else:
            for each in entry.node.items:
                if not isinstance(each, Scalar) or not re.fullmatch(NAME, each.text):
                    yield Problem(each.place, "this is no name of an environment")


def _of_parameters(node: yamlfile.Mapping) -> Iterator[Problem]:
    for name, entry in _entries(node, "Parameters").items():
        if not isinstance(entry.node, yamlfile.Mapping) or "Type" not in entry.node.entries:
            yield Problem(entry.key_place, f"the parameter {shown(name)} needs a Type")
            continue
        for key, each in entry.node.entries.items():
            if key not in ("Type", "Description"):
                yield Problem(
                    each.key_place,
                    f"the parameter {shown(name)} has {shown(key)}, but infragen gives its value: AWS checks the plan "
                    "of all layers with a placeholder in its place; write Type and Description only",
                )
            elif not isinstance(each.node, Scalar):
                yield Problem(each.node.place, f"{key} must be a text")
        if name in COMMON and _text(entry.node, "Type") != "String":
            yield Problem(entry.node.place, f"the parameter {name} is a String")
        if name in _entries(node, "Resources"):
            yield Problem(entry.key_place, f"{shown(name)} is also a resource; a name stands for one thing")


def _of_resource(name: str, entry: yamlfile.Entry) -> Iterator[Problem]:
    if not _LOGICAL_ID.fullmatch(name):
        yield Problem(entry.key_place, f"{shown(name)} is no logical id: letters and digits only")
    if not isinstance(entry.node, yamlfile.Mapping):
        yield Problem(entry.node.place, f"the resource {shown(name)} must be a map with Type and Properties")
        return
    kind = _text(entry.node, "Type")
    if not _TYPE.fullmatch(kind):
        yield Problem(entry.key_place, f"the resource {shown(name)} needs a Type such as AWS::S3::Bucket")
    elif kind.startswith("AWS::CloudFormation::") and kind not in CLOUDFORMATION:
        yield Problem(
            entry.node.entries["Type"].node.place,
            f"an addon holds no {kind}, whose content infragen would not see; allowed of CloudFormation's own types: "
            + ", ".join(CLOUDFORMATION),
        )
    elif kind.endswith("::MODULE"):
        yield Problem(entry.node.entries["Type"].node.place, "modules are expanded at deployment; write the resources")
    for key, each in entry.node.entries.items():
        if key not in ATTRIBUTES:
            known = ", ".join(ATTRIBUTES)
            yield Problem(each.key_place, f"a resource has no attribute {shown(key)}; known: {known}")
        elif said := misshapen(key, _plain(each.node)):
            yield Problem(each.node.place, said)


def _of_output(name: str, entry: yamlfile.Entry) -> Iterator[Problem]:
    if not _LOGICAL_ID.fullmatch(name):
        yield Problem(entry.key_place, f"{shown(name)} is no name of an output: letters and digits only")
    if not isinstance(entry.node, yamlfile.Mapping) or "Value" not in entry.node.entries:
        yield Problem(entry.key_place, f"the output {shown(name)} needs a Value")
        return
    for key, each in entry.node.entries.items():
        if key == "Export":
            said = "is exported, which CloudFormation cannot change while it is used; outputs reach the API and workers"
            yield Problem(each.key_place, f"the output {shown(name)} {said}")
        elif key == "Condition":
            yield Problem(
                each.key_place,
                f"the output {shown(name)} has a Condition, and the layers that take it could not do without it; list "
                f"environments in Metadata.{OURS}.Environments, or give another value with Fn::If",
            )
        elif key not in ("Value", "Description"):
            yield Problem(each.key_place, f"an output has no {shown(key)}; known: Value, Description")
    value = entry.node.entries["Value"].node
    if isinstance(value, Sequence) or (isinstance(value, yamlfile.Mapping) and not _is_function(value)):
        yield Problem(value.place, f"the output {shown(name)} must be a text or a function; join a list with Fn::Join")
    elif isinstance(value, Scalar) and not value.text:
        yield Problem(value.place, f"the output {shown(name)} is empty")
    yield from _resolved(value)


def _resolved(node: Node) -> Iterator[Problem]:
    """Yield dynamic references: the value would be readable by everyone who may describe the stack."""
    if isinstance(node, Scalar) and "{{resolve:" in node.text:
        yield Problem(
            node.place, "an output shows its value to each reader of the stack; {{resolve:…}} is refused here"
        )
    for each in _inside(node):
        yield from _resolved(each)


def _inside(node: Node) -> Iterator[Node]:
    if isinstance(node, yamlfile.Mapping):
        yield from (entry.node for entry in node.entries.values())
    elif isinstance(node, Sequence):
        yield from node.items


@dataclass(frozen=True)
class _Names:
    """What a value may refer to."""

    parameters: frozenset[str]
    resources: frozenset[str]
    conditions: frozenset[str]

    @classmethod
    def of(cls, node: yamlfile.Mapping) -> "_Names":
        sections = ("Parameters", "Resources", "Conditions")
        return cls(*(frozenset(_entries(node, each)) for each in sections))


def _is_function(node: yamlfile.Mapping) -> bool:
    return len(node.entries) == 1 and next(iter(node.entries)) in FUNCTIONS


def _of_values(node: Node, names: _Names) -> Iterator[Problem]:
    """Yield functions and names that are not known, and functions that look into a value of another layer."""
    if isinstance(node, yamlfile.Mapping):
        for key, entry in node.entries.items():
            if key.startswith("Fn::") and key not in FUNCTIONS:
                why = "layers are wired by outputs alone" if key == "Fn::ImportValue" else "it needs a transform"
                why = why if key in SHORT_FORMS.values() or key.startswith("Fn::ForEach") else "it is not known"
                yield Problem(entry.key_place, f"an addon uses no {shown(key)}: {why}; known: {', '.join(FUNCTIONS)}")
            elif key.startswith("Fn::") and len(node.entries) > 1:
                yield Problem(entry.key_place, f"{key} must be the only key of its map")
            elif key == "Ref" and len(node.entries) == 1:
                known = names.parameters | names.resources | PSEUDO
                yield from _named(entry.node, known, "parameter or resource")
            elif key == "Fn::GetAtt":
                first = entry.node.items[:1] if isinstance(entry.node, Sequence) else (entry.node,)
                yield from _named(first[0] if first else entry.node, names.resources, "resource")
            elif key == "Fn::Sub":
                yield from _of_sub(entry.node, names)
            if key.startswith("Fn::") and key not in PASS_ON:
                for used in sorted(_wired(entry.node, names) - set(COMMON)):
                    yield Problem(
                        entry.key_place,
                        f"{key} looks into {used} of another layer, which AWS does not know when it plans; pass it on "
                        f"whole: {', '.join(sorted(PASS_ON))}",
                    )
    for each in _inside(node):
        yield from _of_values(each, names)


def _named(node: Node, known: frozenset[str], what: str) -> Iterator[Problem]:
    if not isinstance(node, Scalar) or not node.text:
        yield Problem(node.place, f"a name of a {what} is needed here")
    elif node.text not in known:
        yield Problem(node.place, f"{shown(node.text)} is no {what} of this template")


def _circles(node: yamlfile.Mapping) -> Iterator[Problem]:
    conditions = _entries(node, "Conditions")
    if found := circle({name: _plain(each.node) for name, each in conditions.items()}):
        said = f"the conditions {' -> '.join(found)} need each other in a circle"
        yield Problem(conditions[found[0]].key_place, said)


def _of_sub(node: Node, names: _Names) -> Iterator[Problem]:
    if not is_sub(_plain(node)):
        yield Problem(node.place, "Fn::Sub takes a text, or a list of a text and a map")
        return
    text, given = node, frozenset[str]()
    if isinstance(node, Sequence):
        text, variables = node.items
        given = frozenset(variables.entries if isinstance(variables, yamlfile.Mapping) else ())
    if not isinstance(text, Scalar):
        return
    known = names.parameters | names.resources | PSEUDO | given
    for literal, written, closed in _SUB_PART.findall(text.text):
        name = written.strip()
        if not closed:
            yield Problem(text.place, f"${{{literal}{shown(name)} is not closed: an Fn::Sub needs a }} after each ${{")
        elif not literal and not _SUB_CHARACTERS.fullmatch(name):
            said = f"${{{shown(written)}}}: names in an Fn::Sub have letters, digits, _ . and : only"
            yield Problem(text.place, f"{said}; ${{!…}} stays as it is")
        elif not literal and name not in known and name.partition(".")[0] not in names.resources:
            yield Problem(
                text.place,
                f"${{{shown(name)}}} is no parameter, resource or variable of this template; ${{!…}} stays as it is",
            )


def _wired(node: Node, names: _Names) -> set[str]:
    """Return the parameters that stand anywhere in a value."""
    found: set[str] = set()
    if isinstance(node, yamlfile.Mapping):
        for key, entry in node.entries.items():
            if key == "Ref" and isinstance(entry.node, Scalar):
                found |= {entry.node.text} & names.parameters
            elif key == "Fn::Sub":
                texts = entry.node.items[:1] if isinstance(entry.node, Sequence) else (entry.node,)
                said = {
                    match[1] for each in texts if isinstance(each, Scalar) for match in _SUB_NAME.finditer(each.text)
                }
                found |= said & names.parameters
    for each in _inside(node):
        found |= _wired(each, names)
    return found


def _unused(node: yamlfile.Mapping) -> Iterator[Problem]:
    names = _Names.of(node)
    used: set[str] = set()
    for section in ("Conditions", "Resources", "Outputs"):
        for entry in _entries(node, section).values():
            used |= _wired(entry.node, names)
    for name, entry in _entries(node, "Parameters").items():
        if name not in used:
            yield Problem(entry.key_place, f"the parameter {shown(name)} is not used; remove it")


def _nulls(node: Node) -> Iterator[Problem]:
    """Yield values that are null, which CloudFormation takes nowhere in a template."""
    if isinstance(node, Scalar) and node.value is None:
        yield Problem(node.place, "this is empty, and CloudFormation takes no null; leave the key out")
    for each in _inside(node):
        yield from _nulls(each)


def _credentials(node: Node) -> Iterator[Problem]:
    if isinstance(node, Scalar) and (kind := certain_credential(node.text)):
        yield Problem(
            node.place,
            f"this holds {kind} (not shown), which would be in git and in the template; put it into Secrets Manager "
            "and refer to it with {{resolve:secretsmanager:…}}",
        )
    for each in _inside(node):
        yield from _credentials(each)
