"""The delivery stack of an environment: rendered from what it needs now, compared with what is deployed.

A stack of its own beside the artifact bucket's, deployed by a person with administrator rights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from infragen.assembly.limits import INLINE
from infragen.assembly.stacks import DELIVERY, StackUnit, capabilities, stack_name, stack_tags
from infragen.assembly.synth import Assembly
from infragen.assembly.templatefile import dump_yaml
from infragen.config import Environment
from infragen.engine.observe import check_identity, deployed_body
from infragen.engine.progress import Session, Silent
from infragen.engine.rights import lacks
from infragen.permissions.delivery import Delivery, granted, has_provider, kind_of, repository_of, template
from infragen.permissions.missing import Missing
from infragen.permissions.roles import Rights, rights_of
from infragen.permissions.trust import Repository


@dataclass(frozen=True)
class DeliveryState:
    """A delivery stack as it is deployed: its template, empty without one, and its outputs."""

    body: Mapping[str, Any]
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def repository(self) -> Repository | None:
        """Return the repository that it trusts."""
        return repository_of(self.body)


@dataclass(frozen=True)
class DeliveryCheck:
    """How a deployed delivery stack stands: what CloudFormation's role lacks, and the resources that would change."""

    missing: tuple[Missing, ...]
    changed: tuple[str, ...]

    @property
    def stale(self) -> bool:
        """Return whether `bootstrap` has something to do."""
        return bool(self.missing or self.changed)


def deployed_delivery(session: Session, env: Environment) -> DeliveryState:
    """Return the delivery stack as it is deployed, after the check that AWS is the file's account and region."""
    check_identity(replace(session, ui=Silent()), env)
    state = session.cloud.stack(stack_name(env, DELIVERY))
    if state is None or state.status in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
        return DeliveryState({})
    return DeliveryState(deployed_body(session.cloud, state), state.outputs)


def delivery_body(
    session: Session, assembly: Assembly, now: DeliveryState, repository: Repository | None, kind: str
) -> dict[str, Any] | None:
    """Return the template of the delivery stack as it should be; None where no repository is given or remembered.

    An empty `kind` keeps the deployed one. Raises InputError where the rights cannot be derived.
    """
    repository = repository or now.repository
    if repository is None:
        return None
    rights = rights_of(assembly, kind or kind_of(now.body))
    return template(Delivery(rights, repository, _provider(session, rights, now, repository)))


def _provider(session: Session, rights: Rights, now: DeliveryState, repository: Repository) -> str:
    """Return the account's identity provider for a repository's host; empty where this stack makes it, or has to."""
    if has_provider(now.body) and now.repository is not None and now.repository.issuer == repository.issuer:
        return ""
    arn = rights.place.arn("iam", f"oidc-provider/{repository.issuer}", region=False)
    return arn if arn in session.cloud.identity_providers() else ""


def delivery_unit(env: Environment, body: Mapping[str, Any]) -> StackUnit:
    """Return the delivery stack as a unit to deploy, sent inline; in JSON where YAML would be too long for that."""
    text = dump_yaml(dict(body))
    return StackUnit(
        layer=DELIVERY,
        stack=stack_name(env, DELIVERY),
        body=body,
        text=text if len(text.encode()) <= INLINE else json.dumps(body, separators=(",", ":")),
        key="",
        parameters={},
        tags=stack_tags(env, DELIVERY),
        capabilities=capabilities([body]),
    )


def check_delivery(session: Session, assembly: Assembly) -> DeliveryCheck | None:
    """Compare a deployed delivery stack with what the environment needs now; None where there is none."""
    now = deployed_delivery(session, assembly.environment)
    body = delivery_body(session, assembly, now, None, "")
    if body is None:
        return None
    old, new = now.body.get("Resources") or {}, body["Resources"]
    changed = tuple(name for name in dict.fromkeys((*new, *old)) if old.get(name) != new.get(name))
    rights = rights_of(assembly, kind_of(now.body))
    return DeliveryCheck(lacks(rights, now.body) if granted(now.body) is not None else (), changed)
