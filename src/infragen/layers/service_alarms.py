"""Alarms on a service behind a load balancer: errors, latency, unhealthy tasks, none at all, CPU and memory."""

from collections.abc import Mapping
from typing import Any

from troposphere import GetAtt, Ref
from troposphere.cloudwatch import Metric, MetricDataQuery, MetricDimension, MetricStat

from infragen.config import ApiAlarms
from infragen.layers.contract import Template, alarm, metric
from infragen.layers.fargate_service import service_name

ERRORS, LATENCY = "ErrorRateAlarm", "LatencyAlarm"
DEPLOYMENT_ALARMS = (ERRORS, LATENCY)
"""Those that roll a deployment back: built on the load balancer alone, because an alarm on the service's name would
need the service, which needs the alarm."""

FEW_REQUESTS = 20
"""In a minute: below this one failed request is no rate."""
BUSY_PERCENT = 90


def add_alarms(template: Template, limits: ApiAlarms, cluster: str, topic: Any, *, always_runs: bool) -> None:
    """The alarms, all notifying `topic`. A service that `always_runs` is expected to have a task at every moment."""
    balancer = {"LoadBalancer": GetAtt("LoadBalancer", "LoadBalancerFullName")}
    _error_rate(template, limits, balancer, topic)
    template.add_resource(
        alarm(
            LATENCY,
            f"The slowest twentieth of requests takes more than {limits.latency_seconds:g} s",
            {
                **metric("AWS/ApplicationELB", "TargetResponseTime", "p95", balancer),
                # With a handful of requests a percentile is one of them.
                "EvaluateLowSampleCountPercentile": "ignore",
            },
            threshold=limits.latency_seconds,
            periods=5,
            datapoints=3,
            topic=topic,
        )
    )
    targets = {**balancer, "TargetGroup": GetAtt("TargetGroup", "TargetGroupFullName")}
    template.add_resource(
        alarm(
            "UnhealthyTasksAlarm",
            "Tasks fail the load balancer's health check",
            metric("AWS/ApplicationELB", "UnHealthyHostCount", "Maximum", targets),
            threshold=0,
            periods=5,
            datapoints=3,
            topic=topic,
        )
    )
    if always_runs:
        _no_tasks(template, targets, topic)
    for what, name in (("Cpu", "CPUUtilization"), ("Memory", "MemoryUtilization")):
        template.add_resource(
            alarm(
                f"{what}Alarm",
                f"The tasks use more than {BUSY_PERCENT} % of their {what.upper() if what == 'Cpu' else 'memory'}",
                metric("AWS/ECS", name, "Average", {"ClusterName": Ref(cluster), "ServiceName": service_name()}, 300),
                threshold=BUSY_PERCENT,
                periods=2,
                topic=topic,
            )
        )


def _no_tasks(template: Template, targets: Mapping[str, Any], topic: Any) -> None:
    """No healthy task. Without any registered target the load balancer reports nothing (Application Load Balancer
    guide, "CloudWatch metrics"), so that missing data is the alarm, and no other one would rise when traffic is low.
    """
    template.add_resource(
        alarm(
            "NoTasksAlarm",
            "The load balancer has no healthy task",
            metric("AWS/ApplicationELB", "HealthyHostCount", "Maximum", targets),
            threshold=1,
            periods=5,
            topic=topic,
            comparison="LessThanThreshold",
            missing="breaching",
        )
    )


def _error_rate(template: Template, limits: ApiAlarms, balancer: Mapping[str, Any], topic: Any) -> None:
    """Answers 5xx of tasks and load balancer, in percent.

    RequestCount leaves out what found no task (Application Load Balancer guide, "CloudWatch metrics"), so the load
    balancer's own errors are in the denominator too: without them an outage of all tasks would be no errors at all.
    """
    counts = {
        "requests": "RequestCount",
        "target": "HTTPCode_Target_5XX_Count",
        "elb": "HTTPCode_ELB_5XX_Count",
    }
    total, errors = "(FILL(requests, 0) + FILL(elb, 0))", "(FILL(target, 0) + FILL(elb, 0))"
    queries = [_count(key, name, balancer) for key, name in counts.items()]
    rate = MetricDataQuery(
        Id="rate",
        Label="5xx answers in percent",
        Expression=f"IF({total} > {FEW_REQUESTS}, 100 * {errors} / {total}, 0)",
        ReturnData=True,
    )
    template.add_resource(
        alarm(
            ERRORS,
            f"More than {limits.error_percent:g} % of requests are answered with 5xx",
            {"Metrics": [rate, *queries]},
            threshold=limits.error_percent,
            periods=5,
            datapoints=3,
            topic=topic,
        )
    )


def _count(key: str, name: str, balancer: Mapping[str, Any]) -> MetricDataQuery:
    dimensions = [MetricDimension(Name=each, Value=value) for each, value in balancer.items()]
    return MetricDataQuery(
        Id=key,
        MetricStat=MetricStat(
            Metric=Metric(Namespace="AWS/ApplicationELB", MetricName=name, Dimensions=dimensions),
            Period=60,
            Stat="Sum",
        ),
        ReturnData=False,
    )
