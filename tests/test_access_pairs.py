"""The access gate misses nothing that opens something, kind by kind, and stays silent where nothing opens."""

from __future__ import annotations

import pytest
from access_pairs import ACCOUNT, FOREIGN, NO_WIDER, WIDER, Body

from infragen.changes.diff import EMPTY, Side
from infragen.gates.access import Widening, widenings

STAYS: Body = {"Stays": {"Type": "AWS::EC2::InternetGateway", "Properties": {}}}


def told(before: Body, after: Body) -> tuple[Widening, ...]:
    """The widenings between two sets of resources of a stack that exists."""
    old, new = (Side({"Resources": {**each, **STAYS}}, {}) for each in (before, after))
    return widenings("layer", old, new, ACCOUNT, "eu-central-1")


@pytest.mark.parametrize("kind", WIDER)
def test_whatever_opens_something_is_told(kind: str) -> None:
    """Every pair of the kind, and none of its templates against itself."""
    assert [name for name, pair in WIDER[kind].items() if not told(*pair)] == []
    assert [name for name, pair in WIDER[kind].items() for each in pair if told(each, each)] == []


@pytest.mark.parametrize("kind", WIDER)
def test_each_sentence_names_its_resource_and_is_short(kind: str) -> None:
    """People allow by the place; the plan's rows have the values."""
    for pair in WIDER[kind].values():
        for each in told(*pair):
            assert each.place == "layer/Thing"
            assert len(str(each)) < 400


@pytest.mark.parametrize("kind", NO_WIDER)
def test_what_opens_nothing_is_not_told(kind: str) -> None:
    """A gate that asks about everything gets switched off."""
    found = {name: [*map(str, told(*pair))] for name, pair in NO_WIDER[kind].items()}
    assert {name: sentences for name, sentences in found.items() if sentences} == {}


BEYOND = (
    "another identity provider", "another SAML provider", "a new foreign template", "a share", "a peering",
    "logs go to another account", "events go to another account", "somebody else gets messages",
    "a custom resource of somebody else", "a macro", "a privileged container", "a pipe goes elsewhere",
)  # fmt: skip


@pytest.mark.parametrize("name", BEYOND)
def test_what_reaches_beyond_the_account_is_asked_about_in_a_new_stack_as_well(name: str) -> None:
    """What somebody else is let into is no matter of course."""
    after = next(pairs[name][1] for pairs in WIDER.values() if name in pairs)
    new = widenings("layer", EMPTY, Side({"Resources": after}, {}), ACCOUNT, "eu-central-1")
    assert any(each.grave for each in new)


TEMPLATE = {"Fn::Sub": (
    "https://${TemplateBucket}.s3.${AWS::Region}.${AWS::URLSuffix}/templates/" + "%s" + ".yaml")}  # fmt: skip


def layer_stack(digest: str, **more: object) -> Body:
    url = {"Fn::Sub": TEMPLATE["Fn::Sub"] % (digest * 64)}
    return {"Thing": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url, **more}}}


def test_a_layers_stack_is_compared_itself_and_another_template_is_told() -> None:
    """Under the digest of its content in the artifact bucket; an address in any other form is somebody's."""
    foreign = {"Thing": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://x.example/a"}}}
    assert told({}, layer_stack("a")) == ()
    assert told(layer_stack("a"), layer_stack("b", Parameters={"A": "b"})) == ()
    assert told(foreign, layer_stack("a")) == ()
    assert told(layer_stack("a"), foreign)
    assert told({}, foreign)
    assert told(layer_stack("a"), layer_stack("a", NotificationARNs=[f"arn:aws:sns:eu-central-1:{FOREIGN}:t"]))


def test_variables_that_hang_on_a_condition_nobody_can_decide_count() -> None:
    """Among them may be one that decides what code runs."""
    hidden = {"Variables": {"Fn::If": ["Odd", {}, {"LD_PRELOAD": "/a"}]}}
    sides = ({"Thing": {"Type": "AWS::Lambda::Function", "Properties": {"Environment": each}}} for each in ({}, hidden))
    [found] = told(*sides)
    assert str(found) == "layer/Thing now has another value of environment variables, which may decide what code runs"
