"""How long: spans of time in words, and how long AWS usually takes for what takes long.

The table is data, so that nobody takes patience for a fault. AWS promises none of these times: a row says where its
figure comes from, or that it is what people commonly see. Nothing is decided by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

HEARTBEAT = 60.0
"""Seconds of silence after which whoever listens hears that the command is alive."""

BEGINNINGS = {"CREATE": "creating", "UPDATE": "updating", "DELETE": "deleting", "IMPORT": "importing"}


@dataclass(frozen=True)
class Usual:
    """`low` to `high` minutes, on which condition if any, and why so long or who says so."""

    low: int
    high: int
    why: str
    when: str = ""

    def __str__(self) -> str:
        """`usually 8-12 min`."""
        return f"usually {self.low}-{self.high} min{f' {self.when}' if self.when else ''}"


_COMMON = "commonly seen; AWS gives no figure"

USUAL: Mapping[tuple[str, str], Usual] = {
    ("AWS::RDS::DBCluster", "CREATE"): Usual(1, 3, f"storage in three zones; {_COMMON}"),
    ("AWS::RDS::DBCluster", "DELETE"): Usual(1, 10, f"a last snapshot first, where the policy asks for one; {_COMMON}"),
    ("AWS::RDS::DBInstance", "CREATE"): Usual(8, 12, f"a new host joins the cluster; {_COMMON}"),
    ("AWS::RDS::DBInstance", "DELETE"): Usual(3, 10, _COMMON),
    ("AWS::EC2::NatGateway", "CREATE"): Usual(1, 3, f"one host a zone; {_COMMON}"),
    ("AWS::EC2::NatGateway", "DELETE"): Usual(1, 2, _COMMON),
    ("AWS::EC2::Instance", "CREATE"): Usual(2, 5, "it boots, sets itself up and signals; infragen waits 10 minutes"),
    ("AWS::EC2::VPCEndpoint", "CREATE"): Usual(1, 3, f"an interface in each zone; {_COMMON}"),
    ("AWS::EC2::VPCEndpoint", "DELETE"): Usual(2, 5, f"its interfaces go first; {_COMMON}"),
    ("AWS::EC2::SecurityGroup", "DELETE"): Usual(
        20, 40, "Lambda's interfaces hold it (hashicorp/terraform-provider-aws#10347)", "where Lambda used it"
    ),
    ("AWS::EC2::Subnet", "DELETE"): Usual(
        20, 40, "Lambda's interfaces hold it (hashicorp/terraform-provider-aws#10347)", "where Lambda used it"
    ),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "CREATE"): Usual(2, 4, f"hosts in each zone; {_COMMON}"),
    ("AWS::CertificateManager::Certificate", "CREATE"): Usual(
        2, 30, "ACM waits for the DNS record, at most 72 hours (ACM User Guide, DNS validation)"
    ),
    ("AWS::ECS::Service", "CREATE"): Usual(2, 6, "until its tasks are healthy behind the load balancer"),
    ("AWS::ECS::Service", "UPDATE"): Usual(3, 10, "new tasks become healthy, then the old ones drain for 5 minutes"),
    ("AWS::ECS::Service", "DELETE"): Usual(2, 8, "its tasks drain first"),
    ("AWS::Lambda::Function", "DELETE"): Usual(
        20, 40, "its network interfaces go first (aws-cloudformation/cloudformation-coverage-roadmap#392)", "in a VPC"
    ),
}
"""Type and operation -> how long."""


def span(seconds: float) -> str:
    """`38 s`, `1 min 35 s`, `1 h 2 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def usually(type_: str, status: str) -> Usual | None:
    """How long a resource of this type usually is in this status; None where it is quick or nobody knows."""
    return USUAL.get((type_, status.partition("_")[0]))


def verb(status: str) -> str:
    """What a resource in progress is doing: `creating`; a status that is not in progress stays as it is."""
    operation = status.removesuffix("_IN_PROGRESS")
    return BEGINNINGS.get(operation, operation.lower().replace("_", " ")) if operation != status else status
