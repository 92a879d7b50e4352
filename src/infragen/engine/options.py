"""What the user asks of a plan or a deployment, and the values of launch parameters that follow from it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from infragen.assembly.code import Artifact, CodePatterns, code_artifact
from infragen.assembly.stacks import bucket_name
from infragen.config import Environment, EnvironmentFile, camel
from infragen.cost import PriceFile
from infragen.engine.gate import BROADENING, Approval
from infragen.errors import InputError
from infragen.plan.model import EnvironmentPlan
from infragen.resource_types.interruption import BRIEF, OUTAGE


@dataclass(frozen=True)
class Options:
    """What the user asked for beside the environment.

    `image_tag` and `code` (worker name -> artifact) replace deployed values; what is not given stays. `allow_data_loss`
    names resources as layer/LogicalId. `on_failure` is rollback, keep or delete, or empty for what the file says of
    first creations. `adopt` takes over a stack without our tags. `follow_timeout` is for how many seconds what runs is
    followed, as long as it takes without. `wait` is for how
    many seconds an operation that somebody else started is waited for; None refuses at once. `prices` stand over
    infragen's own table; `price_file` is what they are called. `allow_widening` names places that may widen access;
    `require_approval` says what needs somebody who agrees: never, broadening or any-change. `allow_cost` is what a
    month may cost in USD although it is more than the budget. `drift` looks for drift before a plan is shown.
    `max_interruption` is the worst that the running service may be interrupted: none, brief, outage, or empty for the
    default. `skip_check` names checks of the account that are not made. `release` says that the
    release command runs or does not run whatever the image tag; None lets the tag decide. `at` is the hash of the
    commit whose environment this is, empty for the work tree's; `notes` are warnings that the plan begins with.
    `ignore_alarms` are names of rollback alarms that this deployment is not rolled back by.
    """

    image_tag: str | None = None
    code: Mapping[str, Artifact] = field(default_factory=dict)
    allow_data_loss: frozenset[str] = frozenset()
    on_failure: str = ""
    adopt: bool = False
    follow_timeout: float | None = None
    wait: float | None = None
    nested: bool = True
    fail_fast: bool = False
    on_interrupt: str = "wait"
    prices: PriceFile | None = None
    price_file: str = ""
    allow_widening: frozenset[str] = frozenset()
    require_approval: str = BROADENING
    allow_cost: float = 0
    drift: bool = False
    max_interruption: str = ""
    skip_check: frozenset[str] = frozenset()
    release: bool | None = None
    at: str = ""
    notes: tuple[str, ...] = ()
    ignore_alarms: frozenset[str] = frozenset()

    def approval(self, env: Environment, shown: EnvironmentPlan) -> Approval:
        """Return what the user has agreed to before being asked."""
        return Approval(self.allow_widening, self.require_approval, self.allow_cost, self.worst(env, shown))

    def worst(self, env: Environment, shown: EnvironmentPlan) -> str:
        """Return the worst interruption that is allowed: without a word brief in an environment that is protected, or
        that the plan takes the protection from, any in others.
        """
        return self.max_interruption or (BRIEF if env.protected or shown.unprotects else OUTAGE)


def worker_code(file: EnvironmentFile, without: Collection[str] = ()) -> dict[str, Artifact]:
    """Return the artifacts of all workers with code but those named in `without`; a relative path begins at the file in
    which it is written.

    Raises InputError with the place of every `code` that cannot be used.
    """
    artifacts, problems, prefix = {}, [], file.environment.artifact_prefix
    for index, worker in enumerate(file.environment.workers):
        path = file.code(worker.name)
        try:
            if path is not None and worker.name not in without:
                artifacts[worker.name] = code_artifact(path, CodePatterns(worker.exclude, worker.include), prefix)
        except InputError as error:
            problems.append(f"{file.place(('workers', index, 'code'))}: {error.message}")
    if problems:
        raise InputError(
            "\n".join(problems),
            "run the build that writes it, such as npm run build; without `code` a worker runs a placeholder",
        )
    return artifacts


IMAGE_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""Tags of images (OCI Distribution Specification 1.1, "Pulling manifests")."""


def check_image_tag(tag: str) -> None:
    """Raise InputError for what cannot be the tag of an image."""
    if IMAGE_TAG.fullmatch(tag):
        return
    what = f"{len(tag)} characters" if len(tag) > 128 else repr(tag)
    raise InputError(
        f"--image-tag: {what} cannot be a tag",
        "1 to 128 letters, digits, `_`, `.` and `-`, the first no `.` and no `-`; without the option the "
        "deployed tag stays",
    )


def launch_values(env: Environment, options: Options) -> dict[str, str]:
    """Return the launch parameters that this run gives. Raises InputError for a tag that no image can have."""
    values = {f"{camel(name)}CodeKey": artifact.key for name, artifact in options.code.items()}
    if values:
        values["CodeBucket"] = bucket_name(env)
    if options.image_tag is not None:
        check_image_tag(options.image_tag)
        values["ImageTag"] = options.image_tag
    return values
