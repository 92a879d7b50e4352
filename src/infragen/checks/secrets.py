"""The secrets and parameters that the environment file names exist. Their values are never read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infragen.checks.check import Answer, Check, Path, Subject, ok, unknown, wrong
from infragen.config.schema import OWN_PARAMETER
from infragen.errors import PermissionDenied

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader


def _named(subject: Subject) -> Iterator[tuple[Path, str]]:
    """Yield where a secret is named, and what is written there."""
    env = subject.environment
    for variable, value in env.api.secrets.items() if env.api else ():
        yield ("api", "secrets", variable), value
    for index, worker in enumerate(env.workers):
        for variable, value in worker.secrets.items():
            yield ("workers", index, "secrets", variable), value
        for position, arn in enumerate(worker.secret_arns):
            yield ("workers", index, "secret_arns", position), arn


def run(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask for each secret and parameter of this account and region."""
    there, elsewhere = 0, list[str]()
    named = list(_named(subject))
    yield from _own(subject, account, [path for path, value in named if value == OWN_PARAMETER])
    for path, arn in named:
        if arn == OWN_PARAMETER:
            continue
        _, _, service, region, owner, *rest = arn.split(":")
        if (region, owner) != (subject.region, subject.account):
            elsewhere.append(f"{'.'.join(map(str, path))} ({region}, account {owner})")
            continue
        try:
            said = _secret(account, arn) if service == "secretsmanager" else _parameter(account, rest[0])
        except PermissionDenied as error:
            yield unknown(f"{'.'.join(map(str, path))}: {error.permission} is denied")
            continue
        if said:
            yield wrong(f"{subject.at(*path)}{said[0]}", said[1], input=True)
        else:
            there += 1
    if elsewhere:
        yield unknown(f"in another account or region, so not checked: {', '.join(elsewhere)}")
    if there:
        yield ok(f"{there} secrets and parameters that the file names exist")


def _own(subject: Subject, account: AccountReader, paths: list[Path]) -> Iterator[Answer]:
    """Ask for the environment's own parameters, all at once, and whether the keys that they are under can be used. What
    is missing is missing in the emulator, too: `infragen secrets` stores it there as well.
    """
    if not paths:
        return
    env = subject.environment
    found = {each.name: each for each in account.parameters(env.parameter(""))}
    there = 0
    states = {each.key: account.key_state(each.key) for each in found.values() if _is_key(each.key)}
    for path in paths:
        name = str(path[-1])
        stored = found.get(env.parameter(name))
        command = f"`infragen secrets set {name}`"
        if stored is None:
            words = f"there is no secret {name} of {env.environment} (the SSM parameter {env.parameter(name)})"
            yield wrong(f"{subject.at(*path)}{words}: tasks cannot start without it", f"{command} stores it")
        elif states.get(stored.key, "Enabled") not in ("Enabled", ""):
            words = f"the secret {name} is encrypted with {stored.key}, which is {states[stored.key]}"
            yield wrong(f"{subject.at(*path)}{words}: it cannot be decrypted", f"{command} encrypts it again")
        else:
            there += 1
    if there:
        yield ok(f"{there} secrets of the environment's own exist")


def _is_key(key: str) -> bool:
    """Return whether it is a key of the account; that of AWS's own alias is never disabled."""
    return bool(key) and not key.startswith("alias/aws/")


def _secret(account: AccountReader, arn: str) -> tuple[str, str] | None:
    plain = ":".join(arn.split(":")[:7])
    name = arn.split(":")[6]
    match account.secret(plain):
        case "there":
            return None
        case "deleted":
            return (
                f"the secret {name} is deleted and waits for its end: tasks cannot start",
                f"`aws secretsmanager restore-secret --secret-id {plain}`",
            )
    return f"there is no secret {name}", "`aws secretsmanager list-secrets` lists those there are"


def _parameter(account: AccountReader, resource: str) -> tuple[str, str] | None:
    """Return what is missing, and what creates it. An ARN does not say whether a name of one part begins with a slash;
    names of several parts do.
    """
    name = resource.removeprefix("parameter")
    names = (name,) if "/" in name[1:] else (name, name[1:])
    if any(account.parameter_exists(each) for each in names):
        return None
    return f"there is no parameter {name}", f"`aws ssm put-parameter --type SecureString --name {name}` creates it"


CHECK = Check(
    "secrets",
    "The secrets and SSM parameters that the file names exist, no secret of them waits for its deletion, and the keys "
    "of the environment's own can be used.",
    ("secretsmanager:DescribeSecret", "ssm:DescribeParameters", "kms:DescribeKey"),
    frozenset({"AWS::ECS::TaskDefinition", "AWS::Lambda::Function"}),
    run,
)
