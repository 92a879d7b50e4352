"""The database layer: every setting of `database` is seen in its resources."""

import re
from typing import Any

import pytest
from rendering import environment, properties, resources, template

from infragen.layers.functions import source

DATABASE = "database: {%s}"


def cluster(over: str = "") -> dict[str, Any]:
    return properties("database", "Cluster", DATABASE % over if over else "")


@pytest.mark.parametrize(
    ("over", "property_", "value"),
    [
        ("name: orders", "DatabaseName", "orders"),
        ("engine_version: '16.8'", "EngineVersion", "16.8"),
        ("storage: standard", "StorageType", "aurora"),
        ("storage: io_optimized", "StorageType", "aurora-iopt1"),
        ("backup_days: 21", "BackupRetentionPeriod", 21),
        ("deletion_protection: true", "DeletionProtection", True),
        ("min_acu: 2, max_acu: 256", "ServerlessV2ScalingConfiguration", {"MinCapacity": 2, "MaxCapacity": 256}),
        (
            "min_acu: 0, auto_pause_seconds: 600",
            "ServerlessV2ScalingConfiguration",
            {"MinCapacity": 0, "MaxCapacity": 2, "SecondsUntilAutoPause": 600},
        ),
        (
            "identifier_suffix: restored",
            "DBClusterIdentifier",
            {"Fn::Sub": "${ProjectName}-${EnvironmentName}-restored"},
        ),
    ],
)
def test_a_setting_reaches_the_cluster(over: str, property_: str, value: object) -> None:
    """Each setting is one property of the cluster."""
    assert cluster(over)[property_] == value


def test_a_cluster_that_never_pauses_says_nothing_of_pausing() -> None:
    """`auto_pause_seconds` has a meaning only with `min_acu: 0`."""
    assert "SecondsUntilAutoPause" not in cluster()["ServerlessV2ScalingConfiguration"]


@pytest.mark.parametrize(("deletion", "policy"), [("delete", "Delete"), ("snapshot", "Snapshot")])
def test_what_becomes_of_the_data_is_the_files_choice(deletion: str, policy: str) -> None:
    """`deletion` is the cluster's DeletionPolicy; a replacement always leaves a snapshot."""
    found = resources("database", DATABASE % f"deletion: {deletion}")["Cluster"]
    assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == (policy, "Snapshot")


def test_a_major_version_has_a_parameter_group_of_its_own() -> None:
    """The family of a group cannot change while it is in use, so its logical id carries the version."""
    group = properties("database", "ClusterParameters16", DATABASE % "engine_version: '16.9'")
    assert group["Family"] == "aurora-postgresql16"


def test_parameters_merge_over_our_own() -> None:
    """`parameters` adds and replaces, the rest stays."""
    over = DATABASE % "parameters: {log_statement: all, work_mem: '65536'}"
    found = properties("database", "ClusterParameters17", over)["Parameters"]
    assert (found["log_statement"], found["work_mem"], found["rds.force_ssl"]) == ("all", "65536", "1")


def test_readers_follow_the_writer() -> None:
    """`readers` are instances after the writer, in promotion order."""
    found = resources("database", DATABASE % "readers: 2", "AWS::RDS::DBInstance")
    assert [(name, each["Properties"]["PromotionTier"]) for name, each in found.items()] == [
        ("Writer", 0),
        ("Reader1", 1),
        ("Reader2", 2),
    ]
    assert "DependsOn" not in found["Writer"]
    assert {found["Reader1"]["DependsOn"], found["Reader2"]["DependsOn"]} == {"Writer"}


def test_replica_lag_is_watched_when_there_are_readers() -> None:
    """Without readers there is nothing that could lag."""
    assert "ReplicaLagAlarm" in resources("database", DATABASE % "readers: 1")
    assert "ReplicaLagAlarm" not in resources("database")


def test_enhanced_monitoring_takes_a_role_and_goes_without_it() -> None:
    """`monitoring_seconds` is the interval of every instance; 0 turns it off and the role goes."""
    on = DATABASE % "monitoring_seconds: 15"
    assert properties("database", "Writer", on)["MonitoringInterval"] == 15
    assert properties("database", "Writer", on)["MonitoringRoleArn"] == {"Fn::GetAtt": ["MonitoringRole", "Arn"]}
    off = DATABASE % "monitoring_seconds: 0"
    assert "MonitoringRoleArn" not in properties("database", "Writer", off)
    assert "MonitoringRole" not in resources("database", off)


def test_rotation_happens_as_often_as_asked() -> None:
    """`rotation_days` is the schedule; the custom resource made the first credentials, so it does not start at once."""
    found = properties("database", "CredentialsRotation", DATABASE % "rotation_days: 45")
    assert found["RotationRules"]["ScheduleExpression"] == "rate(45 days)"
    assert found["RotateImmediatelyOnUpdate"] is False


@pytest.mark.long
def test_the_credentials_function_knows_database_owner_and_url() -> None:
    """`name`, `owner` and `url_options` reach the function, and a changed URL or owner runs it again."""
    over = DATABASE % "name: orders, owner: clerk, url_options: sslmode=require"
    variables = properties("database", "CredentialsFunction", over)["Environment"]["Variables"]
    assert (variables["DB_NAME"], variables["OWNER"], variables["URL_SUFFIX"]) == (
        "orders",
        "clerk",
        "?sslmode=require",
    )
    assert properties("database", "Credentials", over)["UrlSuffix"] == "?sslmode=require"
    assert properties("database", "Credentials", over)["Owner"] == "clerk"
    assert properties("database", "Credentials", DATABASE % "url_options: ''")["UrlSuffix"] == ""


def test_the_function_is_the_file_we_test() -> None:
    """The template carries `functions/credentials.py` to the letter."""
    assert properties("database", "CredentialsFunction")["Code"]["ZipFile"] == source("credentials.py")


def test_the_applications_secret_starts_empty() -> None:
    """With a generated or given string, a later edit of the template would overwrite live credentials."""
    assert {"SecretString", "GenerateSecretString"}.isdisjoint(properties("database", "AppSecret"))


@pytest.mark.long
@pytest.mark.parametrize(
    ("capacity", "threshold"),
    [
        ("min_acu: 0.5, max_acu: 2", 320),
        ("min_acu: 0.5, max_acu: 4", 658),
        ("min_acu: 1, max_acu: 8", 1335),
        ("min_acu: 0.5, max_acu: 256", 1600),
        ("min_acu: 1, max_acu: 256", 4000),
    ],
)
def test_the_connection_alarm_follows_the_maximum_capacity(capacity: str, threshold: int) -> None:
    """80 % of what Aurora allows at that maximum; at most 2,000 connections while the minimum is 0.5 ACU or less."""
    assert properties("database", "ConnectionsAlarm", DATABASE % capacity)["Threshold"] == threshold


def test_roles_carry_the_permissions_boundary() -> None:
    """`iam.permissions_boundary_arn` is on every role."""
    boundary = "arn:aws:iam::111111111111:policy/edge"
    found = resources("database", f"iam: {{permissions_boundary_arn: {boundary!r}}}", "AWS::IAM::Role")
    assert {each["Properties"]["PermissionsBoundary"] for each in found.values()} == {boundary}


def test_logs_are_kept_as_long_as_asked() -> None:
    """Both log groups take the environment's retention and the platform key."""
    found = resources("database", "api: {log_retention_days: 90}", "AWS::Logs::LogGroup")
    assert {each["Properties"]["RetentionInDays"] for each in found.values()} == {90}
    assert len(found) == 2


def test_without_a_section_there_is_no_layer() -> None:
    """An absent `database` turns the layer off."""
    assert environment("database:").database is None


def test_every_stateful_resource_has_both_policies() -> None:
    """Key, secret, cluster and instances say what becomes of them on deletion and on replacement."""
    stateful = {"AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::RDS::DBCluster", "AWS::RDS::DBInstance"}
    found = [each for each in template("database")["Resources"].values() if each["Type"] in stateful]
    assert all({"DeletionPolicy", "UpdateReplacePolicy"} <= each.keys() for each in found)


def test_alarms_follow_the_writer_and_are_heard() -> None:
    """Every alarm on the cluster watches whichever instance writes, and every alarm of the layer notifies."""
    found = resources("database", DATABASE % "readers: 1", "AWS::CloudWatch::Alarm")
    assert len(found) == 6
    for each in found.values():
        assert each["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
        if each["Properties"]["Namespace"] == "AWS/RDS":
            assert each["Properties"]["Dimensions"] == [
                {"Name": "DBClusterIdentifier", "Value": {"Ref": "Cluster"}},
                {"Name": "Role", "Value": "WRITER"},
            ]


def test_the_function_may_do_what_it_does_and_no_more() -> None:
    """The actions of its role are those that its code calls, on its own cluster, secrets and keys."""
    code = source("credentials.py")
    [granted] = properties("database", "CredentialsRole")["Policies"]
    statements = granted["PolicyDocument"]["Statement"]
    actions = {
        action
        for each in statements
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }
    calls = {action for action in actions if not action.startswith(("kms:", "logs:"))}
    assert {snake(action.split(":")[1]) for action in calls} == set(re.findall(r"client\.([a-z]+_[a-z_]+)\(", code))
    assert [each["Action"] for each in statements if each["Resource"] == "*"] == ["secretsmanager:GetRandomPassword"]


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
