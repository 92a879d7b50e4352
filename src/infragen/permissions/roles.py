"""The policies of the roles with which an environment is delivered: CloudFormation's, and those of CI."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from infragen.assembly.synth import Assembly
from infragen.config import Environment
from infragen.errors import InputError
from infragen.permissions import operations
from infragen.permissions.boundary import boundary
from infragen.permissions.document import ATTACHED, Statement, packed
from infragen.permissions.needed import Needed, Templates, hosted_zones, linked_services, needed, of_assembly, passed_to
from infragen.permissions.scopes import UNBOUND, Given, Place, scoped

DERIVED, BROAD = "derived", "broad"


@dataclass(frozen=True)
class Rights:
    """Everything that delivery may do with an environment. `kind` is DERIVED, or BROAD for all services but IAM."""

    env: Environment
    templates: Templates
    kind: str = DERIVED

    @cached_property
    def place(self) -> Place:
        """Return where it lives."""
        return Place(self.env)

    @property
    def service_role_arn(self) -> str:
        """Return CloudFormation's role: the file's, else the one that `bootstrap` makes."""
        return self.env.iam.service_role_arn or self.place.role(service_role_name(self.env))

    @property
    def boundary_arn(self) -> str:
        """Return the boundary of all roles: the file's, else the one that `bootstrap` makes."""
        return self.env.iam.permissions_boundary_arn or self.place.policy(boundary_name(self.env))

    @property
    def makes_service_role(self) -> bool:
        """Return whether CloudFormation's role is the one that `bootstrap` makes."""
        return self.service_role_arn == self.place.role(service_role_name(self.env))

    @property
    def makes_boundary(self) -> bool:
        """Return whether the boundary is the one that `bootstrap` makes."""
        return self.boundary_arn == self.place.policy(boundary_name(self.env))

    @cached_property
    def needed(self) -> tuple[Needed, ...]:
        """Return the actions that CloudFormation needs, each with a resource that needs it."""
        return needed(self.templates, unknown_allowed=self.kind == BROAD)

    @cached_property
    def service(self) -> tuple[Statement, ...]:
        """Return what CloudFormation may do. Raises InputError for a type of which nobody knows what it needs."""
        actions = [each.action for each in self.needed]
        if self.kind == BROAD:
            actions = [each for each in actions if each.startswith("iam:")]
        all_of = self.templates
        given = Given(self.boundary_arn, hosted_zones(all_of), passed_to(all_of), linked_services(all_of))
        found = scoped(actions, self.place, given)
        if self.kind == BROAD:
            found = (Statement(("account:*", "iam:*", "organizations:*", "sts:*"), all_but=True), *found)
        return (*found, *self._denied())

    def _denied(self) -> tuple[Statement, ...]:
        own = (self.place.role("*"), self.place.policy("*"))
        return (
            Statement((UNBOUND,), effect="Deny"),
            Statement(("iam:*",), own, effect="Deny"),
            Statement(("cloudformation:*",), self.place.own_stacks(), effect="Deny"),
        )

    @cached_property
    def policies(self) -> tuple[tuple[Statement, ...], ...]:
        """Return CloudFormation's statements as managed policies. Raises InputError for more than a role can have."""
        found = packed(self.service)
        if len(found) > ATTACHED:
            raise InputError(
                f"CloudFormation's role would need {len(found)} managed policies, and a role has at most {ATTACHED}",
                "`infragen bootstrap --permissions broad` gives it all services but IAM",
            )
        return found

    @cached_property
    def boundary(self) -> tuple[Statement, ...]:
        """Return the most that any role of the environment can do."""
        return boundary(self.templates, self.place)

    def of_ci(self, role: str) -> tuple[Statement, ...]:
        """Return what CI may do in the role `deploy`, `plan` or `push`."""
        if role == operations.PUSH:
            return operations.push(self.place)
        topics = self.env.stacks.notification_arns
        return operations.statements(role, self.place, self.service_role_arn, topics)


def rights_of(assembly: Assembly, kind: str = DERIVED) -> Rights:
    """Return the rights that an assembly needs."""
    return Rights(assembly.environment, of_assembly(assembly), kind)


def service_role_name(env: Environment) -> str:
    """Return the name of CloudFormation's role."""
    return f"{env.name}-cloudformation"


def boundary_name(env: Environment) -> str:
    """Return the name of the boundary."""
    return f"{env.name}-boundary"


def ci_role_name(env: Environment, role: str) -> str:
    """Return the name of a role of CI."""
    return f"{env.name}-{role}"
