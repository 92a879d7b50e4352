"""How many tasks an ECS service runs: target tracking on CPU, memory and requests, and changes by the clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from troposphere import If, NoValue, Ref
from troposphere.applicationautoscaling import (
    PredefinedMetricSpecification,
    ScalableTarget,
    ScalableTargetAction,
    ScalingPolicy,
    ScheduledAction,
    TargetTrackingScalingPolicyConfiguration,
)

from infragen.config import ScheduledScaling
from infragen.layers.contract import Template, named

OUT_SECONDS, IN_SECONDS = 60, 300
"""Cooldowns: quick to grow, slow to shrink."""


@dataclass(frozen=True)
class ServiceScaling:
    """The range of tasks and what moves the number within it.

    `cpu` and `memory` are averages in percent, `requests` is per task and minute or None, of the targets that
    `request_label` names (load balancer and target group, as CloudWatch names them). At 0 tasks tracking cannot wake
    the service; only a schedule can. With `only_if`, the name of a condition, no task runs until it holds.
    """

    smallest: int
    largest: int
    cpu: int
    memory: int
    requests: int | None = None
    request_label: Any = None
    schedule: Sequence[ScheduledScaling] = ()
    only_if: str | None = None

    @property
    def runs(self) -> bool:
        """Return whether there is a task at some moment at least."""
        return self.smallest > 0 or any(each.min > 0 for each in self.schedule)

    @property
    def sleeps(self) -> bool:
        """Return whether there may be none at some moment."""
        return self.smallest == 0 or any(each.min == 0 for each in self.schedule)


def add_scaling(template: Template, scaling: ServiceScaling, resource_id: Any, prefix: str = "") -> None:
    """Add a scalable target for the service `service/<cluster>/<service>` and its policies, with a prefix before their
    logical ids.
    """
    actions = [_action(each) for each in scaling.schedule]
    template.add_resource(
        ScalableTarget(
            f"{prefix}ScalableTarget",
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId=resource_id,
            MinCapacity=_held_back(scaling, scaling.smallest, 0),
            MaxCapacity=_held_back(scaling, scaling.largest, 0),
            **({"ScheduledActions": _held_back(scaling, actions, NoValue)} if actions else {}),
        )
    )
    _track(template, prefix, "Cpu", scaling.cpu, "ECSServiceAverageCPUUtilization")
    _track(template, prefix, "Memory", scaling.memory, "ECSServiceAverageMemoryUtilization")
    if scaling.requests is not None:
        _track(
            template,
            prefix,
            "Requests",
            scaling.requests,
            "ALBRequestCountPerTarget",
            ResourceLabel=scaling.request_label,
        )


def _held_back(scaling: ServiceScaling, value: Any, until_then: Any) -> Any:
    return If(scaling.only_if, value, until_then) if scaling.only_if else value


def _action(each: ScheduledScaling) -> ScheduledAction:
    return ScheduledAction(
        ScheduledActionName=each.name,
        Schedule=each.cron,
        Timezone=each.timezone,
        ScalableTargetAction=ScalableTargetAction(MinCapacity=each.min, MaxCapacity=each.max),
    )


def _track(template: Template, prefix: str, what: str, target: float, metric: str, **label: Any) -> None:
    template.add_resource(
        ScalingPolicy(
            f"{prefix}{what}Scaling",
            PolicyName=named(what.lower()),
            PolicyType="TargetTrackingScaling",
            ScalingTargetId=Ref(f"{prefix}ScalableTarget"),
            TargetTrackingScalingPolicyConfiguration=TargetTrackingScalingPolicyConfiguration(
                TargetValue=target,
                ScaleOutCooldown=OUT_SECONDS,
                ScaleInCooldown=IN_SECONDS,
                PredefinedMetricSpecification=PredefinedMetricSpecification(PredefinedMetricType=metric, **label),
            ),
        )
    )
