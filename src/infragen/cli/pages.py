"""The documentation that belongs to this version: `infragen docs`, also where only the wheel is installed."""

import difflib
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


def pages() -> dict[str, Path]:
    """Return the pages by the name they are asked for: `doctor`, `layers/api`."""
    directory = next((each for each in DIRECTORIES if each.is_dir()), DIRECTORIES[0])
    return {each.relative_to(directory).with_suffix("").as_posix(): each for each in sorted(directory.rglob("*.md"))}


@click.command()
@click.argument("page", required=False)
@command_options
def docs(page: str | None) -> None:
    """Print a page of the documentation.

    The pages are those of this version, as Markdown. Without PAGE, lists them.

    \b
    Examples:
      infragen docs
      infragen docs getting-started
      infragen docs layers/api
    """
    from infragen.secrecy.visible import assembled

    known = pages()
    if page is None:
        width = max(map(len, known), default=0)
        for name, path in known.items():
            say(f"{name:<{width}}  {path.read_text(encoding='utf-8').partition(chr(10))[0].lstrip('# ')}")
        return
    name = page.removeprefix("docs/").removesuffix(".md")
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise InputError(f"no page {page!r}", f"did you mean {near[0]}?" if near else "`infragen docs` lists the pages")
    echo(assembled(known[name].read_text(encoding="utf-8")), nl=False)
