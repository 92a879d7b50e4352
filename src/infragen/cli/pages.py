"""The documentation that belongs to this version: `infragen docs`, also where only the wheel is installed."""

import difflib
import os
from pathlib import Path

import click

import infragen
from infragen.cli.output import say
from infragen.cli.program import command_options
from infragen.errors import InputError
from infragen.report.printing import echo

_PACKAGE = Path(infragen.__file__).parent
DIRECTORIES = (_PACKAGE / "docs", _PACKAGE.parents[1] / "docs")
"""Where the pages are: in the wheel, and in a clone."""
EXAMPLES = (_PACKAGE / "examples", _PACKAGE.parents[1] / "examples" / "own-layers")
"""Where the example's files are that projects copy, likewise."""


def pages() -> dict[str, Path]:
    """Return the pages by the name they are asked for: `doctor`, `layers/api`, and the files of the example:
    `examples/cache`, and `examples/dev` for its environment.
    """
    directory, example = (
        next((each for each in both if os.path.isdir(each)), both[0]) for both in (DIRECTORIES, EXAMPLES)
    )
    found = {each.relative_to(directory).with_suffix("").as_posix(): each for each in directory.rglob("*.md")}
    files = (*example.glob("layers/*.py"), *example.glob("environments/*.yaml"))
    return dict(sorted({**found, **{f"examples/{each.stem}": each for each in files}}.items()))


def _title(path: Path) -> str:
    """Return the first line of a page, or what a file of the example says of itself there."""
    return path.read_text(encoding="utf-8").partition("\n")[0].strip('#" ')


@click.command()
@click.argument("page", required=False)
@command_options
def docs(page: str | None) -> None:
    """Print a page of the documentation.

    The pages are those of this version, as Markdown, and files of an example to copy. Without PAGE, lists them.

    \b
    Examples:
      infragen docs
      infragen docs getting-started
      infragen docs layers/api
      infragen docs examples/search > layers/search.py
    """
    from infragen.secrecy.visible import assembled

    known = pages()
    if page is None:
        width = max(map(len, known), default=0)
        for name, path in known.items():
            say(f"{name:<{width}}  {_title(path)}")
        return
    name = page.removeprefix("docs/").removesuffix(".md")
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise InputError(f"no page {page!r}", f"did you mean {near[0]}?" if near else "`infragen docs` lists the pages")
    echo(assembled(known[name].read_text(encoding="utf-8")), nl=False)
