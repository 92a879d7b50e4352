"""cfn-lint finds nothing at all, not even informational, in any template of an environment or a variant of one."""

from pathlib import Path
from textwrap import dedent

import pytest
from linting import linted
from rendering import assembly

# Each variant turns what it can in all layers at once: cfn-lint takes most of a second for one template.
VARIANTS = {
    "closed network, FIFO and several workers, an API with a certificate, a large database": """
        network: {azs: 4, nat: none, interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sqs]}
        queues: [{name: a, fifo: true, content_deduplication: false}, {name: b-c, encryption: kms}]
        workers:
          - {name: one, queue: a, runtime: python3.14, tracing: false, architecture: x86_64}
          - {name: two, queue: b-c, batch_size: 100, max_concurrency: 5, filter: [{body: {kind: [mail]}}],
             secret_arns: ['arn:aws:secretsmanager:us-east-1:111111111111:secret:smtp-AbCdEf']}
        api:
          https: {mode: certificate, certificate_arn: 'arn:aws:acm:us-east-1:111111111111:certificate/0000-aaaa'}
          tracing: true
          container_insights: enabled
          refresh_days: 3
          schedule: []
        database: {engine_version: '17.11', min_acu: 1, max_acu: 256, readers: 15, storage: io_optimized,
          backup_days: 35, deletion: snapshot, deletion_protection: true, monitoring_seconds: 1, rotation_days: 365}
    """,
    "one gateway, other ports, a boundary, an API with a domain, WAF and readers": """
        network: {azs: 3, nat: single, vpc_cidr: 172.16.0.0/20, extra_egress_ports: [587]}
        alarms: {emails: [a@example.com]}
        iam: {permissions_boundary_arn: 'arn:aws:iam::111111111111:policy/edge'}
        database: {readers: 1, engine_version: '18.3'}
        api:
          https: {mode: domain, domain_name: api.example.com, hosted_zone_id: Z0123456789ABC}
          cpu: 1024
          memory: 2048
          spot: false
          waf: true
          container_insights: enhanced
          deletion_protection: true
    """,
    "a gateway a zone, a queue with KMS, an API with shells, secrets and a user by name, a database that pauses": """
        network: {nat: per_az, flow_logs: ALL}
        queues: [{name: notifications, encryption: kms}]
        api:
          container_user: app
          readonly_root: false
          enable_execute_command: true
          architecture: x86_64
          port: 8080
          health_path: /
          scaling: {requests_per_target: null}
          secrets:
            A: 'arn:aws:secretsmanager:us-east-1:111111111111:secret:a-AbCdEf:key::'
            B: arn:aws:ssm:us-east-1:111111111111:parameter/b
        database: {engine_version: '16.8', min_acu: 0, max_acu: 1, auto_pause_seconds: 300, monitoring_seconds: 0,
          identifier_suffix: restored, parameters: {work_mem: '65536', log_statement: none}, url_options: ''}
    """,
    "no database, a regional gateway, tasks for shells": (
        "database: null\nnetwork: {nat: regional}\napi: {shells: true}"
    ),
    "no API": "api: null",
    "network and database alone": """
        api: null
        queues: []
        workers: []
    """,
}


@pytest.mark.long
@pytest.mark.parametrize("name", VARIANTS)
def test_cfn_lint_finds_nothing(name: str, findings: Path) -> None:
    """The layers of each variant, each different template once. The environments as they are: `make templates`."""
    rendered = assembly(f"topology: independent\n{dedent(VARIANTS[name])}")
    assert linted([rendered], findings / "layers") == ((),)


@pytest.mark.long
def test_cfn_lint_finds_nothing_in_a_root(findings: Path) -> None:
    """All layers of an environment with their root, whose wiring is checked."""
    assert linted([assembly("topology: nested")], findings / "layers") == ((),)
