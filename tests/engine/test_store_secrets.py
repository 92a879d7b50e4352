"""`infragen secrets` on the fake: the key they are under, a failure in the middle, and what AWS says of a value."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import Bench, at_work, environment, prepare_account
from fakeaws import FakeAws

from infragen.assembly.synth import synthesize
from infragen.checks import secrets as check
from infragen.checks.check import Subject, Verdict
from infragen.engine.app_secrets import remove, store, stored
from infragen.errors import CloudError, OperationFailed

TEXT = "network: {nat: single}\n"
API = (
    "api: {cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2, https: {mode: http_only}, "
    "ingress_cidrs: [203.0.113.0/24], secrets: {STRIPE_KEY: ssm}}\n"
)


@pytest.fixture(params=["nested", "independent"])
def shop(aws: FakeAws, tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    """Deploy the network."""
    bench = at_work(aws, environment(tmp_path, TEXT, request.param))
    prepare_account(aws, bench.env)
    bench.bootstrap()
    bench.begin(synthesize(bench.env))
    return bench


@pytest.mark.long
def test_they_are_under_the_platform_key_of_the_environment(shop: Bench, aws: FakeAws) -> None:
    """In both topologies, in four calls; a second value is another version without tags."""
    written = store(shop.session, shop.env, {"A": "one"})
    assert (written.versions, written.own_key) == ({"A": 1}, True)
    assert [each.operation for each in aws.calls] == ["GetCallerIdentity", "DescribeStacks", "PutParameter"]
    put = aws.calls[-1].params
    given = {each.outputs.get("PlatformKeyArn") for each in shop.session.cloud.stacks("shop-test")} - {None}
    assert {put["KeyId"]} == given
    assert (put["Name"], put["Type"], put["Tier"]) == ("/shop/test/A", "SecureString", "Standard")
    assert {each["Key"] for each in put["Tags"]} == {"infragen:project", "infragen:environment"}
    assert store(shop.session, shop.env, {"A": "two"}).versions == {"A": 2}
    [row] = stored(shop.session, shop.env)
    assert (row.name, row.stored, row.version) == ("A", True, 2)
    assert row.by == aws.settings.arn.format(account="111122223333")


@pytest.mark.long
def test_a_failure_in_the_middle_says_what_is_stored(shop: Bench, aws: FakeAws) -> None:
    """AWS has no call that stores several. A first failure changes nothing, and stays what it is."""
    aws.refuse("ssm:PutParameter", "AccessDeniedException", "no", None)
    with pytest.raises(CloudError, match="ssm:PutParameter"):
        store(shop.session, shop.env, {"A": "1", "B": "2"})
    aws.mend()
    values = {"A": "1", "B": "{{x}}", "C": "3"}
    with pytest.raises(OperationFailed) as error:
        store(shop.session, shop.env, values)
    assert error.value.message.endswith("; stored: A; not stored: B, C")
    assert [each.name for each in stored(shop.session, shop.env)] == ["A"]


@pytest.mark.long
def test_a_value_that_aws_quotes_is_not_passed_on(shop: Bench) -> None:
    """Parameter Store writes what it does not take into its message."""
    with pytest.raises(CloudError) as error:
        store(shop.session, shop.env, {"A": "canary {{x}}"})
    assert "canary" not in error.value.message + error.value.hint
    assert "what AWS says holds the value and is not shown" in error.value.message


def test_deletion_takes_as_many_as_there_are(shop: Bench, aws: FakeAws) -> None:
    """Ten in a call."""
    names = tuple(f"K{number}" for number in range(12))
    store(shop.session, shop.env, dict.fromkeys(names, "x"))
    aws.calls.clear()
    assert set(remove(shop.session, shop.env, names)) == set(names)
    assert [each.operation for each in aws.calls].count("DeleteParameters") == 2
    assert stored(shop.session, shop.env) == ()


def test_the_check_names_what_is_missing_and_what_cannot_be_decrypted(aws: FakeAws, tmp_path: Path) -> None:
    """And what it cannot find out is no yes."""
    bench = at_work(aws, environment(tmp_path, TEXT + API))
    cloud = bench.session.cloud
    subject = Subject(bench.env, "111122223333", "us-east-1")

    def verdicts() -> list[Verdict]:
        return [each.verdict for each in check.run(subject, cloud)]

    [missing] = check.run(subject, cloud)
    assert (missing.verdict, missing.stops, missing.input) == (Verdict.WRONG, True, False)
    assert "/shop/test/STRIPE_KEY" in missing.text
    key = "arn:aws:kms:us-east-1:111122223333:key/old"
    cloud.put_parameter("/shop/test/STRIPE_KEY", "x", key, {})
    for state, verdict in {"Enabled": Verdict.OK, "Disabled": Verdict.WRONG, "PendingDeletion": Verdict.WRONG}.items():
        aws.settings.key_states[key] = state
        assert verdicts() == [verdict], state
    del aws.settings.key_states[key]
    assert verdicts() == [Verdict.WRONG]
    cloud.put_parameter("/shop/test/STRIPE_KEY", "x", "", {})
    assert verdicts() == [Verdict.OK]
