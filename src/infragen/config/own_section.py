"""Sections of a project's own layers: the class they derive from, and the environment model with them in it.

A section of infragen's own converts each value where its key is declared (`schema`). A project writes plain Python
types instead; this module converts what the file says by the type that is declared, strictly: `yes` is no boolean and
`5.0` no integer. A type that an environment file cannot hold is refused when the layer is loaded.
"""

from collections.abc import Callable, Iterator, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin

from pydantic import ConfigDict, Field, ValidationInfo, create_model, field_validator

from infragen.config.schema import Environment, Section
from infragen.config.yamlfile import Place, Scalar

__all__ = ["Field", "OwnLayers", "OwnSection", "compose", "problems_of", "section_key"]

_SINGLE = (str, int, float, bool, NoneType)


class OwnLayer(Protocol):
    """What the configuration knows of a layer: its name, its section, and the settings behind its properties."""

    @property
    def name(self) -> str:
        """Return the name, which is also that of its section."""

    @property
    def about(self) -> str:
        """Return what it is, in a sentence."""

    @property
    def section(self) -> type[Any] | None:
        """Return the class of its key in environment files."""

    @property
    def written(self) -> Callable[[tuple[str | int, ...]], Place] | None:
        """Return what gives the place of a key of its template, where people write that themselves."""

    @property
    def settings(self) -> str:
        """Return its rows for `setting_lookup`."""


class OwnLayers(Protocol):
    """The layers of a project that an environment model is composed for."""

    @property
    def layers(self) -> Sequence[OwnLayer]:
        """Return the layers."""


class OwnSection(Section):
    """One mapping of an environment file that a project's own layer reads: unknown keys are errors, values frozen.

    Keys are annotated with `str`, `int`, `float`, `bool`, `Literal[…]`, `tuple[…, ...]`, `list[…]`, `dict[str, …]`,
    `… | None` or another section; `Field` gives default, description and bounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @field_validator("*", mode="before")
    @classmethod
    def _read(cls, value: object, info: ValidationInfo) -> object:
        return _converted(value, cls.model_fields[str(info.field_name)].annotation)


def section_key(name: str) -> str:
    """Return the key of a layer's section: its name with `_` for each hyphen."""
    return name.replace("-", "_")


def compose(project: OwnLayers) -> type[Environment]:
    """Return the environment model with a key for the section of each layer, absent when it is off.

    Instances know the project by `own_layers`; a model is never edited, so each project has its own class.
    """
    fields: dict[str, Any] = {}
    for layer in project.layers:
        if layer.section is not None:
            about = " ".join((layer.section.__doc__ or layer.about).split())
            fields[section_key(layer.name)] = (layer.section | None, Field(None, description=about))
    model = create_model("Environment", __base__=Environment, __doc__=Environment.__doc__, **fields)
    model.own_layers = project
    return model


def problems_of(section: object) -> Iterator[str]:
    """Yield what keeps a class from being the section of a layer, in words that follow its name."""
    if not isinstance(section, type) or not issubclass(section, OwnSection):
        yield "is no subclass of infragen.layer.Section"
        return
    if section is OwnSection:
        yield "has no keys; derive a class from it"
        return
    if section.model_config.get("extra") != "forbid" or not section.model_config.get("frozen"):
        yield "changes model_config: unknown keys must be errors, and values frozen"
    section.model_rebuild()
    for key, field in section.model_fields.items():
        if not (field.description or "").strip():
            yield f"has {key} without a description: add description= to its Field"
        if field.alias is not None or field.validation_alias is not None:
            yield f"gives {key} an alias; name the key as the file does"
        yield from (f"has {key}: {said}" for said in _strange(field.annotation))


def _strange(annotation: Any) -> Iterator[str]:
    """Yield what in an annotation an environment file cannot hold."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _strange(arguments[0])
    elif origin in (Union, UnionType):
        single = [each for each in arguments if each is not NoneType]
        if len(single) > 1:
            yield f"{annotation}: a key has one type, or that type or None"
        for each in single:
            yield from _strange(each)
    elif origin is Literal:
        yield from (f"{each!r} in a Literal is no single value" for each in arguments if type(each) not in _SINGLE)
    elif origin in (tuple, list):
        if origin is tuple and (len(arguments) != 2 or arguments[1] is not Ellipsis):
            yield f"{annotation} has a fixed length; write tuple[TYPE, ...]"
        else:
            yield from _strange(arguments[0])
    elif origin is dict:
        if arguments[0] is not str:
            yield f"{annotation} has keys that are no texts"
        yield from _strange(arguments[1])
    elif isinstance(annotation, type) and issubclass(annotation, OwnSection):
        yield from problems_of(annotation)
    elif annotation not in _SINGLE:
        name = getattr(annotation, "__name__", annotation)
        yield f"{name} is no type of an environment file (str, int, float, bool, Literal, tuple, list, dict, a Section)"


def _converted(value: object, annotation: Any) -> object:
    """Return what a file says, as the type that is declared: a text keeps its source, a list becomes a tuple."""
    arms = list(_arms(annotation))
    if isinstance(value, Scalar):
        return value.text if any(_is_text(each) for each in arms) else value.value
    if isinstance(value, list):
        for each in arms:
            if get_origin(each) in (tuple, list):
                return get_origin(each)(_converted(item, get_args(each)[0]) for item in value)
        return [_converted(item, None) for item in value]
    if isinstance(value, dict):
        for each in arms:
            if get_origin(each) is dict:
                return {key: _converted(item, get_args(each)[1]) for key, item in value.items()}
            if isinstance(each, type) and issubclass(each, Section):
                return value
        return {key: _converted(item, None) for key, item in value.items()}
    return value


def _arms(annotation: Any) -> Iterator[Any]:
    """Yield the alternatives of an annotation."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _arms(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for each in get_args(annotation):
            yield from _arms(each)
    else:
        yield annotation


def _is_text(annotation: Any) -> bool:
    return annotation is str or (get_origin(annotation) is Literal and isinstance(get_args(annotation)[0], str))
