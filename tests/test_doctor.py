"""What the account is asked before anything is made: by `doctor`, and by `plan` and `deploy` for what they change."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bench import ACCOUNT, Bench, at_work, environment, prepare_account
from click.testing import Result
from commands import CommandLine
from doctor_page import doctor_page
from fakeaws import FakeAws
from test_six_layers_on_fake import operator
from troposphere.sns import Topic

from infragen.assembly.stacks import make_plan
from infragen.assembly.synth import synthesize
from infragen.aws.account_reads import _FINDERS
from infragen.checks import GENERAL, Answer, Check, CheckResult, Resource, Subject, Verdict, ok, wrong
from infragen.checks.domain import covers
from infragen.checks.names import WITHIN
from infragen.cli import main
from infragen.cloud.protocol import AccountReader
from infragen.config import Environment, yamlfile
from infragen.engine.account_checks import run_checks, subject_of
from infragen.engine.bootstrap import bootstrap
from infragen.engine.deploy import deploy_plan, show_plan
from infragen.engine.doctor import doctor
from infragen.engine.observe import observe
from infragen.engine.options import Options, check_image_tag
from infragen.engine.preview import examine_all
from infragen.errors import CloudError, InputError
from infragen.layers import LAYERS
from infragen.layers.contract import ContractError, Layer, Template
from infragen.layers.project import guarded
from infragen.resource_types import resource_type

NETWORK = "network: {nat: single}\n"
API = (
    "api: {cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2, https: {mode: http_only}, "
    "ingress_cidrs: [203.0.113.0/24]}\n"
)
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app/stripe-AbCdEf"


@pytest.fixture
def api(aws: FakeAws, tmp_path: Path) -> Bench:
    """An operator of an environment with a network and an API, of which nothing is deployed."""
    return at_work(aws, environment(tmp_path, NETWORK + API))


def asked(bench: Bench, **options: Any) -> dict[str, CheckResult]:
    """What doctor finds, by check."""
    found = doctor(synthesize(bench.env), bench.session, Options(**options))
    return {each.check: each for each in found.results}


def only(result: CheckResult, verdict: Verdict) -> Answer:
    [found] = [each for each in result.answers if each.verdict is verdict]
    return found


@pytest.mark.long
def test_in_an_account_that_has_all_of_it_every_check_is_ok_or_says_why_not(aws: FakeAws, tmp_path: Path) -> None:
    """The three environments of the repository; what nobody can ask for is named and is no yes."""
    aws.settings.quotas = {"L-3032A538": 100.0}
    for name in ("dev", "staging", "prod"):
        found = asked(operator(aws, tmp_path, name, "nested"))
        wrong = [each for result in found.values() for each in result.answers if each.verdict is Verdict.WRONG]
        assert wrong == [], name
        assert {each for each in found if found[each].verdict is Verdict.UNKNOWN} <= {"names"}, name
        assert {"image", "secrets", "engine", "quotas", "fargate", "linked-roles", "names", "clock"} - set(found) <= {
            "secrets"
        }, name


# --- image ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["a b", "x" * 140, "", "-v1", ".v1", "v1:latest", "ü"])
@pytest.mark.parametrize("command", ["plan", "deploy", "doctor"])
def test_what_cannot_be_a_tag_is_refused_before_any_call(aws: FakeAws, command: str, tag: str) -> None:
    """Exit code 2, and nothing was asked."""
    result = CommandLine().invoke(main, [command, "--env", "dev", "--image-tag", tag, "--endpoint-url", aws.url])
    assert result.exit_code == 2
    assert "cannot be a tag" in result.output
    assert aws.calls == []
    with pytest.raises(InputError):
        check_image_tag(tag)


@pytest.fixture
def deployed(api: Bench) -> Bench:
    """The environment with its placeholder running, and three images in its repository."""
    api.bootstrap()
    api.begin(synthesize(api.env))
    arm = ("linux/arm64",)
    api.aws.settings.images["shop-test-api"] = {"v1": arm, "v2": ("linux/amd64", "linux/arm64"), "v3": ("linux/amd64",)}
    return api


@pytest.mark.long
def test_a_tag_that_does_not_exist_is_refused_by_plan_and_deploy(deployed: Bench) -> None:
    """2, the newest tags are named, and nothing was made; with the check skipped both go on."""
    made = synthesize(deployed.env)
    for run in (deployed.plan, deployed.deploy):
        with pytest.raises(InputError) as error:
            run(made, image_tag="no-such-image")
        assert error.value.message == "shop-test-api has no image no-such-image; the newest are v3, v2, v1"
        assert "--skip-check image" in error.value.hint
    assert deployed.aws.mutations() == []
    plan = deployed.plan(made, image_tag="no-such-image", skip_check=frozenset({"image"}))
    assert plan.changed


@pytest.mark.long
@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("v1", None),
        ("v2", None),
        ("v3", "runs on linux/amd64; api.architecture is arm64"),
        ("archived", "does not hand out shop-test-api:archived: ImageInaccessible"),
    ],
)
def test_the_image_must_run_on_the_architecture(deployed: Bench, tag: str, says: str | None) -> None:
    """An index of several platforms, a manifest whose configuration says it, and one that ECR does not hand out."""
    deployed.aws.settings.images["shop-test-api"]["archived"] = ("archived",)
    found = asked(deployed, image_tag=tag)["image"]
    if says is None:
        assert found.verdict is Verdict.OK
    else:
        assert says in only(found, Verdict.WRONG).text


@pytest.mark.long
def test_the_deployed_image_is_looked_at_when_the_task_changes(deployed: Bench, tmp_path: Path) -> None:
    """It was deployed, and is gone since: a changed task definition would never start."""
    made = synthesize(deployed.env)
    assert deployed.deploy(made, image_tag="v1").exit_code == 0
    del deployed.aws.settings.images["shop-test-api"]["v1"]
    larger = at_work(deployed.aws, environment(tmp_path, NETWORK + API.replace("memory: 512", "memory: 1024")))
    with pytest.raises(InputError, match="no longer an image v1"):
        larger.deploy(synthesize(larger.env))
    plan = larger.plan(synthesize(larger.env))  # a plan shows it
    assert [each.check for each in plan.checks if each.verdict is Verdict.WRONG] == ["image"]
    assert (plan.running_tag, plan.image_tag) == ("v1", "v1")


@pytest.mark.long
def test_without_a_repository_a_tag_is_refused_and_the_placeholder_is_not(api: Bench) -> None:
    """The first deployment makes the repository: an image cannot be in it yet."""
    api.bootstrap()
    with pytest.raises(InputError, match="the repository shop-test-api does not exist") as error:
        api.plan(synthesize(api.env), image_tag="v1")
    assert "deploy without --image-tag first" in error.value.hint
    assert "placeholder" in asked(api)["image"].answers[0].text


# --- what is denied, and what takes too long --------------------------------------------------------------------

WHOLE = f"""\
network: {{nat: per_az, interface_endpoints: [logs]}}
database: {{min_acu: 0.5, max_acu: 4}}
queues: [{{name: jobs}}]
workers: [{{name: jobs, queue: jobs, reserved_concurrency: 5, secret_arns: ["{SECRET}"]}}]
api:
  https: {{mode: HTTPS}}
  ingress_cidrs: [203.0.113.0/24]
  cpu: 256
  memory: 512
  min_tasks: 1
  max_tasks: 2
  secrets: {{KEY: "{SECRET}:key::", OTHER: "arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/a/b"}}
"""
CERTIFICATE = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/00000000-0000-4000-8000-000000000000"
DOMAIN = WHOLE.replace("mode: HTTPS", "mode: domain, domain_name: api.shop.example.com, hosted_zone_id: Z1")
GIVEN = WHOLE.replace("mode: HTTPS", f'mode: certificate, certificate_arn: "{CERTIFICATE}"')
ZONE, SERVERS = "shop.example.com", ("ns-1.awsdns-01.org", "ns-2.awsdns-02.com")


def load(text: str) -> Environment:
    head = f'project: shop\nenvironment: test\nregion: us-east-1\naccount: "{ACCOUNT}"\n'
    return Environment.model_validate(yamlfile.plain(yamlfile.load((head + text).encode(), "test.yaml")))


INTO_EXISTING = Resource(
    "network", "Logs", "AWS::EC2::VPCEndpoint",
    {"ServiceName": "com.amazonaws.us-east-1.logs", "VpcEndpointType": "Interface", "SubnetIds": ["subnet-a"]}, "Add",
)  # fmt: skip
"""An endpoint in a subnet that exists: its zone is asked for."""
CHECKS = {each.id: each for each in (*GENERAL, *(one for layer in LAYERS for one in layer.checks(load(DOMAIN))))}
CALLS = sorted({(check.id, call) for check in CHECKS.values() for call in check.calls})


@pytest.fixture
def whole(aws: FakeAws, tmp_path: Path) -> Bench:
    """An environment that gives every check something to ask, in an account that has all that its file names."""
    bench = at_work(aws, environment(tmp_path, DOMAIN))
    prepare_account(aws, bench.env)
    aws.settings.secrets[SECRET] = False
    aws.settings.ssm["/a/b"] = "never read"
    return bench


def subject(bench: Bench) -> Subject:
    """What the checks of a first deployment are about."""
    session, plan = bench.session, make_plan(synthesize(bench.env))
    observed = observe(session, bench.env)
    return subject_of(session, plan, observed.identity, examine_all(session, plan, observed))


def ran(bench: Bench, check: str, about: Subject | None = None) -> CheckResult:
    [found] = run_checks(bench.session, [CHECKS[check]], about or subject(bench), None)
    return found


def named() -> tuple[Resource, ...]:
    """A resource of each type that is looked for by its name."""
    return tuple(
        Resource("own", f"R{number}", kind, {str(resource_type(kind).name_property): f"name{number}"}, "Add")
        for number, kind in enumerate(_FINDERS)
    )


@pytest.mark.long
@pytest.mark.parametrize(("check", "call"), CALLS)
def test_a_denied_call_is_never_a_yes_and_names_the_permission(whole: Bench, check: str, call: str) -> None:
    """Each call that each check says it makes, on the wire."""
    about, settings = subject(whole), whole.aws.settings
    if check == "image":
        about = replace(about, image_tag="gone" if call == "ecr:DescribeImages" else "abc123", given=True)
        settings.kept["AWS::ECR::Repository"] = ["shop-test-api"]
    if check == "names":
        about = replace(about, resources=named())
    if call == "kms:DescribeKey":
        assert whole.env.api is not None
        api = whole.env.api.model_copy(update={"secrets": {"STRIPE_KEY": "ssm"}})
        whole = replace(whole, env=whole.env.model_copy(update={"api": api}))
        about = replace(about, environment=whole.env)
        key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
        whole.session.cloud.put_parameter("/shop/test/STRIPE_KEY", "x", key, {})
    if check == "certificate":
        whole = replace(whole, env=load(GIVEN))
        about = replace(about, environment=whole.env)
    if call == "route53:ListResourceRecordSets":
        settings.zones["Z2"] = ("example.com", SERVERS, False)
    if check == "endpoint-services" and call == "ec2:DescribeSubnets":
        about = replace(about, resources=(INTO_EXISTING,))
    elif call == "ec2:DescribeSubnets":
        settings.others["AWS::EC2::NatGateway"] = 1
    wire = "s3:HeadBucket" if call == "s3:ListBucket" else call.replace("cloudwatch:", "monitoring:")
    code = "UnauthorizedOperation" if call.startswith("ec2:") else "AccessDenied"
    whole.aws.refuse(wire, code, "not authorized", times=None, status=403)
    result = ran(whole, check, about)
    if call == "s3:ListBucket":  # the bucket of somebody else answers so, and its name is taken
        assert any("buckets" in each.text or "Bucket" in each.text for each in result.answers)
        assert result.verdict is Verdict.WRONG
        return
    assert result.verdict is not Verdict.OK
    assert any(call in each.text for each in result.answers), result


def test_what_does_not_answer_in_time_is_unknown(whole: Bench) -> None:
    """The others count; the bound is one wait for all, which is passed in."""
    never, waited = threading.Event(), list[float | None]()

    def stuck(*_: Any) -> Iterator[Answer]:
        never.wait(30)
        yield ok("too late")

    def wait(done: threading.Event, seconds: float | None) -> None:
        waited.append(seconds)
        done.wait(0.05)

    quick = Check("quick", "", (), frozenset(), lambda *_: iter([ok("here")]))
    slow = Check("slow", "", (), frozenset(), stuck)
    session = replace(whole.session, timer=replace(whole.session.timer, wait=wait))
    results = run_checks(session, [quick, slow], Subject(whole.env, ACCOUNT, "us-east-1"), 2.0)
    never.set()
    assert waited == [2.0]
    assert results[1].verdict is Verdict.UNKNOWN
    assert "no answer in time" in results[1].answers[0].text


@pytest.mark.long
@pytest.mark.parametrize("wrong_one", [True, False])
def test_a_late_answer_counts_before_anything_is_executed(whole: Bench, wrong_one: bool) -> None:
    """The check goes on while change sets are created: no second of it is lost, and none is waited for twice."""
    late, waits = threading.Event(), list[float | None]()

    def slow(*_: Any) -> Iterator[Answer]:
        late.wait(30)
        yield wrong("too small", "grow it") if wrong_one else ok("fits")

    def wait(done: threading.Event, seconds: float | None) -> None:
        waits.append(seconds)
        if seconds == 0:  # the change sets are there: the check has answered meanwhile
            late.set()
            done.wait(30)

    layout = replace(make_plan(synthesize(whole.env)), checks=(Check("size", "", (), frozenset(), slow),))
    options = Options(require_approval="never", skip_check=frozenset(each.id for each in GENERAL))
    session = replace(whole.session, timer=replace(whole.session.timer, wait=wait))
    whole.bootstrap()
    if wrong_one:
        with pytest.raises(CloudError, match="too small"):
            deploy_plan(layout, session, options)
        assert "ExecuteChangeSet" not in {call.operation for call in whole.aws.calls}
    else:
        assert show_plan(layout, session, options).checks[0].verdict is Verdict.OK
    assert waits == [2.0, 0]


# --- each check, wrong ------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_certificate(aws: FakeAws, tmp_path: Path) -> None:
    """Not there, not issued, expiring, of another region; a wildcard covers one label."""
    bench = at_work(aws, environment(tmp_path, GIVEN))

    def said(**members: Any) -> Answer:
        aws.settings.certificates = {CERTIFICATE: members} if members else {}
        return ran(bench, "certificate").answers[0]

    day, now = 86_400, datetime.now(UTC).timestamp()
    names: dict[str, Any] = {"DomainName": "*.example.com"}
    assert "ACM does not know" in said().text
    pending = said(**names, Status="PENDING_VALIDATION")
    assert "PENDING_VALIDATION" in pending.text
    assert "finish its validation" in pending.hint
    assert "EXPIRED" in said(**names, Status="EXPIRED", NotAfter=now - day).text
    failed = said(**names, Status="FAILED", FailureReason="CAA_ERROR\nok  \x1b[2J password=hunter22hunter22").text
    assert "FAILED (CAA_ERROR ok" in failed
    assert not {"\n", "\x1b"} & set(failed)
    assert "hunter22" not in failed
    soon = said(**names, Status="ISSUED", NotAfter=now + 20.5 * day)
    assert ("expires in 20 days" in soon.text, soon.stops) == (True, False)
    assert said(**names, Status="ISSUED", NotAfter=now + 90 * day).verdict is Verdict.OK
    assert covers("*.example.com", "api.example.com")
    assert not covers("*.example.com", "a.b.example.com")
    assert not covers("*.example.com", "example.com")
    elsewhere = bench.env.model_copy(update={"region": "eu-west-1"})
    [moved] = CHECKS["certificate"].run(replace(subject(bench), environment=elsewhere, region="eu-west-1"), NOBODY)
    assert "is in us-east-1" in moved.text


class Nobody:
    """A reader that must not be asked."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


NOBODY: Any = Nobody()


@pytest.mark.long
def test_the_hosted_zone(whole: Bench) -> None:
    """Missing, another name, private, delegated elsewhere, by the parent zone and by the registration; else unknown."""
    settings = whole.aws.settings
    assert "no hosted zone Z1" in _after(whole, zones={}).text
    other = {"Z1": ("other.org", SERVERS, False)}
    assert "is other.org, which api.shop.example.com is not in" in _after(whole, zones=other).text
    assert "is private" in _after(whole, zones={"Z1": (ZONE, SERVERS, True)}).text
    settings.zones = {"Z1": (ZONE, SERVERS, False), "Z2": ("example.com", SERVERS, False)}
    assert "names as name servers of shop.example.com: none" in _after(whole, delegated={}).text
    assert "ns-9.example.net" in _after(whole, delegated={ZONE: ("ns-9.example.net",)}).text
    assert _after(whole, delegated={ZONE: SERVERS}).verdict is Verdict.OK
    settings.zones, settings.registered = {"Z1": (ZONE, SERVERS, False)}, {}
    unknown = _after(whole)
    assert unknown.verdict is Verdict.UNKNOWN
    assert "infragen has not looked whether it is delegated" in unknown.text
    assert SERVERS[0] in unknown.hint


def _after(bench: Bench, **settings: Any) -> Answer:
    for name, value in settings.items():
        setattr(bench.aws.settings, name, value)
    return ran(bench, "zone").answers[0]


@pytest.mark.long
def test_the_engine_version_is_orderable_in_two_of_our_zones(whole: Bench) -> None:
    """In none, and in one of them."""
    version = str(whole.env.database and whole.env.database.engine_version)
    whole.aws.settings.orderable[version] = ()
    assert f"{version} cannot be ordered as db.serverless" in only(ran(whole, "engine"), Verdict.WRONG).text
    whole.aws.settings.orderable[version] = ("b", "c")  # the zones in use are a and b
    assert "in us-east-1b of us-east-1a, us-east-1b" in only(ran(whole, "engine"), Verdict.WRONG).text
    whole.aws.settings.orderable[version] = ("a", "b")
    assert ran(whole, "engine").verdict is Verdict.OK


@pytest.mark.parametrize(
    ("version", "day", "verdict", "says"),
    [
        ("17.7", "2026-11-29", Verdict.OK, "standard support of Aurora PostgreSQL 17.7 ends on 2030-02-28"),
        ("17.4", "2026-12-01", Verdict.WRONG, "standard support of Aurora PostgreSQL 17.4 ended on 2026-11-30"),
        ("18.3", "2027-09-15", Verdict.WRONG, "ends on 2027-11-30, in 76 days"),
        ("17.99", "2026-11-29", Verdict.UNKNOWN, "17.99 ends is unknown: it is not in the release calendar"),
        (None, "2026-11-29", Verdict.UNKNOWN, "database/Cluster: until when its engine and version are supported"),
    ],
)  # fmt: skip
def test_the_support_of_the_engine_version_is_looked_up_by_todays_date(
    whole: Bench, version: str | None, day: str, verdict: Verdict, says: str
) -> None:
    """What ages is wrong, but stops no deployment; what the calendar does not name is unknown, never a yes."""
    now = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    cluster = Resource(
        "database", "Cluster", "AWS::RDS::DBCluster", {"Engine": "aurora-postgresql", "EngineVersion": version}
    )
    found = ran(whole, "engine-support", replace(subject(whole), resources=(cluster,), now=lambda: now))
    [answer] = found.answers
    assert (answer.verdict, answer.stops) == (verdict, False)
    assert says in answer.text
    assert bool(answer.hint) == (verdict is not Verdict.OK and version is not None)


@pytest.mark.long
@pytest.mark.parametrize(
    ("others", "quotas", "says"),
    [
        ({"AWS::EC2::EIP": 4}, {}, "Elastic IP addresses: 2 more are needed, and 1 of 5 are free"),
        ({"AWS::EC2::VPC": 5}, {}, "VPCs: 1 more are needed, and 0 of 5 are free"),
        ({"AWS::EC2::NatGateway": 5}, {}, "NAT gateways in us-east-1a: 1 more are needed, and 0 of 5 are free"),
        ({}, {"L-0EA8095F": 2.0}, "2 are allowed"),
        ({"AWS::EC2::EIP": 4}, {"L-0263D0A3": 10.0}, None),
    ],
)  # fmt: skip
def test_what_is_added_must_fit_the_quotas(
    whole: Bench, others: dict[str, int], quotas: dict[str, float], says: str | None
) -> None:
    """With what is in use, against the quota of this account or its default."""
    whole.aws.settings.others, whole.aws.settings.quotas = others, quotas
    found = ran(whole, "quotas")
    if says is None:
        assert found.verdict is Verdict.OK
    else:
        wrong = only(found, Verdict.WRONG)
        assert says in wrong.text
        assert "request-service-quota-increase" in wrong.hint
        assert wrong.stops


@pytest.mark.long
def test_fargate_has_room_for_the_tasks(whole: Bench) -> None:
    """The fewest tasks stop a deployment, the most are told."""
    whole.aws.settings.fargate_vcpus, whole.aws.settings.quotas = 5.9, {}
    assert only(ran(whole, "fargate"), Verdict.WRONG).stops
    whole.aws.settings.fargate_vcpus, whole.aws.settings.quotas = 0.0, {"L-3032A538": 0.4}
    most = only(ran(whole, "fargate"), Verdict.WRONG)
    assert ("2 tasks need 0.5" in most.text, most.stops) == (True, False)


@pytest.mark.long
def test_secrets_and_parameters_that_the_file_names(whole: Bench) -> None:
    """One that is deleted, one that is missing; no value was read."""
    assert ran(whole, "secrets").verdict is Verdict.OK
    whole.aws.settings.secrets[SECRET] = True
    whole.aws.settings.ssm.clear()
    texts = [each.text for each in ran(whole, "secrets").answers if each.verdict is Verdict.WRONG]
    assert [text for text in texts if "is deleted" in text]
    assert "there is no parameter /a/b" in texts
    assert not [call for call in whole.aws.calls if "Value" in call.operation or call.operation == "GetParameter"]


@pytest.mark.long
@pytest.mark.parametrize("kind", _FINDERS)
def test_a_name_of_a_former_life_is_found(whole: Bench, kind: str) -> None:
    """Whatever can outlive its stack, each by its own call; a secret also in its deletion window."""
    [resource] = [each for each in named() if each.type == kind]
    name = str(next(iter(resource.properties.values())))
    about = replace(subject(whole), resources=(resource,))
    assert ran(whole, "names", about).verdict is Verdict.OK
    whole.aws.settings.kept[kind] = [name]
    if kind == "AWS::SecretsManager::Secret":
        whole.aws.settings.secrets[name] = True
    if kind == "AWS::S3::Bucket":
        whole.aws.client("s3").create_bucket(Bucket=name)
    wrong = only(ran(whole, "names", about), Verdict.WRONG)
    assert f"the {kind} {name}" in wrong.text
    assert wrong.hint


def test_what_goes_away_by_itself_is_told_apart(whole: Bench) -> None:
    """A deleted ECS cluster is listed and its name is free; a schedule group that goes keeps its name until then."""
    cluster = Resource("own", "Cluster", "AWS::ECS::Cluster", {"ClusterName": "shop"}, "Add")
    group = Resource("own", "Group", "AWS::Scheduler::ScheduleGroup", {"Name": "nightly"}, "Add")
    settings = whole.aws.settings
    settings.inactive_clusters, settings.deleting_groups = {"shop"}, {"nightly"}
    settings.kept["AWS::Scheduler::ScheduleGroup"] = ["nightly"]
    wrong = only(ran(whole, "names", replace(subject(whole), resources=(cluster, group))), Verdict.WRONG)
    assert "nightly is being deleted and still keeps its name" in wrong.text
    assert wrong.hint == "wait until its name is free"


@pytest.mark.long
def test_of_the_layers_own_types_only_what_is_inside_of_others_is_not_looked_for(whole: Bench) -> None:
    """Each named type of the rendered layers is looked for, or its name is unique only within what is added too."""
    named_types = {
        each.type
        for each in subject(whole).resources
        if resource_type(each.type).name_property in each.properties and resource_type(each.type).name_property
    }
    assert named_types - set(_FINDERS) == set(WITHIN)
    assert not [each for each in ran(whole, "names").answers if each.verdict is Verdict.UNKNOWN]


def test_a_type_that_nobody_can_look_for_is_named(whole: Bench) -> None:
    """Unknown is no yes."""
    table = Resource("own", "Table", "AWS::DynamoDB::Table", {"TableName": "orders"}, "Add")
    found = ran(whole, "names", replace(subject(whole), resources=(table,)))
    assert only(found, Verdict.UNKNOWN).text == "not looked for by name: AWS::DynamoDB::Table"


@pytest.mark.long
def test_a_name_inside_of_what_is_added_is_free(whole: Bench) -> None:
    """A service in a new cluster cannot meet another one; in a cluster that stays it is not known."""
    service = Resource("own", "Service", "AWS::ECS::Service", {"ServiceName": "api"}, "Add")
    cluster = Resource("own", "Cluster", "AWS::ECS::Cluster", {}, "Add")
    assert not ran(whole, "names", replace(subject(whole), resources=(service, cluster))).answers
    kept = ran(whole, "names", replace(subject(whole), resources=(service, replace(cluster, action=""))))
    assert only(kept, Verdict.UNKNOWN).text == "not looked for by name: AWS::ECS::Service"


# --- service-linked roles ---------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_new_account_gets_its_service_linked_roles(api: Bench) -> None:
    """Missing: the deployment stops before anything is made. `doctor --fix` and `bootstrap` create them, once."""
    roles = api.aws.settings.linked_roles
    roles.clear()
    made = synthesize(api.env)
    api.bootstrap()
    with pytest.raises(CloudError, match="AWSServiceRoleForECS does not exist"):
        api.deploy(made)
    assert api.aws.mutations() == []
    assert doctor(made, api.session, fix=True).fixed == (
        "AWSServiceRoleForECS", "AWSServiceRoleForElasticLoadBalancing",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
    )  # fmt: skip
    assert len(api.ui.questions) == 1
    assert asked(api)["linked-roles"].verdict is Verdict.OK
    roles.clear()
    assert bootstrap(api.env, api.session, assembly=made).exit_code == 0
    assert len(roles) == 3
    assert api.deploy(made).exit_code == 0


# --- the command ------------------------------------------------------------------------------------------------


def run(bench: Bench, tmp_path: Path, *options: str) -> Result:
    (tmp_path / "environments").mkdir(exist_ok=True)
    (tmp_path / "test.yaml").replace(tmp_path / "environments" / "test.yaml")
    line = [
        "doctor",
        "--env",
        "test",
        "--environments",
        str(tmp_path / "environments"),
        "--endpoint-url",
        bench.aws.url,
    ]
    return CommandLine().invoke(main, [*line, *options])


@pytest.mark.long
def test_the_command_says_it_in_text_and_in_json(whole: Bench, tmp_path: Path) -> None:
    """✓, ✗ with what to do, ? with the permission; exit code 4, and a document that its schema describes."""
    whole.aws.settings.secrets[SECRET] = True
    whole.aws.refuse("iam:GetRole", "AccessDenied", "not authorized", times=None, status=403)
    text = run(whole, tmp_path)
    assert text.exit_code == 4, text.output
    lines = text.output.splitlines()
    assert any(line.startswith("✓ quotas") for line in lines)
    assert any(line.startswith("✗ secrets") and "environments/test.yaml:" in line for line in lines), text.output
    assert any(line.startswith("?") and line.endswith("iam:GetRole is denied") for line in lines)
    assert "never read" not in text.output
    assert whole.aws.mutations() == []
    (tmp_path / "environments" / "test.yaml").replace(tmp_path / "test.yaml")
    found = json.loads(run(whole, tmp_path, "--format", "json").stdout)
    verdicts = {each["id"]: each["verdict"] for each in found["checks"]}
    assert (verdicts["secrets"], verdicts["linked-roles"], verdicts["clock"]) == ("wrong", "unknown", "ok")


def test_a_check_that_does_not_exist_cannot_be_skipped(api: Bench) -> None:
    """A typing mistake must not pass for a check that was left out on purpose."""
    api.bootstrap()
    with pytest.raises(InputError, match="--skip-check imge: there is no such check"):
        api.plan(synthesize(api.env), skip_check=frozenset({"imge"}))


def test_the_page_is_made_of_the_checks() -> None:
    """`make docs` writes it."""
    assert (Path(__file__).parent.parent / "docs" / "doctor.md").read_text() == doctor_page()


@pytest.mark.long
def test_a_layer_of_ones_own_adds_a_check(api: Bench) -> None:
    """Through its contract; it stops the deployment as any other does."""

    def run(about: Subject, account: AccountReader) -> Iterator[Answer]:
        yield wrong(f"{len(about.added('AWS::SNS::Topic'))} topic without a subscriber", "add one")

    check = Check("subscribers", "Topics are heard.", (), frozenset({"AWS::SNS::Topic"}), run)
    own = replace(LAYERS[0], checks=lambda env: (check,))
    api.bootstrap()
    made = synthesize(api.env, (own, *LAYERS[1:]))
    with pytest.raises(CloudError, match="1 topic without a subscriber"):
        api.deploy(made)
    assert api.deploy(made, skip_check=frozenset({"subscribers"})).exit_code == 0


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (("image",), "there is another check called image"),
        (("quotas",), "there is another check called quotas"),
        (("clock",), "there is another check called clock"),
        (("own", "own"), "there is another check called own"),
        (("same", "same"), "there is another check called same"),
        (("my check",), "the id of the check 'my check' is not lower-case words"),
        (("",), "the id of the check '' is not"),
    ],
)
def test_no_check_takes_the_place_of_another(api: Bench, ids: tuple[str, ...], says: str) -> None:
    """A gate would be gone by accident; `--skip-check` names exactly one question."""
    made = tuple(
        Check(
            each,
            "Same." if each == "same" else f"Question {number}.",
            (),
            frozenset(),
            lambda about, account: iter([ok("x")]),
        )
        for number, each in enumerate(ids)
    )
    toy = Layer("toy", "", "", lambda env: synthesized_topic(), lambda env: True, checks=lambda env: made)
    with pytest.raises(ContractError, match=f"layer toy: {says}"):
        synthesize(api.env, (*LAYERS, toy))


@pytest.mark.long
def test_an_answer_of_several_lines_cannot_pose_as_other_checks(whole: Bench) -> None:
    """What a check quotes may have any characters."""
    check = Check("own", "A.", (), frozenset(), lambda about, account: iter([wrong("no\n✓ image  fine", "do\nit")]))
    [found] = run_checks(whole.session, [check], subject(whole), None)
    assert [(each.text, each.hint) for each in found.answers] == [("no ✓ image fine", "do it")]


@pytest.mark.long
def test_an_answer_of_no_known_verdict_is_not_known(whole: Bench) -> None:
    """Of a layer of the project: never a yes, and no bug of infragen's."""
    odd: Any = Answer(None, "fine")  # type: ignore[arg-type]  # what Python lets through
    check = Check("own", "A.", (), frozenset(), lambda about, account: iter([odd]))
    toy = Layer("toy", "", "", lambda env: synthesized_topic(), lambda env: True, place="layers/toy.py:1:1")
    [found] = run_checks(whole.session, [guarded(check, toy)], subject(whole), None)
    assert only(found, Verdict.UNKNOWN).text == (
        "layers/toy.py:1:1: layer toy: the check own gives an answer that is no ok, wrong or unknown"
    )


@pytest.mark.long
@pytest.mark.parametrize("hint", ["", " ", None])
def test_what_is_wrong_says_where_to_look_when_its_check_does_not(whole: Bench, hint: Any) -> None:
    """It stays wrong, and stops a deployment: an answer that nobody can act on is no reason to go on."""
    check = Check(
        "own", "A.", (), frozenset(), lambda about, account: iter([wrong("no", hint), Answer(Verdict.OK, "y", hint)])
    )
    toy = Layer("toy", "", "", lambda env: synthesized_topic(), lambda env: True, place="layers/toy.py:1:1")
    [found] = run_checks(whole.session, [guarded(check, toy)], subject(whole), None)
    answer = only(found, Verdict.WRONG)
    assert (answer.stops, answer.hint) == (True, "the check own of layer toy says no more: look at layers/toy.py:1:1")


def synthesized_topic() -> Template:
    """A template with a topic in it."""
    template = Template()
    template.add_resource(Topic("T"))
    return template


def test_a_name_that_only_the_creation_knows_is_not_looked_for_and_said_so(whole: Bench) -> None:
    """A name that is made of another resource's is no text yet; it is no ✓."""
    added = Resource("own", "Uploads", "AWS::S3::Bucket", {"BucketName": {"Fn::Sub": "${Topic.TopicName}-x"}}, "Add")
    found = ran(whole, "names", replace(subject(whole), resources=(added,)))
    assert only(found, Verdict.UNKNOWN).text == "named only when they are created, so not looked for: own/Uploads"


@pytest.mark.long
def test_rules_beside_a_group_are_counted_when_they_alone_are_added(api: Bench, tmp_path: Path) -> None:
    """The plan of more ports asks the quota, though the group itself stays as it is."""
    api.bootstrap()
    api.begin(synthesize(api.env))
    api.aws.settings.quotas = {"L-0EA8095F": 10.0}
    ports = ", ".join(str(1000 + number) for number in range(15))
    wider = at_work(api.aws, environment(tmp_path, f"network: {{nat: single, extra_egress_ports: [{ports}]}}\n" + API))
    with pytest.raises(CloudError, match="ApiSecurityGroup SecurityGroupEgress: 17 rules, and 10 are allowed"):
        wider.deploy(synthesize(wider.env), require_approval="never")


@pytest.mark.long
def test_rules_that_other_layers_add_to_a_group_are_counted_with_its_own(deployed: Bench, tmp_path: Path) -> None:
    """By the name of the output before the group exists, by its id after: the network has two, another layer two."""
    first = subject(at_work(FakeAws(), environment(tmp_path, NETWORK + API, topology="nested")))
    now = subject(deployed)
    [group] = [each for each, place in now.groups.items() if place == "network/ApiSecurityGroup" and "-" in each]
    for about, given in ((first, {"Ref": "ApiSecurityGroupId"}), (now, group)):
        own = [Resource("cache", f"R{n}", "AWS::EC2::SecurityGroupEgress", {"GroupId": given}, "Add") for n in (1, 2)]
        deployed.aws.settings.quotas = {"L-0EA8095F": 3.0}
        found = ran(deployed, "quotas", replace(about, resources=(*about.resources, *own)))
        said = [each.text for each in found.answers if "rules" in each.text]
        assert said == ["network/ApiSecurityGroup SecurityGroupEgress: 4 rules, and 3 are allowed"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("used", "stops", "says"),
    [
        (6.0, True, "0.25 more are needed, and 0 of 6 are free: a rolling update starts new tasks beside the old ones"),
        (
            5.5,
            False,
            "0.75 more are needed, and 0.5 of 6 are free: a rolling update replaces its tasks a few at a time",
        ),
        (5.25, None, "0.75 more beside 5.25 of 6"),
    ],
)
def test_a_rolling_update_needs_room_beside_what_runs(
    deployed: Bench, tmp_path: Path, used: float, stops: bool | None, says: str
) -> None:
    """For one task, or it never ends; for all of them, or it takes turns."""
    more = API.replace("memory: 512", "memory: 1024").replace(
        "min_tasks: 1, max_tasks: 2", "min_tasks: 3, max_tasks: 3"
    )
    deployed.aws.settings.fargate_vcpus, deployed.aws.settings.quotas = used, {"L-3032A538": 6.0}
    found = ran(deployed, "fargate", subject(at_work(deployed.aws, environment(tmp_path, NETWORK + more))))
    [answer] = found.answers
    assert (says in answer.text, answer.stops if answer.verdict is Verdict.WRONG else None) == (True, stops), answer


@pytest.mark.long
def test_on_the_emulator_what_the_file_names_from_aws_is_not_known(whole: Bench) -> None:
    """A secret of AWS is missing in every emulator; a quota is as it says."""
    whole.aws.settings.secrets.clear()
    whole.aws.settings.others["AWS::EC2::VPC"] = 5
    local = replace(whole.session, local=True)
    secrets, quotas = run_checks(local, [CHECKS["secrets"], CHECKS["quotas"]], subject(whole), None)
    assert secrets.verdict is Verdict.UNKNOWN
    assert quotas.verdict is Verdict.WRONG
