"""Choices -> the files of a new project. Pure, but for reading the scaffold that is part of this package.

The scaffold (`infragen/project/files/`) is a working project with values of its own. `SUBSTITUTIONS` says which text of
which file stands for which choice, and how often; there is no template language. A file that holds a text more or less
often than the table says is a bug, and `files` refuses it.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from infragen.project.choices import ENVIRONMENTS, Choices, Part

SCAFFOLD = Path(__file__).parent / "files"
NOT_OURS = frozenset({"node_modules", "dist", "coverage", "__pycache__", ".venv", ".infragen", "templates"})
"""Directories that tools make while somebody works in the scaffold: they are no part of it."""

_PARTS: Mapping[str, Part] = {
    "environments": "environments", "requirements.txt": "environments", "layers": "layers",
    "README.md": "repository", ".gitignore": "repository", ".editorconfig": "repository",
}  # fmt: skip
"""Part of each file or directory at the top; what is not listed is the application's."""
_WORKFLOWS = (".github/workflows/", ".gitlab-ci.yml")

_CONNECTIONS = {"dev": (140, 10), "staging": (229, 20), "prod": (467, 50)}
"""Executions of all workers together that the database's connections allow (80 % of max_connections, less two times the
API's tasks, two connections for each), and the most of one worker."""

Value = Callable[[Choices], str]


def _account(environment: str) -> tuple[str, Value]:
    text = "# account: the 12 digits of your AWS account, in quotes; --local needs none\n"
    return (
        text,
        lambda choices: f'account: "{choices.accounts[environment]}"\n' if environment in choices.accounts else text,
    )


def _workers(environment: str, memory: str = "") -> tuple[str, Value]:
    allowed, most = _CONNECTIONS[environment]

    def entry(queue: str, concurrency: int, code: str) -> str:
        return f"  - name: {queue}\n    queue: {queue}\n    max_concurrency: {concurrency}\n{memory}{code}"

    def written(choices: Choices) -> str:
        each = max(2, min(most, allowed // len(choices.queues)))
        codes = (_CODE if choices.with_app else "", *[""] * len(choices.queues))
        return "workers:\n" + "".join(
            entry(queue, each, code) for queue, code in zip(choices.queues, codes, strict=False)
        )

    return "workers:\n" + entry("notifications", most, _CODE), written


_CODE = "    code: ../dist/workers/notifications\n"
_RELEASE = """\

# A task of its own with the new image, before anything of the API is deployed: migrations.
release:
  command: [node, src/release.ts]
"""
_APP_README = """\
| `src/`, `test/`, `migrations/` | the API, the worker and the release command; `npm test` |
"""
_APP_STEP = "npm ci && npm test && npm run build\n"
_PROJECT: Value = lambda choices: choices.project  # noqa: E731  # rows of a table
SUBSTITUTIONS: tuple[tuple[str, str, int, Value], ...] = (
    ("environments/base.yaml", "shop", 2, _PROJECT),
    ("environments/base.yaml", "eu-central-1", 1, lambda choices: choices.region),
    ("environments/base.yaml", "topology: nested", 1, lambda choices: f"topology: {choices.topology}"),
    (
        "environments/base.yaml", "  - name: notifications\n", 1,
        lambda choices: "".join(f"  - name: {each}\n" for each in choices.queues),
    ),
    ("environments/base.yaml", _RELEASE, 1, lambda choices: _RELEASE if choices.with_app else ""),
    *((f"environments/{each}.yaml", text, 1, value) for each in ENVIRONMENTS for text, value in (_account(each),)),
    ("environments/dev.yaml", _workers("dev")[0], 1, _workers("dev")[1]),
    ("environments/staging.yaml", _workers("staging")[0], 1, _workers("staging")[1]),
    ("environments/prod.yaml", _workers("prod", "    memory: 1024\n")[0], 1, _workers("prod", "    memory: 1024\n")[1]),
    ("requirements.txt", "infragen-cfn[local]", 1, lambda choices: f"infragen-cfn[local]=={choices.version}"),
    ("README.md", "# shop\n", 1, lambda choices: f"# {choices.project}\n"),
    ("README.md", _APP_README, 1, lambda choices: _APP_README if choices.with_app else ""),
    ("README.md", _APP_STEP, 1, lambda choices: _APP_STEP if choices.with_app else ""),
    ("package.json", '"name": "shop"', 1, lambda choices: f'"name": "{choices.project}"'),
    ("package-lock.json", '"name": "shop"', 2, lambda choices: f'"name": "{choices.project}"'),
)  # fmt: skip
"""File, exact text, how often the file holds it, what stands there instead."""


def scaffold() -> dict[str, bytes]:
    """Return the files of the scaffold as they are, by their path."""
    found: dict[str, bytes] = {}
    for folder, directories, names in os.walk(SCAFFOLD):
        directories[:] = sorted(each for each in directories if each not in NOT_OURS)
        for name in sorted(names):
            path = Path(folder) / name
            found[path.relative_to(SCAFFOLD).as_posix()] = path.read_bytes()
    return found


def part(path: str) -> Part:
    """Return the part of a project that a file belongs to."""
    if path.startswith(_WORKFLOWS):
        return "pipeline"
    return _PARTS.get(PurePosixPath(path).parts[0], "app")


def files(choices: Choices) -> dict[str, bytes]:
    """Return the files of a new project, by path, with the choices in them. Templates and schema are not among them."""
    found = {path: body for path, body in scaffold().items() if part(path) in choices.parts}
    if not choices.with_app:
        found = {path: body for path, body in found.items() if part(path) != "app"}
    return {path: substituted(path, body, choices) for path, body in found.items()}


def substituted(path: str, body: bytes, choices: Choices) -> bytes:
    """Return a file of the scaffold with the choices in it. Raises ValueError when the table does not fit the file."""
    values: dict[bytes, bytes] = {}
    for file, text, times, value in SUBSTITUTIONS:
        if file == path:
            if body.count(text.encode()) != times:
                raise ValueError(f"files/{path} holds {text!r} {body.count(text.encode())} times, and not {times}")
            values[text.encode()] = value(choices).encode()
    if not values:
        return body
    # in one pass: a project may be called like the region of the scaffold
    return re.sub(b"|".join(map(re.escape, values)), lambda found: values[found[0]], body)
