"""The release step of a deployment: a command that runs with the new image before the API is deployed.

Migrations run here and not in the templates: a custom resource would run them again on rollback with the old
properties, and a container's start would run them in each task. A failed command deploys nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace

from infragen.assembly.stacks import StackLayout
from infragen.checks import Subject
from infragen.checks.image import NEWEST, PLATFORMS
from infragen.cloud.cloudformation import StackState
from infragen.cloud.protocol import Identity
from infragen.cloud.workload import TaskTemplate
from infragen.config import Environment
from infragen.engine.observe import Observed, observe, place_words
from infragen.engine.one_off import MARK, OneOff, TaskResult, command_line, run_one_off, to_end, why
from infragen.engine.other_runs import wait_for_operations
from infragen.engine.outcome import Failed
from infragen.engine.preview import Examined
from infragen.engine.progress import Question, Session
from infragen.engine.unread import going_on
from infragen.errors import InputError, OperationFailed, Refused
from infragen.layers.image_repository import ImageTag
from infragen.plan.model import PlannedRelease
from infragen.resource_types.ecr import REPOSITORY
from infragen.resource_types.ecs import SERVICE

API, DATABASE, RELEASE = "api", "database", "release"
FIRST = (
    "deploy without --image-tag first, which creates the repository and runs a placeholder; push the image, then "
    "deploy it"
)


@dataclass(frozen=True)
class ApiService:
    """The deployed API: the ARN of its ECS service, the name of its repository and that with the registry."""

    service: str
    repository: str
    repository_uri: str


# --- planning ---------------------------------------------------------------------------------------------------


def plan_release(
    session: Session,
    plan: StackLayout,
    observed: Observed,
    examined: Iterable[Examined],
    subject: Subject,
    wanted: bool | None,
) -> PlannedRelease | None:
    """Return the command that a deployment runs first; None where it runs none.

    It runs when the deployment gives another image tag than the deployed one; `wanted` says it must (True) or must not.
    Raises InputError where it cannot: no deployed API or database to run it beside, or no such image.
    """
    env = plan.environment
    if env.release is None or env.api is None:
        if wanted:
            raise InputError(
                f"--release: {env.environment} has no section release", "write release.command in its file"
            )
        return None
    tag, running = subject.image_tag, subject.running_tag
    if wanted is False or (tag == running and not wanted):
        return None
    if not tag:
        if wanted:
            raise InputError("--release: no image is deployed, and none was given", f"{FIRST} with --image-tag")
        return None
    unit = next(each for each in plan.units if any(layer == API for layer, _ in each.bodies()))
    stacks = deployed_layers(observed, {each.unit.layer: each.live for each in examined}, plan)
    missing = [each for each in (API, *((DATABASE,) if env.database else ())) if each not in stacks]
    if missing:
        raise InputError(
            f"the release command cannot run with {tag}: {' and '.join(missing)} of {env.environment} "
            f"{'is' if len(missing) == 1 else 'are'} not deployed yet",
            f"{FIRST}; --no-release deploys without the command",
        )
    return PlannedRelease(
        command=env.release.command,
        tag=tag,
        digest=digest_of(session, f"{env.name}-{API}", tag),
        seconds=env.release.seconds,
        cpu=env.release.cpu or env.api.cpu,
        memory=env.release.memory or env.api.memory,
        before=unit.layer,
    )


def deployed_layers(
    observed: Observed, live: Mapping[str, StackState | None], plan: StackLayout
) -> dict[str, StackState]:
    """Return the stacks of the layers that are deployed, by layer, nested ones too."""
    found = dict[str, StackState]()
    for unit in plan.units:
        state = live.get(unit.layer)
        if state is None:
            continue
        found[unit.layer] = state
        found |= observed.inside(state)
    return found


def digest_of(session: Session, repository: str, tag: str) -> str:
    """Return the digest of an image. Raises InputError with the newest tags where there is none."""
    digest = session.cloud.image_digest(repository, tag)
    if digest:
        return digest
    tags = session.cloud.image_tags(repository)
    some = ", ".join(tags.tags[:NEWEST])
    has = f"the newest are {some}" if some else "it is empty" if tags.exists else "there is no such repository"
    raise InputError(f"{repository} has no image {tag}; {has}", "push the image first, or choose another tag")


# --- running ----------------------------------------------------------------------------------------------------


def find_api(session: Session, env: Environment, observed: Observed) -> tuple[ApiService, StackState]:
    """Return the deployed API and its stack. Raises InputError where there is none."""
    state = observed.stack_of(API)
    if state is None:
        raise InputError(f"the api of {env.environment} is not deployed: there is nothing to run a task like", FIRST)
    return api_of(session, state), state


def api_of(session: Session, state: StackState) -> ApiService:
    """Return what the API's stack has. Raises OperationFailed where its service or its repository is not there."""
    physical = {each.logical_id: each for each in session.cloud.resources(state.stack_id)}
    service, repository = (
        next((each.physical_id for each in physical.values() if each.type == kind.name and each.physical_id), "")
        for kind in (SERVICE, REPOSITORY)
    )
    if not service or not repository:
        raise OperationFailed(
            f"{state.name} has no {'service' if not service else 'repository'} to run a task like",
            "`infragen status` says what became of it",
        )
    return ApiService(service, repository, state.outputs.get("RepositoryUri", ""))


def one_off_of(
    session: Session, env: Environment, api: ApiService, purpose: str, release: PlannedRelease, *, exclusive: bool
) -> OneOff:
    """Return the task that runs a command like the API's tasks."""
    assert env.api is not None  # noqa: S101 # the rules between keys see to it
    settings = session.cloud.service_settings(api.service)
    if settings is None:
        raise OperationFailed(
            f"ECS does not know the service {api.service}", "`infragen drift` compares stacks and resources"
        )
    template = TaskTemplate(
        family=f"{env.name}-{purpose}",
        prefix=purpose,
        container=API,
        image=f"{api.repository_uri}@{release.digest}",
        command=release.command,
        user=env.api.container_user,
        cpu=release.cpu,
        memory=release.memory,
        architecture=env.api.architecture,
        tags={"infragen:project": env.project, "infragen:environment": env.environment, MARK: purpose},
    )
    return OneOff(purpose, settings, template, release.tag, release.seconds, exclusive)


@dataclass(frozen=True)
class Command:
    """A command to run beside the deployment: what for (`release`, `run`), with which image tag (None: the deployed
    one), how long, and with which size. `wait` is for how many seconds an operation on the environment's stacks, or
    another release command, is waited for; None waits for neither.
    """

    purpose: str
    command: tuple[str, ...]
    seconds: int
    cpu: int
    memory: int
    tag: str | None = None
    detach: bool = False
    wait: float | None = None


def run_command(session: Session, env: Environment, wanted: Command) -> TaskResult:
    """Run a command with the deployed API's settings, and return how it ended.

    Raises InputError without a deployed API or image, Refused when nobody agrees in a protected environment.
    """
    wait_for_operations(session, env, wanted.wait)
    task, _, identity = prepared_task(session, env, wanted)
    agree(session, env, identity, f"run `{command_line(wanted.command)}` with {task.tag}")
    return to_end(session, run_one_off(session, API, task, detach=wanted.detach, wait=wanted.wait))


def agree(session: Session, env: Environment, identity: Identity, doing: str) -> None:
    """Ask in a protected environment whether to do something. Raises Refused where the answer is no."""
    if not env.protected:
        return
    question = Question(f"{doing} in {place_words(env, identity)}?", "--yes")
    if not session.ui.confirm(question):
        raise Refused("declined; nothing was run")


def prepared_task(session: Session, env: Environment, wanted: Command) -> tuple[OneOff, StackState, Identity]:
    """Return the task that runs a command, the API's stack, and where that is. Raises as `run_command`."""
    if not wanted.command[0].strip():
        raise InputError("the command is empty", "write the program, then its arguments, such as -- node a.ts")
    observed = observe(session, env)
    api, state = find_api(session, env, observed)
    tag = wanted.tag or state.parameters.get(ImageTag.name, "")
    if not tag:
        raise InputError(f"{env.environment} runs the placeholder: no image is deployed", "name one with --image-tag")
    digest = digest_of(session, api.repository, tag)
    _check_platform(session, env, api.repository, tag)
    planned = PlannedRelease(wanted.command, tag, digest, wanted.seconds, wanted.cpu, wanted.memory, API)
    release = wanted.purpose == RELEASE
    task = one_off_of(session, env, api, wanted.purpose, planned, exclusive=release)
    return replace(task, stops=not release), state, observed.identity


def _check_platform(session: Session, env: Environment, repository: str, tag: str) -> None:
    """Raise InputError for an image that ECR does not hand out, or of another architecture, as far as ECR tells."""
    assert env.api is not None  # noqa: S101 # there is a deployed API
    wanted, found = PLATFORMS[env.api.architecture], None
    with going_on(session, f"whether {repository}:{tag} runs on {wanted} is not known, ECS will tell"):
        found = session.cloud.image(repository, tag)
    if found is not None and found.unusable:
        raise InputError(f"ECR does not hand out {repository}:{tag}: {found.unusable}", "choose another tag")
    if found is not None and found.platforms and wanted not in found.platforms:
        raise InputError(
            f"{repository}:{tag} runs on {', '.join(found.platforms)}; api.architecture is {env.api.architecture}",
            f"build it for {wanted} (`docker buildx build --platform {wanted}`)",
        )


def run_release(
    session: Session,
    plan: StackLayout,
    observed: Observed,
    planned: PlannedRelease,
    stack: str,
    wait: float | None,
    check: Callable[[], None],
) -> Generator[bool, None, Failed | None]:
    """Yield until the release command has ended; return the outcome of the stack that it comes before, if it failed.
    Another one that runs is waited for during `wait` seconds; `check` raises where this one may not run.
    """
    env = plan.environment
    api, state = find_api(session, env, observed)
    task = one_off_of(session, env, api, RELEASE, planned, exclusive=True)
    result = yield from run_one_off(session, planned.before, task, wait=wait, check=check)
    if result.succeeded:
        return None
    running = state.parameters.get(ImageTag.name, "") or "the placeholder"
    return failed_release(result, planned.before, stack, running)


def failed_release(result: TaskResult, layer: str, stack: str, running: str) -> Failed:
    """Return the outcome of a stack that is not deployed, because its release command failed."""
    how, remedy = why(result)
    what = command_line(result.what.template.command)
    message = (
        f"the release command ({what}) with {result.what.tag} failed after {result.seconds:.0f} s: {how}; "
        f"{stack} was not deployed, {running} keeps running"
    )
    hint = (
        f"{remedy}; its log says what it did to the database, and what it committed stays; "
        "then deploy again, a changed image under a new tag"
    )
    if result.log_command:
        hint = f"{hint}; all of the log: `{result.log_command}`"
    return Failed(layer, stack, message, hint, evidence=result.evidence)
