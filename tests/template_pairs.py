"""Pairs of small templates: every kind of intrinsic function, lists in another order, conditions, attributes.

Each pair says which disagreements between the emulator's change set and the comparison of templates are known, and why.
"""

from dataclasses import dataclass, field
from typing import Any

QUEUE, TOPIC = "AWS::SQS::Queue", "AWS::SNS::Topic"
Body = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """A template before and after, parameter values for both, and known disagreements by logical id."""

    old: Body
    new: Body
    old_values: dict[str, str] = field(default_factory=dict)
    new_values: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    """Logical id, or "the whole" -> why the two disagree."""


LISTS_ALL = "the emulator compares resources whose conditions do not hold as if they did"


def body(**resources: Any) -> Body:
    """A template of these resources, with what the functions below speak of."""
    return {
        "Parameters": {
            "P": {"Type": "String", "Default": "one"},
            "L": {"Type": "CommaDelimitedList", "Default": "a,b"},
            "N": {"Type": "Number", "Default": 30},
            "Secret": {"Type": "String", "Default": "hush-hush", "NoEcho": True},
        },
        "Conditions": {
            "C": {"Fn::Equals": [{"Ref": "P"}, "one"]},
            "Not": {"Fn::Not": [{"Condition": "C"}]},
            "Both": {"Fn::And": [{"Condition": "C"}, {"Fn::Equals": [{"Ref": "N"}, "30"]}]},
            "Any": {"Fn::Or": [{"Condition": "Not"}, {"Condition": "Both"}]},
        },
        "Mappings": {"M": {"one": {"v": "1", "w": "2"}, "two": {"v": "3", "w": "4"}}},
        "Resources": {"Other": {"Type": QUEUE}, **resources},
    }


def topic(name: Any) -> Body:
    return {"Type": TOPIC, "Properties": {"DisplayName": name}}


def queue(**properties: Any) -> Body:
    return {"Type": QUEUE, "Properties": properties}


def names(old: Any, new: Any, **becomes: str) -> Pair:
    """A pair that differs in one value, or by parameters that become another value."""
    return Pair(body(T=topic(old)), body(T=topic(new)), {}, becomes)


def tags(*pairs: tuple[str, Any]) -> Body:
    return queue(Tags=[{"Key": key, "Value": value} for key, value in pairs])


def policy(*statements: Body) -> Body:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Other"}], "PolicyDocument": document}}


def allow(sid: str, *actions: str) -> Body:
    own = {"Sid": sid} if sid else {}
    return {**own, "Effect": "Allow", "Principal": "*", "Action": list(actions), "Resource": "*"}


PAIRS: dict[str, Pair] = {
    "equal": names("a", "a"),
    "a literal": names("a", "b"),
    "a property added": Pair(body(Q=queue()), body(Q=queue(DelaySeconds=5))),
    "a property removed": Pair(body(Q=queue(DelaySeconds=5)), body(Q=queue())),
    "a resource added": Pair(body(), body(T=topic("a"))),
    "a resource removed": Pair(body(T=topic("a")), body()),
    "a resource renamed": Pair(body(T=topic("a")), body(U=topic("a"))),
    "create-only": Pair(body(Q=queue(QueueName="a")), body(Q=queue(QueueName="b"))),
    "Ref of a parameter": names({"Ref": "P"}, {"Ref": "P"}, P="two"),
    "Ref of the same value": names({"Ref": "P"}, {"Ref": "P"}, P="one"),
    "Ref of a number": Pair(
        body(Q=queue(VisibilityTimeout={"Ref": "N"})), body(Q=queue(VisibilityTimeout={"Ref": "N"})), {}, {"N": "60"}
    ),
    "Ref to another resource": Pair(
        body(T=topic({"Ref": "Other"}), A=queue()), body(T=topic({"Ref": "A"}), A=queue())
    ),
    "GetAtt of another resource": Pair(
        body(T=topic({"Fn::GetAtt": ["Other", "QueueName"]}), A=queue()),
        body(T=topic({"Fn::GetAtt": ["A", "QueueName"]}), A=queue()),
    ),
    "GetAtt of another attribute": names({"Fn::GetAtt": ["Other", "QueueName"]}, {"Fn::GetAtt": ["Other", "Arn"]}),
    "Sub": names({"Fn::Sub": "x-${P}"}, {"Fn::Sub": "y-${P}"}),
    "Sub of a parameter": names({"Fn::Sub": "x-${P}"}, {"Fn::Sub": "x-${P}"}, P="two"),
    "Sub with variables": names({"Fn::Sub": ["${v}-${P}", {"v": "1"}]}, {"Fn::Sub": ["${v}-${P}", {"v": "2"}]}),
    "Sub of a resource": names({"Fn::Sub": "x-${Other}"}, {"Fn::Sub": "x-${Other.Arn}"}),
    "Join": names({"Fn::Join": ["-", ["a", "b"]]}, {"Fn::Join": ["-", ["a", "c", "b"]]}),
    "Select": names({"Fn::Select": [0, ["a", "b"]]}, {"Fn::Select": [1, ["a", "b"]]}),
    "Split and Select": names(
        {"Fn::Select": [0, {"Fn::Split": [",", "a,b"]}]}, {"Fn::Select": [1, {"Fn::Split": [",", "a,b"]}]}
    ),
    "FindInMap": names({"Fn::FindInMap": ["M", "one", "v"]}, {"Fn::FindInMap": ["M", "one", "w"]}),
    "FindInMap by parameter": names(
        {"Fn::FindInMap": ["M", {"Ref": "P"}, "v"]}, {"Fn::FindInMap": ["M", {"Ref": "P"}, "v"]}, P="two"
    ),
    "Base64": names({"Fn::Base64": "a"}, {"Fn::Base64": "b"}),
    "If in a value": names({"Fn::If": ["C", "a", "b"]}, {"Fn::If": ["C", "a", "b"]}, P="two"),
    "If that leaves out": Pair(
        body(Q=queue(DelaySeconds={"Fn::If": ["C", 5, {"Ref": "AWS::NoValue"}]})),
        body(Q=queue(DelaySeconds={"Fn::If": ["C", 5, {"Ref": "AWS::NoValue"}]})), {"P": "one"}, {"P": "two"},
    ),
    "If by And, Or and Not": names({"Fn::If": ["Any", "a", "b"]}, {"Fn::If": ["Not", "a", "b"]}),
    "a condition that now holds": Pair(
        body(T={**topic("a"), "Condition": "Not"}), body(T={**topic("a"), "Condition": "Not"}), {}, {"P": "two"},
        {"the whole": LISTS_ALL},
    ),
    "a condition that holds no longer": Pair(
        body(T={**topic("a"), "Condition": "C"}), body(T={**topic("a"), "Condition": "C"}), {"P": "one"}, {"P": "two"},
        {"the whole": LISTS_ALL},
    ),
    "another condition that holds as well": Pair(
        body(T={**topic("a"), "Condition": "C"}), body(T={**topic("a"), "Condition": "Both"})
    ),
    "a pseudo parameter": names({"Fn::Sub": "${AWS::StackName}-a"}, {"Fn::Sub": "${AWS::Region}-a"}),
    "a list parameter": names({"Fn::Join": ["-", {"Ref": "L"}]}, {"Fn::Join": ["-", {"Ref": "L"}]}, L="a,b,c"),
    "a NoEcho parameter": names({"Ref": "Secret"}, {"Ref": "Secret"}, Secret="new-secret"),
    "tags in another order": Pair(body(Q=tags(("a", "1"), ("b", "2"))), body(Q=tags(("b", "2"), ("a", "1")))),
    "a tag inserted": Pair(body(Q=tags(("b", "2"))), body(Q=tags(("a", "1"), ("b", "2")))),
    "a tag changed": Pair(body(Q=tags(("a", "1"), ("b", "2"))), body(Q=tags(("a", "1"), ("b", "3")))),
    "a statement inserted": Pair(
        body(Y=policy(allow("Read", "sqs:ReceiveMessage"))),
        body(Y=policy(allow("Send", "sqs:SendMessage"), allow("Read", "sqs:ReceiveMessage"))),
    ),
    "an action added": Pair(
        body(Y=policy(allow("", "sqs:ReceiveMessage", "sqs:SendMessage"))),
        body(Y=policy(allow("", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SendMessage"))),
    ),
    "statements in another order": Pair(
        body(Y=policy(allow("A", "sqs:SendMessage"), allow("B", "sqs:ReceiveMessage"))),
        body(Y=policy(allow("B", "sqs:ReceiveMessage"), allow("A", "sqs:SendMessage"))),
    ),
    "a redrive policy": Pair(
        body(Q=queue(RedrivePolicy={"deadLetterTargetArn": {"Fn::GetAtt": ["Other", "Arn"]}, "maxReceiveCount": 3})),
        body(Q=queue(RedrivePolicy={"deadLetterTargetArn": {"Fn::GetAtt": ["Other", "Arn"]}, "maxReceiveCount": 5})),
    ),
    "JSON in a text": Pair(
        body(D={"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": '{"widgets": [{"x": 1}]}'}}),
        body(D={"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": '{"widgets": [{"x": 2}]}'}}),
    ),
    "JSON written in another way": Pair(
        body(D={"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": '{"widgets": []}'}}),
        body(D={"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": '{ "widgets": [] }'}}),
    ),
    "what a replaced resource touches": Pair(
        body(Q=queue(QueueName="a"), T=topic({"Ref": "Q"})), body(Q=queue(QueueName="b"), T=topic({"Ref": "Q"}))
    ),
    "what a changed resource touches": Pair(
        body(Q=queue(DelaySeconds=1), T=topic({"Ref": "Q"})), body(Q=queue(DelaySeconds=2), T=topic({"Ref": "Q"}))
    ),
    "metadata": Pair(body(T={**topic("a"), "Metadata": {"a": 1}}), body(T={**topic("a"), "Metadata": {"a": 2}})),
    "a deletion policy": Pair(body(T=topic("a")), body(T={**topic("a"), "DeletionPolicy": "Retain"})),
    "an order of creation": Pair(body(T=topic("a")), body(T={**topic("a"), "DependsOn": "Other"})),
    "another type": Pair(
        body(T=topic("a")), body(T=queue()), known={"T": "the emulator names no change of the type; AWS refuses it"}
    ),
    "a text for a number": Pair(body(Q=queue(DelaySeconds=5)), body(Q=queue(DelaySeconds="5"))),
    "a literal for a reference": names({"Ref": "P"}, "one"),
}  # fmt: skip
