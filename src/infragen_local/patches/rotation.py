"""Rotation of a secret: RotateSecret calls the function, and a schedule turns rotation on.

MiniStack promotes a copy of the current version and never calls the function, and it lacks the schedules. On AWS a
version labelled AWSPENDING is made, without a value, and the function is called with each of four steps. Where one
fails the version stays pending, and the next RotateSecret says so and tries it again. A version without a value is not
found by GetSecretValue. DescribeSecret says when the last rotation was and when the next one is due. (AWS Secrets
Manager User Guide, "Rotation by Lambda function"; RotateSecret, API Reference;
read 2026-11.) Not done here: the test of a new schedule, and rotation by the clock.

A staging label is attached to one version only ("UpdateSecretVersionStage", API Reference); MiniStack attaches a
second AWSPENDING and leaves the first, so that from the second rotation on a version counted as pending for ever, and
the next RotateSecret went back to its old password. Secrets Manager itself removes AWSPENDING when a rotation is
complete (aws-samples/aws-secrets-manager-rotation-lambdas#145, the maintainer's words of 2024-08-26). And a rotation
that is tried again while it runs is not run twice at a time here: its two functions would wait for each other's locks.
"""

import json
import re
import sys
import time
import uuid
from threading import Lock
from typing import Any

from ministack.core.concurrency import resource_lock, spawn_background
from ministack.core.responses import error_response_json, json_response
from ministack.services import lambda_svc, secretsmanager

from infragen_local.patches.handlers import Created, Properties, ResourceType, add

TYPE = "AWS::SecretsManager::RotationSchedule"
_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

Secret = dict[str, Any]


def apply() -> None:
    """Rotate by the function, keep schedules, and hide versions that have no value yet."""
    own_rotate, own_get = secretsmanager._rotate_secret, secretsmanager._get_secret_value
    own_describe, own_put = secretsmanager._describe_secret, secretsmanager._put_secret_value

    def rotate(request: dict[str, Any]) -> Any:
        _, secret = secretsmanager._resolve(request.get("SecretId"))
        function = request.get("RotationLambdaARN") or (secret or {}).get("RotationLambdaARN")
        if not secret or not function or secret.get("DeletedDate"):
            return own_rotate(request)
        secret.update(RotationLambdaARN=function, RotationEnabled=True)
        if request.get("RotationRules"):
            secret["RotationRules"] = request["RotationRules"]
        left = _pending(secret)
        version = left or request.get("ClientRequestToken") or str(uuid.uuid4())
        if not left:
            made = {"SecretString": None, "SecretBinary": None, "CreatedDate": int(time.time())}
            secret["Versions"][version] = {**made, "Stages": ["AWSPENDING"]}
            secret["LastChangedDate"] = made["CreatedDate"]
            _attach(secret, version)
        if not left or not _lock(secret).locked():
            spawn_background(_run, secret, function, version, thread_name="infragen-rotation")
        if left and left != request.get("ClientRequestToken"):
            words = "A previous rotation isn't complete. That rotation will be reattempted."
            return error_response_json("InvalidRequestException", words, 400)
        return json_response({"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": version})

    def get(request: dict[str, Any]) -> Any:
        _, secret = secretsmanager._resolve(request.get("SecretId"))
        version, stage = request.get("VersionId"), request.get("VersionStage", "AWSCURRENT")
        for identifier, found in ((secret or {}).get("Versions") or {}).items():
            meant = identifier == version if version else stage in found["Stages"]
            if meant and found.get("SecretString") is None and found.get("SecretBinary") is None:
                words = f"Secrets Manager can't find the specified secret value for staging label: {stage}"
                return error_response_json("ResourceNotFoundException", words, 400)
        return own_get(request)

    def put(request: dict[str, Any]) -> Any:
        status, headers, body = own_put(request)
        _, secret = secretsmanager._resolve(request.get("SecretId"))
        if status == 200 and secret and "AWSPENDING" in request.get("VersionStages", ()):
            _attach(secret, json.loads(body)["VersionId"])
        return status, headers, body

    def describe(request: dict[str, Any]) -> Any:
        status, headers, body = own_describe(request)
        _, secret = secretsmanager._resolve(request.get("SecretId"))
        if status != 200 or not secret or not secret.get("RotationEnabled"):
            return status, headers, body
        return json_response({**json.loads(body), **_dates(secret)})

    secretsmanager._rotate_secret, secretsmanager._get_secret_value = rotate, get
    secretsmanager._describe_secret, secretsmanager._put_secret_value = describe, put
    add(TYPE, ResourceType(_create, lambda physical_id, _: {"Id": physical_id}, _delete, _change, _CREATE_ONLY))


_CREATE_ONLY = frozenset({"SecretId", "HostedRotationLambda"})


def _dates(secret: Secret) -> dict[str, int]:
    """Return when a secret was rotated last, and when it is due: so many days after that, or after its creation."""
    rules = secret.get("RotationRules") or {}
    rate = re.fullmatch(r"rate\((\d+) days?\)", str(rules.get("ScheduleExpression", "")))
    days = int(rate[1]) if rate else int(rules.get("AutomaticallyAfterDays") or 0)
    last = secret.get("LastRotatedDate")
    due = {"NextRotationDate": int(last or secret["CreatedDate"]) + days * 86_400} if days else {}
    return {**({"LastRotatedDate": int(last)} if last else {}), **due}


def _pending(secret: Secret) -> str:
    """Return the version that an earlier rotation left pending; empty when there is none."""
    for version, found in secret["Versions"].items():
        if "AWSPENDING" in found["Stages"] and "AWSCURRENT" not in found["Stages"]:
            return str(version)
    return ""


def _lock(secret: Secret) -> Lock:
    """Return what a rotation of a secret holds while it runs."""
    lock: Lock = resource_lock("infragen-rotation", str(secret["ARN"]))
    return lock


def _attach(secret: Secret, version: str) -> None:
    """Let AWSPENDING be the label of one version only; another one that has no label left is deprecated, and goes."""
    for other, found in list(secret["Versions"].items()):
        if other != version and "AWSPENDING" in found["Stages"]:
            found["Stages"].remove("AWSPENDING")
            if not found["Stages"]:
                del secret["Versions"][other]


def _run(secret: Secret, function: str, version: str) -> None:
    """Call the function with each step, after a rotation that runs has ended, unless that was this one."""
    with _lock(secret):
        if version != _pending(secret) or not _steps(secret, function, version):
            return
        found = secret["Versions"].get(version, {"Stages": []})
        if "AWSCURRENT" in found["Stages"]:
            secret["LastRotatedDate"] = int(time.time())
            found["Stages"] = [label for label in found["Stages"] if label != "AWSPENDING"]


def _steps(secret: Secret, function: str, version: str) -> bool:
    name, _, qualifier = function.partition(":function:")[2].partition(":")
    record, _ = lambda_svc._get_func_record_for_qualifier(name, qualifier or None)
    for step in _STEPS:
        event = {"Step": step, "SecretId": secret["ARN"], "ClientRequestToken": version}
        result = lambda_svc._execute_function(record, event) if record else {"error": True}
        if result.get("error"):
            sys.stderr.write(f"rotation of {secret['Name']}: {step} failed; its function's log says why\n")
            return False
    return True


def _create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    physical_id = str(properties.get("SecretId"))
    _change(physical_id, properties)
    return physical_id, {"Id": physical_id}


def _change(physical_id: str, properties: Properties) -> None:
    _, secret = secretsmanager._resolve(physical_id)
    if secret:
        secret.update(RotationEnabled=True, RotationLambdaARN=properties.get("RotationLambdaARN"))
        secret["RotationRules"] = dict(properties.get("RotationRules") or {})


def _delete(physical_id: str, _properties: Properties) -> None:
    _, secret = secretsmanager._resolve(physical_id)
    if secret:
        secret["RotationEnabled"] = False
