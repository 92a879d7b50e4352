"""Roles are enforced: what a task or a function may do is what the policies of its role allow.

MiniStack evaluates policies under AUTH=true; what it lacks for that is here:

- Sessions of roles. Those of functions have secrets that can be computed from public names, and those of tasks are
  random and known to nobody. Here each is made from the emulator's secret, which only its user can read.
- The execution role. MiniStack fetches secrets and images for a task as itself; on AWS the task's execution role must
  be allowed to, else the task does not start ("Amazon ECS task execution IAM role", read 2026-11).
- GetParameters needs the right to each parameter that it names, and to their keys where it decrypts; MiniStack asks for
  the right to all of them (`*`) and for no key.
- Loopback counts as TLS: policies refuse every request without (`aws:SecureTransport`).
- The batch calls of SQS need the right to the single call: there is no action `sqs:SendMessageBatch` in IAM (SQS API
  Reference, AddPermission, "ActionName"; Service Authorization Reference, Amazon SQS; read 2026-11-29).
- The condition key `cloudformation:RoleArn`, by which a role may only have CloudFormation act as one certain role
  (Service Authorization Reference, AWS CloudFormation; read 2026-11-29).
- The resource of a call. In CloudWatch Logs it is the stream of a group (`log-group:NAME:log-stream:`), which is why
  policies name a group with `:*`, except for the three calls about tags (API Reference, LogGroup, "arn"); of
  UpdateService and DeleteService it is the service. MiniStack takes the group's bare ARN and the cluster (Service
  Authorization Reference, Amazon CloudWatch Logs and Amazon ECS; read 2026-11-29).
- AmazonRDSEnhancedMonitoringRole, the policy of AWS that the role of RDS has (AWS Managed Policy Reference, v1, read
  2026-11-29).

Whoever has the emulator's secret is the account's root, which may do everything. What CloudFormation itself does is not
checked.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_region
from ministack.services import ecs, iam, lambda_svc, secretsmanager, ssm, sts

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
    _rights_to_parameters()
    _resources_of_calls()
    _role_of_cloudformation()
    iam._aws_managed_policies[f"arn:aws:iam::aws:policy/{_MONITORING}"] = iam._make_aws_managed_record(
        _MONITORING, json.dumps(_MONITORING_POLICY), "Provides access to Cloudwatch for RDS Enhanced Monitoring"
    )
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


_MONITORING = "service-role/AmazonRDSEnhancedMonitoringRole"
_MONITORING_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "EnableCreationAndManagementOfRDSCloudwatchLogGroups",
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
            "Resource": ["arn:aws:logs:*:*:log-group:RDS*"],
        },
        {
            "Sid": "EnableCreationAndManagementOfRDSCloudwatchLogStreams",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams", "logs:GetLogEvents"],
            "Resource": ["arn:aws:logs:*:*:log-group:RDS*:log-stream:*"],
        },
    ],
}


def _resources_of_calls() -> None:
    """Name the stream of a log group, and the service of a cluster, as the resource that a call is about."""
    own_resource = iam_actions.extract_resource_arn

    def resource_of(service: str, *rest: Any) -> str:
        found: str = own_resource(service, *rest)
        if service not in ("logs", "ecs"):
            return found
        try:
            asked = json.loads(rest[3] or b"{}")
        except ValueError:
            return found
        if service == "logs":
            about_stream = asked.get("logGroupName") and ":log-group:" in found
            return f"{found}:log-stream:{asked.get('logStreamName') or ''}" if about_stream else found
        name = str(asked.get("service") or "")
        if not name or ":cluster/" not in found:
            return found
        return name if name.startswith("arn:") else f"{found.replace(':cluster/', ':service/', 1)}/{name}"

    iam_actions.extract_resource_arn = resource_of


_AND = "\n"
"""Stands between the ARNs of a request that names several parameters; no ARN has one."""


def _rights_to_parameters() -> None:
    """Ask for the right to each parameter that a request reads, and to decrypt it."""
    own_resource, own_enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce

    def resource_of(service: str, *rest: Any) -> str:
        found: str = own_resource(service, *rest)
        if service != "ssm":
            return found
        try:
            asked = json.loads(rest[3] or b"{}")
        except ValueError:
            return found
        region, account = rest[5:7]
        names = [asked["Name"]] if asked.get("Name") else asked.get("Names") or []
        arns = [
            each if each.startswith("arn:") else f"arn:aws:ssm:{region}:{account}:parameter{each}" for each in names
        ]
        return _AND.join([*arns, *(["decrypted"] if asked.get("WithDecryption") else [])]) or found

    def enforce(key: str, action: str, service: str, region: str, resource_arn: str = "*", **more: Any) -> Any:
        if service != "ssm" or _AND not in resource_arn:
            return own_enforce(key, action, service, region, resource_arn=resource_arn, **more)
        arns = resource_arn.split(_AND)
        for arn in (each for each in arns if each != "decrypted"):
            needed = [(action, arn, {}), *([*_parameter_rights(arn)][1:] if arns[-1] == "decrypted" else [])]
            for right, what, context in needed:
                extra = {**more, **({"service_context": context} if context else {})}
                denied = own_enforce(key, right, right.partition(":")[0], region, resource_arn=what, **extra)
                if denied:
                    return denied
        return None

    iam_actions.extract_resource_arn, iam_evaluator.enforce = resource_of, enforce


def _role_of_cloudformation() -> None:
    own_context = iam_actions.request_tag_context

    def context_of(service: str, action: str, body: bytes, parameters: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = own_context(service, action, body, parameters)
        role = parameters.get("RoleARN", "") if service == "cloudformation" else ""
        role = role[0] if isinstance(role, list) else role
        return {**found, "cloudformation:RoleArn": role} if role else found

    iam_actions.request_tag_context = context_of


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
            if ":ssm:" in arn:
                yield from _parameter_rights(arn)
            elif ":secretsmanager:" in arn:
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


def _parameter_rights(arn: str) -> Iterator[Needed]:
    """Yield what reading a parameter needs, its key included: AWS's own (aws/ssm) lets every principal of the account
    decrypt through Parameter Store, any other key asks for kms:Decrypt, with the parameter's ARN as context.
    """
    yield "ssm:GetParameters", arn, {}
    _, parameter = ssm._lookup_parameter(arn, allow_arn_region=True, flexible_name=True)
    key = str((parameter or {}).get("KeyId") or "")
    if key and not key.startswith("alias/aws/"):
        context = {"kms:EncryptionContext:PARAMETER_ARN": arn, "kms:ViaService": f"ssm.{get_region()}.amazonaws.com"}
        whole = key if ":" in key else f"arn:aws:kms:{get_region()}:{arn.split(':')[4]}:key/{key}"
        yield "kms:Decrypt", whole, context


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
