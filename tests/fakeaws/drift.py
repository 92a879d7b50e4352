"""Drift of the fake's stacks: what somebody did by hand (`Stack.by_hand`), and what a detection finds of it.

Expected are the properties that the template says, resolved; only those are compared (API DetectStackDrift; UG
"Detect unmanaged configuration changes to stacks and resources with drift detection").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fakeaws.cloud import Cloud
from fakeaws.model import Resource, Stack
from fakeaws.templates import NESTED

CHECKABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED")


def finish(cloud: Cloud, stack: Stack) -> None:
    """Ends the detections whose time has come: what they found is what is there at the end."""
    now = cloud.clock.now()
    if any(end <= now for end in stack.detections.values()) and stack.drift_checked is None:
        supported = [each for each in stack.resources.values() if _supported(cloud, each) and each.physical_id]
        stack.drifts = {each.logical_id: _row(stack, each) for each in supported}
        statuses = {each["StackResourceDriftStatus"] for each in stack.drifts.values()}
        drifted = statuses & {"MODIFIED", "DELETED"}
        stack.drift = "DRIFTED" if drifted else "UNKNOWN" if "UNKNOWN" in statuses else "IN_SYNC"
        stack.drift_checked = now


def running(cloud: Cloud, stack: Stack) -> bool:
    """Whether a detection runs on the stack."""
    return any(end > cloud.clock.now() for end in stack.detections.values())


def detection(cloud: Cloud, stack: Stack, detection_id: str) -> dict[str, Any]:
    """The answer of DescribeStackDriftDetectionStatus."""
    row = {"StackId": stack.id, "StackDriftDetectionId": detection_id, "Timestamp": cloud.clock.now()}
    if stack.detections[detection_id] > cloud.clock.now():
        return {**row, "DetectionStatus": "DETECTION_IN_PROGRESS"}
    finish(cloud, stack)
    unreadable = [name for name, each in stack.drifts.items() if each["StackResourceDriftStatus"] == "UNKNOWN"]
    if unreadable:
        why = f"Failed to detect drift on resource [{', '.join(unreadable)}]"
        return {
            **row, "DetectionStatus": "DETECTION_FAILED", "DetectionStatusReason": why, "StackDriftStatus": stack.drift
        }  # fmt: skip
    statuses = [each["StackResourceDriftStatus"] for each in stack.drifts.values()]
    count = sum(1 for each in statuses if each in ("MODIFIED", "DELETED"))
    return {
        **row, "DetectionStatus": "DETECTION_COMPLETE", "StackDriftStatus": stack.drift,
        "DriftedStackResourceCount": count,
    }  # fmt: skip


def _supported(cloud: Cloud, resource: Resource) -> bool:
    own = resource.type == NESTED or resource.type.startswith("Custom::")
    return not own and resource.type not in cloud.settings.drift_unsupported


def _row(stack: Stack, resource: Resource) -> dict[str, Any]:
    expected = resource.properties
    row: dict[str, Any] = {
        "StackId": stack.id, "LogicalResourceId": resource.logical_id, "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type, "Timestamp": resource.updated,
    }  # fmt: skip
    done = stack.by_hand.get(resource.logical_id, expected)
    if done is None:
        return {**row, "StackResourceDriftStatus": "DELETED", "ExpectedProperties": json.dumps(expected, default=str)}
    if isinstance(done, str):
        return {**row, "StackResourceDriftStatus": "UNKNOWN", "DriftStatusReason": done}
    found = list(_differences(expected, done, ""))
    return {
        **row, "StackResourceDriftStatus": "MODIFIED" if found else "IN_SYNC", "PropertyDifferences": found,
        "ExpectedProperties": json.dumps(expected, default=str), "ActualProperties": json.dumps(done, default=str),
    }  # fmt: skip


def _differences(expected: Any, actual: Any, path: str) -> Iterator[dict[str, str]]:
    """PropertyDifferences: JSON pointers, values as text, ADD, REMOVE or NOT_EQUAL (API PropertyDifference)."""
    if isinstance(expected, list) and isinstance(actual, list):
        expected, actual = ({str(n): each for n, each in enumerate(side)} for side in (expected, actual))
    if not (isinstance(expected, dict) and isinstance(actual, dict)):
        if expected != actual:
            yield _difference(path, expected, actual, "NOT_EQUAL")
        return
    for key in [*expected, *(each for each in actual if each not in expected)]:
        inner = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        if key in expected and key in actual:
            yield from _differences(expected[key], actual[key], inner)
        else:
            kind = "REMOVE" if key in expected else "ADD"
            yield _difference(inner, expected.get(key), actual.get(key), kind)


def _difference(path: str, expected: Any, actual: Any, kind: str) -> dict[str, str]:
    texts = (each if isinstance(each, str) else json.dumps(each, default=str) for each in (expected, actual))
    before, after = texts
    return {"PropertyPath": path, "ExpectedValue": before, "ActualValue": after, "DifferenceType": kind}
