"""All that an account of the emulator holds, asked of each service that infragen's resources are of."""

from __future__ import annotations

from typing import Any

from emulator import Clients

LISTS = """
s3              list_buckets                   Buckets              Name
sqs             list_queues                    QueueUrls            -
lambda          list_functions                 Functions            FunctionArn
lambda          list_event_source_mappings     EventSourceMappings  UUID
logs            describe_log_groups            logGroups            logGroupName
ecr             describe_repositories          repositories         repositoryName
ecs             list_clusters                  clusterArns          -
elbv2           describe_load_balancers        LoadBalancers        LoadBalancerArn
elbv2           describe_target_groups         TargetGroups         TargetGroupArn
rds             describe_db_clusters           DBClusters           DBClusterIdentifier
rds             describe_db_instances          DBInstances          DBInstanceIdentifier
rds             describe_db_cluster_snapshots  DBClusterSnapshots   DBClusterSnapshotIdentifier
rds             describe_db_subnet_groups      DBSubnetGroups       DBSubnetGroupName
secretsmanager  list_secrets                   SecretList           ARN
iam             list_roles                     Roles                RoleName
iam             list_instance_profiles         InstanceProfiles     InstanceProfileName
sns             list_topics                    Topics               TopicArn
cloudwatch      describe_alarms                MetricAlarms         AlarmName
cloudwatch      list_dashboards                DashboardEntries     DashboardName
events          list_rules                     Rules                Name
scheduler       list_schedules                 Schedules            Name
ssm             describe_parameters            Parameters           Name
ec2             describe_vpcs                  Vpcs                 VpcId
ec2             describe_subnets               Subnets              SubnetId
ec2             describe_security_groups       SecurityGroups       GroupId
ec2             describe_addresses             Addresses            AllocationId
ec2             describe_nat_gateways          NatGateways          NatGatewayId
ec2             describe_vpc_endpoints         VpcEndpoints         VpcEndpointId
ec2             describe_network_interfaces    NetworkInterfaces    NetworkInterfaceId
ec2             describe_volumes               Volumes              VolumeId
"""
"""Service, the call that lists, the member of its answer, and what names one; `-` for a list of names."""

ENDED = ("deleted", "terminated", "PendingDeletion")


def everything(client: Clients, account: str, region: str) -> set[str]:
    """All that the account has; a stack that is deleted, and a key that waits for its deletion, are gone."""
    found: set[str] = set()
    for service, call, member, name in (line.split() for line in LISTS.split("\n") if line):
        rows: list[Any] = getattr(client(service, account, region), call)().get(member, [])
        there = [each for each in rows if name == "-" or each.get("State") not in ENDED]
        found |= {f"{service} {each if name == '-' else each[name]}" for each in there}
    hosts = client("ec2", account, region).describe_instances()["Reservations"]
    found |= {
        f"ec2 {each['InstanceId']}" for row in hosts for each in row["Instances"] if each["State"]["Name"] not in ENDED
    }
    keys = client("kms", account, region)
    states = {each["KeyId"]: keys.describe_key(KeyId=each["KeyId"]) for each in keys.list_keys()["Keys"]}
    found |= {f"kms {key}" for key, each in states.items() if each["KeyMetadata"]["KeyState"] not in ENDED}
    stacks = client("cloudformation", account, region).list_stacks()["StackSummaries"]
    found = {each for each in found if not each.startswith("iam AWSServiceRoleFor")}  # AWS's own, one for an account
    return found | {each["StackName"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"}
