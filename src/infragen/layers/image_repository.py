"""The image of a service: its ECR repository, and what runs before anything was pushed to it.

Repository and service are in one template, and the repository starts empty. So the parameter ImageTag is empty at
first, and until it is set the service runs a placeholder server from a public image: the load balancer, logs, secrets
and scaling are all proven before the first push. A deployment that gives no tag keeps the deployed one.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from troposphere import Equals, GetAtt, If, Not, NoValue, Sub
from troposphere.ecr import EncryptionConfiguration, ImageScanningConfiguration, LifecyclePolicy, Repository

from infragen.layers.contract import PREFIX, LaunchParameter, Template, allow, arn, named, retain

ImageTag = LaunchParameter(
    "ImageTag",
    "Tag of the image in the repository, a commit hash say; empty runs the placeholder server.",
    default="",
    keep=True,
)
HAS_IMAGE = "HasImage"
"""The condition that an image tag was given."""

_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_PRIVATE = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[a-z0-9/._-]+)")

PLACEHOLDER_IMAGE = "public.ecr.aws/docker/library/node:24-alpine"

UNTAGGED_DAYS = 7
UNUSED_DAYS = 90
"""Days without a pull after which a tagged image is archived: the tasks of a service are replaced, and so its image
pulled, at least every 14 days. ECR expires by last pull only what it archived before, at the earliest after 90 days."""


@dataclass(frozen=True)
class Placeholder:
    """What runs until the first push: an image that anybody may pull, and the command that keeps it healthy."""

    image: str
    command: tuple[str, ...]


def add_repository(template: Template, name: str, *, keep: bool) -> None:
    """Add a repository `<project>-<environment>-<name>` and the condition that an image is chosen.

    Tags are immutable: a tag names one image forever, so that a rollback runs what ran before. `keep` keeps the
    repository when its stack is deleted, and every tagged image in it; without, it goes with its images, and an image
    that nobody pulled for long is archived and later expires.
    """
    add_image_condition(template)
    policies = retain() if keep else {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
    template.add_resource(
        Repository(
            "Repository",
            RepositoryName=named(name),
            ImageTagMutability="IMMUTABLE",
            ImageScanningConfiguration=ImageScanningConfiguration(ScanOnPush=True),
            EncryptionConfiguration=EncryptionConfiguration(EncryptionType="KMS"),
            LifecyclePolicy=LifecyclePolicy(LifecyclePolicyText=_lifecycle(expires=not keep)),
            EmptyOnDelete=not keep,
            **policies,
        )
    )


def add_image_condition(template: Template) -> None:
    """Add the condition HAS_IMAGE, in a template that takes the parameter ImageTag."""
    template.add_condition(HAS_IMAGE, Not(Equals(ImageTag.ref(), "")))


def shared_image(repository_uri: str, placeholder: str = PLACEHOLDER_IMAGE) -> Any:
    """Return the image of a repository that another layer has, by the ImageTag of this deployment.

    `repository_uri` is the name of the input that holds its URI; before an image was pushed it is the placeholder.
    """
    return If(HAS_IMAGE, Sub(f"${{{repository_uri}}}:${{{ImageTag.name}}}"), placeholder)


def image(placeholder: Placeholder) -> Any:
    """Return the container's image: the pushed one when a tag is given, else the placeholder's."""
    return If(HAS_IMAGE, Sub("${Repository.RepositoryUri}:${ImageTag}"), placeholder.image)


def command(placeholder: Placeholder) -> Any:
    """Return the container's command: the pushed image's own, or the placeholder's."""
    return If(HAS_IMAGE, NoValue, list(placeholder.command))


def pull_statements() -> tuple[dict[str, Any], ...]:
    """Return what the execution role needs to pull from the repository. GetAuthorizationToken knows no resources."""
    return (
        allow("ecr:GetAuthorizationToken", "*"),
        allow(list(_PULL), GetAtt("Repository", "Arn")),
    )


def pull_shared_statements(name: str) -> tuple[dict[str, Any], ...]:
    """Return the rights to pull from `<project>-<environment>-<name>`, the repository of another layer."""
    repository = arn(f"ecr:${{AWS::Region}}:${{AWS::AccountId}}:repository/{PREFIX}-{name}")
    return (allow("ecr:GetAuthorizationToken", "*"), allow(list(_PULL), repository))


def pull_image_statements(image: str) -> tuple[dict[str, Any], ...]:
    """Return what an execution role needs to pull an image by its name: nothing for a public one."""
    pull = pull_other_statements(image)
    return (allow("ecr:GetAuthorizationToken", "*"), *pull) if pull else ()


def pull_other_statements(image: str) -> tuple[dict[str, Any], ...]:
    """Return the rights to pull another image: none for a public one, else those to its ECR repository."""
    found = _PRIVATE.match(image)
    if not found:
        return ()
    repository = arn(f"ecr:{found['region']}:{found['account']}:repository/{found['name']}")
    return (allow(list(_PULL), repository),)


def repository_uri() -> Any:
    """Return where images are pushed to."""
    return GetAtt("Repository", "RepositoryUri")


def _lifecycle(*, expires: bool) -> str:
    """Return the rules that expire images. Tagged ones are judged by their last pull: a count would expire the image
    that runs after enough pushes, and then nothing could scale out (ECR User Guide, "Lifecycle policies").
    """

    def rule(priority: int, description: str, action: dict[str, str], **selection: Any) -> dict[str, Any]:
        return {"rulePriority": priority, "description": description, "selection": selection, "action": action}

    untagged = rule(
        1,
        f"Untagged images go after {UNTAGGED_DAYS} days",
        {"type": "expire"},
        tagStatus="untagged",
        countType="sinceImagePushed",
        countUnit="days",
        countNumber=UNTAGGED_DAYS,
    )
    unused = rule(
        2,
        f"Images that nobody pulled for {UNUSED_DAYS} days are archived",
        {"type": "transition", "targetStorageClass": "archive"},
        tagStatus="any",
        countType="sinceImagePulled",
        countUnit="days",
        countNumber=UNUSED_DAYS,
    )
    archived = rule(
        3,
        f"Archived images go after {UNUSED_DAYS} days",
        {"type": "expire"},
        tagStatus="any",
        storageClass="archive",
        countType="sinceImageTransitioned",
        countUnit="days",
        countNumber=UNUSED_DAYS,
    )
    return json.dumps({"rules": [untagged, *((unused, archived) if expires else ())]})
