"""CloudWatch alarms: composite alarms, which MiniStack's CloudFormation rejects, and alarms of metric math.

MiniStack fails an `AWS::CloudWatch::Alarm` with `Metrics` with "metric math is not supported"; on AWS it is an
ordinary alarm. Here its record is kept and shown, but never evaluated. A composite alarm goes through MiniStack's
PutCompositeAlarm, which refuses a rule that names an alarm that does not exist, as AWS does.
"""

import json
from typing import Any

from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners

from infragen_local.patches.handlers import Created, Properties, ResourceType, add, is_true


def apply() -> None:
    """Add composite alarms and accept alarms of metric math."""
    add(
        "AWS::CloudWatch::CompositeAlarm",
        ResourceType(
            _create_composite,
            lambda name, _: {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]},
            lambda name, _: cloudwatch._composite_alarms.pop(name, None),
            lambda name, properties: _put_composite(name, properties),
            create_only=frozenset({"AlarmName"}),
        ),
    )
    own = provisioners._cw_metric_alarm_record

    def record(name: str, properties: Properties) -> dict[str, Any]:
        if not properties.get("Metrics"):
            return dict(own(name, properties))
        # MiniStack's record needs a metric; the names given here are taken out again.
        alarm = dict(own(name, {**properties, "Metrics": None, "MetricName": "math", "Namespace": "math"}))
        return {**alarm, "MetricName": "", "Namespace": "", "Metrics": properties["Metrics"]}

    provisioners._cw_metric_alarm_record = record


def _create_composite(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("AlarmName") or provisioners._physical_name(stack, logical_id, max_len=255)
    _put_composite(name, properties)
    return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}


def _put_composite(name: str, properties: Properties) -> None:
    request = {key: value for key, value in properties.items() if key != "Tags"}
    request |= {"AlarmName": name, "ActionsEnabled": is_true(properties.get("ActionsEnabled", True))}
    status, _headers, body = cloudwatch._put_composite_alarm({}, request, False, True)
    if status >= 400:
        raise ValueError(json.loads(body).get("message") or body.decode())
