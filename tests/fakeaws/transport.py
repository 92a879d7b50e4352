"""The way from a botocore client to the fake without a socket: the same bytes, answered in the client's own thread.

botocore asks `before-send` handlers for a response before it opens a connection. What is serialised, signed, retried
and parsed is botocore's as ever; only what is below, connections, is left out. Whatever is about connections (faults on
the way, processes, hostile servers, signals) goes over HTTP by itself: its address is not the fake's own, or its
process is another. `test_fakeaws.py` plays the fake over HTTP, and holds that both ways give the same answers.
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


class _Body(io.BytesIO):
    """The body of a reply, as botocore reads urllib3's."""

    def stream(self, size: int = 65_536, **_: Any) -> Iterator[bytes]:
        """Yields the rest of it in pieces."""
        while piece := self.read(size):
            yield piece


def _answered(request: Any, **_: Any) -> AWSResponse | None:
    """The reply to a request to a fake of this process; None for any other, which botocore sends."""
    parts = urllib.parse.urlsplit(request.url)
    answer = _answers.get(f"{parts.scheme}://{parts.netloc}")
    if answer is None:
        return None
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    headers = {_text(key).lower(): _text(value) for key, value in request.headers.items()}
    reply = answer(request.method, target, headers, _bytes(request.body))
    sent: Any = {"Date": formatdate(usegmt=True), **reply.headers, "Content-Length": str(len(reply.body))}
    body = b"" if request.method == "HEAD" else reply.body
    return AWSResponse(request.url, reply.status, sent, _Body(body))


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
