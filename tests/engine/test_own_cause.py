"""A failure names its own cause: the resource that failed first of those that failed, in AWS's words, without secrets.

Each case draws a topology, a tree of stacks, an operation, what happens on failure, one resource or two that fail after
some time in some stack, what AWS says of them, and whether events come late or nested ones without a token. What is
right is read from the fake's own events, which the engine gets through boto3 only.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from bench import once
from fakeaws import FakeAws
from fakeaws.model import Event
from figures import Tried
from stage import Stage, assembly, environment, layer, on_fake, with_bucket
from sweeps import seeds

from infragen.assembly.synth import Assembly
from infragen.engine.deploy import deploy_environment
from infragen.engine.destroy import DestroyOptions, destroy_environment
from infragen.engine.options import Options
from infragen.engine.outcome import Failed, Outcome
from infragen.report.event_document import outcome_document
from infragen.report.outcome import failure_lines, outcome_markdown

TYPES: dict[str, tuple[str, Any, Any]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": ("MaxCapacity", 2, 4),
    "AWS::CloudWatch::Alarm": ("AlarmDescription", "one", "two"),
    "AWS::DynamoDB::Table": ("Tags", [{"Key": "a", "Value": "1"}], [{"Key": "a", "Value": "2"}]),
    "AWS::EC2::SecurityGroup": ("Tags", [{"Key": "a", "Value": "1"}], [{"Key": "a", "Value": "2"}]),
    "AWS::EC2::VPC": ("EnableDnsHostnames", False, True),
    "AWS::ECR::Repository": ("Tags", [{"Key": "a", "Value": "1"}], [{"Key": "a", "Value": "2"}]),
    "AWS::ECS::Cluster": ("Tags", [{"Key": "a", "Value": "1"}], [{"Key": "a", "Value": "2"}]),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("HealthCheckIntervalSeconds", 10, 20),
    "AWS::Events::Rule": ("Description", "one", "two"),
    "AWS::IAM::Role": ("Description", "one", "two"),
    "AWS::KMS::Key": ("Description", "one", "two"),
    "AWS::Lambda::Function": ("Description", "one", "two"),
    "AWS::Logs::LogGroup": ("RetentionInDays", 7, 14),
    "AWS::RDS::DBInstance": ("AllocatedStorage", "20", "30"),
    "AWS::S3::Bucket": ("Tags", [{"Key": "a", "Value": "1"}], [{"Key": "a", "Value": "2"}]),
    "AWS::SNS::Topic": ("DisplayName", "one", "two"),
    "AWS::SQS::Queue": ("DelaySeconds", 1, 2),
    "AWS::SSM::Parameter": ("Description", "one", "two"),
    "AWS::SecretsManager::Secret": ("Description", "one", "two"),
    "Custom::Seed": ("Rows", "1", "2"),
}
"""A property of each that an update changes in place, before and after."""

REQUIRED = {"Custom::Seed": {"ServiceToken": "arn:aws:lambda:us-east-1:111111111111:function:seed"}}

REASONS = (
    'Resource handler returned message: "No VPCs (Service: Ec2, Request ID: WORD)" (HandlerErrorCode: NotStabilized)',
    "User: arn:aws:sts::111111111111:assumed-role/deployer/ci is not authorized to perform: sqs:CreateQueue WORD",
    "API: s3:CreateBucket Access Denied WORD",
    "WORD already exists in stack arn:aws:cloudformation:us-east-1:111111111111:stack/other/0b1e",
    "Properties validation failed for resource NAME with message:\n#: extraneous key [WORD] is not permitted",
    "Der Wert WORD ist ungültig: „Größe“ \u2014 \u4e0d\u53ef",
    "Resource creation cancelled by the supplier of WORD",
    "Received response status [FAILED] from custom resource. Message returned: WORD (RequestId: 0b1e)",
    "WORD: could not connect to postgres://app:SECRET@db.example.com/shop, and what follows is not shown",
    "Invalid request WORD: MasterUserPassword=SECRET is not allowed",
    "WORD {} %s \\n <b> & ]]> \x1b[31mred\x1b[0m",
    f"WORD: {'a long story ' * 150}",
    "Exceeded attempts to wait WORD",
    "",
)
"""What AWS says: WORD is another in each case and has to be told, SECRET never."""

SHAPES = 6
"""Trees of stacks; deployed once each for what begins with a deployed environment."""


@dataclass(frozen=True)
class Case:
    """What a seed draws."""

    topology: str
    shape: int
    operation: str
    on_failure: str
    failing: Mapping[str, tuple[str, float, str, str]]
    """Logical id -> what AWS says, after how many seconds, a word of it that is told, and one that is not."""
    late: int
    tokens: bool


def tree(topology: str, shape: int, after: bool) -> Assembly:
    """An assembly of a few layers, which take outputs of earlier ones."""
    lots = random.Random(f"shape {shape}")  # noqa: S311 # reproducible, not secret
    layers: list[Any] = []
    for number in range(lots.randint(2, 4)):
        resources: dict[str, Any] = {}
        for kind in lots.sample(sorted(TYPES), lots.randint(2, 4)):
            name, (key, old, new) = f"Thing{len(resources)}Of{number}", TYPES[kind]
            made: dict[str, Any] = {"Type": kind, "Properties": {**REQUIRED.get(kind, {}), key: new if after else old}}
            if resources and lots.random() < 0.4:
                made["DependsOn"] = lots.choice(sorted(resources))
            resources[name] = made
        takes = [(f"l{lots.randrange(number)}", "Out")] if number and lots.random() < 0.5 else []
        takes = [(each, f"{each.title()}Out") for each, _ in takes]
        layers.append(layer(f"l{number}", resources, {f"L{number}Out": {"Ref": "Thing0Of" + str(number)}}, takes))
    return assembly(*layers, env=environment(topology))


def drawn(seed: int) -> Case:
    lots = random.Random(f"cause {seed}")  # noqa: S311 # reproducible, not secret
    topology, shape = lots.choice(["nested", "independent"]), lots.randrange(SHAPES)
    operation = lots.choice(["create", "create", "update", "update", "delete"])
    ways = {"create": ["", "rollback", "keep", "delete"], "update": ["", "rollback", "keep"], "delete": [""]}
    names = [name for each in tree(topology, shape, False).templates for name in each.body["Resources"]]
    failing = {}
    for name in lots.sample(names, lots.choice([1, 1, 2])):
        word, secret = f"w{lots.getrandbits(40):x}", f"Sw0rd{lots.getrandbits(60):x}"
        text = lots.choice(REASONS)
        said = text.replace("WORD", word).replace("SECRET", secret).replace("NAME", name)
        failing[name] = (said, lots.uniform(1, 90), word if "WORD" in text else "", secret)
    late, tokens = lots.choice([0, 0, 4]), lots.random() < 0.8
    return Case(topology, shape, operation, lots.choice(ways[operation]), failing, late, tokens)


def played(case: Case, stage: Stage) -> tuple[Outcome, ...]:
    """Does what the case says, and gives what became of each stack."""
    before, after = (tree(case.topology, case.shape, changed) for changed in (False, True))
    if case.operation != "create":

        def deploy() -> None:
            assert deploy_environment(before, stage.session, Options(require_approval="never")).exit_code == 0

        once(stage.aws, ("cause", case.topology, case.shape), deploy)
    stage.aws.settings.child_events_carry_token = case.tokens
    for name, (said, seconds, *_) in case.failing.items():
        stage.aws.fail(name, said, on=case.operation, after=seconds)
    for status in ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED"):
        stage.aws.settings.late_events[status] = case.late
    if case.operation == "delete":
        return destroy_environment(before.environment, stage.session, DestroyOptions(confirmed="dev")).outcomes
    every = frozenset(f"{each.layer}/{name}" for each in before.templates for name in each.body["Resources"])
    options = Options(on_failure=case.on_failure, require_approval="never", allow_data_loss=every)
    wanted = after if case.operation == "update" else before
    return deploy_environment(wanted, stage.session, options).outcomes


def first_failures(aws: FakeAws, stack: str, failing: Mapping[str, Any], since: float) -> list[Event]:
    """The first failure in a stack and those nested in it that is no consequence of another, by the fake's events: one,
    or those of the same instant.
    """
    found = [
        event for each in aws.cloud.stacks.values() for event in each.events
        if (event.stack_name == stack or event.stack_name.startswith(f"{stack}-"))
        and event.logical_id in failing and event.status.endswith("_FAILED") and event.visible_at >= since
        and event.reason == failing[event.logical_id][0]
    ]  # fmt: skip
    return [each for each in found if each.timestamp == min(every.timestamp for every in found)]


def wrong(case: Case, stage: Stage, outcomes: tuple[Outcome, ...], since: float) -> Iterator[str]:
    """What is not told as it should be."""
    failures = [each for each in outcomes if isinstance(each, Failed)]
    if not failures:
        yield f"nothing failed: {outcomes}"
    text = "\n".join(line.plain for line in failure_lines(outcomes))
    formats = text, outcome_markdown(outcomes), json.dumps([outcome_document(each) for each in outcomes])
    for each in failures:
        first = first_failures(stage.aws, each.stack, case.failing, since)
        if each.cause is None or each.cause.logical_id not in [event.logical_id for event in first]:
            yield f"{each.stack}: {each.cause} is named, but it was {first}"
            continue
        _, _, word, _ = case.failing[each.cause.logical_id]
        number = each.cause.logical_id.rpartition("Of")[2]
        if each.cause.layer != f"l{number}":
            yield f"{each.cause.layer} is not the layer of {each.cause.logical_id}"
        if word not in each.cause.reason or word not in each.message or any(word not in page for page in formats):
            yield f"AWS's words are lost: {each.cause.reason!r}"
        if not each.hint:
            yield f"{each.stack}: nothing to type next"
    for _, _, _, secret in case.failing.values():
        if any(secret in page for page in (*formats, repr(outcomes))):
            yield f"{secret} is shown"


@pytest.mark.long
@pytest.mark.promise("P2", "failures of resources: each outcome names its own cause in AWS's words, no secret")
def test_each_failure_names_its_own_cause(monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    """Types, AWS's words, topologies, operations, places in the tree and what happens on failure, at random."""
    found = []
    for seed in seeds(short=20, soak=1000):
        case = drawn(seed)
        with FakeAws() as aws:
            stage = with_bucket(on_fake(aws, monkeypatch), environment(case.topology))
            since = aws.clock.seconds
            outcomes = played(case, stage)
            told = replace(case, failing={})
            found += [f"seed {seed}: {each} ({told})" for each in wrong(case, stage, outcomes, since)]
            tried()
    assert not found, "\n".join(found)


@pytest.mark.long
@pytest.mark.parametrize("on_failure", ["rollback", "keep", "delete"])
@pytest.mark.parametrize("kind", ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"])
def test_an_alarm_that_cannot_be_created_is_a_resource_that_failed(
    monkeypatch: pytest.MonkeyPatch, kind: str, on_failure: str
) -> None:
    """Not an alarm that rolled the stack back, which `--ignore-alarm` would help against."""
    with FakeAws() as aws:
        env = environment("nested")
        stage = with_bucket(on_fake(aws, monkeypatch), env)
        aws.fail("Errors", "AlarmRule must not contain cycles")
        made = assembly(layer("api", {"Errors": {"Type": kind}}), env=env)
        [found] = deploy_environment(made, stage.session, Options(on_failure=on_failure)).outcomes
        assert isinstance(found, Failed)
        assert found.cause is not None
        assert (found.cause.layer, found.cause.logical_id) == ("api", "Errors")
        assert found.cause.reason == "AlarmRule must not contain cycles"
        assert found.exit_code == 1
        assert "--ignore-alarm" not in found.hint
