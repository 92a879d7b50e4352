"""Environments of other projects in the account whose names would be this one's: `shop-dev` and `prod`, `shop` and
`dev-prod`. Within a project `config.directory.refuse_alike` sees it in the files. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator

from infragen.assembly.stacks import ARTIFACTS
from infragen.cloud.cloudformation import StackState
from infragen.config import Environment
from infragen.config.directory import DERIVED
from infragen.engine.observe import Observed
from infragen.engine.progress import Session, Warned
from infragen.errors import Refused
from infragen.layers.project import names


def check_names_alike(session: Session, env: Environment, observed: Observed, adopt: bool) -> None:
    """Raise Refused where an environment that is not deployed yet would have the names of another project's, or that
    one's names those of what belongs to this one. One that is deployed is warned of it, and so is one that takes the
    other's stacks over (`adopt`).

    It calls AWS only for a name that ends in a word that infragen itself puts behind an environment's.
    """
    for other, said in _alike(session, env, observed):
        project, environment = other.tags["infragen:project"], other.tags["infragen:environment"]
        text = f"the environment {environment} of project {project} is in this account: {said}"
        if observed.layers or adopt:
            session.ui.tell(Warned(text))
            continue
        raise Refused(
            f"{text}; nothing was changed",
            "rename the project or the environment of one that is not deployed yet, or use another account",
        )


def _alike(session: Session, env: Environment, observed: Observed) -> Iterator[tuple[StackState, str]]:
    """Yield a stack of each such environment, and what is alike."""
    words = {**dict.fromkeys(names(env), "the stack of its layer"), **DERIVED}
    found: dict[str, tuple[StackState, str]] = {}
    for state in observed.by_name.values():
        name = _name_of(state)
        word = name.removeprefix(f"{env.name}-")
        if not name or _is_ours(state, env):
            continue
        if name == env.name:
            found.setdefault(name, (state, f"both are called {name}"))
        elif word != name and word in words:
            found.setdefault(name, (state, f"{name} is also {words[word]} of {env.environment}"))
    for word, what in words.items():
        shorter = env.name.removesuffix(f"-{word}")
        if shorter != env.name and not observed.layers:
            there = session.cloud.stack(f"{shorter}-{ARTIFACTS}")  # each environment that shares no bucket has it
            if there is None:
                there = next((each for each in session.cloud.stacks(shorter) if _name_of(each) == shorter), None)
            if there is not None and _name_of(there) == shorter and not _is_ours(there, env):
                found.setdefault(shorter, (there, f"{env.name} is also {what} of that one"))
    yield from found.values()


def _name_of(state: StackState) -> str:
    """Return the environment's name that a stack of infragen's own carries in its tags; '' for any other stack."""
    project, environment = (state.tags.get(f"infragen:{each}", "") for each in ("project", "environment"))
    return f"{project}-{environment}" if project and environment and not state.parent_id else ""


def _is_ours(state: StackState, env: Environment) -> bool:
    return (state.tags.get("infragen:project"), state.tags.get("infragen:environment")) == (
        env.project,
        env.environment,
    )
