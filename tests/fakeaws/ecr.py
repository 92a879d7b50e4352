"""The images of repositories that stacks made, as far as a deletion needs them.

Sources: "ListImages", "DeleteRepository" (Amazon ECR API Reference); EmptyOnDelete (CloudFormation Template Reference,
AWS::ECR::Repository). How many images a repository holds is what the test says (`Settings.ecr_images`).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fakeaws.account import Images
from fakeaws.cloud import Cloud
from fakeaws.model import Resource
from fakeaws.protocol import ApiError

REPOSITORY = "AWS::ECR::Repository"
PAGE = 100


@dataclass
class Pushed:
    """What was pushed to a repository: layers and manifests by digest, tags, and uploads that are not complete."""

    layers: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)


class Ecr(Images):
    """The calls, named as AWS names them (the protocol is JSON). Repositories with something pushed have their tags
    immutable; errors as "PutImage", "CompleteLayerUpload" and "UploadLayerPart" list them (Amazon ECR API Reference,
    read 2026-11-29).
    """

    def _pushed(self, p: Mapping[str, Any]) -> Pushed:
        self._tags(p["repositoryName"]) if (self.account, p["repositoryName"]) not in self.cloud.registry else None
        found: Pushed = self.cloud.registry.setdefault((self.account, p["repositoryName"]), Pushed())
        return found

    def BatchGetImage(self, p: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the name on the wire
        """By tag or digest."""
        pushed = self.cloud.registry.get((self.account, p["repositoryName"]))
        if pushed is None:
            return super().BatchGetImage(p)
        found, failures = [], []
        for each in p["imageIds"]:
            digest = each.get("imageDigest") or pushed.tags.get(each.get("imageTag"))
            if digest in pushed.manifests:
                text = pushed.manifests[digest]
                kind = json.loads(text)["mediaType"]
                found.append({"imageId": each, "imageManifest": text, "imageManifestMediaType": kind})
            else:
                failures.append({"imageId": each, "failureCode": "ImageNotFound", "failureReason": "not found"})
        return {"images": found, "failures": failures}

    def BatchCheckLayerAvailability(self, p: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the same
        """Which layers a repository has."""
        there = self._pushed(p).layers
        rows = [
            {"layerDigest": each, "layerAvailability": "AVAILABLE" if each in there else "UNAVAILABLE"}
            for each in p["layerDigests"]
        ]
        return {"layers": rows, "failures": []}

    def InitiateLayerUpload(self, p: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the same
        """Begins an upload; parts are small here, so that tests have several."""
        uploads = self._pushed(p).uploads
        name = f"upload-{len(uploads)}"
        uploads[name] = bytearray()
        return {"uploadId": name, "partSize": 10}

    def UploadLayerPart(self, p: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the same
        """The next part: it has to begin where the last one ended."""
        upload, blob = self._pushed(p).uploads[p["uploadId"]], base64.b64decode(p["layerPartBlob"])
        if p["partFirstByte"] != len(upload) or p["partLastByte"] != len(upload) + len(blob) - 1:
            raise ApiError("InvalidLayerPartException", "The layer part is not consecutive to the previous one")
        upload.extend(blob)
        return {"lastByteReceived": len(upload) - 1}

    def CompleteLayerUpload(self, p: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the same
        """Checks the digest."""
        pushed, [wanted] = self._pushed(p), p["layerDigests"]
        data = bytes(pushed.uploads.pop(p["uploadId"]))
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != wanted:
            raise ApiError("InvalidLayerException", "Layer digest is not that of the data")
        pushed.layers[wanted] = data
        return {"layerDigest": wanted}

    def PutImage(self, p: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the same
        """Takes a manifest whose layers and images are there."""
        pushed, text = self._pushed(p), p["imageManifest"]
        body = json.loads(text)
        inside = [each["digest"] for each in body.get("manifests", ())]
        layers = [each["digest"] for each in [*([body["config"]] if "config" in body else []), *body.get("layers", ())]]
        if any(each not in pushed.manifests for each in inside):
            raise ApiError("ReferencedImagesNotFoundException", "An image of the list does not exist")
        if any(each not in pushed.layers for each in layers):
            raise ApiError("LayersNotFoundException", "A layer of the image does not exist")
        digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        if p.get("imageDigest", digest) != digest:
            raise ApiError("ImageDigestDoesNotMatchException", "The digest is another")
        tag = p.get("imageTag")
        if tag in pushed.tags and pushed.tags[tag] != digest:
            raise ApiError("ImageTagAlreadyExistsException", f"The image tag '{tag}' already exists")
        if digest in pushed.manifests and (tag is None or tag in pushed.tags):
            raise ApiError("ImageAlreadyExistsException", "The image exists")
        pushed.manifests[digest] = text
        if tag:
            pushed.tags[tag] = digest
        return {"image": {"imageId": {"imageDigest": digest}}}

    def ListImages(self, p: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the name on the wire
        """The first page of a repository's images."""
        for stack in self.cloud.stacks.values():
            for resource in stack.resources.values():
                if (resource.type, resource.physical_id) == (REPOSITORY, p["repositoryName"]):
                    count = self.cloud.settings.ecr_images.get(resource.logical_id, 0)
                    return {"imageIds": [{"imageTag": f"v{number}"} for number in range(min(count, PAGE))]}
        raise ApiError("RepositoryNotFoundException", f"The repository {p['repositoryName']} does not exist")


def repository_in_use(cloud: Cloud, resource: Resource) -> str | None:
    """Why ECR would not delete this repository."""
    empties_itself = str(resource.properties.get("EmptyOnDelete", "")).lower() == "true"
    if resource.type != REPOSITORY or empties_itself or not cloud.settings.ecr_images.get(resource.logical_id):
        return None
    return f"The repository with name '{resource.physical_id}' cannot be deleted because it still contains images"
