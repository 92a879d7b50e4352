"""Termination protection, stack policies and CloudFormation's role are rows of a plan, both ways."""

import json
from typing import Any

import pytest
from stage import QUEUE, TOPIC, Stage, assembly, environment, layer

from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.options import Options
from infragen.errors import Refused
from infragen.plan.model import EnvironmentPlan
from infragen.report.plan import plan_lines


def shop(topology: str, protect: str, **resources: Any) -> Any:
    return assembly(layer("data", {"Jobs": QUEUE, **resources}), env=environment(topology, protect=protect))


def settings(plan: EnvironmentPlan) -> list[tuple[object, object, object]]:
    return [(each.path[0], each.before, each.after) for stack in plan.stacks for each in stack.settings]


def protections(stage: Stage) -> set[bool]:
    states = [each for each in stage.cloud.stacks("shop-dev") if not each.parent_id]
    return {each.protected for each in states if not each.name.endswith("artifacts")}


@pytest.mark.long
def test_protection_is_a_row_of_the_plan_and_asked_about_before_it_is_set(stage: Stage, topology: str) -> None:
    """`protect: false -> true` alone: the plan has something to change, and nothing happens without a yes."""
    deploy_environment(shop(topology, "false"), stage.session)
    plan = plan_environment(shop(topology, "true"), stage.session)
    assert plan.changed
    assert settings(plan)[0] == ("TerminationProtection", "off", "on")
    assert ("StackPolicy", "denies nothing", "denies replacing and deleting Jobs") in settings(plan)
    text = [line.plain for line in plan_lines(plan, 200)]
    assert "  stack setting TerminationProtection  off -> on" in text
    stage.ui.answers = False
    stage.aws.calls.clear()
    with pytest.raises(Refused):
        deploy_environment(shop(topology, "true"), stage.session)
    assert not {"cloudformation:SetStackPolicy", "cloudformation:UpdateTerminationProtection"} & set(
        stage.aws.mutations()
    )
    stage.ui.answers = True
    assert deploy_environment(shop(topology, "true"), stage.session).exit_code == 0
    assert protections(stage) == {True}
    assert not plan_environment(shop(topology, "true"), stage.session).changed


@pytest.mark.parametrize("more", [{}, {"Topic": TOPIC}], ids=["alone", "beside another change"])
def test_switching_protection_off_is_refused_unless_it_is_allowed_by_name(
    stage: Stage, topology: str, more: dict[str, Any]
) -> None:
    """`protect: true -> false` is no longer ignored: it is a row, a loss, and happens when its name is given."""
    deploy_environment(shop(topology, "true"), stage.session)
    open_again = shop(topology, "false", **more)
    plan = plan_environment(open_again, stage.session)
    assert settings(plan)[0] == ("TerminationProtection", "on", "off")
    places = [each.place for each in plan.refusals]
    assert places == ["root/TerminationProtection" if topology == "nested" else "data/TerminationProtection"]
    with pytest.raises(Refused) as caught:
        deploy_environment(open_again, stage.session)
    assert caught.value.hint == f"if that is meant: --allow-data-loss {places[0]}"
    assert protections(stage) == {True}
    allowed = Options(allow_data_loss=frozenset(places))
    assert deploy_environment(open_again, stage.session, allowed).exit_code == 0
    assert protections(stage) == {False}
    again = plan_environment(open_again, stage.session)
    assert not again.changed
    assert again.warnings == ()


OTHERS: list[dict[str, Any] | str] = [
    {"Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*"}]},
    {"Statement": {"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "LogicalResourceId/Jobs"}},
    {"Statement": [{"Effect": "Allow", "NotAction": "Update:Delete", "Principal": "*", "Resource": "*"}]},
    {"Statement": [{"Effect": "Deny", "Resource": 7}, 8]}, {}, "[]",
]  # fmt: skip


@pytest.mark.parametrize("policy", OTHERS, ids=str)
def test_a_stack_policy_of_somebody_else_is_replaced_only_by_name(stage: Stage, policy: dict[str, Any] | str) -> None:
    """It may deny more than ours: nobody can tell, whatever its form is."""
    protected = shop("independent", "true")
    deploy_environment(protected, stage.session)
    (state,) = [each for each in stage.cloud.stacks("shop-dev") if each.name.endswith("-data")]
    text = policy if isinstance(policy, str) else json.dumps(policy)
    stage.cloud.set_stack_policy(state.stack_id, text)
    plan = plan_environment(protected, stage.session)
    assert (settings(plan)[0][0], settings(plan)[0][1]) == ("StackPolicy", "a policy that infragen did not write")
    with pytest.raises(Refused) as caught:
        deploy_environment(protected, stage.session)
    assert caught.value.hint == "if that is meant: --allow-data-loss data/StackPolicy"
    assert stage.cloud.stack_policy(state.stack_id) == text
    allowed = Options(allow_data_loss=frozenset({"data/StackPolicy"}))
    assert deploy_environment(protected, stage.session, allowed).exit_code == 0
    assert not plan_environment(protected, stage.session).changed


def test_an_open_environment_costs_no_look_at_policies(stage: Stage, topology: str) -> None:
    """Where termination protection is off, there is nothing to switch off."""
    deploy_environment(shop(topology, "false"), stage.session)
    stage.aws.calls.clear()
    assert settings(plan_environment(shop(topology, "false"), stage.session)) == []
    assert not [each for each in stage.aws.calls if "GetStackPolicy" in str(each)]
