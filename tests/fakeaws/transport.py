"""The way from a botocore client to the fake without a socket: the same bytes, answered in the client's own thread.

botocore asks `before-send` handlers for a response before it opens a connection. What is serialised, signed, retried
and parsed is botocore's as ever; only what is below, connections, is left out. Whatever is about connections goes over
HTTP by itself (processes, hostile servers, signals, a fault proxy that is not `near`): its address is not the fake's
own, or its process is another. `test_fakeaws.py` plays the fake over HTTP, and holds that both ways give the same
answers; `test_fault_proxy.py` does so for what a lost or broken connection raises.
"""

from __future__ import annotations

import io
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

import botocore.handlers
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError
from urllib3.exceptions import ProtocolError

from fakeaws.s3 import Reply

Answer = Callable[[str, str, dict[str, str], bytes], Reply]
"""What answers a request: its method, path with query, headers and body."""

_answers: dict[str, Answer] = {}
"""The fakes of this process that are open, by the address at which they are served."""


@contextmanager
def in_process() -> Iterator[None]:
    """In the block, the clients of all new botocore sessions reach the fakes of this process directly."""
    entry = ("before-send", _answered)
    botocore.handlers.BUILTIN_HANDLERS.append(entry)
    try:
        yield
    finally:
        botocore.handlers.BUILTIN_HANDLERS.remove(entry)


def open_at(url: str, answer: Answer) -> None:
    """Answer what is sent to an address here, instead of at the port that it names."""
    _answers[url] = answer


def close_at(url: str) -> None:
    """Answer nothing more at this address."""
    _answers.pop(url, None)


def answer_at(url: str) -> Answer:
    """What answers at an address."""
    return _answers[url]


def closed(url: str) -> ConnectionClosedError:
    """What botocore raises when a connection is closed before there is a whole reply."""
    return ConnectionClosedError(error=ProtocolError("Connection broken"), endpoint_url=url)


class _Body(io.BytesIO):
    """The body of a reply, as botocore reads urllib3's."""

    def stream(self, size: int = 65_536, **_: Any) -> Iterator[bytes]:
        """Yields the rest of it in pieces."""
        while piece := self.read(size):
            yield piece


class _BrokenOff(_Body):
    """A body of which less came than was announced."""

    def read(self, size: int | None = -1) -> bytes:
        """Returns what came, and raises at its end what urllib3 does."""
        piece = super().read(size)
        if not piece or size is None or size < 0:
            raise ProtocolError("Connection broken")
        return piece


def _answered(request: Any, **_: Any) -> AWSResponse | None:
    """The reply to a request to a fake of this process; None for any other, which botocore sends."""
    parts = urllib.parse.urlsplit(request.url)
    answer = _answers.get(f"{parts.scheme}://{parts.netloc}")
    if answer is None:
        return None
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    headers = {_text(key).lower(): _text(value) for key, value in request.headers.items()}
    reply = answer(request.method, target, headers, _bytes(request.body))
    whole = {"Content-Length": str(len(reply.body)), **reply.headers}
    sent: Any = {"Date": formatdate(usegmt=True), **whole}
    body = b"" if request.method == "HEAD" else reply.body
    broken = body and int(sent["Content-Length"]) > len(body)
    if broken and not request.stream_output:
        raise closed(request.url)
    return AWSResponse(request.url, reply.status, sent, _BrokenOff(body) if broken else _Body(body))


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    if isinstance(body, Mapping):
        return urllib.parse.urlencode(body).encode()
    return bytes(body.read())
