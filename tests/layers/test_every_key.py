"""Every key of the schema does something: two environments that differ in one key differ in what is rendered."""

import functools
import json
from collections.abc import Mapping
from typing import Any

import pytest

from infragen.assembly.synth import Assembly, synthesize
from infragen.config import Environment
from infragen.config.reference import key_paths
from infragen.plan.between import Rendering, plan_between, rendering
from infragen.plan.model import EnvironmentPlan
from infragen.resource_types.interruption import LEVELS

ELSEWHERE = {
    "extends": "read before there is an environment (test_config_files)",
    "account": "checked against the credentials (engine tests)",
    "region": "where the stacks go (engine tests); templates say AWS::Region",
    "kind": "which rules hold (test_config_kind)",
    "topology": "which stacks there are (engine tests); the layers' templates are the same bytes",
    "artifact_bucket": "where templates and code lie (engine/test_shared_bucket)",
    "tags": "given as stack tags (engine tests)",
    "protect": "termination protection and stack policies (engine tests)",
    "iam.service_role_arn": "given to CloudFormation with each change set and deletion (failure matrix, S13)",
    "stacks": "given to CloudFormation with each change set and execution (test_stack_safety)",
    "stacks.rollback_alarms": "rollback triggers of the change sets (test_stack_safety)",
    "stacks.monitoring_minutes": "for how long these are watched (test_stack_safety)",
    "stacks.notification_arns": "topics of the change sets (test_stack_safety)",
    "stacks.on_failure": "what a failed creation leaves (test_stack_safety)",
    "stacks.retain_except_on_create": "given with each execution (test_stack_safety)",
    "workers.0.code": "uploaded at deployment and passed as a parameter (engine tests)",
    "workers.0.exclude": "what of the code is left out (test_artifact)",
    "workers.0.include": "what of the code is uploaded all the same (test_artifact)",
    "release": "a task that the engine runs (engine tests)",
    "release.command": "what that task runs (engine tests)",
    "release.timeout_minutes": "when it is stopped (engine tests)",
    "release.cpu": "the size of that task (engine tests)",
    "release.memory": "the size of that task (engine tests)",
    "cost": "assumptions of the cost estimate",
}
"""Keys that no template shows, with the place where they are tested."""

NAT_INSTANCE = {"network": {"nat": "instance"}}
PAUSING = {"database": {"min_acu": 0}}
FIFO = {"queues": [{"name": "jobs", "fifo": True}, {"name": "other"}], "workers": []}
TRACED = {"api": {"tracing": True}}
CERTIFICATE = {
    "api": {
        "https": {
            "mode": "certificate",
            "certificate_arn": "arn:aws:acm:us-east-1:111111111111:certificate/one",
            "domain_name": None,
            "hosted_zone_id": None,
        }
    }
}
SUBNETS = {
    "network": {
        "public_subnet_ids": ["subnet-00000001", "subnet-00000002"],
        "private_subnet_ids": ["subnet-00000003", "subnet-00000004"],
        "interface_endpoints": ["logs"],
    }
}
EXISTING = {"network": {**SUBNETS["network"], "vpc_id": "vpc-0123456789abcdef0"}}
SECRET = "arn:aws:secretsmanager:us-east-1:111111111111:secret:mail-AbCdEf"
STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::uploads/*"}

BASE: dict[str, Any] = {
    "project": "shop",
    "environment": "test",
    "region": "us-east-1",
    "account": "111111111111",
    "network": {},
    "database": {"min_acu": 0.5, "max_acu": 4},
    "queues": [{"name": "jobs"}, {"name": "other"}],
    "api": {
        "https": {"mode": "domain", "domain_name": "api.example.com", "hosted_zone_id": "Z1"},
        "cpu": 512,
        "memory": 1024,
        "min_tasks": 1,
        "max_tasks": 4,
        "scaling": {},
        "schedule": [{"name": "night", "cron": "cron(0 20 * * ? *)", "min": 0, "max": 1}],
        "alarms": {},
        "policies": [STATEMENT],
    },
    "workers": [{"name": "jobs", "queue": "jobs", "reserved_concurrency": 5, "policies": [STATEMENT]}],
}

CHANGES: dict[str, Any] = {
    "project": "store",
    "environment": "stage",
    "iam.permissions_boundary_arn": "arn:aws:iam::111111111111:policy/edge",
    "network.vpc_cidr": "10.1.0.0/16",
    "network.azs": 3,
    "network.nat": "per_az",
    "network.nat_instance_type": (NAT_INSTANCE, "t4g.micro"),
    "network.interface_endpoints": ["logs"],
    "network.flow_logs": "REJECT",
    "network.extra_egress_ports": [587],
    "network.vpc_id": (SUBNETS, "vpc-0123456789abcdef0"),
    "network.public_subnet_ids": (EXISTING, ["subnet-00000009", "subnet-0000000a"]),
    "network.private_subnet_ids": (EXISTING, ["subnet-00000009", "subnet-0000000a"]),
    "network.isolated_subnet_ids": (EXISTING, ["subnet-00000009", "subnet-0000000a"]),
    "database.name": "orders",
    "database.owner": "clerk",
    "database.engine_version": "16.8",
    "database.min_acu": 1,
    "database.max_acu": 8,
    "database.auto_pause_seconds": (PAUSING, 600),
    "database.readers": 1,
    "database.storage": "io_optimized",
    "database.backup_days": 8,
    "database.deletion": "delete",
    "database.deletion_protection": True,
    "database.monitoring_seconds": 0,
    "database.rotation_days": 60,
    "database.url_options": "sslmode=require",
    "database.parameters": {"work_mem": "65536"},
    "database.identifier_suffix": "restored",
    "queues.0.name": ({"workers": []}, "letters"),
    "queues.0.fifo": ({"workers": []}, True),
    "queues.0.content_deduplication": (FIFO, False),
    "queues.0.retention_days": 9,
    "queues.0.visibility_seconds": 4000,
    "queues.0.max_receives": 3,
    "queues.0.encryption": "kms",
    "queues.0.alarms.depth": 7,
    "queues.0.alarms.age_seconds": 7,
    "api.https.mode": "http_only",
    "api.https.certificate_arn": (CERTIFICATE, "arn:aws:acm:us-east-1:111111111111:certificate/two"),
    "api.https.domain_name": "shop.example.com",
    "api.https.hosted_zone_id": "Z2",
    "api.ingress_cidrs": ["203.0.113.0/24"],
    "api.cpu": 256,
    "api.memory": 2048,
    "api.min_tasks": 2,
    "api.max_tasks": 5,
    "api.architecture": "x86_64",
    "api.spot": True,
    "api.port": 8080,
    "api.health_path": "/alive",
    "api.scaling.cpu": 60,
    "api.scaling.memory": 60,
    "api.scaling.requests_per_target": None,
    "api.schedule.0.name": "evening",
    "api.schedule.0.cron": "cron(0 21 * * ? *)",
    "api.schedule.0.timezone": "Europe/Berlin",
    "api.schedule.0.min": 1,
    "api.schedule.0.max": 2,
    "api.refresh_days": 3,
    "api.queue": "other",
    "api.db_pool_size": 3,
    "api.environment": {"FLAG": "on"},
    "api.secrets": {"MAIL_KEY": SECRET},
    "api.log_level": "warn",
    "api.log_retention_days": 90,
    "api.container_user": "2000:2000",
    "api.readonly_root": False,
    "api.tmp_mib": 128,
    "api.enable_execute_command": True,
    "api.shells": True,
    "api.container_insights": "enhanced",
    "api.tracing": True,
    "api.collector_image": (TRACED, "registry.example.com/collector:1"),
    "api.waf.count": ["AWSManagedRulesCommonRuleSet"],
    "api.waf.rate": 500,
    "api.access_logs_days": 30,
    "api.deletion_protection": True,
    "api.alarms.error_percent": 2,
    "api.alarms.latency_seconds": 2,
    "workers.0.name": "letters",
    "workers.0.queue": "other",
    "workers.0.runtime": "python3.14",
    "workers.0.handler": "main.run",
    "workers.0.architecture": "x86_64",
    "workers.0.memory": 1024,
    "workers.0.timeout": 90,
    "workers.0.reserved_concurrency": 7,
    "workers.0.max_concurrency": 3,
    "workers.0.batch_size": 5,
    "workers.0.batch_window": 1,
    "workers.0.filter": [{"body": {"kind": ["mail"]}}],
    "workers.0.db_pool_size": 4,
    "workers.0.tracing": False,
    "workers.0.environment": {"FLAG": "on"},
    "workers.0.secrets": {"MAIL_KEY": "ssm"},
    "workers.0.secret_arns": [SECRET],
    "alarms.emails": ["oncall@example.com"],
    **{
        f"{owner}.policies.0.{key}": value
        for owner in ("api", "workers.0")
        for key, value in {
            "Sid": "Uploads",
            "Effect": "Deny",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": "arn:aws:s3:::${EnvironmentName}/*",
            "Condition": {"Bool": {"aws:SecureTransport": "true"}},
        }.items()
    },
}
"""Key -> another value, or (what must be so for the key to matter, another value)."""


def merged(base: Any, over: Any) -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}
    return over


def with_value(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    if isinstance(document, list):
        index = int(path[0])
        return [with_value(each, path[1:], value) if n == index else each for n, each in enumerate(document)]
    return {**(document or {}), path[0]: with_value((document or {}).get(path[0]), path[1:], value)}


@functools.lru_cache(maxsize=400)
def _assembly(document: str) -> Assembly:
    return synthesize(Environment.model_validate_json(document))


def rendered(document: dict[str, Any]) -> Assembly:
    """The templates of an environment, made once: its keys share most of them."""
    return _assembly(json.dumps(document, sort_keys=True))


@functools.lru_cache(maxsize=400)
def _rendering(document: str) -> Rendering:
    return rendering(_assembly(document))


def _rendered(document: dict[str, Any]) -> tuple[object, ...]:
    assembly = rendered(document)
    return (assembly.root().text, *((each.text, each.parameters) for each in assembly.templates))


def changed(key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two environments that differ in one key, in which it matters."""
    change = CHANGES[key]
    needed, value = change if isinstance(change, tuple) else ({}, change)
    before = merged(BASE, needed)
    return before, with_value(before, key.split("."), value)


@pytest.mark.long
@pytest.mark.parametrize("key", CHANGES)
def test_a_key_changes_what_is_rendered(key: str) -> None:
    """One key changed, everything else the same: the templates or the values passed to them differ."""
    before, after = changed(key)
    assert _rendered(before) != _rendered(after)


def test_no_key_is_left_out() -> None:
    """Every key of the schema is changed above, holds keys that are, or is tested elsewhere."""
    keys = {".".join(map(str, path)) for path in key_paths()}
    covered = {".".join(parts[:n]) for parts in (key.split(".") for key in CHANGES) for n in range(1, len(parts) + 1)}
    assert {key for key in keys - covered if key not in ELSEWHERE and not key.startswith("cost.")} == set()


LOSES = {
    "database.backup_days": (False, "7: 1 day of point-in-time recovery end"),
    "database.deletion": (True, "would lose its DeletionPolicy Snapshot"),
    "database.deletion_protection": (False, "RDS no longer refuses to delete it"),
    "queues.0.content_deduplication": (False, "all but one are dropped"),
    "queues.0.retention_days": (False, "messages older than 4 days are deleted"),
    "queues.0.max_receives": (True, "dead-letter queue after 3 attempts instead of 5"),
    "api.log_retention_days": (False, "log events older than 30 days are deleted"),
    "api.access_logs_days": (True, "objects are deleted that were kept"),
    "api.deletion_protection": (False, "Elastic Load Balancing no longer refuses to delete it"),
    "workers.0.filter": (True, "messages that no pattern matches are deleted unread"),
}
"""Key -> which way it loses something in place (True: as it is changed above), and words of what."""


INTERRUPTS = {
    "network.vpc_cidr": ("impossible", "impossible"),
    "network.azs": ("brief", "outage"),
    "network.nat": ("brief", "brief"),
    "network.nat_instance_type": ("outage", "outage"),
    "network.interface_endpoints": ("none", "outage"),
    "network.extra_egress_ports": ("none", "outage"),
    "network.vpc_id": ("impossible", "impossible"),
    "network.public_subnet_ids": ("brief", "brief"),
    "network.private_subnet_ids": ("brief", "brief"),
    "network.isolated_subnet_ids": ("brief", "brief"),
    "database.name": ("outage", "outage"),
    "database.engine_version": ("impossible", "outage"),
    "database.readers": ("none", "outage"),
    "database.monitoring_seconds": ("outage", "none"),
    "database.parameters": ("brief", "brief"),
    "database.identifier_suffix": ("outage", "outage"),
    "queues.0.name": ("outage", "outage"),
    "queues.0.fifo": ("outage", "outage"),
    "api.https.mode": ("outage", "none"),
    "api.https.domain_name": ("outage", "outage"),
    "api.https.hosted_zone_id": ("outage", "outage"),
    "api.ingress_cidrs": ("outage", "outage"),
    "api.health_path": ("brief", "brief"),
    "api.schedule.0.cron": ("outage", "outage"),
    "api.schedule.0.timezone": ("outage", "outage"),
    "api.schedule.0.min": ("none", "outage"),
    "api.port": ("outage", "outage"),
    "api.shells": ("none", "outage"),
    "workers.0.name": ("outage", "outage"),
    "workers.0.queue": ("brief", "brief"),
    "alarms.emails": ("none", "brief"),
}
"""Key -> the worst that it does to the running service as it is changed above, and back. Any other does nothing."""


Plans = Mapping[bool, EnvironmentPlan]


@pytest.fixture(scope="module", params=CHANGES)
def planned(request: pytest.FixtureRequest) -> tuple[str, Plans]:
    """Each key with the plans of its change, there (True) and back (False). They are costly: two tests share them."""
    before, after = (_rendering(json.dumps(each, sort_keys=True)) for each in changed(request.param))
    return request.param, {
        True: plan_between("test", "us-east-1", before, after, "before"),
        False: plan_between("test", "us-east-1", after, before, "before"),
    }


@pytest.mark.long
def test_a_key_that_loses_something_in_place_is_refused_and_no_other_is(planned: tuple[str, Plans]) -> None:
    """Each key, there and back: what keeps data, or protects it, is refused one way and free the other."""
    key, plans = planned
    for forward, plan in plans.items():
        lost = [each.why for stack in plan.stacks for each in stack.losses]
        assert {each.why for each in plan.refusals} >= set(lost)
        expected, words = LOSES.get(key, (None, ""))
        assert bool(lost) == (expected is forward), lost
        assert all(words in each for each in lost)


@pytest.mark.long
def test_a_key_interrupts_what_it_is_known_to_interrupt(planned: tuple[str, Plans]) -> None:
    """Each key, there and back: the worst of its rows; and every row of the plan has its judgement."""
    key, plans = planned
    if key in ("project", "environment"):
        return  # another environment
    for expected, plan in zip(INTERRUPTS.get(key, ("none", "none")), plans.values(), strict=True):
        assert [each.place for each in plan.interruptions] == [each.place for each in plan.changes()]
        assert max((each.level for each in plan.interruptions), key=LEVELS.index) == expected
        assert all(bool(each.what) == (each.level != "none") for each in plan.interruptions)
