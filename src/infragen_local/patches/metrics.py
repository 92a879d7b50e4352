"""CloudWatch: metrics that AWS's services publish and MiniStack's do not, as far as somebody on call looks at them.

- AWS/SQS: how many messages wait and are in flight, and how old the oldest is. They are read when GetMetricData asks,
  as of that moment, and kept nowhere: MiniStack evaluates alarms without regard to dimensions, so that one queue's
  values would raise another queue's alarm (Amazon SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS").
- AWS/Lambda: InvokedEventCount and FailedInvokeEventCount of an event source (AWS Lambda Developer Guide, "Event source
  mapping metrics"). A failed call counts all messages of its batch. Its calls are Invocations, too, which in MiniStack
  are those of Invoke alone. They are no Errors, as a worker's would raise the alarm of the function that rotates.
- AWS/ApplicationELB: RequestCount, HTTPCode_Target_5XX_Count and HTTPCode_ELB_5XX_Count, added up by minute
  (Elastic Load Balancing, "CloudWatch metrics for your Application Load Balancer"); `parts.load_balancers` counts.

CPU, memory and a database's capacity have no values here. (Read 2026-11-29.)
"""

import re
import time
from typing import Any

from ministack.services import cloudwatch, lambda_svc, sqs

_OF_QUEUES = {
    "ApproximateNumberOfMessagesVisible": "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateAgeOfOldestMessage": "",
}
_FAILURES = re.compile(r"(\d+) partial failures")
_BY_BALANCER = (502, 503, 504)
"""Answers that the load balancer gives by itself where no target answers well."""


def apply() -> None:
    """Answer for queues, and count the messages of event sources."""
    own_data, own_batch = cloudwatch._get_metric_data, lambda_svc._run_sqs_batch

    def data(params: Any, document: Any, *form: Any, **named: Any) -> Any:
        end = cloudwatch._parse_ts(document.get("EndTime")) or time.time()
        added = [made for each in document.get("MetricDataQueries") or () if (made := _of_queue(each, end))]
        for key, point in added:
            cloudwatch._metric_bucket(key).append(point)
        try:
            return own_data(params, document, *form, **named)
        finally:
            for key, point in added:
                cloudwatch._metric_bucket(key).remove(point)

    def batch(mapping: dict[str, Any], function: Any, event: dict[str, Any], *rest: Any) -> None:
        own_batch(mapping, function, event, *rest)
        said, count = str(mapping.get("LastProcessingResult", "")), len(event.get("Records", ()))
        partly = _FAILURES.search(said)
        failed = count if said == "FAILED" else int(partly[1]) if partly else 0
        for name, value in (("InvokedEventCount", count), ("FailedInvokeEventCount", failed)):
            add_up("AWS/Lambda", name, value, {"EventSourceMappingUUID": str(mapping["UUID"])})
        add_up("AWS/Lambda", "Invocations", 1, {"FunctionName": str(mapping["FunctionName"])})

    cloudwatch._get_metric_data, lambda_svc._run_sqs_batch = data, batch


def count_request(balancer_arn: str, status: int) -> None:
    """Count a request that a load balancer answered, in the account and region of the caller."""
    of = {"LoadBalancer": balancer_arn.partition(":loadbalancer/")[2]}
    add_up("AWS/ApplicationELB", "RequestCount", 1, of)
    if status >= 500:
        whose = "ELB" if status in _BY_BALANCER else "Target"
        add_up("AWS/ApplicationELB", f"HTTPCode_{whose}_5XX_Count", 1, of)


def add_up(namespace: str, name: str, value: float, dimensions: dict[str, str]) -> None:
    """Add to the sum of this minute: one point for each minute, however much is counted."""
    points = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dimensions)))
    now = time.time()
    if points and points[-1]["Timestamp"] // 60 == now // 60:
        points[-1]["Value"] += value
    else:
        points.append({"Timestamp": now, "Value": float(value), "Unit": "Count", "Dimensions": dict(dimensions)})


def _of_queue(query: dict[str, Any], end: float) -> tuple[tuple[str, str, str], dict[str, Any]] | None:
    """Return a point of now, just before the end of what is asked for, for a query about a queue that exists; None for
    any other query.
    """
    metric = (query.get("MetricStat") or {}).get("Metric") or {}
    dimensions = cloudwatch._dims_from_list(metric.get("Dimensions") or [])
    name, queue = str(metric.get("MetricName")), dimensions.get("QueueName")
    if metric.get("Namespace") != "AWS/SQS" or name not in _OF_QUEUES or not queue:
        return None
    found = sqs._queues.get(sqs._queue_url(queue))
    if found is None:
        return None
    now = time.time()
    with sqs._queues_lock:
        sqs._refresh_counts(found)
        attribute = _OF_QUEUES[name]
        oldest = min((each["sent_at"] for each in found["messages"]), default=now)
        value = float(found["attributes"][attribute]) if attribute else now - oldest
    point = {"Timestamp": end - 1, "Value": value, "Unit": "None", "Dimensions": dimensions}
    return ("AWS/SQS", name, cloudwatch._dims_key(dimensions)), point
