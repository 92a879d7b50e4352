"""AWS Lambda."""

from infragen.resource_types.interruption import Interruptions, becomes, brief, outage
from infragen.resource_types.resource_type import Billing, Loss, ResourceType, UsualMinutes, When

EVENT_SOURCE_MAPPING = ResourceType(
    "AWS::Lambda::EventSourceMapping",
    holds_data=False,
    billing=Billing.FREE,
    losses=(
        Loss("FilterCriteria", When.FEWER, "messages that no pattern matches are deleted unread"),
        Loss(
            "MaximumRecordAgeInSeconds",
            When.LESS,
            "records older than {after:g} seconds are skipped",
            default=-1,
            endless=(-1,),
        ),
        Loss(
            "MaximumRetryAttempts",
            When.LESS,
            "records that fail are dropped after {after:g} retries",
            default=-1,
            endless=(-1,),
        ),
        Loss("DestinationConfig", When.GONE, "nothing keeps the records that fail"),
        Loss(
            "FunctionResponseTypes",
            When.DROPS,
            "messages that the function names as failed are deleted as if they were done",
        ),
        Loss(
            "BisectBatchOnFunctionError",
            When.OFF,
            "a record that fails takes its whole batch along when it is dropped",
            default=False,
        ),
    ),
    interruptions=Interruptions(
        outage("messages wait in the queue"),
        brief("messages wait for about a minute"),
        {"Enabled": outage("messages wait in the queue while it is disabled")},
    ),
)
"""Lambda deletes a message that its filter does not match (Developer Guide, "Control which events Lambda sends to your
function"). -1 is forever. Without ReportBatchItemFailures a function that ends well has done its whole batch (Developer
Guide, "Handling errors for an SQS event source in Lambda"; read 2026-11-29)."""
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
    interruptions=Interruptions(
        outage("its work is not done"),
        brief("calls fail for seconds until everything calls the new one"),
        {"ReservedConcurrentExecutions": becomes((0,), outage("it is never started: its work is not done"))},
    ),
    safe={"KmsKeyArn": ()},
)
PERMISSION = ResourceType(
    "AWS::Lambda::Permission",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=Interruptions(outage("whom it allowed is refused"), brief("whom it allows is refused for seconds")),
)

ROWS = (EVENT_SOURCE_MAPPING, FUNCTION, PERMISSION)
