"""The AWS Query protocol, from the service models that botocore ships: requests in, responses out.

Nothing here knows CloudFormation. The shapes say how each field is named, which lists are flat and how times are
written, so a response parses in a real client exactly as AWS's would.
"""

from __future__ import annotations

import base64
import datetime
import functools
import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

import botocore.loaders
import botocore.model


class ApiError(Exception):
    """An error reply of the API: its code, its message and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def validation_error(message: str) -> ApiError:
    """The error CloudFormation answers most wrong requests with."""
    return ApiError("ValidationError", message)


@functools.cache
def service_model(service: str) -> Any:
    """The model of a service, as botocore ships it."""
    return botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(service, "service-2"), service)


def parse_query(shape: Any, form: Mapping[str, str], prefix: str = "") -> Any:
    """The parameters of a Query request as Python values; a field that was not sent is absent."""
    if shape.type_name == "structure":
        result = {}
        for name, member in shape.members.items():
            key = f"{prefix}.{_wire_name(name, member)}" if prefix else _wire_name(name, member)
            value = parse_query(member, form, key)
            if value is not None:
                result[name] = value
        return result or (None if prefix else {})
    if shape.type_name == "list":
        return _parse_list(shape, form, prefix)
    if shape.type_name == "map":
        return _parse_map(shape, form, prefix)
    return _parse_scalar(shape.type_name, form.get(prefix))


def _wire_name(name: str, shape: Any) -> str:
    return str(shape.serialization.get("name", name))


def _parse_list(shape: Any, form: Mapping[str, str], prefix: str) -> list[Any] | None:
    if form.get(prefix) == "":
        return []
    stem = prefix if shape.serialization.get("flattened") else f"{prefix}.{_wire_name('member', shape.member)}"
    items: list[Any] = []
    while any(key == f"{stem}.{len(items) + 1}" or key.startswith(f"{stem}.{len(items) + 1}.") for key in form):
        items.append(parse_query(shape.member, form, f"{stem}.{len(items) + 1}"))
    return items or None


def _parse_map(shape: Any, form: Mapping[str, str], prefix: str) -> dict[str, Any] | None:
    entries: dict[str, Any] = {}
    while (stem := f"{prefix}.entry.{len(entries) + 1}") + ".key" in form:
        entries[form[stem + ".key"]] = parse_query(shape.value, form, stem + ".value")
    return entries or None


def _parse_scalar(kind: str, text: str | None) -> Any:
    if text is None:
        return None
    if kind == "boolean":
        return text == "true"
    if kind in ("integer", "long"):
        return int(text)
    return text


def query_response(model: Any, operation: str, result: Mapping[str, Any], request_id: str) -> bytes:
    """The XML body of a successful reply."""
    output = model.operation_model(operation).output_shape
    namespace = model.metadata["xmlNamespace"]
    inner = ""
    if output is not None:
        fields = _fields(output, result)
        wrapper = output.serialization.get("resultWrapper")
        inner = f"<{wrapper}>{fields}</{wrapper}>" if wrapper else fields
    meta = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    return f'<{operation}Response xmlns="{namespace}">{inner}{meta}</{operation}Response>'.encode()


def query_error(error: ApiError, request_id: str) -> bytes:
    """The XML body of an error reply."""
    fault = "Sender" if error.status < 500 else "Receiver"
    body = f"<Type>{fault}</Type><Code>{error.code}</Code><Message>{_text(error.message)}</Message>"
    return f"<ErrorResponse><Error>{body}</Error><RequestId>{request_id}</RequestId></ErrorResponse>".encode()


def _fields(shape: Any, value: Mapping[str, Any]) -> str:
    members = _members(shape)
    unknown = value.keys() - members.keys()
    if unknown:
        raise AssertionError(f"the model has no {sorted(unknown)} in {shape.name}")
    return "".join(
        [_element(tag, member, value[name]) for name, (tag, member) in members.items() if value.get(name) is not None]
    )


@functools.cache
def _members(shape: Any) -> dict[str, tuple[str, Any]]:
    """The members of a structure: name -> how it is written, and its shape. A page of events asks 1,500 times."""
    return {name: (_wire_name(name, member), member) for name, member in shape.members.items()}


def _element(tag: str, shape: Any, value: Any) -> str:
    kind = shape.type_name
    if kind == "string":
        return f"<{tag}>{_text(str(value))}</{tag}>"
    if kind == "structure":
        return f"<{tag}>{_fields(shape, value)}</{tag}>"
    if kind == "list":
        if shape.serialization.get("flattened"):
            return "".join(_element(tag, shape.member, item) for item in value)
        inner = "".join(_element(_wire_name("member", shape.member), shape.member, item) for item in value)
        return f"<{tag}>{inner}</{tag}>"
    if kind == "map":
        inner = "".join(
            f"<entry>{_element('key', shape.key, key)}{_element('value', shape.value, item)}</entry>"
            for key, item in value.items()
        )
        return f"<{tag}>{inner}</{tag}>"
    return f"<{tag}>{_text(_scalar(kind, value))}</{tag}>"


def _scalar(kind: str, value: Any) -> str:
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "timestamp":
        return timestamp(value)
    if kind == "blob":
        return base64.b64encode(value).decode()
    return str(value)


_NOT_AS_IT_IS = re.compile(r"[\x00-\x08\x0b-\x1f&<>]")
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def _text(value: str) -> str:
    if _NOT_AS_IT_IS.search(value) is None:
        return value
    # A carriage return would be read back as a newline; the other C0 characters have no place in XML 1.0 (C1 ones do).
    return escape(_NOT_IN_XML.sub("", value)).replace("\r", "&#13;")


@functools.lru_cache(maxsize=8192)
def timestamp(value: datetime.datetime) -> str:
    """A time as CloudFormation writes it: UTC with milliseconds."""
    return value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
