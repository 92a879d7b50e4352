"""Whether the role that CloudFormation works with may do what a deployment needs: checked before anything is created.

The stack of the role is made from the templates of one day (`bootstrap`). What a later change needs beyond that would
fail in the middle of a deployment with AccessDenied; here it is refused with the resource that needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infragen.assembly.stacks import BESIDE, DELIVERY, StackLayout, stack_name
from infragen.config import Environment
from infragen.engine.observe import Observed, deployed_body
from infragen.engine.preview import Examined
from infragen.engine.progress import Session
from infragen.errors import CloudError, InfragenError, Refused
from infragen.permissions.delivery import granted, kind_of
from infragen.permissions.missing import Missing, missing
from infragen.permissions.needed import of_layout
from infragen.permissions.roles import Rights

MOST = 8
"""How many missing actions a message lists."""


def check_rights(
    session: Session, plan: StackLayout, observed: Observed, examined: Sequence[Examined]
) -> tuple[str, ...]:
    """Return why the role's rights could not be compared, if so: that stops nothing. Raises Refused for rights that it
    lacks. Nothing is asked where nothing changes, or without `iam.service_role_arn`.
    """
    env = plan.environment
    beside = all(unit.layer in BESIDE for unit in plan.units)
    if not env.iam.service_role_arn or beside or all(each.unchanged for each in examined):
        return ()
    rights = Rights(env, of_layout(plan))
    said = f"whether the role {env.iam.service_role_arn} may do all of this was not compared"
    if not rights.makes_service_role:
        return (f"{said}: it is not the one that `infragen bootstrap` makes",)
    state = observed.by_name.get(stack_name(env, DELIVERY))
    if state is None:
        return (f"{said}: the stack {stack_name(env, DELIVERY)}, which makes it, is not to be seen",)
    try:
        body = deployed_body(session.cloud, state)
    except InfragenError as error:
        if not isinstance(error, CloudError):
            raise
        return (f"{said}: {error.message}",)
    if granted(body) is None:
        return (f"{said}: {state.name} does not make it",)
    _refuse_unbounded(rights)
    lacking = lacks(rights, body)
    if lacking:
        raise Refused(
            f"the role that CloudFormation works with lacks {listed(lacking)}; nothing was changed",
            f"run with administrator rights: `infragen bootstrap --env {env.environment}`",
        )
    return ()


def lacks(rights: Rights, body: Mapping[str, Any]) -> tuple[Missing, ...]:
    """Return what the role of a deployed delivery template lacks for what is needed now."""
    now = Rights(rights.env, rights.templates, kind_of(body))
    return missing(now.needed, now.service, granted(body) or ())


def listed(lacking: Sequence[Missing]) -> str:
    """Return missing actions as a list for people."""
    rest = len(lacking) - MOST
    return ", ".join(map(str, lacking[:MOST])) + (f" and {rest} more" if rest > 0 else "")


def _refuse_unbounded(rights: Rights) -> None:
    """Raise Refused for a role without the boundary that CloudFormation's role has to put on each role it creates."""
    bare = [
        each.place
        for each in rights.templates.resources
        if each.type == "AWS::IAM::Role" and each.properties.get("PermissionsBoundary") != rights.boundary_arn
    ]
    if bare:
        raise Refused(
            f"{bare[0]} has not the permissions boundary {rights.boundary_arn}, without which CloudFormation's role "
            "creates no role; nothing was changed",
            "`infragen bootstrap --write` puts iam.permissions_boundary_arn into the environment file",
        )


def settings(env: Environment, outputs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the keys of the environment file that name what a delivery stack made, where they are not set so."""
    wanted = {
        "service_role_arn": (outputs.get("ServiceRoleArn", ""), env.iam.service_role_arn),
        "permissions_boundary_arn": (outputs.get("BoundaryArn", ""), env.iam.permissions_boundary_arn),
    }
    for key, (value, now) in wanted.items():
        if value and value != now:
            yield key, value
