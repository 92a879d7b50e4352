"""What a test tells the fake to do wrong: resources that fail or take long, API calls that are refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from fakeaws.protocol import ApiError

PHASES = ("create", "update", "delete", "rollback", "import")


@dataclass
class ResourceFault:
    """A rule for one resource: in `phase` it takes `after` seconds and then fails with `reason`, or not at all."""

    logical_id: str
    phase: str
    after: float | None = None
    reason: str | None = None
    stack: str | None = None
    times: int | None = None
    initiated: bool = True

    def applies(self, stack_name: str, logical_id: str, phase: str) -> bool:
        """Whether this rule is about that step, and not used up."""
        return (
            self.times != 0
            and logical_id == self.logical_id
            and phase == self.phase
            and (self.stack is None or self.stack == stack_name or stack_name.startswith(f"{self.stack}-"))
        )


@dataclass
class CallFault:
    """The next `times` calls of an operation (`service:Operation` or `*`) are answered with an error."""

    operation: str
    error: ApiError
    times: int | None


@dataclass
class Script:
    """All that a test has asked for."""

    resource_faults: list[ResourceFault] = field(default_factory=list)
    call_faults: list[CallFault] = field(default_factory=list)

    def resource(self, stack_name: str, logical_id: str, phase: str) -> ResourceFault | None:
        """The rule for this step of this resource; the newest that applies wins, and is used up by one."""
        for fault in reversed(self.resource_faults):
            if fault.applies(stack_name, logical_id, phase):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def call(self, operation: str) -> None:
        """Raise the error that the test asked for on this API call."""
        for fault in self.call_faults:
            if fault.operation in (operation, "*", f"{operation.split(':')[0]}:*") and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                raise fault.error
