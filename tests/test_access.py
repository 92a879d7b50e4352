"""Widenings as sentences: what reviewers read when a template lets more through than what is deployed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infragen.assembly.templatefile import parse
from infragen.changes.diff import EMPTY, Side
from infragen.gates.access import Widening, Wiring, widenings
from infragen.secrecy.shown import KnownAfter

ACCOUNT, REGION = "111111111111", "eu-central-1"
TEMPLATES = Path(__file__).parent.parent / "templates"
OTHER = "arn:aws:iam::222222222222:root"
OURS = "arn:aws:iam::111111111111:role/ours"
ORDERS = {"Fn::GetAtt": ["Orders", "Arn"]}


def told(
    old: Mapping[str, Any], new: Mapping[str, Any], values: tuple[Mapping[str, object], Mapping[str, object]] = ({}, {})
) -> tuple[Widening, ...]:
    """The widenings of a layer called worker between two sets of resources; `values` are the parameters'."""
    parameters = {name: {"Type": "String"} for each in values for name in each}
    before, after = (
        Side({"Resources": each, "Parameters": parameters}, known)
        for each, known in zip((old, new), values, strict=True)
    )
    return widenings("worker", before, after, ACCOUNT, REGION)


def role(*statements: Mapping[str, Any], trust: Any = None, **properties: Any) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    trusted = trust or {"Service": "lambda.amazonaws.com"}
    assume = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted}]}
    policies = {"Policies": [{"PolicyName": "p", "PolicyDocument": document}]} if statements else {}
    return {
        "Orders": {"Type": "AWS::SQS::Queue"},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": assume, **policies, **properties},
        },
    }


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Thing": {"Type": kind, "Properties": properties}}


def by_policy_of(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {**resource("AWS::IAM::ManagedPolicy", PolicyDocument={"Statement": list(statements)}), **ORDERS_QUEUE}


ORDERS_QUEUE = {"Orders": {"Type": "AWS::SQS::Queue"}}
SECURE = {"Bool": {"aws:SecureTransport": "true"}}
VIA = {"StringEquals": {"kms:ViaService": "sqs.eu-central-1.amazonaws.com"}}
SEND = allow("sqs:SendMessage", ORDERS)

RIGHTS = [
    (role(SEND), role(allow("sqs:SendMessage")),
     "the role worker/Role may now call sqs:SendMessage on every queue (was: only Orders)", False),
    (role(SEND), role(SEND, allow(["sqs:DeleteMessage", "sqs:ReceiveMessage"], ORDERS)),
     "the role worker/Role may now call sqs:DeleteMessage, sqs:ReceiveMessage on Orders", False),
    (role(SEND), role(allow("sqs:*", ORDERS)),
     "the role worker/Role may now call sqs:* on Orders", False),
    (role(allow("kms:Decrypt", Condition=VIA)), role(allow("kms:Decrypt")),
     ("the role worker/Role may now call kms:Decrypt on every key "
      "(was: only when kms:ViaService StringEquals sqs.eu-central-1.amazonaws.com)"), False),
    (role(SEND), role(allow("*")),
     "the role worker/Role may now call every action on every resource (was: only Orders)", True),
    (role(SEND), role({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
     "the role worker/Role may now call every action but iam:* on every resource", True),
    (role(SEND, deny("sqs:DeleteQueue")), role(SEND),
     "the role worker/Role no longer denies sqs:DeleteQueue on every queue", False),
    (role(SEND, deny("sqs:*")), role(SEND, deny("sqs:*", Condition=SECURE)),
     "the role worker/Role no longer denies sqs:* on every queue", False),
    (role(SEND), role(SEND, ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonSQSFullAccess"]),
     "the role worker/Role now has the managed policy AmazonSQSFullAccess", False),
    (role(SEND), role(SEND, ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]),
     "the role worker/Role now has the managed policy AdministratorAccess", True),
    (role(allow("iam:*")), role({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
     "the role worker/Role may now call every action but iam:* on every resource", True),
    (by_policy_of(SEND), by_policy_of({**SEND, "Resource": "*"}),
     "whoever has the managed policy worker/Thing may now call sqs:SendMessage on every queue (was: only Orders)",
     False),
    (role(allow("s3:*", "arn:aws:s3:::b/${aws:username}/*")), role(allow("s3:*", "arn:aws:s3:::c/${aws:username}/*")),
     ("the role worker/Role may now call s3:* on arn:aws:s3:::c/${aws:username}/* "
      "(was: only arn:aws:s3:::b/${aws:username}/*)"), False),
    (role(allow("s3:*", "arn:aws:s3:::b/???????????????")), role(allow("s3:*", "arn:aws:s3:::b/${aws:username}")),
     ("the role worker/Role may now call s3:* on arn:aws:s3:::b/${aws:username} "
      "(was: only arn:aws:s3:::b/???????????????)"), False),
    (role(allow("sqs:*", "*/x")), role(allow("sqs:*", {"Fn::Sub": "${Orders.Arn}/x"})),
     "the role worker/Role may now call sqs:* on Orders/x (was: only */x)", False),
    (role(allow("sqs:*", "*x")), role(allow("sqs:*", "yx:z")),
     "the role worker/Role may now call sqs:* on yx:z (was: only *x)", False),
    (role(SEND), role({"Effect": "Allow", "NotAction": ["sqs:*", "sns:*"], "Resource": "*"}),
     "the role worker/Role may now call every action but sns:*, sqs:* on every resource", True),
    (role({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), role(allow("iam:GetUser")),
     "the role worker/Role may now call iam:GetUser on every IAM resource", False),
    (role({"Effect": "Allow", "Action": "sqs:*", "NotResource": "arn:aws:sqs:*"}),
     role(allow("sqs:*", "arn:aws:sqs:eu-central-1:111111111111:a")),
     ("the role worker/Role may now call sqs:* on arn:aws:sqs:eu-central-1:111111111111:a "
      "(was: only everything but arn:aws:sqs:*)"), False),
    (role(SEND, PermissionsBoundary="arn:b"), role(SEND),
     "the role worker/Role no longer has a permissions boundary", True),
    (role(SEND, PermissionsBoundary="arn:b"), role(SEND, PermissionsBoundary="arn:c"),
     "the role worker/Role has another permissions boundary (arn:b -> arn:c)", False),
    (role(SEND), role(SEND, trust={"AWS": OTHER}),
     f"the role worker/Role may now be assumed by {OTHER} (was: only lambda.amazonaws.com)", True),
    (role(SEND), role(SEND, trust={"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}),
     "the role worker/Role may now be assumed by ec2.amazonaws.com (was: only lambda.amazonaws.com)", False),
    (role(SEND), role(SEND, trust="*"),
     "the role worker/Role may now be assumed by everyone (was: only lambda.amazonaws.com)", True),
    (role(SEND), role(SEND, trust={"Federated": "arn:aws:iam::111111111111:oidc-provider/token"}),
     ("the role worker/Role may now be assumed by arn:aws:iam::111111111111:oidc-provider/token "
      "(was: only lambda.amazonaws.com)"), True),
    (role(SEND), role({"Effect": "Allow", "Action": "sqs:*", "Resource": ORDERS, "Sorry": 1}),
     ('the role worker/Role: a statement that infragen cannot read: [{"Action": "sqs:*", "Effect": "Allow", '
      '"Resource": {"Fn::GetAtt": ["Orders", "Arn"]}, "Sorry": 1}]'), True),
]  # fmt: skip


def by_policy(kind: str, *statements: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return resource(kind, PolicyDocument={"Statement": list(statements)}, **more)


EVERYONE = allow("sqs:SendMessage", Principal="*")
OWN = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
PERMISSION = {"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
ACCESS = [
    (by_policy("AWS::SQS::QueuePolicy", Queues=["q"]), by_policy("AWS::SQS::QueuePolicy", EVERYONE, Queues=["q"]),
     "worker/Thing now lets everyone call sqs:SendMessage", True),
    (by_policy("AWS::SQS::QueuePolicy", Queues=["q"]),
     by_policy("AWS::SQS::QueuePolicy", {**EVERYONE, "Condition": OWN}, Queues=["q"]),
     "worker/Thing now lets everyone call sqs:SendMessage, when aws:SourceAccount StringEquals 111111111111", False),
    (by_policy("AWS::SQS::QueuePolicy", allow("sqs:*", NotPrincipal={"AWS": OTHER}), Queues=["q"]),
     by_policy("AWS::SQS::QueuePolicy", allow("sqs:*", Principal={"AWS": OURS}), Queues=["q"]),
     f"worker/Thing now lets {OURS} call sqs:* (was: only everyone but {OTHER})", False),
    (by_policy("AWS::SQS::QueuePolicy", {**EVERYONE, "Principal": "someone"}, Queues=["q"]),
     by_policy("AWS::SQS::QueuePolicy", EVERYONE, Queues=["q"]),
     "worker/Thing now lets everyone call sqs:SendMessage (was: only someone)", True),
    (by_policy("AWS::SQS::QueuePolicy", EVERYONE, Queues=["q"]),
     by_policy("AWS::SQS::QueuePolicy", EVERYONE, Queues=["q", "r"]),
     "worker/Thing (AWS::SQS::QueuePolicy) now applies to r", False),
    (by_policy("AWS::S3::BucketPolicy", deny("s3:*", Principal="*"), Bucket="b"), {},
     "worker/Thing goes, and with it what it denied on b", False),
    (resource("AWS::Lambda::Permission", **PERMISSION, SourceAccount=ACCOUNT),
     resource("AWS::Lambda::Permission", **PERMISSION),
     ("worker/Thing now lets s3.amazonaws.com call lambda:InvokeFunction "
      "(was: only when SourceAccount StringEquals 111111111111)"), False),
    (resource("AWS::ECR::Repository"),
     resource("AWS::ECR::Repository", RepositoryPolicyText={"Statement": {
         "Effect": "Allow", "Action": "ecr:BatchGetImage", "Principal": {"AWS": "222222222222"}}}),
     "worker/Thing now lets 222222222222 call ecr:BatchGetImage", True),
    (resource("AWS::EC2::VPCEndpoint", PolicyDocument={"Statement": []}), resource("AWS::EC2::VPCEndpoint"),
     "worker/Thing now lets everyone call every action", True),
    (resource("AWS::Logs::ResourcePolicy", PolicyDocument='{"Statement": []}'),
     resource("AWS::Logs::ResourcePolicy", PolicyDocument=
              '{"Statement": [{"Effect": "Allow", "Action": "logs:*", "Principal": {"Service": "es.amazonaws.com"}}]}'),
     "worker/Thing now lets es.amazonaws.com call logs:*", False),
    (resource("AWS::Lambda::Function", Role="arn:one"), resource("AWS::Lambda::Function", Role="arn:admin"),
     "worker/Thing now acts as the role arn:admin", False),
    ({}, resource("AWS::IAM::AccessKey", UserName="robot"),
     "worker/Thing (AWS::IAM::AccessKey) now applies to robot", False),
]  # fmt: skip


def group(*ingress: Mapping[str, Any], egress: Any = None) -> dict[str, Any]:
    return resource(
        "AWS::EC2::SecurityGroup", SecurityGroupIngress=list(ingress), SecurityGroupEgress=egress or [QUIET]
    )


def tcp(first: Any, peer: str, last: Any = None) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last or first, "CidrIp": peer}


def rule(**properties: Any) -> dict[str, Any]:
    return {"Rule": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": properties}}


QUIET = {"IpProtocol": "-1", "CidrIp": "255.255.255.255/32"}
BLOCKED = {"BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True, "RestrictPublicBuckets": True}
ROUTE = {"RouteTableId": "rtb", "DestinationCidrBlock": "0.0.0.0/0"}
ENTRY = {"NetworkAclId": "a", "RuleNumber": 100, "Protocol": 6, "RuleAction": "allow", "CidrBlock": "10.0.0.0/8"}
NETWORK = [
    (group(tcp(443, "10.0.0.0/8")), group(tcp(443, "0.0.0.0/0")),
     "worker/Thing now accepts tcp 443 from 0.0.0.0/0 (was: only tcp 443 from 10.0.0.0/8)", False),
    (group(tcp(443, "10.0.0.0/8")), group(tcp(443, "10.0.0.0/8"), tcp(22, "0.0.0.0/0")),
     "worker/Thing now accepts tcp 22 from 0.0.0.0/0 (was: only tcp 443 from 10.0.0.0/8)", True),
    (group(), group({"IpProtocol": "-1", "CidrIpv6": "::/0"}), "worker/Thing now accepts everything from ::/0", True),
    (group(), group({"IpProtocol": "tcp", "FromPort": 1, "ToPort": 9, "SourceSecurityGroupId": "sg-1"}),
     "worker/Thing now accepts tcp 1-9 from sg-1", False),
    (group(), group(egress=[tcp(443, "0.0.0.0/0")]), "worker/Thing may now reach tcp 443 at 0.0.0.0/0", False),
    (group(), resource("AWS::EC2::SecurityGroup"),
     "worker/Thing may now reach everything at 0.0.0.0/0, everything at ::/0", False),
    ({}, rule(GroupId="sg-1", **tcp(5432, "0.0.0.0/0")),
     "sg-1 now accepts tcp 5432 from 0.0.0.0/0", True),
    ({}, {"Rule": {"Type": "AWS::EC2::SecurityGroupEgress",
                   "Properties": {"GroupId": "sg-1", **tcp(5432, "10.0.0.0/8")}}},
     "sg-1 may now reach tcp 5432 at 10.0.0.0/8", False),
    ({}, resource("AWS::EC2::Route", **ROUTE, GatewayId="igw-1"),
     "the route table worker/rtb now leads to 0.0.0.0/0 through igw-1", False),
    (resource("AWS::EC2::Route", **ROUTE, NatGatewayId="nat-1"),
     resource("AWS::EC2::Route", **ROUTE, GatewayId="igw-1"),
     "the route table worker/rtb now leads to 0.0.0.0/0 through igw-1", False),
    ({"S": {"Type": "AWS::EC2::Subnet"}, **resource(
        "AWS::EC2::SubnetRouteTableAssociation", SubnetId={"Ref": "S"}, RouteTableId="private")},
     {"S": {"Type": "AWS::EC2::Subnet"}, **resource(
        "AWS::EC2::SubnetRouteTableAssociation", SubnetId={"Ref": "S"}, RouteTableId="public")},
     "the subnet S now uses the route table public", False),
    (resource("AWS::EC2::NetworkAclEntry", **ENTRY),
     resource("AWS::EC2::NetworkAclEntry", **{**ENTRY, "CidrBlock": "0.0.0.0/0"}),
     "the network ACL entry worker/Thing allows more", False),
    (resource("AWS::EC2::NetworkAclEntry", **{**ENTRY, "RuleAction": "deny"}), {},
     "the network ACL entry worker/Thing denies less", False),
    (resource("AWS::RDS::DBInstance", PubliclyAccessible=False), resource("AWS::RDS::DBInstance"),
     "worker/Thing now can be reached from the internet (PubliclyAccessible)", True),
    (resource("AWS::RDS::DBInstance", PubliclyAccessible="false"),
     resource("AWS::RDS::DBInstance", PubliclyAccessible=True),
     "worker/Thing now can be reached from the internet (PubliclyAccessible)", True),
    (resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Scheme="internal"),
     resource("AWS::ElasticLoadBalancingV2::LoadBalancer"), "worker/Thing now faces the internet (Scheme)", False),
    (resource("AWS::EC2::Instance", NetworkInterfaces=[{"DeviceIndex": "0"}]),
     resource("AWS::EC2::Instance", NetworkInterfaces=[{"DeviceIndex": "0", "AssociatePublicIpAddress": True}]),
     "worker/Thing now has a public address", False),
    (resource("AWS::ECS::Service"),
     resource("AWS::ECS::Service", NetworkConfiguration={"AwsvpcConfiguration": {"AssignPublicIp": "ENABLED"}}),
     "worker/Thing now gives its tasks public addresses", True),
    ({}, resource("AWS::Lambda::Url", AuthType="NONE"), "worker/Thing now can be called by everyone (AuthType)", True),
    (resource("AWS::S3::Bucket", PublicAccessBlockConfiguration=BLOCKED),
     resource("AWS::S3::Bucket", PublicAccessBlockConfiguration={**BLOCKED, "BlockPublicPolicy": False}),
     "worker/Thing no longer blocks public access (BlockPublicPolicy)", True),
    (resource("AWS::S3::Bucket", PublicAccessBlockConfiguration=BLOCKED), resource("AWS::S3::Bucket"),
     ("worker/Thing no longer blocks public access "
      "(BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets)"), True),
    ({}, resource("AWS::S3::Bucket", PublicAccessBlockConfiguration={**BLOCKED, "IgnorePublicAcls": False}),
     "worker/Thing no longer blocks public access (IgnorePublicAcls)", True),
    (resource("AWS::Lambda::Function", VpcConfig={"SecurityGroupIds": ["sg-1"]}),
     resource("AWS::Lambda::Function", VpcConfig={"SecurityGroupIds": ["sg-1", "sg-2"]}),
     "worker/Thing is now in the security group sg-2, too", False),
    ({}, resource("AWS::EC2::VPCPeeringConnection", VpcId="v"), "worker/Thing now connects two VPCs", False),
    (resource("AWS::WAFv2::WebACLAssociation", ResourceArn="r"), {},
     "worker/Thing no longer filters requests as it did", False),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "sentence", "grave"), [*RIGHTS, *ACCESS, *NETWORK])
def test_each_widening_is_one_sentence(
    old: Mapping[str, Any], new: Mapping[str, Any], sentence: str, grave: bool
) -> None:
    """With what it was before; grave is what reaches beyond the account or knows no limit."""
    [widening] = told({**old, "Old": {"Type": "AWS::SNS::Topic"}}, new)
    assert (str(widening), widening.grave) == (sentence, grave)
    assert widening.place in ("worker/Role", "worker/Thing", "worker/Rule")
    assert widening.kind == ("network" if (old, new, sentence, grave) in NETWORK else "permissions")


@pytest.mark.parametrize(("old", "new"), [(each[0], each[1]) for each in (*RIGHTS, *ACCESS, *NETWORK)])
def test_the_same_again_is_no_widening(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Nor is either side against itself."""
    assert told(old, old) == told(new, new) == ()


WHOEVER = KnownAfter("network", "Who")


def but(key: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", f"Not{key}": value, **more}


NARROWER = [
    (role(allow("*")), role(but("Action", "iam:*", Resource="*"))),
    (role(but("Action", "iam:*", Resource="*")), role(but("Action", ["iam:*", "sts:*"], Resource="*"))),
    (role(but("Action", "iam:*", Resource="*")), role(SEND)),
    (role({**SEND, "Sid": "One"}), role({**SEND, "Sid": "Two"})),
    (role(allow("s3:*", Condition=SECURE)), role(allow("s3:*", Condition={"Bool": {"aws:SecureTransport": True}}))),
    (
        role(allow("s3:*", Condition={"NumericEquals": {"s3:max-keys": 5}})),
        role(allow("s3:*", Condition={"NumericEquals": {"s3:max-keys": "5"}})),
    ),
    (role(allow("s3:*", "arn:aws:s3:::*")), role(allow("s3:*", "arn:aws:s3:::b/${aws:username}/*"))),
    (role(allow("sqs:*", "arn:aws:sqs:*")), role(allow("sqs:*", "arn:aws:sqs:eu-central-1:111111111111:a"))),
    (role(but("Resource", ORDERS, Action="sqs:*")), role(but("Resource", [ORDERS, "arn:x"], Action="sqs:*"))),
    (
        by_policy("AWS::SQS::QueuePolicy", but("Principal", {"AWS": [OTHER]}, Action="sqs:*"), Queues=["q"]),
        by_policy("AWS::SQS::QueuePolicy", but("Principal", {"AWS": [OTHER, "1"]}, Action="sqs:*"), Queues=["q"]),
    ),
    (role(allow("sqs:*")), role(SEND)),
    (role(SEND), role(SEND, deny("sqs:*"))),
    (role(allow(["s3:Get*", "s3:Put*"])), role(allow("s3:putobject"))),
    (role(SEND), role(allow("sqs:SendMessage", {"Fn::GetAtt": "Orders.Arn"}))),
    (role(SEND), role(SEND, PermissionsBoundary="arn:b")),
    (role(allow("s3:*", "arn:aws:s3:::b/*")), role(allow("s3:*", {"Fn::Sub": "arn:${AWS::Partition}:s3:::b/x/*"}))),
    (role(allow("s3:*", {"Fn::Sub": "${Orders.Arn}*"})), role(allow("s3:*", {"Fn::Join": ["", [ORDERS, "/x"]]}))),
    (role(allow("logs:*", "arn:aws:logs:r:1:*x")), role(allow("logs:*", "arn:aws:logs:r:1:a:x"))),
    (role(allow("s3:*", "x")), role(allow("s3:*", "x", Condition=SECURE))),
    (role(but("Resource", "arn:aws:sqs:*", Action="s3:*")), role(allow("s3:*", "arn:aws:s3:::b"))),
    (role(allow("s3:*", "x", Sorry={"a": 1, "b": 2})), role({"Sorry": {"b": 2, "a": 1}, **allow("s3:*", "x")})),
    (role(allow("s3:*", ["S3:x", {"a": 1, "b": 2}])), role(allow("s3:*", [{"b": 2, "a": 1}, "S3:x"]))),
    (
        by_policy("AWS::SQS::QueuePolicy", allow("sqs:*", Principal="*"), Queues=["q"]),
        by_policy("AWS::SQS::QueuePolicy", allow("sqs:*", Principal={"AWS": "*"}), Queues=["q"]),
    ),
    (
        by_policy("AWS::SQS::QueuePolicy", allow("sqs:*", Principal={"AWS": "*"}), Queues=["q"]),
        by_policy("AWS::SQS::QueuePolicy", allow("sqs:*", Principal="*"), Queues=["q"]),
    ),
    (group(tcp(443, "0.0.0.0/0")), group(tcp(443, "10.0.0.0/9"), tcp(443, "10.128.0.0/9"))),
    (group(tcp(80, "0.0.0.0/0"), tcp(81, "0.0.0.0/0")), group(tcp(80, "0.0.0.0/0", 81))),
    (group(egress=[tcp(443, "0.0.0.0/0")]), group()),
    (resource("AWS::S3::Bucket"), resource("AWS::S3::Bucket", PublicAccessBlockConfiguration=BLOCKED)),
    (resource("AWS::EC2::Route", **ROUTE, InstanceId="i"), resource("AWS::EC2::Route", **ROUTE, NatGatewayId="n")),
    (
        resource("AWS::WAFv2::WebACL", Rules=[]),
        resource("AWS::WAFv2::WebACL", Rules=[{"Name": "r", "Action": {"Block": {}}, "Statement": {"Geo": 1}}]),
    ),
]


@pytest.mark.parametrize(("old", "new"), NARROWER)
def test_what_lets_less_through_is_no_widening(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """However it is written."""
    assert told(old, new) == ()


UNREADABLE = [
    {**SEND, "Condition": ["x"]},
    {**SEND, "Condition": {"StringEquals": "x"}},
    {**SEND, "Condition": {"StringEquals": {"Ref": "Orders"}}},
    {**SEND, "Condition": {"Fn::Transform": {"aws:SourceAccount": "x"}}},
    {"Action": "sqs:*", "Resource": "*"},
    {**SEND, "Effect": "Perhaps"},
    "text",
    "",
    5,
]


@pytest.mark.parametrize("statement", UNREADABLE, ids=str)
def test_a_statement_that_cannot_be_read_counts_when_it_comes_and_when_it_goes(statement: Any) -> None:
    """It might have been a denial."""
    for before, after in ((role(SEND), role(SEND, statement)), (role(SEND, statement), role(SEND))):
        [widening] = [each for each in told(before, after) if each.place != "worker/Transform"]
        assert widening.sentence.startswith("the role worker/Role: a statement that infragen cannot read: ")
        assert widening.grave


def test_a_document_that_is_made_of_text_counts_as_a_whole() -> None:
    """Sub in JSON text is not taken apart."""

    def made(action: str) -> dict[str, Any]:
        text = '{"Statement": [{"Effect": "Allow", "Action": "ACTION", "Resource": "${Orders.Arn}"}]}'
        text = text.replace("ACTION", action)
        return {**resource("AWS::Logs::ResourcePolicy", PolicyDocument={"Fn::Sub": text}), **ORDERS_QUEUE}

    assert told(made("logs:a"), made("logs:a")) == ()
    assert [each.grave for each in told(made("logs:a"), made("logs:b"))] == [True, True]
    broken = resource("AWS::Logs::ResourcePolicy", PolicyDocument='{"Statement": [')
    assert len(told({**broken, **ORDERS_QUEUE}, made("logs:b"))) == 2


POSITIVE = ("StringEqualsIgnoreCase", "NumericEquals", "DateEquals", "Bool", "Null", "ArnLike", "ArnEquals")
NEGATIVE = ("StringNotEqualsIgnoreCase", "StringNotLike", "ArnNotEquals", "ArnNotLike", "NumericNotEquals",
            "DateNotEquals")  # fmt: skip
CONDITIONS = [
    *((each, ["1", "2"], each, ["1"], False) for each in POSITIVE),
    *((each, ["1"], each, ["1", "2"], True) for each in POSITIVE),
    *((each, ["1"], each, ["1", "2"], False) for each in NEGATIVE),
    *((each, ["1", "2"], each, ["1"], True) for each in NEGATIVE),
    ("StringEquals", ["a", "b"], "StringEquals", ["a"], False),
    ("StringEquals", ["a"], "StringEquals", ["a", "b"], True),
    ("StringEquals", ["a*"], "StringEquals", ["ab"], True),
    ("StringLike", ["a*"], "StringLike", ["ab", "ac*"], False),
    ("StringLike", ["ac*"], "StringLike", ["a*"], True),
    ("ArnLike", ["arn:*"], "ArnLike", ["arn:a"], False),
    ("ArnEquals", ["arn:*"], "ArnEquals", ["arn:a"], False),
    ("StringNotEquals", ["a"], "StringNotEquals", ["a", "b"], False),
    ("StringNotEquals", ["a", "b"], "StringNotEquals", ["a"], True),
    ("StringNotLike", ["a*"], "StringNotLike", ["a*", "b"], False),
    ("IpAddress", ["10.0.0.0/8"], "IpAddress", ["10.1.0.0/16", "10.2.0.1"], False),
    ("IpAddress", ["10.1.0.0/16"], "IpAddress", ["10.0.0.0/8"], True),
    ("IpAddress", ["10.0.0.0/8"], "IpAddress", ["2001:db8::/32"], True),
    ("IpAddress", ["x"], "IpAddress", ["x", "y"], True),
    ("IpAddress", ["x", "y"], "IpAddress", ["x"], False),
    ("IpAddress", ["x"], "IpAddress", ["y"], True),
    ("IpAddress", ["10.0.0.0/8"], "IpAddress", ["10.1.0.1/16"], False),
    ("NotIpAddress", ["10.0.0.0/8"], "NotIpAddress", ["10.0.0.0/8", "11.0.0.0/8"], False),
    ("NumericLessThan", ["5"], "NumericLessThan", ["4"], True),
    ("ForAllValues:StringEquals", ["a", "b"], "ForAllValues:StringEquals", ["a"], True),
    ("ForAllValues:StringEquals", ["a"], "ForAllValues:StringEquals", ["a"], False),
    ("Bool", ["true"], "Bool", ["true"], False),
    ("Bool", ["true"], "Bool", ["false"], True),
    ("StringEquals", ["a"], "StringNotEquals", ["a"], True),
    ("StringEquals", ["a"], "StringLike", ["a"], True),
    ("StringLike", ["a"], "StringEquals", ["a"], True),
]


@pytest.mark.parametrize(("before", "had", "after", "has", "wider"), CONDITIONS)
def test_conditions_compare_by_what_their_operators_mean(
    before: str, had: list[str], after: str, has: list[str], wider: bool
) -> None:
    """Alternatives of a positive operator, exclusions of a negative one; what is not known compares as it is."""
    old, new = ({each: {key: values}} for each, key, values in ((before, "aws:Key", had), (after, "AWS:key", has)))
    assert bool(told(role(allow("s3:*", Condition=old)), role(allow("s3:*", Condition=new)))) == wider
    both = {**old, "NumericGreaterThan": {"aws:Other": "5"}}
    assert told(role(allow("s3:*", Condition=old)), role(allow("s3:*", Condition=both))) == ()
    assert told(role(allow("s3:*", Condition=both)), role(allow("s3:*", Condition=old)))
    key = {after: {"aws:Else": has}}
    assert told(role(allow("s3:*", Condition=old)), role(allow("s3:*", Condition=key)))


def test_what_looks_alike_does_not_cover_each_other() -> None:
    """A denial is no grant, and a right to assume roles is nobody's right to assume this one."""
    changed = told(role(deny("sqs:SendMessage")), role(allow("sqs:SendMessage")))
    assert [str(each) for each in changed] == [
        "the role worker/Role may now call sqs:SendMessage on every queue",
        "the role worker/Role no longer denies sqs:SendMessage on every queue",
    ]
    anybody = told(role(allow("sts:AssumeRole")), role(allow("sts:AssumeRole"), trust="*"))
    assert [each.grave for each in anybody] == [True]


def entry(protocol: Any, first: Any = None, last: Any = None, **peer: Any) -> dict[str, Any]:
    ports = {} if first is None else {"FromPort": first, "ToPort": first if last is None else last}
    return {"IpProtocol": protocol, **ports, **(peer or {"CidrIp": "10.0.0.0/8"})}


GROUPS = ("SourceSecurityGroupId", "SourcePrefixListId", "SourceSecurityGroupName")
COVERED = [
    *((entry(number, 1), entry(name, 1)) for number, name in (("6", "tcp"), (17, "udp"), ("1", "icmp"))),
    *((entry(name, 1), entry(number, 1)) for number, name in (("58", "icmpv6"), ("icmp6", "icmpv6"), (6, "TCP"))),
    (entry("-1"), entry("tcp", 5)), (entry("-1"), entry("50")), (entry(-1), entry("icmp", 8, 0)),
    (entry("tcp", -1), entry("tcp", 0, 65535)), (entry("tcp", 0, 65535), entry("tcp", -1)),
    (entry("icmp", -1), entry("icmp", 8, 0)), (entry("icmp", 8, -1), entry("icmp", 8, 0)),
    (entry("icmp", 8, 0), entry("icmp", 8, 0)), (entry("50"), entry("50")), (entry("50", 1), entry("50", 2)),
    (entry("udp", 1, 9), entry("udp", 2, 3)), (entry("-1", 1, 2), entry("tcp", 80)),
    *((entry("-1", **{key: "x"}), entry("tcp", 1, **{key: "x"})) for key in GROUPS),
    (entry("-1", CidrIpv6="::/0"), entry("tcp", 1, CidrIpv6="2001:db8::/32")),
    (entry("tcp", -1), entry("tcp")), (entry("icmp", -1, 5), entry("icmp", 8, 0)),
    (entry("-1"), entry("-1", CidrIp="10.1.2.3/16")), (entry("tcp", 1, 9), entry("tcp", 2, 9)),
    (entry("-1"), entry("-1", CidrIp="10.0.0.0/8", SourceSecurityGroupOwnerId="2")),
    (entry("50"), entry("50", CidrIp="10.1.0.0/16")),
]  # fmt: skip
OPENED = [
    (entry("tcp", 1), entry("udp", 1)), (entry("tcp", 1), entry("-1")), (entry("50"), entry("51")),
    (entry("tcp", 0, 65534), entry("tcp", 0, 65535)), (entry("tcp", 0, 65534), entry("tcp", -1)),
    (entry("tcp", 0, 65535), entry("-1")), (entry("icmp", 8, 0), entry("icmp", -1)),
    (entry("icmp", 8, 0), entry("icmp", 8, -1)), (entry("icmp", 8, 0), entry("icmp", 9, 0)),
    (entry("icmp", 8, 0), entry("icmp", 8, 1)), (entry("icmp"), entry("icmp", 8, 0)),
    (entry("icmp", 8, 0), entry("icmp")), (entry("tcp"), entry("tcp", 1)), (entry("tcp", 1), entry("tcp")),
    (entry("tcp", "x"), entry("tcp", 1)), (entry(""), entry("tcp", 1)), (entry("tcp", 1), entry("?!", 1)),
    *((entry("-1", **{key: "x"}), entry("tcp", 1, **{key: "y"})) for key in GROUPS),
    (entry("-1", SourceSecurityGroupId="x"), entry("-1", SourcePrefixListId="x", CidrIp="10.0.0.0/8")),
    (entry("-1", SourceSecurityGroupId="x"), entry("-1", SourceSecurityGroupId="x", SourceSecurityGroupOwnerId="2")),
    (entry("-1", CidrIp="0.0.0.0/0"), entry("-1", CidrIpv6="::/0")),
    (entry("tcp", 1), {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1}),
    (entry("?!"), entry("?!")), (entry("tcp"), entry("tcp")), (entry("tcp", 1, 9), entry("tcp", 1, 10)),
    (entry("tcp", 2, 9), entry("tcp", 1, 9)), (entry("icmp", 8, 0), entry("icmp", 9, -1)),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), COVERED, ids=str)
def test_rules_that_a_rule_covers(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """By name or number of the protocol, by port, by type and code of ICMP, by what the other side is."""
    assert told(group(old), group(new)) == ()


@pytest.mark.parametrize(("old", "new"), OPENED, ids=str)
def test_rules_that_a_rule_does_not_cover(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """What is not read opens everything where it is new, and nothing where it was."""
    assert told(group(old), group(new))


def test_a_rule_says_what_it_opens() -> None:
    """Protocols by name, ports as a range, all of them in words."""
    opened = {
        "tcp": (entry("tcp", 0, 65535), "tcp on every port"), "udp": (entry(17, 5, 9), "udp 5-9"),
        "esp": (entry("50"), "50"), "all": (entry("-1"), "everything"), "odd": (entry("?!"), "an unknown protocol"),
        "icmp": (entry("icmp", 8, 0), "icmp 8-0"), "unread": (entry("tcp"), "tcp on every port"),
    }  # fmt: skip
    for new, words in opened.values():
        [widening] = told(group(), group(new))
        assert str(widening) == f"worker/Thing now accepts {words} from 10.0.0.0/8"
    theirs = {"SourceSecurityGroupId": "x", "SourceSecurityGroupOwnerId": "2"}
    [widening] = told(group(), group(entry("-1", **theirs)))
    assert str(widening) == "worker/Thing now accepts everything from x of 2"
    for unread in (5, "IpProtocol", {"Fn::If": ["Open", 1, 2]}):
        [widening] = told(group(), group(unread))  # type: ignore[arg-type]  # no rule at all
        assert str(widening) == f"worker/Thing now accepts an unknown protocol from [{json.dumps(unread)}]"
    for key in ("DestinationSecurityGroupId", "DestinationPrefixListId", "CidrIpv6"):
        peer = "2001:db8::/32" if key == "CidrIpv6" else "x"
        [widening] = told(group(), group(egress=[entry("-1", **{key: peer})]))
        assert str(widening) == f"worker/Thing may now reach everything at {peer}"


def test_groups_are_called_by_their_names() -> None:
    """Those of the layer by their place; those of others by their ids, as far as they are known."""
    peer = entry("-1", CidrIp="10.0.0.0/8")
    later = {"Group": KnownAfter("network", "DatabaseGroup")}
    for key, group_id, name in (
        ("GroupId", "s", "s"), ("GroupName", "sg-1", "sg-1"), ("GroupId", {"Fn::Sub": "${Thing}s"}, "Things"),
        ("GroupId", {"Ref": "Group"}, "(known after network: DatabaseGroup)"),
        ("GroupId", {"Fn::GetAtt": ["Thing", "GroupId"]}, "worker/Thing"),
        ("GroupId", {"Ref": "Thing"}, "worker/Thing"),
    ):  # fmt: skip
        new = {**group(), **rule(**{key: group_id}, **peer)}
        [widening] = told(group(), new, ({}, later))
        assert str(widening) == f"{name} now accepts everything from 10.0.0.0/8"
    [widening] = told(group(), rule(GroupId="g", GroupName="n", **peer))
    assert str(widening) == "g now accepts everything from 10.0.0.0/8"


def test_a_group_is_told_once_with_all_that_it_opens() -> None:
    """And with what its ports were open to, or, where they were closed, with all that was open."""
    quiet = [tcp(22, "10.0.0.0/8")]
    was = group(tcp(443, "10.0.0.0/8"), tcp(443, "10.0.0.0/8"), tcp(80, "10.0.0.0/8"), egress=quiet)
    both = "tcp 443 from 10.0.0.0/8, tcp 80 from 10.0.0.0/8"
    for new, words in (
        ([tcp(22, "11.0.0.0/8"), tcp(23, "11.0.0.0/8")],
         f"tcp 22 from 11.0.0.0/8, tcp 23 from 11.0.0.0/8 (was: only {both})"),
        ([tcp(443, "11.0.0.0/8"), tcp(22, "11.0.0.0/8")],
         "tcp 443 from 11.0.0.0/8, tcp 22 from 11.0.0.0/8 (was: only tcp 443 from 10.0.0.0/8)"),
    ):  # fmt: skip
        [widening] = told(was, group(*new, egress=quiet))
        assert str(widening) == f"worker/Thing now accepts {words}"


@pytest.mark.parametrize(
    ("opened", "grave"),
    [
        (tcp(443, "0.0.0.0/0"), False), (tcp(80, "0.0.0.0/0"), False), (tcp(80, "0.0.0.0/0", 81), True),
        (entry("udp", 443, CidrIp="0.0.0.0/0"), True), (entry("udp", 443, CidrIp="10.0.0.0/8"), False),
        (tcp(22, "0.0.0.0/1"), False), (entry("tcp", 22, CidrIpv6="::/0"), True),
    ],
)  # fmt: skip
def test_what_the_whole_internet_reaches_is_grave_but_for_web_ports(opened: Mapping[str, Any], grave: bool) -> None:
    """Where a load balancer faces the internet these are open by design; what goes out never is grave."""
    assert [each.grave for each in told(group(), group(opened))] == [grave]
    assert [each.grave for each in told(group(), group(opened, tcp(23, "0.0.0.0/0")))] == [True]
    assert [each.grave for each in told(group(), group(egress=[opened]))] == [False]


def test_of_another_type_a_resource_is_a_new_one() -> None:
    """What the old one had open says nothing about it."""
    old, new = (resource(f"AWS::{kind}", PubliclyAccessible=True) for kind in ("RDS::DBCluster", "Redshift::Cluster"))
    assert [each.place for each in told(old, new)] == ["worker/Thing"]
    old, new = (by_policy(f"AWS::IAM::{kind}", SEND, Roles=["r"]) for kind in ("Policy", "ManagedPolicy"))
    assert len(told(old, new)) == 1


def deep(path: str, value: Any) -> dict[str, Any]:
    """A value at a path of names; nothing where it is None."""
    for name in reversed(path.split("/")):
        value = {} if value is None else {name: value}
    return dict(value)


PUBLIC = [
    *((kind, "PubliclyAccessible", [False, "false"], True)
      for kind in ("AWS::RDS::DBInstance", "AWS::DMS::ReplicationInstance", "AWS::AmazonMQ::Broker")),
    *((kind, "PubliclyAccessible", [False, "false", None], "true")
      for kind in ("AWS::RDS::DBCluster", "AWS::Redshift::Cluster")),
    *((f"AWS::{kind}::LoadBalancer", "Scheme", ["internal"], "internet-facing")
      for kind in ("ElasticLoadBalancing", "ElasticLoadBalancingV2")),
    ("AWS::EC2::Subnet", "MapPublicIpOnLaunch", [False, "false", None], True),
    ("AWS::EC2::LaunchTemplate", "LaunchTemplateData/NetworkInterfaces/AssociatePublicIpAddress",
     [False, "false", None], True),
    ("AWS::EC2::Instance", "NetworkInterfaces/AssociatePublicIpAddress", [False, "false", None], True),
    ("AWS::ECS::Service", "NetworkConfiguration/AwsvpcConfiguration/AssignPublicIp", ["DISABLED", None], "ENABLED"),
    ("AWS::S3::Bucket", "AccessControl",
     [None, "Private", "LogDeliveryWrite", "BucketOwnerRead", "BucketOwnerFullControl", "AwsExecRead"], "PublicRead"),
    ("AWS::EKS::Cluster", "ResourcesVpcConfig/EndpointPublicAccess", [False, "false"], True),
    ("AWS::MSK::Cluster", "BrokerNodeGroupInfo/ConnectivityInfo/PublicAccess/Type",
     [None, "DISABLED"], "SERVICE_PROVIDED_EIPS"),
    ("AWS::SageMaker::NotebookInstance", "DirectInternetAccess", ["Disabled"], "Enabled"),
    ("AWS::Lambda::Url", "AuthType", ["AWS_IAM"], "NONE"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "closed", "opened"), PUBLIC)
def test_what_is_public_is_told_of_every_type(kind: str, path: str, closed: list[Any], opened: Any) -> None:
    """From each closed value; from one closed value to another nothing opens, nor is a new closed one told."""
    for value in closed:
        shut = resource(kind, **deep(path, value))
        assert len(told(shut, resource(kind, **deep(path, opened)))) == 1
        assert told({}, shut) == told(resource(kind, **deep(path, closed[0])), shut) == ()
    for value in (opened, {"Fn::If": ["Open", opened, closed[0]]}, KnownAfter("network", "Open")):
        assert len(told({"Old": {"Type": "AWS::SNS::Topic"}}, resource(kind, **deep(path, value)))) == 1
    assert told(resource(kind, **deep(path, opened)), resource(kind, **deep(path, opened))) == ()
    start, *rest = path.split("/")
    empty: list[dict[str, Any]] = [{}]
    if rest:
        empty += [{start: None}, {start: []}]
    for nothing in empty:
        assert bool(told({}, resource(kind, **nothing))) == (None not in closed)


def test_public_access_that_a_bucket_blocks_no_more_is_told() -> None:
    """Of a bucket that has no block a part may be blocked; one whose block goes blocks nothing."""

    def bucket(block: Any) -> dict[str, Any]:
        return resource("AWS::S3::Bucket", PublicAccessBlockConfiguration=block)

    one, as_text = {"BlockPublicAcls": True, "BlockPublicPolicy": "false"}, dict.fromkeys(BLOCKED, "true")
    assert told(bucket(one), bucket(one)) == told(bucket(one), bucket(BLOCKED)) == ()
    assert told(resource("AWS::S3::Bucket"), bucket(as_text)) == told({}, bucket(BLOCKED)) == ()
    [widening] = told(bucket(one), resource("AWS::S3::Bucket"))
    assert str(widening) == "worker/Thing no longer blocks public access (BlockPublicAcls)"
    [widening] = told(bucket(as_text), bucket(one))
    off = "BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets"
    assert str(widening) == f"worker/Thing no longer blocks public access ({off})"
    unknown = bucket({"Fn::If": ["Open", one, BLOCKED]})
    changed = (
        (unknown, bucket(one)),
        (bucket(one), unknown),
        (unknown, unknown),
        (unknown, resource("AWS::S3::Bucket")),
    )
    assert [len(told(*each)) for each in changed] == [1, 1, 1, 1]


WAYS = ("GatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "VpcEndpointId", "CarrierGatewayId",
        "LocalGatewayId", "CoreNetworkArn")  # fmt: skip
OUT = ("NatGatewayId", "InstanceId", "NetworkInterfaceId", "EgressOnlyInternetGatewayId")


def test_routes_compare_by_where_they_lead() -> None:
    """All ways that only lead out are one; every other is itself; IPv4, IPv6 and prefix lists are ranges."""
    for one in (*WAYS, *OUT):
        for other in (*WAYS, *OUT):
            old, new = (resource("AWS::EC2::Route", **ROUTE, **{key: f"{key}-1"}) for key in (one, other))
            assert bool(told(old, new)) == (one != other and not {one, other} <= set(OUT)), (one, other)
        old, new = (resource("AWS::EC2::Route", **ROUTE, **{one: each}) for each in ("a", "b"))
        assert bool(told(old, new)) == (one in WAYS)
    for key, value in (("DestinationIpv6CidrBlock", "::/0"), ("DestinationPrefixListId", "pl-1")):
        old, new = ({"RouteTableId": "rtb", key: each, "GatewayId": "i"} for each in ("2001:db8::/32", value))
        [widening] = told(resource("AWS::EC2::Route", **old), resource("AWS::EC2::Route", **new))
        assert f"leads to {value} through i" in widening.sentence


LINKED = ("VPCGatewayAttachment", "VPCPeeringConnection", "TransitGatewayAttachment", "TransitGatewayVpcAttachment",
          "VPNConnection", "ClientVpnEndpoint", "EgressOnlyInternetGateway", "EIPAssociation")  # fmt: skip


@pytest.mark.parametrize("kind", LINKED)
def test_connections_are_told_when_they_come_and_when_they_lead_elsewhere(kind: str) -> None:
    """Their tags say nothing."""
    assert len(told({}, resource(f"AWS::EC2::{kind}", Tags=["x"]))) == 1
    one, other = (resource(f"AWS::EC2::{kind}", VpcId=vpc) for vpc in ("a", "b"))
    assert [len(each) for each in (told({}, one), told(one, other), told(one, one))] == [1, 1, 0]
    for key in ("Tags", "TagSpecifications"):
        assert told(one, resource(f"AWS::EC2::{kind}", VpcId="a", **{key: ["x"]})) == ()


@pytest.mark.parametrize(
    "key", ["SecurityGroupIds", "SecurityGroups", "VpcSecurityGroupIds", "VPCSecurityGroups", "GroupSet"]
)
def test_another_security_group_is_told_wherever_it_is_written(key: str) -> None:
    """Also inside of lists; a new resource has its groups as a matter of course."""
    one, two = (resource("AWS::X::Y", Inner=[{key: groups}]) for groups in (["sg-1"], ["sg-1", "sg-2"]))
    assert [str(each) for each in told(one, two)] == ["worker/Thing is now in the security group sg-2, too"]
    assert told(two, one) == told({}, two) == ()
    twice = resource("AWS::X::Y", Inner=[{key: ["sg-1", "sg-2"]}, {key: "sg-2"}])
    assert len(told(one, twice)) == 1


ATTACHED = [
    *((f"AWS::IAM::{kind}", key) for kind in ("Policy", "ManagedPolicy") for key in ("Roles", "Users", "Groups")),
    ("AWS::IAM::RolePolicy", "RoleName"), ("AWS::IAM::UserPolicy", "UserName"), ("AWS::IAM::GroupPolicy", "GroupName"),
    ("AWS::IAM::User", "Groups"), ("AWS::IAM::UserToGroupAddition", "GroupName"),
    ("AWS::IAM::UserToGroupAddition", "Users"), ("AWS::IAM::InstanceProfile", "Roles"),
    ("AWS::SNS::TopicPolicy", "Topics"), ("AWS::S3::BucketPolicy", "Bucket"), ("AWS::IAM::AccessKey", "UserName"),
    ("AWS::SecretsManager::ResourcePolicy", "SecretId"), ("AWS::Lambda::Permission", "FunctionName"),
    ("AWS::Lambda::LayerVersionPermission", "LayerVersionArn"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "key"), ATTACHED)
def test_a_policy_that_is_about_more_is_told(kind: str, key: str) -> None:
    """Whatever its type calls what it is about."""
    one, two = (resource(kind, **{key: each}) for each in (["a"], ["a", "b"]))
    assert [str(each) for each in told(one, two)] == [f"worker/Thing ({kind}) now applies to b"]
    assert told(two, one) == ()


def association(subnet: Any, table: str, **more: Any) -> dict[str, Any]:
    return {**resource("AWS::EC2::SubnetRouteTableAssociation", SubnetId=subnet, RouteTableId=table), **more}


def test_a_subnet_that_was_there_and_uses_another_table_is_told() -> None:
    """A new subnet uses its table as a matter of course; what a subnet used before is not known when it is not ours."""
    subnet = {"S": {"Type": "AWS::EC2::Subnet"}}
    ours = association({"Ref": "S"}, "rtb", **subnet)
    assert told(ours, ours) == told({}, ours) == told(ours, subnet) == ()
    [widening] = told(subnet, ours)
    assert str(widening) == "the subnet S now uses the route table rtb"
    for theirs in (association("subnet-1", "rtb"), association({"Fn::Sub": "${S}x"}, "rtb", **subnet)):
        assert len(told({}, theirs)) == 1
    assert told(association("subnet-1", "rtb"), association("subnet-1", "rtb")) == ()


def test_routes_of_another_layers_table_are_told_by_its_name() -> None:
    """Which has spaces in it as long as nobody knows it."""
    table, later = {"Ref": "Table"}, {"Table": KnownAfter("network", "TableId")}
    new = resource("AWS::EC2::Route", **{**ROUTE, "RouteTableId": table}, GatewayId="igw-1")
    [widening] = told({}, new, ({}, later))
    way = "now leads to 0.0.0.0/0 through igw-1"
    assert str(widening) == f"the route table worker/(known after network: TableId) {way}"


ACL = "AWS::EC2::NetworkAclEntry"


@pytest.mark.parametrize("action", ["allow", "deny", {"Ref": "Action"}])
def test_entries_of_network_acls_are_told_by_what_they_do(action: Any) -> None:
    """One that allows when it comes, one that denies when it goes, both when they change; and what may do either."""
    entry = resource(ACL, **{**ENTRY, "RuleAction": action})
    other = resource(ACL, **{**ENTRY, "RuleAction": action, "CidrBlock": "10.0.0.0/9"})
    more = [] if action == "deny" else ["the network ACL entry worker/Thing allows more"]
    less = [] if action == "allow" else ["the network ACL entry worker/Thing denies less"]
    assert [str(each) for each in told({}, entry)] == more
    assert [str(each) for each in told(entry, {})] == less
    assert [str(each) for each in told(entry, other)] == [*more, *less]
    assert told(entry, entry) == ()


@pytest.mark.parametrize("key", ["Role", "TaskRoleArn", "RoleARN", "IamInstanceProfile"])
def test_the_roles_that_a_resource_acts_as_are_told(key: str) -> None:
    """Each by the property that names it: what one is for is not what another is for."""
    one, two, moved = (resource("AWS::X::Y", **more) for more in ({key: "a"}, {key: "b"}, {"ExecutionRoleArn": "a"}))
    assert [str(each) for each in told(one, two)] == ["worker/Thing now acts as the role b"]
    assert [str(each) for each in told(one, moved)] == ["worker/Thing now acts as the role a"]
    assert [str(each) for each in told({}, one)] == ["worker/Thing now acts as the role a"]
    ours = {"Mine": {"Type": "AWS::IAM::Role", "Properties": {}}}
    assert told(ours, {**ours, **resource("AWS::X::Y", **{key: {"Fn::GetAtt": ["Mine", "Arn"]}})}) == ()
    linked = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    assert told({}, resource("AWS::X::Y", **{key: linked})) == ()


@pytest.mark.parametrize(
    ("kind", "lead"),
    [
        ("Role", "the role"), ("User", "the user"), ("Group", "the group"), ("Policy", "whoever has the policy"),
        ("ManagedPolicy", "whoever has the managed policy"), ("RolePolicy", "whoever has the policy"),
        ("UserPolicy", "whoever has the policy"), ("GroupPolicy", "whoever has the policy"),
    ],
)  # fmt: skip
def test_who_has_a_right_is_told_by_the_type(kind: str, lead: str) -> None:
    """Also of what is attached to whom, when it is new; the rest follows from the documents of others."""
    new = {**by_policy(f"AWS::IAM::{kind}", SEND), **ORDERS_QUEUE}
    itself = ["worker/Thing now is a new user"] if kind == "User" else []
    assert [str(each) for each in told(ORDERS_QUEUE, new)] == [
        f"{lead} worker/Thing may now call sqs:SendMessage on Orders",
        *itself,
    ]
    inline = resource("AWS::SSO::PermissionSet", InlinePolicy={"Statement": [allow("s3:*")]})
    [widening] = told({}, inline)
    assert str(widening) == "the permission set worker/Thing may now call s3:* on every bucket and object"


@pytest.mark.parametrize(("kind", "key"), ATTACHED)
def test_what_holds_no_document_is_told_when_it_is_new(kind: str, key: str) -> None:
    """A new policy is told by what it grants, and these by whom they are about."""
    expected = kind.removeprefix("AWS::IAM::") in (
        "InstanceProfile", "UserToGroupAddition", "AccessKey", "User",
    )  # fmt: skip
    assert bool(told({}, resource(kind, **{key: "a"}))) == expected


NOUNS = {"sqs": "queue", "sns": "topic", "kms": "key", "secretsmanager": "secret", "lambda": "function",
         "ecr": "repository", "dynamodb": "table", "logs": "log group", "ecs": "ECS resource", "iam": "IAM resource",
         "s3": "bucket and object", "new": "resource"}  # fmt: skip


@pytest.mark.parametrize(("service", "noun"), NOUNS.items())
def test_resources_are_called_by_what_the_service_has(service: str, noun: str) -> None:
    """As long as the actions are of one service."""
    [widening] = told(role(SEND), role(SEND, allow([f"{service}:GetX", f"{service}:getx"])))
    assert str(widening) == f"the role worker/Role may now call {service}:GetX on every {noun}"
    [widening] = told(role(allow("x:y", "z")), role(allow([f"{service}:GetX", "other:GetX"])))
    assert (
        str(widening)
        == f"the role worker/Role may now call {', '.join(sorted([f'{service}:GetX', 'other:GetX']))} on every resource"
    )


@pytest.mark.parametrize(
    ("action", "about", "grave"),
    [("iam:*", "*", True), ("IAM:*", "*", True), ("i*", "*", True), ("iam:Get*", "*", False),
     (["sqs:DeleteQueue", "*"], "*", True), ("*", "arn:aws:iam::111111111111:*", False), ("?am:*", "*", True)],
)  # fmt: skip
def test_a_right_to_give_rights_is_grave(action: Any, about: str, grave: bool) -> None:
    """Whoever may do all of IAM may do everything."""
    assert [each.grave for each in told(role(SEND), role(SEND, allow(action, about)))] == [grave]


BOUNDS = ("aws:SourceAccount", "aws:SourceOwner", "aws:PrincipalAccount", "kms:CallerAccount", "aws:PrincipalOrgID",
          "aws:SourceVpc", "aws:SourceVpce", "aws:SourceArn", "aws:PrincipalArn")  # fmt: skip
WHO = [
    *(("*", {"StringEquals": {key: "x"}}, False) for key in BOUNDS), ("*", SECURE, True), ({"AWS": "*"}, {}, True),
    *(({"AWS": each}, {}, False) for each in (OURS, ACCOUNT, {"Fn::GetAtt": ["Orders", "Arn"]})),
    ({"AWS": OTHER}, {}, True), ({"AWS": {"Ref": "Unknown"}}, {}, True), ({"AWS": [OURS, OTHER]}, {}, True),
    ({"AWS": {"Fn::Sub": "arn:aws:iam::${Unknown}:root"}}, {}, True), ({"Service": "x.y"}, {}, False),
    ({"CanonicalUser": "x"}, {}, True), ({"Federated": ACCOUNT}, {}, True), ("s3.amazonaws.com", {}, False),
    ("alexa.amazon.com", {}, False), ("someone", {}, True), ({"AWS": "a:b:c:d"}, {}, True),
    ({"AWS": OTHER}, {"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
    ({"AWS": {"Fn::Select": [4, {"Fn::Split": [":", ORDERS]}]}}, {}, False),
]  # fmt: skip


@pytest.mark.parametrize(("who", "when", "grave"), WHO, ids=str)
def test_whoever_may_be_somebody_elses_is_grave(who: Any, when: Mapping[str, Any], grave: bool) -> None:
    """Everyone unless a condition bounds them, and whoever is not known to be of the account or a service."""
    old, new = (
        {**by_policy("AWS::SQS::QueuePolicy", *some, Queues=["q"]), **ORDERS_QUEUE}
        for some in ((), [allow("sqs:*", Principal=who, Condition=when)])
    )
    assert any(each.grave for each in told(old, new)) == grave
    without = by_policy("AWS::SQS::QueuePolicy", but("Principal", who, Action="sqs:*", Condition=when), Queues=["q"])
    assert any(each.grave for each in told(old, {**without, **ORDERS_QUEUE})) == (when in ({}, SECURE))


def test_sentences_join_what_is_alike_and_say_what_was() -> None:
    """Values, conditions and names in their order; what was denied, or hangs on another document, was not allowed."""
    two = {"StringEquals": {"a:B": ["y", "x"]}, "Bool": {"a:C": True}}
    cases = [
        (role(SEND), role(SEND, allow("sqs:a", "q", Condition=two)),
         "may now call sqs:a on q, when a:B StringEquals x or y and a:C Bool true"),
        (role(allow("sqs:a", "q", Condition=VIA)), role(allow("sqs:a", "q", Condition=SECURE)),
         "may now call sqs:a on q, when aws:SecureTransport Bool true"),
        (role(SEND, allow("sqs:*", "b"), deny("sqs:*", "c")),
         role(SEND, allow("sqs:*", ["b", "d"]), deny("sqs:*", "c")),
         "may now call sqs:* on d (was: only Orders, b)"),
        (role(allow("sqs:a*", "q"), allow("sqs:*", "q", Condition=SECURE), allow("sqs:*", "q", Condition=VIA)),
         role(allow("sqs:a*", "q"), allow("sqs:*b", "q"), allow("sqs:*", "q", Condition=VIA)),
         ("may now call sqs:*b on q (was: only when aws:SecureTransport Bool true or "
          "when kms:ViaService StringEquals sqs.eu-central-1.amazonaws.com)")),
        (role(allow("sts:AssumeRole", "x")), role(allow("sts:AssumeRole", "x"), trust={"AWS": OURS}),
         f"may now be assumed by {OURS} (was: only lambda.amazonaws.com)"),
        (role(SEND), role(SEND, allow(["sqs:SendMessage", "sqs:Other"], "q")),
         "may now call sqs:Other, sqs:SendMessage on q (was: only Orders)"),
        (role(but("Action", "iam:*", Resource="q", Condition=SECURE)), role(but("Action", "iam:*", Resource="q")),
         "may now call every action but iam:* on q (was: only when aws:SecureTransport Bool true)"),
        (role(but("Action", "iam:*", Resource="q")), role(allow("iam:GetUser", "r")), "may now call iam:GetUser on r"),
        (role(allow("iam:*", "q")), role(but("Action", "iam:*", Resource="r")),
         "may now call every action but iam:* on r"),
    ]  # fmt: skip
    for old, new, words in cases:
        assert [str(each) for each in told(old, new)] == [f"the role worker/Role {words}"]


def test_what_a_trust_allows_beside_assuming_the_role_is_told_in_its_own_words() -> None:
    """And an exception is no list of actions."""

    def trusting(**statement: Any) -> dict[str, Any]:
        document = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "a.b"}, **statement}]}
        return resource("AWS::IAM::Role", AssumeRolePolicyDocument=document)

    for statement, words in (
        ({"Action": ["sts:AssumeRole", "sts:TagSession"]},
         "a.b may now sts:AssumeRole, sts:TagSession the role worker/Thing"),
        ({"Action": ["sts:AssumeRole", "sts:AssumeRoleWithSAML"]}, "the role worker/Thing may now be assumed by a.b"),
        ({"NotAction": "sts:AssumeRole"}, "a.b may now every action but sts:AssumeRole the role worker/Thing"),
    ):  # fmt: skip
        assert [str(each) for each in told({}, trusting(**statement))] == [words]


def test_an_exception_that_goes_is_told() -> None:
    """One of several names that were withheld is withheld no more."""
    both, one = (role(but("Action", each, Resource="*")) for each in (["iam:*", "sts:*"], ["iam:*"]))
    assert told(both, one)
    assert told(one, both) == ()


def test_what_may_be_the_exception_is_no_part_of_the_rest() -> None:
    """A name that nobody knows yet may turn out to be the one that was withheld."""
    for withheld, given in (("arn:aws:sqs:r:1:q", ORDERS), (ORDERS, "arn:aws:sqs:r:1:q")):
        assert told(role(but("Resource", withheld, Action="sqs:*")), role(allow("sqs:*", given)))


def test_a_trust_under_a_condition_is_no_right() -> None:
    """The right to assume other roles does not cover who may assume this one."""
    some = [{"Statement": allow("sts:AssumeRole", Principal=each)} for each in ("*", {"Service": "a.b"})]
    new = role(allow("sts:AssumeRole"))
    new["Role"]["Properties"]["AssumeRolePolicyDocument"] = {"Fn::If": ["Open", *some]}
    found = told(role(allow("sts:AssumeRole")), new)
    assert "the role worker/Role may now be assumed by everyone (was: only lambda.amazonaws.com)" in map(str, found)


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ({"AWS": OURS}, OURS), ({"Service": "a.b"}, "a.b"), ({"Federated": "f"}, "f"), ({"CanonicalUser": "c"}, "c"),
        ({"AWS": ""}, "AWS "), ({"Ref": "Later"}, "(known after network: Who)"),
    ],
)  # fmt: skip
def test_principals_are_told_by_their_names(who: Any, words: str) -> None:
    """Without their kind, but for one that has no name; what only AWS knows is told as it is."""
    new = by_policy("AWS::SQS::QueuePolicy", allow("sqs:*", Principal=who), Queues=["q"])
    found = told({}, new, ({}, {"Later": WHOEVER}))
    assert [str(each) for each in found] == [f"worker/Thing now lets {words} call sqs:*"]


@pytest.mark.parametrize(
    ("who", "words"),
    [({"Ref": "Later"}, "(known after network: Who)"), (222222222222, "222222222222"), (["a", "b"], '["a", "b"]')],
)
def test_a_permission_is_told_whoever_it_is_for(who: Any, words: str) -> None:
    """Somebody who is not known yet, an account written as a number, or what cannot be read: it may be anybody."""
    new, later = resource("AWS::Lambda::Permission", **{**PERMISSION, "Principal": who}), {"Later": WHOEVER}
    assert [(str(each), each.grave) for each in told({}, new, ({}, later))] == [
        (f"worker/Thing now lets {words} call lambda:InvokeFunction", True)
    ]


def test_of_a_stack_that_is_new_nothing_is_said_to_be_so_now() -> None:
    """There was no before."""
    rules = group(tcp(443, "10.0.0.0/8"))
    new = {"Resources": {**role(allow("sqs:*", "q")), **rules}}
    assert {str(each) for each in widenings("worker", EMPTY, Side(new, {}), ACCOUNT, REGION)} == {
        "the role worker/Role may be assumed by lambda.amazonaws.com",
        "the role worker/Role may call sqs:* on q",
        "worker/Thing accepts tcp 443 from 10.0.0.0/8",
    }


def test_documents_compare_by_where_they_are() -> None:
    """One property is for something else than another; the order of a list means nothing."""
    document = {"Statement": [allow("sqs:*", Principal="*")]}
    one, other = (resource("AWS::X::Y", **{key: document}) for key in ("KeyPolicy", "OtherPolicy"))
    assert [str(each) for each in told(one, other)] == ["worker/Thing now lets everyone call sqs:*"]
    policies = [{"PolicyName": name, "PolicyDocument": {"Statement": allow(f"{name}:*")}} for name in ("s3", "sqs")]
    roles = [resource("AWS::IAM::Role", Policies=each) for each in (policies, policies[::-1])]
    assert told(roles[0], roles[1]) == ()
    assert told({}, resource("AWS::X::Y", Action="a")) == ()
    [widening] = told({}, resource("AWS::X::Y", Principal="p"))
    assert "which infragen takes as who may act" in widening.sentence
    assert told({}, resource("AWS::EC2::VPCEndpoint")) == ()


def test_a_permission_says_its_conditions_by_their_own_names() -> None:
    """Compared as what they become: ARNs by their wildcards; only some bound everyone."""
    operators = {"SourceArn": "ArnLike", "SourceAccount": "StringEquals", "PrincipalOrgID": "StringEquals",
                 "OrganizationId": "StringEquals", "FunctionUrlAuthType": "StringEquals",
                 "EventSourceToken": "StringEquals", "InvokedViaFunctionUrl": "Bool"}  # fmt: skip
    for key, operator in operators.items():
        everyone = {**PERMISSION, "Principal": "*", key: "x"}
        [widening] = told({}, resource("AWS::Lambda::Permission", **everyone))
        assert str(widening) == f"worker/Thing now lets everyone call lambda:InvokeFunction, when {key} {operator} x"
        bounds = ("SourceArn", "SourceAccount", "PrincipalOrgID", "OrganizationId")
        assert widening.grave == (key not in bounds)
    one, other = (resource("AWS::Lambda::Permission", **PERMISSION, SourceArn=each) for each in ("arn:*", "arn:a"))
    assert told(one, other) == ()


def test_a_denial_that_may_not_hold_is_told() -> None:
    """Beside grants as well; what only allows under a condition is told when it comes."""
    exists = by_policy(
        "AWS::SQS::QueuePolicy", allow("sqs:a", Principal=OURS), deny("sqs:*", Principal="*"), Queues=["q"]
    )
    exists["Thing"]["Condition"] = "Open"
    perhaps = "worker/Thing denies something under a condition that is not known yet"
    assert Widening("permissions", "worker/Thing", perhaps) in told(exists, exists)
    old, new = (
        by_policy("AWS::SQS::QueuePolicy", *each, Queues=["q"]) for each in ([deny("sqs:*", Principal="*")], [])
    )
    [widening] = told(old, new)
    assert str(widening) == "worker/Thing no longer denies sqs:* on every queue to everyone"
    grants = by_policy("AWS::SQS::QueuePolicy", allow("sqs:a", Principal=OURS), Queues=["q"])
    grants["Thing"]["Condition"] = "Open"
    assert "denies" not in "".join(map(str, told({}, grants)))


def test_what_a_denial_was_about_stays_unless_it_is_known_to_go() -> None:
    """By its id or its ARN; a part of a name and a name that nobody knows yet may stay."""
    queue = {"Orders": {"Type": "AWS::SQS::Queue"}}
    denial = deny("sqs:*", Principal="*")
    later = {"Target": KnownAfter("queue", "Url")}
    kept = {"Kept": {"Type": "AWS::SQS::Queue"}}
    for target, stays in (
        ({"Fn::GetAtt": ["Orders", "Arn"]}, False), ({"Ref": "Orders"}, False), ({"Fn::Sub": "${Orders}x"}, True),
        ({"Ref": "Target"}, True), ("q", True), ({"Fn::Sub": "${Orders}${Kept}"}, True),
    ):  # fmt: skip
        denied = {**queue, **kept, **by_policy("AWS::SQS::QueuePolicy", denial, Queues=[target])}
        assert bool(told(denied, kept, (later, later))) == stays
    [widening] = told(by_policy("AWS::IAM::ManagedPolicy", deny("sqs:*"), Roles=["r"]), {})
    assert str(widening) == "worker/Thing goes, and with it what it denied on r"
    old = by_policy("AWS::SQS::QueuePolicy", denial, Queues=["q", "r"])
    assert [str(each) for each in told(old, {})] == ["worker/Thing goes, and with it what it denied on q, r"]
    assert len(told(old, resource("AWS::SNS::TopicPolicy"))) == 1


def test_what_goes_with_its_target_is_no_widening() -> None:
    """A denial matters as long as what it was about stays; a policy that only allowed never does."""
    bucket = {"Bucket": {"Type": "AWS::S3::Bucket"}}
    about = {"Bucket": {"Ref": "Bucket"}}
    denies = by_policy("AWS::S3::BucketPolicy", allow("s3:GetObject"), deny("s3:*", Principal="*"), **about)
    allows = by_policy("AWS::S3::BucketPolicy", allow("s3:*", Principal="*"), **about)
    assert [str(each) for each in told({**bucket, **denies}, bucket)] == [
        "worker/Thing goes, and with it what it denied on Bucket"
    ]
    assert told({**bucket, **denies}, {}) == told({**bucket, **allows}, bucket) == ()
    both = by_policy("AWS::SQS::QueuePolicy", deny("sqs:*", Principal="*"), Queues=[{"Ref": "Orders"}, "other"])
    assert len(told({**both, **ORDERS_QUEUE}, {})) == 1
    assert told(role(deny("s3:*")), {"Other": {"Type": "AWS::SNS::Topic"}}) == ()


def test_grants_that_differ_in_more_than_their_action_are_sentences_of_their_own() -> None:
    """By principal, by resource and by condition."""
    statements = [
        allow(["sqs:SendMessage", "sqs:ReceiveMessage"], "a", Principal={"AWS": [OURS, OTHER]}),
        allow("sqs:SendMessage", "b", Principal={"AWS": OURS}),
        allow("sqs:SendMessage", "c", Principal={"AWS": OURS}, Condition=SECURE),
        allow("sqs:SendMessage", "c", Principal={"AWS": OURS}, Condition=VIA),
    ]
    old, new = (by_policy("AWS::SQS::QueuePolicy", *each, Queues=["q"]) for each in ((), statements))
    assert [each.grave for each in told(old, new)].count(True) == 1
    assert sorted(str(each) for each in told(old, new)) == sorted([
        f"worker/Thing now lets {OURS} call sqs:ReceiveMessage, sqs:SendMessage on a",
        f"worker/Thing now lets {OTHER} call sqs:ReceiveMessage, sqs:SendMessage on a",
        f"worker/Thing now lets {OURS} call sqs:SendMessage on b",
        f"worker/Thing now lets {OURS} call sqs:SendMessage on c, when aws:SecureTransport Bool true",
        (f"worker/Thing now lets {OURS} call sqs:SendMessage on c, when "
        "kms:ViaService StringEquals sqs.eu-central-1.amazonaws.com"),
    ])  # fmt: skip
    gone = by_policy("AWS::SQS::QueuePolicy", deny("sqs:*", "a", Principal={"AWS": OTHER}), Queues=["q"])
    assert [str(each) for each in told(gone, old)] == [f"worker/Thing no longer denies sqs:* on a to {OTHER}"]
    tagging = role(SEND)
    trust = tagging["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    trust.append({"Effect": "Allow", "Action": "sts:TagSession", "Principal": {"Service": "lambda.amazonaws.com"}})
    [widening] = told(role(SEND), tagging)
    assert str(widening) == "lambda.amazonaws.com may now sts:TagSession the role worker/Role"


@pytest.mark.parametrize(
    "key",
    ["SourceArn", "SourceAccount", "PrincipalOrgID", "FunctionUrlAuthType", "EventSourceToken",
     "InvokedViaFunctionUrl", "OrganizationId"],
)  # fmt: skip
def test_a_permission_without_one_of_its_conditions_is_wider(key: str) -> None:
    """Lambda's permissions are written as properties."""
    one, other = (resource("AWS::Lambda::Permission", **PERMISSION, **more) for more in ({key: "x"}, {}))
    assert len(told(one, other)) == 1
    assert told(other, one) == ()


@pytest.mark.parametrize("name", ["AdministratorAccess", "PowerUserAccess", "IAMFullAccess", "ReadOnlyAccess"])
def test_the_policies_that_allow_everything_are_grave(name: str) -> None:
    """AWS's own, attached to a role or to a permission set."""
    arn = f"arn:aws:iam::aws:policy/{name}"
    for old, new in (
        (role(SEND), role(SEND, ManagedPolicyArns=[arn])),
        (resource("AWS::SSO::PermissionSet"), resource("AWS::SSO::PermissionSet", ManagedPolicies=[arn])),
    ):
        [widening] = told(old, new)
        assert widening.grave == (name != "ReadOnlyAccess")
        assert widening.sentence.endswith(f" now has the managed policy {name}")


WRITTEN_DIFFERENTLY = [
    ({"Fn::Sub": "${Orders.Arn}/x"}, {"Fn::Join": ["/", [ORDERS, "x"]]}),
    ({"Fn::Sub": ["${Q}/x", {"Q": ORDERS}]}, {"Fn::Sub": "${Orders.Arn}/x"}),
    ("a:b:c", {"Fn::Join": [":", ["a", "b", "c"]]}),
    (
        {"Fn::Sub": "${!aws:username}/${Orders.QueueName}/${!aws:userid}"},
        {"Fn::Join": ["", ["${aws:username}/", {"Fn::GetAtt": "Orders.QueueName"}, "/${aws:userid}"]]},
    ),
    ({"Fn::Select": [0, {"Fn::GetAZs": "r"}]}, {"Fn::Select": [0, {"Fn::GetAZs": "r"}]}),
    ({"Fn::Select": [0, {"Fn::Sub": "${Orders}"}]}, {"Fn::Select": [0, {"Fn::Sub": "${Orders}"}]}),
    ({"Fn::Select": [0, {"Ref": "Orders"}]}, {"Fn::Select": [0, {"Ref": "Orders"}]}),
    ({"Ref": "AWS::StackName"}, {"Fn::Sub": "${AWS::StackName}"}),
    (1.5, "1.5"),
    (True, "true"),
    ({}, {}),
]
MALFORMED = [
    {"Fn::Join": 1}, {"Fn::Join": [""]}, {"Fn::Join": ["", ["x"], "y"]}, {"Fn::Join": ["", "x"]}, {"Fn::GetAtt": ["x"]},
    {"Fn::GetAtt": 1}, {"Ref": "Orders", "Fn::Sub": "x"}, {"Fn::Nothing": "x"},
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), [*WRITTEN_DIFFERENTLY, *((each, each) for each in MALFORMED)], ids=str)
def test_a_value_is_the_same_however_it_is_written(one: Any, other: Any) -> None:
    """Intrinsic functions make texts; what cannot be read is the same as itself, and as no text."""
    old, new = (role(allow("s3:*", each)) for each in (one, other))
    assert told(old, new) == told(new, old) == ()
    assert told(role(allow("s3:*", "x")), new)


APART = [
    ("*/x", "arn:aws:s3:::b/x"), ("arn:aws:s3:::*", "b"), ("arn:aws:s3:::*", "${aws:username}"),
    ({"Fn::Sub": "${Orders.Arn}/a*"}, {"Fn::Sub": "${Orders.Arn}/b"}),
    ({"Fn::Sub": "${Orders.Arn}*"}, {"Fn::Join": ["", [ORDERS, ":x"]]}), ("arn:aws:s3:::b*", "arn:aws:s3::b:x"),
    ({"Fn::Sub": "${Orders.Arn}*"}, {"Fn::Sub": "${Orders.QueueName}x"}), ("arn:aws:s3:::b?", "arn:aws:s3:::b*"),
    ("arn:aws:s3:::b/?", "arn:aws:s3:::b/${aws:username}"),
    ("arn:aws:sqs:*:*:a", "arn:aws:sqs:r:1:b:a"), ("arn:aws:*:a", "arn:aws:s3:::a"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), APART, ids=str)
def test_a_resource_that_may_lie_outside_is_told(one: Any, other: Any) -> None:
    """Fields of an ARN hold wildcards in; texts that are no ARN are within nothing but everything and themselves."""
    assert told(role(allow("s3:*", one)), role(allow("s3:*", other)))
    assert told(role(allow("s3:*")), role(allow("s3:*", other))) == ()


def test_another_role_is_told_inside_of_lists_and_of_what_is_new() -> None:
    """A target of a rule that acts as somebody else."""
    one, two = (resource("AWS::Events::Rule", Targets=[{"Arn": "x", "RoleArn": each}]) for each in ("arn:a", "arn:b"))
    assert [str(each) for each in told(one, two)] == ["worker/Thing now acts as the role arn:b"]
    assert [str(each) for each in told({}, two)] == [
        "worker/Thing now acts as the role arn:b",
        "worker/Thing now sends events to somewhere else (Targets)",
    ]


def test_a_separate_rule_for_what_was_inline_is_no_widening() -> None:
    """A group's rules count together, wherever they are written."""
    inline = group(tcp(443, "10.0.0.0/8"))
    for group_id in ({"Fn::GetAtt": ["Thing", "GroupId"]}, {"Ref": "Thing"}):
        assert told(inline, {**group(), **rule(GroupId=group_id, **tcp(443, "10.0.0.0/8"))}) == ()


def test_values_of_parameters_count() -> None:
    """The same template with another value can let more through; a value nobody knows always may."""
    takes = role(allow("sqs:SendMessage", {"Ref": "Target"}))
    values = {"Target": "arn:aws:sqs:eu-central-1:111111111111:a"}
    assert told(takes, takes, (values, values)) == ()
    [widening] = told(takes, takes, (values, {"Target": "*"}))
    assert "on every queue (was: only arn:aws:sqs:eu-central-1:111111111111:a)" in widening.sentence
    assert len(told(takes, takes, ({}, {}))) == 1
    later = {"Target": KnownAfter("queue", "OrdersQueueArn")}
    assert told(takes, takes, (later, later)) == ()
    [widening] = told(takes, takes, (values, later))
    assert "on (known after queue: OrdersQueueArn)" in widening.sentence


@pytest.mark.parametrize("kind", ["CommaDelimitedList", "List<String>", "String"])
def test_a_list_parameter_is_as_many_values(kind: str) -> None:
    """Joined by commas it would look like one name, which a wildcard might cover."""
    takes = role(allow("s3:GetObject", {"Ref": "Targets"}))
    body = {"Resources": takes, "Parameters": {"Targets": {"Type": kind}}}
    sides = Side(body, {"Targets": "arn:aws:s3:::a*"}), Side(body, {"Targets": "arn:aws:s3:::a,arn:aws:s3:::b"})
    found = widenings("worker", *sides, ACCOUNT, REGION)
    assert ["on arn:aws:s3:::b (was" in str(each) for each in found] == ([] if kind == "String" else [True])


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("eu-central-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
    ],
)
def test_where_it_is_deployed_is_known(region: str, partition: str, suffix: str) -> None:
    """A name made of pseudo parameters is the same as the name that they make."""
    made = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:q.${AWS::URLSuffix}"
    written = f"arn:{partition}:sqs:{region}:{ACCOUNT}:q.{suffix}"
    sides = [Side({"Resources": role(allow("sqs:*", each))}, {}) for each in ({"Fn::Sub": made}, written)]
    for old, new in (sides, reversed(sides)):
        assert widenings("worker", old, new, ACCOUNT, region) == ()


def test_what_is_not_decided_counts_as_wider() -> None:
    """Conditions, mappings and resources that exist perhaps: the writing is the same, the meaning need not be."""
    perhaps = {"Fn::If": ["Open", "0.0.0.0/0", "10.0.0.0/8"]}
    undecided = [
        group(tcp(443, str(perhaps)) | {"CidrIp": perhaps}),
        group({"Fn::If": ["Open", tcp(22, "0.0.0.0/0"), {"Ref": "AWS::NoValue"}]}),
        group(tcp({"Ref": "Port"}, "10.0.0.0/8")),
        group(entry({"Ref": "Protocol"})),
        group(entry({"Fn::Sub": "tc${Letter}"})),
        role(allow({"Fn::FindInMap": ["M", "A", "B"]}, ORDERS)),
        role(allow("sqs:*", {"Fn::Select": [0, {"Ref": "List"}]})),
        role(allow("sqs:*", {"Fn::Split": [",", {"Fn::Sub": "${List}"}]})),
        role(allow("sqs:*", {"Fn::Split": [",", {"Fn::Sub": "x,${List}"}]})),
        role(allow("sqs:*", {"Fn::Join": [",", {"Ref": "List"}]})),
        role(allow("sqs:*", {"Fn::GetAtt": ["Orders", {"Ref": "Attribute"}]})),
        role(SEND, trust=[{"Ref": "List"}]),
        role(allow("sqs:*", {"Fn::Transform": {"Name": "Include"}})),
        resource("AWS::RDS::DBInstance", PubliclyAccessible={"Fn::If": ["Open", True, False]}),
    ]
    assert all(told(each, each) for each in undecided)
    exists = by_policy("AWS::SQS::QueuePolicy", deny("sqs:*", Principal="*"), Queues=["q"])
    exists["Thing"]["Condition"] = "Open"
    [widening] = told(exists, exists)
    assert str(widening) == "worker/Thing denies something under a condition that is not known yet"
    given_perhaps = role(SEND)
    given_perhaps["Role"]["Condition"] = "Open"
    assert told(given_perhaps, given_perhaps)


@pytest.mark.long
@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*/*.yaml")), ids=lambda each: f"{each.parent.name}-{each.stem}")
def test_the_layers_against_themselves_and_against_nothing(path: Path) -> None:
    """Unchanged they let nothing more through; new ones hold nothing that reaches beyond the account."""
    body = parse(path.read_text())
    values = {name: each.get("Default", KnownAfter("up", name)) for name, each in body.get("Parameters", {}).items()}
    side = Side(body, values)
    assert widenings(path.stem, side, side, ACCOUNT, REGION) == ()
    wiring = Wiring(frozenset(name for name, each in values.items() if isinstance(each, KnownAfter)))
    new = widenings(path.stem, EMPTY, side, ACCOUNT, REGION, wiring)
    assert not any(each.grave for each in new)
    assert bool(new) == (path.stem not in ("root", "queue", "observability"))
