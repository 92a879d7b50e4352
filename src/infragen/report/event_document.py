"""The engine's events as JSON objects for programs: one for each line that `--format json` prints.

`event_schema` says what each key means; the two change together. Within a version keys and types are only added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from infragen.cloud.cloudformation import StackEvent
from infragen.config.setting_lookup import Setting
from infragen.engine.change_set_cleanup import Leftover
from infragen.engine.deletion_plan import DestroyPlan, RecoveryPlan, Remedy, ResourceDeletion, StackDeletion
from infragen.engine.outcome import Cause, Deleted, Deployed, Failed, Outcome, Recovered, Skipped, Unchanged, Unknown
from infragen.engine.progress import (
    Checking,
    Connected,
    Ended,
    Event,
    Following,
    Happened,
    Lost,
    Noticed,
    Planned,
    PlannedDeletion,
    PlannedRecovery,
    Preparing,
    RotationEnded,
    RotationStarted,
    ServiceDeploymentEnded,
    ServiceDeploymentStarted,
    Started,
    TaskEnded,
    TaskLog,
    TaskStarted,
    Uploaded,
    Warned,
)
from infragen.report import plan_document
from infragen.report.duration import usually
from infragen.report.outcome import word
from infragen.report.progress_state import Scene
from infragen.secrecy.visible import shown_json

VERSION = 1
"""Goes up when a key or a type is removed or changes its meaning."""

Object = dict[str, object]


def document(event: Event, took: float | None = None) -> Object | None:
    """Return one event; `took` are the seconds that what it ends has taken. None for what is no line of its own."""
    match event:
        case Connected(who):
            return _of("connected", account=who.account, region=who.region, partition=who.partition, identity=who.arn)
        case Uploaded(bucket, key, size):
            return _of("uploaded", bucket=bucket, key=key, bytes=size)
        case Preparing(layer, stack):
            return _of("preparing", layer=layer, stack=stack)
        case Checking(layer, stack, seconds):
            return _of("checking_drift", layer=layer, stack=stack, seconds=_rounded(seconds))
        case Planned(plan):
            return _of("plan", plan=plan_document.document(plan))
        case PlannedDeletion(deletion):
            return _of("deletion_plan", **_deletion(deletion))
        case PlannedRecovery(recovery):
            return _of("recovery_plan", **_recovery(recovery))
        case Started(layer, stack, action):
            return _of("started", layer=layer, stack=stack, action=action)
        case Happened(_, each):
            return _happened(each.layer, each.event, took)
        case Noticed(layer, logical_id, text):
            return _of("notice", layer=layer, logical_id=logical_id, text=text)
        case TaskStarted(purpose, task, command, tag):
            return _of("task_started", purpose=purpose, task=task, command=list(command), image_tag=tag)
        case TaskLog(purpose, line):
            return _of("task_log", purpose=purpose, line=line)
        case TaskEnded(purpose, task, code, seconds):
            return _of("task_ended", purpose=purpose, task=task, exit_code=code, seconds=_rounded(seconds))
        case RotationStarted(secret, version):
            return _of("rotation_started", secret=secret, version=version)
        case RotationEnded(secret, version, seconds):
            return _of("rotation_ended", secret=secret, version=version, seconds=_rounded(seconds))
        case ServiceDeploymentStarted(service, deployment):
            return _of("service_deployment_started", service=service, deployment=deployment)
        case ServiceDeploymentEnded(service, deployment, seconds):
            given = {"service": service, "deployment": deployment, "seconds": _rounded(seconds)}
            return _of("service_deployment_ended", **given)
        case Lost(layer, reason):
            return _of("unreachable", layer=layer, reason=reason)
        case Warned(text):
            return _of("warning", text=text)
        case Ended(outcome):
            return _of("outcome", **outcome_document(outcome), seconds=_rounded(took))
        case Following():
            return None


def heartbeat(scene: Scene, seconds: float) -> Object:
    """Return that the command is alive, and what it waits for."""
    return _of("heartbeat", seconds=_rounded(seconds), stacks=list(scene.running.values()), work=list(_work(scene)))


def finished(code: int, meaning: str, outcomes: Iterable[Outcome], running: Iterable[str]) -> Object:
    """Return the last line: the exit code, what became of each layer, and the first true failure of them all."""
    ended = list(outcomes)
    causes = [each.cause for each in ended if isinstance(each, Failed) and each.cause]
    first = min(causes, key=lambda each: each.time.timestamp() if each.time else float("inf"), default=None)
    return _of(
        "finished",
        exit_code=code,
        meaning=meaning,
        outcomes={each.layer: word(each)[0] for each in ended},
        root_cause=_cause(first),
        still_running=list(running),
    )


def leftovers(found: Iterable[Leftover]) -> Object:
    """Return the change sets that are left on stacks."""
    stacks = [
        {
            "stack": each.stack,
            "deletable": list(each.deletable),
            "stuck": each.stuck,
            "total": each.total,
            "empty": each.empty,
            "in_use": each.in_use,
        }
        for each in found
    ]
    return _of("leftovers", stacks=stacks)


def failures_json(failures: Iterable[Failed]) -> str:
    """Return `{"version": 1, "failures": [...]}`, each as an outcome of a deployment has it."""
    found = {"version": VERSION, "failures": [outcome_document(each) for each in failures]}
    return shown_json(found, indent=2)


def _of(kind: str, **values: object) -> Object:
    return {"type": kind, **values}


def _happened(layer: str, event: StackEvent, took: float | None) -> Object:
    common: Object = {
        "layer": layer,
        "stack": event.stack_name,
        "status": event.status,
        "reason": event.reason,
        "aws_time": _time(event.time),
        "event_id": event.event_id,
    }
    if event.of_stack_itself:
        return _of("stack", **common)
    which = {"logical_id": event.logical_id, "physical_id": event.physical_id, "resource_type": event.type}
    return _of("resource", **common, **which, seconds=_rounded(took))


def _work(scene: Scene) -> Iterator[Object]:
    for each in scene.work():
        usual = usually(each.type, each.status)
        yield {
            "layer": each.layer,
            "logical_id": each.logical_id,
            "resource_type": each.type,
            "status": each.status,
            "seconds": _rounded(scene.seconds(each.since)),
            "usual_minutes": [usual.low, usual.high] if usual else None,
        }


def outcome_document(outcome: Outcome) -> Object:
    """Return one stack's outcome; the keys that do not belong to its kind are empty."""
    found: Object = {
        "layer": outcome.layer,
        "stack": outcome.stack,
        "outcome": word(outcome)[0],
        "status": "",
        "message": "",
        "hint": "",
        "cause": None,
        "evidence": [],
        "needs": "",
        "left": [],
        "notes": [],
    }
    match outcome:
        case Deployed(status=status, left=left, notes=notes):
            return found | {"status": status, "left": list(left), "notes": list(notes)}
        case Unchanged(status=status):
            return found | {"status": status}
        case Deleted(kept=kept):
            return found | {"left": list(kept)}
        case Recovered(status=status, skipped=skipped):
            return found | {"status": status, "left": list(skipped)}
        case Failed(message=message, hint=hint, status=status, cause=cause, evidence=evidence):
            told = [{"kind": each.kind, "text": each.text} for each in evidence]
            facts: Object = {"message": message, "hint": hint, "status": status, "cause": _cause(cause)}
            return found | facts | {"evidence": told}
        case Skipped(needs=needs, why=why):
            return found | {"needs": needs, "message": why}
        case Unknown(message=message, status=status):
            return found | {"message": message, "status": status}


def _cause(cause: Cause | None) -> Object | None:
    if cause is None:
        return None
    return {
        "layer": cause.layer,
        "logical_id": cause.logical_id,
        "resource_type": cause.type,
        "physical_id": cause.physical_id,
        "status": cause.status,
        "reason": cause.reason,
        "aws_time": _time(cause.time),
        "cancelled": cause.cancelled,
        "setting": _setting(cause.setting),
    }


def _setting(setting: Setting | None) -> Object | None:
    if setting is None:
        return None
    place = setting.place
    return {
        "key": setting.key,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "written": setting.written,
    }


def _deletion(plan: DestroyPlan) -> Object:
    return {
        "account": plan.account,
        "region": plan.region,
        "stacks": [_to_delete(each) for each in plan.stacks],
        "shared_bucket": plan.part.place if plan.part is not None else None,
    }


def _to_delete(stack: StackDeletion) -> Object:
    return {
        "layer": stack.layer,
        "stack": stack.state.name,
        "status": stack.state.status,
        "protections": list(stack.protections),
        "resources": [_deleted(each) for each in stack.resources],
    }


def _deleted(resource: ResourceDeletion) -> Object:
    return {
        "layer": resource.layer,
        "logical_id": resource.logical_id,
        "physical_id": resource.physical_id,
        "resource_type": resource.type,
        "fate": resource.end,
    }


def _recovery(plan: RecoveryPlan) -> Object:
    return {"account": plan.account, "region": plan.region, "stacks": [_remedy(each) for each in plan.remedies]}


def _remedy(remedy: Remedy) -> Object:
    return {
        "layer": remedy.layer,
        "stack": remedy.state.name,
        "status": remedy.state.status,
        "action": remedy.action.value,
        "why": remedy.why,
        "stuck": [{"place": each.place, "resource_type": each.type, "reason": each.reason} for each in remedy.stuck],
        "skipped": [each.place for each in remedy.skipped],
        "deletion": _to_delete(remedy.to_delete) if remedy.to_delete else None,
        "loses": [_deleted(each) for each in remedy.loses],
    }


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
