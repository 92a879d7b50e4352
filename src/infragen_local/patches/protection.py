"""Deletion protection of database clusters and load balancers, which MiniStack ignores.

On AWS the deletion fails and with it the stack: DELETE_FAILED, and ROLLBACK_FAILED when a first creation that failed
is rolled back. The reasons are those of RDS DeleteDBCluster and Elastic Load Balancing DeleteLoadBalancer.
"""

from ministack.services import alb, rds

from infragen_local.patches.handlers import Properties, is_true, refuse_delete


def apply() -> None:
    """Let the deletion fail while the resource, not the template, has its protection on."""
    refuse_delete("AWS::RDS::DBCluster", _protected_cluster)
    refuse_delete("AWS::ElasticLoadBalancingV2::LoadBalancer", _protected_load_balancer)


def _protected_cluster(physical_id: str, _properties: Properties) -> str:
    if (rds._clusters.get(physical_id) or {}).get("DeletionProtection"):
        return "Cannot delete protected Cluster, please disable deletion protection and try again."
    return ""


def _protected_load_balancer(physical_id: str, _properties: Properties) -> str:
    for attribute in alb._lb_attrs.get(physical_id) or []:
        if attribute["Key"] == "deletion_protection.enabled" and is_true(attribute["Value"]):
            return f"Load balancer '{physical_id}' cannot be deleted because deletion protection is enabled"
    return ""
