"""A plan as a file: what was shown, and how to tell that nothing has moved since.

Pure: values in, text out, and back. The file holds names, digests, identifiers of AWS and the values of parameters that
are no secret; the changes themselves are in the change sets, which stay in AWS until the plan expires. The checksum
finds damage; `seal` signs the whole plan for the change sets that wait, whose descriptions hold its public part.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from infragen.cloud.cloudformation import ResourceChange
from infragen.errors import Conflict, InputError
from infragen.plan.model import PlannedRelease
from infragen.plan.seal import public_part_of

FORMAT, VERSION = "infragen saved plan", 4
MAX_BYTES = 16_000_000
AGAIN = "create a new one with `infragen plan --out FILE`"
LAST = 253_402_300_799
"""The last second of the year 9999, the last that has a date."""
T = TypeVar("T")


@dataclass(frozen=True)
class Later:
    """A parameter whose value is another layer's output that was not known yet. `kept` says that the deployed value
    came from the same output, written the same way.
    """

    name: str
    layer: str
    output: str
    kept: bool


@dataclass(frozen=True)
class SavedUnit:
    """One stack of the plan. `stack_id` and `updated` are empty for a stack that did not exist; `nested` are the stacks
    in it, with their times of update; `change_set_id` is empty where the values of other layers are needed first, and
    `changes` is the digest of what the change set says. `rows` are what was shown of a stack that waits (`shape`).
    """

    layer: str
    stack: str
    action: str
    stack_id: str
    updated: str
    nested: Mapping[str, str]
    change_set_id: str
    changes: str
    parameters: Mapping[str, str]
    later: tuple[Later, ...]
    rows: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class SavedPlan:
    """A plan that was saved. `values` are the launch parameters it was made with; `lost` are the places that may be
    replaced or removed, `wider` the places and sentences of what is let through. Times are seconds since 1970, UTC.
    `commit` is that of the work tree in which it was made, empty outside of one; `clean` says that nothing in it was
    changed. With `at` the commit itself describes the environment, and no work tree. `release` is the command that runs
    before the API is deployed.
    """

    infragen: str
    environment: str
    account: str
    region: str
    made: int
    expires: int
    file: str
    templates: Mapping[str, str]
    values: Mapping[str, str]
    allow_replace: tuple[str, ...]
    max_interruption: str
    adopt: bool
    nested: bool
    summary: str
    lost: tuple[str, ...]
    wider: tuple[tuple[str, str], ...]
    units: tuple[SavedUnit, ...]
    commit: str = ""
    clean: bool = False
    at: bool = False
    release: PlannedRelease | None = None
    seal: tuple[str, ...] = ()
    sealed_for: str = ""


def content_digest(saved: SavedPlan) -> str:
    """Return the digest of everything in a plan but its seal, which signs it, and the public part of that."""
    return digest({name: value for name, value in asdict(saved).items() if name not in ("seal", "sealed_for")})


def shape(change: ResourceChange) -> tuple[str, ...]:
    """Return what is done to a resource, without the values: the action, the replacement, the properties."""
    return change.action, change.replacement, *sorted({_property(each.path) for each in change.properties})


def _property(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path[:2]))


def beyond(rows: Mapping[str, tuple[str, ...]], changes: Iterable[ResourceChange]) -> Iterator[str]:
    """Yield a sentence for each change that the rows of a saved plan, by place, do not show."""
    for each in changes:
        if each.place not in rows:
            yield f"{each.place} ({each.type}): {each.action}, where the plan shows no change"
            continue
        action, replacement, *properties = rows[each.place]
        if each.action != action:
            yield f"{each.place} ({each.type}): {each.action}, where the plan shows {action}"
        elif each.replacement in ("True", "Conditional") and replacement in ("", "False"):
            yield f"{each.place} ({each.type}) would be replaced, where the plan shows a change in place"
        elif more := sorted({_property(change.path) for change in each.properties} - {*properties}):
            yield f"{each.place} ({each.type}): the plan does not show that {', '.join(more)} changes"


def digest(value: object) -> str:
    """Return SHA-256 of a value's canonical JSON; what JSON does not know counts by its representation."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def dump(saved: SavedPlan) -> str:
    """Return the file's text."""
    body = {"format": FORMAT, "version": VERSION, **asdict(saved)}
    return json.dumps({**body, "checksum": digest(body)}, indent=2) + "\n"


def parse(data: bytes, file: str) -> SavedPlan:
    """Return the plan in a file. Raises InputError for what is no saved plan, one of another version, or a damaged one,
    and Conflict for one that somebody edited: it is whole, and not what was signed.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"{file}: larger than any saved plan ({len(data)} bytes)", AGAIN)
    try:
        body = json.loads(data, object_pairs_hook=_once)
    except InputError as error:
        raise InputError(f"{file}: {error.message}", AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not a plan that infragen saved (it is not JSON)", AGAIN) from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise InputError(f"{file}: not a plan that infragen saved", AGAIN)
    if body.get("version") != VERSION or type(body["version"]) is not int:
        raise InputError(f"{file}: a saved plan of version {body.get('version')}; this infragen reads {VERSION}", AGAIN)
    checksum = body.pop("checksum", None)
    if checksum != digest(body):
        raise InputError(f"{file}: the saved plan was changed or damaged: its checksum does not fit", AGAIN)
    try:
        saved = _saved(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file}: not a plan that infragen saved ({type(error).__name__}: {error})", AGAIN) from error
    added = json.loads(json.dumps(asdict(saved))) != {
        key: body[key] for key in body if key not in ("format", "version")
    }
    if added or not saved.sealed_for or public_part_of(saved.seal, content_digest(saved)) != saved.sealed_for:
        raise Conflict(
            f"the plan {file} is stale:\n  the file was changed after it was saved", f"{AGAIN}; nothing was changed"
        )
    return saved


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON. Raises InputError for a member that is there twice: readers take different ones."""
    found = dict(members)
    if len(found) != len(members):
        raise InputError("not a plan that infragen saved (a member is in it twice)", AGAIN)
    return found


def _saved(body: Mapping[str, Any]) -> SavedPlan:
    return SavedPlan(
        infragen=_text(body["infragen"]),
        environment=_text(body["environment"]),
        account=_text(body["account"]),
        region=_text(body["region"]),
        made=_time(body["made"]),
        expires=_time(body["expires"]),
        file=_text(body["file"]),
        templates=_texts(body["templates"]),
        values=_texts(body["values"]),
        allow_replace=_list(_text, body["allow_replace"]),
        max_interruption=_text(body["max_interruption"]),
        adopt=_is(bool, body["adopt"]),
        nested=_is(bool, body["nested"]),
        summary=_text(body["summary"]),
        lost=_list(_text, body["lost"]),
        wider=_list(_pair, body["wider"]),
        units=_list(_unit, body["units"]),
        commit=_text(body["commit"]),
        clean=_is(bool, body["clean"]),
        at=_is(bool, body["at"]),
        release=_release(body["release"]) if body["release"] is not None else None,
        seal=_list(_text, body["seal"]),
        sealed_for=_text(body["sealed_for"]),
    )


def _unit(body: Mapping[str, Any]) -> SavedUnit:
    return SavedUnit(
        layer=_text(body["layer"]),
        stack=_text(body["stack"]),
        action=_text(body["action"]),
        stack_id=_text(body["stack_id"]),
        updated=_text(body["updated"]),
        nested=_texts(body["nested"]),
        change_set_id=_text(body["change_set_id"]),
        changes=_text(body["changes"]),
        parameters=_texts(body["parameters"]),
        later=_list(_later, body["later"]),
        rows={_text(place): _list(_text, row) for place, row in body["rows"].items()},
    )


def _release(body: Mapping[str, Any]) -> PlannedRelease:
    return PlannedRelease(
        command=_list(_text, body["command"]),
        tag=_text(body["tag"]),
        digest=_text(body["digest"]),
        seconds=_is(int, body["seconds"]),
        cpu=_is(int, body["cpu"]),
        memory=_is(int, body["memory"]),
        before=_text(body["before"]),
    )


def _later(body: Mapping[str, Any]) -> Later:
    return Later(_text(body["name"]), _text(body["layer"]), _text(body["output"]), _is(bool, body["kept"]))


def _text(value: Any) -> str:
    _is(str, value).encode()  # half a character, which JSON can hold, is no text
    return str(value)


def _time(value: Any) -> int:
    if not 0 <= _is(int, value) <= LAST:
        raise ValueError(f"{value} is no time")
    return int(value)


def _pair(value: Any) -> tuple[str, str]:
    first, second = value
    return _text(first), _text(second)


def _texts(value: Any) -> dict[str, str]:
    return {_text(key): _text(each) for key, each in value.items()}


def _list(read: Callable[[Any], T], value: Any) -> tuple[T, ...]:
    return tuple(read(each) for each in _is(list, value))


def _is(kind: type[T], value: Any) -> T:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value
