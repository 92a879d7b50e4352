"""What a plan says although no change set does: service roles, and values that are in Parameter Store."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest
from bench import Bench, at_work, environment
from fakeaws import FakeAws
from stage import QUEUE, TOPIC, assembly, layer

from infragen.assembly.stacks import StackLayout
from infragen.engine.deploy import show_plan
from infragen.engine.options import Options
from infragen.engine.outcome import Unchanged
from infragen.layers.contract import LaunchParameter
from infragen.plan.model import EnvironmentPlan
from infragen.report.plan import plan_lines
from infragen.report.plan_document import as_json
from infragen.report.plan_html import as_html
from infragen.report.plan_markdown import as_markdown

OLD, NEW = "arn:aws:iam::111122223333:role/old", "arn:aws:iam::111122223333:role/new"
AMI = LaunchParameter("Ami", "", "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", default="/aws/ami")


def with_role(aws: FakeAws, directory: Path, role: str, topology: str = "independent") -> Bench:
    directory.mkdir(exist_ok=True)
    return at_work(aws, environment(directory, f"iam:\n  service_role_arn: {role}\n" if role else "", topology))


def notes(plan: EnvironmentPlan) -> list[str]:
    return [note for stack in plan.stacks for note in stack.notes]


def check_row(plan: EnvironmentPlan, *words: str) -> None:
    """The row is in each format of the plan, at any width."""
    formats = [as_html([plan], {}), as_markdown(plan), as_json(plan)]
    formats += ["\n".join(map(str, plan_lines(plan, width))) for width in (80, 200)]
    for written in formats:
        flat = " ".join(unescape(written).split())
        for each in ("ServiceRole", *words):
            assert each in flat, (each, flat)


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_w10_another_service_role_alone_is_told_with_what_aws_will_do(
    aws: FakeAws, tmp_path: Path, topology: str
) -> None:
    """W10: nothing is deployed for it; the next update takes it."""
    before, after = (with_role(aws, tmp_path / name, role, topology) for name, role in (("a", OLD), ("b", NEW)))
    before.bootstrap()
    app = assembly(layer("data", {"Jobs": QUEUE}), env=before.env)
    assert before.deploy(app).exit_code == 0
    assert notes(before.plan(app)) == []
    app = assembly(layer("data", {"Jobs": QUEUE}), env=after.env)
    shown = after.plan(app)
    [row] = [each for stack in shown.stacks for each in stack.settings]
    assert (row.path, row.before, row.after) == (("ServiceRole",), OLD, NEW)
    assert row.note.startswith("nothing is deployed for it alone")
    assert not shown.changed
    check_row(shown, "nothing is deployed for it alone", OLD, NEW)
    assert all(isinstance(each, Unchanged) for each in after.deploy(app).outcomes)
    app = assembly(layer("data", {"Jobs": QUEUE, "News": TOPIC}), env=after.env)
    [changed] = [each for stack in after.plan(app).stacks for each in stack.settings if each.path == ("ServiceRole",)]
    assert (changed.before, changed.after) == (OLD, NEW)
    assert after.deploy(app).exit_code == 0
    assert not [each for stack in after.plan(app).stacks for each in stack.settings]


@pytest.mark.long
def test_w10_a_service_role_cannot_be_removed(aws: FakeAws, tmp_path: Path) -> None:
    """W10: it stays when none is given, and the plan says so."""
    before, after = with_role(aws, tmp_path / "a", OLD), with_role(aws, tmp_path / "b", "")
    unit = before.unit("data", {"Jobs": QUEUE})
    assert before.deploy_units(unit).exit_code == 0
    shown = after.plan_units(unit)
    [row] = [each for stack in shown.stacks for each in stack.settings]
    assert (row.before, row.after) == (OLD, OLD)
    assert not shown.changed
    check_row(shown, "CloudFormation cannot remove a role from a stack", OLD)
    more = after.unit("data", {"Jobs": QUEUE, "News": TOPIC})
    check_row(after.plan_units(more), "CloudFormation cannot remove a role from a stack", OLD)
    assert after.deploy_units(more).exit_code == 0
    assert aws.stack("shop-test-data").target.role_arn == OLD


@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_w11_what_is_in_parameter_store_is_not_looked_at_in_an_unchanged_template(
    aws: FakeAws, tmp_path: Path, topology: str
) -> None:
    """W11: a newer image is none of the plan's business until the template changes, and the plan says so."""
    bench = at_work(aws, environment(tmp_path, topology=topology))
    bench.bootstrap()
    host = {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": {"Ref": "Ami"}}}
    app = assembly(layer("data", {"Host": host}, launch=[AMI]), env=bench.env)
    assert bench.deploy(app).exit_code == 0
    aws.settings.ssm["/aws/ami"] = "ami-00000000000000002"
    told = notes(bench.plan(app))
    assert told
    assert all(each.startswith("Ami: not looked at; the value is in Parameter Store") for each in told)
    changed = assembly(layer("data", {"Host": host, "News": TOPIC}, launch=[AMI]), env=bench.env)
    assert not [each for each in notes(bench.plan(changed)) if "not looked at" in each]


def test_w10_a_plan_of_a_new_stack_says_nothing_of_roles(aws: FakeAws, tmp_path: Path) -> None:
    """W10: there is none to be replaced."""
    bench = with_role(aws, tmp_path / "a", NEW)
    plan = StackLayout(bench.env, (bench.unit("data", {"Jobs": QUEUE}),), ())
    assert notes(show_plan(plan, bench.session, Options())) == []
