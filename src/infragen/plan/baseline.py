"""Where an earlier rendering comes from: a directory that `render` wrote, or a commit.

Reads files only. Of a commit its environment files are read as well, because stack tags, protection and certificates
are passed at deployment and stand in no template; one that this version cannot read leaves just its templates.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infragen.assembly.synth import synthesize
from infragen.assembly.templatefile import parse
from infragen.config import EnvironmentFile
from infragen.config.directory import find, own_addons, own_layers
from infragen.cost import Prices, prices_of, read_price_file
from infragen.errors import InputError
from infragen.layers.project import load_file
from infragen.machine.input_file import entries, read
from infragen.plan import git
from infragen.plan.between import NOWHERE, Rendering, plan_between, rendering
from infragen.plan.model import EnvironmentPlan, refusals_of, traced


@dataclass(frozen=True)
class Earlier:
    """The environments of an earlier rendering by name, how people call it, and what could not be read of it."""

    name: str
    environments: dict[str, Rendering]
    warnings: tuple[str, ...] = ()


def earlier(against: str, environments: Path, templates: Path) -> Earlier:
    """Return the rendering of this name: a directory, else a commit. `environments` and `templates` are where the work
    tree has its files. Raises InputError when it is neither, or holds no environment at all.
    """
    if os.path.isdir(against):
        found = Earlier(against, _written(Path(against)))
    elif git.is_commit(against):
        found = _at_commit(against, environments, templates)
    else:
        raise InputError(
            f"{against} is neither a directory nor a commit", "name a directory that `infragen render` wrote, or a "
            "commit, branch or tag; in CI, fetch it first (`git fetch origin main`, or a checkout with fetch-depth: 0)",
        )  # fmt: skip
    if not found.environments:
        where = "" if os.path.isdir(against) else f", neither in {environments} nor in {templates}"
        raise InputError(f"{against} holds no environment{where}")
    return found


def compare_with(before: Earlier, now: Sequence[EnvironmentFile], every: bool) -> tuple[EnvironmentPlan, ...]:
    """Return the plan of each environment from then to now; of `every` one also those that there no longer are.

    With the lines of the environment files that decide a change, and counted with the prices that they name.
    """
    plans = []
    for file in now:
        env = file.environment
        then = before.environments.get(env.environment, NOWHERE)
        plan = plan_between(env.environment, env.region, then, rendering(synthesize(env)), before.name, _prices(file))
        stacks = tuple(traced(each, file) for each in plan.stacks)
        plans.append(replace(plan, stacks=stacks, refusals=refusals_of(stacks)))
    present = {file.environment.environment for file in now}
    for name, then in before.environments.items():
        if every and name not in present:
            region = then.environment.region if then.environment else ""
            plans.append(plan_between(name, region, then, NOWHERE, before.name))
    return tuple(replace(each, warnings=(*before.warnings, *each.warnings)) for each in plans)


def _prices(file: EnvironmentFile) -> Prices:
    path, region = file.prices, file.environment.region
    return prices_of(region, read_price_file(path), str(path)) if path else prices_of(region)


def _written(directory: Path) -> dict[str, Rendering]:
    """Return what `render --output` wrote: a directory for each environment."""
    found = {each.name: _templates(each) for each in entries(directory) if os.path.isdir(each)}
    return {name: Rendering(bodies) for name, bodies in found.items() if bodies}


def _templates(directory: Path) -> dict[str, dict[str, Any]]:
    bodies = {}
    for path in entries(directory):
        if path.suffix in (".yaml", ".json"):
            try:
                bodies[path.stem] = parse(read(path).decode("utf-8"))
            except ValueError as error:
                raise InputError(f"{path}: {error}") from error
    return bodies


def _at_commit(reference: str, environments: Path, templates: Path) -> Earlier:
    warnings = []
    with tempfile.TemporaryDirectory() as scratch:
        paths = (environments, templates, own_layers(environments), own_addons(environments))
        files, rendered, *_ = git.extract(reference, paths, Path(scratch))
        found = _written(rendered) if os.path.isdir(rendered) else {}
        for path in _environment_files(files):
            name = path.stem
            try:
                known = rendering(synthesize(load_file(path).environment))
            except InputError as error:
                reason = error.message.replace(f"{Path(scratch).resolve()}/", "").replace(f"{scratch}/", "")
                warnings.append(
                    f"{reference}: {name} cannot be read by this version, so only its templates are compared ({reason})"
                )
                continue
            if name in found:
                known = replace(known, bodies=_in_order(found[name].bodies, known.bodies))
            found[name] = known
    return Earlier(reference, found, tuple(warnings))


def _environment_files(directory: Path) -> tuple[Path, ...]:
    if not os.path.isdir(directory):
        return ()
    try:
        return find(directory)
    except InputError:
        return ()


def _in_order(bodies: Any, order: Any) -> dict[str, Any]:
    """Return the bodies, those that are known to the order first, as it has them."""
    return {name: bodies[name] for name in [*order, *bodies] if name in bodies}
