"""A queue worker: one Lambda function that consumes one SQS queue, with everything it needs and nothing shared.

A reusable construct: `add` puts the log group, role, function, event source and alarms of one worker into any template.
It is given everything by its settings and knows no layer.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from troposphere import Equals, GetAtt, If, Not, Ref, Sub, awslambda, cloudwatch, iam
from troposphere.validators import integer

from infragen.config import Environment
from infragen.config.schema import Statement
from infragen.layers import own_statements
from infragen.layers.contract import (
    LaunchParameter,
    Template,
    alarm,
    allow,
    arn,
    boundary,
    deny,
    function_logging,
    log_group,
    metric,
    named,
    policy,
    suppress,
    trust,
    via,
)
from infragen.layers.functions import source

NO_CODE = "none"
"""Default of the code parameters: S3Bucket and S3Key refuse an empty text, even in the branch that is not taken."""

CodeBucket = LaunchParameter("CodeBucket", "Bucket that holds the workers' code", default=NO_CODE, keep=True)

INTERFACE_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
"""What Lambda does with the function's role to place it in a VPC; none of it can be limited to a resource."""

ERROR_PERCENT = 5
DURATION_SHARE = 0.8
"""The duration alarm rises at this share of the timeout."""


class _ScalingConfig(awslambda.ScalingConfig):
    """troposphere 4.11 holds the properties of another resource's ScalingConfig here."""

    props: ClassVar[dict[str, Any]] = {"MaximumConcurrency": (integer, False)}


@dataclass(frozen=True)
class Source:
    """The queue to consume. `batch_window` is in seconds; 0 for a FIFO queue, which knows none."""

    arn: Any
    batch_size: int = 10
    batch_window: int = 5
    max_concurrency: int | None = None
    filter: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class QueueWorker:
    """One worker. `id` is the prefix of its logical ids, `name` its physical name after the environment.

    `memory` is in MB, `timeout` in seconds. `key` is the KMS key of its logs, its environment and, when that is
    encrypted with a customer key, its queue. `topic` is notified of its alarms. `rights` are further statements of its
    role, `own_statements` those of the environment file, `managed_policies` ARNs of policies attached to it.
    """

    id: str
    name: str
    source: Source
    runtime: str
    handler: str
    architecture: str
    memory: int
    timeout: int
    subnet_ids: Any
    security_group_id: Any
    key: Any
    topic: Any
    log_level: str = "info"
    reserved_concurrency: int | None = None
    tracing: bool = True
    environment: Mapping[str, Any] = field(default_factory=dict)
    rights: Sequence[Mapping[str, Any]] = ()
    own_statements: Sequence[Statement] = ()
    managed_policies: Sequence[Any] = ()

    @property
    def code_key(self) -> LaunchParameter:
        """Return the S3 key of the code. It holds the digest, because CloudFormation does not look into S3."""
        return LaunchParameter(f"{self.id}CodeKey", f"Key of the code of {self.name}", default=NO_CODE, keep=True)


def add(template: Template, env: Environment, worker: QueueWorker) -> None:
    """Add one worker. `env` gives the rules for all: log retention and permissions boundary.

    The template needs the parameters CodeBucket and `worker.code_key`. Without code the function is a placeholder and
    its event source is off, so that no message is lost.
    """
    template.add_condition(f"{worker.id}HasCode", Not(Equals(worker.code_key.ref(), NO_CODE)))
    template.add_resource(log_group(f"{worker.id}LogGroup", _log_group_name(worker), env, worker.key))
    template.add_resource(_role(env, worker))
    template.add_resource(_function(worker))
    template.add_resource(_event_source(worker))
    for each in _alarms(worker):
        template.add_resource(each)


def function_name(worker: QueueWorker) -> Any:
    """Return the function's name, in the template that holds the worker."""
    return Ref(f"{worker.id}Function")


def log_group_name(worker: QueueWorker) -> Any:
    """Return the name of its log group, in the template that holds the worker."""
    return Ref(f"{worker.id}LogGroup")


def errors_alarm_arn(worker: QueueWorker) -> Any:
    """Return the ARN of the alarm on its error rate, in the template that holds the worker."""
    return GetAtt(f"{worker.id}ErrorsAlarm", "Arn")


def _log_group_name(worker: QueueWorker) -> Any:
    return Sub(f"/aws/lambda/${{ProjectName}}-${{EnvironmentName}}-{worker.name}")


def _role(env: Environment, worker: QueueWorker) -> iam.Role:
    myself = arn(
        f"lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:${{ProjectName}}-${{EnvironmentName}}-{worker.name}"
    )
    statements = [
        allow(
            ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"],
            worker.source.arn,
        ),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], GetAtt(f"{worker.id}LogGroup", "Arn")),
        # for Lambda to read the variables, and for the queue when the platform key encrypts it
        allow("kms:Decrypt", worker.key, via("lambda", "sqs")),
        *worker.rights,
        allow(INTERFACE_ACTIONS, "*"),
        # Lambda itself acts with this role before the function runs; the code acts with it as this function
        deny(INTERFACE_ACTIONS, "*", {"ArnEquals": {"lambda:SourceFunctionArn": myself}}),
    ]
    if worker.tracing:
        statements.append(allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"))
    why = "these actions have no resource; network interfaces are Lambda's own doing and denied to the code"
    return iam.Role(
        f"{worker.id}Role",
        AssumeRolePolicyDocument=trust("lambda.amazonaws.com"),
        Policies=[
            iam.Policy(PolicyName="Worker", PolicyDocument=policy(*statements)),
            *own_statements.own_policies(worker.own_statements),
        ],
        Metadata=suppress(
            own_statements.accepted(worker.own_statements, {"AwsSolutions-IAM5": why}), {"CKV_AWS_111": why}
        ),
        **({"ManagedPolicyArns": list(worker.managed_policies)} if worker.managed_policies else {}),
        **boundary(env),
    )


def _function(worker: QueueWorker) -> awslambda.Function:
    accepted = {"CKV_AWS_116": "the queue has the dead-letter queue"}
    limit = {}
    if worker.reserved_concurrency is None:
        accepted["CKV_AWS_115"] = "the event source limits it, or nothing does on purpose"
    else:
        limit["ReservedConcurrentExecutions"] = worker.reserved_concurrency
    return awslambda.Function(
        f"{worker.id}Function",
        FunctionName=named(worker.name),
        Description=f"Works off {worker.name}",
        Runtime=worker.runtime,
        Handler=worker.handler,
        Architectures=[worker.architecture],
        MemorySize=worker.memory,
        Timeout=worker.timeout,
        Role=GetAtt(f"{worker.id}Role", "Arn"),
        Code=If(
            f"{worker.id}HasCode",
            awslambda.Code(S3Bucket=CodeBucket.ref(), S3Key=worker.code_key.ref()),
            awslambda.Code(ZipFile=_placeholder(worker.runtime)),
        ),
        VpcConfig=awslambda.VPCConfig(SubnetIds=worker.subnet_ids, SecurityGroupIds=[worker.security_group_id]),
        Environment=awslambda.Environment(Variables=dict(worker.environment)),
        KmsKeyArn=worker.key,
        LoggingConfig=function_logging(Ref(f"{worker.id}LogGroup"), worker.log_level),
        TracingConfig=awslambda.TracingConfig(Mode="Active" if worker.tracing else "PassThrough"),
        Metadata=suppress(checkov=accepted),
        **limit,
    )


def _event_source(worker: QueueWorker) -> awslambda.EventSourceMapping:
    """Return a failed message goes back alone (partial batch response); failures for good end in the queue's own DLQ.

    MaximumConcurrency is what holds pollers back: reserved concurrency alone throttles them, which counts as a receive
    and sends good messages to the dead-letter queue (Lambda Developer Guide, "Maximum concurrency for Amazon SQS").
    """
    queue = worker.source
    options: dict[str, Any] = {}
    if queue.batch_window:
        options["MaximumBatchingWindowInSeconds"] = queue.batch_window
    if queue.max_concurrency is not None:
        options["ScalingConfig"] = _ScalingConfig(MaximumConcurrency=queue.max_concurrency)
    if queue.filter:
        patterns = [json.dumps(pattern, sort_keys=True) for pattern in queue.filter]
        options["FilterCriteria"] = awslambda.FilterCriteria(
            Filters=[awslambda.Filter(Pattern=pattern) for pattern in patterns]
        )
    return awslambda.EventSourceMapping(
        f"{worker.id}EventSource",
        FunctionName=function_name(worker),
        EventSourceArn=queue.arn,
        # a placeholder that took messages would eat them
        Enabled=If(f"{worker.id}HasCode", True, False),
        BatchSize=queue.batch_size,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        # a partial batch failure is no error of the function: only these metrics know of it
        MetricsConfig=awslambda.MetricsConfig(Metrics=["EventCount"]),
        **options,
    )


def _alarms(worker: QueueWorker) -> list[cloudwatch.Alarm]:
    function = {"FunctionName": function_name(worker)}
    limit = int(worker.timeout * 1000 * DURATION_SHARE)
    return [
        alarm(
            f"{worker.id}ErrorsAlarm",
            f"More than {ERROR_PERCENT} % of the invocations or messages of {worker.name} fail",
            {"Metrics": _error_rate(function, {"EventSourceMappingUUID": Ref(f"{worker.id}EventSource")})},
            threshold=ERROR_PERCENT,
            periods=5,
            datapoints=3,
            topic=worker.topic,
        ),
        alarm(
            f"{worker.id}DurationAlarm",
            f"{worker.name} takes longer than {limit} ms (p95), {DURATION_SHARE:.0%} of its timeout",
            metric("AWS/Lambda", "Duration", "p95", function),
            threshold=limit,
            periods=5,
            datapoints=3,
            topic=worker.topic,
        ),
        alarm(
            f"{worker.id}ThrottlesAlarm",
            f"Lambda throttles {worker.name}",
            metric("AWS/Lambda", "Throttles", "Sum", function),
            threshold=0,
            periods=5,
            datapoints=3,
            topic=worker.topic,
        ),
    ]


def _error_rate(function: Mapping[str, Any], source: Mapping[str, Any]) -> list[cloudwatch.MetricDataQuery]:
    """Return the share of failed invocations, or failed messages, in percent, whichever is more.

    A worker that reports each message as failed has no error in AWS/Lambda: its invocations succeed. With partial batch
    responses FailedInvokeEventCount counts the messages of each response that names a failure (Lambda Developer Guide,
    "Event source mapping metrics").
    """

    def count(query: str, name: str, dimensions: Mapping[str, Any]) -> cloudwatch.MetricDataQuery:
        counted = cloudwatch.Metric(
            Namespace="AWS/Lambda",
            MetricName=name,
            Dimensions=[cloudwatch.MetricDimension(Name=key, Value=value) for key, value in dimensions.items()],
        )
        stat = cloudwatch.MetricStat(Metric=counted, Period=60, Stat="Sum")
        return cloudwatch.MetricDataQuery(Id=query, MetricStat=stat, ReturnData=False)

    def share(query: str, failed: str, total: str) -> cloudwatch.MetricDataQuery:
        expression = f"IF(FILL({total}, 0) > 0, 100 * FILL({failed}, 0) / {total}, 0)"
        return cloudwatch.MetricDataQuery(Id=query, Expression=expression, ReturnData=False)

    worst = cloudwatch.MetricDataQuery(
        Id="rate", Label="Failures in percent", Expression="MAX([by_invocation, by_message])", ReturnData=True
    )
    return [
        worst,
        share("by_invocation", "errors", "invocations"),
        share("by_message", "failed", "invoked"),
        count("errors", "Errors", function),
        count("invocations", "Invocations", function),
        count("failed", "FailedInvokeEventCount", source),
        count("invoked", "InvokedEventCount", source),
    ]


def _placeholder(runtime: str) -> str:
    """Return the code of a function that has none yet."""
    return source("worker_placeholder.py" if runtime.startswith("python") else "worker_placeholder.js")
