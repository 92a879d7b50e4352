"""Deletion protection of database clusters and load balancers, which MiniStack ignores.

On AWS the deletion fails and with it the stack: DELETE_FAILED, and ROLLBACK_FAILED when a first creation that failed
is rolled back. The reasons are those of RDS DeleteDBCluster and Elastic Load Balancing DeleteLoadBalancer.
"""

from infragen.emulator.mends.handlers import Properties, is_true, refuse_delete


def mend() -> None:
    """Let the deletion of protected resources fail."""
    refuse_delete("AWS::RDS::DBCluster", _protected_cluster)
    refuse_delete("AWS::ElasticLoadBalancingV2::LoadBalancer", _protected_load_balancer)


def _protected_cluster(_physical_id: str, properties: Properties) -> str:
    if is_true(properties.get("DeletionProtection")):
        return "Cannot delete protected Cluster, please disable deletion protection and try again."
    return ""


def _protected_load_balancer(physical_id: str, properties: Properties) -> str:
    for attribute in properties.get("LoadBalancerAttributes") or []:
        if attribute.get("Key") == "deletion_protection.enabled" and is_true(attribute.get("Value")):
            return f"Load balancer '{physical_id}' cannot be deleted because deletion protection is enabled"
    return ""
