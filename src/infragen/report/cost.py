"""Estimates of cost as text, Markdown and JSON: by layer and by resource, environments side by side, assumptions below.

The JSON document is versioned: within a version keys are only added. docs/cost.md says what each of them means.
"""

from collections.abc import Iterator, Sequence

from rich.text import Text

from infragen.cost import Columns, Estimate
from infragen.cost.estimate import Item, ResourceCost
from infragen.report import document_types as made
from infragen.report.plan_document import columns
from infragen.secrecy.visible import shown_json

VERSION = 1
COLUMNS = ("minimum", "expected", "maximum")
CELL, WHOLE_CELL = 10, 8
"""Characters of an amount: with cents, and of one among several environments."""

NAME = 14
SMALL = "less than a cent each"


# --- text -------------------------------------------------------------------------------------------------------


def cost_lines(estimates: Sequence[Estimate], width: int) -> Iterator[Text]:
    """Yield one environment resource by resource, or several side by side, layer by layer."""
    if len(estimates) == 1:
        yield from _one(estimates[0], width)
    else:
        yield from _several(estimates)
    for title, lines in _notes(estimates):
        yield Text()
        yield Text(title, style="bold")
        for line in lines:
            yield Text(f"  {line}")


def _one(found: Estimate, width: int) -> Iterator[Text]:
    room = max(30, min(width, 120) - 3 * CELL)
    head = f"{found.environment}, {found.region}: USD a month"
    yield Text(head.ljust(room) + "".join(each.rjust(CELL) for each in COLUMNS), style="bold")
    for layer, amount in found.layers().items():
        yield Text()
        yield Text(layer.ljust(room) + _amounts(amount), style="bold")
        rows = [each for each in found.resources if each.layer == layer]
        shown = [each for each in rows if not each.cost.negligible]
        name = max((len(each.logical_id) for each in shown), default=0)
        for each in shown:
            yield Text(f"{_cut(f'  {each.logical_id.ljust(name)}  {_what(each)}', room)}{_amounts(each.cost)}")
        small = sum(1 for each in rows if each.cost.negligible and each.items)
        if small:
            yield Text(f"  {small} more, {SMALL}", style="dim")
    yield Text()
    yield Text("total".ljust(room) + _amounts(found.cost), style="bold")


def _several(estimates: Sequence[Estimate]) -> Iterator[Text]:
    span = 3 * WHOLE_CELL
    names = "".join(f"{each.environment}, {each.region}".rjust(span) for each in estimates)
    yield Text("USD a month".ljust(NAME) + names, style="bold")
    heads = "".join(each[:3].rjust(WHOLE_CELL) for _ in estimates for each in COLUMNS)
    yield Text(" " * NAME + heads, style="dim")
    for layer in layers_of(estimates):
        yield Text(layer.ljust(NAME) + "".join(_whole(each.layers().get(layer)) for each in estimates))
    yield Text("total".ljust(NAME) + "".join(_whole(each.cost) for each in estimates), style="bold")
    yield Text()
    yield Text(f"`infragen cost --env {estimates[0].environment}` shows each resource", style="dim")


def _notes(estimates: Sequence[Estimate]) -> Iterator[tuple[str, list[str]]]:
    """Yield what is not in the figures, whose prices they are, and what is assumed, each said once."""
    unpriced = [line for each in estimates for line in _unpriced(each, len(estimates) > 1)]
    if unpriced:
        yield "not in these figures", unpriced
    yield "prices", list(dict.fromkeys(each.prices.label for each in estimates))
    yield "assumed", list(_assumed(estimates))


def _unpriced(found: Estimate, named: bool) -> Iterator[str]:
    lead = f"{found.environment}: " if named else ""
    for each in found.unpriced:
        for why in each.unpriced:
            yield f"{lead}{each.layer}/{each.logical_id}: {why}"


def _assumed(estimates: Sequence[Estimate]) -> Iterator[str]:
    """Yield the assumptions of all, then those of each with its name."""
    common = [each for each in estimates[0].assumptions if all(each in one.assumptions for one in estimates)]
    for one in estimates:
        for each in one.assumptions:
            if each not in common:
                yield f"{one.environment}: {each}"
    yield from common


def layers_of(estimates: Sequence[Estimate]) -> list[str]:
    """Return the layers of all environments, each once, in deployment order."""
    return list(dict.fromkeys(layer for each in estimates for layer in each.layers()))


def _what(resource: ResourceCost) -> str:
    return ", ".join(each.what for each in resource.items if not each.cost.negligible)


def _cut(text: str, room: int) -> str:
    return text.ljust(room) if len(text) < room else f"{text[: room - 2]}… "


def _amounts(usd: Columns) -> str:
    return "".join(f"{getattr(usd, each):,.2f}".rjust(CELL) for each in COLUMNS)


def _whole(usd: Columns | None) -> str:
    return "".join(("-" if usd is None else f"{getattr(usd, each):,.0f}").rjust(WHOLE_CELL) for each in COLUMNS)


# --- Markdown ---------------------------------------------------------------------------------------------------


def as_markdown(estimates: Sequence[Estimate]) -> str:
    """Return the layers side by side, the resources of each environment folded, and the notes."""
    lines = ["## Cost in USD a month", ""]
    heads = [f"{one.environment} {column}" for one in estimates for column in COLUMNS]
    lines += [_row("Layer", *heads), _row("---", *["---:"] * len(heads))]
    for layer in layers_of(estimates):
        lines.append(_row(layer, *(cell for one in estimates for cell in _cells(one.layers().get(layer)))))
    lines.append(_row("**total**", *(f"**{cell}**" for one in estimates for cell in _cells(one.cost))))
    for one in estimates:
        lines += ["", "<details>", f"<summary>{one.environment}: each resource</summary>", ""]
        lines += [_row("Resource", "What", *COLUMNS), _row("---", "---", *["---:"] * 3)]
        for each in one.resources:
            if not each.cost.negligible:
                lines.append(_row(f"`{each.layer}/{each.logical_id}`", _what(each), *_cells(each.cost)))
        lines += ["", "</details>"]
    for title, notes in _notes(estimates):
        lines += ["", f"**{title}**", "", *(f"- {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(each.replace('|', '&#124;') for each in cells)} |"


def _cells(usd: Columns | None) -> list[str]:
    return ["" if usd is None else f"{getattr(usd, each):,.2f}" for each in COLUMNS]


# --- JSON -------------------------------------------------------------------------------------------------------


def as_json(estimates: Sequence[Estimate]) -> str:
    """Return the document as text."""
    return shown_json(document(estimates), indent=2)


def document(estimates: Sequence[Estimate]) -> made.Costs:
    """Return `{"version": 1, "currency": "USD", "estimates": [...]}`."""
    return {"version": VERSION, "currency": "USD", "estimates": [_estimate(each) for each in estimates]}


def _estimate(found: Estimate) -> made.EnvironmentCost:
    return {
        "environment": found.environment,
        "region": found.region,
        "prices": {"region": found.prices.region, "date": found.prices.date, "label": found.prices.label},
        "total": columns(found.cost),
        "layers": {layer: columns(usd) for layer, usd in found.layers().items()},
        "resources": [_resource(each) for each in found.resources],
        "assumptions": list(found.assumptions),
    }


def _resource(found: ResourceCost) -> made.EstimatedResource:
    return {
        "place": f"{found.layer}/{found.logical_id}",
        "layer": found.layer,
        "logical_id": found.logical_id,
        "type": found.type,
        "cost": columns(found.cost),
        "items": [_item(each) for each in found.items],
        "unpriced": list(found.unpriced),
    }


def _item(found: Item) -> made.CostItem:
    price: made.Price = {
        "name": found.price.name, "usd": found.price.usd, "unit": found.price.unit, "source": found.price.source,
    }  # fmt: skip
    return {"what": found.what, "quantity": columns(found.quantity), "price": price, "cost": columns(found.cost)}
