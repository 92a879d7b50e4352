"""An environment in one look, as JSON. Each key is defined once, with its meaning, for the document and its schema."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from infragen.cloud.monitoring import ServiceTask
from infragen.engine.snapshot import Snapshot, culprit
from infragen.report.keys import Key, count, document, schema, text, version
from infragen.secrecy.visible import Shown, shown_json

VERSION = 1


def _time(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat(timespec="seconds") if value else None


def _date(seconds: float) -> str | None:
    return _time(datetime.fromtimestamp(seconds, UTC)) if seconds else None


STACK: tuple[Key, ...] = (
    text("layer", "layer, or `root`", lambda row: row.layer),
    text("stack", "name of the stack", lambda row: row.stack),
    text("status", "status in CloudFormation's word, or `absent`", lambda row: row.status),
    text("since", "when its last operation started", lambda row: _time(row.since), null=True),
    Key("nested", "boolean", "whether it is nested in the root", lambda row: row.nested),
)
STOPPED: tuple[Key, ...] = (
    text("task", "ARN of the task", lambda task: task.arn),
    text("stopped", "when it stopped", lambda task: _time(task.stopped), null=True),
    text("stop_code", "ECS's stopCode", lambda task: task.stop_code),
    text("reason", "why, in the container runtime's or ECS's words", lambda task: _why(task)),
    count("exit_code", "exit code of its container", lambda task: _code(task), "integer"),
)
SERVICE: tuple[Key, ...] = (
    text("name", "`api`, or LAYER/LogicalId of a service of the project's own", lambda row: row.name),
    text("service", "name of the ECS service", lambda row: row.service),
    text("cluster", "name of its cluster", lambda row: row.cluster),
    text("status", "ECS's status of it", lambda row: row.state and row.state.status, null=True),
    count("desired", "tasks that it wants", lambda row: row.state and row.state.desired, "integer"),
    count("running", "tasks that run", lambda row: row.state and row.state.running, "integer"),
    count("pending", "tasks that start", lambda row: row.state and row.state.pending, "integer"),
    count("healthy", "running tasks that are HEALTHY", lambda row: row.healthy, "integer"),
    count("unhealthy", "running tasks that are UNHEALTHY", lambda row: row.unhealthy, "integer"),
    text("rollout", "rolloutState of its newest deployment", lambda row: row.state and row.state.rollout, null=True),
    text("task_definition", "what it runs", lambda row: row.state and row.state.task_definition, null=True),
    text("image", "image of the running tasks", lambda row: row.image and row.image.image, null=True),
    text("image_tag", "its tag; empty for the placeholder", lambda row: row.tag, null=True),
    text("digest", "its digest", lambda row: row.image and row.image.digest, null=True),
    count("cpu", "CPU in percent of what its tasks have", lambda row: row.cpu),
    count("memory", "memory in percent of what its tasks have", lambda row: row.memory),
    count("healthy_targets", "healthy targets behind the API's load balancer", lambda row: row.targets),
    count("requests", "requests of five minutes", lambda row: row.requests),
    count("failed_requests", "answers with 5xx among them", lambda row: row.failed_requests),
    Key("last_stopped", "object", "the task that stopped last", lambda row: row.stopped, null=True, rows=STOPPED),
)
QUEUE: tuple[Key, ...] = (
    text("name", "name in the environment file, or LAYER/LogicalId", lambda row: row.name),
    text("queue", "name of the queue", lambda row: row.queue),
    count("waiting", "messages that wait", lambda row: row.waiting),
    count("in_flight", "messages that are being worked on", lambda row: row.in_flight),
    count("age", "age of the oldest message in seconds", lambda row: row.age),
    count("dead_letters", "messages in its dead-letter queue", lambda row: row.dead, "integer"),
)
WORKER: tuple[Key, ...] = (
    text("name", "name in the environment file, or LAYER/LogicalId of its event source", lambda row: row.name),
    text("function", "name of the Lambda function", lambda row: row.function),
    text("source", "state of its event source", lambda row: row.source and row.source.state, null=True),
    text("source_reason", "why, in Lambda's words", lambda row: row.source and row.source.reason, null=True),
    Key("code", "boolean", "whether its code is deployed", lambda row: row.has_code, null=True),
    count("calls", "calls of five minutes", lambda row: row.calls),
    count("errors", "calls that failed", lambda row: row.errors),
    count("throttles", "calls that were throttled", lambda row: row.throttles),
    count("failed_messages", "messages that failed one by one", lambda row: row.failed_messages),
    Key("queue", "object", "the queue that it consumes", lambda row: row.queue, null=True, rows=QUEUE),
)
DATABASE: tuple[Key, ...] = (
    text("name", "`database`, or LAYER/LogicalId", lambda row: row.name),
    text("cluster", "identifier of the Aurora cluster", lambda row: row.cluster),
    count("acu", "the writer's capacity in ACU", lambda row: row.acu),
    count("max_acu", "its largest capacity", lambda row: row.max_acu),
    count("connections", "the writer's connections", lambda row: row.connections),
    count("max_connections", "how many it takes", lambda row: row.max_connections, "integer"),
    text(
        "rotated",
        "last rotation of the credentials",
        lambda row: row.rotation and _date(row.rotation.rotated),
        null=True,
    ),
    text(
        "next_rotation",
        "when the next is due",
        lambda row: row.rotation and _date(row.rotation.next_rotation),
        null=True,
    ),
)
ALARM: tuple[Key, ...] = (
    text("name", "logical id in the template, or the alarm's own name", lambda row: row.name),
    text("layer", "its layer; empty where its name does not tell", lambda row: row.layer),
    text("since", "when it was raised", lambda row: _time(row.since), null=True),
    text("reason", "why, in CloudWatch's words", lambda row: row.reason),
    Key("composite", "boolean", "whether it stands for others", lambda row: row.composite),
)
UNREAD: tuple[Key, ...] = (
    text("part", "what could not be read", lambda row: row.part),
    text("permission", "the permission that was denied; empty for another reason", lambda row: row.permission),
    text("message", "why", lambda row: row.words),
)
ADVICE: tuple[Key, ...] = (
    text("where", "the part that it is about", lambda row: row.where),
    text("what", "what is wrong or under way", lambda row: row.what),
    text("command", "what to type; empty where no command helps", lambda row: row.command),
    Key("trouble", "boolean", "whether it is wrong, and not only under way", lambda row: row.trouble),
)
SNAPSHOT: tuple[Key, ...] = (
    version(VERSION),
    text("environment", "name of the environment", lambda found: found.environment),
    text("account", "12-digit account id", lambda found: found.account),
    text("region", "region", lambda found: found.region),
    text("time", "when it was looked", lambda found: _time(datetime.fromtimestamp(found.time, UTC))),
    Key("trouble", "boolean", "whether something is wrong or could not be read", lambda found: found.trouble),
    text("commit", "commit of the last deployment; empty where it had none", lambda found: found.commit, null=True),
    text("deployed", "when the last deployment started", lambda found: _time(found.deployed), null=True),
    text("url", "where clients reach the API", lambda found: found.addresses.get("url"), null=True),
    text("dashboard", "the dashboard's address", lambda found: found.addresses.get("dashboard"), null=True),
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
    return shown_json(document(SNAPSHOT, found), indent=indent)


def ps_schema() -> dict[str, Any]:
    """Return the schema of the document that `infragen ps --format json` prints (JSON Schema 2020-12)."""
    return schema("An environment as infragen ps shows it", SNAPSHOT)
