"""Secrets of the environment file: which ARN names what, and the rights to read it.

A value never enters a template. ECS injects `api.secrets` when a task starts: the task definition carries the ARN, and
the execution role reads the secret. A worker's code reads its `secret_arns` itself.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infragen.layers.contract import allow

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


def read_statements(values: Iterable[str]) -> tuple[dict[str, Any], ...]:
    """Return the rights to read exactly these secrets and parameters, and to decrypt them whichever key they are under.

    The key is not known from the ARN. The encryption context is: Secrets Manager and Parameter Store put the ARN of
    what they decrypt into it, so the right holds for these values and for nothing else under the same key (Secrets
    Manager User Guide, "Secret encryption"; Systems Manager User Guide, "AWS KMS encryption for SecureString").
    """
    found = [parse(value) for value in values]
    return (
        *_statements("secretsmanager", "secretsmanager:GetSecretValue", "SecretARN", found),
        *_statements("ssm", "ssm:GetParameters", "PARAMETER_ARN", found),
    )


def _statements(service: str, action: str, context: str, found: Iterable[StoredSecret]) -> tuple[dict[str, Any], ...]:
    mine = [each for each in found if each.service == service]
    if not mine:
        return ()
    arns = sorted({each.arn for each in mine})
    decryption = {"StringEquals": {f"kms:EncryptionContext:{context}": arns}}
    return (allow(action, arns), allow("kms:Decrypt", sorted({each.keys for each in mine}), decryption))
