"""EC2 instances, which MiniStack's CloudFormation rejects, and the signal their CreationPolicy waits for.

On AWS a resource with a CreationPolicy stays CREATE_IN_PROGRESS until its instance sends `cfn-signal`, and fails with
"Received FAILURE signal with UniqueId i-…" or "Failed to receive 1 resource signal(s) within the specified duration"
(CreationPolicy attribute, AWS CloudFormation User Guide). Here nothing boots, so the emulator signals for the
instance: SUCCESS unless `faults` says FAILURE or "none"; with "none" the stack waits for SignalResource or its Timeout.
"""

import contextvars
import threading
from typing import Any

from ministack.services import ec2
from ministack.services.cloudformation import provisioners, stacks, wait_conditions

from infragen_local.patches import faults
from infragen_local.patches.handlers import Created, Properties, ResourceType, add

TYPE = "AWS::EC2::Instance"

# The create-only properties of the resource schema of AWS::EC2::Instance, of those that a template is likely to have.
_CREATE_ONLY = frozenset(
    {
        "AvailabilityZone",
        "CpuOptions",
        "ImageId",
        "KeyName",
        "LaunchTemplate",
        "NetworkInterfaces",
        "PrivateIpAddress",
        "SecurityGroups",
        "SubnetId",
    }
)
# The conditional ones: of an instance with an EBS root volume they are changed in place, by a stop and a start.
_CONDITIONAL = (
    "BlockDeviceMappings",
    "EbsOptimized",
    "InstanceType",
    "SecurityGroupIds",
    "Tenancy",
    "UserData",
)
_SELF_SIGNAL_SECONDS = 0.05


def apply() -> None:
    """Add `AWS::EC2::Instance`, provisioned on a worker thread because it waits."""
    add(TYPE, ResourceType(_create, _attributes, _terminate, _change, _CREATE_ONLY))
    provisioners._CONDITIONALLY_REPLACING_PROPERTIES[TYPE] = _CONDITIONAL
    own = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda resource_type: resource_type == TYPE or own(resource_type)


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    interface = (properties.get("NetworkInterfaces") or [{}])[0]
    subnet = properties.get("SubnetId") or interface.get("SubnetId")
    if subnet and subnet not in ec2._subnets:
        raise ValueError(f"The subnet ID '{subnet}' does not exist")
    record = ec2._launch_instances_internal(
        image_id=properties.get("ImageId") or "ami-0",
        instance_type=properties.get("InstanceType") or "t3.micro",
        subnet_id=subnet,
        count=1,
        sg_ids=properties.get("SecurityGroupIds") or interface.get("GroupSet") or [],
    )[0]
    physical_id = str(record["InstanceId"])
    _change(physical_id, properties)
    definition = provisioners._cfn_wait_condition_definition(stack, logical_id)
    policy = (definition.get("CreationPolicy") or {}).get("ResourceSignal")
    if policy is not None:
        _wait_for_signal(physical_id, logical_id, stack, policy)
    return physical_id, _attributes(physical_id, properties)


def _wait_for_signal(physical_id: str, logical_id: str, stack: str, policy: Properties) -> None:
    stack_id = provisioners._cr_stack_id(stack)
    slot = wait_conditions.register_slot(stack_id)
    status = faults.signal_status(TYPE)
    if status != "none":
        # The waiting thread publishes the event; the timer needs this thread's account and region to find the stack.
        deliver = contextvars.copy_context().run
        signal = {"Status": status, "UniqueId": physical_id}
        threading.Timer(_SELF_SIGNAL_SECONDS, deliver, (wait_conditions.deliver_signal, slot, signal)).start()
    count = wait_conditions.validate_count(policy.get("Count"), logical_id)
    timeout = wait_conditions.validate_resource_signal_timeout(policy.get("Timeout"), logical_id)
    try:
        wait_conditions.wait_for(slot, stack_id, stack, logical_id, TYPE, count, timeout)
    except RuntimeError:
        _terminate(physical_id, {})
        raise ValueError(f"Received FAILURE signal with UniqueId {physical_id}") from None
    except TimeoutError:
        _terminate(physical_id, {})
        raise ValueError(f"Failed to receive {count} resource signal(s) within the specified duration") from None


def _change(physical_id: str, properties: Properties) -> None:
    record = ec2._instances[physical_id]
    record["SourceDestCheck"] = str(properties.get("SourceDestCheck", True)).lower() != "false"
    record["InstanceType"] = properties.get("InstanceType") or record["InstanceType"]
    ec2._tags[physical_id] = list(properties.get("Tags") or [])


def _attributes(physical_id: str, _properties: Properties) -> dict[str, Any]:
    record = ec2._instances.get(physical_id) or {}
    found = {
        "InstanceId": physical_id,
        "PrivateIp": record.get("PrivateIpAddress"),
        "PublicIp": record.get("PublicIpAddress"),
        "PrivateDnsName": record.get("PrivateDnsName"),
        "PublicDnsName": record.get("PublicDnsName"),
        "AvailabilityZone": (record.get("Placement") or {}).get("AvailabilityZone"),
        "VpcId": record.get("VpcId"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _terminate(physical_id: str, _properties: Properties) -> None:
    record = ec2._instances.get(physical_id)
    if record is not None:
        record["State"] = {"Code": 48, "Name": "terminated"}
        record["_terminated_at"] = 0
        for each in record.get("BlockDeviceMappings", ()):  # the root volume goes with it (EC2 User Guide)
            ec2._volumes.pop(each.get("Ebs", {}).get("VolumeId"), None)
