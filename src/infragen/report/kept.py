"""What is left in AWS when an environment is deleted: what it costs, and what removes it."""

from collections.abc import Collection, Iterator

from rich.text import Text

from infragen.cost.prices import Prices
from infragen.engine.deletion_plan import DestroyPlan, ResourceDeletion
from infragen.resource_types import resource_type
from infragen.resource_types.resource_type import Billing


def kept_lines(plan: DestroyPlan, gone: Collection[str], prices: Prices, again: str) -> Iterator[Text]:
    """Yield what outlives the stacks of these layers, each with its cost and the command that removes it, then the
    stacks that stay, which the command `again` deletes.
    """
    left = [each for stack in plan.stacks if stack.layer in gone for each in stack.fates if each.fate != "deleted"]
    if left or plan.beside:
        yield Text()
        yield Text("left in AWS:", style="bold")
    for each in left:
        yield Text.assemble(f"  {each.place}  ", (each.type, "dim"), f"  {_what(each, prices)}")
        yield Text(f"    {_removal(each)}", style="yellow")
    if plan.beside:
        yield Text.assemble(f"  {', '.join(plan.beside)}  ", ("made by bootstrap", "dim"), f"  {_bucket(prices)}")
        yield Text(f"    {again}", style="yellow")


def _what(resource: ResourceDeletion, prices: Prices) -> str:
    row = resource_type(resource.type)
    if resource.fate == "snapshotted":
        return f"a final snapshot, {_price(prices, row.snapshot_price)}"
    if not row.kept_price and row.billing is Billing.FREE:
        return f"{resource.physical_id}, no charge"
    return f"{resource.physical_id}, {_price(prices, row.kept_price)}"


def _bucket(prices: Prices) -> str:
    return f"their bucket {_price(prices, 's3-gb-month')}"


def _price(prices: Prices, name: str) -> str:
    price = prices.get(name) if name else None
    if price is None:
        return "its cost is not known"
    return f"{price.usd:.3g} USD a month{' per GB' if 'gb' in name.split('-') else ''}"


def _removal(resource: ResourceDeletion) -> str:
    row, name = resource_type(resource.type), resource.physical_id
    if resource.fate == "snapshotted":
        if not row.snapshots_command:
            return "find it in the service's console, by the name of the stack"
        return f"`{row.snapshots_command.format(name)}` lists it"
    command = f"`{row.delete_command.format(name)}`" if row.delete_command else "delete it in the service's console"
    return f"delete {row.empty_first}; then {command}" if row.empty_first else command
