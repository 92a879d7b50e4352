"""Layers of infragen's with what a project's extensions add to them: more resources and rights, nothing changed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import troposphere

from infragen.config import Environment
from infragen.config.rules import API_VARIABLES, WORKER_VARIABLES
from infragen.config.schema import VARIABLE
from infragen.errors import LayerError
from infragen.layers.contract import Additions, Extension, Layer, LayerOutput, Template, given

_JOINED = ("conditions", "mappings", "resources", "outputs")
"""The sections of a template that an extension may add to."""

_RESERVED = {"api": API_VARIABLES, "worker": WORKER_VARIABLES}


def extended(layer: Layer, extensions: Sequence[Extension]) -> Layer:
    """Return the layer with these extensions. What is wrong with one is a LayerError with its place, when the layer is
    built.
    """

    def inputs(env: Environment) -> tuple[LayerOutput, ...]:
        more = [each for extension in extensions for each in given(extension, "inputs", env, LayerOutput)]
        return tuple(dict.fromkeys((*layer.inputs(env), *more)))

    def outputs(env: Environment) -> tuple[LayerOutput, ...]:
        more = [each for extension in extensions for each in given(extension, "outputs", env, LayerOutput)]
        return (*layer.outputs(env), *more)

    def build(env: Environment) -> troposphere.Template:
        additions = _merged(layer, [(each, _adds(each, env)) for each in extensions])
        template = layer.build(env) if additions == Additions() else _build_with(layer, extensions)(env, additions)
        for each in extensions:
            if each.resources is not None:
                part = Template()
                each.resources(part, env)
                _join(template, part, each)
        return template

    return replace(layer, inputs=inputs, outputs=outputs, build=build, place=extensions[0].place)


def publishing(layer: Layer, more: Mapping[LayerOutput, Any]) -> Layer:
    """Return the layer with these outputs beside its own."""

    def build(env: Environment) -> troposphere.Template:
        template = layer.build(env)
        for output, value in more.items():
            template.add_output(output.publish(value))
        return template

    return replace(layer, outputs=lambda env: (*layer.outputs(env), *more), build=build)


def _build_with(layer: Layer, extensions: Sequence[Extension]) -> Any:
    if layer.build_with is None:
        raise _wrong(extensions[0], f"the layer {layer.name} runs no code that could take variables or rights")
    return layer.build_with


def _wrong(extension: Extension, said: str) -> LayerError:
    return LayerError(
        f"{extension.place}: extension of {extension.layer}: {said}", "`infragen docs extending` has an example"
    )


def _adds(extension: Extension, env: Environment) -> Additions:
    """Return what an extension adds, checked as far as one can see without AWS."""
    adds = extension.adds(env)
    if not isinstance(adds, Additions):
        raise _wrong(extension, f"adds gives a {type(adds).__name__}, not Additions")
    for said in _strange(adds, _RESERVED.get(extension.layer, ())):
        raise _wrong(extension, said)
    return adds


def _strange(adds: Additions, reserved: Sequence[str]) -> Iterator[str]:
    for what in ("variables", "secrets"):
        values = getattr(adds, what)
        if not isinstance(values, Mapping):
            yield f"{what} is a {type(values).__name__}, not a dict"
            return
        for name, value in values.items():
            if not isinstance(name, str) or not re.match(VARIABLE, name):
                yield f"{name!r} is no name of a variable"
            if name in reserved:
                yield f"infragen or AWS sets {name} itself"
            if not isinstance(value, (str, dict, troposphere.AWSHelperFn)):
                kind = type(value).__name__
                yield f"the variable {name} is a {kind}, neither a text nor a function of CloudFormation"
    for what in ("start_statements", "run_statements"):
        if not isinstance(getattr(adds, what), (tuple, list)):
            yield f"{what} is a {type(getattr(adds, what)).__name__}, not a tuple"
            return
        for each in getattr(adds, what):
            if not isinstance(each, Mapping) or not {"Effect"} <= set(each) or not {"Action", "NotAction"} & set(each):
                yield f"{what} holds {each!r}, which is no IAM statement; `allow` of infragen.layer makes one"
    if not isinstance(adds.managed_policies, (tuple, list)):
        yield f"managed_policies is a {type(adds.managed_policies).__name__}, not a tuple"


def _merged(layer: Layer, given: Sequence[tuple[Extension, Additions]]) -> Additions:
    """Return all additions as one. A variable has one source."""
    total = Additions()
    for extension, adds in given:
        taken = {*total.variables, *total.secrets} & {*adds.variables, *adds.secrets}
        if taken:
            raise _wrong(extension, f"{', '.join(sorted(taken))}: another extension of {layer.name} sets it already")
        if twice := sorted({*adds.variables} & {*adds.secrets}):
            raise _wrong(extension, f"{', '.join(twice)}: is a variable and a secret; a name has one source")
        total = Additions(**{each.name: _both(total, adds, each.name) for each in fields(Additions)})
    return total


def _both(one: Additions, other: Additions, name: str) -> Any:
    first, second = getattr(one, name), getattr(other, name)
    return {**first, **second} if isinstance(first, Mapping) else (*first, *second)


def _join(template: troposphere.Template, part: troposphere.Template, extension: Extension) -> None:
    """Add what an extension built to the layer's template. It changes nothing that is there."""
    for what in ("parameters", "transform", "rules", "metadata"):
        if getattr(part, what, None):
            raise _wrong(extension, f"sets the template's {what.capitalize()}; it may add {', '.join(_JOINED)}")
    for what in _JOINED:
        target = getattr(template, what)
        for name, value in getattr(part, what).items():
            if name in target:
                raise _wrong(extension, f"adds {name}, which the layer {extension.layer} has already")
            target[name] = value
