"""Whose operation it is: told by the token of its first event, whatever comes later."""

from __future__ import annotations

import pytest
from bench import Bench, failure
from fakeaws import FakeAws
from stage import QUEUE

from infragen.assembly.stacks import StackLayout
from infragen.cloud.cloudformation import PREFIX
from infragen.engine.deploy import observe_finished
from infragen.engine.operate import runs_ours
from infragen.engine.options import Options
from infragen.engine.progress import Happened
from infragen.engine.recover import cancel_environment, follow_environment
from infragen.errors import Conflict

SLOW = {**QUEUE, "Properties": {"DelaySeconds": 5}}
STACK = "shop-test-data"


@pytest.mark.long
@pytest.mark.parametrize("own_token", [True, False])
@pytest.mark.parametrize("token", ["Console-CancelUpdateStack-1", None])
def test_w3_a_cancellation_of_somebody_else_is_followed_to_its_end(
    bench: Bench, aws: FakeAws, own_token: bool, token: str | None
) -> None:
    """W3: every event of the rollback is shown, and the failure is told as one."""
    aws.settings.cancellation_has_own_token = own_token
    assert bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})).exit_code == 0
    aws.slow("Jobs", 100, on="update")
    request = {"StackName": STACK} | ({"ClientRequestToken": token} if token else {})
    aws.at(30, lambda: aws.elsewhere.cancel_update_stack(request))
    bench.ui.events.clear()
    ended = bench.deploy_units(bench.unit("data", {"Jobs": SLOW}))
    assert failure(ended).status == "UPDATE_ROLLBACK_COMPLETE"
    shown = [each.event.event.event_id for each in bench.ui.events if isinstance(each, Happened)]
    last = [each.id for each in aws.stack(STACK).events]
    assert shown == last[-len(shown) :]
    assert aws.stack(STACK).events[-len(shown)].status == "UPDATE_IN_PROGRESS"


def running_update(bench: Bench, aws: FakeAws) -> None:
    """An update of infragen's that its process no longer follows."""
    assert bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})).exit_code == 0
    aws.slow("Jobs", 500, on="update")
    assert bench.deploy_units(bench.unit("data", {"Jobs": SLOW}), follow_timeout=20).exit_code == 6


@pytest.mark.long
@pytest.mark.parametrize("how", ["cancelled", "cancelled by somebody", "deletion", "update"])
def test_w3_what_infragen_began_is_its_own(bench: Bench, aws: FakeAws, how: str) -> None:
    """W3: updates, cancellations and deletions, cut off and found again."""
    running_update(bench, aws)
    if how == "cancelled":
        aws.slow("Jobs", 500, on="rollback")
        aws.elsewhere.cancel_update_stack({"StackName": STACK, "ClientRequestToken": f"{PREFIX}abc"})
    elif how == "cancelled by somebody":
        aws.slow("Jobs", 500, on="rollback")
        aws.elsewhere.cancel_update_stack({"StackName": STACK, "ClientRequestToken": "Console-1"})
    elif how == "deletion":
        aws.clock.settle()
        aws.slow("Jobs", 500, on="delete")
        aws.elsewhere.delete_stack({"StackName": STACK, "ClientRequestToken": f"{PREFIX}abc"})
    aws.clock.sleep(5)
    state = bench.session.cloud.stack(STACK)
    assert state is not None
    assert state.status.endswith("_IN_PROGRESS")
    assert runs_ours(bench.session.cloud, state)
    plan = StackLayout(bench.env, (bench.unit("data", {"Jobs": SLOW}),), ())
    observe_finished(bench.session, plan, Options())
    assert not aws.stack(STACK).status.endswith("_IN_PROGRESS")


def test_w3_what_somebody_else_began_is_theirs(bench: Bench, aws: FakeAws) -> None:
    """W3: a direct update after ours, with a token of their own or none."""
    for number, token in enumerate(["Console-1", None]):
        aws.mend()
        unit = bench.unit("data", {"Jobs": {**QUEUE, "Properties": {"DelaySeconds": number}}})
        assert bench.deploy_units(unit).exit_code == 0
        aws.slow("Jobs", 300, on="update")
        more = {"ClientRequestToken": token} if token else {}
        theirs = bench.unit("data", {"Jobs": {**QUEUE, "Properties": {"DelaySeconds": 30 + number}}})
        aws.elsewhere.update_stack({"StackName": STACK, "TemplateBody": theirs.text, **more})
        aws.clock.sleep(5)
        with pytest.raises(Conflict, match="not infragen's"):
            bench.deploy_units(unit)
        aws.clock.settle()


@pytest.mark.parametrize("own_token", [True, False])
def test_w3_cancel_sends_a_token_and_follows_the_rollback(bench: Bench, aws: FakeAws, own_token: bool) -> None:
    """W3: whichever token the events carry then."""
    aws.settings.cancellation_has_own_token = own_token
    running_update(bench, aws)
    bench.ui.events.clear()
    [outcome] = cancel_environment(bench.env, bench.session)
    assert getattr(outcome, "status", "") == "UPDATE_ROLLBACK_COMPLETE"
    [call] = [each.params for each in aws.calls if each.operation == "CancelUpdateStack"]
    assert call["ClientRequestToken"].startswith(PREFIX)
    statuses = [each.event.event.status for each in bench.ui.events if isinstance(each, Happened)]
    assert "UPDATE_ROLLBACK_IN_PROGRESS" in statuses


def test_w3_follow_shows_what_a_cancellation_does(bench: Bench, aws: FakeAws) -> None:
    """W3: whoever did what."""
    running_update(bench, aws)
    aws.elsewhere.cancel_update_stack({"StackName": STACK, "ClientRequestToken": "Console-1"})
    aws.clock.sleep(1)
    bench.ui.events.clear()
    [outcome] = follow_environment(bench.env, bench.session)
    assert getattr(outcome, "status", "") == "UPDATE_ROLLBACK_COMPLETE"
    statuses = [each.event.event.status for each in bench.ui.events if isinstance(each, Happened)]
    assert "UPDATE_ROLLBACK_COMPLETE" in statuses
