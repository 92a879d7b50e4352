"""The api layer's service: capacity, deployment, scaling, schedules, refresh, alarms."""

from itertools import pairwise

import pytest
from api_rendering import properties, resources, template

from infragen.layers.service_upkeep import expression

WITHOUT_NAT = """
network:
  nat: none
  interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sqs]
"""
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


def test_spot_is_a_choice() -> None:
    """dev runs on Spot; elsewhere the smallest number of tasks is on demand from the start."""
    assert properties("Service")["CapacityProviderStrategy"] == [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]
    over = "api: {spot: false, min_tasks: 2}"
    assert properties("Service", over)["CapacityProviderStrategy"] == [
        {"CapacityProvider": "FARGATE", "Base": 2, "Weight": 1}
    ]


def test_a_change_of_capacity_moves_the_running_tasks() -> None:
    """Without a forced deployment ECS would leave them where they are."""
    assert properties("Service")["ForceNewDeployment"] == {"EnableForceNewDeployment": True}


def test_no_update_resets_what_autoscaling_set() -> None:
    """The service has no DesiredCount, the range is the scalable target's."""
    assert "DesiredCount" not in properties("Service")
    target = properties("ScalableTarget", "api: {min_tasks: 2, max_tasks: 9}")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 9)
    assert target["ResourceId"] == {"Fn::Sub": "service/${EcsCluster}/${Service.Name}"}


def test_without_nat_no_task_runs_until_an_image_was_pushed() -> None:
    """The placeholder's public image cannot be pulled there; a schedule must not try either."""
    assert properties("Service", WITHOUT_NAT)["DesiredCount"] == {"Fn::If": ["HasImage", {"Ref": "AWS::NoValue"}, 0]}
    target = properties("ScalableTarget", WITHOUT_NAT)
    assert target["MinCapacity"] == {"Fn::If": ["HasImage", 1, 0]}
    assert target["MaxCapacity"] == {"Fn::If": ["HasImage", 2, 0]}
    condition, actions, until_then = target["ScheduledActions"]["Fn::If"]
    assert (condition, len(actions), until_then) == ("HasImage", 2, {"Ref": "AWS::NoValue"})


def test_a_deployment_that_fails_or_raises_an_alarm_is_rolled_back() -> None:
    """New tasks first; circuit breaker and the two alarms that need no service."""
    deployment = properties("Service")["DeploymentConfiguration"]
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert deployment["Alarms"] == {
        "AlarmNames": [{"Ref": "ErrorRateAlarm"}, {"Ref": "LatencyAlarm"}],
        "Enable": True,
        "Rollback": True,
    }


def test_tasks_have_no_public_address_and_carry_the_stacks_tags() -> None:
    """Private subnets, the API's group; tasks are no stack resources, so the service hands its tags on."""
    service = properties("Service")
    assert service["NetworkConfiguration"]["AwsvpcConfiguration"] == {
        "AssignPublicIp": "DISABLED",
        "Subnets": {"Ref": "PrivateSubnetIds"},
        "SecurityGroups": [{"Ref": "ApiSecurityGroupId"}],
    }
    assert (service["PropagateTags"], service["EnableECSManagedTags"]) == ("SERVICE", True)


def test_scaling_follows_cpu_memory_and_requests() -> None:
    """The three targets of the file, the third on the load balancer's own count."""
    over = "api: {scaling: {cpu: 55, memory: 66, requests_per_target: 77}}"
    targets = {
        each["Properties"]["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"][
            "PredefinedMetricType"
        ]: each["Properties"]["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
        for each in resources(over, POLICY).values()
    }
    assert targets == {
        "ECSServiceAverageCPUUtilization": 55,
        "ECSServiceAverageMemoryUtilization": 66,
        "ALBRequestCountPerTarget": 77,
    }
    label = properties("RequestsScaling", over)["TargetTrackingScalingPolicyConfiguration"]
    assert label["PredefinedMetricSpecification"]["ResourceLabel"] == {
        "Fn::Sub": "${LoadBalancer.LoadBalancerFullName}/${TargetGroup.TargetGroupFullName}"
    }


def test_scaling_on_requests_can_be_off() -> None:
    """`requests_per_target: null` leaves CPU and memory."""
    assert set(resources("api: {scaling: {requests_per_target: null}}", POLICY)) == {"CpuScaling", "MemoryScaling"}


@pytest.mark.long
def test_schedules_change_the_range_by_the_clock() -> None:
    """Each entry is one action in its own time zone; without entries there are none."""
    over = "api: {schedule: [{name: night, cron: cron(0 20 ? * * *), timezone: Asia/Tokyo, min: 0, max: 1}]}"
    assert properties("ScalableTarget", over)["ScheduledActions"] == [
        {
            "ScheduledActionName": "night",
            "Schedule": "cron(0 20 ? * * *)",
            "Timezone": "Asia/Tokyo",
            "ScalableTargetAction": {"MinCapacity": 0, "MaxCapacity": 1},
        }
    ]
    assert "ScheduledActions" not in properties("ScalableTarget", "api: {schedule: []}")


@pytest.mark.long
def test_tasks_are_replaced_regularly() -> None:
    """The schedule starts a new deployment of this service and may do nothing else."""
    schedule = properties("Refresh", "api: {refresh_days: 7}")
    assert schedule["ScheduleExpression"] == "cron(30 5 ? * TUE *)"
    assert schedule["Target"]["Input"] == {
        "Fn::Sub": '{"Cluster":"${EcsCluster}","Service":"${Service.Name}","ForceNewDeployment":true}'
    }
    [statement] = properties("RefreshRole")["Policies"][0]["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("ecs:UpdateService", {"Ref": "Service"})
    assert properties("Refresh", "api: {refresh_days: 3}")["ScheduleExpression"] == expression(3)


@pytest.mark.parametrize("days", [each for each in range(1, 15) if each != 7])
def test_no_interval_between_refreshes_is_longer_than_asked(days: int) -> None:
    """Days are counted within the month, from its first, whatever its length."""
    assert expression(days) == f"cron(30 5 1/{days} * ? *)"
    for length in (28, 29, 30, 31):
        refreshes = [*range(1, length + 1, days), length + 1]
        assert all(0 < later - earlier <= days for earlier, later in pairwise(refreshes))


def test_a_failed_deployment_tells_the_alarm_topic() -> None:
    """Whoever started it: a stack update, the refresh or a person."""
    rule = properties("DeploymentFailures")
    assert rule["EventPattern"]["resources"] == [{"Ref": "Service"}]
    assert rule["EventPattern"]["detail"] == {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]}
    assert rule["Targets"][0]["Arn"] == {"Ref": "AlarmTopicArn"}


@pytest.mark.parametrize(("setting", "on"), [("disabled", False), ("enabled", True), ("enhanced", True)])
def test_container_insights_are_a_choice(setting: str, on: bool) -> None:
    """On, they write to a group with retention and key that is there first; off, the finding is explained."""
    over = f"api: {{container_insights: {setting}}}"
    cluster = resources(over)["EcsCluster"]
    assert cluster["Properties"]["ClusterSettings"] == [{"Name": "containerInsights", "Value": setting}]
    assert ("Metadata" in cluster) is not on
    assert ("InsightsLogGroup" in resources(over)) is on
    assert (cluster.get("DependsOn") == "InsightsLogGroup") is on


@pytest.mark.long
def test_the_thresholds_of_the_file_are_the_alarms_own() -> None:
    """`error_percent` and `latency_seconds`, both notifying."""
    over = "api: {alarms: {error_percent: 2.5, latency_seconds: 0.4}}"
    assert properties("ErrorRateAlarm", over)["Threshold"] == 2.5
    assert properties("LatencyAlarm", over)["Threshold"] == 0.4
    for alarm in resources(over, "AWS::CloudWatch::Alarm").values():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]


@pytest.mark.parametrize(
    ("requests", "target", "elb", "rate"),
    [
        (1000, 30, 20, 100 * 50 / 1020),
        (0, 0, 500, 100.0),
        (10, 10, 0, 0),
        (1000, 0, 0, 0),
    ],
)
def test_the_error_rate_counts_an_outage_without_any_task(requests: int, target: int, elb: int, rate: float) -> None:
    """Requests that found no task are not in RequestCount: the load balancer's own errors are counted beside it."""
    [query] = [each for each in properties("ErrorRateAlarm")["Metrics"] if each["ReturnData"]]
    names = {"requests": requests, "target": target, "elb": elb}
    # metric math on one minute: IF and FILL are functions, the rest is arithmetic as in Python
    functions = {"IF": lambda test, yes, no: yes if test else no, "FILL": lambda value, _: value}
    assert eval(query["Expression"], functions, names) == pytest.approx(rate)  # noqa: S307 # our own text


def test_an_api_that_always_runs_has_an_alarm_on_having_no_task() -> None:
    """Without registered targets the load balancer reports nothing at all, and few requests make no error rate."""
    alarm = properties("NoTasksAlarm", "api: {schedule: []}")
    assert (alarm["MetricName"], alarm["TreatMissingData"]) == ("HealthyHostCount", "breaching")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)


@pytest.mark.parametrize(
    "over",
    [
        "api: {schedule: [{name: night, cron: cron(0 20 ? * MON-FRI *), min: 0, max: 0}]}",
        "api: {min_tasks: 0, schedule: [{name: day, cron: cron(0 6 ? * MON-FRI *), min: 1, max: 2}]}",
    ],
)
def test_an_api_that_sleeps_by_schedule_is_missed_only_while_somebody_asks(over: str) -> None:
    """At night an alarm on having no task would be a false one."""
    alarm = properties("NoTasksAlarm", over)
    assert (alarm["TreatMissingData"], alarm["Threshold"]) == ("notBreaching", 0)
    [query] = [each["Expression"] for each in alarm["Metrics"] if each["ReturnData"]]
    assert query == "IF(FILL(healthy, 0) < 1, FILL(requests, 0) + FILL(elb, 0), 0)"


def test_an_api_that_waits_for_its_first_image_is_missed_from_then_on() -> None:
    """Without NAT nothing can pull the placeholder's image."""
    assert resources("network: {nat: none}\napi: {schedule: []}")["NoTasksAlarm"]["Condition"] == "HasImage"


def test_an_api_without_tasks_is_not_missed() -> None:
    """Nothing ever starts one."""
    assert "NoTasksAlarm" not in resources("api: {schedule: [], min_tasks: 0}")


def test_deployment_alarms_name_no_service() -> None:
    """The service names them, so the other way round would be a circle."""
    assert "Service" not in str(properties("ErrorRateAlarm")["Metrics"])
    assert {each["Name"] for each in properties("LatencyAlarm")["Dimensions"]} == {"LoadBalancer"}


def test_the_outputs_are_those_of_the_contract() -> None:
    """What the dashboard, the CLI and people read."""
    assert set(template()["Outputs"]) == {
        "LoadBalancerFullName", "TargetGroupFullName", "EcsClusterName", "EcsServiceName", "EcsTaskFamily",
        "ApiLogGroupName", "ErrorRateAlarmArn", "RepositoryUri", "Url",
    }  # fmt: skip
