"""Credentials, accounts, permissions and the artifact bucket: what goes wrong with them; each test names its row.

Commands run through the command line, the engine on the fake AWS through real boto3 clients, in virtual time.
"""

from __future__ import annotations

import datetime
import email.utils
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from bench import ACCOUNT, Bench, at_work, environment, failure, kinds
from click.testing import Result
from commands import CommandLine
from fakeaws import FakeAws
from fakeaws.proxy import EXPIRED, Error, Interrupt, Proxy
from fakeaws.s3 import Bucket
from hypothesis import given
from hypothesis import strategies as st
from stage import assembly, layer

from infragen.assembly.stacks import OutputOf, StackLayout
from infragen.assembly.synth import Assembly
from infragen.aws import connect
from infragen.cli import main
from infragen.cloud.protocol import Cloud, Identity
from infragen.engine.deploy import deploy_plan
from infragen.engine.options import Options
from infragen.engine.outcome import Deployed, Unknown
from infragen.engine.output_check import check_place
from infragen.engine.progress import Lost, Warned
from infragen.errors import CloudError, CredentialsExpired, Refused

TOPIC = {"Type": "AWS::SNS::Topic"}
QUEUE = {"Type": "AWS::SQS::Queue"}
PAST = "2020-01-01T00:00:00Z"

Status = Callable[..., Result]


@pytest.fixture
def status(tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch) -> Status:
    """`infragen status` of an environment, with this AWS configuration and these variables and no other."""
    (tmp_path / "environments").mkdir()
    environment(tmp_path / "environments", "network:\n  nat: none\n  azs: 2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)

    def run(configuration: str = "", *options: str, **variables: str) -> Result:
        (tmp_path / "config").write_text(configuration)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        return CommandLine().invoke(main, ["status", "--env", "test", *options], env=variables)

    return run


# --- credentials -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("configuration", "options", "variables", "says"),
    [
        ("", (), {}, "Unable to locate credentials"),
        ("", ("--profile", "work"), {}, "The config profile (work) could not be found"),
        ("", (), {"AWS_PROFILE": "work"}, "The config profile (work) could not be found"),
        ("", (), {"AWS_ACCESS_KEY_ID": "AKIA"}, "AWS_SECRET_ACCESS_KEY"),
        ("[profile work]\naws_access_key_id = AKIA\n", ("--profile", "work"), {}, "aws_secret_access_key"),
        ("[profile", (), {}, "Unable to parse config file"),
    ],
)
def test_a1_without_usable_credentials_one_line_says_what_is_missing(
    status: Status, configuration: str, options: tuple[str, ...], variables: dict[str, str], says: str
) -> None:
    """Exit code 4, no traceback, and what to set."""
    result = status(configuration, *options, **variables)
    assert result.exit_code == 4
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == ["error", "hint"]
    assert says in result.stderr
    assert "AWS_PROFILE or pass --profile" in result.stderr or "configuration files" in result.stderr


SSO = """
[profile work]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Admin
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.example.com/start
"""


@pytest.mark.parametrize("chosen", [{"options": ("--profile", "work")}, {"variables": {"AWS_PROFILE": "work"}}])
def test_a2_a_missing_sso_login_names_the_command_with_its_profile(status: Status, chosen: dict[str, Any]) -> None:
    """Whether the profile was given or is set."""
    result = status(SSO, *chosen.get("options", ()), **chosen.get("variables", {}))
    assert result.exit_code == 4
    assert "SSO" in result.stderr
    assert "hint: log in with `aws sso login --profile work`, then run the same command" in result.stderr


@pytest.mark.long
def test_a3_a_permission_that_is_taken_away_while_following_does_not_fail_the_deployment(
    aws: FakeAws, tmp_path: Path
) -> None:
    """It is asked again for five minutes, because a new login may have it; the outcome is unknown, never failed."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        bench.slowness = 20  # fewer looks in the same time
        aws.slow("Jobs", 900)
        denied = Error("AccessDenied", 403, "not authorized to perform: cloudformation:DescribeStacks")
        proxy.on("DescribeStacks", denied, nth=6, times=4)
        assert kinds(bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})).outcomes) == {"data": "Deployed"}
        assert any("not authorized" in event.reason for event in bench.ui.events if isinstance(event, Lost))
        aws.slow("Jobs", 900, on="update")
        proxy.on("DescribeStacks", denied, nth=6, times=None)
        changed = bench.unit("data", {"Jobs": {**QUEUE, "Properties": {"DelaySeconds": 1}}})
        [unknown] = bench.deploy_units(changed).outcomes
        assert isinstance(unknown, Unknown)
        assert "it still runs in AWS" in unknown.message


def test_a4_expired_credentials_end_it_at_the_first_call(aws: FakeAws, tmp_path: Path) -> None:
    """One call, no wait, nothing tried again."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        proxy.on("GetCallerIdentity", EXPIRED, times=None)
        began = aws.clock.monotonic()
        with pytest.raises(CredentialsExpired, match="expired") as caught:
            bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
        assert [call.operation for call in proxy.calls] == ["GetCallerIdentity"]
        assert aws.clock.monotonic() - began < 5
    assert caught.value.exit_code == 4
    assert "log in again" in caught.value.hint


@pytest.mark.long
@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "RequestTimeTooSkewed", "RequestExpired"])
@pytest.mark.parametrize(("minutes", "says"), [(-12, "12 min ahead of AWS's"), (75, "75 min behind AWS's")])
def test_a5_a_clock_that_is_off_is_told_with_the_minutes(
    aws: FakeAws, tmp_path: Path, code: str, minutes: int, says: str
) -> None:
    """The time of AWS is in the header of its refusal; nothing is tried again."""
    there = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    refusal = Error(code, 403, "Signature not yet current", date=email.utils.format_datetime(there, usegmt=True))
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        proxy.on("GetCallerIdentity", refusal, times=None)
        with pytest.raises(CloudError, match=code) as caught:
            bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
        assert len(proxy.calls) == 1
    assert caught.value.exit_code == 4
    assert says in caught.value.hint


def test_a5_a_wrong_secret_key_is_not_blamed_on_the_clock(aws: FakeAws, tmp_path: Path) -> None:
    """The clocks agree: the key is at fault, or a proxy."""
    now = email.utils.format_datetime(datetime.datetime.now(datetime.UTC), usegmt=True)
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        proxy.on("GetCallerIdentity", Error("SignatureDoesNotMatch", 403, "does not match", date=now))
        with pytest.raises(CloudError) as caught:
            at_work(aws, environment(tmp_path), proxy.url).session.cloud.identity()
    assert "secret key" in caught.value.hint
    assert "clock" not in caught.value.hint


MFA = """
[profile base]
aws_access_key_id = AKIA
aws_secret_access_key = x
[profile work]
role_arn = arn:aws:iam::111122223333:role/deployer
source_profile = base
mfa_serial = arn:aws:iam::111122223333:mfa/me
"""


def test_a6_an_mfa_code_is_not_asked_for_where_nobody_can_type_it(
    status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 4 at once, with what to use instead; standard input is not read."""
    opened = os.open

    def without_terminal(path: str, *arguments: int) -> int:
        if path == "/dev/tty":
            raise OSError
        return opened(path, *arguments)

    monkeypatch.setattr(os, "open", without_terminal)
    result = status(MFA, "--profile", "work")
    assert result.exit_code == 4
    assert "needs an MFA code, and there is no terminal" in result.stderr


@pytest.mark.long
def test_a6_one_session_serves_all_calls(aws: FakeAws, tmp_path: Path) -> None:
    """Credentials are looked for once, whatever the number of stacks: a command that gives them counts its calls."""
    keys = {"Version": 1, "AccessKeyId": ACCOUNT, "SecretAccessKey": "x"}
    script, count = tmp_path / "credentials.sh", tmp_path / "count"
    script.write_text(f"#!/bin/sh\necho called >> {count}\necho '{json.dumps(keys)}'\n")
    script.chmod(0o755)
    (tmp_path / "config").write_text(f"[profile work]\ncredential_process = {script}\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        bench = at_work(aws, environment(tmp_path))
        session = replace(bench.session, cloud=connect("us-east-1", ACCOUNT, "work", aws.url))
        units = tuple(bench.unit(name, {"Jobs": QUEUE}) for name in ("one", "two", "three"))
        assert deploy_plan(StackLayout(bench.env, units, ()), session, Options()).exit_code == 0
    assert count.read_text().split() == ["called"]


@pytest.mark.parametrize(("minutes", "role", "warned"), [(20, "", True), (45, "", False), (20, "deployer", False)])
def test_a7_a_login_that_soon_ends_is_told_before_anything_begins(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: int, role: str, warned: bool
) -> None:
    """CloudFormation works with it, unless the stack has a role of its own; without changes it does not matter."""
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", end.isoformat())
    bench = at_work(aws, environment(tmp_path))
    unit = bench.unit("data", {"Jobs": QUEUE})
    made = {
        "StackName": unit.stack,
        "TemplateBody": unit.text,
        "Tags": [{"Key": k, "Value": v} for k, v in unit.tags.items()],
    }
    if role:
        made["RoleARN"] = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    aws.elsewhere.create_stack(made)
    aws.clock.settle()
    bench.deploy_units(unit)
    assert not [event for event in bench.ui.events if isinstance(event, Warned)]
    bench.deploy_units(bench.unit("data", {"Jobs": {**QUEUE, "Properties": {"DelaySeconds": 1}}}))
    told = [event.text for event in bench.ui.events if isinstance(event, Warned)]
    assert ["half an hour" in text for text in told] == [True] * warned


@pytest.mark.long
def test_a8_the_wrong_account_is_told_by_every_command_before_anything_is_written(
    status: Status, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3, both accounts, one call; there is no option that overrides it."""
    aws.settings.account = "444455556666"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "444455556666")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    for command in ("bootstrap", "plan", "deploy", "destroy", "status", "outputs", "follow", "cancel", "recover"):
        aws.calls.clear()
        result = CommandLine().invoke(main, [command, "--env", "test", "--endpoint-url", aws.url])
        assert result.exit_code == 3, result.output
        assert ACCOUNT in result.stderr
        assert "444455556666" in result.stderr
        assert [call.operation for call in aws.calls] == ["GetCallerIdentity"]


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
@pytest.mark.parametrize(("region", "warned"), [("eu-west-1", True), ("us-east-1", False)])
def test_a9_the_files_region_is_used_and_another_in_the_environment_is_told(
    status: Status, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, variable: str, region: str, warned: bool
) -> None:
    """Other tools would take it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    result = status("", "--endpoint-url", aws.url, **{variable: region})
    assert result.exit_code == 0, result.output
    assert (f"{variable} is eu-west-1; test is in us-east-1, as its file says" in result.stderr) is warned
    assert {call.region for call in aws.calls} == {"us-east-1"}


ARN_PARTS = st.sampled_from(["", "aws", "aws-cn", "us-east-1", "us-west-2", "111122223333", "444455556666", "stack"])


@given(parts=st.lists(ARN_PARTS, min_size=0, max_size=4))
def test_a9_a_stack_in_another_place_than_was_checked_is_refused(parts: list[str]) -> None:
    """Whatever differs: partition, region or account."""
    here = Identity("111122223333", "arn:aws:iam::111122223333:user/me", "aws", "us-east-1")
    check_place(here, "arn:aws:cloudformation:us-east-1:111122223333:stack/shop-test/1")
    arn = ":".join(["arn", *parts, "stack/shop-test/1"])
    with pytest.raises(Refused, match="nothing was executed"):
        check_place(here, arn)


def test_a9_a_change_set_made_in_another_account_is_deleted_and_not_executed(aws: FakeAws, tmp_path: Path) -> None:
    """The credentials changed hands between two calls."""
    bench = at_work(aws, environment(tmp_path))
    cloud = bench.session.cloud

    class Swapped:
        """Says that we are somebody else from the first change set on."""

        def __getattr__(self, name: str) -> object:
            return getattr(cloud, name)

        def identity(self) -> Identity:
            made = any(call.operation == "CreateChangeSet" for call in aws.calls)
            return Identity("444455556666" if made else ACCOUNT, "arn:aws:iam::1:user/me", "aws", "us-east-1")

    session = replace(bench.session, cloud=cast(Cloud, Swapped()))
    with pytest.raises(Refused, match="not in account 444455556666"):
        deploy_plan(StackLayout(bench.env, (bench.unit("data", {"Jobs": QUEUE}),), ()), session, Options())
    assert "cloudformation:ExecuteChangeSet" not in aws.mutations()
    assert not [c for c in aws.cloud.change_sets.values() if c.status != "DELETE_COMPLETE"]


# --- permissions -----------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a10_a_permission_that_is_missing_midway_names_itself_and_what_runs_is_followed(
    aws: FakeAws, bench: Bench
) -> None:
    """The second stack's change set is refused: exit code 4 with AWS's words, and the third ends as wanted."""
    words = "User: arn:aws:iam::1:user/me is not authorized to perform: cloudformation:CreateChangeSet on resource: x"
    first = bench.unit("first", {"Jobs": QUEUE}, outputs={"Url": {"Ref": "Jobs"}})
    second = bench.unit("second", {"News": TOPIC}, parameters={"Url": OutputOf("first", "Url")})
    other = bench.unit("other", {"Slow": TOPIC})
    aws.slow("Slow", 120)
    aws.at(3, lambda: aws.refuse("cloudformation:CreateChangeSet", "AccessDenied", words, times=None, status=403))
    result = bench.deploy_units(first, other, second)
    assert kinds(result.outcomes) == {"first": "Deployed", "other": "Deployed", "second": "Failed"}
    assert result.exit_code == 4
    assert words in failure(result).message


def test_a11_a_change_set_is_explained_as_far_as_permitted(bench: Bench, aws: FakeAws) -> None:
    """Without DescribeEvents its own reason is told, and which permission would tell more."""
    aws.settings.early_validation["Jobs"] = ("/Resources/Jobs/Properties/DelaySeconds", "expected type: Integer")
    aws.refuse("cloudformation:DescribeEvents", "AccessDenied", "no", times=None, status=403)
    with pytest.raises(Exception, match=r"data: .*; more would be known with cloudformation:DescribeEvents"):
        bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))


@pytest.mark.long
def test_a11_without_the_right_to_read_templates_of_change_sets_there_is_a_warning(bench: Bench, aws: FakeAws) -> None:
    """What was uploaded was compared before; the deployment goes on."""
    aws.refuse("cloudformation:GetTemplate", "AccessDenied", "not authorized: GetTemplate", times=None, status=403)
    assert bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})).exit_code == 0
    [told] = [event.text for event in bench.ui.events if isinstance(event, Warned)]
    assert "the template of data was not compared" in told
    assert "not authorized: GetTemplate" in told


def test_a12_a_role_that_may_not_be_passed_is_named(bench: Bench, aws: FakeAws) -> None:
    """By the request, with what is missing."""
    role = f"arn:aws:iam::{ACCOUNT}:role/deployer"
    words = f"User: arn:aws:iam::1:user/me is not authorized to perform: iam:PassRole on resource: {role}"
    aws.refuse("cloudformation:CreateChangeSet", "AccessDenied", words, status=403)
    with pytest.raises(CloudError, match=role) as caught:
        bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
    assert caught.value.exit_code == 4
    assert "iam:PassRole" in caught.value.hint


# --- the artifact bucket ---------------------------------------------------------------------------------------------


def layered(bench: Bench, delay: int = 1) -> Assembly:
    """Three layers: with a template each, there is something to upload."""
    jobs = {**QUEUE, "Properties": {"DelaySeconds": delay}}
    return assembly(*(layer(name, {name.capitalize(): jobs}) for name in ("one", "two", "three")), env=bench.env)


@pytest.fixture(params=["nested", "independent"])
def ready(request: pytest.FixtureRequest, aws: FakeAws, tmp_path: Path) -> Bench:
    """An operator whose bucket exists, in both topologies."""
    bench = at_work(aws, environment(tmp_path, topology=request.param))
    bench.bootstrap()
    aws.calls.clear()
    return bench


def bucket_of(aws: FakeAws) -> Bucket:
    [bucket] = aws.cloud.buckets.all.values()
    return bucket


def test_b1_a_missing_bucket_is_not_made_by_the_way(bench: Bench, aws: FakeAws) -> None:
    """Exit code 4, the command that makes it, and nothing written."""
    with pytest.raises(CloudError, match="does not exist") as caught:
        bench.deploy(layered(bench))
    assert caught.value.exit_code == 4
    assert "infragen bootstrap" in caught.value.hint
    assert aws.mutations() == []


def test_b2_a_bucket_in_another_region_is_refused_before_anything_is_uploaded(ready: Bench, aws: FakeAws) -> None:
    """Exit code 4, with both regions."""
    bucket_of(aws).region = "eu-west-1"
    with pytest.raises(CloudError, match=r"is in eu-west-1; the environment is in us-east-1") as caught:
        ready.deploy(layered(ready))
    assert caught.value.exit_code == 4
    assert aws.mutations() == []


@pytest.mark.parametrize("later", [False, True])
def test_b3_a_bucket_of_somebody_else_gets_nothing(ready: Bench, aws: FakeAws, later: bool) -> None:
    """Refused, also when it changes hands after the first look; every call to S3 named the owner."""
    bucket = bucket_of(aws)
    if later:
        with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
            taken = Interrupt(lambda: setattr(bucket, "owner", "444455556666"))
            proxy.on("HeadObject", taken)
            bench = at_work(aws, ready.env, proxy.url)
            with pytest.raises(Refused, match=f"does not belong to account {ACCOUNT}"):
                bench.deploy(layered(bench))
    else:
        bucket.owner = "444455556666"
        with pytest.raises(Refused, match=f"does not belong to account {ACCOUNT}"):
            ready.deploy(layered(ready))
    assert bucket.objects == {}
    assert {call.params.get("ExpectedBucketOwner") for call in aws.calls if call.service == "s3"} == {ACCOUNT}


@pytest.mark.long
def test_b4_an_object_that_was_replaced_under_its_key_is_put_right(ready: Bench, aws: FakeAws) -> None:
    """Its checksum tells before it is used."""
    assert ready.deploy(layered(ready)).exit_code == 0
    aws.clock.settle()
    bucket = bucket_of(aws)
    for versions in bucket.objects.values():
        versions[-1].data = b"Resources: {Evil: {Type: AWS::SNS::Topic}}"
    again = layered(ready)
    ready.deploy(layered(ready, delay=2))
    ready.deploy(again)
    assert not [s for s in aws.cloud.stacks.values() if "Evil" in s.resources]
    assert not [v for v in bucket.objects.values() if b"Evil" in (v[-1].data or b"")]


@pytest.mark.long
def test_b4_a_template_that_is_replaced_just_before_it_is_read_is_not_executed(ready: Bench, aws: FakeAws) -> None:
    """What AWS read is compared with what was rendered, nested templates included."""
    bucket = bucket_of(aws)
    evil = b"Resources: {Evil: {Type: AWS::SNS::Topic}}"

    def replace() -> None:
        for versions in bucket.objects.values():
            if b"DelaySeconds" in (versions[-1].data or b""):
                versions[-1].data = evil

    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        proxy.on("CreateChangeSet", Interrupt(replace))
        bench = at_work(aws, ready.env, proxy.url)
        with pytest.raises(Refused, match="is not what was rendered: nothing was executed"):
            bench.deploy(layered(bench))
    assert "cloudformation:ExecuteChangeSet" not in aws.mutations()


def test_b5_a_template_that_cannot_be_read_is_explained(ready: Bench, aws: FakeAws) -> None:
    """Exit code 4 and the reasons it can have, for the stack's own template and for a nested one."""
    words = "TemplateURL must reference a valid S3 object to which you have access."
    aws.refuse("cloudformation:CreateChangeSet", "ValidationError", words, times=1)
    with pytest.raises(CloudError, match="TemplateURL must") as caught:
        ready.deploy(layered(ready))
    assert caught.value.exit_code == 4
    assert all(reason in caught.value.hint for reason in ("s3:GetObject", "kms:Decrypt", "VPC endpoint"))
    aws.settings.fail_nested_change_set["One"] = "S3 error: Access Denied"
    if ready.env.topology == "nested":
        with pytest.raises(CloudError, match="S3 error: Access Denied") as caught:
            ready.deploy(layered(ready))
        assert "s3:GetObject" in caught.value.hint


@pytest.mark.long
@pytest.mark.parametrize("nth", [1, 3])
def test_b6_an_upload_that_ends_half_way_is_gone_on_with(ready: Bench, aws: FakeAws, nth: int) -> None:
    """No change set before all templates are there; the next run sends only what is missing."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        proxy.on("PutObject", Error("AccessDenied", 403, "no"), nth=nth, times=None)
        bench = at_work(aws, ready.env, proxy.url)
        with pytest.raises(Refused):
            bench.deploy(layered(bench))
    assert "cloudformation:CreateChangeSet" not in aws.mutations()
    there = len(bucket_of(aws).objects)
    assert there == nth - 1
    result = ready.deploy(layered(ready))
    assert {type(each) for each in result.outcomes} == {Deployed}
    sent = [call.params["Key"] for call in aws.calls if call.operation == "PutObject" and not call.error]
    assert len(sent) == len(set(sent))
