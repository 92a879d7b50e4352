"""What is left in AWS when an environment is deleted: what it costs, and what removes it. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TypeVar

from infragen.assembly.stacks import ARTIFACTS, stack_name
from infragen.cloud.cloudformation import StackResource
from infragen.cloud.template import STACK_TYPE
from infragen.config import Environment
from infragen.cost.prices import Prices
from infragen.engine.app_secrets import stored_names
from infragen.engine.artifact_bucket import used_by
from infragen.engine.deletion_plan import DestroyPlan, ResourceDeletion
from infragen.engine.progress import Session, Warned
from infragen.errors import CloudError
from infragen.resource_types import resource_type
from infragen.resource_types.resource_type import Billing

T = TypeVar("T")

KINDS = {
    "retained": "a deletion policy kept it",
    "snapshot": "a final snapshot, or another manual one",
    "backups": "automated backups, which outlive their database until they expire",
    "ssm": "a stored value of the application (`infragen secrets`), which no stack has",
    "bootstrap": "`infragen bootstrap` made it",
    "shared": "environments share this bucket, and no other one uses it any more",
}
"""Why something is left."""

FREE = 0.0
SSM_PARAMETER = "AWS::SSM::Parameter"


@dataclass(frozen=True)
class Left:
    """Something that is left: its `place` in the environment (layer/LogicalId, empty without one), type and id, why it
    is (`KINDS`), what it costs a month in USD (None where nobody knows), for each GB where `per_gb` holds, and what
    removes it: a command, after `first` where something has to be done before; no command where the console is the way.
    An empty id is one that was not read: `lists` is the command that tells it, and ID stands for it in `command`.
    """

    kind: str
    place: str
    type: str
    id: str
    usd: float | None = None
    per_gb: bool = False
    command: str = ""
    first: str = ""
    lists: str = ""


def what_is_left(
    session: Session, env: Environment, plan: DestroyPlan, gone: Collection[str], prices: Prices
) -> tuple[Left, ...]:
    """Return what outlives the stacks of the layers that are gone, the environment's secrets once all of these are, and
    the stacks that stay. What may not be read is a warning.
    """
    found: list[Left] = []
    for each in (each for stack in plan.stacks if stack.layer in gone for each in stack.resources):
        if each.end == "kept":
            found.append(_retained(each, prices))
        elif each.end == "snapshotted":
            found += _snapshots(session, each, prices)
        if each.backups:
            found.append(_backups(each, prices))
    if all(stack.layer in gone for stack in plan.stacks):
        found += _secrets(session, env)
    usd, per_gb = _price(prices, "s3-gb-month")
    command = f"infragen destroy --env {env.environment} --bootstrap"
    shared = "" if env.artifact_owner is env else stack_name(env.artifact_owner, ARTIFACTS)
    own = [each for each in plan.beside if each != shared]
    found += [Left("bootstrap", "", STACK_TYPE, name, usd, per_gb, command) for name in own]
    if (plan.part is not None or shared in plan.beside) and _is_last(session, env, plan, gone):
        found.append(Left("shared", "", STACK_TYPE, shared, usd, per_gb, f"{command} --shared-bucket"))
    elif shared in plan.beside:
        found.append(Left("bootstrap", "", STACK_TYPE, shared, usd, per_gb, command))
    return tuple(found)


def _is_last(session: Session, env: Environment, plan: DestroyPlan, gone: Collection[str]) -> bool:
    """Return whether no other environment uses the bucket that this one shared."""
    if not all(stack.layer in gone for stack in plan.stacks):
        return False
    return _read(session, "the environments that share a bucket", lambda: used_by(session, env)) == ()


def _retained(each: ResourceDeletion, prices: Prices) -> Left:
    row = resource_type(each.type)
    free = not row.kept_price and row.billing is Billing.FREE
    usd, per_gb = (FREE, False) if free else _price(prices, row.kept_price)
    command = row.delete_command.format(each.physical_id) if row.delete_command else ""
    return Left("retained", each.place, each.type, each.physical_id, usd, per_gb, command, row.empty_first)


def _snapshots(session: Session, each: ResourceDeletion, prices: Prices) -> Iterator[Left]:
    """Yield the snapshots of a database by their ids; one without an id where AWS does not tell them."""
    row = resource_type(each.type)
    usd, per_gb = _price(prices, row.snapshot_price)
    resource = StackResource(each.logical_id, each.physical_id, each.type, "")
    ids = _read(session, f"the snapshots of {each.place}", lambda: session.cloud.snapshots(resource))
    for name in ids or ():
        command = row.snapshot_delete_command.format(name)
        yield Left("snapshot", each.place, each.type, name, usd, per_gb, command)
    if not ids:
        yield _unread("snapshot", each, row.snapshots_command, row.snapshot_delete_command, usd, per_gb)


def _backups(each: ResourceDeletion, prices: Prices) -> Left:
    row = resource_type(each.type)
    return _unread("backups", each, row.backups_command, row.backup_delete_command, *_price(prices, row.snapshot_price))


def _unread(kind: str, each: ResourceDeletion, lists: str, removes: str, usd: float | None, per_gb: bool) -> Left:
    return Left(
        kind, each.place, each.type, "", usd, per_gb, removes.format("ID"), lists=lists.format(each.physical_id)
    )


def _secrets(session: Session, env: Environment) -> Iterator[Left]:
    names = _read(session, "the secrets of the environment", lambda: stored_names(session, env))
    for name in names or ():
        flag = " --allow-in-use" if name in env.own_secrets else ""
        command = f"infragen secrets rm {name} --env {env.environment}{flag}"
        yield Left("ssm", "", SSM_PARAMETER, env.parameter(name), FREE, command=command)


def _read(session: Session, what: str, read: Callable[[], T]) -> T | None:
    try:
        return read()
    except CloudError as error:
        session.ui.tell(Warned(f"{what} were not listed: {error.message}"))
        return None


def _price(prices: Prices, name: str) -> tuple[float | None, bool]:
    price = prices.get(name) if name else None
    return (price.usd if price else None), "gb" in name.split("-")
