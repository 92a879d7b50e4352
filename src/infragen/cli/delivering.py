"""Commands that prepare an environment for its delivery: its bucket, the roles of CI, and their policies."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session, show
from infragen.cli.deploying import end
from infragen.cli.json_lines import lines, lines_option
from infragen.cli.output import say
from infragen.cli.pasting import pasteable
from infragen.cli.program import command_options
from infragen.errors import InputError
from infragen.machine.input_file import read
from infragen.machine.output_file import replacing
from infragen.report.printing import echo
from infragen.secrecy.visible import assembled

if TYPE_CHECKING:
    from infragen.config import EnvironmentFile
    from infragen.engine.delivery import DeliveryCheck
    from infragen.permissions.trust import Repository

GH_SECONDS = 20
_IDS = '"\\(.owner.id)/\\(.id)"'
_POLICIES = ("service", "boundary", "deploy", "plan", "push")

_permissions = click.option(
    "--permissions",
    "kind",
    type=click.Choice(["derived", "broad"]),
    help="What CloudFormation's role may do: what the templates need, or all services but IAM, for types "
    "whose needs are not known. Default: as it is deployed, else derived.",
)


@click.command()
@parameters.env("The environment to prepare.", required=True)
@parameters.environments
@click.option("--github", metavar="OWNER/REPO", help="Make the roles with which this repository's workflows deliver.")
@click.option(
    "--github-ids",
    metavar="OWNER_ID/REPO_ID",
    default="",
    help="Numbers of the owner and the repository, for its immutable subjects. Default: asked by `gh`, where it is.",
)
@click.option("--gitlab", metavar="GROUP/PROJECT", help="The same for a project of GitLab.")
@click.option("--gitlab-host", metavar="HOST", default="gitlab.com", show_default=True, help="Host of that GitLab.")
@click.option(
    "--branch",
    metavar="NAME",
    default="main",
    show_default=True,
    help="Branch that is delivered from.",
)
@_permissions
@click.option(
    "--write", is_flag=True, help="Put iam.service_role_arn and iam.permissions_boundary_arn into the environment file."
)
@click.option(
    "--check",
    is_flag=True,
    help="Change nothing; exit with 1 when the roles are not those that the environment needs now.",
)
@parameters.yes
@parameters.verbose
@lines_option
@cloud_options
@command_options
def bootstrap(
    name: str,
    directory: Path,
    github: str | None,
    github_ids: str,
    gitlab: str | None,
    gitlab_host: str,
    branch: str,
    kind: str | None,
    write: bool,
    check: bool,
    yes: bool,
    target: AwsTarget,
) -> None:
    """Create the bucket for templates and code, and the roles of CI.

    Needed once per environment. The bucket is a stack of its own, deployed through a change set like the others.
    Service-linked roles that the environment needs and the account lacks are created, too: without them the first
    deployment in a new account fails. A second run changes nothing.

    With --github or --gitlab, a second stack holds what a pipeline needs: the identity provider where the account has
    none, a permissions boundary, CloudFormation's role with what the rendered templates need, and the roles that
    deploy, plan and push. It needs administrator rights, and nothing after it does. Later runs remember the repository.

    \b
    Examples:
      infragen bootstrap --env dev
      infragen bootstrap --env prod --github acme/shop --write
      infragen bootstrap --env prod --check
    """
    from infragen.assembly.synth import synthesize
    from infragen.engine.bootstrap import bootstrap as make
    from infragen.engine.delivery import check_delivery, delivery_body, deployed_delivery

    repository = None if check else _repository(github, github_ids, gitlab, gitlab_host, branch)
    file = parameters.one(directory, name)
    assembly = synthesize(file.environment)
    with open_session(file, target, yes=yes) as session:
        if check:
            found = check_delivery(session, assembly)
        else:
            now = deployed_delivery(session, file.environment)
            body = delivery_body(session, assembly, now, repository, kind or "")
            if body is None and (write or kind):
                raise InputError(f"{name} has no roles of CI yet", "name the repository: --github OWNER/REPO")
            result = make(file.environment, session, assembly=assembly, delivery=body)
            made = deployed_delivery(session, file.environment) if body and result.exit_code == 0 else None
    if check:
        _end_check(name, found)
        return
    end(result.outcomes, 0)
    if made is not None and made.repository is not None:
        _tell(file, made.repository, made.outputs, write=write)
    click.get_current_context().exit(result.exit_code)


def _repository(github: str | None, ids: str, gitlab: str | None, host: str, branch: str) -> "Repository | None":
    """Return the repository that was named. Raises UsageError for options that exclude each other."""
    from infragen.permissions import trust

    if github is not None and gitlab is not None:
        raise click.UsageError("--github cannot be combined with --gitlab")
    if ids and not github:
        raise click.UsageError("--github-ids needs --github")
    if gitlab is not None:
        return trust.gitlab(gitlab, host, branch)
    if github is None:
        return None
    found = trust.github(github, ids, branch)
    return trust.github(github, ids or _asked_ids(found.name), branch)


def _asked_ids(repository: str) -> str:
    """Return the ids that `gh` says; with a warning nothing where it cannot."""
    gh, said = shutil.which("gh"), ""
    if gh:
        try:
            asked = subprocess.run(  # noqa: S603 - the user's own gh
                [gh, "api", f"repos/{repository}", "--jq", _IDS],
                capture_output=True, text=True, timeout=GH_SECONDS, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            said = asked.stdout.strip() if asked.returncode == 0 else ""
        except (OSError, subprocess.SubprocessError, ValueError):
            said = ""
    if all(each.isdecimal() for each in said.split("/")) and said.count("/") == 1:
        return said
    say(
        f"warning: the ids of {repository} are not known: only its classic subject is trusted, which repositories made "
        "since 2026-07-15 do not have; name them with --github-ids OWNER_ID/REPO_ID",
        err=True,
    )
    return ""


def _end_check(name: str, found: "DeliveryCheck | None") -> None:
    """Print how the roles stand; exit with 1 where they are not what the environment needs."""
    from infragen.report.delivery import check_lines

    if found is None:
        raise InputError(
            f"{name} has no roles of CI: no stack to compare",
            f"make them: `infragen bootstrap --env {name} --github OWNER/REPO`",
        )
    program = lines()
    if program is None:
        show(check_lines(name, found))
    else:
        program.begin()
        for each in check_lines(name, found) if found.stale else ():
            program.warning(each.plain)
    if not found.stale:
        return
    say(pasteable(f"update them with administrator rights: `infragen bootstrap --env {name}`"), err=True)
    click.get_current_context().exit(1)


def _tell(file: "EnvironmentFile", repository: "Repository", outputs: Mapping[str, str], *, write: bool) -> None:
    """Print what the pipeline and the environment file have to know, or put it into the file."""
    from infragen.engine.rights import settings
    from infragen.report.delivery import key_lines, role_lines

    keys = dict(settings(file.environment, outputs))
    program = lines()
    if program is not None:
        program.outputs(dict(outputs))
    if keys and write:
        _write(file, keys)
        say(f"{file.path}: set {', '.join(f'iam.{key}' for key in keys)}; render and commit it", err=True)
    if program is None:
        show(key_lines(str(file.path), {} if write else keys))
        show(role_lines(file.environment.environment, repository, outputs))


def _write(file: "EnvironmentFile", keys: Mapping[str, str]) -> None:
    from infragen.config.edit import with_section

    with replacing(file.path, "the environment file") as put:
        put(with_section(read(file.path).decode(), str(file.path), "iam", keys))


@click.command()
@click.argument("which", type=click.Choice(_POLICIES))
@parameters.env("The environment whose rights to print.", required=True)
@parameters.environments
@click.option(
    "--format", "form", type=click.Choice(["json", "yaml"]), default="json", show_default=True, help="Output format."
)
@click.option(
    "--permissions",
    "kind",
    type=click.Choice(["derived", "broad"]),
    default="derived",
    show_default=True,
    help="For service: what the templates need, or all services but IAM.",
)
@command_options
def policy(which: str, name: str, directory: Path, form: str, kind: str) -> None:
    """Print a policy of the roles that `bootstrap` creates.

    service is what CloudFormation may do, derived from the rendered templates; boundary the most that any role of the
    environment can do; deploy, plan and push what the jobs of a pipeline may do. Asks AWS nothing.

    \b
    Examples:
      infragen policy service --env prod
      infragen policy deploy --env prod --format yaml
    """
    from infragen.assembly.synth import synthesize
    from infragen.assembly.templatefile import dump_yaml
    from infragen.permissions.document import document
    from infragen.permissions.roles import rights_of

    rights = rights_of(synthesize(parameters.one(directory, name).environment), kind)
    statements = {"service": lambda: rights.service, "boundary": lambda: rights.boundary}
    body: dict[str, Any] = document(statements.get(which, lambda: rights.of_ci(which))())
    # made of names that the schema of the file allows, and of AWS's own
    echo(assembled(dump_yaml(body) if form == "yaml" else json.dumps(body, indent=2) + "\n"), nl=False)
