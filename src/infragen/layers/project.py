"""Layers, extensions and addons of a project: `layers/` and `addons/` beside the directory of its environment files.

Loading runs the project's Python, as each infrastructure tool that is programmed does (docs/security.md). The package
gets a name of its own, made of its place and content, so that two revisions of it stand side by side. Whatever is wrong
in it is a LayerError with file and line, never a bug of infragen's.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from infragen import config
from infragen.checks.check import Answer, Check, Subject, Verdict
from infragen.config import Environment, EnvironmentFile, camel
from infragen.config.addon import Addon, addon_files, read_addons
from infragen.config.directory import holds_environments, names_in, own_addons, own_layers
from infragen.config.own_section import compose, problems_of, section_key
from infragen.config.yamlfile import MAX_BYTES
from infragen.errors import InfragenError, LayerError, Terminated
from infragen.layers import LAYERS
from infragen.layers.addons import extensions_of, layer_of
from infragen.layers.contract import ContractError, Extension, Layer, LayerOutput, given
from infragen.layers.extending import extended, publishing
from infragen.machine.input_file import entries, read

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 20
"""Characters of a layer's name: it is a part of stack names, and of names that a layer makes of it."""

_TAKEN = ("root", "artifacts", "delivery", "release")
"""Names of stacks and templates that no layer has."""

_PACKAGE = "infragen_project_"
_HOLDS = "__infragen_folder__"
_LONGEST_MESSAGE, _LONGEST_MODULE = 300, 80
_DEBUG = "run it again with --debug for the traceback"
_NOT_OF_LAYERS = (InfragenError, KeyboardInterrupt, Terminated)
"""What comes through a project's code and is not its fault. Anything else is, SystemExit and what extensions in C or
Rust raise as BaseException among it.
"""
_Kind = TypeVar("_Kind", Layer, Extension)


@dataclass(frozen=True)
class Project:
    """What a project adds: layers in the order of their modules, extensions of infragen's, and the model with their
    sections.
    """

    layers: tuple[Layer, ...] = ()
    extensions: tuple[Extension, ...] = ()

    @cached_property
    def model(self) -> type[Environment]:
        """Return the environment model: ours, when nothing is added."""
        return compose(self) if self.layers or self.extensions else Environment


def load_file(path: Path, today: date | None = None) -> EnvironmentFile:
    """Read and check an environment file, as `config.load_file` does, with the layers of its project."""
    project = load_project(path.parent)
    with _in_project(_folder(path.parent)):
        return config.load_file(path, today, project.model)


def load_project(environments: Path) -> Project:
    """Return what the project of a directory of environment files adds. Raises LayerError."""
    folder = _folder(environments)
    files = _files(folder.path)
    digest = _digest(folder, files) if files else ""
    own = _loaded(folder, digest) if digest else Project()
    addons = addon_files(own_addons(environments))
    written = tuple((each, read(each, most=MAX_BYTES + 1)) for each in addons)
    if not written:
        return own
    _check_environments(_read(folder, written), environments)
    return _with_addons(folder, digest, written)


def layers_of(env: Environment, built_in: Iterable[Layer] = LAYERS) -> tuple[Layer, ...]:
    """Return the layers of an environment that are on, extended, each after those whose outputs it takes.

    Raises LayerError when they need each other in a circle.
    """
    project = env.own_layers or Project()
    found = []
    for layer in (*built_in, *project.layers):
        of_layer = [each for each in project.extensions if each.layer == layer.name] if not layer.place else []
        with blame(layer):
            if layer.is_on(env):
                found.append(extended(layer, of_layer) if of_layer else layer)
    return _ordered(_requested(found, env), env) if project.layers else tuple(found)


def _requested(layers: list[Layer], env: Environment) -> list[Layer]:
    """Return the layers, ours with the outputs that only a layer of the project takes."""
    taken = set()
    for layer in layers:
        with blame(layer):
            taken |= set(given(layer, "inputs", env, LayerOutput))
    return [publishing(each, more) if (more := _asked(each, env, taken)) else each for each in layers]


def _asked(layer: Layer, env: Environment, taken: set[LayerOutput]) -> dict[LayerOutput, Any]:
    return {output: value for output, value in layer.on_request(env).items() if output in taken}


def names(env: Environment) -> tuple[str, ...]:
    """Return the names of all layers that environments of this project may have, on or off."""
    return tuple(each.name for each in (*LAYERS, *(env.own_layers or Project()).layers))


def _ordered(layers: list[Layer], env: Environment) -> tuple[Layer, ...]:
    """Return each layer after those that it takes outputs of, otherwise in the order they have."""
    known = {each.name: each for each in layers}
    done: dict[str, Layer] = {}

    def visit(layer: Layer, above: tuple[str, ...]) -> None:
        if layer.name in above:
            circle = [*above[above.index(layer.name) :], layer.name]
            place = next(each for each in (known[name].place for name in circle) if each)
            raise LayerError(
                f"{place}: the layers {' -> '.join(circle)} take outputs of each other in a circle",
                "move what both need into a layer of its own",
            )
        if layer.name not in done:
            with blame(layer):
                needed = [each.layer for each in given(layer, "inputs", env, LayerOutput)]
            for name in needed:
                if name in known and name != layer.name:
                    visit(known[name], (*above, layer.name))
            done[layer.name] = layer

    for layer in layers:
        visit(layer, ())
    return tuple(done.values())


# --- blame -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def blame(layer: Layer) -> Iterator[None]:
    """Turn what the code of a project's layer raises into a LayerError with its place; nothing for a layer of ours.

    What that code prints goes to stderr: stdout belongs to the command.
    """
    if not layer.place:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        try:
            yield
        except _NOT_OF_LAYERS:
            raise
        except ContractError as error:
            raise LayerError(f"{layer.place}: {error}", "`infragen docs extending` says what a layer may do") from error
        except BaseException as error:
            raise LayerError(
                f"{_frame(error) or layer.place}: layer {layer.name}: {_message(error)}", _DEBUG
            ) from error


@contextlib.contextmanager
def _in_project(folder: _Folder) -> Iterator[None]:
    """Turn what the code of a project raises while its sections are read into a LayerError."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except _NOT_OF_LAYERS:
        raise
    except BaseException as error:
        place = _frame(error)
        if not place:
            raise
        raise LayerError(f"{place}: {_message(error)}", _DEBUG) from error


def guarded(check: Check, layer: Layer) -> Check:
    """Return a check of a layer; of a project's, one whose exceptions are LayerErrors."""
    if not layer.place:
        return check

    def run(subject: Subject, account: AccountReader) -> Iterator[Answer]:
        with blame(layer):
            answers = list(check.run(subject, account))
            if strange := next((each for each in answers if not isinstance(each, Answer)), None):
                raise ContractError(f"layer {layer.name}: the check {check.id} gives a {type(strange).__name__}")
            if any(not isinstance(each.verdict, Verdict) or not isinstance(each.text, str) for each in answers):
                raise ContractError(
                    f"layer {layer.name}: the check {check.id} gives an answer that is no ok, wrong or unknown"
                )
        yield from (_with_hint(each, check, layer) for each in answers)

    return replace(check, run=run)


def _with_hint(answer: Answer, check: Check, layer: Layer) -> Answer:
    """Return an answer that says what to do about what is wrong: where a check does not, where it is written. It stays
    wrong, so that it still stops a deployment.
    """
    if answer.verdict is not Verdict.WRONG or (isinstance(answer.hint, str) and answer.hint.strip()):
        return answer if isinstance(answer.hint, str) else replace(answer, hint="")
    return replace(answer, hint=f"the check {check.id} of layer {layer.name} says no more: look at {layer.place}")


def _frame(error: BaseException) -> str:
    """Return the deepest place in a project's package that an exception came through, or ''."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package.startswith(_PACKAGE) and package in sys.modules:
            folder: _Folder = vars(sys.modules[package])[_HOLDS]
            return folder.place(frame.f_code.co_filename, line)
    return ""


def _message(error: BaseException) -> str:
    """Return an exception in one line, with the package's name as the user knows it."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 # an exception whose text raises
        text = ""
    text = re.sub(_PACKAGE + r"[0-9a-f]+", "layers", text)
    text = text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


# --- addons ----------------------------------------------------------------------------------------------------------


@cache
def _read(folder: _Folder, written: tuple[tuple[Path, bytes], ...]) -> tuple[Addon, ...]:
    return read_addons(written, folder.shown.parent / written[0][0].parent.name)


def _check_environments(addons: Iterable[Addon], environments: Path) -> None:
    """Raise LayerError for an addon of an environment that the project does not have: in the one that is meant it would
    be missing. Other directories of environments beside this one share its addons, and count.
    """
    listed = [(addon, number, each) for addon in addons for number, each in enumerate(addon.environments)]
    known = names_in(environments) if listed else ()
    if any(each not in known for _, _, each in listed):
        beside = sorted(each for each in own_addons(environments).parent.glob("*/") if holds_environments(each))
        known = tuple(dict.fromkeys((*known, *(name for each in beside for name in names_in(each)))))
    for addon, number, each in listed:
        if each not in known:
            near = difflib.get_close_matches(each, known, n=1)
            raise LayerError(
                f"{addon.place(('Metadata', 'infragen', 'Environments', number))}: there is no environment {each}",
                f"did you mean {near[0]}?" if near else f"the environments are {', '.join(known)}",
            )


@cache
def _with_addons(folder: _Folder, digest: str, written: tuple[tuple[Path, bytes], ...]) -> Project:
    """Return the project with its addons behind its layers. `written` are their files; the same give the same model."""
    own = _loaded(folder, digest) if digest else Project()
    addons = _read(folder, written)
    found = Project(
        (*own.layers, *map(layer_of, addons)),
        (*own.extensions, *(extension for each in addons for extension in extensions_of(each))),
    )
    _check_names(found)
    return found


# --- loading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Folder:
    """The package: where it is, and how messages call it, which is as the environment files' directory was given."""

    path: Path
    shown: Path

    def place(self, file: str, line: int) -> str:
        return f"{self.name(file)}:{line}:1"

    def name(self, file: str) -> str:
        """Return a file of the package as messages call it; any other as it is."""
        return str(self.shown / Path(file).relative_to(self.path)) if Path(file).is_relative_to(self.path) else file


def _folder(environments: Path) -> _Folder:
    path = own_layers(environments)
    given = environments.parent if environments.name not in ("", "..") else path.parent
    return _Folder(path, given / path.name)


def _files(folder: Path) -> tuple[Path, ...]:
    """Return the modules of the package, `__init__.py` first; none when there is no Python in the folder. Raises
    InputError when it is no folder, or cannot be read.
    """
    modules = (each for each in entries(folder) if each.suffix == ".py")
    return tuple(sorted(modules, key=lambda each: (each.name != "__init__.py", each.name)))


def _digest(folder: _Folder, files: Iterable[Path]) -> str:
    """Return the digest of the package's place and its Python, that in its folders included."""
    inside = (each for each in folder.path.rglob("*.py") if not os.path.isdir(each))
    sha = hashlib.sha256(os.fsencode(folder.path))
    for each in sorted({*files, *inside}):
        sha.update(b"\0" + os.fsencode(each.relative_to(folder.path)) + b"\0")
        sha.update(read(each))
    return sha.hexdigest()[:16]


@cache
def _loaded(folder: _Folder, digest: str) -> Project:
    name = _PACKAGE + digest
    modules = [(file, _module(folder, name, file)) for file in _package(folder, name)]
    project = _collected(folder, modules)
    _check_names(project)
    with _in_project(folder):
        project.model  # noqa: B018 # a section that pydantic refuses is reported with its place
    return project


def _package(folder: _Folder, name: str) -> Iterator[Path]:
    """Make the package known to Python and yield its modules that are layers: those whose name begins without `_`."""
    package = ModuleType(name)
    package.__path__ = [str(folder.path)]
    vars(package)[_HOLDS] = folder
    sys.modules[name] = package
    for file in _files(folder.path):
        if file.name == "__init__.py" or not file.name.startswith("_"):
            yield file


def _module(folder: _Folder, package: str, file: Path) -> ModuleType:
    """Import one module of the package. Raises LayerError for whatever keeps it from being imported."""
    own = file.name == "__init__.py"
    name = package if own else f"{package}.{file.stem}"
    if not own and name in sys.modules:  # another module imported it
        return sys.modules[name]
    if not own and not file.stem.isidentifier():
        raise LayerError(f"{folder.place(str(file), 1)}: {file.stem} is no name of a Python module", "rename the file")
    inside = [str(folder.path)] if own else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=inside)
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 # a file that ends in .py
    module = importlib.util.module_from_spec(spec)
    if own:
        vars(module)[_HOLDS] = folder
    sys.modules[name] = module
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # nothing is written into the project
    try:
        with contextlib.redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except SyntaxError as error:
        place = folder.place(error.filename or str(file), error.lineno or 1)
        raise LayerError(
            f"{place}: {type(error).__name__}: {error.msg}", "fix it, then run the command again"
        ) from error
    except _NOT_OF_LAYERS:
        raise
    except BaseException as error:
        place = _frame(error) or folder.place(str(file), 1)
        raise LayerError(f"{place}: {_message(error)}", _import_hint(error)) from error
    finally:
        sys.dont_write_bytecode = writes
    return module


def _import_hint(error: BaseException) -> str:
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    missing = missing if len(missing) <= _LONGEST_MODULE else f"{missing[:_LONGEST_MODULE]}…"
    package, _, inside = missing.partition(".")
    if circle := _import_circle(error):
        return f"{' -> '.join(circle)} import each other: move what both need into a module of its own"
    if package.startswith(_PACKAGE):
        return f"there is no layers/{inside.replace('.', '/')}.py: write it, or fix the import"
    if missing.partition(".")[0] == "layers":
        return "within layers/ write a relative import, such as `from .cache import CacheEndpoint`"
    if missing:
        return f"install what provides {missing} beside infragen; what infragen offers: `infragen docs extending`"
    return _DEBUG


def _import_circle(error: BaseException) -> tuple[str, ...]:
    """Return the modules that import each other, where a name is missing because its module is still being run."""
    if not isinstance(error, ImportError) or isinstance(error, ModuleNotFoundError) or not error.path:
        return ()
    came = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    files = [each for each in dict.fromkeys(came) if Path(each).parent == Path(error.path).parent]
    if error.path not in files:
        return ()
    names = [Path(each).name for each in files[files.index(error.path) :]]
    return (*names, names[0])


def _collected(folder: _Folder, modules: list[tuple[Path, ModuleType]]) -> Project:
    """Return what the modules list as LAYERS and EXTENSIONS, each once, with their places."""
    layers: dict[int, Layer] = {}
    extensions: dict[int, Extension] = {}
    declares = False
    for file, module in modules:
        source = read(file).decode("utf-8", "replace")
        for layer, place in _listed(folder, file, source, module, "LAYERS", Layer):
            layers.setdefault(id(layer), replace(layer, place=_place(folder, layer) or place))
        for extension, place in _listed(folder, file, source, module, "EXTENSIONS", Extension):
            extensions.setdefault(id(extension), replace(extension, place=_place(folder, extension) or place))
        if {"LAYERS", "EXTENSIONS"} & set(vars(module)):
            declares = declares or file.name == "__init__.py"
        elif not declares:
            raise LayerError(
                f"{folder.place(str(file), 1)}: defines neither LAYERS nor EXTENSIONS",
                "a module of layers/ that is no layer has a name that begins with _",
            )
    _check_none_forgotten(folder, modules, {*layers, *extensions})
    return Project(tuple(layers.values()), tuple(extensions.values()))


def _listed(
    folder: _Folder, file: Path, source: str, module: ModuleType, name: str, kind: type[_Kind]
) -> Iterator[tuple[_Kind, str]]:
    """Yield what a module lists under a name, and the place of the list."""
    line = max((n for n, text in enumerate(source.split("\n"), 1) if re.match(rf"{name}\b", text)), default=1)
    place = folder.place(str(file), line)
    listed = vars(module).get(name, ())
    if not isinstance(listed, (tuple, list)):
        raise LayerError(f"{place}: {name} is a {type(listed).__name__}, not a tuple", f"write {name} = (…,)")
    for index, each in enumerate(listed):
        if not isinstance(each, kind):
            raise LayerError(
                f"{place}: {name}[{index}] is a {type(each).__name__}, not a {kind.__name__} of infragen.layer",
                "`infragen docs extending` shows one",
            )
        yield each, place


def _check_none_forgotten(folder: _Folder, modules: list[tuple[Path, ModuleType]], listed: set[int]) -> None:
    """Raise LayerError for a layer or extension that a module makes and no module lists."""
    ours = {id(each) for each in LAYERS}
    for file, module in modules:
        for name, each in vars(module).items():
            if isinstance(each, (Layer, Extension)) and id(each) not in listed | ours:
                place = _place(folder, each) or folder.place(str(file), 1)
                tuple_name = "LAYERS" if isinstance(each, Layer) else "EXTENSIONS"
                raise LayerError(f"{place}: {name} is in no {tuple_name}", f"write {tuple_name} = ({name},)")


def _place(folder: _Folder, item: Layer | Extension) -> str:
    """Return where the first function of a layer or extension is defined; '' when none is the project's."""
    if isinstance(item, Layer):
        functions: tuple[Callable[..., Any] | None, ...] = (item.build, item.inputs, item.outputs, item.enabled)
    else:
        functions = (item.adds, item.resources, item.inputs, item.outputs)
    for each in functions:
        while isinstance(each, partial):
            each = each.func
        code = getattr(each, "__code__", None)
        if code is not None and Path(code.co_filename).is_relative_to(folder.path):
            return folder.place(code.co_filename, code.co_firstlineno)
    return ""


def _check_names(project: Project) -> None:
    """Raise LayerError for a layer whose name, section or settings cannot be, and an extension of no layer of ours."""
    ours = {each.name for each in LAYERS}
    taken: dict[str, str] = {camel(each): each for each in ours}
    for layer in project.layers:
        said = next(_wrong(layer, ours, taken), "")
        if said:
            raise LayerError(f"{layer.place}: {said}", "`infragen docs extending` says what a layer consists of")
        taken[camel(layer.name)] = layer.name
    for each in project.extensions:
        if each.layer not in ours:
            known = ", ".join(layer.name for layer in LAYERS)
            raise LayerError(f"{each.place}: an Extension of {each.layer!r}, which is no layer of infragen", known)


def _wrong(layer: Layer, ours: set[str], taken: dict[str, str]) -> Iterator[str]:
    name = layer.name
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _LONGEST:
        yield (
            f"{name!r} is no name of a layer: lower-case words and digits joined by single hyphens, a letter first, "
            f"at most {_LONGEST} characters"
        )
        return
    if name in ours or name in _TAKEN or section_key(name) == "extends" or hasattr(Environment, section_key(name)):
        yield f"{name} is a name of infragen's own; give the layer another"
    if section_key(name) in Environment.model_fields:
        yield f"{name} is a key of infragen's own; give the layer another name"
    if camel(name) in taken:
        yield (
            f"two layers are called {name}"
            if taken[camel(name)] == name
            else f"{name} is too like {taken[camel(name)]}"
        )
    if layer.section is not None:
        shown = getattr(layer.section, "__name__", repr(layer.section))
        yield from (f"the section {shown} of {name} {said}" for said in problems_of(layer.section))
    for row in filter(str.strip, layer.settings.splitlines()):
        if len(row.split()) < 3:
            yield f"settings of {name}: {row.strip()!r} is no row of logical id, property and keys"
