"""One-off tasks on boto3 (`infragen.cloud.workload`): ECS RunTask and what belongs to it, ECR's digests, log streams.

What a task's program wrote is masked before it leaves this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infragen.aws import reading
from infragen.aws.account_reads import asked
from infragen.aws.failure import AwsError
from infragen.aws.reading import member, pages, plain
from infragen.aws.session import Clients
from infragen.cloud.workload import (
    LogPage,
    PluginSession,
    ServiceSettings,
    TaskDefinition,
    TaskState,
    TaskTemplate,
    cluster_of,
)
from infragen.errors import CloudError

KEPT = (
    "taskRoleArn", "executionRoleArn", "networkMode", "volumes", "requiresCompatibilities", "runtimePlatform",
    "ephemeralStorage", "proxyConfiguration",
)  # fmt: skip
"""What RegisterTaskDefinition takes of a described task definition as it is (Amazon ECS API Reference, both)."""

OF_A_SERVICE = ("portMappings", "healthCheck", "dependsOn", "links", "restartPolicy")
"""Members of a container that only make sense beside others or behind a load balancer, or that would start it again."""

REMOTE_HOST = "AWS-StartPortForwardingSessionToRemoteHost"
AGENT = "ExecuteCommandAgent"

NO_CAPACITY = "the account's Fargate quota is used up, or AWS has no capacity at the moment: run the same command again"


@dataclass(frozen=True)
class WorkloadCalls:
    """The Workload on boto3."""

    clients: Clients

    def service_settings(self, service_arn: str) -> ServiceSettings | None:
        """Call ECS DescribeServices."""
        cluster = cluster_of(service_arn)
        with asked("ecs:DescribeServices", f"reading the service {service_arn}"):
            answer = self.clients.ecs.describe_services(cluster=cluster, services=[service_arn])
            found: list[Any] = [each for each in member(answer, "services") if each.get("status") != "INACTIVE"]
            network = found[0].get("networkConfiguration", {}).get("awsvpcConfiguration") if found else None
            if not network:
                return None
            return ServiceSettings(
                cluster=str(found[0].get("clusterArn") or cluster),
                task_definition=str(member(found[0], "taskDefinition")),
                subnets=tuple(map(str, member(network, "subnets"))),
                security_groups=tuple(map(str, network.get("securityGroups", ()))),
                public_address=network.get("assignPublicIp") == "ENABLED",
                desired=int(found[0].get("desiredCount") or 0),
            )

    def image_digest(self, repository: str, tag: str) -> str:
        """Call ECR DescribeImages."""
        try:
            with asked("ecr:DescribeImages", f"reading the digest of {repository}:{tag}"):
                wanted: Any = [{"imageTag": tag}]
                answer = self.clients.registry.describe_images(repositoryName=repository, imageIds=wanted)
                return next((str(member(each, "imageDigest")) for each in member(answer, "imageDetails")), "")
        except AwsError as error:
            if error.code in ("ImageNotFoundException", "RepositoryNotFoundException"):
                return ""
            raise

    def register_task(self, like: str, template: TaskTemplate) -> TaskDefinition:
        """Call ECS DescribeTaskDefinition and RegisterTaskDefinition."""
        with asked("ecs:DescribeTaskDefinition", f"reading the task definition {like}"):
            found: Any = member(self.clients.ecs.describe_task_definition(taskDefinition=like), "taskDefinition")
            request = _request(found, template)
        with asked("ecs:RegisterTaskDefinition, iam:PassRole, ecs:TagResource", f"registering {template.family}"):
            register: Any = self.clients.ecs.register_task_definition
            return _definition(member(register(**request), "taskDefinition"), template.tags)

    def deregister_task(self, definition: str) -> None:
        """Call ECS DeregisterTaskDefinition."""
        try:
            with asked("ecs:DeregisterTaskDefinition", f"deregistering {definition}"):
                self.clients.ecs.deregister_task_definition(taskDefinition=definition)
        except AwsError as error:
            if error.code not in ("ClientException", "InvalidParameterException"):
                raise

    def registered_tasks(self, family: str) -> tuple[TaskDefinition, ...]:
        """Call ECS ListTaskDefinitions, all pages, and DescribeTaskDefinition of each with its tags."""
        with asked("ecs:ListTaskDefinitions", f"listing the task definitions of {family}"):
            given = {"familyPrefix": family, "status": "ACTIVE"}
            arns = list(pages(self.clients.ecs.list_task_definitions, "taskDefinitionArns", "nextToken", **given))
        found = []
        for arn in arns:
            with asked("ecs:DescribeTaskDefinition", f"reading the task definition {arn}"):
                answer = self.clients.ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
                tags = {str(member(each, "key")): str(each.get("value", "")) for each in answer.get("tags", ())}
                found.append(_definition(member(answer, "taskDefinition"), tags))
        return tuple(found)

    def run_task(
        self,
        definition: str,
        settings: ServiceSettings,
        started_by: str,
        token: str,
        tags: Mapping[str, str],
        enterable: bool = False,
    ) -> str:
        """Call ECS RunTask. What it could not place is in `failures` of a reply with status 200."""
        network: Any = {
            "awsvpcConfiguration": {
                "subnets": [*settings.subnets],
                "securityGroups": [*settings.security_groups],
                "assignPublicIp": "ENABLED" if settings.public_address else "DISABLED",
            }
        }
        rows: Any = [{"key": key, "value": value} for key, value in tags.items()]
        with asked("ecs:RunTask, iam:PassRole, ecs:TagResource", f"starting a task of {definition}"):
            answer = self.clients.ecs.run_task(
                cluster=settings.cluster, taskDefinition=definition, launchType="FARGATE", count=1,
                networkConfiguration=network, startedBy=started_by, clientToken=token, tags=rows,
                enableExecuteCommand=enterable,
            )  # fmt: skip
            started = member(answer, "tasks")
            if started:
                return str(member(started[0], "taskArn"))
            said = [f"{plain(each.get('reason'))} {plain(each.get('detail'))}" for each in answer.get("failures", ())]
        words = "; ".join(each.strip() for each in said) or "no reason given"
        raise CloudError(f"ECS could not start a task of {definition}: {words}", NO_CAPACITY)

    def unfinished_tasks(self, cluster: str, family: str) -> tuple[TaskState, ...]:
        """Call ECS ListTasks, all pages, and DescribeTasks. What is being provisioned is listed as RUNNING, too (Amazon
        ECS API Reference, ListTasks, desiredStatus).
        """
        with asked("ecs:ListTasks", f"listing the tasks of {family}"):
            given = {"cluster": cluster, "family": family, "desiredStatus": "RUNNING"}
            arns = list(pages(self.clients.ecs.list_tasks, "taskArns", leads="nextToken", **given))
        found = [self.task(cluster, each) for each in arns]
        return tuple(each for each in found if each is not None and not each.stopped)

    def task(self, cluster: str, arn: str) -> TaskState | None:
        """Call ECS DescribeTasks."""
        with asked("ecs:DescribeTasks", f"reading the task {arn}"):
            answer = self.clients.ecs.describe_tasks(cluster=cluster, tasks=[arn])
            return next((_state(each) for each in member(answer, "tasks")), None)

    def stop_task(self, cluster: str, arn: str, reason: str) -> None:
        """Call ECS StopTask; it takes reasons of up to 255 characters."""
        with asked("ecs:StopTask", f"stopping the task {arn}"):
            self.clients.ecs.stop_task(cluster=cluster, task=arn, reason=reason[:255])

    def execute_command(self, task: TaskState, cluster: str, container: str, command: str) -> PluginSession:
        """Call ECS ExecuteCommand. The plugin also gets what StartSession would have been asked, as the AWS CLI does
        (aws/aws-cli, awscli/customizations/ecs/executecommand.py, read 2026-11-29).
        """
        with asked("ecs:ExecuteCommand, kms:GenerateDataKey", f"opening a session in {task.arn}"):
            answer: Any = self.clients.ecs.execute_command(
                cluster=cluster, task=task.arn, container=container, command=command, interactive=True
            )
            return self._session(member(answer, "session"), {"Target": task.target(cluster)})

    def forward_port(self, target: str, host: str, port: int, local_port: int) -> PluginSession:
        """Call SSM StartSession with AWS's document for a port of another host (Systems Manager User Guide, "Starting a
        session (port forwarding to remote host)", read 2026-11-29; it works with tasks on Fargate:
        kayac/ecspresso#414).
        """
        parameters = {"host": [host], "portNumber": [str(port)], "localPortNumber": [str(local_port)]}
        request: dict[str, Any] = {"Target": target, "DocumentName": REMOTE_HOST, "Parameters": parameters}
        with asked("ssm:StartSession", f"forwarding a port through {target}"):
            answer: Any = self.clients.parameters.start_session(**request)
            return self._session(answer, request)

    def _session(self, found: Mapping[str, Any], request: Mapping[str, Any]) -> PluginSession:
        names = {name.lower(): name for name in found}
        wanted = ("SessionId", "StreamUrl", "TokenValue")
        response = {name: str(member(found, names.get(name.lower(), name))) for name in wanted}
        return PluginSession(response, self.clients.region, request, str(self.clients.parameters.meta.endpoint_url))

    def secret_value(self, arn: str) -> str:
        """Call Secrets Manager GetSecretValue."""
        with asked("secretsmanager:GetSecretValue, kms:Decrypt", f"reading the secret {arn}"):
            return str(member(self.clients.secrets.get_secret_value(SecretId=arn), "SecretString"))

    def log_page(self, group: str, stream: str, token: str) -> LogPage:
        """Call CloudWatch Logs GetLogEvents from the head of a stream. At the end of a stream it gives back the token
        that it got (Amazon CloudWatch Logs API Reference, GetLogEvents).
        """
        more: dict[str, Any] = {"nextToken": token} if token else {}
        try:
            with asked("logs:GetLogEvents", f"reading the log {group} {stream}"):
                answer = self.clients.logs.get_log_events(
                    logGroupName=group, logStreamName=stream, startFromHead=True, **more
                )
                lines = tuple(reading.log_line(each.get("message")) for each in member(answer, "events"))
                return LogPage(lines, str(answer.get("nextForwardToken") or token))
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return LogPage((), token)
            raise


def _request(found: Mapping[str, Any], template: TaskTemplate) -> dict[str, Any]:
    """Return a RegisterTaskDefinition made from a described task definition."""
    containers = member(found, "containerDefinitions")
    own = next((each for each in containers if each.get("name") == template.container), containers[0])
    container = {name: value for name, value in own.items() if name not in OF_A_SERVICE}
    container |= {"image": template.image, "command": [*template.command], "essential": True, "user": template.user}
    logging = dict(container.get("logConfiguration") or {})
    if logging.get("logDriver") == "awslogs":
        logging["options"] = {**logging.get("options", {}), "awslogs-stream-prefix": template.prefix}
        container["logConfiguration"] = logging
    if template.enterable:
        container |= {"entryPoint": [template.command[0]], "command": [*template.command[1:]]}
        container["readonlyRootFilesystem"] = False
        container["linuxParameters"] = {"initProcessEnabled": True}
    platform = {**found.get("runtimePlatform", {}), "cpuArchitecture": template.architecture.upper()}
    return {
        **{name: found[name] for name in KEPT if found.get(name)},
        **({"taskRoleArn": template.role} if template.role else {}),
        "family": template.family,
        "cpu": str(template.cpu),
        "memory": str(template.memory),
        "runtimePlatform": platform,
        "containerDefinitions": [container],
        "tags": [{"key": key, "value": value} for key, value in template.tags.items()],
    }


def _definition(found: Mapping[str, Any], tags: Mapping[str, str]) -> TaskDefinition:
    container: Mapping[str, Any] = next(iter(found.get("containerDefinitions", ())), {})
    logging = container.get("logConfiguration") or {}
    options = logging.get("options", {}) if logging.get("logDriver") == "awslogs" else {}
    return TaskDefinition(
        arn=str(member(found, "taskDefinitionArn")),
        container=str(container.get("name", "")),
        log_group=str(options.get("awslogs-group", "")),
        log_prefix=str(options.get("awslogs-stream-prefix", "")),
        registered=found.get("registeredAt"),
        tags=dict(tags),
    )


def _state(task: Mapping[str, Any]) -> TaskState:
    containers = task.get("containers") or [{}]
    agents = containers[0].get("managedAgents") or ()
    return TaskState(
        arn=str(member(task, "taskArn")),
        status=str(member(task, "lastStatus")),
        task_definition=str(task.get("taskDefinitionArn", "")),
        stop_code=plain(task.get("stopCode")),
        reason=plain(task.get("stoppedReason")),
        exit_code=containers[0].get("exitCode"),
        detail=plain(containers[0].get("reason")),
        started_by=plain(task.get("startedBy")),
        created=task.get("createdAt"),
        agent=next((plain(each.get("lastStatus")) for each in agents if each.get("name") == AGENT), ""),
        runtime_id=plain(containers[0].get("runtimeId")),
    )
