"""A job by the clock: a Fargate task with the API's image and a command of its own, started by EventBridge Scheduler.

It is off until an image was pushed, takes the API's network place, and reports to the alarm topic when ECS refuses to
start it or its container fails.
"""

from typing import Any

from troposphere import GetAtt, If, Ref
from troposphere.events import InputTransformer, Rule
from troposphere.events import Target as RuleTarget
from troposphere.iam import Policy, Role
from troposphere.scheduler import (
    AwsVpcConfiguration,
    EcsParameters,
    FlexibleTimeWindow,
    NetworkConfiguration,
    RetryPolicy,
    Schedule,
    ScheduleGroup,
    Target,
)

from infragen.layer import (
    HAS_IMAGE,
    AlarmTopicArn,
    ApiSecurityGroupId,
    EcsClusterName,
    FargateTask,
    Field,
    ImageTag,
    Layer,
    PlatformKeyArn,
    PrivateSubnetIds,
    RepositoryUri,
    Section,
    Template,
    add_image_condition,
    add_task,
    alarm,
    allow,
    arn,
    boundary,
    metric,
    named,
    policy,
    pull_shared_statements,
    shared_image,
    trust,
)

CLUSTER = "ecs:${AWS::Region}:${AWS::AccountId}:cluster/${EcsClusterName}"


class Report(Section):
    """A job that runs by the clock with the API's image."""

    schedule: str = Field(pattern=r"^(cron|rate)\(.+\)$", description="Schedule expression of EventBridge Scheduler.")
    timezone: str = Field("UTC", description="IANA time zone of the schedule.")
    command: tuple[str, ...] = Field(min_length=1, description="Command of the container.")
    cpu: int = Field(256, ge=256, description="CPU units of the task.")
    memory: int = Field(512, ge=512, description="Memory of the task in MiB.")


def build(env: Any) -> Template:
    """Return the template: task definition, schedule, and what reports that a run failed."""
    template = Template()
    add_image_condition(template)
    task = FargateTask(
        name="report",
        image=shared_image("RepositoryUri"),
        command=list(env.report.command),
        user=env.api.container_user,
        cpu=env.report.cpu,
        memory=env.report.memory,
        architecture=env.api.architecture,
        key=PlatformKeyArn.ref(),
        variables={"DEPLOYMENT": env.environment, "AWS_REGION": Ref("AWS::Region")},
        start_statements=pull_shared_statements("api"),
        prefix="Report",
    )
    add_task(template, env, task)
    _schedule(template, env, task)
    _report_failures(template, task)
    return template


def _schedule(template: Template, env: Any, task: FargateTask) -> None:
    run = allow("ecs:RunTask", Ref(task.id("TaskDefinition")), {"ArnEquals": {"ecs:cluster": arn(CLUSTER)}})
    roles = [GetAtt(task.id(each), "Arn") for each in ("TaskRole", "ExecutionRole")]
    hand_over = allow("iam:PassRole", roles, {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}})
    template.add_resource(
        Role(
            "ScheduleRole",
            AssumeRolePolicyDocument=trust("scheduler.amazonaws.com"),
            Policies=[Policy(PolicyName="run", PolicyDocument=policy(run, hand_over))],
            **boundary(env),
        )
    )
    template.add_resource(ScheduleGroup("Schedules", Name=named("report")))
    network = AwsVpcConfiguration(Subnets=PrivateSubnetIds.ref(), SecurityGroups=[ApiSecurityGroupId.ref()])
    template.add_resource(
        Schedule(
            "Schedule",
            Description="Starts the report",
            GroupName=Ref("Schedules"),
            ScheduleExpression=env.report.schedule,
            ScheduleExpressionTimezone=env.report.timezone,
            State=If(HAS_IMAGE, "ENABLED", "DISABLED"),
            FlexibleTimeWindow=FlexibleTimeWindow(Mode="OFF"),
            Target=Target(
                Arn=arn(CLUSTER),
                RoleArn=GetAtt("ScheduleRole", "Arn"),
                EcsParameters=EcsParameters(
                    TaskDefinitionArn=Ref(task.id("TaskDefinition")),
                    LaunchType="FARGATE",
                    TaskCount=1,
                    NetworkConfiguration=NetworkConfiguration(AwsvpcConfiguration=network),
                ),
                RetryPolicy=RetryPolicy(MaximumEventAgeInSeconds=3600, MaximumRetryAttempts=3),
            ),
        )
    )


def _report_failures(template: Template, task: FargateTask) -> None:
    template.add_resource(
        alarm(
            "NotStartedAlarm",
            "ECS refused to start the report",
            metric("AWS/Scheduler", "TargetErrorCount", "Sum", {"ScheduleGroup": Ref("Schedules")}, 300),
            threshold=0,
            periods=1,
            topic=AlarmTopicArn.ref(),
        )
    )
    template.add_resource(
        Rule(
            "Failures",
            Description="A container of the report failed",
            EventPattern={
                "source": ["aws.ecs"],
                "detail-type": ["ECS Task State Change"],
                "detail": {
                    "taskDefinitionArn": [Ref(task.id("TaskDefinition"))],
                    "lastStatus": ["STOPPED"],
                    "containers": {"exitCode": [{"anything-but": 0}]},
                },
            },
            Targets=[
                RuleTarget(
                    Id="alarms",
                    Arn=AlarmTopicArn.ref(),
                    InputTransformer=InputTransformer(
                        InputPathsMap={"task": "$.detail.taskArn", "reason": "$.detail.stoppedReason"},
                        InputTemplate='"The report failed: <task>: <reason>"',
                    ),
                )
            ],
        )
    )


LAYERS = (
    Layer(
        name="report",
        title="Report",
        about="A Fargate job by the clock, with the API's image",
        section=Report,
        inputs=lambda env: (
            PrivateSubnetIds,
            ApiSecurityGroupId,
            PlatformKeyArn,
            AlarmTopicArn,
            EcsClusterName,
            RepositoryUri,
        ),
        parameters=lambda env: (ImageTag,),
        build=build,
    ),
)
