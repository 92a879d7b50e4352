"""The guard: nothing that holds data is lost without its own permission, whatever AWS may say."""

import importlib.resources
import json
from typing import Any

import pytest
from figures import Tried
from hypothesis import given
from hypothesis import strategies as st
from sweeps import sweep

from infragen.cloud.cloudformation import PropertyChange, ResourceChange
from infragen.cloud.template import STACK_TYPE
from infragen.gates.data_loss import destructive, refusals, stack_policy, stateful
from infragen.plan.model import Origins
from infragen.resource_types import resource_type

ACTIONS = st.sampled_from(["Add", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual", "", "Destroy"])
REPLACEMENTS = st.sampled_from(["True", "False", "Conditional", "", "Maybe"])
POLICIES = st.sampled_from(
    ["", "Delete", "Retain", "Snapshot", "ReplaceAndDelete", "ReplaceAndRetain", "ReplaceAndSnapshot", "Shred"]
)
HARMLESS = ("AWS::SNS::Topic", "AWS::EC2::Subnet")
HOLDS_DATA = ("AWS::RDS::DBCluster", "AWS::S3::Bucket", "AWS::Logs::LogGroup", "AWS::Route53::HostedZone", STACK_TYPE)
UNKNOWN = ("AWS::MemoryDB::Cluster", "AWS::Of::Tomorrow", "Custom::Thing", "Acme::Store::Table", "")
KINDS = st.one_of(st.sampled_from([*HARMLESS, *HOLDS_DATA, *UNKNOWN]), st.from_regex(r"\A\w+::\w+::\w+\Z"))
CHANGES = st.builds(
    ResourceChange,
    layer=st.sampled_from(["database", "queue", "root"]),
    action=ACTIONS,
    logical_id=st.sampled_from(["Cluster", "Queue", "Key"]),
    type=KINDS,
    replacement=REPLACEMENTS,
    policy_action=POLICIES,
)


def certainly_safe(change: ResourceChange) -> bool:
    """The few combinations, written out, after which a stateful resource is certainly still there."""
    if change.action in ("Add", "Import"):
        return True
    kept = change.policy_action in ("", "Retain", "Snapshot", "ReplaceAndRetain", "ReplaceAndSnapshot")
    in_place = change.replacement == "False" or (change.type == STACK_TYPE and change.replacement == "Conditional")
    return change.action in ("Modify", "SyncWithActual") and in_place and kept


@pytest.mark.long
@pytest.mark.promise("P11", "plans before the guard: nothing that could destroy data gets through")
@given(
    changes=st.lists(CHANGES, max_size=6),
    allowed=st.sets(st.sampled_from(["database/Cluster", "queue/Queue", "root/Key"])),
)
@sweep(short=200, soak=10_000)
def test_no_change_that_could_destroy_data_gets_through(
    tried: Tried, changes: list[ResourceChange], allowed: set[str]
) -> None:
    """P11: each is refused unless its own place is allowed; what is certainly safe or holds no data never is."""
    tried()
    refused = {each.place for each in refusals(changes, allowed)}
    for change in changes:
        if change.type not in HARMLESS and not certainly_safe(change) and change.place not in allowed:
            assert change.place in refused
    loud = [each for each in changes if not certainly_safe(each) and each.type not in HARMLESS]
    assert refused <= {each.place for each in loud} - allowed


@pytest.mark.parametrize(
    ("action", "replacement", "policy", "why"),
    [
        ("Remove", "", "Retain", "would be removed"),
        ("Modify", "True", "ReplaceAndSnapshot", "would be replaced by a new one"),
        ("Modify", "Conditional", "", "may be replaced by a new one (replacement Conditional)"),
        ("Modify", "", "", "may be replaced by a new one (replacement unknown)"),
        ("Modify", "Perhaps", "", "may be replaced by a new one (replacement Perhaps)"),
        ("Dynamic", "False", "", "may be removed or replaced (action Dynamic)"),
        ("", "False", "", "may be removed or replaced (action unknown)"),
        ("Modify", "False", "Delete", "would be deleted (policy action Delete)"),
    ],
)
def test_a_refusal_says_why(action: str, replacement: str, policy: str, why: str) -> None:
    """In words that a reviewer can check against the plan."""
    change = ResourceChange("database", action, "Cluster", "AWS::RDS::DBCluster", replacement, policy)
    [refusal] = refusals([change])
    assert str(refusal) == f"database/Cluster (AWS::RDS::DBCluster) {why}"


@pytest.mark.long
@given(CHANGES)
def test_destruction_is_seen_for_any_type(change: ResourceChange) -> None:
    """What was not shown and may not survive is recognised, stateful or not."""
    if change.action == "Remove" or (change.replacement == "True" and change.action == "Modify"):
        assert destructive(change)
    if change.action in ("Add", "Import") or (change.action, change.replacement) == ("Modify", "False"):
        assert not destructive(change)


def test_a_refusal_names_the_lines_that_ask_for_it() -> None:
    """Those of the properties that force a replacement, each once; else the line of the resource itself."""
    said = {"A": "Always", "B": "Never", "C": "Always", "D": "Always", "E": "Conditionally"}
    lines = {
        "A": "3 database.name",
        "B": "4 database.max_acu",
        "C": "3 database.name",
        "E": "5 database.engine_version",
    }
    rows = tuple(PropertyChange(("Properties", name), 1, 2, each) for name, each in said.items())
    origins: Origins = {("C", ("Properties", name)): f"dev.yaml:{each}" for name, each in lines.items()}
    forced = ResourceChange("database", "Modify", "C", "AWS::RDS::DBCluster", "True", properties=rows)
    [refusal] = refusals([forced], origins=origins)
    found = "dev.yaml:3 database.name, dev.yaml:5 database.engine_version"
    assert refusal.why == f"would be replaced by a new one; from {found}"
    gone = ResourceChange("database", "Remove", "C", "AWS::RDS::DBCluster")
    assert (
        refusals([gone], origins={("C", ()): "dev.yaml:2 database"})[0].why
        == "would be removed; from dev.yaml:2 database"
    )


def test_the_stack_policy_denies_what_the_guard_refuses() -> None:
    """Replace and delete of what holds data; everything else stays allowed."""
    body: dict[str, Any] = {
        "Resources": {"Cluster": {"Type": "AWS::RDS::DBCluster"}, "Topic": {"Type": "AWS::SNS::Topic"}}
    }
    allow = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    deny = {
        "Effect": "Deny",
        "Action": ["Update:Replace", "Update:Delete"],
        "Principal": "*",
        "Resource": ["LogicalResourceId/Cluster"],
    }
    assert stack_policy(stateful(body)) == {"Statement": [allow, deny]}
    assert stack_policy([]) == {"Statement": [allow]}


def test_the_stateful_types_are_those_of_cfn_lint() -> None:
    """Each of them has a row that says so."""
    table = importlib.resources.files("cfnlint.data.AdditionalSpecs").joinpath("StatefulResources.json")
    theirs = set(json.loads(table.read_text())["ResourceTypes"])
    assert theirs
    assert {name for name in theirs if not resource_type(name).holds_data} == set()


@pytest.mark.parametrize(
    ("kind", "action", "replacement", "expected"),
    [
        (STACK_TYPE, "Modify", "Conditional", False),
        (STACK_TYPE, "Modify", "True", True),
        (STACK_TYPE, "Modify", "", True),
        (STACK_TYPE, "Remove", "Conditional", True),
        ("AWS::SNS::Topic", "Modify", "Conditional", True),
        ("AWS::SNS::Topic", "Modify", "False", False),
        ("AWS::SNS::Topic", "Dynamic", "False", True),
    ],
)
def test_only_what_is_known_to_stay_is_not_destroyed(kind: str, action: str, replacement: str, expected: bool) -> None:
    """R4: a nested stack that was not opened has rows of its own; any other condition, and any word that we do not
    know, may mean a loss.
    """
    assert destructive(ResourceChange("root", action, "Queue", kind, replacement)) is expected


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("AWS::SQS::Queue", "would be removed"),
        ("AWS::MemoryDB::Cluster", "would be removed: FinalSnapshotName says that it holds data"),
        ("AWS::Timestream::Database", "would be removed: KmsKeyId says that it holds data"),
        ("AWS::Lex::Bot", "would be removed: infragen does not know whether AWS::Lex::Bot holds data"),
        ("Custom::Store", "would be removed: infragen does not know whether Custom::Store holds data"),
    ],
)
def test_a_refusal_says_how_sure_it_is_that_data_is_lost(kind: str, why: str) -> None:
    """By the row, by a property of the schema that only what holds data has, or not at all."""
    [refusal] = refusals([ResourceChange("own", "Remove", "It", kind, "")])
    assert str(refusal) == f"own/It ({kind}) {why}"


@pytest.mark.parametrize(
    "policy", ["", "Retain", "Snapshot", "ReplaceAndRetain", "ReplaceAndSnapshot", "Delete", "New"]
)
def test_a_policy_that_keeps_nothing_or_that_nobody_knows_is_a_loss_in_place(policy: str) -> None:
    """AWS says with `PolicyAction` what becomes of the resource that it changes."""
    change = ResourceChange("data", "Modify", "It", "AWS::SQS::Queue", "False", policy_action=policy)
    found = refusals([change])
    assert bool(found) == (policy in ("Delete", "New"))
    assert [each.property for each in found] == [""] * len(found)


def test_what_holds_data_in_a_template_is_told_by_type_and_settings() -> None:
    """An instance holds data unless it only passes on what others send; a nested stack has its own template."""
    instance = {"Type": "AWS::EC2::Instance"}
    resources = {
        "Nested": {"Type": STACK_TYPE}, "Queue": {"Type": "AWS::SQS::Queue"}, "Own": instance,
        "Nat": {**instance, "Properties": {"SourceDestCheck": False}}, "Role": {"Type": "AWS::IAM::Role"},
    }  # fmt: skip
    assert stateful({"Resources": resources}) == ("Queue", "Own")
