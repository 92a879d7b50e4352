"""What the user decides when a project begins, and the defaults that can be known. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from infragen.config.schema import QUEUES
from infragen.config.single_value import wrong
from infragen.errors import InputError
from infragen.project.repository import Repository

Part = Literal["environments", "app", "layers", "repository", "pipeline"]
PARTS: tuple[Part, ...] = ("environments", "app", "layers", "repository", "pipeline")
"""What `--only` names: environment files with their templates; the application; layers; README and dot files; the CI
workflows."""

ENVIRONMENTS = ("dev", "staging", "prod")


@dataclass(frozen=True)
class Choices:
    """A project before there is a file of it; `accounts` maps environments to account ids, and may be empty."""

    project: str
    region: str
    version: str
    queues: tuple[str, ...] = ("notifications",)
    accounts: Mapping[str, str] = field(default_factory=dict)
    topology: Literal["nested", "independent"] = "nested"
    app: Literal["typescript", "none"] = "typescript"
    parts: tuple[Part, ...] = PARTS
    repository: Repository | None = None

    @property
    def with_app(self) -> bool:
        """Return whether the application is part of the project."""
        return self.app == "typescript" and "app" in self.parts


def project_name(directory: str) -> str:
    """Return the name of a project in a directory of this name: lower-case words and hyphens; '' where none is left."""
    words = re.findall(r"[a-z0-9]+", directory.lower())
    while words and (len("-".join(words)) > 20 or not words[0][0].isalpha()):
        words = words[:-1] if words[0][0].isalpha() else words[1:]
    name = "-".join(words)
    return "" if wrong("project", name) else name


def check(choices: Choices) -> None:
    """Raise InputError for a value that the environment files would refuse, naming its flag."""
    values = [("project", "--project", choices.project), ("region", "--region", choices.region)]
    values += [("queue", "--queue", each) for each in choices.queues]
    for key, flag, text in values:
        problem = wrong(key, text)
        if problem:
            raise InputError(f"{flag} is {text!r}; {problem}")
    for environment, account in choices.accounts.items():
        if environment not in ENVIRONMENTS:
            raise InputError(f"--account names {environment!r}; the environments are {', '.join(ENVIRONMENTS)}")
        if wrong("account", account):
            raise InputError(f"--account {environment} is {account!r}; {wrong('account', account)}")
    twice = sorted({each for each in choices.queues if choices.queues.count(each) > 1})
    if twice:
        raise InputError(f"--queue names {', '.join(twice)} more than once")
    if not 1 <= len(choices.queues) <= QUEUES:
        raise InputError(f"{len(choices.queues)} queues; one environment has from 1 to {QUEUES}")
