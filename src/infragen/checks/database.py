"""The engine version of the database can be ordered in two of the zones in use."""

from __future__ import annotations

from collections.abc import Iterator

from infragen.checks.check import Answer, Check, Subject, ok, unknown, wrong
from infragen.cloud import AccountReader
from infragen.resource_types.rds import DB_CLUSTER

CLASS = "db.serverless"
ZONES = 2
"""A DB subnet group, and with it a cluster, spans at least two zones (Amazon RDS User Guide, "Working with a DB
instance in a VPC")."""


def run(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask RDS where the version is offered, and EC2 for the zones."""
    network = subject.environment.network
    for cluster in subject.of(DB_CLUSTER.name):
        engine, version = cluster.properties.get("Engine"), cluster.properties.get("EngineVersion")
        if not isinstance(engine, str) or not isinstance(version, str):
            yield unknown(f"{cluster.place}: its engine and version are not known")
            continue
        offered = account.orderable_zones(engine, version, CLASS)
        zones = account.availability_zones()
        ours = zones[: network.azs] if network else zones
        both = [each for each in ours if each in offered]
        at = subject.at("database", "engine_version")
        if len(both) >= ZONES:
            yield ok(f"{engine} {version} can be ordered as {CLASS} in {', '.join(both)}")
        elif not offered:
            yield wrong(
                f"{at}{engine} {version} cannot be ordered as {CLASS} in {subject.region}",
                f"`aws rds describe-orderable-db-instance-options --engine {engine} --db-instance-class {CLASS}` lists "
                "the versions that can",
                input=True,
            )
        else:
            yield wrong(
                f"{at}{engine} {version} can be ordered as {CLASS} in {', '.join(both) or 'none'} of {', '.join(ours)}",
                f"choose a version that RDS offers in {ZONES} of them", input=True,
            )  # fmt: skip


CHECK = Check(
    "engine",
    "The engine version can be ordered as db.serverless in two of the environment's zones.",
    ("rds:DescribeOrderableDBInstanceOptions", "ec2:DescribeAvailabilityZones"),
    frozenset({DB_CLUSTER.name}),
    run,
)
