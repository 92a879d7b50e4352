"""Characters beyond ASCII: the fake gives `?` for them, as AWS does, and a deployment takes no harm of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench, at_work, aws, make_bucket
from fakeaws import FakeAws
from hypothesis import given
from hypothesis import strategies as st
from stage import environment, layer
from troposphere import GetAtt, Join, Output, Sub, ssm

from infragen.assembly.synth import Assembly, synthesize
from infragen.assembly.templatefile import dump_json, dump_yaml, parse
from infragen.changes.values import given_back
from infragen.config import Environment
from infragen.engine.outcome import Deployed, Unchanged
from infragen.engine.progress import Warned
from infragen.errors import InputError
from infragen.layers.contract import Layer, LayerOutput, Template

__all__ = ["aws"]

GREETINGS = ["Grüße", "請交月報", "naïve – “quoted” …", "😀 ok", "a\nzweite Zeile: ü\n", "CR LF\r\n\ttab\r"]


def greeting(text: str) -> dict[str, Any]:
    return {"Note": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": text}}}


def at_fake(aws: FakeAws, topology: str) -> tuple[Bench, Environment]:
    env = environment(topology, aws.settings.account)
    bench = at_work(aws, env)
    make_bucket(aws, env, bench.session)
    return bench, env


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
@pytest.mark.parametrize("text", GREETINGS)
def test_w1_a_text_beyond_ascii_is_deployed_and_found_unchanged(aws: FakeAws, topology: str, text: str) -> None:
    bench, env = at_fake(aws, topology)
    templates = Assembly(env, (layer("notes", greeting(text)),))
    assert all(isinstance(each, Deployed) for each in bench.deploy(templates).outcomes)
    resources = [each for stack in aws.cloud.stacks.values() for each in stack.resources.values()]
    [note] = [each for each in resources if "Value" in each.properties]
    assert note.properties["Value"] == text
    assert all(isinstance(each, Unchanged) for each in bench.deploy(templates).outcomes)
    bench.deploy(Assembly(env, (layer("notes", greeting(text + "!")),)), allow_data_loss=frozenset({"notes/Note"}))
    assert note.properties["Value"] == text + "!"
    assert not [each for each in bench.ui.events if isinstance(each, Warned)]


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_w1_tags_beyond_ascii_are_deployed_and_found_unchanged(aws: FakeAws, topology: str) -> None:
    """Name and value: DescribeStacks gives question marks for both, and that is no change of every resource."""
    bench, env = at_fake(aws, topology)
    tagged = env.model_copy(update={"tags": {"Ära": "München", "部署": "東京", "Plain": "a?b"}})
    bench = at_work(aws, tagged)
    templates = Assembly(tagged, (layer("notes", greeting("a")),))
    assert all(isinstance(each, Deployed) for each in bench.deploy(templates).outcomes)
    assert {"Ära": "München", "部署": "東京"}.items() <= list(aws.cloud.stacks.values())[-1].target.tags.items()
    assert all(isinstance(each, Unchanged) for each in bench.deploy(templates).outcomes)
    renamed = env.model_copy(update={"tags": {"Ära": "Nürnberg", "部署": "東京", "Plain": "a?b"}})
    plan = at_work(aws, renamed).plan(Assembly(renamed, templates.templates))
    assert {each.path for stack in plan.stacks for each in stack.tags} == {("Ära",)}


def test_w1_what_an_earlier_release_deployed_unescaped_is_no_change(aws: FakeAws) -> None:
    """GetTemplate gives `?` for it: only the change set knows that the text is the same."""
    bench, _ = at_fake(aws, "independent")
    unit = bench.unit("notes", greeting("Grüße"))
    raw = json.dumps(unit.body, ensure_ascii=False)
    tags = [{"Key": key, "Value": value} for key, value in unit.tags.items()]
    aws.elsewhere.create_stack({"StackName": unit.stack, "TemplateBody": raw, "Tags": tags})
    aws.clock.settle()
    planned = bench.plan_units(unit)
    [stack] = planned.stacks
    assert (stack.action, stack.changes, stack.disagreements) == ("none", (), ())
    assert isinstance(bench.deploy_units(unit).outcomes[0], Unchanged)


def test_w1_a_question_mark_that_becomes_a_letter_is_a_change(aws: FakeAws) -> None:
    """What may be the same is not taken for the same: AWS is asked."""
    bench, _ = at_fake(aws, "independent")
    bench.deploy_units(bench.unit("notes", greeting("Gr??e")))
    planned = bench.plan_units(bench.unit("notes", greeting("Grüße")))
    [row] = planned.stacks[0].changes
    assert (row.logical_id, row.properties[0].before, row.properties[0].after) == ("Note", "Gr??e", "Grüße")


@pytest.mark.long
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_w1_every_text_is_written_in_ascii_and_read_back_as_it_was(text: str) -> None:
    for body in ({"Value": text}, {text: "value"}, {"Fn::Sub": text}, {"List": [text, {"Fn::Base64": text}]}):
        for written in (dump_yaml(body), dump_json(body)):
            assert written.isascii()
            assert parse(written) == body


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_w1_a_text_with_question_marks_for_what_is_beyond_ascii_is_the_same_text(text: str) -> None:
    read = text.encode("ascii", "replace").decode()
    assert given_back({"a": [read]}, {"a": [text]})
    assert given_back({read: 1}, {text: 1})
    assert given_back(read, text + "x") is False
    assert given_back(read.replace("?", "!"), text) is (read.replace("?", "!") == text)


def wired(value: Any) -> list[Layer]:
    """Two layers, of which the second takes an output of the first."""
    output = LayerOutput("first", "Word", "A word.")
    always: Callable[[Environment], bool] = lambda _: True  # noqa: E731  # a row's own condition

    def first(_: Environment) -> Template:
        template = Template()
        template.add_resource(ssm.Parameter("Note", Type="String", Value="Grüße"))
        template.add_output(Output("Word", Value=value))
        return template

    def second(_: Environment) -> Template:
        template = Template()
        template.add_resource(ssm.Parameter("Note", Type="String", Value=output.ref()))
        return template

    return [
        Layer("first", "First", "", first, always, outputs=lambda _: (output,)),
        Layer("second", "Second", "", second, always, inputs=lambda _: (output,)),
    ]


@pytest.mark.parametrize(
    "value",
    ["Grüße", Join("-", ["a", "ü"]), Sub("ü ${AWS::Region}"), GetAtt("Note", "Value")],
    ids=["text", "join", "sub", "getatt"],
)
def test_w1_an_output_beyond_ascii_that_another_layer_takes_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match=r"layer first: the output Word, which second takes, holds .*beyond ASCII"):
        synthesize(environment(), wired(value))


def test_w1_an_output_in_ascii_is_wired() -> None:
    assert len(synthesize(environment(), wired(GetAtt("Note", "Type"))).templates) == 2


@pytest.mark.parametrize("text", ["ä" * 400, "請交月報" * 60, "ä?" * 200])
def test_w1_another_long_text_beyond_ascii_is_told_apart_at_once(text: str) -> None:
    """With a part per character, as before, this test would not end."""
    read = "?" * len(text)
    assert given_back(read + "x", text + "x")
    assert not given_back(read + "x", text + "y")
