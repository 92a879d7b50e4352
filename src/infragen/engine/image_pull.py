"""What to do about an image that ECS could not pull, by what the registry or the network said.

The words are those of containerd and Docker, which ECS passes on (Amazon ECS Developer Guide, "CannotPullContainerError
task errors", read 2026-11-30). The first that fits counts: a registry may say of an image that it hides that it "does
not exist or may require" a login.
"""

import re

_REMEDIES = {
    r"descriptor matching platform|no match(?:ing)?(?: manifest)? for platform|exec format": (
        "the image is not built for the tasks' platform: build it with `docker buildx build --platform`"
    ),
    r"toomanyrequests|too many requests|rate limit|\b429\b": (
        "the registry limits how often it is asked: wait, or copy the image into a repository of the account"
    ),
    r"may require|denied|not authorized|unauthorized|no basic auth|\b40[13]\b|forbidden": (
        "the execution role may not pull it: it needs ecr:GetAuthorizationToken, ecr:BatchGetImage and "
        "ecr:GetDownloadUrlForLayer, of a repository in another account that repository's policy too"
    ),
    r"not found|manifest unknown|name unknown|no such image|does not exist": (
        "the registry has no such image under that account, region, repository, and tag or digest: push it there, or "
        "deploy another tag"
    ),
    r"no space left": "the image needs more room than the task's ephemeral storage has",
    r"time-?d? ?out|deadline|dial tcp|no such host|connection re|request canceled|unreachable|\beof\b": (
        "the tasks do not reach the registry: their subnets need a NAT, or the endpoints ecr.api, ecr.dkr and S3's"
    ),
}
_PULLED = re.compile(r"CannotPull|retrieve ecr registry auth")


def pull_remedy(reason: str) -> str:
    """Return what to do where a task stopped because an image could not be pulled; empty where it was pulled."""
    if not _PULLED.search(reason):
        return ""
    fits = (remedy for pattern, remedy in _REMEDIES.items() if re.search(pattern, reason, re.IGNORECASE))
    return next(fits, "check the image's tag and repository, and the way of the subnets to the registry")
