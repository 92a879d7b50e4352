"""docs/commands.md: what every command says of itself. `make docs` writes it; a test keeps it current."""

from collections.abc import Iterator

import click

from infragen.cli import main

HEAD = """\
# Commands

Made by `make docs` from `--help`; `infragen COMMAND --help` says the same.

Results go to stdout, progress and warnings to stderr (`--progress stdout` is for systems that take stderr for errors).
On a terminal a tree of stacks shows what is in progress in each, for how long, and how long that usually takes. Without
a terminal, and with `CI` or `TERM=dumb`, progress is plain lines, at least one a minute. `NO_COLOR` or `--no-color`
turns colour and everything that moves off. With `--format json` the commands that work on stacks print
[lines of JSON](json-events.md). Nobody is asked where nobody can answer: the command is refused
with exit code 3 and names the flag that answers. All exit codes: [exit-codes.md](exit-codes.md).

What is not given is taken from the environment as the AWS CLI does: credentials, `AWS_PROFILE`, `AWS_ENDPOINT_URL`. The
region and the account are those of the environment file, and nothing is written with credentials of another account.

| variable | what it does |
|---|---|
| `NO_COLOR` | no colour, nothing that moves |
| `COLUMNS` | how wide lines are, in the place of the terminal's own width, and of 200 in a pipe or a file |
| `CI`, `TERM=dumb` | plain lines instead of a live view |
| `INFRAGEN_CACHE_DIR` | where lint findings and tracebacks of bugs are kept; default: the user's cache directory |
| `INFRAGEN_STATE_DIR` | where the emulator keeps its state, in the place of the user's state directory |

## Completion

Commands, options and names of environments, in the file that your shell reads at its start:

```
eval "$(_INFRAGEN_COMPLETE=bash_source infragen)"    # ~/.bashrc
eval "$(_INFRAGEN_COMPLETE=zsh_source infragen)"     # ~/.zshrc
_INFRAGEN_COMPLETE=fish_source infragen | source     # ~/.config/fish/completions/infragen.fish
```
"""


def page() -> str:
    """The page as Markdown."""
    sections = (f"## {name}\n\n```\n{text}```\n" for name, text in _helps(main, None))
    return "\n".join([HEAD, *sections])


def _helps(command: click.Command, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    """The path and help of a command, and of all below it, 80 columns wide."""
    name = command.name if parent else "infragen"
    context = click.Context(command, parent, info_name=name, **{**command.context_settings, "terminal_width": 80})
    text = "".join(f"{line.rstrip()}\n" for line in command.get_help(context).splitlines())
    yield context.command_path, text
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _helps(inner, context)


if __name__ == "__main__":
    click.echo(page(), nl=False)
