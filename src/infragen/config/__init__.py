"""Environment files: their schema, the rules between keys, and how they are read.

`schema` holds the classes (the whole schema on one page), `rules` what keys demand of each other, `files` reads and
checks, `values` lays out and compares, `reference` describes. Nothing here knows AWS, a terminal or a template;
pydantic is used only here.
"""

from infragen.config.files import (
    EnvironmentFile,
    load_environment,
    load_file,
    read_node,
    warnings_of,
)
from infragen.config.reference import json_schema
from infragen.config.regions import REGIONS
from infragen.config.schema import (
    FARGATE_MEMORY,
    INTERFACE_ENDPOINTS,
    LOG_RETENTION_DAYS,
    MANAGED_RULES,
    SHARED,
    Api,
    ApiAlarms,
    Cost,
    Database,
    Environment,
    Expected,
    Https,
    Network,
    Queue,
    ScheduledScaling,
    Waf,
    Worker,
    camel,
)
from infragen.config.values import Difference, Origin, differences, origins

__all__ = [
    "FARGATE_MEMORY",
    "INTERFACE_ENDPOINTS",
    "LOG_RETENTION_DAYS",
    "MANAGED_RULES",
    "REGIONS",
    "SHARED",
    "Api",
    "ApiAlarms",
    "Cost",
    "Database",
    "Difference",
    "Environment",
    "EnvironmentFile",
    "Expected",
    "Https",
    "Network",
    "Origin",
    "Queue",
    "ScheduledScaling",
    "Waf",
    "Worker",
    "camel",
    "differences",
    "json_schema",
    "load_environment",
    "load_file",
    "origins",
    "read_node",
    "warnings_of",
]
