"""The order of independent stacks: what others rely on goes up before they change, and down after them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench import Bench, environment, failure, kinds
from fakeaws import FakeAws
from processes import DEPLOY, Operator

from infragen.assembly.synth import synthesize
from infragen.engine.run import Deployment
from infragen.errors import Refused

NETWORK = "network: {nat: none, azs: 2, interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sqs]}\n"
TWO = """\
queues: [{{name: mail}}, {{name: jobs}}]
workers:
- {{name: mail, queue: mail, timeout: {mail}}}
- {{name: jobs, queue: jobs, timeout: {jobs}}}
"""
API = (
    "api: {port: %s, https: %s, cpu: 256, memory: 512, min_tasks: 1, max_tasks: %s, ingress_cidrs: [203.0.113.7/32]}\n"
)
PLAIN = "{mode: http_only}"
HTTPS = "{mode: domain, domain_name: api.example.com, hosted_zone_id: Z1}"


def updated(aws: FakeAws, since: float) -> list[str]:
    """The stacks in the order in which their updates began."""
    prefix = "shop-test-"
    return [
        stack.rsplit("/", 2)[1].removeprefix(prefix)
        for time, stack, _, status in aws.cloud.transitions
        if status == "UPDATE_IN_PROGRESS" and time > since
    ]


class Site:
    """An environment that is deployed again with other lines."""

    def __init__(self, bench: Bench, directory: Path) -> None:
        self.bench, self.directory = bench, directory
        bench.bootstrap()

    def deploy(self, text: str, **options: Any) -> Deployment:
        """Deploy the environment with these lines below its network."""
        self.bench.env = environment(self.directory, NETWORK + text)
        self.since = self.bench.aws.clock.seconds
        return self.bench.deploy(synthesize(self.bench.env), require_approval="never", **options)

    def updated(self) -> list[str]:
        """The stacks in the order in which the last deployment updated them."""
        return updated(self.bench.aws, self.since)


@pytest.fixture
def site(bench: Bench, tmp_path: Path) -> Site:
    return Site(bench, tmp_path)


def visibility(bench: Bench) -> list[int]:
    """The visibility timeouts of the deployed queues, jobs first."""
    queues = bench.aws.stack("shop-test-queue").resources
    return [int(queues[name].properties["VisibilityTimeout"]) for name in ("JobsQueue", "MailQueue")]


@pytest.mark.long
def test_a_queue_is_raised_before_its_worker_and_lowered_after_it(site: Site) -> None:
    """Lambda refuses a function that takes longer than its queue hides messages."""
    assert site.deploy(TWO.format(mail=60, jobs=60)).exit_code == 0
    assert site.deploy(TWO.format(mail=60, jobs=600)).exit_code == 0
    assert site.updated()[:2] == ["queue", "worker"]
    lowered = site.deploy(TWO.format(mail=60, jobs=30))
    assert lowered.exit_code == 0
    assert site.updated()[:2] == ["worker", "queue"]
    assert visibility(site.bench) == [185, 365]
    (queue,) = [each for each in lowered.plan.stacks if each.layer == "queue"]
    assert queue.notes == ("goes after worker: VisibilityTimeout of JobsQueue falls from 3605 to 185",)


@pytest.mark.long
@pytest.mark.parametrize("text", [
    "queues: [{name: jobs}]\nworkers: [{name: jobs, queue: jobs, timeout: 30}]\n",
    "queues: [{name: jobs, visibility_seconds: 400}]\nworkers: [{name: jobs, queue: jobs, timeout: 40}]\n",
    "queues: [{name: jobs}]\nworkers: [{name: jobs, queue: jobs, timeout: 600, batch_window: 1, batch_size: 5}]\n",
])  # fmt: skip
def test_a_worker_that_fails_leaves_its_queue_as_it_was(site: Site, text: str) -> None:
    """Whichever setting lowers it; the queue is skipped, and the next run does the rest."""
    before = "queues: [{name: jobs}]\nworkers: [{name: jobs, queue: jobs, timeout: 600, batch_window: 100}]\n"
    assert site.deploy(before).exit_code == 0
    for name in ("JobsFunction", "JobsEventSource"):
        site.bench.aws.fail(name, "no", on="update", times=1)
    ended = site.deploy(text)
    assert (kinds(ended.outcomes)["worker"], kinds(ended.outcomes)["queue"]) == ("Failed", "Skipped")
    assert "changed" not in {each.kind for each in failure(ended).evidence}
    queue = site.bench.aws.stack("shop-test-queue").resources["JobsQueue"]
    assert int(queue.properties["VisibilityTimeout"]) == 3700
    site.bench.aws.mend()
    assert site.deploy(text).exit_code == 0
    assert int(site.bench.aws.stack("shop-test-queue").resources["JobsQueue"].properties["VisibilityTimeout"]) < 3700


@pytest.mark.long
@pytest.mark.parametrize(
    ("before", "after", "layer", "says"),
    [
        (TWO.format(mail=60, jobs=600), TWO.format(mail=60, jobs=30), "queue",
         ("updates it before worker, which relies on the old value until then: VisibilityTimeout of JobsQueue falls "
         "from 3605 to 185")),
        (API % (3000, HTTPS, 1), API % (3000, PLAIN, 1), "network", "updates it before api, which relies on the old"),
    ],
)  # fmt: skip
def test_nested_stacks_that_lower_too_early_are_named_in_the_plan(
    bench: Bench, tmp_path: Path, before: str, after: str, layer: str, says: str
) -> None:
    """CloudFormation orders them by their wiring: said, with the way in two deployments, and then nothing is said."""
    bench.bootstrap()
    bench.aws.settings.zones["Z1"] = ("example.com", ("ns-1.awsdns-01.org",), False)
    bench.aws.settings.registered["example.com"] = ("ns-1.awsdns-01.org",)

    def at(text: str) -> Any:
        bench.env = environment(tmp_path, NETWORK + text, topology="nested")
        return synthesize(bench.env)

    assert bench.deploy(at(before), require_approval="never").exit_code == 0
    notes = {each.layer: each.notes for each in bench.plan(at(after)).stacks}
    [note] = [each for each in notes[layer] if each.startswith("CloudFormation updates it")]
    assert says in note
    assert "deploy first with this value as it is" in note
    assert not [each for name in notes if name != layer for each in notes[name] if "updates it before" in each]
    kept = after.replace("{name: jobs}]", "{name: jobs, visibility_seconds: 3605}]")
    if kept != after:
        for text in (kept, after):
            plan = bench.plan(at(text))
            assert not [each for stack in plan.stacks for each in stack.notes if "updates it before" in each]
            assert bench.deploy(at(text), require_approval="never").exit_code == 0


@pytest.mark.long
def test_what_nested_stacks_remove_goes_after_all_of_them_are_updated(bench: Bench, tmp_path: Path) -> None:
    """A renamed queue and its worker: the old queue is there until the worker uses the new one."""
    bench.bootstrap()
    text = "queues: [{{name: {name}}}]\nworkers: [{{name: w, queue: {name}}}]\n"
    for name in ("old", "new"):
        bench.env = environment(tmp_path, NETWORK + text.format(name=name), topology="nested")
        allowed = frozenset({"queue/OldQueue", "queue/OldDlq"}) if name == "new" else frozenset[str]()
        ended = bench.deploy(synthesize(bench.env), require_approval="never", allow_data_loss=allowed)
        assert ended.exit_code == 0
    happened = [
        (event.timestamp, event.logical_id, event.status)
        for stack in bench.aws.cloud.stacks.values()
        for event in stack.events
    ]
    updated = max(time for time, name, status in happened if (name, status) == ("WEventSource", "UPDATE_COMPLETE"))
    [deleted] = [time for time, name, status in happened if (name, status) == ("OldQueue", "DELETE_IN_PROGRESS")]
    assert updated < deleted


@pytest.mark.long
def test_a_worker_that_moves_to_another_queue_is_refused_in_one_step(site: Site) -> None:
    """Its old queue would fall to the default while it still listens, or its new one be too low when it begins."""
    two = "queues: [{{name: mail}}, {{name: jobs, {more}}}]\nworkers: [{{name: w, queue: {queue}, timeout: 60}}]\n"
    assert site.deploy(two.format(queue="jobs", more="")).exit_code == 0
    with pytest.raises(Refused, match="VisibilityTimeout of JobsQueue falls from 365 to 30"):
        site.deploy(two.format(queue="mail", more=""))
    assert site.deploy(two.format(queue="mail", more="visibility_seconds: 365")).exit_code == 0
    assert site.updated()[:2] == ["queue", "worker"]
    assert site.deploy(two.format(queue="mail", more="")).exit_code == 0
    assert visibility(site.bench) == [30, 365]


@pytest.mark.long
def test_a_worker_that_stays_though_its_layer_is_off_stops_what_it_relies_on_from_falling(site: Site) -> None:
    """The stack has to go first; without a value that falls it only stays."""
    queue = "queues: [{name: jobs, visibility_seconds: %s}]\n"
    worker = "workers: [{name: jobs, queue: jobs, timeout: 600}]\n"
    assert site.deploy(queue % 3605 + worker).exit_code == 0
    assert site.deploy(queue % 3605).exit_code == 0
    mutations = site.bench.aws.mutations()
    with pytest.raises(Refused, match=r"shop-test-worker is still there, .* falls from 3605 to 30") as error:
        site.deploy(queue % 30)
    assert "delete-stack --stack-name shop-test-worker" in error.value.hint
    assert site.bench.aws.mutations() == mutations
    site.bench.aws.elsewhere.delete_stack({"StackName": "shop-test-worker"})
    site.bench.aws.clock.settle()
    assert site.deploy(queue % 30).exit_code == 0


@pytest.mark.long
def test_one_up_and_one_down_is_refused_with_the_way_in_two_steps(site: Site) -> None:
    """No order of two stacks keeps both; each alone does."""
    assert site.deploy(TWO.format(mail=60, jobs=600)).exit_code == 0
    mutations = site.bench.aws.mutations()
    with pytest.raises(Refused, match="falls from 3605 to 185, and VisibilityTimeout of MailQueue grows") as error:
        site.deploy(TWO.format(mail=90, jobs=30))
    assert "two steps" in error.value.hint
    assert site.bench.aws.mutations() == mutations
    shown = site.bench.plan(synthesize(site.bench.env))
    assert any("no order" in each or "has to go after" in each for each in shown.warnings)


@pytest.mark.long
def test_a_removed_worker_stops_before_its_alarm_is_taken_out_of_the_service_alarm(site: Site) -> None:
    """An alarm that a composite alarm names cannot be deleted, so the layer that takes an output goes first."""
    assert site.deploy(TWO.format(mail=60, jobs=60)).exit_code == 0
    one = "queues: [{name: mail}, {name: jobs}]\nworkers: [{name: mail, queue: mail, timeout: 60}]\n"
    assert site.deploy(one, allow_data_loss=frozenset({"worker/JobsLogGroup"})).exit_code == 0
    assert site.updated() == ["observability", "worker", "queue"]


@pytest.mark.long
def test_the_api_moves_to_another_port_while_both_are_open(site: Site) -> None:
    """The rules of the port are in the API's own stack, which opens before it moves and closes at its end."""
    assert site.deploy(API % (3000, PLAIN, 2)).exit_code == 0
    assert site.deploy(API % (8080, PLAIN, 2)).exit_code == 0
    assert "network" not in site.updated()


@pytest.mark.long
def test_the_load_balancers_port_closes_after_its_listener_is_gone(site: Site) -> None:
    """Another kind of value: a list of rules of which one goes. It opens first."""
    site.bench.aws.settings.zones["Z1"] = ("example.com", ("ns-1.awsdns-01.org",), False)
    site.bench.aws.settings.registered["example.com"] = ("ns-1.awsdns-01.org",)
    assert site.deploy(API % (3000, HTTPS, 2)).exit_code == 0
    assert site.deploy(API % (3000, PLAIN, 2)).exit_code == 0
    assert site.updated()[:2] == ["api", "network"]
    assert site.deploy(API % (3000, HTTPS, 2)).exit_code == 0
    assert site.updated()[:2] == ["network", "api"]


@pytest.mark.long
def test_a_queue_gets_a_key_after_its_sender_may_use_it(site: Site) -> None:
    """And the sender loses the right after the queue has the key no more."""
    queue = "queues: [{name: jobs, encryption: %s}]\n"
    plain, key = (queue % each + API % (3000, PLAIN, 2) for each in ("sqs", "kms"))
    assert site.deploy(plain).exit_code == 0
    assert site.deploy(key).exit_code == 0
    assert site.updated()[:2] == ["api", "queue"]
    assert site.deploy(plain).exit_code == 0
    assert site.updated()[:2] == ["queue", "api"]


@pytest.mark.long
def test_a_smaller_database_goes_after_the_tasks_that_connect_to_it(site: Site) -> None:
    """The largest capacity decides how many connections there may be."""
    text = "database: {min_acu: 0.5, max_acu: %s}\n" + API
    assert site.deploy(text % (16, 3000, PLAIN, 10)).exit_code == 0
    assert site.deploy(text % (4, 3001, PLAIN, 2)).exit_code == 0
    order = site.updated()
    assert order.index("api") < order.index("database"), order


@pytest.mark.long
def test_fewer_connections_go_after_the_tasks_that_open_them(site: Site) -> None:
    """Written as a parameter of the cluster instead of following from its capacity, where none was written too."""
    text = "database: {min_acu: 0.5, max_acu: 4, parameters: {%s}}\n" + API
    for before, after in (("max_connections: '400'", "max_connections: '50'"), ("", "max_connections: '50'")):
        assert site.deploy(text % (before, 3000, PLAIN, 4)).exit_code == 0
        assert site.deploy(text % (after, 3001, PLAIN, 1)).exit_code == 0
        order = site.updated()
        assert order.index("api") < order.index("database"), (before, order)


@pytest.mark.long
def test_the_command_line_says_the_order_and_keeps_it_with_a_saved_plan(
    operator: Callable[..., Operator], aws: FakeAws
) -> None:
    """With the line of the file behind the value; a worker that fails leaves the queue as it was."""
    make = operator("independent", "    timeout: 600\n")
    assert make.run(*DEPLOY).code == 0
    file = make.directory / "environments/dev.yaml"
    file.write_text(file.read_text().replace("timeout: 600", "timeout: 30"))
    plan = make.run("plan", "--env", "dev", "--out", "dev.plan")
    said = "goes after worker: VisibilityTimeout of JobsQueue falls from 3605 to 185 (environments/dev.yaml:15"
    assert said in " ".join(plan.stdout.split())
    aws.fail("JobsFunction", "no", on="update", times=1)
    saved = make.run("deploy", "--plan", "dev.plan")
    assert saved.code == 1, saved.stderr
    assert int(aws.stack("shop-dev-queue").resources["JobsQueue"].properties["VisibilityTimeout"]) == 3605
    assert "queue: skipped" in saved.stdout.lower() or "needs worker" in saved.stdout, saved.stdout


@pytest.mark.long
def test_the_command_line_refuses_what_no_order_keeps(operator: Callable[..., Operator], aws: FakeAws) -> None:
    """Exit code 3 of `deploy` and of a plan to be saved; `plan` shows it and creates nothing that stays."""
    more = "    timeout: 600\n  - {name: mail, queue: mail, timeout: 30}\n"
    make = operator("independent", more, edit=("  - name: jobs\n", "  - name: jobs\n  - name: mail\n"))
    assert make.run(*DEPLOY).code == 0
    file = make.directory / "environments/dev.yaml"
    file.write_text(file.read_text().replace("timeout: 30", "timeout: 40").replace("timeout: 600", "timeout: 30"))
    mutations = aws.mutations()
    refused = make.run(*DEPLOY)
    assert (refused.code, aws.mutations()) == (3, mutations), refused.stderr
    assert "in two steps" in refused.stderr
    assert make.run("plan", "--env", "dev", "--out", "dev.plan").code == 3
    assert not (make.directory / "dev.plan").exists()
    plan = make.run("plan", "--env", "dev")
    assert (plan.code, "queue has to go after worker" in " ".join(plan.stdout.split())) == (0, True)
