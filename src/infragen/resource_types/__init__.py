"""What infragen knows of CloudFormation's resource types: one row per type, in the module of its service.

The only list of types outside the layers; whatever depends on a type (gates, prices, durations, stack policies) reads
its row. A type without a row is unknown, and unknown is unsafe: it holds data, it has no price, it may open access.
"""

from collections.abc import Iterator
from dataclasses import replace

from infragen.resource_types import (
    application_autoscaling,
    certificate_manager,
    cloudformation,
    cloudwatch,
    dynamodb,
    ec2,
    ecr,
    ecs,
    elastic_load_balancing,
    events,
    iam,
    kms,
    known_to_hold_data,
    lambda_,
    logs,
    rds,
    route53,
    s3,
    scheduler,
    secrets_manager,
    sns,
    sqs,
    wafv2,
)  # fmt: skip
from infragen.resource_types.access_rows import ACCESS
from infragen.resource_types.resource_type import Billing, Loss, ResourceType, UsualMinutes, When

__all__ = ["Billing", "Loss", "ResourceType", "UsualMinutes", "When", "resource_type", "resource_types"]

_SERVICES = (
    application_autoscaling, certificate_manager, cloudformation, cloudwatch, dynamodb, ec2, ecr, ecs,
    elastic_load_balancing, events, iam, kms, known_to_hold_data, lambda_, logs, rds, route53, s3, scheduler,
    secrets_manager, sns, sqs, wafv2,
)  # fmt: skip
_BY_NAME = {row.name: replace(row, access=ACCESS.get(row.name)) for service in _SERVICES for row in service.ROWS}


def resource_type(name: str) -> ResourceType:
    """Return the row of a type; for a type without one, the row of which everything is unknown but what opens access,
    where that is known.
    """
    return _BY_NAME.get(name) or ResourceType(name, access=ACCESS.get(name), known=False)


def resource_types() -> Iterator[ResourceType]:
    """Return every row, in the order of the services."""
    return iter(_BY_NAME.values())
