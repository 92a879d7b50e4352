"""The emulator's faults that are mended: each one through CloudFormation over HTTP, with a small template."""

import ast
import importlib
import io
import json
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore.session
import pytest
from emulator import Clients, Faults, delete, deploy, events, fresh_account, outputs, reasons, settled

from infragen.config.schema import INTERFACE_ENDPOINTS
from infragen.machine.emulator import Emulator
from infragen_local import patches, private_names
from infragen_local.saving import changes

Template = dict[str, Any]

NETWORK: Template = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
    "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"}},
    "Group": {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "GroupDescription": "web",
            "VpcId": {"Ref": "Vpc"},
            "SecurityGroupEgress": [
                {"IpProtocol": "icmp", "FromPort": 252, "ToPort": 86, "CidrIp": "255.255.255.255/32"}
            ],
        },
    },
}


def template(resources: Template, **outputs: Any) -> Template:
    """Return a template with these resources, and outputs by name."""
    return {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}


class Nested:
    """A root stack with one child, whose template is in S3 under a bucket's own host name."""

    def __init__(self, client: Clients, bucket: str) -> None:
        self.cloudformation, self.s3, self.bucket = client("cloudformation"), client("s3"), bucket
        self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})

    def deploy(self, child: Template) -> str:
        body = json.dumps(child)
        key = f"templates/{abs(hash(body))}.json"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body.encode())
        url = f"https://{self.bucket}.s3.eu-central-1.amazonaws.com/{key}"
        return deploy(
            self.cloudformation,
            "root",
            template(
                {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}},
                Child={"Ref": "Child"},
                **{name: {"Fn::GetAtt": ["Child", f"Outputs.{name}"]} for name in child.get("Outputs", {})},
            ),
        )

    def child_events(self) -> list[tuple[str, str]]:
        return [event[:2] for event in events(self.cloudformation, self.child_id())]

    def child_id(self) -> str:
        resources = self.cloudformation.describe_stack_events(StackName="root")["StackEvents"]
        found = {event["PhysicalResourceId"] for event in resources if event["LogicalResourceId"] == "Child"}
        (child_id,) = found - {""}
        return str(child_id)


@pytest.fixture
def nested(client: Clients, account: str) -> Nested:
    return Nested(client, f"templates-{account}")


# --- EC2 --------------------------------------------------------------------------------------------------------------


def test_addresses_and_nat_gateways_are_created_replaced_and_deleted(client: Clients) -> None:
    """An EIP and a NAT gateway show in EC2; a gateway that moves to another address is replaced."""
    cloudformation, ec2 = client("cloudformation"), client("ec2")

    def with_address(name: str) -> Template:
        return template(
            {
                **NETWORK,
                "One": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
                "Two": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
                "Nat": {
                    "Type": "AWS::EC2::NatGateway",
                    "Properties": {
                        "SubnetId": {"Ref": "Subnet"},
                        "AllocationId": {"Fn::GetAtt": [name, "AllocationId"]},
                    },
                },
            },
            Nat={"Ref": "Nat"},
            Address={"Ref": name},
        )

    assert deploy(cloudformation, "nat", with_address("One")) == "CREATE_COMPLETE"
    first = outputs(cloudformation, "nat")
    addresses = {address["PublicIp"]: address["AllocationId"] for address in ec2.describe_addresses()["Addresses"]}
    assert first["Address"] in addresses
    gateway = ec2.describe_nat_gateways(NatGatewayIds=[first["Nat"]])["NatGateways"][0]
    assert gateway["State"] == "available"
    assert deploy(cloudformation, "nat", with_address("One")) == "unchanged"
    assert deploy(cloudformation, "nat", with_address("Two")) == "UPDATE_COMPLETE"
    second = outputs(cloudformation, "nat")
    assert second["Nat"] != first["Nat"]
    assert [found["NatGatewayId"] for found in ec2.describe_nat_gateways()["NatGateways"]] == [second["Nat"]]
    assert delete(cloudformation, "nat") == "DELETE_COMPLETE"
    assert ec2.describe_nat_gateways()["NatGateways"] == []
    assert ec2.describe_addresses()["Addresses"] == []


def test_every_service_that_an_environment_may_name_has_an_endpoint_service(client: Clients) -> None:
    """As in the regions of AWS that have them all: else `infragen doctor` would find the emulator lacking."""
    ec2 = client("ec2")
    names = [f"com.amazonaws.{ec2.meta.region_name}.{each}" for each in ("s3", *INTERFACE_ENDPOINTS)]
    wanted: Any = [{"Name": "service-name", "Values": names}]
    found = ec2.describe_vpc_endpoint_services(Filters=wanted)["ServiceDetails"]
    assert {each["ServiceName"] for each in found} == set(names)


def test_security_group_rules_reach_their_group_and_leave_it(client: Clients) -> None:
    """Separate ingress and egress rules show in the group, follow an update, and go with the stack's resource."""
    cloudformation, ec2 = client("cloudformation"), client("ec2")

    def with_rules(**rules: Template) -> Template:
        return template({**NETWORK, **rules}, Group={"Ref": "Group"})

    def ingress(port: int) -> Template:
        return {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {
                "GroupId": {"Ref": "Group"},
                "IpProtocol": "tcp",
                "FromPort": port,
                "ToPort": port,
                "SourceSecurityGroupId": {"Ref": "Group"},
            },
        }

    egress = {
        "Type": "AWS::EC2::SecurityGroupEgress",
        "Properties": {
            "GroupId": {"Ref": "Group"},
            "IpProtocol": "tcp",
            "FromPort": 443,
            "ToPort": 443,
            "CidrIp": "0.0.0.0/0",
        },
    }

    def ports(direction: str) -> set[int]:
        group = outputs(cloudformation, "rules")["Group"]
        found = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
        return {rule["FromPort"] for rule in found[direction]}

    assert deploy(cloudformation, "rules", with_rules(In=ingress(80), Out=egress)) == "CREATE_COMPLETE"
    assert (ports("IpPermissions"), ports("IpPermissionsEgress")) == ({80}, {252, 443})
    assert deploy(cloudformation, "rules", with_rules(In=ingress(81), Out=egress)) == "UPDATE_COMPLETE"
    assert ports("IpPermissions") == {81}
    assert deploy(cloudformation, "rules", with_rules(In=ingress(81))) == "UPDATE_COMPLETE"
    assert ports("IpPermissionsEgress") == {252}


def test_a_change_set_says_that_a_rule_is_replaced(client: Clients) -> None:
    """Replacement is True for a create-only property of an added type, and False for another one."""

    def rule(**properties: Any) -> Template:
        given = {"GroupId": {"Ref": "Group"}, "IpProtocol": "-1", "CidrIp": "10.0.0.0/8", **properties}
        return template({**NETWORK, "Rule": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": given}})

    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "rule", rule()) == "CREATE_COMPLETE"
    found = {}
    for name, body in {"cidr": rule(CidrIp="10.0.0.0/9"), "description": rule(Description="all")}.items():
        cloudformation.create_change_set(StackName="rule", ChangeSetName=name, TemplateBody=json.dumps(body))
        changes = cloudformation.describe_change_set(StackName="rule", ChangeSetName=name)["Changes"]
        found[name] = [change["ResourceChange"]["Replacement"] for change in changes]
    assert found == {"cidr": ["True"], "description": ["False"]}


def test_a_rule_of_a_group_that_does_not_exist_fails(client: Clients) -> None:
    """The reason is EC2's sentence, and the stack rolls back."""
    rule = {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": {"GroupId": "sg-none", "IpProtocol": "-1"}}
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "rule", template({"Rule": rule})) == "ROLLBACK_COMPLETE"
    assert ("Rule", "CREATE_FAILED", "The security group 'sg-none' does not exist") in events(cloudformation, "rule")


def test_a_vpc_has_the_attribute_cidr_block(client: Clients) -> None:
    """GetAtt Vpc.CidrBlock gives the block."""
    cloudformation = client("cloudformation")
    body = template({"Vpc": NETWORK["Vpc"]}, Cidr={"Fn::GetAtt": ["Vpc", "CidrBlock"]})
    assert deploy(cloudformation, "vpc", body) == "CREATE_COMPLETE"
    assert outputs(cloudformation, "vpc") == {"Cidr": "10.0.0.0/16"}


IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"


def instance(timeout: str = "PT1M", **properties: Any) -> Template:
    """Return a template of an instance that has to signal, with its image from Systems Manager."""
    return {
        **template(
            {
                **NETWORK,
                "Instance": {
                    "Type": "AWS::EC2::Instance",
                    "CreationPolicy": {"ResourceSignal": {"Timeout": timeout}},
                    "Properties": {
                        "ImageId": {"Ref": "Image"},
                        "SourceDestCheck": False,
                        "NetworkInterfaces": [
                            {"DeviceIndex": "0", "SubnetId": {"Ref": "Subnet"}, "GroupSet": [{"Ref": "Group"}]}
                        ],
                        **properties,
                    },
                },
            },
            Instance={"Ref": "Instance"},
            Address={"Fn::GetAtt": ["Instance", "PrivateIp"]},
        ),
        "Parameters": {"Image": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": IMAGE}},
    }


def test_an_instance_signals_its_creation_and_is_replaced_by_another_key(client: Clients) -> None:
    """SUCCESS comes as an event with the instance's id; KeyName replaces, UserData and tags do not."""
    cloudformation, ec2 = client("cloudformation"), client("ec2")
    assert deploy(cloudformation, "nat", instance()) == "CREATE_COMPLETE"
    first = outputs(cloudformation, "nat")["Instance"]
    reason = f"Received SUCCESS signal with UniqueId {first}"
    assert ("Instance", "CREATE_IN_PROGRESS", reason) in events(cloudformation, "nat")
    assert deploy(cloudformation, "nat", instance(Tags=[{"Key": "a", "Value": "b"}])) == "UPDATE_COMPLETE"
    assert outputs(cloudformation, "nat")["Instance"] == first
    assert deploy(cloudformation, "nat", instance(UserData="IyE=")) == "UPDATE_COMPLETE"
    assert outputs(cloudformation, "nat")["Instance"] == first
    assert deploy(cloudformation, "nat", instance(KeyName="other")) == "UPDATE_COMPLETE"
    second = outputs(cloudformation, "nat")["Instance"]
    assert second != first
    found = ec2.describe_instances(InstanceIds=[second])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "running"
    running = ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])["Reservations"]
    assert [one["InstanceId"] for reservation in running for one in reservation["Instances"]] == [second]


@pytest.mark.parametrize(
    ("signal", "timeout", "reason"),
    [
        ("FAILURE", "PT1M", "Received FAILURE signal with UniqueId i-"),
        ("none", "PT1S", "Failed to receive 1 resource signal(s) within the specified duration"),
    ],
)
def test_an_instance_that_fails_or_stays_silent_fails_the_stack(
    client: Clients, faults: Faults, signal: str, timeout: str, reason: str
) -> None:
    """The event has AWS's sentence."""
    faults(signal=signal)
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "nat", instance(timeout)) == "ROLLBACK_COMPLETE"
    failed = [
        why for name, status, why in events(cloudformation, "nat") if (name, status) == ("Instance", "CREATE_FAILED")
    ]
    assert len(failed) == 1
    assert failed[0].startswith(reason)


def test_signal_resource_ends_the_wait_of_a_silent_instance(client: Clients, faults: Faults) -> None:
    """A silent instance is a resource that takes as long as the test wants."""
    faults(signal="none")
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="nat", TemplateBody=json.dumps(instance()))
    assert cloudformation.describe_stacks(StackName="nat")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"

    def accepted() -> bool:
        """Whether the emulator had come to the instance and waited for its signal."""
        try:
            cloudformation.signal_resource(
                StackName="nat", LogicalResourceId="Instance", UniqueId="me", Status="SUCCESS"
            )
        except cloudformation.exceptions.ClientError as error:
            if "not waiting for signals" not in str(error):
                raise
            return False
        return True

    _until(accepted)
    assert settled(cloudformation, "nat") == "CREATE_COMPLETE"


# --- placeholders -----------------------------------------------------------------------------------------------------


def test_types_without_a_service_get_a_physical_id_and_their_attributes(client: Clients) -> None:
    """Flow logs, rotation schedules, scaling targets and policies, and WAF logging are accepted."""
    body = template(
        {
            "Log": {"Type": "AWS::EC2::FlowLog", "Properties": {"ResourceId": "vpc-1", "ResourceType": "VPC"}},
            "Schedule": {"Type": "AWS::SecretsManager::RotationSchedule", "Properties": {"SecretId": "arn:secret"}},
            "Target": {
                "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
                "Properties": {
                    "ResourceId": "service/a/b",
                    "ScalableDimension": "ecs:service:DesiredCount",
                    "ServiceNamespace": "ecs",
                    "MinCapacity": 1,
                    "MaxCapacity": 2,
                },
            },
            "Policy": {
                "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
                "Properties": {"PolicyName": "cpu", "ScalingTargetId": {"Ref": "Target"}},
            },
            "Logging": {"Type": "AWS::WAFv2::LoggingConfiguration", "Properties": {"ResourceArn": "arn:acl"}},
        },
        Log={"Fn::GetAtt": ["Log", "Id"]},
        Schedule={"Ref": "Schedule"},
        Target={"Ref": "Target"},
        Policy={"Fn::GetAtt": ["Policy", "Arn"]},
        Logging={"Ref": "Logging"},
    )
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "placeholders", body) == "CREATE_COMPLETE"
    given = outputs(cloudformation, "placeholders")
    assert given["Log"].startswith("fl-")
    assert given["Schedule"] == "arn:secret"
    assert given["Target"] == "service/a/b|ecs:service:DesiredCount|ecs"
    assert given["Policy"].endswith(":resource/ecs/service/a/b:policyName/cpu")
    assert given["Logging"] == "arn:acl"
    assert deploy(cloudformation, "placeholders", body) == "unchanged"
    assert delete(cloudformation, "placeholders") == "DELETE_COMPLETE"


# --- alarms and WAF ---------------------------------------------------------------------------------------------------

ALARM: Template = {
    "Type": "AWS::CloudWatch::Alarm",
    "Properties": {
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "Metrics": [{"Id": "ratio", "Expression": "errors / calls"}],
    },
}


def composite(rule: Any) -> Template:
    """Return a template of one alarm and one composite alarm with this rule."""
    return template(
        {"Alarm": ALARM, "Both": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmRule": rule}}},
        Both={"Ref": "Both"},
    )


def test_alarms_of_metric_math_and_composite_alarms_are_real_alarms(client: Clients) -> None:
    """Both show in DescribeAlarms; a changed rule is changed there too."""
    cloudformation, cloudwatch = client("cloudformation"), client("cloudwatch")
    assert deploy(cloudformation, "alarms", composite({"Fn::Sub": 'ALARM("${Alarm}")'})) == "CREATE_COMPLETE"
    name = outputs(cloudformation, "alarms")["Both"]
    kinds = ["MetricAlarm", "CompositeAlarm"]
    found = cloudwatch.describe_alarms(AlarmTypes=kinds)
    assert [alarm["Metrics"][0]["Expression"] for alarm in found["MetricAlarms"]] == ["errors / calls"]
    assert [alarm["AlarmName"] for alarm in found["CompositeAlarms"]] == [name]
    assert deploy(cloudformation, "alarms", composite({"Fn::Sub": 'NOT ALARM("${Alarm}")'})) == "UPDATE_COMPLETE"
    found = cloudwatch.describe_alarms(AlarmTypes=kinds)
    assert [alarm["AlarmRule"][:4] for alarm in found["CompositeAlarms"]] == ["NOT "]
    assert delete(cloudformation, "alarms") == "DELETE_COMPLETE"
    assert cloudwatch.describe_alarms(AlarmTypes=kinds)["CompositeAlarms"] == []


def test_a_composite_alarm_of_a_missing_alarm_fails(client: Clients) -> None:
    """The rule names an alarm that nobody made."""
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "alarms", composite('ALARM("nobody")')) == "ROLLBACK_COMPLETE"
    (failure,) = reasons(cloudformation, "alarms", "Both", "CREATE_FAILED")
    assert "do not exist" in failure


def test_a_web_acl_is_associated_with_a_load_balancer_until_the_stack_goes(client: Clients) -> None:
    """The association is what GetWebACLForResource finds, after a change to another ACL too."""
    balancer = "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/a/1"

    def acl(name: str) -> Template:
        metrics = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}
        given = {"Name": name, "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": metrics}
        return {"Type": "AWS::WAFv2::WebACL", "Properties": given}

    def with_association(name: str) -> Template:
        given = {"ResourceArn": balancer, "WebACLArn": {"Fn::GetAtt": [name, "Arn"]}}
        association = {"Type": "AWS::WAFv2::WebACLAssociation", "Properties": given}
        return template({"One": acl("one"), "Two": acl("two"), "Association": association})

    cloudformation, waf = client("cloudformation"), client("wafv2")
    assert deploy(cloudformation, "waf", with_association("One")) == "CREATE_COMPLETE"
    assert waf.get_web_acl_for_resource(ResourceArn=balancer)["WebACL"]["Name"] == "one"
    assert deploy(cloudformation, "waf", with_association("Two")) == "UPDATE_COMPLETE"
    assert waf.get_web_acl_for_resource(ResourceArn=balancer)["WebACL"]["Name"] == "two"
    assert delete(cloudformation, "waf") == "DELETE_COMPLETE"
    with pytest.raises(waf.exceptions.WAFNonexistentItemException):
        waf.get_web_acl_for_resource(ResourceArn=balancer)


# --- secrets, databases, services -------------------------------------------------------------------------------------


def test_the_ref_of_a_secret_is_its_arn_and_an_empty_secret_has_no_value(client: Clients) -> None:
    """Ref gives the ARN; without a value given there is none; update and delete find the secret by its ARN."""

    def secret(description: str) -> Template:
        return template(
            {"Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Description": description}}},
            Secret={"Ref": "Secret"},
        )

    cloudformation, secrets = client("cloudformation"), client("secretsmanager")
    assert deploy(cloudformation, "secret", secret("one")) == "CREATE_COMPLETE"
    arn = outputs(cloudformation, "secret")["Secret"]
    assert arn.startswith("arn:aws:secretsmanager:")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId=arn)
    secrets.put_secret_value(SecretId=arn, SecretString="written by a function")
    assert deploy(cloudformation, "secret", secret("two")) == "UPDATE_COMPLETE"
    assert outputs(cloudformation, "secret")["Secret"] == arn
    assert secrets.describe_secret(SecretId=arn)["Description"] == "two"
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "written by a function"
    cloudformation.detect_stack_drift(StackName="secret")
    [drift] = cloudformation.describe_stack_resource_drifts(StackName="secret")["StackResourceDrifts"]
    assert drift["StackResourceDriftStatus"] == "IN_SYNC"
    assert delete(cloudformation, "secret") == "DELETE_COMPLETE"
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.describe_secret(SecretId=arn)


def cluster(**properties: Any) -> Template:
    """Return a template of an Aurora cluster whose password RDS manages."""
    return template(
        {
            "Cluster": {
                "Type": "AWS::RDS::DBCluster",
                "DeletionPolicy": "Delete",
                "Properties": {
                    "Engine": "aurora-postgresql",
                    "MasterUsername": "owner",
                    "ManageMasterUserPassword": True,
                    "EnableHttpEndpoint": True,
                    **properties,
                },
            },
            "Writer": {
                "Type": "AWS::RDS::DBInstance",
                "Properties": {
                    "DBClusterIdentifier": {"Ref": "Cluster"},
                    "DBInstanceClass": "db.serverless",
                    "Engine": "aurora-postgresql",
                },
            },
        },
        Cluster={"Fn::GetAtt": ["Cluster", "DBClusterArn"]},
        Secret={"Fn::GetAtt": ["Cluster", "MasterUserSecret.SecretArn"]},
    )


def test_a_managed_master_password_is_a_real_secret(client: Clients) -> None:
    """The secret holds user and password, is kept by an update, and goes with the cluster."""
    cloudformation, secrets = client("cloudformation"), client("secretsmanager")
    assert deploy(cloudformation, "db", cluster()) == "CREATE_COMPLETE"
    arn = outputs(cloudformation, "db")["Secret"]
    value = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    assert value["username"] == "owner"
    assert value["password"]
    assert deploy(cloudformation, "db", cluster(BackupRetentionPeriod=7)) == "UPDATE_COMPLETE"
    assert outputs(cloudformation, "db")["Secret"] == arn
    assert json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"]) == value
    assert delete(cloudformation, "db") == "DELETE_COMPLETE"
    assert secrets.list_secrets()["SecretList"] == []


def test_an_image_that_is_missing_is_an_error(client: Clients) -> None:
    """As on AWS: a tag or digest that a repository lacks is not an empty answer; without one there are no images."""
    ecr = client("ecr")
    ecr.create_repository(repositoryName="shop")
    for wanted in ({"imageTag": "none"}, {"imageDigest": f"sha256:{'0' * 64}"}):
        with pytest.raises(ecr.exceptions.ImageNotFoundException, match="does not exist within the repository"):
            ecr.describe_images(repositoryName="shop", imageIds=[wanted])
    assert ecr.describe_images(repositoryName="shop")["imageDetails"] == []


def test_the_data_api_answers_without_a_database(client: Clients) -> None:
    """A transaction runs to its end; a transaction nobody began is refused, and so is a cluster nobody made."""
    cloudformation, data = client("cloudformation"), client("rds-data")
    assert deploy(cloudformation, "db", cluster()) == "CREATE_COMPLETE"
    given = outputs(cloudformation, "db")
    target = {"resourceArn": given["Cluster"], "secretArn": given["Secret"]}
    begun = data.begin_transaction(**target)["transactionId"]
    statement = "select count(*) from pg_roles"
    rows = data.execute_statement(**target, transactionId=begun, sql=statement)["records"]
    assert rows == [[{"longValue": 1}]]
    assert data.execute_statement(**target, transactionId=begun, sql="create role app")["records"] == []
    assert data.commit_transaction(**target, transactionId=begun)["transactionStatus"] == "Transaction Committed"
    begun = data.begin_transaction(**target)["transactionId"]
    assert data.rollback_transaction(**target, transactionId=begun)["transactionStatus"] == "Rollback Complete"
    with pytest.raises(data.exceptions.ClientError):
        data.execute_statement(**target, transactionId=begun, sql=statement)
    with pytest.raises(data.exceptions.ClientError):
        data.begin_transaction(resourceArn=given["Cluster"] + "x", secretArn=given["Secret"])


def test_a_service_takes_its_count_from_a_parameter(client: Clients) -> None:
    """DesiredCount arrives as text and becomes a number, at creation and at update."""
    body = {
        "Parameters": {"Count": {"Type": "Number"}},
        **template(
            {
                "Cluster": {"Type": "AWS::ECS::Cluster"},
                "Task": {
                    "Type": "AWS::ECS::TaskDefinition",
                    "Properties": {"Family": "api", "ContainerDefinitions": [{"Name": "api", "Image": "node"}]},
                },
                "Service": {
                    "Type": "AWS::ECS::Service",
                    "Properties": {
                        "Cluster": {"Ref": "Cluster"},
                        "TaskDefinition": {"Ref": "Task"},
                        "DesiredCount": {"Ref": "Count"},
                    },
                },
            },
            Cluster={"Ref": "Cluster"},
            Service={"Ref": "Service"},
        ),
    }
    cloudformation, ecs = client("cloudformation"), client("ecs")

    def desired() -> int:
        given = outputs(cloudformation, "api")
        services = ecs.describe_services(cluster=given["Cluster"], services=[given["Service"]])["services"]
        return int(services[0]["desiredCount"])

    assert deploy(cloudformation, "api", body, Count="0") == "CREATE_COMPLETE"
    assert desired() == 0
    assert deploy(cloudformation, "api", body, Count="2") == "UPDATE_COMPLETE"
    assert desired() == 2


def test_a_record_finds_the_hosted_zone_that_existed_before(client: Clients) -> None:
    """A zone that no stack made takes the record."""
    body = template(
        {
            "Record": {
                "Type": "AWS::Route53::RecordSet",
                "Properties": {
                    "HostedZoneId": "Z0123456789ABCDEFGHIJ",
                    "Name": "api.example.com",
                    "Type": "CNAME",
                    "TTL": "60",
                    "ResourceRecords": ["elsewhere.example.net"],
                },
            }
        }
    )
    cloudformation, route53 = client("cloudformation"), client("route53")
    assert deploy(cloudformation, "dns", body) == "CREATE_COMPLETE"
    records = route53.list_resource_record_sets(HostedZoneId="Z0123456789ABCDEFGHIJ")["ResourceRecordSets"]
    assert "api.example.com." in {record["Name"] for record in records}


PROTECTED: dict[str, tuple[Callable[[bool], Template], str]] = {
    "cluster": (
        lambda protected: cluster(DeletionProtection=protected),
        "Cannot delete protected Cluster",
    ),
    "load balancer": (
        lambda protected: template(
            {
                "Balancer": {
                    "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
                    "Properties": {
                        "Subnets": ["subnet-1", "subnet-2"],
                        "LoadBalancerAttributes": [
                            {"Key": "deletion_protection.enabled", "Value": str(protected).lower()}
                        ],
                    },
                }
            }
        ),
        "cannot be deleted because deletion protection is enabled",
    ),
}


@pytest.mark.parametrize("what", PROTECTED)
def test_a_protected_resource_stops_the_deletion_until_it_is_not(client: Clients, what: str) -> None:
    """The stack ends in DELETE_FAILED with AWS's reason; with the protection off it is deleted."""
    body, reason = PROTECTED[what]
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "protected", body(True)) == "CREATE_COMPLETE"
    assert delete(cloudformation, "protected") == "DELETE_FAILED"
    assert any(reason in why for _, status, why in events(cloudformation, "protected") if status == "DELETE_FAILED")


def test_protection_taken_off_through_the_services_lets_the_deletion_through(client: Clients) -> None:
    """What counts is the resource's own state: ModifyDBCluster and ModifyLoadBalancerAttributes are enough."""
    cloudformation, rds, elb = client("cloudformation"), client("rds"), client("elbv2")
    for what, (body, _reason) in PROTECTED.items():
        assert deploy(cloudformation, what.replace(" ", ""), body(True)) == "CREATE_COMPLETE"
    (found,) = rds.describe_db_clusters()["DBClusters"]
    rds.modify_db_cluster(DBClusterIdentifier=found["DBClusterIdentifier"], DeletionProtection=False)
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}],
    )
    for what in PROTECTED:
        assert delete(cloudformation, what.replace(" ", "")) == "DELETE_COMPLETE"


def test_protection_taken_off_lets_the_deletion_through(client: Clients) -> None:
    """An update that switches protection off is enough."""
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "db", cluster(DeletionProtection=True)) == "CREATE_COMPLETE"
    assert deploy(cloudformation, "db", cluster(DeletionProtection=False)) == "UPDATE_COMPLETE"
    assert delete(cloudformation, "db") == "DELETE_COMPLETE"


def test_a_protected_cluster_lets_the_rollback_of_its_first_creation_fail(client: Clients, faults: Faults) -> None:
    """As on AWS: ROLLBACK_FAILED, because what was created cannot be deleted."""
    faults(fail={"create AWS::RDS::DBInstance": [1]})
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "db", cluster(DeletionProtection=True)) == "ROLLBACK_FAILED"


def test_the_image_parameter_shows_as_a_change_of_the_instance(client: Clients) -> None:
    """The arm64 image exists; another image replaces the instance; a missing parameter is refused."""
    cloudformation, ssm = client("cloudformation"), client("ssm")
    ssm.put_parameter(Name="/own/image", Value="ami-0123456789abcdef0", Type="String")
    assert deploy(cloudformation, "nat", instance()) == "CREATE_COMPLETE"
    first = outputs(cloudformation, "nat")["Instance"]
    assert deploy(cloudformation, "nat", instance(), Image="/own/image") == "UPDATE_COMPLETE"
    assert outputs(cloudformation, "nat")["Instance"] != first
    with pytest.raises(cloudformation.exceptions.ClientError, match="ValidationError"):
        deploy(cloudformation, "nat", instance(), Image="/nobody/knows")


def test_a_parameter_from_systems_manager_is_described_by_name_and_value(client: Clients) -> None:
    """ParameterValue is the name that was given, ResolvedValue the image; a value that changed in between shows."""
    cloudformation, ssm = client("cloudformation"), client("ssm")
    ssm.put_parameter(Name="/own/image", Value="ami-0123456789abcdef0", Type="String")

    def described() -> dict[str, str]:
        return dict(cloudformation.describe_stacks(StackName="nat")["Stacks"][0]["Parameters"][0])

    assert deploy(cloudformation, "nat", instance(), Image="/own/image") == "CREATE_COMPLETE"
    known = {"ParameterKey": "Image", "ParameterValue": "/own/image"}
    assert described() == {**known, "ResolvedValue": "ami-0123456789abcdef0"}
    ssm.put_parameter(Name="/own/image", Value="ami-0fedcba9876543210", Type="String", Overwrite=True)
    assert deploy(cloudformation, "nat", instance(), Image="/own/image") == "UPDATE_COMPLETE"
    assert described() == {**known, "ResolvedValue": "ami-0fedcba9876543210"}


# --- custom resources -------------------------------------------------------------------------------------------------

# The physical id is the word, so another word is a replacement.
ANSWER = """
import json, os, urllib.request
import boto3
def handler(event, context):
    sts = boto3.client("sts").get_caller_identity()
    answer = {"Status": "SUCCESS", "PhysicalResourceId": event["ResourceProperties"]["Word"],
              "StackId": event["StackId"],
              "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"],
              "Data": {"Account": sts["Account"], "Word": os.environ["WORD"], "Pid": str(os.getpid())}}
    boto3.client("sqs").create_queue(QueueName="called-" + event["RequestType"])
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT"))
"""
DIES = "import no_such_module\ndef handler(event, context):\n    pass\n"


def custom(code: str, word: str = "hello") -> Template:
    """Return a template of a custom resource and its function."""
    return template(
        {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "same-name-in-all-accounts",
                    "Runtime": "python3.13",
                    "Handler": "index.handler",
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Code": {"ZipFile": code},
                    "Timeout": 30,
                    "Environment": {"Variables": {"WORD": "there"}},
                },
            },
            "Thing": {
                "Type": "Custom::Thing",
                "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Word": word},
            },
        },
        Account={"Fn::GetAtt": ["Thing", "Account"]},
        Word={"Fn::GetAtt": ["Thing", "Word"]},
        Pid={"Fn::GetAtt": ["Thing", "Pid"]},
    )


def test_a_custom_resource_runs_its_function_in_the_account_of_the_stack(client: Clients, account: str) -> None:
    """Create, Update and Delete call the function, with its environment and credentials of the stack's account."""
    cloudformation, sqs = client("cloudformation"), client("sqs")
    assert deploy(cloudformation, "custom", custom(ANSWER)) == "CREATE_COMPLETE"
    given = outputs(cloudformation, "custom")
    assert (given["Account"], given["Word"]) == (account, "there")
    assert deploy(cloudformation, "custom", custom(ANSWER, "other")) == "UPDATE_COMPLETE"
    assert delete(cloudformation, "custom") == "DELETE_COMPLETE"
    called = {url.rsplit("-", 1)[1] for url in sqs.list_queues()["QueueUrls"]}
    assert called == {"Create", "Update", "Delete"}


def test_a_custom_resource_of_a_child_that_gets_another_id_gets_a_delete_for_the_old_one(
    nested: Nested, client: Clients
) -> None:
    """As in a stack of its own: Update answers with a new id, then Delete is called with the old one."""
    assert nested.deploy(custom(ANSWER)) == "CREATE_COMPLETE"
    assert nested.deploy(custom(ANSWER, "other")) == "UPDATE_COMPLETE"
    called = {url.rsplit("-", 1)[1] for url in client("sqs").list_queues()["QueueUrls"]}
    assert called == {"Create", "Update", "Delete"}


@pytest.mark.long
def test_a_function_of_the_same_name_in_another_account_is_left_running(client: Clients) -> None:
    """Creating and deleting a function ends its own processes, and no other account's."""
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "custom", custom(ANSWER)) == "CREATE_COMPLETE"
    pid = int(outputs(cloudformation, "custom")["Pid"])
    elsewhere = client("cloudformation", account=fresh_account())
    assert deploy(elsewhere, "custom", custom(ANSWER)) == "CREATE_COMPLETE"
    assert delete(elsewhere, "custom") == "DELETE_COMPLETE"
    assert _runs(pid)
    assert delete(cloudformation, "custom") == "DELETE_COMPLETE"
    _until(lambda: not _runs(pid))  # it has answered, and may still be on its way out of that call


# Says that it began, and waits for the word to end; does not even start when it is told so.
WAITS = """
import os, pathlib, time
folder = pathlib.Path(FOLDER)
if (folder / "fail").exists():
    raise SystemExit("no")
def handler(event, context):
    (folder / "began").write_text(str(os.getpid()))
    while not (folder / "go").exists():
        time.sleep(0.01)
    return "before"
"""


def test_a_call_in_progress_outlives_new_code_and_the_failure_of_others(client: Clients, tmp_path: Path) -> None:
    """It ends with its own answer, and its process after it; calls that begin after the update run the new code."""
    functions = client("lambda")

    def call() -> Any:
        return json.loads(functions.invoke(FunctionName="waits")["Payload"].read())

    role = f"arn:aws:iam::{fresh_account()}:role/any"
    code = {"ZipFile": zipped(WAITS.replace("FOLDER", repr(str(tmp_path))))}
    named = {"FunctionName": "waits", "Runtime": "python3.13", "Handler": "index.handler", "Role": role}
    functions.create_function(**named, Timeout=300, Code=code)
    with ThreadPoolExecutor(1) as pool:
        try:
            first = pool.submit(call)
            _until((tmp_path / "began").exists)
            (tmp_path / "fail").touch()
            assert "errorMessage" in call()
            functions.update_function_code(FunctionName="waits", ZipFile=zipped("handler = lambda *_: 'after'"))
            assert call() == "after"
            assert not first.done()
            pid = int((tmp_path / "began").read_text())
            assert _runs(pid)
        finally:
            (tmp_path / "go").touch()
        assert first.result() == "before"
    _until(lambda: not _runs(pid))
    assert call() == "after"


def test_a_function_that_does_not_start_is_ended(client: Clients, faults: Faults, tmp_path: Path) -> None:
    """Its call fails with Lambda's words, so that a message that it holds comes again; new code runs at once."""
    faults(start_seconds=0)
    functions = client("lambda")
    hangs = f"import os, pathlib, time\npathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
    named = {"FunctionName": "hangs", "Runtime": "python3.13", "Handler": "index.handler"}
    role = f"arn:aws:iam::{fresh_account()}:role/any"
    functions.create_function(**named, Role=role, Timeout=2, Code={"ZipFile": zipped(f"{hangs}time.sleep(1000)")})
    answer = functions.invoke(FunctionName="hangs")
    assert answer["FunctionError"]
    assert json.loads(answer["Payload"].read())["errorMessage"] == "Task timed out after 2.00 seconds"
    if (tmp_path / "pid").exists():  # on a busy machine it may not have come so far
        pid = (tmp_path / "pid").read_text()
        _until(lambda: not pid or not _runs(int(pid)))
    faults()
    functions.update_function_code(FunctionName="hangs", ZipFile=zipped("handler = lambda *_: 'after'"))
    assert json.loads(functions.invoke(FunctionName="hangs")["Payload"].read()) == "after"


def zipped(code: str) -> bytes:
    """Return an archive of one index.py."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", code)
    return archive.getvalue()


@pytest.mark.long
def test_a_function_that_dies_without_an_answer_fails_after_the_cap(client: Clients, faults: Faults) -> None:
    """AWS waits an hour for it; the emulator waits as long as it is told."""
    faults(custom_resource_seconds=1)
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "custom", custom(DIES)) == "ROLLBACK_COMPLETE"
    reasons = [
        why for name, status, why in events(cloudformation, "custom") if (name, status) == ("Thing", "CREATE_FAILED")
    ]
    assert len(reasons) == 1
    assert "timed out after 1s" in reasons[0]


def _until(found: Callable[[], bool]) -> None:
    """Wait until something is so; a busy machine may take its time."""
    give_up = time.monotonic() + 300
    while not found():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    if not Path("/proc").exists():
        pytest.skip("needs /proc")
    return status.exists() and "State:\tZ" not in status.read_text()


# --- nested stacks ----------------------------------------------------------------------------------------------------


def queue(name: str, seconds: int = 30, **attributes: Any) -> Template:
    """Return a queue."""
    return {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": name, "VisibilityTimeout": seconds},
        **attributes,
    }


def test_a_nested_template_is_found_under_its_buckets_host_name(nested: Nested) -> None:
    """TemplateURL https://BUCKET.s3.REGION.amazonaws.com/KEY."""
    assert (
        nested.deploy(template({"Queue": queue("one")}, Name={"Fn::GetAtt": ["Queue", "QueueName"]}))
        == "CREATE_COMPLETE"
    )
    assert outputs(nested.cloudformation, "root")["Name"] == "one"


def test_a_child_names_its_parent_and_root(nested: Nested) -> None:
    """DescribeStacks of the child has ParentId and RootId; the root has neither."""
    assert nested.deploy(template({"Queue": queue("one")})) == "CREATE_COMPLETE"
    (root,) = nested.cloudformation.describe_stacks(StackName="root")["Stacks"]
    (child,) = nested.cloudformation.describe_stacks(StackName=nested.child_id())["Stacks"]
    assert (child["ParentId"], child["RootId"]) == (root["StackId"], root["StackId"])
    assert "ParentId" not in root
    assert "RootId" not in root


def test_change_sets_are_listed_by_a_stacks_arn(client: Clients) -> None:
    """As by its name; MiniStack knows the name only."""
    cloudformation = client("cloudformation")
    body = json.dumps(template({"Queue": queue("listed", 30)}))
    made = cloudformation.create_change_set(
        StackName="listed", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=body
    )
    for stack in ("listed", made["StackId"]):
        found = cloudformation.list_change_sets(StackName=stack)["Summaries"]
        assert [each["ChangeSetId"] for each in found] == [made["Id"]]
    assert cloudformation.list_change_sets(StackName=made["StackId"] + "0")["Summaries"] == []


def test_a_stack_names_the_change_set_that_was_executed_last(client: Clients) -> None:
    """By ARN; not one that was only made, and none after an update without a change set."""
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "one", template({"Queue": queue("one")})) == "CREATE_COMPLETE"

    def change(seconds: int) -> str:
        body = json.dumps(template({"Queue": queue("one", seconds)}))
        made = cloudformation.create_change_set(StackName="one", ChangeSetName=f"to-{seconds}", TemplateBody=body)
        return str(made["Id"])

    def named() -> str | None:
        (stack,) = cloudformation.describe_stacks(StackName="one")["Stacks"]
        found: str | None = stack.get("ChangeSetId")
        return found

    first = change(31)
    cloudformation.execute_change_set(ChangeSetName=first)
    assert named() == first
    cloudformation.get_waiter("stack_update_complete").wait(StackName="one", WaiterConfig={"Delay": 1})
    second = change(32)
    assert named() == first
    cloudformation.execute_change_set(StackName="one", ChangeSetName="to-32")
    assert named() == second
    cloudformation.get_waiter("stack_update_complete").wait(StackName="one", WaiterConfig={"Delay": 1})
    cloudformation.update_stack(StackName="one", TemplateBody=json.dumps(template({"Queue": queue("one", 33)})))
    assert named() is None


def test_an_update_keeps_the_attributes_of_unchanged_resources_of_a_child(nested: Nested) -> None:
    """Only the second queue changes; the first one's ARN is still an output."""

    def child(seconds: int) -> Template:
        return template({"One": queue("one"), "Two": queue("two", seconds)}, Arn={"Fn::GetAtt": ["One", "Arn"]})

    assert nested.deploy(child(30)) == "CREATE_COMPLETE"
    arn = outputs(nested.cloudformation, "root")["Arn"]
    assert arn.startswith("arn:aws:sqs:")
    assert nested.deploy(child(60)) == "UPDATE_COMPLETE"
    assert outputs(nested.cloudformation, "root")["Arn"] == arn


def test_a_replaced_resource_of_a_child_leaves_nothing_behind(nested: Nested, client: Clients) -> None:
    """The rule that the new one replaces is gone from the group."""

    def child(port: int) -> Template:
        rule = {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {
                "GroupId": {"Ref": "Group"},
                "IpProtocol": "tcp",
                "FromPort": port,
                "ToPort": port,
                "CidrIp": "10.0.0.0/8",
            },
        }
        return template({**NETWORK, "Rule": rule}, Group={"Ref": "Group"})

    assert nested.deploy(child(80)) == "CREATE_COMPLETE"
    assert nested.deploy(child(81)) == "UPDATE_COMPLETE"
    group = outputs(nested.cloudformation, "root")["Group"]
    found = client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    assert [rule["FromPort"] for rule in found["IpPermissions"]] == [81]


def test_generated_names_of_a_child_survive_its_updates(nested: Nested) -> None:
    """A bucket and a queue without names keep the ones they got, however often they are updated."""

    def child(seconds: int) -> Template:
        tags = [{"Key": "seconds", "Value": str(seconds)}]
        resources = {
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": tags}},
            "Queue": {"Type": "AWS::SQS::Queue", "DependsOn": "Bucket", "Properties": {"VisibilityTimeout": seconds}},
        }
        return template(resources, Bucket={"Ref": "Bucket"}, Queue={"Ref": "Queue"})

    assert nested.deploy(child(30)) == "CREATE_COMPLETE"
    names = outputs(nested.cloudformation, "root")
    for seconds in (60, 90):
        assert nested.deploy(child(seconds)) == "UPDATE_COMPLETE"
        assert outputs(nested.cloudformation, "root") == names


def test_a_failing_update_of_a_child_is_rolled_back(nested: Nested, client: Clients, faults: Faults) -> None:
    """The child goes back with the root, and its first queue has its old value again."""
    assert nested.deploy(two_queues(30)) == "CREATE_COMPLETE"
    faults(fail={"update AWS::SQS::Queue": [2]})
    assert nested.deploy(two_queues(60)) == "UPDATE_ROLLBACK_COMPLETE"
    assert visibility(client, "one") == "30"
    assert nested.deploy(two_queues(30)) == "unchanged"
    assert nested.deploy(two_queues(60)) == "UPDATE_COMPLETE"
    assert visibility(client, "two") == "60"


def test_deleting_the_root_deletes_the_child_as_a_stack(nested: Nested, client: Clients) -> None:
    """The child's DeletionPolicy counts and its events are written."""
    child = template({"Kept": queue("kept", DeletionPolicy="Retain"), "Gone": queue("gone")})
    assert nested.deploy(child) == "CREATE_COMPLETE"
    assert delete(nested.cloudformation, "root") == "DELETE_COMPLETE"
    names = [url.rsplit("/", 1)[1] for url in client("sqs").list_queues()["QueueUrls"]]
    assert names == ["kept"]


def test_a_child_that_cannot_be_deleted_fails_the_root(nested: Nested, faults: Faults) -> None:
    """The root's reason names the embedded stack, the child's events name the resource; a second try succeeds."""
    assert nested.deploy(template({"Queue": queue("one")})) == "CREATE_COMPLETE"
    faults(fail={"delete AWS::SQS::Queue": [1]})
    assert delete(nested.cloudformation, "root") == "DELETE_FAILED"
    reasons = [
        why
        for name, status, why in events(nested.cloudformation, "root")
        if (name, status) == ("Child", "DELETE_FAILED")
    ]
    assert len(reasons) == 1
    assert reasons[0].startswith("Embedded stack arn:aws:cloudformation:")
    assert ("Queue", "DELETE_FAILED") in nested.child_events()
    assert delete(nested.cloudformation, "root") == "DELETE_COMPLETE"


def test_events_name_a_child_by_its_arn_from_the_beginning(nested: Nested, faults: Faults) -> None:
    """Its creation, its update and the failure of its update carry the ARN, and the failure AWS's sentence."""

    def in_root() -> list[tuple[str, str, str]]:
        found = nested.cloudformation.describe_stack_events(StackName="root")["StackEvents"]
        rows = [
            (event["ResourceStatus"], event.get("ResourceStatusReason", ""), event.get("PhysicalResourceId", ""))
            for event in found
            if event["LogicalResourceId"] == "Child"
        ]
        return rows[::-1]

    assert nested.deploy(two_queues(30)) == "CREATE_COMPLETE"
    child = outputs(nested.cloudformation, "root")["Child"]
    creation = [
        ("CREATE_IN_PROGRESS", "", ""),
        ("CREATE_IN_PROGRESS", "Resource creation Initiated", child),
        ("CREATE_COMPLETE", "", child),
    ]
    assert in_root() == creation
    faults(fail={"update AWS::SQS::Queue": [2]})
    assert nested.deploy(two_queues(60)) == "UPDATE_ROLLBACK_COMPLETE"
    failure = f"Embedded stack {child} was not successfully updated: "
    failure += "The following resource(s) failed to update: [Two]. "
    update, failed = in_root()[3:5]
    assert update == ("UPDATE_IN_PROGRESS", "", child)
    assert failed == ("UPDATE_FAILED", failure, child)


def test_a_child_whose_creation_failed_can_be_looked_into(nested: Nested, faults: Faults) -> None:
    """The root's event has the child's ARN, and the child's events, though it is deleted, name the resource."""
    faults(fail={"create AWS::SQS::Queue": [2]})
    assert nested.deploy(two_queues(30)) == "ROLLBACK_COMPLETE"
    (failure,) = reasons(nested.cloudformation, "root", "Child", "CREATE_FAILED")
    assert failure == (
        f"Embedded stack {nested.child_id()} was not successfully created: "
        "The following resource(s) failed to create: [Two]. "
    )
    (reason,) = reasons(nested.cloudformation, nested.child_id(), "Two", "CREATE_FAILED")
    assert reason == "injected failure: create AWS::SQS::Queue"


def test_a_child_that_cannot_be_created_is_taken_away_by_the_roots_rollback(
    nested: Nested, faults: Faults, client: Clients
) -> None:
    """What the child had made is deleted with it, so nothing is left of the failed creation."""
    faults(fail={"create AWS::SQS::Queue": [2]})
    assert nested.deploy(template({"One": queue("one"), "Two": queue("two")})) == "ROLLBACK_COMPLETE"
    assert not client("sqs").list_queues().get("QueueUrls")


# --- change sets ------------------------------------------------------------------------------------------------------


def test_a_change_of_outputs_alone_can_be_executed(client: Clients) -> None:
    """The change set has no resource change and is executable; afterwards the output is there."""
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "queues", template({"One": queue("one")})) == "CREATE_COMPLETE"
    with_output = template({"One": queue("one")}, Arn={"Fn::GetAtt": ["One", "Arn"]})
    assert deploy(cloudformation, "queues", with_output) == "UPDATE_COMPLETE"
    assert outputs(cloudformation, "queues")["Arn"].startswith("arn:aws:sqs:")
    assert deploy(cloudformation, "queues", with_output) == "unchanged"


def test_a_reference_to_another_attribute_is_a_change(client: Clients) -> None:
    """Two GetAtts of resources that exist are not the same because neither is known to the change set."""

    def with_attribute(name: str) -> Template:
        parameter = {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Name": "/queue", "Value": {"Fn::GetAtt": [name, "QueueName"]}},
        }
        return template({"One": queue("one"), "Two": queue("two"), "Parameter": parameter})

    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "queues", with_attribute("One")) == "CREATE_COMPLETE"
    assert deploy(cloudformation, "queues", with_attribute("Two")) == "UPDATE_COMPLETE"
    assert client("ssm").get_parameter(Name="/queue")["Parameter"]["Value"] == "two"


def test_templates_are_read_with_all_short_forms(client: Clients) -> None:
    """YAML with tags and a date arrives as CloudFormation reads it."""
    body = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Word: {Type: String, Default: "on"}
Conditions:
  Wanted: !Equals [!Ref Word, "on"]
  Unwanted: !Not [!Condition Wanted]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Condition: Wanted
    Properties:
      QueueName: !Join ["-", [!Select [0, !Split [",", "a,b"]], !Sub "${AWS::Region}"]]
  Gone:
    Type: AWS::SQS::Queue
    Condition: Unwanted
Outputs:
  Name: {Value: !GetAtt Queue.QueueName}
  Arn: {Value: !If [Wanted, !GetAtt [Queue, Arn], !Ref AWS::NoValue]}
"""
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "forms", body, Word="on") == "CREATE_COMPLETE"
    given = outputs(cloudformation, "forms")
    assert given["Name"] == "a-eu-central-1"
    assert given["Arn"].endswith(":a-eu-central-1")
    rows = cloudformation.list_stack_resources(StackName="forms")["StackResourceSummaries"]
    assert [row["LogicalResourceId"] for row in rows] == ["Queue"]


# --- faults on demand -------------------------------------------------------------------------------------------------


def two_queues(seconds: int) -> Template:
    """Return a template of two queues, the second after the first."""
    return template({"One": queue("one", seconds), "Two": queue("two", seconds, DependsOn="One")})


def visibility(client: Clients, name: str) -> str:
    """Return a queue's visibility timeout."""
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["VisibilityTimeout"])


def test_an_injected_failure_rolls_a_creation_back(client: Clients, faults: Faults) -> None:
    """The second queue fails, the first is deleted again."""
    faults(fail={"create AWS::SQS::Queue": [2]})
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "queues", two_queues(30)) == "ROLLBACK_COMPLETE"
    assert ("Two", "CREATE_FAILED", "injected failure: create AWS::SQS::Queue") in events(cloudformation, "queues")
    assert not client("sqs").list_queues().get("QueueUrls")


def test_an_injected_failure_rolls_an_update_back(client: Clients, faults: Faults) -> None:
    """The first queue has its old value again."""
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "queues", two_queues(30)) == "CREATE_COMPLETE"
    faults(fail={"update AWS::SQS::Queue": [2]})
    assert deploy(cloudformation, "queues", two_queues(60)) == "UPDATE_ROLLBACK_COMPLETE"
    assert visibility(client, "one") == "30"


def test_a_failing_rollback_is_continued(client: Clients, faults: Faults) -> None:
    """UPDATE_ROLLBACK_FAILED, then ContinueUpdateRollback brings the old value back."""
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "queues", two_queues(30)) == "CREATE_COMPLETE"
    faults(fail={"update AWS::SQS::Queue": [2, 3]})
    assert deploy(cloudformation, "queues", two_queues(60)) == "UPDATE_ROLLBACK_FAILED"
    assert visibility(client, "one") == "60"
    cloudformation.continue_update_rollback(StackName="queues")
    assert settled(cloudformation, "queues") == "UPDATE_ROLLBACK_COMPLETE"
    assert visibility(client, "one") == "30"


def test_a_failing_deletion_can_be_tried_again(client: Clients, faults: Faults) -> None:
    """DELETE_FAILED names the resource; the next DeleteStack ends in DELETE_COMPLETE."""
    cloudformation = client("cloudformation")
    assert deploy(cloudformation, "queues", two_queues(30)) == "CREATE_COMPLETE"
    faults(fail={"delete AWS::SQS::Queue": [1]})
    assert delete(cloudformation, "queues") == "DELETE_FAILED"
    stack = cloudformation.describe_stacks(StackName="queues")["Stacks"][0]
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [Two]."
    assert delete(cloudformation, "queues") == "DELETE_COMPLETE"


def test_a_slow_type_holds_its_own_stack_and_nobody_else(client: Clients, faults: Faults) -> None:
    """While the queue takes its time the stack is in progress and other requests are answered."""
    faults(delay={"AWS::SQS::Queue": 600})
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="slow", TemplateBody=json.dumps(template({"Queue": queue("one")})))
    assert cloudformation.describe_stacks(StackName="slow")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    faults()
    assert settled(cloudformation, "slow") == "CREATE_COMPLETE"


def test_faults_of_one_account_leave_others_alone(client: Clients, faults: Faults) -> None:
    """Tests that run side by side do not disturb each other."""
    faults(fail={"create AWS::SQS::Queue": [1]})
    elsewhere = client("cloudformation", account=fresh_account())
    assert deploy(elsewhere, "queues", two_queues(30)) == "CREATE_COMPLETE"


# --- what is saved when ---


QUERY = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.mark.parametrize(
    ("headers", "body", "changed"),
    [
        ({"x-amz-target": "AmazonSSM.PutParameter"}, b"{}", True),
        ({"x-amz-target": "AmazonSSM.GetParameters"}, b"{}", False),
        ({"x-amz-target": "AmazonEC2ContainerServiceV20141113.DescribeTasks"}, b"{}", False),
        ({"x-amz-target": "AmazonSQS.SendMessageBatch"}, b"{}", False),  # the journal has it
        ({"x-amz-target": "AmazonSQS.CreateQueue"}, b"{}", True),
        (QUERY, b"Action=DescribeStacks&Version=2010-05-15", False),
        (QUERY, b"Version=2010-05-15&Action=SetStackPolicy", True),
        (QUERY, b"Action=Getaway", True),  # what is not known counts as a change
        (QUERY, b"", True),
        ({}, b"<Delete/>", True),
    ],
)
def test_what_may_change_something_is_saved(headers: dict[str, str], body: bytes, changed: bool) -> None:
    """By the name of the action; a name that says nothing is taken for a change."""
    assert changes(headers, body) is changed


# --- the list of private names ----------------------------------------------------------------------------------------


@pytest.mark.long
def test_every_name_of_ministack_that_is_used_is_in_the_checked_list() -> None:
    """The list is what is checked at start, so it has exactly the names that the patches and the entry point touch."""
    used: dict[str, set[str]] = {}
    folder = Path(patches.__file__).parent.parent
    for file in folder.rglob("*.py"):
        _collect_names(ast.parse(file.read_text()), used)
    assert used == {module: set(names) for module, names in private_names.NAMES.items()}


def _collect_names(tree: ast.Module, used: dict[str, set[str]]) -> None:
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack"):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if _is_module(full):
                    modules[alias.name] = full
                else:
                    used.setdefault(str(node.module), set()).add(alias.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            used.setdefault(modules[node.value.id], set()).add(node.attr)


def _is_module(name: str) -> bool:
    try:
        return isinstance(importlib.import_module(name), ModuleType)
    except ModuleNotFoundError:
        return False


def test_the_names_are_all_there_and_the_version_is_the_pinned_one(emulator: Emulator) -> None:
    """The installed release has every name, and it is the one that the extra pins."""
    assert private_names.missing_names() == []
    project = (Path(__file__).parent.parent / "pyproject.toml").read_text()
    assert f'local = ["ministack=={private_names.VERSION}", ' in project


@pytest.mark.long
def test_the_services_of_aws_are_known_without_their_models() -> None:
    """The same names as botocore's own session gives, by name, endpoint prefix and signing name, of a sample."""
    from infragen_local.patches.service_names import names

    session = botocore.session.get_session()
    assert set(session.get_available_services()) <= names()
    for service in ("service-quotas", "ses", "elbv2", "cloudwatch", "rds-data", "ec2"):
        metadata = session.get_service_model(service).metadata
        assert {metadata["endpointPrefix"], metadata.get("signingName", service)} <= names()
    assert "no-such-service" not in names()
