"""Systems Manager: the public parameter that names the current Amazon Linux 2023 image for arm64.

Of the public image parameters MiniStack has two, both x86_64; a missing one fails CreateChangeSet.
"""

from ministack.services import ssm

ARM64_IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"


def apply() -> None:
    """Add the arm64 image."""
    ssm._PUBLIC_AMI_PARAMETERS.setdefault(ARM64_IMAGE, "ami-0c2023a1b2c3d4e60")
