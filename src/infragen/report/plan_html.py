"""Plans as one page for a browser: nothing is loaded from anywhere, and everything can be read without JavaScript.

The policy in its head allows only the style sheet and the script that are written into it, named by their digests.
Every text passes `_text`. The script (plan_page.js) filters rows; it makes none.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

from infragen.assembly.stacks import ROOT
from infragen.plan.model import EnvironmentPlan
from infragen.report import plan_words as words
from infragen.report.graph import Graph
from infragen.report.plan_document import plan_document
from infragen.report.plan_picture import Drawn, picture
from infragen.report.plan_types import Cost, Kind, Plan, Property, Row, Stack, Usd
from infragen.report.plan_words import SIGNS
from infragen.report.settings import written

LONG_LINES, LONG_TEXT, OPEN_ROWS = 16, 2000, 40
"""Lines and characters of a value from which on it is folded; rows up to which those that change are open."""

_NO_ROW = "the stack itself"
_SOURCES = {"change set": "AWS's change set", "template": "comparing templates", "both": "both sources"}


@dataclass(frozen=True)
class _Layer:
    """A stack that has something to tell: its rows, and the id of its section."""

    plan: Plan
    stack: Stack
    layers: words.Layers
    rows: Sequence[Row]
    target: str
    title: str

    @property
    def said(self) -> str:
        """Return `2 to add, 1 to change`, or what happens to the stack when no row says it."""
        counts = words.count(self.rows)
        said = ", ".join(
            f"{number} {words.label(self.plan, kind, number)}" for kind, number in counts.items() if number
        )
        return said or words.action(self.stack)


def as_html(environments: Sequence[EnvironmentPlan], graphs: Mapping[str, Graph]) -> str:
    """Return the page; `graphs` give what flows between the layers of an environment, where that is known."""
    plans = [plan_document(each) for each in environments]
    layers = [layer for number, plan in enumerate(plans) for layer in _layers(plan, number, many=len(plans) > 1)]
    title = _title(plans)
    style, script = _resource("plan_page.css"), _resource("plan_page.js")
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>{_text(title)}</title>\n<link rel="icon" href="data:,">\n<style>{style}</style>\n</head>\n<body>',
        '<a class="skip" href="#changes">Skip to the changes</a>',
        f"<header>\n<h1>{_text(title)}</h1>\n</header>\n<main>",
        *(part for plan in plans for part in _overview(plan, layers, graphs, many=len(plans) > 1)),
        '<div id="changes" tabindex="-1">',
        _form(layers),
        *(part for each in layers for part in _section(each)),
        f"</div>\n</main>\n<script>{script}</script>\n</body>\n</html>",
    ]
    return "\n".join(parts) + "\n"


def _title(plans: Sequence[Plan]) -> str:
    first = plans[0]
    if len(plans) > 1:
        return f"{len(plans)} environments" + (f" against {first['against']}" if first["against"] else "")
    if first["between"]:
        return f"{first['against']} and {first['environment']}"
    return (
        f"{first['environment']} against {first['against']}" if first["against"] else f"Plan for {first['environment']}"
    )


@cache
def _resource(name: str) -> str:
    return files("infragen.report").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return nothing but this style sheet and this script (W3C, "Content Security Policy Level 3", hash sources)."""
    digests = (b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (style, script))
    allowed = "style-src 'sha256-{}'; script-src 'sha256-{}'".format(*digests)
    return f"default-src 'none'; {allowed}; img-src data:; base-uri 'none'; form-action 'none'"


def _layers(plan: Plan, number: int, *, many: bool) -> Iterator[_Layer]:
    names = words.layers_of(plan)
    for index, stack in enumerate(plan["stacks"]):
        if words.worth_showing(stack):
            title = f"{plan['environment']}: {stack['layer']}" if many else stack["layer"]
            yield _Layer(plan, stack, names, words.rows(stack), f"layer-{number}-{index}", title)


# --- the whole --------------------------------------------------------------------------------------------------


def _overview(plan: Plan, layers: Sequence[_Layer], graphs: Mapping[str, Graph], *, many: bool) -> Iterator[str]:
    if many:
        yield f"<h2>{_text(plan['environment'])}</h2>"
    if plan["account"] and not plan["between"]:
        where = f"account {plan['account']}, {plan['region']}, {plan['topology']} stacks"
        yield f'<p class="quiet">{_text(where)}</p>'
    if not plan["changed"]:
        yield "<p><b>Nothing to change.</b></p>"
        for each in plan["stacks"]:
            yield from (f'<p class="quiet">{_text(each["layer"])}: {_text(note)}</p>' for note in words.notes(each))
            own = [(title, value) for title, some in words.own_changes(each) for value in some]
            yield from (_value(value, f"{each['layer']}: {title}") for title, value in own)
        yield from _alerts(plan)
        return
    counts = (
        f'<li class="{kind}"><b>{number}</b> {_text(words.label(plan, kind, number))}</li>'
        for kind, number in words.counts(plan).items()
        if number or kind in (words.ADD, words.CHANGE, words.REMOVE) or (kind == words.REPLACE and not plan["between"])
    )
    price = plan["cost"]["text"] if plan["cost"] else ""
    yield f'<ul class="counts">{"".join(counts)}{f"<li>{_text(price)}</li>" if price else ""}</ul>'
    yield from _alerts(plan)
    yield from _picture(plan, [each for each in layers if each.plan is plan], graphs.get(plan["environment"]))
    if quiet := words.unchanged(plan):
        yield f'<p class="quiet">Unchanged: {_text(", ".join(quiet))}</p>'
    if plan["cost"] and plan["cost"]["text"]:
        yield from _cost(plan["cost"])
    if plan["settings"]:
        yield from _settings(plan)


def _alerts(plan: Plan) -> Iterator[str]:
    for title, lines, _ in words.alerts(plan):
        items = "".join(f"<li>{_text(each)}</li>" for each in lines)
        yield f'<section class="alert"><h2>{title}</h2><ul>{items}</ul></section>'
    if plan["drift"] == []:
        yield '<p class="quiet">Drift: none found</p>'


def _picture(plan: Plan, layers: Sequence[_Layer], graph: Graph | None) -> Iterator[str]:
    """Yield the layers of the graph with what changes in them, and those of the plan that are in it no more."""
    told = {each.stack["layer"]: each for each in layers}
    names = [each.name for each in graph.nodes] if graph else []
    names += [each["layer"] for each in plan["stacks"] if each["layer"] != ROOT and "/" not in each["layer"]]
    drawn = []
    for name in dict.fromkeys(names):
        layer = told.get(name)
        counts: Mapping[Kind, int] = words.count(layer.rows) if layer else {}
        said = words.shown(layer.said, 60) if layer else "unchanged"
        drawn.append(Drawn(words.shown(name, 30), layer.target if layer else "", counts, said))
    if any(each.marks for each in drawn):
        yield f'<div class="picture">{picture(drawn, graph.edges if graph else ())}</div>'


def _cost(cost: Cost) -> Iterator[str]:
    """Yield one line, which opens to the table: who reviews wants to see the changes first."""
    before, after = cost["before"]["expected"], cost["after"]["expected"]
    yield _folded(f"Cost: {cost['text']}; before {before:,.2f}, after {after:,.2f}", False)
    yield _scroll("Cost", _cost_table(cost))
    if cost["unpriced"]:
        yield f"<p>Not priced:</p><ul>{''.join(f'<li>{_text(each)}</li>' for each in cost['unpriced'])}</ul>"
    yield f'<p class="quiet">{_text(cost["prices"])}</p></details>'


def _cost_table(cost: Cost) -> str:
    heads = "".join(f'<th scope="col" class="number">{each}</th>' for each in ("minimum", "expected", "maximum"))
    lines = [("before", cost["before"], False), ("after", cost["after"], False), ("change", cost["change"], True)]
    rows = [(each["place"], words.change_of(each), True) for each in cost["resources"]]
    lines += sorted(rows, key=lambda each: -abs(each[1]["expected"]))
    body = "".join(_cost_row(*each) for each in lines)
    head = f'<tr><th scope="col">USD a month</th>{heads}</tr>'
    return f"<table><caption>At minimum, expected and maximum load</caption>{head}{body}</table>"


def _cost_row(title: str, usd: Usd, signed: bool) -> str:
    figures = (
        words.usd(each) if signed else f"{each:,.2f}" for each in (usd["minimum"], usd["expected"], usd["maximum"])
    )
    cells = "".join(f'<td class="number">{each}</td>' for each in figures)
    return f'<tr><th scope="row">{_text(title)}</th>{cells}</tr>'


def _settings(plan: Plan) -> Iterator[str]:
    rows = []
    for each in plan["settings"]:
        before, after = (
            _text(written(side["value"])) if side else "(none)" for side in (each["before"], each["after"])
        )
        place = f'<br><span class="quiet">{_text(each["after"]["origin"])}</span>' if each["after"] else ""
        rows.append(
            f'<tr><th scope="row"><code>{_text(each["key"])}</code></th><td>{before}</td><td>{after}{place}</td></tr>'
        )
    heads = "".join(f'<th scope="col">{_text(each)}</th>' for each in ("key", plan["against"], plan["environment"]))
    yield _folded(f"{len(rows)} values differ", len(rows) <= LONG_LINES)
    yield _scroll("Values that differ", f"<table><tr>{heads}</tr>{''.join(rows)}</table>")
    yield "</details>"


def _folded(title: str, whether: bool) -> str:
    return f'<details class="part"{" open" if whether else ""}><summary><h2>{_text(title)}</h2></summary>'


def _scroll(label: str, inner: str) -> str:
    """Return a part that may be wider than the page: it scrolls by itself, also by keyboard."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">{inner}</div>'


def _form(layers: Sequence[_Layer]) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" name="kind" value="{kind}" checked>'
        f'<span class="sign {kind}">{sign}</span> {kind}</label>'
        for kind, sign in SIGNS.items()
    )
    types = sorted({row["type"] for each in layers for row in each.rows})
    return "\n".join(
        (
            '<form id="filter" role="search" aria-label="Filter" hidden>',
            _field("search", "Search", '<input type="search" id="search" autocomplete="off">'),
            _field("layer", "Layer", _select("layer", [each.title for each in layers])),
            _field("type", "Type", _select("type", types)),
            f"<fieldset><legend>Kind</legend>{boxes}</fieldset>",
            '<button type="button" id="expand">Expand all</button>',
            '<button type="button" id="collapse">Collapse all</button>',
            '<button type="reset">Reset</button>',
            '<output id="shown" name="shown" aria-live="polite"></output>',
            "</form>",
        )
    )


def _field(name: str, title: str, control: str) -> str:
    return f'<div class="field"><label for="{name}">{title}</label>{control}</div>'


def _select(name: str, values: Sequence[str]) -> str:
    options = "".join(f'<option value="{_text(each)}">{_text(each)}</option>' for each in dict.fromkeys(values))
    return f'<select id="{name}"><option value="">all</option>{options}</select>'


# --- a layer ----------------------------------------------------------------------------------------------------


def _section(layer: _Layer) -> Iterator[str]:
    stack = layer.stack
    about = ", ".join(filter(None, (stack["stack"], words.action(stack), words.source(stack))))
    yield f'<section class="layer" id="{layer.target}" aria-labelledby="{layer.target}-title">'
    yield f'<h2 id="{layer.target}-title">{_text(layer.title)}: {_text(layer.said)}</h2>'
    if not layer.plan["between"]:
        yield f'<p class="quiet">{_text(about)}</p>'
    if granted := words.granted(stack):
        yield f'<p class="quiet">opens {_text(granted)}</p>'
    for each in (
        *words.notes(stack),
        *stack["details"],
        *(f"{words.DISAGREE} the sources disagree: {each}" for each in stack["disagreements"]),
    ):
        yield f"<p>{_text(each)}</p>"
    few = sum(words.shows_values(row) for each in layer.plan["stacks"] for row in each["changes"]) <= OPEN_ROWS
    for row in layer.rows:
        says = (words.shows_values(row) and not words.only_tagged(row)) or words.asides(row, stack["source"])
        yield _row(layer, row, whether=few and bool(says))
    if own := [(title, each) for title, some in words.own_changes(stack) for each in some]:
        inner = "".join(_value(each, title) for title, each in own)
        yield _details(layer, words.CHANGE, _NO_ROW, _NO_ROW, "parameters, tags and outputs", inner, whether=few)
    yield "</section>"


def _row(layer: _Layer, row: Row, *, whether: bool) -> str:
    values = "".join(_value(each, "", row) for each in words.told(row, layer.layers))
    asides = "".join(f"<p><b>{_text(each)}</b></p>" for each in words.asides(row, layer.stack["source"]))
    inner = f"{asides}{_facts(row)}{values}"
    remark = "only shows others, not counted" if words.display_only(row, layer.stack) else row["remark"]
    return _details(layer, row["kind"], row["logical_id"], row["type"], remark, inner, whether=whether)


def _details(layer: _Layer, kind: Kind, name: str, of: str, remark: str, inner: str, *, whether: bool) -> str:
    title = f'<span class="id">{_text(name)}</span>'
    kept = f'<span class="type">{_text(of)}</span>' if of != name else ""
    said = f'<span class="remark {kind}">{_text(remark)}</span>' if remark else ""
    return (
        f'<details class="row" data-kind="{kind}" data-layer="{_text(layer.title)}" data-type="{_text(of)}"'
        f'{" open" if whether else ""}><summary><span class="sign {kind}" title="{kind}">{SIGNS[kind]}</span>'
        f'{title}{kept}{said}</summary><div class="inside">{inner}</div></details>'
    )


def _facts(row: Row) -> str:
    """Return what is known of a row beside its values."""
    replacement = f"replacement {row['replacement']}" if row["replacement"] else ""
    reported = f"by AWS's own word {row['reported']}" if row["reported"] else ""
    said = ", ".join(filter(None, (row["action"], replacement, reported, row["policy_action"])))
    facts = [
        ("action", said),
        ("physical id", row["physical_id"]),
        ("written in", row["origin"]),
        ("known from", _SOURCES.get(row["source"], row["source"])),
        *(("because of", each) for each in row["causes"]),
    ]
    items = "".join(f"<dt>{name}</dt><dd>{_text(text)}</dd>" for name, text in facts if text)
    return f'<dl class="facts">{items}</dl>'


def _value(change: Property, title: str, row: Row | None = None) -> str:
    """Return a value that changes, whole; a long one folded."""
    effect = words.effect(row, change) if row else ""
    forces = f'<span class="forces">{effect}</span>' if effect else ""
    remarks = "; ".join(words.value_remarks(change))
    said = f'<span class="said">{_text(remarks)}</span>' if remarks else ""
    name = f"{title} {change['name']}".strip()
    head = f'<span class="name">{_text(name)}</span> {forces}{said}'
    return f'<div class="value">{head}{_lines(change) if words.has_values(change) else ""}</div>'


def _lines(change: Property) -> str:
    lines = words.line_changes(change["before"], change["after"])
    tags = {"-": "del", "+": "ins"}
    parts = (f"<{tags.get(s, 'span')}>{s} {_text(line)}</{tags.get(s, 'span')}>" for s, line in lines)
    block = f"<pre>{''.join(parts)}</pre>"
    size = sum(len(line) for _, line in lines)
    if len(lines) <= LONG_LINES and size <= LONG_TEXT:
        return block
    return f"<details><summary>{len(lines)} lines, {size} characters</summary>{block}</details>"


def _text(text: str) -> str:
    """Return any text, for between tags and for attribute values in double quotes."""
    return escape(words.visible(text), quote=True)
