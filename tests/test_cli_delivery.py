"""`infragen bootstrap` with the roles of CI, `policy`, and rights that are compared before a change set is made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench import ACCOUNT, NETWORK, QUEUES, Bench, at_work, prepare_account
from click.testing import CliRunner, Result
from commands import CommandLine
from emulator import log_in, make_client
from fakeaws import FakeAws
from formats import check_lines
from hypothesis import given
from hypothesis import strategies as st

from infragen.assembly.templatefile import parse
from infragen.cli import main
from infragen.config import load_environment
from infragen.config.edit import with_section
from infragen.errors import InputError
from infragen.machine.emulator import Emulator

HEAD = 'project: shop\nenvironment: test\nregion: us-east-1\naccount: "{account}"  # ours\n'
GITHUB = "token.actions.githubusercontent.com"
Run = Callable[..., Result]


def write(more: str = NETWORK, account: str = ACCOUNT) -> Path:
    file = Path("environments/test.yaml")
    file.parent.mkdir(exist_ok=True)
    file.write_text(HEAD.format(account=account) + more)
    return file


@pytest.fixture
def desk(aws: FakeAws, tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The environment `test` on the fake, before anything is made; commands wait in virtual time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    monkeypatch.setenv("PATH", str(tmp_path))  # no gh
    bench = at_work(aws, load_environment(write()))
    prepare_account(aws, bench.env)
    return bench


@pytest.fixture
def run(desk: Bench) -> Run:
    def invoke(*command: str, code: int = 0) -> Result:
        where = () if command[0] == "policy" else ("--endpoint-url", desk.aws.url)
        result = CommandLine(desk.aws.clock).invoke(main, [*command, "--env", "test", *where])
        assert result.exit_code == code, result.output
        return result

    return invoke


def begin(run: Run) -> None:
    """The environment with its roles, and their keys in its file."""
    run("bootstrap", "--github", "acme/shop", "--github-ids", "1/2", "--yes", "--write")


def delivery(desk: Bench) -> dict[str, Any]:
    return parse(desk.session.cloud.template("shop-test-delivery"))


def change_sets(desk: Bench) -> int:
    return sum(call.operation == "CreateChangeSet" for call in desk.aws.calls)


@pytest.mark.long
def test_bootstrap_makes_the_roles_writes_their_keys_and_prints_the_variables(desk: Bench, run: Run) -> None:
    result = run("bootstrap", "--github", "acme/shop", "--github-ids", "1/2", "--yes", "--write")
    role = f"arn:aws:iam::{ACCOUNT}:role/infragen/shop-test"
    for line in (
        f"gh variable set DEPLOY_ROLE --repo acme/shop --env test --body {role}-deploy",
        f"gh variable set PLAN_ROLE --repo acme/shop --env test-plan --body {role}-plan",
        f"gh variable set PUSH_ROLE_TEST --repo acme/shop --body {role}-push",
    ):
        assert line in result.output
    env = load_environment(Path("environments/test.yaml"))
    assert env.iam.service_role_arn == f"{role}-cloudformation"
    assert env.iam.permissions_boundary_arn == f"arn:aws:iam::{ACCOUNT}:policy/infragen/shop-test-boundary"
    assert "  # ours\n" in Path("environments/test.yaml").read_text(), "comments stay"
    assert f"oidc-provider/{GITHUB}" in desk.session.cloud.identity_providers()[0]
    assert "acme@1/shop@2:environment:test" in result.output, "whom the roles trust is shown"


@pytest.mark.long
def test_a_second_bootstrap_remembers_the_repository_and_changes_nothing(desk: Bench, run: Run) -> None:
    begin(run)
    made = change_sets(desk)
    result = run("bootstrap", "--yes")
    assert "nothing to change" in result.output
    assert change_sets(desk) == made
    assert "up to date" in run("bootstrap", "--check").output
    assert check_lines(run("bootstrap", "--check", "--format", "json").stdout)[-1]["exit_code"] == 0


@pytest.mark.long
def test_an_identity_provider_that_the_account_has_is_used_and_not_made_again(desk: Bench, run: Run) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"
    desk.aws.settings.identity_providers = (arn,)
    begin(run)
    assert "Provider" not in delivery(desk)["Resources"]
    trusted = delivery(desk)["Resources"]["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]
    assert trusted["Statement"][0]["Principal"] == {"Federated": arn}
    assert "nothing to change" in run("bootstrap", "--yes").output


@pytest.mark.long
def test_its_own_identity_provider_stays_in_the_stack(desk: Bench, run: Run) -> None:
    begin(run)
    run("bootstrap", "--yes")
    assert "Provider" in delivery(desk)["Resources"]


@pytest.mark.long
def test_without_ids_only_the_classic_subject_is_trusted_with_a_warning(desk: Bench, run: Run) -> None:
    result = run("bootstrap", "--github", "acme/shop", "--yes")
    assert "--github-ids OWNER_ID/REPO_ID" in result.output
    assert "acme@" not in str(delivery(desk))


@pytest.mark.long
def test_ids_are_asked_of_gh(desk: Bench, run: Run, tmp_path: Path) -> None:
    gh = tmp_path / "gh"
    gh.write_text('#!/bin/sh\n[ "$1 $2" = "api repos/acme/shop" ] && echo 123/456\n')
    gh.chmod(0o755)
    run("bootstrap", "--github", "acme/shop", "--yes")
    assert "repo:acme@123/shop@456:environment:test" in str(delivery(desk))


@pytest.mark.long
def test_declining_makes_nothing(desk: Bench, run: Run) -> None:
    run("bootstrap", "--github", "acme/shop", code=3)
    assert desk.session.cloud.stack("shop-test-delivery") is None


@pytest.mark.long
def test_a_deployment_that_needs_more_than_its_role_has_is_refused_before_a_change_set(desk: Bench, run: Run) -> None:
    begin(run)
    run("deploy", "--yes")
    file = Path("environments/test.yaml")
    file.write_text(file.read_text() + QUEUES)
    made = change_sets(desk)
    for command in (("plan",), ("deploy", "--yes")):
        result = run(*command, code=3)
        assert re.search(r"the role that CloudFormation works with lacks \S+:\S+ for queue/Jobs", result.output)
        assert f"`infragen bootstrap --endpoint-url {desk.aws.url} --env test`" in result.output
    assert change_sets(desk) == made
    check = run("bootstrap", "--check", code=1).output
    assert "lacks    sqs:CreateQueue for queue/Jobs" in check
    assert "differs  " in check
    said = check_lines(run("bootstrap", "--check", "--format", "json", code=1).stdout)
    assert any("lacks    sqs:CreateQueue" in each["text"] for each in said if each["type"] == "warning")
    run("bootstrap", "--yes")
    run("bootstrap", "--check")
    run("deploy", "--yes")


@pytest.mark.long
def test_a_comparison_with_a_commit_says_what_the_role_will_lack(desk: Bench, run: Run) -> None:
    begin(run)
    assert CliRunner().invoke(main, ["render"]).exit_code == 0
    file = Path("environments/test.yaml")
    file.write_text(file.read_text() + QUEUES)
    result = CliRunner().invoke(main, ["diff", "--against", "templates"])
    assert result.exit_code == 0, result.output
    assert re.search(r"lacks \S+:\S+ for queue/Jobs\S* and \d+ more", " ".join(result.output.split()))
    assert CliRunner().invoke(main, ["render"]).exit_code == 0
    assert "lacks" not in CliRunner().invoke(main, ["diff", "--against", "templates"]).output


@pytest.mark.long
def test_a_file_without_the_boundary_is_refused_before_a_change_set(desk: Bench, run: Run) -> None:
    begin(run)
    file = Path("environments/test.yaml")
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(each for each in lines if "permissions_boundary_arn" not in each))
    result = run("plan", code=3)
    assert "has not the permissions boundary" in result.output
    assert "`infragen bootstrap" in result.output


@pytest.mark.long
def test_a_role_of_somebody_else_is_told_once_and_stops_nothing(desk: Bench, run: Run) -> None:
    run("bootstrap", "--yes")
    write(NETWORK + f"iam:\n  service_role_arn: arn:aws:iam::{ACCOUNT}:role/theirs\n")
    assert run("plan").output.count("was not compared: it is not the one that `infragen bootstrap") == 1


@pytest.mark.long
def test_a_delivery_stack_that_may_not_be_read_is_told_and_stops_nothing(desk: Bench, run: Run) -> None:
    begin(run)
    desk.aws.settings.hidden_templates = frozenset({"shop-test-delivery"})
    assert "was not compared" in run("plan").output


@pytest.mark.long
def test_the_bootstrap_stacks_are_changed_with_the_rights_of_who_runs_it(desk: Bench, run: Run) -> None:
    begin(run)
    run("bootstrap", "--yes", "--permissions", "broad")
    requests = [call.params for call in desk.aws.calls if call.operation == "CreateChangeSet"]
    assert not any("RoleARN" in each for each in requests)
    run("deploy", "--yes")
    requests = [call.params for call in desk.aws.calls if call.operation == "CreateChangeSet"]
    assert requests[-1]["RoleARN"].endswith("role/infragen/shop-test-cloudformation")


@pytest.mark.long
def test_destroy_leaves_what_bootstrap_made_unless_it_is_asked_for(desk: Bench, run: Run) -> None:
    begin(run)
    run("deploy", "--yes")
    run("destroy", "--yes")
    assert desk.session.cloud.stack("shop-test-delivery") is not None
    run("deploy", "--yes")
    desk.aws.calls.clear()
    result = run("destroy", "--yes", "--bootstrap")
    deleted = [call.params for call in desk.aws.calls if call.operation == "DeleteStack"]
    assert "shop-test-delivery" in deleted[-1]["StackName"] or "shop-test-artifacts" in deleted[-1]["StackName"]
    assert [("RoleARN" in each) for each in deleted] == [True] * (len(deleted) - 2) + [False, False]
    assert "delivery/Provider" in result.output.partition("deleted:")[0], "kept"


@pytest.mark.parametrize("which", ["service", "boundary", "deploy", "plan", "push"])
def test_a_policy_is_printed_whole_in_both_formats(which: str, run: Run) -> None:
    document = json.loads(run("policy", which).stdout)
    assert document["Version"] == "2012-10-17"
    assert yaml.safe_load(run("policy", which, "--format", "yaml").stdout) == document
    assert "(secret)" not in str(document)


@pytest.mark.long
def test_a_policy_that_is_printed_is_the_one_that_is_deployed(desk: Bench, run: Run) -> None:
    begin(run)
    resources = delivery(desk)["Resources"]
    printed = json.loads(run("policy", "service").stdout)["Statement"]
    deployed = [each for name, found in resources.items() if name.startswith("Service") and name != "ServiceRole"
                for each in found["Properties"]["PolicyDocument"]["Statement"]]  # fmt: skip

    def pairs(statements: list[Any]) -> set[str]:
        return {
            json.dumps([action, each["Resource"], each.get("Condition"), each["Effect"]])
            for each in statements
            for action in (each["Action"] if isinstance(each["Action"], list) else [each["Action"]])
        }

    assert pairs(printed) == pairs(deployed)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--github", "acme"), "is not OWNER/REPO"),
        (("--gitlab", ""), "is not GROUP/PROJECT"),
        (("--github", "a/b", "--gitlab", "a/b"), "cannot be combined"),
        (("--github-ids", "1/2"), "needs --github"),
        (("--check",), "no roles of CI"),
        (("--write",), "no roles of CI"),
    ],
)
def test_wrong_options_end_in_2_and_make_nothing(options: tuple[str, ...], said: str, desk: Bench, run: Run) -> None:
    assert said in run("bootstrap", *options, "--yes", code=2).output
    assert change_sets(desk) == 0


# --- the environment file ---------------------------------------------------------------------------------------

KEYS = {"service_role_arn": "arn:aws:iam::1:role/a", "permissions_boundary_arn": "arn:aws:iam::1:policy/b"}


@pytest.mark.parametrize(
    "before",
    [
        "a: 1\n",
        "a: 1",
        "iam:\n  service_role_arn: old  # why\n",
        "iam:   # rules\n    # first\n    permissions_boundary_arn: old\nb: 2\n",
        "a: 1\n\niam:\n\nb: 2\n",
        "a: 1\r\nb: 2\r\n",
    ],
)
def test_keys_are_put_into_a_file_and_everything_else_stays(before: str) -> None:
    after = with_section(before, "x.yaml", "iam", KEYS)
    assert yaml.safe_load(after)["iam"] == KEYS
    kept = [line for line in before.splitlines() if line.strip() and "old" not in line]
    assert [line for line in after.splitlines() if line in kept] == kept
    assert after.count("# why") == before.count("# why")
    assert with_section(after, "x.yaml", "iam", KEYS) == after


@pytest.mark.parametrize(
    "before", ["iam: {service_role_arn: old}\n", "x: &a {k: v}\niam: *a\n", "iam: text\n", "[1]\n"]
)
def test_a_section_that_takes_no_line_is_refused(before: str) -> None:
    with pytest.raises(InputError, match="no line can be added") as refused:
        with_section(before, "x.yaml", "iam", KEYS)
    assert "service_role_arn: arn:aws:iam::1:role/a" in refused.value.hint


@pytest.mark.long
@given(st.text(alphabet="ab:#-{}[] \n'\"&*|>", max_size=60))
def test_whatever_a_file_holds_it_has_the_keys_afterwards_or_is_refused(before: str) -> None:
    try:
        after = with_section(before, "x.yaml", "iam", KEYS)
    except InputError:
        return
    assert yaml.safe_load(after)["iam"].items() >= KEYS.items()


# --- on the emulator --------------------------------------------------------------------------------------------


@pytest.mark.long
def test_an_environment_is_bootstrapped_deployed_with_its_role_and_taken_down_on_the_emulator(
    emulator: Emulator, account: str, tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    log_in(monkeypatch, emulator, account)
    write(NETWORK, account)

    def run(*command: str, code: int = 0) -> str:
        result = CommandLine().invoke(main, [*command, "--env", "test", "--endpoint-url", emulator.endpoint_url])
        assert result.exit_code == code, result.output
        return result.output

    run("bootstrap", "--github", "acme/shop", "--github-ids", "1/2", "--yes", "--write")
    iam = make_client(emulator, "iam", account)
    [provider] = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    assert (found["Url"].removeprefix("https://"), found["ClientIDList"]) == (GITHUB, ["sts.amazonaws.com"])
    attached = iam.list_attached_role_policies(RoleName="shop-test-cloudformation")["AttachedPolicies"]
    assert attached[0]["PolicyName"] == "shop-test-cloudformation-1"
    arn = iam.get_role(RoleName="shop-test-deploy")["Role"]["Arn"]
    assert arn == f"arn:aws:iam::{account}:role/infragen/shop-test-deploy"
    assert "up to date" in run("bootstrap", "--check")
    run("deploy", "--yes")
    run("destroy", "--yes", "--bootstrap")
    assert len(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]) == 1, "kept: others may use it"
