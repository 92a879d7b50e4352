"""Applying the changes that a plan shows: how the tests check that it shows all of them and nothing else."""

import copy
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from infragen.changes.values import opened
from infragen.cloud.cloudformation import PropertyChange, ResourceChange
from infragen.secrecy.masking import Sealed, document
from infragen.secrecy.shown import Absent, Secret

Step = str | int
Edit = tuple[tuple[Step, ...], PropertyChange]


def applied_rows(before: Mapping[str, Mapping[str, Any]], rows: Iterable[ResourceChange]) -> dict[str, dict[str, Any]]:
    """The old resources after the changes that the rows show."""
    after = {name: dict(copy.deepcopy(each)) for name, each in before.items()}
    for row in rows:
        if row.action == "Remove":
            del after[row.logical_id]
            continue
        resource = {"Properties": {}, **after.get(row.logical_id, {"Type": row.type})}
        after[row.logical_id] = applied(resource, row.properties)
    return after


def applied(value: Any, changes: Iterable[PropertyChange]) -> Any:
    """A value after its changes; a JSON document in a text is written anew."""
    return _apply(value, [(each.path, each) for each in changes])


def _apply(value: Any, edits: Sequence[Edit]) -> Any:
    whole = [change for path, change in edits if not path]
    if whole:
        assert len(edits) == 1, f"a value changes as a whole and inside: {edits}"
        assert normal(whole[0].before) == normal(value), "the change tells another value before"
        return whole[0].after
    if not edits:
        return value
    match value:
        case dict():
            return _apply_mapping(value, edits)
        case list():
            return _apply_list(value, edits)
        case str() if document(value) is not None:
            return json.dumps(_apply(document(value), edits))
        case str():
            return "\n".join(_apply_list(opened(value), edits))
    raise AssertionError(f"nothing can be inside {value!r}: {edits}")


def _inside(edits: Sequence[Edit]) -> dict[Any, list[Edit]]:
    found = defaultdict(list)
    for path, change in edits:
        found[path[0]].append((path[1:], change))
    return found


def _apply_mapping(value: dict[str, Any], edits: Sequence[Edit]) -> dict[str, Any]:
    after = dict(value)
    for key, inner in _inside(edits).items():
        result = _apply(after.get(key, Absent()), inner)
        after[key] = result
        if isinstance(result, Absent):
            del after[key]
    return after


def _apply_list(value: Sequence[Any], edits: Sequence[Edit]) -> list[Any]:
    """Positions are the new list's, but for what is taken out; what is not told about keeps its order."""
    edits = [each for each in edits if each[1] or True]
    removed = {path[0] for path, change in edits if len(path) == 1 and isinstance(change.after, Absent)}
    for path, change in edits:
        if len(path) == 1 and isinstance(change.after, Absent):
            assert normal(change.before) == normal(value[int(path[0])]), "another element is taken out than is told"
    rest = [each for each in edits if not (len(each[0]) == 1 and isinstance(each[1].after, Absent))]
    added = {path[0]: change.after for path, change in rest if len(path) == 1 and isinstance(change.before, Absent)}
    moved = {path[0]: change.moved_from for path, change in rest if len(path) == 1 and change.moved_from is not None}
    rest = [each for each in rest if not (len(each[0]) == 1 and each[0][0] in added)]
    rest = [each for each in rest if not (len(each[0]) == 1 and each[1].moved_from is not None)]
    staying = iter([index for index in range(len(value)) if index not in removed and index not in moved.values()])
    after = []
    for index in range(len(value) - len(removed) + len(added)):
        if index in added:
            after.append(added[index])
        else:
            after.append(value[moved[index] if index in moved else next(staying)])
    for index, inner in _inside(rest).items():
        after[index] = _apply(after[index], inner)
    return after


def normal(value: Any) -> Any:
    """A value in which two ways to write one JSON document are the same, and all that is hidden is."""
    match value:
        case dict():
            return {key: normal(each) for key, each in value.items()}
        case list():
            return [normal(each) for each in value]
        case str() if document(value) is not None:
            return {"a document": normal(document(value))}
        case Sealed():
            return Secret()
    return value
