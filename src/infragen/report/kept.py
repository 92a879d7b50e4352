"""What is left in AWS when an environment is deleted, as text and as JSON: what it costs, and what removes it."""

from collections.abc import Callable, Iterable, Iterator

from rich.text import Text

from infragen.engine.left_behind import Left

Object = dict[str, object]


def kept_lines(left: Iterable[Left], complete: Callable[[str], str] = str) -> Iterator[Text]:
    """Yield what is left, each with its cost and the command that removes it; `complete` gives infragen's own commands
    the options of this run.
    """
    for number, each in enumerate(left):
        if not number:
            yield Text()
            yield Text("left in AWS:", style="bold")
        yield Text.assemble(f"  {each.place or each.id}  ", (_of(each), "dim"), f"  {_what(each)}")
        yield Text(f"    {complete(_removal(each))}", style="yellow")


def left_document(left: Iterable[Left], complete: Callable[[str], str] = str) -> list[Object]:
    """Return the same as objects; `event_schema` says what their keys mean."""
    return [
        {
            "kind": each.kind,
            "place": each.place or None,
            "resource_type": each.type,
            "id": each.id or None,
            "usd_a_month": each.usd,
            "per_gb": each.per_gb,
            "before": f"delete {each.first}" if each.first else None,
            "command": complete(f"`{each.command}`").strip("`") if each.command and each.id else None,
        }
        for each in left
    ]


def _of(left: Left) -> str:
    return {
        "bootstrap": "made by bootstrap",
        "ssm": "a secret of the application",
        "shared": "shared by environments",
    }.get(left.kind, left.type)


def _what(left: Left) -> str:
    name = left.id if left.place and left.id else ""
    if left.kind == "snapshot":
        name = f"snapshot {left.id}" if left.id else "a final snapshot"
    if left.kind == "backups":
        name = "automated backups, until they expire"
    if left.kind in ("bootstrap", "shared"):
        name = "with its bucket"
    return f"{name}, {_cost(left)}" if name else _cost(left)


def _cost(left: Left) -> str:
    if left.usd is None:
        return "its cost is not known"
    if not left.usd:
        return "no charge"
    return f"{left.usd:.3g} USD a month{' per GB' if left.per_gb else ''}"


def _removal(left: Left) -> str:
    if not left.id:
        if not left.lists:
            return "find it in the service's console, by the name of the stack"
        return f"`{left.lists}` tells its ID, `{left.command}` deletes it"
    command = f"`{left.command}`" if left.command else "delete it in the service's console"
    return f"delete {left.first}; then {command}" if left.first else command
