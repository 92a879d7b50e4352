"""The names of nested layers, which CloudFormation knows by logical ids alone: `EdgeCache` is `edge-cache`."""

from __future__ import annotations

import pytest
from rows import shown_rows
from stage import TOPIC, Stage, assembly, environment, layer

from infragen.assembly.synth import Assembly
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.report.plan_document import plan_document


@pytest.mark.parametrize("topology", ["nested"])
@pytest.mark.parametrize("name", ["edge-cache", "cache-2", "a-b-c-3d"])
def test_a_nested_layer_is_called_by_its_name_whatever_is_in_it(stage: Stage, topology: str, name: str) -> None:
    """With hyphens and digits: in the plan before and after, in its counts, and where a sibling takes its output."""

    def made(title: str) -> Assembly:
        topic = {"Topic": {**TOPIC, "Properties": {"DisplayName": title}}}
        taker = {"Topic": {**TOPIC, "Properties": {"DisplayName": {"Ref": "TopicArn"}}}}
        layers = (layer(name, topic, {"TopicArn": {"Ref": "Topic"}}), layer("taker", taker, takes=[(name, "TopicArn")]))
        return assembly(*layers, env=environment(topology))

    first = plan_environment(made("one"), stage.session)
    assert {each.layer for each in first.stacks} == {"root", name, "taker"}
    assert f"known after {name}: TopicArn" in str(shown_rows(first))
    assert deploy_environment(made("one"), stage.session).exit_code == 0
    again = plan_document(plan_environment(made("two"), stage.session))
    counted = [
        (each["layer"], row["logical_id"]) for each in again["stacks"] for row in each["changes"] if row["counted"]
    ]
    assert counted == [(name, "Topic")]
