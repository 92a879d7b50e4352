"""RDS: the secret that RDS makes for a cluster's master user.

With ManageMasterUserPassword AWS makes a secret and gives its ARN as `MasterUserSecret.SecretArn` (Password management
with Amazon Aurora and AWS Secrets Manager). MiniStack makes none, and the attribute "does not exist in schema".
"""

import json
import uuid
from typing import Any

from ministack.services import secretsmanager

from infragen_local.patches.handlers import Properties, add_attributes, handler, is_true, replace

TYPE = "AWS::RDS::DBCluster"


def apply() -> None:
    """Make a real secret for each cluster that asks for one, and take it away with the cluster."""
    add_attributes(TYPE, _master_user_secret)
    own = handler(TYPE)

    def delete(physical_id: str, properties: Properties) -> None:
        own["delete"](physical_id, properties)
        secretsmanager._secrets.pop(_secret_name(physical_id), None)

    replace(TYPE, delete=delete)


def _secret_name(cluster_id: str) -> str:
    return f"rds!cluster-{uuid.uuid5(uuid.NAMESPACE_URL, cluster_id)}"


def _master_user_secret(cluster_id: str, properties: Properties) -> dict[str, Any]:
    if not is_true(properties.get("ManageMasterUserPassword")):
        return {}
    name = _secret_name(cluster_id)
    if name not in secretsmanager._secrets:
        value = {"username": properties.get("MasterUsername"), "password": uuid.uuid4().hex}
        secretsmanager._store_new_secret(name, json.dumps(value))
    return {"MasterUserSecret.SecretArn": secretsmanager._secrets[name]["ARN"]}
