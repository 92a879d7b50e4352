"""Where an environment's templates and code lie: in a bucket of its own, or in one that environments of kind
development share. A shared bucket has a stack of its own, of the environment `shared` that is nothing else. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from infragen.assembly.stacks import ARTIFACT_KINDS, ARTIFACTS, ARTIFACTS_TAG, bucket_name, stack_name
from infragen.cloud.cloudformation import StackState
from infragen.config import SHARED, Environment
from infragen.engine.observe import Observed, is_of
from infragen.engine.progress import Session
from infragen.errors import NotBootstrapped, Refused


def prefixes(env: Environment) -> tuple[str, ...]:
    """Return what the keys of an environment begin with in a bucket that it shares."""
    return tuple(f"{kind}{env.artifact_prefix}" for kind in ARTIFACT_KINDS)


def shared_stack(session: Session, env: Environment) -> StackState | None:
    """Return the stack of the bucket that an environment shares; None where there is none, or it has its own bucket.

    Raises Refused for a stack of that name that is no such bucket's.
    """
    owner = env.artifact_owner
    if owner is env:
        return None
    name = stack_name(owner, ARTIFACTS)
    state = session.cloud.stack(name)
    if state is None or state.status in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
        return None
    if not is_of(state, owner):
        raise Refused(
            f"the stack {name} exists, and its tags do not say that it is the bucket which environments of "
            f"{env.project} share; nothing was changed",
            "if it is an environment's own, give that one another name; `artifact_bucket: own` needs no shared bucket",
        )
    return state


def check_artifacts(session: Session, env: Environment) -> None:
    """Raise CloudError where the bucket is missing, in another region, or not the account's; of a shared one also
    where its stack does not say that it is.
    """
    bucket = bucket_name(env)
    if env.artifact_owner is env:
        session.cloud.check_bucket(bucket)
        return
    state = shared_stack(session, env)
    if state is None or state.outputs.get("BucketName") != bucket:
        raise NotBootstrapped(
            f"the bucket {bucket} that environments of {env.project} share does not exist",
            "create it: `infragen bootstrap`",
        )
    session.cloud.check_bucket(bucket, prefixes(env)[0])


def with_shared(session: Session, env: Environment, observed: Observed) -> Observed:
    """Return what was observed, with the stack of the bucket that the environment shares as the one of its bucket."""
    state = None if ARTIFACTS in observed.layers else shared_stack(session, env)
    return observed if state is None else replace(observed, layers={**observed.layers, ARTIFACTS: state})


def used_by(session: Session, env: Environment) -> tuple[str, ...]:
    """Return the names of the other environments, PROJECT-ENVIRONMENT, that use a shared bucket: they have a stack, or
    something in the bucket.
    """
    keys = (each.key for kind in ARTIFACT_KINDS for each in session.cloud.objects(bucket_name(env), kind))
    stacks = (each for each in session.cloud.stacks(f"{env.project}-") if each.tags.get(ARTIFACTS_TAG) == SHARED)
    found = {*_named(keys), *(f"{env.project}-{each.tags.get('infragen:environment', '')}" for each in stacks)}
    return tuple(sorted(found - {env.name, env.artifact_owner.name}))


def _named(keys: Iterable[str]) -> set[str]:
    return {parts[1] for parts in (key.split("/") for key in keys) if len(parts) > 2}
