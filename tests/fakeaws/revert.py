"""Drift-aware change sets (CreateChangeSet with DeploymentMode REVERT_DRIFT): computed against what is there, and run.

Read 2026-11-29; UG is "Using drift-aware change sets" of the User Guide, API the API reference, as botocore 1.43.106.
- The actual state is read when the set is created, and brought to what the template says, also where the template did
  not change; a resource deleted by hand is created again (UG; AWS DevOps Blog, "Safely Handle Configuration Drift with
  CloudFormation Drift-Aware Change Sets", 2025-11-19).
- DeploymentMode and StackDriftStatus of a set; ResourceDriftStatus and ResourceDriftIgnoredAttributes of a row;
  BeforeValueFrom, AfterValueFrom and Drift of a target (API DescribeChangeSet, ResourceChange,
  ResourceTargetDefinition, LiveResourceDrift, ResourceDriftIgnoredAttribute).
- AWS-managed and write-only properties keep their actual value, immutable ones are not put back, and tag keys that the
  template does not name stay (UG, Considerations). A resource without any other drift has no row (assumed).
- Types without support are compared by template (UG, Considerations); so are resources that cannot be read (assumed).
- The set of a stack is of its own resources alone, as drift is detected (API DetectStackDrift; for sets no page says
  it).
- It can list a value that nobody changed, with a placeholder as the value after; executing that does nothing
  (aws-cloudformation/cloudformation-coverage-roadmap#2559, 2026-09-02, and #2505; `Settings.drift_phantoms`).
- One that fails leaves what was changed by hand (UG, "Executing drift-aware change sets").
- A provider can say that it put a value back, and leave it (go-to-k/cdk-real-drift#638, 2026-07-08;
  `Settings.drift_reverts_nothing`).
- An older endpoint leaves the mode out without a word and makes an ordinary set (`Settings.knows_revert_drift`;
  assumed).
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

from fakeaws import resources
from fakeaws.clock import Steps
from fakeaws.cloud import Cloud
from fakeaws.model import Change, ChangeSet, Resource, Stack
from fakeaws.operations import Operation, as_text
from fakeaws.templates import KNOWN_AFTER_APPLY


def stack_status(change_set: ChangeSet) -> str:
    """StackDriftStatus: as the resources are when the set is described."""
    return "DRIFTED" if change_set.stack.by_hand else "IN_SYNC"


@contextlib.contextmanager
def as_it_is(cloud: Cloud, change_set: ChangeSet) -> Iterator[None]:
    """The stack's resources as they are, for as long as a set is computed."""
    stack, before = change_set.stack, change_set.stack.resources
    stack.resources = _actual(cloud, stack)
    try:
        yield
    finally:
        stack.resources = before


def _actual(cloud: Cloud, stack: Stack) -> dict[str, Resource]:
    found = {}
    for name, resource in stack.resources.items():
        hand = stack.by_hand.get(name, resource.properties)
        supported = resource.type not in cloud.settings.drift_unsupported
        if hand is None and supported:
            continue
        found[name] = copy.copy(resource)
        if isinstance(hand, dict) and supported:
            found[name].properties = _counted(cloud, resource, hand)
    return found


def _counted(cloud: Cloud, resource: Resource, hand: dict[str, Any]) -> dict[str, Any]:
    """What is there, with what is not put back as the template says."""
    written, kept = resource.properties, dict(hand)
    for key in {*written, *hand}:
        left = key in cloud.settings.drift_ignored.get(resource.logical_id, {})
        if left or resources.recreation(resource.type, key) == "Always":
            kept.pop(key, None)
            kept |= {key: written[key]} if key in written else {}
    if isinstance(kept.get("Tags"), list):
        names = {each["Key"] for each in written.get("Tags") or ()}
        kept["Tags"] = [each for each in kept["Tags"] if each["Key"] in names]
        if not kept["Tags"] and not written.get("Tags"):
            del kept["Tags"]
    return {key: kept[key] for key in [*(k for k in written if k in kept), *(k for k in kept if k not in written)]}


def mark(cloud: Cloud, change_set: ChangeSet) -> None:
    """Give the rows what only those of a drift-aware set have, and add phantoms."""
    stack = change_set.stack
    for change in change_set.changes:
        hand = stack.by_hand.get(change.logical_id, {})
        drifted = change.logical_id in stack.by_hand
        change.drift = "DELETED" if hand is None else "MODIFIED" if drifted else "IN_SYNC"
        ignored = cloud.settings.drift_ignored.get(change.logical_id, {})
        change.ignored = [{"Path": f"/Properties/{key}", "Reason": why} for key, why in ignored.items()]
        for detail in change.details:
            _from_actual(detail["Target"], stack.resources.get(change.logical_id), cloud)
    for name, key in cloud.settings.drift_phantoms.items():
        if name in stack.resources:
            change_set.changes.append(_phantom(stack.resources[name], key))
    change_set.changes.sort(key=lambda each: each.logical_id)


def _from_actual(target: dict[str, Any], resource: Resource | None, cloud: Cloud) -> None:
    target |= {"BeforeValueFrom": "ACTUAL_STATE", "AfterValueFrom": "TEMPLATE"}
    key = target.get("Name") or target["Attribute"]
    if resource is not None and "BeforeValue" in target:
        previous = resource.properties.get(key)
        target["Drift"] = {"ActualValue": target["BeforeValue"], "DriftDetectionTimestamp": cloud.clock.now()}
        target["Drift"] |= {} if previous is None else {"PreviousValue": as_text(previous)}


def _phantom(resource: Resource, key: str) -> Change:
    recreation = resources.recreation(resource.type, key)
    target = {
        "Attribute": "Properties", "Name": key, "RequiresRecreation": recreation, "Path": f"/Properties/{key}",
        "BeforeValue": as_text(resource.properties.get(key, "")), "AfterValue": KNOWN_AFTER_APPLY,
        "AttributeChangeType": "Modify", "BeforeValueFrom": "PREVIOUS_DEPLOYMENT_STATE", "AfterValueFrom": "TEMPLATE",
    }  # fmt: skip
    replaced = recreation == "Always"
    return Change(
        "Modify", resource.logical_id, resource.type, resource.physical_id, "True" if replaced else "False",
        "ReplaceAndDelete" if replaced else None, ["Properties"],
        [{"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}],
        drift="IN_SYNC",
    )  # fmt: skip


def run(operation: Operation, change_set: ChangeSet) -> Steps:
    """Update the stack from what is there; what was put back is no longer by hand, unless it failed."""
    cloud, stack = operation.cloud, change_set.stack
    before = dict(stack.resources)
    stack.resources = {name: copy.deepcopy(each) for name, each in _actual(cloud, stack).items()}
    stack.last_stable = (stack.target, copy.deepcopy(stack.resources))
    try:
        yield from operation.update(change_set.target)
    finally:
        if stack.status == "UPDATE_COMPLETE":
            _forget(cloud, stack, before)
        else:
            stack.resources = before | stack.resources
            for name, each in before.items():
                if name in stack.by_hand:
                    stack.resources[name] = each


def _forget(cloud: Cloud, stack: Stack, before: dict[str, Resource]) -> None:
    for name in [each for each in stack.by_hand if each not in cloud.settings.drift_reverts_nothing]:
        hand, resource = stack.by_hand[name], before[name]
        if isinstance(hand, str) or resource.type in cloud.settings.drift_unsupported:
            continue
        del stack.by_hand[name]
        if hand is None:
            continue
        written = resource.properties
        counted = _counted(cloud, resource, hand)
        stays = [key for key in {*hand, *written} if counted.get(key) == written.get(key) != hand.get(key)]
        if stays:
            now = {**written, **{key: hand.get(key) for key in stays}}
            stack.by_hand[name] = {key: value for key, value in now.items() if value is not None}
