"""Settings that decide something in two layers: the order of the stacks is known for each, or why it does not matter.

Where independent stacks are updated one after the other, the time in between, or the state after a failure, has the
setting's old value in one and the new one in the other.
"""

from __future__ import annotations

import pytest
from test_every_key import CHANGES, changed, rendered

from infragen.resource_types import resource_type

ORDERED = {
    "workers.0.timeout": "AWS::SQS::Queue VisibilityTimeout",
    "workers.0.batch_window": "AWS::SQS::Queue VisibilityTimeout",
    "workers.0.queue": "AWS::SQS::Queue VisibilityTimeout",
    "queues.0.encryption": "AWS::SQS::Queue SqsManagedSseEnabled",
    "api.https.mode": "AWS::EC2::SecurityGroup SecurityGroupIngress",
}
"""Settings whose stacks go in the order that a property decides (`relied_on` of its type's row)."""

NO_MATTER = {
    "project": "another environment",
    "environment": "another environment",
    "iam.permissions_boundary_arn": "each role has its own",
    "api.log_level": "each layer has its own log",
    "api.log_retention_days": "each layer has its own log groups",
    "database.readers": "without a reader the reader endpoint leads to the writer",
    "queues.0.name": "another queue: the plan says which is removed before its users stop, and the guard asks",
    "queues.0.fifo": "another queue, as with its name",
    "workers.0.name": "another function: the plan says what is removed before the service alarm knows",
}


def layers_of(key: str) -> list[str]:
    """The layers whose templates a key changes."""
    before, after = ({each.layer: each.text for each in rendered(one).templates} for one in changed(key))
    return [layer for layer in {**before, **after} if before.get(layer) != after.get(layer)]


@pytest.mark.long
@pytest.mark.parametrize("key", CHANGES)
def test_of_a_setting_of_two_layers_the_order_is_known(key: str) -> None:
    """A new one of them has to be looked at."""
    known = (key in ORDERED) + (key in NO_MATTER)
    assert known == (len(layers_of(key)) > 1), layers_of(key)


@pytest.mark.parametrize("place", sorted(set(ORDERED.values())))
def test_the_property_that_decides_the_order_is_in_the_row_of_its_type(place: str) -> None:
    """`test_deployment_order` deploys each."""
    name, path = place.split()
    assert path in {each.path for each in resource_type(name).relied_on}
