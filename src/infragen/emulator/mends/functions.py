"""Lambda functions behind custom resources: how long one is waited for, and whose processes end.

- A function that dies without an answer is waited for until ServiceTimeout, an hour unless the template says less
  (Custom resource, AWS CloudFormation Template Reference). Nobody waits an hour for an emulator: the wait is capped.
- When MiniStack's CloudFormation creates, changes or deletes a function it ends the running processes of that
  function's name in every account. The calls of other accounts would then never be answered: the account and region
  of the stack are passed on.
"""

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc
from ministack.services.cloudformation import custom_resource

from infragen.emulator.mends import faults


def mend() -> None:
    """Cap the wait for custom resources and keep other accounts' functions alive."""
    own_invoke, own_invalidate = custom_resource.invoke_custom_resource, lambda_svc.invalidate_worker

    def invoke(request: str, logical_id: str, properties: dict[str, Any], *rest: Any, **named: Any) -> Any:
        wanted = str(properties.get("ServiceTimeout", 3600))
        cap = faults.custom_resource_seconds()
        seconds = min(int(wanted), cap) if wanted.isdigit() else cap
        return own_invoke(request, logical_id, {**properties, "ServiceTimeout": seconds}, *rest, **named)

    def invalidate(name: str, qualifier: str | None = None, account: str = "", region: str = "") -> None:
        own_invalidate(name, qualifier, account or get_account_id(), region or get_region())

    custom_resource.invoke_custom_resource = invoke
    lambda_svc.invalidate_worker = invalidate
