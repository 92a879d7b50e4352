"""Application Auto Scaling."""

from collections.abc import Mapping
from typing import Any

from infragen.resource_types.interruption import NOBODY_WAITS, NONE, Interruption, Interruptions, becomes, outage
from infragen.resource_types.resource_type import Billing, ResourceType


def _scheduled(before: Any, after: Any) -> Interruption:
    """Return what scheduled actions do that are new or others: an outage, when one may scale to nothing."""
    old, new = (each if isinstance(each, list) else [each] for each in (before or [], after or []))
    known = [_time(each) for each in old if _to_nothing(each)]
    if all(_time(each) in known for each in new if _to_nothing(each)):
        return NONE
    return outage("it may be scaled to nothing at the times of its schedule, and then nothing answers")


def _to_nothing(action: Any) -> bool:
    """Return whether a scheduled action may scale to nothing; one that cannot be compared may."""
    target = action.get("ScalableTargetAction") if isinstance(action, Mapping) else None
    values = [str(each) for each in target.values()] if isinstance(target, Mapping) else [""]
    return any(not each.isdecimal() or int(each) == 0 for each in values)


def _time(action: Any) -> Any:
    """Return what says when a scheduled action is done."""
    if not isinstance(action, Mapping):
        return action
    return {key: each for key, each in action.items() if key not in ("ScheduledActionName", "ScalableTargetAction")}


SCALABLE_TARGET = ResourceType(
    "AWS::ApplicationAutoScaling::ScalableTarget",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=Interruptions(
        NONE,
        NONE,
        {
            "MinCapacity": becomes((0,), outage("it may be scaled to nothing, and then nothing answers")),
            "MaxCapacity": becomes((0,), outage("it is scaled to nothing, and nothing answers")),
            "ScheduledActions": _scheduled,
        },
    ),
)
SCALING_POLICY = ResourceType(
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    holds_data=False,
    billing=Billing.FREE,
    name_property="PolicyName",
    interruptions=NOBODY_WAITS,
)

ROWS = (SCALABLE_TARGET, SCALING_POLICY)
