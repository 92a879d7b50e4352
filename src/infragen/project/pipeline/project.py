"""What of a project decides how it is delivered: the order of its environments, and what it has to test and build."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from infragen.config import Environment
from infragen.errors import InputError
from infragen.project.pipeline.pins import SQUAWK

FIRST_LINE = "# Written by `infragen pipeline`: "
MAIN = "main"
_WRITTEN = re.compile(rf"^{re.escape(FIRST_LINE)}stages (.+?)(?: from branch (\S+))?; change", re.MULTILINE)
DEVELOPMENT = "dev"


@dataclass(frozen=True)
class Stage:
    """An environment that is delivered to. A `reviewed` one gets a saved plan that somebody approves."""

    env: Environment
    reviewed: bool

    @property
    def name(self) -> str:
        """Return the name of the environment."""
        return self.env.environment

    @property
    def repository(self) -> str:
        """Return the name of its image repository."""
        return f"{self.env.name}-api"

    @property
    def push_variable(self) -> str:
        """Return the variable that names the role with which images are pushed for it."""
        return push_variable(self.name)


@dataclass(frozen=True)
class Project:
    """The stages in their order, and what the project has: an image to build, npm scripts, migrations, the version of
    infragen that it asks for (a requirements file, or nothing), and an environment for the local emulator.
    """

    stages: tuple[Stage, ...]
    has_image: bool
    scripts: frozenset[str]
    requirements: str
    local: str
    branch: str = MAIN
    has_migrations: bool = False

    @property
    def architecture(self) -> str:
        """Return the architecture of the API's tasks; one for all stages, since the image is built once."""
        found = {each.env.api.architecture for each in self.stages if each.env.api is not None}
        if len(found) > 1:
            raise InputError(
                "the stages have different api.architecture, but their image is built once",
                "give all of them the same api.architecture",
            )
        return found.pop() if found else "arm64"

    @property
    def platform(self) -> str:
        """Return the platform of its image, as builders name it."""
        return "linux/arm64" if self.architecture == "arm64" else "linux/amd64"

    @property
    def local_tests(self) -> tuple[str, ...]:
        """Return the commands that test it on the local emulator; none where `infragen dev` has nothing to start."""
        if not self.local or "start" not in self.scripts:
            return ()
        tests = [each for each in ("test:integration", "test:e2e") if each in self.scripts]
        return tuple(f"infragen dev --env {self.local} --exec -- npm run {each}" for each in tests)

    @property
    def header(self) -> str:
        """Return the first lines of each file that is written."""
        names = " ".join(each.name for each in self.stages)
        branch = f" from branch {self.branch}" if self.branch != MAIN else ""
        return (
            f"{FIRST_LINE}stages {names}{branch}; change the environments and write it again.\n"
            "# Without this line it is yours: infragen does not write over it.\n"
        )


def install(project: Project) -> str:
    """Return the command that installs the infragen of the project."""
    return f"python -m pip install --quiet --requirement {project.requirements}"


def push_script(stage: Stage, login: str, build: str) -> str:
    """Return the commands that build an image and push it, unless its tag is there: tags are immutable.

    `login` is the builder's, `build` what it does with the name "$image"; both find the tag in $COMMIT.
    """
    region, repository = stage.env.region, stage.repository
    return (
        "account=$(aws sts get-caller-identity --query Account --output text)\n"
        f"registry=$account.dkr.ecr.{region}.amazonaws.com\n"
        f"image=$registry/{repository}:$COMMIT\n"
        f'if aws ecr describe-images --repository-name {repository} --image-ids "imageTag=$COMMIT" > /dev/null 2>&1; '
        "then exit 0; fi\n"
        f'aws ecr get-login-password | {login} --username AWS --password-stdin "$registry"\n'
        f"{build}"
    )


def end_to_end_script(stage: Stage) -> str:
    """Return the commands that test a deployed stage from outside; a reviewed one is only read."""
    smoke = "SMOKE=read " if stage.reviewed else ""
    return (
        f"BASE_URL=$(infragen outputs --env {stage.name} --format json | python -c "
        f"'import json, sys; print(json.load(sys.stdin)[\"Url\"])')\nexport BASE_URL\n{smoke}npm run test:e2e"
    )


def squawk_script(base: str) -> str:
    """Return the command that lints the migrations that a branch adds or changes since `base`, a word of the shell."""
    return (
        f"git diff -z --name-only --diff-filter=AM {base}...HEAD -- 'migrations/*.sql' "
        f"| xargs -0 --no-run-if-empty npx --yes squawk-cli@{SQUAWK}"
    )


def push_variable(environment: str) -> str:
    """Return the variable that names the role with which images are pushed for an environment."""
    return f"PUSH_ROLE_{environment.upper().replace('-', '_')}"


def stages_of(environments: Sequence[Environment], order: Sequence[str]) -> tuple[Stage, ...]:
    """Return the stages in the given order; without one all environments but `dev`, a protected one last.

    Raises InputError for an unknown name, and where the order is not known: two protected ones.
    """
    by_name = {each.environment: each for each in environments}
    for name in order:
        if name not in by_name:
            raise InputError(f"there is no environment {name}", f"there are: {', '.join(sorted(by_name))}")
    if len(set(order)) != len(order):
        raise InputError("a stage is named twice", "name each environment once")
    chosen = [by_name[each] for each in order]
    if not order:
        others = [each for each in environments if each.environment != DEVELOPMENT]
        protected = [each for each in others if each.protected]
        if len(protected) > 1:
            names = ", ".join(each.environment for each in protected)
            raise InputError(f"several environments are protected ({names}): which comes last?", "--stage, in order")
        chosen = [*sorted((each for each in others if not each.protected), key=lambda each: each.environment)]
        chosen += protected
    if not chosen:
        raise InputError("there is no environment to deliver to but dev", "add one, or name it: --stage dev")
    return tuple(Stage(each, each.protected) for each in chosen)


def stages_in(text: str) -> tuple[str, ...] | None:
    """Return the stages that a written file names; None for a file that infragen did not write."""
    found = _WRITTEN.search(text)
    return tuple(found[1].split()) if found else None


def branch_in(text: str) -> str:
    """Return the branch that a written file delivers."""
    found = _WRITTEN.search(text)
    return (found[2] if found else "") or MAIN
