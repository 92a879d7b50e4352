"""Roles are enforced: what a task or a function may do is what the policies of its role allow.

MiniStack evaluates policies under AUTH=true; what it lacks for that is here:

- Sessions of roles. Those of functions have secrets that can be computed from public names, and those of tasks are
  random and known to nobody. Here each is made from the emulator's secret, which only its user can read.
- The execution role. MiniStack fetches secrets and images for a task as itself; on AWS the task's execution role must
  be allowed to, else the task does not start ("Amazon ECS task execution IAM role", read 2026-11).
- Loopback counts as TLS: policies refuse every request without (`aws:SecureTransport`).
- The batch calls of SQS need the right to the single call: there is no action `sqs:SendMessageBatch` in IAM (SQS API
  Reference, AddPermission, "ActionName"; Service Authorization Reference, Amazon SQS; read 2026-11-29).

Whoever has the emulator's secret is the account's root, which may do everything. What CloudFormation itself does is not
checked.
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_region
from ministack.services import ecs, lambda_svc, secretsmanager, sts

from infragen_local.twin import Twin

_BATCH_CALLS = frozenset(f"sqs:{call}Batch" for call in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility"))


def apply(twin: Twin) -> None:
    """Evaluate policies for everything that is signed by a role's session."""
    app.AUTH = True
    own_action = iam_actions.extract_iam_action

    def action_of(*request: Any) -> str | None:
        found: str | None = own_action(*request)
        return found.removesuffix("Batch") if found in _BATCH_CALLS else found

    iam_actions.extract_iam_action = action_of
    own_pin, own_start = app.pin_request_origin, ecs._start_task_worker
    app.pin_request_origin = lambda address, _secure: own_pin(address, True)

    def of_function(config: dict[str, Any]) -> dict[str, str]:
        name = str(config.get("FunctionName") or "function")
        return session(twin.secret, str(config.get("Role", "")), str(config.get("FunctionArn", "")), name[:64])

    lambda_runtime.execution_credentials = of_function
    lambda_svc.execution_credentials = of_function

    def start(task: dict[str, Any], definition: dict[str, Any], *rest: Any) -> None:
        role = str(definition.get("executionRoleArn") or "")
        if role:
            keys = session(twin.secret, role, f"{task['taskArn']} execution", task["taskArn"].rsplit("/", 1)[-1])
            for needed in _needed_to_start(definition):
                _check(keys["AWS_ACCESS_KEY_ID"], *needed)
        own_start(task, definition, *rest)

    ecs._start_task_worker = start


def of_task(twin: Twin, task: str) -> dict[str, str]:
    """Return the credentials of a task's role; none for a task without one, as on AWS."""
    record = ecs._tasks.get(task) or {}
    definition = ecs._task_defs.get(str(record.get("taskDefinitionArn", "")).rsplit("/", 1)[-1]) or {}
    role = str(definition.get("taskRoleArn") or "")
    return session(twin.secret, role, task, task.rsplit("/", 1)[-1]) if role else {}


def session(secret: str, role: str, owner: str, name: str) -> dict[str, str]:
    """Register a session of a role and return its credentials; the same for the same owner while the emulator runs."""

    def derived(kind: str) -> str:
        return hmac.new(secret.encode(), f"{kind} {role} {owner}".encode(), hashlib.sha256).hexdigest()

    account, role_name = role.split(":")[4], role.rsplit("/", 1)[-1]
    key = f"ASIA{derived('key')[:16].upper()}"
    keys = {"SecretAccessKey": derived("secret"), "SessionToken": derived("token")}
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{name}",
            "UserId": f"{role_name}:{name}",
            **keys,
        },
    )
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


Needed = tuple[str, str, dict[str, Any]]


def _needed_to_start(definition: dict[str, Any]) -> Iterator[Needed]:
    """Yield (action, resource, condition keys) that a task's start needs, in the order in which ECS asks for them."""
    for container in definition.get("containerDefinitions") or []:
        for secret in container.get("secrets") or []:
            arn = ":".join(str(secret.get("valueFrom", "")).split(":")[:7])
            if ":secretsmanager:" in arn:
                yield "secretsmanager:GetSecretValue", arn, {}
                _, record = secretsmanager._resolve(arn)
                if record and record.get("KmsKeyId"):
                    via = {"kms:ViaService": f"secretsmanager.{get_region()}.amazonaws.com"}
                    key = str(record["KmsKeyId"])
                    account = arn.split(":")[4]
                    yield "kms:Decrypt", key if ":" in key else f"arn:aws:kms:{get_region()}:{account}:key/{key}", via
        host, _, rest = str(container.get("image", "")).partition("/")
        if ".dkr.ecr." in host:
            parts = host.split(".")
            repository = rest.partition("@")[0].partition(":")[0]
            yield "ecr:GetAuthorizationToken", "*", {}
            yield "ecr:BatchGetImage", f"arn:aws:ecr:{parts[3]}:{parts[0]}:repository/{repository}", {}
        options = (container.get("logConfiguration") or {}).get("options") or {}
        if options.get("awslogs-group"):
            account = str(definition.get("taskDefinitionArn", "::::")).split(":")[4]
            region = options.get("awslogs-region") or get_region()
            group = f"arn:aws:logs:{region}:{account}:log-group:{options['awslogs-group']}"
            yield "logs:CreateLogStream", f"{group}:log-stream:task", {}
            yield "logs:PutLogEvents", f"{group}:log-stream:task", {}


def _check(key: str, action: str, resource: str, conditions: dict[str, Any]) -> None:
    """Raise what MiniStack turns into a stopped task, when the role may not do what the start needs."""
    service = action.partition(":")[0]
    denied = iam_evaluator.enforce(
        key, action, service, get_region(), resource_arn=resource, service_context=conditions or None
    )
    if denied is None:
        return
    principal = getattr(denied, "principal_arn", "") or key
    words = f"AccessDeniedException: User: {principal} is not authorized to perform: {action} on resource: {resource}"
    if service == "ecr":
        raise ecs._ImagePullError(words)
    raise ecs._SecretResolutionError(words)
