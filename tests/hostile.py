"""Servers that are not AWS: each answers every call in one wrong way, well-formed or not."""

from __future__ import annotations

import gzip
import http.server
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import botocore.session

HTML = b"<!DOCTYPE html><html><body>Please log in to the guest network</body></html>"
QUERY = {"cloudformation", "sts", "rds", "elasticloadbalancing", "ec2"}
MODELS = {"elasticloadbalancing": "elbv2"}


@dataclass(frozen=True)
class Asked:
    """One request, as far as an answer depends on it."""

    service: str
    operation: str

    @property
    def query(self) -> bool:
        return self.service in QUERY


def wrapped(asked: Asked, inner: str) -> bytes:
    """A reply of the Query protocol that is well-formed."""
    if asked.service == "ec2":
        return f"<{asked.operation}Response>{inner}</{asked.operation}Response>".encode()
    result = f"<{asked.operation}Result>{inner}</{asked.operation}Result>"
    return f"<{asked.operation}Response>{result}</{asked.operation}Response>".encode()


def listed(asked: Asked, row: Any, token: str = "") -> bytes:
    """A reply whose every list holds one `row`, and whose every token leads on."""
    if not asked.query:
        names = _members(asked)
        body = {name: [row] for name, kind in names.items() if kind == "list"}
        return json.dumps({**body, **({name: token for name in names if "oken" in name and token})}).encode()
    lists = "".join(f"<{n}><member>{row}</member></{n}>" for n, kind in _members(asked).items() if kind == "list")
    return wrapped(asked, lists + (f"<NextToken>{token}</NextToken>" if token else ""))


def _members(asked: Asked) -> dict[str, str]:
    shape = _shape(asked)
    return {name: each.type_name for name, each in shape.members.items()} if shape is not None else {}


def _shape(asked: Asked) -> Any:
    model = _model(MODELS.get(asked.service, asked.service))
    return model.operation_model(asked.operation).output_shape if asked.operation in model.operation_names else None


OTHER_TYPES = {
    "string": 7,
    "boolean": "maybe",
    "integer": "x",
    "long": "x",
    "float": [],
    "double": "x",
    "timestamp": {},
}
NO_CALENDAR = {"string": "", "boolean": False, "integer": -1, "long": 10**40, "float": 1e999, "timestamp": 1e18}


def filled(asked: Asked, leaves: dict[str, Any]) -> bytes:
    """A reply in JSON that has every member, one of each list, and in them what `leaves` has for the type. In XML all
    is text, so there each list holds one.
    """
    if asked.query:
        return listed(asked, "text")

    def value(shape: Any, above: tuple[str, ...]) -> Any:
        if shape.name in above:
            return None
        inside = (*above, shape.name)
        match shape.type_name:
            case "structure":
                return {name: value(each, inside) for name, each in shape.members.items()}
            case "list":
                return [value(shape.member, inside)]
            case "map":
                return {"a": value(shape.value, inside)}
        return leaves.get(shape.type_name)

    shape = _shape(asked)
    return json.dumps(value(shape, ()) if shape is not None else {}).encode()


_MODELS: dict[str, Any] = {}


def _model(service: str) -> Any:
    if service not in _MODELS:
        _MODELS[service] = botocore.session.get_session().get_service_model(service)
    return _MODELS[service]


Answer = Callable[[Asked], tuple[int, str, bytes]]
"""Status, content type and body of every reply."""


def _typed(asked: Asked) -> str:
    return "text/xml" if asked.query or asked.service == "s3" else "application/x-amz-json-1.1"


WRONG: dict[str, Answer] = {
    "nothing": lambda asked: (200, _typed(asked), b""),
    "no members": lambda asked: (200, _typed(asked), wrapped(asked, "") if asked.query else b"{}"),
    "rows without members": lambda asked: (200, _typed(asked), listed(asked, "" if asked.query else {})),
    "rows of another kind": lambda asked: (200, _typed(asked), listed(asked, "text" if asked.query else 7)),
    "other types": lambda asked: (200, _typed(asked), filled(asked, OTHER_TYPES)),
    "times that no calendar has": lambda asked: (200, _typed(asked), filled(asked, NO_CALENDAR)),
    "too deep": lambda asked: (200, _typed(asked), wrapped(asked, "<a>" * 5000) if asked.query else b'{"a":' * 5000),
    "another answer": lambda asked: (200, _typed(asked), b"<Other/>" if asked.query else b'["other"]'),
    "null": lambda asked: (200, _typed(asked), wrapped(asked, "") if asked.query else b"null"),
    "a web page": lambda asked: (200, "text/html", HTML),
    "a web page that calls itself an answer": lambda asked: (200, _typed(asked), HTML),
    "a web page of a proxy": lambda asked: (502, "text/html", HTML),
    "half": lambda asked: (200, _typed(asked), (wrapped(asked, "") if asked.query else b'{"a": {}}')[:-4]),
    "the same page for ever": lambda asked: (200, _typed(asked), listed(asked, "" if asked.query else {}, "again")),
    "no words": lambda asked: (400, _typed(asked), b""),
    "not implemented": lambda asked: (501, _typed(asked), b""),
    "bytes": lambda asked: (200, _typed(asked), bytes(range(256))),
}
"""What a server says to everything, by name."""


@dataclass
class Hostile:
    """A server under way: its address, and how often it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def hostile(answer: Answer, drip: float = 0.0, endless: bool = False) -> Iterator[Hostile]:
    """A server on loopback. With `drip` each byte of a reply comes after so many seconds; `endless` sends for ever."""
    found = Hostile("")
    over = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            scope = self.headers.get("Authorization", "").partition("Credential=")[2].split("/")
            service = scope[3] if len(scope) > 3 else ""
            target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            operation = target or parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
            asked = Asked(service, operation)
            found.asked.append(asked)
            status, kind, text = answer(asked)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if endless:
                self.send_header("Connection", "close")
            else:
                self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command == "HEAD":
                return
            try:
                while endless and not over.is_set():
                    self.wfile.write(b"x" * 1_000_000)
                for byte in text if drip else ():
                    if over.wait(drip):
                        return
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                if not drip:
                    self.wfile.write(text)
            except OSError:
                self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _reply  # noqa: N815  # names of http.server

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its parameter's name
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield found
    finally:
        over.set()
        server.shutdown()
        server.server_close()


@contextmanager
def silent() -> Iterator[str]:
    """A server that accepts and never answers."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    time.sleep(0)


def _bomb() -> bytes:
    """A gzip stream of 60 kB that unpacks to 60 MB."""
    return gzip.compress(b"\0" * 60_000_000, 9)


RAW: dict[str, Callable[[], bytes]] = {
    "a redirect": lambda: b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
    "a redirect to itself": lambda: b"HTTP/1.1 307 Temporary\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "a body that unpacks without end": lambda: (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + _bomb()
    ),
    "what is no gzip": lambda: b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
    "less than it says": lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: close\r\n\r\n<a/>",
    "more than it says": lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n<DescribeStacksResponse/>",
    "a length that is none": lambda: b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n<a/>",
    "broken chunks": lambda: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<a/>\r\n0\r\n\r\n",
    "no HTTP": lambda: b"SSH-2.0-OpenSSH_9.9\r\n",
    "a status that is none": lambda: b"HTTP/1.1 abc OK\r\n\r\n",
    "another status for ever": lambda: b"HTTP/1.1 100 Continue\r\n\r\n" * 200,
    "a line without end": lambda: b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    "a thousand headers": lambda: b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    "nothing at all": lambda: b"",
}
"""Replies that are no sound HTTP, or not what was asked for, as bytes."""


@contextmanager
def raw(reply: bytes) -> Iterator[str]:
    """A server on loopback that sends these bytes to whoever connects, and closes."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(5)
            with suppress(OSError):
                self.request.recv(65_536)
                self.request.sendall(reply)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
