"""Drift as text and as JSON: what is not as its stack says, what it should be and what it is; what nobody can tell."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.text import Text

from infragen.assembly.stacks import BESIDE
from infragen.cloud.cloudformation import DRIFTED, IN_SYNC, NOT_CHECKED, UNKNOWN, PropertyDrift, ResourceDrift
from infragen.config import Environment
from infragen.errors import Refused
from infragen.plan.drift import StackDrift, overall
from infragen.plan.model import EnvironmentPlan
from infragen.report import document_types as made
from infragen.report import plan_words as words
from infragen.report.plan_document import value
from infragen.report.wrapping import wrapped
from infragen.secrecy.visible import shown_json

VERSION = 1
WORDS = {
    DRIFTED: ("drifted", "red"),
    IN_SYNC: ("as its template says", "green"),
    NOT_CHECKED: ("not checked", "yellow"),
    UNKNOWN: ("not known", "yellow"),
}
RESOURCE_WORDS = {"MODIFIED": "changed", "DELETED": "gone", "UNKNOWN": "not known"}


def drift_lines(stacks: Sequence[StackDrift], width: int) -> Iterator[Text]:
    """Return stack by stack, each with what drifted in it; the types that AWS cannot compare, counted; one line for
    all.
    """
    for line in _lines(stacks, width):
        yield from wrapped(line, width)


def _lines(stacks: Sequence[StackDrift], width: int) -> Iterator[Text]:
    name = max((len(each.layer) for each in stacks), default=0)
    for each in stacks:
        said, colour = WORDS.get(each.status, (each.status, "yellow"))
        looked = f"{each.checked} compared, {len(each.unsupported)} not" if each.checked or each.unsupported else ""
        yield Text.assemble(
            (each.layer.ljust(name), "bold"), "  ", (said, colour), f"  {each.stack}  {looked}".rstrip()
        )
        if each.reason:
            yield Text(f"  {each.reason}", style="yellow")
        for resource in each.resources:
            for line in _resource(resource, width):
                yield from wrapped(line, width, 10)
    if types := _unsupported(stacks):
        yield Text()
        yield Text(f"AWS cannot compare: {types}", style="dim")
    yield Text()
    yield Text(summary(stacks), style="bold")


def _resource(found: ResourceDrift, width: int) -> Iterator[Text]:
    said = RESOURCE_WORDS.get(found.status, found.status)
    reason = f"  {found.reason}" if found.reason else ""
    yield Text.assemble(f"  {found.logical_id}  ", (found.type, "dim"), "  ", (said, "red"), reason)
    for each in found.properties:
        yield property_line(f"        {each.name}", each, width)


def property_line(lead: str, found: PropertyDrift, width: int, tail: str = "") -> Text:
    """Return what a property should be, and what it is."""
    room = min(160, max(12, (width - len(lead) - len(tail) - 30) // 2))
    expected, actual = words.shown(found.expected, room), words.shown(found.actual, room)
    return Text.assemble(lead, "  should be ", (expected, "green"), ", is ", (actual, "red"), tail)


def _unsupported(stacks: Sequence[StackDrift]) -> str:
    counts = Counter(each.type for stack in stacks for each in stack.unsupported)
    return ", ".join(f"{name} ({count})" if count > 1 else name for name, count in sorted(counts.items()))


def summary(stacks: Sequence[StackDrift]) -> str:
    """Return `2 of 41 resources in 7 stacks drifted; 1 not known; AWS cannot compare 30`."""
    if not stacks:
        return "nothing is deployed"
    statuses = Counter(each.status for stack in stacks for each in stack.resources)
    drifted, checked = statuses["MODIFIED"] + statuses["DELETED"], sum(each.checked for each in stacks)
    many = "1 stack" if len(stacks) == 1 else f"{len(stacks)} stacks"
    parts = [f"{drifted} of {checked} resources in {many} drifted"]
    unknown = sum(statuses.values()) - drifted
    parts += [f"{unknown} not known"] if unknown else []
    skipped = [each.stack for each in stacks if each.status == NOT_CHECKED]
    parts += [f"not checked: {', '.join(skipped)}"] if skipped else []
    rest = sum(len(each.unsupported) for each in stacks)
    return "; ".join(parts + ([f"AWS cannot compare {rest}"] if rest else []))


def next_step(stacks: Sequence[StackDrift]) -> str:
    """Return what to type where something can be put back; empty where nothing can."""
    if any(each.status == DRIFTED for each in stacks if each.layer not in BESIDE):
        return "`infragen drift --revert` shows what of this AWS can put back, then asks"
    return ""


def refusal(stacks: Sequence[StackDrift], *, local: bool = False) -> Refused | None:
    """Return what --fail-on-drift raises: for drift, and where nobody can tell. The emulator (`local`) puts nothing
    back.
    """
    if overall(stacks) == IN_SYNC or not stacks:
        return None
    bad = ", ".join(f"{each.stack} ({each.status})" for each in stacks if each.status != IN_SYNC)
    how = "by hand" if local or not next_step(stacks) else "with `infragen drift --revert`"
    return Refused(
        f"not as the templates say, or not known to be: {bad}",
        f"put it back {how}, or write it into the environment file and deploy",
    )


def plan_refusal(plan: EnvironmentPlan, *, local: bool = False) -> Refused | None:
    """Return what `plan --fail-on-drift` raises: as `refusal`, and where AWS did not let us look."""
    if plan.drift is None:
        return Refused(
            f"whether {plan.environment} has drifted is not known: AWS did not let us look",
            "the plan's warning says why",
        )
    return refusal(plan.looked, local=local)


# --- JSON -------------------------------------------------------------------------------------------------------


def as_json(env: Environment, stacks: Sequence[StackDrift]) -> str:
    """Return the document as text."""
    document: made.DriftFound = {
        "version": VERSION,
        "environment": env.environment,
        "account": env.account or "",
        "region": env.region,
        "status": overall(stacks),
        "summary": summary(stacks),
        "stacks": [stack_document(each) for each in stacks],
    }
    return shown_json(document, indent=2)


def stack_document(stack: StackDrift) -> made.StackDrifted:
    """Return one stack."""
    return {
        "layer": stack.layer,
        "stack": stack.stack,
        "status": stack.status,
        "reason": stack.reason,
        "checked": stack.checked,
        "resources": [_resource_document(stack.layer, each) for each in stack.resources],
        "unsupported": [{"place": f"{stack.layer}/{each.logical_id}", "type": each.type} for each in stack.unsupported],
    }


def _resource_document(layer: str, found: ResourceDrift) -> made.ResourceDrifted:
    return {
        "place": f"{layer}/{found.logical_id}",
        "logical_id": found.logical_id,
        "physical_id": found.physical_id,
        "type": found.type,
        "status": found.status,
        "reason": found.reason,
        "properties": [
            {
                "name": each.name,
                "path": list(each.path),
                "expected": value(each.expected),
                "actual": value(each.actual),
            }
            for each in found.properties
        ],
    }
