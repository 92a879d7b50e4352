"""The comparison of templates against the emulator's change sets: all six layers, every key, every kind of value.

A disagreement that is known is listed with its reason in `template_pairs`; any other one fails, and so does a listed
one that is gone. Of the layers none is known.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from applying import applied_rows, normal
from emulator import REGION, Clients, deploy, outputs
from rows import said, sentences
from template_pairs import PAIRS, Pair
from test_every_key import BASE, CHANGES, merged, with_value

from infragen.assembly.synth import Assembly, synthesize
from infragen.assembly.templatefile import parse
from infragen.aws.reading import resource_change
from infragen.changes.comparison import OPAQUE
from infragen.changes.diff import Side, compare
from infragen.changes.evaluate import evaluated
from infragen.changes.reconcile import ReconcileContext, agree, contradicted
from infragen.cloud.cloudformation import CauseKind, ResourceChange
from infragen.config import Environment
from infragen.secrecy.masking import sealed


def change_set(cloudformation: Any, stack: str, text: str, values: Mapping[str, str]) -> list[ResourceChange] | None:
    """The emulator's rows for a deployed stack and a new template; None for "no changes". Leaves nothing behind."""
    name = f"pair-{uuid.uuid4().hex}"
    cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=name,
        TemplateBody=text,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=name, StackName=stack)
    answers = list(pages)
    cloudformation.delete_change_set(ChangeSetName=name, StackName=stack)
    if answers[0]["Status"] == "FAILED":
        assert "didn't contain changes" in answers[0]["StatusReason"], answers[0]["StatusReason"]
        return None
    return [resource_change(each) for answer in answers for each in answer["Changes"]]


def disagreements(layer: str, theirs: list[ResourceChange] | None, old: Side, new: Side) -> dict[str, list[str]]:
    """Logical id -> what the two sources say differently. Our rows must make the new template of the old."""
    ours = compare(layer, REGION, old, new)
    own = [row for row in ours if not any(each.kind == CauseKind.RESOURCE for each in row.causes)]
    if len(own) == len(ours):
        before, after = (evaluated(side.body, sealed(side.body, side.values)) for side in (old, new))
        secret = any(each.get("NoEcho") for each in new.body.get("Parameters", {}).values())
        assert secret or bare(applied_rows(before, own)) == bare(after)
    if theirs is None:
        return {"the whole": list(said(found))} if (found := contradicted(ours)) else {}
    agreed = agree(theirs, ours, ReconcileContext(layer, REGION, old, new, opaque=OPAQUE))
    return {row.logical_id: list(sentences(row)) for row in agreed.rows if row.disagreements}


def bare(resources: Mapping[str, Any]) -> Any:
    """Without empty Properties, and with documents in texts read."""
    return {
        name: normal({k: v for k, v in each.items() if (k, v) != ("Properties", {})})
        for name, each in resources.items()
    }


# --- small pairs ------------------------------------------------------------------------------------------------


def side(body: dict[str, Any], given: Mapping[str, str]) -> Side:
    defaults = {name: str(each["Default"]) for name, each in body["Parameters"].items()}
    return Side(body, sealed(body, {**defaults, **given}))


@pytest.mark.long
@pytest.mark.parametrize("half", [0, 1])
def test_small_templates_are_compared_as_the_emulator_compares_them(client: Clients, half: int) -> None:
    """Every kind of intrinsic function, lists in another order, conditions: no disagreement that is not listed."""
    cloudformation = client("cloudformation")
    found: dict[str, Any] = {}
    known: dict[str, Any] = {}
    for number, name in enumerate(list(PAIRS)[half::2]):
        pair: Pair = PAIRS[name]
        stack = f"pair{number}"
        assert deploy(cloudformation, stack, pair.old, **pair.old_values) == "CREATE_COMPLETE"
        theirs = change_set(cloudformation, stack, json.dumps(pair.new), pair.new_values)
        said = disagreements("x", theirs, side(pair.old, pair.old_values), side(pair.new, pair.new_values))
        if sorted(said) != sorted(pair.known):
            found[name], known[name] = said, pair.known
    assert found == known


# --- six layers, every key --------------------------------------------------------------------------------------


class Layers:
    """The six layers of one environment, deployed side by side with plain boto3."""

    def __init__(self, client: Clients, assembly: Assembly) -> None:
        self.cloudformation = client("cloudformation")
        self.s3 = client("s3")
        self.known = {"CodeBucket": "code"}
        self.deployed: dict[str, Side] = {}
        self.change_sets = 0
        for template in assembly.templates:
            values = self.values(template.body)
            assert deploy(self.cloudformation, template.layer, template.text, **values) == "CREATE_COMPLETE"
            self.deployed[template.layer] = self.side(template.text, values)
            self.known |= outputs(self.cloudformation, template.layer)

    def values(self, body: Mapping[str, Any]) -> dict[str, str]:
        """The values of a template's parameters: outputs that are known, a word for any that nobody gives."""
        declared = body.get("Parameters", {})
        return {
            name: self.known.get(name, "none")
            for name in declared
            if name in self.known or "Default" not in declared[name]
        }

    def side(self, text: str, values: Mapping[str, str]) -> Side:
        body = parse(text)
        defaults = {
            name: str(each["Default"]) for name, each in body.get("Parameters", {}).items() if "Default" in each
        }
        visible = {
            name: value
            for name, value in {**defaults, **values}.items()
            if not str(body["Parameters"][name]["Type"]).startswith(OPAQUE)
        }
        return Side(body, sealed(body, visible))

    def compared(self, assembly: Assembly) -> Iterator[tuple[str, str]]:
        """Every disagreement about what would become of the deployed layers: place and sentence."""
        for template in assembly.templates:
            old = self.deployed.get(template.layer)
            values = self.values(template.body)
            new = self.side(template.text, values)
            if old is None or (old.body == new.body and old.values == new.values):
                continue
            theirs = change_set(self.cloudformation, template.layer, template.text, values)
            self.change_sets += 1
            for name, some in disagreements(template.layer, theirs, old, new).items():
                yield from ((f"{template.layer}/{name}", sentence) for sentence in some)


def environment(key: str) -> Environment:
    """The base environment with one key changed, and with what must be so for the key to matter."""
    change = CHANGES[key]
    needed, value = change if isinstance(change, tuple) else ({}, change)
    return Environment.model_validate(with_value(merged(BASE, needed), key.split("."), value))


@pytest.mark.long
@pytest.mark.parametrize("half", [0, 1])
def test_every_key_is_compared_as_the_emulator_compares_it(client: Clients, half: int) -> None:
    """Each schema option toggled on the six deployed layers: no disagreement that is not listed with its reason."""
    layers = Layers(client, synthesize(Environment.model_validate(BASE)))
    keys = [key for key in CHANGES if key not in ("project", "environment")][half::2]
    found = {key: said for key in keys if (said := list(layers.compared(synthesize(environment(key)))))}
    assert found == {}
    assert layers.change_sets > 40, "the keys change layers"
