"""The plan: units, parameters, capabilities, tags, and CloudFormation's quotas."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import ACCOUNT, TOPIC, assembly, environment, layer

from infragen.assembly.code import Artifact
from infragen.assembly.stacks import Kept, OutputOf, StackUnit, bucket_name, capabilities, make_plan
from infragen.assembly.synth import synthesize
from infragen.config import EnvironmentFile, load_environment, load_file
from infragen.config.directory import find
from infragen.engine.options import Options, launch_values, worker_code
from infragen.errors import InputError
from infragen.layers.contract import LaunchParameter

FOLDER = Path(__file__).parents[1] / "data" / "environments"
IMAGE = LaunchParameter("ImageTag", "", default="", keep=True)
NAMED_POLICY = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": "x"}}
CERTIFICATE = LaunchParameter("CertificateArn", "", value="arn:cert")


def two(topology: str, **env: Any) -> tuple[StackUnit, ...]:
    first = layer("first", {"Topic": TOPIC}, {"TopicArn": {"Ref": "Topic"}})
    second = layer("second", {"Topic": TOPIC}, takes=[("first", "TopicArn")], launch=[IMAGE, CERTIFICATE])
    return make_plan(assembly(first, second, env=environment(topology, **env))).units


def test_nested_is_one_unit_with_its_layers_inside() -> None:
    """The root gets the bucket and what changes without a rendering; the wiring is in its template."""
    [root] = two("nested")
    assert (root.layer, root.stack, root.requires) == ("root", "shop-dev", ())
    assert root.parameters == {"ImageTag": Kept(), "CertificateArn": "arn:cert", "TemplateBucket": bucket_of("dev")}
    assert {name: child.layer for name, child in root.children.items()} == {"First": "first", "Second": "second"}


def bucket_of(name: str) -> str:
    return f"infragen-shop-{name}-{ACCOUNT}-us-east-1"


def test_independent_is_one_unit_for_each_layer() -> None:
    """What another layer gives is known once that layer is deployed."""
    first, second = two("independent")
    assert (first.stack, first.parameters, first.requires) == ("shop-dev-first", {}, ())
    assert second.requires == ("first",)
    assert second.parameters["TopicArn"] == OutputOf("first", "TopicArn")
    assert second.parameters["ImageTag"] == Kept()


@pytest.mark.long
def test_the_environments_units_come_after_what_they_need() -> None:
    """For the real layers."""
    for file in find(FOLDER):
        env = load_environment(file).model_copy(update={"topology": "independent"})
        plan = make_plan(synthesize(env))
        order = [unit.layer for unit in plan.units]
        assert all(order.index(need) < order.index(unit.layer) for unit in plan.units for need in unit.requires)
        assert plan.warnings == ()


def test_a_value_of_this_run_beats_the_file_and_the_deployed_one() -> None:
    """In this order: given now, written in the file, deployed, the template's default."""
    made = assembly(layer("first", {"Topic": TOPIC}, launch=[IMAGE, CERTIFICATE]), env=environment("independent"))
    [unit] = make_plan(made, {"ImageTag": "abc", "CertificateArn": "arn:other"}).units
    assert unit.parameters == {"ImageTag": "abc", "CertificateArn": "arn:other"}


def test_a_parameter_without_any_value_is_an_input_error() -> None:
    """It would fail at CreateChangeSet, after the upload."""
    made = assembly(layer("first", {"Topic": TOPIC}, launch=[LaunchParameter("Needed", "")]), env=environment())
    with pytest.raises(InputError, match="Needed"):
        make_plan(made)


def written(tmp_path: Path, text: str) -> EnvironmentFile:
    """dev.yaml with some lines over it, as a file of its own."""
    shutil.copytree(FOLDER, tmp_path / "shared")
    file = tmp_path / "dev.yaml"
    file.write_text(f'extends: shared/dev.yaml\naccount: "{ACCOUNT}"\n{text}\n')
    return load_file(file)


@pytest.mark.long
def test_worker_code_becomes_one_key_for_each_worker(tmp_path: Path) -> None:
    """The names are those that the worker layer declares; relative paths begin at the environment file."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.js").write_text("x")
    file = written(
        tmp_path, "workers: [{name: notifications, queue: notifications, reserved_concurrency: 5, code: code}]"
    )
    env, code = file.environment, worker_code(file)
    values = launch_values(env, Options(code=code))
    declared = {each.name for template in synthesize(env).templates for each in template.parameters}
    assert set(values) == {"CodeBucket", "NotificationsCodeKey"} <= declared
    assert values["NotificationsCodeKey"] == code["notifications"].key
    make_plan(synthesize(env), values)


def test_a_worker_without_code_keeps_what_is_deployed(tmp_path: Path) -> None:
    """No key is given, so that the plan keeps the deployed one."""
    file = written(tmp_path, "")
    assert worker_code(file) == {}
    assert launch_values(file.environment, Options()) == {}
    assert "CodeBucket" in launch_values(file.environment, Options(code={"x": Artifact("k", b"")}))


def test_code_that_cannot_be_used_is_named_with_its_place(tmp_path: Path) -> None:
    """All of it at once, in the file in which it is written."""
    text = "project: shop\nenvironment: dev\nregion: us-east-1\nnetwork: {}\nqueues: [{name: a}, {name: b}]\nworkers:\n"
    for name in ("a", "b"):
        text += f"  - name: {name}\n    queue: {name}\n    code: ../{name}\n"
    (tmp_path / "dev.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        worker_code(load_file(tmp_path / "dev.yaml"))
    assert caught.value.message.replace(str(tmp_path), "").splitlines() == [
        "/dev.yaml:9:11: worker code /../a is neither a directory nor a zip file",
        "/dev.yaml:12:11: worker code /../b is neither a directory nor a zip file",
    ]


@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_tags_say_whose_a_stack_is(topology: str) -> None:
    """The file's tags, and those by which a rerun finds its stacks."""
    for unit in two(topology, tags="{Team: core}"):
        assert unit.tags["Team"] == "core"
        assert unit.tags["infragen:layer"] == unit.tags["Layer"] == unit.layer
        assert (unit.tags["infragen:project"], unit.tags["infragen:environment"]) == ("shop", "dev")
        assert unit.tags["ManagedBy"] == "infragen"


@pytest.mark.parametrize(
    ("resources", "more", "expected"),
    [
        ({"T": TOPIC}, {}, ()),
        ({"R": {"Type": "AWS::IAM::Role"}}, {}, ("CAPABILITY_IAM",)),
        ({"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "x"}}}, {}, ("CAPABILITY_NAMED_IAM",)),
        ({"R": {"Type": "AWS::IAM::Role"}, "P": NAMED_POLICY}, {}, ("CAPABILITY_NAMED_IAM",)),
        ({"T": TOPIC}, {"Transform": "AWS::LanguageExtensions"}, ("CAPABILITY_AUTO_EXPAND",)),
        ({"T": {**TOPIC, "Properties": {"Fn::Transform": {"Name": "X"}}}}, {}, ("CAPABILITY_AUTO_EXPAND",)),
    ],
)
def test_capabilities_are_those_that_the_templates_need(
    resources: dict[str, Any], more: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """A13: no more: what is acknowledged is what somebody should look at."""
    assert capabilities([{"Resources": {}}, {"Resources": resources, **more}]) == expected


@given(st.from_regex(r"[a-z]{1,20}", fullmatch=True), st.from_regex(r"[a-z]{1,12}", fullmatch=True))
def test_a_buckets_name_is_one_that_s3_takes(project: str, name: str) -> None:
    """At most 63 characters, and no two regions share it: names are global."""
    base = environment(environment=name).model_copy(update={"project": project})
    names = {bucket_name(base.model_copy(update={"region": region})) for region in ("ap-southeast-1", "ap-southeast-2")}
    assert len(names) == 2
    assert all(len(each) <= 63 and each[-1].isalnum() for each in names)


def test_an_environment_without_account_is_refused() -> None:
    """Every command that talks to AWS checks it."""
    env = environment().model_copy(update={"account": None})
    with pytest.raises(InputError, match="account"):
        bucket_name(env)
