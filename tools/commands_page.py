"""docs/commands.md: what every command says of itself. `make docs` writes it; a test keeps it current."""

from collections.abc import Iterator

import click

from infragen.cli import main

HEAD = """\
# Commands

Made by `make docs` from `--help`; `infragen COMMAND --help` says the same.

Results go to stdout, progress and warnings to stderr (`--progress stdout`: for CI systems that take stderr for errors).
On a terminal, a tree of stacks shows the operations in progress, their duration and their usual duration. Without a
terminal, and with `CI` or `TERM=dumb`, progress is plain lines, at least one per minute. `NO_COLOR` or `--no-color`
turns off colour and animation. With `--format json`, the commands that work on stacks print
[one JSON object per line](json-events.md). infragen never prompts without a terminal: it exits with 3 and names the
flag that answers. All exit codes: [exit-codes.md](exit-codes.md).

Credentials, `AWS_PROFILE` and `AWS_ENDPOINT_URL` come from the process environment, as with the AWS CLI. The region and
the account come from the environment file, and infragen writes nothing with credentials of another account.

| variable | effect |
|---|---|
| `NO_COLOR` | no colour, no animation |
| `COLUMNS` | line width, instead of the terminal's own width, or of 200 in a pipe or a file |
| `CI`, `TERM=dumb` | plain lines instead of a live view |
| `INFRAGEN_CACHE_DIR` | directory of cached findings and tracebacks of bugs, instead of the user's cache directory |
| `INFRAGEN_STATE_DIR` | directory of the emulator's state, instead of the user's state directory |

## Completion

To complete commands, options and names of environments, add one line to your shell's startup file:

```
eval "$(_INFRAGEN_COMPLETE=bash_source infragen)"    # ~/.bashrc
eval "$(_INFRAGEN_COMPLETE=zsh_source infragen)"     # ~/.zshrc
_INFRAGEN_COMPLETE=fish_source infragen | source     # ~/.config/fish/completions/infragen.fish
```
"""


def page() -> str:
    """Return the page as Markdown."""
    sections = (f"## {name}\n\n```\n{text}```\n" for name, text in _helps(main, None))
    return "\n".join([HEAD, *sections])


def _helps(command: click.Command, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    """Yield the path and help of a command, and of all below it, 80 columns wide."""
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
