"""What CloudFormation does not tell of a resource, asked of the service that it belongs to.

One function for each question; `account` hands them the clients. A resource is named as CloudFormation names it, by its
physical id.
"""

from __future__ import annotations

from infragen.aws import reading
from infragen.aws.failure import translated
from infragen.aws.session import Clients
from infragen.stack import StackResource

CLUSTER, LOAD_BALANCER = "AWS::RDS::DBCluster", "AWS::ElasticLoadBalancingV2::LoadBalancer"


# --- ECS services -----------------------------------------------------------------------------------------------


def service_events(clients: Clients, service_arn: str) -> tuple[tuple[str, str], ...]:
    """ECS DescribeServices, and ListTasks and DescribeTasks for the tasks that stopped."""
    ecs, cluster = clients.ecs, _cluster(service_arn)
    with translated(f"reading the service {service_arn} (ecs:DescribeServices)"):
        services = ecs.describe_services(cluster=cluster, services=[service_arn])["services"]
        said = [(each["id"], reading.plain(each["message"])) for one in services for each in one.get("events", ())]
        name = service_arn.rpartition("/")[2]
        stopped = ecs.list_tasks(cluster=cluster, serviceName=name, desiredStatus="STOPPED")["taskArns"]
        tasks = ecs.describe_tasks(cluster=cluster, tasks=stopped)["tasks"] if stopped else []
    reasons = [(each["taskArn"], f"a task stopped: {reading.plain(each.get('stoppedReason'))}") for each in tasks]
    return (*reasons, *said)


def running_task_definition(clients: Clients, service_arn: str) -> str:
    """ECS DescribeServices: the task definition of the newest deployment, after a rollback the old one again.

    That deployment is called PRIMARY (ECS API reference, Deployment). Empty for a service without deployments of its
    own (another deployment controller), or without a service.
    """
    with translated(f"reading the service {service_arn} (ecs:DescribeServices)"):
        found = clients.ecs.describe_services(cluster=_cluster(service_arn), services=[service_arn])["services"]
    deployments = (each for service in found for each in service.get("deployments", ()))
    return next((each.get("taskDefinition", "") for each in deployments if each.get("status") == "PRIMARY"), "")


def _cluster(service_arn: str) -> str:
    """The cluster that is part of a service's ARN; the old short form has none."""
    return service_arn.split("/")[-2] if service_arn.count("/") > 1 else "default"


# --- protection -------------------------------------------------------------------------------------------------


def deletion_protection(clients: Clients, resource: StackResource) -> bool:
    """RDS DescribeDBClusters, or ELB DescribeLoadBalancerAttributes; other types have none that we know."""
    with translated(f"reading the deletion protection of {resource.physical_id}"):
        if resource.type == CLUSTER:
            clusters = clients.rds.describe_db_clusters(DBClusterIdentifier=resource.physical_id)["DBClusters"]
            return any(each.get("DeletionProtection") for each in clusters)
        if resource.type == LOAD_BALANCER:
            attributes = clients.load_balancers.describe_load_balancer_attributes(LoadBalancerArn=resource.physical_id)
            return any(
                each["Key"] == "deletion_protection.enabled" and each["Value"] == "true"
                for each in attributes["Attributes"]
            )
    return False


def lift_deletion_protection(clients: Clients, resource: StackResource) -> None:
    """RDS ModifyDBCluster, or ELB ModifyLoadBalancerAttributes."""
    with translated(f"switching off the deletion protection of {resource.physical_id}"):
        if resource.type == CLUSTER:
            clients.rds.modify_db_cluster(
                DBClusterIdentifier=resource.physical_id, DeletionProtection=False, ApplyImmediately=True
            )
        elif resource.type == LOAD_BALANCER:
            clients.load_balancers.modify_load_balancer_attributes(
                LoadBalancerArn=resource.physical_id,
                Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}],
            )
