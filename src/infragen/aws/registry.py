"""The images of one account and region, as copying one to another needs them (`cloud.protocol.ImageRegistry`).

By ECR's API alone: layers come from signed addresses in pieces and go up part by part, so that no image is in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from infragen.aws.account_reads import INDEXES, MANIFESTS, asked
from infragen.aws.failure import AwsError
from infragen.aws.reading import batches, member, plain
from infragen.aws.session import Clients
from infragen.cloud.protocol import ImageManifest
from infragen.errors import CloudError, Conflict, InputError, Unavailable

CHECKED = 100
"""Layers that one BatchCheckLayerAvailability may name (Amazon ECR API Reference, read 2026-11-29)."""


@dataclass(frozen=True)
class Registry:
    """The ImageRegistry on boto3."""

    clients: Clients

    def account(self) -> str:
        """Call STS GetCallerIdentity."""
        with asked("sts:GetCallerIdentity", "asking AWS whose credentials these are"):
            return str(member(self.clients.sts.get_caller_identity(), "Account"))

    def manifest(self, repository: str, *, tag: str = "", digest: str = "") -> ImageManifest | None:
        """Call ECR BatchGetImage; None where the repository, or the image in it, does not exist."""
        wanted = {"imageTag": tag} if tag else {"imageDigest": digest}
        try:
            with asked("ecr:BatchGetImage", f"reading the image {repository}:{tag or digest}"):
                answer = self.clients.registry.batch_get_image(
                    repositoryName=repository, imageIds=[wanted], acceptedMediaTypes=[*INDEXES, *MANIFESTS]
                )
                found, failures = member(answer, "images"), answer.get("failures") or ()
        except AwsError as error:
            if error.code == "RepositoryNotFoundException":
                return None
            raise
        if not found:
            said = "; ".join(plain(each.get("failureReason")) for each in failures)
            if all(each.get("failureCode") == "ImageNotFound" for each in failures):
                return None
            raise CloudError(f"ECR does not hand out {repository}:{tag or digest}: {said}", "push the image again")
        text = str(member(found[0], "imageManifest"))
        if digest and _digest(text) != digest:
            raise Unavailable(f"ECR gave another manifest than {digest}", "run the same command again")
        return ImageManifest(text, str(found[0].get("imageManifestMediaType") or ""), _digest(text))

    def missing_layers(self, repository: str, digests: tuple[str, ...]) -> frozenset[str]:
        """Call ECR BatchCheckLayerAvailability."""
        found: set[str] = set()
        try:
            for some in batches(digests, CHECKED):
                with asked("ecr:BatchCheckLayerAvailability", f"looking for layers in {repository}"):
                    answer = self.clients.registry.batch_check_layer_availability(
                        repositoryName=repository, layerDigests=some
                    )
                    rows = member(answer, "layers")
                    there = {each["layerDigest"] for each in rows if each["layerAvailability"] == "AVAILABLE"}
                    found |= set(some) - there
        except AwsError as error:
            if error.code != "RepositoryNotFoundException":
                raise
            raise InputError(
                f"there is no repository {repository}",
                "`infragen deploy` makes it, with the first deployment of the environment",
            ) from error
        return frozenset(found)

    def layer(self, repository: str, digest: str, size: int, piece: int) -> Iterator[bytes]:
        """Call ECR GetDownloadUrlForLayer, and yield the layer in pieces of so many bytes."""
        with asked("ecr:GetDownloadUrlForLayer", f"reading a layer of {repository}"):
            answer = self.clients.registry.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
            url = str(member(answer, "downloadUrl"))
        for first in range(0, size, piece):
            yield self.clients.download_part(url, first, min(first + piece, size) - 1)

    def copy_layer(self, source: Registry, places: tuple[str, str], digest: str, size: int) -> None:
        """Copy a layer from another registry; `places` are its repository there and here. ECR checks the digest."""
        theirs, ours = places
        client = self.clients.registry
        with asked("ecr:InitiateLayerUpload", f"uploading a layer to {ours}"):
            begun = client.initiate_layer_upload(repositoryName=ours)
            upload, piece = str(member(begun, "uploadId")), int(member(begun, "partSize"))
        first = 0
        for part in source.layer(theirs, digest, size, piece):
            with asked("ecr:UploadLayerPart", f"uploading a layer to {ours}"):
                client.upload_layer_part(
                    repositoryName=ours, uploadId=upload, partFirstByte=first, partLastByte=first + len(part) - 1,
                    layerPartBlob=part,
                )  # fmt: skip
            first += len(part)
        try:
            with asked("ecr:CompleteLayerUpload", f"uploading a layer to {ours}"):
                client.complete_layer_upload(repositoryName=ours, uploadId=upload, layerDigests=[digest])
        except AwsError as error:
            if error.code != "LayerAlreadyExistsException":
                raise

    def put(self, repository: str, manifest: ImageManifest, tag: str = "") -> None:
        """Call ECR PutImage with the manifest as it is. Raises Conflict for a tag that has another image."""
        more = {"imageTag": tag} if tag else {}
        try:
            with asked("ecr:PutImage", f"putting the image {repository}:{tag or manifest.digest}"):
                self.clients.registry.put_image(
                    repositoryName=repository, imageManifest=manifest.text, imageDigest=manifest.digest,
                    **({"imageManifestMediaType": manifest.media_type} if manifest.media_type else {}), **more,
                )  # fmt: skip
        except AwsError as error:
            if error.code == "ImageTagAlreadyExistsException":
                raise Conflict(f"{repository}:{tag} was put meanwhile", "run the same command again") from error
            if error.code != "ImageAlreadyExistsException":
                raise


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def registry(
    region: str,
    profile: str | None = None,
    endpoint_url: str | None = None,
    credentials: tuple[str, str, str] | None = None,
    keys: tuple[str, str] | None = None,
) -> Registry:
    """Return the registry of a region; `credentials` (access key, secret key, session token) come before a profile,
    `keys` are those of the emulator.
    """
    return Registry(Clients(region, profile, endpoint_url, credentials=credentials, keys=keys))
