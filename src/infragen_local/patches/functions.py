"""Lambda functions: how long one behind a custom resource is waited for, and which processes end, and when.

- A function that dies without an answer is waited for until ServiceTimeout, an hour unless the template says less
  (Custom resource, AWS CloudFormation Template Reference). Nobody waits an hour for an emulator: the wait is capped.
- When MiniStack's CloudFormation creates, changes or deletes a function it ends the running processes of that
  function's name in every account. The calls of other accounts would then never be answered: the account and region
  of the stack are passed on.
- New code, new settings and deletion end an idle process at once and one with a call when the call has ended; MiniStack
  ends both at once, so that each deployment of a worker failed the messages that it was working on. On AWS "invocations
  that occur while the function update is in progress" run the code before ("Lambda function states", AWS Lambda
  Developer Guide, read 2026-11).
- A function that does not start is ended: Lambda gives its init phase 10 seconds, and then the function's timeout
  ("Lambda execution environment", AWS Lambda Developer Guide, read 2026-11); here a minute, for a busy machine, and its
  timeout. MiniStack waits for ever, and once all calls of a worker wait, its messages are never tried.
- A process that ends before it is ready fails its own call; MiniStack ends those of all other calls, too.
- A process that ran a function (about 50 MiB) is kept until MiniStack ends, even when the function is gone. Here it
  ends with its function, or when it has been idle for LAMBDA_WARM_TTL_SECONDS.
"""

import threading
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
    own_invoke = custom_resource.invoke_custom_resource
    own_delete = handler(TYPE)["delete"]

    def invoke(request: str, logical_id: str, properties: dict[str, Any], *rest: Any, **named: Any) -> Any:
        wanted = str(properties.get("ServiceTimeout", 3600))
        cap = faults.custom_resource_seconds()
        seconds = min(int(wanted), cap) if wanted.isdigit() else cap
        return own_invoke(request, logical_id, {**properties, "ServiceTimeout": seconds}, *rest, **named)

    def delete(physical_id: str, properties: Properties) -> None:
        own_delete(physical_id, properties)
        _retire(physical_id)

    custom_resource.invoke_custom_resource = invoke
    lambda_svc.invalidate_worker = _retire
    _keep_what_has_a_call()
    _end_what_does_not_start()
    lambda_svc.reap_idle_workers = _end_idle_processes
    replace(TYPE, delete=delete)


def _retire(name: str, qualifier: str | None = None, account: str = "", region: str = "") -> None:
    """Give a function's processes no further call: the idle ones end now, the others after the call that they have."""
    wanted = [account or get_account_id(), region or get_region(), name]
    idle = []
    with lambda_runtime._lock:
        for key in list(lambda_runtime._workers):
            *function, version = key.split(":")
            if function == wanted and qualifier in (None, version):
                for worker in lambda_runtime._workers.pop(key):
                    worker.retired = True
                    idle += [] if worker.in_use else [worker]
    lambda_runtime.kill_workers(idle)


def _keep_what_has_a_call() -> None:
    """Let a call end by itself: neither an update of its function nor the failure of another call ends its process."""
    own_acquire, own_release = lambda_svc.acquire_worker, lambda_svc.release_worker
    own_invoke = lambda_runtime.Worker.invoke

    def acquire(name: str, config: dict[str, Any], code: bytes, qualifier: str = "$LATEST") -> Any:
        worker, how = own_acquire(name, config, code, qualifier=qualifier)
        if worker.code_zip == code:
            return worker, how
        release(worker)  # of a call that began before an update and found its process after it
        _retire(name, qualifier)
        return own_acquire(name, config, code, qualifier=qualifier)

    def release(worker: Any) -> None:
        own_release(worker)
        if getattr(worker, "retired", False):
            lambda_runtime.kill_workers([worker])

    def invoke(worker: Any, *event: Any, **named: Any) -> dict[str, Any]:
        try:
            return dict(own_invoke(worker, *event, **named))
        except Exception as error:  # noqa: BLE001 # it did not start, or ended while it did
            lambda_runtime.kill_workers([worker])
            return {"status": "error", "error": str(error)}

    lambda_svc.acquire_worker, lambda_svc.release_worker = acquire, release
    lambda_runtime.Worker.invoke = invoke


def _end_what_does_not_start() -> None:
    """End a process that is not ready in time, with Lambda's words for a call that takes too long."""
    own = lambda_runtime.Worker._spawn

    def spawn(worker: Any) -> None:
        timeout, late, over = worker.config.get("Timeout", 3), threading.Event(), threading.Event()

        def end() -> None:
            late.set()
            while not over.wait(0.05):  # it may have no process yet
                if worker._proc is not None:
                    worker._proc.kill()

        timer = threading.Timer(faults.start_seconds() + float(timeout), end)
        timer.daemon = True
        timer.start()
        try:
            own(worker)
        except RuntimeError:
            if late.is_set():
                raise RuntimeError(f"Task timed out after {timeout}.00 seconds") from None
            raise
        finally:
            over.set()
            timer.cancel()

    lambda_runtime.Worker._spawn = spawn


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
