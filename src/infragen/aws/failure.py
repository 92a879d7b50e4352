"""AWS's errors in plain words: what was being done, AWS's own text, and what to type next.

The classes of botocore are looked at by name, so that this module needs neither boto3 nor an import of its forty
exception classes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from infragen.aws.reading import plain
from infragen.errors import CloudError, CredentialsExpired, InfragenError, Unavailable

THROTTLING = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "TooManyRequestsException", "RequestLimitExceeded", "SlowDown", "PriorRequestNotComplete", "BandwidthLimitExceeded",
})  # fmt: skip
"""The codes that botocore's standard mode treats as throttling (botocore, retries/standard.py)."""

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnauthorizedSSOTokenError",
                     "SSOTokenLoadError", "TokenRetrievalError"})  # fmt: skip
LOGIN = "log in again (`aws sso login`, or however this machine gets credentials), then run the same command"
ENDPOINT = "an endpoint is a URL such as http://127.0.0.1:4566: see --endpoint-url, AWS_ENDPOINT_URL and the profile"

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden")


def _hinted(hint: str, *codes: str) -> dict[str, str]:
    return dict.fromkeys(codes, hint)


HINTS = {
    **_hinted("the credentials in use lack this permission", *DENIED),
    **_hinted(
        "set AWS_PROFILE or pass --profile; `aws sts get-caller-identity` shows what is in use",
        "NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "CredentialRetrievalError",
    ),
    **_hinted(
        "the credentials in use are not valid in this account and partition",
        "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "InvalidAccessKeyId",
    ),
    **_hinted(
        "check this machine's clock: AWS refuses requests signed more than five minutes off",
        "SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidSignatureException",
    ),
    **_hinted(
        "check the AWS configuration files and environment variables",
        "ConfigParseError", "ConfigNotFound", "InvalidConfigError", "NoRegionError", "InvalidRegionError",
    ),
    **_hinted("a quota of this account is used up; waiting does not help", "LimitExceededException"),
    **_hinted("this is a fault of infragen's request", "ParamValidationError", "UnknownEndpointError"),
}  # fmt: skip


def code_of(error: Exception) -> str:
    """AWS's error code, or the name of the exception's class when AWS gave none."""
    answer: dict[str, Any] = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code") or type(error).__name__)


def words_of(error: Exception) -> str:
    """AWS's own words."""
    answer: dict[str, Any] = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Message") or error)


class AwsError(CloudError):
    """What AWS refused for good; `code` and `words` are AWS's own."""

    def __init__(self, code: str, words: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code
        self.words = words


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turns whatever botocore raises inside into CloudError or Unavailable; `doing` says what was being done."""
    try:
        yield
    except InfragenError:
        raise
    except Exception as error:
        if not _from_botocore(error):
            raise
        raise explain(error, doing) from error


def _from_botocore(error: Exception) -> bool:
    return any(kind.__module__.partition(".")[0] in ("botocore", "boto3", "urllib3") for kind in type(error).__mro__)


def explain(error: Exception, doing: str) -> CloudError:
    """The error as ours."""
    code, words = code_of(error), words_of(error)
    if code == "ResponseParserError":  # whatever answered is quoted in full behind this
        words = f"whoever answered is not AWS: {words.partition(': b')[0]}"
    answered = isinstance(getattr(error, "response", None), dict)  # a broken connection has the attribute, too
    told = plain(f"{doing}: {code}: {words}" if answered and code not in words else f"{doing}: {words}")
    if code in EXPIRED:
        return CredentialsExpired(told, LOGIN)
    if code in HINTS:
        return AwsError(code, words, told, HINTS[code])
    if code in THROTTLING or _status(error) >= 500 or not answered:
        return Unavailable(told, "check the connection and the endpoint, then run the same command: it resumes")
    return AwsError(code, words, told)


def _status(error: Exception) -> int:
    answer: dict[str, Any] = getattr(error, "response", None) or {}
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
