"""The api layer's template has nothing that cfn-lint could say of it, whatever is turned on."""

import pytest
from api_rendering import text
from cfnlint.api import lint
from cfnlint.config import ManualArgs

SECRETS = (
    "A: 'arn:aws:secretsmanager:us-east-1:111111111111:secret:a-AbCdEf:key::', "
    "B: 'arn:aws:ssm:us-east-1:111111111111:parameter/b'"
)
VARIANTS = {
    "dev": "",
    "staging's figures": """
environment: staging
api:
  https: {mode: certificate, certificate_arn: 'arn:aws:acm:us-east-1:111111111111:certificate/00000000-aaaa'}
  cpu: 1024
  memory: 2048
  max_tasks: 5
  spot: false
  tracing: true
  container_insights: enabled
  schedule: []
""",
    "prod's figures": """
environment: prod
database: {readers: 1}
api:
  https: {mode: domain, domain_name: api.example.com, hosted_zone_id: Z0123456789ABC}
  cpu: 1024
  memory: 2048
  min_tasks: 2
  max_tasks: 10
  spot: false
  tracing: true
  waf: true
  container_insights: enhanced
  deletion_protection: true
  schedule: []
""",
    "no NAT, a writable root, shells, secrets, a boundary": f"""
iam: {{permissions_boundary_arn: 'arn:aws:iam::111111111111:policy/limits'}}
network: {{nat: none}}
queues: [{{name: orders, fifo: true, encryption: kms}}, {{name: order-events}}]
workers: []
api:
  container_user: app
  readonly_root: false
  enable_execute_command: true
  architecture: x86_64
  refresh_days: 3
  port: 8080
  health_path: /
  scaling: {{requests_per_target: null}}
  secrets: {{{SECRETS}}}
""",
    "nothing but the network": "database: null\nqueues: []\nworkers: []\napi: {schedule: []}",
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_cfn_lint_says_nothing(variant: str) -> None:
    """No error, no warning, no informational finding."""
    findings = lint(text(VARIANTS[variant]), config=ManualArgs(include_checks=["I"]))
    assert [f"{each.rule.id} {each.path}: {each.message}" for each in findings] == []
