"""Synthesis: what every layer keeps to, whatever the environment says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from troposphere import Export, Join, Output, Parameter, Ref, Select, Sub
from troposphere.sns import Topic

from infragen.assembly.synth import references, synthesize
from infragen.assembly.templatefile import parse
from infragen.config import Environment, Queue, load_environment
from infragen.errors import InputError
from infragen.layers.contract import ContractError, Layer, LayerOutput, Template

DEV = Path(__file__).parent / "data" / "environments" / "dev.yaml"


@pytest.fixture(scope="module")
def dev() -> Environment:
    return load_environment(DEV)


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_templates_read_back_as_the_bodies_they_were_written_from(name: str) -> None:
    """The YAML of every template parses to exactly the body in memory: a plan compares it with what it read."""
    assembly = synthesize(load_environment(DEV.with_stem(name)))
    root = assembly.root()
    for text, body in [*((each.text, each.body) for each in assembly.templates), (root.text, root.body)]:
        assert repr(parse(text)) == repr(body)


def test_an_absent_section_turns_its_layer_off(dev: Environment) -> None:
    """Without queues there is no queue template."""
    bare = dev.model_copy(update={"queues": (), "workers": ()})
    assert "queue" not in [each.layer for each in synthesize(bare).templates]


def test_the_root_wires_every_input_to_the_output_of_the_same_name(dev: Environment) -> None:
    """Each nested stack gets each of its inputs from the layer that publishes it."""
    assembly = synthesize(dev)
    resources = assembly.root().body["Resources"]
    for template in assembly.templates:
        wired = resources[template.layer.capitalize()]["Properties"].get("Parameters", {})
        for each in template.inputs:
            assert wired[each.name] == {"Fn::GetAtt": [each.layer.capitalize(), f"Outputs.{each.name}"]}


def test_each_nested_stack_carries_its_own_layer_as_a_tag(dev: Environment) -> None:
    """Tags of the root reach everything below it; `Layer` must name the layer there, as in independent topology."""
    resources = synthesize(dev).root().body["Resources"]
    tags = {name: each["Properties"]["Tags"] for name, each in resources.items()}
    assert tags == {name: [{"Key": "Layer", "Value": name.lower()}] for name in resources}
    assert "Network" in tags


def test_the_root_finds_each_child_by_its_digest(dev: Environment) -> None:
    """A changed layer is a new URL, so CloudFormation sees the change."""
    assembly = synthesize(dev)
    urls = str(assembly.root().body["Resources"])
    assert all(template.digest in urls for template in assembly.templates)


UPSTREAM = LayerOutput("network", "Upstream", "")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"inputs": lambda env: (LayerOutput("network", "Spare", "not used"),)}, "declares the input Spare"),
        ({"outputs": lambda env: (LayerOutput("toy", "Promised", "never given"),)}, r"lacks \['Promised'\]"),
        ({"inputs": lambda env: ()}, "uses Upstream, which is neither"),
        ({"inputs": lambda env: (LayerOutput("absent", "Upstream", ""),)}, "absent, which is off or comes later"),
        (
            {"inputs": lambda env: (UPSTREAM, LayerOutput("network", "Nope", ""))},
            "uses Nope of network, which publishes no such output",
        ),
    ],
)
def test_a_layer_that_breaks_its_contract_is_found_out(
    dev: Environment, change: dict[str, Any], complaint: str
) -> None:
    """N12: inputs are exactly what a layer uses, outputs exactly what it publishes."""
    first = _toy("network", inputs=(), uses="AWS::StackName")
    second = _toy("toy", inputs=(UPSTREAM,), uses="Upstream")
    synthesize(dev, (first, second))
    with pytest.raises(ContractError, match=complaint):
        synthesize(dev, (first, replace(second, **change)))


def _toy(
    name: str, inputs: tuple[LayerOutput, ...], uses: str, outputs: tuple[LayerOutput, ...] | None = None
) -> Layer:
    """A layer of one topic; that of the name network gives what the tests take of it."""
    given = (LIST, UPSTREAM) if outputs is None and name == "network" else outputs or ()

    def build(env: Environment) -> Template:
        template = Template()
        template.add_resource(Topic("Thing", DisplayName=Ref(uses)))
        for each in given:
            template.add_output(each.publish("given"))
        return template

    return Layer(name, name, "", build, lambda env: True, lambda env: inputs, lambda env: given)


LIST = LayerOutput("network", "Ids", "", "CommaDelimitedList")


def _using(value: Any, dev: Environment, output: dict[str, Any] | None = None, **sections: Any) -> None:
    """Synthesizes a layer that uses the wired `Ids` as a property says, or as an output or another section does."""

    def build(env: Environment) -> Template:
        template = Template()
        template.add_resource(Topic("Thing", DisplayName=Ref("Ids")))
        template.resources["Thing"].properties["Subscription"] = value
        for name, entry in (output or {}).items():
            template.add_output(Output(name, **entry))
        for name, condition in sections.get("conditions", {}).items():
            template.add_condition(name, condition)
        for attribute, entry in sections.get("attributes", {}).items():
            template.resources["Thing"].resource[attribute] = entry
        template.add_mapping("Words", {"begin": {"en": "{{resolve:"}, "end": {"en": "s"}})
        if "transform" in sections:
            template.set_transform(sections["transform"])
        for name, rule in sections.get("rules", {}).items():
            template.add_rule(name, rule)
        for parameter in sections.get("parameters", ()):
            template.add_parameter(parameter)
        return template

    given = tuple(LayerOutput("toy", name, "") for name in output or {})
    network = _toy("network", inputs=(), uses="AWS::StackName")
    synthesize(dev, (network, Layer("toy", "", "", build, lambda env: True, lambda env: (LIST,), lambda env: given)))


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "Ids"},
        {"Fn::Join": ["-", {"Ref": "Ids"}]},
        {"Fn::Sub": "a-${Ids}"},
        {"Fn::Sub": ["${x}", {"x": {"Fn::Join": ["", [{"Ref": "Ids"}]]}}]},
        {"Fn::Base64": {"Ref": "Ids"}},
        {"Fn::Base64": {"Fn::Sub": "for x in ${!list}; do awk '{print}' ${Ids}; done"}},
        {"Fn::Sub": '{"widgets":[{"metrics":[["AWS/SQS","${Ids}",{"stat":"Sum"}]]}]}'},
        {"Fn::Sub": ["${a}${Ids}", {"a": {"Fn::If": ["On", "x", {"Fn::FindInMap": ["Words", "end", "en"]}]}}]},
        {"Fn::Select": [0, {"Fn::GetAZs": ""}]},
        {"Fn::Select": [1, {"Fn::Split": [":", {"Ref": "Thing2"}]}]},
    ],
)
def test_a_wired_value_may_be_passed_on_whole(dev: Environment, value: Any) -> None:
    """So may what is looked into and is not another layer's."""
    text = repr(value).replace("Thing2", "AWS::StackId")
    _using(eval(text), dev, {"Given": {"Value": Ref("Ids")}})  # noqa: S307 # our own literal


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::Select": [0, {"Ref": "Ids"}]},
        {"Fn::Select": [{"Ref": "Ids"}, ["a", "b"]]},
        {"Fn::Split": [",", {"Fn::Join": [",", {"Ref": "Ids"}]}]},
        {"Fn::Split": [",", {"Fn::Sub": "${Ids}"}]},
        [{"Endpoint": {"Fn::Join": ["", ["x", {"Fn::Select": [1, {"Ref": "Ids"}]}]]}}],
        {"Fn::Sub": ["${x}", {"x": {"Fn::Select": [1, {"Ref": "Ids"}]}}]},
        {"Fn::If": ["On", {"Fn::Select": [1, {"Ref": "Ids"}]}, ""]},
        {"Fn::FindInMap": ["Names", {"Ref": "Ids"}, "x"]},
        {"Fn::Cidr": [{"Ref": "Ids"}, 2, 8]},
        {"Fn::GetAZs": {"Ref": "Ids"}},
        {"Fn::ImportValue": {"Fn::Sub": "${Ids}-x"}},
        {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": {"Ref": "Ids"}}}},
        {"Fn::Length": {"Ref": "Ids"}},
        {"Fn::Sub": "{{resolve:ssm:${Ids}}}"},
        {"Fn::Join": ["", ["{{resolve:ssm:", {"Ref": "Ids"}, "}}"]]},
        {"Fn::Join": ["", ["{", "{resolve:ssm:", {"Ref": "Ids"}, "}", "}"]]},
        {"Fn::Join": ["{", ["", "", {"Fn::Sub": "resolve:ssm:${Ids}}}"}]]},
        {"Fn::Sub": ["${a}{resolve:ssm:${Ids}}}", {"a": "{"}]},
        {"Fn::Sub": ["{${a}ssm:${Ids}}}", {"a": {"Fn::If": ["On", "", "{resolve:"]}}]},
        {"Fn::Sub": ["${a}ssm:${Ids}}}", {"a": {"Fn::FindInMap": ["Words", "begin", "en"]}}]},
        {"Fn::Sub": ["${a}ssm:${Ids}}}", {"a": {"Fn::FindInMap": ["Words", {"Ref": "AWS::Region"}, "en"]}}]},
        {"Fn::Join": ["", ["{", {"Ref": "AWS::StackName"}, {"Ref": "Ids"}, "}}"]]},
        {"Ref": {"Fn::Sub": "${Ids}Topic"}},
        {"Fn::GetAtt": ["Thing", {"Fn::Sub": "${Ids}"}]},
        {"Fn::GetAtt": [{"Ref": "Ids"}, "Arn"]},
        {"Fn::ForEach::Each": ["Id", {"Ref": "Ids"}, {"${Id}": "x"}]},
    ],
)
def test_a_wired_value_that_is_looked_into_is_refused(dev: Environment, value: Any) -> None:
    """Each function that AWS evaluates before the value exists, nested in others too; the layer and place are named."""
    with pytest.raises(ContractError, match=r"layer toy: .*Ids.* at Resources/Thing/Properties/Subscription"):
        _using(value, dev)


@pytest.mark.parametrize(
    ("sections", "complaint"),
    [
        ({"output": {"Out": {"Value": Ref("Ids"), "Export": Export("x")}}}, "exports the output Out"),
        ({"output": {"Out": {"Value": Select(0, Ref("Ids"))}}}, "Fn::Select on Ids .* at Outputs/Out"),
        ({"output": {"Out": {"Value": "{{resolve:ssm:/a}}"}}}, "makes a dynamic reference in the output Out"),
        (
            {"output": {"Out": {"Value": Sub("{{${a}:ssm:/x}}", a="resolve")}}},
            "makes a dynamic reference in the output",
        ),
        (
            {"output": {"Out": {"Value": Join("", ["{{res", "olve:ssm:/a}}"])}}},
            "makes a dynamic reference in the output",
        ),
        ({"conditions": {"On": {"Fn::Equals": [{"Ref": "Ids"}, ""]}}}, "uses Ids of another layer in Conditions"),
        ({"attributes": {"DeletionPolicy": {"Ref": "Ids"}}}, "uses Ids of another layer in DeletionPolicy of Thing"),
        ({"attributes": {"UpdatePolicy": {"x": {"Fn::Sub": "${Ids}"}}}}, "uses Ids of another layer in UpdatePolicy"),
        ({"conditions": {"On": {"Fn::Equals": [{"Fn::Join": ["", {"Ref": "Ids"}]}, ""]}}}, "uses Ids .* in Conditions"),
        ({"transform": "OfTheAccount"}, "has the transform OfTheAccount, which may look into Ids of another layer"),
        ({"transform": ["AWS::LanguageExtensions", "Own"]}, "has the transform Own"),
        ({"transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://a/b"}}}, "the transform AWS::Include"),
        ({"attributes": {"Metadata": {"Fn::Transform": {"Name": "Own"}}}}, "has the transform Own"),
        ({"conditions": {"On": {"Fn::Transform": [{"Name": "Own"}]}}}, "has the transform Own"),
        ({"attributes": {"Type": "My::Own::Thing::MODULE"}}, r"hands Ids of another layer to Thing \(My::Own"),
        (
            {"attributes": {"Type": "AWS::CloudFormation::Stack", "Properties": {"Parameters": {"A": Ref("Ids")}}}},
            "hands Ids of another layer to Thing",
        ),
        (
            {"rules": {"Set": {"Assertions": [{"Assert": {"Fn::Contains": [{"Ref": "Ids"}, "a"]}}]}}},
            "uses Ids of another layer in Rules",
        ),
        (
            {"parameters": [Parameter("Ids", Type="String", AllowedPattern="s-.*")]},
            "declares Ids, which synthesis adds",
        ),
        ({"parameters": [Parameter("ProjectName", Type="String")]}, "declares ProjectName, which synthesis adds"),
    ],
)
def test_what_aws_evaluates_before_a_wired_value_exists_is_refused(
    dev: Environment, sections: dict[str, Any], complaint: str
) -> None:
    """Exports, conditions, attributes, and a parameter of the layer's own that takes the place of the wired one."""
    with pytest.raises(ContractError, match=f"layer toy: .*{complaint}"):
        _using("x", dev, **sections)


@pytest.mark.parametrize(
    ("name", "entry"),
    [("Fn::ForEach::Each", ["Id", ["a"], {}]), ("Fn::Transform", {"Name": "Own"}), ("Odd", "x"), ("Bare", {})],
)
def test_what_is_no_resource_among_the_resources_is_named(dev: Environment, name: str, entry: Any) -> None:
    """A loop or a macro would add resources that no gate sees."""

    def build(env: Environment) -> Template:
        template = Template()
        template.resources[name] = entry
        return template

    with pytest.raises(ContractError, match=f"layer toy: {name} in Resources is no resource with a Type"):
        synthesize(dev, (Layer("toy", "", "", build, lambda env: True),))


@pytest.mark.parametrize("kind", ["AWS::EC2::VPC::Id", "AWS::SSM::Parameter::Value<String>", "List<String>", "Number"])
def test_an_output_of_any_other_type_is_refused(dev: Environment, kind: Any) -> None:
    """Types that AWS looks up in the account, and those that it does not know: nothing but text and lists of text."""
    upstream = LayerOutput("network", "Upstream", "", kind)
    with pytest.raises(ContractError, match="layer toy: takes Upstream as"):
        synthesize(dev, (_toy("network", (), "AWS::StackName"), _toy("toy", (upstream,), "Upstream")))


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_every_wired_parameter_takes_any_text(name: str) -> None:
    """In the templates as they are written, whatever the layers say of their outputs."""
    for template in synthesize(load_environment(DEV.with_stem(name))).templates:
        for each in template.inputs:
            written = template.body["Parameters"][each.name]
            assert (written["Type"], set(written)) in [
                (kind, {"Type", "Description"}) for kind in ("String", "CommaDelimitedList")
            ]


def test_references_are_found_in_every_intrinsic() -> None:
    """Ref, GetAtt in both forms and Sub with and without variables count; escapes and pseudo parameters do not."""
    body = {
        "a": {"Ref": "One"},
        "b": {"Fn::GetAtt": ["Two", "Arn"]},
        "c": {"Fn::GetAtt": "Three.Arn"},
        "d": {"Fn::Sub": "${Four} ${!Not} ${AWS::Region} ${Five.Arn}"},
        "e": [{"Fn::Sub": ["${own} ${Six}", {"own": {"Ref": "Seven"}}]}],
    }
    assert set(references(body)) == {"One", "Two", "Three", "Four", "Five", "Six", "Seven"}


def _with_queues(dev: Environment, count: int) -> Environment:
    queues = tuple(Queue.model_validate({"name": f"topic-{number}"}) for number in range(count))
    return dev.model_copy(update={"queues": queues, "workers": (), "api": None, "database": None})


@pytest.mark.long
@pytest.mark.parametrize(
    ("queues", "warns", "refused"), [(49, False, False), (51, True, False), (55, True, False), (56, True, True)]
)
def test_a_template_beyond_a_limit_is_refused_with_the_layer_and_the_count(
    dev: Environment, queues: int, warns: bool, refused: bool
) -> None:
    """T2: nine resources a queue: 459 pass 90 % of 500 and warn, 504 are refused."""
    environment = _with_queues(dev, queues)
    if refused:
        with pytest.raises(InputError, match="layer queue: 504 resources; CloudFormation allows 500"):
            synthesize(environment)
    else:
        warning = f"layer queue: {9 * queues} resources of 500 that CloudFormation allows"
        assert (warning in synthesize(environment).check_limits()) is warns
