"""Saved plans on the scripted fake: deployed exactly as they were shown, or refused because something moved (C9)."""

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fakeaws import FakeAws
from plan_edits import edits, refused
from stage import ACCOUNT, Stage, assembly, environment, layer, on_fake, with_bucket
from sweeps import figure

from infragen.assembly.code import Artifact
from infragen.assembly.synth import Assembly
from infragen.cloud.cloudformation import GOING
from infragen.engine.change_set_cleanup import find_left, prune
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.options import Options
from infragen.engine.outcome import Failed, Unchanged
from infragen.engine.progress import Timer
from infragen.engine.run import Deployment
from infragen.engine.saving import deploy_saved, made_of, save_plan
from infragen.errors import Conflict, Refused, Unwritable
from infragen.layers.contract import LaunchParameter
from infragen.plan.model import EnvironmentPlan
from infragen.plan.saved import SavedPlan, content_digest, digest, dump, parse
from infragen.plan.seal import public_part, sign

IMAGE = LaunchParameter("ImageTag", "", default="", keep=True)
HOUR = 3600.0
EXECUTE = "cloudformation:ExecuteChangeSet"
TRUST = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs.amazonaws.com"}}]}


@dataclass
class Desk:
    """A stage with a wall clock and the plan that was saved last."""

    stage: Stage
    topology: str
    time: float = 1_800_000_000.0
    saved: SavedPlan | None = None

    def save(self, made: Assembly, hours: float = 24, **options: Any) -> EnvironmentPlan:
        return save_plan(made, self.stage.session, Options(**options), hours * HOUR, self.write)

    def write(self, saved: SavedPlan) -> None:
        self.saved = parse(dump(saved).encode(), "dev.plan")

    def deploy_saved(self, made: Assembly, saved: SavedPlan | None = None) -> Deployment:
        self.stage.ui.asked.clear()
        self.stage.aws.calls.clear()
        plan = saved or self.saved
        assert plan is not None
        return deploy_saved(made, self.stage.session, plan, Options(), "dev.plan")

    def stale(self, made: Assembly, saved: SavedPlan | None = None) -> str:
        """Why the saved plan is refused; nothing was executed, deleted or made."""
        with pytest.raises(Conflict) as caught:
            self.deploy_saved(made, saved)
        assert caught.value.exit_code == 5
        assert "stale" in caught.value.message
        assert EXECUTE not in self.stage.aws.mutations()
        return caught.value.message

    def deploy(self, made: Assembly, **options: Any) -> Deployment:
        ended = deploy_environment(made, self.stage.session, Options(**options))
        assert ended.exit_code == 0
        return ended

    def change_sets(self) -> list[str]:
        """The names of what could be executed, in all stacks of the environment."""
        states = [each for each in self.stage.cloud.stacks("shop-dev") if not each.parent_id]
        sets = [each for state in states for each in self.stage.cloud.change_sets(state.stack_id)]
        return [each.name for each in sets if each.execution_status == "AVAILABLE" and each.status not in GOING]


@pytest.fixture
def desk(aws: FakeAws, monkeypatch: pytest.MonkeyPatch, topology: str) -> Desk:
    stage = with_bucket(on_fake(aws, monkeypatch), environment(topology))
    found = Desk(stage, topology)
    timer = Timer(aws.clock.monotonic, aws.clock.sleep, lambda: found.time)
    stage.session = replace(stage.session, timer=timer)
    return found


def shop(topology: str, timeout: int = 30, resource: Any = None, **over: Any) -> Assembly:
    """A queue, and in another layer a role that may send to it, an image tag, and whatever else is given."""
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": timeout, **over.get("queue", {})}}
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": resource or {"Ref": "QueueArn"}}
    policies = [{"PolicyName": "p", "PolicyDocument": {"Statement": [statement]}}]
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, "Policies": policies}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "ImageTag"}}}
    output = over.get("output", {"Fn::GetAtt": ["Queue", "Arn"]})
    return assembly(
        layer("queue", {"Queue": queue}, {"QueueArn": output}),
        layer("worker", {"Role": role, "Topic": topic}, {}, [("queue", "QueueArn")], [IMAGE]),
        env=environment(topology, **over.get("env", {})),
    )


@pytest.mark.long
def test_every_call_about_a_change_set_names_its_stack(desk: Desk, topology: str) -> None:
    """Rights are given on stacks, and AWS does not look there for a change set that is named by its ARN alone. Where a
    nested stack does not exist yet its row may not name it: such sets are only read.
    """
    desk.deploy(shop(topology))
    first = [each for each in desk.stage.aws.calls if "ChangeSetName" in each.params and "StackName" not in each.params]
    assert {each.operation for each in first} <= {"DescribeChangeSet", "GetTemplate"}
    assert topology == "nested" or not first
    desk.stage.aws.calls.clear()
    desk.save(shop(topology, 31))
    desk.save(shop(topology, 33), hours=1)
    plan_environment(shop(topology, 32), desk.stage.session)
    calls = list(desk.stage.aws.calls)
    assert desk.deploy_saved(shop(topology, 33)).exit_code == 0
    calls += desk.stage.aws.calls
    desk.time += 2 * 86_400
    desk.deploy(shop(topology, 34))  # sweeps what expired
    calls += desk.stage.aws.calls
    about = [each for each in calls if "ChangeSetName" in each.params]
    assert {each.operation for each in about} >= {
        "CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "GetTemplate",
    }  # fmt: skip
    assert [each.operation for each in about if not each.params.get("StackName")] == []


@pytest.mark.long
def test_a_saved_plan_is_deployed_as_it_is(desk: Desk, topology: str) -> None:
    """Its own change sets are executed, nobody is asked; plans in between leave it alone. Again it changes nothing."""
    desk.deploy(shop(topology))
    shown = desk.save(shop(topology, 31))
    assert shown.changed
    kept = desk.change_sets()
    assert all(each.startswith("infragen-saved-1800086400-") for each in kept)
    plan_environment(shop(topology, 32), desk.stage.session)
    desk.save(shop(topology, 33), hours=1)
    assert set(kept) < set(desk.change_sets())
    plan_environment(shop(topology, 32), desk.stage.session)
    desk.save(shop(topology, 31), hours=24)
    assert set(kept) < set(desk.change_sets())
    ended = desk.deploy_saved(shop(topology, 31))
    assert ended.exit_code == 0
    assert desk.stage.ui.asked == []
    calls = desk.stage.aws.mutations()
    assert (calls.count(EXECUTE), calls.count("cloudformation:CreateChangeSet")) == (1, 0)
    assert desk.deploy(shop(topology, 31)).outcomes[0].__class__ is Unchanged
    again = desk.deploy_saved(shop(topology, 31))
    assert {type(each) for each in again.outcomes} == {Unchanged}
    assert EXECUTE not in desk.stage.aws.mutations()


@pytest.mark.long
def test_a_first_creation_can_be_saved(desk: Desk, topology: str) -> None:
    """The stacks wait in review; what needs outputs of others is planned when they are there."""
    desk.save(shop(topology), image_tag="v42")
    assert len(desk.change_sets()) == 1
    plan_environment(shop(topology), desk.stage.session)
    assert len(desk.change_sets()) == 1
    ended = desk.deploy_saved(shop(topology))
    assert ended.exit_code == 0
    assert desk.change_sets() == []
    [worker] = [each for each in desk.stage.cloud.stacks("shop-dev") if "orker" in each.name]
    assert worker.parameters["ImageTag"] == "v42"


@pytest.mark.long
def test_c9_a_stack_that_was_updated_since_makes_it_stale(desk: Desk, topology: str) -> None:
    """C9: it says which stack, when, and by which change set; what somebody else does counts as well."""
    desk.deploy(shop(topology))
    desk.save(shop(topology, 31))
    desk.deploy(shop(topology, 40))
    said = desk.stale(shop(topology, 31))
    name = "shop-dev" if topology == "nested" else "shop-dev-queue"
    assert f"{name} was updated at " in said
    assert " by the change set infragen-" in said


def test_c9_another_operators_update_makes_it_stale(desk: Desk, topology: str) -> None:
    """C9: UpdateStack from elsewhere, of another stack of the environment than the one that would change."""
    made = shop(topology)
    desk.deploy(made)
    desk.save(shop(topology, 31))
    client = desk.stage.aws.client("cloudformation")
    name = "shop-dev" if topology == "nested" else "shop-dev-worker"
    parameters = [{"ParameterKey": "ImageTag", "ParameterValue": "theirs"}]
    for each in desk.stage.cloud.stacks(name):
        if each.name == name:
            others = [{"ParameterKey": key, "UsePreviousValue": True} for key in each.parameters if key != "ImageTag"]
            client.update_stack(
                StackName=name, UsePreviousTemplate=True, Parameters=[*parameters, *others],
                Capabilities=["CAPABILITY_IAM"],
            )  # fmt: skip
    desk.stage.aws.clock.sleep(600)
    assert f"{name} was updated at " in desk.stale(shop(topology, 31))


@pytest.mark.long
def test_c9_a_deleted_change_set_makes_it_stale(desk: Desk, topology: str) -> None:
    """C9: 404."""
    desk.deploy(shop(topology))
    desk.save(shop(topology, 31))
    assert desk.saved is not None
    [unit] = [each for each in desk.saved.units if each.change_set_id]
    desk.stage.cloud.delete_change_set(unit.change_set_id, unit.stack)
    assert f"{unit.stack}: its change set is gone" in desk.stale(shop(topology, 31))


@pytest.mark.long
def test_c9_an_obsolete_change_set_makes_it_stale(desk: Desk, topology: str) -> None:
    """C9: even if the stack looks as it did, the change set says that it was overtaken."""
    desk.deploy(shop(topology))
    desk.save(shop(topology, 31))
    assert desk.saved is not None
    [unit] = [each for each in desk.saved.units if each.change_set_id]
    state = desk.stage.cloud.stack(unit.stack_id)
    assert state is not None
    desk.stage.aws.client("cloudformation").update_stack(
        StackName=unit.stack_id,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in state.parameters],
        Tags=[{"Key": key, "Value": value} for key, value in {**state.tags, "theirs": "x"}.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    desk.stage.aws.clock.sleep(600)
    times = {each.stack_id: (each.updated or each.created) for each in desk.stage.cloud.stacks("shop-dev")}
    shown = {key: time.isoformat() for key, time in times.items() if time}
    forged = replace(unit, updated=shown[unit.stack_id], nested=shown)
    units = tuple(forged if each is unit else each for each in desk.saved.units)
    said = desk.stale(shop(topology, 31), replace(desk.saved, units=units))
    assert f"{unit.stack}: its change set is OBSOLETE" in said


SECRET = b"0" * 32


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch) -> Callable[[SavedPlan], SavedPlan]:
    """Signs an edited plan as its own run would have: only a test knows the secret of one."""
    monkeypatch.setattr("infragen.engine.saving.new_secret", lambda: SECRET)
    return lambda saved: replace(saved, seal=sign(SECRET, content_digest(saved)))


@pytest.mark.long
def test_c9_other_changes_than_those_shown_make_it_stale(
    desk: Desk, topology: str, signing: Callable[[SavedPlan], SavedPlan]
) -> None:
    """C9: the digest of all changes is compared before anything is executed."""
    desk.deploy(shop(topology))
    desk.save(shop(topology, 31))
    assert desk.saved is not None
    units = tuple(replace(each, changes="0" * 64) if each.change_set_id else each for each in desk.saved.units)
    said = desk.stale(shop(topology, 31), signing(replace(desk.saved, units=units)))
    assert "its change set holds other changes than those that were shown" in said


@pytest.mark.long
def test_c9_a_stack_that_is_gone_or_new_makes_it_stale(desk: Desk, topology: str) -> None:
    """C9: deleted since, or made anew under the same name."""
    desk.deploy(shop(topology))
    desk.save(shop(topology, 31))
    name = "shop-dev" if topology == "nested" else "shop-dev-worker"
    desk.stage.aws.client("cloudformation").delete_stack(StackName=name)
    desk.stage.aws.clock.sleep(600)
    assert f"{name} was deleted" in desk.stale(shop(topology, 31))
    if topology == "nested":
        desk.deploy(shop(topology))
        assert "was created again" in desk.stale(shop(topology, 31))


MOVES: list[tuple[str, Callable[[SavedPlan], SavedPlan], str]] = [
    ("version", lambda saved: replace(saved, infragen="0.0.1"), "it was made by infragen 0.0.1; this is "),
    ("file", lambda saved: replace(saved, file="x"), "the environment file of dev is another one"),
    ("templates", lambda saved: replace(saved, templates={**saved.templates, "queue": "x"}), "otherwise: queue"),
]


@pytest.mark.parametrize(("what", "move", "said"), MOVES, ids=[each[0] for each in MOVES])
def test_what_moved_on_our_side_makes_it_stale(
    desk: Desk, topology: str, what: str, move: Callable[[SavedPlan], SavedPlan], said: str
) -> None:
    """All of it at once, before AWS is asked."""
    desk.save(shop(topology))
    assert desk.saved is not None
    assert said in desk.stale(shop(topology), move(desk.saved))
    assert desk.stage.aws.calls == []


def test_another_template_or_environment_file_makes_it_stale(desk: Desk, topology: str) -> None:
    """As they are, not as the plan says of itself."""
    desk.save(shop(topology))
    assert "templates are rendered otherwise: " in desk.stale(shop(topology, 31))
    assert "the environment file of dev" in desk.stale(shop(topology, env={"tags": "{ Team: core }"}))


def test_an_expired_plan_is_stale_and_swept(desk: Desk, topology: str) -> None:
    """To the second; the next plan deletes what it left in AWS."""
    desk.save(shop(topology), hours=1)
    desk.time += HOUR
    assert desk.change_sets() != []
    desk.time += 1
    assert "it expired at 2027-01-15 09:00 UTC" in desk.stale(shop(topology))
    plan_environment(shop(topology), desk.stage.session)
    assert desk.change_sets() == []


@pytest.mark.parametrize(("key", "value"), [("account", "222222222222"), ("region", "x"), ("environment", "prod")])
def test_a_plan_for_another_place_is_refused(desk: Desk, topology: str, key: str, value: str) -> None:
    """3: what is wrong is the place, not the time."""
    desk.save(shop(topology))
    assert desk.saved is not None
    with pytest.raises(Refused, match=f"is a plan for {key} {value}; the environment file says"):
        desk.deploy_saved(shop(topology), replace(desk.saved, **{key: value}))  # type: ignore[arg-type] # all are text
    assert desk.stage.aws.calls == []


@pytest.mark.long
def test_the_credentials_of_another_account_are_refused(
    desk: Desk, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, topology: str
) -> None:
    """As for every command, before anything is looked at."""
    desk.save(shop(topology))
    desk.stage = on_fake(aws, monkeypatch, "222222222222")
    with pytest.raises(Refused, match=f"belongs to account {ACCOUNT}"):
        desk.deploy_saved(shop(topology), replace(desk.saved, expires=2**40) if desk.saved else None)


@pytest.mark.long
def test_what_a_saved_plan_shows_is_agreed_to(desk: Desk, topology: str) -> None:
    """Widenings too; and losses that were allowed by name when it was made."""
    desk.deploy(shop(topology))
    made = shop(topology, resource="*", queue={"FifoQueue": True})
    with pytest.raises(Refused) as caught:
        desk.save(made)
    assert caught.value.hint == "if that is meant: --allow-data-loss queue/Queue"
    assert desk.saved is None
    assert desk.change_sets() == []
    shown = desk.save(made, allow_data_loss=frozenset({"queue/Queue", "queue/Que"}))
    assert [each.place for each in shown.gated] == ["worker/Role"]
    desk.stage.ui.answers = False
    ended = desk.deploy_saved(made)
    assert ended.exit_code == 0
    told = "--allow-data-loss queue/Que: the plan has no resource of that name; did you mean queue/Queue?"
    assert shown.warnings == ended.plan.warnings == (told,)


def test_c10_what_waited_must_not_do_more_than_was_shown(
    desk: Desk, topology: str, signing: Callable[[SavedPlan], SavedPlan]
) -> None:
    """C10: what was planned again when its values were known is held to what the saved plan says."""
    if topology == "nested":
        pytest.skip("one change set says it all")
    desk.save(shop(topology))
    assert desk.saved is not None
    wider = replace(desk.saved, wider=tuple(each for each in desk.saved.wider if "sqs:SendMessage" not in each[1]))
    ended = desk.deploy_saved(shop(topology), signing(wider))
    failed = ended.outcomes[1]
    assert isinstance(failed, Failed)
    assert failed.exit_code == 3
    assert "may call sqs:SendMessage on (known after queue: QueueArn)" in failed.message
    assert desk.stage.cloud.stack("shop-dev-worker") is None


ROWS: dict[str, Callable[[Mapping[str, tuple[str, ...]]], Mapping[str, tuple[str, ...]]]] = {
    "where the plan shows no change": lambda rows: {},
    "where the plan shows Modify": lambda rows: {place: ("Modify", *row[1:]) for place, row in rows.items()},
    "the plan does not show that Properties.": lambda rows: {place: row[:2] for place, row in rows.items()},
}


@pytest.mark.long
@pytest.mark.parametrize("said", ROWS)
@pytest.mark.parametrize("topology", ["independent"])
def test_c10_a_stack_that_waited_is_executed_as_approved_or_not_at_all(
    desk: Desk, topology: str, said: str, signing: Callable[[SavedPlan], SavedPlan]
) -> None:
    """C10: each row of its change set, made when the values are known, is one that the saved plan shows."""
    desk.save(shop(topology))
    assert desk.saved is not None
    first, waits = desk.saved.units
    assert set(waits.rows) == {"worker/Role", "worker/Topic"}
    other = replace(desk.saved, units=(first, replace(waits, rows=ROWS[said](waits.rows))))
    failed = desk.deploy_saved(shop(topology), signing(other)).outcomes[1]
    assert isinstance(failed, Failed)
    assert failed.exit_code == 5
    assert said in failed.message
    assert desk.stage.cloud.stack("shop-dev-worker") is None


@pytest.mark.long
def test_a_replaced_queue_is_deployed_with_what_takes_it(desk: Desk, topology: str) -> None:
    """The worker waits for the new queue; it is the same permission on the same thing."""
    desk.deploy(shop(topology))
    made = shop(topology, queue={"FifoQueue": True})
    shown = desk.save(made, allow_data_loss=frozenset({"queue/Queue"}))
    assert shown.widenings == ()
    assert desk.deploy_saved(made).exit_code == 0


@pytest.mark.long
def test_the_same_command_goes_on_where_it_was_cut_off(desk: Desk, topology: str) -> None:
    """What it had done is found as done, by the change sets that it executed; then the rest is deployed."""
    desk.deploy(shop(topology))
    made = shop(topology, queue={"FifoQueue": True}, resource="*")
    desk.save(made, allow_data_loss=frozenset({"queue/Queue"}))
    desk.stage.aws.fail("Role", on="update")
    assert desk.deploy_saved(made).exit_code == 1
    name = "shop-dev" if topology == "nested" else "shop-dev-worker"
    said = desk.stale(made)
    assert name in said
    assert "shop-dev-queue" not in said


@pytest.mark.long
def test_a_killed_run_is_continued(desk: Desk, topology: str) -> None:
    """Killed while the first stack is being updated: the rerun follows it, and finds its own change set executed."""
    desk.deploy(shop(topology))
    made = shop(topology, 31, queue={"FifoQueue": True})
    desk.save(made, allow_data_loss=frozenset({"queue/Queue"}))
    session = desk.stage.session

    def die(seconds: float) -> None:
        raise SystemExit(9)

    desk.stage.session = replace(session, timer=Timer(session.timer.now, die, session.timer.date))
    with pytest.raises(SystemExit):
        desk.deploy_saved(made)
    desk.stage.session = session
    ended = desk.deploy_saved(made)
    assert ended.exit_code == 0
    again = desk.deploy_saved(made)
    assert {type(each) for each in again.outcomes} == {Unchanged}


def test_a_plan_that_cannot_be_written_leaves_no_change_set(desk: Desk, topology: str) -> None:
    """Nobody could ever deploy them."""

    def full(saved: SavedPlan) -> None:
        raise Unwritable("the disk is full")

    with pytest.raises(Unwritable):
        save_plan(shop(topology), desk.stage.session, Options(), HOUR, full)
    assert desk.change_sets() == []


@pytest.mark.long
def test_worker_code_is_uploaded_when_the_plan_is_saved(desk: Desk, topology: str) -> None:
    """Whoever deploys it needs no build: the keys are in the plan."""
    made = shop(topology)
    worker = made.templates[1]
    names = ("CodeBucket", "MailCodeKey")
    takes = tuple(LaunchParameter(name, "", default="none", keep=True) for name in names)
    declared = worker.body["Parameters"] | {name: {"Type": "String", "Default": "none"} for name in names}
    body = {**worker.body, "Parameters": declared}
    made = replace(made, templates=(made.templates[0], replace(worker, body=body, parameters=(IMAGE, *takes))))
    desk.save(made, code={"mail": Artifact("code/abc.zip", b"PK")})
    bucket = f"infragen-shop-dev-{ACCOUNT}-us-east-1"
    stored = desk.stage.aws.client("s3").list_objects_v2(Bucket=bucket, Prefix="code/")["Contents"]
    assert [each["Key"] for each in stored] == ["code/abc.zip"]
    assert desk.deploy_saved(made).exit_code == 0
    [deployed] = [each for each in desk.stage.cloud.stacks("shop-dev") if "orker" in each.name]
    assert {name: deployed.parameters[name] for name in names} == {"CodeBucket": bucket, "MailCodeKey": "code/abc.zip"}


@pytest.mark.long
def test_a_saved_plan_can_be_thrown_away(desk: Desk, topology: str) -> None:
    """`infragen changesets prune` asks no expiry; the plan is stale then."""
    desk.deploy(shop(topology))
    desk.save(shop(topology, 31))
    env = environment(topology)
    assert prune(desk.stage.session, find_left(env, desk.stage.session)) == ()
    assert desk.change_sets() == []
    assert "its change set is gone" in desk.stale(shop(topology, 31))


@pytest.mark.long
def test_a_plan_without_changes_can_be_saved_and_deployed(desk: Desk, topology: str) -> None:
    """A pipeline need not tell the difference."""
    desk.deploy(shop(topology))
    assert not desk.save(shop(topology)).changed
    assert {type(each) for each in desk.deploy_saved(shop(topology)).outcomes} == {Unchanged}


def test_nothing_secret_is_in_the_file(desk: Desk, topology: str) -> None:
    """A parameter that is declared NoEcho is not, whoever gives it."""
    made = shop(topology)
    worker = made.templates[1]
    declared = {**worker.body["Parameters"], "Word": {"Type": "String", "NoEcho": True, "Default": "canary-7a61"}}
    body = {**worker.body, "Parameters": declared}
    made = replace(made, templates=(made.templates[0], replace(worker, body=body)))
    desk.save(made, image_tag="v42")
    assert desk.saved is not None
    text = dump(desk.saved)
    assert "canary" not in text
    assert json.loads(text)["values"] == {"ImageTag": "v42"}


@pytest.mark.parametrize("kept", [0, 1])
def test_a_plan_that_names_other_stacks_than_the_environment_has_is_stale(desk: Desk, kept: int) -> None:
    """Units taken out of the file, all or the last: a conflict, and no bug."""
    desk.save(shop(desk.topology))
    assert desk.saved is not None
    some = replace(desk.saved, units=desk.saved.units[: kept if len(desk.saved.units) > 1 else 0])
    assert "it names other stacks than the environment has" in desk.stale(shop(desk.topology), some)


EDITS: dict[str, Callable[[SavedPlan], SavedPlan]] = {
    "values": lambda saved: replace(saved, values={**saved.values, "ImageTag": "v2"}),
    "expires": lambda saved: replace(saved, expires=saved.expires + 9),
    "allow_replace": lambda saved: replace(saved, allow_replace=("queue/Jobs",)),
    "lost": lambda saved: replace(saved, lost=("queue/Jobs",)),
    "wider": lambda saved: replace(saved, wider=(("worker/Role", "anything"),)),
    "changes": lambda saved: replace(saved, units=(replace(saved.units[0], parameters={"A": "b"}), *saved.units[1:])),
    "seal": lambda saved: replace(saved, seal=saved.seal[::-1]),
    "no seal": lambda saved: replace(saved, seal=()),
    "commit": lambda saved: replace(saved, commit="0" * 40),
}


@pytest.mark.long
@pytest.mark.parametrize("edit", [*EDITS])
def test_a_plan_that_was_edited_by_hand_is_stale(desk: Desk, edit: str) -> None:
    """Whatever is changed, with a checksum that fits: the change sets were made for another plan."""
    desk.deploy(shop(desk.topology))
    desk.save(shop(desk.topology, 31))
    assert desk.saved is not None
    assert "changed after it was saved" in desk.stale(shop(desk.topology, 31), EDITS[edit](desk.saved))


def signed_anew(body: dict[str, Any]) -> str:
    """The file of a plan that somebody edited and signed with a pair of keys of their own."""
    secret = b"theirs"
    content = {key: each for key, each in body.items() if key not in ("format", "version", "seal", "sealed_for")}
    body = {**body, "seal": sign(secret, digest(content)), "sealed_for": public_part(secret)}
    return json.dumps({**body, "checksum": digest(body)})


@pytest.mark.long
def test_a_plan_that_was_signed_anew_is_refused_whatever_member_was_edited(desk: Desk, topology: str) -> None:
    """2 by its reader, 3 for another place, else 5; never a traceback, and no change set is executed."""
    desk.deploy(shop(topology))
    desk.save(shop(topology, 31))
    assert desk.saved is not None
    body = json.loads(dump(desk.saved))
    for key in ("checksum", "seal", "sealed_for"):
        del body[key]
    desk.stage.aws.calls.clear()
    made, session = shop(topology, 31), desk.stage.session

    def deploy(edited: dict[str, Any]) -> None:
        plan = parse(signed_anew(edited).encode(), "x.plan")
        made_of(plan)
        deploy_saved(made, session, plan, Options(), "x.plan")

    for what, edited in itertools.islice(edits(body), 0, None, figure(short=3, soak=1)):
        assert refused(deploy, edited) in (2, 3, 5), what
    assert desk.stage.aws.mutations() == []
    assert desk.deploy_saved(made).exit_code == 0


@pytest.mark.parametrize("deployed", [True, False])
def test_a_plan_without_its_change_sets_is_refused_whoever_signed_it(desk: Desk, topology: str, deployed: bool) -> None:
    """What waits for nothing in AWS is proven by nothing: anybody could have signed what its rows allow."""
    if deployed:
        desk.deploy(shop(topology))
    desk.save(shop(topology, 31))
    assert desk.saved is not None
    body = json.loads(dump(desk.saved))
    del body["checksum"]
    body["expires"] += 9
    places = {
        f"{layer}/{name}" for layer in ("root", "queue", "worker") for name in ("Queue", "Worker", "Role", "Topic")
    }
    for unit in body["units"]:
        unit.update(
            change_set_id="", changes="", rows={place: ["Add" if not deployed else "Modify", ""] for place in places}
        )
    forged = parse(signed_anew(body).encode(), "x.plan")
    assert "nothing proves that it is the plan that was saved" in desk.stale(shop(topology, 31), forged)


@pytest.mark.long
def test_a_plan_that_says_that_nothing_changes_is_refused_where_something_does(desk: Desk, topology: str) -> None:
    """Anybody could have signed it: an approved change would be left out, with the exit code of success."""
    desk.deploy(shop(topology))
    desk.save(shop(topology, 31))
    assert desk.saved is not None
    body = json.loads(dump(desk.saved))
    del body["checksum"]
    for unit in body["units"]:
        unit.update(action="none", change_set_id="", changes="", later=[], rows={})
    forged = parse(signed_anew(body).encode(), "x.plan")
    assert "nothing proves that it is the plan that was saved" in desk.stale(shop(topology, 31), forged)
    desk.save(shop(topology, 30))
    assert desk.deploy_saved(shop(topology, 30)).exit_code == 0
