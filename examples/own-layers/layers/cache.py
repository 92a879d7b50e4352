"""A cache for the API and the workers: ElastiCache Serverless for Valkey, which only they can reach.

Its address is the variable CACHE_URL. What it holds is lost with its stack; a snapshot is taken each day.
"""

from typing import Any

from troposphere import GetAtt, Sub
from troposphere.elasticache import CacheUsageLimits, DataStorage, ServerlessCache

from infragen.layer import (
    Additions,
    ApiSecurityGroupId,
    Extension,
    Field,
    IsolatedSubnetIds,
    Layer,
    LayerOutput,
    PlatformKeyArn,
    Section,
    Template,
    VpcId,
    WorkerSecurityGroupId,
    add_group,
    connect,
    named,
)

CacheEndpoint = LayerOutput("cache", "CacheEndpoint", "Host name of the cache", for_people=True)
CLIENTS = {"Api": ApiSecurityGroupId, "Worker": WorkerSecurityGroupId}


class Cache(Section):
    """ElastiCache Serverless for Valkey."""

    max_gb: int = Field(5, ge=1, le=5000, description="Most data in GB; the oldest is evicted.")
    snapshot_days: int = Field(1, ge=0, le=35, description="Days that a daily snapshot is kept; 0 takes none.")


def build(env: Any) -> Template:
    """Return the template: the cache in the isolated subnets, open to the API and the workers."""
    template = Template()
    group = add_group(template, "Cache", "Cache", VpcId.ref())
    for name, client in CLIENTS.items():
        connect(template, (name, client.ref()), ("Cache", group), 6379, 6380)
    template.add_resource(
        ServerlessCache(
            "Cache",
            ServerlessCacheName=named("cache"),
            Engine="valkey",
            MajorEngineVersion="8",
            KmsKeyId=PlatformKeyArn.ref(),
            SubnetIds=IsolatedSubnetIds.ref(),
            SecurityGroupIds=[group],
            SnapshotRetentionLimit=env.cache.snapshot_days,
            DailySnapshotTime="03:00",
            CacheUsageLimits=CacheUsageLimits(DataStorage=DataStorage(Maximum=env.cache.max_gb, Unit="GB")),
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        )
    )
    template.add_output(CacheEndpoint.publish(GetAtt("Cache", "Endpoint.Address")))
    return template


LAYERS = (
    Layer(
        name="cache",
        title="Cache",
        about="ElastiCache Serverless for Valkey",
        section=Cache,
        inputs=lambda env: (VpcId, IsolatedSubnetIds, PlatformKeyArn, *CLIENTS.values()),
        outputs=lambda env: (CacheEndpoint,),
        build=build,
    ),
)


def takes(env: Any) -> tuple[LayerOutput, ...]:
    """Return what the API and the workers need of the cache, where there is one."""
    return (CacheEndpoint,) if env.cache else ()


def adds(env: Any) -> Additions:
    """Return the variable of the API and of each worker."""
    return Additions(variables={"CACHE_URL": Sub("rediss://${CacheEndpoint}:6379")} if env.cache else {})


EXTENSIONS = (
    Extension(layer="api", inputs=takes, adds=adds),
    Extension(layer="worker", inputs=takes, adds=adds),
)
