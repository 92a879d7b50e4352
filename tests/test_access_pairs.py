"""The access gate misses nothing that opens something, kind by kind, and stays silent where nothing opens."""

from __future__ import annotations

import pytest
from access_pairs import ACCOUNT, NO_WIDER, WIDER, Body

from infragen.changes.diff import Side
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
