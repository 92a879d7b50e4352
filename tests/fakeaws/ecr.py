"""The images of repositories that stacks made, as far as a deletion needs them.

Sources: "ListImages", "DeleteRepository" (Amazon ECR API Reference); EmptyOnDelete (CloudFormation Template Reference,
AWS::ECR::Repository). How many images a repository holds is what the test says (`Settings.ecr_images`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakeaws.account import Images
from fakeaws.cloud import Cloud
from fakeaws.model import Resource
from fakeaws.protocol import ApiError

REPOSITORY = "AWS::ECR::Repository"
PAGE = 100


class Ecr(Images):
    """The calls, named as AWS names them (the protocol is JSON)."""

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
