"""Who may talk to the emulator: whoever knows its secret, and no web page.

The emulator runs code (Lambda functions), so whoever can call it can act as the user. A page in the user's browser can
send requests to 127.0.0.1, and so can every other user of the machine. Therefore each request

- names this emulator as its Host: a page that had its own name resolve to 127.0.0.1 (DNS rebinding) does not,
- has none of the headers that browsers add and scripts cannot leave out (Origin, Sec-Fetch-*; Fetch Standard,
  "forbidden request-header"),
- is signed with Signature Version 4 by the secret of this run, which stands in a file that only the user can read, or
  by that of a role's session, which tasks and functions inside the emulator get (the emulator's own secret, where roles
  are not enforced).

Unsigned pass only the replies of custom resources and wait conditions, what a task asks of its metadata endpoint, and
the download of an image's layer, at addresses with an unguessable token, as on AWS; and the question who is there,
which is answered without telling the secret. No reply allows another origin (CORS).
"""

import asyncio
import hashlib
import hmac
import json
import os
import re
import signal
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qs

from ministack.core.sigv4 import header_signature_failure, parse_header_signature, parse_query_signature
from ministack.services import sts

from infragen_local.patches import ecr_layers

IDENTITY_PATH, STOP_PATH = "/_infragen/identity", "/_infragen/stop"

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_CALLBACK = re.compile(rf"/_ministack/(cfn-response|cfn-signal)/{_UUID}")
_XML_SERVICES = ("s3", "route53", "cloudfront")
_STOP_SECONDS = 0.05

LARGEST_BODY = 1 << 30
"""Bytes of a request that are read into memory, whoever sends it."""

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]
Reply = tuple[int, str, bytes]


_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost):[0-9]{1,5}")
"""A page that rebinds its name to 127.0.0.1 has that name here; a program on the way, such as a proxy that records, has
a port of its own."""


Route = Callable[[bytes], Reply]
_METADATA = re.compile(r"/v4/[A-Za-z0-9_-]{40,}(/.*)?")


def authenticated(app: Application, port: int, secret: str, routes: Mapping[str, Route] | None = None) -> Application:
    """Return an ASGI application that lets through to `app` only what is allowed to reach it.

    `routes` are what infragen itself POSTs, by path; each gets the body, on a thread, from who knows the secret.
    """
    host = f"127.0.0.1:{port}"

    async def serve(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = read_headers(scope)
        if scope["method"] == "GET" and _METADATA.fullmatch(scope["path"]):
            headers.pop("sec-fetch-mode", None)  # Node's fetch sends it, and browsers never it alone
            if _foreign(headers, host) is None:
                await app(scope, receive, _without_cors(send))
                return
        refusal = _foreign(headers, host)
        if refusal is None:
            own = _own(scope, headers, secret)
            if own is not None:
                await _answer(send, own)
                return
        if refusal is None and scope["method"] == "POST" and routes and scope["path"] in routes:
            if not _bearer(headers, secret):
                await _answer(send, (403, "application/json", b"{}"))
                return
            told = await read_body(receive)
            await _answer(send, _TOO_LARGE if told is None else await asyncio.to_thread(routes[scope["path"]], told))
            return
        if scope["method"] == "PUT" and _CALLBACK.fullmatch(scope["path"]) and refusal is None:
            await app(scope, receive, _without_cors(send))
            return
        query = parse_qs(scope.get("query_string", b"").decode("utf-8", "replace"), keep_blank_values=True)
        refusal = refusal or _without_signature(headers, query)
        body = await read_body(receive) if refusal is None else b""
        if body is None:
            await _answer(send, _TOO_LARGE)
            return
        refusal = refusal or _unsigned(scope, headers, query, body, secret)
        if refusal is not None:
            await _answer(send, _refused(headers, *refusal))
            return
        await app(scope, _replayed(body, receive), _without_cors(send))

    return serve


def read_headers(scope: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers as a signature sees them: lower-case names, repeated ones joined."""
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        text = value.decode("utf-8", "replace")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def _foreign(headers: Mapping[str, str], host: str) -> tuple[str, str] | None:
    """Return code and message for a request that a browser sent, or that was meant for another host."""
    if not _LOOPBACK.fullmatch(headers.get("host", "").lower()):
        return "AccessDenied", f"the Host header must be {host}"
    browser = sorted(name for name in headers if name == "origin" or name.startswith("sec-fetch-"))
    if browser:
        return "AccessDenied", f"requests of web pages are refused (header {browser[0]})"
    return None


def _without_signature(headers: Mapping[str, str], query: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return code and message for a request that says nothing of who signs it: its body is not read."""
    if "authorization" not in headers and not any(name.lower() == "x-amz-signature" for name in query):
        return "MissingAuthenticationToken", "the request is not signed; `infragen local env` prints the credentials"
    return None


def _unsigned(
    scope: Mapping[str, Any], headers: Mapping[str, str], query: dict[str, list[str]], body: bytes, secret: str
) -> tuple[str, str] | None:
    """Return code and message for a request without a signature of the secret, or with another body than was signed."""
    presigned = "authorization" not in headers
    try:
        signature = parse_query_signature(query) if presigned else parse_header_signature(headers)
        if isinstance(signature, tuple):
            return signature
        if "host" not in signature.signed_headers.split(";"):
            return "SignatureDoesNotMatch", "the Host header is not signed"
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        failure = header_signature_failure(
            signature,
            _secret_of(signature.access_key_id, secret),
            scope["method"],
            path,
            query,
            headers,
            body,
            presigned=presigned,
        )
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return "IncompleteSignature", f"the signature cannot be read: {type(error).__name__}"
    if failure is not None:
        return failure[0], "the signature is not of this emulator's secret; `infragen local env` prints the credentials"
    declared = headers.get("x-amz-content-sha256", "")
    if re.fullmatch("[0-9a-f]{64}", declared) and declared != hashlib.sha256(body).hexdigest():
        return "XAmzContentSHA256Mismatch", "the body is not the one that was signed"
    return None


def _secret_of(access_key: str, secret: str) -> str:
    """Return what a key signs with: a session of a role has its own secret, everything else the emulator's."""
    session = sts._sessions.get(access_key)
    return str(session.get("SecretAccessKey") or secret) if session else secret


def proof(secret: str, challenge: str) -> str:
    """Return what only who knows the secret can answer to a challenge."""
    return hmac.new(secret.encode(), f"infragen emulator {challenge}".encode(), hashlib.sha256).hexdigest()


def _own(scope: Mapping[str, Any], headers: Mapping[str, str], secret: str) -> Reply | None:
    """Return the reply to the two questions that infragen itself asks, who is there, and the request to stop; and to
    that for a layer.
    """
    if (scope["method"], scope["path"]) == ("GET", IDENTITY_PATH):
        [challenge] = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("challenge", [""])[:1]
        return 200, "application/json", json.dumps({"pid": os.getpid(), "proof": proof(secret, challenge)}).encode()
    if scope["method"] == "GET" and scope["path"].startswith(ecr_layers.PATH):
        status, data = ecr_layers.at(scope["path"], headers.get("range", ""))
        return status, "application/octet-stream", data
    if (scope["method"], scope["path"]) == ("POST", STOP_PATH):
        if not _bearer(headers, secret):
            return 403, "application/json", b"{}"
        asyncio.get_running_loop().call_later(_STOP_SECONDS, os.kill, os.getpid(), signal.SIGTERM)
        return 200, "application/json", b"{}"
    return None


def _bearer(headers: Mapping[str, str], secret: str) -> bool:
    return hmac.compare_digest(headers.get("authorization", "").encode(), f"Bearer {secret}".encode())


def _refused(headers: Mapping[str, str], code: str, message: str) -> Reply:
    """Return an error as AWS's clients read it: XML for the query protocol and the REST-XML services, else JSON."""
    scope = re.search(r"Credential=[^,]*/([a-z0-9-]+)/aws4_request", headers.get("authorization", ""))
    if scope and scope[1] not in _XML_SERVICES and "urlencoded" not in headers.get("content-type", ""):
        return 403, "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode()
    text = f"<ErrorResponse><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></ErrorResponse>"
    return 403, "text/xml", text.encode()


_TOO_LARGE: Reply = (413, "text/plain", b"the body is larger than 1 GiB\n")


async def _answer(send: Send, reply: Reply) -> None:
    status, kind, body = reply
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # the rest of a refused body is not read
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def read_body(receive: Receive, most: int = LARGEST_BODY) -> bytes | None:
    """Return the whole body of a request; None when it has more bytes than `most`, of which no more are read."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        if len(body) > most:
            return None
        more = message.get("more_body", False)
    return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body that was read, and then what comes after it."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


def _without_cors(send: Send) -> Send:
    """Return a `send` that leaves out every header that allows another origin something."""

    async def stripped(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [each for each in message.get("headers", []) if not each[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": kept}
        await send(message)

    return stripped
