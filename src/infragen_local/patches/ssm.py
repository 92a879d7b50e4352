"""Systems Manager: the public parameter of the current Amazon Linux 2023 image for arm64, and secrets of tasks.

Of the public image parameters MiniStack has two, both x86_64; a missing one fails CreateChangeSet. To a task it gives
the stored form of a SecureString; ECS gives the decrypted value (Amazon ECS Developer Guide, "Pass Systems Manager
parameters through Amazon ECS environment variables", read 2026-11-29).
"""

from typing import Any

from ministack.services import ssm

ARM64_IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"


def apply() -> None:
    """Add the arm64 image, and decrypt what tasks get."""
    own = ssm.resolve_parameter_value

    def resolve(name: str, version: Any = None, decrypt: bool = True) -> Any:
        return own(name, version, decrypt)

    ssm.resolve_parameter_value = resolve
    ssm._PUBLIC_AMI_PARAMETERS.setdefault(ARM64_IMAGE, "ami-0c2023a1b2c3d4e60")
