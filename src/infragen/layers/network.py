"""The network layer: the foundation that every other layer stands on.

It owns the VPC and everything in it that more than one layer needs: subnets, routes, NAT, endpoints, the flow log, all
security groups and the rules between them (so that no other layer needs to know its consumers), the platform's KMS key
and the topic that alarms notify. It uses no other layer.
"""

from troposphere import GetAtt, Ref, Sub, Template, kms, sns

from infragen.config import Environment
from infragen.layer import Layer, LayerOutput, arn, deny_without_tls, grant, named, policy, retain

PlatformKeyArn = LayerOutput("network", "PlatformKeyArn", "KMS key of logs, alarms and function environments")
AlarmTopicArn = LayerOutput("network", "AlarmTopicArn", "SNS topic that alarms notify")


def outputs(env: Environment) -> tuple[LayerOutput, ...]:
    """What the foundation gives to the layers above."""
    return (PlatformKeyArn, AlarmTopicArn)


def build(env: Environment) -> Template:
    """The template of the foundation."""
    template = Template()
    _platform_key(template)
    _alarm_topic(template, env)
    template.add_output(PlatformKeyArn.publish(GetAtt("Key", "Arn")))
    template.add_output(AlarmTopicArn.publish(Ref("AlarmTopic")))
    return template


def _platform_key(template: Template) -> None:
    """One key for logs, alarms and environments. AWS-managed keys cannot be used: alarms would fail silently, since
    their policy cannot admit CloudWatch (Amazon SNS Developer Guide, "Key management").
    """
    account = {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}}
    logs = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn("logs:${AWS::Region}:${AWS::AccountId}:log-group:*")}}
    template.add_resource(
        kms.Key(
            "Key",
            Description=named("platform: logs, alarms, function environments"),
            EnableKeyRotation=True,
            PendingWindowInDays=30,
            KeyPolicy=policy(
                grant({"AWS": arn("iam::${AWS::AccountId}:root")}, "kms:*", "*"),
                grant(
                    {"Service": Sub("logs.${AWS::Region}.${AWS::URLSuffix}")},
                    ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                    "*",
                    logs,
                ),
                grant(
                    {"Service": ["cloudwatch.amazonaws.com", "events.amazonaws.com"]},
                    ["kms:Decrypt", "kms:GenerateDataKey*"],
                    "*",
                    account,
                ),
            ),
            **retain(),
        )
    )


def _alarm_topic(template: Template, env: Environment) -> None:
    template.add_resource(sns.Topic("AlarmTopic", KmsMasterKeyId=Ref("Key"), DisplayName=named("alarms")))
    template.add_resource(
        sns.TopicPolicy(
            "AlarmTopicPolicy",
            Topics=[Ref("AlarmTopic")],
            PolicyDocument=policy(
                grant(
                    {"Service": "cloudwatch.amazonaws.com"},
                    "sns:Publish",
                    Ref("AlarmTopic"),
                    {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}},
                ),
                grant(
                    {"Service": "events.amazonaws.com"},
                    "sns:Publish",
                    Ref("AlarmTopic"),
                    {"ArnLike": {"aws:SourceArn": arn("events:${AWS::Region}:${AWS::AccountId}:rule/*")}},
                ),
                deny_without_tls("sns:Publish", Ref("AlarmTopic")),
            ),
        )
    )
    for index, address in enumerate(env.alarms.emails, 1):
        template.add_resource(
            sns.SubscriptionResource(
                f"AlarmEmail{index}", TopicArn=Ref("AlarmTopic"), Protocol="email", Endpoint=address
            )
        )


LAYER = Layer(
    name="network",
    title="Foundation",
    about="VPC, subnets, NAT, security groups, platform key, alarm topic",
    enabled=lambda env: env.network is not None,
    inputs=lambda env: (),
    outputs=outputs,
    build=build,
)
