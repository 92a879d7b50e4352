"""AWS's errors in plain words: what was being done, AWS's own text, and what to type next.

The classes of botocore are looked at by name, so that this module needs neither boto3 nor an import of its forty
exception classes.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from infragen.aws.invalid_response import MARK
from infragen.aws.reading import IncompleteReply, plain
from infragen.errors import CloudError, CredentialsExpired, InfragenError, Unavailable, Unsupported

THROTTLING = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "TooManyRequestsException", "RequestLimitExceeded", "SlowDown", "PriorRequestNotComplete", "BandwidthLimitExceeded",
})  # fmt: skip
"""The codes that botocore's standard mode treats as throttling (botocore, retries/standard.py)."""

SSO = frozenset({"SSOError", "TokenRetrievalError"})
"""Classes of botocore that stand for an SSO login that is missing, expired or withdrawn, their subclasses included."""

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "LoginError",
                     "RefreshWithMFAUnsupportedError", *SSO})  # fmt: skip
LOGIN = "log in again (`aws sso login`, or however this machine gets credentials), then run the same command"

SIGNATURE = ("SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidSignatureException", "RequestExpired")
"""What AWS says to a request that was signed at another time than it arrives, among other reasons."""

FINAL = {
    501: "the endpoint does not have this operation; AWS has it",
    505: "the server or a proxy on the way refuses this version of HTTP; AWS accepts it: check the endpoint",
    506: "the server is set up wrongly; AWS is not: check the endpoint",
    508: "a proxy or the server sends the request around in a circle: check the endpoint and the proxy",
    510: "the server wants an extension of HTTP that AWS does not use: check the endpoint",
}
"""The HTTP statuses that say that this request can never work, and what to look at (IANA, "HTTP Status Code Registry":
RFC 9110, 2295, 5842, 2774; read 2026-11-29). Any other from 500 on, one that nobody knows too, is an outage: a client
takes an unknown one as 500 (RFC 9110, section 15)."""

AGAIN = frozenset({408, 425})
"""Statuses below 500 that ask for the same request once more (RFC 9110, RFC 8470; read 2026-11-29)."""

UNTRUSTED = (
    "where a proxy signs certificates itself, name the file with its certificate in AWS_CA_BUNDLE, or as ca_bundle in "
    "the profile; `infragen docs getting-started` says how npm and pip trust it"
)
"""To a certificate that no known authority signed. Asking again does not help."""

SKEW = 240.0
"""Seconds that a clock may be off: AWS allows about five minutes."""

ENDPOINT = "an endpoint is a URL such as http://127.0.0.1:4566: see --endpoint-url, AWS_ENDPOINT_URL and the profile"

_ROLE = re.compile(r"^Role \S+ is invalid or cannot be assumed")
ROLE = (
    "CloudFormation assumes this role: create it again, or name another as iam.service_role_arn in the environment "
    "file; `infragen destroy --role-arn ARN` deletes with another"
)

UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
"""What botocore and our readers stumble with over a reply of another shape than AWS's: a RuntimeError is one that is
nested too deeply, or a time that no calendar has."""

PERMISSION = "x-infragen-permission"
"""A header that every refusal gets, with the IAM action that the call needs: AWS's words often name none (S3, SQS)."""

_PREFIXES = {"monitoring": "cloudwatch", "cloudcontrolapi": "cloudformation"}
"""Signing name -> prefix of IAM's actions, where they differ (Service Authorization Reference, read 2026-11-29)."""

_ACTIONS = {
    "s3:HeadBucket": "s3:ListBucket", "s3:ListObjectsV2": "s3:ListBucket", "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions", "s3:DeleteObjects": "s3:DeleteObject",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}  # fmt: skip
"""Operation -> its action, where that has another name; `permissions.operations` has all of them, and a test compares
(Amazon S3 User Guide, "Required permissions for Amazon S3 API operations", read 2026-11-29)."""

_NOT_AUTHORIZED = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)")

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden")


THROTTLED = (
    "all calls in this account and region are throttled together: wait until others are done, then run "
    "the same command: it resumes"
)

ALWAYS_ON = frozenset({
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1",
    "us-east-2", "us-west-1", "us-west-2",
})  # fmt: skip
"""Regions that are enabled in every account (AWS Account Management, "Enable or disable AWS Regions in your account",
read 2026-11-28). Any other, one that is new too, has to be enabled first."""

NOT_ENABLED = frozenset({
    "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "InvalidToken", "InvalidAccessKeyId",
    "OptInRequired", "SubscriptionRequiredException", "NotSignedUp", "400",
})  # fmt: skip
"""What services say of credentials they do not know, among them those of an account that has not enabled the region;
400 is what S3 says to a HEAD, which has no words."""

REGION = "x-infragen-region"
"""A header that every refusal gets, with the region that was asked."""


def _hinted(hint: str, *codes: str) -> dict[str, str]:
    return dict.fromkeys(codes, hint)


HINTS = {
    **_hinted(
        "set AWS_PROFILE or pass --profile; `aws sts get-caller-identity` shows what is in use",
        "NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "CredentialRetrievalError",
    ),
    **_hinted(
        "the credentials in use are not valid in this account and partition",
        "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "InvalidAccessKeyId",
    ),
    **_hinted(
        "the secret key is not that of the access key, or something on the way changes requests (a proxy?)",
        "SignatureDoesNotMatch", "InvalidSignatureException",
    ),
    **_hinted("check this machine's clock: AWS refuses requests signed more than five minutes off",
              "RequestTimeTooSkewed"),
    **_hinted(
        "check the AWS configuration files and environment variables",
        "ConfigParseError", "ConfigNotFound", "InvalidConfigError", "NoRegionError", "InvalidRegionError",
    ),
    **_hinted(
        "the account has not signed up for this service, or its registration is not finished: its owner does that in "
        "the console",
        "OptInRequired", "SubscriptionRequiredException", "NotSignedUp",
    ),
    **_hinted(
        "infragen acknowledges what its own templates need: a macro or a nested template of a layer of your own needs "
        "more; `infragen plan` shows what is acknowledged",
        "InsufficientCapabilitiesException", "InsufficientCapabilities",
    ),
    **_hinted("a quota of this account is used up; waiting does not help", "LimitExceededException"),
    **_hinted("this is a fault of infragen's request", "ParamValidationError", "UnknownEndpointError"),
}  # fmt: skip


def code_of(error: Exception) -> str:
    """Return AWS's error code, or the name of the exception's class when AWS gave none."""
    answer: dict[str, Any] = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code") or type(error).__name__)


def words_of(error: Exception) -> str:
    """Return AWS's own words."""
    answer: dict[str, Any] = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Message") or error)


class AwsError(CloudError):
    """What AWS refused for good; `code` and `words` are AWS's own."""

    def __init__(self, code: str, words: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code
        self.words = words


@contextmanager
def translated(doing: str, profile: str = "") -> Iterator[None]:
    """Turn whatever botocore raises inside into CloudError or Unavailable; `doing` says what was being done.

    `profile` is named in what to type next where a login to it is missing.
    """
    try:
        yield
    except IncompleteReply as error:
        raise IncompleteReply(f"{doing}: {error.message}") from error
    except InfragenError:
        raise
    except Exception as error:
        if not _from_botocore(error):
            raise
        raise explain(error, doing, profile) from error


@contextmanager
def answered(doing: str) -> Iterator[None]:
    """Translate errors like `translated`, around one call and the reading of its reply: what stumbles over the
    reply's shape becomes IncompleteReply, because who answers such a thing is not AWS.
    """
    with translated(doing):
        try:
            yield
        except UNREADABLE as error:
            if _from_botocore(error):
                raise
            raise IncompleteReply(plain(f"the answer is not as AWS gives it: {_lacks(error)}")) from error


def _lacks(error: Exception) -> str:
    """Return what is missing in an answer, as far as reading it tells."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"it has no {error.args[0]}" if isinstance(error, KeyError) and error.args else str(error)


def _from_botocore(error: Exception) -> bool:
    return any(kind.__module__.partition(".")[0] in ("botocore", "boto3", "urllib3") for kind in type(error).__mro__)


def explain(error: Exception, doing: str, profile: str = "") -> CloudError:
    """Return the error as ours."""
    code, words = code_of(error), words_of(error)
    invalid_reply = _metadata(error).get("HTTPHeaders", {}).get(MARK)
    if invalid_reply or code == "ResponseParserError":  # what was answered is quoted in full behind the parser's words
        words = f"the reply is not from AWS, or it was cut off: {invalid_reply or words.partition(': b')[0]}"
    answered = isinstance(getattr(error, "response", None), dict)  # a broken connection has the attribute, too
    said = f"{doing}: {code}: {words}" if answered and code not in words else f"{doing}: {words}"
    told = plain(said)
    names = (code, *(kind.__name__ for kind in type(error).__mro__))
    off = _clock_is_off(error) if code in SIGNATURE else ""
    if off:
        return AwsError(code, words, told, off)
    if EXPIRED.intersection(names):
        sso = profile and SSO.intersection(names)
        return CredentialsExpired(
            told, f"log in with `aws sso login --profile {profile}`, then run the same command" if sso else LOGIN
        )
    hint = _enabled_first(
        code, _hint(code, words, names, _needed(error)), _metadata(error).get("HTTPHeaders", {}).get(REGION, "")
    )
    if hint:
        return AwsError(code, words, told, hint)
    status = _status(error)
    if code in THROTTLING or status == 429:
        return Unavailable(told, THROTTLED)
    if status in FINAL:
        return Unsupported(told, FINAL[status])
    if status >= 500 or status in AGAIN or not answered:
        return Unavailable(told, "check the connection and the endpoint, then run the same command: it resumes")
    return AwsError(code, words, told, ROLE if _ROLE.search(words) else "")


def permission(service: str, operation: str) -> str:
    """Return the IAM action of an operation: `service` is the one that requests to it are signed for."""
    found = f"{_PREFIXES.get(service, service)}:{operation}"
    return _ACTIONS.get(found, found)


def _needed(error: Exception) -> str:
    """Return the action that was denied, in AWS's words, or that of the call; empty where neither is known."""
    named = _NOT_AUTHORIZED.search(words_of(error))
    return named[1] if named else str(_metadata(error).get("HTTPHeaders", {}).get(PERMISSION, ""))


def _hint(code: str, words: str, names: Iterable[str], needed: str) -> str:
    if code in DENIED and "iam:PassRole" in words:
        return "allow the deploying principal to pass this role to the service: iam:PassRole on its ARN"
    if code in DENIED:
        return f"the credentials in use lack {needed or 'this permission'}"
    if "SSLError" in names and "certificate verify failed" in words.lower():
        return UNTRUSTED
    return next((HINTS[name] for name in names if name in HINTS), "")


def _enabled_first(code: str, hint: str, region: str) -> str:
    """Return the hint, with that the region may not be enabled, where that is a likely reason; a region that is not
    known counts as one that has to be enabled.
    """
    if code not in NOT_ENABLED or not region or region in ALWAYS_ON or region.startswith(("cn-", "us-gov-")):
        return hint
    enable = (
        f"{region} is not enabled in the account: `aws account get-region-opt-status --region-name {region}` tells, "
        f"`aws account enable-region --region-name {region}` enables it"
    )
    return f"{hint}; or {enable}" if hint else f"perhaps {enable}"


def _clock_is_off(error: Exception) -> str:
    """Return what to do about this machine's clock, if it is far from the time of AWS's answer; else nothing."""
    sent = _metadata(error).get("HTTPHeaders", {}).get("date", "")
    try:
        ahead = (datetime.now(UTC) - parsedate_to_datetime(sent)).total_seconds()
    except (TypeError, ValueError):  # no date, or none that HTTP knows
        return ""
    if abs(ahead) < SKEW:
        return ""
    where = "ahead of" if ahead > 0 else "behind"
    return f"this machine's clock is {abs(ahead) / 60:.0f} min {where} AWS's: set it, then run the same command"


def _metadata(error: Exception) -> dict[str, Any]:
    answer: dict[str, Any] = getattr(error, "response", None) or {}
    found: dict[str, Any] = answer.get("ResponseMetadata", {})
    return found


def _status(error: Exception) -> int:
    return int(_metadata(error).get("HTTPStatusCode") or 0)
