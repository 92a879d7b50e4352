"""What a plan says a deployment costs: deployed templates against rendered ones, in both topologies, on the fake."""

from typing import Any

import pytest
from fakeaws import FakeAws
from rows import summary
from stage import Stage, assembly, environment, layer, on_fake, with_bucket

from infragen.assembly.synth import Assembly
from infragen.cost import Columns, CostDelta, ResourceDelta
from infragen.cost.prices import RegionPrices
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.options import Options
from infragen.layers.contract import LaunchParameter
from infragen.report.plan_document import cost_document
from infragen.report.plan_words import cost_lines

SECRET, KEY = {"Type": "AWS::SecretsManager::Secret"}, {"Type": "AWS::KMS::Key"}
TABLE = {"Type": "AWS::DynamoDB::Table"}


def made(topology: str, first: dict[str, Any], second: dict[str, Any] | None = None) -> Assembly:
    """Two layers; the second takes a value of the first."""
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Name"}}}
    return assembly(
        layer("first", {"Topic": {"Type": "AWS::SNS::Topic"}, **first}, {"Name": "shop"}),
        layer("second", {"Topic": topic, **(second or {})}, {}, [("first", "Name")]),
        env=environment(topology),
    )


def cost_of(stage: Stage, wanted: Assembly, options: Options | None = None) -> CostDelta:
    found = plan_environment(wanted, stage.session, options).cost
    assert found is not None
    return found


def test_a_first_deployment_costs_all_of_it(stage: Stage, topology: str) -> None:
    """Nothing is deployed: a secret and a key are what it costs."""
    found = cost_of(stage, made(topology, {"Secret": SECRET}, {"Key": KEY}))
    assert found.before.expected == 0
    assert round(found.change.expected, 2) == 1.4
    assert {(each.layer, each.logical_id) for each in found.resources} == {("first", "Secret"), ("second", "Key")}


@pytest.mark.long
def test_an_update_costs_the_difference_and_no_change_costs_nothing(stage: Stage, topology: str) -> None:
    """A secret more, a key less; then the same again."""
    deploy_environment(made(topology, {"Secret": SECRET}, {"Key": KEY}), stage.session, Options())
    wanted = made(topology, {"Secret": SECRET, "Second": SECRET})
    found = cost_of(stage, wanted)
    assert (round(found.before.expected, 2), round(found.after.expected, 2)) == (1.4, 0.8)
    assert [(each.layer, each.logical_id, round(each.change.expected, 2)) for each in found.resources] == [
        ("first", "Second", 0.4),
        ("second", "Key", -1.0),
    ]
    deploy_environment(wanted, stage.session, Options(allow_data_loss=frozenset({"second/Key"})))
    again = cost_of(stage, wanted)
    assert (round(again.before.expected, 2), round(again.after.expected, 2)) == (0.8, 0.8)
    assert (again.resources, again.unpriced) == ((), ())


def test_a_parameter_that_keeps_its_deployed_value_costs_nothing(stage: Stage, topology: str) -> None:
    """Conditions are decided by the values that the stack has, not by defaults."""
    size = LaunchParameter("Size", "", default="no", keep=True)
    more = {**SECRET, "Condition": "More"}

    def wanted(value: str | None) -> Assembly:
        template = layer("first", {"Secret": more, "Topic": {"Type": "AWS::SNS::Topic"}}, launch=[
            LaunchParameter("Size", "", default="no", value=value, keep=True) if value else size
        ])  # fmt: skip
        template.body["Conditions"] = {"More": {"Fn::Equals": [{"Ref": "Size"}, "yes"]}}
        return assembly(template, env=environment(topology))

    assert round(cost_of(stage, wanted("yes")).change.expected, 2) == 0.4
    deploy_environment(wanted("yes"), stage.session, Options())
    kept = cost_of(stage, wanted(None))
    assert (round(kept.before.expected, 2), round(kept.after.expected, 2)) == (0.4, 0.4)


@pytest.mark.long
def test_what_is_new_and_has_no_price_is_named(stage: Stage, topology: str) -> None:
    """In the summary and with its place; once it is deployed, it is no longer news."""
    wanted = made(topology, {"Table": TABLE})
    found = cost_of(stage, wanted)
    assert found.unpriced == ("first/Table: infragen has no prices for AWS::DynamoDB::Table",)
    assert cost_document(found)["text"] == "0.00 USD/month, not all of it priced"
    assert "  not priced  first/Table: infragen has no prices for AWS::DynamoDB::Table" in cost_lines(
        cost_document(found)
    )
    deploy_environment(wanted, stage.session, Options())
    assert cost_of(stage, made(topology, {"Table": TABLE, "Secret": SECRET})).unpriced == ()


@pytest.mark.long
def test_the_summary_line_ends_with_the_expected_cost(stage: Stage, topology: str) -> None:
    """And says nothing where a deployment costs nothing more or less."""
    plan = plan_environment(made(topology, {"Secret": SECRET}), stage.session)
    assert summary(plan).endswith(" to add, 0 to change, 0 to replace, 0 to remove; +0.40 USD/month")
    free = plan_environment(made(topology, {}), stage.session)
    assert summary(free).endswith(" to remove")
    assert plan.cost is not None
    assert list(cost_lines(cost_document(plan.cost)))[:2] == [
        "cost in USD a month, us-east-1 prices of 2026-11-22: +0.40 (0.00 -> 0.40)",
        "       +0.40  first/Secret",
    ]


def test_the_prices_of_a_file_count_in_plans_too(stage: Stage, topology: str) -> None:
    """They stand over the table."""
    prices = {"us-east-1": RegionPrices("2026-11-01", "", {"secret-month": 7.0})}
    found = cost_of(stage, made(topology, {"Secret": SECRET}), Options(prices=prices, price_file="mine.yaml"))
    assert round(found.change.expected, 2) == 7
    assert found.prices.startswith("us-east-1 prices of 2026-11-01 from mine.yaml")


@pytest.mark.long
def test_a_layer_that_is_turned_off_saves_its_cost(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nested: the stack goes, and with it what it costs."""
    stage = with_bucket(on_fake(aws, monkeypatch), environment("nested"))
    deploy_environment(made("nested", {"Secret": SECRET}, {"Key": KEY}), stage.session, Options())
    one = assembly(
        layer("first", {"Topic": {"Type": "AWS::SNS::Topic"}, "Secret": SECRET}, {"Name": "shop"}),
        env=environment("nested"),
    )
    assert round(cost_of(stage, one).change.expected, 2) == -1


@pytest.mark.long
def test_an_estimate_makes_no_call_to_aws(stage: Stage, topology: str) -> None:
    """A plan without changes reads no template more than before: at most ten calls when nested."""
    wanted = made(topology, {"Secret": SECRET})
    deploy_environment(wanted, stage.session, Options())
    stage.aws.calls.clear()
    plan_environment(wanted, stage.session)
    names = [each.operation for each in stage.aws.calls]
    assert names.count("GetTemplate") == (1 if topology == "nested" else 2)


def test_what_costs_more_at_maximum_alone_is_named() -> None:
    """More capacity that nothing is expected to need: no change at expected load, and a larger bill at the most."""
    writer = ResourceDelta("database", "Writer", "AWS::RDS::DBInstance", Columns(1, 2, 3), Columns(1, 2, 178.2))
    log = ResourceDelta("api", "Log", "AWS::Logs::LogGroup", Columns(0.5, 0.5, 0.5), Columns(0.6, 0.6, 0.6))
    cost = CostDelta(Columns(1, 2, 3), Columns(1.1, 2.1, 178.3), (writer, log))
    assert list(cost_lines(cost_document(cost)))[1:3] == [
        "       +0.10  api/Log",
        "        0.00  database/Writer (at maximum +175.20)",
    ]
