"""Reading environment files: every key by itself, unknown keys, files that extend others, and the errors people see."""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from figures import Tried
from hypothesis import assume, given
from hypothesis import strategies as st
from sweeps import SEED, figure, sweep

from infragen.config import Environment, Expected, load_environment, load_file, reference, yamlfile
from infragen.config.schema import TAG_IN_WORDS
from infragen.errors import InputError

ENVIRONMENTS = Path(__file__).parent / "data" / "environments"
NAME = "lower-case words and digits joined by single hyphens, a letter first"
LEAST = "project: shop\nenvironment: dev\nregion: eu-west-1\n"


def written(folder: Path, text: str, name: str = "dev.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str) -> list[str]:
    """The lines of the refusal, without the folder in front."""
    path = written(folder, text)
    with pytest.raises(InputError) as caught:
        load_environment(path)
    assert caught.value.exit_code == 2
    return caught.value.message.replace(f"{folder}/", "").splitlines()


def test_all_errors_of_a_file_are_told_at_once_in_file_order(tmp_path: Path) -> None:
    """Y4, Y5: place, key, wrong value, what is allowed, and the nearest known key."""
    text = """\
project: Shop
environment: dev
region: eu-wset-1
network:
  cdir: 10.0.0.0/16
  vpc_cidr: 10.0.0.1/16
  azs: "2"
  nat: singel
database:
  min_acu: 0.3
  readers: true
  monitoring_seconds: true
  parameters: {Work: 1}
queues: {a: b}
api:
  https: {}
  cpu: 1024.0
  memory: 2048
  min_tasks: 1
  max_tasks:
workers:
  - nme: x
    queue: y
    reserved_concurrency: 1
min_acu: 1
"""
    assert refused(tmp_path, text) == [
        f'dev.yaml:1:10: project is "Shop"; allowed: {NAME}, at most 20 characters',
        'dev.yaml:3:9: region is "eu-wset-1"; did you mean eu-west-1?',
        "dev.yaml:5:3: network.cdir is not a known key; did you mean vpc_cidr?",
        'dev.yaml:6:13: network.vpc_cidr is "10.0.0.1/16"; the network that holds this address is 10.0.0.0/16',
        'dev.yaml:7:8: network.azs is "2"; allowed: an integer from 2 to 4',
        (
            'dev.yaml:8:8: network.nat is "singel"; did you mean single? '
            "allowed: none, instance, single, per_az or regional"
        ),
        "dev.yaml:9:1: database.max_acu is missing; write a number from 1 to 256 in steps of 0.5",
        "dev.yaml:10:12: database.min_acu is 0.3; allowed: a number from 0 to 256 in steps of 0.5",
        "dev.yaml:11:12: database.readers is true; allowed: an integer from 0 to 15",
        "dev.yaml:12:23: database.monitoring_seconds is true; allowed: 0, 1, 5, 10, 15, 30 or 60",
        "dev.yaml:13:16: database.parameters.Work has a wrong name; allowed: lower-case letters, digits, _ and dots",
        "dev.yaml:14:9: queues is a map; allowed: a list of at most 55 items, or null",
        "dev.yaml:16:3: api.https.mode is missing; write certificate, domain or http_only",
        "dev.yaml:17:8: api.cpu is 1024.0; did you mean 1024? allowed: 256, 512, 1024, 2048, 4096, 8192 or 16384",
        "dev.yaml:20:13: api.max_tasks is empty; allowed: an integer from 1 to 1000",
        f"dev.yaml:22:5: workers[0].name is missing; write {NAME}, at most 40 characters",
        "dev.yaml:22:5: workers[0].nme is not a known key; did you mean name?",
        "dev.yaml:24:27: workers[0].reserved_concurrency is 1; allowed: an integer of at least 2",
        "dev.yaml:25:1: min_acu is not a known key; did you mean database.min_acu?",
    ]


# Every key: what it takes, and what it refuses. The items of lists and maps are written with the smallest context.
KEYS: dict[str, tuple[list[str], list[str]]] = {
    "project": (["a", "shop-2", "a" * 20], ["Shop", "a--b", "1a", "a_b", "a" * 21, "''", "", "[a]", "{a: b}"]),
    "region": (["us-east-1", "'eu-west-1'"], ["us-east-9", "cn-north-1", ""]),
    "account": (["012345678901", "'111111111111'", "null"], ["12345678901", "0123456789012", "a12345678901", "1e11"]),
    "topology": (["nested", "independent"], ["nest", "true", ""]),
    "tags": (
        ["{Team: core, Cost: 12, On: yes}", "{Straße: Köln, 部署: 東京}", "{}"],
        ["{'aws:x': a}", "{Project: a}", "{project: a}", "{'infragen:x': a}", "[a]", "{a: [b]}", "{a: ' '}"],
    ),
    "kind": (["development", "staging", "production", "null"], ["prod", "Production", "true", "1"]),
    "artifact_bucket": (["own", "shared"], ["mine", "true", "''", "[own]"]),
    "protect": (["true", "false", "null"], ["yes", "'true'", "1"]),
    "iam.permissions_boundary_arn": (
        ["arn:aws:iam::012345678901:policy/x/y", "null"],
        ["arn:aws:iam::1:policy/x", "x"],
    ),
    "iam.service_role_arn": (
        ["arn:aws:iam::012345678901:role/cloudformation", "null"],
        ["arn:aws:iam::1:role/x", "arn:aws:iam::012345678901:policy/x", "x"],
    ),
    "stacks.rollback_alarms": (
        ["null", "[]", "[service]", "['arn:aws:cloudwatch:eu-west-1:111111111111:alarm:5xx on the edge']"],
        [
            "service",
            "[alarm]",
            "['arn:aws:sns:eu-west-1:111111111111:a']",
            "[service, service, service, service, service, service]",
        ],
    ),
    "stacks.monitoring_minutes": (["0", "180", "null"], ["-1", "181", "1.5", "'5'"]),
    "stacks.notification_arns": (
        ["[]", "['arn:aws:sns:eu-west-1:222222222222:stacks']"],
        ["[stacks]", "['arn:aws:sns:eu-west-1:111111111111:stacks.fifo']", "['arn:aws:sqs:eu-west-1:111111111111:a']"],
    ),
    "stacks.on_failure": (["rollback", "keep", "delete"], ["ROLLBACK", "do_nothing", "null"]),
    "stacks.retain_except_on_create": (["true", "false"], ["null", "yes", "1"]),
    "network.vpc_cidr": (
        ["10.0.0.0/16", "172.31.0.0/20", "192.168.16.0/20"],
        ["10.0.0.0/15", "10.0.0.0/21", "11.0.0.0/16", "10.0.0.1/16", "172.32.0.0/16", "10.0.0.0", "300.0.0.0/16", "10"],
    ),
    "network.azs": (["2", "3", "4"], ["1", "5", "2.0", "'2'", "true", "null"]),
    "network.nat": (["none", "instance", "single", "per_az", "regional"], ["gateway", "None", "false", "null"]),
    "network.nat_instance_type": (["t4g.nano", "c7gn.large"], ["t3.nano", "m5.large", "t4g"]),
    "network.interface_endpoints": (["[]", "[sqs, ecr.api]"], ["[sqs, ec2]", "sqs", "[1]"]),
    "network.flow_logs": (["ALL", "REJECT"], ["ACCEPT", "all"]),
    "network.vpc_id": (
        ["vpc-0123456789abcdef0", "vpc-01234567", "null"],
        ["vpc-1", "0123456789abcdef0", "vpc-0123456G"],
    ),
    **{
        f"network.{tier}_subnet_ids": (
            ["[]", "[subnet-0123456789abcdef0, subnet-01234567]"],
            ["subnet-01234567", "[subnet-1]", "[vpc-01234567]", "[1]"],
        )
        for tier in ("public", "private", "isolated")
    },
    "network.extra_egress_ports": (["[]", "[1, 587, 65535]"], ["[0]", "[65536]", "['587']", "587", "[5.5]"]),
    "database.name": (["app", "a_1", "a" * 51], ["App", "1a", "_a", "a-b", "a" * 52, "postgres", "template1"]),
    "database.owner": (
        ["app", "_a1", "a" * 51],
        ["App", "1a", "a-b", "a" * 52, "dbadmin", "pg_app", "rds_superuser", "public", "none"],
    ),
    "database.engine_version": (["16.8", "'16.10'", "17.10", "17.7", "18.3"], ["15.4", "16.7", "17", "'17'", "17.7.1"]),
    "database.min_acu": (["0", "0.5", "2"], ["-0.5", "0.3", "256.5", "'1'", "true", "null"]),
    "database.max_acu": (["2", "2.5", "256"], ["0.5", "0", "2.2", "257", "one"]),
    "database.auto_pause_seconds": (["300", "86400"], ["299", "86401"]),
    "database.readers": (["0", "15"], ["-1", "16", "1.0"]),
    "database.storage": (["standard", "io_optimized"], ["aurora"]),
    "database.backup_days": (["1", "35"], ["0", "36"]),
    "database.deletion": (["delete", "snapshot"], ["retain"]),
    "database.deletion_protection": (["true", "false"], ["no", "0"]),
    "database.monitoring_seconds": (["0", "1", "5", "10", "15", "30", "60"], ["2", "true", "60.0", "'60'"]),
    "database.rotation_days": (["21", "365"], ["6", "366"]),
    "database.url_options": (["sslmode=require&connect_timeout=5", "''"], ["a b", "a'b", "null"]),
    "database.parameters": (["{work_mem: 4096, pgaudit.log: no}", "{}"], ["{'A': 1}", "[a]", "{a: }"]),
    "database.identifier_suffix": (["restored", "''", "a-1"], ["-a", "A", "a--b", "a" * 21]),
    "queues[].name": (["a", "a-b-1"], ["A", "a_b", "a" * 41, ""]),
    "queues[].fifo": (["true", "false"], ["yes"]),
    "queues[].content_deduplication": (["true", "false"], ["1"]),
    "queues[].retention_days": (["4", "14"], ["3", "15"]),
    "queues[].visibility_seconds": (["30", "43200", "null"], ["29", "43201"]),
    "queues[].max_receives": (["1", "1000"], ["0", "1001"]),
    "queues[].encryption": (["sqs", "kms"], ["none"]),
    "queues[].alarms.depth": (["1"], ["0", "1.5"]),
    "queues[].alarms.age_seconds": (["1", "null"], ["0", "x"]),
    "api.https.mode": (["http_only"], ["https", "null"]),
    "api.https.certificate_arn": (["null"], ["arn:aws:acm:eu-west-1:1:certificate/a", "x"]),
    "api.https.domain_name": (["null"], ["localhost", "API.example.com", "a..b.de", "-a.de"]),
    "api.https.hosted_zone_id": (["null"], ["A1", "Z", "z1"]),
    "api.ingress_cidrs": (["[203.0.113.0/24, 10.0.0.1/32]"], ["[]", "[10.0.0.1/8]", "['::/0']", "10.0.0.0/8", "[x]"]),
    "api.cpu": (["512", "1024"], ["500", "'512'", "512.0", "true"]),
    "api.memory": (["2048"], ["511", "122881", "2GB"]),
    "api.min_tasks": (["0", "2"], ["-1", "1001"]),
    "api.max_tasks": (["2", "9"], ["0", "1001"]),
    "api.architecture": (["arm64", "x86_64"], ["amd64"]),
    "api.spot": (["true", "false"], ["on"]),
    "api.port": (["1", "65535"], ["0", "65536"]),
    "api.health_path": (["/", "/api/health-check"], ["health", "/a b", "/?x"]),
    "api.scaling.cpu": (["10", "95"], ["9", "96"]),
    "api.scaling.memory": (["10", "95"], ["9", "96"]),
    "api.scaling.requests_per_target": (["1", "null"], ["0", "'1'"]),
    "api.schedule[].name": (["night"], ["Night"]),
    "api.schedule[].cron": (
        ["cron(0 20 ? * MON-FRI *)", "rate(1 day)", "at(2099-01-01T00:00:00)"],
        ["0 20 * * *", "cron(0 20 * * *)", "rate(0 days)"],
    ),
    "api.schedule[].timezone": (["UTC", "Europe/Berlin"], ["Europe/Berln", "CEST ", "../etc"]),
    "api.schedule[].min": (["0"], ["-1", "1001"]),
    "api.schedule[].max": (["2"], ["-1", "1001"]),
    "api.refresh_days": (["1", "10"], ["0", "15"]),
    "api.queue": (["events", "null"], ["Events"]),
    "api.db_pool_size": (["1", "50"], ["0", "101"]),
    "api.environment": (["{A: no, B_1: 012, _c: true}"], ["{a-b: c}", "{1a: b}", "{A: [b]}", "{A: }"]),
    "api.secrets": (
        [
            "{KEY: 'arn:aws:secretsmanager:eu-west-1:012345678901:secret:stripe-AbCdEf'}",
            "{KEY: 'arn:aws:secretsmanager:eu-west-1:012345678901:secret:stripe-AbCdEf:key::'}",
            "{KEY: 'arn:aws:ssm:eu-west-1:012345678901:parameter/a/b'}",
            "{KEY: ssm}",
        ],
        ["{KEY: hunter2}", "{KEY: ssm-x}", "{KEY: SSM}", "{a-b: 'arn:aws:ssm:eu-west-1:012345678901:parameter/a/b'}"],
    ),
    "api.log_level": (["trace", "debug", "info", "warn", "error"], ["warning"]),
    "api.log_retention_days": (["1", "30", "3653"], ["2", "31", "30.0"]),
    "api.container_user": (["1000:1000", "node", "1000"], ["a b", ":1"]),
    "api.readonly_root": (["true", "false"], ["0"]),
    "api.tmp_mib": (["1", "10240"], ["0", "10241", "x"]),
    "api.enable_execute_command": (["false"], ["0"]),
    "api.shells": (["true", "false"], ["0"]),
    "api.container_insights": (["disabled", "enabled", "enhanced"], ["true"]),
    "api.tracing": (["true", "false"], ["yes"]),
    "api.collector_image": (["public.ecr.aws/a/b:v1.2", "a/b@sha256:" + "0" * 64], ["a/b", "a b:1"]),
    "api.waf.count": (["[]", "[AWSManagedRulesCommonRuleSet]"], ["[Common]", "x", "true"]),
    "api.waf.rate": (["10", "2000000000"], ["9", "x", "null"]),
    "api.access_logs_days": (["1", "3650"], ["0", "3651"]),
    "api.deletion_protection": (["true", "false"], ["yes"]),
    "api.alarms.error_percent": (["0.5", "100"], ["0", "101"]),
    "api.alarms.latency_seconds": (["0.5", "60"], ["0", "61"]),
    "workers[].name": (["a"], ["A"]),
    "workers[].queue": (["events"], ["Events"]),
    "workers[].runtime": (["nodejs24.x", "python3.14"], ["nodejs24", "ruby3.4", "python3"]),
    "workers[].handler": (["index.handler", "src/app.main"], ["index", "a b.c", "a." + "b" * 128]),
    "workers[].architecture": (["arm64", "x86_64"], ["arm"]),
    "workers[].memory": (["128", "10240"], ["127", "10241"]),
    "workers[].timeout": (["1", "900"], ["0", "901"]),
    "workers[].reserved_concurrency": (["2", "5"], ["1", "0"]),
    "workers[].max_concurrency": (["2", "null"], ["1", "1001"]),
    "workers[].batch_size": (["1", "10000"], ["0", "10001"]),
    "workers[].batch_window": (["0", "300", "null"], ["-1", "301"]),
    "workers[].filter": (["[{body: {kind: [mail, {prefix: a}]}}]", "[]"], ["[a]", "{body: {}}"]),
    "workers[].db_pool_size": (["1", "9"], ["0", "101"]),
    "workers[].tracing": (["true", "false"], ["yes"]),
    "workers[].environment": (["{A: no}"], ["{a b: c}"]),
    "workers[].secrets": (
        ["{}", "{KEY: ssm}", "{KEY: 'arn:aws:ssm:eu-west-1:012345678901:parameter/a/b'}"],
        ["{KEY: hunter2}", "[ssm]", "{KEY: 'arn:aws:secretsmanager:eu-west-1:012345678901:secret:stripe-AbCdEf'}"],
    ),
    "workers[].secret_arns": (
        ["['arn:aws:secretsmanager:eu-west-1:012345678901:secret:stripe-AbCdEf']"],
        ["[hunter2]", "['arn:aws:ssm:eu-west-1:012345678901:parameter/a/b']"],
    ),
    "workers[].exclude": (["[]", "[.env, 'test/*']"], ["x", "[[a]]"]),
    "workers[].include": (["[]", "[certs/rds.pem]"], ["x", "[[a]]"]),
    "workers[].code": (["workers/mail", "null"], ["[a]"]),
    "release.command": (["[node, src/release.ts]", "[a, 1, yes]"], ["[]", "node", "['']", "[[a]]", "null"]),
    "release.timeout_minutes": (["1", "240"], ["0", "241", "'15'"]),
    "release.cpu": (["256", "16384", "null"], ["500", "'512'"]),
    "release.memory": (["512", "122880", "null"], ["511", "122881", "1.5"]),
    **{
        f"{owner}.policies[].{key}": given
        for owner in ("api", "workers[]")
        for key, given in {
            "Sid": (["ReadUploads", "null"], ["read-uploads", "'a b'", "a" * 65]),
            "Effect": (["Allow", "Deny"], ["allow", "''", "[Allow]"]),
            "Action": (
                ["'s3:GetObject'", "['s3:Get*', 'sqs:SendMess?ge']", "'no-such:Thing'"],
                [
                    "GetObject",
                    "'s3:'",
                    "'S3:GetObject'",
                    "'s*:GetObject'",
                    "[]",
                    "['s3:GetObject', 's3 PutObject']",
                    "",
                ],
            ),
            "Resource": (
                [
                    "'arn:aws:s3:::a/${aws:userid}/*'",
                    "['arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${ProjectName}-x']",
                    "'arn:aws:iam::aws:policy/a'",
                ],
                [
                    "bucket",
                    "'arn:*:s3:::a'",
                    "'arn:aws:*:::a'",
                    "'arn:aws:sqs:eu-west-1:12:a'",
                    "'arn:aws:s3:::'",
                    "[]",
                    "'arn:aws:s3:::${Bucket}/*'",
                    "'arn:aws:s3:::${AWS::StackName}'",
                    "'arn:aws:s3:::a${aws:userid'",
                    "'arn:aws-cn:s3:::a'",
                    "{Ref: Bucket}",
                ],
            ),
            "Condition": (
                [
                    "{}",
                    "{Bool: {'aws:SecureTransport': true}, 'ForAnyValue:StringLikeIfExists': {'aws:TagKeys': [a, 1]}}",
                    "{StringEquals: {'aws:SourceAccount': '${AWS::AccountId}', 'aws:userid': ''}}",
                    "{'Null': {'aws:TokenIssueTime': true}}",
                ],
                [
                    "{StringIs: {'aws:userid': a}}",
                    "{StringEquals: {userid: a}}",
                    "{StringEquals: a}",
                    "x",
                    "{StringEquals: {'aws:userid': []}}",
                    "{StringEquals: {'aws:userid': {a: b}}}",
                    "{StringEquals: {'aws:userid': '${Ref}'}}",
                    "{NullIfExists: {'aws:userid': a}}",
                ],
            ),
        }.items()
    },
    "alarms.emails": (["[a@example.com]", "[]"], ["[a]", "a@example.com", "['a@b']"]),
    "cost.prices": (["prices/ours.yaml", "null"], ["[a]"]),
    "cost.budget": (["0.01", "500", "null"], ["0", "-1", "'500'"]),
    **{f"cost.expected.{key}": (["0", "2.5"], ["-1", "'1'"]) for key in Expected.model_fields},
}
SECTIONS = {
    "release": {"command": "[node, src/release.ts]"},
    "iam": {},
    "stacks": {},
    "network": {},
    "database": {"min_acu": "0.5", "max_acu": "8"},
    "queues[]": {"name": "events"},
    "queues[].alarms": {},
    "api": {"https": "{mode: http_only}", "ingress_cidrs": "[10.0.0.0/8]", "cpu": "512", "memory": "2048"}
    | {"min_tasks": "0", "max_tasks": "2"},
    "api.https": {"mode": "http_only"},
    "api.schedule[]": {"name": "night", "cron": "rate(1 day)", "min": "0", "max": "2"},
    "workers[]": {"name": "mail", "queue": "events", "reserved_concurrency": "5"},
    "alarms": {},
    **{
        f"{owner}.policies[]": {"Effect": "Allow", "Action": "'s3:GetObject'", "Resource": "'arn:aws:s3:::a/*'"}
        for owner in ("api", "workers[]")
    },
}


def with_value(key: str, value: str) -> str:
    """A file that is right but for the value of one key."""
    sections: dict[str, Any] = {
        name: dict(SECTIONS[name]) for name in ("network", "database", "api", "queues[]", "workers[]")
    }
    top = {"project": "shop", "environment": "dev", "region": "eu-west-1"}
    section, _, last = key.rpartition(".")
    if not section:
        top[last] = value
    elif section in sections:
        sections[section][last] = value
    else:
        outer, _, inner = section.rpartition(".")
        body = ", ".join(f"{k}: {v}" for k, v in {**SECTIONS.get(section, {}), last: value}.items())
        flow = f"[{{{body}}}]" if inner.endswith("[]") else f"{{{body}}}"
        if section == "cost":
            top["cost"] = flow
        elif outer == "cost":
            top["cost"] = f"{{expected: {flow}}}"
        elif outer:
            sections[outer][inner.removesuffix("[]")] = flow
        else:
            top[inner or section] = flow
    lines = [f"{k}: {v}" for k, v in top.items()]
    for name, body in sections.items():
        dash = "- " if name.endswith("[]") else "  "
        lines.append(f"{name.removesuffix('[]')}:")
        lines += [f"  {dash if index == 0 else '  '}{k}: {v}" for index, (k, v) in enumerate(body.items())] or ["  {}"]
    return "\n".join(lines) + "\n"


def test_every_key_of_the_schema_is_tested() -> None:
    """A new key needs a row in KEYS."""
    leaves = set()
    for path in reference.key_paths():
        schema = reference.at(path)
        if "properties" not in schema and "$ref" not in schema.get("items", {}):
            leaves.add(reference.dotted(path).replace("[0]", "[]"))
    assert leaves - {"extends", "environment"} == set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_accepts_its_range(tmp_path: Path, key: str) -> None:
    """The edges of what each key allows pass, whatever rules between keys may say."""
    for value in KEYS[key][0]:
        node = yamlfile.load(with_value(key, value).encode(), "dev.yaml")
        assert Environment.model_validate(yamlfile.plain(node))


@pytest.mark.parametrize("key", KEYS)
def test_a_key_refuses_what_is_outside_its_range(tmp_path: Path, key: str) -> None:
    """Everything else is refused with the key's name and place, and nothing but that."""
    for value in KEYS[key][1]:
        lines = refused(tmp_path, with_value(key, value))
        name = key.replace("[]", "[0]")
        assert len(lines) == 1, (value, lines)
        assert lines[0].split(": ", 1)[1].startswith(name), (value, lines)


DEFAULTS = """
topology: nested
kind: null
tags: {}
artifact_bucket: own
protect: null
iam: {permissions_boundary_arn: null}
stacks: {rollback_alarms: null, monitoring_minutes: null, notification_arns: [], on_failure: rollback,
  retain_except_on_create: false}
network: {vpc_cidr: 10.0.0.0/16, azs: 2, nat: single, nat_instance_type: t4g.nano, interface_endpoints: [],
  flow_logs: ALL, extra_egress_ports: []}
database: {name: app, owner: app, engine_version: '17.7', auto_pause_seconds: 900, readers: 0, storage: standard,
  backup_days: 7, deletion: null, deletion_protection: false, monitoring_seconds: 60, rotation_days: 30,
  url_options: sslmode=verify-full, parameters: {}, identifier_suffix: ''}
queues: [{fifo: false, content_deduplication: true, retention_days: 4, visibility_seconds: null, max_receives: 5,
  encryption: sqs, alarms: {depth: 1000, age_seconds: null}}]
api: {ingress_cidrs: [0.0.0.0/0], architecture: arm64, spot: false, port: 3000, health_path: /health,
  scaling: {cpu: 70, memory: 80, requests_per_target: 1000}, schedule: [], refresh_days: 7, queue: null,
  db_pool_size: 10, environment: {}, secrets: {}, log_level: info, log_retention_days: 30, container_user: '1000:1000',
  readonly_root: true, tmp_mib: 64,
  enable_execute_command: false, shells: false, container_insights: disabled, tracing: false, waf: null,
  access_logs_days: 90, deletion_protection: false, alarms: {error_percent: 5.0, latency_seconds: 1.0}}
workers: [{runtime: nodejs24.x, handler: index.handler, architecture: arm64, memory: 512, timeout: 60,
  reserved_concurrency: null, max_concurrency: null, batch_size: 10, batch_window: null, filter: [], db_pool_size: 2,
  tracing: true, environment: {}, secrets: {}, secret_arns: [], code: null}]
alarms: {emails: []}
release: {timeout_minutes: 15, cpu: null, memory: null}
"""


def test_every_default_is_as_documented() -> None:
    """What a file may leave out."""
    text = (
        LEAST
        + "network: {}\ndatabase: {min_acu: 0.5, max_acu: 2}\nqueues: [{name: a}]\nworkers: [{name: a, queue: a}]\n"
    )
    text += "api: {https: {mode: http_only}, cpu: 512, memory: 1024, min_tasks: 1, max_tasks: 2}\n"
    text += "release: {command: [node, src/release.ts]}\n"
    node = yamlfile.plain(yamlfile.load(text.encode(), "dev.yaml"))
    dump = Environment.model_validate(node).model_dump(mode="json")
    for key, documented in yaml.safe_load(DEFAULTS).items():
        found = dump[key]
        if isinstance(documented, list):
            documented, found = documented[0], found[0]
        if isinstance(documented, dict):
            found = {each: found[each] for each in documented}
        assert found == documented, key


def test_an_absent_section_is_off() -> None:
    """Only names and a region are needed; null switches a section off that another file gives."""
    for more in ("", "network: null\ndatabase:\napi: ~\n"):
        node = yamlfile.plain(yamlfile.load((LEAST + more).encode(), "dev.yaml"))
        env = Environment.model_validate(node)
        assert (env.network, env.database, env.api, env.queues, env.workers) == (None, None, None, (), ())


def test_text_keeps_its_source(tmp_path: Path) -> None:
    """Y1, Y2: an account keeps its zero, a version its zero, `no` stays no, quoted or not."""
    text = LEAST + "account: 012345671234\ntags: {a: no, b: 017, c: 1.10, d: 22:22, e: 2026-01-01, f: 'x', g: true}\n"
    env = load_environment(written(tmp_path, text))
    assert env.account == "012345671234"
    assert env.tags == {"a": "no", "b": "017", "c": "1.10", "d": "22:22", "e": "2026-01-01", "f": "x", "g": "true"}
    text = LEAST + "network: {}\ndatabase: {engine_version: 17.10, min_acu: 1, max_acu: 2}\n"
    database = load_environment(written(tmp_path, text)).database
    assert database
    assert database.engine_version == "17.10"


@pytest.mark.parametrize("value", ["'{{resolve:secretsmanager:x}}'", "'a{{resolve:ssm:b}}'"])
def test_dynamic_references_are_refused_everywhere(tmp_path: Path, value: str) -> None:
    """T9: CloudFormation would put the secret into the open, wherever the reference stands."""
    text = LEAST + f"tags: {{Team: {value}}}\nnetwork: {{extra_egress_ports: [{value}]}}\nalarms: {{{value}: 1}}\n"
    lines = refused(tmp_path, text)
    for start in (
        "dev.yaml:4:14: tags.Team contains {{resolve:…}}",
        "dev.yaml:5:32: network.extra_egress_ports[0] contains",
    ):
        assert any(line.startswith(start) for line in lines)
    assert any(line.startswith("dev.yaml:6:10: alarms.… contains {{resolve:…}}") for line in lines)
    assert "which is refused everywhere; give the secret's ARN under api.secrets or a worker's secret_arns" in lines[0]


def test_lists_have_a_length_that_aws_would_accept(tmp_path: Path) -> None:
    """Security groups and functions have limits; a list beyond is told its own."""
    text = LEAST + "network: {extra_egress_ports: [" + ", ".join(map(str, range(1, 21)))
    assert load_environment(written(tmp_path, text + "]}\n"))
    assert refused(tmp_path, text + ", 21]}\n") == [
        "dev.yaml:4:31: network.extra_egress_ports is a list of 21; allowed: a list of at most 20 items"
    ]


def test_keys_that_look_like_our_own_notation_are_told_like_others(tmp_path: Path) -> None:
    """A key may be any text, also one that the validator uses for itself."""
    text = LEAST + "'[key]': 1\ntags: {'[key]': a, b: [c], '': d}\nnetwork: {'[key]': 2, 'a.b': 3}\n"
    assert refused(tmp_path, text) == [
        "dev.yaml:4:1: [key] is not a known key",
        "dev.yaml:5:8: tags.[key] has a wrong name; allowed: letters, digits, spaces and _.:/=+@-, at most 128",
        f"dev.yaml:5:23: tags.b is a list of 1; allowed: {TAG_IN_WORDS}, at least one, at most 256 characters",
        "dev.yaml:5:28: tags. has a wrong name; allowed: letters, digits, spaces and _.:/=+@-, at most 128",
        "dev.yaml:6:11: network.[key] is not a known key",
        "dev.yaml:6:23: network.a.b is not a known key",
    ]


def test_a_secret_in_the_place_of_its_arn_is_not_shown(tmp_path: Path) -> None:
    """T6, T7: the message must not print what may be the secret itself."""
    lines = refused(tmp_path, with_value("api.secrets", "{KEY: sk_live_canary}"))
    assert lines[0].endswith(
        "(:json-key:: may follow), or of an SSM parameter (not shown: it may be the secret itself); "
        "a secret's ARN: aws secretsmanager describe-secret --secret-id NAME --query ARN"
    )
    assert "sk_live_canary" not in str(lines)
    assert "sk_live_canary" not in str(refused(tmp_path, with_value("workers[].secret_arns", "[sk_live_canary]")))


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        (("network", "cdir"), "vpc_cidr"),
        (("network", "cidr"), "vpc_cidr"),
        (("network", "availability_zones"), ""),
        (("database", "version"), "engine_version"),
        (("database", "engine"), "engine_version"),
        (("database", "days"), "backup_days"),
        (("api", "poolSize"), "db_pool_size"),
        (("api", "log-level"), "log_level"),
        (("api", "min_acu"), "database.min_acu"),
        (("workers", 0, "visibility_seconds"), "queues[0].visibility_seconds"),
        (("qqq",), ""),
    ],
)
def test_the_nearest_known_key_is_suggested(path: reference.Path, meant: str) -> None:
    """A slip of the key, a part of it, another way to write it, or the right key in the wrong section."""
    assert reference.nearest_key(path) == meant


def _typo(key: str, kind: str, position: int, letter: str) -> str:
    at = position % len(key)
    if kind == "drop":
        return key[:at] + key[at + 1 :]
    if kind == "add":
        return key[:at] + letter + key[at:]
    if kind == "swap":
        return key[: at - 1] + key[at] + key[at - 1] + key[at + 1 :] if at else key
    return key[:at] + letter + key[at + 1 :]


@cache
def _typos(key: str) -> frozenset[str]:
    kinds = ("drop", "add", "swap", "change")
    return frozenset(_typo(key, kind, at, each) for kind in kinds for at in range(len(key) + 1) for each in LETTERS)


LETTERS = "abcdefghijklmnopqrstuvwxyz_"
ONE_EDIT = st.tuples(st.sampled_from(["drop", "add", "swap", "change"]), st.integers(0, 40), st.sampled_from(LETTERS))


@pytest.mark.long
@sweep(short=100, soak=10_000)
@given(path=st.sampled_from(list(reference.key_paths())), edit=ONE_EDIT)
def test_a_typo_in_any_key_is_answered_with_the_right_key(path: reference.Path, edit: tuple[str, int, str]) -> None:
    """Y4: one wrong, missing, extra or swapped letter, and the message names the key that was meant."""
    key = str(path[-1])
    wrong = _typo(key, *edit)
    siblings = set(reference.at(path[:-1])["properties"])
    assume(wrong and wrong not in siblings and not any(wrong in _typos(each) for each in siblings - {key}))
    assert reference.nearest_key((*path[:-1], wrong)) == key


def test_a_file_is_laid_over_those_it_extends(tmp_path: Path) -> None:
    """Chains and folders are fine; maps merge, lists replace, and each file's own mistakes are told with its name."""
    written(tmp_path, "project: shop\nregion: eu-west-1\ntags: {A: 1, B: 2}\nqueues: [{name: a}]\n", "shared/all.yaml")
    written(tmp_path, "extends: shared/all.yaml\nnetwork: {azs: 3}\ntags: {B: 3}\n", "eu.yaml")
    path = written(tmp_path, "extends: ./eu.yaml\nenvironment: dev\nqueues: [{name: b}]\n")
    env = load_environment(path)
    assert (env.project, env.tags, [queue.name for queue in env.queues]) == ("shop", {"A": "1", "B": "3"}, ["b"])
    written(tmp_path, "project: Shop\nregion: eu-west-1\n", "shared/all.yaml")
    lines = refused(tmp_path, "extends: eu.yaml\nenvironment: dev\nnetwork: {nat: x}\n")
    assert [line.split(" is ")[0] for line in lines] == ["dev.yaml:3:16: network.nat", "shared/all.yaml:1:10: project"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: nowhere.yaml", "dev.yaml:1:10: extends nowhere.yaml, but nowhere.yaml is not a file"),
        ("extends: dev.yaml", "dev.yaml:1:10: extends dev.yaml leads back to dev.yaml; a file cannot extend itself"),
        ("extends: /etc/passwd", "dev.yaml:1:10: extends /etc/passwd is absolute; write it relative to this file"),
        ("extends: [a.yaml]", "dev.yaml:1:10: extends must be the path of another file"),
        ("extends:", "dev.yaml:1:9: extends must be the path of another file"),
        ("extends: ..", "dev.yaml:1:10: extends .., but {parent} is not a file"),
        ("extends: loop.yaml", "loop.yaml:1:10: extends dev.yaml leads back to dev.yaml; a file cannot extend itself"),
        ("extends: 9.yaml", "0.yaml:1:10: extends end.yaml is one too many; at most 10 files may extend each other"),
        ("extends: bad.yaml", "bad.yaml:2:1: duplicate key a: it is already at bad.yaml:1:1"),
    ],
)
def test_what_cannot_be_extended_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Missing, absolute, circular, endless, no file, no YAML."""
    written(tmp_path, "extends: dev.yaml\n", "loop.yaml")
    written(tmp_path, "a: 1\na: 2\n", "bad.yaml")
    written(tmp_path, "a: 1\n", "end.yaml")
    for n in range(10):
        written(tmp_path, f"extends: {f'{n - 1}.yaml' if n else 'end.yaml'}\n", f"{n}.yaml")
    assert refused(tmp_path, f"{text}\n") == [said.format(parent=tmp_path.parent)]


def test_a_symbolic_link_does_not_hide_a_circle(tmp_path: Path) -> None:
    """Files are compared by what they are, not by what they are called."""
    (tmp_path / "other.yaml").symlink_to("dev.yaml")
    assert "leads back to" in refused(tmp_path, "extends: other.yaml\n")[0]


def test_a_missing_file_is_an_input_error_that_names_the_others(tmp_path: Path) -> None:
    """A wrong name on the command line is answered with the right ones; a folder is no file either."""
    written(tmp_path, "a: 1\n", "prod.yaml")
    for wrong in (tmp_path / "pord.yaml", tmp_path):
        with pytest.raises(InputError, match="is not a file"):
            load_environment(wrong)
    with pytest.raises(InputError) as caught:
        load_environment(tmp_path / "pord.yaml")
    assert caught.value.hint == "environments there: prod"


def test_a_file_of_one_mebibyte_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    """Y6: the size is judged by what is in the file."""
    text = LEAST + "#" * (1024 * 1024 - len(LEAST))
    assert load_environment(written(tmp_path, text)).project == "shop"
    assert refused(tmp_path, text + "#") == ["dev.yaml:1:1: the file is larger than 1048576 bytes (1 MiB)"]


ACCOUNTS = st.one_of(st.from_regex(r"0[0-9]{11}", fullmatch=True), st.from_regex(r"[0-9]{12}", fullmatch=True))


@pytest.mark.long
@sweep(short=100, soak=10_000)
@given(
    digits=ACCOUNTS,
    quote=st.sampled_from("'\" "),
)
def test_every_account_id_arrives_as_it_is_written(digits: str, quote: str) -> None:
    """P17, Y1: quoted or not, with leading zeros or without."""
    node = yamlfile.load((LEAST + f"account: {quote}{digits}{quote}\n").encode(), "dev.yaml")
    assert Environment.model_validate(yamlfile.plain(node)).account == digits


def test_an_unreadable_file_is_an_input_error(tmp_path: Path) -> None:
    """Whatever the operating system says, in one line."""
    path = written(tmp_path, "a: 1\n")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(InputError, match=r"cannot be read: permission denied"):
        load_environment(path)


def test_code_is_found_beside_the_file_that_names_it(tmp_path: Path) -> None:
    """A worker's code is relative to the file it is written in, also when another file extends that one."""
    text = "project: shop\nregion: eu-west-1\nnetwork: {}\nqueues: [{name: a}, {name: b}]\n"
    text += "workers: [{name: a, queue: a, code: ../src/a}, {name: b, queue: b}]\n"
    written(tmp_path, text, "shared/all.yaml")
    file = load_file(written(tmp_path, "extends: shared/all.yaml\nenvironment: dev\n"))
    assert file.code("a") == tmp_path / "shared" / "../src/a"
    assert file.code("b") is None


def _mutations(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Broken variants of the committed environments: characters, lines, values and keys damaged at random."""
    random = Random(seed)  # noqa: S311 # no cryptography
    originals = [(name, (ENVIRONMENTS / f"{name}.yaml").read_text()) for name in ("dev", "staging", "prod")]
    signs = "\t:[]{}'\"#&*!|>%@`-,? \n\x00\x85é"
    for _ in range(count):
        name, text = random.choice(originals)
        for _ in range(random.randint(1, 3)):
            at, lines = random.randrange(len(text) + 1), text.split("\n")
            line = random.randrange(len(lines))
            indented = [*lines[:line], random.choice(" \t") * random.randint(1, 3) + lines[line], *lines[line + 1 :]]
            text = random.choice(
                (
                    text[:at] + random.choice(signs) + text[at:],
                    text[:at] + text[at + 1 :],
                    text[:at],
                    "\n".join([*lines[:line], *lines[line + 1 :]]),
                    "\n".join([*lines[:line], lines[line], *lines[line:]]),
                    "\n".join(indented),
                    "\n".join([*lines[:line], lines[line].replace(":", ""), *lines[line + 1 :]]),
                    "\n".join([*lines[:line], lines[line].partition(":")[0] + ": ~", *lines[line + 1 :]]),
                )
            )
        yield name, text


MUTATIONS = figure(short=200, soak=10_000)


@pytest.mark.long
@pytest.mark.promise("P13", "damaged environment files: read, or refused with a place in every line")
def test_damaged_environment_files_are_read_or_refused_with_a_place(tmp_path: Path, tried: Tried) -> None:
    """P13: every damaged file ends in an environment or an InputError whose every line begins with file:line:column."""
    (tmp_path / "base.yaml").write_text((ENVIRONMENTS / "base.yaml").read_text())
    outcomes = {True: 0, False: 0}
    for name, text in _mutations(seed=20261122 + SEED, count=MUTATIONS):
        tried()
        path = written(tmp_path, text, f"{name}.yaml")
        try:
            load_environment(path)
            outcomes[True] += 1
        except InputError as error:
            outcomes[False] += 1
            lines = error.message.replace(f"{tmp_path}/", "").split("\n")
            assert all(re.match(r"[a-z]+\.yaml:\d+:\d+: \S|… and \d+ more$", line) for line in lines), (text, lines)
    assert outcomes[False] > MUTATIONS // 2
