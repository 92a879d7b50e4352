"""The Fargate service as a construct: a layer that is not the api layer makes a service of its own with it."""

import json
from dataclasses import replace

from rendering import environment
from troposphere import Ref

from infragen.layers.contract import Template
from infragen.layers.ecs_cluster import CLUSTER, add_cluster
from infragen.layers.fargate_service import FargateService, add_fargate_service
from infragen.layers.fargate_task import FargateTask, add_task
from infragen.layers.service_scaling import ServiceScaling

TASK = FargateTask(
    name="search",
    image="registry.example/search:1",
    command=["serve"],
    user="100:100",
    cpu=256,
    memory=512,
    architecture="x86_64",
    port=9000,
    health_check=("check",),
    key="arn:of:key",
    variables={"MODE": "fast"},
    secrets={},
    start_statements=(),
    run_statements=(),
)
SCALING = ServiceScaling(smallest=3, largest=4, cpu=50, memory=60, requests=None, request_label=None)
SERVICE = FargateService(
    task=TASK,
    scaling=SCALING,
    cluster=CLUSTER,
    subnets=["subnet-1"],
    security_group="sg-1",
    target_group="arn:of:group",
    after=("Listener",),
    deployment_alarms=(Ref("SearchErrors"),),
)


def test_another_layer_makes_a_service_of_its_own() -> None:
    """Names, size, image, network and scaling are the settings'; nothing of the API is in it."""
    template = Template()
    env = environment()
    add_cluster(template, env, insights="disabled", shells=False, key="arn:of:key")
    add_fargate_service(template, env, SERVICE)
    body = template.to_dict()["Resources"]
    service, task = body["Service"]["Properties"], body["TaskDefinition"]["Properties"]
    [container] = task["ContainerDefinitions"]
    assert service["ServiceName"] == task["Family"] == {"Fn::Sub": "${ProjectName}-${EnvironmentName}-search"}
    assert (container["Name"], container["Image"], container["Command"]) == (
        "search",
        "registry.example/search:1",
        ["serve"],
    )
    assert service["LoadBalancers"] == [
        {"ContainerName": "search", "ContainerPort": 9000, "TargetGroupArn": "arn:of:group"}
    ]
    assert service["DeploymentConfiguration"]["Alarms"]["AlarmNames"] == [{"Ref": "SearchErrors"}]
    assert (body["ScalableTarget"]["Properties"]["MinCapacity"], "RequestsScaling" in body) == (3, False)
    assert "Repository" not in str(body)
    assert "-api" not in str(body)


def test_a_template_holds_several_services_with_a_prefix_each() -> None:
    """On one cluster, which may be an input of the layer; the prefix begins all logical ids, and none of the names."""
    template = Template()
    env = environment()
    for prefix in ("First", "Other"):
        task = replace(TASK, name=prefix.lower(), prefix=prefix)
        add_fargate_service(template, env, replace(SERVICE, task=task, cluster="EcsClusterName"))
    body = template.to_dict()["Resources"]
    alone = Template()
    add_fargate_service(alone, env, SERVICE)
    names = {f"{prefix}{name}" for prefix in ("First", "Other") for name in alone.to_dict()["Resources"]}
    assert set(body) == names
    inside = json.dumps({name: each for name, each in body.items() if name.startswith("First")})
    assert "Other" not in inside
    assert body["FirstService"]["Properties"]["Cluster"] == {"Ref": "EcsClusterName"}
    assert body["FirstScalableTarget"]["Properties"]["ResourceId"] == {
        "Fn::Sub": "service/${EcsClusterName}/${FirstService.Name}"
    }


def test_a_job_has_no_port_no_health_check_and_the_command_of_its_image() -> None:
    """A task that serves nobody."""
    template = Template()
    job = replace(TASK, port=None, health_check=(), command=None)
    add_task(template, environment(), job)
    [container] = template.to_dict()["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    assert {"PortMappings", "HealthCheck", "Command"} & set(container) == set()
