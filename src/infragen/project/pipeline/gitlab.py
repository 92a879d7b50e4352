"""The pipeline of GitLab CI: what a merge request must pass, and how main is delivered.

Jobs with npm scripts run in Node's image, which has git and Python too; the others in Python's. An image is built by
Buildah, which needs neither a Docker daemon nor a privileged runner (docs.gitlab.com, "Migrate from kaniko to Buildah";
kaniko is archived; read 2026-11-29).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from infragen.errors import InputError
from infragen.project.pipeline.project import Project, Stage, end_to_end_script, install, push_script, squawk_script

FILE = ".gitlab-ci.yml"
PYTHON, NODE, BUILDAH, ALPINE = "python:3.13-slim", "node:24", "quay.io/buildah/stable", "alpine:3"
ARM_RUNNER = "saas-linux-small-arm64"
"""Tag of GitLab.com's runners for arm64 (docs.gitlab.com, "Hosted runners on Linux"; gitlab-org/gitlab#501423)."""

_CHECKS = ("check", "templates", "application", "migrations", "build-image", "compare", "comment")
_ROLE = (
    'echo "$AWS_TOKEN" > /tmp/web-identity',
    "export AWS_WEB_IDENTITY_TOKEN_FILE=/tmp/web-identity AWS_ROLE_ARN=$ROLE AWS_ROLE_SESSION_NAME=gitlab-$CI_JOB_ID",
)
_TOKEN = ("id_tokens:", "  AWS_TOKEN:", "    aud: sts.amazonaws.com")
_MERGE = "$CI_PIPELINE_SOURCE == 'merge_request_event'"
_ON_MERGE = ("rules:", f"  - if: {_MERGE}")
_GIT = ("apt-get update -qq", "apt-get install -qq git > /dev/null")
_TARGET = 'git fetch -q origin "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME"'
_WHOLE = 'variables: {GIT_DEPTH: "0"}'
# A command per item: of several in one, GitLab may look at the last one's exit code only (docs.gitlab.com, "Scripts and
# job logs"), and after `fetch && checkout` a shell goes on when fetch fails, and another commit is delivered.
_CHECKOUT = (
    'export COMMIT="${COMMIT:-$CI_COMMIT_SHA}"', 'git fetch -q origin "$COMMIT"', 'git checkout -q "$COMMIT"',
)  # fmt: skip
RESERVED = frozenset({
    "after_script", "before_script", "cache", "default", "false", "image", "include", "nil", "pages", "services",
    "spec", "stages", "true", "types", "variables", "workflow",
})  # fmt: skip
"""Names that a job cannot have, or that mean something else (docs.gitlab.com, "CI/CD jobs", read 2026-11-29; `image`
and the like by the schema of check-jsonschema 0.37)."""


def pipeline(project: Project) -> dict[str, str]:
    """Return the file to write, by its path in the repository."""
    stages = ["check", *(each for stage in project.stages for each in _stages(project, stage))]
    jobs = [*_checks(project)]
    names = [*_CHECKS, *stages[1:]]
    wrong = sorted({each for each in names if each in RESERVED or names.count(each) > 1})
    if wrong:
        raise InputError(
            f"{wrong[0]} cannot be the name of a stage and its jobs: .gitlab-ci.yml has another use for it",
            "name other environments: `infragen pipeline gitlab --stage NAME`",
        )
    earlier: Stage | None = None
    for stage in project.stages:
        if project.has_image:
            jobs.append(_promotion(project, stage, earlier) if earlier else _image(project, stage))
        jobs += _delivery(project, stage)
        earlier = stage
    head = (
        f"stages: [{', '.join(stages)}]\n"
        f"workflow:\n  rules:\n    - if: {_MERGE}\n    - if: $CI_COMMIT_BRANCH == '{project.branch}'\n"
        f"default:\n  image: {PYTHON}\n"
    )
    if _tags(project):
        head += (
            "variables:\n  # the tag of a runner for arm64; a variable of the project with this name goes first\n"
            f"  IMAGE_RUNNER: {ARM_RUNNER}\n"
        )
    return {FILE: project.header + head + "\n".join(jobs) + "\n"}


def pinned(text: str, written: str) -> str:
    """Return the file with the digests of the file as it was written before: `image: node:24@sha256:…` stays.

    Nobody can tell the digest of a tag without asking a registry, so it is the user's to add, and the file remembers
    it. Raises InputError for an image with two digests.
    """
    for image, digests in _digests(written).items():
        if len(digests) > 1:
            raise InputError(
                f"{FILE} names {image} by {len(digests)} digests: {', '.join(sorted(digests))}",
                "leave the one that you looked at; it is written into each job",
            )
        text = re.sub(rf"(?m)(image: {re.escape(image)})$", rf"\1@{next(iter(digests))}", text)
    return text


def unpinned(text: str) -> tuple[str, ...]:
    """Return the images that a file names by a tag alone."""
    found = re.findall(r"(?m)^ *image: (\S+)$", text)
    return tuple(dict.fromkeys(each for each in found if "@" not in each))


def _digests(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for image, digest in re.findall(r"(?m)^ *image: (\S+)@(sha256:[0-9a-f]{64})\r?$", text):
        if image in (PYTHON, NODE, BUILDAH, ALPINE):
            found.setdefault(image, set()).add(digest)
    return found


def _stages(project: Project, stage: Stage) -> list[str]:
    image = [f"{stage.name}-image"] if project.has_image else []
    return [*image, *([f"{stage.name}-plan"] if stage.reviewed else []), stage.name]


def _job(name: str, stage: str, script: list[str], *settings: str) -> str:
    lines = [f"{name}:", f"  stage: {stage}", *(f"  {each}" for each in settings), "  script:"]
    for each in script:
        one = each.split("\n")
        plain = len(one) == 1 and ": " not in each and " #" not in each
        lines += [f"    - {one[0]}"] if plain else ["    - |", *(f"      {x}" for x in one)]
    return "\n".join(lines)


def _tags(project: Project) -> tuple[str, ...]:
    return ("tags: [$IMAGE_RUNNER]",) if project.has_image and project.architecture == "arm64" else ()


def _tools(project: Project) -> list[str]:
    """Return the commands that install the project's infragen, and its npm packages where it has scripts."""
    if not project.scripts:
        return [install(project)]
    venv = ["apt-get update -qq", "apt-get install -qq python3-venv > /dev/null", "python3 -m venv /opt/venv"]
    return [*venv, 'export PATH="/opt/venv/bin:$PATH"', install(project), "npm ci"]


def _checks(project: Project) -> Iterator[str]:
    checks = ["infragen render --check", "infragen lint --fail-on informational --format junit > lint.xml"]
    checks.append("infragen pipeline gitlab --check")
    report = ("artifacts:", "  when: always", "  reports: {junit: lint.xml}")
    yield _job("templates", "check", [install(project), *checks], *report, *_ON_MERGE)
    if project.local_tests or "check" in project.scripts:
        own = ["npm run check"] if "check" in project.scripts else []
        yield _job("application", "check", [*_tools(project), *own, *project.local_tests], f"image: {NODE}", *_ON_MERGE)
    if project.has_migrations:
        yield _job("migrations", "check", [_TARGET, squawk_script("FETCH_HEAD")], f"image: {NODE}", _WHOLE, *_ON_MERGE)
    if project.has_image:
        build = [f"buildah build --platform {project.platform} ."]
        yield _job("build-image", "check", build, f"image: {BUILDAH}", *_tags(project), *_ON_MERGE)
    compare = [_TARGET, "infragen diff --against FETCH_HEAD --format markdown > plan.md", "cat plan.md"]
    yield _job(
        "compare", "check", [*_GIT, install(project), *compare], _WHOLE, "artifacts:", "  paths: [plan.md]",
        "  expire_in: 1 day", *_ON_MERGE,
    )  # fmt: skip
    yield _job(
        "comment", "check", ["apk add --quiet curl jq", *_POST], f"image: {ALPINE}", "needs: [compare]",
        'variables: {GIT_STRATEGY: "none"}', "rules:", f"  - if: {_MERGE} && $COMMENT_TOKEN",
    )  # fmt: skip


_POST = (
    """call() { curl --fail-with-body --silent --show-error --header "PRIVATE-TOKEN: $COMMENT_TOKEN" "$@"; }""",
    "notes=$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes",
    'call "$CI_API_V4_URL/user" > user.json',
    'call "$notes?per_page=100&sort=asc" > notes.json',
    """ours='map(select(.author.id == $user[0].id and (.body | startswith("<!-- infragen diff "))))[0].id // empty'""",
    'id=$(jq --slurpfile user user.json "$ours" notes.json)',
    """\
if [ -n "$id" ]; then
  call --request PUT --data-urlencode body@plan.md "$notes/$id" > /dev/null
else
  call --request POST --data-urlencode body@plan.md "$notes" > /dev/null
fi""",
)


def _settings(project: Project, stage: Stage, role: str, *more: str) -> tuple[str, ...]:
    """Return what each job of a delivery has: its branch, its token, and the role that it takes with that."""
    return (
        *_TOKEN, "variables:", f"  AWS_REGION: {stage.env.region}", f"  ROLE: ${role}", *more, "rules:",
        f"  - if: $CI_COMMIT_BRANCH == '{project.branch}'",
    )  # fmt: skip


def _image(project: Project, stage: Stage) -> str:
    """Return the job that builds the image for the first stage."""
    build = f'buildah build --platform {project.platform} --tag "$image" .\nbuildah push "$image"'
    tools = "dnf install -q -y awscli2 git-core > /dev/null"
    return _job(
        f"{stage.name}-image", f"{stage.name}-image",
        [tools, *_CHECKOUT, *_ROLE, *push_script(stage, "buildah login", build).split("\n")],
        f"image: {BUILDAH}", *_tags(project), *_settings(project, stage, stage.push_variable),
    )  # fmt: skip


_PROFILES = (
    r"""profile() { printf '[profile %s]\nrole_arn = %s\nweb_identity_token_file = /tmp/web-identity\n' "$1" "$2"; }""",
    'profile source "$SOURCE_ROLE" > /tmp/aws-config',
    'profile target "$ROLE" >> /tmp/aws-config',
    "export AWS_CONFIG_FILE=/tmp/aws-config",
)


def _promotion(project: Project, stage: Stage, earlier: Stage) -> str:
    """Return the job that gives a later stage the very same image, with a role of each account."""
    promote = f'infragen image promote --from {earlier.name} --to {stage.name} --image-tag "$COMMIT"'
    script = [*_GIT, *_CHECKOUT, install(project), _ROLE[0], *_PROFILES]
    return _job(
        f"{stage.name}-image", f"{stage.name}-image", [*script, f"{promote} --from-profile source --profile target"],
        *_settings(project, stage, stage.push_variable, f"  SOURCE_ROLE: ${earlier.push_variable}"),
    )  # fmt: skip


def _delivery(project: Project, stage: Stage) -> Iterator[str]:
    """Yield the jobs of one stage: its plan where it is reviewed, its deployment with the tests from outside."""
    name = stage.name
    image = (f"image: {NODE}",) if project.scripts else ()
    begin = [*(() if project.scripts else _GIT), *_CHECKOUT, *_tools(project)]
    build = ["npm run build"] if "build" in project.scripts else []
    tag = ' --image-tag "$COMMIT"' if project.has_image else ""
    tests = end_to_end_script(stage).split("\n") if "test:e2e" in project.scripts else []
    deploy = [f"infragen doctor --env {name}", f"infragen deploy --env {name} --yes{tag}"]
    manual: tuple[str, ...] = ()
    if stage.reviewed:
        yield _job(
            f"{name}-plan", f"{name}-plan",
            [*begin, *build, *_ROLE, f"infragen plan --env {name}{tag} --out {name}.plan"],
            *image, f"environment: {name}-plan", "artifacts:", f"  paths: [{name}.plan]", "  expire_in: 2 days",
            "  access: developer", *_settings(project, stage, "PLAN_ROLE"),
        )  # fmt: skip
        build, deploy, manual = [], [f"infragen deploy --plan {name}.plan"], ("    when: manual",)
    link: tuple[str, ...] = ()
    if stage.env.api is not None:
        deploy += [f"infragen outputs --env {name} --format gitlab > all.env", "grep '^URL=' all.env > outputs.env"]
        link = ("  url: $URL",)
    report = ("artifacts:", "  reports: {dotenv: outputs.env}", "  access: developer") if link else ()
    yield _job(
        name, name, [*begin, *build, *_ROLE, *deploy, *tests], *image, "environment:", f"  name: {name}", *link,
        *report, f"resource_group: {name}", *_settings(project, stage, "DEPLOY_ROLE"), *manual,
    )  # fmt: skip
