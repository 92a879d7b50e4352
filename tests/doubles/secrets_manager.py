"""One secret of AWS Secrets Manager with its versions and staging labels.

From the API reference: PutSecretValue with a known ClientRequestToken does nothing for the same value and is refused
for another one; a label sits on one version; moving AWSCURRENT leaves AWSPREVIOUS behind; a label that sits elsewhere
moves only when RemoveFromVersionId names the place; RotateSecret creates an empty version labelled AWSPENDING and
refuses while that label is on a version that is not current; a version without labels is deprecated and not listed.
"""

from __future__ import annotations

import secrets
import string
import uuid
from typing import Any

from doubles.loopback import ServiceError


class SecretsManager:
    """The service with one secret, created empty."""

    def __init__(self, arn: str) -> None:
        self.arn = arn
        self.values: dict[str, str | None] = {}
        self.labels: dict[str, str] = {}  # label -> version
        self.passwords: list[str] = []  # every password it made

    def call(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        if operation == "GetRandomPassword":
            return self._random_password(body)
        if body["SecretId"] != self.arn:
            raise ServiceError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        if operation == "GetSecretValue":
            return self._get(body)
        if operation == "PutSecretValue":
            return self._put(body)
        if operation == "DescribeSecret":
            return {"ARN": self.arn, **({"VersionIdsToStages": self.stages()} if self.labels else {})}
        if operation == "UpdateSecretVersionStage":
            return self._move(body)
        raise ServiceError("InvalidAction", operation)

    def stages(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for label, version in self.labels.items():
            found.setdefault(version, []).append(label)
        return found

    def start_rotation(self) -> str:
        """RotateSecret: return the token, which is the id of the new, empty version."""
        pending = self.labels.get("AWSPENDING")
        if pending is not None and pending != self.labels.get("AWSCURRENT"):
            raise ServiceError("InvalidRequestException", "A previous rotation isn't complete.")
        token = str(uuid.uuid4())
        self.values[token] = None
        self.labels["AWSPENDING"] = token
        return token

    def cancel_rotation(self) -> None:
        """Take the label off the pending version, as an operator does with UpdateSecretVersionStage."""
        del self.labels["AWSPENDING"]

    def _random_password(self, body: dict[str, Any]) -> dict[str, Any]:
        alphabet = string.ascii_letters + string.digits
        if not body.get("ExcludePunctuation"):
            alphabet += string.punctuation
        password = "".join(secrets.choice(alphabet) for _ in range(body.get("PasswordLength", 32)))
        self.passwords.append(password)
        return {"RandomPassword": password}

    def _get(self, body: dict[str, Any]) -> dict[str, Any]:
        version = body.get("VersionId") or self.labels.get(body.get("VersionStage", "AWSCURRENT"), "")
        text = self.values.get(version)
        if text is None:
            raise ServiceError("ResourceNotFoundException", "Secrets Manager can't find the specified secret value.")
        if "VersionStage" in body and self.labels.get(body["VersionStage"]) != version:
            raise ServiceError("InvalidRequestException", "the VersionStage is not attached to the VersionId")
        return {"ARN": self.arn, "VersionId": version, "SecretString": text}

    def _put(self, body: dict[str, Any]) -> dict[str, Any]:
        version, text = body["ClientRequestToken"], body["SecretString"]
        present = self.values.get(version)
        if present not in (None, text):
            raise ServiceError("ResourceExistsException", "a version with this token has another value")
        if present == text:
            return {"ARN": self.arn, "VersionId": version, "VersionStages": self.stages().get(version, [])}
        first = not any(self.values.values())
        self.values[version] = text
        for label in {*body.get("VersionStages", ["AWSCURRENT"]), *(["AWSCURRENT"] if first else [])}:
            self._attach(label, version)
        return {"ARN": self.arn, "VersionId": version, "VersionStages": self.stages()[version]}

    def _move(self, body: dict[str, Any]) -> dict[str, Any]:
        label, present = body["VersionStage"], self.labels.get(body["VersionStage"])
        if present is not None and body.get("RemoveFromVersionId") != present:
            raise ServiceError("InvalidParameterException", f"RemoveFromVersionId must be {present}, which has {label}")
        if body["MoveToVersionId"] not in self.values:
            raise ServiceError("ResourceNotFoundException", "Secrets Manager can't find the specified version.")
        self._attach(label, body["MoveToVersionId"])
        return {"ARN": self.arn}

    def _attach(self, label: str, version: str) -> None:
        present = self.labels.get(label)
        if label == "AWSCURRENT" and present not in (None, version):
            assert present is not None
            self.labels["AWSPREVIOUS"] = present
        self.labels[label] = version
