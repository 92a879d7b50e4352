"""A task of its own for people: a shell in it, or a way through it to the database.

It has the API's image, secrets and network, a role of its own, a writable root and ECS Exec, and sleeps. It is stopped
and its task definition deregistered however its use ends; after kill -9 it ends by itself at its time limit, and a
later run deregisters what is left. No task that serves is entered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from infragen.cloud.workload import TaskState
from infragen.config import Environment
from infragen.engine.observe import observe
from infragen.engine.one_off import OneOff, TaskResult, deregister, starting, tidy, why
from infragen.engine.progress import Session
from infragen.engine.release import API, DATABASE, Command, agree, prepared_task
from infragen.engine.retry import BEFORE, retried
from infragen.engine.schedule import signals_put_off
from infragen.engine.unread import going_on
from infragen.errors import CloudError, InputError, OperationFailed, Refused
from infragen.layers.api import ShellRoleArn
from infragen.layers.database import DatabaseCredentialsArn, DatabaseEndpoint

AGENT_SECONDS = 180.0
"""How long ECS Exec's agent is waited for in a task that runs."""

PAUSE = 2.0

KEY = "write `api.shells: true` into its file and deploy it: that makes the role, and changes no task that serves"


@dataclass(frozen=True)
class OpenTask:
    """A task that runs and can be entered: ECS's last word on it, its cluster's ARN and the name of its container.
    `stopping` holds its ARN once ECS has taken the request to stop it.
    """

    state: TaskState
    cluster: str
    container: str
    stopping: list[str] = field(default_factory=list)

    @property
    def target(self) -> str:
        """Return how Session Manager calls it."""
        return self.state.target(self.cluster)


@contextmanager
def open_task(session: Session, env: Environment, wanted: Command, doing: str) -> Iterator[OpenTask]:
    """Yield a task that can be entered; stop it afterwards. `wanted.seconds` is how long it lives at most.

    Raises InputError without a deployed API or image, Refused without a role for shells or when nobody agrees in a
    protected environment, CloudError when it cannot be entered.
    """
    task, stack, identity = prepared_task(session, env, replace(wanted, command=("sleep", str(wanted.seconds))))
    role = stack.outputs.get(ShellRoleArn.name, "")
    if not role:
        raise Refused(f"{env.environment} has no role for the tasks of shells", KEY)
    agree(session, env, identity, f"{doing} with {task.tag}")
    task = replace(task, template=replace(task.template, role=role, enterable=True))
    tidy(session, task.template.family)
    definition = session.cloud.register_task(task.settings.task_definition, task.template)
    started, stopping = list[str](), list[str]()
    try:
        retried(session, API, starting(session, task, definition, started), PAUSE, BEFORE)
        state = _entered(session, task, started[0])
        yield OpenTask(state, task.settings.cluster, task.template.container, stopping)
    finally:
        with signals_put_off():
            for arn in started:
                if _stop(session, task, arn, f"infragen: the {wanted.purpose} was closed"):
                    stopping.append(arn)
            deregister(session, definition)


def _stop(session: Session, task: OneOff, arn: str, reason: str) -> bool:
    """Ask ECS to stop a task, and return whether it will; where it does not, say what becomes of the task."""
    cluster = task.settings.cluster
    how = f"`aws ecs stop-task --cluster {cluster} --task {arn}` stops it"
    what = f"the task {arn} could not be stopped and runs for at most {task.seconds / 60:g} minutes; {how}"
    with going_on(session, what):
        session.cloud.stop_task(cluster, arn, reason)
        return True
    return False


def _entered(session: Session, task: OneOff, arn: str) -> TaskState:
    """Return the task once the agent of ECS Exec runs in it."""
    begun, ran = session.timer.now(), 0.0
    while True:
        state = session.cloud.task(task.settings.cluster, arn)
        now = session.timer.now()
        if state is None or state.stopped:
            how, remedy = why(TaskResult(task, state or TaskState(arn, "DELETED"), now - begun, timed_out=False))
            raise OperationFailed(f"the task {arn} ended before it could be entered: {how}", remedy)
        if state.status == "RUNNING":
            ran = ran or now
            if state.agent == "RUNNING" and state.runtime_id:
                return state
            if state.agent == "STOPPED" or now - ran > AGENT_SECONDS:
                raise CloudError(
                    f"the agent of ECS Exec does not run in the task {arn} ({state.agent or 'no word of it'})",
                    "the task needs a way to ssmmessages: NAT, or the interface endpoints ssmmessages and kms; "
                    "`infragen docs shell`",
                )
        session.timer.pause(PAUSE)


# --- the database -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DatabaseLogin:
    """How the application logs in to its database."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)


def database_login(session: Session, env: Environment) -> DatabaseLogin:
    """Return the application's login. Raises InputError without a deployed database, CloudError for credentials that
    are not there yet.
    """
    state = observe(session, env).stack_of(DATABASE)
    if state is None:
        raise InputError(f"{env.environment} has no deployed database", "`infragen status` shows what is deployed")
    arn = state.outputs.get(DatabaseCredentialsArn.name, "")
    text = session.cloud.secret_value(arn)
    try:
        body = json.loads(text)
        login = DatabaseLogin(
            str(body.get("host") or state.outputs[DatabaseEndpoint.name]), int(body["port"]), str(body["dbname"]),
            str(body["username"]), str(body["password"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CloudError(
            f"the secret {arn} does not hold a login yet",
            "the first rotation writes it: `infragen logs credentials --since 1d` says how that went",
        ) from None
    return login
