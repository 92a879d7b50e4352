"""AWS Lambda."""

from infragen.resource_types.resource_type import Billing, Loss, ResourceType, UsualMinutes, When

EVENT_SOURCE_MAPPING = ResourceType(
    "AWS::Lambda::EventSourceMapping",
    holds_data=False,
    billing=Billing.FREE,
    losses=(
        Loss("FilterCriteria", When.FEWER, "messages that no pattern matches are deleted unread"),
        Loss("MaximumRecordAgeInSeconds", When.LESS, "records older than {after:g} seconds are skipped", default=-1),
        Loss("MaximumRetryAttempts", When.LESS, "records that fail are given up after {after:g} retries", default=-1),
        Loss("DestinationConfig", When.GONE, "nothing keeps the records that fail"),
    ),
)
"""Lambda deletes a message that its filter does not match (Developer Guide, "Control which events Lambda sends to your
function"). -1 is for ever."""
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
