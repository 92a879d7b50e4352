"""The JSON Schemas that `infragen schema` prints: one for each document that a command prints, by the command's name.

Objects are open, because keys may be added within a version.
"""

from collections.abc import Callable, Mapping
from typing import Any

from infragen.report import cost, doctor, document_types, drift
from infragen.report.app_secrets import secrets_schema
from infragen.report.event_schema import event_schema, failures_schema
from infragen.report.logs import log_schema
from infragen.report.plan_schema import document_schema, plan_schema
from infragen.report.ps_document import ps_schema
from infragen.report.redrive import redrive_schema

Schema = dict[str, Any]


def image_schema() -> Schema:
    """Return the schema of what `infragen image put|promote --format json` print."""
    either = [
        document_schema("An image that was put", document_types.ImagePut, 1),
        document_schema("An image that was copied", document_types.ImageCopy, 1),
    ]
    for each in either:
        del each["$schema"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An image put into a repository, or copied to it",
        "oneOf": either,
    }


def outputs_schema() -> Schema:
    """Return the schema of what `infragen outputs --format json` prints: names that depend on the environment."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The outputs of an environment",
        "description": "What `outputs --format json` prints: name to value, no other keys.",
        "type": "object",
        "additionalProperties": {"type": "string"},
    }


def _schema(title: str, made: type, version: int = 1) -> Callable[[], Schema]:
    return lambda: document_schema(title, made, version)


SCHEMAS: Mapping[str, Callable[[], Schema]] = {
    "config": _schema("The values of an environment", document_types.Config),
    "cost": _schema("What environments cost in a month", document_types.Costs, cost.VERSION),
    "diagnose": failures_schema,
    "doctor": _schema("What infragen doctor found", document_types.Doctor, doctor.VERSION),
    "drift": _schema("What was changed outside CloudFormation", document_types.DriftFound, drift.VERSION),
    "events": event_schema,
    "image": image_schema,
    "lint": _schema("What infragen lint found", document_types.Findings),
    "local": _schema("The emulator", document_types.EmulatorStatus),
    "logs": log_schema,
    "outputs": outputs_schema,
    "plan": plan_schema,
    "policy": _schema("A policy", document_types.Policy),
    "ps": ps_schema,
    "redrive": redrive_schema,
    "secrets": secrets_schema,
    "status": _schema("The stacks of an environment", document_types.Status),
}
"""Name of a command, or `events` for all that print lines, -> its schema. `diff` prints plans."""
