"""Environment -> Assembly: renders every enabled layer, adds its Parameters, checks its contract, nests the root.

Pure: the same environment gives the same bytes. No file, no clock, no AWS.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

import troposphere
from troposphere import GetAtt, Output, Parameter, Ref, Sub, Tags
from troposphere.cloudformation import Stack

from infragen.assembly import limits
from infragen.assembly.templatefile import dump_yaml
from infragen.assembly.wiring import misuses
from infragen.changes.evaluate import circle, is_sub
from infragen.checks import GENERAL
from infragen.checks.check import Check
from infragen.cloud.template import misshapen
from infragen.config import Environment, camel
from infragen.errors import InputError
from infragen.layers import LAYERS
from infragen.layers.contract import ContractError, LaunchParameter, Layer, LayerOutput, Template, given
from infragen.layers.project import blame, guarded, layers_of
from infragen.secrecy.masking import texts
from infragen.secrecy.texts import certain_credential

COMMON = ("ProjectName", "EnvironmentName")
CHECK_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LITERAL_OR_NAME = re.compile(r"\$\{(!?)([^}]*)(\}?)")


@dataclass(frozen=True)
class LayerTemplate:
    """One finished template: its body, the text that is written, uploaded and deployed, and its contract."""

    layer: str
    about: str
    body: dict[str, Any]
    inputs: tuple[LayerOutput, ...]
    outputs: tuple[LayerOutput, ...]
    parameters: tuple[LaunchParameter, ...]
    checks: tuple[Check, ...] = ()

    @cached_property
    def text(self) -> str:
        """Return the template as YAML."""
        return dump_yaml(self.body)

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def requires(self) -> tuple[str, ...]:
        """Return the layers whose outputs this one uses, each once."""
        return tuple(dict.fromkeys(each.layer for each in self.inputs))


@dataclass(frozen=True)
class RootTemplate:
    """The root of nested topology."""

    body: dict[str, Any]
    parameters: tuple[LaunchParameter, ...]

    @cached_property
    def text(self) -> str:
        """Return the template as YAML."""
        return dump_yaml(self.body)

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Assembly:
    """All templates of one environment, in deployment order."""

    environment: Environment
    templates: tuple[LayerTemplate, ...] = field(default=())

    def check_limits(self, places: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Return what comes near a limit of CloudFormation. Raises InputError for what is above one; `places` are those
        of the project's own layers, by name.
        """
        named = [(each.layer, each.body, each.text) for each in self.templates]
        if self.environment.topology == "nested":
            root = self.root()
            named.append(("root", root.body, root.text))
        return limits.check((count for each in named for count in limits.of_template(*each)), places)

    def template(self, layer: str) -> LayerTemplate:
        """Return the template of a layer; KeyError when the layer is off."""
        return next(each for each in self.templates if each.layer == layer)

    def root(self, url_of: Callable[[LayerTemplate], Any] | None = None) -> RootTemplate:
        """Return the template that nests all layers; `url_of` gives each child's TemplateURL (default: its place in
        S3).
        """
        return _root(self, url_of or (lambda each: template_url(self.environment, each)))


_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""NUL, and half a character: neither can be written in YAML."""

TEMPLATES = "templates/"
"""Where templates lie in the artifact bucket, which forgets those that nobody uses."""


def template_key(env: Environment, digest: str) -> str:
    """Return the S3 key of a template: its digest, so that new content is a new URL and nothing is ever overwritten."""
    return f"{TEMPLATES}{env.artifact_prefix}{digest}.yaml"


def template_url(env: Environment, template: LayerTemplate) -> Sub:
    """Return where the root finds a child: the artifact bucket in the stack's own region and partition."""
    return Sub("https://${TemplateBucket}.s3.${AWS::Region}.${AWS::URLSuffix}/" + template_key(env, template.digest))


def synthesize(env: Environment, layers: Iterable[Layer] = LAYERS) -> Assembly:
    """Render every layer that the environment turns on: ours (`layers`), those of its project, and its extensions.

    Raises InputError when a template is larger than CloudFormation takes or an output would arrive in another layer as
    another text, LayerError when a layer of the project is wrong, ContractError when one of ours is.
    """
    templates: list[LayerTemplate] = []
    found = layers_of(env, layers)
    for layer in found:
        with blame(layer):
            templates.append(_finish(layer, env, templates))
    assembly = Assembly(env, tuple(templates))
    assembly.check_limits({each.name: each.place for each in found})
    _check_wires(assembly.templates)
    return assembly


def _finish(layer: Layer, env: Environment, earlier: Sequence[LayerTemplate]) -> LayerTemplate:
    """Return a layer's template. One that a project builds is built twice: a clock or a random number in it would be a
    change in each plan.
    """
    made = _built(layer, env, earlier)
    if layer.place and _built(layer, env, earlier).text != made.text:
        raise ContractError(f"layer {layer.name}: builds another template each time; it may depend on `env` alone")
    return made


def _built(layer: Layer, env: Environment, earlier: Sequence[LayerTemplate]) -> LayerTemplate:
    template = layer.build(env)
    if not isinstance(template, troposphere.Template):
        raise ContractError(f"layer {layer.name}: build gives a {type(template).__name__}, not a Template")
    inputs = given(layer, "inputs", env, LayerOutput)
    outputs = given(layer, "outputs", env, LayerOutput)
    parameters = given(layer, "parameters", env, LaunchParameter)
    checks = tuple(guarded(each, layer) for each in given(layer, "checks", env, Check))
    template.set_version()
    template.set_description(f"{layer.title} ({env.project} {env.environment}). Made by infragen.")
    own = dict(template.parameters)
    template.parameters.clear()
    added = (*_common(env), *map(_launch, parameters), *map(_wired, inputs))
    if twice := sorted(set(own) & {each.title for each in added}):
        raise ContractError(f"layer {layer.name}: declares {', '.join(twice)}, which synthesis adds, itself")
    for parameter in (*added, *own.values()):
        template.add_parameter(parameter)
    written = template.to_dict()
    if strange := next((name for name, each in written.get("Resources", {}).items() if not _is_resource(each)), ""):
        raise ContractError(
            f"layer {layer.name}: {strange} in Resources is no resource with a Type; write out what a loop or a macro "
            "would add there"
        )
    if layer.place and (strange := next(chain(_strange(written, ""), _misshapen(written), _credentials(written)), "")):
        raise ContractError(f"layer {layer.name}: {strange}")
    body = _ordered(written)
    _check(layer, body, inputs, outputs, parameters, set(own), earlier)
    if complaints := tuple(_same_ids(checks, earlier)):
        raise ContractError(f"layer {layer.name}: {'; '.join(complaints)}")
    return LayerTemplate(layer.name, layer.about, body, inputs, outputs, parameters, checks)


def _is_resource(written: Any) -> bool:
    """Return whether an entry of Resources is a resource, and not an Fn::ForEach or an Fn::Transform."""
    return isinstance(written, dict) and isinstance(written.get("Type"), str)


def _strange(value: Any, path: str) -> Iterator[str]:
    """Yield what no template holds: CloudFormation reads JSON, or YAML that says the same, without null and NUL."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                yield f"{path or 'the template'} has the key {key!r}, a {type(key).__name__}; a key is a text"
            else:
                yield from _strange(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _strange(inner, f"{path}[{index}]")
    elif isinstance(value, str):
        if wrong := _NO_TEXT.search(value):
            yield f"{path} holds {wrong[0]!r}, which no text of a template can"
    elif not isinstance(value, bool | int | float) or not math.isfinite(value):
        yield f"{path} is {'empty' if value is None else _kind(value)}; a template holds texts, numbers, lists and maps"


def _credentials(written: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a text or a key holds a credential beyond doubt: the template is written, and lies in git."""
    for path, text in texts(written):
        if kind := certain_credential(text):
            yield (
                f"{path or 'the template'} holds {kind} (not shown), which would be in git and in the template; put it "
                "into Secrets Manager and refer to it with {{resolve:secretsmanager:…}}"
            )


def _misshapen(body: Mapping[str, Any]) -> Iterator[str]:
    for name, resource in body.get("Resources", {}).items():
        for key, value in resource.items():
            if said := misshapen(key, value):
                yield f"{name}.{said}"


def _kind(value: object) -> str:
    return str(value) if isinstance(value, float) else f"a {type(value).__name__}"


def _common(env: Environment) -> tuple[Parameter, Parameter]:
    return (
        Parameter("ProjectName", Type="String", Default=env.project, Description="Project; first part of every name."),
        Parameter(
            "EnvironmentName",
            Type="String",
            Default=env.environment,
            Description="Environment; second part of every name.",
        ),
    )


def _launch(parameter: LaunchParameter) -> Parameter:
    default = {} if parameter.default is None else {"Default": parameter.default}
    return Parameter(parameter.name, Type=parameter.type, Description=parameter.description, **default)


def _wired(output: LayerOutput) -> Parameter:
    return Parameter(output.name, Type=output.type, Description=f"{output.description} (from {output.layer})")


def _ordered(body: dict[str, Any]) -> dict[str, Any]:
    """Return sections in the order people read them; without the empty ones and without unused common parameters."""
    used = set(references(body))
    parameters = {k: v for k, v in body.get("Parameters", {}).items() if k not in COMMON or k in used}
    body = {**body, "Parameters": parameters}
    order = (
        "AWSTemplateFormatVersion",
        "Description",
        "Transform",
        "Metadata",
        "Parameters",
        "Rules",
        "Mappings",
        "Conditions",
        "Resources",
        "Outputs",
    )
    body["Resources"] = {name: _resource(resource) for name, resource in body.get("Resources", {}).items()}
    return {section: body[section] for section in dict.fromkeys((*order, *body)) if body.get(section)}


def _resource(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource as people read it: what it is and its policies first, its properties last."""
    last = ("Metadata", "Properties")
    return {
        "Type": resource["Type"],
        **{key: value for key, value in resource.items() if key not in ("Type", *last)},
        **{key: resource[key] for key in last if key in resource},
    }


def references(value: Any) -> Iterator[str]:
    """Yield every name that a template refers to, by Ref, Fn::Sub or Fn::GetAtt, pseudo parameters left out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref" and isinstance(inner, str):
                yield from (name for name in (inner,) if not name.startswith("AWS::"))
            elif key == "Fn::GetAtt":
                name, *attribute = inner.split(".") if isinstance(inner, str) else inner
                yield from (name,) if isinstance(name, str) else references(name)
                yield from references(attribute)
            elif key == "Fn::Sub":
                yield from _sub_references(inner)
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def _sub_references(value: Any) -> Iterator[str]:
    if not is_sub(value):
        raise ContractError(f"Fn::Sub takes a text, or a list of a text and a map, and not {value!r}")
    text, variables = (value, {}) if isinstance(value, str) else value
    for escaped, written, closed in _LITERAL_OR_NAME.findall(text):
        if not closed or not (escaped or written.strip()):
            raise ContractError(f"has an Fn::Sub with a ${{ that names nothing or is not closed: {text[:200]!r}")
        name = written.strip().split(".")[0]
        if not escaped and name not in variables and not name.startswith("AWS::"):
            yield name
    yield from references(variables)


def _check(
    layer: Layer, body: dict[str, Any], inputs: Iterable[LayerOutput], outputs: Iterable[LayerOutput],
    parameters: Iterable[LaunchParameter], own: set[str], earlier: Sequence[LayerTemplate],
) -> None:  # fmt: skip
    """Check that inputs are exactly what is used, outputs exactly what is published, and each input's layer comes
    first. Values of other layers are passed on whole.
    """
    resources = set(body.get("Resources", {}))
    published_by = {each.layer: {output.name for output in each.outputs} for each in earlier}
    used = set(references({k: body.get(k, {}) for k in ("Rules", "Conditions", "Resources", "Outputs")}))
    wired = {each.name for each in inputs}
    known = resources | wired | own | {each.name for each in parameters} | set(COMMON)
    complaints = [
        *(() if resources else ("has no resource, which CloudFormation refuses",)),
        *(f"uses {name}, which is neither an input nor a resource" for name in sorted(used - known)),
        *(f"declares the input {name} and does not use it" for name in sorted(wired - used)),
        *(f"declares the parameter {each.name} and does not use it" for each in parameters if each.name not in used),
        *(
            f"uses {each.name} of {each.layer}, which is off or comes later"
            for each in inputs
            if each.layer not in published_by
        ),
        *(
            f"uses {each.name} of {each.layer}, which publishes no such output"
            for each in inputs
            if each.name not in published_by.get(each.layer, {each.name})
        ),
        *_clashes(layer, outputs, parameters, earlier),
        *misuses(body, wired),
        *_circles(body),
    ]
    published, promised = set(body.get("Outputs", {})), {each.name for each in outputs}
    if published != promised:
        complaints.append(
            f"publishes {sorted(published - promised)} beyond its contract and lacks {sorted(promised - published)}"
        )
    if complaints:
        raise ContractError(f"layer {layer.name}: " + "; ".join(complaints))


def _circles(body: dict[str, Any]) -> Iterator[str]:
    if found := circle(body.get("Conditions", {})):
        yield f"the conditions {' -> '.join(found)} need each other in a circle"


def _clashes(
    layer: Layer,
    outputs: Iterable[LayerOutput],
    parameters: Iterable[LaunchParameter],
    earlier: Sequence[LayerTemplate],
) -> Iterator[str]:
    """Yield the names that another layer has given another meaning: the root has one output and one parameter of each
    name, and a layer that takes two outputs of one name could not tell them apart.
    """
    published = {output.name: each.layer for each in earlier for output in each.outputs}
    taken = {parameter.name: (parameter, each.layer) for each in earlier for parameter in each.parameters}
    for output in outputs:
        if output.layer != layer.name:
            yield f"publishes {output.name} as an output of {output.layer}"
        if output.name in published:
            yield f"publishes {output.name}, as {published[output.name]} does; give it another name"
    for parameter in parameters:
        if parameter.name in taken and taken[parameter.name][0] != parameter:
            yield f"declares the parameter {parameter.name}, as {taken[parameter.name][1]} does, with another meaning"


def _same_ids(checks: Iterable[Check], earlier: Sequence[LayerTemplate]) -> Iterator[str]:
    """Yield the checks that another one would replace unseen, and ids that --skip-check cannot name. Two layers may ask
    the same question.
    """
    asked = {each.id: each.asks for each in (*GENERAL, *(one for template in earlier for one in template.checks))}
    seen = set[str]()
    for each in checks:
        if not CHECK_ID.fullmatch(str(each.id)):
            yield f"the id of the check {each.id!r} is not lower-case words joined by hyphens"
        elif each.id in seen or asked.setdefault(each.id, each.asks) != each.asks:
            yield f"there is another check called {each.id}; give this one another id"
        seen.add(str(each.id))


def _check_wires(templates: Iterable[LayerTemplate]) -> None:
    """Raise InputError for an output with characters beyond ASCII that another layer takes.

    DescribeStacks gives a question mark for each of them (aws-cloudformation/cloudformation-coverage-roadmap#1220, read
    2026-11-28), so that the layer which takes the output would get another text.
    """
    users = {(each.layer, each.name): template.layer for template in templates for each in template.inputs}
    for template in templates:
        for name, output in template.body.get("Outputs", {}).items():
            user = users.get((template.layer, name))
            strange = next((each for each in _texts(output["Value"], template.body) if not each.isascii()), None)
            if user and strange is not None:
                raise InputError(
                    f"layer {template.layer}: the output {name}, which {user} takes, holds {strange!r}: CloudFormation "
                    "gives ? for each character beyond ASCII in an output",
                    "write that text in ASCII, or in the layer that uses it",
                )


def _texts(value: Any, body: dict[str, Any]) -> Iterator[str]:
    """Yield the texts of a template that a value is made of: its own, the defaults of parameters, properties it asks
    for.
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, body)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("Ref", "Fn::GetAtt", "Condition"):
                yield from _texts(inner, body)
        yield from _behind(value, body)


def _behind(value: dict[str, Any], body: dict[str, Any]) -> Iterator[str]:
    """Yield the texts behind the references of a value, as far as the template has them."""
    resources = body["Resources"]
    for name in references(value):
        parameter = body.get("Parameters", {}).get(name, {})
        yield str(parameter.get("Default", ""))
    asked = value.get("Fn::GetAtt")
    if asked:
        name, _, attribute = (asked if isinstance(asked, str) else ".".join(asked)).partition(".")
        yield from _texts(resources.get(name, {}).get("Properties", {}).get(attribute, ""), body)
    elif isinstance(value.get("Ref"), str) and value["Ref"] in resources:
        properties = resources[value["Ref"]].get("Properties", {})  # the Ref of many types is the name they were given
        yield from (each for key, each in properties.items() if key.endswith("Name") and isinstance(each, str))


def _root(assembly: Assembly, url_of: Callable[[LayerTemplate], Any]) -> RootTemplate:
    env = assembly.environment
    template = Template()
    template.set_version()
    template.set_description(
        f"All layers of {env.project} {env.environment}, nested in deployment order. Made by infragen."
    )
    launch = tuple({p.name: p for each in assembly.templates for p in each.parameters}.values())
    urls = [url_of(each) for each in assembly.templates]
    if any("TemplateBucket" in references(url.to_dict() if hasattr(url, "to_dict") else url) for url in urls):
        template.add_parameter(
            Parameter("TemplateBucket", Type="String", Description="Artifact bucket that holds the layers' templates.")
        )
    for parameter in map(_launch, launch):
        template.add_parameter(parameter)
    for each, url in zip(assembly.templates, urls, strict=True):
        template.add_resource(_nested(each, url))
        for output in each.outputs:
            if output.for_people:
                template.add_output(
                    Output(
                        output.name,
                        Description=output.description,
                        Value=GetAtt(_logical_id(each.layer), f"Outputs.{output.name}"),
                    )
                )
    return RootTemplate(_ordered(template.to_dict()), launch)


def _logical_id(layer: str) -> str:
    return camel(layer)


def _nested(template: LayerTemplate, url: Any) -> Stack:
    wiring = {each.name: GetAtt(_logical_id(each.layer), f"Outputs.{each.name}") for each in template.inputs}
    launch = {each.name: Ref(each.name) for each in template.parameters}
    parameters = {"Parameters": {**launch, **wiring}} if launch or wiring else {}
    return Stack(
        _logical_id(template.layer),
        TemplateURL=url,
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Delete",
        # the root's stack tags reach nested stacks and their resources, but would say `root` there
        Tags=Tags(Layer=template.layer),
        **parameters,
    )
