"""A network that is away and logins that run out, in virtual time: an operation is never lost, nor begun blindly."""

import dataclasses
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from stage import ACCOUNT, TOPIC, Stage, assembly, environment, layer

from infragen.cloud.protocol import Identity
from infragen.engine.deploy import deploy_environment
from infragen.engine.options import Options
from infragen.engine.outcome import Deployed, Failed, Skipped, Unknown
from infragen.engine.progress import Happened, Lost, Session, Timer
from infragen.engine.recover import follow_environment
from infragen.engine.retry import BEFORE, GRACE
from infragen.engine.run import Deployment
from infragen.errors import CloudError, CredentialsExpired, Unavailable


@dataclass
class Cut:
    """AWS that cannot be used between two instants of virtual time; a call in between is not made."""

    cloud: Any
    now: Callable[[], float]
    error: Callable[[str, str], CloudError]
    begins: float = float("inf")
    ends: float = float("inf")
    reconnected: int = 0
    other_account: bool = False
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            if self.begins <= self.now() < self.ends and name not in ("reconnect", "template_url"):
                raise self.error("cannot be used", "log in")
            self.calls.append(name)
            return getattr(self.cloud, name)(*arguments)

        return call

    def identity(self) -> Identity:
        found: Identity = self.cloud.identity()
        return dataclasses.replace(found, account="222222222222") if self.other_account and self.reconnected else found

    def reconnect(self) -> None:
        self.reconnected += 1


def deploy(
    stage: Stage, topology: str, error: type[CloudError], at: float, lasts: float, **more: Any
) -> tuple[Deployment, Cut]:
    """Two layers, the first of which takes a while; `at` seconds after its beginning the cut begins."""
    cut = Cut(stage.cloud, stage.aws.clock.monotonic, error, **more)
    stage.aws.slow("Slow", 60)
    made = assembly(
        layer("first", {"Slow": TOPIC}, {"SlowArn": {"Ref": "Slow"}}),
        layer("second", {"Name": name_of("SlowArn")}, takes=[("first", "SlowArn")]),
        env=environment(topology),
    )

    def sleep(seconds: float) -> None:
        if "execute_change_set" in cut.calls and cut.begins == float("inf"):
            cut.begins = stage.aws.clock.monotonic() + at
            cut.ends = cut.begins + lasts
        stage.aws.clock.sleep(seconds)

    session = Session(cut, stage.ui, Timer(stage.aws.clock.monotonic, sleep))
    return deploy_environment(made, session), cut


def name_of(parameter: str) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": parameter}}}


@pytest.mark.long
@pytest.mark.parametrize("at", [0.0, 5.0, 55.0])
def test_ten_minutes_without_network_lose_nothing(stage: Stage, topology: str, at: float) -> None:
    """N3: the user hears of it, the stacks end as wanted, and every event is told once."""
    result, _ = deploy(stage, topology, Unavailable, at, 600.0)
    assert {type(each) for each in result.outcomes} == {Deployed}
    assert stage.ui.of(Lost)
    told = [each.event.event.event_id for each in stage.ui.of(Happened)]
    stacks = [each.stack_id for each in stage.cloud.stacks("shop-dev") if not each.name.endswith("artifacts")]
    events = [event for stack_id in stacks for event in all_events(stage, stack_id)]
    assert len(set(told)) == len(told)
    assert set(told) <= {each.event_id for each in events}
    assert {each.event_id for each in events if each.status != "REVIEW_IN_PROGRESS"} <= set(told)


def all_events(stage: Stage, stack_id: str) -> list[Any]:
    found: list[Any] = []
    token = ""
    while True:
        page = stage.cloud.events(stack_id, token)
        found += page.events
        if not page.next_token:
            return found
        token = page.next_token


def test_a_new_login_within_the_grace_resumes(stage: Stage, topology: str) -> None:
    """A3: expired credentials end no deployment that goes well."""
    result, cut = deploy(stage, topology, CredentialsExpired, 5.0, GRACE - 60)
    assert {type(each) for each in result.outcomes} == {Deployed}
    assert cut.reconnected > 0
    assert any("log in" in each.reason for each in stage.ui.of(Lost))


def test_without_a_new_login_the_outcome_is_unknown_and_nothing_more_begins(stage: Stage, topology: str) -> None:
    """A3: exit code 6; the operation runs on, and a later `follow` or `deploy` finds it."""
    result, _ = deploy(stage, topology, CredentialsExpired, 5.0, float("inf"))
    assert isinstance(result.outcomes[0], Unknown)
    assert all(isinstance(each, Skipped) for each in result.outcomes[1:])
    assert result.exit_code == 6


def test_a_login_of_another_account_is_not_used(stage: Stage, topology: str) -> None:
    """Later layers would be built in the wrong place."""
    result, cut = deploy(stage, topology, CredentialsExpired, 5.0, 30.0, other_account=True)
    assert isinstance(result.outcomes[0], Unknown)
    assert "222222222222" not in str(result.outcomes[0])
    assert ACCOUNT in result.outcomes[0].message
    assert cut.calls.count("execute_change_set") == 1


@pytest.mark.parametrize(
    ("error", "least", "most"), [(Unavailable, BEFORE, BEFORE + 60), (CredentialsExpired, 0.0, 5.0)]
)
def test_before_anything_runs_it_is_given_up(
    stage: Stage, topology: str, error: type[CloudError], least: float, most: float
) -> None:
    """Nothing is lost by ending: after two minutes without network, at once with a login that ran out."""
    cut = Cut(stage.cloud, stage.aws.clock.monotonic, error)

    def sleep(seconds: float) -> None:
        cut.begins = 0.0
        stage.aws.clock.sleep(seconds)

    session = Session(cut, stage.ui, Timer(stage.aws.clock.monotonic, sleep))
    began = stage.aws.clock.monotonic()
    with pytest.raises(error):
        deploy_environment(assembly(layer("first", {"Topic": TOPIC}), env=environment(topology)), session)
    assert least <= stage.aws.clock.monotonic() - began <= most
    assert "execute_change_set" not in cut.calls


@pytest.mark.long
def test_a_follow_timeout_ends_the_following_only(stage: Stage, topology: str) -> None:
    """What runs is unknown, what had not begun is skipped, and `follow` goes on."""
    stage.aws.slow("Slow", 60)
    made = assembly(
        layer("first", {"Slow": TOPIC}, {"SlowArn": {"Ref": "Slow"}}),
        layer("second", {"Name": name_of("SlowArn")}, takes=[("first", "SlowArn")]),
        env=environment(topology),
    )
    result = deploy_environment(made, stage.session, Options(follow_timeout=20))
    assert [type(each) for each in result.outcomes] == [Unknown, Skipped][: len(result.outcomes)]
    assert result.exit_code == 6
    [followed] = follow_environment(environment(topology), stage.session)
    assert isinstance(followed, Deployed)


def test_an_interrupt_in_the_middle_of_a_call_does_not_lose_the_operation(stage: Stage, topology: str) -> None:
    """N9: SIGINT that arrives while a call is made is noted: the call ends, and what runs is followed."""
    sent = []

    class Interrupting(Cut):
        def execute_change_set(self, *arguments: Any) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            sent.append(arguments)
            self.cloud.execute_change_set(*arguments)

    cloud = Interrupting(stage.cloud, stage.aws.clock.monotonic, Unavailable)
    made = assembly(
        layer("first", {"Slow": TOPIC}, {"SlowArn": {"Ref": "Slow"}}),
        layer("second", {"Name": name_of("SlowArn")}, takes=[("first", "SlowArn")]),
        env=environment(topology),
    )
    result = deploy_environment(made, dataclasses.replace(stage.session, cloud=cloud))
    assert isinstance(result.outcomes[0], Deployed)
    assert all(isinstance(each, Skipped) for each in result.outcomes[1:])
    assert (len(sent), result.exit_code) == (1, 130)
    assert not [each for each in result.outcomes if isinstance(each, Failed)]
