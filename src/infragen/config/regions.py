"""What AWS offers in which region, as far as a template of infragen needs it: tables with their source and date.

A region that `DATA_API` does not name is refused where it is needed: a deployment would find out after twenty minutes,
and a stack with half a database is left. Of the other features AWS publishes no list by region, or one that lags
behind: a region that their table does not name is a warning (`rules.region_features`). Which resource types a region
has is looked up by cfn-lint, and which endpoint services by `infragen doctor`.
"""

from __future__ import annotations

from datetime import date

READ_ON = date(2026, 11, 28)
"""When the tables were last compared with their sources."""

REGIONS = (
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
    "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1",
    "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1",
    "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
"""The regions of the partition aws (botocore's endpoint data; a test compares)."""

OTHER_PARTITIONS = ("cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-")
"""How the names of regions in other partitions than aws begin (botocore's endpoint data; a test compares)."""

DATA_API = (
    "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1",
    "ap-southeast-2", "ap-southeast-3", "ap-southeast-5", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2",
    "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1",
    "me-south-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
"""Regions with the RDS Data API for Aurora PostgreSQL on Serverless v2 (Aurora User Guide, "Supported Regions and
Aurora DB engines for RDS Data API"). The page says of ap-south-2, ap-southeast-4 and ap-southeast-6 that it is not
available there; ap-east-2, ap-southeast-7 and mx-central-1 could not be confirmed, so they are not here."""

DATA_API_SINCE = {16: 1, 17: 4, 18: 3}
"""Major version -> the first minor version with the Data API (the same page). In each of these regions the same
versions run on Serverless v2 ("Supported Regions and Aurora DB engines for Aurora serverless")."""

FARGATE = (
    "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
    "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7",
    "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1",
    "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1", "us-east-1",
    "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
"""Regions with Linux containers on Fargate (Amazon ECS Developer Guide, "Supported Regions for Amazon ECS on AWS
Fargate"; the page does not list ap-east-2 and ap-southeast-6)."""

SPOT_ARM64 = (
    "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
    "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ca-central-1",
    "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2",
    "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1",
    "us-west-2",
)  # fmt: skip
"""Regions that were open when AWS announced Spot for arm64 tasks (What's New, "Amazon ECS now supports AWS
Graviton-based Spot compute with AWS Fargate", September 2024; aws/copilot-cli#5934). AWS has published no list since:
of the regions that opened later it is not confirmed."""

LAMBDA_ARM64 = (
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
    "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1",
    "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1",
    "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
"""Regions with arm64 functions on Lambda: those for which AWS publishes an extension for them (AWS AppConfig User
Guide, "Understanding available versions of the AWS AppConfig Agent Lambda extension", table "ARM64 platform", version
2.0.17054.0 of 2026-05-14). These are all regions of today. A new one often opens without: ca-west-1 and il-central-1
refused such functions at first (aws-powertools/powertools-lambda-python#3545, 2023-12, and #2902, 2023-08), with
"Architecture "arm64" is not supported in …" and a rollback (reply-fr/sustainable-personal-accounts#53, 2022-10)."""

REGIONAL_NAT = (
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
    "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1",
    "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1",
    "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
"""Regions that were open when AWS announced regional NAT gateways for all commercial regions (What's New, 2025-11-19;
as read in dev.to/_76130e67067eab4c8510, tried on 2026-06-28)."""

ZONES = {"ap-northeast-2": 4, "us-east-1": 6, "us-west-1": 2, "us-west-2": 4}
"""Availability zones that an account sees, where they are not three (Regions and Zones, "AWS Availability Zones", and
the table that cfn-lint ships)."""


def other_partition(region: str) -> bool:
    """Return whether a name is that of a region in another partition, such as China's or GovCloud's."""
    return region.startswith(OTHER_PARTITIONS)


def zones_of(region: str) -> int:
    """Return how many availability zones an account usually sees in a region."""
    return ZONES.get(region, 3)


def data_api(region: str, engine_version: str) -> str:
    """Return why a cluster of this version has no Data API in a region; empty where it has one."""
    if region not in DATA_API:
        return f"{region} is not known to have the RDS Data API (as of {READ_ON})"
    major, minor = (int(each) for each in engine_version.split("."))
    since = DATA_API_SINCE.get(major)
    if since is None or minor < since:
        first = f"from {major}.{since}" if since is not None else "not with this major version"
        return f"the RDS Data API works {first} (as of {READ_ON})"
    return ""
