"""Templates, an environment's load and prices -> what a month costs: by layer, by resource, in three columns.

What cannot be priced is listed, never counted as nothing. The difference of two estimates under one load is what a
change of the templates costs. Pure: the same templates give the same figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infragen.changes.diff import Side
from infragen.config import Environment
from infragen.cost.columns import Columns, total
from infragen.cost.inventory import Inventory, Resource
from infragen.cost.load import load_of
from infragen.cost.prices import Price, Prices
from infragen.cost.rules import PricingContext, Unpriced, Use, uses

SPOT, SPOT_SHARE = "-spot", "fargate-spot-share"


@dataclass(frozen=True)
class Item:
    """One line of a resource's bill: a quantity at a price."""

    what: str
    price: Price
    quantity: Columns

    @property
    def cost(self) -> Columns:
        """Return USD a month."""
        return self.quantity * self.price.usd


@dataclass(frozen=True)
class ResourceCost:
    """What one resource costs, and what of it nothing here can price."""

    layer: str
    logical_id: str
    type: str
    items: tuple[Item, ...] = ()
    unpriced: tuple[str, ...] = ()

    @property
    def cost(self) -> Columns:
        """Return USD a month."""
        return total(each.cost for each in self.items)


@dataclass(frozen=True)
class Estimate:
    """What an environment costs in a month. `resources` are those that cost something or cannot be priced."""

    environment: str
    region: str
    prices: Prices
    resources: tuple[ResourceCost, ...]
    assumptions: tuple[str, ...]

    @property
    def cost(self) -> Columns:
        """Return USD a month, all layers."""
        return total(each.cost for each in self.resources)

    def layers(self) -> dict[str, Columns]:
        """Return USD a month, layer by layer in deployment order."""
        found: dict[str, Columns] = {}
        for each in self.resources:
            found[each.layer] = found.get(each.layer, Columns()) + each.cost
        return found

    @property
    def unpriced(self) -> tuple[ResourceCost, ...]:
        """Return the resources that are not, or not wholly, in the figures."""
        return tuple(each for each in self.resources if each.unpriced)


@dataclass(frozen=True)
class ResourceDelta:
    """What one resource costs before and after; nothing where it is not there."""

    layer: str
    logical_id: str
    type: str
    before: Columns
    after: Columns

    @property
    def change(self) -> Columns:
        """Return USD a month more, or less where it is negative."""
        return self.after - self.before


@dataclass(frozen=True)
class CostDelta:
    """What a month costs before and after a deployment, under the same load and at the same prices.

    `resources` are those whose cost differs. `unpriced` says of what is new or changed why it is not in the
    figures.
    """

    before: Columns
    after: Columns
    resources: tuple[ResourceDelta, ...] = ()
    unpriced: tuple[str, ...] = ()
    prices: str = ""

    @property
    def change(self) -> Columns:
        """Return USD a month more, or less where it is negative."""
        return self.after - self.before


def rendered(bodies: Mapping[str, Mapping[str, object]]) -> dict[str, Side]:
    """Return templates as they are rendered, with the defaults of their parameters."""
    return {
        layer: Side(
            body,
            {
                name: str(each["Default"])
                for name, each in body.get("Parameters", {}).items()  # type: ignore[attr-defined] # a template's section
                if "Default" in each
            },
        )
        for layer, body in bodies.items()
    }


def estimate(sides: Mapping[str, Side], env: Environment, prices: Prices) -> Estimate:
    """Return what these templates cost in a month under the environment's load; `sides` are by layer, in deployment
    order.
    """
    inventory = Inventory(sides)
    load = load_of(env, inventory)
    site = PricingContext(inventory, load)
    found = (_priced(each, site, prices) for each in inventory.resources)
    resources = tuple(each for each in found if each.unpriced or each.items)
    return Estimate(env.environment, env.region, prices, resources, load.assumptions)


def _priced(resource: Resource, site: PricingContext, prices: Prices) -> ResourceCost:
    items, unpriced = [], []
    for each in uses(resource, site):
        match each:
            case Unpriced(why):
                unpriced.append(why)
            case Use(name, quantity, what):
                price = _price(name, prices)
                if price is None:
                    unpriced.append(f"{what}: there is no price {name}")
                else:
                    items.append(Item(what, price, quantity))
    return ResourceCost(resource.layer, resource.logical_id, resource.type, tuple(items), tuple(unpriced))


def _price(name: str, prices: Prices) -> Price | None:
    """Return a price by name; Spot is a share of the price on demand."""
    if not name.endswith(SPOT):
        return prices.get(name)
    whole, share = prices.get(name.removesuffix(SPOT)), prices.get(SPOT_SHARE)
    return Price(name, whole.unit, whole.usd * share.usd, share.source) if whole and share else None


def delta(before: Estimate, after: Estimate) -> CostDelta:
    """Return what changes from one estimate to the other."""
    old = {(each.layer, each.logical_id): each for each in before.resources}
    new = {(each.layer, each.logical_id): each for each in after.resources}
    return CostDelta(
        before.cost,
        after.cost,
        tuple(_differing(old, new)),
        tuple(
            f"{each.layer}/{each.logical_id}: {why}"
            for place, each in new.items()
            for why in each.unpriced
            if place not in old or why not in old[place].unpriced
        ),
        after.prices.label,
    )


def _differing(
    old: Mapping[tuple[str, str], ResourceCost], new: Mapping[tuple[str, str], ResourceCost]
) -> Iterator[ResourceDelta]:
    for place in [*new, *(each for each in old if each not in new)]:
        one = new[place] if place in new else old[place]
        before = old[place].cost if place in old else Columns()
        after = new[place].cost if place in new else Columns()
        if not (after - before).negligible:
            yield ResourceDelta(one.layer, one.logical_id, one.type, before, after)
