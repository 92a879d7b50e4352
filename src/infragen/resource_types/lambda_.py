"""AWS Lambda."""

from infragen.resource_types.resource_type import Billing, ResourceType, UsualMinutes

EVENT_SOURCE_MAPPING = ResourceType("AWS::Lambda::EventSourceMapping", holds_data=False, billing=Billing.FREE)
FUNCTION = ResourceType(
    "AWS::Lambda::Function",
    holds_data=False,
    billing=Billing.PRICED,
    name_property="FunctionName",
    usual_minutes={
        "DELETE": UsualMinutes(
            20,
            40,
            "its network interfaces go first (aws-cloudformation/cloudformation-coverage-roadmap#392)",
            "in a VPC",
        ),
    },
)
PERMISSION = ResourceType("AWS::Lambda::Permission", holds_data=False, billing=Billing.FREE)

ROWS = (EVENT_SOURCE_MAPPING, FUNCTION, PERMISSION)
