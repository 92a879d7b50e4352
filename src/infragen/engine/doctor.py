"""Asks the account everything that a deployment of an environment stands on. Reads only, but for `fix`."""

from __future__ import annotations

from dataclasses import dataclass

from infragen.assembly.stacks import make_plan
from infragen.assembly.synth import Assembly
from infragen.checks import CheckResult
from infragen.checks.linked_roles import LinkedRole, missing
from infragen.engine.account_checks import checks_of, run_checks, subject_of
from infragen.engine.observe import observe
from infragen.engine.options import Options, launch_values
from infragen.engine.preview import examine_all
from infragen.engine.progress import Question, Session
from infragen.errors import PermissionDenied, Refused


@dataclass(frozen=True)
class Diagnosis:
    """What doctor found: one result for each check that has something to ask, and the roles that it created."""

    environment: str
    account: str
    region: str
    results: tuple[CheckResult, ...]
    fixed: tuple[str, ...] = ()


def doctor(assembly: Assembly, session: Session, options: Options | None = None, *, fix: bool = False) -> Diagnosis:
    """Run all checks of an environment and waits for every answer. With `fix`, missing service-linked roles are
    created first, after a yes.
    """
    env = assembly.environment
    plan = make_plan(assembly, launch_values(env, options or Options()))
    observed = observe(session, env)
    subject = subject_of(session, plan, observed.identity, examine_all(session, plan, observed))
    fixed = create_linked_roles(session, {each.type for each in subject.resources}) if fix else ()
    wanted = [each for each in checks_of(plan) if each.concerns(subject, changes=False)]
    results = tuple(each for each in run_checks(session, wanted, subject, None) if each.answers)
    return Diagnosis(env.environment, observed.identity.account, observed.identity.region, results, fixed)


def create_linked_roles(session: Session, types: set[str]) -> tuple[str, ...]:
    """Create the service-linked roles that resources of these types need and that do not exist; gives their names.

    Raises Refused when the user says no, PermissionDenied when a call is denied.
    """
    gone = missing(types, session.cloud)
    if not gone:
        return ()
    names = ", ".join(each.name for each in gone)
    question = Question(f"Create the service-linked role{'s' if len(gone) > 1 else ''} {names}?", "--yes")
    if not session.ui.confirm(question):
        raise Refused("declined; nothing was created")
    for each in gone:
        _create(session, each)
    return tuple(each.name for each in gone)


def _create(session: Session, role: LinkedRole) -> None:
    try:
        session.cloud.create_service_linked_role(role.service)
    except PermissionDenied as error:
        command = f"`aws iam create-service-linked-role --aws-service-name {role.service}`"
        raise PermissionDenied(
            error.permission, error.message, f"a principal with iam:CreateServiceLinkedRole has to run {command}"
        ) from error
