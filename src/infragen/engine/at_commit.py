"""What ran with a commit: the image tag and the worker code of its last deployment, which `--at` deploys again.

After a deployment from a clean work tree that ended well, a record of both is put into the artifact bucket beside the
code. It is read back here, and nothing is guessed: where neither the record nor the commit itself tells, the user has
to say it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from infragen import __version__
from infragen.assembly.code import CODE_KEY, Artifact
from infragen.assembly.stacks import RECORDS, bucket_name
from infragen.config import Environment, camel
from infragen.engine.observe import observe
from infragen.engine.options import Options
from infragen.engine.progress import Session, Warned
from infragen.engine.release import API
from infragen.errors import CloudError, InputError
from infragen.layers.image_repository import ImageTag

FORMAT, VERSION = "infragen deployment", 1
NEWEST = 5
"""How many tags are named where nobody knows the one that ran."""

_ABBREVIATED = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True)
class DeploymentRecord:
    """What was deployed with a commit: the API's image tag (empty: the placeholder) and the keys of the workers' code
    by launch parameter.
    """

    commit: str
    image_tag: str
    code: Mapping[str, str]


@dataclass(frozen=True)
class AtCommit:
    """A commit whose environment is deployed: its hash, and what of it is known before AWS is asked. `absent` are the
    workers whose code is not in it, with the places that name the code; `migrations` are the files of the work tree's
    HEAD that it lacks.
    """

    hash: str
    absent: Mapping[str, str]
    migrations: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """Return the first twelve characters of its hash."""
        return self.hash[:12]


def record_key(env: Environment, commit: str) -> str:
    """Return the key of a commit's record in the artifact bucket."""
    return f"{RECORDS}{env.name}/{commit}.json"


def record_deployment(session: Session, env: Environment, values: Mapping[str, str], image_tag: str) -> None:
    """Keep what was deployed from a clean commit; `values` are the launch parameters. Warns where it cannot: all is
    deployed by then.
    """
    commit, clean = session.revision
    if not commit or not clean:
        return
    code = {name: value for name, value in sorted(values.items()) if CODE_KEY.fullmatch(value)}
    body = {
        "format": FORMAT, "version": VERSION, "environment": env.name, "commit": commit, "infragen": __version__,
        "image_tag": image_tag, "code": code,
    }  # fmt: skip
    try:
        session.cloud.upload(bucket_name(env), record_key(env, commit), json.dumps(body, indent=2).encode())
    except CloudError as error:
        session.ui.tell(
            Warned(f"what ran with {commit[:12]} was not recorded for `infragen deploy --at`: {error.message}")
        )


def find_record(session: Session, env: Environment, commit: str) -> DeploymentRecord | None:
    """Return what was deployed with a commit; None where nothing was recorded. Raises CloudError for what is no
    record.
    """
    bucket, key = bucket_name(env), record_key(env, commit)
    data = session.cloud.download(bucket, key)
    if data is None:
        return None
    try:
        body = json.loads(data)
        same = (body["format"], body["version"], body["environment"], body["commit"])
        record = DeploymentRecord(body["commit"], body["image_tag"], dict(body["code"]))
        texts = [record.image_tag, *record.code, *record.code.values()]
        good = same == (FORMAT, VERSION, env.name, commit) and all(isinstance(each, str) for each in texts)
    except (ValueError, KeyError, TypeError, RecursionError):
        good = False
    if not good:
        raise CloudError(
            f"s3://{bucket}/{key} is no record of a deployment that this infragen reads",
            f"build and deploy {commit[:12]} in a work tree of it, without --at: {_worktree(commit)}",
        )
    return record


def as_deployed(session: Session, env: Environment, at: AtCommit, options: Options) -> Options:
    """Return the options with the image and the code that ran with a commit, and with notes for the plan.

    What the options give already stays: `image_tag`, and the code that is in the commit where no record says what ran.
    Raises InputError for an image or code that is not known.
    """
    record = find_record(session, env, at.hash)
    code, notes = _code(session, env, at, options, record)
    state = observe(session, env).stack_of(API)
    running = state.parameters.get(ImageTag.name, "") if state is not None else ""
    tag = options.image_tag
    if env.api is not None and tag is None:
        tag, why = _image_tag(session, env, at, record, running)
        notes += [f"{why}: image {tag}"] if tag else []
    if env.release is not None and tag is not None and running and tag != running:
        notes.append(_not_undone(at))
    first = f"this is {env.environment} as commit {at.short} describes it, not the work tree"
    return replace(options, image_tag=tag, code=code, at=at.hash, notes=(first, *notes))


def _not_undone(at: AtCommit) -> str:
    said = "no migration is undone: the database stays as it is, and the release command runs with this image"
    if at.migrations:
        some = ", ".join(at.migrations[:NEWEST])
        more = f" and {len(at.migrations) - NEWEST} more" if len(at.migrations) > NEWEST else ""
        said = f"{said}; HEAD has {some}{more}, which {at.short} does not know"
    return f"{said} (`infragen docs migrations`)"


# --- image ------------------------------------------------------------------------------------------------------


def _image_tag(
    session: Session, env: Environment, at: AtCommit, record: DeploymentRecord | None, running: str
) -> tuple[str | None, str]:
    """Return the tag of the image that ran with a commit and how that is known; None for the placeholder."""
    if record is not None and record.image_tag:
        return record.image_tag, f"{at.short} was deployed with it"
    found = session.cloud.image_tags(f"{env.name}-{API}")
    if not found.tags or (record is not None and not running):
        return None, ""
    named = [each for each in found.tags if _ABBREVIATED.fullmatch(each) and at.hash.startswith(each)]
    chosen = [at.hash] if at.hash in named else named
    if len(chosen) == 1:
        return chosen[0], "its tag names the commit"
    candidates = list(dict.fromkeys([*named, *found.tags]))[:NEWEST]
    marked = ", ".join(f"{each} (runs now)" if each == running else each for each in candidates)
    how = "several images have tags that name it" if named else "no deployment of it was recorded, and no tag names it"
    raise InputError(
        f"which image of {env.environment} belongs to {at.short} is not known: {how}",
        f"name it with --image-tag; {env.name}-{API} has {marked}",
    )


# --- code -------------------------------------------------------------------------------------------------------


def _code(
    session: Session, env: Environment, at: AtCommit, options: Options, record: DeploymentRecord | None
) -> tuple[dict[str, Artifact], list[str]]:
    """Return the code of each worker that has some: what ran, else what is in the commit."""
    found, notes, unknown = dict[str, Artifact](), list[str](), list[str]()
    for worker in (each.name for each in env.workers if each.name in {*options.code, *at.absent}):
        key = record.code.get(f"{camel(worker)}CodeKey", "") if record is not None else ""
        own = options.code.get(worker)
        if own is not None and key in ("", own.key):
            found[worker] = own
            if not key:
                notes.append(f"the code of {worker} is what {at.short} holds: no deployment says what ran")
        elif key:
            found[worker] = _stored(session, env, at, worker, key)
        else:
            unknown.append(f"{at.absent[worker]}: the code of {worker} is not in {at.short}, and no deployment of it")
    if unknown:
        raise InputError(
            "\n".join(f"{each} was recorded" for each in unknown),
            f"build it in a work tree of the commit, and deploy there without --at: {_worktree(at.hash)}",
        )
    return found, notes


def _stored(session: Session, env: Environment, at: AtCommit, worker: str, key: str) -> Artifact:
    """Return code that was deployed before. Raises InputError where the bucket has it no more, or something else."""
    bucket, named = bucket_name(env), CODE_KEY.fullmatch(key)
    body = session.cloud.download(bucket, key) if named else None
    if body is None or named is None or hashlib.sha256(body).hexdigest() != named["digest"]:
        what = "is not there any more" if body is None else "is something else by now"
        raise InputError(
            f"the code of {worker} that ran with {at.short} {what}: s3://{bucket}/{key}",
            f"build it in a work tree of the commit, and deploy there without --at: {_worktree(at.hash)}",
        )
    return Artifact(key, body)


def _worktree(commit: str) -> str:
    """Return the command that checks a commit out beside the work tree."""
    return f"`git worktree add ../{commit[:12]} {commit[:12]}`"
