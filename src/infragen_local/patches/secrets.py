"""Secrets Manager: what a secret's `Ref` gives, a secret that has no value yet, and drift of a secret.

MiniStack's `Ref` gives the name; AWS gives the ARN (AWS::SecretsManager::Secret, "Return values"). Without
SecretString and GenerateSecretString MiniStack stores a version with an empty text; AWS stores none, and code that
asks for the value gets ResourceNotFoundException.
"""

from typing import Any

from ministack.services import secretsmanager
from ministack.services.cloudformation import drift

from infragen_local.patches.handlers import Created, Properties, handler, replace

TYPE = "AWS::SecretsManager::Secret"


def apply() -> None:
    """Give secrets their ARN as physical id and take the empty first version away."""
    own = handler(TYPE)

    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        return _as_on_aws(properties, own["create"](logical_id, properties, stack))

    def update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
        return _as_on_aws(new, own["update"](_name(physical_id), old, new, stack, logical_id))

    def delete(physical_id: str, properties: Properties) -> None:
        own["delete"](_name(physical_id), properties)

    replace(TYPE, create=create, update=update, delete=delete)
    _mend_drift()


def _mend_drift() -> None:
    """Let the check for drift find a secret by its ARN."""
    own, supported = drift._DRIFT_READERS[TYPE]
    drift._DRIFT_READERS[TYPE] = (lambda arn, properties: own(_name(arn), properties), supported)


def _name(arn: str) -> str:
    """Return the key under which MiniStack keeps the secret with this ARN."""
    return next((str(name) for name, secret in secretsmanager._secrets.items() if secret["ARN"] == arn), arn)


def _as_on_aws(properties: Properties, created: Created) -> Created:
    name, attributes = created
    secret: dict[str, Any] = secretsmanager._secrets[name]
    if not {"SecretString", "GenerateSecretString"} & set(properties):
        secret["Versions"] = {
            version: data for version, data in secret["Versions"].items() if data.get("SecretString") != ""
        }
    return str(secret["ARN"]), attributes
