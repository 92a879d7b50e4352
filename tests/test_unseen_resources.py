"""What infragen does not know or see is not lost by `--yes`: types of others, macros, modules, nested stacks of others.

Each kind, in each way in which an environment can have it, goes through plan in all formats, deploy, drift and destroy.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench import NETWORK, at_work, head, make_bucket
from click.testing import Result
from commands import CommandLine
from fakeaws import FakeAws

from infragen.assembly.stacks import bucket_name
from infragen.cli import main
from infragen.config import Environment
from infragen.layers.project import load_file

LAYER = '''"""Resources as they are written."""

from typing import Any

from troposphere import AWSObject

from infragen.layer import Layer, Section, Template

BODY: dict[str, Any] = {body!r}


class Own(Section):
    """Resources of the project's own."""


def build(env: Any) -> Template:
    template = Template()
    for name, each in BODY["Resources"].items():
        properties = each.get("Properties", {{}})
        rest = {{key: value for key, value in each.items() if key not in ("Type", "Properties")}}
        kind = type("Raw", (AWSObject,), {{"resource_type": each["Type"], "props": {{}}}})
        made = kind(name, **rest)
        made.properties.update(properties)
        template.add_resource(made)
    if "Transform" in BODY:
        template.set_transform(BODY["Transform"])
    return template


LAYERS = (Layer(name="own", title="Own", about="own", section=Own, build=build),)
'''
KEY = "arn:aws:kms:us-east-1:111122223333:key/11111111-1111-1111-1111-11111111111"
TOKEN = "arn:aws:lambda:us-east-1:111122223333:function:f"
QUEUE, TABLE = "AWS::SQS::Queue", "AWS::DynamoDB::Table"
TOPIC = {"Topic": {"Type": "AWS::SNS::Topic"}}
KEPT = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
FIRST, CHANGED, REPLACED, REMOVED = STEPS = ("first", "changed", "replaced", "removed")

Body = dict[str, Any]


def of_type(kind: str, label: str = "Label", **properties: Any) -> Callable[[str], Body]:
    """A resource of a type that infragen does not know: it changes, another one takes its place, it goes."""

    def body(step: str) -> Body:
        it = {"Type": kind, **KEPT, "Properties": {**properties, label: f"{KEY}b" if step == CHANGED else f"{KEY}a"}}
        return {"Resources": {**TOPIC, **({} if step == REMOVED else {"Other" if step == REPLACED else "It": it})}}

    return body


def made(step: str) -> Body:
    """What macro and module make: a queue that keeps messages shorter, has another name, goes; a role beside it."""
    queue = {
        "QueueName": "shop-made-b" if step == REPLACED else "shop-made",
        "MessageRetentionPeriod": 345600 if step == CHANGED else 1209600,
    }
    return {} if step == REMOVED else {"Made": {"Type": QUEUE, **KEPT, "Properties": queue}}


def with_macro(step: str) -> Body:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": step}}
    return {"Transform": "Own", "Resources": {"Topic": topic}}


def with_macro_inside(step: str) -> Body:
    """Called inside of a resource; what it gives is the value of a property that keeps messages, or the name."""
    call = {"Fn::Transform": {"Name": "Value", "Parameters": {"Step": step}}}
    queue = {"Type": QUEUE, **KEPT, "Properties": call}
    return {"Resources": {**TOPIC, **({} if step == REMOVED else {"Made": queue})}}


def with_module(step: str) -> Body:
    module = {"Type": "My::Data::Store::MODULE", "Properties": {"Step": step}}
    return {"Resources": {**TOPIC, **({} if step == REMOVED else {"It": module})}}


def with_stack(step: str) -> Body:
    """A nested stack whose template somebody else wrote, which has another queue in each step."""
    url = f"https://{{}}.s3.us-east-1.amazonaws.com/theirs/{step}.json"
    stack = {"Type": "AWS::CloudFormation::Stack", **KEPT, "Properties": {"TemplateURL": url}}
    return {"Resources": {**TOPIC, **({} if step == REMOVED else {"It": stack})}}


DIRECT = {
    "custom": of_type("Custom::Store", ServiceToken=TOKEN),
    "custom resource": of_type("AWS::CloudFormation::CustomResource", ServiceToken=TOKEN),
    "of others": of_type("Org::Service::Thing"),
    "without a row": of_type("AWS::Backup::BackupVault", "EncryptionKeyArn", BackupVaultName="shop"),
}
KINDS: dict[str, Callable[[str], Body]] = {
    **DIRECT, "macro": with_macro, "macro inside": with_macro_inside, "module": with_module, "stack": with_stack
}  # fmt: skip
TOPOLOGIES = ("nested", "independent")

Run = Callable[..., Result]


@pytest.fixture
def run(aws: FakeAws, tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    aws.settings.registered_types = ("Org::Service::Thing",)
    aws.settings.macros["Own"] = _own
    aws.settings.macros["Value"] = lambda fragment, given, _: made(given["Step"])["Made"]["Properties"]
    aws.settings.modules["My::Data::Store::MODULE"] = lambda name, given: {
        f"{name}{key}": each for key, each in made(given["Step"]).items()
    }

    def invoke(command: str, *options: str, code: int | None = None) -> Result:
        words = [*command.split(), "--env", "test", "--endpoint-url", aws.url, *options]
        ended = CommandLine(aws.clock).invoke(main, words)
        assert code is None or ended.exit_code == code, ended.output
        assert "Traceback" not in ended.output
        return ended

    return invoke


def _own(fragment: Any, given: Any, values: Any) -> Any:
    step = fragment["Resources"]["Topic"]["Properties"]["DisplayName"]
    return {**fragment, "Resources": {**fragment["Resources"], **made(step)}}


def write(topology: str, body: Body | None, addon: bool = False) -> Environment:
    """The environment with these resources in a layer of the project's, or in an addon; without the file for None."""
    for folder in ("environments", "layers", "addons"):
        Path(folder).mkdir(exist_ok=True)
    own = "own: {}\n" if body is not None and not addon else ""
    Path("environments/test.yaml").write_text(head(topology=topology) + NETWORK + own)
    for each in (Path("layers/own.py"), Path("addons/own.json")):
        each.unlink(missing_ok=True)
    if body is not None:
        text = json.dumps(body).replace("{}.s3.", "infragen-shop-test-111122223333-us-east-1.s3.")
        if addon:
            Path("addons/own.json").write_text(text)
        else:
            Path("layers/own.py").write_text(LAYER.format(body=json.loads(text)))
    return load_file(Path("environments/test.yaml")).environment


def begin(aws: FakeAws, run: Run, topology: str, body: Body, addon: bool) -> None:
    """The environment with the first of it, deployed."""
    env = write(topology, body, addon)
    make_bucket(aws, env, at_work(aws, env).session)
    assert bucket_name(env) == "infragen-shop-test-111122223333-us-east-1"
    s3 = aws.client("s3")
    for step in (FIRST, CHANGED, REPLACED):
        s3.put_object(Bucket=bucket_name(env), Key=f"theirs/{step}.json", Body=json.dumps({"Resources": made(step)}))
    run("deploy", "--yes", "--require-approval", "never", code=0)
    aws.calls.clear()


def shown(run: Run, places: set[str]) -> None:
    """Each format of the plan for readers names these places."""
    for text in (run("plan", "--format", each).stdout for each in ("text", "markdown", "html")):
        assert all(place in text for place in places), text


def refused(aws: FakeAws, run: Run, *options: str) -> set[str]:
    """The places that a deployment by --yes names and refuses, as the plan does; nothing is executed."""
    ended = run("deploy", "--yes", "--require-approval", "never", "--max-interruption", "outage", *options, code=3)
    [plan] = json.loads(run("plan", "--format", "json", *options, code=0).stdout)["plans"]
    places = {each["place"] for each in plan["refusals"]}
    assert all(f"--allow-data-loss {place}" in ended.output for place in places)
    assert "cloudformation:ExecuteChangeSet" not in aws.mutations()
    return places


@pytest.mark.long
@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize(
    ("kind", "addon"), [*((each, False) for each in KINDS), *((each, True) for each in DIRECT)], ids=str
)
def test_nothing_unknown_is_lost_by_yes(aws: FakeAws, run: Run, topology: str, kind: str, addon: bool) -> None:
    """A change in place, a replacement, the removal of the resource and of its file; with and without AWS's change sets
    of nested stacks.
    """
    begin(aws, run, topology, KINDS[kind](FIRST), addon)
    for step in (CHANGED, REPLACED, REMOVED):
        write(topology, KINDS[kind](step), addon)
        for more in ((), ("--no-nested-changes",))[: 2 if topology == "nested" else 1]:
            places = refused(aws, run, *more)
            assert places <= {"own/It", "own/ItMade", "own/It/Made", "own/Made", "own/Transform"}, (step, more)
            assert places, (step, more)
            if step == REPLACED and not more:
                shown(run, places)
    write(topology, None)
    if topology == "nested":
        found = refused(aws, run)
        assert "root/Own" in found
        assert len(found) > 1, found
    else:
        assert "it stays" in run("deploy", "--yes", code=0).output
    assert not [each for each in aws.mutations() if each.endswith(("ExecuteChangeSet", "DeleteStack"))]
    write(topology, KINDS[kind](FIRST), addon)
    assert run("drift").exit_code in (0, 10)
    listed = run("destroy", "--yes", code=0).output
    assert any(each in listed for each in ("infragen does not know", "with its messages", "with its recovery points"))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["macro", "macro inside", "module"])
def test_what_rewrites_a_template_counts_as_wider_each_time(aws: FakeAws, run: Run, kind: str) -> None:
    """What a macro or module makes of a change is not seen, so somebody must agree to it."""
    begin(aws, run, "independent", KINDS[kind](FIRST), addon=False)
    body = KINDS[kind](FIRST)
    body["Resources"]["Other"] = {"Type": "AWS::SNS::Topic"}
    write("independent", body)
    said = run("deploy", "--yes", code=3).output
    place = "own/It" if kind == "module" else "own/Transform"
    assert f"--allow-widening {place}" in said
    flags = next(each for each in said.splitlines() if each.startswith("hint: answer with")).split()[3:]
    assert run("deploy", "--yes", *flags, code=0)


@pytest.mark.long
def test_a_loss_that_nobody_sees_is_allowed_by_name(aws: FakeAws, run: Run) -> None:
    """The flag names the macro; no warning says that the plan has nothing of that name."""
    begin(aws, run, "nested", with_macro(FIRST), addon=False)
    write("nested", with_macro(CHANGED))
    allowed = ("--no-nested-changes", "--allow-data-loss", "own/Transform", "--allow-widening", "own/Transform")
    assert "no resource of that name" not in run("deploy", "--yes", *allowed, code=0).output


@pytest.mark.long
def test_a_nested_stack_of_others_is_never_updated_by_yes(aws: FakeAws, run: Run) -> None:
    """CloudFormation updates it with the stack that holds it, and there may be another template at its address."""
    begin(aws, run, "nested", with_stack(FIRST), addon=False)
    body = with_stack(FIRST)
    body["Resources"]["Topic"] = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "other"}}
    env = write("nested", body)
    text = json.dumps({"Resources": made(CHANGED)})
    aws.client("s3").put_object(Bucket=bucket_name(env), Key="theirs/first.json", Body=text)
    assert refused(aws, run) == {"own/It"}
