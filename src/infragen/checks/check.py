"""The values that checks are made of: what is asked, about what, and the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from infragen.config import Environment

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader

Path = tuple[str | int, ...]


class Verdict(Enum):
    """How a check ended."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """What a check found. `text` says what was looked at and what it is, `hint` what to do about what is wrong.

    `stops` says that a deployment would fail of it. `input` says that what the user wrote is wrong, and not the
    account; `flag` is the option of this run that it was written with. `late` is what stands for an answer that did not
    come in time.
    """

    verdict: Verdict
    text: str
    hint: str = ""
    stops: bool = False
    input: bool = False
    flag: str = ""
    late: bool = False


def ok(text: str) -> Answer:
    """Answer that all is well."""
    return Answer(Verdict.OK, text)


def unknown(text: str, hint: str = "") -> Answer:
    """Answer that nobody can tell, which is never a yes."""
    return Answer(Verdict.UNKNOWN, text, hint)


def wrong(text: str, hint: str, *, stops: bool = True, input: bool = False, flag: str = "") -> Answer:  # noqa: A002  # the field's name
    """Answer that something is wrong; a deployment fails of it unless `stops` is false."""
    return Answer(Verdict.WRONG, text, hint, stops, input, flag)


@dataclass(frozen=True)
class Resource:
    """A resource that the templates have. `properties` are with parameters in place as far as they are known; `action`
    is what the deployment does to it: Add, Modify, or empty; what is replaced is an Add. `before` are the deployed
    properties of what changes.
    """

    layer: str
    logical_id: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    action: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Return `layer/LogicalId`."""
        return f"{self.layer}/{self.logical_id}"

    @property
    def added(self) -> bool:
        """Return whether the deployment creates it."""
        return self.action == "Add"


@dataclass(frozen=True)
class Subject:
    """What is checked: an environment, where it goes, the resources of its templates, and the values of this run.

    `groups` are the security groups that layers pass on: the output's name, and its value where it is known, with the
    group's place. `image_tag` is the tag that will run, `running_tag` the deployed one, empty for the placeholder;
    `given` says that it was given for this run and is not the deployed one. `now` is this machine's time in seconds
    since 1970. `place` gives the line of a setting.
    """

    environment: Environment
    account: str
    region: str
    resources: tuple[Resource, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    image_tag: str = ""
    running_tag: str = ""
    given: bool = False
    now: Callable[[], float] = lambda: 0.0
    place: Callable[[Path], str] = lambda path: ""

    def of(self, *types: str) -> tuple[Resource, ...]:
        """Return the resources of these types."""
        return tuple(each for each in self.resources if each.type in types)

    def added(self, *types: str) -> tuple[Resource, ...]:
        """Return those of them that the deployment creates."""
        return tuple(each for each in self.of(*types) if each.added)

    def at(self, *path: str | int) -> str:
        """Return `file:line:column: ` of a setting, to begin a sentence with; empty where nobody knows the file."""
        place = self.place(path)
        return f"{place}: " if place else ""


@dataclass(frozen=True)
class Check:
    """One question. `asks` says it in a sentence; `calls` are the permissions it needs.

    `needs` are the resource types that it is about: `doctor` asks where a template has one, `plan` and `deploy` where
    one of them changes. Without any it is always asked. `quick` ones are asked by `plan` and `deploy`, too.
    """

    id: str
    asks: str
    calls: tuple[str, ...]
    needs: frozenset[str]
    run: Callable[[Subject, AccountReader], Iterator[Answer]]
    quick: bool = True

    def concerns(self, subject: Subject, *, changes: bool) -> bool:
        """Return whether there is something to ask; with `changes` only of what the deployment changes."""
        return not self.needs or any(
            each.type in self.needs and (each.action or not changes) for each in subject.resources
        )


@dataclass(frozen=True)
class CheckResult:
    """A check with all that it found."""

    check: str
    answers: tuple[Answer, ...]

    @property
    def verdict(self) -> Verdict:
        """Return the worst of the answers."""
        found = {each.verdict for each in self.answers}
        return next((each for each in (Verdict.WRONG, Verdict.UNKNOWN) if each in found), Verdict.OK)
