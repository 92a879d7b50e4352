"""An environment in one look, as JSON. Each key is defined once, with its meaning, for the document and its schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infragen.engine.snapshot import Snapshot, culprit
from infragen.monitoring import ServiceTask
from infragen.secrecy.visible import Shown, shown_json

VERSION = 1


@dataclass(frozen=True)
class Key:
    """A key of the document: the type of its value (JSON Schema's word), its meaning, and where it comes from. One that
    may be null says so; `rows` are the keys of the objects of a list, or of an object.
    """

    name: str
    type: str
    meaning: str
    get: Callable[[Any], Any]
    null: bool = False
    rows: tuple[Key, ...] = ()


def _text(name: str, meaning: str, get: Callable[[Any], Any], *, null: bool = False) -> Key:
    return Key(name, "string", meaning, get, null)


def _count(name: str, meaning: str, get: Callable[[Any], Any], type_: str = "number") -> Key:
    return Key(name, type_, meaning, get, null=True)


def _time(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat(timespec="seconds") if value else None


def _date(seconds: float) -> str | None:
    return _time(datetime.fromtimestamp(seconds, UTC)) if seconds else None


STACK: tuple[Key, ...] = (
    _text("layer", "layer, or `root`", lambda row: row.layer),
    _text("stack", "name of the stack", lambda row: row.stack),
    _text("status", "status in CloudFormation's word, or `absent`", lambda row: row.status),
    _text("since", "when its last operation started", lambda row: _time(row.since), null=True),
    Key("nested", "boolean", "whether it is nested in the root", lambda row: row.nested),
)
STOPPED: tuple[Key, ...] = (
    _text("task", "ARN of the task", lambda task: task.arn),
    _text("stopped", "when it stopped", lambda task: _time(task.stopped), null=True),
    _text("stop_code", "ECS's stopCode", lambda task: task.stop_code),
    _text("reason", "why, in the container runtime's or ECS's words", lambda task: _why(task)),
    _count("exit_code", "exit code of its container", lambda task: _code(task), "integer"),
)
SERVICE: tuple[Key, ...] = (
    _text("name", "`api`, or LAYER/LogicalId of a service of the project's own", lambda row: row.name),
    _text("service", "name of the ECS service", lambda row: row.service),
    _text("cluster", "name of its cluster", lambda row: row.cluster),
    _text("status", "ECS's status of it", lambda row: row.state and row.state.status, null=True),
    _count("desired", "tasks that it wants", lambda row: row.state and row.state.desired, "integer"),
    _count("running", "tasks that run", lambda row: row.state and row.state.running, "integer"),
    _count("pending", "tasks that start", lambda row: row.state and row.state.pending, "integer"),
    _count("healthy", "running tasks that are HEALTHY", lambda row: row.healthy, "integer"),
    _count("unhealthy", "running tasks that are UNHEALTHY", lambda row: row.unhealthy, "integer"),
    _text("rollout", "rolloutState of its newest deployment", lambda row: row.state and row.state.rollout, null=True),
    _text("task_definition", "what it runs", lambda row: row.state and row.state.task_definition, null=True),
    _text("image", "image of the running tasks", lambda row: row.image and row.image.image, null=True),
    _text("image_tag", "its tag; empty for the placeholder", lambda row: row.tag, null=True),
    _text("digest", "its digest", lambda row: row.image and row.image.digest, null=True),
    _count("cpu", "CPU in percent of what its tasks have", lambda row: row.cpu),
    _count("memory", "memory in percent of what its tasks have", lambda row: row.memory),
    _count("healthy_targets", "healthy targets behind the API's load balancer", lambda row: row.targets),
    _count("requests", "requests of five minutes", lambda row: row.requests),
    _count("failed_requests", "answers with 5xx among them", lambda row: row.failed_requests),
    Key("last_stopped", "object", "the task that stopped last", lambda row: row.stopped, null=True, rows=STOPPED),
)
QUEUE: tuple[Key, ...] = (
    _text("name", "name in the environment file, or LAYER/LogicalId", lambda row: row.name),
    _text("queue", "name of the queue", lambda row: row.queue),
    _count("waiting", "messages that wait", lambda row: row.waiting),
    _count("in_flight", "messages that are being worked on", lambda row: row.in_flight),
    _count("age", "age of the oldest message in seconds", lambda row: row.age),
    _count("dead_letters", "messages in its dead-letter queue", lambda row: row.dead, "integer"),
)
WORKER: tuple[Key, ...] = (
    _text("name", "name in the environment file, or LAYER/LogicalId of its event source", lambda row: row.name),
    _text("function", "name of the Lambda function", lambda row: row.function),
    _text("source", "state of its event source", lambda row: row.source and row.source.state, null=True),
    _text("source_reason", "why, in Lambda's words", lambda row: row.source and row.source.reason, null=True),
    Key("code", "boolean", "whether its code is deployed", lambda row: row.has_code, null=True),
    _count("calls", "calls of five minutes", lambda row: row.calls),
    _count("errors", "calls that failed", lambda row: row.errors),
    _count("throttles", "calls that were throttled", lambda row: row.throttles),
    _count("failed_messages", "messages that failed one by one", lambda row: row.failed_messages),
    Key("queue", "object", "the queue that it consumes", lambda row: row.queue, null=True, rows=QUEUE),
)
DATABASE: tuple[Key, ...] = (
    _text("name", "`database`, or LAYER/LogicalId", lambda row: row.name),
    _text("cluster", "identifier of the Aurora cluster", lambda row: row.cluster),
    _count("acu", "the writer's capacity in ACU", lambda row: row.acu),
    _count("max_acu", "its largest capacity", lambda row: row.max_acu),
    _count("connections", "the writer's connections", lambda row: row.connections),
    _count("max_connections", "how many it takes", lambda row: row.max_connections, "integer"),
    _text(
        "rotated",
        "last rotation of the credentials",
        lambda row: row.rotation and _date(row.rotation.rotated),
        null=True,
    ),
    _text(
        "next_rotation",
        "when the next is due",
        lambda row: row.rotation and _date(row.rotation.next_rotation),
        null=True,
    ),
)
ALARM: tuple[Key, ...] = (
    _text("name", "logical id in the template, or the alarm's own name", lambda row: row.name),
    _text("layer", "its layer; empty where its name does not tell", lambda row: row.layer),
    _text("since", "when it was raised", lambda row: _time(row.since), null=True),
    _text("reason", "why, in CloudWatch's words", lambda row: row.reason),
    Key("composite", "boolean", "whether it stands for others", lambda row: row.composite),
)
UNREAD: tuple[Key, ...] = (
    _text("part", "what could not be read", lambda row: row.part),
    _text("permission", "the permission that was denied; empty for another reason", lambda row: row.permission),
    _text("message", "why", lambda row: row.words),
)
ADVICE: tuple[Key, ...] = (
    _text("where", "the part that it is about", lambda row: row.where),
    _text("what", "what is wrong or under way", lambda row: row.what),
    _text("command", "what to type; empty where no command helps", lambda row: row.command),
    Key("trouble", "boolean", "whether it is wrong, and not only under way", lambda row: row.trouble),
)
SNAPSHOT: tuple[Key, ...] = (
    Key("version", "integer", "goes up when a key is removed or changes its meaning", lambda found: VERSION),
    _text("environment", "name of the environment", lambda found: found.environment),
    _text("account", "12-digit account id", lambda found: found.account),
    _text("region", "region", lambda found: found.region),
    _text("time", "when it was looked", lambda found: _time(datetime.fromtimestamp(found.time, UTC))),
    Key("trouble", "boolean", "whether something is wrong or could not be read", lambda found: found.trouble),
    _text("commit", "commit of the last deployment; empty where it had none", lambda found: found.commit, null=True),
    _text("deployed", "when the last deployment started", lambda found: _time(found.deployed), null=True),
    _text("url", "where clients reach the API", lambda found: found.addresses.get("url"), null=True),
    _text("dashboard", "the dashboard's address", lambda found: found.addresses.get("dashboard"), null=True),
    Key("stacks", "array", "stacks", lambda found: found.stacks, rows=STACK),
    Key("services", "array", "ECS services", lambda found: found.services, rows=SERVICE),
    Key("workers", "array", "workers", lambda found: found.workers, rows=WORKER),
    Key("queues", "array", "queues of no worker", lambda found: found.queues, rows=QUEUE),
    Key("databases", "array", "databases", lambda found: found.databases, rows=DATABASE),
    Key("alarms", "array", "alarms that are raised", lambda found: found.alarms, null=True, rows=ALARM),
    Key("unread", "array", "what could not be read; its values are null", lambda found: found.unread, rows=UNREAD),
    Key("advice", "array", "what is wrong or under way, and what to type", lambda found: found.advice, rows=ADVICE),
)


def _code(task: ServiceTask) -> int | None:
    container = culprit(task)
    return container.exit_code if container else None


def _why(task: ServiceTask) -> str:
    container = culprit(task)
    return (container.reason if container else "") or task.reason


def as_json(found: Snapshot, indent: int | None = 2) -> Shown:
    """Return the document as text; `ps_schema` describes it."""
    return shown_json(_object(SNAPSHOT, found), indent=indent)


def _object(keys: Sequence[Key], value: Any) -> dict[str, Any]:
    return {each.name: _value(each, each.get(value)) for each in keys}


def _value(key: Key, value: Any) -> Any:
    if value is None or not key.rows:
        return value
    return [_object(key.rows, each) for each in value] if key.type == "array" else _object(key.rows, value)


def ps_schema() -> dict[str, Any]:
    """Return the schema of the document that `infragen ps --format json` prints (JSON Schema 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An environment as infragen ps shows it",
        **_schema_of(SNAPSHOT),
    }


def _schema_of(keys: Iterable[Key]) -> dict[str, Any]:
    properties = {each.name: _schema(each) for each in keys}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _schema(key: Key) -> dict[str, Any]:
    found: dict[str, Any] = {"type": [key.type, "null"] if key.null else key.type, "description": key.meaning}
    if key.type == "array":
        found["items"] = _schema_of(key.rows)
    elif key.rows:
        found |= {name: each for name, each in _schema_of(key.rows).items() if name != "type"}
    return found
