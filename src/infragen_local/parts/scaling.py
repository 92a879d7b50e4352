"""Scheduled scaling: a service's tasks come and go at the times of its scalable target's actions.

MiniStack keeps no scalable targets. On AWS an action sets the minimum and maximum of its target at its time, and the
service's desired count is moved into that range ("Scheduled scaling", Application Auto Scaling User Guide, read
2026-11). Scaling by metrics is not done: there are none. A time that passes while the emulator does not run is missed.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ministack.core.concurrency import spawn_background
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ecs, eventbridge, scheduler

from infragen_local import together
from infragen_local.patches.handlers import Created, Properties, handler, replace

TYPE = "AWS::ApplicationAutoScaling::ScalableTarget"
_LOOK_SECONDS = 2.0


class Scaling:
    """The scalable targets of one emulator, kept in a file beside MiniStack's state."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._targets: dict[str, dict[str, Any]] = {}

    def apply(self) -> None:
        """Keep the targets that CloudFormation makes, and act at their times."""
        own = handler(TYPE)

        def create(logical_id: str, properties: Properties, stack: str) -> Created:
            physical_id, attributes = own["create"](logical_id, properties, stack)
            self._keep(physical_id, properties)
            return physical_id, attributes

        def update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Created:
            updated: Created = own["update"](physical_id, old, new, *rest)
            self._keep(physical_id, new)
            return updated

        def delete(physical_id: str, properties: Properties, *rest: Any) -> None:
            own["delete"](physical_id, properties, *rest)
            self._targets.pop(_key(physical_id), None)
            self._save()

        replace(TYPE, create=create, update=update, delete=delete)

    def resume(self) -> None:
        """Read what an earlier run kept, and look at the clock from now on."""
        if self._file.exists():
            self._targets = json.loads(self._file.read_bytes())
        spawn_background(self._watch, thread_name="infragen-scaling")

    def _keep(self, physical_id: str, properties: Properties) -> None:
        for action in properties.get("ScheduledActions") or []:
            if problem := unread(action):
                sys.stderr.write(f"{physical_id}: {action.get('ScheduledActionName')}: {problem}\n")
        self._targets[_key(physical_id)] = {
            "account": get_account_id(),
            "region": get_region(),
            "resource": properties.get("ResourceId"),
            "actions": properties.get("ScheduledActions") or [],
        }
        self._save()

    def _save(self) -> None:
        together.replace(self._file, json.dumps(self._targets).encode())

    def _watch(self) -> None:
        last = datetime.now(UTC)
        while True:
            time.sleep(_LOOK_SECONDS)
            now = datetime.now(UTC)
            for target in list(self._targets.values()):
                for action in due(target["actions"], last, now):
                    with request_scope(target["account"], target["region"]):
                        _act(str(target["resource"]), action.get("ScalableTargetAction") or {})
            last = now


def due(actions: list[Mapping[str, Any]], last: datetime, now: datetime) -> Iterator[Mapping[str, Any]]:
    """Yield the actions whose time came after `last` and not after `now`, of those that `unread` does not name."""
    for action in actions:
        if unread(action):
            continue
        schedule, zone = str(action.get("Schedule", "")), ZoneInfo(str(action.get("Timezone") or "UTC"))
        fields = eventbridge._parse_cron_fields(schedule)
        if fields is not None:
            following = eventbridge._cron_next_fire(fields, last.astimezone(zone))
            if following is not None and following <= now:
                yield action
        elif schedule.startswith("at("):
            once = scheduler._at_time_epoch(schedule)
            moment = datetime.fromtimestamp(once, UTC).replace(tzinfo=zone) if once is not None else None
            if moment is not None and last < moment <= now:
                yield action


def unread(action: Mapping[str, Any]) -> str:
    """Return what of an action's time is not understood here; empty when it can be acted on."""
    schedule = str(action.get("Schedule", ""))
    if eventbridge._parse_cron_fields(schedule) is None and scheduler._at_time_epoch(schedule) is None:
        return f"schedule {schedule!r}: only cron() and at() are followed here"
    try:
        ZoneInfo(str(action.get("Timezone") or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return f"unknown time zone {action.get('Timezone')!r}"
    return ""


def _act(resource: str, wanted: Mapping[str, Any]) -> None:
    """Move the desired count of a service ("service/CLUSTER/NAME") into a range."""
    _, cluster, name = resource.split("/")
    service = ecs._services.get(f"{cluster}/{name}")
    if service is None:
        return
    desired = int(service.get("desiredCount") or 0)
    moved = max(desired, int(wanted.get("MinCapacity", 0)))
    moved = min(moved, int(wanted.get("MaxCapacity", moved)))
    if moved != desired:
        ecs._update_service({"cluster": cluster, "service": name, "desiredCount": moved})


def _key(physical_id: str) -> str:
    return f"{get_account_id()} {get_region()} {physical_id}"
