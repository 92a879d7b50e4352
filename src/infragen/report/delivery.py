"""What a pipeline and an environment file have to know of the roles of CI, and what these lack, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.text import Text

from infragen.engine.delivery import DeliveryCheck
from infragen.permissions.trust import Repository
from infragen.project.pipeline.project import push_variable

UP_TO_DATE = "the roles of CI are up to date"


def role_lines(environment: str, repository: Repository, outputs: Mapping[str, str]) -> Iterator[Text]:
    """Yield where the roles' ARNs belong: the variables that the generated pipeline reads."""
    variables = (
        ("DEPLOY_ROLE", environment, outputs.get("DeployRoleArn", "")),
        ("PLAN_ROLE", f"{environment}-plan", outputs.get("PlanRoleArn", "")),
        (push_variable(environment), "", outputs.get("PushRoleArn", "")),
    )
    if repository.kind == "github":
        yield Text(f"set in {repository.name}, where the generated workflows read them:")
        for name, where, arn in variables:
            at = f" --env {where}" if where else ""
            yield Text(f"  gh variable set {name} --repo {repository.name}{at} --body {arn}")
        return
    yield Text(f"set as CI/CD variables of {repository.name}, where the generated pipeline reads them:")
    for name, where, arn in variables:
        yield Text(f"  {name}{f' (environment {where})' if where else ''} = {arn}")


def key_lines(file: str, keys: Mapping[str, str]) -> Iterator[Text]:
    """Yield what to add to an environment file."""
    if keys:
        yield Text(f"add to {file} (or run this again with --write):")
        yield Text("  iam:")
        yield from (Text(f"    {key}: {value}") for key, value in keys.items())


def check_lines(environment: str, found: DeliveryCheck) -> Iterator[Text]:
    """Yield what the roles lack, and which resources of their stack would change."""
    if not found.stale:
        yield Text(f"{environment}: {UP_TO_DATE}")
    yield from (Text(f"lacks    {each}") for each in found.missing)
    yield from (Text(f"differs  {each}") for each in found.changed)
