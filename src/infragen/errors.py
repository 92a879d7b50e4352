"""The errors a user can meet: each says what happened, what to type next, and which exit code it ends in.

This module imports nothing. Only `cli` turns an error into words on a terminal and an exit status.
A message is lower case, shows the wrong value and, where it comes from a file, begins with `file:line:column: `.
"""


class Terminated(BaseException):
    """SIGTERM arrived. Not an Exception, so that nothing on the way swallows it."""


class InfragenError(Exception):
    """Something a user can act on: one message, an optional hint (what to type next), one exit code."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class OperationFailed(InfragenError):
    """An operation in AWS ended in failure or was rolled back; its root cause is in the message."""

    exit_code = 1


class InputError(InfragenError):
    """Flags, YAML, template, lint findings or size limits: no stack was changed."""

    exit_code = 2


class LayerError(InputError):
    """A layer, an extension or a section of the project's own is wrong; the message begins with its place in
    `layers/`. Its cause, if it has one, is the exception that the project's code raised.
    """


class Refused(InfragenError):
    """A guard stopped the operation or the user declined; the hint names the flag that allows it."""

    exit_code = 3


class Declined(Refused):
    """The user answered no."""


class CloudError(InfragenError):
    """Credentials, permission, region, bucket or endpoint: AWS could not be used as asked."""

    exit_code = 4


class NotBootstrapped(CloudError):
    """The environment has no artifact bucket yet; nothing was created."""


class PermissionDenied(CloudError):
    """A call was denied; `permission` is the IAM action that it needs, such as `ecr:BatchGetImage`."""

    def __init__(self, permission: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.permission = permission


class Unwritable(InfragenError):
    """A file could not be written: the disk is full, or the directory is not ours to write. Old files are intact."""

    exit_code = 4


class Conflict(InfragenError):
    """Somebody else's operation, or a plan that is stale: trying again later is sensible."""

    exit_code = 5


class OutcomeUnknown(InfragenError):
    """We stopped following an operation that still runs in AWS."""

    exit_code = 6


class Unavailable(CloudError):
    """AWS could not be reached, answered with garbage or throttled us: a read may simply be tried again.

    After a call that changes something it means that we do not know whether it was applied.
    """


class Unsupported(CloudError):
    """The endpoint does not have an operation, or can never serve it (HTTP 501, 505 …): asking again gives the same
    answer.
    """


class CredentialsExpired(CloudError):
    """The session's credentials ran out; whoever logs in again can go on."""
