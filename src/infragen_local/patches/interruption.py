"""Stopping the emulator while a stack operation runs.

AWS knows no such thing. MiniStack keeps running until the operation's last wait is over (a custom resource's answer, a
signal), and the stack it saved stays …_IN_PROGRESS for ever. Here the process ends once the state is saved, and at the
next start such a stack is …_FAILED, from where it can be updated or deleted.
"""

import os
import sys
from typing import Any

import hypercorn.asyncio
from ministack.core import lambda_runtime
from ministack.services import cloudformation

_REASON = "The emulator was stopped while this operation ran"


def apply() -> None:
    """End the process as soon as the server has shut down, and fail operations that did not end."""
    own_serve = hypercorn.asyncio.serve

    async def serve_and_leave(app: Any, config: Any) -> None:
        await own_serve(app, config)  # saves the state before it returns
        lambda_runtime.reset()  # ends the functions' processes
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # threads that still wait for something would hold up any other way out

    hypercorn.asyncio.serve = serve_and_leave  # type: ignore[assignment]  # replaced on purpose

    own_load = cloudformation.load_persisted_state

    def load(data: Any) -> None:
        own_load(data)
        for stack in cloudformation._stacks._data.values():
            operation, _, state = str(stack.get("StackStatus", "")).rpartition("_IN_PROGRESS")
            if operation and not state and operation != "REVIEW":
                stack.update(StackStatus=f"{operation}_FAILED", StackStatusReason=_REASON)

    cloudformation.load_persisted_state = load
