"""Which files of a directory are environments.

An environment file has a key `environment:`, equal to the file's name. A file without it holds shared values and must
be extended by another one; a file that is neither is a mistake (a misspelt key, say) and is not passed over in silence.
"""

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infragen.config import yamlfile
from infragen.errors import InputError
from infragen.machine.input_file import entries, read

_INIT = "`infragen init` begins a project"
DERIVED = {
    "api": "the stack of its layer api",
    "artifacts": "the stack of its bucket",
    "boundary": "the boundary of its roles",
    "cloudformation": "the role of CloudFormation",
    "database": "the stack of its layer database",
    "delivery": "the stack of its roles",
    "deploy": "the role that deploys it",
    "image": "the CI job of its image",
    "network": "the stack of its layer network",
    "observability": "the stack of its layer observability",
    "plan": "the CI job, the environment of GitHub and the role of its plan",
    "push": "the role that pushes its images",
    "queue": "the stack of its layer queue",
    "release": "the task of its release command",
    "run": "the task of a command",
    "worker": "the stack of its layer worker",
}
"""What is named after an environment by a hyphen and a word. Another environment of that name would be taken for it:
jobs of the one would get the roles of the other. The layers of a project come on top (`refuse_alike`)."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def nearest(directory: Path) -> Path:
    """Return the directory of this name here, or in the nearest directory above that has one with an environment in it,
    as git finds its root. Nothing above a directory with `.git` in it is looked at. Without one the name as it is.
    """
    here = Path.cwd()
    for up in (here, *here.parents):
        if holds_environments(up / directory):
            return directory if up == here else Path(os.path.relpath(up / directory))
        if os.path.exists(up / ".git"):
            break
    return directory


def holds_environments(directory: Path) -> bool:
    """Return whether a directory has a file that says that it is an environment. One that cannot be read does not say
    so.
    """
    return any(is_environment(each) for each in directory.glob("*.yaml"))


def is_environment(file: Path) -> bool:
    """Return whether a file can be read and says that it is an environment."""
    try:
        return re.search(rb"^environment:", read(file), re.MULTILINE) is not None
    except InputError:
        return False


def own_layers(environments: Path) -> Path:
    """Return where the layers of a project are: beside the directory of its environment files."""
    return Path(os.path.normpath(environments.absolute())).parent / "layers"


def own_addons(environments: Path) -> Path:
    """Return where the addons of a project are, likewise."""
    return own_layers(environments).parent / "addons"


def has_own_layers(environments: Path) -> bool:
    """Return whether a project has something beside its environments that layers are made of, in Python or as
    CloudFormation. Without any, infragen's own layers need not be imported to read its files. Raises InputError when
    one of them is no directory, or cannot be read.
    """
    beside = own_layers(environments).parent
    return any(each.suffix for folder in ("layers", "addons") for each in entries(beside / folder))


def yaml_files(directory: Path) -> tuple[Path, ...]:
    """Return the files of a directory that environments are written in. Raises InputError when it cannot be read."""
    return tuple(each for each in entries(directory) if each.name.endswith(".yaml"))


def find(directory: Path, names: Sequence[str] = ()) -> tuple[Path, ...]:
    """Return the files of the environments of these names; without names those of all environments, in the order of
    names.

    Raises InputError when the directory or a file is missing, or a file is neither environment nor shared values.
    """
    if not os.path.isdir(directory):
        raise InputError(
            f"there is no directory {directory}"
            if not os.path.exists(directory)
            else f"{directory} is not a directory",
            f"{_INIT}; --environments DIR names the directory of the environment files if there is one",
        )
    files = yaml_files(directory)
    return tuple(_named(name, directory, files) for name in dict.fromkeys(names)) if names else _all(directory, files)


def _named(name: str, directory: Path, files: tuple[Path, ...]) -> Path:
    path = directory / f"{name}.yaml"
    seen = [_look(each) for each in files]
    known = [each.path.stem for each in seen if each.environment]
    if path in files and _NAME.fullmatch(name):
        if name not in known and path.resolve() in {each.extends for each in seen}:
            raise InputError(f"{path}:1:1: has no key environment: other files extend it", _known(known))
        refuse_alike(directory, (name,), known)
        return path
    if path in files:
        raise InputError(
            f"{path}: {name!r} cannot be the name of an environment",
            "rename the file, and its key environment: lower-case words and digits joined by hyphens",
        )
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else _known(known)
    raise InputError(f"no environment {name!r} in {directory}", hint)


def _known(names: Sequence[str]) -> str:
    return f"the environments are {', '.join(names)}" if names else ""


@dataclass(frozen=True)
class _File:
    path: Path
    environment: bool
    extends: Path | None


def _all(directory: Path, files: tuple[Path, ...]) -> tuple[Path, ...]:
    seen = [_look(path) for path in files]
    extended = {each.extends for each in seen}
    orphans = [each.path for each in seen if not each.environment and each.path.resolve() not in extended]
    if orphans:
        raise InputError(
            "\n".join(f"{path}:1:1: has no key environment, and no other file extends it" for path in orphans),
            "an environment file says `environment: NAME`; shared values are named by `extends:` in another file",
        )
    found = tuple(each.path for each in seen if each.environment)
    if not found:
        raise InputError(f"no environment file (*.yaml) in {directory}", _INIT)
    refuse_alike(directory, [each.stem for each in found], [each.stem for each in found])
    return found


def names_in(directory: Path) -> tuple[str, ...]:
    """Return the names of all environments of a directory."""
    return tuple(each.stem for each in yaml_files(directory) if _look(each).environment)


def refuse_alike(
    directory: Path, names: Sequence[str], known: Sequence[str], derived: Mapping[str, str] = DERIVED
) -> None:
    """Raise InputError where one of `names` and another environment are called alike: the longer one as something that
    belongs to the shorter one, by a word of `derived` (word -> what that is).
    """
    for longer in sorted({*names, *known}):
        for shorter in known:
            word = longer.removeprefix(f"{shorter}-")
            if longer != word and word in derived and {longer, shorter} & {*names}:
                raise InputError(
                    f"{directory / longer}.yaml: an environment {longer} cannot be beside {shorter}: {derived[word]} "
                    f"is called {longer}, too",
                    f"rename one of them, such as {shorter[:11]}2, or keep it in a directory of its own "
                    "(--environments DIR) with another project name",
                )


def _look(path: Path) -> _File:
    """Return what the file is. An unreadable one counts as an environment: loading it explains why."""
    if not os.path.isfile(path):
        return _File(path, True, None)
    try:
        root, _ = yamlfile.read(read(path), str(path))
    except InputError:
        return _File(path, True, None)
    extends = root.entries.get("extends")
    target = extends.node.text if extends and isinstance(extends.node, yamlfile.Scalar) else None
    return _File(path, "environment" in root.entries, (path.parent / target).resolve() if target else None)
