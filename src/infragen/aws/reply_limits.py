"""Limits on one reply, of time and of size, which botocore does not have.

botocore's read timeout starts again with every byte, and it reads whatever comes into memory: a server that sends one
byte every five seconds, or never stops sending, holds a command forever. Here every exchange ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from infragen.aws.reading import IncompleteReply

LARGEST = 32_000_000
"""Bytes of a reply that are read. The largest of AWS's that infragen asks for, a template, is about a megabyte."""

SLOWEST_UPLOAD = 20_000
"""Bytes a second that a request's body may take longer by."""

TOLD_AFTER = 3.0
"""Seconds without an answer to the first question after which it is said what is waited for."""


class LimitedSession:
    """botocore's HTTP session, with `seconds` for each exchange as a whole beside the time that its body takes.

    `waiting` hears once, in the thread that asks, that there is no answer yet; it gets the address that was asked.
    """

    def __init__(self, session: Any, seconds: float, waiting: Callable[[str], None] | None = None) -> None:
        self._session, self._seconds, self._waiting = session, seconds, waiting
        self._first: float | None = None

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(self, request: Any) -> Any:
        """Return the reply, read to its end. Raises what botocore takes for a timeout, and IncompleteReply for one that
        is too large. The thread of an exchange that took too long is left to itself; it ends with its connection.
        """
        from botocore.exceptions import ReadTimeoutError

        result: list[Any] = []
        error: list[BaseException] = []
        done = threading.Event()

        def exchange() -> None:
            try:
                result.append(self._read(request))
            except BaseException as caught:  # noqa: BLE001 # raised where it is waited for
                error.append(caught)
            done.set()

        threading.Thread(target=exchange, daemon=True, name="infragen-exchange").start()
        seconds = self._seconds + len(request.body or b"") / SLOWEST_UPLOAD if _sized(request.body) else self._seconds
        self._first = self._first or time.monotonic()
        early = max(0.0, min(seconds, self._first + TOLD_AFTER - time.monotonic())) if self._waiting else 0.0
        if self._waiting is not None and not done.wait(early):
            self._waiting(request.url)
            self._waiting = None
        if not done.wait(seconds - early):
            raise ReadTimeoutError(endpoint_url=request.url)
        if error:
            raise error[0]
        self._waiting = None
        return result[0]

    def _read(self, request: Any) -> Any:
        from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
        from urllib3.exceptions import ProtocolError
        from urllib3.exceptions import ReadTimeoutError as SlowRead

        streamed, request.stream_output = request.stream_output, True
        try:
            response = self._session.send(request)
        finally:
            request.stream_output = streamed
        if streamed:
            return response
        body = bytearray()
        try:
            for chunk in response.raw.stream(65_536):
                body += chunk
                if len(body) > LARGEST:
                    raise IncompleteReply(f"the reply is larger than {LARGEST // 1_000_000} MB")
        except SlowRead as error:
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except ProtocolError as error:
            raise ConnectionClosedError(error=error, request=request, endpoint_url=request.url) from error
        response._content = bytes(body)
        return response


def _sized(body: object) -> bool:
    return isinstance(body, str | bytes | bytearray)
