"""Addons as layers: a template of `addons/` with its parameters wired, and what the API and the workers get of it.

A parameter is called as an output of another layer and takes its value. Each output becomes a variable of the API and
the workers; one that is a managed policy is attached to their roles instead. Nothing here reads a file
(`config.addon`).
"""

import re
from collections.abc import Iterator
from functools import partial

from infragen.config import Environment, camel
from infragen.config.addon import COMMON, Addon
from infragen.config.yamlfile import Place, shortened, shown
from infragen.errors import LayerError
from infragen.layers import LAYERS
from infragen.layers.contract import WIRED_TYPES, Additions, Extension, Layer, LayerOutput, Template, given

LONGEST = 255
"""Characters of the name of a parameter or output (User Guide, "Understand CloudFormation quotas")."""

RUNNING = ("api", "worker")
"""The layers that run code, and so take what an addon gives."""

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def layer_of(addon: Addon) -> Layer:
    """Return the layer that an addon is. Raises LayerError for outputs whose names cannot be."""
    _check_names(addon)
    return Layer(
        name=addon.name,
        title=addon.description or f"Addon {addon.name}",
        about=addon.description or f"the addon {addon.name}",
        enabled=partial(_enabled, addon),
        inputs=partial(_inputs, addon),
        outputs=partial(_outputs, addon),
        build=partial(_build, addon),
        place=str(Place(addon.file, 1, 1)),
        written=partial(_written, addon),
    )


def _written(addon: Addon, path: tuple[str | int, ...]) -> Place:
    """Return where a key of the rendered template is written: outputs have another name there."""
    if path[:1] == ("Outputs",):
        names: dict[str | int, str] = {_published(addon, each).name: each for each in addon.outputs}
        path = (*path[:1], *(names.get(each, each) for each in path[1:2]), *path[2:])
    return addon.place(path)


def extensions_of(addon: Addon) -> tuple[Extension, ...]:
    """Return what an addon gives to the layers that run code; nothing when it has no output."""
    if not addon.outputs:
        return ()
    return tuple(
        Extension(
            layer=each,
            inputs=lambda env: _outputs(addon, env) if _enabled(addon, env) else (),
            adds=lambda env: _additions(addon) if _enabled(addon, env) else Additions(),
            place=str(addon.place(("Outputs",))),
        )
        for each in RUNNING
    )


def _check_names(addon: Addon) -> None:
    """Raise LayerError for an output whose name is too long with the addon's before it, or that another one's variable
    is.
    """
    variables: dict[str, str] = {}
    for each in addon.outputs:
        place, variable = addon.place(("Outputs", each)), variable_of(addon.name, each)
        if len(name := _published(addon, each).name) > LONGEST:
            raise LayerError(
                f"{place}: the output {shown(each)} is called {shown(name)} in the template, {len(name)} characters; "
                f"CloudFormation allows {LONGEST}",
                "give it a shorter name",
            )
        if variable in variables:
            raise LayerError(
                f"{place}: the outputs {variables[variable]} and {each} would both be the variable {variable}",
                "rename one of them",
            )
        variables[variable] = each


def variable_of(addon: str, output: str) -> str:
    """Return the variable of an output: UPLOADS_BUCKET_NAME for the output BucketName of the addon uploads."""
    return f"{addon}_{_WORDS.sub('_', output)}".replace("-", "_").upper()


def _enabled(addon: Addon, env: Environment) -> bool:
    return not addon.environments or env.environment in addon.environments


def _published(addon: Addon, output: str) -> LayerOutput:
    """Return an output under the name that other layers know it by: names of outputs are those of an environment."""
    return LayerOutput(addon.name, camel(addon.name) + output, addon.outputs[output])


def _outputs(addon: Addon, env: Environment) -> tuple[LayerOutput, ...]:
    return tuple(_published(addon, each) for each in addon.outputs)


def _additions(addon: Addon) -> Additions:
    policies = [each for each in addon.outputs if addon.is_policy(each)]
    return Additions(
        variables={
            variable_of(addon.name, each): _published(addon, each).ref()
            for each in addon.outputs
            if each not in policies
        },
        managed_policies=tuple(_published(addon, each).ref() for each in policies),
    )


def _inputs(addon: Addon, env: Environment) -> tuple[LayerOutput, ...]:
    """Return the outputs that the parameters are called as. Raises LayerError for a parameter that is none."""
    known = {each.name: each for each in _known(addon, env)}
    for name, declared in addon.parameters.items():
        if name not in known:
            raise LayerError(
                f"{addon.place(('Parameters', name))}: the parameter {name} is no output of a layer that "
                f"{env.environment} has",
                f"known: {shortened(sorted({*known, *COMMON}), 60)}",
            )
        if declared != known[name].type:
            raise LayerError(
                f"{addon.place(('Parameters', name, 'Type'))}: the parameter {name} is a {declared}, but {name} of "
                f"{known[name].layer} is a {known[name].type}",
                f"write Type: {known[name].type}; of other layers, only {' and '.join(WIRED_TYPES)} are taken",
            )
    return tuple(known[name] for name in addon.parameters)


def _known(addon: Addon, env: Environment) -> Iterator[LayerOutput]:
    """Yield the outputs of all other layers that the environment has."""
    project = env.own_layers
    for layer in (*LAYERS, *(project.layers if project else ())):
        if layer.name != addon.name and layer.is_on(env):
            yield from given(layer, "outputs", env, LayerOutput)


def _build(addon: Addon, env: Environment) -> Template:
    """Return the template as it is written, with its outputs under the names that other layers know them by."""
    template = Template()
    body = addon.body
    template.resources = dict(body["Resources"])
    template.conditions = dict(body.get("Conditions", {}))
    template.mappings = dict(body.get("Mappings", {}))
    template.metadata = dict(body.get("Metadata", {}))
    template.outputs = {
        _published(addon, name).name: {**output, "Description": addon.outputs[name]}
        for name, output in body.get("Outputs", {}).items()
    }
    return template
