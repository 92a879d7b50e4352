"""Two sources, one model: what AWS's change set and the comparison of templates say differently is in the plan."""

from dataclasses import replace
from typing import Any

import pytest
from rows import because, causes, said, sentences

from infragen.changes.diff import Side, compare
from infragen.changes.reconcile import KNOWN_AFTER_APPLY, Compared, ReconcileContext, agree, contradicted
from infragen.cloud.cloudformation import PropertyChange, ResourceChange, Source
from infragen.cloud.template import STACK_TYPE
from infragen.gates.data_loss import destructive
from infragen.secrecy.shown import Absent, KnownAfter

REGION = "eu-central-1"
QUEUE = "AWS::SQS::Queue"
CLUSTER = "AWS::RDS::DBCluster"


def template(**properties: Any) -> dict[str, Any]:
    return {"Resources": {"R": {"Type": QUEUE, "Properties": properties}}}


def row(
    action: str = "Modify",
    replacement: str = "False",
    *changes: PropertyChange,
    kind: str = QUEUE,
    policy: str = "",
    name: str = "R",
) -> ResourceChange:
    return ResourceChange("x", action, name, kind, replacement, policy, properties=changes)


def ours(old: dict[str, Any], new: dict[str, Any]) -> tuple[ResourceChange, ...]:
    return compare("x", REGION, Side(old, {}), Side(new, {}))


def agreed(theirs: list[ResourceChange], mine: tuple[ResourceChange, ...], **context: Any) -> Compared:
    sides = {"old": Side({}, {}), "new": Side({}, {}), **context}
    return agree(theirs, mine, ReconcileContext("x", REGION, **sides))


def change(
    *path: str, recreation: str = "Never", cause: str = "", before: Any = None, after: Any = None
) -> PropertyChange:
    return PropertyChange(("Properties", *path), before, after, recreation, causes(cause))


TIMEOUT = (template(VisibilityTimeout=30), template(VisibilityTimeout=60))


def test_two_sources_that_say_the_same_are_one_row_without_a_word() -> None:
    """AWS's row with our values, which AWS did not tell."""
    [one] = agreed([row("Modify", "False", change("VisibilityTimeout"))], ours(*TIMEOUT)).rows
    assert (one.source, sentences(one)) == ("both", ())
    assert [(each.name, each.before, each.after) for each in one.properties] == [("VisibilityTimeout", 30, 60)]


def test_a_row_that_only_aws_has_is_kept_and_said() -> None:
    """The other source sees nothing there."""
    [one] = agreed([row("Modify", "False", change("DelaySeconds"))], ()).rows
    assert (one.source, sentences(one)) == ("change set", ("comparing templates does not change it",))
    [gone] = agreed([row("Remove", "", policy="Delete")], ()).rows
    assert sentences(gone) == ("comparing templates does not remove it",)


def test_a_row_that_only_we_have_is_kept_and_said() -> None:
    """A guard must see it, whatever AWS leaves out."""
    [one] = agreed([], ours(*TIMEOUT)).rows
    assert (one.source, sentences(one)) == ("template", ("AWS's change set does not change it",))
    [gone] = agreed([], ours(TIMEOUT[0], {"Resources": {}})).rows
    assert sentences(gone) == ("AWS's change set does not remove it",)


def test_another_action_is_said() -> None:
    """AWS's action stands, because AWS acts."""
    [one] = agreed([row("Remove", "", policy="Delete")], ours(*TIMEOUT)).rows
    assert one.action == "Remove"
    assert sentences(one) == ("AWS's change set would remove it, comparing templates would change it",)


@pytest.mark.parametrize(
    ("told", "name", "replacement", "reported", "count"),
    [
        ("True", "VisibilityTimeout", "True", "", 1),
        ("False", "QueueName", "True", "False", 1),
        ("Conditional", "QueueName", "True", "Conditional", 0),
        ("Conditional", "VisibilityTimeout", "False", "Conditional", 0),
        ("True", "QueueName", "True", "", 0),
        ("Odd", "VisibilityTimeout", "Odd", "", 0),
    ],
)
def test_of_two_replacements_the_stricter_counts(
    told: str, name: str, replacement: str, reported: str, count: int
) -> None:
    """Yes against no is a disagreement; Conditional is AWS's way not to say, and the schema says."""
    mine = ours(template(**{name: "a"}), template(**{name: "b"}))
    [one] = agreed([row("Modify", told, change(name, recreation="Conditionally"))], mine).rows
    assert (one.replacement, one.reported) == (replacement, reported)
    assert len(sentences(one)) == count
    if replacement == "True":
        assert one.policy_action or told == "True"


def test_another_fate_of_the_old_resource_is_said() -> None:
    """Deleted or kept: nobody should find out afterwards."""
    old, new = template(QueueName="a"), template(QueueName="b")
    new["Resources"]["R"]["UpdateReplacePolicy"] = "Retain"
    theirs = row("Modify", "True", change("QueueName", recreation="Always"), policy="ReplaceAndDelete")
    [one] = agreed([theirs], ours(old, new)).rows
    assert one.policy_action == "ReplaceAndDelete"
    assert sentences(one) == ("AWS's change set says ReplaceAndDelete, comparing templates ReplaceAndRetain",)


def test_a_property_that_only_one_source_names_is_said() -> None:
    """Both ways, and both properties stay in the row."""
    theirs = row("Modify", "False", change("DelaySeconds"))
    [one] = agreed([theirs], ours(*TIMEOUT)).rows
    assert sentences(one) == (
        "only AWS's change set says that DelaySeconds changes",
        "only comparing templates says that VisibilityTimeout changes",
    )
    assert {each.path[1] for each in one.properties} == {"DelaySeconds", "VisibilityTimeout"}


def test_another_value_is_said() -> None:
    """Numbers and flags are compared as CloudFormation passes them on: as text."""
    same = row("Modify", "False", change("VisibilityTimeout", before="30", after="60"))
    other = row("Modify", "False", change("VisibilityTimeout", before="30", after="61"))
    assert sentences(agreed([same], ours(*TIMEOUT)).rows[0]) == ()
    assert sentences(agreed([other], ours(*TIMEOUT)).rows[0]) == (
        "AWS's change set says that VisibilityTimeout becomes 61",
    )


@pytest.mark.parametrize(
    ("theirs", "context"),
    [
        (PropertyChange(("Tags",)), {"tags": frozenset({"Team"})}),
        (change("Tags", "0", "Value"), {"tags": frozenset({"Team"})}),
        (change("DelaySeconds", cause="resource Topic.Arn"), {}),
        (change("DelaySeconds", cause="resource A, resource B"), {}),
        (change("Parameters", cause="nested stack"), {}),
        (PropertyChange(("Metadata",)), {}),
        (
            change("DelaySeconds", cause="parameter Image"),
            {
                "new": Side({"Parameters": {"Image": {"Type": "AWS::SSM::Parameter::Value<String>"}}}, {}),
                "opaque": ("AWS::SSM::Parameter::",),
            },
        ),
    ],
)
def test_what_only_aws_can_know_is_no_disagreement(theirs: PropertyChange, context: dict[str, Any]) -> None:
    """The stack's tags, another resource's attributes, a value that AWS looks up."""
    [one] = agreed([row("Modify", "False", theirs)], (), **context).rows
    assert (one.source, sentences(one)) == ("change set", ())


@pytest.mark.parametrize(
    "theirs",
    [PropertyChange(("Tags",)), change("DelaySeconds", cause="parameter P"), change("DelaySeconds")],
)
def test_what_we_should_have_seen_is_a_disagreement(theirs: PropertyChange) -> None:
    """Tags of a stack whose tags stay, a parameter that we compare, a plain value."""
    [one] = agreed([row("Modify", "False", theirs)], ()).rows
    assert sentences(one) == ("comparing templates does not change it",)


@pytest.mark.parametrize(
    ("kind", "properties", "kept"),
    [
        (QUEUE, {}, True),
        (QUEUE, {"Tags": [{"Key": "Other", "Value": "x"}]}, True),
        (QUEUE, {"Tags": [{"Key": "Team", "Value": "own"}]}, False),
        ("AWS::SQS::QueuePolicy", {}, False),
        ("My::Own::Type", {}, True),
    ],
)
def test_what_aws_lists_for_tags_that_do_not_reach_it_is_a_number(
    kind: str, properties: dict[str, Any], kept: bool
) -> None:
    """Types that take no tags, tags of its own that stand over the stack's; a type that we do not know stays a row."""
    side = Side({"Resources": {"R": {"Type": kind, "Properties": properties}}}, {})
    mine = compare("x", REGION, side, side, tags={"Team"})
    tagged = row("Modify", "False", PropertyChange(("Tags",)), kind=kind)
    found = agreed([tagged], mine, old=side, new=side, tags=frozenset({"Team"}))
    assert [sentences(each) for each in found.rows] == [()] * kept
    assert found.details == (() if kept else ("AWS lists 1 resource more, which the stack's tags do not reach",))


@pytest.mark.parametrize(
    "theirs",
    [
        row("Modify", "True", PropertyChange(("Tags",)), kind="AWS::SQS::QueuePolicy"),
        row("Modify", "False", PropertyChange(("Tags",)), change("Queues"), kind="AWS::SQS::QueuePolicy"),
        row("Modify", "False", kind="AWS::SQS::QueuePolicy"),
        row("Remove", "False", PropertyChange(("Tags",)), kind="AWS::SQS::QueuePolicy"),
    ],
    ids=["replaced", "another property", "no property", "removed"],
)
def test_a_row_that_says_more_than_tags_is_never_a_number(theirs: ResourceChange) -> None:
    """Whatever its type takes: AWS carries it out."""
    assert len(agreed([theirs], (), tags=frozenset({"Team"})).rows) == 1


def test_a_tag_that_aws_does_not_pass_on_is_a_disagreement() -> None:
    """Comparing says that it reaches a queue."""
    side = Side(template(), {})
    [one] = agreed([], compare("x", REGION, side, side, tags={"Team"}), tags=frozenset({"Team"})).rows
    assert sentences(one) == ("AWS's change set does not change it",)


@pytest.mark.parametrize("attribute", ["DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"])
def test_what_is_not_the_resources_own_is_said_aside(attribute: str) -> None:
    """CloudFormation need not list it: no row that counts, and no alarm."""
    old = template()
    new = template()
    new["Resources"]["R"][attribute] = {"a": 1} if attribute == "Metadata" else "Retain"
    found = agreed([], ours(old, new))
    assert found.rows == ()
    assert found.notes == (f"R: {attribute} changes in the template; AWS's change set leaves the resource alone",)


def test_nested_stacks_are_told_by_their_own_rows() -> None:
    """AWS lists each of them every time, with Conditional."""
    theirs = row("Modify", "Conditional", change("Parameters"), kind=STACK_TYPE)
    mine = row("Modify", "False", change("TemplateURL"), kind=STACK_TYPE)
    assert [sentences(each) for each in agreed([theirs], (mine,)).rows] == [()]
    assert [sentences(each) for each in agreed([theirs], ()).rows] == [()]
    assert agreed([], (mine,)).rows == ()


def test_an_empty_change_set_contradicts_rows_of_ours() -> None:
    """Nothing is executed, and the plan says what comparing saw."""
    assert said(contradicted(ours(*TIMEOUT))) == (
        "comparing templates would change R (VisibilityTimeout), and AWS's change set is empty",
    )
    new = template()
    new["Resources"]["R"]["DependsOn"] = "Q"
    assert contradicted(ours(template(), new)) == ()


def test_a_value_of_the_future_is_said_in_words() -> None:
    """With the resource that will give it."""
    theirs = change("RedrivePolicy", cause="resource Dead.Arn", before="arn:1", after=KNOWN_AFTER_APPLY)
    [one] = agreed([row("Modify", "False", theirs)], ()).rows
    assert [each.after for each in one.properties] == [KnownAfter("x", "Dead.Arn")]


def test_aws_follows_references_where_we_cannot() -> None:
    """A reference whose target changes: AWS tells the values, we tell the place."""
    old, new = template(KmsMasterKeyId={"Ref": "A"}), template(KmsMasterKeyId={"Ref": "B"})
    theirs = row("Modify", "False", change("KmsMasterKeyId", before="key-1", after="key-2"))
    [one] = agreed([theirs], ours(old, new)).rows
    assert [(each.before, each.after) for each in one.properties] == [("key-1", "key-2")]


def test_aws_names_the_whole_property_and_we_the_part() -> None:
    """Its cause is not said of a part that the template itself changes."""
    old = template(RedrivePolicy={"maxReceiveCount": 3, "deadLetterTargetArn": {"Ref": "Dead"}})
    new = template(RedrivePolicy={"maxReceiveCount": 5, "deadLetterTargetArn": {"Ref": "Dead"}})
    theirs = row("Modify", "False", change("RedrivePolicy", cause="resource Dead"))
    [one] = agreed([theirs], ours(old, new), old=Side(old, {}), new=Side(new, {})).rows
    assert [(each.name, because(each)) for each in one.properties] == [("RedrivePolicy.maxReceiveCount", "")]
    assert because(one) == "resource Dead"


def test_a_property_that_aws_adds_keeps_what_is_not_there() -> None:
    """Absent is not a value that was not told."""
    [one] = agreed([row("Modify", "False", change("DelaySeconds", before=Absent(), after="5"))], ()).rows
    assert [(each.before, each.after) for each in one.properties] == [(Absent(), "5")]


def test_always_is_never_argued_away() -> None:
    """Where AWS says that a property always replaces, our finer values say so as well."""
    theirs = row("Modify", "Conditional", change("VisibilityTimeout", recreation="Always"))
    [one] = agreed([theirs], ours(*TIMEOUT)).rows
    assert one.replacement == "Conditional"
    assert [each.recreation for each in one.properties] == ["Always"]


@pytest.mark.parametrize(
    ("cause", "replacement", "kept"),
    [
        ("resource Jobs.QueueName", "False", False),  # create-only
        ("resource Jobs.Arn", "False", False),
        ("resource Jobs.QueueUrl", "False", False),  # its identity
        ("resource Jobs.Arn, resource Alarm.Arn", "False", False),
        ("resource Jobs.Whatever", "False", True),
        ("resource Jobs.DelaySeconds", "False", True),
        ("resource Gone.Arn", "False", True),
        ("resource Jobs", "False", True),
        ("resource Jobs.Arn, parameter P", "False", True),
        ("parameter P", "False", True),
        ("", "False", True),
        ("resource Jobs.Arn", "Conditional", True),
        ("resource Jobs.Arn", "True", True),
    ],
)
def test_x12_what_only_refers_to_what_stays_in_a_resource_that_changes_in_place_is_no_change(
    cause: str, replacement: str, kept: bool
) -> None:
    """As AWS lists it without property values; what may change with the other resource stays in the plan."""
    queue = ResourceChange("a", "Modify", "Jobs", "AWS::SQS::Queue", "False", properties=(
        PropertyChange(("Properties", "DelaySeconds"), 0, 5),
    ))  # fmt: skip
    alarm = replace(queue, logical_id="Alarm", type="AWS::CloudWatch::Alarm", properties=(
        PropertyChange(("Properties", "Dimensions"), causes=causes("resource Jobs.QueueName")),
    ))  # fmt: skip
    row = replace(alarm, logical_id="Use", replacement=replacement, properties=(
        PropertyChange(("Properties", "Dimensions"), causes=causes(cause)),
    ))  # fmt: skip
    context = ReconcileContext("a", "us-east-1", Side({}, {}), Side({}, {}))
    found = agree([row, alarm, queue], [queue], context)
    assert [each.logical_id for each in found.rows] == (["Use", "Jobs"] if kept else ["Jobs"])
    assert any("only refer to what stays as it is" in each for each in found.details)


def _followers(attribute: str) -> tuple[list[ResourceChange], ReconcileContext]:
    """An ECS service that changes in place, and what follows an attribute of it, as AWS lists it without values."""
    service = ResourceChange("a", "Modify", "Service", "AWS::ECS::Service", "False", properties=(
        PropertyChange(("Properties", "TaskDefinition"), "one:1", "one:2"),
    ))  # fmt: skip
    target = ResourceChange("a", "Modify", "Target", "AWS::ApplicationAutoScaling::ScalableTarget", "Conditional",
        properties=(change("ResourceId", recreation="Always", cause=f"resource {attribute}"),),
    )  # fmt: skip
    policy = ResourceChange("a", "Modify", "Policy", "AWS::ApplicationAutoScaling::ScalingPolicy", "Conditional",
        properties=(change("ScalingTargetId", recreation="Always", cause="resource Target"),),
    )  # fmt: skip
    return [policy, target, service], ReconcileContext("a", REGION, Side({}, {}), Side({}, {}))


def test_x12_what_refers_to_the_name_of_a_service_that_changes_in_place_is_not_replaced() -> None:
    """Nor what refers to that; an attribute of which nobody knows whether it stays keeps both in the plan."""
    rows, context = _followers("Service.Name")
    assert [each.logical_id for each in agree(rows, [rows[-1]], context).rows] == ["Service"]
    rows, context = _followers("Service.Whatever")
    assert {each.logical_id for each in agree(rows, [rows[-1]], context).rows} == {"Policy", "Target", "Service"}


def test_x12_what_refers_to_a_service_that_its_schema_keeps_is_unchanged_too() -> None:
    """Where a change set says Conditional of a resource whose changed properties are all updated in place."""
    rows, context = _followers("Service.Name")
    service = replace(rows[-1], replacement="Conditional")
    rule = ResourceChange("a", "Modify", "Rule", "AWS::Events::Rule", "False", properties=(
        PropertyChange(("Properties", "EventPattern"), causes=causes("resource Service")),
    ))  # fmt: skip
    assert [each.logical_id for each in agree([*rows[:-1], rule, service], [service], context).rows] == ["Service"]
    cluster = replace(service, properties=(PropertyChange(("Properties", "Cluster"), "a", "b", "Always"),))
    found = agree([*rows[:-1], rule, cluster], [cluster], context).rows
    assert {each.logical_id for each in found} == {"Policy", "Target", "Rule", "Service"}


def test_x12_a_row_keeps_what_changes_beside_what_only_refers_to_what_stays() -> None:
    """A role in place and another image: its ARN is no reason of the new revision, the image is."""
    role = ResourceChange("a", "Modify", "Role", "AWS::IAM::Role", "False", properties=(
        PropertyChange(("Properties", "Policies"), [], [1]),
    ))  # fmt: skip
    image = PropertyChange(("Properties", "ContainerDefinitions"), "a", "b", "Always")
    arn = PropertyChange(("Properties", "TaskRoleArn"), None, None, "Always", causes("resource Role.Arn"))
    task = ResourceChange("a", "Modify", "Task", "AWS::ECS::TaskDefinition", "True", properties=(arn, image))
    context = ReconcileContext("a", REGION, Side({}, {}), Side({}, {}))
    mine = [role, replace(task, properties=(image,), source=Source.TEMPLATE)]
    found = {each.logical_id: each for each in agree([role, task], mine, context).rows}
    assert [each.path[1] for each in found["Task"].properties] == ["ContainerDefinitions"]
    assert found["Task"].replacement == "True"
    alone = agree([role, replace(task, properties=(arn,))], [role], context).rows
    assert "Task" in {each.logical_id for each in alone}, "AWS says True, and nothing that stays explains it"


def test_x12_an_addition_that_aws_calls_a_replacement_is_an_addition() -> None:
    """As change sets with property values did until May 2025 (recorded: tests/conformance)."""
    mine = ours({}, template(DelaySeconds=5))
    [found] = agreed([row("Add", "True")], mine, new=Side(template(DelaySeconds=5), {})).rows
    assert (found.action, sentences(found)) == ("Add", ())
    assert not destructive(found)


# --- placeholders of nested change sets -------------------------------------------------------------------------

VPC = KnownAfter("network", "VpcId")
INTRINSIC = "{{IntrinsicFunction:shop-test/Network.Outputs.VpcId/Fn::GetAtt}}"
PARAMETERS = {"VpcId": {"Type": "String"}, "Size": {"Type": "String"}}


def wired_template(**more: Any) -> dict[str, Any]:
    """A cluster that takes a value of another layer, an instance of it by Ref and an alarm by an attribute."""
    cluster = {"DBSubnetGroupName": {"Ref": "VpcId"}, "DatabaseName": {"Fn::Sub": "x${VpcId}"}, **more}
    return {
        "Parameters": PARAMETERS,
        "Resources": {
            "Cluster": {"Type": CLUSTER, "Properties": cluster},
            "Writer": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBClusterIdentifier": {"Ref": "Cluster"}}},
            "Host": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {"Type": "String", "Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Address"]}},
            },
        },
    }


def wired(
    theirs: list[ResourceChange], after: object = "vpc-1", new: dict[str, Any] | None = None, **more: Any
) -> Compared:
    """AWS's rows against ours, where the VPC of the other layer is `after` the deployment."""
    old_side = Side(wired_template(), {"VpcId": "vpc-1", "Size": "1"})
    new_side = Side(new or wired_template(), {"VpcId": after, "Size": "1"})
    mine = compare("x", REGION, old_side, new_side)
    return agreed(theirs, mine, old=old_side, new=new_side, wired={"VpcId": VPC}, **more)


def phantom_rows(value: str, replacement: str = "True") -> list[ResourceChange]:
    """What AWS lists for a placeholder: the cluster is replaced, and with it what refers to it."""
    return [
        row(
            "Modify", replacement,
            change("DBSubnetGroupName", recreation="Always", cause="parameter VpcId", before="vpc-1", after=value),
            change("DatabaseName", recreation="Always", cause="parameter VpcId", before="xvpc-1", after=f"x{value}"),
            kind=CLUSTER, name="Cluster", policy="ReplaceAndDelete",
        ),
        row(
            "Modify", "True",
            change("DBClusterIdentifier", recreation="Always", cause="resource Cluster", after=KNOWN_AFTER_APPLY),
            kind="AWS::RDS::DBInstance", name="Writer", policy="ReplaceAndDelete",
        ),
        row(
            "Modify", "False",
            change("Value", cause="resource Cluster.Endpoint.Address", after=KNOWN_AFTER_APPLY),
            kind="AWS::SSM::Parameter", name="Host",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("value", [INTRINSIC, KNOWN_AFTER_APPLY])
@pytest.mark.parametrize("replacement", ["True", "Conditional"])
def test_rows_that_only_a_placeholder_changes_are_none(value: str, replacement: str) -> None:
    """Neither they nor what follows from them: no change, and no replacement for any gate; a note counts them."""
    found = wired(phantom_rows(value, replacement))
    assert found.rows == ()
    assert found.details == ("AWS lists 3 resources more, for outputs of other layers that stay as they are",)


@pytest.mark.parametrize("value", [INTRINSIC, KNOWN_AFTER_APPLY])
def test_where_the_source_changes_the_rows_stay_and_name_it(value: str) -> None:
    """The output is known after the other layer; what may be replaced counts as such."""
    found = wired(phantom_rows(value), after=VPC)
    assert [each.logical_id for each in found.rows if destructive(each)] == ["Cluster", "Writer"]
    told = {each.name or each.path[-1]: str(each.after) for each in found.rows[0].properties}
    assert told["DBSubnetGroupName"] == "(known after network: VpcId)"
    assert told["DatabaseName"] == "x(known after network: VpcId)"
    assert not found.rows[0].disagreements


def test_where_the_source_has_another_value_the_rows_stay() -> None:
    """Known to both, and another one than before."""
    found = wired(phantom_rows(INTRINSIC), after="vpc-2")
    assert {each.logical_id for each in found.rows if destructive(each)} == {"Cluster", "Writer"}


def test_what_follows_from_a_change_of_ours_stays_beside_a_phantom() -> None:
    """AWS lists the cluster for the placeholder alone, and we for another property: its attribute may change."""
    found = wired(phantom_rows(INTRINSIC), new=wired_template(BackupRetentionPeriod=7))
    rows = {each.logical_id: each for each in found.rows}
    assert set(rows) >= {"Cluster", "Host"}
    assert sentences(rows["Cluster"]) == ("AWS's change set does not change it",)


def test_where_aws_alone_changes_the_source_the_rows_stay() -> None:
    """AWS's rows of the other layer count as much as the comparison of templates."""
    found = wired(phantom_rows(INTRINSIC), moved=frozenset({("network", "VpcId")}))
    assert {each.logical_id for each in found.rows if destructive(each)} == {"Cluster", "Writer"}


@pytest.mark.parametrize("cause", ["parameter Size", "parameter VpcId, parameter Size", "resource Other", ""])
def test_a_row_with_any_other_cause_stays(cause: str) -> None:
    """Another parameter, another resource, or none that AWS names and no placeholder in its value."""
    theirs = change("DBSubnetGroupName", recreation="Always", cause=cause, before="a", after="b")
    found = wired([row("Modify", "True", theirs, kind=CLUSTER, name="Cluster")])
    assert [destructive(each) for each in found.rows] == [True]


@pytest.mark.parametrize("action", ["Remove", "Dynamic", "Import"])
def test_no_other_action_is_a_phantom(action: str) -> None:
    """Whatever its details say."""
    theirs = change("DBSubnetGroupName", recreation="Always", cause="parameter VpcId", after=INTRINSIC)
    assert len(wired([row(action, "", theirs, kind=CLUSTER, name="Cluster")]).rows) == 1


def test_a_direct_modification_alone_is_a_phantom_only_with_a_placeholder_in_its_value() -> None:
    """Newer change sets name DirectModification beside the parameter; alone it is one where its value shows it."""
    theirs = change("DBSubnetGroupName", recreation="Always", before="vpc-1", after=KNOWN_AFTER_APPLY)
    assert wired([row("Modify", "True", theirs, kind=CLUSTER, name="Cluster")]).rows == ()


def test_a_real_change_beside_a_placeholder_stays_without_its_replacement() -> None:
    """The cluster is changed in place, and its instance, which only refers to it, is not touched."""
    cluster, writer, host = phantom_rows(INTRINSIC)
    both = replace(cluster, properties=(*cluster.properties, change("BackupRetentionPeriod", before="1", after="7")))
    new = wired_template(BackupRetentionPeriod=7)
    found = wired([both, writer, host], new=new)
    rows = {each.logical_id: each for each in found.rows}
    assert set(rows) == {"Cluster", "Host"}  # an attribute may change with the cluster, its name does not
    assert (rows["Cluster"].replacement, rows["Cluster"].policy_action) == ("False", "")
    assert [each.name for each in rows["Cluster"].properties] == ["BackupRetentionPeriod"]
    assert not rows["Cluster"].disagreements
    assert not any(map(destructive, found.rows))


def test_a_real_replacement_beside_a_placeholder_stays_one() -> None:
    """The template itself changes what replaces the cluster: its instance follows."""
    cluster, *others = phantom_rows(INTRINSIC)
    renamed = replace(cluster.properties[1], causes=(), after="another")
    theirs = [replace(cluster, properties=(cluster.properties[0], renamed)), *others]
    found = wired(theirs, new=wired_template(DatabaseName="another"))
    assert not [each for each in found.rows if each.disagreements]
    assert {each.logical_id for each in found.rows if destructive(each)} == {"Cluster", "Writer"}


def test_a_replacement_for_a_value_that_is_not_known_yet_is_no_disagreement() -> None:
    """coverage-roadmap#2113: Replacement True with KNOWN_AFTER_APPLY; it counts as replaced all the same."""
    old, new = template(VisibilityTimeout=30), template(VisibilityTimeout=60)
    theirs = row(
        "Modify", "True",
        change("VisibilityTimeout", before="30", after="60"),
        change("QueueName", recreation="Always", cause="resource Other", before="a", after=KNOWN_AFTER_APPLY),
    )  # fmt: skip
    [one] = agreed([theirs], ours(old, new)).rows
    assert (one.replacement, sentences(one)) == ("True", ())
    known = replace(theirs, properties=(theirs.properties[0], replace(theirs.properties[1], after="b")))
    [one] = agreed([known], ours(old, new)).rows
    assert (one.replacement, len(sentences(one))) == ("True", 1)


LONG = "x" * 40 + "Grüße and 日本 " + "y" * 2000


@pytest.mark.parametrize(
    "said",
    [
        LONG,
        LONG[:300],
        LONG[:300] + "...",
        LONG[:45] + "…",
        LONG.encode("ascii", "replace").decode(),
        LONG.encode("ascii", "replace").decode()[:60],
        LONG.replace(" and ", "\n  and  "),
        INTRINSIC,
    ],
)
def test_a_value_that_aws_cut_off_or_mangled_contradicts_nothing(said: str) -> None:
    """Cut anywhere, with ? for what is beyond ASCII, with other white space, or with a placeholder."""
    old, new = template(QueueName="a"), template(QueueName=LONG)
    theirs = row("Modify", "True", change("QueueName", recreation="Always", before="a", after=said))
    assert [sentences(each) for each in agreed([theirs], ours(old, new)).rows] == [()]


@pytest.mark.parametrize("said", ["x", "1", "x" * 39 + "z", "z" + LONG, LONG + "z", LONG[5:400]])
def test_another_value_is_a_contradiction_and_is_told_shortly(said: str) -> None:
    """A short beginning is another value, and so is a long one that is none of ours."""
    old, new = template(QueueName="a"), template(QueueName=LONG)
    theirs = row("Modify", "True", change("QueueName", recreation="Always", before="a", after=said))
    [one] = agreed([theirs], ours(old, new)).rows
    assert len(sentences(one)) == 1
    assert len(sentences(one)[0]) < 200
