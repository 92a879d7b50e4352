"""One value of an environment file, checked alone: for a flag or an answer that will be written into one."""

from pydantic import TypeAdapter, ValidationError

from infragen.config import reference
from infragen.config.schema import Account, Name, ProjectName, Region

_KEYS: dict[str, tuple[TypeAdapter[str], reference.Path]] = {
    "project": (TypeAdapter(ProjectName), ("project",)),
    "region": (TypeAdapter(Region), ("region",)),
    "account": (TypeAdapter(Account), ("account",)),
    "queue": (TypeAdapter(Name), ("queues", 0, "name")),
}


def wrong(key: str, text: str) -> str:
    """Return what is wrong with a text as the value of `project`, `region`, `account` or `queue`, or ''.

    The rules are the schema's own types, so what passes here also loads.
    """
    adapter, path = _KEYS[key]
    try:
        adapter.validate_python(text)
    except ValidationError:
        near = reference.nearest_choice(path, text)
        return f"did you mean {near}?" if near else f"allowed: {reference.allowed(reference.at(path))}"
    return ""
