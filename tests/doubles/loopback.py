"""One HTTP server on 127.0.0.1 for the AWS services that the credentials function calls.

A service is an object with `call(operation, body) -> dict` that raises `ServiceError`. The server speaks both
protocols (rest-json of the RDS Data API, json 1.1 of Secrets Manager) to real boto3 clients, keeps a log of
the calls, lets a test make any of them fail, and receives what goes to a custom resource's ResponseURL.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

Fault = Callable[[int, str], str | None]
"""Called with the number and name of a call; "before" or "after" makes it fail before or after it was applied."""


class ServiceError(Exception):
    """An AWS error: code, HTTP status, message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Service(Protocol):
    def call(self, operation: str, body: dict[str, Any]) -> dict[str, Any]: ...


class Loopback:
    """The server; `url` is the endpoint of every service and, below /answer, of ResponseURLs."""

    def __init__(self, services: dict[str, Service]) -> None:
        self.services = services
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[dict[str, Any]] = []
        self.answer_headers: list[dict[str, str]] = []
        self.fault: Fault = lambda number, operation: None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # head and body in one packet

            def do_POST(self) -> None:
                outer.serve(self)

            def do_PUT(self) -> None:
                outer.receive(self)

            def log_message(self, *arguments: object) -> None:
                """Be quiet: the call log is the record."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def __enter__(self) -> Loopback:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers.get("Content-Length", 0))) or b"{}")
        target = request.headers.get("X-Amz-Target")
        service, operation = target.split(".") if target else ("rds-data", request.path.strip("/"))
        self.calls.append((operation, body))
        fault = self.fault(len(self.calls), operation)
        try:
            if fault == "before":
                raise ServiceError("AccessDeniedException", "made to fail before it was applied")
            found = self.services[service].call(operation, body)
            if fault == "after":
                raise ServiceError("AccessDeniedException", "made to fail after it was applied")
            reply(request, 200, found)
        except ServiceError as error:
            reply(request, error.status, {"__type": error.code, "message": error.message}, error.code)

    def receive(self, request: BaseHTTPRequestHandler) -> None:
        data = request.rfile.read(int(request.headers["Content-Length"]))
        self.answers.append(json.loads(data))
        self.answer_headers.append({name.lower(): value for name, value in request.headers.items()})
        reply(request, 200, {})


def reply(request: BaseHTTPRequestHandler, status: int, body: dict[str, Any], error: str | None = None) -> None:
    data = json.dumps(body).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(data)))
    if error:
        request.send_header("x-amzn-ErrorType", error)
    request.end_headers()
    request.wfile.write(data)
