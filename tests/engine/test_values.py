"""Changes inside values: documents, lists and texts; nothing missed, nothing invented, and told as people would."""

import copy
import json
from typing import Any

import pytest
from applying import applied, normal
from hypothesis import given
from hypothesis import strategies as st
from sweeps import sweep

from infragen.changes.values import OTHER_FORM, differences, opened, same
from infragen.secrecy.shown import Absent

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


@pytest.mark.long
@given(PAIRS)
@sweep(short=100, soak=20_000)
def test_the_changes_make_the_new_value_of_the_old(pair: tuple[Any, Any]) -> None:
    """Nothing is missed and nothing told wrongly, whatever is in a value."""
    before, after = pair
    changes = differences({"P": before}, {"P": after})
    assert normal(applied({"P": before}, changes)) == normal({"P": after})
    assert bool(changes) == (not same(before, after))


@pytest.mark.long
@given(VALUES)
@sweep(short=150, soak=10_000)
def test_equal_values_have_no_changes(value: Any) -> None:
    """Nothing is invented."""
    assert differences(value, copy.deepcopy(value)) == ()


# --- as people would tell it ------------------------------------------------------------------------------------


def told(before: Any, after: Any) -> list[tuple[Any, ...]]:
    """Each change as (name, before, after), a moved element as (name, "from", position)."""
    return [
        (each.name, "from", each.moved_from) if each.moved_from is not None else (each.name, each.before, each.after)
        for each in differences({"P": before}, {"P": after})
    ]


def statement(sid: str, *actions: str, **more: Any) -> dict[str, Any]:
    return {**({"Sid": sid} if sid else {}), "Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


ABSENT = Absent()


def test_a_statement_inserted_first_is_one_change() -> None:
    """The others stay where they are, by their Sid or by what they say."""
    for sid in ("Read", ""):
        old, new = statement(sid, "s3:Get"), statement("New", "s3:Put")
        assert told([old], [new, old]) == [("P[New]", ABSENT, new)]


def test_an_action_added_to_a_statement_is_one_change() -> None:
    """Also in a statement without a Sid, and in a policy that is written as a text, with or without a Sub."""
    before, after = ({"Statement": [statement("", "a", "c"), statement("", "x", Effect="Deny")]} for _ in range(2))
    after["Statement"][0]["Action"] = ["a", "b", "c"]
    expected = [("P.Statement[0].Action[1]", ABSENT, "b")]
    assert told(before, after) == expected
    texts = [json.dumps(each) for each in (before, after)]
    assert told(*texts) == expected
    assert told(*({"Fn::Sub": each} for each in texts)) == expected
    assert told(*({"Fn::Sub": [each, {"X": "1"}]} for each in texts)) == expected


def test_an_environment_variable_is_told_by_its_name() -> None:
    """Changed, added and taken out, wherever it stands in the list."""
    old = [{"Name": name, "Value": name} for name in ("A", "B", "C")]
    new = [{"Name": "Z", "Value": "1"}, {"Name": "A", "Value": "other"}, {"Name": "C", "Value": "C"}]
    assert sorted(told(old, new), key=lambda each: str(each[0])) == [
        ("P[A].Value", "A", "other"),
        ("P[B]", {"Name": "B", "Value": "B"}, ABSENT),
        ("P[Z]", ABSENT, {"Name": "Z", "Value": "1"}),
    ]


def test_another_order_is_moves_and_no_values() -> None:
    """As few as make the new order."""
    assert told(["a", "b", "c"], ["b", "c", "a"]) == [("P[2]", "from", 0)]
    tags = [{"Key": key, "Value": "1"} for key in "ab"]
    assert [each[1] for each in told(tags, tags[::-1])] == ["from"]


def test_a_script_changes_line_by_line() -> None:
    """With the number of the line, counted from one."""
    before, after = ({"Fn::Base64": {"Fn::Sub": text}} for text in ("#!/bin/sh\na\nb\n", "#!/bin/sh\na\nc\nb\n"))
    assert told(before, after) == [("P line 3", ABSENT, "c")]
    assert told("a\nb", "a\nc") == [("P line 2", "b", "c")]


def test_the_same_document_in_another_writing_says_so() -> None:
    """CloudFormation sees another text, the service the same document."""
    [change] = differences({"P": '{"a": 1}'}, {"P": '{ "a": 1 }'})
    assert change.note == OTHER_FORM


def test_a_branch_of_an_if_is_told_by_its_condition() -> None:
    """Nobody counts the arguments of a function."""
    sides = ({"Fn::If": ["Prod", {"Size": each}, {"Size": 1}]} for each in (2, 3))
    assert told(*sides) == [("P[if Prod].Size", 2, 3)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"Ref": "A"}, {"Ref": "B"}),
        ({"Fn::GetAtt": ["A", "Arn"]}, {"Fn::GetAtt": ["A", "Name"]}),
        ({"Fn::If": ["A", 1, 2]}, {"Fn::If": ["B", 1, 2]}),
        ({"Fn::Sub": "${A}-x"}, {"Fn::Sub": "${B}-x"}),
        ("text", {"Ref": "A"}),
        ("{}", "[]"),
        ('{"a": 1, "a": 2}', '{"a": 2, "a": 1}'),
    ],
)
def test_what_cannot_be_compared_inside_changes_as_a_whole(before: Any, after: Any) -> None:
    """Another function, another condition, another kind of text, a document that two readers may read apart."""
    assert told(before, after) == [("P", before, after)]


def test_an_element_with_the_same_name_changed_whatever_else_it_holds() -> None:
    """It is not taken out and another put in."""
    old = [{"Name": "a", "x": 1, "y": 2, "z": 3}, {"Name": "b"}]
    new = [{"Name": "b"}, {"Name": "a", "x": 4, "y": 5, "z": 6}]
    assert not any(ABSENT in each for each in told(old, new))
    assert {"P[a].x", "P[a].y", "P[a].z"} <= {each[0] for each in told(old, new)}
