"""Amazon EventBridge."""

from infragen.resource_types.resource_type import Billing, ResourceType

RULE = ResourceType("AWS::Events::Rule", holds_data=False, billing=Billing.PRICED, name_property="Name")
"""Rules are charged by the million events, less than a cent a month for what these layers send. A target that runs a
Fargate task is charged as Fargate, which `cost.rules` looks for."""

ROWS = (RULE,)
