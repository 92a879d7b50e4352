"""boto3 sessions and clients, with retries and timeouts that survive a burst of throttling.

botocore's own defaults stop after about 1.5 seconds of constant throttling. Ten standard attempts survive a minute
of anything; throttling is waited out for some six minutes. boto3 is imported when the first client is made, because it
takes longer than everything else at start-up.
"""

from __future__ import annotations

import datetime
import getpass
import os
import random
import re
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from infragen.aws.failure import ENDPOINT, PERMISSION, REGION, THROTTLING, permission, translated
from infragen.aws.invalid_response import MARK, fail_invalid_reply
from infragen.aws.reading import IncompleteReply
from infragen.aws.reply_limits import LimitedSession
from infragen.aws.reply_types import mistyped
from infragen.errors import CloudError, InputError, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient


ENDPOINT_EXAMPLE = "an endpoint is for example http://127.0.0.1:4566"
_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
_VISIBLE = re.compile(r"[!-~]*")
ATTEMPTS, THROTTLED_ATTEMPTS, LONGEST_WAIT = 10, 40, 20.0
FIRST_ATTEMPTS = 3
PART_SECONDS = 600.0
"""Seconds for one piece of an image's layer, some 10 MB, over any line."""
EXCHANGE_SECONDS, FIRST_EXCHANGE_SECONDS = 90.0, 10.0
"""Seconds for one exchange as a whole: of any call, and of the one with which a command begins. That one is tried three
times, so that a server which does not answer is reported after half a minute."""

WITHOUT_BODY = ("429", "503")
"""How throttling of a HEAD request reads: its reply has no body, and so no code."""


def _retries(first: bool) -> Callable[..., float | bool | None]:
    """Return what decides whether a call is tried again; `first` for the question with which a command begins."""

    def decide(
        response: tuple[Any, Mapping[str, Any]] | None,
        attempts: int,
        caught_exception: Exception | None = None,
        **_: Any,
    ) -> float | bool | None:
        """Decide before botocore: return the seconds to wait, False for no retry, None for its own decision.

        LimitExceededException is a quota here, which botocore takes for throttling. True throttling is waited out, far
        beyond botocore's attempts: it says that AWS is there and that the call was not applied. To the first
        question a web page with a good status ends it, and an address that leads nowhere is reported in seconds.
        """
        code = response[1].get("Error", {}).get("Code") if response else None
        invalid_reply = _invalid_reply(response)
        if code == "LimitExceededException" or (first and invalid_reply.startswith("a web page with status 2")):
            return False
        if attempts >= (FIRST_ATTEMPTS if first else ATTEMPTS) and (invalid_reply or (first and caught_exception)):
            return False
        if code in (*THROTTLING, *WITHOUT_BODY) and attempts < THROTTLED_ATTEMPTS:
            return random.uniform(0, min(LONGEST_WAIT, 2.0**attempts))  # noqa: S311 # jitter
        return None

    return decide


def _refuse_invalid(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    """Raise for a reply that stayed garbled: botocore looks at the status on the wire, which may be 200. And for one
    with other types than the service's model says.
    """
    from botocore.exceptions import ClientError

    if MARK in parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {}):
        raise ClientError(parsed, model.name)  # type: ignore[arg-type]  # as botocore itself raises it
    if "Error" not in parsed and model.output_shape is not None and (wrong := mistyped(model.output_shape, parsed)):
        raise IncompleteReply(f"the answer is not as AWS gives it: {wrong}")


def _note_call(parsed: dict[str, Any], model: Any, region: str) -> None:
    """Note in a refusal in which region it was and what the call needs, which AWS does not say and what to type next
    depends on.
    """
    if "Error" in parsed:
        noted = {REGION: region, PERMISSION: permission(model.service_model.signing_name, model.name)}
        parsed.setdefault("ResponseMetadata", {}).setdefault("HTTPHeaders", {}).update(noted)


def _invalid_reply(response: tuple[Any, Mapping[str, Any]] | None) -> str:
    """Return what was wrong with a reply that AWS did not send; nothing for any other."""
    headers = response[1].get("ResponseMetadata", {}).get("HTTPHeaders", {}) if response is not None else {}
    return str(headers.get(MARK, ""))


def check_endpoint(url: str, source: str) -> None:
    """Raise InputError for what is no address of a service: `scheme://host[:port][/path]`. `source` says who gave it.

    An address with a user name is not repeated: what follows the name is a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InputError(f"{source}: {url!r} is not an endpoint: {str(error).lower()}", ENDPOINT_EXAMPLE) from None
    if "@" in parts.netloc:
        raise InputError(f"{source}: an endpoint has no user name and no password", ENDPOINT_EXAMPLE)
    if not _VISIBLE.fullmatch(url):
        wrong = "only visible ASCII characters can be in it"
    elif parts.scheme not in ("http", "https"):
        wrong = "it must begin with http:// or https://"
    elif not _HOST.fullmatch(parts.netloc):
        wrong = "it has no host name" if not parts.hostname else "the host name is not one"
    elif port == 0:
        wrong = "port 0 is not a valid port"
    elif parts.query or parts.fragment:
        wrong = "only a path may follow the host name"
    else:
        return
    raise InputError(f"{source}: {url!r} is not an endpoint: {wrong}", ENDPOINT_EXAMPLE)


def _mfa_code(prompt: str) -> str:
    """Ask for the code of an MFA device. Raises CloudError where nobody could type one."""
    if not _has_terminal():
        raise CloudError(
            "the profile needs an MFA code, and there is no terminal to enter it",
            "use credentials that need none here, such as those of `aws sts get-session-token` or of a CI role",
        )
    return getpass.getpass(prompt)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return sys.stdin is not None and sys.stdin.isatty()
    return True


class ReadRate:
    """Paces CloudFormation's read calls, retries included: `burst` of them at once, then so many a second.

    An account's reads are throttled together: a run that reads without a pause slows down everybody's consoles and
    pipelines. `now` and `sleep` are in seconds.
    """

    def __init__(
        self, now: Callable[[], float], sleep: Callable[[float], None], per_second: float = 3.0, burst: int = 60
    ) -> None:
        self._now, self._sleep = now, sleep
        self._per_second, self._burst = per_second, burst
        self._left, self._at = float(burst), now()

    def take(self, event_name: str = "", **_: Any) -> None:
        """Receive of every request before it is sent; a read waits for its turn."""
        if not event_name.rpartition(".")[2].startswith(("Describe", "List", "Get")):
            return
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second) - 1
        self._at = now
        if self._left < 0:
            self._sleep(-self._left / self._per_second)


def _no_configuration() -> dict[str, tuple[None, None, Any, Any]]:
    """Return botocore's session variables without the place in a file or the environment that each is read from."""
    from botocore.session import Session

    known = {
        name: (None, None, default, convert) for name, (_, _, default, convert) in Session.SESSION_VARIABLES.items()
    }
    nothing = (None, None, os.devnull, None)
    return {**known, "config_file": nothing, "credentials_file": nothing}


def timestamp(value: Any) -> datetime.datetime:
    """Read a time of a reply. botocore's reader takes any format, and a tenth of the time of a deployment."""
    from botocore.utils import parse_timestamp

    if isinstance(value, str) and _ISO.fullmatch(value):
        with suppress(ValueError):
            return datetime.datetime.fromisoformat(value)
    return parse_timestamp(value)


@dataclass(frozen=True)
class Clients:
    """One session's clients, each made when it is first used.

    `endpoint_url` beats AWS_ENDPOINT_URL and the profile's; when it is None, boto3 reads those as its users expect.
    `keys` (access key, secret key) are those of the emulator: with them nothing of the user's AWS configuration counts,
    no profile, no variable, no file and no proxy. `reads` paces CloudFormation's read calls; without it they are made
    as they come.
    """

    region: str
    profile: str | None = None
    endpoint_url: str | None = None
    keys: tuple[str, str] | None = field(default=None, repr=False)
    credentials: tuple[str, str, str] | None = field(default=None, repr=False)
    """Access key, secret key and session token, instead of those that boto3 finds."""
    reads: ReadRate | None = None
    waiting: Callable[[str], None] | None = None
    lock: Any = field(default_factory=threading.RLock, repr=False, compare=False)
    """Held while a client is made: boto3's sessions are not thread-safe, its clients are (Boto3 guide, "Session")."""

    def forget(self) -> None:
        """Drop the session and its clients; the next use makes new ones, with the credentials there are then."""
        for name in [name for name, found in vars(type(self)).items() if isinstance(found, cached_property)]:
            self.__dict__.pop(name, None)

    @cached_property
    def _session(self) -> Any:
        """Return the session, its credentials found and usable: whoever must log in is notified of it before anything
        is called.
        """
        import boto3
        import botocore.session

        core = botocore.session.Session(session_vars=_no_configuration() if self.keys else None)
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=timestamp)
        with translated("reading the AWS configuration"):
            access_key, secret_key, token = self.credentials or (*(self.keys or (None, None)), None)
            session = boto3.session.Session(
                aws_access_key_id=access_key,
                aws_secret_access_key=secret_key,
                aws_session_token=token or None,
                region_name=self.region,
                profile_name=self.profile,
                botocore_session=core,
            )
        with translated("reading who signs", session.profile_name):
            # botocore has no other way to say who is asked for an MFA code; by itself it reads standard input in CI
            core.get_component("credential_provider").get_provider("assume-role")._prompter = _mfa_code
            found = session.get_credentials()
            if found is not None:
                found.get_frozen_credentials()
        return session

    def expires_within(self, seconds: float) -> bool:
        """Return whether the credentials expire that soon; False for those without a known expiry."""
        found = self._session.get_credentials()
        refresh_needed = getattr(found, "refresh_needed", None)
        return bool(refresh_needed and refresh_needed(refresh_in=seconds))

    def _client(self, service: str, region: str | None = None) -> Any:
        with self.lock:
            return self._made(service, region)

    def _made(self, service: str, region: str | None) -> Any:
        from botocore.config import Config

        config = Config(
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            connect_timeout=10,
            read_timeout=30,
            tcp_keepalive=True,
            user_agent_extra="infragen",
            proxies={} if self.keys else None,  # empty: none at all; None: those of the environment
        )
        try:
            with translated(f"connecting to {service}"):
                client = self._session.client(
                    service, region_name=region, endpoint_url=self.endpoint_url, config=config
                )
        except ValueError as error:  # botocore's answer to an address that is none
            raise InputError(f"connecting to {service}: {error}", ENDPOINT) from error
        check_endpoint(client.meta.endpoint_url, f"the endpoint of {service} in the AWS configuration")
        name = (
            client.meta.service_model.service_id.hyphenize()
        )  # as specific as botocore's own, or that one comes first
        first = service == "sts"
        client.meta.events.register_first(f"needs-retry.{name}", _retries(first))
        client.meta.events.register(f"before-parse.{name}", fail_invalid_reply)
        client.meta.events.register(
            f"after-call.{name}", lambda parsed, model, **_: _note_call(parsed, model, self.region)
        )
        client.meta.events.register(f"after-call.{name}", _refuse_invalid)
        if self.reads is not None:
            client.meta.events.register("before-send.cloudformation", self.reads.take)
        endpoint = client._endpoint  # botocore has no other place for what sends a request
        seconds, waiting = (FIRST_EXCHANGE_SECONDS, self.waiting) if first else (EXCHANGE_SECONDS, None)
        endpoint.http_session = LimitedSession(endpoint.http_session, seconds, waiting)
        return client

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        """Return the client of AWS CloudFormation."""
        client: CloudFormationClient = self._client("cloudformation")
        return client

    @cached_property
    def s3(self) -> S3Client:
        """Return the client of Amazon S3."""
        client: S3Client = self._client("s3")
        return client

    @cached_property
    def ecs(self) -> ECSClient:
        """Return the client of Amazon ECS."""
        client: ECSClient = self._client("ecs")
        return client

    @cached_property
    def sts(self) -> STSClient:
        """Return the client of AWS Security Token Service."""
        client: STSClient = self._client("sts")
        return client

    @cached_property
    def functions(self) -> LambdaClient:
        """Return the client of AWS Lambda."""
        client: LambdaClient = self._client("lambda")
        return client

    @cached_property
    def pricing(self) -> Any:
        """Return the client of AWS Price List, of which one call is used."""
        return self._client("pricing")

    @cached_property
    def rds(self) -> RDSClient:
        """Return the client of Amazon RDS."""
        client: RDSClient = self._client("rds")
        return client

    @cached_property
    def load_balancers(self) -> ElasticLoadBalancingv2Client:
        """Return the client of Elastic Load Balancing v2."""
        client: ElasticLoadBalancingv2Client = self._client("elbv2")
        return client

    @cached_property
    def logs(self) -> Any:
        """Return the client of Amazon CloudWatch Logs."""
        return self._client("logs")

    @cached_property
    def trail(self) -> Any:
        """Return the client of AWS CloudTrail, for its event history."""
        return self._client("cloudtrail")

    @cached_property
    def registry(self) -> Any:
        """Return the client of Amazon ECR."""
        return self._client("ecr")

    @cached_property
    def networks(self) -> Any:
        """Return the client of Amazon EC2."""
        return self._client("ec2")

    @cached_property
    def certificates(self) -> Any:
        """Return the client of AWS Certificate Manager."""
        return self._client("acm")

    @cached_property
    def dns(self) -> Any:
        """Return the client of Amazon Route 53."""
        return self._client("route53")

    @cached_property
    def domains(self) -> Any:
        """Return the client of Amazon Route 53 Domains, whose only endpoint is in us-east-1 (AWS General Reference)."""
        return self._client("route53domains", "us-east-1")

    @cached_property
    def quotas(self) -> Any:
        """Return the client of Service Quotas."""
        return self._client("service-quotas")

    @cached_property
    def metrics(self) -> Any:
        """Return the client of Amazon CloudWatch."""
        return self._client("cloudwatch")

    @cached_property
    def roles(self) -> Any:
        """Return the client of AWS IAM."""
        return self._client("iam")

    @cached_property
    def statements(self) -> Any:
        """Return the client of the RDS Data API, of which one call is used."""
        return self._client("rds-data")

    @cached_property
    def secrets(self) -> Any:
        """Return the client of AWS Secrets Manager."""
        return self._client("secretsmanager")

    @cached_property
    def parameters(self) -> Any:
        """Return the client of AWS Systems Manager, for its parameters."""
        return self._client("ssm")

    @cached_property
    def keys_service(self) -> Any:
        """Return the client of AWS KMS."""
        return self._client("kms")

    @cached_property
    def queues(self) -> Any:
        """Return the client of Amazon SQS."""
        return self._client("sqs")

    @cached_property
    def cloud_control(self) -> Any:
        """Return the client of AWS Cloud Control API."""
        return self._client("cloudcontrol")

    @cached_property
    def schedules(self) -> Any:
        """Return the client of Amazon EventBridge Scheduler."""
        return self._client("scheduler")

    @cached_property
    def firewalls(self) -> Any:
        """Return the client of AWS WAF."""
        return self._client("wafv2")

    def download(self, url: str, largest: int) -> bytes:
        """Return what is behind an address that AWS gave, at most so many bytes. Raises Unavailable for any status but
        200.

        Signs nothing: such an address carries its own signature.
        """
        from botocore.awsrequest import AWSRequest
        from botocore.httpsession import URLLib3Session

        with translated("reading what a signed address leads to"):
            session = URLLib3Session(timeout=10, proxies={} if self.keys else None)
            response = LimitedSession(session, EXCHANGE_SECONDS).send(AWSRequest("GET", url).prepare())
        if response.status_code != 200 or len(response.content) > largest:
            said = f"status {response.status_code}, {len(response.content)} bytes"
            raise Unavailable(f"a signed address of AWS was answered with {said}", "run the same command again")
        return bytes(response.content)

    def download_part(self, url: str, first: int, last: int) -> bytes:
        """Return some bytes of what is behind an address that AWS gave, both ends included. Raises Unavailable where
        other bytes came.
        """
        from botocore.awsrequest import AWSRequest
        from botocore.httpsession import URLLib3Session

        with translated("reading what a signed address leads to"):
            session = URLLib3Session(timeout=30, proxies={} if self.keys else None)
            request = AWSRequest("GET", url, headers={"Range": f"bytes={first}-{last}"}).prepare()
            response = LimitedSession(session, PART_SECONDS).send(request)
        if response.status_code not in (200, 206) or len(response.content) != last - first + 1:
            said = f"status {response.status_code}, {len(response.content)} bytes"
            raise Unavailable(f"a signed address of AWS was answered with {said}", "run the same command again")
        return bytes(response.content)

    @cached_property
    def tables(self) -> Any:
        """Return the client of Amazon DynamoDB."""
        return self._client("dynamodb")
