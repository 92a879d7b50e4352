"""AWS WAF in front of a load balancer: managed rules, a limit on requests per address, and a log of what was blocked.

The common rule set blocks request bodies over 8 KB; a path that takes uploads needs an exception of its own.
"""

from typing import Any

from troposphere import GetAtt, Ref, Sub
from troposphere.wafv2 import (
    ActionCondition,
    AllowAction,
    BlockAction,
    Condition,
    DefaultAction,
    Filter,
    LoggingConfiguration,
    LoggingConfigurationFieldToMatch,
    LoggingFilter,
    ManagedRuleGroupStatement,
    OverrideAction,
    RateBasedStatement,
    RuleAction,
    SingleHeader,
    Statement,
    VisibilityConfig,
    WebACL,
    WebACLAssociation,
    WebACLRule,
)

from infragen.config import Environment
from infragen.layers.contract import PREFIX, Template, arn, log_group, named

MANAGED_RULES = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
)
REQUESTS_PER_ADDRESS = 2000
"""In five minutes, the window of a rate-based rule when none is given."""

REDACTED_HEADERS = ("authorization", "cookie")


def add_web_acl(template: Template, env: Environment, name: str, key: Any) -> None:
    """A web ACL for the LoadBalancer of this template, logging to a group that `key` (a KMS ARN) encrypts."""
    managed = [_managed_rule(rule, priority) for priority, rule in enumerate(MANAGED_RULES)]
    template.add_resource(
        WebACL(
            "WebAcl",
            Scope="REGIONAL",
            DefaultAction=DefaultAction(Allow=AllowAction()),
            Description=named(f"{name}: managed rules and a limit per address"),
            Rules=[*managed, _rate_rule(len(managed))],
            VisibilityConfig=_visible("WebAcl"),
        )
    )
    template.add_resource(
        WebACLAssociation("WebAclAssociation", ResourceArn=Ref("LoadBalancer"), WebACLArn=GetAtt("WebAcl", "Arn"))
    )
    _log(template, env, name, key)


def _managed_rule(name: str, priority: int) -> WebACLRule:
    return WebACLRule(
        Name=name,
        Priority=priority,
        OverrideAction=OverrideAction(**{"None": {}}),
        Statement=Statement(ManagedRuleGroupStatement=ManagedRuleGroupStatement(VendorName="AWS", Name=name)),
        VisibilityConfig=_visible(name),
    )


def _rate_rule(priority: int) -> WebACLRule:
    return WebACLRule(
        Name="RequestsPerAddress",
        Priority=priority,
        Action=RuleAction(Block=BlockAction()),
        Statement=Statement(RateBasedStatement=RateBasedStatement(AggregateKeyType="IP", Limit=REQUESTS_PER_ADDRESS)),
        VisibilityConfig=_visible("RequestsPerAddress"),
    )


def _visible(name: str) -> VisibilityConfig:
    return VisibilityConfig(CloudWatchMetricsEnabled=True, MetricName=name, SampledRequestsEnabled=True)


def _log(template: Template, env: Environment, name: str, key: Any) -> None:
    """Only what was blocked is kept. WAF demands the prefix `aws-waf-logs-` and an ARN without the `:*` that the
    group's own Arn attribute ends in (WAF Developer Guide, "Sending web ACL traffic logs to CloudWatch Logs").
    """
    template.add_resource(log_group("WebAclLogGroup", Sub(f"aws-waf-logs-{PREFIX}-{name}"), env, key))
    template.add_resource(
        LoggingConfiguration(
            "WebAclLogging",
            ResourceArn=GetAtt("WebAcl", "Arn"),
            LogDestinationConfigs=[arn("logs:${AWS::Region}:${AWS::AccountId}:log-group:${WebAclLogGroup}")],
            RedactedFields=[
                LoggingConfigurationFieldToMatch(SingleHeader=SingleHeader(Name=header)) for header in REDACTED_HEADERS
            ],
            LoggingFilter=LoggingFilter(
                DefaultBehavior="DROP",
                Filters=[
                    Filter(
                        Behavior="KEEP",
                        Requirement="MEETS_ANY",
                        Conditions=[Condition(ActionCondition=ActionCondition(Action="BLOCK"))],
                    )
                ],
            ),
        )
    )
