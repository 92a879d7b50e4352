"""Text of an environment file arrives as it is written, wherever it may stand: through the template and lint."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from emulator import Clients, deploy

from infragen.assembly import lint
from infragen.assembly.synth import Assembly, synthesize
from infragen.assembly.templatefile import parse
from infragen.config import load_environment
from infragen.errors import InputError

FULL: dict[str, Any] = {
    "project": "shop", "environment": "dev", "account": "111111111111", "region": "us-east-1",
    "tags": {"Odd": "a"},
    "network": {"nat": "single", "interface_endpoints": ["sqs"], "flow_logs": "ALL"},
    "database": {
        "min_acu": 0.5, "max_acu": 2, "name": "app", "owner": "app", "engine_version": "17.7",
        "url_options": "sslmode=require", "identifier_suffix": "", "parameters": {"log_line_prefix": "x"},
    },
    "queues": [{"name": "mail"}],
    "workers": [{
        "name": "mail", "queue": "mail", "reserved_concurrency": 2, "handler": "index.handler",
        "environment": {"ODD": "x"}, "filter": [{"body": {"kind": ["a"]}}],
        "secret_arns": ["arn:aws:secretsmanager:us-east-1:111111111111:secret:a-AbCdEf"],
    }],
    "api": {
        "https": {"mode": "domain", "domain_name": "api.example.com", "hosted_zone_id": "Z0123456789EXAMPLE"},
        "ingress_cidrs": ["10.0.0.0/8"], "cpu": 512, "memory": 1024, "min_tasks": 1, "max_tasks": 2,
        "environment": {"ODD": "x"}, "secrets": {"TOKEN": "arn:aws:ssm:us-east-1:111111111111:parameter/a"},
        "health_path": "/a", "container_user": "1000:1000", "collector_image": "public.ecr.aws/x/y:1", "tracing": True,
        "waf": True, "schedule": [{"name": "night", "cron": "rate(1 day)", "timezone": "UTC", "min": 0, "max": 1}],
    },
    "alarms": {"emails": ["oncall@example.com"]},
}  # fmt: skip
ODD = ("${ODD::Text}", "${Nope}", "${Vpc}", "${Vpc.Arn}", "a ${!x} $${y} $", "{{x}}", "!Ref Vpc", "%s {0}", "\\n")
FREE = ("database.parameters", "workers.environment", "workers.filter", "api.environment")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every text of the file, and every key of a map whose keys are free."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, (*path, index))
    elif isinstance(value, str):
        yield path


def changed(path: tuple[Any, ...], text: str) -> dict[str, Any]:
    body = copy.deepcopy(FULL)
    node: Any = body
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = text
    return body


def assembled(directory: Path, body: dict[str, Any]) -> Assembly | None:
    """The assembly of a file with this body; None when the file is refused."""
    (directory / "dev.yaml").write_text(json.dumps(body))
    try:
        return synthesize(load_environment(directory / "dev.yaml"))
    except InputError:
        return None


def strings(value: Any, substituted: bool = False) -> Iterator[tuple[str, bool]]:
    """Every text of a template, and whether CloudFormation substitutes in it."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from strings(each, substituted or key == "Fn::Sub")
    elif isinstance(value, list):
        for each in value:
            yield from strings(each, substituted)
    elif isinstance(value, str):
        yield value, substituted


@pytest.mark.long
def test_no_text_is_substituted_by_cloudformation_wherever_it_is_accepted(tmp_path: Path) -> None:
    """For each text of a file and each odd text: refused, or in the template literally and in no Fn::Sub."""
    accepted = set()
    for path in leaves(FULL):
        for odd in ODD:
            for text in (odd, f"a{odd}", f"/{odd}", f"{odd}.handler"):
                made = assembled(tmp_path, changed(path, text))
                if made is None:
                    continue
                accepted.add(".".join(str(step) for step in path if isinstance(step, str)))
                said = json.dumps(odd)[1:-1]
                found = [
                    (each, substituted)
                    for template in [*(each.text for each in made.templates), made.root().text]
                    for each, substituted in strings(parse(template))
                    if odd in each or said in each
                ]
                assert found, (path, text)
                assert not [each for each, substituted in found if substituted], (path, text)
                break
    assert accepted == {"database.parameters.log_line_prefix", "workers.environment.ODD",
                        "workers.filter.body.kind", "api.environment.ODD"}  # fmt: skip


EVERYWHERE = {
    "ODD_A": "${AWS::Region}", "ODD_B": "x${Vpc}y", "ODD_C": "${a.b} ${!c}", "ODD_D": "$${AWS::AccountId}",
    "ODD_E": '{"a": "${AWS::StackName}"}', "ODD_F": "!Sub ${AWS::Region}", "ODD_G": "Fn::Sub",
}  # fmt: skip


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """An environment with a variable of CloudFormation as text, wherever text may stand."""
    body = copy.deepcopy(FULL)
    body["api"]["environment"] = dict(EVERYWHERE)
    body["workers"][0]["environment"] = dict(EVERYWHERE)
    body["workers"][0]["filter"] = [{"body": {"kind": ["${AWS::Region}", 'a"${Vpc}']}}]
    body["database"]["parameters"] = {"log_line_prefix": "${AWS::Region}"}
    made = assembled(tmp_path_factory.mktemp("odd"), body)
    assert made is not None
    return made


@pytest.mark.long
def test_such_text_passes_lint(odd: Assembly) -> None:
    """cfn-lint misses an Fn::Sub (E1029) where none belongs."""
    [findings] = lint.lint([odd])
    assert [each for each in findings if each.level != "informational"] == []


def test_a_variable_that_a_layer_forgot_to_substitute_is_still_an_error(odd: Assembly, tmp_path: Path) -> None:
    """Also where the file says something odd elsewhere: only the file's own text is let through."""
    body = odd.template("worker").body
    [function] = [each for each in body["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
    kept = dict(function["Properties"]["Environment"]["Variables"])
    try:
        function["Properties"]["Environment"]["Variables"]["ODD_Z"] = "${AWS::Region} and ${AWS::Partition}"
        place = ("Resources", next(k for k, v in body["Resources"].items() if v is function), "Properties",
                 "Environment", "Variables", "ODD_Z")  # fmt: skip
        finding = lint.Finding("worker", "E1029", "error", "", place, 1, 1, "")
        assert not lint._is_text_of_the_file(odd, finding)
    finally:
        function["Properties"]["Environment"]["Variables"] = kept


def test_such_text_arrives_on_the_emulator(client: Clients) -> None:
    """As CloudFormation delivers it: outside of Fn::Sub nothing is replaced."""
    parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Name": "odd"}}
    for number, text in enumerate(EVERYWHERE.values()):
        body = copy.deepcopy(parameter)
        body["Properties"].update({"Name": f"odd{number}", "Value": text})  # type: ignore[attr-defined]  # a part of JSON
        deploy(client("cloudformation"), f"odd{number}", {"Resources": {"Odd": body}})
        assert client("ssm").get_parameter(Name=f"odd{number}")["Parameter"]["Value"] == text
