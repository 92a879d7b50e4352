"""A fault-injecting HTTP proxy on loopback, for in front of the fake or of an emulator.

    with Proxy(aws.url) as proxy:
        proxy.on("ExecuteChangeSet", DropAfter())       # applied, but the reply is lost
        proxy.at(7, Error("InternalFailure", 500))      # whatever the seventh call is
        proxy.storm(THROTTLED, share=0.5, until=300)    # half of all calls for five virtual minutes
        client = boto3.client("cloudformation", endpoint_url=proxy.url, ...)

A proxy that is `near` is reached by clients of its own process without a socket, and reaches the fake so, for tests
that make thousands of calls; what a client would say of a lost connection is raised instead.

A rule applies to the n-th call of all, to the n-th call of one operation, or while a condition on the clock holds. What
the proxy saw and did is in `calls`. It knows no AWS service beyond the names of operations.
"""

from __future__ import annotations

import http.client
import http.server
import random
import re
import socket
import threading
import types
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from xml.sax.saxutils import escape

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from fakeaws import s3, transport

READS = ("BatchGet", "Describe", "List", "Get", "Head", "Validate", "Detect", "Lookup")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}


@dataclass(frozen=True)
class DropBefore:
    """Close the connection; the call never reached the service."""


@dataclass(frozen=True)
class DropAfter:
    """Let the service do it, then close the connection without a reply."""


@dataclass(frozen=True)
class NoName:
    """The name leads nowhere, as a client without DNS says; for a proxy that is `near`."""


@dataclass(frozen=True)
class NotInTime:
    """Let the service do it, and no reply comes in time, as a client says; for a proxy that is `near`."""


@dataclass(frozen=True)
class Delay:
    """Wait, by the sleep the proxy was given, then forward."""

    seconds: float


@dataclass(frozen=True)
class Error:
    """Answer with an error as AWS writes it; `applied` lets the service work first, `date` is the Date header."""

    code: str
    status: int = 400
    message: str = ""
    applied: bool = False
    date: str = ""


@dataclass(frozen=True)
class Html:
    """Answer with a web page, as a load balancer in between does."""

    status: int = 503
    applied: bool = False


@dataclass(frozen=True)
class Truncate:
    """Send only part of the reply: a body cut short with a matching length, or a broken connection."""

    share: float = 0.5
    announce_all: bool = False


@dataclass(frozen=True)
class Garble:
    """Replace what a pattern finds in the reply."""

    pattern: bytes
    replacement: bytes


@dataclass(frozen=True)
class Interrupt:
    """Do something (kill the client, say) before the call is forwarded or after it, then drop the connection."""

    action: Callable[[], object]
    applied: bool = False


Fault = DropBefore | DropAfter | NoName | NotInTime | Delay | Error | Html | Truncate | Garble | Interrupt

THROTTLED = Error("Throttling", 400, "Rate exceeded")
SLOW_DOWN = Error("SlowDown", 503, "Please reduce your request rate.")
INTERNAL_FAILURE = Error("InternalFailure", 500, "An internal error occurred.")
EXPIRED = Error("ExpiredToken", 403, "The security token included in the request is expired")


@dataclass(frozen=True)
class Seen:
    """One call that came to the proxy: its number from 1, its operation, the fault it met, and when (by the clock)."""

    number: int
    operation: str
    fault: Fault | None
    time: float = 0.0

    @property
    def mutating(self) -> bool:
        """Whether the call could change anything."""
        return not self.operation.startswith(READS)


@dataclass
class Rule:
    """A fault and when it applies; `left` counts how often it still may."""

    fault: Fault
    applies: Callable[[int, str], bool]
    left: int | None = 1


@dataclass(frozen=True)
class _Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class _Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Proxy:
    """Forwards to `upstream`, unless a rule says otherwise. `clock` and `sleep` are the test's, usually virtual."""

    def __init__(
        self,
        upstream: str,
        clock: Callable[[], float] = lambda: 0.0,
        sleep: Callable[[float], object] = lambda seconds: None,
        near: bool = False,
    ) -> None:
        parts = urllib.parse.urlsplit(upstream)
        assert parts.hostname == "127.0.0.1", "the proxy serves loopback only"
        self._upstream = (parts.hostname, int(parts.port or 80))
        self._answer = transport.answer_at(upstream) if near else None
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self.rules: list[Rule] = []
        self.calls: list[Seen] = []
        self.sent: list[bytes] = []
        """All requests that came, as bytes: target, headers, body."""
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        if near:
            transport.open_at(self.url, self._answered)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving."""
        transport.close_at(self.url)
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    # --- rules ---------------------------------------------------------------------------------------------------

    def at(self, number: int, fault: Fault, times: int = 1) -> None:
        """The call of this number, counted from 1 over all calls, and the ones after it up to `times`."""
        self.rules.append(Rule(fault, lambda n, operation: number <= n < number + times, times))

    def on(self, operation: str, fault: Fault, nth: int = 1, times: int | None = 1) -> None:
        """The nth call of an operation from now on, and the ones after it up to `times`."""
        skip = [nth - 1]

        def applies(number: int, name: str) -> bool:
            if name != operation:
                return False
            skip[0] -= 1
            return skip[0] < 0

        self.rules.append(Rule(fault, applies, times))

    def cut(self, seconds: float, after: float = 0.0) -> None:
        """No call gets through from `after` seconds from now on, for so many seconds."""
        start = self._clock() + after
        self.rules.append(Rule(DropBefore(), lambda n, operation: start <= self._clock() < start + seconds, None))

    def storm(self, fault: Fault, share: float, until: float = float("inf"), seed: int = 0) -> None:
        """This share of all calls, by lot, until the clock shows `until`."""
        lots = random.Random(seed)  # noqa: S311 - chance for a test
        self.rules.append(Rule(fault, lambda n, operation: self._clock() < until and lots.random() < share, None))

    def clear(self) -> None:
        """Forward everything again."""
        self.rules.clear()

    # --- serving -------------------------------------------------------------------------------------------------

    def fault_for(self, request: _Request) -> Fault | None:
        """Count a call and choose its fault: the first rule that applies."""
        with self._lock:
            self.sent.append(f"{request.target} {request.headers}".encode() + request.body)
            number, operation = len(self.calls) + 1, operation_name(request)
            fault = None
            for rule in self.rules:
                if rule.left != 0 and rule.applies(number, operation) and fault is None:
                    rule.left = None if rule.left is None else rule.left - 1
                    fault = rule.fault
            self.calls.append(Seen(number, operation, fault, self._clock()))
            return fault

    def answer(self, request: _Request) -> _Reply | None:
        """The reply to a call, or None to drop the connection."""
        fault = self.fault_for(request)
        match fault:
            case DropBefore():
                return None
            case NoName():
                raise EndpointConnectionError(endpoint_url=self.url)
            case Delay(seconds):
                self._sleep(seconds)
            case Error(applied=False) | Html(applied=False):
                return _made_up(fault, request)
            case Interrupt(action, applied=False):
                action()
                return None
        try:
            reply = self._forward(request)
        except OSError:  # the upstream is gone, and so is the caller's connection
            return None
        match fault:
            case DropAfter():
                return None
            case NotInTime():
                raise ReadTimeoutError(endpoint_url=self.url)
            case Interrupt(action):
                action()
                return None
            case Error() | Html():
                return _made_up(fault, request)
            case Garble(pattern, replacement):
                body = re.sub(pattern, replacement, reply.body, flags=re.DOTALL)
                kept = [(k, v) for k, v in reply.headers if k.lower() != "content-length"]
                return _Reply(reply.status, [*kept, ("Content-Length", str(len(body)))], body)
            case Truncate(share, announce_all):
                return _cut_short(reply, share, announce_all)
        return reply

    def _answered(self, method: str, target: str, headers: dict[str, str], body: bytes) -> s3.Reply:
        """The reply to a client of this process; raises what it says of a connection without one."""
        reply = self.answer(_Request(method, target, headers, body))
        if reply is None:
            raise transport.closed(self.url)
        return s3.Reply(reply.status, dict(reply.headers), reply.body)

    def _forward(self, request: _Request) -> _Reply:
        if self._answer is not None:
            near = self._answer(request.method, request.target, request.headers, request.body)
            return _Reply(near.status, [("Content-Length", str(len(near.body))), *near.headers.items()], near.body)
        connection = http.client.HTTPConnection(*self._upstream, timeout=60)
        try:
            headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
            headers["Content-Length"] = str(len(request.body))
            connection.request(request.method, request.target, request.body, headers)
            response = connection.getresponse()
            body = response.read()
            kept = [(k, v) for k, v in response.getheaders() if k.lower() not in HOP_BY_HOP]
            length = response.getheader("Content-Length", "0") if request.method == "HEAD" else str(len(body))
            return _Reply(response.status, [*kept, ("Content-Length", length)], body)
        finally:
            connection.close()


def operation_name(request: _Request) -> str:
    """The operation a request asks for, as AWS names it."""
    target = {k.lower(): v for k, v in request.headers.items()}.get("x-amz-target")
    if target:
        return target.rsplit(".", 1)[-1]
    action = re.match(rb"(?:.*&)?Action=(\w+)", request.body)
    return action.group(1).decode() if action else s3.operation_name(request.method, request.target)


def _made_up(fault: Error | Html, request: _Request) -> _Reply:
    if isinstance(fault, Html):
        body, kind = b"<html><body><h1>Service Unavailable</h1></body></html>", "text/html"
    elif b"Action=" in request.body:
        message, fault_type = escape(fault.message or fault.code), "Sender" if fault.status < 500 else "Receiver"
        inner = f"<Type>{fault_type}</Type><Code>{fault.code}</Code><Message>{message}</Message>"
        body, kind = f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>".encode(), "text/xml"
    else:
        fault = SLOW_DOWN if fault == THROTTLED else fault  # how S3 throttles
        inner = f"<Code>{fault.code}</Code><Message>{escape(fault.message or fault.code)}</Message>"
        body, kind = f"<Error>{inner}</Error>".encode(), "application/xml"
    if request.method == "HEAD":
        body = b""
    dated = [("Date", fault.date)] if isinstance(fault, Error) and fault.date else []
    return _Reply(fault.status, [("Content-Type", kind), ("Content-Length", str(len(body))), *dated], body)


def _cut_short(reply: _Reply, share: float, announce_all: bool) -> _Reply:
    body = reply.body[: int(len(reply.body) * share)]
    if announce_all:
        return _Reply(reply.status, reply.headers, body)
    headers = [(k, v) for k, v in reply.headers if k.lower() != "content-length"]
    return _Reply(reply.status, [*headers, ("Content-Length", str(len(body)))], body)


def _handler(proxy: Proxy) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:  # the client died in the middle of its request
                self.close_connection = True
                return
            request = _Request(self.command, self.path, dict(self.headers.items()), body)
            reply = proxy.answer(request)
            if reply is None:
                self._drop()
                return
            self.send_response_only(reply.status)
            for key, value in reply.headers:
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)
                announced = {k.lower(): v for k, v in reply.headers}.get("content-length")
                if announced != str(len(reply.body)):
                    self._drop()

        def _drop(self) -> None:
            self.close_connection = True
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815  # names of http.server

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its parameter's name
            """Say nothing: `calls` has it all."""

    return Handler
