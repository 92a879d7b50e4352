"""The engine version of the database: it can be ordered in two of the zones in use, and AWS goes on supporting it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infragen.checks.check import Answer, Check, Subject, ok, unknown, wrong
from infragen.config import Network, engine_versions

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader

CLUSTER = "AWS::RDS::DBCluster"
CLASS = "db.serverless"
ZONES = 2
"""A DB subnet group, and with it a cluster, spans at least two zones (Amazon RDS User Guide, "Working with a DB
instance in a VPC")."""


def run(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask RDS where the version is offered, and EC2 for the zones."""
    network = subject.environment.network
    for cluster in subject.of(CLUSTER):
        engine, version = cluster.properties.get("Engine"), cluster.properties.get("EngineVersion")
        if not isinstance(engine, str) or not isinstance(version, str):
            yield unknown(f"{cluster.place}: its engine and version are not known")
            continue
        offered = account.orderable_zones(engine, version, CLASS)
        ours = _zones(network, account)
        if not ours:
            yield unknown(f"{cluster.place}: the zones of its subnets are not known")
            continue
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


def _zones(network: Network | None, account: AccountReader) -> tuple[str, ...]:
    """Return the zones of the database's subnets."""
    if network and network.vpc_id:
        ids = network.isolated_subnet_ids or network.private_subnet_ids
        return tuple(sorted({each.zone for each in account.subnets(ids).values()}))
    zones = account.availability_zones()
    return zones[: network.azs] if network else zones


def run_support(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Compare each version with the release calendar. Nothing is asked of the account."""
    today = datetime.fromtimestamp(subject.now(), UTC).date()
    at = subject.at("database", "engine_version")
    for cluster in subject.of(CLUSTER):
        engine, version = cluster.properties.get("Engine"), cluster.properties.get("EngineVersion")
        if engine != "aurora-postgresql" or not isinstance(version, str):
            yield unknown(f"{cluster.place}: until when its engine and version are supported is not known")
            continue
        aging = engine_versions.aging(version, today)
        end = engine_versions.support_end(version)
        if aging:
            hint = f"{engine_versions.CONSEQUENCE}: {engine_versions.successor(version, today)}"
            yield wrong(f"{at}{aging}", hint, stops=False, input=True)
        elif end is None:
            yield unknown(f"{at}{engine_versions.unknown_support(version)}", f"look at {engine_versions.CALENDAR}")
        else:
            yield ok(f"standard support of Aurora PostgreSQL {version} ends on {end}")


SUPPORT = Check(
    "engine-support",
    "The engine version has more than 90 days of standard support left, by the release calendar that infragen has.",
    (),
    frozenset({CLUSTER}),
    run_support,
    quick=False,
)

CHECK = Check(
    "engine",
    "The engine version can be ordered as db.serverless in two of the environment's zones.",
    ("rds:DescribeOrderableDBInstanceOptions", "ec2:DescribeAvailabilityZones"),
    frozenset({CLUSTER}),
    run,
)
