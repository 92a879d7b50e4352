"""Environment files: reading one with what it extends, checking it, and saying where every value comes from.

The only part of `config` that touches the file system. A problem is always reported with file, line and column.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from infragen.config import reference, regions, rules, yamlfile
from infragen.config.reference import dotted
from infragen.config.schema import Environment
from infragen.config.yamlfile import Mapping, Place, Problem, Scalar, Sequence
from infragen.errors import InputError
from infragen.machine.input_file import read
from infragen.secrecy.masking import hides
from infragen.secrecy.texts import certain_credential

MAX_EXTENDS = 10


@dataclass(frozen=True)
class EnvironmentFile:
    """An environment together with the text it was read from."""

    path: Path
    environment: Environment
    node: Mapping

    def place(self, path: reference.Path) -> Place:
        """Return where the value at a path is written; for an absent one, the key of the section it belongs to."""
        return _place(self.node, path)

    def writes(self, path: reference.Path) -> bool:
        """Return whether the value at a path is written in the file or in one that it extends, and no default."""
        return _value_at(self.node, path) is not None

    @property
    def prices(self) -> Path | None:
        """Return the environment's price file, relative to the file that names it."""
        path = self.environment.cost.prices
        return None if path is None else Path(self.place(("cost", "prices")).file).parent / path

    def code(self, worker: str) -> Path | None:
        """Return the code of a worker: the path it names, relative to the file that names it."""
        for index, each in enumerate(self.environment.workers):
            if each.name == worker and each.code is not None:
                return Path(self.place(("workers", index, "code")).file).parent / each.code
        return None


def load_environment(path: Path, today: date | None = None) -> Environment:
    """Return the environment that a file describes; see `load_file`."""
    return load_file(path, today).environment


def load_file(path: Path, today: date | None = None, model: type[Environment] = Environment) -> EnvironmentFile:
    """Read and check an environment file and what it extends.

    `today` (its first moment in UTC; default: now) decides which Lambda runtimes and schedules are past their end;
    `model` is another one than ours for a project with layers of its own (`layers.project.load_file`). Raises
    InputError with every problem, one per line, in file order: those of single keys; when there are none, those
    between keys.
    """
    whole: list[Mapping] = []
    node = _laid_over(path, (), whole)
    problems = [*_references_to_secrets(node), *_credentials_beside(whole, node)]
    environment = None
    try:
        environment = model.model_validate(yamlfile.plain(node))
    except ValidationError as error:
        problems += _problems(node, error, model)
    if environment is not None and not problems:
        found = EnvironmentFile(path, environment, node)
        given = rules.RuleContext(environment, _moment(today), path.stem, frozenset(_paths(node)))
        problems = [Problem(found.place(each.path), yamlfile.cut(each.text)) for each in rules.errors(given)]
        if not problems:
            return found
    raise yamlfile.refusal(problems)


def warnings_of(file: EnvironmentFile, today: date | None = None) -> tuple[Problem, ...]:
    """Return what is allowed but deserves a second look, in file order."""
    given = rules.RuleContext(file.environment, _moment(today), file.path.stem, frozenset(_paths(file.node)))
    return tuple(sorted({Problem(file.place(each.path), yamlfile.cut(each.text)) for each in rules.warnings(given)}))


def _moment(today: date | None) -> datetime:
    return datetime.now(UTC) if today is None else datetime.combine(today, time(), UTC)


# --- reading ---------------------------------------------------------------------------------------------------------


def read_node(path: Path) -> Mapping:
    """Return the content of a file laid over what it extends, unchecked. Raises InputError."""
    return _laid_over(path, (), [])


def _laid_over(path: Path, over: tuple[Path, ...], whole: list[Mapping]) -> Mapping:
    """Return the file laid over what it extends; `over` are the files above it in the chain, and `whole` gets each file
    as it is written.

    Keys that begin with `x-` hold what anchors refer to, as in compose files, and are no part of the environment.
    """
    node, problems = yamlfile.read(_bytes(path), str(path))
    whole.append(node)
    node = Mapping({key: each for key, each in node.entries.items() if not key.startswith("x-")}, node.place)
    entry = node.entries.get("extends")
    if entry is not None:
        node = Mapping({key: each for key, each in node.entries.items() if key != "extends"}, node.place)
        problems = (*problems, *_wrong_extends(entry.node, path, over))
    if problems:
        raise yamlfile.refusal(problems)
    if entry is None or not isinstance(entry.node, Scalar):
        return node
    return yamlfile.merge(_laid_over(_beside(path, entry.node.text), (*over, path), whole), node)


def _wrong_extends(node: yamlfile.Node, path: Path, over: tuple[Path, ...]) -> Iterator[Problem]:
    if not isinstance(node, Scalar) or not node.text or node.value is None:
        yield Problem(node.place, "extends must be the path of another file")
        return
    target = _beside(path, node.text)
    shown = yamlfile.shown(node.text)
    if Path(node.text).is_absolute():
        yield Problem(node.place, f"extends {shown} is absolute; write it relative to this file")
    elif any(_same(target, each) for each in (*over, path)):
        yield Problem(node.place, f"extends {shown} leads back to {target}; a file cannot extend itself")
    elif len(over) >= MAX_EXTENDS:
        yield Problem(node.place, f"extends {shown} is one too many; at most {MAX_EXTENDS} files may extend each other")
    elif not os.path.isfile(target):
        yield Problem(node.place, f"extends {shown}, but {target} is not a file")


def _beside(path: Path, text: str) -> Path:
    return Path(os.path.normpath(path.parent / text))


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _bytes(path: Path) -> bytes:
    """Return the bytes of a regular file, read no further than the limit of `yamlfile`."""
    try:
        there = not stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        there = not isinstance(error, FileNotFoundError | NotADirectoryError)  # what else it is, reading says
    if not there:
        others = sorted(each.stem for each in path.parent.glob("*.yaml"))
        known = f"environments there: {', '.join(others)}" if others else f"{path.parent} holds no environment file"
        raise InputError(f"{path} is not a file", known)
    return read(path, most=yamlfile.MAX_BYTES + 1)


# --- problems --------------------------------------------------------------------------------------------------------


def _credentials_beside(whole: Iterable[Mapping], node: Mapping) -> Iterator[Problem]:
    """Yield the credentials of the files that are in git and not in the environment: below a key `x-…`, and in a value
    that another file replaces. `rules.literal_secrets` finds those of the environment.
    """
    judged = {place for place, _, _ in _texts(node)}
    for place, path, text in (each for file in whole for each in _texts(file)):
        if place not in judged and (kind := certain_credential(text)):
            named = yamlfile.shown(dotted(path))
            yield Problem(place, f"{named} holds {kind} (not shown), which would be in git; take it out of this file")


def _texts(node: yamlfile.Node, path: reference.Path = ()) -> Iterator[tuple[Place, reference.Path, str]]:
    """Yield each key and value that is a text, and where it stands; a key by what it is in, which names no key."""
    if isinstance(node, Mapping):
        for key, entry in node.entries.items():
            yield entry.key_place, (*path, "…"), key
            yield from _texts(entry.node, (*path, key))
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _texts(item, (*path, index))
    else:
        yield node.place, path, node.text


def _references_to_secrets(node: yamlfile.Node, path: reference.Path = ()) -> Iterator[Problem]:
    """Yield each `{{resolve:…}}` in keys and values: CloudFormation would show the secret to every reader."""
    if isinstance(node, Mapping):
        for key, entry in node.entries.items():
            if "{{resolve:" in key:
                yield _reference(entry.key_place, (*path, "…"))
            yield from _references_to_secrets(entry.node, (*path, key))
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _references_to_secrets(item, (*path, index))
    elif "{{resolve:" in node.text:
        yield _reference(node.place, path)


def _reference(place: Place, path: reference.Path) -> Problem:
    return Problem(
        place,
        f"{dotted(path)} contains {{{{resolve:…}}}}, which is refused everywhere; "
        "give the secret's ARN under api.secrets or a worker's secret_arns",
    )


def _problems(node: Mapping, error: ValidationError, model: type[Environment]) -> Iterator[Problem]:
    """Yield pydantic's errors as problems in file order, with a text for those that are shown."""
    # a list whose items are all wrong counts as too short as well, which would only confuse
    errors = [each for each in error.errors(include_url=False) if each["type"] != "too_short" or not each["input"]]
    placed = sorted(((_where(node, each, model), each) for each in errors), key=lambda found: found[0].order)
    for index, (place, each) in enumerate(placed):
        yield Problem(place, yamlfile.cut(_words(node, each, model)) if index < yamlfile.MAX_PROBLEMS else "")


def _is_about_key(error: ErrorDetails, model: type[Environment]) -> bool:
    """Return whether the error is about a key of a free map, which pydantic marks with a last step "[key]"."""
    path = error["loc"]
    return path[-1] == "[key]" and len(path) > 2 and "patternProperties" in reference.at(path[:-2], model)


def _where(node: Mapping, error: ErrorDetails, model: type[Environment]) -> Place:
    if error["type"] == "extra_forbidden":
        return yamlfile.find_key(node, error["loc"])
    about_key = _is_about_key(error, model)
    return yamlfile.find_key(node, error["loc"][:-1]) if about_key else _place(node, error["loc"])


def _words(node: Mapping, error: ErrorDetails, model: type[Environment]) -> str:
    """Return one of pydantic's errors as a sentence: the key, its wrong value, what is allowed."""
    about_key = _is_about_key(error, model)
    path = error["loc"][:-1] if about_key else error["loc"]
    if error["type"] == "extra_forbidden":
        near = reference.nearest_key(path, model)
        said = f"; did you mean {near}?" if near else _sections(path, model)
        return f"{yamlfile.shown(dotted(path))} is not a known key{said}"
    if about_key:
        allowed = _reason(error) or f"allowed: {reference.allowed_key(path[:-1], model)}"
        return f"{yamlfile.shown(dotted(path))} has a wrong name; {allowed}"
    name, schema = yamlfile.shown(dotted(path)), reference.at(path, model)
    allowed = reference.allowed(schema)
    if error["type"] == "missing":
        return f"{name} is missing; write {allowed}"
    if _may_be_secret(path):
        found_by = "aws secretsmanager describe-secret --secret-id NAME --query ARN"
        return f"{name} is not {allowed} (not shown: it may be the secret itself); a secret's ARN: {found_by}"
    value = _value_at(node, path)
    if path == ("region",) and isinstance(value, Scalar) and regions.other_partition(value.text):
        return f"{name} is {_shown(value)}, which is in another partition of AWS; infragen supports the partition aws"
    if error["type"] == "too_long" and isinstance(value, Mapping):
        return f"{name} has {len(value.entries)} keys; allowed: {allowed}"
    near = reference.nearest_choice(path, value.text, model) if isinstance(value, Scalar) else ""
    if near and len(reference.choices(schema)) > 8:
        return f"{name} is {_shown(value)}; did you mean {near}?"
    if isinstance(value, Scalar) and value.value is None and _takes_empty_text(schema):
        return f'{name} is empty; write "" for an empty text'
    said = _reason(error) or (f"did you mean {near}? " if near else "") + f"allowed: {allowed}"
    hidden = path[0] not in Environment.model_fields and isinstance(value, Scalar) and hides(str(path[-1]), value.text)
    return f"{name} is {'not shown, as it may be a secret' if hidden else _shown(value)}; {said}"


def _sections(path: reference.Path, model: type[Environment]) -> str:
    """Return the sections of the project's own layers, for a key at the top that is like no other."""
    own = [each for each in model.model_fields if each not in Environment.model_fields]
    return f"; the sections of layers/ are {', '.join(own)}" if own and len(path) == 1 else ""


def _takes_empty_text(schema: dict[str, Any]) -> bool:
    text = "string" in (schema.get("type"), *schema.get("type", ()))
    return text and not schema.get("minLength") and re.search(schema.get("pattern", ""), "") is not None


def _may_be_secret(path: reference.Path) -> bool:
    """Return whether somebody may have put a secret there instead of its ARN."""
    return path[:2] == ("api", "secrets") or path[2:3] in (("secret_arns",), ("secrets",))


def _reason(error: ErrorDetails) -> str:
    """Return what a check of our own says about a value."""
    return str(error.get("ctx", {}).get("error", "")) if error["type"] == "value_error" else ""


def _shown(value: yamlfile.Node | None) -> str:
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, Sequence):
        return f"a list of {len(value.items)}" if value.items else "an empty list"
    if value is None or value.value is None:
        return "empty"
    return f'"{yamlfile.shown(value.text)}"' if isinstance(value.value, str) else yamlfile.shown(value.text)


def _value_at(node: Mapping, path: reference.Path) -> yamlfile.Node | None:
    found: yamlfile.Node = node
    for step in path:
        if isinstance(found, Mapping) and isinstance(step, str) and step in found.entries:
            found = found.entries[step].node
        elif isinstance(found, Sequence) and isinstance(step, int) and step < len(found.items):
            found = found.items[step]
        elif isinstance(found, Scalar) and step == 0:
            continue  # a single text, where a list of one may be written without brackets
        else:
            return None
    return found


def _place(node: Mapping, path: reference.Path) -> Place:
    if _value_at(node, path) is not None:
        return yamlfile.find(node, path)
    return yamlfile.find_key(node, path[:-1])


def _paths(node: yamlfile.Node, path: reference.Path = ()) -> Iterator[reference.Path]:
    """Yield the path of everything that is written in the files."""
    yield path
    if isinstance(node, Mapping):
        for key, entry in node.entries.items():
            yield from _paths(entry.node, (*path, key))
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _paths(item, (*path, index))
