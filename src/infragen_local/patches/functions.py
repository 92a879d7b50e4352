"""Lambda functions behind custom resources: how long one is waited for, and whose processes end.

- A function that dies without an answer is waited for until ServiceTimeout, an hour unless the template says less
  (Custom resource, AWS CloudFormation Template Reference). Nobody waits an hour for an emulator: the wait is capped.
- When MiniStack's CloudFormation creates, changes or deletes a function it ends the running processes of that
  function's name in every account. The calls of other accounts would then never be answered: the account and region
  of the stack are passed on.
- A process that ran a function (about 50 MiB) is kept until MiniStack ends, even when the function is gone. Here it
  ends with its function, or when it has been idle for LAMBDA_WARM_TTL_SECONDS.
"""

import time
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc
from ministack.services.cloudformation import custom_resource

from infragen_local.patches import faults
from infragen_local.patches.handlers import Properties, handler, replace

TYPE = "AWS::Lambda::Function"


def apply() -> None:
    """Cap the wait for custom resources; end the processes of functions when they should end, and no others."""
    own_invoke, own_invalidate = custom_resource.invoke_custom_resource, lambda_svc.invalidate_worker
    own_delete = handler(TYPE)["delete"]

    def invoke(request: str, logical_id: str, properties: dict[str, Any], *rest: Any, **named: Any) -> Any:
        wanted = str(properties.get("ServiceTimeout", 3600))
        cap = faults.custom_resource_seconds()
        seconds = min(int(wanted), cap) if wanted.isdigit() else cap
        return own_invoke(request, logical_id, {**properties, "ServiceTimeout": seconds}, *rest, **named)

    def invalidate(name: str, qualifier: str | None = None, account: str = "", region: str = "") -> None:
        own_invalidate(name, qualifier, account or get_account_id(), region or get_region())

    def delete(physical_id: str, properties: Properties) -> None:
        own_delete(physical_id, properties)
        invalidate(physical_id)

    custom_resource.invoke_custom_resource = invoke
    lambda_svc.invalidate_worker = invalidate
    lambda_svc.reap_idle_workers = _end_idle_processes
    replace(TYPE, delete=delete)


def _end_idle_processes() -> None:
    """End every process that no call has used for a while; MiniStack's own version keeps one per function."""
    oldest = time.time() - lambda_runtime._LOCAL_WORKER_TTL
    ended = []
    with lambda_runtime._lock:
        for key, workers in list(lambda_runtime._workers.items()):
            idle = [worker for worker in workers if not worker.in_use and worker.last_used < oldest]
            ended += idle
            lambda_runtime._workers[key] = [worker for worker in workers if worker not in idle]
    lambda_runtime.kill_workers(ended)
