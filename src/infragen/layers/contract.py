"""The contract of a layer: what it takes, what it gives, and the words every layer builds with.

An input *is* another layer's output: a layer module imports the outputs it uses by name, so the Python import graph is
the dependency graph and a cycle is an ImportError. A layer never writes a Parameter, never names another stack and
never talks to AWS; `synth` adds the Parameters and checks that the layer kept to its contract.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

import troposphere
from troposphere import Output, Ref, Sub
from troposphere.awslambda import LoggingConfig
from troposphere.cloudwatch import Alarm, MetricDimension
from troposphere.logs import LogGroup

from infragen.checks.check import Check
from infragen.config import Environment
from infragen.config.own_section import section_key
from infragen.config.yamlfile import Place


class Template(troposphere.Template):
    """A template that may outgrow CloudFormation's limits while it is built.

    `synth` counts afterwards and names the layer and the count; troposphere would stop at the first thing too many
    and name neither.
    """

    def add_parameter(self, parameter: Any) -> Any:
        """Add a Parameter."""
        return self._update(self.parameters, parameter)

    def add_resource(self, resource: Any) -> Any:
        """Add a resource, or a list of them."""
        return self._update(self.resources, resource)

    def add_output(self, output: Any) -> Any:
        """Add an Output, or a list of them."""
        return self._update(self.outputs, output)


WIRED_TYPES = ("String", "CommaDelimitedList")
"""Parameter types that take any text. AWS-specific types (`AWS::EC2::VPC::Id`, `List<AWS::EC2::Subnet::Id>`) and
`AWS::SSM::Parameter::Value<…>` are looked up in the account when a change set is created, where a sibling's output is
still a placeholder (User Guide, "Specify existing resources at runtime with CloudFormation-supplied parameter types";
`assembly.wiring` has the reports)."""


@dataclass(frozen=True)
class LayerOutput:
    """An output of one layer, and the parameter of the same name in every layer that uses it.

    `type` is the CloudFormation parameter type on the consumer's side, one of WIRED_TYPES; a list travels as a
    comma-joined string. `infragen outputs` shows those that are `for_people` (addresses, which the root repeats as
    outputs of its own) or `operational`: names of what runs. The root leaves these to the layer's own stack, because a
    template has at most 200 outputs.
    """

    layer: str
    name: str
    description: str
    type: Literal["String", "CommaDelimitedList"] = "String"
    for_people: bool = False
    operational: bool = False

    def ref(self) -> Ref:
        """Return the value, in a layer that uses it."""
        return Ref(self.name)

    def publish(self, value: Any) -> Output:
        """Return the output, in the layer that owns it."""
        return Output(self.name, Description=self.description, Value=value)


@dataclass(frozen=True)
class LaunchParameter:
    """A value that changes without a new rendering: an image tag, the key of worker code, a certificate.

    With `keep`, a deployment that gives no value keeps the deployed one. `value` is what the environment file says;
    it is passed at deployment and does not enter the template.
    """

    name: str
    description: str
    type: str = "String"
    default: str | None = None
    value: str | None = None
    keep: bool = False

    def ref(self) -> Ref:
        """Return the value, in the layer that declares the parameter."""
        return Ref(self.name)


class ContractError(Exception):
    """A layer broke its contract: a bug in the layer, never in an environment file."""


@dataclass(frozen=True)
class Additions:
    """What an extension adds to the code that a layer runs: the API's task, or each worker's function.

    `variables` become environment variables; `secrets` (variable -> ARN, or an intrinsic) are injected when a task
    starts, and `start_statements` are the rights that this needs: both for the API alone. `run_statements` are IAM
    statements of the code's role, and `managed_policies` ARNs of managed policies attached to it.
    """

    variables: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    start_statements: Sequence[Mapping[str, Any]] = ()
    run_statements: Sequence[Mapping[str, Any]] = ()
    managed_policies: Sequence[Any] = ()

    def beside(self, ours: Mapping[str, Any], what: str = "variables") -> dict[str, Any]:
        """Return our variables (or secrets) and those added. Raises ContractError for one that is ours already."""
        added: Mapping[str, Any] = getattr(self, what)
        if twice := sorted({*added} & {*ours}):
            raise ContractError(f"an extension sets {', '.join(twice)}, which infragen sets itself")
        return {**ours, **added}


NOTHING = Additions()


@dataclass(frozen=True)
class Layer:
    """One layer of the infrastructure: when it exists, its contract, and its template.

    `inputs` lists the outputs of other layers that this environment's template uses, exactly those; `outputs` those it
    publishes, exactly those. `title` is the template's description, `about` one sentence for people. `checks` are asked
    of the account before anything is made.

    `section` is the class of the layer's own key in environment files, of a project's layer; without `enabled` such a
    layer exists where that key is written. `settings` are rows as in `config.setting_lookup.TABLE`, for the layer's
    logical ids. `build_with` builds a layer that runs code, with what extensions add to it. `on_request` are outputs
    (and their values) that are published only where a layer of the project takes them. `place` is the file and
    line of a project's layer, and empty for ours. `written` gives the place of a key of the layer's template, where
    people write that themselves.
    """

    name: str
    title: str
    about: str
    build: Callable[[Any], troposphere.Template]
    enabled: Callable[[Any], bool] | None = None
    inputs: Callable[[Any], Sequence[LayerOutput]] = lambda env: ()
    outputs: Callable[[Any], Sequence[LayerOutput]] = lambda env: ()
    parameters: Callable[[Any], Sequence[LaunchParameter]] = lambda env: ()
    checks: Callable[[Any], Sequence[Check]] = lambda env: ()
    section: type[Any] | None = None
    settings: str = ""
    build_with: Callable[[Environment, Additions], Template] | None = None
    on_request: Callable[[Environment], Mapping[LayerOutput, Any]] = lambda env: {}
    place: str = ""
    written: Callable[[tuple[str | int, ...]], Place] | None = None

    def is_on(self, env: Environment) -> bool:
        """Return whether the environment has the layer: as `enabled` says, else where its section is written."""
        if self.enabled is not None:
            return bool(self.enabled(env))
        return self.section is None or getattr(env, section_key(self.name)) is not None


@dataclass(frozen=True)
class Extension:
    """What a project adds to one of infragen's layers, which it never changes.

    `inputs` are the outputs of other layers, those of the project's own among them, that the addition uses. `adds`
    gives variables and rights of the layer's code; `resources` puts resources, conditions and outputs into an empty
    template, whose content joins the layer's; `outputs` are those it publishes under the layer's name.
    """

    layer: str
    inputs: Callable[[Any], Sequence[LayerOutput]] = lambda env: ()
    adds: Callable[[Any], Additions] = lambda env: Additions()
    resources: Callable[[Template, Any], None] | None = None
    outputs: Callable[[Any], Sequence[LayerOutput]] = lambda env: ()
    place: str = ""


_Kind = TypeVar("_Kind")


def given(of: Layer | Extension, what: str, env: Environment, kind: type[_Kind]) -> tuple[_Kind, ...]:
    """Return what a function of a layer or extension gives, such as its `inputs`. Raises ContractError for anything but
    a list of this kind.
    """
    values = getattr(of, what)(env)
    name = f"layer {of.name}" if isinstance(of, Layer) else f"extension of {of.layer}"
    if not isinstance(values, (tuple, list)):
        raise ContractError(f"{name}: {what} gives a {type(values).__name__}, not a tuple")
    for each in values:
        if not isinstance(each, kind):
            raise ContractError(f"{name}: {what} gives a {type(each).__name__}, not a {kind.__name__}")
    return tuple(values)


PREFIX = "${ProjectName}-${EnvironmentName}"


def named(suffix: str) -> Sub:
    """Return `<project>-<environment>-<suffix>`: an explicit physical name, or a Name tag."""
    return Sub(f"{PREFIX}-{suffix}")


def arn(rest: str) -> Sub:
    """Return an ARN in whatever partition the stack runs in, e.g. `sqs:${AWS::Region}:${AWS::AccountId}:name`."""
    return Sub("arn:${AWS::Partition}:" + rest)


def allow(actions: str | Sequence[str], resources: Any, when: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an Allow statement of an identity policy; `when` holds condition operators."""
    return _statement("Allow", actions, {"Resource": resources}, when)


def deny(actions: str | Sequence[str], resources: Any, when: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a Deny statement of an identity policy."""
    return _statement("Deny", actions, {"Resource": resources}, when)


def grant(
    principal: Any,
    actions: str | Sequence[str],
    resources: Any,
    when: Mapping[str, Any] | None = None,
    effect: str = "Allow",
) -> dict[str, Any]:
    """Return a statement of a resource or trust policy. `principal` is as in IAM: a mapping, or "*"."""
    return _statement(effect, actions, {"Principal": principal, "Resource": resources}, when)


def _statement(
    effect: str, actions: str | Sequence[str], who: Mapping[str, Any], when: Mapping[str, Any] | None
) -> dict[str, Any]:
    single = isinstance(actions, str)
    body = {"Effect": effect, "Action": actions if single else list(actions), **who}
    if when:
        body["Condition"] = dict(when)
    return body


def deny_without_tls(action: str, resources: Any) -> dict[str, Any]:
    """Deny requests to the resource over plain HTTP."""
    return grant("*", action, resources, {"Bool": {"aws:SecureTransport": "false"}}, "Deny")


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def via(*services: str) -> dict[str, Any]:
    """Return the condition of a right to a KMS key: only for what these services encrypt, e.g. secretsmanager."""
    names = [Sub(f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}") for service in services]
    return {"StringEquals": {"kms:ViaService": names if len(names) > 1 else names[0]}}


def trust(service: str, when: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the trust policy of a role that one AWS service assumes, for this account only.

    `when` adds condition operators (IAM User Guide, "The confused deputy problem").
    """
    account = {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}}
    return policy(
        _statement("Allow", "sts:AssumeRole", {"Principal": {"Service": service}}, {**account, **(when or {})})
    )


def boundary(env: Environment) -> dict[str, Any]:
    """Return the properties that every role of this environment carries beside its own."""
    arn = env.iam.permissions_boundary_arn
    return {"PermissionsBoundary": arn} if arn else {}


def retain(*, goes: bool = False) -> dict[str, str]:
    """Return the deletion policies of resources that outlive their stack, or with `goes` go with it, as all do in an
    environment that leaves nothing behind (`env.throw_away`). What a replacement would delete is kept in any case.

    `RetainExceptOnCreate`, because plain Retain leaves named things behind when a first creation fails, and the next
    creation then fails on "already exists" (CloudFormation User Guide, "DeletionPolicy attribute").
    """
    return {"DeletionPolicy": "Delete" if goes else "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}


def suppress(nag: Mapping[str, str] | None = None, checkov: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return metadata that tells cdk-nag and checkov why a finding is accepted: rule -> reason."""
    metadata: dict[str, Any] = {}
    if nag:
        metadata["cdk_nag"] = {"rules_to_suppress": [{"id": rule, "reason": why} for rule, why in nag.items()]}
    if checkov:
        metadata["checkov"] = {"skip": [{"id": rule, "comment": why} for rule, why in checkov.items()]}
    return metadata


def log_group(title: str, name: Any, env: Environment, key: Any) -> LogGroup:
    """Return a log group with retention and key; those that services make by themselves never expire."""
    return LogGroup(
        title,
        LogGroupName=name,
        RetentionInDays=env.log_retention_days,
        KmsKeyId=key,
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Delete",
    )


class _FunctionLogging(LoggingConfig):
    """troposphere 4.11 holds the properties of another resource's LoggingConfig here."""

    props: ClassVar[dict[str, Any]] = dict.fromkeys(
        ("ApplicationLogLevel", "LogFormat", "LogGroup", "SystemLogLevel"), (str, False)
    )


def function_logging(group: Any, level: str = "INFO") -> LoggingConfig:
    """Return a function's logs as JSON into a group of ours. Lambda itself drops what the code logs below `level`."""
    return _FunctionLogging(LogFormat="JSON", LogGroup=group, ApplicationLogLevel=level.upper())


def alarm(
    title: str,
    description: str,
    metric: Mapping[str, Any],
    *,
    threshold: float,
    periods: int,
    datapoints: int | None = None,
    topic: Any = None,
    repair: Any = None,
    comparison: str = "GreaterThanThreshold",
    missing: str = "notBreaching",
) -> Alarm:
    """Return a CloudWatch alarm: `datapoints` of `periods` beyond the threshold; missing data is no trouble by default.

    With `topic` it notifies when it rises and when it clears; without, it only feeds another alarm or a deployment.
    `repair` is what AWS does by itself when it rises, e.g. the ARN that recovers an instance.
    `metric` holds the properties that name the metric: either `metric(...)` below, or Metrics.
    """
    raised = [action for action in (topic, repair) if action is not None]
    actions = {"AlarmActions": raised} if raised else {}
    if topic is not None:
        actions["OKActions"] = [topic]
    return Alarm(
        title,
        AlarmDescription=description,
        ComparisonOperator=comparison,
        Threshold=threshold,
        EvaluationPeriods=periods,
        DatapointsToAlarm=datapoints or periods,
        TreatMissingData=missing,
        **metric,
        **actions,
    )


def metric(
    namespace: str, name: str, statistic: str, dimensions: Mapping[str, Any], period: int = 60
) -> dict[str, Any]:
    """Return the properties of an alarm on one metric. `statistic` is e.g. Sum or p95; `period` in seconds."""
    kind = "ExtendedStatistic" if statistic.startswith("p") else "Statistic"
    return {
        "Namespace": namespace,
        "MetricName": name,
        kind: statistic,
        "Dimensions": [MetricDimension(Name=key, Value=value) for key, value in dimensions.items()],
        "Period": period,
    }
