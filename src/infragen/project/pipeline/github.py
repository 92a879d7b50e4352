"""The workflows of GitHub Actions: what a pull request must pass, and how main is delivered."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infragen.project.pipeline.pins import action
from infragen.project.pipeline.project import Project, Stage, end_to_end_script, install, push_script, squawk_script

PULL_REQUEST, DEPLOY = ".github/workflows/pull-request.yaml", ".github/workflows/deploy.yaml"
COMMIT = "${{ inputs.commit || github.sha }}"


def workflows(project: Project) -> dict[str, str]:
    """Return the files to write, by their paths in the repository."""
    return {PULL_REQUEST: _pull_request(project), DEPLOY: _deploy(project)}


def _step(*lines: str) -> str:
    return "\n".join((f"      - {lines[0]}", *(f"        {each}" for each in lines[1:])))


def _run(script: str, *before: str) -> str:
    lines = script.strip("\n").split("\n")
    if len(lines) == 1:
        body: tuple[str, ...] = (f"run: {lines[0]}",)
    else:
        body = ("run: |", *(f"  {each}" for each in lines))
    return _step(*before, *body)


def _checkout(*more: str, ref: str = "") -> str:
    given = (f"ref: {ref}",) if ref else ()
    return _step(
        f"uses: {action('actions/checkout')}", "with:", *(f"  {each}" for each in (*given, *more)),
        "  persist-credentials: false",
    )  # fmt: skip


def _infragen(project: Project) -> Iterator[str]:
    yield _step(f"uses: {action('actions/setup-python')}", "with:", '  python-version: "3.13"')
    yield _run(install(project))


def _node(project: Project) -> Iterator[str]:
    if project.scripts:
        yield _step(f"uses: {action('actions/setup-node')}", "with:", '  node-version: "24"')
        yield _run("npm ci")


def _credentials(stage: Stage, role: str, *more: str, named: str = "") -> str:
    before = (f"id: {named}",) if named else ()
    asked = (f"role-to-assume: ${{{{ vars.{role} }}}}", f"aws-region: {stage.env.region}", *more)
    return _step(
        *before, f"uses: {action('aws-actions/configure-aws-credentials')}", "with:", *(f"  {each}" for each in asked),
    )  # fmt: skip


def _job(name: str, *settings: str, steps: list[str], rights: tuple[str, ...] = ("contents: read",)) -> str:
    lines = [f"  {name}:", *(f"    {each}" for each in settings), "    permissions:"]
    lines += [f"      {each}" for each in rights]
    return "\n".join([*lines, "    steps:", *steps])


_IDENTITY = ("contents: read", "id-token: write")


def _pull_request(project: Project) -> str:
    checks = [_checkout(), *_infragen(project), *_node(project)]
    checks += [_run("infragen render --check"), _run("infragen lint --fail-on informational --format github")]
    checks.append(_run("infragen pipeline github --check"))
    if "check" in project.scripts:
        checks.append(_run("npm run check"))
    jobs = [_job("checks", "runs-on: ubuntu-24.04", "timeout-minutes: 15", steps=checks)]
    if project.local_tests:
        jobs.append(_job("local", "runs-on: ubuntu-24.04", "timeout-minutes: 20", steps=list(_local_steps(project))))
    if project.has_image:
        build = f"docker buildx build --platform {project.platform} ."
        jobs.append(
            _job("image", f"runs-on: {_runner(project)}", "timeout-minutes: 20", steps=[_checkout(), _run(build)])
        )
    if project.has_migrations:
        jobs.append(_migrations())
    jobs += [_compare(project), _COMMENT]
    head = (
        "name: pull-request\non:\n  pull_request:\npermissions: {}\nconcurrency:\n"
        "  group: pull-request-${{ github.ref }}\n  cancel-in-progress: true\njobs:\n"
    )
    return project.header + head + "\n".join(jobs) + "\n"


def _runner(project: Project) -> str:
    return "ubuntu-24.04-arm" if project.architecture == "arm64" else "ubuntu-24.04"


def _local_steps(project: Project) -> Iterator[str]:
    """Yield the steps that test the project on the emulator of the runner: no credentials, nothing billed."""
    yield _checkout()
    yield from _infragen(project)
    yield from _node(project)
    yield from map(_run, project.local_tests)


def _migrations() -> str:
    steps = [
        _checkout("fetch-depth: 0"),
        _step(f"uses: {action('actions/setup-node')}", "with:", '  node-version: "24"'),
        _run(squawk_script('"$BASE"'), "env:", "  BASE: origin/${{ github.base_ref }}"),
    ]
    return _job("migrations", "runs-on: ubuntu-24.04", "timeout-minutes: 10", steps=steps)


def _compare(project: Project) -> str:
    script = 'infragen diff --against "$BASE" --format markdown > plan.md\ncat plan.md >> "$GITHUB_STEP_SUMMARY"'
    steps = [
        _checkout("fetch-depth: 0"),
        *_infragen(project),
        _run(script, "env:", "  BASE: origin/${{ github.base_ref }}"),
        _step(
            f"uses: {action('actions/upload-artifact')}", "with:", "  name: plan", "  path: plan.md",
            "  retention-days: 1",
        ),
    ]  # fmt: skip
    return _job("compare", "runs-on: ubuntu-24.04", "timeout-minutes: 10", steps=steps)


_POST = """\
ours='.[] | select(.user.type == "Bot" and (.body | startswith("<!-- infragen diff "))) | .id'
id=$(gh api --paginate "$COMMENTS" --jq "$ours" | tail -n 1)
if [ -n "$id" ]; then
  gh api --silent --method PATCH "$COMMENT/$id" --field body=@plan/plan.md
else
  gh api --silent --method POST "$COMMENTS" --field body=@plan/plan.md
fi"""
_COMMENT = _job(
    "comment",
    "needs: compare",
    "# may write comments, so it runs no code of the pull request; a fork's token may not write",
    "if: github.event.pull_request.head.repo.full_name == github.repository",
    "runs-on: ubuntu-24.04",
    "timeout-minutes: 5",
    rights=("pull-requests: write",),
    steps=[
        _step(f"uses: {action('actions/download-artifact')}", "with:", "  name: plan", "  path: plan"),
        _run(
            _POST, "env:", "  GH_TOKEN: ${{ github.token }}",
            "  COMMENTS: repos/${{ github.repository }}/issues/${{ github.event.pull_request.number }}/comments",
            "  COMMENT: repos/${{ github.repository }}/issues/comments",
        ),
    ],
)  # fmt: skip


def _deploy(project: Project) -> str:
    jobs: list[str] = []
    earlier: Stage | None = None
    for stage in project.stages:
        jobs += _stage(project, stage, earlier)
        earlier = stage
    head = (
        f"name: deploy\non:\n  push:\n    branches: [{_scalar(project.branch)}]\n  workflow_dispatch:\n    inputs:\n"
        "      commit:\n        description: Commit to deploy instead, such as an earlier one to roll back to\n"
        "        type: string\npermissions: {}\nconcurrency:\n  group: deploy\n  cancel-in-progress: false\njobs:\n"
    )
    return project.header + head + "\n".join(jobs) + "\n"


def _scalar(text: str) -> str:
    """Return a text as YAML reads it as one: quoted where it would be a number or a truth value (`1.0`, `on`)."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*", text) and text.lower() not in _NO_TEXTS
    return text if plain else f'"{text}"'


_NO_TEXTS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def _stage(project: Project, stage: Stage, earlier: Stage | None) -> Iterator[str]:
    """Yield the jobs of one stage: its image, its plan where it is reviewed, its deployment."""
    needs = earlier.name if earlier else ""
    if project.has_image:
        yield _image(project, stage, earlier)
        needs = f"{stage.name}-image"
    if stage.reviewed:
        yield _plan(project, stage, needs)
        needs = f"{stage.name}-plan"
    after = [f"needs: {needs}"] if needs else []
    condition = [f"if: needs.{stage.name}-plan.outputs.changes == 'true'"] if stage.reviewed else []
    link = (f"  url: ${{{{ steps.{_OUTPUTS}.outputs.Url }}}}",) if stage.env.api is not None else ()
    yield _job(
        stage.name, *after, *condition, "runs-on: ubuntu-24.04", "timeout-minutes: 120", "environment:",
        f"  name: {stage.name}", *link, rights=_IDENTITY, steps=list(_deployment(project, stage)),
    )  # fmt: skip


_OUTPUTS = "outputs"
"""Step whose outputs are those of the environment."""


def _deployment(project: Project, stage: Stage) -> Iterator[str]:
    name = stage.name
    yield _checkout(ref=COMMIT)
    yield from _infragen(project)
    yield from _node(project)
    if stage.reviewed:
        yield _step(f"uses: {action('actions/download-artifact')}", "with:", f"  name: {name}-plan")
    elif "build" in project.scripts:
        yield _run("npm run build")
    yield _credentials(stage, "DEPLOY_ROLE")
    if stage.reviewed:
        yield _run(f"infragen deploy --plan {name}.plan")
    else:
        tag = f' --image-tag "{COMMIT_VARIABLE}"' if project.has_image else ""
        yield _run(f"infragen doctor --env {name} --format github")
        yield _run(f"infragen deploy --env {name} --yes{tag}", *_commit_variable(project))
    if stage.env.api is not None:
        yield _run(f'infragen outputs --env {name} --format github >> "$GITHUB_OUTPUT"', f"id: {_OUTPUTS}")
    if "test:e2e" in project.scripts:
        yield _run(end_to_end_script(stage))


COMMIT_VARIABLE = "$COMMIT"


def _commit_variable(project: Project) -> tuple[str, ...]:
    return ("env:", f"  COMMIT: {COMMIT}") if project.has_image else ()


def _plan(project: Project, stage: Stage, needs: str) -> str:
    name = stage.name
    tag = f' --image-tag "{COMMIT_VARIABLE}"' if project.has_image else ""
    script = (
        "code=0\n"
        f"infragen plan --env {name}{tag} --out {name}.plan --detailed-exitcode || code=$?\n"
        'case $code in 0) ;; 10) echo changes=true >> "$GITHUB_OUTPUT" ;; *) exit "$code" ;; esac'
    )
    build = [_run("npm run build")] if "build" in project.scripts else []
    upload = _step(
        f"uses: {action('actions/upload-artifact')}", "with:", f"  name: {name}-plan", f"  path: {name}.plan",
        "  retention-days: 2",
    )  # fmt: skip
    steps = [_checkout(ref=COMMIT), *_infragen(project), *_node(project), *build, _credentials(stage, "PLAN_ROLE")]
    steps += [_run(script, "id: plan", *_commit_variable(project)), upload]
    return _job(
        f"{name}-plan", *([f"needs: {needs}"] if needs else []), "runs-on: ubuntu-24.04", "timeout-minutes: 30",
        f"environment: {name}-plan", "outputs:", "  changes: ${{ steps.plan.outputs.changes }}",
        rights=_IDENTITY, steps=steps,
    )  # fmt: skip


def _image(project: Project, stage: Stage, earlier: Stage | None) -> str:
    """Return the job that builds the image for the first stage, or gives the next one the very same image."""
    if earlier is None:
        build = f'docker buildx build --platform {project.platform} --push --tag "$image" .'
        script = push_script(stage, "docker login", build)
        steps = [_checkout(ref=COMMIT), _credentials(stage, stage.push_variable)]
        return _job(
            f"{stage.name}-image", f"runs-on: {_runner(project)}", "timeout-minutes: 30", rights=_IDENTITY,
            steps=[*steps, _run(script, "env:", f"  COMMIT: {COMMIT}")],
        )  # fmt: skip
    promote = f'infragen image promote --from {earlier.name} --to {stage.name} --image-tag "{COMMIT_VARIABLE}"'
    source = [
        f"  SOURCE_AWS_{key}: ${{{{ steps.source.outputs.aws-{key.lower().replace('_', '-')} }}}}"
        for key in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")
    ]
    return _job(
        f"{stage.name}-image", f"needs: {earlier.name}", "runs-on: ubuntu-24.04", "timeout-minutes: 30",
        rights=_IDENTITY,
        steps=[
            _checkout(ref=COMMIT),
            *_infragen(project),
            _credentials(earlier, earlier.push_variable, "output-credentials: true", named="source"),
            _credentials(stage, stage.push_variable),
            _run(promote, "env:", f"  COMMIT: {COMMIT}", *source),
        ],
    )  # fmt: skip
