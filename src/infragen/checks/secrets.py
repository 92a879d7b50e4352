"""The secrets and parameters that the environment file names exist. Their values are never read."""

from __future__ import annotations

from collections.abc import Iterator

from infragen.checks.check import Answer, Check, Path, Subject, ok, unknown, wrong
from infragen.cloud import AccountReader
from infragen.errors import PermissionDenied


def _named(subject: Subject) -> Iterator[tuple[Path, str]]:
    env = subject.environment
    for variable, arn in env.api.secrets.items() if env.api else ():
        yield ("api", "secrets", variable), arn
    for index, worker in enumerate(env.workers):
        for position, arn in enumerate(worker.secret_arns):
            yield ("workers", index, "secret_arns", position), arn


def run(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask for each secret and parameter of this account and region."""
    there, elsewhere = 0, list[str]()
    for path, arn in _named(subject):
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
    """Return an ARN does not say whether a name of one part begins with a slash; names of several parts do."""
    name = resource.removeprefix("parameter")
    names = (name,) if "/" in name[1:] else (name, name[1:])
    if any(account.parameter_exists(each) for each in names):
        return None
    return f"there is no parameter {name}", f"`aws ssm put-parameter --type SecureString --name {name}` creates it"


CHECK = Check(
    "secrets",
    "The secrets and SSM parameters that the file names exist, and no secret of them waits for its deletion.",
    ("secretsmanager:DescribeSecret", "ssm:DescribeParameters"),
    frozenset({"AWS::ECS::TaskDefinition", "AWS::Lambda::Function"}),
    run,
)
