"""ECR: an image that is not there.

DescribeImages of a tag or digest that a repository does not have is an ImageNotFoundException on AWS (DescribeImages,
Amazon ECR API Reference, "Errors", read 2026-11); MiniStack answers with no images.
"""

from typing import Any

from ministack.core.responses import error_response_json, get_account_id
from ministack.services import ecr


def apply() -> None:
    """Say which image is missing."""
    own = ecr._describe_images

    def describe(request: dict[str, Any]) -> Any:
        repository = str(request.get("repositoryName", ""))
        for image in request.get("imageIds") or () if repository in ecr._repositories else ():
            if ecr._find_image(repository, image) is None:
                named = (
                    f"{{imageDigest:'{image.get('imageDigest', 'null')}', imageTag:'{image.get('imageTag', 'null')}'}}"
                )
                where = f"the repository with name '{repository}' in the registry with id '{get_account_id()}'"
                words = f"The image with imageId {named} does not exist within {where}"
                return error_response_json("ImageNotFoundException", words, 400)
        return own(request)

    ecr._describe_images = describe
