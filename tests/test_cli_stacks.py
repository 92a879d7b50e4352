"""Options and commands about stacks in trouble, through the command line, on the fake AWS in virtual time."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Protocol

import pytest
from bench import ACCOUNT, NETWORK, QUEUES, Bench, at_work, head, make_bucket, once
from click.testing import Result
from commands import Clock, CommandLine
from fakeaws import FakeAws
from formats import check_lines

from infragen.cli import main
from infragen.config import load_environment

LAYERS = NETWORK + QUEUES
OTHER = '{"Resources": {"News": {"Type": "AWS::SNS::Topic"}}}'


class Run(Protocol):
    """Runs a command on the environment `test`; by default it must end in 0."""

    def __call__(self, *command: str, code: int = 0, clock: Clock | None = None) -> Result: ...


def write(directory: Path, more: str = LAYERS, topology: str = "independent") -> Path:
    """The environment file; `more` are its sections."""
    file = directory / "environments" / "test.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(head(topology=topology) + more)
    return file


@pytest.fixture
def topology() -> str:
    """A test that wants the other one says so with parametrize."""
    return "independent"


@pytest.fixture
def desk(aws: FakeAws, tmp_path: Path, findings: Path, topology: str, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The environment `test` on the fake with its bucket; commands run beside its file and wait in virtual time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    bench = at_work(aws, load_environment(write(tmp_path, topology=topology)))
    make_bucket(aws, bench.env, bench.session)
    return bench


@pytest.fixture
def run(desk: Bench) -> Run:
    def invoke(*command: str, code: int = 0, clock: Clock | None = None) -> Result:
        result = CommandLine(clock or desk.aws.clock).invoke(
            main, [*command, "--env", "test", "--endpoint-url", desk.aws.url]
        )
        assert result.exit_code == code, result.output
        return result

    return invoke


def begin(aws: FakeAws, run: Run) -> None:
    """Deploy the environment as its file is now."""
    once(aws, Path("environments/test.yaml").read_text(), partial(run, "deploy", "--yes"))


def somebody_updates(aws: FakeAws, seconds: float) -> None:
    """Somebody else changes the queue stack by hand, and takes so long."""
    stack = aws.stack("shop-test-queue")
    aws.slow("JobsQueue", seconds, on="update")
    tags = [{"Key": key, "Value": value} for key, value in stack.target.tags.items()]
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in stack.target.parameters]
    body = stack.target.text.replace("maxReceiveCount: 5", "maxReceiveCount: 9")
    assert body != stack.target.text
    aws.elsewhere.update_stack({"StackName": stack.name, "TemplateBody": body, "Tags": tags, "Parameters": kept})


@pytest.mark.long
def test_s7_deploy_waits_for_somebody_elses_operation_when_it_is_told_to(desk: Bench, run: Run, aws: FakeAws) -> None:
    """S7: without --wait exit code 5 and the option is named; a wait that is too short too; --wait alone goes on."""
    begin(desk.aws, run)
    somebody_updates(aws, 150)
    refused = run("deploy", "--yes", code=5)
    assert "shop-test-queue is UPDATE_IN_PROGRESS since" in refused.stderr
    assert f"let `infragen deploy --env test --endpoint-url {aws.url} --wait` wait for it" in refused.stderr
    run("deploy", "--yes", "--wait", "2", code=5)
    ended = run("deploy", "--yes", "--wait", "--allow-data-loss", "queue/JobsQueue")
    assert "deployed" in ended.stdout


def test_s7_no_time_to_wait_is_an_input_error(run: Run) -> None:
    """S7: zero or words instead of minutes: exit code 2."""
    assert "--wait" in run("deploy", "--yes", "--wait", "0", code=2).stderr
    assert "--wait" in run("deploy", "--yes", "--wait=soon", code=2).stderr


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested"])
def test_c14_plan_and_deploy_take_no_nested_changes(desk: Bench, run: Run, aws: FakeAws, tmp_path: Path) -> None:
    """C14: the option named by a failure in unknown words makes both go on; R17: the plan says what AWS was not asked
    about.
    """
    begin(desk.aws, run)
    write(tmp_path, LAYERS + "    max_receives: 7\n", "nested")
    aws.settings.fail_nested_change_set["Queue"] = "Template error: never heard of"
    assert "--no-nested-changes" in run("plan", code=1).stderr
    assert "AWS was not asked about this nested stack" in run("plan", "--no-nested-changes").stdout
    refused = run("deploy", "--yes", "--no-nested-changes", code=3)
    assert "--allow-data-loss queue/JobsQueue" in refused.stderr
    left_over = ["--allow-data-loss", "queue/JobQueue", "--allow-widening", "queue/MailQueue"]
    ended = run("deploy", "--yes", "--no-nested-changes", "--allow-data-loss", "queue/JobsQueue", *left_over)
    assert "deployed" in ended.stdout
    assert (
        "--allow-data-loss queue/JobQueue: the plan has no resource of that name; did you mean queue/" in ended.stderr
    )
    assert "--allow-widening queue/MailQueue: the plan has no resource of that name" in ended.stderr


@pytest.mark.long
def test_c6_change_sets_that_are_left_are_listed_and_deleted(desk: Bench, run: Run, aws: FakeAws) -> None:
    """C6: nothing without an answer; --yes deletes; afterwards there is nothing."""
    begin(desk.aws, run)
    for number in range(3):
        left = {"StackName": "shop-test-queue", "ChangeSetName": f"infragen-{number}", "TemplateBody": OTHER}
        aws.elsewhere.create_change_set(left)
    aws.clock.settle()
    told = check_lines(run("changesets", "prune", "--format", "json", code=3).stdout)
    [found] = [each["stacks"] for each in told if each["type"] == "leftovers"]
    assert (found[0]["stack"], len(found[0]["deletable"]), found[0]["total"]) == ("shop-test-queue", 3, 3)
    assert [each["hint"] for each in told if each["type"] == "error"] == ["answer with --yes"]
    asked = run("changesets", "prune", code=3)
    assert asked.stdout == "shop-test-queue  3 to delete; holds 3 of about 1000\n"
    assert "answer with --yes" in asked.stderr
    assert "deleted 3 of 3 change sets\n" in run("changesets", "prune", "--yes").stdout
    empty = check_lines(run("changesets", "prune", "--format", "json").stdout)
    assert [each["command"] for each in empty if each["type"] == "begin"] == ["changesets prune"]
    assert [each["stacks"] for each in empty if each["type"] == "leftovers"] == [[]]
    assert run("changesets", "prune").stdout == "test: no change set is left\n"


@pytest.mark.long
def test_c6_a_change_set_that_cannot_be_deleted_is_an_error(desk: Bench, run: Run, aws: FakeAws) -> None:
    """C6: exit code 4 with AWS's words."""
    begin(desk.aws, run)
    body = '{"Resources": {"News": {"Type": "AWS::SNS::Topic"}}}'
    aws.elsewhere.create_change_set(
        {"StackName": "shop-test-queue", "ChangeSetName": "infragen-1", "TemplateBody": body}
    )
    aws.clock.settle()
    aws.refuse("cloudformation:DeleteChangeSet", "InvalidChangeSetStatus", "it is being executed", times=None)
    lines = check_lines(run("changesets", "prune", "--yes", "--format", "json", code=4).stdout)
    [pruned] = [each for each in lines if each["type"] == "pruned"]
    assert (pruned["deleted"], len(pruned["refused"])) == (0, 1)
    assert "delete 1 change set of test?" in run("changesets", "prune", code=3).stderr
    refused = run("changesets", "prune", "--yes", code=4)
    assert "deleted 0 of 1 change set\n" in refused.stdout
    assert "it is being executed" in refused.stdout


@pytest.mark.long
def test_r10_destroy_empties_the_bucket_that_it_is_told_to(desk: Bench, run: Run, aws: FakeAws) -> None:
    """R10: a bucket of one's own stands in the way, is listed with its count, and goes when it is named."""
    body = {"Resources": {"Files": {"Type": "AWS::S3::Bucket"}}}
    unit = desk.unit("files", body["Resources"])
    assert desk.deploy_units(unit).exit_code == 0
    name = aws.stack(unit.stack).resources["Files"].physical_id
    aws.client("s3").put_object(Bucket=name, Key="one", Body=b"1")
    refused = run("destroy", "--yes", code=3)
    held = "files/Files  AWS::S3::Bucket  with its objects; holds 1 object versions, which must go first"
    assert f"deleted:\n  {held}" in refused.stderr
    assert "answer with --empty-buckets files/Files" in refused.stderr
    assert "deleted" in run("destroy", "--yes", "--empty-buckets", "files/Files").stdout
    assert name not in aws.cloud.buckets.all


@pytest.mark.long
def test_r11_retain_is_refused_where_it_would_mean_nothing(desk: Bench, run: Run) -> None:
    """R11: exit code 3 before a deletion has failed, 2 for what does not exist."""
    begin(desk.aws, run)
    assert "only where a deletion has failed" in run("destroy", "--yes", "--retain", "queue/JobsQueue", code=3).stderr
    assert "no such resource" in run("destroy", "--yes", "--retain", "queue/Nothing", code=2).stderr


@pytest.mark.long
def test_n6_deploy_does_on_ctrl_c_what_it_was_told(desk: Bench, run: Run, aws: FakeAws) -> None:
    """N6: --on-interrupt detach: exit code 130, what runs is named, and it goes on in AWS."""
    aws.slow("JobsQueue", 600)

    def sleep(seconds: float) -> None:
        if any(s.name == "shop-test-queue" and s.status == "CREATE_IN_PROGRESS" for s in aws.cloud.stacks.values()):
            raise KeyboardInterrupt
        aws.clock.sleep(seconds)

    clock = SimpleNamespace(monotonic=aws.clock.monotonic, sleep=sleep)
    ended = run("deploy", "--yes", "--on-interrupt", "detach", code=130, clock=clock)
    assert "running operations are not followed" in ended.stderr
    assert "queue          unknown   shop-test-queue" in ended.stdout
    assert aws.stack("shop-test-queue").status == "CREATE_IN_PROGRESS"
    assert "--on-interrupt" in run("deploy", "--yes", "--on-interrupt", "delete", code=2).stderr


@pytest.mark.long
def test_n10_deploy_begins_nothing_after_a_failure_when_it_was_told_so(
    desk: Bench, run: Run, aws: FakeAws, tmp_path: Path
) -> None:
    """N10: --fail-fast skips a layer that needs nothing of the one that failed, and says why."""
    begin(desk.aws, run)
    write(tmp_path, LAYERS + "    max_receives: 7\ndatabase: {min_acu: 1, max_acu: 2}\n")
    aws.refuse("cloudformation:ExecuteChangeSet", "AccessDenied", "the database is not yours")
    lines = run("deploy", "--yes", "--fail-fast", code=4).stdout.splitlines()
    [said] = [line for line in lines if line.startswith("queue ")]
    assert " ".join(said.split()) == "queue skipped shop-test-queue database failed before it started"


@pytest.mark.long
def test_s13_destroy_takes_another_role(desk: Bench, run: Run, aws: FakeAws) -> None:
    """S13: the stacks' own role is gone: named, and replaced by --role-arn."""
    begin(desk.aws, run)
    gone = "arn:aws:iam::111122223333:role/gone"
    for stack in aws.cloud.stacks.values():
        stack.target = dataclasses.replace(stack.target, role_arn=gone)
    aws.settings.invalid_roles.add(gone)
    refused = run("destroy", "--yes", code=4)
    assert f"Role {gone} is invalid or cannot be assumed" in refused.output
    assert "deleted" in run("destroy", "--yes", "--role-arn", "arn:aws:iam::111122223333:role/other").stdout


@pytest.mark.long
def test_the_guide_shows_the_last_lines_as_they_are(desk: Bench, run: Run, aws: FakeAws) -> None:
    """docs/when-a-deployment-fails.md: its example is what this deployment prints, and what `status` says later."""
    aws.slow("JobsDlq", 90)
    aws.fail(
        "JobsQueue",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name. "
        "(Service: Sqs, Status Code: 400, Request ID: 7f2b9c1e)",
    )
    guide = (Path(__file__).parents[1] / "docs" / "when-a-deployment-fails.md").read_text()
    shown = run("deploy", "--yes", code=1).stdout
    assert f"```\n{shown}```" in guide
    [failed] = [line for line in run("status").stdout.splitlines() if "Request ID" in line]
    assert f"{failed.strip()}\n" in guide


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_s5_after_a_skip_status_names_what_may_differ(
    desk: Bench, run: Run, aws: FakeAws, tmp_path: Path, topology: str
) -> None:
    """S5: what was given up is not "as it was before"; a rollback that was only continued is."""
    begin(desk.aws, run)
    write(tmp_path, LAYERS + "    max_receives: 7\n", topology)
    for skip in ((), ("--skip", "queue/JobsQueue")):
        aws.fail("JobsQueue", "no luck today", on="update")
        aws.fail("JobsQueue", "will not go back", on="rollback")
        run("deploy", "--yes", "--allow-data-loss", "queue/JobsQueue", code=1)
        aws.mend()
        run("recover", "--yes", *skip)
        told = " ".join(run("status").stdout.split())
        assert "UPDATE_ROLLBACK_COMPLETE" in told
        assert ("the stack is as it was before" in told) is not bool(skip)
        without = "rolled back without queue/JobsQueue, which may differ from the template: `infragen drift"
        assert (without in told) is bool(skip)


@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_x5_status_lists_the_layers_of_an_environment_without_stacks(run: Run, topology: str) -> None:
    """X5: nothing is deployed: each layer is absent, nested ones too; text and JSON."""
    lines = run("status").stdout.splitlines()
    absent = {line.split()[0]: line.split()[1] for line in lines}
    wanted = {"network", "queue", "observability"} | ({"root"} if topology == "nested" else set())
    assert {name for name, status in absent.items() if status == "absent"} == wanted
    rows = json.loads(run("status", "--format", "json").stdout)
    assert {each["layer"] for each in rows["stacks"] if each["status"] == "absent"} == wanted


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested"])
def test_the_former_name_of_allow_data_loss_works_and_no_help_shows_it(desk: Bench, run: Run, tmp_path: Path) -> None:
    """`--allow-replace`: for one version more, in plan and deploy."""
    begin(desk.aws, run)
    write(tmp_path, LAYERS + "    max_receives: 3\n", "nested")
    refused = run("deploy", "--yes", code=3)
    assert "RedrivePolicy.maxReceiveCount would fall from 5 to 3" in refused.stderr
    assert "--allow-replace" not in refused.stderr
    run("plan", "--allow-replace", "queue/JobsQueue", "--out", str(tmp_path / "saved.plan"))
    assert "deployed" in run("deploy", "--yes", "--allow-replace", "queue/JobsQueue").stdout
    for command in ("plan", "deploy"):
        shown = run(command, "--help").stdout
        assert "--allow-data-loss" in shown
        assert "--allow-replace" not in shown


@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_x10_an_empty_stack_in_review_is_found_by_destroy_and_prune(
    desk: Bench, run: Run, aws: FakeAws, topology: str
) -> None:
    """X10: its change set is gone, and it has no tags; what is said of it names its layer."""
    layer, name = ("root", "shop-test") if topology == "nested" else ("queue", "shop-test-queue")
    for command in (("destroy", "--yes"), ("changesets", "prune", "--yes")):
        made = {"StackName": name, "ChangeSetName": "infragen-1"}
        aws.elsewhere.create_change_set({**made, "ChangeSetType": "CREATE", "TemplateBody": OTHER})
        aws.clock.sleep(10)
        aws.elsewhere.delete_change_set(made)
        aws.clock.sleep(60)
        assert f"{layer}: deleting {name}" in run(*command).stderr
        assert aws.stack(name).status == "DELETE_COMPLETE"


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_what_hooks_roles_and_endpoints_refuse_is_told_with_the_next_step(
    desk: Bench, run: Run, aws: FakeAws, tmp_path: Path, topology: str
) -> None:
    """W13, W14, X7: the hook's own words and not those of one that warns; the service role; 501 is asked once."""
    top = "shop-test" if topology == "nested" else "shop-test-network"
    given = {"Status": "HOOK_COMPLETE_FAILED", "InvocationPoint": "PRE_PROVISION"}
    aws.settings.change_set_hooks[top] = [
        {"TypeName": "Acme::Cost::Hook", "FailureMode": "WARN", "HookStatusReason": "rather dear", **given},
        {"TypeName": "Acme::Guard::Hook", "FailureMode": "FAIL", "HookStatusReason": "must be encrypted", **given},
    ]
    refused = run("deploy", "--yes", code=1).stderr
    assert "Acme::Guard::Hook: must be encrypted" in refused
    assert "rather dear" not in refused
    aws.settings.change_set_hooks.clear()
    role = f"arn:aws:iam::{ACCOUNT}:role/cloudformation"
    write(tmp_path, f"iam:\n  service_role_arn: {role}\n{LAYERS}", topology)
    aws.settings.fail_change_set[top] = "S3 error: Access Denied"
    assert f"with the service role {role}: it needs s3:GetObject" in run("deploy", "--yes", code=4).stderr
    aws.settings.fail_change_set.clear()
    run("deploy", "--yes")
    aws.refuse("cloudformation:GetTemplate", "NotImplemented", "not here", times=None, status=501)
    aws.calls.clear()
    assert "the endpoint does not have this operation" in run("plan", code=4).stderr
    assert len([each for each in aws.calls if each.operation == "GetTemplate"]) == 1


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_w3_a_cancellation_by_somebody_else_and_a_refused_policy_leave_the_outcome(
    desk: Bench, run: Run, aws: FakeAws, tmp_path: Path, topology: str
) -> None:
    """W3, W9: the rollback of a cancelled update is followed although its token is another one; the cause of a failure
    stays, and that its policy could not be set again stands beside it.
    """
    top = "shop-test" if topology == "nested" else "shop-test-queue"
    write(tmp_path, f"protect: true\n{LAYERS}", topology)
    run("deploy", "--yes")
    write(tmp_path, f"protect: true\n{LAYERS}    max_receives: 7\n", topology)
    change = ("deploy", "--yes", "--allow-data-loss", "queue/JobsQueue")
    aws.slow("JobsQueue", 100, on="update")
    token = {"StackName": top, "ClientRequestToken": "somebody-1"}
    aws.at(30, lambda: aws.elsewhere.cancel_update_stack(token))
    ended = run(*change, code=1)
    told = " ".join(ended.stdout.split())
    assert "the operation was probably cancelled" in told
    assert "the stack is as it was before; find out what stopped it" in told
    assert "fix the cause" not in told
    assert "UPDATE_ROLLBACK_IN_PROGRESS  User Initiated" in ended.stderr
    aws.mend()
    aws.fail("JobsQueue", "too bad", on="update", after=60)

    def somebody() -> None:
        aws.stack(top).policy = "{}"
        aws.refuse("cloudformation:SetStackPolicy", "ValidationError", "can not be changed", times=None)

    aws.at(35, somebody)
    ended = run(*change, code=1)
    assert "queue/JobsQueue (AWS::SQS::Queue) UPDATE_FAILED" in ended.stdout
    assert "was not protected again as its environment says" in ended.stderr


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_the_legend_of_a_plan_names_the_marks_that_stand_below_it(
    desk: Bench, run: Run, aws: FakeAws, topology: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 80 columns: of the one line that a new layer has, and of rows; none of it where no mark stands there, as when
    nothing changes, or a setting of the stack alone.
    """
    monkeypatch.setenv("COLUMNS", "80")

    def planned() -> list[str]:
        return run("plan").stdout.splitlines()

    assert planned()[:3] == [f"Plan for test in account {ACCOUNT}, us-east-1", "+ create", ""]
    run("deploy", "--yes")
    assert [each for each in planned() if "create" in each or "update in place" in each] == []
    file = Path("environments/test.yaml")
    text = file.read_text()
    file.write_text(text.replace("- name: jobs", "- name: jobs\n    max_receives: 6"))
    assert planned()[1] == "~ update in place"
    file.write_text(f"{text}stacks: {{notification_arns: ['arn:aws:sns:us-east-1:{ACCOUNT}:stacks']}}\n")
    lines = planned()
    assert [each for each in lines if "stack setting NotificationARNs" in each]
    assert not lines[1].startswith(("+", "~"))


@pytest.mark.long
def test_r15_drift_is_named_with_its_next_step_and_put_back(desk: Bench, run: Run, aws: FakeAws) -> None:
    """R15: a queue changed by hand; the plan on one page, the outcome, JSON lines; in sync in the end."""
    begin(desk.aws, run)
    assert "--revert" not in run("drift").stdout
    stack = aws.stack("shop-test-queue")
    hand = {**stack.resources["JobsQueue"].properties, "VisibilityTimeout": 45}
    stack.by_hand["JobsQueue"] = hand
    found = run("drift").stdout
    assert f"`infragen drift --env test --endpoint-url {aws.url} --revert` shows what of this AWS can put back" in found
    refused = run("drift", "--fail-on-drift", code=3).stderr
    assert f"put it back with `infragen drift --env test --endpoint-url {aws.url} --revert`" in refused
    run("drift", "--revert", code=3)  # there is no terminal to ask
    assert stack.by_hand == {"JobsQueue": hand}
    put_back = run("drift", "--revert", "--yes", "--verbose")
    assert "VisibilityTimeout  45 -> " in put_back.stderr
    assert "putting back in shop-test-queue" in put_back.stderr
    assert "shop-test-queue" in put_back.stdout
    assert stack.by_hand == {}
    assert run("drift", "--revert", "--yes").stdout == "test: nothing to put back\n"
    stack.by_hand["JobsQueue"] = hand
    printed = check_lines(run("drift", "--revert", "--yes", "--format", "json").stdout)
    assert [each["action"] for each in printed if each["type"] == "started"] == ["revert"]
    run("drift", "--fail-on-drift")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--yes",), "--yes can only be given with --revert"),
        (("--allow-widening", "queue/JobsQueue", "--wait"), "--allow-widening, --wait can only be given with --revert"),
        (("--revert", "--fail-on-drift"), "--fail-on-drift cannot be combined with --revert"),
        (("--revert", "--local"), "the emulator has no drift-aware change sets"),
    ],
)
def test_options_of_drift_that_mean_nothing_are_refused(
    tmp_path: Path, options: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before AWS is asked anything; nothing is parsed and ignored."""
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = CommandLine().invoke(main, ["drift", "--env", "test", *options])
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested"])
def test_another_type_under_one_logical_id_is_refused_whoever_looks(desk: Bench, run: Run, tmp_path: Path) -> None:
    """By AWS with its words and the way out; by the gates, which no flag passes, where AWS is not asked."""
    addon = tmp_path / "addons" / "store.json"
    addon.parent.mkdir()
    kept = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
    addon.write_text(json.dumps({"Resources": {"It": {"Type": "AWS::EFS::FileSystem", **kept}}}))
    run("deploy", "--yes")
    addon.write_text(json.dumps({"Resources": {"It": {"Type": "AWS::SNS::Topic"}}}))
    refused = run("deploy", "--yes", code=1).stderr
    assert "Update of resource type is not permitted" in refused
    assert "hint: nothing was changed; give what gets another type another logical id and run the same" in refused
    assert "--no-nested-changes" not in refused
    refused = run("deploy", "--yes", "--no-nested-changes", "--allow-data-loss", "store/It", code=3).stderr
    assert "store/It: CloudFormation does not turn a resource into one of another type" in refused
    assert "no flag allows it" in refused
