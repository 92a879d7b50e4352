"""The commands that messages name, with the options that make them work when they are pasted.

Who finds out what to type next knows neither the name under which the environment's file was found nor how AWS was
reached. Both are known here: a command of the AWS CLI gets the same endpoint and profile, and for the emulator its
credentials and the region.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from infragen.checks import CheckResult
    from infragen.config import Environment
    from infragen.engine.outcome import Outcome
    from infragen.engine.progress import Event, Question, Ui

_GIVEN, _EMULATED = "infragen.given", "infragen.emulated.for"
_ON_STACKS = (
    "bootstrap", "cancel", "changesets prune", "deploy", "destroy", "diagnose", "doctor", "drift", "follow", "logs",
    "migrate", "outputs", "plan", "ps", "recover", "redrive", "rotate", "secrets list", "secrets restart", "secrets rm",
    "secrets set", "status",
)  # fmt: skip
_ON_FILES = ("lint",)
_AT_COMMIT = ("deploy", "plan")
_AWS = re.compile(r"`(aws (?!sso |configure )[^`]*)`")
"""Commands of the AWS CLI; without those that say who somebody is, which are not for an endpoint."""
_LOG = re.compile(r"aws logs tail (\S+) --log-stream-names (\S+) --since (\S+)")
_NAMED = re.compile(rf"`infragen ({'|'.join([*_ON_STACKS, *_ON_FILES])})((?: [^`]*)?)`")


@dataclass(frozen=True)
class Emulated:
    """What a command of the AWS CLI needs for an environment in the emulator, and which groups `infragen logs` knows.

    `logs` are the names of logs by their groups.
    """

    account: str
    region: str
    logs: Mapping[str, str]


def remember_emulated(env: "Environment") -> None:
    """Keep how the environment of this run, which is in the emulator, is reached."""
    from infragen.assembly.stacks import account_of

    logs = {f"/aws/lambda/{env.name}-{each.name}": each.name for each in env.workers or ()}
    logs |= {f"/ecs/{env.name}-api": "api", f"/aws/lambda/{env.name}-database-credentials": "credentials"}
    click.get_current_context().meta[_EMULATED] = Emulated(account_of(env), env.region, logs)


def remember(options: Mapping[str, str | bool | None]) -> None:
    """Keep options of this run, by name, that a next command needs again; one that is not given has no value."""
    typed = {
        option: f" {option}" if value is True else f" {option} {shlex.quote(str(value))}"
        for option, value in options.items()
        if value
    }
    meta = click.get_current_context().meta
    meta[_GIVEN] = meta.get(_GIVEN, {}) | typed


def pasteable(text: str) -> str:
    """Return a text in which every command of ours on stacks has the options that were remembered and that it lacks."""
    context = click.get_current_context(silent=True)
    return complete(text, context.meta.get(_GIVEN, {}), context.meta.get(_EMULATED)) if context else text


def complete(text: str, given: Mapping[str, str], emulated: Emulated | None = None) -> str:
    """Complete the commands in a text like `pasteable`; `given` are the options as they are typed, by name. A saved
    plan names its own environment. `emulated` is where they ran, if that was the emulator.
    """

    def completed(found: re.Match[str]) -> str:
        command, rest = found.groups()
        there = rest.split()
        useless = {"--local", "--endpoint-url", "--profile"} if command in _ON_FILES else set[str]()
        useless |= {"--env", "--at"} if "--plan" in there else set[str]()
        useless |= set[str]() if command in _AT_COMMIT else {"--at"}
        lacking = (typed for option, typed in given.items() if option not in there and option not in useless)
        return f"`infragen {command}{''.join(lacking)}{rest}`"

    def elsewhere(found: re.Match[str]) -> str:
        if emulated is not None:
            return f"`{_on_emulator(found[1], emulated)}`"
        there = found[1].split()
        lacking = (given[each] for each in ("--endpoint-url", "--profile") if each in given and each not in there)
        return f"`{found[1]}{''.join(lacking)}`"

    return _NAMED.sub(completed, _AWS.sub(elsewhere, text))


def _on_emulator(command: str, emulated: Emulated) -> str:
    """Return what does in the emulator what a command of the AWS CLI does in AWS."""
    log = _LOG.match(command)
    name = emulated.logs.get(log[1]) if log else None
    if log and name:
        prefix, _, task = log[2].rpartition("/")
        chosen = f"release --task {task}" if prefix.startswith("release/") else f"api --task {task}"
        return f"infragen logs {chosen if name == 'api' else name} --since {log[3]}"
    region = "" if "--region" in command.split() else f" --region {emulated.region}"
    return f'eval "$(infragen local env --account {emulated.account})" && {command}{region}'


def pasteable_outcome(outcome: "Outcome") -> "Outcome":
    """Return an outcome whose sentences name commands that can be pasted."""
    from infragen.engine.outcome import Failed, Unknown

    match outcome:
        case Failed(message=message, hint=hint):
            return replace(outcome, message=pasteable(message), hint=pasteable(hint))
        case Unknown(message=message):
            return replace(outcome, message=pasteable(message))
    return outcome


def pasteable_check(result: "CheckResult") -> "CheckResult":
    """Return what a check found, with commands that can be pasted."""
    return replace(result, answers=tuple(replace(each, hint=pasteable(each.hint)) for each in result.answers))


@dataclass(frozen=True)
class Pasteable:
    """A listener that passes events on, with commands that can be pasted."""

    ui: "Ui"

    def tell(self, event: "Event") -> None:
        """Pass an event on."""
        self.ui.tell(_pasteable_event(event))

    def confirm(self, question: "Question") -> bool:
        """Pass a question on; what answers it is for the error that says so."""
        return self.ui.confirm(question)


def _pasteable_event(event: "Event") -> "Event":
    from infragen.engine.progress import Ended, Noticed, Planned, Warned

    match event:
        case Warned(text) | Noticed(text=text):
            return replace(event, text=pasteable(text))
        case Ended(outcome):
            return Ended(pasteable_outcome(outcome))
        case Planned(plan):
            checks = tuple(map(pasteable_check, plan.checks))
            return Planned(replace(plan, warnings=tuple(map(pasteable, plan.warnings)), checks=checks))
    return event
