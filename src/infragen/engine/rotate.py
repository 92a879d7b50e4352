"""Rotates the database's credentials, and starts the tasks again that read them when they started: in the order in
which no running task loses its login.

A rotation gives the user that is *not* current a new password and makes it current (`layers.database_credentials`). So
a running task keeps its login through one rotation and loses it at the next, unless it is replaced in between. Whatever
runs with other credentials than the current ones is therefore replaced before anything is rotated.

Secrets, log groups and services are found among the resources of the stacks, never by a guessed name. No value of a
secret is read. The rotation and the deployment are AWS's own: both continue when nobody follows them.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TypeVar

from infragen.assembly.stacks import BESIDE
from infragen.assembly.synth import Assembly
from infragen.cloud.protocol import LogEvent
from infragen.cloud.workload import ROTATION_SECONDS, SecretState, ServiceDeployment, cluster_of
from infragen.engine.evidence import Span, of_service
from infragen.engine.observe import Observed, layer_stacks, observe, place_words, under_way
from infragen.engine.other_runs import when_free
from infragen.engine.outcome import Evidence
from infragen.engine.progress import (
    Following,
    Question,
    RotationEnded,
    RotationStarted,
    ServiceDeploymentEnded,
    ServiceDeploymentStarted,
    Session,
    Warned,
)
from infragen.engine.release import RELEASE
from infragen.engine.retry import BEFORE, retried
from infragen.engine.unread import Unread
from infragen.errors import CloudError, Conflict, InputError, OperationFailed, OutcomeUnknown, Refused
from infragen.resource_types.ecs import SERVICE

DATABASE, SECRET, LOG_GROUP = "database", "AppSecret", "CredentialsLogGroup"

LOOK_SECONDS, LOG_LOOKS = 2.0, 5
"""How often it is looked how things stand, and after how many of these looks what the rotation's function wrote."""

DEPLOYMENT_SECONDS = 3 * 3_600.0
"""Seconds after which a deployment is followed no longer: as long as CloudFormation waits for a service."""

CLOCK_SECONDS = 5.0
"""How far this machine's clock may be ahead of that of the logs."""

READ_AFTER = 1.0
"""Seconds after a change of the secret in which a deployment counts as one that may still have read the old value:
times are given in whole seconds by some endpoints."""

T = TypeVar("T")


class Step(Enum):
    """One step; its value says what it does."""

    CATCH_UP = "replacing tasks that use the credentials before the current ones"
    ROTATE = "rotating"
    DEPLOY = "replacing the tasks"
    ROTATE_AGAIN = "rotating for the second time"
    RESTART = "replacing all tasks"


@dataclass(frozen=True)
class Rotation:
    """What is rotated: the secret and the log group of its function, the services whose tasks read it when they start,
    and the steps that are to be done.
    """

    environment: str
    secret: str
    log_group: str
    services: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Rotated:
    """What was done: the steps, and when Secrets Manager rotates next (seconds since 1970, 0 where it does not say)."""

    steps: tuple[Step, ...]
    services: tuple[str, ...]
    next_rotation: float = 0.0


def rotate(assembly: Assembly, session: Session, *, twice: bool = False, wait: float | None = None) -> Rotated:
    """Rotate the credentials and replace the tasks, after asking; `twice` ends a login that leaked.

    Raises InputError without a database, Conflict while a stack operation, a deployment, a command or a rotation runs,
    with `wait` when it still does after so many seconds, Refused
    when the answer is no, OperationFailed with the state that things are in, OutcomeUnknown when it does not end.
    """
    env = assembly.environment
    if env.database is None:
        raise InputError(
            f"{env.environment} has no database whose credentials could be rotated",
            "`infragen secrets set NAME` changes a secret of the application's own",
        )

    def look() -> tuple[Observed, Rotation]:
        observed = observe(session, env)
        return observed, _plan(session, assembly, observed, twice=twice)

    observed, found = when_free(session, look, wait)
    where = place_words(env, observed.identity)
    if not session.ui.confirm(Question(_question(found, where), "--yes")):
        raise Refused("declined; nothing was rotated")
    done: list[Step] = []
    with _interruptions(session, lambda: found.steps[len(done)]):
        for step in found.steps:
            if step in (Step.ROTATE, Step.ROTATE_AGAIN):
                _rotate(session, found, step)
            else:
                _deploy(session, found.services, step)
            done.append(step)
    state = _state_of(session, found.secret)
    return Rotated(tuple(done), found.services, state.next_rotation)


def restart(assembly: Assembly, session: Session, *, wait: float | None = None) -> tuple[str, ...]:
    """Replace the tasks of all services, after asking, so that they read their secrets again; return the services.

    Raises CloudError without any, Conflict while an operation or a deployment is in progress (with `wait` after so many
    seconds), Refused when the answer is no, OperationFailed where the new tasks do not stay up.
    """
    env = assembly.environment

    def look() -> tuple[Observed, list[str]]:
        observed = observe(session, env)
        _refuse_operation(session, observed)
        _, _, services = _parts(session, assembly, observed)
        if not services:
            raise CloudError(f"no service of {env.name} is deployed", "`infragen status` says what is")
        for each in services:
            _refuse_deployment(session.cloud.service_deployments(each), each)
        return observed, services

    observed, services = when_free(session, look, wait)
    where = place_words(env, observed.identity)
    names = ", ".join(map(_name, services))
    if not session.ui.confirm(Question(f"replace the tasks of {names} in {where}?", "--yes")):
        raise Refused("declined; no task was replaced")
    with _interruptions(session, lambda: Step.RESTART):
        _deploy(session, services, Step.RESTART)
    return tuple(services)


@contextmanager
def _interruptions(session: Session, step: Callable[[], Step]) -> Iterator[None]:
    """Say what state things are in when the run is interrupted (Ctrl-C, SIGTERM)."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception):
            text = f"interrupted while {step().value}, which continues in AWS: {_state(step())}"
            session.ui.tell(Warned(text))
        raise


def _question(found: Rotation, where: str) -> str:
    count = "twice" if Step.ROTATE_AGAIN in found.steps else "once"
    first = (
        "replace the tasks, which use credentials before the current ones, then "
        if Step.CATCH_UP in found.steps
        else ""
    )
    tasks = "" if not found.services else f" and replace the tasks of {', '.join(map(_name, found.services))}"
    return f"{first}rotate the database credentials of {where} {count}{tasks}?"


# --- what there is ----------------------------------------------------------------------------------------------


def _plan(session: Session, assembly: Assembly, observed: Observed, *, twice: bool) -> Rotation:
    """Return what is to be done. Raises CloudError where it is not deployed, Conflict while an operation is under
    way.
    """
    env = assembly.environment
    _refuse_operation(session, observed)
    secret, group, services = _parts(session, assembly, observed)
    if not secret:
        raise CloudError(f"the database of {env.name} is not deployed", "`infragen status` says what is")
    for service in services:
        _refuse_release(session, env.name, service)
    now = _state_of(session, secret, BEFORE)
    behind = [_is_behind(session.cloud.service_deployments(each), now, each) for each in services]
    _refuse_rotation(session, now, group)
    steps = [*([Step.CATCH_UP] if any(behind) else []), Step.ROTATE, *([Step.DEPLOY] if services else [])]
    steps += [Step.ROTATE_AGAIN] if twice else []
    return Rotation(env.environment, secret, group, tuple(services), tuple(steps))


def _refuse_operation(session: Session, observed: Observed) -> None:
    for layer, state in under_way(session.cloud, observed):
        if layer not in BESIDE:
            raise Conflict(
                f"{state.name} is {state.status}: its deployment may replace tasks, too",
                "`infragen follow` shows it; try again when it has ended, or with --wait",
            )


def _parts(session: Session, assembly: Assembly, observed: Observed) -> tuple[str, str, list[str]]:
    """Return the secret, the log group of its function, and the services, empty where they are not deployed."""
    secret, group, services = "", "", list[str]()
    for layer, stack in layer_stacks(assembly, observed).items():
        for each in session.cloud.resources(stack):
            if each.type == SERVICE.name and each.physical_id:
                services.append(each.physical_id)
            elif layer == DATABASE and each.logical_id == SECRET:
                secret = each.physical_id
            elif layer == DATABASE and each.logical_id == LOG_GROUP:
                group = each.physical_id
    return secret, group, services


def _refuse_deployment(deployments: Sequence[ServiceDeployment], service: str) -> None:
    if any(each.status != "PRIMARY" or each.rollout == "IN_PROGRESS" for each in deployments):
        raise Conflict(
            f"a deployment of the service {_name(service)} is in progress: its tasks are being replaced",
            "`infragen logs api --follow` shows what they write; try again when it has ended, or with --wait",
        )


def _is_behind(deployments: Sequence[ServiceDeployment], state: SecretState, service: str) -> bool:
    """Return whether tasks of a service may run with other credentials than the current ones: where its deployment is
    not known to be younger than the secret's last change. Raises Conflict while one is in progress.
    """
    _refuse_deployment(deployments, service)
    changed = max(state.changed, state.rotated)
    return not changed or any(each.created <= changed + READ_AFTER for each in deployments)


def _refuse_release(session: Session, name: str, service: str) -> None:
    """Raise Conflict while a command of the environment runs beside a service: it keeps the login that it has started
    with, and would lose it in the middle.
    """
    for purpose in (RELEASE, "run"):
        tasks = session.cloud.unfinished_tasks(cluster_of(service), f"{name}-{purpose}")
        if tasks:
            raise Conflict(
                f"a {purpose} task runs with the present credentials: {tasks[0].arn} is {tasks[0].status}",
                f"`infragen logs {RELEASE} --follow` shows what it writes; rotate when it has ended, or with --wait",
            )


def _refuse_rotation(session: Session, state: SecretState, group: str) -> None:
    """Raise Conflict while a rotation runs. One whose function failed since it began, or that is older than any can be,
    has ended without a result: RotateSecret tries it again.
    """
    if not state.pending:
        return
    began = session.cloud.version_created(state.arn, state.pending)
    lasts = session.timer.date() - began
    if lasts < ROTATION_SECONDS and not _error(session, group, began, Unread(session)):
        raise Conflict(
            f"a rotation of the credentials runs, since {lasts:.0f} seconds",
            "`infragen logs credentials --since 15m` shows what its function writes; rotate when it has "
            "ended, or with --wait",
        )


# --- the steps --------------------------------------------------------------------------------------------------


def _rotate(session: Session, found: Rotation, step: Step) -> None:
    """Rotate, and wait until the new version is current."""
    began, date, token = session.timer.now(), session.timer.date(), str(uuid.uuid4())
    version = session.cloud.rotate_secret(found.secret, token)
    if not version:
        version = _state_of(session, found.secret).pending
        session.ui.tell(Warned("an earlier rotation did not complete; Secrets Manager tries that one again"))
    session.ui.tell(RotationStarted(found.secret, version))
    unread = Unread(session)
    for look in itertools.count(1):
        state = _state_of(session, found.secret)
        lasted = session.timer.now() - began
        if state.current == version or (not version and not state.pending):
            session.ui.tell(RotationEnded(found.secret, version, lasted))
            session.timer.sleep(2 * READ_AFTER)  # so that the deployment that follows is younger beyond doubt
            return
        said = "" if look % LOG_LOOKS else _error(session, found.log_group, date, unread)
        if said:
            raise OperationFailed(
                f"{step.value} failed: {said}; {_state(step)}",
                "`infragen logs credentials --since 15m --platform` shows all of it; Secrets Manager tries again by "
                "itself, and so does `infragen rotate` once the cause is gone",
            )
        if lasted > ROTATION_SECONDS:
            raise OutcomeUnknown(
                f"{step.value} has not ended after {lasted / 60:.0f} minutes; {_state(step)}",
                "`infragen logs credentials --since 1h --platform` shows what its function wrote",
            )
        session.ui.tell(Following(lasted, ()))
        session.timer.pause(LOOK_SECONDS)


def _error(session: Session, group: str, since: float, unread: Unread) -> str:
    """Return the last error that the rotation's function wrote, in its own words; empty where there is none, or where
    it may not be read: the rotation itself is followed all the same.
    """
    if not group:
        return ""
    events: Sequence[LogEvent] = ()
    with unread.going_on("whether the function that rotates failed is not known"):
        events = session.cloud.log_events(group, max(0.0, since - CLOCK_SECONDS)).events
    for each in reversed(events):
        fields = each.fields or {}
        if fields.get("errorMessage"):  # of an exception that nobody caught (Lambda Developer Guide, Python errors)
            return str(fields["errorMessage"])
        if str(fields.get("level", "")).upper() == "ERROR":
            return str(fields.get("message", ""))
        if each.text.startswith("[ERROR]"):
            return each.text.removeprefix("[ERROR]").strip()
    return ""


def _deploy(session: Session, services: Sequence[str], step: Step) -> None:
    """Replace the tasks of all services, and wait until none of the old ones is left."""
    began, since = session.timer.now(), datetime.fromtimestamp(session.timer.date() - CLOCK_SECONDS, UTC)
    deployments = {each: session.cloud.deploy_again(each) for each in services}
    for service, deployment in deployments.items():
        session.ui.tell(ServiceDeploymentStarted(service, deployment))
    waiting = dict(deployments)
    while waiting:
        for service, deployment in [*waiting.items()]:
            if _is_deployed(session, service, deployment, step, since):
                lasted = session.timer.now() - began
                session.ui.tell(ServiceDeploymentEnded(service, deployment, lasted))
                del waiting[service]
        lasted = session.timer.now() - began
        if waiting and lasted > DEPLOYMENT_SECONDS:
            raise OutcomeUnknown(
                f"{step.value} has not ended after {lasted / 60:.0f} minutes; {_state(step)}",
                "`infragen logs api --since 30m` shows what the new tasks write",
            )
        if waiting:
            session.ui.tell(Following(lasted, ()))
            session.timer.pause(LOOK_SECONDS)


def _is_deployed(session: Session, service: str, deployment: str, step: Step, since: datetime) -> bool:
    """Return whether a service has no task left of before a deployment. A later one serves as well: its tasks have read
    the current credentials, too.
    """
    rows = _read(session, lambda: session.cloud.service_deployments(service))
    own = next((each for each in rows if each.id == deployment), None)
    if own is not None and own.rollout == "FAILED":
        raise _failure(session, service, own, step, since)
    if len(rows) != 1 or rows[0].rollout == "IN_PROGRESS":
        return False
    ending = _read(session, lambda: session.cloud.stopped_tasks(service))
    return all(each.stopped is not None for each in ending)


def _failure(session: Session, service: str, own: ServiceDeployment, step: Step, since: datetime) -> OperationFailed:
    """Return why the new tasks do not stay up, as ECS, the load balancer and their log say it."""
    explanation = of_service(session.cloud, service, (), Span(since))
    why = "\n".join(_line(each) for each in explanation.evidence)
    command = explanation.log_command or "infragen logs api --since 30m"
    return OperationFailed(
        f"the new tasks of {_name(service)} do not stay up: {own.reason or 'ECS gave no reason'}; {_state(step)}"
        f"{chr(10) if why else ''}{why}",
        f"fix why they do not start, and deploy that; all of the log: `{command}`",
    )


def _line(evidence: Evidence) -> str:
    return f"  {evidence.kind}: {evidence.text}"


def _state(step: Step) -> str:
    """Return what state things are in while a step is not done, and what continues it."""
    match step:
        case Step.CATCH_UP:
            return (
                "nothing was rotated; tasks that are not replaced yet use credentials that work until the next rotation"
            )
        case Step.ROTATE:
            return "the API and the workers continue with the credentials they have, which stay valid either way"
        case Step.DEPLOY:
            return (
                "the credentials are rotated; tasks that are not replaced yet use the ones before, which work until "
                "the next rotation"
            )
        case Step.RESTART:
            return "tasks that are not replaced yet continue with the secrets that they read when they started"
    return (
        "all tasks use the credentials of the first rotation, and the ones before stay valid until the second one is "
        "done"
    )


# --- small things -----------------------------------------------------------------------------------------------


def _state_of(session: Session, secret: str, limit: float | None = None) -> SecretState:
    """Return the secret as it is; `limit` is for what is not under way yet, as in `retrying`."""
    state = retried(session, DATABASE, lambda: session.cloud.rotated_secret(secret), LOOK_SECONDS, limit)
    if state is None:
        raise CloudError(f"the secret {secret} does not exist", "`infragen drift` shows what was changed by hand")
    return state


def _read(session: Session, read: Callable[[], T]) -> T:
    """Return what AWS says, asked again while it cannot be reached: what runs there continues."""
    return retried(session, DATABASE, read, LOOK_SECONDS)


def _name(service: str) -> str:
    return service.rpartition("/")[2]
