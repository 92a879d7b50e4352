"""Rights that stay inside the environment are summed up; whatever goes beyond is asked about."""

from __future__ import annotations

from typing import Any

import pytest
from rendering import assembly

from infragen.changes.diff import Side
from infragen.gates.access import Widening, Wiring, widenings, wiring_of
from infragen.gates.access.inside import INTERFACES, USES, WITHOUT_RESOURCE
from infragen.plan.between import plan_between, rendering
from infragen.report.plan_document import plan_document
from infragen.report.plan_words import granted
from infragen.secrecy.shown import KnownAfter

ACCOUNT, REGION = "111111111111", "eu-central-1"
Body = dict[str, Any]
QUEUE: Body = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}}
ARN = {"Fn::GetAtt": ["Queue", "Arn"]}
SERVICE = {"Service": "lambda.amazonaws.com"}
HERE = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
TRUSTED: Body = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": SERVICE, "Condition": HERE}
WIRED = Wiring(frozenset({"NewArn", "OldArn"}), frozenset({"NewArn"}))
VALUES = {
    "NewArn": KnownAfter("queue", "NewArn"),
    "OldArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:a",
    "Stray": f"arn:aws:sqs:{REGION}:{ACCOUNT}:stray",
}


def allow(action: Any, resource: Any, **more: Any) -> Body:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def role(*statements: Body, trust: Body | None = None, kind: str = "AWS::IAM::Role") -> Body:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    trusted = {"Version": "2012-10-17", "Statement": [TRUSTED if trust is None else trust]}
    properties: Body = {"AssumeRolePolicyDocument": trusted}
    if statements:
        properties["Policies"] = [{"PolicyName": "p", "PolicyDocument": document}]
    return {"Role": {"Type": kind, "Properties": properties}}


def told(before: Body, after: Body) -> tuple[Widening, ...]:
    parameters = {name: {"Type": "String"} for name in VALUES}
    stays: Body = {"Stays": {"Type": "AWS::EC2::InternetGateway", "Properties": {}}}
    old, new = (Side({"Resources": {**each, **stays}, "Parameters": parameters}, VALUES) for each in (before, after))
    return widenings("worker", old, new, ACCOUNT, REGION, WIRED)


USING = [
    allow(["sqs:SendMessage", "SQS:ReceiveMessage"], ARN),
    allow("sqs:SendMessage", {"Ref": "NewArn"}),
    allow("s3:GetObject", {"Fn::Sub": "${Queue.Arn}/*"}),
    allow("logs:PutLogEvents", {"Fn::Join": ["", [ARN, ":*"]]}),
    allow("secretsmanager:GetSecretValue", {"Ref": "OldArn"}),
    allow("xray:PutTraceSegments", "*"),
    allow("ecr:GetAuthorizationToken", "*"),
]


@pytest.mark.parametrize("statement", USING)
def test_a_new_role_that_uses_its_environment_is_agreed_to_with_the_plan(statement: Body) -> None:
    """The role itself and what it may call."""
    found = told({}, {**QUEUE, **role(statement)})
    assert found
    assert all(each.inside and not each.grave for each in found)


def parameters(*names: str) -> list[str]:
    return [f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{each}" for each in names]


def reads(*names: str) -> Body:
    """A role that reads SSM parameters, and decrypts these alone."""
    arns = parameters(*names)
    context = {"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": arns}}
    decrypts = allow("kms:Decrypt", [f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"], Condition=context)
    return role(allow("ssm:GetParameters", arns), decrypts)


def of_shop(before: Body, after: Body) -> tuple[Widening, ...]:
    """What two sides of an environment differ in that knows its name."""
    values = {"ProjectName": "shop", "EnvironmentName": "dev"}
    declared = {name: {"Type": "String"} for name in values}
    stays: Body = {"Stays": {"Type": "AWS::EC2::InternetGateway", "Properties": {}}}
    old, new = (Side({"Resources": {**each, **stays}, "Parameters": declared}, values) for each in (before, after))
    return widenings("worker", old, new, ACCOUNT, REGION, WIRED)


def test_secrets_of_the_environments_own_are_its_own_rights() -> None:
    """Of a role that exists, too: a name under the project and the environment can be nobody else's."""
    for before in ({}, role(), reads("/shop/dev/A")):
        found = of_shop(before, reads("/shop/dev/A", "/shop/dev/B"))
        assert found
        assert all(each.inside for each in found), found


@pytest.mark.parametrize("name", ["/shop/prod/A", "/shop/dev", "/shop/dev/A/B", "/shop/dev/*", "/shop/dev2/A", "/x"])
def test_parameters_of_another_are_asked_about(name: str) -> None:
    found = of_shop(reads("/shop/dev/A"), reads("/shop/dev/A", name))
    assert [each for each in found if not each.inside and "ssm:GetParameters" in each.sentence], found


def test_decryption_that_nothing_bounds_is_asked_about() -> None:
    """Without the context, with one of another kind, or for another account's keys."""
    keys = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"
    own = {"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": parameters("/shop/dev/A")}}
    like = {"StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameters("/shop/dev/*")}}
    others = {"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": parameters("/shop/dev/A", "/shop/prod/A")}}
    nothing: Body = {"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": []}}
    for statement in (
        allow("kms:Decrypt", keys),
        allow("kms:Decrypt", keys, Condition=like),
        allow("kms:Decrypt", keys, Condition=others),
        allow("kms:Decrypt", keys, Condition=nothing),
        allow("kms:Decrypt", keys.replace(ACCOUNT, "222222222222"), Condition=own),
        allow("kms:Encrypt", keys, Condition=own),
    ):
        assert any(not each.inside for each in of_shop({}, role(statement))), statement


BEYOND = {
    "every action": allow("*", ARN),
    "all that IAM has": allow("iam:*", ARN),
    "a role that may be passed": allow("iam:PassRole", {"Fn::GetAtt": ["Role", "Arn"]}),
    "another role to act as": allow("sts:AssumeRole", {"Fn::GetAtt": ["Role", "Arn"]}),
    "all that KMS has": allow("kms:*", ARN),
    "a grant on a key": allow("kms:CreateGrant", ARN),
    "a pattern of actions": allow("sqs:*", ARN),
    "a shorter pattern": allow("sqs:Send*", ARN),
    "one unknown letter": allow("sqs:SendMessag?", ARN),
    "the policy of a queue": allow("sqs:AddPermission", ARN),
    "the attributes of a queue, its policy among them": allow("sqs:SetQueueAttributes", ARN),
    "every action but some": {"Effect": "Allow", "NotAction": "iam:*", "Resource": ARN},
    "every queue": allow("sqs:SendMessage", "*"),
    "every queue but ours": {"Effect": "Allow", "Action": "sqs:SendMessage", "NotResource": ARN},
    "every queue of the account": allow("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:*"),
    "a queue of the account": allow("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:other"),
    "a queue of another account": allow("sqs:SendMessage", f"arn:aws:sqs:{REGION}:222222222222:q"),
    "names that begin as ours": allow("sqs:SendMessage", {"Fn::Sub": "${Queue.Arn}*"}),
    "names that begin as ours, by another road": allow("sqs:SendMessage", {"Fn::Join": ["", [ARN, "-2"]]}),
    "a parameter that no layer gives": allow("sqs:SendMessage", {"Ref": "Stray"}),
    "a parameter of which nothing is known": allow("sqs:SendMessage", {"Ref": "Nothing"}),
    "an imported value": allow("sqs:SendMessage", {"Fn::ImportValue": "x"}),
    "interfaces that its code may make": allow("ec2:CreateNetworkInterface", "*"),
    "a statement that nobody can read": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": ARN, "Sorry": 1},
}


@pytest.mark.parametrize("what", BEYOND)
def test_what_goes_beyond_is_asked_about(what: str) -> None:
    """Of a new role, and of one that exists."""
    for before in ({}, role()):
        found = told(before, {**QUEUE, **role(BEYOND[what])})
        assert [each.inside for each in found if "Role may now be assumed" not in str(each)] == [False]


TRUSTS = {
    "another account": {**TRUSTED, "Principal": {"AWS": "222222222222"}},
    "everybody": {**TRUSTED, "Principal": "*"},
    "our own account": {**TRUSTED, "Principal": {"AWS": ACCOUNT}},
    "an identity provider": {**TRUSTED, "Principal": {"Federated": "arn:aws:iam::111111111111:oidc-provider/x"}},
    "a service, for whomever": {key: each for key, each in TRUSTED.items() if key != "Condition"},
    "a service, for another account": {**TRUSTED, "Condition": {"StringEquals": {"aws:SourceAccount": "222222222222"}}},
    "a service, for one of two accounts": {
        **TRUSTED,
        "Condition": {"StringEquals": {"aws:SourceAccount": [ACCOUNT, "222222222222"]}},
    },
    "a service, for every account but one": {
        **TRUSTED,
        "Condition": {"StringNotEquals": {"aws:SourceAccount": ACCOUNT}},
    },
    "a service that may also tag": {**TRUSTED, "Action": "sts:TagSession"},
}


@pytest.mark.parametrize("whom", TRUSTS)
def test_whom_else_a_new_role_trusts_is_asked_about(whom: str) -> None:
    """Only a service that acts for this account is a matter of course."""
    assert [each.inside for each in told({}, role(trust=TRUSTS[whom]))] == [False]


def test_a_role_that_exists_may_gain_what_comes_with_it_and_nothing_else() -> None:
    """The queue of this deployment; not a secret that was there, nor anybody else who may assume it."""
    for new in (ARN, {"Ref": "NewArn"}):
        assert [each.inside for each in told(role(), {**QUEUE, **role(allow("sqs:SendMessage", new))})] == [True]
    assert [each.inside for each in told(QUEUE | role(), QUEUE | role(allow("sqs:SendMessage", ARN)))] == [False]
    assert [
        each.inside for each in told(role(), role(allow(["secretsmanager:GetSecretValue"], {"Ref": "OldArn"})))
    ] == [False]
    other = {**TRUSTED, "Principal": {"Service": "ec2.amazonaws.com"}}
    assert [each.inside for each in told(role(), role(trust=other))] == [False]
    assert [each.inside for each in told(role(), role(allow("xray:PutTraceSegments", "*")))] == [False]


def test_what_a_new_policy_gives_to_whomever_it_is_attached_is_asked_about() -> None:
    """So is what a resource lets others do."""
    document = {"Version": "2012-10-17", "Statement": [allow("sqs:SendMessage", ARN)]}
    policy = {"P": {"Type": "AWS::IAM::Policy", "Properties": {"Roles": ["r"], "PolicyDocument": document}}}
    lets = {**allow("sqs:SendMessage", ARN), "Principal": SERVICE, "Condition": HERE}
    queue = {"P": {"Type": "AWS::SQS::QueuePolicy", "Properties": {
        "Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [lets]}}}}  # fmt: skip
    for each in (policy, queue):
        assert [one.inside for one in told({}, {**QUEUE, **each})] == [False]
    assert not any(each.inside for each in told({}, {**QUEUE, **role(USING[0], kind="AWS::IAM::User")}))


def function(name: Any = "shop-dev-orders", **more: Any) -> Body:
    return {"Function": {"Type": "AWS::Lambda::Function", "Properties": {
        "FunctionName": name, "Role": {"Fn::GetAtt": ["Role", "Arn"]}, **more}}}  # fmt: skip


def denied(arn: str, action: str = "ec2:CreateNetworkInterface", operator: str = "ArnEquals") -> Body:
    return {"Effect": "Deny", "Action": action, "Resource": "*",
            "Condition": {operator: {"lambda:SourceFunctionArn": arn}}}  # fmt: skip


def test_interfaces_are_lambdas_own_only_where_the_code_is_denied_them() -> None:
    """Of every function that acts as the role, by its own name, in this account and region."""
    ours = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-dev-orders"
    wants = allow("ec2:CreateNetworkInterface", "*")

    def inside(*statements: Body, **functions: Body) -> bool:
        found = told({}, {**role(wants, *statements), **functions})
        return all(each.inside for each in found)

    assert inside(denied(ours), **function())
    for arn in (f"{ours}-2", ours.replace(ACCOUNT, "222222222222"), ours.replace(REGION, "us-east-1"), "*"):
        assert not inside(denied(arn), **function())
    assert not inside(denied(ours, action="ec2:DeleteNetworkInterface"), **function())
    assert not inside(denied(ours, operator="ArnNotEquals"), **function())
    assert not inside({**denied(ours), "Resource": "arn:aws:ec2:*"}, **function())
    but = denied(ours)
    but["NotAction"] = but.pop("Action")
    assert not inside(but, **function())
    assert not inside(denied(ours))
    assert not inside(denied(ours), **function(), Other=function("shop-dev-other")["Function"])
    assert not inside(denied(ours), **function({"Ref": "Nothing"}))
    alike = {"Type": "AWS::Synthetics::Canary", "Properties": function()["Function"]["Properties"]}
    assert not inside(denied(ours), Function=alike)
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"TaskRoleArn": {"Ref": "Role"}}}
    assert not inside(denied(ours), **function(), Task=task)


def test_no_action_on_the_lists_is_a_pattern_or_gives_anything_away() -> None:
    """The lists are small, and in small letters, as actions are compared."""
    for each in USES | WITHOUT_RESOURCE | INTERFACES:
        assert each == each.lower()
        assert not set("*?") & set(each)
        assert each.partition(":")[0] not in ("iam", "sts", "organizations", "sso")
        assert not any(word in each for word in ("policy", "permission", "createrole", "creategrant", "acl"))


OUTPUTS: dict[str, tuple[Any, bool]] = {
    "a resource": (ARN, True),
    "resources": ({"Fn::Join": [",", [ARN, {"Ref": "Queue"}]]}, True),
    "a text": ("arn:aws:sqs:*:*:*", False),
    "a text with a resource in it": ({"Fn::Sub": "${Queue.Arn}*"}, False),
    "a resource among texts": ({"Fn::Join": [",", [ARN, "*"]]}, False),
    "a parameter": ({"Ref": "Given"}, False),
}


@pytest.mark.parametrize("what", OUTPUTS)
def test_an_output_is_the_environments_own_only_when_it_is_a_resource(what: str) -> None:
    """What merely stands in an output may be anybody's."""
    value, counts = OUTPUTS[what]
    gives = {"Resources": QUEUE, "Outputs": {"QueueArn": {"Value": value}}}
    takes: Body = {"Parameters": {"QueueArn": {"Type": "String"}, "Other": {"Type": "String"}}}
    names = frozenset({"QueueArn"} if counts else ())
    none: Body = {}
    assert wiring_of("worker", {"queue": (none, gives), "worker": (takes, takes)}) == Wiring(names, names)
    assert wiring_of("worker", {"queue": (gives, gives), "worker": (takes, takes)}) == Wiring(names)
    assert wiring_of("worker", {"root": (none, gives), "worker": (takes, takes)}) == Wiring()


TWO = (
    "queues: [{name: notifications}, {name: orders}]\n"
    "workers: [{name: notifications, queue: notifications, reserved_concurrency: 5},"
    " {name: orders, queue: orders, reserved_concurrency: 5}]\n"
)
ONE = (
    "queues: [{name: notifications}]\n"
    "workers: [{name: notifications, queue: notifications, reserved_concurrency: 5}]\n"
)  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("base", ["dev", "prod"])
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_a_queue_and_its_worker_are_summed_up_and_not_asked_about(base: str, topology: str) -> None:
    """They come with a role and rights of their own; a queue that exists and a new worker of it as well."""
    over = f"topology: {topology}\n"
    one, two = (rendering(assembly(over + each, base)) for each in (ONE, TWO))
    plan = plan_between(base, "us-east-1", one, two, "before")
    assert [str(each) for each in plan.gated] == []
    said = {each["layer"]: granted(each) for each in plan_document(plan)["stacks"] if each["widenings"]}
    assert said == {
        "api": "1 permission, within the environment",
        "worker": "7 permissions, within the environment",
    }


@pytest.mark.long
def test_a_queue_with_its_worker_lets_nothing_through_when_it_goes() -> None:
    """Neither is asked about, nor summed up."""
    one, two = (rendering(assembly(each, "dev")) for each in (ONE, TWO))
    assert plan_between("dev", "us-east-1", two, one, "before").widenings == ()


@pytest.mark.long
def test_every_right_that_the_layers_give_on_their_own_resources_is_on_the_list_or_asked_about() -> None:
    """What is not on the list, in an environment that exists: each with its reason."""
    after = rendering(assembly(TWO, "prod"))
    asked = set()
    for layer, body in after.bodies.items():
        wired = wiring_of(layer, {each: ({}, one) for each, one in after.bodies.items()})
        values = {name: each.get("Default", KnownAfter("x", name)) for name, each in body.get("Parameters", {}).items()}
        empty = Side({"Resources": {}}, {})
        for each in widenings(layer, empty, Side(body, values), "333333333333", "us-east-1", wired):
            if each.kind == "permissions" and not each.inside:
                asked.add(each.place)
    assert not any(place.startswith(("worker/", "queue/")) for place in asked)
    assert "network/Key" in asked  # a key's policy names the account
