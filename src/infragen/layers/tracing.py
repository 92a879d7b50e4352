"""Traces of a task: a collector beside the application that takes OTLP and writes to AWS X-Ray.

The X-Ray daemon and SDKs are in maintenance mode since 2026-02-25; the X-Ray service stays, and the AWS Distro for
OpenTelemetry (ADOT) is the way to it. The collector is not essential, and the API does not wait for it: when it fails,
or its image cannot be pulled, the API continues without traces.
"""

import json
from typing import Any

from troposphere import Ref
from troposphere.ecs import ContainerDefinition, Environment, KernelCapabilities, LinuxParameters, RestartPolicy

from infragen.config.schema import OTLP_PORT, SAMPLING_PORT
from infragen.layers.contract import allow

COLLECTOR_USER = "65534:65534"
"""Nobody, by number: Fargate looks names up in the image, which another collector's image may lack."""
MEMORY_MIB = 256
"""What the collector may take of the task's memory; it drops traces before it gets there."""


def environment(service: Any) -> dict[str, Any]:
    """Return the variables by which OpenTelemetry SDKs find the collector (OpenTelemetry, "OTLP Exporter
    Configuration").
    """
    return {
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{OTLP_PORT}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }


def statements() -> tuple[dict[str, Any], ...]:
    """Return what the task role needs to write traces and to read sampling rules; X-Ray knows no resources for them."""
    return (
        allow(
            [
                "xray:PutTraceSegments",
                "xray:PutSpans",
                "xray:PutSpansForIndexing",
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
            ],
            "*",
        ),
    )


def collector(image: str, logs: Any) -> ContainerDefinition:
    """Return the collector's container. Its image holds one static program, so nothing of it needs to be writable."""
    return ContainerDefinition(
        Name="collector",
        Image=image,
        Essential=False,
        RestartPolicy=RestartPolicy(Enabled=True),
        Memory=MEMORY_MIB,
        User=COLLECTOR_USER,
        ReadonlyRootFilesystem=True,
        LinuxParameters=LinuxParameters(InitProcessEnabled=True, Capabilities=KernelCapabilities(Drop=["ALL"])),
        Environment=[
            Environment(Name="AOT_CONFIG_CONTENT", Value=_configuration()),
            Environment(Name="AWS_REGION", Value=Ref("AWS::Region")),
        ],
        LogConfiguration=logs,
    )


def _configuration() -> str:
    """Return the collector reads its configuration from AOT_CONFIG_CONTENT; YAML, and so JSON. It listens on loopback
    only, which the containers of a task share.
    """
    return json.dumps(
        {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{OTLP_PORT}"}}}},
            "processors": {
                "memory_limiter": {"check_interval": "1s", "limit_mib": MEMORY_MIB * 3 // 4, "spike_limit_mib": 48},
                "resourcedetection": {"detectors": ["env", "ecs"]},
                "batch": {"timeout": "1s", "send_batch_size": 50},
            },
            "exporters": {"awsxray": {}},
            "extensions": {"awsproxy": {"endpoint": f"127.0.0.1:{SAMPLING_PORT}"}},
            "service": {
                "extensions": ["awsproxy"],
                "pipelines": {
                    "traces": {
                        "receivers": ["otlp"],
                        "processors": ["memory_limiter", "resourcedetection", "batch"],
                        "exporters": ["awsxray"],
                    }
                },
            },
        }
    )
