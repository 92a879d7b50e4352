"""Replies that are not AWS's: what a proxy, a captive portal or a broken connection makes of one.

botocore takes a web page with status 200 for an answer and stumbles over it, an empty one for success, and half a JSON
document for one without members. Here such a reply becomes one that failed, before it is read; whether the call is
tried again is decided in `session`, as for every other failure.
"""

from __future__ import annotations

import json
from typing import Any

CODE = "503"
"""The error code of a reply that was garbled: how botocore reads one without a body."""

MARK = "x-infragen-garbled"
"""A header that such a reply gets, with what was wrong with it."""


def fail_invalid_reply(response_dict: dict[str, Any], operation_model: Any, **_: Any) -> None:
    """Turn a reply that AWS cannot have sent into a failed one (botocore's event `before-parse`)."""
    fault = _fault(response_dict, operation_model)
    if fault:
        headers = response_dict["headers"]
        headers[MARK] = fault
        response_dict.update(status_code=int(CODE), body=b"", headers=headers)


def _fault(response: dict[str, Any], operation: Any) -> str:
    """Return what is wrong with a reply; nothing when AWS can have sent it."""
    status, body = response["status_code"], response["body"]
    if not isinstance(body, bytes):  # a stream is for the caller to read
        return ""
    if body and "html" in response["headers"].get("content-type", ""):
        return f"a web page with status {status}"
    protocol = operation.service_model.resolved_protocol
    if protocol in ("query", "ec2"):
        return _fault_of_query(status, body, operation)
    if protocol == "rest-xml":  # the reply to HEAD has no body, that to PUT has none when it went well
        return f"status {status} without a code" if body and status >= 400 and not _has_code(body) else ""
    return "" if _is_json(body) else f"half an answer with status {status}"


def _fault_of_query(status: int, body: bytes, operation: Any) -> str:
    if status >= 400:
        return "" if _has_code(body) else f"status {status} without a code"
    if f"</{operation.name}Response>".encode() not in body:
        return f"half an answer with status {status}"
    shape = operation.output_shape
    wrapper = shape.serialization.get("resultWrapper", "") if shape is not None else ""
    return f"an answer without {wrapper}" if wrapper and f"<{wrapper}".encode() not in body else ""


def _has_code(body: bytes) -> bool:
    return b"<Code>" in body and b"<Code></Code>" not in body


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body or b"{}")
    except ValueError:
        return False
    return True
