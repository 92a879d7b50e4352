"""Nothing secret leaves the model: canaries in every place where a template or a change set can hold a secret."""

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import because, property_of

from infragen.changes.diff import Side, compare, differing
from infragen.changes.evaluate import evaluated
from infragen.changes.reconcile import ReconcileContext, agree
from infragen.cloud.cloudformation import PropertyChange, ResourceChange
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.report.plan import plan_lines
from infragen.report.plan_formats import as_format
from infragen.report.plan_words import has_values
from infragen.secrecy.masking import Sealed, mask, sealed
from infragen.secrecy.shown import Absent, KnownAfter, Secret
from infragen.secrecy.suspicion import looks_secret

REGION = "eu-central-1"
SECURE = "{{{{resolve:ssm-secure:{}}}}}"
OLD, NEW = "canary-OLD-8c1f", "canary-NEW-77aa"
NOECHO = {"Pass": {"Type": "String", "NoEcho": True}, "Plain": {"Type": "String"}}


def env(name: str, value: object) -> dict[str, Any]:
    return {"ContainerDefinitions": [{"Name": "api", "Environment": [{"Name": name, "Value": value}]}]}


PLACES: dict[str, tuple[str, Any]] = {
    "a secret's text": ("AWS::SecretsManager::Secret", lambda v: {"SecretString": v}),
    "a secret's template": (
        "AWS::SecretsManager::Secret",
        lambda v: {"GenerateSecretString": {"SecretStringTemplate": json.dumps({"password": v}), "PasswordLength": 9}},
    ),
    "a master password": ("AWS::RDS::DBCluster", lambda v: {"MasterUserPassword": v}),
    "a container's environment": ("AWS::ECS::TaskDefinition", lambda v: env("DB_PASSWORD", v)),
    "a container's API key": ("AWS::ECS::TaskDefinition", lambda v: env("STRIPE_API_KEY", v)),
    "a function's environment": ("AWS::Lambda::Function", lambda v: {"Environment": {"Variables": {"API_TOKEN": v}}}),
    "a Sub in an environment": ("AWS::ECS::TaskDefinition", lambda v: env("AUTH_TOKEN", {"Fn::Sub": f"{v}-${{X}}"})),
    "a Join in an environment": ("AWS::ECS::TaskDefinition", lambda v: env("AUTH_TOKEN", {"Fn::Join": ["", [v, "x"]]})),
    "a password in a URL": ("AWS::ECS::TaskDefinition", lambda v: env("DATABASE_URL", f"postgres://app:{v}@db:5432/x")),
    "a dynamic reference": (
        "AWS::RDS::DBCluster",
        lambda v: {"Port": f"{{{{resolve:secretsmanager:{v}:SecretString}}}}"},
    ),
    "a secure parameter in a text": (
        "AWS::Lambda::Function",
        lambda v: {"Description": f"a {{{{resolve:ssm-secure:{v}}}}} b"},
    ),
    "a document in a text": ("AWS::SQS::Queue", lambda v: {"RedrivePolicy": json.dumps({"client_secret": v, "n": 1})}),
    "a document in a Sub": (
        "AWS::CloudWatch::Dashboard",
        lambda v: {"DashboardBody": {"Fn::Sub": json.dumps({"password": v})}},
    ),
    "a script": (
        "AWS::EC2::Instance",
        lambda v: {"UserData": {"Fn::Base64": f"#!/bin/sh\nexport DB_PASSWORD='{v}'\nrun\n"}},
    ),
    "a private key": (
        "AWS::IAM::ServerCertificate",
        lambda v: {"CertificateBody": f"-----BEGIN PRIVATE KEY-----\n{v}\n-----END PRIVATE KEY-----\n"},
    ),
    "a nested stack's parameter": ("AWS::CloudFormation::Stack", lambda v: {"Parameters": {"DbPassword": v}}),
    "a custom resource": ("Custom::Thing", lambda v: {"Credentials": {"User": v, "Pass": v}}),
    "a list of key and value": ("Custom::Thing", lambda v: {"Settings": [{"Key": "AuthToken", "Value": v}]}),
    "metadata": ("Custom::Thing", lambda v: {"Plain": 1}),
}
"""Where a canary is -> the type of resource, and its properties."""


def body(kind: str, properties: Any, canary: str = "") -> dict[str, Any]:
    resource: dict[str, Any] = {"Type": kind, "Properties": properties}
    if canary:
        resource["Metadata"] = {"Init": {"admin_password": canary}}
    return {"Parameters": NOECHO, "Resources": {"R": resource}}


def every_format(*rows: ResourceChange, **more: Any) -> str:
    """All that people and programs get to see of a plan with these rows."""
    stack = StackPlan("x", "s", "update", rows, **more)
    plan = EnvironmentPlan("dev", "111111111111", REGION, "nested", (stack,))
    text = "\n".join(line.plain for width in (80, 200) for line in plan_lines(plan, width))
    formats = [as_format(form, [plan]).decode() for form in ("json", "markdown", "html")]
    return "\n".join((text, *formats, repr(plan), str(pickle.dumps(plan))))


def canary_free(text: str) -> bool:
    return OLD not in text and NEW not in text


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_of_a_template_is_in_no_format_and_still_a_change(place: str) -> None:
    """Changed, added, removed, with its resource or without: it is told that it changes, and not what it is."""
    kind, make = PLACES[place]
    canary = place == "metadata"
    old, new = (body(kind, make(each), each if canary else "") for each in (OLD, NEW))
    bare = body(kind, {"Plain": 2})
    empty: dict[str, Any] = {"Resources": {}}
    for before, after in ((old, new), (bare, new), (old, bare), (empty, new), (old, empty)):
        rows = compare("x", REGION, Side(before, {}), Side(after, {}))
        assert any(has_values(property_of(each)) for row in rows for each in row.properties), (
            "a secret that changes is a change"
        )
        assert canary_free(every_format(*rows))


def test_a_changed_secret_says_that_it_changes() -> None:
    """`(secret, changed)` in the place of both values."""
    kind, make = PLACES["a master password"]
    [row] = compare("x", REGION, Side(body(kind, make(OLD)), {}), Side(body(kind, make(NEW)), {}))
    assert [(each.before, each.after) for each in row.properties] == [(Secret(), Secret())]
    assert "MasterUserPassword  (secret) -> (secret, changed)" in every_format(row)


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "Pass"},
        {"Fn::Sub": "mail:${Pass}"},
        {"Fn::Sub": "${AWS::Region}:${Pass}"},
        {"Fn::Join": ["", ["x", {"Ref": "Pass"}]]},
        [{"Ref": "Pass"}],
    ],
)
def test_a_noecho_parameter_changes_what_refers_to_it_and_is_never_shown(value: Any) -> None:
    """Wherever its value is put, also as part of a text."""
    before, after = (body("Custom::Thing", {"Plain": value}) for _ in range(2))
    old, new = Side(before, {"Pass": OLD}), Side(after, {"Pass": NEW})
    [row] = compare("x", REGION, old, new)
    assert because(row) == "parameter Pass"
    assert canary_free(
        every_format(row, parameters=differing(sealed(old.body, old.values), sealed(new.body, new.values)))
    )
    output = {"Outputs": {"Out": {"Value": value}}}
    sides = [Side({**each.body, **output}, each.values) for each in (old, new)]
    shown = differing(*(each.outputs for each in sides))
    assert shown
    assert canary_free(every_format(outputs=shown))


def told(path: tuple[str | int, ...], before: object, after: object) -> ResourceChange:
    change = PropertyChange(path, before, after)
    return ResourceChange("x", "Modify", "R", "Custom::Thing", "False", properties=(change,))


@pytest.mark.parametrize(
    ("path", "written", "before", "after"),
    [
        (("Properties", "MasterUserPassword"), {}, OLD, NEW),
        (("Properties", "Environment", "Variables", "API_TOKEN"), {}, OLD, NEW),
        (
            ("Properties", "Environment"),
            {},
            f'{{"Variables": {{"API_TOKEN": "{OLD}"}}}}',
            f'{{"Variables": {{"API_TOKEN": "{NEW}"}}}}',
        ),
        (("Properties", "Environment"), {}, f'[{{"Name": "DB_PASSWORD", "Value": "{OLD}"}}]', "[]"),
        (("Properties", "Environment", 0, "Value"), {"Environment": [{"Name": "PASSWORD", "Value": OLD}]}, OLD, NEW),
        (("Properties", "Plain"), {"Plain": {"Fn::Sub": "x-${Pass}"}}, f"x-{OLD}", f"x-{NEW}"),
        (("Properties", "Plain"), {}, f"known-{OLD}", f"known-{NEW}"),
        (("Properties", "Url"), {}, f"https://me:{OLD}@host", f"https://me:{NEW}@host"),
        (("Properties", "Url"), {}, SECURE.format(OLD), SECURE.format(NEW)),
    ],
)
def test_a_secret_of_a_change_set_is_in_no_format_and_still_a_change(
    path: tuple[str | int, ...], written: dict[str, Any], before: str, after: str
) -> None:
    """AWS tells resolved values, in JSON texts as well: they are masked by name, by place and by what NoEcho holds."""
    template = body("Custom::Thing", written)
    held = ({"Pass": OLD}, {"Pass": NEW}) if "known" in before else ({}, {})
    old, new = (Side(template, sealed(template, each)) for each in held)
    context = ReconcileContext("x", REGION, old, new)
    mine = told(path, {"Ref": "X"}, {"Ref": "Y"})
    for ours in ((), (mine,)):
        agreed = agree((told(path, before, after),), ours, context)
        assert [row.logical_id for row in agreed.rows] == ["R"]
        assert any(has_values(property_of(each)) for each in agreed.rows[0].properties)
        assert canary_free(every_format(*agreed.rows))


@pytest.mark.parametrize(
    "name",
    ["password", "DB_PASSWORD", "MasterUserPassword", "apiKey", "STRIPE_API_KEY", "AuthToken", "clientSecret",
     "PRIVATE_KEY", "aws_secret_access_key", "SecretString", "credentials", "SENTRY_DSN"],
)  # fmt: skip
def test_names_that_sound_secret(name: str) -> None:
    """However they are written."""
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    ["SecretId", "DATABASE_SECRET_ARN", "PasswordLength", "TOKEN_TTL", "KeyPolicy", "KmsKeyId", "PublicKey", "Secrets",
     "SecretsManager", "PasswordPolicy", "author", "Passenger", "Tokenizer", "", "Key", "Name"],
)  # fmt: skip
def test_names_that_only_speak_of_secrets(name: str) -> None:
    """They say where a secret is, or what it must be like."""
    assert not looks_secret(name)


@pytest.mark.parametrize(
    "value",
    [
        {"DATABASE_SECRET": {"Ref": "Secret"}},
        {"DB_PASSWORD": {"Fn::GetAtt": ["Secret", "Arn"]}},
        {"Secrets": [{"Name": "DB_PASSWORD", "ValueFrom": "arn:aws:secretsmanager:eu-central-1:1:secret:x"}]},
        {"Action": ["secretsmanager:GetSecretValue"], "Resource": "arn:aws:secretsmanager:*:*:secret:x"},
        {"ManageMasterUserPassword": True, "MasterUserSecret": {"KmsKeyId": "alias/x"}},
        {"API_TOKEN": "", "TOKEN_URL": "https://login.example.com/token?kind=x"},
        "a=b; path=/x; key=value",
        "{{resolve:ssm:/public/name}}",
        {"Token": KnownAfter("network", "Token")},
    ],
)
def test_what_is_no_secret_is_shown(value: Any) -> None:
    """References, ARNs, flags and texts about secrets: hiding them would hide what a reviewer must see."""
    assert mask(value) == value


@pytest.mark.long
@given(
    st.recursive(st.text(max_size=8) | st.integers(), lambda v: st.lists(v) | st.dictionaries(st.text(max_size=4), v))
)
def test_nothing_sealed_prints_what_it_holds(value: Any) -> None:
    """Not by str, repr, format or a traceback's repr of what holds it."""
    sealed_value = Sealed({"x": value, "canary": OLD})
    assert canary_free(f"{sealed_value} {sealed_value!r} {[sealed_value]} {mask([sealed_value])}")
    assert mask(sealed_value) == Secret()


def test_conditions_read_what_a_noecho_parameter_holds() -> None:
    """It decides as any other value does."""
    template = {
        **body("Custom::Thing", {"Plain": {"Fn::If": ["C", "yes", "no"]}}),
        "Conditions": {"C": {"Fn::Equals": [{"Ref": "Pass"}, OLD]}},
    }
    values = sealed(template, {"Pass": OLD})
    assert evaluated(template, values)["R"]["Properties"]["Plain"] == "yes"
    assert evaluated(template, sealed(template, {"Pass": NEW}))["R"]["Properties"]["Plain"] == "no"


def test_a_secret_that_is_added_or_removed_says_so() -> None:
    """Absent is told; the other side is a secret."""
    rows = compare("x", REGION, Side(body("Custom::T", {}), {}), Side(body("Custom::T", {"ApiKey": NEW}), {}))
    assert [(each.before, each.after) for row in rows for each in row.properties] == [(Absent(), Secret())]
