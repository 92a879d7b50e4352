"""Template parameters: defaults, previous values, constraints, SSM parameter types, NoEcho.

Sources: "Parameters" (template section), `Parameter` data type and `CreateChangeSet` (API Reference), "Specify existing
resources at runtime with CloudFormation-supplied parameter types".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fakeaws.model import ParameterValue
from fakeaws.protocol import validation_error
from fakeaws.templates import MAX_VALUE_BYTES

SSM = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")


def resolve(
    body: Mapping[str, Any],
    given: list[dict[str, Any]],
    previous: Mapping[str, ParameterValue] | None,
    ssm: Callable[[str], str],
) -> dict[str, ParameterValue]:
    """The values a stack gets; `previous` is None when it is created. ValidationError as CreateChangeSet words it."""
    declared = body.get("Parameters") or {}
    keys = [item["ParameterKey"] for item in given]
    strangers = [key for key in keys if key not in declared]
    if strangers:
        raise validation_error(f"Parameters: [{', '.join(strangers)}] do not exist in the template")
    texts = {item["ParameterKey"]: _given(item, previous) for item in given}
    missing = [key for key, entry in declared.items() if key not in texts and "Default" not in entry]
    if missing:
        raise validation_error(f"Parameters: [{', '.join(missing)}] must have values")
    return {
        key: _value(key, entry, texts[key] if key in texts else _text(entry["Default"]), ssm)
        for key, entry in declared.items()
    }


def _given(item: Mapping[str, Any], previous: Mapping[str, ParameterValue] | None) -> str:
    key = item["ParameterKey"]
    if not item.get("UsePreviousValue"):
        text = str(item.get("ParameterValue", ""))
        if len(text.encode()) > MAX_VALUE_BYTES:
            raise validation_error(f"Parameter '{key}' value length exceeds maximum allowed of {MAX_VALUE_BYTES} bytes")
        return text
    if "ParameterValue" in item:
        raise validation_error(
            f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true and non empty value"
        )
    if previous is None or key not in previous:
        raise validation_error(
            f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a parameter key "
            "not in the previous template"
        )
    return previous[key].text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _value(key: str, entry: Mapping[str, Any], text: str, ssm: Callable[[str], str]) -> ParameterValue:
    _check(key, entry, text)
    kind = entry.get("Type", "String")
    stored = SSM.fullmatch(kind)
    resolved = ssm(text) if stored else None
    final = text if resolved is None else resolved
    inner = stored.group(1) if stored else kind
    is_list = inner == "CommaDelimitedList" or inner.startswith("List<")
    value: Any = [part.strip() for part in final.split(",")] if is_list else final
    return ParameterValue(text, value, resolved, str(entry.get("NoEcho", "")).lower() == "true")


def _check(key: str, entry: Mapping[str, Any], text: str) -> None:
    if "AllowedValues" in entry and text not in [_text(value) for value in entry["AllowedValues"]]:
        raise validation_error(f"Parameter '{key}' must be one of AllowedValues")
    several = entry.get("Type") == "CommaDelimitedList"  # aws-cloudformation/rain#526, 2024: each value by itself
    values = [part.strip() for part in text.split(",")] if several else [text]
    if "AllowedPattern" in entry and not all(re.fullmatch(entry["AllowedPattern"], each) for each in values):
        if several and "ConstraintDescription" not in entry:
            pattern = entry["AllowedPattern"]
            raise validation_error(f"Each value of parameter '{key}' must match pattern {pattern}")
        reason = entry.get("ConstraintDescription", f"must match pattern {entry['AllowedPattern']}")
        raise validation_error(f"Parameter '{key}' {reason}")
    if "MinLength" in entry and len(text) < int(entry["MinLength"]):
        raise validation_error(f"Parameter '{key}' must contain at least {entry['MinLength']} characters")
    if "MaxLength" in entry and len(text) > int(entry["MaxLength"]):
        raise validation_error(f"Parameter '{key}' must contain at most {entry['MaxLength']} characters")
    if entry.get("Type") == "Number":
        try:
            number = float(text)
        except ValueError:
            raise validation_error(f"Parameter '{key}' must be a number") from None
        if number < float(entry.get("MinValue", number)) or number > float(entry.get("MaxValue", number)):
            raise validation_error(f"Parameter '{key}' must be a number within its range")
