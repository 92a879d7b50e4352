"""Secrets of the environment file: which ARN names what, and the rights to read it.

A value never enters a template. ECS injects `api.secrets` when a task starts: the task definition carries the ARN, and
the execution role reads the secret. A worker's code reads its `secrets` and `secret_arns` itself.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from troposphere import Sub

from infragen.config.schema import OWN_PARAMETER
from infragen.layers.contract import allow, arn

NONE: Mapping[str, str] = {}
_SECRET = re.compile(r"(?P<arn>arn:(?P<partition>[\w-]+):secretsmanager:(?P<place>[\w-]+:\d{12}):secret:[^:]+)(:.*)?")
_PARAMETER = re.compile(r"(?P<arn>arn:(?P<partition>[\w-]+):ssm:(?P<place>[\w-]+:\d{12}):parameter/.+)")


@dataclass(frozen=True)
class StoredSecret:
    """One thing to read: `service` is secretsmanager or ssm, `arn` without the json key, stage and version that ECS
    allows after the ARN of a secret; `keys` are the KMS keys where it lives.
    """

    service: str
    arn: str
    keys: str


def parse(value: str) -> StoredSecret:
    """Return what a `ValueFrom` names. Raises ValueError when it is neither a secret's nor a parameter's ARN.

    The forms are those of the ECS Developer Guide, "Pass sensitive data to an Amazon ECS container".
    """
    for service, pattern in (("secretsmanager", _SECRET), ("ssm", _PARAMETER)):
        found = pattern.fullmatch(value)
        if found:
            return StoredSecret(service, found["arn"], f"arn:{found['partition']}:kms:{found['place']}:key/*")
    raise ValueError(f"{value!r} is the ARN of neither a Secrets Manager secret nor an SSM parameter")


SECRET_PARAMETERS = "SECRET_PARAMETERS"  # noqa: S105  # the name of a variable that holds names
"""The variable in which a worker finds its secrets: `NAME=PARAMETER`, with a space between two."""


def source_of(variable: str, value: str) -> Any:
    """Return the ARN of what a variable takes: that of the environment's own parameter of this name for `ssm`."""
    if value != OWN_PARAMETER:
        return value
    place = "ssm:${AWS::Region}:${AWS::AccountId}:parameter"
    return arn(f"{place}/${{ProjectName}}/${{EnvironmentName}}/{variable}")


def parameters_of(secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return the variable with which a worker's code finds its secrets; none without any. Parameter Store takes the
    name of a parameter of its own account and the ARN of any.
    """
    own = "/${ProjectName}/${EnvironmentName}/"
    words = (f"{name}={own + name if value == OWN_PARAMETER else value}" for name, value in secrets.items())
    return {SECRET_PARAMETERS: Sub(" ".join(words))} if secrets else {}


def read_statements(values: Iterable[str], secrets: Mapping[str, str] = NONE) -> tuple[dict[str, Any], ...]:
    """Return the rights to read exactly these secrets and parameters, and to decrypt them whichever key they are under.
    `secrets` are those of a variable each, which may be `ssm`.

    The key is not known from the ARN. The encryption context is: Secrets Manager and Parameter Store put the ARN of
    what they decrypt into it, so the right holds for these values and for nothing else under the same key (Secrets
    Manager User Guide, "Secret encryption"; Systems Manager User Guide, "AWS KMS encryption for SecureString").
    """
    own = [source_of(variable, value) for variable, value in secrets.items() if value == OWN_PARAMETER]
    named = (value for value in secrets.values() if value != OWN_PARAMETER)
    found = [parse(value) for value in (*values, *named)]
    return (
        *_statements("secretsmanager", "secretsmanager:GetSecretValue", "SecretARN", found),
        *_statements("ssm", "ssm:GetParameters", "PARAMETER_ARN", found, own),
    )


def _statements(
    service: str, action: str, context: str, found: Iterable[StoredSecret], own: Sequence[Any] = ()
) -> tuple[dict[str, Any], ...]:
    mine = [each for each in found if each.service == service]
    if not mine and not own:
        return ()
    arns: list[Any] = [*sorted({each.arn for each in mine}), *own]
    keys: list[Any] = [*sorted({each.keys for each in mine})]
    keys += [arn("kms:${AWS::Region}:${AWS::AccountId}:key/*")] if own else []
    decryption = {"StringEquals": {f"kms:EncryptionContext:{context}": arns}}
    return (allow(action, arns), allow("kms:Decrypt", keys, decryption))
