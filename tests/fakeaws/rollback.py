"""Rollback triggers: alarms that CloudFormation watches while it works on a stack, and for some minutes after that.

Sources: UG "Roll back your CloudFormation stack on alarm breach with rollback triggers", API RollbackConfiguration,
RollbackTrigger (read 2026-11-29): at most five; triggers that are not given stay, those that are replace all; one that
is missing fails the operation; ALARM rolls back, INSUFFICIENT_DATA does not; nothing is watched during a rollback, and
the old resources are deleted only after the monitoring time. That an alarm which is in ALARM already rolls back at once
is reported (aws-solutions-library-samples/guidance-for-automating-network-monitoring-and-alerting-on-aws#8,
2022-03-09). The words of the event are assumed: no recording is public.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fakeaws.clock import Steps
from fakeaws.cloud import Cloud
from fakeaws.model import Target
from fakeaws.operations import Operation
from fakeaws.protocol import validation_error

TYPES = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")


def configuration(given: dict[str, Any] | None, previous: Target | None) -> dict[str, Any]:
    """What a stack gets: what is given, and of what is not given what it had."""
    found = {**(previous.rollback if previous else {}), **(given or {})}
    triggers = found.get("RollbackTriggers") or []
    if len(triggers) > 5:
        raise validation_error("RollbackTriggers: at most 5 triggers can be given")
    for each in triggers:
        if each["Type"] not in TYPES:
            raise validation_error(f"Unsupported rollback trigger type {each['Type']}")
    if not 0 <= found.get("MonitoringTimeInMinutes", 0) <= 180:
        raise validation_error("MonitoringTimeInMinutes must be between 0 and 180")
    return {key: value for key, value in found.items() if value}


def minutes(target: Target) -> int:
    """How long the triggers are watched after the work."""
    return int(target.rollback.get("MonitoringTimeInMinutes", 0))


def watch(cloud: Cloud, operation: Operation, target: Target, finish: Callable[[Steps], Steps]) -> None:
    """Watch the triggers of an operation that has just begun."""
    for each in target.rollback.get("RollbackTriggers", ()):
        name = each["Arn"].partition(":alarm:")[2]
        if not _exists(cloud, operation, name, each["Type"]):
            cloud.clock.spawn(_roll_back(cloud, operation, 0.0, f"Alarm {each['Arn']} does not exist", finish))
        elif cloud.settings.alarms.get(name) == "ALARM":
            cloud.clock.spawn(_roll_back(cloud, operation, 0.5, f"Alarm {each['Arn']} is in ALARM state", finish))
        elif name in cloud.settings.alarm_rises:
            wait, reason = cloud.settings.alarm_rises[name], f"Alarm {each['Arn']} is in ALARM state"
            cloud.clock.spawn(_roll_back(cloud, operation, wait, reason, finish, name))


def _exists(cloud: Cloud, operation: Operation, name: str, kind: str) -> bool:
    if name in cloud.settings.alarms:
        return True
    mine = (operation.stack.account, operation.stack.region)
    stacks = (each for each in cloud.stacks.values() if (each.account, each.region) == mine)
    found = {(r.type, r.physical_id) for each in stacks for r in each.resources.values() if r.physical_id}
    return any(kind == one and id_.rpartition(":")[2] == name for one, id_ in found)


def _roll_back(
    cloud: Cloud, operation: Operation, wait: float, reason: str, finish: Callable[[Steps], Steps], rises: str = ""
) -> Steps:
    yield wait
    stack = operation.stack
    if rises and cloud.operations.get(stack.id) is operation:
        cloud.settings.alarms[rises] = "ALARM"
    if cloud.operations.get(stack.id) is not operation or stack.disable_rollback:
        return
    if stack.status not in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
        return
    creating = stack.status == "CREATE_IN_PROGRESS"
    if operation.main is not None:
        operation.main.cancel()
    operation.cancel("creation" if creating else "update")
    if creating:
        steps = operation.roll_back_creation(reason)
    else:
        cloud.move(stack, "UPDATE_ROLLBACK_IN_PROGRESS", reason, operation.token)
        steps = operation.roll_back_update()
    operation.main = cloud.clock.spawn(finish(steps))
