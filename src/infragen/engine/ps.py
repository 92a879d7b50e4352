"""How an environment does, in one look: stacks, services, workers, queues, databases, alarms, and what to type next.

Reads only. What is looked for comes from the outputs of the stacks; a stack with more than infragen's own resources (a
project's layer) is listed besides. A part that may not be read is left out and named, and the rest is read.

Calls: GetCallerIdentity, DescribeStacks, DescribeChangeSet, DescribeServices, ListTasks twice, DescribeTasks,
ListEventSourceMappings, GetMetricData, DescribeAlarms, DescribeSecret, and GetQueueAttributes once for each dead-letter
queue: twelve with one queue. The other numbers of queues are CloudWatch's, in the one call for all metrics. Those of a
dead-letter queue are not: CloudWatch notices a queue that nobody used for six hours up to fifteen minutes late (Amazon
SQS Developer Guide, "Monitoring Amazon SQS queues using CloudWatch", read 2026-11-29).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from infragen.assembly.stacks import BESIDE, ROOT, stack_name
from infragen.assembly.synth import Assembly
from infragen.cloud.cloudformation import ABSENT, StackState
from infragen.cloud.monitoring import AlarmQuery, Metric, Points, ServiceTask
from infragen.cloud.workload import cluster_of
from infragen.config import Environment
from infragen.engine.observe import Observed, commit_of, layer_states, observe
from infragen.engine.progress import Session
from infragen.engine.ps_advice import advice
from infragen.engine.snapshot import (
    AlarmRow,
    DatabaseRow,
    QueueRow,
    ServiceRow,
    Snapshot,
    StackRow,
    Unread,
    WorkerRow,
    failed,
)
from infragen.errors import CloudError, CredentialsExpired, PermissionDenied
from infragen.layers import api, database, observability
from infragen.layers import queue as queue_layer
from infragen.layers.queue_worker import NO_CODE
from infragen.layers.worker import outputs_of

LOOK_BACK, SUMMED = 600.0, 300.0
"""Seconds: how old the newest value of a metric may be, and the span of what is summed (calls, errors, requests)."""

KINDS = {
    "AWS::ECS::Service": "service",
    "AWS::Lambda::EventSourceMapping": "source",
    "AWS::SQS::Queue": "queue",
    "AWS::RDS::DBCluster": "database",
}
"""What is looked at of a project's own resources, by type."""

ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
_GENERATED = re.compile(r"-(\w+)-[0-9A-Za-z]{8,14}$")
"""A logical id with what CloudFormation adds to it in the names that it makes."""

Value = TypeVar("Value")


@dataclass
class _Parts:
    """What could not be read so far."""

    unread: list[Unread] = field(default_factory=list)

    def read(self, part: str, ask: Callable[[], Value]) -> Value | None:
        """Return what AWS answers; None, with a note, where it does not.

        Raises CredentialsExpired, with which no part can be read.
        """
        try:
            return ask()
        except CredentialsExpired:
            raise
        except CloudError as error:
            denied = error.permission if isinstance(error, PermissionDenied) else ""
            self.unread.append(Unread(part, denied, error.message))
            return None


def snapshot(assembly: Assembly, session: Session) -> Snapshot:
    """Look at an environment once.

    Raises Refused for credentials of another account or region, CloudError when stacks cannot be read.
    """
    env, now = assembly.environment, session.timer.date()
    observed = observe(session, env)
    states, parts = layer_states(assembly, observed), _Parts()
    newest = max((each for layer, each in observed.layers.items() if layer not in BESIDE), key=_changed, default=None)
    found = Snapshot(
        environment=env.environment,
        name=env.name,
        account=observed.identity.account,
        region=observed.identity.region,
        time=now,
        commit=_commit(session, parts, newest),
        deployed=(newest.updated or newest.created) if newest else None,
        stacks=tuple(_stacks(assembly, observed, states)),
        addresses=_addresses(session, observed, states),
    )
    if states:
        own, named = _own_resources(assembly, session, states, parts)
        found = _look(env, session, found, states, own, parts)
        found = replace(found, alarms=_alarms(env, session, observed, states, named, parts))
    found = replace(found, unread=tuple(parts.unread))
    return replace(found, advice=tuple(advice(env, found)))


# --- stacks -----------------------------------------------------------------------------------------------------


def _changed(state: StackState) -> float:
    time = state.updated or state.created
    return time.timestamp() if time else 0.0


def _commit(session: Session, parts: _Parts, state: StackState | None) -> str | None:
    """Return the commit in the description of the change set that was executed last: empty where there is none."""
    if state is None or not state.change_set_id:
        return ""
    made, stack = state.change_set_id, state.stack_id
    described = parts.read("commit", lambda: session.cloud.change_set_description(made, stack))
    return None if described is None else commit_of(described)


def _stacks(assembly: Assembly, observed: Observed, states: Mapping[str, StackState]) -> Iterator[StackRow]:
    """Yield the root and what is nested in it, or the stack of each layer, those of no layer of the file included."""
    env, nested = assembly.environment, assembly.environment.topology == "nested"
    if nested:
        yield _stack(ROOT, env.name, observed.layers.get(ROOT))
    layers = [each.layer for each in assembly.templates]
    for layer in dict.fromkeys((*layers, *states)):
        name = f"{env.name}/{layer}" if nested else stack_name(env, layer)
        yield replace(_stack(layer, name, states.get(layer)), nested=nested)


def _stack(layer: str, name: str, state: StackState | None) -> StackRow:
    if state is None:
        return StackRow(layer, name, ABSENT)
    return StackRow(layer, state.name, state.status, state.updated or state.created)


_CONSOLE = {"aws": "aws.amazon.com", "aws-cn": "amazonaws.cn", "aws-us-gov": "amazonaws-us-gov.com"}


def _addresses(session: Session, observed: Observed, states: Mapping[str, StackState]) -> dict[str, str]:
    """Return what a browser can open: the API, and the dashboard where AWS has a console."""
    found, identity = dict[str, str](), observed.identity
    if url := _output(states, api.Url.layer, api.Url.name):
        found["url"] = url
    dashboard = _output(states, observability.DashboardName.layer, observability.DashboardName.name)
    if dashboard and not session.local and identity.partition in _CONSOLE:
        host, region = _CONSOLE[identity.partition], identity.region
        where = f"region={region}#dashboards/dashboard/{dashboard}"
        found["dashboard"] = f"https://{region}.console.{host}/cloudwatch/home?{where}"
    return found


def _output(states: Mapping[str, StackState], layer: str, name: str) -> str:
    return states[layer].outputs.get(name, "") if layer in states else ""


# --- what there is to look at -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Own:
    """A resource of a project's own: its layer and logical id, its physical id, and its definition in the template."""

    layer: str
    logical_id: str
    physical_id: str
    kind: str
    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.layer}/{self.logical_id}"


def _ours(env: Environment) -> set[tuple[str, str]]:
    """Return the resources that outputs lead to: layer and logical id."""
    found = {("api", "Service"), *([("database", "Cluster")] if env.database else ())}
    found |= {("worker", f"{each.id}EventSource") for each in env.workers or ()}
    return found | {("queue", f"{each.id}{end}") for each in env.queues or () for end in ("Queue", "Dlq")}


@dataclass(frozen=True)
class _NamedAlarm:
    """An alarm whose name the template chooses: its layer and logical id."""

    layer: str
    logical_id: str


def _own_resources(
    assembly: Assembly, session: Session, states: Mapping[str, StackState], parts: _Parts
) -> tuple[tuple[_Own, ...], dict[str, _NamedAlarm]]:
    """Return the resources of a project's own that are looked at, and by their names the alarms that templates name.

    One ListStackResources for each stack that has such resources, or an alarm whose name only AWS knows.
    """
    env, found, alarms = assembly.environment, list[_Own](), dict[str, _NamedAlarm]()
    ours = _ours(env)
    for template in assembly.templates:
        layer, bodies = template.layer, template.body.get("Resources", {})
        kinds = {name: KINDS[each["Type"]] for name, each in bodies.items() if each.get("Type") in KINDS}
        wanted = {name for name in kinds if (layer, name) not in ours}
        for name, each in bodies.items():
            if each.get("Type") in ALARMS and "AlarmName" in each.get("Properties", {}):
                written = _written(each["Properties"]["AlarmName"], env)
                if written is None:
                    wanted.add(name)
                else:
                    alarms[written] = _NamedAlarm(layer, name)
        if not wanted or layer not in states:
            continue
        rows = parts.read(layer, partial(session.cloud.resources, states[layer].stack_id))
        for row in rows or ():
            name = row.logical_id
            if row.physical_id and name in wanted and name in kinds:
                found.append(_Own(layer, name, row.physical_id, kinds[name], bodies[name].get("Properties", {})))
            elif row.physical_id and name in wanted:
                alarms[row.physical_id] = _NamedAlarm(layer, name)
    return tuple(found), alarms


def _written(value: object, env: Environment) -> str | None:
    """Return a name as the template writes it; None where only AWS knows it."""
    text = value.get("Fn::Sub") if isinstance(value, Mapping) else value
    if not isinstance(text, str):
        return None
    known = {"ProjectName": env.project, "EnvironmentName": env.environment, "AWS::Region": env.region}
    for name, own in known.items():
        text = text.replace(f"${{{name}}}", own)
    return None if "${" in text else text


def _look(
    env: Environment,
    session: Session,
    found: Snapshot,
    states: Mapping[str, StackState],
    own: Sequence[_Own],
    parts: _Parts,
) -> Snapshot:
    """Return the snapshot with services, workers, queues and databases."""
    services = [*_api_service(states), *(_own_service(each) for each in own if each.kind == "service")]
    queues = [*_queues(env, states), *_own_queues(own)]
    workers = _workers(session, env, states, own, parts)
    databases = [*_database(env, states), *(_own_database(each) for each in own if each.kind == "database")]
    metrics = [
        *(each for service in services for each in _service_metrics(service, states).values()),
        *(each for worker in workers for each in _worker_metrics(worker).values()),
        *(each for queue in queues for each in _queue_metrics(queue).values()),
        *(each for row in databases for each in _database_metrics(row).values()),
    ]
    ask = partial(session.cloud.points, metrics, found.time - LOOK_BACK, found.time)
    points = (parts.read("metrics", ask) or {}) if metrics else {}
    queues = [_counted(session, replace(each, **_gauges(_queue_metrics(each), points)), parts) for each in queues]
    return replace(
        found,
        services=tuple(_services(session, services, states, points, found.time, parts)),
        **_with_queues([_summed(each, points, found.time) for each in workers], queues),
        databases=tuple(
            replace(_rotating(session, each, parts), **_gauges(_database_metrics(each), points)) for each in databases
        ),
    )


def _gauges(metrics: Mapping[str, Metric], points: Mapping[Metric, Points]) -> dict[str, Any]:
    """Return the newest value of each metric by its name; None where it has none."""
    return {name: points[each].newest if each in points else None for name, each in metrics.items()}


def _sums(metrics: Mapping[str, Metric], points: Mapping[Metric, Points], now: float) -> dict[str, Any]:
    """Return the sum of each metric by its name: nothing counted is 0, and what was not read is None."""
    return {name: points[each].total(now - SUMMED) if each in points else None for name, each in metrics.items()}


# --- services ---------------------------------------------------------------------------------------------------


def _api_service(states: Mapping[str, StackState]) -> Iterator[ServiceRow]:
    service = _output(states, "api", api.EcsServiceName.name)
    if service:
        yield ServiceRow("api", service, _output(states, "api", api.EcsClusterName.name))


def _own_service(own: _Own) -> ServiceRow:
    return ServiceRow(own.name, own.physical_id.rpartition("/")[2], cluster_of(own.physical_id))


def _service_metrics(service: ServiceRow, states: Mapping[str, StackState]) -> dict[str, Metric]:
    of = (("ClusterName", service.cluster), ("ServiceName", service.service))
    found = {
        "cpu": Metric("AWS/ECS", "CPUUtilization", "Average", of),
        "memory": Metric("AWS/ECS", "MemoryUtilization", "Average", of),
    }
    balancer = _output(states, "api", api.LoadBalancerFullName.name)
    group = _output(states, "api", api.TargetGroupFullName.name)
    if service.name == "api" and balancer and group:
        name, whole = "AWS/ApplicationELB", (("LoadBalancer", balancer),)
        both = (("TargetGroup", group), *whole)
        found |= {
            "targets": Metric(name, "HealthyHostCount", "Minimum", both),
            "requests": Metric(name, "RequestCount", "Sum", whole),
            "of_tasks": Metric(name, "HTTPCode_Target_5XX_Count", "Sum", whole),
            "of_balancer": Metric(name, "HTTPCode_ELB_5XX_Count", "Sum", whole),
        }
    return found


def _services(
    session: Session,
    services: Sequence[ServiceRow],
    states: Mapping[str, StackState],
    points: Mapping[Metric, Points],
    now: float,
    parts: _Parts,
) -> Iterator[ServiceRow]:
    """Yield services with what ECS and CloudWatch say: one look at each cluster."""
    for cluster in dict.fromkeys(each.cluster for each in services):
        inside = [each for each in services if each.cluster == cluster]
        names = [each.service for each in inside]
        known = parts.read("services", partial(session.cloud.service_states, cluster, names))
        tasks = parts.read("tasks", partial(session.cloud.cluster_tasks, cluster))
        for service in inside:
            state = next((each for each in known or () if each.name == service.service), None)
            metrics = _service_metrics(service, states)
            gauges = {name: each for name, each in metrics.items() if name in ("cpu", "memory", "targets")}
            sums = _sums({name: each for name, each in metrics.items() if name not in gauges}, points, now)
            answers = [sums.pop(name) for name in ("of_tasks", "of_balancer") if name in sums]
            counted = [each for each in answers if each is not None]
            row = replace(service, state=state, **_gauges(gauges, points), **sums)
            yield _with_tasks(replace(row, failed_requests=sum(counted) if counted else None), tasks)


def _with_tasks(service: ServiceRow, tasks: Sequence[ServiceTask] | None) -> ServiceRow:
    """Return a service with what its tasks say: health, image, and which stopped last."""
    if tasks is None:
        return service
    ours = [each for each in tasks if each.group == f"service:{service.service}"]
    current = service.state.task_definition if service.state else ""
    alive = sorted(
        (each for each in ours if each.status == "RUNNING"), key=lambda each: each.task_definition != current
    )
    container = service.state.container if service.state else ""
    images = [part for task in alive for part in task.containers if part.name == container or len(task.containers) == 1]
    stopped = sorted((each for each in ours if each.status == "STOPPED"), key=_stopped)
    bad = [each for each in stopped if failed(each) and each.task_definition == current]
    return replace(
        service,
        healthy=sum(each.health == "HEALTHY" for each in alive),
        unhealthy=sum(each.health == "UNHEALTHY" for each in alive),
        image=next(iter(images), None),
        stopped=next(reversed(bad or stopped), None),
    )


def _stopped(task: ServiceTask) -> float:
    return task.stopped.timestamp() if task.stopped else 0.0


# --- workers and queues -----------------------------------------------------------------------------------------


def _workers(
    session: Session, env: Environment, states: Mapping[str, StackState], own: Sequence[_Own], parts: _Parts
) -> list[WorkerRow]:
    """Return the workers of the file, and the functions of a project's own event sources."""
    functions = {each.name: _output(states, "worker", outputs_of(each)[0].name) for each in env.workers or ()}
    workers = {functions[each.name]: each for each in env.workers or () if functions[each.name]}
    others = {each.physical_id: each for each in own if each.kind == "source"}
    ask = partial(session.cloud.event_sources, [*workers], [*others])
    sources = (parts.read("event sources", ask) or ()) if workers or others else ()
    found = []
    for function, worker in workers.items():
        source = next((each for each in sources if each.function == function), None)
        code = states["worker"].parameters.get(f"{worker.id}CodeKey")
        has_code = None if code is None else code != NO_CODE
        found.append(WorkerRow(worker.name, function, worker.queue, source, has_code=has_code))
    theirs = [each for each in sources if each.uuid in others and each.function not in workers]
    return [*found, *(WorkerRow(others[each.uuid].name, each.function, source=each) for each in theirs)]


def _worker_metrics(worker: WorkerRow) -> dict[str, Metric]:
    of = (("FunctionName", worker.function),)
    found = {
        "calls": Metric("AWS/Lambda", "Invocations", "Sum", of),
        "errors": Metric("AWS/Lambda", "Errors", "Sum", of),
        "throttles": Metric("AWS/Lambda", "Throttles", "Sum", of),
    }
    if worker.source is not None:
        source = (("EventSourceMappingUUID", worker.source.uuid),)
        found |= {
            "messages": Metric("AWS/Lambda", "InvokedEventCount", "Sum", source),
            "failed_messages": Metric("AWS/Lambda", "FailedInvokeEventCount", "Sum", source),
        }
    return found


def _summed(worker: WorkerRow, points: Mapping[Metric, Points], now: float) -> WorkerRow:
    return replace(worker, **_sums(_worker_metrics(worker), points, now))


def _queues(env: Environment, states: Mapping[str, StackState]) -> Iterator[QueueRow]:
    for each in env.queues or ():
        given = queue_layer.of(each)
        if url := _output(states, "queue", given.url.name):
            yield QueueRow(each.name, _last(url), _output(states, "queue", given.dead_letter_url.name))


def _own_queues(own: Sequence[_Own]) -> Iterator[QueueRow]:
    """Yield the queues of a project's own, each with its dead-letter queue, which is no row by itself."""
    queues = {(each.layer, each.logical_id): each for each in own if each.kind == "queue"}
    dead = {place: queues.get((each.layer, _dead_letter_of(each))) for place, each in queues.items()}
    for place, each in queues.items():
        if each not in dead.values():
            other = dead[place]
            yield QueueRow(each.name, _last(each.physical_id), other.physical_id if other else "")


def _dead_letter_of(own: _Own) -> str:
    """Return the logical id in a queue's redrive policy; empty for a policy that names no resource of the template."""
    policy = own.body.get("RedrivePolicy")
    target = policy.get("deadLetterTargetArn") if isinstance(policy, Mapping) else None
    asked = target.get("Fn::GetAtt") if isinstance(target, Mapping) else None
    name = asked.partition(".")[0] if isinstance(asked, str) else asked[0] if asked else ""
    return str(name)


def _last(address: str) -> str:
    """Return the name of a queue: the last part of its URL or ARN."""
    return re.split("[/:]", address)[-1]


def _queue_metrics(queue: QueueRow) -> dict[str, Metric]:
    of = (("QueueName", queue.queue),)
    return {
        "waiting": Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", of),
        "in_flight": Metric("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "Maximum", of),
        "age": Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", of),
    }


def _counted(session: Session, queue: QueueRow, parts: _Parts) -> QueueRow:
    """Return a queue with its dead letters, those that somebody looks at included."""
    if not queue.dead_url:
        return queue
    state = parts.read(f"dead letters of {queue.name}", partial(session.cloud.queue_state, queue.dead_url))
    return replace(queue, dead=state.waiting + state.in_flight + state.delayed if state else None)


def _with_queues(workers: Sequence[WorkerRow], queues: Sequence[QueueRow]) -> dict[str, Any]:
    """Return the workers, each with its queue, and the queues of no worker."""
    by_name, by_queue = {each.name: each for each in queues}, {each.queue: each for each in queues}
    found = []
    for each in workers:
        source = each.source.source if each.source and ":sqs:" in each.source.source else ""
        queue = by_name.get(each.consumes) if each.consumes else by_queue.get(_last(source))
        found.append(replace(each, queue=queue))
    consumed = {each.queue.name for each in found if each.queue}
    return {"workers": tuple(found), "queues": tuple(each for each in queues if each.name not in consumed)}


# --- databases --------------------------------------------------------------------------------------------------


def _database(env: Environment, states: Mapping[str, StackState]) -> Iterator[DatabaseRow]:
    cluster = _output(states, "database", database.ClusterIdentifier.name)
    if env.database is not None and cluster:
        secret = _output(states, "database", database.DatabaseCredentialsArn.name)
        limits = float(env.database.max_acu), env.database.max_connections
        yield DatabaseRow("database", cluster, max_acu=limits[0], max_connections=limits[1], secret=secret)


def _own_database(own: _Own) -> DatabaseRow:
    return DatabaseRow(own.name, own.physical_id)


def _database_metrics(database: DatabaseRow) -> dict[str, Metric]:
    writer = (("DBClusterIdentifier", database.cluster), ("Role", "WRITER"))
    return {
        "acu": Metric("AWS/RDS", "ServerlessDatabaseCapacity", "Average", writer),
        "connections": Metric("AWS/RDS", "DatabaseConnections", "Maximum", writer),
    }


def _rotating(session: Session, database: DatabaseRow, parts: _Parts) -> DatabaseRow:
    if not database.secret:
        return database
    return replace(database, rotation=parts.read("credentials", partial(session.cloud.rotated_secret, database.secret)))


# --- alarms -----------------------------------------------------------------------------------------------------


def _alarms(
    env: Environment,
    session: Session,
    observed: Observed,
    states: Mapping[str, StackState],
    named: Mapping[str, _NamedAlarm],
    parts: _Parts,
) -> tuple[AlarmRow, ...] | None:
    """Return the alarms of the environment that are raised, the oldest first; None where they cannot be read.

    An alarm whose name CloudFormation made begins with the name of its stack, which may be cut: it is of the stack that
    shares most of its name, or those of an environment `prod-api` would be taken for those of the layer `api` of
    `prod`. The logical id, which has no hyphen, stands before the last one.
    """
    layers = {state.name: layer for layer, state in states.items()} | {env.name: ROOT}
    prefix = f"{env.name}-"
    query = AlarmQuery(prefix, tuple(each for each in named if not each.startswith(prefix)))
    raised = parts.read("alarms", partial(session.cloud.raised_alarms, query))
    if raised is None:
        return None
    found = []
    for each in raised:
        own = named.get(each.name)
        stack = max(observed.by_name, key=partial(_shared, each.name), default="")
        if own is not None:
            found.append(AlarmRow(own.logical_id, own.layer, each.since, each.reason, each.composite))
        elif stack in layers:
            made = _GENERATED.search(each.name)
            name = made[1] if made else each.name
            found.append(AlarmRow(name, layers[stack], each.since, each.reason, each.composite))
    return tuple(sorted(found, key=lambda each: (each.since.timestamp() if each.since else 0.0, each.name)))


def _shared(alarm: str, stack: str) -> int:
    """Return how many characters two names have in common at their beginning."""
    return len(os.path.commonprefix([alarm, stack]))  # noqa: RUF071  # of texts, not of paths
