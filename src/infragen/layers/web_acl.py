"""AWS WAF in front of a load balancer: managed rules, a limit on requests per address, and a log of what was blocked.

The common rule set blocks request bodies over 8 KB: try it in an environment where it counts (`waf.count`) first.
"""

from collections.abc import Sequence
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

from infragen.config import MANAGED_RULES, Environment, Waf
from infragen.layers.contract import PREFIX, Template, alarm, arn, log_group, metric, named, suppress

METRIC = "web-acl"
"""What follows the environment in the ACL's metric name, which is its dimension: two in one account must differ."""

BLOCKED = 100
"""Requests in five minutes: scanners are always about, and a handful of blocked requests is no news."""

LOG4J = "AWSManagedRulesKnownBadInputsRuleSet"
"""The managed rule group that checkov wants to block (CKV_AWS_192)."""

COUNTED = "waf.count names the rule group: it only counts, to see what it would block before it does"

LOGGED = ("BLOCK", "COUNT", "EXCLUDED_AS_COUNT")
"""Actions of which a log record must have one; all but the first only where a rule group counts, because some managed
rules count by themselves (WAF API Reference, "ActionCondition"; AWS re:Post, "CloudWatch metrics and logs for AWS WAF
rules in Count mode": of a whole group that counts `nonTerminatingMatchingRules` has COUNT; read 2026-11-29)."""

REDACTED_HEADERS = ("authorization", "cookie")


def add_web_acl(template: Template, env: Environment, waf: Waf, name: str, key: Any, topic: Any) -> None:
    """Add a web ACL for the LoadBalancer of this template, logging to a group that `key` (a KMS ARN) encrypts.

    `topic` hears when it blocks: an attack, or requests of one's own that a rule takes for one.
    """
    managed = [_managed_rule(rule, priority, counts=rule in waf.count) for priority, rule in enumerate(MANAGED_RULES)]
    template.add_resource(
        WebACL(
            "WebAcl",
            Scope="REGIONAL",
            DefaultAction=DefaultAction(Allow=AllowAction()),
            Description=named(f"{name}: managed rules and a limit per address"),
            Rules=[*managed, _rate_rule(len(managed), waf.rate)],
            VisibilityConfig=_visible(named(METRIC)),
            **({"Metadata": suppress(checkov={"CKV_AWS_192": COUNTED})} if LOG4J in waf.count else {}),
        )
    )
    template.add_resource(
        WebACLAssociation("WebAclAssociation", ResourceArn=Ref("LoadBalancer"), WebACLArn=GetAtt("WebAcl", "Arn"))
    )
    dimensions = {"WebACL": named(METRIC), "Region": Ref("AWS::Region"), "Rule": "ALL"}
    template.add_resource(
        alarm(
            "BlockedRequestsAlarm",
            f"AWS WAF blocked more than {BLOCKED} requests in five minutes: what it blocked is in its log",
            metric("AWS/WAFV2", "BlockedRequests", "Sum", dimensions, 300),
            threshold=BLOCKED,
            periods=1,
            topic=topic,
        )
    )
    _log(template, env, name, key, LOGGED if waf.count else LOGGED[:1])


def _managed_rule(name: str, priority: int, *, counts: bool) -> WebACLRule:
    """Return one managed rule group; one that `counts` blocks nothing and counts what it would block."""
    return WebACLRule(
        Name=name,
        Priority=priority,
        OverrideAction=OverrideAction(**{"Count" if counts else "None": {}}),
        Statement=Statement(ManagedRuleGroupStatement=ManagedRuleGroupStatement(VendorName="AWS", Name=name)),
        VisibilityConfig=_visible(name),
    )


def _rate_rule(priority: int, limit: int) -> WebACLRule:
    return WebACLRule(
        Name="RequestsPerAddress",
        Priority=priority,
        Action=RuleAction(Block=BlockAction()),
        Statement=Statement(RateBasedStatement=RateBasedStatement(AggregateKeyType="IP", Limit=limit)),
        VisibilityConfig=_visible("RequestsPerAddress"),
    )


def _visible(name: Any) -> VisibilityConfig:
    return VisibilityConfig(CloudWatchMetricsEnabled=True, MetricName=name, SampledRequestsEnabled=True)


def _log(template: Template, env: Environment, name: str, key: Any, actions: Sequence[str]) -> None:
    """Log requests with one of these actions only: who counts wants to see what would be blocked.

    WAF demands the prefix `aws-waf-logs-` and an ARN without the `:*` that the group's own Arn attribute ends in (WAF
    Developer Guide, "Sending web ACL traffic logs to CloudWatch Logs").
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
                        Conditions=[Condition(ActionCondition=ActionCondition(Action=each)) for each in actions],
                    )
                ],
            ),
        )
    )
