"""Deletion protection behind CloudFormation's back, and what RDS offers: the calls of RDS, Elastic Load Balancing and
DynamoDB that read and lift it.

Sources (read 2026-11-29): "DescribeDBClusters", "ModifyDBCluster", "DescribeDBInstances", "ModifyDBInstance",
"DescribeDBClusterSnapshots", "DescribeDBSnapshots", "DescribeOrderableDBInstanceOptions",
"DescribeEngineDefaultClusterParameters" (Amazon RDS API Reference),
"DescribeLoadBalancerAttributes", "ModifyLoadBalancerAttributes" (Elastic Load Balancing API Reference),
"DescribeTable", "UpdateTable" (Amazon DynamoDB API Reference).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakeaws.cloud import Cloud
from fakeaws.model import Resource
from fakeaws.protocol import ApiError
from fakeaws.resources import refuses_deletion

CLUSTER, LOAD_BALANCER = "AWS::RDS::DBCluster", "AWS::ElasticLoadBalancingV2::LoadBalancer"
INSTANCE, TABLE = "AWS::RDS::DBInstance", "AWS::DynamoDB::Table"

PARAMETERS: dict[str, tuple[str, bool]] = {
    "fsync": ("0,1", False),
    "idle_in_transaction_session_timeout": ("0-2147483647", True),
    "log_connections": ("0,1", True),
    "log_disconnections": ("0,1", True),
    "log_lock_waits": ("0,1", True),
    "log_min_duration_statement": ("-1-2147483647", True),
    "log_statement": ("none,ddl,mod,all", True),
    "max_connections": ("6-262143", True),
    "random_page_cost": ("0-1.79769e+308", True),
    "rds.force_ssl": ("0,1", True),
    "shared_preload_libraries": ("auto_explain,orafce,pgaudit,pg_similarity,pg_stat_statements,pg_hint_plan", True),
    "search_path": ("", True),
    "wal_level": ("", False),
    "work_mem": ("64-2147483647", True),
}
"""Cluster parameters, with AllowedValues and IsModifiable: the few that the tests write, as the Aurora User Guide,
"Aurora PostgreSQL cluster-level parameters", and the Amazon RDS User Guide, "Working with parameters on your RDS for
PostgreSQL DB instance", have them (read 2026-11-29). A family of Aurora PostgreSQL has some 400."""
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

    def describe_db_cluster_snapshots(self, p: Params) -> dict[str, Any]:
        """DescribeDBClusterSnapshots of one cluster."""
        return self._snapshots(p, CLUSTER, "DBCluster")

    def describe_db_snapshots(self, p: Params) -> dict[str, Any]:
        """DescribeDBSnapshots of one instance."""
        return self._snapshots(p, INSTANCE, "DB")

    def _snapshots(self, p: Params, kind: str, word: str) -> dict[str, Any]:
        """Manual ones, one a page: the final snapshot that CloudFormation takes where the deletion policy is Snapshot
        (Template Reference, "DeletionPolicy attribute"), named STACK-snapshot-LOGICALID-RANDOM as in public reports,
        and `Settings.snapshots`. A database that is gone is no error (API reference: DBClusterSnapshotNotFoundFault and
        DBSnapshotNotFound are about a snapshot that is named).
        """
        owner = "DBClusterIdentifier" if kind == CLUSTER else "DBInstanceIdentifier"
        name = p[owner]
        ids = [*self.cloud.settings.snapshots.get(name, ())]
        for stack in self.cloud.stacks.values():
            for each in stack.resources.values():
                final = each.status == "DELETE_COMPLETE" and each.definition.get("DeletionPolicy") == "Snapshot"
                if final and (each.type, each.physical_id) == (kind, name):
                    ids.append(f"{stack.name}-snapshot-{each.logical_id.lower()}-1abcdefghijkl")
        at = int(p.get("Marker") or 0)
        rows = [{f"{word}SnapshotIdentifier": each, owner: name, "SnapshotType": "manual"} for each in ids[at : at + 1]]
        return {f"{word}Snapshots": rows, **({"Marker": str(at + 1)} if at + 1 < len(ids) else {})}

    def describe_db_instances(self, p: Params) -> dict[str, Any]:
        """DescribeDBInstances of one instance."""
        if p["DBInstanceIdentifier"] in self.cloud.settings.kept.get("AWS::RDS::DBInstance", ()):
            return {"DBInstances": [{"DBInstanceIdentifier": p["DBInstanceIdentifier"]}]}
        instance = self._find(INSTANCE, p["DBInstanceIdentifier"], "DBInstanceNotFound")
        protected = bool(refuses_deletion(instance))
        return {"DBInstances": [{"DBInstanceIdentifier": instance.physical_id, "DeletionProtection": protected}]}

    def modify_db_instance(self, p: Params) -> dict[str, Any]:
        """ModifyDBInstance, of DeletionProtection."""
        instance = self._find(INSTANCE, p["DBInstanceIdentifier"], "DBInstanceNotFound")
        instance.protected = p["DeletionProtection"]
        return {"DBInstance": {"DBInstanceIdentifier": instance.physical_id, "DeletionProtection": instance.protected}}

    def describe_engine_default_cluster_parameters(self, p: Params) -> dict[str, Any]:
        """DescribeEngineDefaultClusterParameters, two pages; a family of another engine has none that it knows."""
        family, known = p["DBParameterGroupFamily"], {**PARAMETERS, **self.cloud.settings.cluster_parameters}
        if not family.startswith("aurora-postgresql"):
            return {"EngineDefaults": {"DBParameterGroupFamily": family, "Parameters": []}}
        names = sorted(known)
        page = names[len(names) // 2 :] if p.get("Marker") else names[: len(names) // 2]
        rows = [{"ParameterName": each, "IsModifiable": known[each][1]} for each in page]
        for row in rows:
            if allowed := known[str(row["ParameterName"])][0]:
                row["AllowedValues"] = allowed
        found: dict[str, Any] = {"DBParameterGroupFamily": family, "Parameters": rows}
        return {"EngineDefaults": found if p.get("Marker") else {**found, "Marker": "second"}}

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

    def DescribeTable(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """DynamoDB DescribeTable, of deletion protection."""
        return {"Table": self._table(p)}

    def UpdateTable(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """DynamoDB UpdateTable, of deletion protection."""
        table = self._find(TABLE, p["TableName"], "ResourceNotFoundException", 400)
        table.protected = p["DeletionProtectionEnabled"]
        return {"TableDescription": self._table(p)}

    def _table(self, p: Params) -> dict[str, Any]:
        table = self._find(TABLE, p["TableName"], "ResourceNotFoundException", 400)
        return {
            "TableName": table.physical_id, "TableStatus": "ACTIVE",
            "DeletionProtectionEnabled": bool(refuses_deletion(table)),
        }  # fmt: skip

    def _find(self, kind: str, physical_id: str, missing: str, status: int = 404) -> Resource:
        for stack in self.cloud.stacks.values():
            for resource in stack.resources.values():
                gone = resource.status == "DELETE_COMPLETE"
                if gone or resource.logical_id in self.cloud.settings.deleted_by_hand:
                    continue
                here = (stack.account, stack.region) == (self.account, self.region)
                if here and (resource.type, resource.physical_id) == (kind, physical_id):
                    return resource
        text = "Requested resource not found" if kind == TABLE else f"{physical_id} not found"
        raise ApiError(missing, text, status)
