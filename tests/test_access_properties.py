"""Widening "for all": checked against a small evaluator of policies and rules that knows nothing of ours."""

import ipaddress
import re
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import sweep

from infragen.changes.diff import Side
from infragen.gates.access import Widening, widenings
from infragen.gates.access.symbols import may_meet, text_of, within

ACCOUNT, REGION = "111111111111", "us-east-1"


def found(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Widening, ...]:
    """The widenings between two sets of resources."""
    before, after = (Side({"Resources": each}, {}) for each in (old, new))
    return widenings("layer", before, after, ACCOUNT, REGION)


# --- policies ---------------------------------------------------------------------------------------------------

ACTIONS = ("s:a", "s:b", "t:a", "t:bb")
RESOURCES = ("arn:aws:s:r:1:x", "arn:aws:s:r:1:xy", "arn:aws:s:r:2:x", "arn:aws:t:r:1:z")
PRINCIPALS = ("arn:aws:iam::1:role/p", "arn:aws:iam::1:role/q")
CONTEXTS: tuple[dict[str, str], ...] = (
    {},
    {"c:k": "v1"},
    {"c:k": "v2"},
    {"c:ip": "10.0.0.1"},
    {"c:ip": "10.0.1.1", "c:k": "v1"},
)
Request = tuple[str, str, str, Mapping[str, str]]
REQUESTS: list[Request] = list(product(PRINCIPALS, ACTIONS, RESOURCES, CONTEXTS))


def some(*values: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


action_names = some("*", "s:*", "S:A", "s:a", "s:b", "?:a", "t:b?", "t:*b")
resource_names = some("*", "arn:aws:s:*", "arn:aws:s:r:1:x*", "arn:aws:s:r:?:x", "arn:aws:*:r:1:*", RESOURCES[0])
principal_names = st.one_of(st.just("*"), some(*PRINCIPALS).map(lambda each: {"AWS": each}))
lines = st.sampled_from([
    ("StringEquals", "c:k", ["v1"]), ("StringEquals", "C:K", ["v1", "v2"]), ("StringLike", "c:k", ["v*"]),
    ("StringLike", "c:k", ["*1"]), ("StringNotEquals", "c:k", ["v1"]), ("StringNotEquals", "c:k", ["v1", "v2"]),
    ("IpAddress", "c:ip", ["10.0.0.0/16"]), ("IpAddress", "c:ip", ["10.0.0.0/24"]),
    ("NotIpAddress", "c:ip", ["10.0.0.0/24"]), ("NotIpAddress", "c:ip", ["10.0.0.0/24", "10.0.1.0/24"]),
])  # fmt: skip


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    found[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(action_names)
    found[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(resource_names)
    found[draw(st.sampled_from(["Principal", "Principal", "NotPrincipal"]))] = draw(principal_names)
    if chosen := draw(st.lists(lines, max_size=2)):
        found["Condition"] = {operator: {key: values} for operator, key, values in chosen}
    return found


documents = st.lists(statements(), max_size=3)


def variant(data: st.DataObject, statement: dict[str, Any]) -> dict[str, Any]:
    """A statement that differs in one thing: its actions, resources, principals or conditions."""
    other = data.draw(statements())
    names = data.draw(st.sampled_from(["Action", "Resource", "Principal", "Condition"]))
    kept = {key: value for key, value in statement.items() if key not in (names, f"Not{names}")}
    return kept | {key: value for key, value in other.items() if key in (names, f"Not{names}")}


def glob(pattern: str, text: str) -> bool:
    body = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
    return re.fullmatch(body, text) is not None


def arn_glob(pattern: str, text: str) -> bool:
    """Field by field; what an ARN leaves out at its end is anything."""
    if pattern == "*":
        return True
    wanted = pattern.split(":", 5)
    wanted += ["*"] * (6 - len(wanted))
    return all(glob(*pair) for pair in zip(wanted, text.split(":", 5), strict=True))


def matches(statement: Mapping[str, Any], request: Request) -> bool:
    principal, action, resource, context = request
    for key, value, test in (
        ("Action", action, lambda one, other: glob(one.lower(), other.lower())),
        ("Resource", resource, arn_glob),
    ):
        hit = any(test(each, value) for each in statement.get(key, statement.get(f"Not{key}", [])))
        if hit == (f"Not{key}" in statement):
            return False
    who = statement.get("Principal", statement.get("NotPrincipal"))
    if (who == "*" or principal in who["AWS"]) == ("NotPrincipal" in statement):
        return False
    return all(
        holds(operator, context.get(key.lower()), values)
        for operator, line in statement.get("Condition", {}).items()
        for key, values in line.items()
    )


def holds(operator: str, value: str | None, wanted: list[str]) -> bool:
    if value is None:
        return operator.startswith(("StringNot", "Not"))
    if operator.endswith("IpAddress"):
        inside = any(ipaddress.ip_address(value) in ipaddress.ip_network(each) for each in wanted)
        return inside != operator.startswith("Not")
    equal = any(glob(each, value) if operator == "StringLike" else each == value for each in wanted)
    return equal != (operator == "StringNotEquals")


def allowed(document: list[dict[str, Any]], request: Request) -> bool:
    hit = {each["Effect"] for each in document if matches(each, request)}
    return hit == {"Allow"}


def policy(document: list[dict[str, Any]]) -> dict[str, Any]:
    properties = {"Queues": ["q"], "PolicyDocument": {"Version": "2012-10-17", "Statement": document}}
    return {"P": {"Type": "AWS::SQS::QueuePolicy", "Properties": properties}}


@pytest.mark.long
@given(documents, documents, st.data())
@sweep(short=200, soak=10_000)
def test_a_policy_that_allows_more_is_never_missed(
    old: list[dict[str, Any]], more: list[dict[str, Any]], data: st.DataObject
) -> None:
    """When some request is allowed by the new document and was not by the old one, a widening is told."""
    kept = [each for each in old if data.draw(st.booleans())]
    varied = [variant(data, each) for each in old if data.draw(st.booleans())]
    new = data.draw(st.permutations(kept + varied + more[:1]))
    if any(allowed(new, each) and not allowed(old, each) for each in REQUESTS):
        assert found(policy(old), policy(new))


@pytest.mark.long
@given(documents, documents, st.data())
@sweep(short=150, soak=5_000)
def test_a_policy_that_allows_less_is_never_accused(
    old: list[dict[str, Any]], more: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Fewer grants, fewer names in them, more conditions and more denials are no widening, in whatever order."""
    new = [each for each in more if each["Effect"] == "Deny"]
    for statement in old:
        if statement["Effect"] == "Allow" and data.draw(st.booleans()):
            continue
        narrower = dict(statement)
        if statement["Effect"] == "Allow":
            for key in ("Action", "Resource"):
                if key in narrower:
                    narrower[key] = data.draw(st.lists(st.sampled_from(narrower[key]), min_size=1, unique=True))
            narrower["Condition"] = {**statement.get("Condition", {}), "Bool": {"aws:SecureTransport": "true"}}
        new.append(narrower)
    assert found(policy(old), policy(data.draw(st.permutations(new)))) == ()


patterns = st.text("ab*?:", max_size=5).map(text_of)
words = ["".join(each) for size in range(5) for each in product("ab:", repeat=size)]


@pytest.mark.long
@given(patterns, patterns)
@sweep(short=200, soak=5_000)
def test_a_pattern_within_another_matches_nothing_that_the_other_does_not(one: Any, other: Any) -> None:
    """And patterns that cannot meet share no text."""
    mine, theirs = ({each for each in words if glob("".join(pattern), each)} for pattern in (one, other))
    if within(one, other):
        assert mine <= theirs
    if not may_meet(one, other):
        assert not mine & theirs
    assert within(one, one)
    assert within(one, text_of("*"))
    assert may_meet(one, one)


# --- security groups --------------------------------------------------------------------------------------------

RANGES = ["10.0.0.0/30", "10.0.0.0/31", "10.0.0.2/31", "10.0.0.1/32", "10.0.0.3/32", "10.0.0.0/24", "0.0.0.0/0"]
rules = st.builds(
    lambda protocol, first, width, peer: {
        "IpProtocol": protocol, "FromPort": first, "ToPort": str(first + width), "CidrIp": peer,
    },
    st.sampled_from(["tcp", "udp", "-1", "6"]), st.integers(1, 4), st.integers(0, 3), st.sampled_from(RANGES),
)  # fmt: skip
rule_lists = st.lists(rules, max_size=4)
PACKETS = list(
    product(["tcp", "udp", "icmp"], range(9), ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.9", "9.9.9.9"])
)


def admits(rules: list[dict[str, Any]], packet: tuple[str, int, str]) -> bool:
    protocol, port, address = packet
    for each in rules:
        wanted = {"6": "tcp"}.get(each["IpProtocol"], each["IpProtocol"])
        inside = ipaddress.ip_address(address) in ipaddress.ip_network(each["CidrIp"])
        if inside and (wanted == "-1" or (wanted == protocol and each["FromPort"] <= port <= int(each["ToPort"]))):
            return True
    return False


def group(rules: list[dict[str, Any]]) -> dict[str, Any]:
    nobody = [{"IpProtocol": "-1", "CidrIp": "255.255.255.255/32"}]
    properties = {"SecurityGroupIngress": rules, "SecurityGroupEgress": nobody}
    return {"G": {"Type": "AWS::EC2::SecurityGroup", "Properties": properties}}


@pytest.mark.long
@given(rule_lists, rule_lists, st.data())
@sweep(short=150, soak=10_000)
def test_rules_that_admit_more_are_told_and_no_others(
    old: list[dict[str, Any]], more: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Exactly: ranges and ports count as sets, however they are cut into rules."""
    new = [each for each in old if data.draw(st.booleans())] + more
    wider = any(admits(new, each) and not admits(old, each) for each in PACKETS)
    assert bool(found(group(old), group(new))) == wider
