"""Deletion protection behind CloudFormation's back: the RDS and Elastic Load Balancing calls that read and lift it.

Sources: "DescribeDBClusters", "ModifyDBCluster" (Amazon RDS API Reference), "DescribeLoadBalancerAttributes",
"ModifyLoadBalancerAttributes" (Elastic Load Balancing API Reference).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakeaws.cloud import Cloud
from fakeaws.model import Resource
from fakeaws.protocol import ApiError
from fakeaws.resources import refuses_deletion

CLUSTER, LOAD_BALANCER = "AWS::RDS::DBCluster", "AWS::ElasticLoadBalancingV2::LoadBalancer"
Params = Mapping[str, Any]


class Protection:
    """The calls, named as botocore names them. Only resources that a stack made exist."""

    def __init__(self, cloud: Cloud, account: str, region: str) -> None:
        self.cloud = cloud
        self.account = account
        self.region = region

    def describe_db_clusters(self, p: Params) -> dict[str, Any]:
        """DescribeDBClusters of one cluster."""
        if p["DBClusterIdentifier"] in self.cloud.settings.kept.get(CLUSTER, ()):
            return {"DBClusters": [{"DBClusterIdentifier": p["DBClusterIdentifier"], "Status": "available"}]}
        cluster = self._find(CLUSTER, p["DBClusterIdentifier"], "DBClusterNotFoundFault")
        return {
            "DBClusters": [
                {
                    "DBClusterIdentifier": cluster.physical_id,
                    "DeletionProtection": bool(refuses_deletion(cluster)),
                    "Status": "available",
                }
            ]
        }

    def describe_db_instances(self, p: Params) -> dict[str, Any]:
        """DescribeDBInstances of one instance."""
        if p["DBInstanceIdentifier"] in self.cloud.settings.kept.get("AWS::RDS::DBInstance", ()):
            return {"DBInstances": [{"DBInstanceIdentifier": p["DBInstanceIdentifier"]}]}
        instance = self._find("AWS::RDS::DBInstance", p["DBInstanceIdentifier"], "DBInstanceNotFound")
        return {"DBInstances": [{"DBInstanceIdentifier": instance.physical_id}]}

    def describe_orderable_db_instance_options(self, p: Params) -> dict[str, Any]:
        """DescribeOrderableDBInstanceOptions, as `Settings.orderable` says; one row for each kind of storage."""
        letters = self.cloud.settings.orderable.get(p["EngineVersion"], ("a", "b", "c"))
        zones = [{"Name": f"{self.region}{each}"} for each in letters]
        row = {"Engine": p["Engine"], "EngineVersion": p["EngineVersion"], "DBInstanceClass": p["DBInstanceClass"]}
        kinds = ("aurora", "aurora-iopt1") if letters else ()
        return {
            "OrderableDBInstanceOptions": [{**row, "AvailabilityZones": zones, "StorageType": each} for each in kinds]
        }

    def modify_db_cluster(self, p: Params) -> dict[str, Any]:
        """ModifyDBCluster, of DeletionProtection."""
        cluster = self._find(CLUSTER, p["DBClusterIdentifier"], "DBClusterNotFoundFault")
        cluster.protected = p["DeletionProtection"]
        return {"DBCluster": {"DBClusterIdentifier": cluster.physical_id, "DeletionProtection": cluster.protected}}

    def describe_load_balancer_attributes(self, p: Params) -> dict[str, Any]:
        """DescribeLoadBalancerAttributes, of deletion protection."""
        balancer = self._find(LOAD_BALANCER, p["LoadBalancerArn"], "LoadBalancerNotFound")
        value = "true" if refuses_deletion(balancer) else "false"
        return {"Attributes": [{"Key": "deletion_protection.enabled", "Value": value}]}

    def describe_target_health(self, p: Params) -> dict[str, Any]:
        """DescribeTargetHealth (Elastic Load Balancing API Reference), as `Settings.target_health` says."""
        rows = self.cloud.settings.target_health.get(p["TargetGroupArn"], ())
        return {
            "TargetHealthDescriptions": [
                {"Target": {"Id": name, "Port": 80}, "TargetHealth": {"State": state, "Description": words}}
                for name, state, words in rows
            ]
        }

    def modify_load_balancer_attributes(self, p: Params) -> dict[str, Any]:
        """ModifyLoadBalancerAttributes, of deletion protection."""
        balancer = self._find(LOAD_BALANCER, p["LoadBalancerArn"], "LoadBalancerNotFound")
        for item in p["Attributes"]:
            if item["Key"] == "deletion_protection.enabled":
                balancer.protected = item["Value"] == "true"
        return {"Attributes": p["Attributes"]}

    def _find(self, kind: str, physical_id: str, missing: str) -> Resource:
        for stack in self.cloud.stacks.values():
            for resource in stack.resources.values():
                gone = resource.status == "DELETE_COMPLETE"
                if gone or resource.logical_id in self.cloud.settings.deleted_by_hand:
                    continue
                here = (stack.account, stack.region) == (self.account, self.region)
                if here and (resource.type, resource.physical_id) == (kind, physical_id):
                    return resource
        raise ApiError(missing, f"{physical_id} not found", 404)
