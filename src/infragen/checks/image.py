"""The image of the API: its tag exists in the repository and runs on the architecture of the tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infragen.checks.check import Answer, Check, Subject, ok, unknown, wrong
from infragen.errors import PermissionDenied

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader

PLATFORMS = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}
"""`api.architecture` and what an image calls it (OCI Image Format Specification 1.1, "platform")."""

NEWEST = 5
"""How many tags are named where one does not exist."""


def run(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask ECR for the image that the service would run."""
    api = subject.environment.api
    if api is None:
        return
    if not subject.image_tag:
        yield ok("no tag was given or is deployed: the placeholder runs")
        return
    repositories = (each for each in subject.of("AWS::ECR::Repository") if each.layer == "api")
    named = [each.properties.get("RepositoryName") for each in repositories]
    repository = next((each for each in named if isinstance(each, str)), "")
    if not repository:
        yield unknown("which repository the image is in is not known")
        return
    tag, flag = subject.image_tag, "--image-tag" if subject.given else ""
    found = account.image(repository, tag)
    if found is None:
        yield _missing(account, repository, tag, flag)
    elif found.unusable:
        yield wrong(f"ECR does not hand out {repository}:{tag}: {found.unusable}", _CHOOSE, input=True, flag=flag)
    elif not found.platforms:
        yield unknown(f"{repository}:{tag} exists and does not say which platform it runs on")
    elif PLATFORMS[api.architecture] not in found.platforms:
        runs, wanted = ", ".join(found.platforms), PLATFORMS[api.architecture]
        at = subject.at("api", "architecture")
        yield wrong(
            f"{at}{repository}:{tag} runs on {runs}; api.architecture is {api.architecture}",
            f"build it for {wanted} (`docker buildx build --platform {wanted}`), or change api.architecture",
            input=True, flag=flag,
        )  # fmt: skip
    else:
        yield ok(f"{repository}:{tag} exists and runs on {PLATFORMS[api.architecture]}")


_CHOOSE = "push the image first, or choose another tag with --image-tag"


def _missing(account: AccountReader, repository: str, tag: str, flag: str) -> Answer:
    try:
        tags = account.image_tags(repository)
    except PermissionDenied as error:
        return wrong(
            f"{repository} has no image {tag} (which it has is not known: {error.permission} is denied)",
            _CHOOSE, input=True, flag=flag,
        )  # fmt: skip
    if not tags.exists:
        return wrong(
            f"the image {tag} cannot be there: the repository {repository} does not exist",
            "deploy without --image-tag first, which makes the repository and runs a placeholder; then push the image",
            input=True, flag=flag,
        )  # fmt: skip
    some = ", ".join(tags.tags[:NEWEST])
    has = f"the newest are {some}" if some else "it is empty"
    what = "no image" if flag else "no longer an image"
    return wrong(f"{repository} has {what} {tag}; {has}", _CHOOSE, input=True, flag=flag)


CHECK = Check(
    "image",
    "The API's image exists in its repository and runs on `api.architecture`; the deployed tag is looked at, too.",
    ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:DescribeImages"),
    frozenset({"AWS::ECS::TaskDefinition", "AWS::ECS::Service"}),
    run,
)
