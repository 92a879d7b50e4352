"""The pipeline of GitLab CI: what a merge request must pass, and how main is delivered."""

from __future__ import annotations

from collections.abc import Iterator

from infragen.pipeline.github import install, local_script
from infragen.pipeline.project import Project, Stage

FILE = ".gitlab-ci.yml"
IMAGE = "python:3.13-slim"
_ROLE = (
    'echo "$AWS_TOKEN" > /tmp/web-identity',
    "export AWS_WEB_IDENTITY_TOKEN_FILE=/tmp/web-identity AWS_ROLE_ARN=$ROLE AWS_ROLE_SESSION_NAME=gitlab-$CI_JOB_ID",
)
_MERGE = "if: $CI_PIPELINE_SOURCE == 'merge_request_event'"
_COMMIT = "${COMMIT:-$CI_COMMIT_SHA}"


def pipeline(project: Project) -> dict[str, str]:
    """Return the file to write, by its path in the repository."""
    stages = ["check", *(each for stage in project.stages for each in _stages(stage))]
    jobs = [*_checks(project)]
    for stage in project.stages:
        jobs += _delivery(project, stage)
    head = (
        f"stages: [{', '.join(stages)}]\n"
        "workflow:\n  rules:\n"
        f"    - {_MERGE}\n    - if: $CI_COMMIT_BRANCH == '{project.branch}'\n"
        f"default:\n  image: {IMAGE}\n"
    )
    return {FILE: project.header + head + "\n".join(jobs) + "\n"}


def _stages(stage: Stage) -> list[str]:
    return [f"{stage.name}-plan", stage.name] if stage.reviewed else [stage.name]


def _job(name: str, stage: str, script: list[str], *settings: str) -> str:
    lines = [f"{name}:", f"  stage: {stage}", *(f"  {each}" for each in settings), "  script:"]
    for each in script:
        one = each.split("\n")
        lines += (
            [f"    - {one[0]}"] if len(one) == 1 and ": " not in each else ["    - |", *(f"      {x}" for x in one)]
        )
    return "\n".join(lines)


def _checks(project: Project) -> Iterator[str]:
    rules = ("rules:", f"  - {_MERGE}")
    checks = ["infragen render --check", "infragen lint --fail-on informational", "infragen pipeline gitlab --check"]
    yield _job("templates", "check", [install(project), *checks], *rules)
    if project.scripts & {"check", "test:e2e"}:
        script = ["npm ci", *(["npm run check"] if "check" in project.scripts else [])]
        if project.local and "test:e2e" in project.scripts:
            setup = "apt-get update -qq && apt-get install -qq python3-venv > /dev/null"
            venv = 'python3 -m venv /opt/venv && export PATH="/opt/venv/bin:$PATH"'
            script += [setup, venv, install(project), local_script(project)]
        yield _job("application", "check", script, "image: node:24", *rules)
    compare = 'git fetch -q origin "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME"\ninfragen diff --against FETCH_HEAD'
    setup = "apt-get update -qq && apt-get install -qq git > /dev/null"
    yield _job("compare", "check", [setup, install(project), compare], 'variables: {GIT_DEPTH: "0"}', *rules)


def _delivery(project: Project, stage: Stage) -> Iterator[str]:
    name = stage.name
    token = ("id_tokens:", "  AWS_TOKEN:", "    aud: sts.amazonaws.com")
    rules = ("rules:", f"  - if: $CI_COMMIT_BRANCH == '{project.branch}'")
    region = f"AWS_REGION: {stage.env.region}"
    prepare = [*_ROLE, install(project)]
    checkout = 'if [ -n "$COMMIT" ]; then git fetch -q origin "$COMMIT" && git checkout -q "$COMMIT"; fi'
    tool = "apt-get update -qq && apt-get install -qq git > /dev/null"
    begin = [tool, checkout, *prepare]
    tag = f' --image-tag "{_COMMIT}"' if project.has_image else ""
    if not stage.reviewed:
        yield _job(
            name, name, [*begin, f"infragen doctor --env {name}", f"infragen deploy --env {name} --yes{tag}"],
            f"environment: {name}", f"resource_group: {name}", *token,
            "variables:", f"  {region}", "  ROLE: $DEPLOY_ROLE", *rules,
        )  # fmt: skip
        return
    yield _job(
        f"{name}-plan", f"{name}-plan", [*begin, f"infragen plan --env {name}{tag} --out {name}.plan"],
        f"environment: {name}-plan", *token, "variables:", f"  {region}", "  ROLE: $PLAN_ROLE",
        "artifacts:", f"  paths: [{name}.plan]", "  expire_in: 2 days", "  access: developer", *rules,
    )  # fmt: skip
    yield _job(
        name, name, [*begin, f"infragen deploy --plan {name}.plan"],
        f"environment: {name}", f"resource_group: {name}", *token,
        "variables:", f"  {region}", "  ROLE: $DEPLOY_ROLE", *rules, "    when: manual",
    )  # fmt: skip
