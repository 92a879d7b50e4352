"""Alarms on a service behind a load balancer: errors, latency, unhealthy tasks, none at all, CPU and memory."""

from collections.abc import Mapping
from typing import Any

from troposphere import GetAtt, Ref
from troposphere.cloudwatch import Metric, MetricDataQuery, MetricDimension, MetricStat

from infragen.config import ApiAlarms
from infragen.layers.contract import Template, alarm, metric
from infragen.layers.fargate_service import service_name
from infragen.layers.service_scaling import ServiceScaling

ERRORS, LATENCY = "ErrorRateAlarm", "LatencyAlarm"
DEPLOYMENT_ALARMS = (ERRORS, LATENCY)
"""Those that roll a deployment back: built on the load balancer alone, because an alarm on the service's name would
need the service, which needs the alarm."""

FEW_REQUESTS = 20
"""In a minute: below this one failed request is no rate."""
BUSY_PERCENT = 90


def add_alarms(template: Template, limits: ApiAlarms, cluster: str, topic: Any, *, scaling: ServiceScaling) -> None:
    """Add the alarms, all notifying `topic`. `scaling` says when a task is expected."""
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
    if scaling.runs:
        _no_tasks(template, targets, topic, scaling)
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


def _no_tasks(template: Template, targets: Mapping[str, Any], topic: Any, scaling: ServiceScaling) -> None:
    """Add the alarm on no healthy task. Without any registered target the load balancer reports nothing (Application
    Load Balancer guide, "CloudWatch metrics"), so that missing data is the alarm, and no other one would rise when
    traffic is low.

    Where a schedule lets all tasks go, having none is the alarm only while somebody asks for one.
    """
    if scaling.sleeps:
        what = {"Metrics": _asked_in_vain(targets)}
        expected: dict[str, Any] = {"threshold": 0}
    else:
        what = metric("AWS/ApplicationELB", "HealthyHostCount", "Maximum", targets)
        expected = {"threshold": 1, "comparison": "LessThanThreshold", "missing": "breaching"}
    no_tasks = alarm("NoTasksAlarm", "The load balancer has no healthy task", what, periods=5, topic=topic, **expected)
    if scaling.only_if is not None:
        no_tasks.Condition = scaling.only_if
    template.add_resource(no_tasks)


def _asked_in_vain(targets: Mapping[str, Any]) -> list[MetricDataQuery]:
    """Return the requests that found no healthy task; what found none is a 5xx of the load balancer and no request."""
    balancer = {"LoadBalancer": targets["LoadBalancer"]}
    asked = "FILL(requests, 0) + FILL(elb, 0)"
    return [
        MetricDataQuery(
            Id="vain",
            Label="Requests without a healthy task",
            Expression=f"IF(FILL(healthy, 0) < 1, {asked}, 0)",
            ReturnData=True,
        ),
        _count("requests", "RequestCount", balancer),
        _count("elb", "HTTPCode_ELB_5XX_Count", balancer),
        _count("healthy", "HealthyHostCount", targets, "Maximum"),
    ]


def _error_rate(template: Template, limits: ApiAlarms, balancer: Mapping[str, Any], topic: Any) -> None:
    """Answer 5xx of tasks and load balancer, in percent.

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


def _count(key: str, name: str, of: Mapping[str, Any], stat: str = "Sum") -> MetricDataQuery:
    dimensions = [MetricDimension(Name=each, Value=value) for each, value in of.items()]
    return MetricDataQuery(
        Id=key,
        MetricStat=MetricStat(
            Metric=Metric(Namespace="AWS/ApplicationELB", MetricName=name, Dimensions=dimensions),
            Period=60,
            Stat=stat,
        ),
        ReturnData=False,
    )
