"""Types that no layer of infragen creates, but of which everybody knows that they hold data.

A type that is not here is no less safe: without a row it counts as holding data, too. A row says it in plain words.
Nobody has read which of their properties lose something in place, but for those that a row names: each change is asked
about.
"""

from infragen.resource_types.resource_type import Loss, ResourceType, When


def _holds(
    name: str, data: str, deletion_policy: str = "Delete", losses: tuple[Loss, ...] = (), *, of: str = ""
) -> ResourceType:
    """Return the row of a type; `of` is the key of its commands in `_COMMANDS`."""
    remove, list_snapshots, remove_snapshot = _COMMANDS.get(of, ("", "", ""))
    return ResourceType(
        name, holds_data=True, data=data, deletion_policy=deletion_policy, losses=losses, delete_command=remove,
        snapshots_command=list_snapshots, snapshot_delete_command=remove_snapshot,
    )  # fmt: skip


def _cluster(service: str) -> tuple[str, str, str]:
    return (
        f"aws {service} delete-db-cluster --skip-final-snapshot --db-cluster-identifier {{}}",
        f"aws {service} describe-db-cluster-snapshots --snapshot-type manual --db-cluster-identifier {{}}",
        f"aws {service} delete-db-cluster-snapshot --db-cluster-snapshot-identifier {{}}",
    )


def _cache(kind: str, command: str) -> tuple[str, str, str]:
    return (
        f"aws elasticache delete-{command} --{kind} {{}}",
        f"aws elasticache describe-snapshots --snapshot-source user --{kind} {{}}",
        "aws elasticache delete-snapshot --snapshot-name {}",
    )


_COMMANDS = {
    "docdb": _cluster("docdb"),
    "neptune": _cluster("neptune"),
    "cache": _cache("cache-cluster-id", "cache-cluster"),
    "replication": _cache("replication-group-id", "replication-group"),
    "redshift": (
        "aws redshift delete-cluster --skip-final-cluster-snapshot --cluster-identifier {}",
        "aws redshift describe-cluster-snapshots --snapshot-type manual --cluster-identifier {}",
        "aws redshift delete-cluster-snapshot --snapshot-identifier {}",
    ),
}
"""What deletes one that stayed, lists its manual snapshots, and deletes one of these: with databases of RDS and EC2
volumes, the types that a DeletionPolicy can snapshot (User Guide, "DeletionPolicy attribute"; AWS CLI Command
Reference; read 2026-11-29)."""


_REPLICAS = "its copies go, and what is not yet in another one"


ROWS = (
    _holds("AWS::Backup::BackupVault", "its recovery points"),
    _holds("AWS::Cognito::UserPool", "its users"),
    _holds("AWS::DocDB::DBCluster", "its databases and their automated backups", "Snapshot", of="docdb"),
    _holds("AWS::DocDB::DBInstance", "its databases, or the cluster's copy of them"),
    _holds("AWS::EFS::FileSystem", "its files"),
    _holds("AWS::EMR::Cluster", "its local storage"),
    _holds("AWS::ElastiCache::CacheCluster", "what is cached", of="cache"),
    _holds(
        "AWS::ElastiCache::ReplicationGroup",
        "what is cached",
        of="replication",
        losses=(
            Loss("NumCacheClusters", When.LESS, _REPLICAS, default=1),
            Loss("ReplicasPerNodeGroup", When.LESS, _REPLICAS, default=1),
            Loss("MultiAZEnabled", When.OFF, "its primary is no longer followed in another zone", default=False),
            Loss("AutomaticFailoverEnabled", When.OFF, "no replica takes over from its primary", default=False),
            Loss("SnapshotRetentionLimit", When.LESS, "snapshots of {less:g} days are deleted", default=0),
        ),
    ),
    _holds("AWS::ElastiCache::ServerlessCache", "what is cached"),
    _holds("AWS::Elasticsearch::Domain", "its indexes"),
    _holds("AWS::FSx::FileSystem", "its files"),
    _holds(
        "AWS::Kinesis::Stream",
        "its records",
        losses=(Loss("RetentionPeriodHours", When.LESS, "records older than {after:g} hours are deleted", default=24),),
    ),
    _holds("AWS::Neptune::DBCluster", "its graphs and their automated backups", "Snapshot", of="neptune"),
    _holds("AWS::Neptune::DBInstance", "its graphs, or the cluster's copy of them"),
    _holds("AWS::OpenSearchService::Domain", "its indexes"),
    _holds("AWS::Organizations::Account", "everything in the account"),
    _holds("AWS::QLDB::Ledger", "its journal"),
    _holds("AWS::Redshift::Cluster", "its databases", of="redshift"),
    _holds("AWS::SDB::Domain", "its items"),
    _holds("AWS::SSM::Parameter", "its value", losses=(Loss("Value", When.ANY, "its value is replaced"),)),
)
