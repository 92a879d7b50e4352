"""Plans as one comment of a pull request: Markdown as GitHub reads it, short on top, the detail of each layer folded.

Every text that is not plain words stands in a code span, a fence or an escaped `<code>`, where it can neither end what
it is in nor become a link, a mention or HTML. A hidden first line lets a workflow find the comment it wrote before.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from html import escape

from infragen.plan.model import EnvironmentPlan
from infragen.report import plan_words as words
from infragen.report.added_values import added_values, fitted
from infragen.report.plan_document import plan_document
from infragen.report.plan_types import Plan, Property, Row, Stack
from infragen.report.plan_words import ADD, CHANGE, IMPORT, OTHER, REMOVE, REPLACE, REVISION
from infragen.report.settings import written

LIMIT = 65_536
"""Characters that GitHub takes in a comment ("body is too long (maximum is 65536 characters)")."""

SHORT, WIDE, LINES, ROOM = 100, 300, 20, 500
"""Characters of two values on one line, of a value and of a line that are cut; how many lines are kept; and what the
sentence about cuts takes."""

MOST_COSTS = 50
"""Resources whose cost has a line of its own."""

_SIGNS = {
    ADD: "+ add    ", IMPORT: "+ import ", CHANGE: "! change ", REVISION: "! revise ", REPLACE: "! replace",
    REMOVE: "- remove ", OTHER: "! unknown",
}  # fmt: skip


_WORD = r"(?:[A-Za-z']{1,30}|\d{1,6}|[+-]?[\d,]{1,12}\.\d\d(?: USD/month)?)"
_PLAIN = re.compile(rf"{_WORD}(?:[,;]? {_WORD})*")
"""Words and numbers, in which GitHub finds no link, mention, reference or markup."""


@dataclass(frozen=True)
class Part:
    """A piece of the comment: whole, then ever shorter. What has no `layer` is shortened last."""

    versions: tuple[str, ...]
    layer: str = ""


def as_markdown(*environments: EnvironmentPlan, limit: int = LIMIT) -> str:
    """Return the comment, cut layer by layer where it is longer than `limit` characters."""
    plans = [plan_document(each) for each in environments]
    parts = [part for plan in plans for part in _plan(plan)]
    marker = _marker(plans)
    kept = _fit(parts, limit - len(marker) - ROOM)
    cut = sum(part.versions[level] != part.versions[0] for part, level in zip(parts, kept, strict=True))
    texts = [part.versions[level] for part, level in zip(parts, kept, strict=True)]
    if cut:
        how = _code(words.shown(_command(plans), 200))
        texts.append(f"**Shortened** to fit a comment: {cut} of {len(parts)} sections. {how} shows everything.")
    return "\n\n".join([marker, *filter(None, texts)]) + "\n"


def _marker(plans: Sequence[Plan]) -> str:
    """Return what names the comment: the command, and the environment when there is one."""
    name = plans[0]["environment"] if len(plans) == 1 else "all"
    safe = re.sub(r"[^A-Za-z0-9_.]+", "-", name)[:100].strip("-")
    return f"<!-- infragen {'diff' if any(each['against'] for each in plans) else 'plan'} {safe} -->"


def _command(plans: Sequence[Plan]) -> str:
    first = plans[0]
    if first["between"]:
        return f"infragen diff {first['against']} {first['environment']}"
    if first["against"]:
        return f"infragen diff --against {first['against']}"
    return f"infragen plan --env {first['environment']}"


def _fit(parts: Sequence[Part], room: int) -> list[int]:
    """Return which version of each part is used: always the longest of the layers gives way; the rest at last."""
    levels = [0] * len(parts)
    excess = sum(_size(each.versions[0]) for each in parts) - room
    for some in (
        [i for i, part in enumerate(parts) if part.layer],
        [i for i, part in enumerate(parts) if not part.layer],
    ):
        longest = [(-_size(parts[i].versions[0]), i) for i in some]
        heapify(longest)
        while excess > 0 and longest:
            size, i = heappop(longest)
            levels[i] += 1
            shorter = _size(parts[i].versions[levels[i]])
            excess += size + shorter
            if levels[i] + 1 < len(parts[i].versions):
                heappush(longest, (-shorter, i))
    return levels


def _size(text: str) -> int:
    """Return characters as JavaScript counts them, with the empty line after the part."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2 + 2 if text else 0


# --- a plan -----------------------------------------------------------------------------------------------------


def _plan(plan: Plan) -> Iterator[Part]:
    yield Part((_headline(plan), ""))
    for title, alerts, refused in words.alerts(plan):
        yield _block(title, [f"{'-' if refused else '!'} {each}" for each in alerts], "diff")
    if plan["drift"] == []:
        yield Part(("Drift: none found", ""))
    if plan["settings"]:
        yield _settings(plan)
    if plan["cost"] and (lines := list(words.cost_lines(plan["cost"], MOST_COSTS))):
        yield _costs(plan["cost"]["text"], lines)
    layers = words.layers_of(plan)
    for each in plan["stacks"]:
        if words.worth_showing(each) and not words.only_wiring(each, layers):
            yield _layer(plan, each, layers)
    if plan["changed"] and (wired := words.wiring_line(plan)):
        yield Part((f"Wiring: {_code(words.shown(wired, WIDE))}", ""))
    if (quiet := words.unchanged(plan)) and plan["changed"]:
        yield Part((f"Unchanged: {', '.join(map(_code, quiet))}", f"Unchanged: {len(quiet)} layers", ""))


def _headline(plan: Plan) -> str:
    title = _code(words.shown(plan["environment"], 80))
    if plan["against"]:
        other = _code(words.shown(plan["against"], 80))
        title = f"{other} and {title}" if plan["between"] else f"{title} against {other}"
    else:
        title = f"Plan for {title}"
    said = words.summary(plan) if plan["changed"] else "nothing to change"
    lines = [f"### {title}", "", f"**{_plain(words.shown(said, 300))}**"]
    if plan["account"] and not plan["between"]:
        where = f"account {_code(words.shown(plan['account'], 40))}, {_code(words.shown(plan['region'], 40))}"
        lines += ["", where if plan["against"] else f"{where}, {_plain(words.shown(plan['topology'], 40))} stacks"]
    return "\n".join(lines)


def _block(title: str, lines: Sequence[str], language: str) -> Part:
    """Return lines that are always visible."""
    few = _few(lines)
    return Part(
        (
            f"**{title}**\n\n{_fence(lines, language)}",
            f"**{title}**\n\n{_fence(few, language)}",
            f"**{title}**: {len(lines)}, not shown here",
            "",
        )
    )


def _few(lines: Sequence[str]) -> list[str]:
    """Return the first lines, cut, and how many more there are."""
    few = [words.shown(each, WIDE) for each in lines[:LINES]]
    return [*few, f"  … and {len(lines) - LINES} more"] if len(lines) > LINES else few


def _settings(plan: Plan) -> Part:
    lines = []
    for each in plan["settings"]:
        before, after = (written(side["value"]) if side else "(none)" for side in (each["before"], each["after"]))
        place = f"  {each['after']['origin']}" if each["after"] else ""
        lines.append(f"{each['key']}  {before} -> {after}{place}")
    head = f"<b>{len(lines)} values differ</b>"
    return Part((_folded(head, _fence(lines, "")), _folded(head, _fence(_few(lines), "")), ""), "values")


def _costs(said: str, lines: Sequence[str]) -> Part:
    head = f"<b>cost</b> {_html(words.shown(said or 'the same', 200))}"
    return Part((_folded(head, _fence(lines, "")), _folded(head, _fence(_few(lines), "")), ""), "cost")


# --- a layer ----------------------------------------------------------------------------------------------------


def _layer(plan: Plan, stack: Stack, layers: words.Layers) -> Part:
    rows = tuple(each for each in stack["changes"] if each["counted"])
    counts = words.count(rows)
    said = ", ".join(f"{number} {words.label(plan, what, number)}" for what, number in counts.items() if number)
    name, told = words.shown(stack["layer"], 80), words.shown(said or words.action(stack), 200)
    head = f"<b>{_html(name)}</b> {_html(told)}"
    lead = [] if plan["between"] else [_about(stack)]
    lead += [f"opens {granted}"] if (granted := words.granted(stack)) else []
    whole, cut, bare = (
        _folded(head, *lead, *said, _fence(lines, "diff"))
        for said, lines in (
            ((), _lines(stack, rows, layers, whole=True)),
            (("Long values are cut to fit a comment.",), _lines(stack, rows, layers, whole=False)),
            (("The values are left out to fit a comment.",), [_row(each) for each in rows]),
        )
    )
    return Part(
        (whole, cut, bare, f"**{_plain(name)}** {_plain(told)} (the resources are left out to fit a comment)", ""),
        stack["layer"],
    )


def _about(stack: Stack) -> str:
    """Return the stack and where the rows come from."""
    name = f"{_code(words.shown(stack['stack'], 150))}: " if stack["stack"] else ""
    return f"{name}{_plain(words.shown(words.action(stack), 100))}, {_plain(words.shown(words.source(stack), 200))}"


def _lines(stack: Stack, rows: Sequence[Row], layers: words.Layers, *, whole: bool) -> list[str]:
    tagged = [each["logical_id"] for each in rows if words.only_tagged(each)]
    lines = []
    for row in rows:
        if row["logical_id"] in tagged:
            continue
        lines.append(_row(row))
        lines += [f"!     {words.visible(each)}" for each in words.asides(row, stack["source"])]
        if values := fitted(added_values(row), SHORT):
            lines.append(f"+           {values}")
        if words.shows_values(row):
            for each in words.told(row, layers):
                lines += _value(each, "", effect=words.effect(row, each), whole=whole)
    if tagged:
        names = ", ".join(tagged) if whole else words.shown(", ".join(tagged), WIDE)
        lines.append(f"{_SIGNS[CHANGE]} only their tags, as the stack's: {names}")
    own = words.decided_changes(stack, layers)
    for title, some in own:
        for each in some:
            lines += _value(each, f"{title} ", effect="", whole=whole)
    if not (rows or any(some for _, some in own)):
        lines += [f"! note: {words.visible(each)}" for each in stack["details"]]
    lines += [f"! note: {words.visible(each)}" for each in words.notes(stack)]
    return lines + [
        f"! {words.DISAGREE} the sources disagree: {words.visible(each)}" for each in stack["disagreements"]
    ]


def _row(change: Row) -> str:
    tail = f"  ({change['remark']})" if change["remark"] else ""
    origin = f"; from {change['origin']}" if change["origin"] else ""
    return words.shown(f"{_SIGNS[change['kind']]} {change['logical_id']}  {change['type']}{tail}{origin}", WIDE)


def _value(change: Property, title: str, *, effect: str, whole: bool) -> Iterator[str]:
    """Yield a value on one line where it fits, else below its path, line by line."""
    remarks = [effect] if effect else []
    remarks += (words.shown(each, WIDE) for each in words.value_remarks(change))
    lead = f"      {title}{words.shown(change['name'], WIDE)}"
    tail = "".join(f"; {each}" for each in remarks)
    if not words.has_values(change):
        yield lead + tail
        return
    before, after = words.pair(change, WIDE)
    lines = words.line_changes(change["before"], change["after"])
    if not whole or (len(before) + len(after) <= SHORT and len(lines) <= 2):
        yield f"{lead}: {before} -> {after}{tail}"
        return
    yield f"{lead}:{tail}"
    for sign, line in lines:
        yield f"{sign}         {line}"


# --- pieces -----------------------------------------------------------------------------------------------------


def _folded(head: str, *blocks: str) -> str:
    inner = "\n\n".join(each for each in blocks if each)
    return f"<details>\n<summary>{head}</summary>\n\n{inner}\n\n</details>"


def _fence(lines: Sequence[str], language: str) -> str:
    """Return lines in a fence that is longer than any run of backticks in them."""
    if not lines:
        return ""
    text = "\n".join(words.visible(line).replace("\n", "\n        ") for line in lines)
    ticks = "`" * max(3, _longest_run(text) + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def _code(text: str) -> str:
    """Return a code span (CommonMark, "Code spans": one blank on either side is taken away)."""
    text = " ".join(words.visible(text).split()) or "(empty)"
    ticks = "`" * (_longest_run(text) + 1)
    blank = " " if len(ticks) > 1 else ""
    return f"{ticks}{blank}{text}{blank}{ticks}"


def _plain(text: str) -> str:
    """Return plain words as they are, anything else as code."""
    return text if _PLAIN.fullmatch(text) else _code(text)


def _html(text: str) -> str:
    """Return the same inside an HTML block; GitHub makes no links or mentions in `<code>`."""
    if _PLAIN.fullmatch(text):
        return escape(text, quote=False)
    return f"<code>{escape(' '.join(words.visible(text).split()), quote=False)}</code>"


def _longest_run(text: str) -> int:
    return max((len(each) for each in re.findall(r"`+", text)), default=0)
