"""How much an environment is used in a month, in three columns, and every assumption behind it in words.

`expected` is what the environment file says under `cost.expected`, or a default that is printed. `minimum` is light
traffic on the smallest capacity; `maximum` is the expected traffic, grown as the tasks grow from expected to most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infragen.config import Environment
from infragen.config.schema import Expected
from infragen.cost.columns import Columns, always
from infragen.cost.inventory import Inventory, Resource
from infragen.cost.schedule import Change, Range, UnreadableSchedule, average, extremes
from infragen.resource_types.application_autoscaling import SCALABLE_TARGET
from infragen.resource_types.ecs import SERVICE

HOURS = 730
"""Hours in a month, as AWS's own estimates count (365 x 24 / 12)."""

AWAKE, AWAKE_ACU = 0.35, 0.5
"""A cluster that may pause, where nothing is expected: awake for this share of the month, at this capacity."""

TRAFFIC = {
    "requests_millions": "million requests", "messages_millions": "million messages through each queue",
    "nat_gb": "GB through NAT", "egress_gb": "GB to the internet", "io_millions": "million database I/O requests",
    "log_gb": "GB of logs",
}  # fmt: skip
"""What grows with the traffic: keys of `cost.expected`, and their units in words."""

LIGHT = Expected()
"""Light traffic: the defaults of the environment schema."""


@dataclass(frozen=True)
class Load:
    """A month's use of the whole environment. `acu` is what is expected of one instance, None if nothing is."""

    acu: float | None
    tasks: dict[Resource, Columns]
    requests_millions: Columns
    messages_millions: Columns
    nat_gb: Columns
    egress_gb: Columns
    io_millions: Columns
    log_gb: Columns
    storage_gb: Columns
    assumptions: tuple[str, ...] = ()


def load_of(env: Environment, inventory: Inventory) -> Load:
    """Return the load that an environment file expects, on what the templates make."""
    expected = env.cost.expected
    tasks, notes = _tasks(expected, inventory)
    now, most = (sum(getattr(each, column) for each in tasks.values()) for column in ("expected", "maximum"))
    growth = max(1.0, most / now) if now else 1.0
    traffic = {name: _traffic(name, expected, growth) for name in TRAFFIC}
    assumptions = (*_given(expected), *notes, _growth(growth), *FIXED)
    return Load(expected.acu, tasks, **traffic, storage_gb=always(expected.storage_gb), assumptions=assumptions)


def _traffic(name: str, expected: Expected, growth: float) -> Columns:
    wanted: float = getattr(expected, name)
    return Columns(min(wanted, getattr(LIGHT, name)), wanted, wanted * growth)


def _tasks(expected: Expected, inventory: Inventory) -> tuple[dict[Resource, Columns], tuple[str, ...]]:
    """Return the running tasks of every service, on average over the month; an expected number is shared equally."""
    services = inventory.of(SERVICE.name)
    found, notes = {}, []
    for each in services:
        capacity, limits, note = _capacity(each, inventory)
        wanted = capacity.minimum if expected.tasks is None else expected.tasks / len(services)
        wanted = min(max(wanted, limits.minimum), limits.maximum)
        found[each] = Columns(capacity.minimum, wanted, max(capacity.maximum, wanted))
        notes += [note] if note else []
    return found, tuple(notes)


def _capacity(service: Resource, inventory: Inventory) -> tuple[Range, Range, str]:
    """Return the tasks of a service: the range on average over its schedule, the range it may ever have, and a note."""
    for target in inventory.of(SCALABLE_TARGET.name):
        if service not in inventory.targets(target.layer, target.get("ResourceId")):
            continue
        base = Range(_number(target.get("MinCapacity"), 1), _number(target.get("MaxCapacity"), 1))
        changes = [_change(each) for each in target.get("ScheduledActions") or ()]
        limits = extremes(base, changes)
        try:
            return average(base, changes), limits, ""
        except UnreadableSchedule as error:
            note = f"{service.layer}/{service.logical_id} runs as if it had no schedule: {error}"
            return base, limits, note
    count = _number(service.get("DesiredCount"), 1)
    return Range(count, count), Range(count, count), ""


def _change(action: dict[str, object]) -> Change:
    wanted = action.get("ScalableTargetAction")
    bounds = wanted if isinstance(wanted, dict) else {}
    schedule, timezone = str(action.get("Schedule", "")), str(action.get("Timezone", "UTC"))
    return Change(schedule, timezone, bounds.get("MinCapacity"), bounds.get("MaxCapacity"))


def _number(value: object, otherwise: float) -> float:
    try:
        return float(value)  # type: ignore[arg-type] # whatever is no number raises
    except (TypeError, ValueError):
        return otherwise


# --- in words ---------------------------------------------------------------------------------------------------


FIXED = (
    (f"a month has {HOURS} hours; prices are on demand, in USD, without taxes, support, discounts and free tiers, but "
    "with the 100 GB to the internet and 3 dashboards that are always free"),
    "at minimum: the smallest capacity and light traffic ("
    + ", ".join(f"{getattr(LIGHT, name):g} {words}" for name, words in TRAFFIC.items())
    + "), or the expected traffic where that is less",
    "a schedule of the tasks counts with its average over the year; the tasks stay within its limits",
    "several load balancers, NAT gateways, log groups, clusters or services share the expected figures equally",
    "each queue has the expected messages, and its worker writes a KB of logs for each, beside the expected GB of logs",
    "the database's storage is the same in all columns; 2 % of it changes in a day; backups beyond its size are paid",
    ("a message is sent, received, deleted, and handled by one invocation of half a second; a worker's idle queue is "
    "asked 15 times a minute"),
    "every request to the load balancer opens a connection, and leaves half a KB in the access log",
    "as much data as goes to the internet comes from the database, through another zone as often as zones allow",
    "logs are stored as long as their group keeps them, uncompressed; AWS compresses them, so this is the upper end",
    "the image repository holds 2 GB (0.2 GB at minimum, 10 GB at maximum)",
    "requests to KMS, Secrets Manager and X-Ray are left out: some cents at light traffic",
)  # fmt: skip
"""What is assumed of every environment."""


def _given(expected: Expected) -> Iterator[str]:
    """Yield the expected load, and which of it is written in the environment file."""
    written = expected.model_fields_set
    tasks = "task" if expected.tasks == 1 else "tasks"
    words = {**TRAFFIC, "storage_gb": "GB in the database", "tasks": tasks, "acu": "ACU per instance"}
    for title, names in (
        ("from cost.expected", [name for name in words if name in written and getattr(expected, name) is not None]),
        ("by default", [name for name in words if name not in written and getattr(expected, name) is not None]),
    ):
        if names:
            yield f"expected, {title}: " + ", ".join(f"{getattr(expected, name):g} {words[name]}" for name in names)
    if expected.tasks is None:
        yield "expected, by default: the fewest tasks that autoscaling and its schedule allow"
    if expected.acu is None:
        yield (
            "expected, by default: the database at its minimum capacity; where that is 0, it is awake for "
            f"{AWAKE:.0%} of the month at {AWAKE_ACU:g} ACU"
        )


def _growth(growth: float) -> str:
    if growth == 1:
        return "at maximum: all capacity all month, and the expected traffic"
    return f"at maximum: all capacity all month, and {growth:.3g} times the expected traffic, as the tasks grow"
