"""What the layers of a project are written with: the stable names, all listed in docs/extending.md.

Everything else of infragen is private to it and may change in any version.
"""

from infragen.config.own_section import Field
from infragen.config.own_section import OwnSection as Section
from infragen.layers.contract import (
    Additions,
    Extension,
    LaunchParameter,
    Layer,
    LayerOutput,
    Template,
    alarm,
    allow,
    arn,
    boundary,
    deny,
    function_logging,
    grant,
    log_group,
    metric,
    named,
    policy,
    retain,
    suppress,
    trust,
    via,
)

__all__ = [
    "Additions",
    "Extension",
    "Field",
    "LaunchParameter",
    "Layer",
    "LayerOutput",
    "Section",
    "Template",
    "alarm",
    "allow",
    "arn",
    "boundary",
    "deny",
    "function_logging",
    "grant",
    "log_group",
    "metric",
    "named",
    "policy",
    "retain",
    "suppress",
    "trust",
    "via",
]
