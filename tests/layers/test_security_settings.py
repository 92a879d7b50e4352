"""What every rendering keeps private, encrypted and narrow, whatever the options: a walk over all resources.

The tables say what a property of a type must be, not what a template looks like: they do not change with the goldens.
`make mutants` breaks each of these settings in the layers; a test here has to notice.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infragen.assembly.synth import synthesize
from infragen.config import load_environment
from infragen.engine.bootstrap import artifact_template
from infragen.layer import Template, VpcId, add_group

ENVIRONMENTS = Path(__file__).parents[1] / "data" / "environments"

BASE: dict[str, Any] = {
    "project": "shop", "environment": "dev", "account": "111111111111", "region": "us-east-1",
    "network": {"nat": "single", "interface_endpoints": ["sqs"], "flow_logs": "ALL"},
    "database": {"min_acu": 0.5, "max_acu": 2, "readers": 1},
    "queues": [{"name": "mail"}, {"name": "orders", "encryption": "kms"}],
    "workers": [{"name": "mail", "queue": "mail", "reserved_concurrency": 2,
                 "secret_arns": ["arn:aws:secretsmanager:us-east-1:111111111111:secret:a-AbCdEf"]},
                {"name": "orders", "queue": "orders", "reserved_concurrency": 2, "tracing": False}],
    "api": {
        "https": {"mode": "domain", "domain_name": "api.example.com", "hosted_zone_id": "Z0123456789EXAMPLE"},
        "cpu": 512, "memory": 1024, "min_tasks": 1, "max_tasks": 2, "queue": "orders", "waf": True, "tracing": True,
        "secrets": {"TOKEN": "arn:aws:secretsmanager:us-east-1:111111111111:secret:b-AbCdEf"},
        "schedule": [{"name": "night", "cron": "rate(1 day)", "timezone": "UTC", "min": 0, "max": 1}],
    },
    "alarms": {"emails": ["oncall@example.com"]},
}  # fmt: skip
CERTIFICATE = "arn:aws:acm:us-east-1:111111111111:certificate/00000000-0000-4000-8000-000000000000"
VARIANTS: dict[str, dict[str, Any]] = {
    "all": {},
    "instance": {
        "network": {"nat": "instance"}, "api": {"https": {"mode": "certificate", "certificate_arn": CERTIFICATE}},
    },
    "shell": {"api": {"readonly_root": False, "enable_execute_command": True, "queue": "mail", "waf": False}},
    "tasks for shells": {"api": {"shells": True}},
    "boundary": {"iam": {"permissions_boundary_arn": "arn:aws:iam::111111111111:policy/boundary"}},
    "plain": {"api": {"https": {"mode": "http_only"}, "ingress_cidrs": ["10.0.0.0/8"], "spot": True}},
}  # fmt: skip


def rendered(directory: Path, variant: str) -> dict[tuple[str, str], dict[str, Any]]:
    """(layer, logical id) -> resource, of the environment with this variant's settings."""
    body = copy.deepcopy(BASE)
    for section, settings in VARIANTS[variant].items():
        kept = {} if section == "iam" else body[section]
        body[section] = {**kept, **settings}
    (directory / "dev.yaml").write_text(json.dumps(body))
    made = synthesize(load_environment(directory / "dev.yaml"))
    return {
        (each.layer, name): resource for each in made.templates for name, resource in each.body["Resources"].items()
    }


def at(properties: Any, path: str) -> list[Any]:
    """Every value at a path of names, `*` for each item of a list; None where there is none."""
    values = [properties]
    for step in path.split("."):
        if step == "*":
            values = [item for value in values for item in (value if isinstance(value, list) and value else [None])]
        else:
            values = [value.get(step) if isinstance(value, Mapping) else None for value in values]
    return values


def key(value: Any) -> bool:
    return value in ({"Ref": "PlatformKeyArn"}, {"Ref": "DataKeyArn"}, {"Ref": "DataKey"}) or (
        isinstance(value, Mapping) and value.get("Fn::GetAtt", [""])[0] in ("Key", "DataKey")
    )


def attribute(name: str, value: str) -> Callable[[Any], bool]:
    return lambda found: {"Key": name, "Value": value} in found


Check = Callable[[Any], bool]
MUST: dict[str, dict[str, Any]] = {
    "AWS::RDS::DBCluster": {
        "StorageEncrypted": True, "KmsKeyId": key, "ManageMasterUserPassword": True, "MasterUserSecret.KmsKeyId": key,
        "PerformanceInsightsKmsKeyId": key, "VpcSecurityGroupIds": [{"Ref": "DatabaseSecurityGroupId"}],
        "EnableIAMDatabaseAuthentication": lambda value: value in (None, True, False),
    },
    "AWS::RDS::DBInstance": {"PubliclyAccessible": False},
    "AWS::RDS::DBSubnetGroup": {"SubnetIds": {"Ref": "IsolatedSubnetIds"}},
    "AWS::RDS::DBClusterParameterGroup": {"Parameters": lambda value: value.get("rds.force_ssl", "1") == "1"},
    "AWS::S3::Bucket": {
        **{f"PublicAccessBlockConfiguration.{name}": True for name in (
            "BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")},
        "BucketEncryption.ServerSideEncryptionConfiguration.*.ServerSideEncryptionByDefault.SSEAlgorithm":
            lambda value: value in ("AES256", "aws:kms"),
        "OwnershipControls.Rules.*.ObjectOwnership": "BucketOwnerEnforced",
        "VersioningConfiguration.Status": "Enabled",
    },
    "AWS::ECR::Repository": {
        "ImageScanningConfiguration.ScanOnPush": True, "ImageTagMutability": "IMMUTABLE",
        "EncryptionConfiguration.EncryptionType": "KMS",
    },
    "AWS::KMS::Key": {"EnableKeyRotation": True, "PendingWindowInDays": 30},
    "AWS::Logs::LogGroup": {"KmsKeyId": key, "RetentionInDays": lambda value: value is not None},
    "AWS::SNS::Topic": {"KmsMasterKeyId": lambda value: value is not None},
    "AWS::SecretsManager::Secret": {"KmsKeyId": key},
    "AWS::Lambda::Function": {
        "KmsKeyArn": key, "VpcConfig.SecurityGroupIds": lambda value: value is None or value == [
            {"Ref": "WorkerSecurityGroupId"}],
        "VpcConfig.SubnetIds": lambda value: value is None or value == {"Ref": "PrivateSubnetIds"},
    },
    "AWS::Lambda::Permission": {"SourceAccount": {"Ref": "AWS::AccountId"}},
    "AWS::ECS::Cluster": {
        "Configuration.ExecuteCommandConfiguration": lambda value: value is None or (
            key(value.get("KmsKeyId")) and value["LogConfiguration"].get("CloudWatchEncryptionEnabled") is True),
    },
    "AWS::ECS::Service": {
        "NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp": "DISABLED",
        "NetworkConfiguration.AwsvpcConfiguration.SecurityGroups": [{"Ref": "ApiSecurityGroupId"}],
        "NetworkConfiguration.AwsvpcConfiguration.Subnets": {"Ref": "PrivateSubnetIds"},
    },
    "AWS::ECS::TaskDefinition": {
        "NetworkMode": "awsvpc",
        "ContainerDefinitions.*.User": lambda value: value is not None and value.partition(":")[0] not in ("0", "root"),
        "ContainerDefinitions.*.Privileged": lambda value: value in (None, False),
    },
    "AWS::EC2::Subnet": {"MapPublicIpOnLaunch": lambda value: value in (None, False)},
    "AWS::EC2::Instance": {
        "MetadataOptions.HttpTokens": "required", "MetadataOptions.HttpPutResponseHopLimit": lambda value: value == 1,
        "BlockDeviceMappings.*.Ebs.Encrypted": True,
    },
    "AWS::EC2::SecurityGroup": {"SecurityGroupEgress": lambda value: bool(value)},
    "AWS::EC2::VPCEndpoint": {"PrivateDnsEnabled": lambda value: value in (None, True)},
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {
        "SecurityGroups": [{"Ref": "LoadBalancerSecurityGroupId"}],
        "LoadBalancerAttributes": attribute("routing.http.drop_invalid_header_fields.enabled", "true"),
    },
    "AWS::WAFv2::LoggingConfiguration": {"RedactedFields": lambda value: bool(value)},
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_can_be_encrypted_or_private_is(tmp_path: Path, variant: str) -> None:
    """Each property of each resource of a type, as the table says."""
    for place, resource in rendered(tmp_path, variant).items():
        for path, wanted in MUST.get(resource["Type"], {}).items():
            for value in at(resource.get("Properties", {}), path):
                right = wanted(value) if callable(wanted) else value == wanted
                assert right, f"{place} ({resource['Type']}): {path} is {value!r}"


@pytest.mark.long
def test_the_tables_meet_what_they_are_about(tmp_path: Path) -> None:
    """Each type of the table is rendered by some variant, so that no row is about nothing."""
    types = {each["Type"] for variant in VARIANTS for each in rendered(tmp_path, variant).values()}
    assert set(MUST) <= types


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_queue_is_encrypted_and_its_dead_letters_come_from_it_alone(tmp_path: Path, variant: str) -> None:
    """By SQS, or by the platform's key."""
    queues = [each for each in rendered(tmp_path, variant).values() if each["Type"] == "AWS::SQS::Queue"]
    assert len(queues) == 4
    for each in queues:
        held = each["Properties"]
        assert held.get("SqsManagedSseEnabled") is True or key(held.get("KmsMasterKeyId"))
        if "RedrivePolicy" not in held:
            assert held["RedriveAllowPolicy"]["redrivePermission"] == "byQueue"
            assert len(held["RedriveAllowPolicy"]["sourceQueueArns"]) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_containers_cannot_write_to_their_root_unless_a_shell_must(tmp_path: Path, variant: str) -> None:
    """`readonly_root: false` is what ECS Exec needs; nothing else takes it away."""
    for each in rendered(tmp_path, variant).values():
        if each["Type"] == "AWS::ECS::TaskDefinition":
            [api, *others] = each["Properties"]["ContainerDefinitions"]
            assert api["ReadonlyRootFilesystem"] is (variant != "shell")
            assert api["LinuxParameters"].get("Capabilities") == (None if variant == "shell" else {"Drop": ["ALL"]})
            for other in others:
                assert other["ReadonlyRootFilesystem"] is True
                assert other["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}


@pytest.mark.parametrize("variant", VARIANTS)
def test_listeners_speak_tls_but_for_a_redirect(tmp_path: Path, variant: str) -> None:
    """With a policy that knows TLS 1.2 and newer only; without TLS nothing but a redirect, save in mode http_only."""
    for each in rendered(tmp_path, variant).values():
        if each["Type"] != "AWS::ElasticLoadBalancingV2::Listener":
            continue
        held = each["Properties"]
        if held["Protocol"] == "HTTPS":
            assert held["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2")
            assert held["Certificates"]
        elif variant != "plain":
            assert [action["Type"] for action in held["DefaultActions"]] == ["redirect"]
            assert held["DefaultActions"][0]["RedirectConfig"]["Protocol"] == "HTTPS"


def documents(resource: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Kind and statements of the policies of a resource: trust, rights, or of the resource itself."""
    held = resource.get("Properties", {})
    if resource["Type"] == "AWS::IAM::Role":
        yield "trust", held["AssumeRolePolicyDocument"]["Statement"]
        for each in held.get("Policies", []):
            yield "rights", each["PolicyDocument"]["Statement"]
    for name in ("PolicyDocument", "KeyPolicy"):
        if name in held:
            yield "resource", held[name]["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


STARS = {
    "cloudwatch:PutMetricData", "xray:PutTraceSegments", "xray:PutTelemetryRecords", "ecr:GetAuthorizationToken",
    "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface", "ec2:DescribeSubnets",
    "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses", "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
    "secretsmanager:GetRandomPassword", "xray:GetSamplingRules", "xray:GetSamplingTargets", "rds:DescribeDBClusters",
    "xray:GetSamplingStatisticSummaries", "xray:PutSpans", "xray:PutSpansForIndexing", "logs:DescribeLogGroups",
}  # fmt: skip
"""Actions that AWS knows no resource for, or none that exists before the call (Service Authorization Reference)."""

OWN_DECRYPTION = {("database", "CredentialsRole"), ("api", "TaskRole"), ("api", "ShellRole")}
"""Roles that decrypt by themselves, with the platform's key alone: the environment of a function (Lambda Developer
Guide, "Securing environment variables") and the session of ECS Exec (Amazon ECS Developer Guide, "ECS Exec").
"""

NAME_THEIR_CALLER = {"ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com"}
"""Services that say for what they take a role, beside for whom (Amazon ECS Developer Guide, "Amazon ECS task IAM role";
VPC User Guide, "IAM role for publishing flow logs to CloudWatch Logs").
"""

UNCONDITIONAL = {"events.amazonaws.com sns:Publish"}
"""EventBridge knows no condition in a topic's policy (EventBridge User Guide, "Amazon SNS permissions")."""


@pytest.mark.parametrize("variant", VARIANTS)
def test_rights_are_narrow(tmp_path: Path, variant: str) -> None:
    """Keys only through the services that encrypt; roles only for this account; services only for its resources."""
    for place, resource in rendered(tmp_path, variant).items():
        for kind, statements in documents(resource):
            for each in statements:
                actions, condition = listed(each["Action"]), each.get("Condition", {})
                said = f"{place} {kind}: {each}"
                assert all(condition.values()), said
                if kind == "trust":
                    assert "aws:SourceAccount" in condition.get("StringEquals", {}), said
                    if each["Principal"]["Service"] in NAME_THEIR_CALLER:
                        assert "AccountId" in json.dumps(condition["ArnLike"]["aws:SourceArn"]), said
                elif kind == "rights" and each["Effect"] == "Allow":
                    assert "*" not in actions, said
                    if any(action.startswith("kms:") for action in actions) and place not in OWN_DECRYPTION:
                        assert "kms:ViaService" in str(condition) or "kms:EncryptionContext" in str(condition), said
                    if "*" in listed(each["Resource"]) and not condition:
                        assert set(actions) <= STARS, said
                elif kind == "resource" and each["Effect"] == "Allow" and "Service" in each["Principal"]:
                    named = {f"{each['Principal']['Service']} {action}" for action in actions}
                    assert condition or named <= UNCONDITIONAL, said
                    assert not condition or "AccountId" in json.dumps(condition), said
                elif kind == "resource" and each["Effect"] == "Allow":
                    assert resource["Type"] == "AWS::KMS::Key", said
                    assert ":root" in json.dumps(each["Principal"]), said


@pytest.mark.parametrize("variant", VARIANTS)
def test_nobody_reaches_buckets_queues_and_topics_without_tls(tmp_path: Path, variant: str) -> None:
    """Each has a policy, and in it a denial for everybody."""
    found = rendered(tmp_path, variant)
    policies = {"AWS::S3::BucketPolicy": "AWS::S3::Bucket", "AWS::SQS::QueuePolicy": "AWS::SQS::Queue",
                "AWS::SNS::TopicPolicy": "AWS::SNS::Topic"}  # fmt: skip
    for policy, kind in policies.items():
        held = [each for each in found.values() if each["Type"] == policy]
        assert len(held) == len([each for each in found.values() if each["Type"] == kind])
        for each in held:
            [denial] = [s for s in each["Properties"]["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
            assert denial["Principal"] == "*"
            assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.long
def test_every_role_has_the_boundary_that_the_file_names(tmp_path: Path) -> None:
    """`iam.permissions_boundary_arn` holds for all roles."""
    roles = [each for each in rendered(tmp_path, "boundary").values() if each["Type"] == "AWS::IAM::Role"]
    assert len(roles) > 5
    assert {each["Properties"].get("PermissionsBoundary") for each in roles} == {
        "arn:aws:iam::111111111111:policy/boundary"
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_the_load_balancer_is_open_to_the_world(tmp_path: Path, variant: str) -> None:
    """No other security group lets an address range in, but the NAT instance the VPC's own."""
    for place, resource in rendered(tmp_path, variant).items():
        held = resource.get("Properties", {})
        rules = [held] if resource["Type"] == "AWS::EC2::SecurityGroupIngress" else held.get("SecurityGroupIngress", [])
        for rule in rules:
            if rule.get("CidrIp") == "0.0.0.0/0" or "CidrIpv6" in rule:
                assert "LoadBalancer" in place[1], f"{place}: {rule}"
                assert rule["FromPort"] in (80, 443), f"{place}: {rule}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_endpoints_stand_in_the_private_subnets(tmp_path: Path, variant: str) -> None:
    """Of an interface endpoint EC2 would choose subnets by itself; the one of a gateway has routes."""
    for place, resource in rendered(tmp_path, variant).items():
        if resource["Type"] == "AWS::EC2::VPCEndpoint" and resource["Properties"]["VpcEndpointType"] == "Interface":
            subnets = resource["Properties"]["SubnetIds"]
            assert subnets, place
            assert all("PrivateSubnet" in json.dumps(each) for each in subnets), place


def test_a_group_of_a_projects_layer_lets_nothing_out_by_itself() -> None:
    """`add_group` without a `connect`: AWS would let everything out of a group that says nothing."""
    template = Template()
    add_group(template, "Cache", "Cache", VpcId.ref())
    [group] = template.to_dict()["Resources"].values()
    assert [rule["CidrIp"] for rule in group["Properties"]["SecurityGroupEgress"]] == ["255.255.255.255/32"]
    assert "SecurityGroupIngress" not in group["Properties"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_role_that_decrypts_by_itself_has_one_such_right(tmp_path: Path, variant: str) -> None:
    """`kms:Decrypt` with the platform's key; every other right to a key is through a service."""
    for place, resource in rendered(tmp_path, variant).items():
        if place in OWN_DECRYPTION:
            rights = [s for kind, statements in documents(resource) if kind == "rights" for s in statements]
            free = [s for s in rights if "kms:" in str(s["Action"]) and "kms:" not in str(s.get("Condition"))]
            assert [s["Action"] for s in free] == ["kms:Decrypt"] * len(free)
            assert len(free) <= 1
            assert all(s["Resource"] == {"Ref": "PlatformKeyArn"} for s in free)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "kind", "protect", "goes"),
    [
        ("dev", None, None, True), ("pr-1", "development", None, True), ("dev", "development", True, False),
        ("dev", "staging", None, False), ("test", None, None, False), ("staging", None, None, False),
    ],
)  # fmt: skip
def test_development_keeps_nothing_and_every_other_kind_keeps_what_it_kept(
    name: str, kind: str | None, protect: bool | None, goes: bool
) -> None:
    """By its word: the kind, or the name dev. A database that leaves a snapshot keeps the key that it needs."""
    update = {"environment": name, "kind": kind, "protect": protect}
    env = load_environment(ENVIRONMENTS / "dev.yaml").model_copy(update=update)
    assert env.database is not None
    for deletion in (None, "delete", "snapshot"):
        env = env.model_copy(update={"database": env.database.model_copy(update={"deletion": deletion})})
        found = {
            f"{template.layer}/{title}"
            for template in synthesize(env).templates
            for title, each in template.body["Resources"].items()
            if each.get("DeletionPolicy", "Delete") != "Delete"
        }
        kept = {"network/Key", "database/DataKey", "api/AccessLogs"} if not goes else set()
        if deletion == "snapshot" or (deletion is None and not goes):
            kept |= {"database/Cluster", "database/DataKey"}
        assert found == kept, (deletion, found)
        bucket = artifact_template(env)["Resources"]["Bucket"]
        assert bucket["DeletionPolicy"] == ("Delete" if goes else "RetainExceptOnCreate")
