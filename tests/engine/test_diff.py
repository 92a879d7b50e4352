"""The template diff: nothing missed, nothing invented, and replacement judged as the CloudFormation reference says."""

import copy
from typing import Any

import pytest
from applying import applied_rows, normal
from hypothesis import given
from hypothesis import strategies as st
from rows import because
from sweeps import sweep

from infragen.changes.diff import EMPTY, ORDER_ONLY, Side, changed_outputs, compare
from infragen.changes.evaluate import evaluated
from infragen.changes.replacement import decided, recreation
from infragen.changes.stack_tags import TAGGED
from infragen.cloud.cloudformation import CauseKind, PropertyChange, ResourceChange
from infragen.secrecy.shown import KnownAfter

REGION = "eu-central-1"
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", "${P}", "${!x}"])
INTRINSICS = st.sampled_from(
    [
        {"Ref": "P"},
        {"Ref": "R0"},
        {"Fn::GetAtt": ["R1", "Arn"]},
        {"Fn::Sub": "x-${P}-${R0.Arn}"},
        {"Fn::Join": [",", ["a"]]},
    ]
)
VALUES = st.recursive(
    SCALARS | INTRINSICS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ABCD"), inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(["AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::RDS::DBCluster", "Custom::Thing"])
RESOURCES = st.fixed_dictionaries(
    {"Type": TYPES},
    optional={
        "Properties": st.dictionaries(
            st.sampled_from(["QueueName", "FifoQueue", "DisplayName", "Tags"]), VALUES, max_size=3
        ),
        "DependsOn": st.sampled_from(["R0", "R1"]),
        "DeletionPolicy": st.sampled_from(["Delete", "Retain", "Snapshot"]),
        "Metadata": VALUES,
        "Condition": st.just("C"),
    },
)
BODIES = st.builds(
    lambda resources: {
        "Parameters": {"P": {"Type": "String"}},
        "Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, "a"]}},
        "Resources": resources,
    },
    st.dictionaries(st.sampled_from(["R0", "R1", "R2"]), RESOURCES, max_size=3),
)
PARAMETERS = st.sampled_from([{}, {"P": "a"}, {"P": "b"}, {"P": KnownAfter("network", "P")}])


def bare(resources: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without empty Properties: having none and having an empty map of them is the same to CloudFormation."""
    return {name: {k: v for k, v in each.items() if (k, v) != ("Properties", {})} for name, each in resources.items()}


def own(rows: tuple[ResourceChange, ...]) -> tuple[ResourceChange, ...]:
    """The rows without what only follows from another resource's replacement."""
    kept = []
    for row in rows:
        properties = tuple(
            each for each in row.properties if CauseKind.RESOURCE not in {one.kind for one in each.causes}
        )
        kept.append(ResourceChange(row.layer, row.action, row.logical_id, row.type, properties=properties))
    return tuple(kept)


@pytest.mark.long
@given(BODIES, PARAMETERS, BODIES, PARAMETERS)
@sweep(short=150, soak=10_000)
def test_the_shown_changes_make_the_new_template_of_the_old(
    old: dict[str, Any], old_values: dict[str, object], new: dict[str, Any], new_values: dict[str, object]
) -> None:
    """Nothing is missed: applying every row to the old resources gives the new ones."""
    if old_values.get("P", "") != "a":  # what is deployed has real values
        old_values = {"P": "b"}
    rows = compare("x", REGION, Side(old, old_values), Side(new, new_values))
    made = applied_rows(evaluated(old, old_values), own(rows))
    assert normal(bare(made)) == normal(bare(evaluated(new, new_values)))


@pytest.mark.long
@given(BODIES, PARAMETERS)
@sweep(short=60, soak=5000)
def test_equal_templates_have_no_changes(body: dict[str, Any], values: dict[str, object]) -> None:
    """Nothing is invented."""
    assert compare("x", REGION, Side(body, values), Side(copy.deepcopy(body), dict(values))) == ()


@pytest.mark.long
@given(BODIES, PARAMETERS)
@sweep(short=60, soak=5000)
def test_a_first_deployment_adds_everything_and_a_removal_removes_it(
    body: dict[str, Any], values: dict[str, object]
) -> None:
    """Against nothing each resource is one Add, and the other way round one Remove."""
    names = set(evaluated(body, values))
    added, removed = (
        compare("x", REGION, *sides) for sides in ((EMPTY, Side(body, values)), (Side(body, values), EMPTY))
    )
    assert {(row.logical_id, row.action) for row in added} == {(name, "Add") for name in names}
    assert {(row.logical_id, row.action) for row in removed} == {(name, "Remove") for name in names}


@pytest.mark.parametrize(
    ("resource_type", "path", "expected"),
    [
        ("AWS::RDS::DBCluster", ("DBClusterIdentifier",), "Always"),
        ("AWS::RDS::DBCluster", ("MasterUsername",), "Conditionally"),
        ("AWS::RDS::DBCluster", ("KmsKeyId",), "Always"),
        ("AWS::RDS::DBCluster", ("StorageEncrypted",), "Always"),
        ("AWS::RDS::DBCluster", ("ServerlessV2ScalingConfiguration", "MaxCapacity"), "Never"),
        ("AWS::RDS::DBCluster", ("BackupRetentionPeriod",), "Never"),
        ("AWS::RDS::DBCluster", ("EngineVersion",), "Never"),
        ("AWS::RDS::DBCluster", ("Engine",), "Conditionally"),
        ("AWS::RDS::DBInstance", ("DBInstanceIdentifier",), "Always"),
        ("AWS::RDS::DBInstance", ("DBInstanceClass",), "Never"),
        ("AWS::SQS::Queue", ("QueueName",), "Always"),
        ("AWS::SQS::Queue", ("FifoQueue",), "Always"),
        ("AWS::SQS::Queue", ("VisibilityTimeout",), "Never"),
        ("AWS::SQS::Queue", ("RedrivePolicy", "maxReceiveCount"), "Never"),
        ("AWS::ECR::Repository", ("RepositoryName",), "Always"),
        ("AWS::ECR::Repository", ("EncryptionConfiguration", "KmsKey"), "Always"),
        ("AWS::ECR::Repository", ("EncryptionConfiguration",), "Always"),
        ("AWS::ECR::Repository", ("LifecyclePolicy",), "Never"),
        ("AWS::EC2::VPC", ("CidrBlock",), "Always"),
        ("AWS::EC2::VPC", ("EnableDnsSupport",), "Never"),
        ("AWS::EC2::Subnet", ("CidrBlock",), "Always"),
        ("AWS::EC2::Subnet", ("MapPublicIpOnLaunch",), "Never"),
        ("AWS::EC2::SecurityGroup", ("GroupDescription",), "Always"),
        ("AWS::EC2::SecurityGroup", ("SecurityGroupIngress", 0, "CidrIp"), "Never"),
        ("AWS::EC2::Instance", ("ImageId",), "Always"),
        ("AWS::EC2::Instance", ("UserData",), "Conditionally"),
        ("AWS::EC2::NatGateway", ("SubnetId",), "Always"),
        ("AWS::ECS::TaskDefinition", ("ContainerDefinitions", 0, "Image"), "Always"),
        ("AWS::ECS::Service", ("TaskDefinition",), "Never"),
        ("AWS::ECS::Service", ("ServiceName",), "Always"),
        ("AWS::ECS::Cluster", ("ClusterName",), "Always"),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", ("Scheme",), "Always"),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", ("SecurityGroups",), "Never"),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", ("Port",), "Always"),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", ("HealthCheckPath",), "Never"),
        ("AWS::Lambda::Function", ("FunctionName",), "Always"),
        ("AWS::Lambda::Function", ("MemorySize",), "Never"),
        ("AWS::Lambda::Function", ("Code", "S3Key"), "Never"),
        ("AWS::IAM::Role", ("RoleName",), "Always"),
        ("AWS::IAM::Role", ("Policies", 0, "PolicyDocument"), "Never"),
        ("AWS::Logs::LogGroup", ("LogGroupName",), "Always"),
        ("AWS::Logs::LogGroup", ("RetentionInDays",), "Never"),
        ("AWS::S3::Bucket", ("BucketName",), "Always"),
        ("AWS::S3::Bucket", ("LifecycleConfiguration",), "Never"),
        ("AWS::SecretsManager::Secret", ("Name",), "Always"),
        ("AWS::SecretsManager::Secret", ("Description",), "Never"),
        ("AWS::KMS::Key", ("KeyPolicy",), "Never"),
        ("AWS::SNS::Topic", ("TopicName",), "Always"),
        ("AWS::CloudFormation::Stack", ("TemplateURL",), "Never"),
        ("AWS::ECS::CapacityProvider", ("AutoScalingGroupProvider", "AutoScalingGroupArn"), "Always"),
        ("AWS::ECS::CapacityProvider", ("AutoScalingGroupProvider", "ManagedScaling", "Status"), "Never"),
        ("AWS::ECS::CapacityProvider", ("AutoScalingGroupProvider",), "Always"),
        ("AWS::EC2::VPCEndpoint", ("DnsOptions", "DnsRecordIpType"), "Never"),
        ("AWS::EC2::VPCEndpoint", ("PolicyDocument",), "Never"),
        ("AWS::EC2::VPCEndpoint", ("ServiceName",), "Always"),
        ("AWS::MSK::Replicator", ("ReplicationInfoList", 0, "SourceKafkaClusterArn"), "Always"),
        ("AWS::MSK::Replicator", ("ReplicationInfoList", 0, "TopicReplication", "TopicsToReplicate"), "Never"),
        ("AWS::Scheduler::Schedule", ("ScheduleExpression",), "Never"),
        ("AWS::CloudWatch::Alarm", ("AlarmName",), "Always"),
        ("AWS::CloudWatch::Alarm", ("Threshold",), "Never"),
        ("AWS::Lambda::EventSourceMapping", ("EventSourceArn",), "Always"),
        ("AWS::Lambda::EventSourceMapping", ("BatchSize",), "Never"),
        ("Custom::Credentials", ("ServiceToken",), "Always"),
        ("Custom::Credentials", ("RotationDays",), "Never"),
    ],
)
def test_replacement_is_what_the_resource_reference_says(
    resource_type: str, path: tuple[str | int, ...], expected: str
) -> None:
    """Property by property, what the CloudFormation Template Reference says under "Update requires"."""
    assert recreation(resource_type, REGION, ("Properties", *path)) == expected


@pytest.mark.parametrize(("before", "after"), [(True, 1), (0, False), ("1", 1), (1, 1.0), (None, "")])
def test_a_value_of_another_type_is_a_change(before: object, after: object) -> None:
    """A reader of the template sees the difference, whatever the service makes of it."""
    sides = [
        Side({"Resources": {"T": {"Type": "Custom::T", "Properties": {"A": each}}}}, {}) for each in (before, after)
    ]
    [row] = compare("x", REGION, *sides)
    assert [each.path for each in row.properties] == [("Properties", "A")]


def test_a_stacks_tags_change_what_they_reach_and_nothing_else() -> None:
    """Types that take tags, whatever the property is called; not over a tag of the resource's own."""
    own = {"list": [{"Key": "Team", "Value": "own"}], "map": {"Team": "own"}, "later": {"Ref": "P"}}
    body: dict[str, Any] = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Policy": {"Type": "AWS::SQS::QueuePolicy"},
            "Named": {"Type": "AWS::SQS::Queue", "Properties": {"Tags": own["list"]}},
            "Unknown": {"Type": "AWS::SQS::Queue", "Properties": {"Tags": own["later"]}},
            "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Tags": own["map"]}},
            "Users": {"Type": "AWS::Cognito::UserPool"},
            "OwnUsers": {"Type": "AWS::Cognito::UserPool", "Properties": {"UserPoolTags": own["map"]}},
            "Custom": {"Type": "Custom::Thing"},
            "Layer": {"Type": "AWS::CloudFormation::Stack", "Properties": {"Tags": own["list"]}},
        }
    }
    reached = compare("x", REGION, Side(body, {}), Side(body, {}), tags={"Team"})
    assert [each.logical_id for each in reached] == ["Queue", "Unknown", "Users"]
    assert {each.causes for each in reached} == {(TAGGED,)}
    assert {each.properties for each in reached} == {(PropertyChange(("Tags",), causes=(TAGGED,)),)}
    more = compare("x", REGION, Side(body, {}), Side(body, {}), tags={"Team", "CostCentre"})
    assert {each.logical_id for each in more} == set(body["Resources"]) - {"Policy", "Custom"}


def test_a_stacks_tags_join_what_else_changes_in_a_resource() -> None:
    """What is new or goes has no row for them; a type whose tags are create-only is replaced by them."""
    old: dict[str, Any] = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "Old": {"Type": "AWS::SQS::Queue"}}}
    new: dict[str, Any] = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 5}},
            "New": {"Type": "AWS::SQS::Queue"},
        }
    }
    rows = {each.logical_id: each for each in compare("x", REGION, Side(old, {}), Side(new, {}), tags={"Team"})}
    assert {name: each.action for name, each in rows.items()} == {"Queue": "Modify", "New": "Add", "Old": "Remove"}
    assert [each.path for each in rows["Queue"].properties] == [("Properties", "DelaySeconds"), ("Tags",)]
    body = {"Resources": {"Key": {"Type": "AWS::EC2::KeyPair"}}}
    [key] = compare("x", REGION, Side(body, {}), Side(body, {}), tags={"Team"})
    assert (key.replacement, key.properties[0].recreation) == ("True", "Always")


def test_replacement_spreads_through_references() -> None:
    """What refers to a replaced resource by a create-only property is replaced in turn; by another it is updated."""
    old: dict[str, Any] = {
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
            "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"}},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Fn::Sub": "${Subnet}"}}},
            "Topic": {"Type": "AWS::SNS::Topic"},
        }
    }
    new = copy.deepcopy(old)
    new["Resources"]["Vpc"]["Properties"]["CidrBlock"] = "10.1.0.0/16"
    rows = {row.logical_id: row for row in compare("network", REGION, Side(old, {}), Side(new, {}))}
    assert {name: row.replacement for name, row in rows.items()} == {
        "Vpc": "True",
        "Subnet": "True",
        "Function": "False",
    }
    assert because(rows["Subnet"]) == "resource Vpc"
    assert because(rows["Function"]) == "resource Subnet"
    assert rows["Vpc"].policy_action == "ReplaceAndDelete"


def test_a_value_that_is_not_known_yet_may_replace() -> None:
    """A create-only property that waits for another layer is Conditional, not certain."""
    body = {
        "Parameters": {"VpcId": {"Type": "String"}},
        "Resources": {"Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "VpcId"}}}},
    }
    later = KnownAfter("network", "VpcId")
    [row] = compare("x", REGION, Side(body, {"VpcId": "vpc-1"}), Side(body, {"VpcId": later}))
    assert row.replacement == "Conditional"
    assert row.properties[0].after == later
    assert because(row) == "parameter VpcId"


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"Type": "AWS::RDS::DBCluster"}, "Snapshot"),
        ({"Type": "AWS::RDS::DBInstance"}, "Snapshot"),
        ({"Type": "AWS::RDS::DBInstance", "Properties": {"DBClusterIdentifier": "c"}}, "Delete"),
        ({"Type": "AWS::S3::Bucket"}, "Delete"),
        ({"Type": "AWS::S3::Bucket", "DeletionPolicy": "RetainExceptOnCreate"}, "Retain"),
        ({"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Delete"}, "Delete"),
    ],
)
def test_a_removed_resource_says_what_becomes_of_it(resource: dict[str, Any], expected: str) -> None:
    """Its DeletionPolicy, or the default of its type."""
    [row] = compare("x", REGION, Side({"Resources": {"R": resource}}, {}), EMPTY)
    assert (row.action, row.policy_action) == ("Remove", expected)


def test_outputs_that_will_change_are_found() -> None:
    """By their own expression, a parameter's value, or a resource that is new or replaced."""
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": False}}
    outputs = {
        "Arn": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}},
        "Tag": {"Value": {"Ref": "Tag"}},
        "Fixed": {"Value": "x"},
    }
    body = {"Parameters": {"Tag": {"Type": "String"}}, "Resources": {"Queue": queue}, "Outputs": outputs}
    fifo = {**body, "Resources": {"Queue": {**queue, "Properties": {"FifoQueue": True}}}}
    sides = {"same": Side(body, {"Tag": "a"}), "tagged": Side(body, {"Tag": "b"}), "replaced": Side(fifo, {"Tag": "a"})}
    moved = {
        name: changed_outputs(sides["same"], side, compare("x", REGION, sides["same"], side), REGION)
        for name, side in sides.items()
    }
    assert moved == {"same": frozenset(), "tagged": {"Tag"}, "replaced": {"Arn"}}


@pytest.mark.parametrize(
    ("kind", "attribute", "changes", "moves"),
    [
        ("AWS::SNS::Topic", "DisplayName", {"DisplayName": "b"}, True),
        ("AWS::SNS::Topic", "DisplayName", {"Tags": [{"Key": "a", "Value": "b"}]}, False),
        ("AWS::SNS::Topic", "TopicName", {"DisplayName": "b"}, False),
        ("AWS::SNS::Topic", "", {"DisplayName": "b"}, False),
        ("AWS::EC2::LaunchTemplate", "LatestVersionNumber", {"LaunchTemplateData": {"ImageId": "b"}}, True),
        ("AWS::ElastiCache::ServerlessCache", "ARN", {"Description": "b"}, False),
        ("AWS::RDS::DBCluster", "Endpoint.Port", {"Port": 5433}, True),
        ("AWS::RDS::DBCluster", "Endpoint.Port", {"BackupRetentionPeriod": 3}, False),
        ("AWS::RDS::DBCluster", "MasterUserSecret.SecretArn", {"ManageMasterUserPassword": True}, True),
        ("AWS::RDS::DBCluster", "MasterUserSecret.SecretArn", {"Port": 5433}, False),
        ("Custom::Thing", "Value", {"Asked": "b"}, True),
        ("Custom::Thing", "", {"Tags": "b"}, True),
        ("AWS::CloudFormation::CustomResource", "", {"Asked": "b"}, True),
    ],
)
def test_what_is_taken_of_a_resource_may_move_though_it_changes_in_place(
    kind: str, attribute: str, changes: dict[str, Any], moves: bool
) -> None:
    """An output, and what takes it in the same template: a name of a queue, which is replaced then."""
    taken = {"Fn::GetAtt": ["One", attribute]} if attribute else {"Ref": "One"}
    named = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Join": ["-", ["jobs", taken]]}}}
    alarm = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": {"Fn::GetAtt": ["Jobs", "QueueName"]}}}

    def side(**more: Any) -> Side:
        one = {"Type": kind, "Properties": {"Fixed": "a", **more}}
        resources = {"One": one, "Jobs": named, "Alarm": alarm}
        return Side({"Resources": resources, "Outputs": {"Taken": {"Value": taken}}}, {})

    rows = compare("x", REGION, side(), side(**changes))
    assert changed_outputs(side(), side(**changes), rows, REGION) == ({"Taken"} if moves else frozenset())
    told = {row.logical_id: row.replacement for row in rows}
    assert told == {"One": "False", **({"Jobs": "Conditional", "Alarm": "Conditional"} if moves else {})}
    assert [each.logical_id for each in compare("x", REGION, side(), side(**changes), side_by_side=True)] == ["One"]


LIFECYCLE = ("Properties", "LifecycleConfiguration")


@pytest.mark.parametrize(
    ("resource_type", "path", "said", "expected"),
    [
        ("AWS::S3::Bucket", LIFECYCLE, "Conditionally", "False"),
        ("AWS::S3::Bucket", LIFECYCLE, "Always", "Conditional"),
        ("AWS::S3::Bucket", ("Properties", "BucketName"), "Conditionally", "Conditional"),
        ("AWS::S3::Bucket", ("Properties", "NoSuch"), "Conditionally", "Conditional"),
        ("AWS::S3::Bucket", ("Properties",), "Conditionally", "Conditional"),
        ("AWS::S3::Bucket", None, "", "Conditional"),
        ("AWS::RDS::DBCluster", ("Properties", "Engine"), "Conditionally", "Conditional"),
        ("Custom::Thing", ("Properties", "A"), "Conditionally", "Conditional"),
    ],
)
def test_conditional_is_decided_by_the_schema_only_where_it_is_sure(
    resource_type: str, path: tuple[str, ...] | None, said: str, expected: str
) -> None:
    """Every changed property must be known, none of them create-only, and none called Always by AWS."""
    changes = (PropertyChange(path, recreation=said),) if path else ()
    assert decided(resource_type, "Modify", "Conditional", changes, "us-east-1") == expected


@given(st.sampled_from(["True", "False", "", "Odd"]))
def test_only_conditional_is_ever_decided(replacement: str) -> None:
    """What AWS is sure of stays."""
    changes = (PropertyChange(LIFECYCLE, recreation="Conditionally"),)
    assert decided("AWS::S3::Bucket", "Modify", replacement, changes, "us-east-1") == replacement


def renamed(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    rows = compare("x", REGION, Side({"Resources": old}, {}), Side({"Resources": new}, {}))
    return {row.logical_id: row.renamed for row in rows if row.renamed}


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 1, "VisibilityTimeout": 2, **properties}}


def test_r7_another_logical_id_for_the_same_resource_is_pointed_out() -> None:
    """R7: a removed and an added resource of one type that share most properties are one resource that is renamed."""
    assert renamed({"Old": queue()}, {"New": queue()}) == {"Old": "New", "New": "Old"}
    assert renamed({"Old": queue()}, {"New": queue(KmsMasterKeyId="k")}) == {}
    assert renamed({"Old": queue(A=1, B=2)}, {"New": queue(A=1, B=3)}) == {"Old": "New", "New": "Old"}
    assert renamed({"Old": {"Type": "AWS::SNS::Topic"}}, {"New": {"Type": "AWS::SNS::Topic"}}) == {
        "Old": "New",
        "New": "Old",
    }


def test_r7_nothing_else_is_taken_for_a_renaming() -> None:
    """Another type, other properties, and of several the likeliest only."""
    assert renamed({"Old": queue()}, {"New": {**queue(), "Type": "AWS::SNS::Topic"}}) == {}
    assert renamed({"Old": queue(), "Kept": queue()}, {"Kept": queue()}) == {}
    assert renamed({"Near": queue(A=1), "Far": queue(A=2)}, {"New": queue(A=1)}) == {"Near": "New", "New": "Near"}


def test_a_parameter_is_the_cause_of_what_its_condition_decides() -> None:
    """Of a value, of a part of a value, and of a resource that is there or not."""
    body = {
        "Parameters": {"P": {"Type": "String"}},
        "Conditions": {
            "A": {"Fn::Equals": [{"Ref": "P"}, "a"]},
            "B": {"Fn::Not": [{"Condition": "A"}]},
        },
        "Resources": {
            "T": {"Type": "AWS::SNS::Topic", "Condition": "B"},
            "Q": queue(DelaySeconds={"Fn::If": ["B", 1, 2]}, Tags=[{"Key": "P", "Value": {"Ref": "P"}}]),
        },
    }
    rows = {row.logical_id: row for row in compare("x", REGION, Side(body, {"P": "a"}), Side(body, {"P": "b"}))}
    assert because(rows["T"]) == "parameter P"
    assert {each.name: because(each) for each in rows["Q"].properties} == {
        "DelaySeconds": "parameter P",
        "Tags[P].Value": "parameter P",
    }


def test_a_value_that_is_part_known_is_told_inside() -> None:
    """A dashboard with one name that an earlier layer gives differs in that name alone."""
    text = '{"widgets": [{"metrics": ["a", "${Name}"]}, {"x": 1}]}'
    resource = {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": {"Fn::Sub": text}}}
    body = {"Parameters": {"Name": {"Type": "String"}}, "Resources": {"D": resource}}
    later = KnownAfter("api", "Name")
    [row] = compare("x", REGION, Side(body, {"Name": "old"}), Side(body, {"Name": later}))
    assert [(each.name, each.before, each.after, because(each)) for each in row.properties] == [
        ("DashboardBody.widgets[0].metrics[1]", "old", later, "parameter Name")
    ]


def test_a_list_whose_order_means_nothing_says_so() -> None:
    """It goes through an update all the same; a create-only one may be replaced, which only its provider knows."""
    tags = [{"Key": key, "Value": "1"} for key in "ab"]
    names = ["a.example.com", "b.example.com"]
    kinds: dict[str, dict[str, Any]] = {
        "AWS::SQS::Queue": {"Tags": tags},
        "AWS::Lambda::Function": {"Layers": names},
    }
    notes = {}
    for kind, properties in kinds.items():
        old, new = ({"Resources": {"R": {"Type": kind, "Properties": each}}} for each in (
            properties, {key: value[::-1] for key, value in properties.items()}
        ))  # fmt: skip
        [row] = compare("x", REGION, Side(old, {}), Side(new, {}))
        notes[kind] = {each.note for each in row.properties}
    assert notes == {"AWS::SQS::Queue": {ORDER_ONLY}, "AWS::Lambda::Function": {""}}


def test_a_parameter_is_no_cause_where_the_template_itself_changes() -> None:
    """Two things changed, and the parameter alone would not have done it."""
    old, new = (
        {"Parameters": {"P": {"Type": "String"}}, "Resources": {"T": {"Type": "Custom::T", "Properties": {"A": each}}}}
        for each in ({"Fn::Sub": "x-${P}"}, {"Fn::Sub": "y-${P}"})
    )
    [row] = compare("x", REGION, Side(old, {"P": "a"}), Side(new, {"P": "b"}))
    assert [(each.before, each.after, because(each)) for each in row.properties] == [("x-a", "y-b", "")]
