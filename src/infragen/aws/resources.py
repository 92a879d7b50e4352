"""What CloudFormation does not tell of a resource, asked of the service that it belongs to.

One function for each question; `account` hands them the clients. A resource is named as CloudFormation names it, by its
physical id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infragen.aws import reading
from infragen.aws.failure import AwsError, answered
from infragen.aws.reading import member, pages, plain
from infragen.aws.session import Clients
from infragen.cloud.cloudformation import StackResource
from infragen.errors import CloudError
from infragen.resource_types import ec2, rds
from infragen.resource_types.dynamodb import TABLE
from infragen.resource_types.ecr import REPOSITORY
from infragen.resource_types.elastic_load_balancing import LOAD_BALANCER
from infragen.resource_types.s3 import BUCKET

GONE = ("NoSuchBucket", "RepositoryNotFoundException")


# --- protection -------------------------------------------------------------------------------------------------


NOT_FOUND = frozenset({
    "DBClusterNotFoundFault", "DBInstanceNotFound", "DBInstanceNotFoundFault", "LoadBalancerNotFound",
    "LoadBalancerNotFoundException", "ResourceNotFoundException",
})  # fmt: skip
"""What RDS, Elastic Load Balancing and DynamoDB say of a resource that is not there (botocore, service models)."""


def deletion_protection(clients: Clients, resource: StackResource) -> bool:
    """Return whether the resource's own service refuses to delete it; types that have no such protection never do, nor
    does a resource that somebody has deleted by hand.
    """
    try:
        return _deletion_protection(clients, resource)
    except AwsError as error:
        if error.code in NOT_FOUND:
            return False
        raise


def _deletion_protection(clients: Clients, resource: StackResource) -> bool:
    name = resource.physical_id
    with answered(f"reading the deletion protection of {name}"):
        match resource.type:
            case rds.DB_CLUSTER.name:
                found = member(clients.rds.describe_db_clusters(DBClusterIdentifier=name), "DBClusters")
                return any(each.get("DeletionProtection") for each in found)
            case rds.DB_INSTANCE.name:
                instances = member(clients.rds.describe_db_instances(DBInstanceIdentifier=name), "DBInstances")
                return any(each.get("DeletionProtection") for each in instances)
            case LOAD_BALANCER.name:
                answer = clients.load_balancers.describe_load_balancer_attributes(LoadBalancerArn=name)
                return {"Key": "deletion_protection.enabled", "Value": "true"} in member(answer, "Attributes")
            case TABLE.name:
                return bool(
                    member(clients.tables.describe_table(TableName=name), "Table").get("DeletionProtectionEnabled")
                )
    return False


def lift_deletion_protection(clients: Clients, resource: StackResource) -> None:
    """Switch off what `deletion_protection` found on; nothing where the resource is gone by now."""
    try:
        _lift_deletion_protection(clients, resource)
    except AwsError as error:
        if error.code not in NOT_FOUND:
            raise


def _lift_deletion_protection(clients: Clients, resource: StackResource) -> None:
    name = resource.physical_id
    with answered(f"switching off the deletion protection of {name}"):
        match resource.type:
            case rds.DB_CLUSTER.name:
                clients.rds.modify_db_cluster(DBClusterIdentifier=name, DeletionProtection=False, ApplyImmediately=True)
            case rds.DB_INSTANCE.name:
                clients.rds.modify_db_instance(
                    DBInstanceIdentifier=name, DeletionProtection=False, ApplyImmediately=True
                )
            case LOAD_BALANCER.name:
                clients.load_balancers.modify_load_balancer_attributes(
                    LoadBalancerArn=name, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}]
                )
            case TABLE.name:
                clients.tables.update_table(TableName=name, DeletionProtectionEnabled=False)


# --- contents ---------------------------------------------------------------------------------------------------


def contents(clients: Clients, resource: StackResource, owner: str) -> int:
    """Return how many object versions a bucket holds, or images a repository: the first page, a thousand at most.

    S3 ListObjectVersions, ECR ListImages. One that is gone holds nothing.
    """
    name = resource.physical_id
    try:
        with answered(f"looking into {name} (s3:ListBucketVersions, ecr:ListImages)"):
            if resource.type == BUCKET.name:
                return len(_versions(clients, name, owner))
            if resource.type == REPOSITORY.name:
                return len(member(clients.registry.list_images(repositoryName=name), "imageIds"))
    except AwsError as error:
        if error.code not in GONE:
            raise
    return 0


def snapshots(clients: Clients, resource: StackResource) -> tuple[str, ...]:
    """Call RDS DescribeDBClusterSnapshots or DescribeDBSnapshots for the manual ones, as a final one is (Amazon Aurora
    User Guide, "Deleting Aurora DB clusters and DB instances"; Amazon RDS User Guide, "Deleting a DB instance"; read
    2026-11-29). They stay when their database is gone.
    """
    call: Callable[..., Any]
    match resource.type:
        case rds.DB_CLUSTER.name:
            call, kind, key = clients.rds.describe_db_cluster_snapshots, "DBCluster", "DBClusterIdentifier"
        case rds.DB_INSTANCE.name:
            call, kind, key = clients.rds.describe_db_snapshots, "DB", "DBInstanceIdentifier"
        case _:
            return ()
    with answered(f"listing the snapshots of {resource.physical_id} (rds:Describe{kind}Snapshots)"):
        rows = pages(call, f"{kind}Snapshots", "Marker", SnapshotType="manual", **{key: resource.physical_id})
        return tuple(plain(member(each, f"{kind}SnapshotIdentifier")) for each in rows)


def delete_objects(clients: Clients, bucket: str, owner: str, prefix: str = "") -> bool:
    """Call S3 DeleteObjects for a thousand object versions and delete markers, of keys that begin with `prefix`; return
    whether there were any.
    """
    with answered(f"deleting what is in {bucket} (s3:DeleteObjectVersion)"):
        versions = _versions(clients, bucket, owner, prefix)
        if not versions:
            return False
        answer = clients.s3.delete_objects(
            Bucket=bucket, ExpectedBucketOwner=owner, Delete={"Objects": versions, "Quiet": True}
        )
    for each in answer.get("Errors", ()):  # the call as a whole succeeds all the same
        raise CloudError(
            f"{bucket}/{each.get('Key')} cannot be deleted: {reading.plain(each.get('Message'))}",
            "delete it by hand, then run the same command again",
        )
    return True


def _versions(clients: Clients, bucket: str, owner: str, prefix: str = "") -> list[Any]:
    asked: dict[str, Any] = {"Bucket": bucket, "ExpectedBucketOwner": owner, **({"Prefix": prefix} if prefix else {})}
    answer = clients.s3.list_object_versions(**asked)
    rows = (*answer.get("Versions", ()), *answer.get("DeleteMarkers", ()))
    found = [{"Key": member(each, "Key"), "VersionId": member(each, "VersionId")} for each in rows]
    return [each for each in found if str(each["Key"]).startswith(prefix)]  # what is deleted is not left to an answer


def network_interfaces(clients: Clients, resource: StackResource) -> tuple[str, ...]:
    """Call EC2 DescribeNetworkInterfaces: those in a subnet, VPC or security group, each with what it is for."""
    key = {ec2.SECURITY_GROUP.name: "group-id", ec2.SUBNET.name: "subnet-id", ec2.VPC.name: "vpc-id"}
    if resource.type not in key:
        return ()
    with answered(f"reading who uses {resource.physical_id} (ec2:DescribeNetworkInterfaces)"):
        answer = clients.networks.describe_network_interfaces(
            Filters=[{"Name": key[resource.type], "Values": [resource.physical_id]}]
        )
        return tuple(
            f"{each['NetworkInterfaceId']} ({reading.plain(each.get('Description')) or each.get('InterfaceType', '')})"
            for each in member(answer, "NetworkInterfaces")
        )
