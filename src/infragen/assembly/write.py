"""Assembly -> template files, and the comparison of those files with what is on disk.

The templates of one environment are the files `LAYER.yaml` and `root.yaml` of one directory. One run at a time writes
into it; the next one waits. All new files are written beside the old ones before the first of them is replaced, so a
full disk changes nothing, and each is replaced by a rename, so a reader never sees half a file. A run that is killed
between two renames leaves some files new and some old: the next run, and git, repair that. Nothing outside of the
directory is touched, no symbolic link is followed, and files that infragen did not make stay: a copy of a template that
somebody made says that infragen made it, and is his all the same.
"""

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from infragen.assembly.templatefile import dump_json, parse
from infragen.errors import InputError, Unwritable
from infragen.layers import LAYERS
from infragen.machine.input_file import read
from infragen.machine.output_file import check, fill, reason, usual_mode

if TYPE_CHECKING:
    from infragen.assembly.synth import Assembly

Format = Literal["yaml", "json"]
_MARK = "Made by infragen."
_OF_LAYER = re.compile(r"(?P<title>.*) \(\S+ (?P<environment>\S+)\)\. Made by infragen\.", re.DOTALL)
_OF_ROOT = re.compile(
    r"(?P<title>All layers) of \S+ (?P<environment>\S+), nested in deployment order\. Made by infragen\."
)
"""The descriptions of templates (`assembly.synth`)."""

_NAMES = {"All layers": "root", **{layer.title: layer.name for layer in LAYERS}}
"""The title of each template whose name is known -> that name."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_BESIDE = ".infragen-"


@dataclass(frozen=True)
class Difference:
    """What is not as rendered in one directory: names of files, each tuple sorted."""

    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale or self.extra)


def files(assembly: "Assembly", form: Format = "yaml") -> dict[str, str]:
    """Name -> text of the template files of an environment: one for each layer, and the root when they are nested."""
    parts: list[tuple[str, dict[str, object], str]] = []
    if assembly.environment.topology == "nested":
        root = assembly.root()
        parts.append(("root", root.body, root.text))
    parts += [(each.layer, each.body, each.text) for each in assembly.templates]
    return {f"{name}.{form}": text if form == "yaml" else dump_json(body) for name, body, text in parts}


def compare(directory: Path, wanted: Mapping[str, str]) -> Difference:
    """Return how the directory differs from the rendered files. Files that infragen did not make do not count."""
    present = _present(directory)
    return Difference(
        missing=tuple(sorted(name for name in wanted if name not in present)),
        stale=tuple(
            sorted(name for name, text in wanted.items() if name in present and not _holds(directory / name, text))
        ),
        extra=_extra(directory, present, wanted),
    )


def write(directory: Path, wanted: Mapping[str, str], waiting: Callable[[Path], None] = lambda _: None) -> Difference:
    """Create the directory hold the rendered files; return what had to change, nothing when it held them already.

    While another run writes into the same directory this one waits, and calls `waiting` once with the directory before.
    Raises InputError when the directory is a symbolic link, or what has the name of a template is no regular file, and
    Unwritable when the disk is full or the directory not ours to write; the old files are intact then, and what was
    created is removed again.
    """
    _check(directory, wanted)
    try:
        with _created(directory), _locked(directory, waiting) as held:
            if not held:
                return write(directory, wanted, waiting)
            _check(directory, wanted)
            difference = compare(directory, wanted)
            if difference:
                _replace(directory, wanted, difference)
    except (OSError, ValueError) as error:
        where = getattr(error, "filename", None) or directory
        raise Unwritable(f"{where}: {reason(error)}", f"the files in {directory} are as they were") from error
    return difference


def _extra(directory: Path, present: tuple[str, ...], wanted: Mapping[str, str]) -> tuple[str, ...]:
    """Return the files that render wrote and does not write any more: templates of layers that are gone.

    The description says of which environment and which layer a template is. A copy says what its original says, under
    a name that render did not give it, or beside the original: it stays. So does each of two that say the same.
    """
    found = {name: _described(directory / name) for name in present if name not in wanted and _ours(directory / name)}
    ours = []
    for name, (title, environment) in found.items():
        stem = Path(name).stem
        same = {Path(each).stem for each, said in found.items() if said == (title, environment)}
        named = stem == _NAMES[title] if title in _NAMES else same == {stem} and _NAME.fullmatch(stem)
        if name.startswith(_BESIDE) or (title and environment == directory.name and named):
            ours.append(name)
    return tuple(sorted(ours))


def _described(path: Path) -> tuple[str, str]:
    """Return the title of a template and the environment that it is of; empty for what infragen does not write."""
    try:
        said = str(parse(read(path).decode()).get("Description", ""))
    except (ValueError, InputError):
        return "", ""
    found = _OF_ROOT.fullmatch(said) or _OF_LAYER.fullmatch(said)
    return (found["title"], found["environment"]) if found else ("", "")


def foreign(output: Path, environments: frozenset[str]) -> tuple[Path, ...]:
    """Return directories with templates of environments that are not among these: somebody removed the environment's
    file.
    """
    if not os.path.isdir(output):
        return ()
    return tuple(
        each
        for each in sorted(output.iterdir())
        if each.name not in environments and not os.path.islink(each) and os.path.isdir(each)
        if any(_ours(each / name) for name in _present(each))
    )


def _check(directory: Path, wanted: Mapping[str, str]) -> None:
    if os.path.islink(directory):
        raise InputError(
            f"{directory} is a symbolic link, which infragen does not follow", "create a directory there instead"
        )
    above = next(each for each in (directory, *directory.parents) if os.path.exists(each))
    if not os.path.isdir(above):
        raise InputError(f"{above} is not a directory", "move it elsewhere, or name another --output")
    for name in wanted:
        check(directory / name)


def _present(directory: Path) -> tuple[str, ...]:
    if os.path.islink(directory) or not os.path.isdir(directory):
        return ()
    return tuple(sorted(each.name for each in directory.iterdir()))


def _holds(path: Path, text: str) -> bool:
    return stat.S_ISREG(path.lstat().st_mode) and path.read_bytes() == text.encode()


def _ours(path: Path) -> bool:
    """Return whether a file says that infragen made it, as templates and copies of them do in their description.

    So is the empty file of a run that was killed before it wrote into what it had created beside a template.
    """
    found = path.lstat()
    if path.suffix not in (".yaml", ".json") or not stat.S_ISREG(found.st_mode):
        return False
    if found.st_size == 0 and path.name.startswith(_BESIDE):
        return True
    with path.open("rb") as stream:
        head = stream.read(2000).decode(errors="replace")
    return _MARK in " ".join(head.split())


@contextmanager
def _created(directory: Path) -> Iterator[None]:
    """Have the directory; on an error the directories that were created for it are removed again, if they are empty."""
    made = []
    for each in reversed((directory, *directory.parents)):
        if not os.path.exists(each):
            with suppress(FileExistsError):  # by another run, which removes it if need be
                each.mkdir()
                made.append(each)
    try:
        yield
    except BaseException:
        for each in reversed(made):
            with suppress(OSError):
                each.rmdir()
        raise


@contextmanager
def _locked(directory: Path, waiting: Callable[[Path], None]) -> Iterator[bool]:
    """Hold the directory's lock (flock), which ends with the process; there is no file that could stay behind.

    Gives False when the directory was removed meanwhile: by another run, which had created it and failed. A file system
    without locks (some of NFS) gives none: two runs at once then replace each file whole, in any order.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting(directory)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            pass
        yield _same(descriptor, directory)
    finally:
        os.close(descriptor)


def _same(descriptor: int, directory: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), directory.stat())
    except FileNotFoundError:
        return False


def _replace(directory: Path, wanted: Mapping[str, str], difference: Difference) -> None:
    """Write all new files beside the old ones, then rename each, then remove the templates of layers that are gone."""
    beside: dict[str, Path] = {}
    try:
        for name in (*difference.missing, *difference.stale):
            handle, path = tempfile.mkstemp(prefix=_BESIDE, suffix=f"-{name}", dir=directory)
            beside[name] = Path(path)
            try:
                fill(handle, wanted[name].encode(), usual_mode(directory / name))
            finally:
                os.close(handle)
        _rename(beside, directory)
    finally:
        for left in beside.values():
            with suppress(FileNotFoundError):
                left.unlink()
    for name in difference.extra:
        (directory / name).unlink()
    _flush(directory)


def _rename(beside: dict[str, Path], directory: Path) -> None:
    """Give each new file the name of the old one; what was renamed leaves `beside`."""
    for name, path in list(beside.items()):
        try:
            path.replace(directory / name)
        except OSError as error:
            raise Unwritable(
                f"{directory / name}: {reason(error)}", f"some files in {directory} are new and some old: render again"
            ) from error
        del beside[name]


def _flush(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
