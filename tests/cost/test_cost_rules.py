"""What each type of resource costs, each computed by hand from the price table and a month of 730 hours."""

from typing import Any

import pytest
from billing import bill, dollars, environment, get, of, ref, resource

from infragen.changes.diff import Side
from infragen.cost import estimate, prices_of


def cluster(least: float, most: float, **more: Any) -> dict[str, Any]:
    capacity = {"MinCapacity": least, "MaxCapacity": most}
    return resource("AWS::RDS::DBCluster", ServerlessV2ScalingConfiguration=capacity, **more)


CLUSTER = cluster(0.5, 4, BackupRetentionPeriod=7)
INSTANCE = resource("AWS::RDS::DBInstance", DBInstanceClass="db.serverless", DBClusterIdentifier=ref("Cluster"))
TASK = resource("AWS::ECS::TaskDefinition", Cpu="1024", Memory="2048", RuntimePlatform={"CpuArchitecture": "ARM64"})
SPOT = {"CapacityProvider": "FARGATE_SPOT"}
BALANCER = resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Subnets=[ref("A"), ref("B")])
ENDPOINT = resource("AWS::EC2::VPCEndpoint", VpcEndpointType="Interface", SubnetIds=["a", "b", "c"])
QUEUE = resource("AWS::SQS::Queue")
FIFO = resource("AWS::SQS::Queue", FifoQueue=True)
FUNCTION = resource("AWS::Lambda::Function", MemorySize=512, Architectures=["arm64"])
SOURCE = resource("AWS::Lambda::EventSourceMapping", FunctionName=ref("Function"), EventSourceArn=get("Queue"))


def service(**more: Any) -> dict[str, Any]:
    return resource("AWS::ECS::Service", TaskDefinition=ref("Task"), **more)


def target(least: int, most: int, *actions: dict[str, Any]) -> dict[str, Any]:
    return resource(
        "AWS::ApplicationAutoScaling::ScalableTarget", ResourceId={"Fn::Sub": "service/x/${Service.Name}"},
        MinCapacity=least, MaxCapacity=most, ScheduledActions=list(actions),
    )  # fmt: skip


CASES: dict[str, tuple[dict[str, Any], str, dict[str, float], tuple[float, float, float]]] = {
    # 0.045 x 730
    "gateway": ({"X": resource("AWS::EC2::NatGateway")}, "X", {}, (32.85,) * 3),
    # 32.85 + 0.045 x 100 / 2 at expected, light traffic of 10 GB at minimum
    "gateways share data": (
        {"X": resource("AWS::EC2::NatGateway"), "Y": resource("AWS::EC2::NatGateway")}, "X", {"nat_gb": 100},
        (33.075, 35.1, 35.1),
    ),
    # 0.005 x 730
    "address": ({"X": resource("AWS::EC2::EIP")}, "X", {}, (3.65,) * 3),
    # 0.0042 x 730 + 0.08 x 8 + 3.65
    "nat instance": (
        {"X": resource(
            "AWS::EC2::Instance", InstanceType="t4g.nano",
            NetworkInterfaces=[{"AssociatePublicIpAddress": True}],
            BlockDeviceMappings=[{"Ebs": {"VolumeType": "gp3", "VolumeSize": 8}}],
        )},
        "X", {}, (7.356,) * 3,
    ),
    # 0.01 x 730 x 3 zones + 0.01 x 50 GB
    "interface endpoint": ({"X": ENDPOINT}, "X", {"nat_gb": 50}, (22.0, 22.4, 22.4)),
    # 0.09 x (300 - 100)
    "data out": ({"X": resource("AWS::EC2::InternetGateway")}, "X", {"egress_gb": 300}, (0, 18, 18)),
    "data out below what is free": ({"X": resource("AWS::EC2::InternetGateway")}, "X", {"egress_gb": 99}, (0, 0, 0)),
    # 0.0225 x 730 + 0.005 x 730 x 2
    "load balancer": ({"X": BALANCER}, "X", {}, (23.725,) * 3),
    # 9 million requests: 9e6 / 90,000 = 100 LCU-hours of 0.008; at minimum 1 million: 0.089
    "load balancer, by requests": ({"X": BALANCER}, "X", {"requests_millions": 9}, (23.814, 24.525, 24.525)),
    # 500 GB are 500 LCU-hours
    "load balancer, by data": ({"X": BALANCER}, "X", {"egress_gb": 500}, (23.805, 27.725, 27.725)),
    "internal load balancer": (
        {"X": resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Scheme="internal")}, "X", {}, (16.425,) * 3
    ),
    # 5 + 2 x 1 + 0.60 x 10
    "web acl": ({"X": resource("AWS::WAFv2::WebACL", Rules=[{}, {}])}, "X", {"requests_millions": 10}, (7.6, 13, 13)),
    # (0.03238 + 2 x 0.00356) x 730
    "one task, arm64": ({"Service": service(), "Task": TASK}, "Service", {}, (28.835,) * 3),
    # (0.04048 + 2 x 0.004445) x 730
    "one task, x86": (
        {"Service": service(), "Task": resource("AWS::ECS::TaskDefinition", Cpu="1024", Memory="2048")},
        "Service", {}, (36.04,) * 3,
    ),
    # 28.835 x 2, x 3, x 10
    "tasks of an autoscaled service": (
        {"Service": service(), "Task": TASK, "Target": target(2, 10)}, "Service", {"tasks": 3}, (57.67, 86.505, 288.35)
    ),
    "more tasks expected than there can be": (
        {"Service": service(), "Task": TASK, "Target": target(1, 2)}, "Service", {"tasks": 9}, (28.835, 57.67, 57.67)
    ),
    # 0.32 of the price on demand
    "spot": (
        {"Task": TASK, "Service": service(CapacityProviderStrategy=[{**SPOT, "Weight": 1}])},
        "Service", {}, (9.227,) * 3,
    ),
    # a quarter on demand, three quarters on Spot: 28.835 x (0.25 + 0.75 x 0.32)
    "half spot": (
        {"Service": service(CapacityProviderStrategy=[
            {**SPOT, "Weight": 3}, {"CapacityProvider": "FARGATE", "Weight": 1}
        ]), "Task": TASK},
        "Service", {}, (14.129,) * 3,
    ),
    # 28.835 + 3.65 + 0.000111 x 30 GB x 730
    "public tasks with storage": (
        {
            "Service": service(NetworkConfiguration={"AwsvpcConfiguration": {"AssignPublicIp": "ENABLED"}}),
            "Task": {**TASK, "Properties": {**TASK["Properties"], "EphemeralStorage": {"SizeInGiB": 50}}},
        },
        "Service", {}, (34.916,) * 3,
    ),
    # 13 hours on 5 of 7 days of 2026: 261 working days x 13 h / 8,760 h = 0.38733 of a task
    "nights and weekends off": (
        {"Service": service(), "Task": TASK, "Target": target(
            1, 2,
            {"Schedule": "cron(0 20 ? * MON-FRI *)", "ScalableTargetAction": {"MinCapacity": 0, "MaxCapacity": 0}},
            {"Schedule": "cron(0 7 ? * MON-FRI *)", "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 2}},
        )},
        "Service", {"tasks": 0.5}, (11.169, 14.418, 22.337),
    ),
    # (13 + 15 + 10) x 0.30
    "container insights": (
        {
            "X": resource("AWS::ECS::Cluster", ClusterSettings=[{"Name": "containerInsights", "Value": "enabled"}]),
            "Service": service(Cluster=ref("X")), "Task": TASK,
        },
        "X", {}, (11.4,) * 3,
    ),
    "images": ({"X": resource("AWS::ECR::Repository")}, "X", {}, (0.02, 0.2, 1)),
    # 0.20 x 4 + 4e6 x 0.5 s x 0.5 GB x 0.0000133334
    "worker": (
        {"Function": FUNCTION, "Queue": QUEUE, "Source": SOURCE}, "Function", {"messages_millions": 4},
        (3.533, 14.133, 14.133),
    ),
    # x86 at 0.0000166667: 0.20 + 1e6 x 0.5 x 0.5 x 0.0000166667
    "worker, x86": (
        {"Function": resource("AWS::Lambda::Function", MemorySize=512), "Queue": QUEUE, "Source": SOURCE},
        "Function", {"messages_millions": 1}, (4.367,) * 3,
    ),
    # ten invocations of 2 s at 0.125 GB: less than a cent
    "function of a custom resource": (
        {"Function": resource("AWS::Lambda::Function"), "Custom": resource("Custom::X", ServiceToken=get("Function"))},
        "Function", {}, (0, 0, 0),
    ),
    # 0.40 x 3 x 2
    "queue": ({"X": QUEUE}, "X", {"messages_millions": 2}, (1.2, 2.4, 2.4)),
    "fifo queue": ({"X": FIFO}, "X", {"messages_millions": 2}, (1.5, 3, 3)),
    # and 0.657 million empty receives: 5 pollers x 3 a minute x 60 x 730
    "queue of a worker": (
        {"Function": FUNCTION, "Queue": QUEUE, "Source": SOURCE}, "Queue", {"messages_millions": 2},
        (1.463, 2.663, 2.663),
    ),
    "dead letters": (
        {"Dlq": QUEUE, "Queue": resource("AWS::SQS::Queue", RedrivePolicy={"deadLetterTargetArn": get("Dlq")})},
        "Dlq", {"messages_millions": 2}, (0, 0, 0),
    ),
    "the queue beside its dead letters has all messages": (
        {"Dlq": QUEUE, "Queue": resource("AWS::SQS::Queue", RedrivePolicy={"deadLetterTargetArn": get("Dlq")})},
        "Queue", {"messages_millions": 2}, (1.2, 2.4, 2.4),
    ),
    # 0.12 x 730 x 0.5, x 2, x 4
    "serverless instance": ({"Cluster": CLUSTER, "X": INSTANCE}, "X", {"acu": 2}, (43.8, 175.2, 350.4)),
    "more ACU expected than there can be": ({"Cluster": CLUSTER, "X": INSTANCE}, "X", {"acu": 9}, (43.8, 350.4, 350.4)),
    # nothing expected: the minimum
    "no ACU expected": ({"Cluster": CLUSTER, "X": INSTANCE}, "X", {}, (43.8, 43.8, 350.4)),
    # awake for 35 % of the month at 0.5 ACU: 0.12 x 730 x 0.175
    "auto-pause": (
        {
            "Cluster": cluster(0, 1),
            "X": INSTANCE,
        },
        "X", {}, (0, 15.33, 87.6),
    ),
    # 0.16 x 730 x 0.5
    "I/O-Optimized instance": (
        {
            "Cluster": cluster(0.5, 0.5, StorageType="aurora-iopt1"),
            "X": INSTANCE,
        },
        "X", {}, (58.4,) * 3,
    ),
    # 0.10 x 50 + 0.20 x 100 + 0.021 x 50 x 2 % x 7
    "cluster": ({"Cluster": CLUSTER}, "Cluster", {"storage_gb": 50, "io_millions": 100}, (7.147, 25.147, 25.147)),
    # 0.225 x 50, no I/O, and 0.021 x 50 x 2 % of one day
    "I/O-Optimized cluster": (
        {"X": resource("AWS::RDS::DBCluster", StorageType="aurora-iopt1")}, "X", {"storage_gb": 50, "io_millions": 100},
        (11.271,) * 3,
    ),
    "master user": ({"X": resource("AWS::RDS::DBCluster", ManageMasterUserPassword=True)}, "X", {}, (0.4,) * 3),
    # 300 GB x 2/3 x 2 ways x 0.01; at minimum 10 GB
    "data to other zones": (
        {
            "X": resource("AWS::RDS::DBCluster", DBSubnetGroupName=ref("Group")),
            "Group": resource("AWS::RDS::DBSubnetGroup", SubnetIds=["a", "b", "c"]),
        },
        "X", {"egress_gb": 300}, (0.133, 4, 4),
    ),
    # 8 ACU at least: 0.015 x 8 x 730, and 2 x 6 ACU at most
    "proxy": (
        {
            "X": resource("AWS::RDS::DBProxy"), "A": INSTANCE, "B": INSTANCE,
            "Cluster": cluster(1, 6),
        },
        "X", {}, (87.6, 87.6, 131.4),
    ),
    "key": ({"X": resource("AWS::KMS::Key")}, "X", {}, (1, 1, 1)),
    "rotated key": ({"X": resource("AWS::KMS::Key", EnableKeyRotation=True)}, "X", {}, (1, 1, 3)),
    "secret": ({"X": resource("AWS::SecretsManager::Secret")}, "X", {}, (0.4,) * 3),
    # 0.50 x 20 + 0.03 x 20 x 90 / 30
    "log group": ({"X": resource("AWS::Logs::LogGroup", RetentionInDays=90)}, "X", {"log_gb": 20}, (2.95, 11.8, 11.8)),
    "alarm": ({"X": resource("AWS::CloudWatch::Alarm", Period=60)}, "X", {}, (0.1,) * 3),
    "quick alarm": ({"X": resource("AWS::CloudWatch::Alarm", Period=10)}, "X", {}, (0.3,) * 3),
    "alarm on metrics of which one is quick": (
        {"X": resource("AWS::CloudWatch::Alarm", Metrics=[{"MetricStat": {"Period": each}} for each in (60, 10)])},
        "X", {}, (0.6,) * 3,
    ),
    "alarm on three metrics": (
        {"X": resource("AWS::CloudWatch::Alarm", Metrics=[{"Expression": "a+b+c"}, *[{"MetricStat": {}}] * 3])},
        "X", {}, (0.3,) * 3,
    ),
    "composite alarm": ({"X": resource("AWS::CloudWatch::CompositeAlarm")}, "X", {}, (0.5,) * 3),
    "dashboard": ({"X": resource("AWS::CloudWatch::Dashboard")}, "X", {}, (0,) * 3),
    # four, three of them free: 3 / 4 each
    "four dashboards": (
        {each: resource("AWS::CloudWatch::Dashboard") for each in ("X", "B", "C", "D")}, "X", {}, (0.75,) * 3
    ),
    # 20 million x 0.5 KB = 10 GB a month for 90 days: 30 GB x 0.023
    "access logs": (
        {
            "X": resource("AWS::S3::Bucket", LifecycleConfiguration={"Rules": [{"ExpirationInDays": 90}]}),
            "B": resource(
                "AWS::ElasticLoadBalancingV2::LoadBalancer",
                LoadBalancerAttributes=[{"Key": "access_logs.s3.bucket", "Value": ref("X")}],
            ),
        },
        "X", {"requests_millions": 20}, (0.035, 0.69, 0.69),
    ),
    "hosted zone": ({"X": resource("AWS::Route53::HostedZone")}, "X", {}, (0.5,) * 3),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_resource_costs_what_its_properties_and_the_load_say(case: str) -> None:
    """At minimum, expected and maximum."""
    resources, name, expected, wanted = CASES[case]
    assert dollars(of(bill({"layer": resources}, expected), name).cost) == wanted


UNPRICED = {
    "S3 bucket": ({"X": resource("AWS::S3::Bucket")}, "objects and requests: nothing says how many there are"),
    "a task on a schedule": (
        {"X": resource("AWS::Scheduler::Schedule", Target={"Arn": "c", "EcsParameters": {"TaskDefinitionArn": "t"}})},
        "tasks that it runs on ECS: nothing says how long they take",
    ),
    "a task of a rule": (
        {"X": resource("AWS::Events::Rule", Targets=[{"Arn": "f"}, {"Arn": "c", "EcsParameters": {"TaskCount": 1}}])},
        "tasks that it runs on ECS: nothing says how long they take",
    ),
    "targets that are not written out": (
        {"X": resource("AWS::Events::Rule", Targets=ref("Targets"))},
        "targets that cannot be read, which may run tasks",
    ),
    "unknown type": ({"X": resource("AWS::DynamoDB::Table")}, "infragen has no prices for AWS::DynamoDB::Table"),
    "instance type": (
        {"X": resource("AWS::EC2::Instance", InstanceType="c7g.xlarge")},
        "c7g.xlarge instance: there is no price ec2-c7g.xlarge-hour",
    ),
    "provisioned database": (
        {"X": resource("AWS::RDS::DBInstance", DBInstanceClass="db.r6g.large")},
        "a database instance of class db.r6g.large",
    ),
    "function": ({"X": resource("AWS::Lambda::Function")}, "invocations: nothing says how many there are"),
    "tasks on instances": (
        {"X": resource("AWS::ECS::Service", LaunchType="EC2")},
        "tasks that do not run on Fargate, or whose size is not in the templates",
    ),
    "logs for ever": (
        {"X": resource("AWS::Logs::LogGroup")}, "logs without retention are kept forever, and their storage grows"
    ),
    "network load balancer": (
        {"X": resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Type="network")}, "a load balancer of type network"
    ),
    "zones of a load balancer": (
        {"X": resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Subnets=ref("Unknown"))},
        "public IPv4 addresses: one a zone, and the zones cannot be counted",
    ),
    "enhanced insights": (
        {"X": resource("AWS::ECS::Cluster", ClusterSettings=[{"Name": "containerInsights", "Value": "enhanced"}])},
        "Container Insights with enhanced observability: charged by metric of each task and container",
    ),
    "bot control": (
        {"X": resource("AWS::WAFv2::WebACL", Rules=[
            {"Statement": {"ManagedRuleGroupStatement": {"Name": "AWSManagedRulesBotControlRuleSet"}}}
        ])},
        "the rule groups BotControl have charges of their own",
    ),
    "another shape": (
        {"X": resource("AWS::EC2::Instance", InstanceType="t4g.nano", BlockDeviceMappings="x")},
        "its properties are not as AWS::EC2::Instance has them (AttributeError)",
    ),
    "metrics that are a text": (
        {"X": resource("AWS::CloudWatch::Alarm", Metrics="x")},
        "its properties are not as AWS::CloudWatch::Alarm has them (AttributeError)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNPRICED)
def test_what_cannot_be_priced_is_named_and_never_counted_as_nothing(case: str) -> None:
    """A type that infragen does not know, or a quantity that nothing tells."""
    resources, why = UNPRICED[case]
    assert of(bill({"layer": resources}), "X").unpriced == (why,)


def test_what_nobody_is_charged_for_is_not_listed() -> None:
    """A role and a subnet are free, a custom resource is what its function is."""
    found = bill({"layer": {
        "A": resource("AWS::IAM::Role"), "B": resource("AWS::EC2::Subnet"), "C": resource("Custom::Thing"),
    }})  # fmt: skip
    assert found.resources == ()


def test_references_are_followed_from_layer_to_layer() -> None:
    """The zones of a load balancer and the queue of a worker are in other layers, wired by the name of an output."""
    network = {
        "Resources": {"A": resource("AWS::EC2::Subnet"), "B": resource("AWS::EC2::Subnet")},
        "Outputs": {"PublicSubnetIds": {"Value": {"Fn::Join": [",", [ref("A"), ref("B")]]}}},
    }
    queue = {"Resources": {"Queue": QUEUE}, "Outputs": {"QueueArn": {"Value": get("Queue")}}}
    api = {
        "Parameters": {"PublicSubnetIds": {"Type": "List<AWS::EC2::Subnet::Id>"}},
        "Resources": {"X": resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Subnets=ref("PublicSubnetIds"))},
    }
    source = resource("AWS::Lambda::EventSourceMapping", FunctionName=ref("Function"), EventSourceArn=ref("QueueArn"))
    worker = {"Parameters": {"QueueArn": {"Type": "String"}}, "Resources": {"Function": FUNCTION, "Source": source}}
    found = bill({"network": network, "queue": queue, "api": api, "worker": worker}, {"messages_millions": 1})
    assert dollars(of(found, "X").cost)[0] == 23.725
    assert dollars(of(found, "Function").cost)[0] == 3.533
    assert dollars(of(found, "Queue").cost)[0] == 1.463
    assert list(found.layers()) == ["queue", "api", "worker"]


def test_references_are_followed_where_the_deployed_value_is_known_too() -> None:
    """A queue's ARN says less than the output that it comes from."""
    queue = {"Resources": {"Queue": QUEUE}, "Outputs": {"QueueArn": {"Value": get("Queue")}}}
    source = resource("AWS::Lambda::EventSourceMapping", FunctionName=ref("Function"), EventSourceArn=ref("QueueArn"))
    worker = {"Parameters": {"QueueArn": {"Type": "String"}}, "Resources": {"Function": FUNCTION, "Source": source}}
    sides = {"queue": Side(queue, {}), "worker": Side(worker, {"QueueArn": "arn:aws:sqs:us-east-1:111111111111:shop"})}
    found = estimate(sides, environment(messages_millions=1), prices_of("us-east-1"))
    assert dollars(of(found, "Function").cost)[0] == 3.533


def test_a_resource_whose_condition_does_not_hold_costs_nothing() -> None:
    """Conditions are decided by the defaults of parameters."""
    body = {
        "Parameters": {"Proxy": {"Type": "String", "Default": "no"}},
        "Conditions": {"HasProxy": {"Fn::Equals": [ref("Proxy"), "yes"]}},
        "Resources": {"X": {**resource("AWS::EC2::EIP"), "Condition": "HasProxy"}, "Y": resource("AWS::EC2::EIP")},
    }
    assert [each.logical_id for each in bill({"layer": body}).resources] == ["Y"]


def test_traffic_grows_with_the_tasks_up_to_the_maximum() -> None:
    """Twice as many tasks at most as expected: twice the requests, and the same storage."""
    resources = {"Service": service(), "Task": TASK, "Target": target(1, 4), "Queue": QUEUE, "Cluster": CLUSTER}
    found = bill({"layer": resources}, {"tasks": 2, "messages_millions": 10, "storage_gb": 10})
    assert dollars(of(found, "Queue").cost) == (1.2, 12, 24)
    assert dollars(of(found, "Cluster").cost) == (1.029, 1.029, 1.029)
    assert (
        "at maximum: all capacity all month, and 2 times the expected traffic, as the tasks grow" in found.assumptions
    )
