"""What to type after AWS's own refusals, and what hooks on a change set said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench import ACCOUNT, Bench, at_work, environment
from fakeaws import FakeAws
from stage import QUEUE, assembly, layer

from infragen.aws import Account, connect
from infragen.engine.drift import LONGEST, detect_drift
from infragen.errors import CloudError, InfragenError, OperationFailed, Unavailable

STACK = "shop-test-data"
ROLE = "arn:aws:iam::111122223333:role/deployer"


CALLS: dict[str, Callable[[Account], object]] = {
    "sts:GetCallerIdentity": lambda cloud: cloud.identity(),
    "cloudformation:DescribeStacks": lambda cloud: cloud.stacks("shop-test"),
    "cloudformation:ContinueUpdateRollback": lambda cloud: cloud.continue_rollback("shop-test", "infragen-1", (), ""),
    "ecs:DescribeServices": lambda cloud: cloud.running_service("arn:aws:ecs:x:1:service/shop/api"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code", ["InvalidClientTokenId", "OptInRequired", "UnrecognizedClientException"])
@pytest.mark.parametrize(("region", "named"), [("af-south-1", True), ("xx-new-9", True), ("eu-west-1", False)])
def test_w12_credentials_that_a_region_does_not_know(
    aws: FakeAws, region: str, named: bool, code: str, call: str
) -> None:
    """W12: in a region that has to be enabled first, that is a likely reason, whatever was called; unknown regions
    count as such.
    """
    aws.refuse(call, code, "The security token included in the request is invalid", times=None)
    with pytest.raises(CloudError) as caught:
        CALLS[call](connect(region, ACCOUNT, endpoint_url=aws.url))
    assert ("aws account enable-region" in caught.value.hint) is named
    assert (region in caught.value.hint) is named
    assert caught.value.hint


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("OptInRequired", "signed up"),
        ("SubscriptionRequiredException", "signed up"),
        ("InsufficientCapabilitiesException", "acknowledges what its own templates need"),
        ("ThrottlingException", "are throttled together"),
        ("TooManyRequestsException", "are throttled together"),
    ],
)
def test_w12_each_refusal_has_its_own_next_step(bench: Bench, aws: FakeAws, code: str, words: str) -> None:
    """W12: and never to check the connection, which works."""
    aws.refuse("cloudformation:CreateChangeSet", code, "no", times=None)
    with pytest.raises(InfragenError) as caught:
        bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
    assert words in caught.value.hint
    assert caught.value.exit_code == 4


def test_w12_throttling_is_told_apart_from_a_lost_connection(aws: FakeAws) -> None:
    """W12: the one is waited for, the other looked into."""
    aws.throttle("sts:GetCallerIdentity", times=100)
    with pytest.raises(Unavailable, match="Rate exceeded") as caught:
        connect("us-east-1", ACCOUNT, endpoint_url=aws.url).identity()
    assert "connection" not in caught.value.hint


@pytest.mark.parametrize("role", ["", ROLE])
def test_w13_who_reads_templates_is_named(aws: FakeAws, tmp_path: Path, role: str) -> None:
    """W13: with a service role it is the role."""
    text = f"iam:\n  service_role_arn: {role}\n" if role else ""
    bench = at_work(aws, environment(tmp_path, text, "nested"))
    bench.bootstrap()
    aws.settings.fail_change_set["shop-test"] = "S3 error: Access Denied"
    with pytest.raises(CloudError) as caught:
        bench.deploy(assembly(layer("data", {"Jobs": QUEUE}), env=bench.env))
    assert (f"the service role {ROLE}: it needs s3:GetObject" in caught.value.hint) is bool(role)
    assert ("the rights of who deploys" in caught.value.hint) is not bool(role)


def hook(name: str, mode: str, status: str = "HOOK_COMPLETE_FAILED", **more: Any) -> dict[str, Any]:
    return {"TypeName": name, "FailureMode": mode, "Status": status, "InvocationPoint": "PRE_PROVISION", **more}


def test_w14_what_a_hook_says_of_a_change_set_is_told(bench: Bench, aws: FakeAws) -> None:
    """W14: its reason and the checks that failed; not those that warn or passed."""
    checks = [
        {"AnnotationName": "Encrypted", "Status": "FAILED", "StatusMessage": "no key", "RemediationMessage": "set one"},
        {"AnnotationName": "Named", "Status": "PASSED", "StatusMessage": "has a name"},
    ]
    aws.settings.change_set_hooks[STACK] = [
        hook("Acme::Cost::Hook", "WARN", HookStatusReason="rather dear"),
        hook("Acme::Fine::Hook", "FAIL", "HOOK_COMPLETE_SUCCEEDED", HookStatusReason="all right"),
        hook("Acme::Guard::Hook", "FAIL", HookStatusReason="queues must be encrypted", Annotations=checks),
    ]
    with pytest.raises(OperationFailed) as caught:
        bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
    said = caught.value.message
    assert "Acme::Guard::Hook: queues must be encrypted; Encrypted no key set one" in said
    assert not [each for each in ("rather dear", "all right", "has a name") if each in said]


def test_w14_a_hook_that_only_warns_fails_nothing(bench: Bench, aws: FakeAws) -> None:
    """W14: the change set is executed."""
    aws.settings.change_set_hooks[STACK] = [hook("Acme::Cost::Hook", "WARN", HookStatusReason="rather dear")]
    assert bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})).exit_code == 0


def test_w14_without_the_permission_to_ask_hooks_it_is_named(bench: Bench, aws: FakeAws) -> None:
    """W14: what AWS said of the set is told all the same."""
    aws.settings.change_set_hooks[STACK] = [hook("Acme::Guard::Hook", "FAIL", HookStatusReason="no")]
    aws.refuse("cloudformation:ListHookResults", "AccessDenied", "not allowed", times=None)
    with pytest.raises(OperationFailed, match=r"following hook.* cloudformation:ListHookResults"):
        bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))


@pytest.mark.long
def test_w15_a_detection_of_drift_without_an_end_is_given_up(bench: Bench, aws: FakeAws) -> None:
    """W15: after an hour, with what to type."""
    assert bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})).exit_code == 0
    aws.settings.drift_seconds = 1e6
    with pytest.raises(CloudError, match="has not ended looking for drift in shop-test-data after 60 min"):
        detect_drift(assembly(env=bench.env), bench.session)
    assert aws.clock.monotonic() >= LONGEST
