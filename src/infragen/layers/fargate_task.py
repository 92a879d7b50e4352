"""One Fargate task definition: the application's container, its log group and its two roles.

The execution role is ECS's own, for starting a task: it pulls the image, reads the injected secrets, writes logs. The
task role is what the application's code may do. Neither can do the other's work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from troposphere import GetAtt, Ref, Sub
from troposphere.ecs import (
    ContainerDefinition,
    HealthCheck,
    KernelCapabilities,
    LinuxParameters,
    LogConfiguration,
    PortMapping,
    RuntimePlatform,
    Secret,
    TaskDefinition,
    Tmpfs,
)
from troposphere.ecs import (
    Environment as Variable,
)
from troposphere.iam import Policy, Role

from infragen.config import Environment
from infragen.config.schema import Statement
from infragen.layers import own_statements
from infragen.layers.contract import PREFIX, Template, allow, arn, boundary, log_group, named, policy, suppress, trust

STOP_SECONDS = 60
"""From SIGTERM to SIGKILL: longer than the load balancer's deregistration delay; Fargate allows 120."""


SHELL_ROLE = "ShellRole"
"""The role of tasks in which people open a shell."""


@dataclass(frozen=True, kw_only=True)
class FargateTask:
    """What runs in a task.

    `name` names the container, its log streams and the family `<project>-<environment>-<name>`; `image` and `command`
    may be intrinsics, and without `command` the image's own runs. `cpu` is in units of 1/1024 vCPU, `memory` in MiB;
    `health_check` is a command that exits with 0 when the container is well. `variables` and `secrets` (variable ->
    ARN) become its environment.
    `start_statements` are what ECS needs to start it beside writing logs, `run_statements` what its code may do;
    `own_statements` are those of the environment file, `managed_policies` are attached to the code's role.
    A task without `port` and `health_check` serves nobody: a job. `prefix` begins its logical ids, so that a template
    holds several.
    `key` is the ARN of the KMS key of the logs; `tmp_mib` is the size of /tmp in MiB where the root is read-only;
    `shells` allows ECS Exec; with `shell_statements` there is a second role, ShellRole, for tasks beside it that have
    these rights, too; `sidecars` are further containers.
    """

    name: str
    image: Any
    command: Any = None
    user: Any
    cpu: int
    memory: int
    architecture: str
    port: int | None = None
    health_check: tuple[str, ...] = ()
    key: Any
    variables: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    start_statements: tuple[Mapping[str, Any], ...] = ()
    run_statements: tuple[Mapping[str, Any], ...] = ()
    readonly_root: bool = True
    own_statements: Sequence[Statement] = ()
    tmp_mib: int = 64
    shells: bool = False
    shell_statements: tuple[Mapping[str, Any], ...] = ()
    sidecars: tuple[Any, ...] = ()
    managed_policies: tuple[Any, ...] = ()
    prefix: str = ""

    def id(self, what: str) -> str:
        """Return the logical id of a part of the task: TaskDefinition, TaskRole, ExecutionRole or LogGroup."""
        return f"{self.prefix}{what}"


def logs(stream: str, group: str = "LogGroup") -> LogConfiguration:
    """Return logs of one container, to the task's group. Non-blocking, because the blocking mode stops the application
    when CloudWatch Logs cannot be reached (ECS Developer Guide, "awslogs log driver").
    """
    return LogConfiguration(
        LogDriver="awslogs",
        Options={
            "awslogs-group": Ref(group),
            "awslogs-region": Ref("AWS::Region"),
            "awslogs-stream-prefix": stream,
            "mode": "non-blocking",
            "max-buffer-size": "4m",
        },
    )


def add_task(template: Template, env: Environment, task: FargateTask) -> None:
    """Add TaskDefinition, ExecutionRole, TaskRole and LogGroup, each with the prefix of the task before it."""
    template.add_resource(log_group(task.id("LogGroup"), Sub(f"/ecs/{PREFIX}-{task.name}"), env, task.key))
    _execution_role(template, env, task)
    _code_role(template, env, task, "TaskRole", ())
    if task.shell_statements:
        _code_role(template, env, task, SHELL_ROLE, task.shell_statements)
    template.add_resource(
        TaskDefinition(
            task.id("TaskDefinition"),
            Family=named(task.name),
            RequiresCompatibilities=["FARGATE"],
            NetworkMode="awsvpc",
            Cpu=str(task.cpu),
            Memory=str(task.memory),
            RuntimePlatform=RuntimePlatform(CpuArchitecture=task.architecture.upper(), OperatingSystemFamily="LINUX"),
            ExecutionRoleArn=GetAtt(task.id("ExecutionRole"), "Arn"),
            TaskRoleArn=GetAtt(task.id("TaskRole"), "Arn"),
            ContainerDefinitions=[_container(task), *task.sidecars],
            Metadata=suppress(
                nag={"AwsSolutions-ECS2": "names and URLs only; what is secret comes from Secrets Manager"}
            ),
        )
    )


def _container(task: FargateTask) -> ContainerDefinition:
    """Return the application's container: no capabilities, no root, nothing writable but /tmp.

    /tmp is a tmpfs, which Fargate has since 2026-01-06: any user may write to it, whatever the image says, and what is
    in it counts as memory of the task (ECS API Reference, "Tmpfs"). It depends on no sidecar: a failed pull of one must
    not keep the application from starting.
    """
    return ContainerDefinition(
        Name=task.name,
        Image=task.image,
        **({"Command": task.command} if task.command is not None else {}),
        Essential=True,
        User=task.user,
        ReadonlyRootFilesystem=task.readonly_root,
        LinuxParameters=LinuxParameters(InitProcessEnabled=True, **_capabilities(task), **_tmp(task)),
        StopTimeout=STOP_SECONDS,
        **_serving(task),
        Environment=[Variable(Name=name, Value=value) for name, value in task.variables.items()],
        LogConfiguration=logs(task.name, task.id("LogGroup")),
        **({"Secrets": [Secret(Name=k, ValueFrom=v) for k, v in task.secrets.items()]} if task.secrets else {}),
    )


def _serving(task: FargateTask) -> dict[str, Any]:
    """Return the port and the health check of a task that serves; nothing for a job."""
    check = HealthCheck(Command=["CMD", *task.health_check], Interval=15, Timeout=5, Retries=3, StartPeriod=60)
    return {
        **({"PortMappings": [PortMapping(ContainerPort=task.port, Protocol="tcp")]} if task.port else {}),
        **({"HealthCheck": check} if task.health_check else {}),
    }


def _tmp(task: FargateTask) -> dict[str, Any]:
    mount = Tmpfs(ContainerPath="/tmp", Size=task.tmp_mib, MountOptions=["mode=1777"])  # noqa: S108 # in the container
    return {"Tmpfs": [mount]} if task.readonly_root else {}


def _capabilities(task: FargateTask) -> dict[str, Any]:
    """Drop all capabilities. Only with ECS Exec the default ones stay: AWS does not say which of them its agent, which
    runs as root, can do without (aws/containers-roadmap#1360). The application is not root and has none either way.
    """
    return {} if task.shells else {"Capabilities": KernelCapabilities(Drop=["ALL"])}


def _execution_role(template: Template, env: Environment, task: FargateTask) -> None:
    write_logs = allow(["logs:CreateLogStream", "logs:PutLogEvents"], GetAtt(task.id("LogGroup"), "Arn"))
    template.add_resource(
        Role(
            task.id("ExecutionRole"),
            AssumeRolePolicyDocument=_trust(),
            Policies=[Policy(PolicyName="start", PolicyDocument=policy(*task.start_statements, write_logs))],
            Metadata=suppress(
                nag={"AwsSolutions-IAM5": "actions without resources; log streams of one group; keys bound by context"}
            ),
            **boundary(env),
        )
    )


def _code_role(
    template: Template, env: Environment, task: FargateTask, name: str, more: tuple[Mapping[str, Any], ...]
) -> None:
    """Add a role of the code, with `more` rights than it has anyway; without statements it may do nothing."""
    statements = (*task.run_statements, *more)
    everything = any(statement.get("Resource") == "*" for statement in statements)
    ours = {"AwsSolutions-IAM5": "actions without resources; log streams of one group"} if everything else {}
    accepted = own_statements.accepted(task.own_statements, ours)
    run = [Policy(PolicyName="run", PolicyDocument=policy(*statements))] if statements else []
    policies = [*run, *own_statements.own_policies(task.own_statements)]
    template.add_resource(
        Role(
            task.id(name),
            AssumeRolePolicyDocument=_trust(),
            **({"Policies": policies} if policies else {}),
            **({"ManagedPolicyArns": list(task.managed_policies)} if task.managed_policies else {}),
            **({"Metadata": suppress(nag=accepted)} if accepted else {}),
            **boundary(env),
        )
    )


def _trust() -> dict[str, Any]:
    """Trust ECS of this account and region (ECS Developer Guide, "Amazon ECS task IAM role")."""
    return trust(
        "ecs-tasks.amazonaws.com",
        {"ArnLike": {"aws:SourceArn": arn("ecs:${AWS::Region}:${AWS::AccountId}:*")}},
    )
