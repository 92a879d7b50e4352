"""IAM statements of an environment file: what becomes of them in the roles, and what the gate says about them."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench import Bench, at_work, prepare_account
from bench import environment as made
from fakeaws import FakeAws
from rendering import environment, properties, template

from infragen.assembly.synth import synthesize
from infragen.config import iam, load_file, rules
from infragen.plan.between import plan_between, rendering

FILLED = """
api:
  policies:
  - Sid: Uploads
    Effect: Allow
    Action: [s3:GetObject, s3:PutObject]
    Resource: arn:${AWS::Partition}:s3:::acme-${EnvironmentName}/${aws:userid}/${*}/*
    Condition: {StringEquals: {"aws:SourceAccount": "${AWS::AccountId}", "s3:prefix": [a, 12]}}
  - {Effect: Deny, Action: "s3:*", Resource: "arn:aws:s3:::other/*"}
"""


@pytest.fixture(params=["nested", "independent"])
def topology(request: pytest.FixtureRequest) -> str:
    """Return each."""
    return str(request.param)


def own(over: str, layer: str = "api", role: str = "TaskRole") -> Any:
    [found] = [each for each in properties(layer, role, over)["Policies"] if each["PolicyName"] == "environment-file"]
    return found["PolicyDocument"]


def test_cloudformation_fills_in_its_placeholders_and_leaves_those_of_iam() -> None:
    """The statements are as they are written, in a policy of their own."""
    assert own(FILLED) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Uploads",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject"],
                "Resource": {"Fn::Sub": "arn:${AWS::Partition}:s3:::acme-${EnvironmentName}/${!aws:userid}/${!*}/*"},
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": {"Fn::Sub": "${AWS::AccountId}"}, "s3:prefix": ["a", "12"]}
                },
            },
            {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::other/*"},
        ],
    }


def test_a_worker_gets_its_own_statements_alone() -> None:
    """The role of one worker, not that of another and not the API's."""
    over = """
workers:
- {name: mail, queue: notifications, reserved_concurrency: 2, policies: [
    {Effect: Allow, Action: "s3:GetObject", Resource: "arn:aws:s3:::a/*"}]}
"""
    assert own(over, "worker", "MailRole")["Statement"][0]["Resource"] == "arn:aws:s3:::a/*"
    assert "environment-file" not in json.dumps(template("api", over))


WIDE = "api: {policies: [{Effect: Allow, Action: 's3:GetObject', Resource: 'arn:aws:s3:::a/*'}]}"


@pytest.mark.long
def test_a_statement_that_is_added_is_asked_about_and_one_that_goes_is_not() -> None:
    """The gate for wider access judges them as any other."""
    before, after = (rendering(synthesize(environment(over))) for over in ("", WIDE))
    there = plan_between("dev", "eu-central-1", before, after, "before")
    back = plan_between("dev", "eu-central-1", after, before, "before")
    assert [each.place for stack in there.stacks for each in stack.widenings] == ["api/TaskRole"]
    assert not any(stack.widenings for stack in back.stacks)


def api(*statements: str, more: str = "") -> str:
    return f"api: {{policies: [{', '.join(statements)}]{more}}}"


PUT = "{Effect: Allow, Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::a/*'}"
SEND = "{Effect: Allow, Action: 'sqs:SendMessage', Resource: 'arn:aws:sqs:us-east-1:111111111111:b'}"
KEEP = "{Effect: Deny, Action: 's3:DeleteObject', Resource: '*'}"
WHEN = PUT.replace("}", ", Condition: {StringEquals: {'aws:PrincipalOrgID': o-1}}}")
GET, ONLY_PUT = PUT.replace(", 's3:PutObject'", ""), PUT.replace("'s3:GetObject', ", "")
ALIKE = {
    "unchanged": (api(PUT), api(PUT)),
    "beside another change of the task": (api(PUT), api(PUT, more=", cpu: 1024, memory: 2048")),
    "beside less in another policy of the role": (api(PUT), api(PUT, more=", tracing: false")),
    "in another order": (api(PUT, SEND), api(SEND, PUT)),
    "divided": (api(PUT), api(GET, ONLY_PUT)),
    "joined": (api(GET, ONLY_PUT), api(PUT)),
    "an action less": (api(PUT), api(GET)),
    "a narrower resource": (api(PUT), api(PUT.replace("a/*", "a/b/*"))),
    "with a condition": (api(PUT), api(WHEN)),
    "with a Sid": (api(PUT), api(PUT.replace("{Effect", "{Sid: Uploads, Effect"))),
    "twice": (api(PUT), api(PUT, PUT)),
    "a list instead of a text": (api(PUT), api(PUT.replace("'arn:aws:s3:::a/*'", "['arn:aws:s3:::a/*']"))),
    "the account by its placeholder": (api(SEND), api(SEND.replace("1" * 12, "${AWS::AccountId}"))),
    "the account by its number": (api(SEND.replace("1" * 12, "${AWS::AccountId}")), api(SEND)),
    "one of two gone": (api(PUT, SEND), api(SEND)),
    "with a denial": (api(PUT), api(PUT, KEEP)),
}
WIDER = {
    "an action more": (api(GET), api(PUT), "s3:PutObject on arn:aws:s3:::a/*"),
    "every action": (api(PUT), api(PUT.replace("'s3:PutObject'", "'s3:*'")), "s3:* on arn:aws:s3:::a/*"),
    "another resource": (api(GET), api(GET.replace("a/*", "b/*")), "s3:GetObject on arn:aws:s3:::b/*"),
    "a wider resource": (api(GET), api(GET.replace("a/*", "*")), "s3:GetObject on arn:aws:s3:::*"),
    "without its condition": (api(WHEN), api(PUT), "s3:GetObject, s3:PutObject on arn:aws:s3:::a/* (was: only when"),
    "without the denial": (api(PUT, KEEP), api(PUT), "no longer denies s3:DeleteObject"),
    "a second statement": (api(PUT), api(PUT, SEND), "sqs:SendMessage on arn:aws:sqs:us-east-1:111111111111:b"),
}


@pytest.mark.long
@pytest.mark.parametrize("case", ALIKE)
def test_statements_that_allow_no_more_than_before_are_not_asked_about(case: str) -> None:
    """In a role that exists: whatever else of it changes, and however they are written."""
    before, after = (rendering(synthesize(environment(over))) for over in ALIKE[case])
    plan = plan_between("dev", "us-east-1", before, after, "before")
    assert [each for stack in plan.stacks for each in stack.widenings] == []


@pytest.mark.long
@pytest.mark.parametrize("case", WIDER)
def test_a_changed_statement_is_asked_about_by_what_it_allows_more(case: str) -> None:
    *overs, says = WIDER[case]
    before, after = (rendering(synthesize(environment(over))) for over in overs)
    plan = plan_between("dev", "us-east-1", before, after, "before")
    [found] = [each for stack in plan.stacks for each in stack.widenings]
    assert (found.place, says in str(found.sentence)) == ("api/TaskRole", True), found


@pytest.mark.long
def test_a_deployed_statement_is_asked_about_once(aws: FakeAws, tmp_path: Path, topology: str) -> None:
    """By plan and deploy against what runs: not again beside another change, and again when it is wider."""
    base = (
        "network: {nat: single}\napi: {cpu: CPU, memory: 1024, min_tasks: 1, max_tasks: 2, https: {mode: http_only}, "
    )
    base += "ingress_cidrs: [203.0.113.0/24], policies: [POLICIES]}\n"

    def at(cpu: str, *policies: str) -> Bench:
        text = base.replace("CPU", cpu).replace("POLICIES", ", ".join(policies))
        return at_work(aws, made(tmp_path, text, topology))

    first = at("256", PUT)
    prepare_account(aws, first.env)
    first.bootstrap()
    first.begin(synthesize(first.env))
    again = at("512", PUT.replace("['s3:GetObject', 's3:PutObject']", "['s3:PutObject', 's3:GetObject']"))
    found = again.plan(synthesize(again.env))
    assert [each for stack in found.stacks for each in stack.widenings] == []
    wider = at("512", PUT, SEND)
    found = wider.plan(synthesize(wider.env))
    assert [each.place for stack in found.stacks for each in stack.widenings] == ["api/TaskRole"]


LARGEST = """
database: {readers: 1}
queues: [{name: notifications, encryption: kms}, {name: second}, {name: third, fifo: true}]
api:
  enable_execute_command: true
  readonly_root: false
  tracing: true
  policies: [{Effect: Allow, Action: "s3:GetObject", Resource: "arn:aws:s3:::a/*"}]
workers:
- name: notifications
  queue: notifications
  secret_arns:
  - arn:aws:secretsmanager:eu-central-1:012345678901:secret:a-AbCdEf
  - arn:aws:secretsmanager:eu-central-1:012345678901:secret:b-AbCdEf
  policies: [{Effect: Allow, Action: "s3:GetObject", Resource: "arn:aws:s3:::a/*"}]
"""
LONGEST = {
    "Partition": "aws",
    "Region": "ap-southeast-1",
    "AccountId": "012345678901",
    "URLSuffix": "amazonaws.com",
    "Arn": "arn:aws:secretsmanager:ap-southeast-1:012345678901:secret:" + "n" * 60,
}


@pytest.mark.parametrize(
    ("path", "layer", "role"),
    [(("api", "policies"), "api", "TaskRole"), (("workers", 0), "worker", "NotificationsRole")],
)
def test_what_infragen_needs_of_a_role_is_counted_as_no_less_than_it_is(
    path: rules.Path, layer: str, role: str
) -> None:
    """The sum that the size of own statements is checked with: the largest role of ours fits in, and not by far."""
    env = environment(LARGEST)
    ours = properties(layer, role, LARGEST)["Policies"][0]["PolicyDocument"]
    text = json.dumps(_longest(ours), separators=(",", ":"))
    assert len(text) <= rules.own_policy_size(env, path) <= len(text) + 800, len(text)


def _longest(value: Any) -> Any:
    if isinstance(value, list):
        return [_longest(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) & {"Ref", "Fn::GetAtt"}:
        return LONGEST["Arn"]
    if "Fn::Sub" in value:
        return iam.IN_BRACES.sub(lambda match: LONGEST.get(match[1].rpartition("::")[2], "n" * 20), value["Fn::Sub"])
    return {key: _longest(each) for key, each in value.items()}


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", "arn:aws:s3:::*"),
        ("s3:ListBucket", "arn:aws:s3:::*"),
        ("s3:Get*", "*"),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:012345678901:*"),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:012345678901:?*"),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:*"),
        ("kms:Decrypt", "arn:aws:kms:eu-west-1:012345678901:key/*"),
        ("*", "*"),
        ("invented:Thing", "arn:aws:invented:::*"),
    ],
)
def test_a_resource_that_names_nothing_is_every_resource(action: str, resource: str) -> None:
    """However it is written."""
    assert iam.is_unlimited(action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", "arn:aws:s3:::uploads/*"),
        ("s3:ListBucket", "arn:aws:s3:::uploads*"),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:012345678901:shop-*"),
        ("s3:ListAllMyBuckets", "*"),
        ("ecr:GetAuthorizationToken", "*"),
    ],
)
def test_a_resource_with_a_name_or_an_action_without_resources_is_not(action: str, resource: str) -> None:
    """What cannot be narrower is no finding."""
    assert not iam.is_unlimited(action, resource)


@pytest.mark.parametrize(
    ("condition", "limits"),
    [
        ({"StringEquals": {"cloudwatch:namespace": ["shop"]}}, True),
        ({"ForAnyValue:StringLike": {"cloudwatch:namespace": ["shop-*"]}}, True),
        ({"StringEquals": {"aws:ResourceTag/Project": ["shop"]}}, True),
        ({"StringEquals": {"cloudwatch:namespace": ["shop", "*"]}}, False),
        ({"StringEqualsIfExists": {"cloudwatch:namespace": ["shop"]}}, False),
        ({"StringNotEquals": {"cloudwatch:namespace": ["shop"]}}, False),
        ({"ForAllValues:StringEquals": {"cloudwatch:namespace": ["shop"]}}, False),
        ({"Bool": {"aws:SecureTransport": ["true"]}}, False),
        ({"StringEquals": {"s3:prefix": ["shop"]}}, False),
        ({}, False),
    ],
)
def test_a_condition_limits_an_action_only_by_what_it_is_done_to(
    condition: dict[str, dict[str, list[str]]], limits: bool
) -> None:
    """A key of the same service, or the resource's tag, with an operator that a missing key does not pass."""
    assert iam.is_limited_by("cloudwatch:PutMetricData", condition) is limits


def test_an_error_in_a_single_value_and_in_a_list_has_its_place(tmp_path: Path) -> None:
    """Line and column of the value itself, with or without brackets."""
    body: dict[str, Any] = yaml.safe_load(
        "{project: shop, environment: dev, region: eu-west-1, network: {}, queues: []}"
    )
    text = json.dumps(body)[:-1] + (
        ', "api": {"https": {"mode": "http_only"}, "ingress_cidrs": ["10.0.0.0/8"], "cpu": 512, "memory": 1024,\n'
        ' "min_tasks": 1, "max_tasks": 2, "policies": [{"Effect": "Allow",\n'
        ' "Action": "s3.Get",\n "Resource": ["arn:aws:s3:::a",\n "b"]}]}}'
    )
    (tmp_path / "dev.yaml").write_text(text)
    with pytest.raises(Exception, match=r"api\.policies") as caught:
        load_file(tmp_path / "dev.yaml", date(2026, 11, 29))
    places = [line.removeprefix(f"{tmp_path}/").partition(": ")[0] for line in str(caught.value).splitlines()]
    assert places == ["dev.yaml:3:12", "dev.yaml:5:2"]
