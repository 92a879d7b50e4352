"""The application's own secrets: SSM parameters `/<project>/<environment>/<NAME>`, written and deleted, never read.

They are no resources of a stack: they are there before the first deployment, whose tasks cannot start without them, and
stay when the environment is deleted. Each is a SecureString under the platform key. While there is none (before the
first deployment) AWS's own key `aws/ssm` stands in, which lets every principal of the account decrypt that may read the
parameter (AWS Systems Manager User Guide, "Restricting decryption of SecureString parameter values", read 2026-11-29).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infragen.cloud.workload import StoredParameter
from infragen.config import Environment
from infragen.config.schema import VARIABLE
from infragen.engine.observe import Observed, check_identity, observe, place_words
from infragen.engine.progress import Question, Session
from infragen.errors import CloudError, InfragenError, InputError, OperationFailed, Refused
from infragen.layers.network import PlatformKeyArn

NETWORK = "network"

LONGEST = 4_096
"""Bytes of a value of a parameter of the standard tier, which costs nothing (AWS Systems Manager User Guide, "Managing
parameter tiers", read 2026-11-29)."""


@dataclass(frozen=True)
class AppSecret:
    """A secret: whether it is stored, how (empty or 0 where it is not), and which sections of the file take it."""

    name: str
    stored: bool
    changed: float = 0.0
    by: str = ""
    version: int = 0
    key: str = ""
    used_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """What was stored: the version of each secret, and whether it is under the environment's own key."""

    versions: Mapping[str, int]
    own_key: bool


@dataclass(frozen=True)
class Difference:
    """The names that only the one environment has stored, only the other, and both."""

    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    both: tuple[str, ...]


# --- values -----------------------------------------------------------------------------------------------------


def check_name(name: str) -> None:
    """Raise InputError for what cannot be the name of a variable. What is no name may be a value: it is not shown."""
    if not re.fullmatch(VARIABLE, name):
        raise InputError(
            "that is not the name of a secret; allowed: letters, digits and _, no digit first, such as STRIPE_KEY",
            "a value is never an argument: `infragen secrets set NAME` asks for it, or reads it from stdin",
        )


def check_value(value: str, what: str) -> None:
    """Raise InputError for a value that Parameter Store or a variable does not take; `what` says whose it is."""
    size = len(value.encode("utf-8", "surrogatepass"))
    if not value:
        raise InputError(
            f"the value of {what} is empty, which Parameter Store does not take",
            "type it at the prompt, or pipe it in; in a file to import, leave its line out",
        )
    if size > LONGEST:
        raise InputError(
            f"the value of {what} has {size:,} bytes; a parameter takes {LONGEST:,}",
            "store it in Secrets Manager and give its ARN",
        )
    if "\0" in value or any("\ud800" <= each <= "\udfff" for each in value):
        raise InputError(f"the value of {what} is no text that a variable can hold", "encode it, for example as Base64")
    if "{{" in value and "}}" in value:  # API Reference, PutParameter, Value
        raise InputError(
            f"the value of {what} holds {{{{ and }}}}, which Parameter Store does not take", "encode it as Base64"
        )


def parse_env_file(text: str, place: str) -> dict[str, str]:
    r"""Return the variables of a .env file: `NAME=VALUE` lines, with or without `export`, comments and empty lines.

    A value in single quotes is as it is; in double quotes \n, \t, \", \\ and \$ are what they stand for; without
    any it ends at ` #`. Nothing is expanded. Raises InputError with the line's number, and never its text, for any
    other line, a name that comes twice, and a value that cannot be stored.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        where = f"{place}:{number}"
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None:
            raise InputError(
                f"{where}: that is no NAME=VALUE, with quotes that end on the same line; nothing was stored",
                "store a value of several lines alone: `infragen secrets set NAME < FILE`",
            )
        name = match["name"]
        if name in found:
            raise InputError(f"{where}: {name} is there twice; nothing was stored", "remove one of the lines")
        value = _unquoted(match)
        try:
            check_value(value, name)
        except InputError as error:
            raise InputError(f"{where}: {error.message}; nothing was stored", error.hint) from None
        found[name] = value
    if not found:
        raise InputError(f"{place} has no variables; nothing was stored", "write NAME=VALUE, one per line")
    return found


_LINE = re.compile(
    r"""(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*
    (?: '(?P<single>[^']*)' (?:\s+\#.*)? | "(?P<double>(?:[^"\\]|\\.)*)" (?:\s+\#.*)? | (?P<plain>[^'"\s].*?|) )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$"}


def _unquoted(match: re.Match[str]) -> str:
    if match["single"] is not None:
        return match["single"]
    if match["double"] is not None:
        return re.sub(r"\\(.)", lambda each: _ESCAPES.get(each[1], each[0]), match["double"])
    return re.split(r"\s+#", match["plain"], maxsplit=1)[0].strip() if not match["plain"].startswith("#") else ""


# --- what is stored ---------------------------------------------------------------------------------------------


def stored(session: Session, env: Environment) -> tuple[AppSecret, ...]:
    """Return the secrets that are stored and those that the file takes, by name."""
    check_identity(session, env)
    return _merged(env, _parameters(session, env))


def compare(first: tuple[Session, Environment], second: tuple[Session, Environment]) -> Difference:
    """Return how the names differ that two environments have stored; no value is read."""
    names = []
    for session, env in (first, second):
        check_identity(session, env)
        names.append(set(_parameters(session, env)))
    one, other = names
    return Difference(tuple(sorted(one - other)), tuple(sorted(other - one)), tuple(sorted(one & other)))


def stored_names(session: Session, env: Environment) -> tuple[str, ...]:
    """Return the names of the secrets that are stored for an environment."""
    return tuple(sorted(_parameters(session, env)))


def _parameters(session: Session, env: Environment) -> dict[str, StoredParameter]:
    """Return the environment's own parameters by the name of their variable; what lies below one is another's."""
    begins = env.parameter("")
    rows = ((each.name.removeprefix(begins), each) for each in session.cloud.parameters(begins))
    return {name: each for name, each in rows if re.fullmatch(VARIABLE, name)}


def _merged(env: Environment, found: Mapping[str, StoredParameter]) -> tuple[AppSecret, ...]:
    used = env.own_secrets
    rows = []
    for name in sorted({*found, *used}):
        each = found.get(name)
        if each is None:
            rows.append(AppSecret(name, stored=False, used_by=used.get(name, ())))
        else:
            rows.append(AppSecret(name, True, each.changed, each.by, each.version, each.key, used.get(name, ())))
    return tuple(rows)


# --- writing ----------------------------------------------------------------------------------------------------


def store(session: Session, env: Environment, values: Mapping[str, str]) -> Written:
    """Store secrets, under the platform key where there is one.

    Raises OperationFailed where AWS stops in the middle: AWS has no call that writes several.
    """
    key = _platform_key(env, observe(session, env))
    tags = {"infragen:project": env.project, "infragen:environment": env.environment}
    versions: dict[str, int] = {}
    for name, value in values.items():
        try:
            versions[name] = session.cloud.put_parameter(env.parameter(name), value, key, tags)
        except InfragenError as error:
            if not versions:
                raise
            rest = [each for each in values if each not in versions]
            raise OperationFailed(
                f"{error.message}; stored: {', '.join(versions)}; not stored: {', '.join(rest)}",
                "no running task has changed; the same command stores all of them",
            ) from error
    return Written(versions, bool(key))


def _platform_key(env: Environment, observed: Observed) -> str:
    """Return the ARN of the environment's own key; empty while its network is not deployed."""
    state = observed.stack_of(NETWORK)
    return state.outputs.get(PlatformKeyArn.name, "") if state is not None else ""


def remove(session: Session, env: Environment, names: Sequence[str], *, in_use: bool = False) -> tuple[str, ...]:
    """Delete secrets after asking, and return those that were there.

    Raises InputError for one that is not stored, Refused for one that the file or a deployed stack takes, unless
    `in_use` allows it, or when the answer is no.
    """
    observed = observe(session, env)
    found = _parameters(session, env)
    missing = [each for each in names if each not in found]
    if missing:
        raise InputError(
            f"{env.environment} has no secret {', '.join(missing)}", "`infragen secrets list` shows those it has"
        )
    if not in_use:
        _refuse_used(session, env, observed, names)
    where, listed = place_words(env, observed.identity), ", ".join(names)
    if not session.ui.confirm(Question(f"delete {listed} of {where} for good?", "--yes")):
        raise Refused("declined; nothing was deleted")
    gone = session.cloud.delete_parameters([env.parameter(each) for each in names])
    return tuple(each.removeprefix(env.parameter("")) for each in gone)


def _refuse_used(session: Session, env: Environment, observed: Observed, names: Sequence[str]) -> None:
    """Raise Refused for a secret that tasks or functions need when they start."""
    used = env.own_secrets
    written = next(((each, used[each]) for each in names if each in used), None)
    if written is not None:
        raise Refused(
            f"{written[0]} is in use: {', '.join(written[1])} of {env.environment} takes it, and could not start",
            "take it out of the environment file and deploy that first; --allow-in-use deletes it all the same",
        )
    stacks = [each for layer in observed.layers.values() for each in (layer, *observed.inside(layer).values())]
    for state in stacks:
        try:
            template = session.cloud.template(state.stack_id)
        except CloudError as error:
            raise Refused(
                f"whether {state.name} is deployed with {', '.join(names)} is not known: {error.message}",
                f"{error.hint}; --allow-in-use deletes without asking".removeprefix("; "),
            ) from error
        for name in names:
            if re.search(rf"\$\{{ProjectName\}}/\$\{{EnvironmentName\}}/{name}\b", template):
                raise Refused(
                    f"{name} is in use: {state.name} is deployed with it, and new tasks could not start",
                    "deploy the environment file without it first; --allow-in-use deletes it all the same",
                )
