"""Which image runs: `status`, `outputs` and the plan say it, in text and for programs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from bench import at_work, environment, prepare_account
from fakeaws import FakeAws

from infragen.assembly.synth import synthesize
from infragen.engine.deploy import deploy_environment
from infragen.engine.options import Options
from infragen.engine.outcome import Deployed
from infragen.engine.status import outputs, status
from infragen.report.event_document import outcome_document
from infragen.report.outcome import outcome_lines, output_lines, outputs_dotenv, status_lines, statuses_json
from infragen.report.plan import plan_lines
from infragen.report.plan_document import as_json

TEXT = (
    "network: {nat: single}\n"
    "api: {cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2, https: {mode: http_only}, "
    "ingress_cidrs: [203.0.113.0/24]}\n"
)


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_status_outputs_and_plan_say_which_image_runs(aws: FakeAws, tmp_path: Path, topology: str) -> None:
    """First the placeholder, then a tag that stays when none is given."""
    bench = at_work(aws, environment(tmp_path, TEXT, topology))
    prepare_account(aws, bench.env)
    made = synthesize(bench.env)
    bench.bootstrap()
    assert bench.deploy(made).exit_code == 0
    assert outputs(made, bench.session)["ImageTag"] == ""
    assert {each.layer: each.image_tag for each in status(made, bench.session) if each.image_tag is not None} == {
        "api": ""
    }
    assert any(line.plain.strip() == "image placeholder" for line in status_lines(status(made, bench.session)))
    plan = bench.plan(made, image_tag="abc123")
    assert "image placeholder -> abc123" in "\n".join(line.plain for line in plan_lines(plan, 80))
    told = json.loads(as_json(plan))["plans"][0]
    assert (told["running_tag"], told["image_tag"]) == ("", "abc123")
    assert bench.deploy(made, image_tag="abc123").exit_code == 0
    found = outputs(made, bench.session)
    assert {"EcsClusterName", "EcsServiceName", "EcsTaskFamily", "ApiLogGroupName", "PrivateSubnetIds"} <= {*found}
    assert found["EcsTaskFamily"] == found["EcsServiceName"]
    assert {*found} - {*outputs(made, bench.session, operational=False)} >= {"ApiSecurityGroupId", "EcsClusterName"}
    assert 'IMAGE_TAG="abc123"' in outputs_dotenv(found)
    assert any(line.plain.split() == ["ImageTag", "abc123"] for line in output_lines(found))
    rows = json.loads(statuses_json(status(made, bench.session)))["stacks"]
    assert {each["layer"]: each["image_tag"] for each in rows if each["image_tag"]} == {"api": "abc123"}
    words = " ".join(line.plain for line in plan_lines(bench.plan(made), 80)).split()
    assert "image abc123" in " ".join(words)


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_an_image_of_which_no_task_ran_is_told(aws: FakeAws, tmp_path: Path, topology: str) -> None:
    """At night, or before the first image without NAT: the deployment is well and proves nothing of the image."""
    bench = at_work(aws, environment(tmp_path, TEXT, topology))
    prepare_account(aws, bench.env)
    made = synthesize(bench.env)
    bench.bootstrap()
    first = bench.deploy(made)
    assert not any(each.notes for each in first.outcomes if isinstance(each, Deployed))
    aws.settings.desired_tasks["Service"] = 0
    ended = bench.deploy(made, image_tag="abc123")
    assert ended.exit_code == 0
    said = [note for each in ended.outcomes if isinstance(each, Deployed) for note in each.notes]
    assert said == ["api/Service wants 0 tasks: none ran, so that nothing proves the image and its settings"]
    assert f"  note: {said[0]}" in [line.plain for line in outcome_lines(ended.outcomes)]
    assert [each["notes"] for each in map(outcome_document, ended.outcomes) if each["notes"]] == [said]


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_status_says_from_which_commit_a_stack_was_deployed(aws: FakeAws, tmp_path: Path, topology: str) -> None:
    """The change set that was executed says it, no tag: another commit alone changes no resource."""
    bench = at_work(aws, environment(tmp_path, TEXT, topology))
    prepare_account(aws, bench.env)
    made = synthesize(bench.env)
    bench.bootstrap()
    session = replace(bench.session, revision=("4f2c1ab", True))
    assert deploy_environment(made, session, Options()).exit_code == 0
    mine = {"root"} if topology == "nested" else {each.layer for each in made.templates}
    found = {each.layer: each.commit for each in status(made, session)}
    assert {layer for layer, commit in found.items() if commit == "4f2c1ab"} == mine
    again = deploy_environment(made, replace(session, revision=("77aa001", True)), Options())
    assert {type(each).__name__ for each in again.outcomes} == {"Unchanged"}
    changed = Options(image_tag="abc123")
    assert deploy_environment(made, replace(session, revision=("77aa001", False)), changed).exit_code == 0
    [row] = [each for each in status(made, session) if each.layer == ("root" if topology == "nested" else "api")]
    assert row.commit == "77aa001-dirty"
    assert any(line.plain.strip() == "commit 77aa001-dirty" for line in status_lines([row]))
    assert json.loads(statuses_json([row]))["stacks"][0]["commit"] == "77aa001-dirty"
