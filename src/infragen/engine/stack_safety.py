"""What guards stacks while CloudFormation works on them: rollback triggers, notifications, what a failure leaves.

The environment file says it (`stacks`), CloudFormation keeps it with the stack, and every change set repeats it: what
is not on its list is switched off (API reference, RollbackConfiguration). A trigger whose alarm does not exist makes
the whole operation fail, so that only alarms which are there are given. An alarm in ALARM would roll back the very
deployment that fixes its cause, so that a deployment is refused until that alarm is left out by its name (public
report aws-solutions-library-samples/guidance-for-automating-network-monitoring-and-alerting-on-aws#8, 2022-03-09). One
in INSUFFICIENT_DATA rolls nothing back (User Guide, "Roll back your CloudFormation stack on alarm breach with rollback
triggers", read 2026-11-29).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from infragen.assembly.stacks import BESIDE
from infragen.cloud.cloudformation import (
    ALARM_TYPE,
    COMPOSITE_ALARM_TYPE,
    ChangeSet,
    PropertyChange,
    RollbackConfiguration,
    RollbackTrigger,
    StackState,
)
from infragen.cloud.protocol import AlarmState
from infragen.config import Environment
from infragen.config.schema import SERVICE_ALARM
from infragen.engine.observe import Observed
from infragen.engine.progress import Session, Warned
from infragen.errors import InputError, PermissionDenied
from infragen.layers.observability import ServiceAlarmArn
from infragen.plan.model import MONITORING_TIME, NOTIFICATIONS, ROLLBACK_TRIGGERS, StackPlan
from infragen.secrecy.shown import Absent

SERVICE_ALARM_ID = "ServiceAlarm"
"""The logical id of the service alarm."""
REPLACED = ("True", "Conditional")
NOTHING_ALONE = "nothing is deployed for it alone; CloudFormation takes it with the next update of this stack"


@dataclass(frozen=True)
class StackSafety:
    """What the change sets of a run carry. `alarms` are the rollback triggers that exist, `raised` those of them that
    are in ALARM, `missing` says which one does not exist yet, in words. `ignored` are names of alarms that this run
    leaves out; `on_failure` is what the file says of a first creation. `own` is the ARN of the service alarm.
    """

    alarms: tuple[RollbackTrigger, ...] = ()
    minutes: int = 0
    topics: tuple[str, ...] = ()
    retain_except_on_create: bool = False
    on_failure: str = "rollback"
    raised: tuple[AlarmState, ...] = ()
    missing: str = ""
    ignored: frozenset[str] = frozenset()
    own: str = ""

    def rollback(self, plans: Sequence[StackPlan]) -> RollbackConfiguration:
        """Return the triggers of one stack with these plans: without an alarm that the deployment removes or
        replaces, which would be missing before the operation ends.
        """
        rows = (each for plan in plans for each in plan.changes if each.type in (ALARM_TYPE, COMPOSITE_ALARM_TYPE))
        going = {each.logical_id for each in rows if each.action == "Remove" or each.replacement in REPLACED}
        kept = tuple(each for each in self.alarms if not (each.arn == self.own and SERVICE_ALARM_ID in going))
        return RollbackConfiguration(kept, self.minutes if kept else 0)


def safety_of(
    session: Session, env: Environment, observed: Observed, ignored: Collection[str], *, changes: bool
) -> StackSafety:
    """Return what the file asks for, with the alarms as they are now. CloudWatch is asked only where a stack `changes`.

    Raises InputError for an alarm of the file that does not exist, or that no rollback alarm is called like, and
    PermissionDenied where nobody may look whether it does.
    """
    own = next((each.outputs[ServiceAlarmArn.name] for each in observed.layers.values() if _has_alarm(each)), "")
    wanted = [own if each == SERVICE_ALARM else each for each in env.rollback_alarms]
    triggers = [RollbackTrigger(each, COMPOSITE_ALARM_TYPE) for each in wanted if each]
    missing = "" if all(wanted) else "the service alarm does not exist yet; the next update of this stack is watched"
    safety = StackSafety(
        minutes=env.monitoring_minutes,
        topics=env.stacks.notification_arns,
        retain_except_on_create=env.stacks.retain_except_on_create,
        on_failure=env.stacks.on_failure,
        missing=missing,
        ignored=frozenset(ignored),
        own=own,
    )
    unheard = sorted(set(ignored) - {each.name for each in triggers})
    if unheard:
        names = ", ".join(each.name for each in triggers) or "none"
        raise InputError(f"--ignore-alarm {', '.join(unheard)}: no rollback alarm has this name", f"there are: {names}")
    triggers = [each for each in triggers if each.name not in ignored]
    if not triggers or not changes:
        return replace(safety, alarms=tuple(triggers))
    try:
        found = session.cloud.alarm_states(tuple(each.name for each in triggers))
    except PermissionDenied as error:
        if any(each.arn != own for each in triggers):
            raise
        session.ui.tell(Warned(f"whether the rollback alarm is in ALARM was not checked: {error.message}"))
        return replace(safety, alarms=tuple(triggers))
    return _as_they_are(safety, triggers, found)


def _has_alarm(state: StackState) -> bool:
    return ServiceAlarmArn.name in state.outputs


def _as_they_are(
    safety: StackSafety, triggers: Iterable[RollbackTrigger], found: Mapping[str, AlarmState]
) -> StackSafety:
    """Return the triggers that exist, with their types and states. Raises InputError for one of the file that does
    not exist.
    """
    alarms = []
    for each in triggers:
        state = found.get(each.name)
        if state is not None:
            alarms.append(replace(each, type=state.type))
        elif each.arn == safety.own:
            gone = f"the service alarm {each.name} was deleted outside CloudFormation; this update is not watched"
            safety = replace(safety, missing=gone)
        else:
            raise InputError(
                f"stacks.rollback_alarms names {each.arn}, and there is no such alarm: CloudFormation would fail",
                "create the alarm, or take it out of the environment file; nothing was changed",
            )
    raised = tuple(found[each.name] for each in alarms if found[each.name].state == "ALARM")
    return replace(safety, alarms=tuple(alarms), raised=raised)


def raised_words(raised: Iterable[AlarmState]) -> tuple[str, ...]:
    """Return what a rollback alarm in ALARM means, one sentence for each."""
    return tuple(
        f"{each.name} is in ALARM{f' since {each.since:%Y-%m-%d %H:%M} UTC' if each.since else ''}: CloudFormation "
        "would roll this deployment back at once"
        for each in raised
    )


# --- rows -------------------------------------------------------------------------------------------------------


def taken(safety: StackSafety, plans: Sequence[StackPlan], change_set: ChangeSet | None) -> RollbackConfiguration:
    """Return the triggers that a stack gets: what AWS says of the change set goes before what the file says."""
    found = change_set.rollback if change_set is not None else None
    return safety.rollback(plans) if found is None else found


def safety_changes(
    safety: StackSafety,
    layer: str,
    live: StackState | None,
    plans: Sequence[StackPlan],
    change_set: ChangeSet | None,
) -> tuple[PropertyChange, ...]:
    """Return what a deployment changes in what guards a stack; `plans` are those of the stack and what is nested in it,
    `live` is the stack when it is there to be updated.
    """
    if layer in BESIDE:
        return ()
    updated = any(each.action != "none" for each in plans)
    wanted, topics = taken(safety, plans, change_set), safety.topics
    if change_set is not None and change_set.notifications is not None:
        topics = change_set.notifications
    now = live or StackState("", "", "")
    note = "" if updated else NOTHING_ALONE
    found = [
        (ROLLBACK_TRIGGERS, _names(now.rollback), _names(wanted)),
        (MONITORING_TIME, now.rollback.minutes, wanted.minutes),
        (NOTIFICATIONS, _listed(now.notifications), _listed(topics)),
        ("RetainExceptOnCreate", _switch(now.retain_except_on_create), _switch(safety.retain_except_on_create)),
    ]
    if live is None:
        found.append(("OnStackFailure", "rollback", safety.on_failure))
    rows = [PropertyChange((name,), before, after, note=note) for name, before, after in found if before != after]
    if safety.missing:
        rows.append(PropertyChange((ROLLBACK_TRIGGERS,), Absent(), SERVICE_ALARM, note=safety.missing))
    return tuple(rows)


def _names(rollback: RollbackConfiguration) -> object:
    return _listed(sorted(each.name for each in rollback.triggers))


def _listed(names: Sequence[str]) -> object:
    return list(names) if names else Absent()


def _switch(on: bool) -> str:
    return "on" if on else "off"


def left_out(safety: StackSafety, stacks: Iterable[StackPlan]) -> frozenset[str]:
    """Return the places of rollback triggers that a run leaves out by their names, and no others: these are allowed."""
    found = set[str]()
    for stack in stacks:
        for each in stack.settings_to_change:
            if each.path[0] == ROLLBACK_TRIGGERS and isinstance(each.before, list):
                after = each.after if isinstance(each.after, list) else []
                if set(each.before) - set(after) <= safety.ignored:
                    found.add(f"{stack.layer}/{ROLLBACK_TRIGGERS}")
    return frozenset(found)
