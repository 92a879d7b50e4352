"""The api layer: the Express API on Fargate behind a load balancer, and the repository of its image.

What each part consists of is in a module of its own (`load_balancer`, `image_repository`, `ecs_cluster`,
`fargate_service`, `service_upkeep`, `service_alarms`, `web_acl`); this module only says what the API of an environment
is made of.
"""

from typing import Any

from troposphere import GetAtt, If, Ref, Sub

from infragen.checks import domain, image, quotas, secrets
from infragen.config import Api, Environment, Queue
from infragen.layers import (
    ecs_cluster,
    image_repository,
    load_balancer,
    queue,
    secret_rights,
    security_groups,
    service_alarms,
    service_upkeep,
    tracing,
    web_acl,
)
from infragen.layers.contract import (
    NOTHING,
    Additions,
    ContractError,
    LaunchParameter,
    Layer,
    LayerOutput,
    Template,
    allow,
    named,
    via,
)
from infragen.layers.database import DatabaseCredentialsArn, DataKeyArn
from infragen.layers.fargate_service import FargateService, add_fargate_service, service_name
from infragen.layers.fargate_task import SHELL_ROLE, FargateTask, logs
from infragen.layers.image_repository import HAS_IMAGE, PLACEHOLDER_IMAGE, ImageTag, Placeholder
from infragen.layers.load_balancer import PublicEndpoint
from infragen.layers.network import (
    AlarmTopicArn,
    ApiSecurityGroupId,
    LoadBalancerSecurityGroupId,
    PlatformKeyArn,
    PrivateSubnetIds,
    PublicSubnetIds,
    VpcId,
)
from infragen.layers.node_commands import health_check, placeholder_server
from infragen.layers.service_scaling import ServiceScaling

NAME = "api"
PLACEHOLDER_USER = "1000:1000"
"""The user `node` of the placeholder's image, which knows no other names."""

LoadBalancerFullName = LayerOutput("api", "LoadBalancerFullName", "Load balancer, as CloudWatch names it")
TargetGroupFullName = LayerOutput("api", "TargetGroupFullName", "Target group, as CloudWatch names it")
EcsClusterName = LayerOutput("api", "EcsClusterName", "ECS cluster", operational=True)
EcsServiceName = LayerOutput("api", "EcsServiceName", "ECS service of the API", operational=True)
EcsTaskFamily = LayerOutput("api", "EcsTaskFamily", "Family of the API's task definitions", operational=True)
ApiLogGroupName = LayerOutput("api", "ApiLogGroupName", "Log group of the API's tasks", operational=True)
ShellRoleArn = LayerOutput("api", "ShellRoleArn", "Role of the tasks of `infragen shell`", operational=True)
ErrorRateAlarmArn = LayerOutput("api", "ErrorRateAlarmArn", "Alarm: the API answers with errors")
RepositoryUri = LayerOutput("api", "RepositoryUri", "Where the API's image is pushed to", for_people=True)
ListenerArn = LayerOutput("api", "ListenerArn", "Listener that takes the API's requests")
Url = LayerOutput("api", "Url", "Where clients reach the API", for_people=True)


def inputs(env: Environment) -> tuple[LayerOutput, ...]:
    """Return the network's part, every queue, and the database's credentials when there is a database."""
    network = (
        VpcId,
        PublicSubnetIds,
        PrivateSubnetIds,
        LoadBalancerSecurityGroupId,
        ApiSecurityGroupId,
        PlatformKeyArn,
        AlarmTopicArn,
    )
    database = (DatabaseCredentialsArn, DataKeyArn) if env.database else ()
    queues = tuple(output for each in env.queues for output in (queue.of(each).url, queue.of(each).arn))
    return (*network, *database, *queues)


def outputs(env: Environment) -> tuple[LayerOutput, ...]:
    """Return what the dashboard watches, and what people need."""
    return (
        *((ShellRoleArn,) if _api(env).shells else ()),
        LoadBalancerFullName,
        TargetGroupFullName,
        EcsClusterName,
        EcsServiceName,
        EcsTaskFamily,
        ApiLogGroupName,
        ErrorRateAlarmArn,
        RepositoryUri,
        Url,
    )


def parameters(env: Environment) -> tuple[LaunchParameter, ...]:
    """Return the image's tag, and the certificate when one is given."""
    return (ImageTag, *load_balancer.launch_parameters(_api(env).https))


def build(env: Environment, additions: Additions = NOTHING) -> Template:
    """Return the template of the API; `additions` are what extensions of a project give its code."""
    api, template = _api(env), Template()
    endpoint = _endpoint(env, api)
    image_repository.add_repository(template, NAME, keep=env.production)
    load_balancer.add_load_balancer(template, endpoint)
    if api.waf is not None:
        web_acl.add_web_acl(template, env, api.waf, NAME, PlatformKeyArn.ref(), AlarmTopicArn.ref())
    ecs_cluster.add_cluster(
        template, env, insights=api.container_insights, shells=api.enable_execute_command or api.shells,
        key=PlatformKeyArn.ref(),
    )  # fmt: skip
    rules = security_groups.connect(
        template, ("LoadBalancer", LoadBalancerSecurityGroupId.ref()), ("Api", ApiSecurityGroupId.ref()), api.port
    )
    service = _service(env, api, endpoint, rules, additions)
    service_alarms.add_alarms(template, api.alarms, ecs_cluster.CLUSTER, AlarmTopicArn.ref(), scaling=service.scaling)
    add_fargate_service(template, env, service)
    service_upkeep.add_refresh(template, env, ecs_cluster.CLUSTER, api.refresh_days, AlarmTopicArn.ref())
    service_upkeep.add_deployment_failures(template, AlarmTopicArn.ref())
    _publish(template, api, endpoint)
    return template


def _api(env: Environment) -> Api:
    assert env.api is not None  # noqa: S101 # enabled() saw to it
    return env.api


def _endpoint(env: Environment, api: Api) -> PublicEndpoint:
    return PublicEndpoint(
        name=NAME,
        vpc=VpcId.ref(),
        subnets=PublicSubnetIds.ref(),
        security_group=LoadBalancerSecurityGroupId.ref(),
        https=api.https,
        port=api.port,
        health_path=api.health_path,
        access_logs_days=api.access_logs_days,
        deletion_protection=api.deletion_protection,
        goes=env.throw_away,
    )


def _service(
    env: Environment, api: Api, endpoint: PublicEndpoint, rules: tuple[str, str], additions: Additions
) -> FargateService:
    return FargateService(
        task=_task(env, api, additions),
        scaling=_scaling(env, api),
        cluster=ecs_cluster.CLUSTER,
        subnets=PrivateSubnetIds.ref(),
        security_group=ApiSecurityGroupId.ref(),
        target_group=Ref("TargetGroup"),
        after=(endpoint.listener, *rules),
        deployment_alarms=tuple(map(Ref, service_alarms.DEPLOYMENT_ALARMS)),
        spot=api.spot,
    )


def _task(env: Environment, api: Api, additions: Additions) -> FargateTask:
    placeholder = Placeholder(PLACEHOLDER_IMAGE, placeholder_server(api.port, api.health_path))
    return FargateTask(
        name=NAME,
        image=image_repository.image(placeholder),
        command=image_repository.command(placeholder),
        user=_user(api),
        cpu=api.cpu,
        memory=api.memory,
        architecture=api.architecture,
        port=api.port,
        health_check=health_check(api.port, api.health_path),
        key=PlatformKeyArn.ref(),
        variables=_variables(env, api, additions),
        secrets=_secrets(env, api, additions),
        start_statements=(*_start_statements(env, api), *additions.start_statements),
        run_statements=(*_run_statements(env, api), *additions.run_statements),
        managed_policies=tuple(additions.managed_policies),
        own_statements=api.policies,
        readonly_root=api.readonly_root,
        tmp_mib=api.tmp_mib,
        shells=api.enable_execute_command,
        shell_statements=_shell_statements(api),
        sidecars=(tracing.collector(api.collector_image, logs("collector")),) if api.tracing else (),
    )


def _user(api: Api) -> Any:
    """Return the placeholder's image knows numbers and no names but its own."""
    by_number = api.container_user.replace(":", "").isdigit()
    return api.container_user if by_number else If(HAS_IMAGE, api.container_user, PLACEHOLDER_USER)


def _scaling(env: Environment, api: Api) -> ServiceScaling:
    """Return the scaling. Without NAT no task can pull the placeholder's public image, so none runs until an image was
    pushed.
    """
    unreachable = env.network is not None and env.network.nat == "none"
    return ServiceScaling(
        smallest=api.min_tasks,
        largest=api.max_tasks,
        cpu=api.scaling.cpu,
        memory=api.scaling.memory,
        requests=api.scaling.requests_per_target,
        request_label=Sub("${LoadBalancer.LoadBalancerFullName}/${TargetGroup.TargetGroupFullName}"),
        schedule=api.schedule,
        only_if=HAS_IMAGE if unreachable else None,
    )


def _variables(env: Environment, api: Api, additions: Additions) -> dict[str, Any]:
    """Return what the code finds in its environment; the file's own variables come last."""
    variables: dict[str, Any] = {
        "AWS_REGION": Ref("AWS::Region"),
        "NODE_ENV": env.node_env,
        "DEPLOYMENT": env.environment,
        "LOG_LEVEL": api.log_level,
        "PORT": str(api.port),
        **_queue_urls(env, api),
    }
    if env.database:
        variables["DATABASE_POOL_MAX"] = str(api.db_pool_size)
    if api.tracing:
        variables |= tracing.environment(named(NAME))
    # a variable of ours that the file injects as a secret would have two sources, which ECS refuses
    found = {**additions.beside(variables), **api.environment}
    return {name: value for name, value in found.items() if name not in api.secrets}


def _secrets(env: Environment, api: Api, additions: Additions) -> dict[str, Any]:
    """Return what ECS injects when a task starts; the file's own secrets come last."""
    if twice := sorted({*additions.secrets} & {*api.environment, *_variables(env, api, NOTHING)}):
        raise ContractError(f"an extension's secret {twice[0]} is a variable already; a name has one source")
    own = {variable: secret_rights.source_of(variable, value) for variable, value in api.secrets.items()}
    return {**additions.beside(_database_secrets(env), "secrets"), **own}


def _queue_urls(env: Environment, api: Api) -> dict[str, Any]:
    """Return the queues' variables. QUEUE_URL is the API's own queue; every further one is QUEUE_URL_<NAME>."""
    if not env.queues:
        return {}
    own = env.queue(api.queue) if api.queue else env.queues[0]
    further = {f"QUEUE_URL_{_variable(each)}": queue.of(each).url.ref() for each in env.queues if each != own}
    return {"QUEUE_URL": queue.of(own).url.ref(), **further}


def _variable(each: Queue) -> str:
    return each.name.replace("-", "_").upper()


def _database_secrets(env: Environment) -> dict[str, Any]:
    """Return keys of the credentials' JSON; ECS reads them when a task starts."""
    if not env.database:
        return {}
    secrets = {"DATABASE_URL": Sub("${DatabaseCredentialsArn}:url::")}
    if env.database.readers:
        secrets["DATABASE_READER_URL"] = Sub("${DatabaseCredentialsArn}:reader_url::")
    return secrets


def _start_statements(env: Environment, api: Api) -> tuple[dict[str, Any], ...]:
    database: tuple[dict[str, Any], ...] = ()
    if env.database:
        database = (
            allow("secretsmanager:GetSecretValue", DatabaseCredentialsArn.ref()),
            allow("kms:Decrypt", DataKeyArn.ref(), via("secretsmanager")),
        )
    return (
        *image_repository.pull_statements(),
        *(image_repository.pull_other_statements(api.collector_image) if api.tracing else ()),
        *database,
        *secret_rights.read_statements((), api.secrets),
    )


def _run_statements(env: Environment, api: Api) -> tuple[dict[str, Any], ...]:
    """Return what the API's code may do: send to its queues. It may read no secret; what it needs is in its
    environment.
    """
    statements: list[dict[str, Any]] = []
    if env.queues:
        arns = [queue.of(each).arn.ref() for each in env.queues]
        statements.append(allow(["sqs:SendMessage", "sqs:GetQueueAttributes"], arns))
    if any(each.encryption == "kms" for each in env.queues):
        statements.append(allow(["kms:GenerateDataKey", "kms:Decrypt"], PlatformKeyArn.ref(), via("sqs")))
    if api.enable_execute_command:
        statements += ecs_cluster.shell_statements(PlatformKeyArn.ref())
    if api.tracing:
        statements += tracing.statements()
    return tuple(statements)


def _shell_statements(api: Api) -> tuple[dict[str, Any], ...]:
    """Return what the role of shells may do that the code may not; nothing where its tasks may have ECS Exec anyway."""
    if not api.shells or api.enable_execute_command:
        return ()
    return ecs_cluster.shell_statements(PlatformKeyArn.ref())


def _publish(template: Template, api: Api, endpoint: PublicEndpoint) -> None:
    role = "TaskRole" if api.enable_execute_command else SHELL_ROLE
    for output, value in (
        *(((ShellRoleArn, GetAtt(role, "Arn")),) if api.shells else ()),
        (LoadBalancerFullName, GetAtt("LoadBalancer", "LoadBalancerFullName")),
        (TargetGroupFullName, GetAtt("TargetGroup", "TargetGroupFullName")),
        (EcsClusterName, Ref(ecs_cluster.CLUSTER)),
        (EcsServiceName, service_name()),
        (EcsTaskFamily, named(NAME)),
        (ApiLogGroupName, Ref("LogGroup")),
        (ErrorRateAlarmArn, GetAtt(service_alarms.ERRORS, "Arn")),
        (RepositoryUri, image_repository.repository_uri()),
        (Url, endpoint.url),
    ):
        template.add_output(output.publish(value))


LAYER = Layer(
    name="api",
    title="API",
    about="Express API on Fargate behind a load balancer, with its image repository, scaling and alarms",
    enabled=lambda env: env.api is not None,
    inputs=inputs,
    outputs=outputs,
    parameters=parameters,
    build=build,
    build_with=build,
    on_request=lambda env: {ListenerArn: Ref(_endpoint(env, _api(env)).listener)},
    checks=lambda env: (image.CHECK, domain.CERTIFICATE, domain.ZONE, secrets.CHECK, quotas.FARGATE_CHECK),
)
