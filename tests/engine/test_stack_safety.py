"""What guards stacks while CloudFormation works on them: rollback triggers, notifications, what a failure leaves."""

from html import unescape
from typing import Any

import pytest
from stage import ACCOUNT, QUEUE, TOPIC, Stage, assembly, environment, layer

from infragen.assembly.stacks import make_plan
from infragen.assembly.synth import Assembly
from infragen.cloud.cloudformation import StackState
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.diagnose import diagnose
from infragen.engine.options import Options
from infragen.engine.outcome import Deployed, Failed
from infragen.engine.saving import deploy_saved, save_plan
from infragen.engine.status import status
from infragen.errors import InfragenError, InputError, PermissionDenied, Refused
from infragen.plan.model import EnvironmentPlan
from infragen.plan.saved import SavedPlan
from infragen.report.outcome import failure_lines
from infragen.report.plan import plan_lines
from infragen.report.plan_document import as_json
from infragen.report.plan_html import as_html
from infragen.report.plan_markdown import as_markdown
from infragen.secrecy.shown import Absent

EDGE = "arn:aws:cloudwatch:us-east-1:111111111111:alarm:edge 5xx"
SERVICE = "arn:aws:cloudwatch:us-east-1:111111111111:alarm:shop-dev-service"
EVENTS = "arn:aws:sns:us-east-1:111111111111:stack-events"
ALARM = {
    "Type": "AWS::CloudWatch::CompositeAlarm",
    "Properties": {"AlarmName": "shop-dev-service", "AlarmRule": "FALSE"},
}


def shop(topology: str, stacks: str = "{}", own_alarm: bool = True, iam: str = "{}", **resources: Any) -> Assembly:
    """A layer, and one with the service alarm."""
    alarm = {"ServiceAlarm": ALARM} if own_alarm else {"Board": TOPIC}
    outputs = {"ServiceAlarmArn": {"Fn::GetAtt": ["ServiceAlarm", "Arn"]}} if own_alarm else {}
    return assembly(
        layer("data", {"Jobs": QUEUE, **resources}),
        layer("observability", alarm, outputs),
        env=environment(topology, stacks=stacks, iam=iam),
    )


def settings(plan: EnvironmentPlan) -> dict[str, tuple[object, object, str]]:
    """The settings of the root, or of the first layer's stack, that change."""
    found = next(each.settings for each in plan.stacks if each.layer in ("root", "data"))
    return {str(each.path[0]): (each.before, each.after, each.note) for each in found}


def first(stage: Stage) -> StackState:
    states = [each for each in stage.cloud.stacks("shop-dev") if not each.parent_id]
    return next(each for each in states if each.name in ("shop-dev", "shop-dev-data"))


def written(plan: EnvironmentPlan) -> list[str]:
    """The plan in all formats, on one line each."""
    formats = [as_html([plan], {}), as_markdown(plan), as_json(plan)]
    formats += ["\n".join(map(str, plan_lines(plan, width))) for width in (80, 200)]
    return [" ".join(unescape(each).split()) for each in formats]


WATCHED = f"{{rollback_alarms: [service], monitoring_minutes: 7, notification_arns: ['{EVENTS}']}}"


@pytest.mark.long
def test_what_the_file_says_is_given_with_the_next_update_and_shown_in_all_formats(stage: Stage, topology: str) -> None:
    """Alone it is a note, as CloudFormation takes it with an update only; with one it is a row, and then is there."""
    assert deploy_environment(shop(topology), stage.session).exit_code == 0
    alone = plan_environment(shop(topology, WATCHED), stage.session)
    assert not alone.changed
    assert {each[2] for each in settings(alone).values()} == {
        "nothing is deployed for it alone; CloudFormation takes it with the next update of this stack"
    }
    plan = plan_environment(shop(topology, WATCHED, News=TOPIC), stage.session)
    rows = settings(plan)
    assert rows["RollbackTriggers"] == (Absent(), ["shop-dev-service"], "")
    assert rows["MonitoringTimeInMinutes"] == (0, 7, "")
    assert rows["NotificationARNs"] == (Absent(), [EVENTS], "")
    for text in written(plan):
        assert all(each in text for each in ("RollbackTriggers", "shop-dev-service", "MonitoringTimeInMinutes", EVENTS))
    assert deploy_environment(shop(topology, WATCHED, News=TOPIC), stage.session).exit_code == 0
    state = first(stage)
    assert [(each.arn, each.type) for each in state.rollback.triggers] == [(SERVICE, ALARM["Type"])]
    assert (state.rollback.minutes, state.notifications) == (7, (EVENTS,))
    again = plan_environment(shop(topology, WATCHED, News=TOPIC), stage.session)
    assert settings(again) == {}
    assert not again.changed


@pytest.mark.long
def test_who_hears_of_the_stacks_and_whom_cloudformation_works_as_is_asked_about(stage: Stage, topology: str) -> None:
    """Another topic, one that goes, another role: by name, with any update. A new stack is asked only about a topic of
    another account. The role that `bootstrap --delivery` makes has no more rights than the templates need.
    """
    theirs, role = EVENTS.replace(ACCOUNT, "999988887777"), f"{{service_role_arn: 'arn:aws:iam::{ACCOUNT}:role/cfn'}}"

    def asked(topics: str, **more: Any) -> set[str]:
        plan = plan_environment(shop(topology, f"{{notification_arns: [{topics}]}}", **more), stage.session)
        return {str(each) for each in plan.gated}

    place = "root" if topology == "nested" else "data"
    sends = f"{place}/NotificationARNs sends each event of the stack to {theirs}, too"
    assert sends in asked(f"'{EVENTS}', '{theirs}'")
    assert asked(f"'{EVENTS}'") == set()
    assert deploy_environment(shop(topology, f"{{notification_arns: ['{EVENTS}']}}"), stage.session).exit_code == 0
    assert asked(f"'{EVENTS}'", News=TOPIC) == set()
    goes = f"{place}/NotificationARNs no longer sends the events of the stack to {EVENTS}"
    assert {sends, goes} <= asked(f"'{theirs}'", News=TOPIC)
    assert goes in asked("", News=TOPIC)
    works = (
        f"CloudFormation works on {place} as arn:aws:iam::{ACCOUNT}:role/cfn; until now with the rights of who deploys"
    )
    assert works in asked(f"'{EVENTS}'", News=TOPIC, iam=role)
    assert (
        asked(f"'{EVENTS}'", News=TOPIC, iam=role.replace("role/cfn", "role/infragen/shop-dev-cloudformation")) == set()
    )
    other = role.replace("role/cfn", "role/infragen/shop-live-cloudformation")
    assert len(asked(f"'{EVENTS}'", News=TOPIC, iam=other)) == 1


@pytest.mark.long
def test_a_trigger_that_does_not_exist_yet_does_not_break_the_creation(stage: Stage, topology: str) -> None:
    """CloudFormation fails an operation whose trigger is missing: the first creation has none, and the plan says so."""
    new = shop(topology, WATCHED)
    plan = plan_environment(new, stage.session)
    before, after, note = settings(plan)["RollbackTriggers"]
    assert (before, after) == (Absent(), "service")
    assert "does not exist yet" in note
    assert all(isinstance(each, Deployed) for each in deploy_environment(new, stage.session).outcomes)
    assert first(stage).rollback.triggers == ()
    assert first(stage).notifications == (EVENTS,)
    stage.aws.check()


@pytest.mark.long
def test_an_alarm_that_rises_rolls_the_update_back_and_is_named(stage: Stage, topology: str) -> None:
    """By the outcome of `deploy`, by `diagnose` and by `status`, with what to type next."""
    assert deploy_environment(shop(topology, WATCHED), stage.session).exit_code == 0
    stage.aws.settings.alarm_rises["shop-dev-service"] = 200
    more = shop(topology, WATCHED, News=TOPIC)
    result = deploy_environment(more, stage.session)
    assert result.exit_code == 1
    failed = next(each for each in result.outcomes if isinstance(each, Failed))
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert failed.cause is not None
    assert (failed.cause.logical_id, failed.cause.status) == ("shop-dev-service", "ALARM")
    assert "`infragen deploy --ignore-alarm shop-dev-service`" in failed.hint
    text = "\n".join(map(str, failure_lines([failed])))
    assert "shop-dev-service" in text
    [told] = [each for each in diagnose(make_plan(more), stage.session) if each.cause is not None]
    assert told.cause is not None
    assert told.cause.logical_id == "shop-dev-service"
    assert any("shop-dev-service" in each.cause for each in status(more, stage.session))
    stage.aws.check()


@pytest.mark.long
def test_an_alarm_that_rises_in_the_monitoring_time_rolls_back_too(stage: Stage, topology: str) -> None:
    """The stack is UPDATE_IN_PROGRESS for as many minutes as the file says: seven."""
    assert deploy_environment(shop(topology, WATCHED), stage.session).exit_code == 0
    began = stage.aws.clock.seconds
    assert deploy_environment(shop(topology, WATCHED, News=TOPIC), stage.session).exit_code == 0
    assert stage.aws.clock.seconds - began > 7 * 60
    stage.aws.settings.alarm_rises["shop-dev-service"] = 6 * 60
    assert deploy_environment(shop(topology, WATCHED, Other=TOPIC, News=TOPIC), stage.session).exit_code == 1
    stage.aws.settings.alarm_rises["shop-dev-service"] = 9 * 60
    stage.aws.settings.alarms.clear()
    assert deploy_environment(shop(topology, WATCHED, Other=TOPIC, News=TOPIC), stage.session).exit_code == 0


@pytest.mark.long
def test_without_words_of_cloudformation_the_alarm_in_alarm_is_the_cause(stage: Stage, topology: str) -> None:
    """Nobody has recorded the words: where they name no alarm, and no resource failed, its state tells."""
    assert deploy_environment(shop(topology, WATCHED), stage.session).exit_code == 0
    deploy_environment(shop(topology, WATCHED, News=TOPIC), stage.session)
    stage.aws.settings.alarm_rises["shop-dev-service"] = 10
    deploy_environment(shop(topology, WATCHED, News=TOPIC, Other=TOPIC), stage.session)
    stack = stage.aws.stack("shop-dev" if topology == "nested" else "shop-dev-data")
    stack.events = [
        each if "ALARM" not in each.reason else type(each)(**{**vars(each), "reason": "Rollback requested"})
        for each in stack.events
    ]
    found = status(shop(topology, WATCHED, News=TOPIC, Other=TOPIC), stage.session)
    assert any("shop-dev-service" in each.cause and "no resource failed" in each.cause for each in found)


@pytest.mark.long
def test_a_deployment_while_the_alarm_is_raised_is_refused_until_that_alarm_is_named(
    stage: Stage, topology: str
) -> None:
    """What fixes the cause would be rolled back: nothing is executed, and the hint leaves the alarm out."""
    assert deploy_environment(shop(topology, WATCHED), stage.session).exit_code == 0
    assert deploy_environment(shop(topology, WATCHED, News=TOPIC), stage.session).exit_code == 0
    stage.aws.settings.alarms["shop-dev-service"] = "ALARM"
    fix = shop(topology, WATCHED, News=TOPIC, Fix=TOPIC)
    stage.aws.calls.clear()
    with pytest.raises(Refused) as caught:
        deploy_environment(fix, stage.session)
    assert "shop-dev-service is in ALARM" in caught.value.message
    assert caught.value.hint == "if that is meant: --ignore-alarm shop-dev-service"
    assert "cloudformation:ExecuteChangeSet" not in stage.aws.mutations()
    assert any("is in ALARM" in each for each in plan_environment(fix, stage.session).warnings)
    ignoring = Options(ignore_alarms=frozenset({"shop-dev-service"}))
    plan = plan_environment(fix, stage.session, ignoring)
    assert settings(plan)["RollbackTriggers"] == (["shop-dev-service"], Absent(), "")
    assert plan.refusals == ()
    assert deploy_environment(fix, stage.session, ignoring).exit_code == 0
    assert first(stage).rollback.triggers == ()
    back = plan_environment(shop(topology, WATCHED, News=TOPIC, Fix=TOPIC, Next=TOPIC), stage.session)
    assert settings(back)["RollbackTriggers"] == (Absent(), ["shop-dev-service"], "")


@pytest.mark.long
def test_an_alarm_in_insufficient_data_stops_nothing(stage: Stage, topology: str) -> None:
    """CloudFormation rolls back for ALARM only."""
    assert deploy_environment(shop(topology, WATCHED), stage.session).exit_code == 0
    stage.aws.settings.alarms["shop-dev-service"] = "INSUFFICIENT_DATA"
    assert deploy_environment(shop(topology, WATCHED, News=TOPIC), stage.session).exit_code == 0


def test_a_name_that_no_rollback_alarm_has_is_refused(stage: Stage, topology: str) -> None:
    """A typo would leave the alarm on: it is said, with the names that there are."""
    deploy_environment(shop(topology, WATCHED), stage.session)
    with pytest.raises(InputError) as caught:
        plan_environment(
            shop(topology, WATCHED, News=TOPIC), stage.session, Options(ignore_alarms=frozenset({"servce"}))
        )
    assert "servce" in caught.value.message
    assert caught.value.hint == "there are: shop-dev-service"


@pytest.mark.long
@pytest.mark.parametrize(
    ("less", "place", "words"),
    [
        ("", "RollbackTriggers", "would not watch shop-dev-service any more"),
        ("rollback_alarms: [service], monitoring_minutes: 2", "MonitoringTimeInMinutes", "2 minutes instead of 7"),
        ("rollback_alarms: [service], monitoring_minutes: 0", "MonitoringTimeInMinutes", "0 minutes instead of 7"),
    ],
)
def test_switching_off_is_refused_unless_it_is_allowed_by_name(
    stage: Stage, topology: str, less: str, place: str, words: str
) -> None:
    """As with termination protection: a row, a refusal with its flag, and then it happens."""
    deploy_environment(shop(topology, WATCHED), stage.session)
    deploy_environment(shop(topology, WATCHED, News=TOPIC), stage.session)
    rest = ", ".join(filter(None, (f"notification_arns: ['{EVENTS}']", less)))
    after = shop(topology, f"{{{rest}}}", News=TOPIC, Other=TOPIC)
    named = f"{'root' if topology == 'nested' else 'data'}/{place}"
    with pytest.raises(Refused) as caught:
        deploy_environment(after, stage.session)
    assert words in caught.value.message
    assert caught.value.hint == f"if that is meant: --allow-data-loss {named}"
    assert first(stage).rollback.minutes == 7
    assert deploy_environment(after, stage.session, Options(allow_data_loss=frozenset({named}))).exit_code == 0
    assert first(stage).rollback.minutes != 7


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested"])
def test_an_alarm_that_goes_with_the_deployment_is_not_watched_by_it(stage: Stage, topology: str) -> None:
    """A trigger that is missing at the end fails the operation: it is left out, asked about, and not given."""
    deploy_environment(shop(topology, WATCHED), stage.session)
    deploy_environment(shop(topology, WATCHED, News=TOPIC), stage.session)
    gone = shop(topology, WATCHED, own_alarm=False, News=TOPIC)
    plan = plan_environment(gone, stage.session)
    assert settings(plan)["RollbackTriggers"][:2] == (["shop-dev-service"], Absent())
    allowed = Options(allow_data_loss=frozenset({"root/RollbackTriggers"}))
    assert deploy_environment(gone, stage.session, allowed).exit_code == 0
    stage.aws.check()


@pytest.mark.long
def test_an_alarm_of_the_file_that_does_not_exist_is_refused_before_anything_is_made(
    stage: Stage, topology: str
) -> None:
    """CloudFormation would fail half-way; its type is taken from CloudWatch."""
    ours = f"{{rollback_alarms: ['{EDGE}']}}"
    with pytest.raises(InputError, match="edge 5xx, and there is no such alarm"):
        deploy_environment(shop(topology, ours), stage.session)
    assert "cloudformation:CreateChangeSet" not in stage.aws.mutations()
    stage.aws.settings.alarms["edge 5xx"] = "OK"
    assert deploy_environment(shop(topology, ours), stage.session).exit_code == 0
    assert [(each.name, each.type) for each in first(stage).rollback.triggers] == [
        ("edge 5xx", "AWS::CloudWatch::Alarm")
    ]


@pytest.mark.long
def test_who_may_not_look_at_alarms_hears_of_it(stage: Stage, topology: str) -> None:
    """The own alarm is in an output of the stack, so that it is given all the same; one of the file may be missing."""
    deploy_environment(shop(topology, WATCHED), stage.session)
    stage.aws.refuse("monitoring:DescribeAlarms", "AccessDenied", "not authorized", times=None, status=403)
    assert deploy_environment(shop(topology, WATCHED, News=TOPIC), stage.session).exit_code == 0
    assert first(stage).rollback.triggers
    ours = f"{{rollback_alarms: ['{EDGE}']}}"
    with pytest.raises(PermissionDenied) as caught:
        deploy_environment(shop(topology, ours, News=TOPIC, Other=TOPIC), stage.session)
    assert caught.value.permission == "cloudwatch:DescribeAlarms"


def test_a_topic_to_which_the_caller_may_not_publish_ends_the_plan(stage: Stage, topology: str) -> None:
    """CloudFormation refuses the change set, and names the permission."""
    stage.aws.settings.topics_without_rights.add(EVENTS)
    with pytest.raises(InfragenError, match="SNS:Publish"):
        deploy_environment(shop(topology, WATCHED), stage.session)


@pytest.mark.long
def test_a_saved_plan_deploys_the_settings_that_were_shown(stage: Stage, topology: str) -> None:
    """Also one that leaves an alarm out; an alarm that rises meanwhile stops one that does not."""
    deploy_environment(shop(topology, WATCHED), stage.session)
    deploy_environment(shop(topology, WATCHED, News=TOPIC), stage.session)
    fix = shop(topology, WATCHED, News=TOPIC, Fix=TOPIC)
    saved: list[SavedPlan] = []
    save_plan(fix, stage.session, Options(), 3600, saved.append)
    stage.aws.settings.alarms["shop-dev-service"] = "ALARM"
    with pytest.raises(Refused, match="is in ALARM"):
        deploy_saved(fix, stage.session, saved[0], Options(), "dev.plan")
    save_plan(fix, stage.session, Options(ignore_alarms=frozenset({"shop-dev-service"})), 3600, saved.append)
    assert deploy_saved(fix, stage.session, saved[1], Options(), "dev.plan").exit_code == 0
    assert first(stage).rollback.triggers == ()


@pytest.mark.long
def test_on_failure_of_the_file_is_about_the_first_creation_and_yields_to_the_option(
    stage: Stage, topology: str
) -> None:
    """`keep` leaves what was built, `--on-failure rollback` goes before it."""
    stage.aws.fail("Jobs", "no room")
    kept = shop(topology, "{on_failure: keep}")
    plan = plan_environment(kept, stage.session)
    assert settings(plan)["OnStackFailure"] == ("rollback", "keep", "")
    assert all("OnStackFailure" in each for each in written(plan))
    assert deploy_environment(kept, stage.session, Options(on_failure="rollback")).exit_code == 1
    assert first(stage).status == "ROLLBACK_COMPLETE"
    assert deploy_environment(kept, stage.session).exit_code == 1
    assert first(stage).status == "CREATE_FAILED"


@pytest.mark.parametrize(("stacks", "kept"), [("{}", 1), ("{retain_except_on_create: true}", 0)])
def test_retain_except_on_create_lets_a_rollback_delete_what_it_created(
    stage: Stage, topology: str, stacks: str, kept: int
) -> None:
    """What a deletion policy would leave behind of a failed creation goes; without the key it stays, and costs."""
    bucket = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}
    stage.aws.fail("Last", "no room")
    made = shop(topology, stacks, Files=bucket, Last={**QUEUE, "DependsOn": "Files"})
    assert deploy_environment(made, stage.session).exit_code == 1
    stage.aws.clock.settle()
    [failed] = [each for each in stage.aws.cloud.stacks.values() if "Files" in each.resources]
    assert len([each for each in failed.events if each.status == "DELETE_SKIPPED"]) == kept
