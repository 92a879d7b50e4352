"""Copies an image to the repository of another environment: the same digest, so that what was tested is what runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infragen.assembly.stacks import account_of
from infragen.cloud.protocol import ImageManifest, ImageRegistry
from infragen.config import Environment
from infragen.errors import CloudError, Conflict, InputError, Refused

DEEPEST = 4
"""Indexes in indexes that are followed; real ones have one."""


@dataclass(frozen=True)
class Promotion:
    """How it ended: the digest, and how many layers were copied; `new` is false where the tag had this image."""

    digest: str
    copied: int
    there: int
    new: bool


def repository_of(env: Environment) -> str:
    """Return the name of an environment's image repository."""
    return f"{env.name}-api"


def check_account(registry: ImageRegistry, env: Environment) -> None:
    """Raise Refused unless the credentials belong to the file's account."""
    found, account = registry.account(), account_of(env)
    if found != account:
        raise Refused(
            f"{env.environment} belongs to account {account}; the credentials in use are of {found}",
            "the source's are named by --from-profile or SOURCE_AWS_ACCESS_KEY_ID, SOURCE_AWS_SECRET_ACCESS_KEY and "
            "SOURCE_AWS_SESSION_TOKEN, the target's as those of every command",
        )


def promote(
    source: ImageRegistry,
    target: ImageRegistry,
    before: Environment,
    after: Environment,
    tag: str,
    *,
    local: bool = False,
) -> Promotion:
    """Copy an image with everything it refers to, layers that are there already left out; its tag comes last. `local`
    is whether both are the emulator's.

    Raises InputError for an image or a repository that does not exist, Conflict (5) where the tag has another image.
    """
    check_account(source, before)
    check_account(target, after)
    theirs, ours = repository_of(before), repository_of(after)
    image = source.manifest(theirs, tag=tag)
    if image is None:
        raise InputError(
            f"there is no image {theirs}:{tag} in {before.environment}",
            f"`infragen image put . --env {before.environment} --local --image-tag {tag}` registers a directory as one"
            if local
            else f"push it there first, or take another tag: `aws ecr list-images --repository-name {theirs} "
            f"--region {before.region}` lists them",
        )
    there = target.manifest(ours, tag=tag)
    if there is not None and there.digest != image.digest:
        raise Conflict(
            f"{ours}:{tag} is another image: {there.digest}, in {before.environment} {image.digest}",
            "its tags are immutable: build under another tag",
        )
    if there is not None:
        return Promotion(image.digest, 0, 0, new=False)
    copied = known = 0
    for manifest in _inside(source, theirs, image):
        layers = dict(_layers(manifest))
        missing = target.missing_layers(ours, tuple(layers))
        for digest in sorted(missing):
            target.copy_layer(source, (theirs, ours), digest, layers[digest])
        copied, known = copied + len(missing), known + len(layers) - len(missing)
        target.put(ours, manifest, tag if manifest.digest == image.digest else "")
    return Promotion(image.digest, copied, known, new=True)


def _inside(source: ImageRegistry, repository: str, image: ImageManifest, deep: int = 0) -> Iterator[ImageManifest]:
    """Yield what an index lists, each before the index itself: ECR refuses one whose images it does not have."""
    for each in _list(_parsed(image), "manifests"):
        digest = str(each.get("digest"))
        child = source.manifest(repository, digest=digest) if deep < DEEPEST else None
        if child is None:
            raise InputError(f"{repository} lacks {digest}, which its index lists", "push the image again")
        yield from _inside(source, repository, child, deep + 1)
    yield image


def _layers(manifest: ImageManifest) -> Iterator[tuple[str, int]]:
    """Yield the digests and sizes of a manifest's configuration and layers, without those that stay elsewhere."""
    body = _parsed(manifest)
    for each in [body.get("config"), *_list(body, "layers")]:
        if isinstance(each, Mapping) and not each.get("urls"):
            yield str(each.get("digest")), int(each.get("size") or 0)


def _parsed(manifest: ImageManifest) -> Mapping[str, Any]:
    try:
        found = json.loads(manifest.text)
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise CloudError(f"the manifest {manifest.digest} is not JSON", "push the image again")
    return found


def _list(body: Mapping[str, Any], key: str) -> list[Any]:
    found = body.get(key)
    return found if isinstance(found, list) else []
