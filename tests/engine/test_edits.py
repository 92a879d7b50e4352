"""Changes inside values: documents, lists and texts; nothing missed, nothing invented, and told as people would."""

import copy
import json
from typing import Any

from applying import applied, normal
from hypothesis import given
from hypothesis import strategies as st
from sweeps import sweep

from infragen.edits import differences, opened, same

TEXTS = st.sampled_from(
    ["", "a", "b", "a\nb", "a\nb\nc", "\n", "[]", "{}", '{"A": 1}', '{"A": [1, 2]}', "[1, 2]", "x${P}"]
)
SCALARS = st.none() | st.booleans() | st.integers(-2, 3) | st.floats(-1, 1, width=16) | TEXTS
FUNCTIONS = st.sampled_from(
    ["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Fn::Join", "Fn::Base64", "Fn::ToJsonString", "Fn::Select"]
)


def _inner(values: Any) -> Any:
    """Lists, mappings, documents in texts, named elements, and every kind of function."""
    keys = st.sampled_from(["A", "B", "Sid", "Name", "Key", "Value"])
    mappings = st.dictionaries(keys, values, max_size=3)
    documents = (st.lists(values, max_size=3) | mappings).map(lambda each: json.dumps(each, default=str))
    return (
        st.lists(values, max_size=4)
        | mappings
        | documents
        | documents.map(lambda each: {"Fn::Sub": each})
        | st.tuples(documents, mappings).map(lambda each: {"Fn::Sub": list(each)})
        | values.map(lambda each: {"Fn::Base64": each})
        | st.lists(values, min_size=2, max_size=2).map(lambda each: {"Fn::If": ["C", *each]})
        | st.lists(values, max_size=3).map(lambda each: {"Fn::Join": [",", each]})
        | st.tuples(FUNCTIONS, TEXTS).map(lambda each: {each[0]: each[1] if each[0] != "Fn::If" else ["D", 1, 2]})
    )


VALUES: st.SearchStrategy[Any] = st.deferred(lambda: st.recursive(SCALARS, _inner, max_leaves=12))


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[Any, Any]:
    """A value and one made of it by a few edits, as people make them."""
    before = draw(VALUES)
    after = copy.deepcopy(before)
    for _ in range(draw(st.integers(0, 3))):
        after = _edited(draw, after)
    return before, after


def _edited(draw: st.DrawFn, value: Any) -> Any:
    if draw(st.booleans()) and isinstance(value, dict | list) and value:
        key = draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
        value[key] = _edited(draw, value[key])
        return value
    if isinstance(value, list):
        return draw(
            st.sampled_from([value[1:], value[:-1], value[::-1], value[1:] + value[:1], value + value[:1]])
            | VALUES.map(lambda each: [*value[:1], each, *value[1:]])
        )
    if isinstance(value, str) and opened(value) is not None and draw(st.booleans()):
        held = opened(value)
        return "\n".join([*held, "z"]) if "\n" in value and value[0] not in "[{" else json.dumps(_edited(draw, held))
    return draw(VALUES)


PAIRS = neighbours() | st.tuples(VALUES, VALUES)


@given(PAIRS)
@sweep(short=400, soak=20_000)
def test_the_changes_make_the_new_value_of_the_old(pair: tuple[Any, Any]) -> None:
    """Nothing is missed and nothing told wrongly, whatever is in a value."""
    before, after = pair
    changes = differences({"P": before}, {"P": after})
    assert normal(applied({"P": before}, changes)) == normal({"P": after})
    assert bool(changes) == (not same(before, after))


@given(VALUES)
@sweep(short=150, soak=10_000)
def test_equal_values_have_no_changes(value: Any) -> None:
    """Nothing is invented."""
    assert differences(value, copy.deepcopy(value)) == ()
