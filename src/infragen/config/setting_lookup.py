"""Which line of the environment file a resource, or one of its properties, comes from.

For the root cause of a failure and for the causes in a plan: `environments/prod.yaml:41 database.engine_version`. Pure,
and decided by a table: nothing is rendered, and nothing about it is written into the templates. A test renders every
setting with two values and holds the table to what really changes. A layer that is not in the table gets its section; a
project's layer has rows of its own (`Layer.settings`), or the key of its section whose value the property has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from infragen.config import Environment, EnvironmentFile, camel, yamlfile
from infragen.config.own_section import OwnLayer, section_key
from infragen.config.reference import Path, dotted
from infragen.config.values import single_values
from infragen.config.yamlfile import Place

SHORTEST = 3
"""Characters that a value must have to be looked for in AWS's words: `2` is in every second sentence."""

SECTIONS = {"queue": "queues", "worker": "workers", "observability": "alarms"}
"""The sections of layers that are not called like their section."""

TABLE: Mapping[str, str] = {
    "network": """
        Vpc                         CidrBlock                network.vpc_cidr
        *SecurityGroup              VpcId                    network.vpc_id
        *Endpoint                   VpcId                    network.vpc_id
        *Subnet?                    CidrBlock                network.vpc_cidr
        *Subnet*                    -                        network.azs network.vpc_id
        *Routes*                    -                        network.azs network.vpc_id
        *Endpoint                   RouteTableIds            network.azs
        *Endpoint                   SubnetIds                network.azs network.private_subnet_ids network.vpc_id
        *Endpoint                   -                        network.interface_endpoints network.vpc_id
        Endpoint*                   -                        network.interface_endpoints
        NatInstance                 InstanceType             network.nat_instance_type
        Nat*                        -                        network.nat network.azs network.vpc_id
        PrivateDefaultRoute*        -                        network.nat network.azs network.vpc_id
        FlowLog                     TrafficType              network.flow_logs
        AlarmEmail{nth}             -                        alarms.emails.{nth}
        LoadBalancerSecurityGroup   SecurityGroupIngress     api.ingress_cidrs api.https.mode
        ApiToInternet443            -                        api
        WorkerToInternet443         -                        workers
        *ToInternet*                -                        network.extra_egress_ports
        LoadBalancer*               -                        api
        Api*                        -                        api
        Worker*                     -                        workers
        Database*                   -                        database
    """,
    "database": """
        Cluster                     BackupRetentionPeriod    database.backup_days
        Cluster                     DBClusterIdentifier      database.identifier_suffix
        Cluster                     DBClusterParameterGroupName  database.engine_version
        Cluster                     DatabaseName             database.name
        Cluster                     DeletionProtection       database.deletion_protection
        Cluster                     EngineVersion            database.engine_version
        Cluster                     ServerlessV2ScalingConfiguration.MaxCapacity            database.max_acu
        Cluster                     ServerlessV2ScalingConfiguration.MinCapacity            database.min_acu
        Cluster                     ServerlessV2ScalingConfiguration.SecondsUntilAutoPause  database.auto_pause_seconds
        Cluster                     StorageType              database.storage
        Cluster                     DeletionPolicy           database.deletion
        Cluster                     Metadata                 database.deletion_protection
        ClusterLogGroup             LogGroupName             database.identifier_suffix
        ClusterParameters*          Parameters               database.parameters
        ClusterParameters*          -                        database.engine_version database.parameters
        Writer                      MonitoringInterval       database.monitoring_seconds
        Writer                      MonitoringRoleArn        database.monitoring_seconds
        MonitoringRole              -                        database.monitoring_seconds
        Reader*                     MonitoringInterval       database.monitoring_seconds
        Reader*                     MonitoringRoleArn        database.monitoring_seconds
        Reader*                     -                        database.readers
        ReplicaLagAlarm             -                        database.readers
        ConnectionsAlarm            Threshold                database.max_acu database.min_acu
        ConnectionsAlarm            AlarmDescription         database.max_acu database.min_acu
        Credentials                 Owner                    database.owner
        Credentials                 UrlSuffix                database.url_options
        CredentialsFunction         Environment.Variables.DB_NAME     database.name
        CredentialsFunction         Environment.Variables.OWNER       database.owner
        CredentialsFunction         Environment.Variables.URL_SUFFIX  database.url_options
        CredentialsRotation         RotationRules            database.rotation_days
    """,
    "queue": """
        {queue}Queue                VisibilityTimeout        {queue}.visibility_seconds {worker}.timeout
        {queue}Queue                VisibilityTimeout        {worker}.batch_window {worker}.queue
        {queue}Queue                MessageRetentionPeriod   {queue}.retention_days
        {queue}Queue                RedrivePolicy            {queue}.max_receives
        {queue}Queue                ContentBasedDeduplication  {queue}.content_deduplication {queue}.fifo
        {queue}*                    QueueName                {queue}.fifo {queue}.name
        {queue}*                    FifoQueue                {queue}.fifo
        {queue}*                    SqsManagedSseEnabled     {queue}.encryption
        {queue}*                    KmsMasterKeyId           {queue}.encryption
        {queue}*                    KmsDataKeyReusePeriodSeconds  {queue}.encryption
        {queue}*                    Metadata                 {queue}.encryption
        {queue}Dlq                  RedriveAllowPolicy       {queue}.fifo
        {queue}DepthAlarm           Threshold                {queue}.alarms.depth
        {queue}DepthAlarm           AlarmDescription         {queue}.alarms.depth
        {queue}AgeAlarm             Threshold                {queue}.alarms.age_seconds {queue}.visibility_seconds
        {queue}AgeAlarm             Threshold                {worker}.timeout {worker}.batch_window {worker}.queue
        {queue}AgeAlarm             AlarmDescription         {queue}.alarms.age_seconds {queue}.visibility_seconds
        {queue}AgeAlarm             AlarmDescription         {worker}.timeout {worker}.batch_window {worker}.queue
        {queue}Queue                -                        {queue}
        {queue}QueuePolicy          -                        {queue}
        {queue}Dlq                  -                        {queue}
        {queue}DlqPolicy            -                        {queue}
        {queue}*Alarm               -                        {queue}
    """,
    "api": """
        AccessLogs                  LifecycleConfiguration   api.access_logs_days
        Certificate                 DomainName               api.https.domain_name
        Certificate                 DomainValidationOptions.*.DomainName    api.https.domain_name
        Certificate                 DomainValidationOptions.*.HostedZoneId  api.https.hosted_zone_id
        Certificate                 -                        api.https.mode
        DomainRecord                HostedZoneId             api.https.hosted_zone_id
        DomainRecord                Name                     api.https.domain_name
        DomainRecord                -                        api.https.mode
        *Listener                   Certificates             api.https.certificate_arn api.https.mode
        *Listener                   -                        api.https.mode
        EcsCluster                  ClusterSettings          api.container_insights
        EcsCluster                  Metadata                 api.container_insights
        EcsCluster                  Configuration            api.enable_execute_command api.shells
        ErrorRateAlarm              Threshold                api.alarms.error_percent
        ErrorRateAlarm              AlarmDescription         api.alarms.error_percent
        LatencyAlarm                Threshold                api.alarms.latency_seconds
        LatencyAlarm                AlarmDescription         api.alarms.latency_seconds
        NoTasksAlarm                -                        api.min_tasks api.schedule
        LoadBalancerToApi           FromPort                 api.port
        LoadBalancerToApi           ToPort                   api.port
        ApiFromLoadBalancer         FromPort                 api.port
        ApiFromLoadBalancer         ToPort                   api.port
        LoadBalancer                LoadBalancerAttributes   api.deletion_protection
        LoadBalancer                Metadata                 api.deletion_protection
        TargetGroup                 HealthCheckPath          api.health_path
        TargetGroup                 Port                     api.port
        InsightsLogGroup            -                        api.container_insights
        ShellLogGroup               -                        api.enable_execute_command api.shells
        ShellRole                   -                        api.shells
        WebAcl                      Rules                    api.waf.count api.waf.rate
        WebAcl*                     -                        api.waf api.waf.count api.waf.rate
        BlockedRequestsAlarm        -                        api.waf api.waf.count api.waf.rate
        Refresh                     ScheduleExpression       api.refresh_days
        CpuScaling                  TargetTrackingScalingPolicyConfiguration  api.scaling.cpu
        MemoryScaling               TargetTrackingScalingPolicyConfiguration  api.scaling.memory
        RequestsScaling             TargetTrackingScalingPolicyConfiguration  api.scaling.requests_per_target
        RequestsScaling             -                        api.scaling.requests_per_target
        *Scaling                    -                        api.scaling
        ScalableTarget              MaxCapacity              api.max_tasks
        ScalableTarget              MinCapacity              api.min_tasks
        ScalableTarget              ScheduledActions.{n}.ScalableTargetAction.MaxCapacity  api.schedule.{n}.max
        ScalableTarget              ScheduledActions.{n}.ScalableTargetAction.MinCapacity  api.schedule.{n}.min
        ScalableTarget              ScheduledActions.{n}.Schedule             api.schedule.{n}.cron
        ScalableTarget              ScheduledActions.{n}.ScheduledActionName  api.schedule.{n}.name
        ScalableTarget              ScheduledActions.{n}.Timezone             api.schedule.{n}.timezone
        ScalableTarget              ScheduledActions         api.schedule
        Service                     CapacityProviderStrategy.*.Base  api.min_tasks api.spot
        Service                     CapacityProviderStrategy api.spot
        Service                     EnableExecuteCommand     api.enable_execute_command
        Service                     LoadBalancers            api.port
        Service                     DependsOn                api.https.mode
        TaskDefinition              Cpu                      api.cpu
        TaskDefinition              Memory                   api.memory
        TaskDefinition              RuntimePlatform          api.architecture
        TaskDefinition              ContainerDefinitions.*.Command         api.port api.health_path
        TaskDefinition              ContainerDefinitions.*.HealthCheck     api.port api.health_path
        TaskDefinition              ContainerDefinitions.*.PortMappings    api.port
        TaskDefinition              ContainerDefinitions.*.Environment     api.environment api.port api.log_level
        TaskDefinition              ContainerDefinitions.*.Environment     api.db_pool_size api.queue environment queues
        TaskDefinition              ContainerDefinitions.*.Secrets         api.secrets database.readers
        TaskDefinition              ContainerDefinitions.*.User            api.container_user
        TaskDefinition              ContainerDefinitions.*.ReadonlyRootFilesystem  api.readonly_root
        TaskDefinition              ContainerDefinitions.*.LinuxParameters.Tmpfs  api.tmp_mib api.readonly_root
        TaskDefinition              ContainerDefinitions.*.LinuxParameters api.enable_execute_command
        TaskDefinition              ContainerDefinitions.*.Image           api.collector_image
        TaskDefinition              ContainerDefinitions     api.tracing
        TaskRole                    Policies.1.PolicyDocument.Statement.{n}  api.policies.{n}
        TaskRole                    Policies.1.PolicyDocument.Statement.{n}.Action     api.policies.{n}.Action
        TaskRole                    Policies.1.PolicyDocument.Statement.{n}.Resource   api.policies.{n}.Resource
        TaskRole                    Policies.1.PolicyDocument.Statement.{n}.Condition  api.policies.{n}.Condition
        TaskRole                    Policies.1.PolicyDocument.Statement.{n}.Effect     api.policies.{n}.Effect
        TaskRole                    Policies.1.PolicyDocument.Statement.{n}.Sid        api.policies.{n}.Sid
        TaskRole                    Policies.1               api.policies
        TaskRole                    Policies                 api.enable_execute_command api.tracing api.queue queues
        TaskRole                    Policies                 api.policies
        TaskRole                    Metadata                 api.policies api.enable_execute_command api.tracing
        ExecutionRole               Policies                 api.secrets
    """,
    "worker": """
        {worker}Function            Architectures            {worker}.architecture
        {worker}Function            Code                     {worker}.code {worker}.runtime
        {worker}Function            Environment.Variables.DATABASE_POOL_MAX  {worker}.db_pool_size
        {worker}Function            Environment.Variables.LOG_LEVEL          api.log_level
        {worker}Function            Environment.Variables.DEPLOYMENT         environment
        {worker}Function            Environment.Variables.QUEUE_URL          {worker}.queue
        {worker}Function            Environment.Variables.NODE_ENV           environment {worker}.runtime
        {worker}Function            Environment.Variables.NODE_EXTRA_CA_CERTS  {worker}.runtime
        {worker}Function            Environment.Variables.SECRET_PARAMETERS  {worker}.secrets
        {worker}Function            Environment              {worker}.environment
        {worker}Function            Handler                  {worker}.handler
        {worker}Function            LoggingConfig            api.log_level
        {worker}Function            MemorySize               {worker}.memory
        {worker}Function            ReservedConcurrentExecutions  {worker}.reserved_concurrency
        {worker}Function            Runtime                  {worker}.runtime
        {worker}Function            Timeout                  {worker}.timeout
        {worker}Function            TracingConfig            {worker}.tracing
        {worker}Function            Metadata                 {worker}.reserved_concurrency
        {worker}EventSource         BatchSize                {worker}.batch_size
        {worker}EventSource         EventSourceArn           {worker}.queue
        {worker}EventSource         MaximumBatchingWindowInSeconds  {worker}.batch_window
        {worker}EventSource         ScalingConfig            {worker}.max_concurrency {worker}.reserved_concurrency
        {worker}EventSource         FilterCriteria           {worker}.filter
        {worker}DurationAlarm       Threshold                {worker}.timeout
        {worker}DurationAlarm       AlarmDescription         {worker}.timeout
        {worker}Role                Policies.1.PolicyDocument.Statement.{n}  {worker}.policies.{n}
        {worker}Role                Policies.1.PolicyDocument.Statement.{n}.Action     {worker}.policies.{n}.Action
        {worker}Role                Policies.1.PolicyDocument.Statement.{n}.Resource   {worker}.policies.{n}.Resource
        {worker}Role                Policies.1.PolicyDocument.Statement.{n}.Condition  {worker}.policies.{n}.Condition
        {worker}Role                Policies.1.PolicyDocument.Statement.{n}.Effect     {worker}.policies.{n}.Effect
        {worker}Role                Policies.1.PolicyDocument.Statement.{n}.Sid        {worker}.policies.{n}.Sid
        {worker}Role                Policies.1               {worker}.policies
        {worker}Role                Policies                 {worker}.secret_arns {worker}.tracing {worker}.queue
        {worker}Role                Policies                 {worker}.secrets
        {worker}Role                Metadata                 {worker}.policies
        {worker}Function            -                        {worker}
        {worker}EventSource         -                        {worker}
        {worker}Role                -                        {worker}
        {worker}LogGroup            -                        {worker}
        {worker}*Alarm              -                        {worker}
    """,
    "observability": """
        Dashboard                   DashboardBody            queues workers database.readers
        *                           AlarmRule                queues workers api database
    """,
    "": """
        *                           PermissionsBoundary      iam.permissions_boundary_arn
        *                           RetentionInDays          api.log_retention_days
        *                           Tags                     tags
    """,
}
"""Layer -> rows of logical id, property (`-`: the resource as such), and the settings that decide it, likeliest first.

`*` stands for anything; `{queue}` and `{worker}` for one of the list: in logical ids its prefix, in settings its path
(of a queue's rows, `{worker}` is the queue's worker); `{nth}` for a number counted from one, `{n}` for one from zero.
Of a property's rows all that fit count, in their order. The rows of the layer "" are for all layers.
"""


@dataclass(frozen=True)
class Setting:
    """A key of the environment file, or of an addon's template. `written` is false for one that has its default:
    `place` is then its section's.
    """

    key: str
    place: Place
    written: bool = True

    def __str__(self) -> str:
        """Return place and key, as `environments/prod.yaml:41 database.engine_version`."""
        return f"{self.place.file}:{self.place.line} {self.key}{'' if self.written else ' (default)'}"


def settings(env: Environment, layer: str, logical_id: str, path: Path = ()) -> tuple[Path, ...]:
    """Return the settings that decide a resource, or with `path` one of its properties, likeliest first; else its
    section.

    `path` is as in a `PropertyChange`: it begins with the resource's attribute. A layer's own nested stacks
    ("network/Peering") count as the layer; the root's resources are its layers. Empty for what no setting decides.
    """
    if layer == "root":
        return _section(env, next((each for each in _own_layers(env) if camel(each) == logical_id), logical_id.lower()))
    name = layer.partition("/")[0]
    steps = tuple(map(str, path[1:] if path[:1] == ("Properties",) else path))
    found = [each for row in _rows(env, name, logical_id) for each in row.settings_at(steps)]
    if not found:
        found = [each for row in _rows(env, name, logical_id) for each in row.settings_at(())]
    return tuple(dict.fromkeys(found)) or _section(env, name)


def origin(file: EnvironmentFile, layer: str, logical_id: str, path: Path = (), value: object = None) -> Setting | None:
    """Return the setting that most likely decides a resource or a property; None for what no setting decides.

    Of several, the one whose value is `value` (the property's), else the first that is written in the file. For an
    addon, the line of its template.
    """
    own = _own_layers(file.environment).get(layer.partition("/")[0])
    if own is not None and own.written is not None:
        key = ("Resources", logical_id, *path)
        return Setting(dotted(key), own.written(key))
    candidates = settings(file.environment, layer, logical_id, path)
    equal = [each for each in _leaves(file.environment, layer) if value is not None and _same(file, each, value)]
    if len(equal) == 1 and candidates == _section(file.environment, layer):
        return _setting(file, equal[0])
    return _chosen(file, candidates, value) if candidates else None


def suspect(file: EnvironmentFile, layer: str, logical_id: str, reason: str) -> Setting | None:
    """Return the setting behind a failure: that whose value or whose property AWS's words name; else the resource's
    own.
    """
    rows = _rows(file.environment, layer.partition("/")[0], logical_id)
    pairs = [(row.name, each) for row in rows for each in row.every_setting()]
    pairs += [(camel(str(each[-1])), each) for each in _leaves(file.environment, layer.partition("/")[0])]
    named = [path for _, path in pairs if _says(reason, _value(file.environment, path))]
    if named:
        return _setting(file, max(named, key=lambda path: len(_value(file.environment, path))))
    meant = [path for name, path in pairs if _says(reason, name, re.IGNORECASE)]
    return _chosen(file, tuple(meant), None) if meant else origin(file, layer, logical_id)


def _says(reason: str, what: str, flags: int = 0) -> bool:
    """Return whether a text names a value or a property, as a word of its own."""
    pattern = rf"(?<![\w.-]){re.escape(what)}(?![\w-]|\.\w)"
    return len(what) >= SHORTEST and re.search(pattern, reason, flags) is not None


def _same(file: EnvironmentFile, path: Path, value: object) -> bool:
    return bool(_text(value)) and _value(file.environment, path) == _text(value)


def _chosen(file: EnvironmentFile, candidates: tuple[Path, ...], value: object) -> Setting:
    equal = [each for each in candidates if value is not None and _value(file.environment, each) == _text(value)]
    written = [each for each in candidates if file.writes(each)]
    return _setting(file, next(iter([*equal, *written, *candidates])))


def _setting(file: EnvironmentFile, path: Path) -> Setting:
    return Setting(dotted(path), yamlfile.find_key(file.node, path), file.writes(path))


def _value(env: Environment, path: Path) -> str:
    """Return a single value in force as AWS may repeat it; nothing for one that is not single or not there."""
    found: object = env
    for step in path:
        if isinstance(step, int):
            found = found[step] if isinstance(found, (tuple, list)) and step < len(found) else None
        else:
            found = found.get(step) if isinstance(found, dict) else getattr(found, step, None)
    return _text(found)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value) if type(value) in (str, int) else ""


def _section(env: Environment, layer: str) -> tuple[Path, ...]:
    """Return the section of a layer, also of one that the table does not know."""
    name = section_key(SECTIONS.get(layer, layer))
    return ((name,),) if name in type(env).model_fields else ()


def _own_layers(env: Environment) -> dict[str, OwnLayer]:
    """Return the layers of the environment's project by name."""
    return {each.name: each for each in env.own_layers.layers} if env.own_layers else {}


def _leaves(env: Environment, layer: str) -> Iterator[Path]:
    """Yield the keys of a project's layer: what its properties come from, where it has no rows of its own."""
    if layer in _own_layers(env):
        key = section_key(layer)
        yield from (path for path in single_values(getattr(env, key, None), (key,)) if len(path) > 1)


# --- the table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """One row that fits a resource: the property's steps, and settings with the resource's own numbers filled in."""

    steps: tuple[str, ...]
    settings: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the property's own name."""
        return next((each for each in reversed(self.steps) if each[0].isalpha()), "")

    def settings_at(self, path: tuple[str, ...]) -> Iterator[Path]:
        """Yield the settings, when the row is about the property at this path, one that holds it, or a part of it."""
        if bool(path) != bool(self.steps):
            return
        number = ""
        for wanted, step in zip(self.steps, path, strict=False):
            if wanted == "{n}" and step.isdecimal():
                number = step
            elif wanted not in ("*", step):
                return
        if "{n}" not in self.steps or number:
            yield from (_path(each.replace("{n}", number)) for each in self.settings)
        else:
            yield from (_path(each.partition(".{n}")[0]) for each in self.settings)

    def every_setting(self) -> Iterator[Path]:
        """Return the settings, whatever the path."""
        return (_path(each.partition(".{n}")[0]) for each in self.settings)


def _path(dots: str) -> Path:
    return tuple(int(each) if each.isdecimal() else each for each in dots.split("."))


def _rows(env: Environment, layer: str, logical_id: str) -> list[_Row]:
    """Return the rows that fit a resource, in the order of the table."""
    found = []
    own = _own_layers(env).get(layer)
    for pattern, steps, names in (*_table(own.settings if own else TABLE.get(layer, "")), *_table(TABLE[""])):
        for item in _items(env, layer):
            match = re.fullmatch(_expression(pattern, item.prefix), logical_id)
            if match:
                nth = str(int(match.groupdict().get("nth") or 1) - 1)
                filled = (item.filled(each).replace("{nth}", nth) for each in names)
                found.append(_Row(steps, tuple(each for each in filled if "{worker}" not in each)))
    return found


@cache
def _table(text: str) -> tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]:
    rows = (line.split() for line in text.splitlines() if line.strip())
    return tuple(
        (logical_id, () if path == "-" else tuple(path.split(".")), tuple(names)) for logical_id, path, *names in rows
    )


@dataclass(frozen=True)
class _Item:
    """A queue or a worker: the prefix of its logical ids, and what stands for it in settings."""

    prefix: str = ""
    paths: tuple[tuple[str, str], ...] = ()

    def filled(self, setting: str) -> str:
        """Return a setting of the table with the item's own path."""
        for name, path in self.paths:
            setting = setting.replace(name, path)
        return setting


def _items(env: Environment, layer: str) -> list[_Item]:
    workers = {each.name: ("{worker}", f"workers.{index}") for index, each in enumerate(env.workers)}
    if layer == "worker":
        return [_Item(camel(name), (path,)) for name, path in workers.items()]
    if layer == "queue":
        own = [(each, ("{queue}", f"queues.{index}")) for index, each in enumerate(env.queues)]
        takers = {each.queue: workers[each.name] for each in env.workers}
        return [_Item(each.id, (path, *([takers[each.name]] if each.name in takers else []))) for each, path in own]
    return [_Item()]


def _expression(pattern: str, prefix: str) -> str:
    text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".").replace(r"\{nth\}", r"(?P<nth>\d+)")
    return text.replace(r"\{queue\}", prefix).replace(r"\{worker\}", prefix)
