"""A service behind its load balancer: what clients see while tasks come, go, fail and are replaced."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from emulator import REGION, Clients, delete, deploy, outputs, reasons
from notes import under_load
from twins import PATIENCE, lines, until

from infragen_local.drain import InFlight

Put = Callable[..., dict[str, Any]]

HEALTH = "fetch('http://127.0.0.1:3000/health').then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))"
GOOD = """
  require('http').createServer((request, response) => {
    if (request.url === '/slow') { setTimeout(() => response.end('slow'), 1500); return; }
    response.end(request.url === '/health' ? 'ok' : 'NAME');
  }).listen(Number(process.env.PORT));
"""


def template(image: str, count: int = 1, grace: int = 30) -> dict[str, Any]:
    """A service of the API's kind behind a load balancer, without what it does not need to run."""
    container = {
        "Name": "api",
        "Image": image,
        "StopTimeout": 5,
        "PortMappings": [{"ContainerPort": 3000}],
        "Environment": [{"Name": "PORT", "Value": "3000"}],
        "HealthCheck": {"Command": ["CMD", "node", "-e", HEALTH], "Interval": 5, "StartPeriod": 30, "Retries": 2},
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {"awslogs-group": {"Ref": "Logs"}, "awslogs-region": REGION, "awslogs-stream-prefix": "api"},
        },
    }
    breaker = {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}}
    balancer = {"ContainerName": "api", "ContainerPort": 3000, "TargetGroupArn": {"Ref": "Targets"}}
    forward = [{"Type": "forward", "TargetGroupArn": {"Ref": "Targets"}}]
    resources = {
        "Logs": ("Logs::LogGroup", {"LogGroupName": "/ecs/api"}),
        "Cluster": ("ECS::Cluster", {"ClusterName": "shop"}),
        "Balancer": ("ElasticLoadBalancingV2::LoadBalancer", {"Type": "application", "Subnets": ["subnet-1"]}),
        "Targets": (
            "ElasticLoadBalancingV2::TargetGroup",
            {
                "TargetType": "ip",
                "Protocol": "HTTP",
                "Port": 3000,
                "VpcId": "vpc-1",
                "HealthCheckPath": "/health",
                "HealthCheckIntervalSeconds": 1,
                "UnhealthyThresholdCount": 2,
            },
        ),
        "Listener": (
            "ElasticLoadBalancingV2::Listener",
            {"LoadBalancerArn": {"Ref": "Balancer"}, "Port": 80, "Protocol": "HTTP", "DefaultActions": forward},
        ),
        "Task": (
            "ECS::TaskDefinition",
            {
                "Family": "api",
                "RequiresCompatibilities": ["FARGATE"],
                "NetworkMode": "awsvpc",
                "Cpu": "256",
                "Memory": "512",
                "ContainerDefinitions": [container],
            },
        ),
        "Service": (
            "ECS::Service",
            {
                "ServiceName": "api",
                "Cluster": {"Ref": "Cluster"},
                "TaskDefinition": {"Ref": "Task"},
                "DesiredCount": count,
                "LaunchType": "FARGATE",
                "LoadBalancers": [balancer],
                "DeploymentConfiguration": breaker,
                "HealthCheckGracePeriodSeconds": grace,
            },
        ),
    }
    typed = {name: {"Type": f"AWS::{kind}", "Properties": given} for name, (kind, given) in resources.items()}
    typed["Service"]["DependsOn"] = "Listener"
    return {"Resources": typed, "Outputs": {"Url": {"Value": {"Fn::Sub": "http://${Balancer.DNSName}"}}}}


@pytest.fixture(scope="module")
def images(twin_put: Put, twin_uri: str) -> Callable[[str], str]:
    """Return a function that gives the address of an image of a program, by a name that the program says."""
    return lambda program: f"{twin_uri}:{twin_put(program)['tag']}"


@pytest.fixture(scope="module")
def url(twin_client: Clients, images: Callable[[str], str]) -> Iterator[str]:
    """Deploy the service with two tasks and return its address; delete it at the end, which leaves no task."""
    cloudformation = twin_client("cloudformation")
    assert deploy(cloudformation, "api", template(images(GOOD), 2)) == "CREATE_COMPLETE"
    yield outputs(cloudformation, "api")["Url"]
    assert delete(cloudformation, "api") == "DELETE_COMPLETE"
    ecs = twin_client("ecs")
    left = [ecs.describe_tasks(cluster="shop", tasks=[task])["tasks"][0] for task in tasks(ecs)]
    assert {task["lastStatus"] for task in left} <= {"STOPPED"}


def tasks(ecs: Any) -> list[str]:
    """Return the tasks of the service that are not meant to stop."""
    return list(ecs.list_tasks(cluster="shop", serviceName="api")["taskArns"])


def get(address: str, **headers: str) -> tuple[int, str]:
    """Return status and body of an answer."""
    asked = urllib.request.Request(address, headers=headers)  # noqa: S310 # of this machine
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:  # noqa: S310  # of this machine
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_stack_is_complete_when_its_service_answers(url: str, twin_client: Clients) -> None:
    """The Url of the stack answers at once, in an account of its own; two tasks serve at the same port of the task."""
    assert get(url) == (200, "NAME")
    groups = twin_client("elbv2").describe_target_groups()["TargetGroups"]
    health = twin_client("elbv2").describe_target_health(TargetGroupArn=groups[0]["TargetGroupArn"])
    targets = health["TargetHealthDescriptions"]
    assert len({target["Target"]["Id"] for target in targets}) == 2
    assert {target["TargetHealth"]["State"] for target in targets} == {"healthy"}


def test_a_rolling_update_fails_no_request(url: str, twin_client: Clients, images: Callable[[str], str]) -> None:
    """Old tasks go when the new ones are healthy and their own requests are answered, a slow one included."""
    ecs = twin_client("ecs")
    slow: list[tuple[int, str]] = []
    with under_load(url) as answers:
        waiting = threading.Thread(target=lambda: slow.append(get(url + "/slow")))
        waiting.start()
        until(lambda: len(answers) > 5, "requests")
        newer = template(images(GOOD.replace("NAME", "newer")), 2)
        assert deploy(twin_client("cloudformation"), "api", newer) == "UPDATE_COMPLETE"
        until(lambda: answers[-1] == (200, "newer"), "an answer of the new tasks")
        until(lambda: len(tasks(ecs)) == 2, "the end of the old tasks")
        waiting.join()
    assert {status for status, _ in answers} == {200}
    assert slow == [(200, "slow")]
    stopped = ecs.list_tasks(cluster="shop", serviceName="api", desiredStatus="STOPPED")["taskArns"]
    old = ecs.describe_tasks(cluster="shop", tasks=stopped)["tasks"]
    assert {task["stopCode"] for task in old} == {"ServiceSchedulerInitiated"}


@pytest.mark.long
def test_a_deployment_that_overtakes_another_fails_no_request(url: str, twin_client: Clients) -> None:
    """Tasks that serve stay until others do, also when those that were to follow them are overtaken."""
    ecs = twin_client("ecs")
    with under_load(url) as answers:
        for _ in range(4):
            ecs.update_service(cluster="shop", service="api", forceNewDeployment=True)
            time.sleep(0.4)

        def settled() -> bool:
            [found] = ecs.describe_services(cluster="shop", services=["api"])["services"]
            return bool(found["deployments"][0]["rolloutState"] == "COMPLETED" and len(tasks(ecs)) == 2)

        until(settled, "the last deployment")
    assert {status for status, _ in answers} == {200}


def test_a_crash_loop_is_rolled_back_by_the_circuit_breaker(
    url: str, twin_client: Clients, images: Callable[[str], str]
) -> None:
    """The stack fails with AWS's sentence, the new tasks say why, and the old ones never stop to answer."""
    bad = images("console.error('cannot find CONFIG'); process.exit(3)")
    cloudformation, ecs = twin_client("cloudformation"), twin_client("ecs")
    before = get(url)
    with under_load(url) as answers:
        assert deploy(cloudformation, "api", template(bad, 2)) == "UPDATE_ROLLBACK_COMPLETE"
    [why] = reasons(cloudformation, "api", "Service", "UPDATE_FAILED")
    assert "ECS Deployment Circuit Breaker was triggered" in why
    assert {status for status, _ in answers} == {200}
    assert get(url) == before
    stopped = ecs.list_tasks(cluster="shop", serviceName="api", desiredStatus="STOPPED")["taskArns"]
    codes = [
        task["containers"][0].get("exitCode") for task in ecs.describe_tasks(cluster="shop", tasks=stopped)["tasks"]
    ]
    assert codes.count(3) >= 3
    assert "cannot find CONFIG" in lines(twin_client("logs"), "/ecs/api")


@pytest.mark.long
def test_a_task_that_turns_unhealthy_is_replaced(
    url: str, twin_client: Clients, images: Callable[[str], str], tmp_path: Path
) -> None:
    """Its target fails the health check, ECS stops it with the reason, and starts another."""
    file, ecs = tmp_path / "sick", twin_client("ecs")
    failing = f"if (require('fs').existsSync({str(file)!r})) response.statusCode = 500; if ("
    sick = images(GOOD.replace("if (", failing, 1))
    assert deploy(twin_client("cloudformation"), "api", template(sick, 1, grace=1)) == "UPDATE_COMPLETE"
    file.touch()

    def reason() -> str:
        stopped = ecs.list_tasks(cluster="shop", serviceName="api", desiredStatus="STOPPED")["taskArns"]
        found = [task.get("stoppedReason", "") for task in ecs.describe_tasks(cluster="shop", tasks=stopped)["tasks"]]
        return next((text for text in found if "failed ELB health checks" in text), "")

    assert until(reason, "the end of the task").startswith("Task failed ELB health checks in (target-group arn:aws:")
    file.unlink()
    until(lambda: tasks(ecs), "another task")


def test_a_page_of_another_site_reaches_no_load_balancer(url: str) -> None:
    """What a browser adds to the requests of a foreign page is refused, and so is another name for this address."""
    port = url.rpartition(":")[2]
    refused = [
        get(url, Origin="http://evil.example"),
        get(url, **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
        get(url, Host=f"evil.example:{port}"),
    ]
    assert [status for status, _ in refused] == [403, 403, 403]
    assert get(url, **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})[0] != 403


def test_a_service_without_a_load_balancer_that_cannot_start_fails_its_creation(
    twin_client: Clients, images: Callable[[str], str]
) -> None:
    """The first deployment has nothing to go back to: the circuit breaker fails the resource, and the stack goes."""
    made = template(images("process.exit(1)"))
    made["Resources"]["Cluster"]["Properties"]["ClusterName"] = "other"
    made["Resources"]["Logs"]["Properties"]["LogGroupName"] = "/ecs/other"
    del made["Resources"]["Service"]["Properties"]["LoadBalancers"]
    assert deploy(twin_client("cloudformation"), "other", json.dumps(made)) == "ROLLBACK_COMPLETE"


@pytest.mark.long
def test_a_scheduled_action_moves_the_desired_count(twin_client: Clients, images: Callable[[str], str]) -> None:
    """At its time the tasks of a service are as many as the action's minimum, and after another none."""
    made = template(images("setInterval(() => {}, 9e4)"))
    made["Resources"]["Cluster"]["Properties"]["ClusterName"] = "scaled"
    made["Resources"]["Logs"]["Properties"]["LogGroupName"] = "/ecs/scaled"
    service = made["Resources"]["Service"]["Properties"]
    del service["LoadBalancers"], made["Resources"]["Task"]["Properties"]["ContainerDefinitions"][0]["HealthCheck"]
    made["Resources"]["Target"] = {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "DependsOn": "Service",
        "Properties": {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": "service/scaled/api",
            "MinCapacity": 1,
            "MaxCapacity": 4,
        },
    }
    assert deploy(twin_client("cloudformation"), "scaled", made) == "CREATE_COMPLETE"

    def schedule(least: int, most: int) -> None:
        """Set an action whose time comes soon, but after it is set."""
        for seconds in (3, 20, 100):
            moment = datetime.now(UTC) + timedelta(seconds=seconds)
            limits = {"MinCapacity": least, "MaxCapacity": most}
            action = {"Schedule": f"at({moment:%Y-%m-%dT%H:%M:%S})", "ScalableTargetAction": limits}
            made["Resources"]["Target"]["Properties"]["ScheduledActions"] = [{**action, "ScheduledActionName": "one"}]
            assert deploy(twin_client("cloudformation"), "scaled", made) == "UPDATE_COMPLETE"
            if datetime.now(UTC) < moment.replace(microsecond=0):
                return
        raise AssertionError("it takes too long to set an action")

    def running() -> int:
        [found] = twin_client("ecs").describe_services(cluster="scaled", services=["api"])["services"]
        return int(found["runningCount"])

    schedule(2, 4)
    until(lambda: running() == 2, "the second task")
    schedule(0, 0)
    until(lambda: running() == 0, "the end of both")


@pytest.mark.twin
def test_load_moves_no_desired_count_and_is_no_metric_of_tasks(
    url: str, twin_client: Clients, images: Callable[[str], str]
) -> None:
    """A policy that follows a metric is kept and does nothing; requests are counted, and CPU is not measured."""
    metrics, made = twin_client("cloudwatch"), template(images(GOOD), 1)
    target = {
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": "service/shop/api",
    }
    policy = {
        "TargetValue": 1.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    }
    for name, kind, properties in (
        ("Target", "ScalableTarget", {**target, "MinCapacity": 1, "MaxCapacity": 4}),
        (
            "Policy",
            "ScalingPolicy",
            {
                "PolicyName": "cpu",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": {"Ref": "Target"},
                "TargetTrackingScalingPolicyConfiguration": policy,
            },
        ),
    ):
        full = {"Type": f"AWS::ApplicationAutoScaling::{kind}", "DependsOn": "Service", "Properties": properties}
        made["Resources"][name] = full
    assert deploy(twin_client("cloudformation"), "api", made) == "UPDATE_COMPLETE"

    def wanted() -> int:
        [found] = twin_client("ecs").describe_services(cluster="shop", services=["api"])["services"]
        return int(found["desiredCount"])

    before = wanted()
    dimensions = [{"Name": "ClusterName", "Value": "shop"}, {"Name": "ServiceName", "Value": "api"}]
    busy = {"MetricName": "CPUUtilization", "Dimensions": dimensions, "Value": 100.0}
    metrics.put_metric_data(Namespace="AWS/ECS", MetricData=[busy])
    with under_load(url) as answers:
        until(lambda: len(answers) > 40, "load")
    assert wanted() == before
    balanced = {each["MetricName"] for each in metrics.list_metrics(Namespace="AWS/ApplicationELB")["Metrics"]}
    assert {"RequestCount"} <= balanced <= {"RequestCount", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"}
    assert [each["MetricName"] for each in metrics.list_metrics(Namespace="AWS/ECS")["Metrics"]] == ["CPUUtilization"]


@pytest.mark.twin
def test_a_load_balancer_speaks_http_at_a_port_of_its_own(url: str, twin_client: Clients) -> None:
    """Whatever its listeners say: it can have neither the port that they name nor the key of a certificate."""
    assert url.startswith("http://127.0.0.1:")
    assert url.rpartition(":")[2] not in ("80", "443")
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": "by HTTP"}}
    secure = {
        "Balancer": template("none")["Resources"]["Balancer"],
        "Certificate": {"Type": "AWS::CertificateManager::Certificate", "Properties": {"DomainName": "example.com"}},
        "Listener": {
            "Type": "AWS::ElasticLoadBalancingV2::Listener",
            "Properties": {
                "LoadBalancerArn": {"Ref": "Balancer"},
                "Port": 443,
                "Protocol": "HTTPS",
                "Certificates": [{"CertificateArn": {"Ref": "Certificate"}}],
                "DefaultActions": [answer],
            },
        },
    }
    made = {"Resources": secure, "Outputs": template("none")["Outputs"]}
    assert deploy(twin_client("cloudformation"), "secure", made) == "CREATE_COMPLETE"
    assert get(outputs(twin_client("cloudformation"), "secure")["Url"]) == (200, "by HTTP")


def alone(program: str, name: str, check: dict[str, Any]) -> dict[str, Any]:
    """A service without a load balancer, in a cluster of its own, with another health check of its container."""
    made = template(program)
    made["Resources"]["Cluster"]["Properties"]["ClusterName"] = name
    made["Resources"]["Logs"]["Properties"]["LogGroupName"] = f"/ecs/{name}"
    del made["Resources"]["Service"]["Properties"]["LoadBalancers"]
    [container] = made["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    container["HealthCheck"] |= check
    return made


@pytest.mark.twin
def test_a_health_check_that_has_not_passed_is_repeated_at_once(
    twin_client: Clients, images: Callable[[str], str]
) -> None:
    """With an interval of five minutes one that passes at its third try would take ten; the stack does not wait."""
    third = "const fs = require('fs'); fs.appendFileSync('tries', '.');"
    third += "process.exit(fs.readFileSync('tries').length < 3 ? 1 : 0)"
    check = {"Command": ["CMD", "node", "-e", third], "Interval": 300, "Retries": 3, "StartPeriod": 300}
    made = alone(images("setInterval(() => {}, 9e4); console.log('patient')"), "patient", check)
    assert deploy(twin_client("cloudformation"), "patient", made) == "CREATE_COMPLETE"
    [task] = twin_client("ecs").list_tasks(cluster="patient")["taskArns"]
    [found] = twin_client("ecs").describe_tasks(cluster="patient", tasks=[task])["tasks"]
    assert found["healthStatus"] == "HEALTHY"


@pytest.mark.twin
def test_a_container_that_fails_its_health_check_is_replaced(
    twin_client: Clients, images: Callable[[str], str], tmp_path: Path
) -> None:
    """ECS stops its task with the reason, and starts another."""
    ecs, file = twin_client("ecs"), tmp_path / "sick"
    sick = f"process.exit(require('fs').existsSync({str(file)!r}) ? 1 : 0)"
    check = {"Command": ["CMD", "node", "-e", sick], "Interval": 5, "Retries": 1, "StartPeriod": 0}
    made = alone(images("setInterval(() => {}, 9e4); console.log('sick')"), "sick", check)
    assert deploy(twin_client("cloudformation"), "sick", made) == "CREATE_COMPLETE"
    file.touch()

    def reason() -> str:
        stopped = ecs.list_tasks(cluster="sick", desiredStatus="STOPPED")["taskArns"]
        found = ecs.describe_tasks(cluster="sick", tasks=stopped)["tasks"] if stopped else []
        return next((each.get("stoppedReason", "") for each in found), "")

    assert "failed container health checks" in until(reason, "the end of the task")
    assert delete(twin_client("cloudformation"), "sick") == "DELETE_COMPLETE"


def test_a_target_waits_for_requests_that_may_still_choose_it() -> None:
    """One that arrived before the target left its group, and then one that is on its way to it; nobody else's."""
    in_flight, target = InFlight(), ("127.0.0.2", 3000)
    request = in_flight.arrive()
    assert not in_flight.drain("127.0.0.2", 0.01)
    in_flight.begin(target)
    in_flight.decide(request)
    assert not in_flight.drain("127.0.0.2", 0.01)
    assert in_flight.drain("127.0.0.3", 0.01)
    in_flight.end(target)
    assert in_flight.drain("127.0.0.2", 0.01)


def test_a_schedule_is_read_in_its_own_time_zone() -> None:
    """Eight in the evening of Berlin on a weekday, in winter and in summer; never on a Saturday."""
    from infragen_local.parts.scaling import due

    night = {"Schedule": "cron(0 20 ? * MON-FRI *)", "Timezone": "Europe/Berlin"}

    def fires(moment: str) -> bool:
        at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        return list(due([night], at - timedelta(seconds=2), at)) == [night]

    assert fires("2026-11-27T19:00:00")
    assert fires("2026-07-03T18:00:00")
    assert not fires("2026-11-27T20:00:00")
    assert not fires("2026-11-28T19:00:00")


@pytest.mark.parametrize("schedule", ["rate(5 minutes)", "cron(0 20 * * MON *)", "at(soon)", ""])
def test_a_schedule_that_is_not_followed_is_named(schedule: str) -> None:
    """What cannot be read is said when the target is made, and never taken for a time."""
    from infragen_local.parts.scaling import due, unread

    now = datetime.now(UTC)
    assert "only cron() and at()" in unread({"Schedule": schedule})
    assert "time zone" in unread({"Schedule": "cron(0 8 ? * MON *)", "Timezone": "Nowhere/Here"})
    assert list(due([{"Schedule": schedule}], now - timedelta(days=365), now)) == []


def test_a_service_that_never_becomes_steady_is_named_and_deleted(
    twin_client: Clients, images: Callable[[str], str]
) -> None:
    """Its event has its ARN, its tasks say why, and the rollback leaves nothing of it."""
    made = template(f"{images(GOOD)}-missing", 1)
    resources = {name: made["Resources"][name] for name in ("Logs", "Cluster", "Task", "Service")}
    resources["Logs"]["Properties"]["LogGroupName"] = "/ecs/alone"
    resources["Cluster"]["Properties"]["ClusterName"] = "alone"
    resources["Service"] = {key: each for key, each in resources["Service"].items() if key != "DependsOn"}
    del resources["Service"]["Properties"]["LoadBalancers"]
    cloudformation, ecs = twin_client("cloudformation"), twin_client("ecs")
    assert deploy(cloudformation, "alone", {"Resources": resources}) == "ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName="alone")["StackEvents"]
    [failed] = [
        each for each in events if (each["LogicalResourceId"], each["ResourceStatus"]) == ("Service", "CREATE_FAILED")
    ]
    assert failed["PhysicalResourceId"].endswith("service/alone/api")
    assert ecs.list_services(cluster="alone")["serviceArns"] == []
    stopped = ecs.list_tasks(cluster="alone", serviceName="api", desiredStatus="STOPPED")["taskArns"]
    [task] = ecs.describe_tasks(cluster="alone", tasks=stopped)["tasks"]
    assert "CannotPullContainerError" in task["stoppedReason"]
    delete(cloudformation, "alone")
