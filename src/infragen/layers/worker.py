"""The worker layer: one Lambda function per entry of `workers:`, each working off one queue.

What a worker consists of is `queue_worker`; this module only says what the workers of an environment are made of.
"""

from typing import Any

from infragen.checks import secrets
from infragen.config import Environment, Worker
from infragen.layers import queue, queue_worker, secret_rights
from infragen.layers.contract import (
    NOTHING,
    Additions,
    ContractError,
    LaunchParameter,
    Layer,
    LayerOutput,
    Template,
    allow,
    via,
)
from infragen.layers.database import DatabaseCredentialsArn, DataKeyArn
from infragen.layers.network import AlarmTopicArn, PlatformKeyArn, PrivateSubnetIds, WorkerSecurityGroupId
from infragen.layers.queue_worker import CodeBucket, QueueWorker, Source

CA_CERTIFICATES = "/var/runtime/ca-cert.pem"
"""Amazon's certificates, RDS among them, in Lambda's Node.js runtimes; since Node.js 20 they are not loaded by default
(Lambda Developer Guide, "Building Lambda functions with Node.js")."""


def outputs_of(worker: Worker) -> tuple[LayerOutput, LayerOutput, LayerOutput]:
    """Return the outputs of one worker: its function's name, the ARN of its errors alarm, and its log group."""
    return (
        LayerOutput("worker", f"{worker.id}FunctionName", f"Function of the {worker.name} worker", operational=True),
        LayerOutput("worker", f"{worker.id}ErrorsAlarmArn", f"Alarm: the {worker.name} worker fails"),
        LayerOutput(
            "worker", f"{worker.id}FunctionLogGroupName", f"Log group of the {worker.name} worker", operational=True
        ),
    )


def inputs(env: Environment) -> tuple[LayerOutput, ...]:
    """Return the network's part, each worker's queue, and the database's credentials when there is a database."""
    network = (PrivateSubnetIds, WorkerSecurityGroupId, PlatformKeyArn, AlarmTopicArn)
    database = (DatabaseCredentialsArn, DataKeyArn) if env.database else ()
    queues = tuple(
        output
        for worker in env.workers
        for given in (queue.of(env.queue(worker.queue)),)
        for output in (given.url, given.arn)
    )
    return (*network, *database, *queues)


def outputs(env: Environment) -> tuple[LayerOutput, ...]:
    """Return three outputs a worker."""
    return tuple(output for worker in env.workers for output in outputs_of(worker))


def parameters(env: Environment) -> tuple[LaunchParameter, ...]:
    """Return where the code is: one bucket, one key a worker."""
    return (CodeBucket, *(_settings(env, worker).code_key for worker in env.workers))


def build(env: Environment, additions: Additions = NOTHING) -> Template:
    """Return the template with all workers; `additions` are what extensions of a project give the code of each."""
    template = Template()
    if additions.secrets or additions.start_statements:
        raise ContractError("a worker takes no injected secrets: its code reads them at run time (run_statements)")
    for worker in env.workers:
        settings = _settings(env, worker, additions)
        queue_worker.add(template, env, settings)
        name, errors_alarm, logs = outputs_of(worker)
        template.add_output(name.publish(queue_worker.function_name(settings)))
        template.add_output(errors_alarm.publish(queue_worker.errors_alarm_arn(settings)))
        template.add_output(logs.publish(queue_worker.log_group_name(settings)))
    return template


def _settings(env: Environment, worker: Worker, additions: Additions = NOTHING) -> QueueWorker:
    given = queue.of(env.queue(worker.queue))
    return QueueWorker(
        id=worker.id,
        name=worker.name,
        source=Source(
            arn=given.arn.ref(),
            batch_size=worker.batch_size,
            batch_window=env.batch_window(worker),
            max_concurrency=worker.concurrency,
            filter=worker.filter,
        ),
        runtime=worker.runtime,
        handler=worker.handler,
        architecture=worker.architecture,
        memory=worker.memory,
        timeout=worker.timeout,
        subnet_ids=PrivateSubnetIds.ref(),
        security_group_id=WorkerSecurityGroupId.ref(),
        key=PlatformKeyArn.ref(),
        topic=AlarmTopicArn.ref(),
        log_level=_log_level(env),
        reserved_concurrency=worker.reserved_concurrency,
        tracing=worker.tracing,
        environment=_environment(env, worker, additions),
        rights=(*_rights(env, worker), *additions.run_statements),
        managed_policies=tuple(additions.managed_policies),
        own_statements=worker.policies,
    )


def _log_level(env: Environment) -> str:
    """Return the API's level serves the workers too; without an API, info."""
    return env.api.log_level if env.api else "info"


def _environment(env: Environment, worker: Worker, additions: Additions) -> dict[str, Any]:
    """Return what the code finds in its environment; the file's own variables come last."""
    variables: dict[str, Any] = {
        "QUEUE_URL": queue.of(env.queue(worker.queue)).url.ref(),
        "DEPLOYMENT": env.environment,
        "LOG_LEVEL": _log_level(env),
    }
    if worker.runtime.startswith("nodejs"):
        variables |= {"NODE_ENV": env.node_env, "NODE_EXTRA_CA_CERTS": CA_CERTIFICATES}
    if env.database:
        variables |= {
            "DATABASE_SECRET_ARN": DatabaseCredentialsArn.ref(),
            "DATABASE_POOL_MAX": str(worker.db_pool_size),
        }
    variables |= secret_rights.parameters_of(worker.secrets)
    return {**additions.beside(variables), **worker.environment}


def _rights(env: Environment, worker: Worker) -> list[dict[str, Any]]:
    """Return the secrets that the role may read. The value itself never is in the function's configuration."""
    rights = []
    if env.database:
        rights += [
            allow("secretsmanager:GetSecretValue", DatabaseCredentialsArn.ref()),
            allow("kms:Decrypt", DataKeyArn.ref(), via("secretsmanager")),
        ]
    return [*rights, *secret_rights.read_statements(worker.secret_arns, worker.secrets)]


LAYER = Layer(
    name="worker",
    title="Queue workers",
    about="Lambda functions that work off the queues, with alarms",
    enabled=lambda env: bool(env.workers),
    inputs=inputs,
    outputs=outputs,
    build=build,
    build_with=build,
    checks=lambda env: (secrets.CHECK,),
    parameters=parameters,
)
