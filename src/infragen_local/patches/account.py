"""What an account says of itself: service-linked roles, and Aurora's serverless class.

In an account that was used before, the services' own roles exist (IAM User Guide, "AWS services that work with IAM"):
here they are made when somebody asks for one. MiniStack has none, and calls those that it makes by other names. RDS
offers db.serverless for Aurora (Amazon RDS API Reference, DescribeOrderableDBInstanceOptions); MiniStack creates such
instances and does not list the class.
"""

from typing import Any

from ministack.services import iam, rds

Answer = tuple[int, dict[str, str], bytes]

ROLES = {
    "AWSServiceRoleForECS": "ecs.amazonaws.com",
    "AWSServiceRoleForRDS": "rds.amazonaws.com",
    "AWSServiceRoleForElasticLoadBalancing": "elasticloadbalancing.amazonaws.com",
    "AWSServiceRoleForApplicationAutoScaling_ECSService": "ecs.application-autoscaling.amazonaws.com",
}
LISTED, SERVERLESS = "db.r5.large", "db.serverless"


def apply() -> None:
    """Let GetRole make a service-linked role, and DescribeOrderableDBInstanceOptions offer db.serverless."""
    get_role, options = iam._IAM_HANDLERS["GetRole"], rds._ACTION_MAP["DescribeOrderableDBInstanceOptions"]

    def get(p: dict[str, Any]) -> Answer:
        name = _text(p, "RoleName")
        if name in ROLES and name not in iam._roles:
            _make(name)
        answer: Answer = get_role(p)
        return answer

    def orderable(p: dict[str, Any]) -> Answer:
        if _text(p, "DBInstanceClass") != SERVERLESS or not _text(p, "Engine").startswith("aurora"):
            found: Answer = options(p)
            return found
        given = p["DBInstanceClass"]
        status, headers, body = options({**p, "DBInstanceClass": [LISTED] if isinstance(given, list) else LISTED})
        return status, headers, body.replace(LISTED.encode(), SERVERLESS.encode())

    iam._IAM_HANDLERS["GetRole"] = get
    rds._ACTION_MAP["DescribeOrderableDBInstanceOptions"] = orderable


def _text(p: dict[str, Any], name: str) -> str:
    value = p.get(name, "")
    return str(value[0]) if isinstance(value, list) and value else str(value)


def _make(name: str) -> None:
    """MiniStack's own role of the service, under the name that AWS gives it."""
    before = set(iam._roles)
    iam._create_service_linked_role({"AWSServiceName": [ROLES[name]]})
    for made in set(iam._roles) - before:
        role = iam._roles.pop(made)
        iam._roles[name] = {**role, "RoleName": name, "Arn": role["Arn"].replace(made, name)}
