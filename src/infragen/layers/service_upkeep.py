"""What keeps a service fresh and its failures known: regular new deployments, and an alarm on failed ones."""

from typing import Any

from troposphere import GetAtt, Ref, Sub
from troposphere.events import InputTransformer, Rule
from troposphere.events import Target as RuleTarget
from troposphere.iam import Policy, Role
from troposphere.scheduler import FlexibleTimeWindow, RetryPolicy, Schedule, ScheduleGroup, Target

from infragen.config import Environment
from infragen.layers.contract import Template, alarm, allow, boundary, metric, named, policy, trust
from infragen.layers.fargate_service import SERVICE, service_arn

WEEKLY = "cron(30 5 ? * TUE *)"
"""Tuesday: the week is young, and a Monday may be a holiday."""


def add_refresh(template: Template, env: Environment, cluster: str, days: int, topic: Any) -> None:
    """Schedule a new deployment at least every `days` days, from half past five to half past six UTC.

    ECS resolves secrets when a task starts, so running tasks take up rotated credentials only this way; they also move
    to patched Fargate hosts. Two rotations without one lock the API out of its database, so `topic` is notified of one
    that failed; the metrics know schedules by their group (EventBridge Scheduler User Guide, "Monitoring with
    CloudWatch").
    """
    template.add_resource(ScheduleGroup("Refreshes", Name=named("refreshes")))
    for name, counted, what in (
        ("RefreshFailedAlarm", "TargetErrorCount", "ECS refused to start new tasks"),
        ("RefreshDroppedAlarm", "InvocationDroppedCount", "EventBridge Scheduler gave up starting new tasks"),
    ):
        template.add_resource(
            alarm(
                name,
                f"{what}: the running ones may lose their credentials at the next rotation but one",
                metric("AWS/Scheduler", counted, "Sum", {"ScheduleGroup": Ref("Refreshes")}, 300),
                threshold=0,
                periods=1,
                topic=topic,
            )
        )
    template.add_resource(
        Role(
            "RefreshRole",
            AssumeRolePolicyDocument=trust("scheduler.amazonaws.com"),
            Policies=[Policy(PolicyName="refresh", PolicyDocument=policy(allow("ecs:UpdateService", service_arn())))],
            **boundary(env),
        )
    )
    template.add_resource(
        Schedule(
            "Refresh",
            Description="New tasks: rotated credentials, patched hosts",
            GroupName=Ref("Refreshes"),
            ScheduleExpression=expression(days),
            FlexibleTimeWindow=FlexibleTimeWindow(Mode="FLEXIBLE", MaximumWindowInMinutes=60),
            Target=Target(
                Arn=Sub("arn:${AWS::Partition}:scheduler:::aws-sdk:ecs:updateService"),
                RoleArn=GetAtt("RefreshRole", "Arn"),
                Input=Sub(f'{{"Cluster":"${{{cluster}}}","Service":"${{{SERVICE}.Name}}","ForceNewDeployment":true}}'),
                RetryPolicy=RetryPolicy(MaximumEventAgeInSeconds=3600, MaximumRetryAttempts=10),
            ),
        )
    )


def expression(days: int) -> str:
    """Return when to refresh, so that never more than `days` days pass.

    Weekly is a weekday. Any other number counts days within the month and starts again on the first, so that the last
    interval of a month is shorter; `rate(n days)` would count from the moment of the last stack update instead, at
    whatever time of day that was.
    """
    return WEEKLY if days == 7 else f"cron(30 5 1/{days} * ? *)"


def add_deployment_failures(template: Template, topic: Any) -> None:
    """Report `topic` when a deployment of the service fails, whoever started it (ECS Developer Guide, "Amazon ECS
    service deployment state change events").
    """
    template.add_resource(
        Rule(
            "DeploymentFailures",
            Description="A deployment of the service failed",
            EventPattern={
                "source": ["aws.ecs"],
                "detail-type": ["ECS Deployment State Change"],
                "resources": [service_arn()],
                "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
            },
            Targets=[
                RuleTarget(
                    Id="alarms",
                    Arn=topic,
                    InputTransformer=InputTransformer(
                        InputPathsMap={"service": "$.resources[0]", "reason": "$.detail.reason"},
                        InputTemplate='"A deployment of <service> failed: <reason>"',
                    ),
                )
            ],
        )
    )
