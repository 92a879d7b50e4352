"""Building into a VPC that exists: what is rendered, and what the account is asked before anything is created."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench import ACCOUNT, Bench, at_work, environment
from fakeaws import FakeAws
from fakeaws.cloud import ExistingVpc

from infragen.assembly.synth import synthesize
from infragen.checks import Answer, Verdict
from infragen.config import Environment
from infragen.engine.doctor import doctor
from infragen.engine.options import Options
from infragen.errors import InfragenError, InputError
from infragen.plan.between import plan_between, rendering

VPC = "vpc-0123456789abcdef0"
PUBLIC, PRIVATE = ("subnet-00000001", "subnet-00000002"), ("subnet-00000003", "subnet-00000004")
DATABASE = ("subnet-00000005", "subnet-00000006")
FILE = f"""
network:
  vpc_id: {VPC}
  public_subnet_ids: [{", ".join(PUBLIC)}]
  private_subnet_ids: [{", ".join(PRIVATE)}]
"""
API = """
api:
  https: {mode: http_only}
  ingress_cidrs: [203.0.113.0/24]
  cpu: 256
  memory: 512
  min_tasks: 1
  max_tasks: 2
"""
SUBNETS = {
    each: (f"us-east-1{zone}", 200)
    for pair in (PUBLIC, PRIVATE, DATABASE)
    for each, zone in zip(pair, "ab", strict=True)
}
ROUTES = {"": "", **dict.fromkeys(PUBLIC, "igw-1"), **dict.fromkeys(PRIVATE, "nat-1")}
THERE = ExistingVpc(subnets=SUBNETS, routes=ROUTES)


def at(
    aws: FakeAws, folder: Path, text: str = FILE + API, there: ExistingVpc | None = THERE, topology: str = "independent"
) -> Bench:
    """An operator of an environment in that VPC."""
    if there is not None:
        aws.settings.vpcs[VPC] = there
    return at_work(aws, environment(folder, text, topology))


def answers(bench: Bench, check: str = "vpc") -> list[Answer]:
    [found] = [each for each in doctor(synthesize(bench.env), bench.session, Options()).results if each.check == check]
    return list(found.answers)


def test_routes_subnets_and_the_way_out_are_not_created(aws: FakeAws, tmp_path: Path) -> None:
    """Security groups, key, topic and endpoints are; what other layers take of the VPC is what the file names."""
    env = environment(tmp_path, FILE + "  interface_endpoints: [logs]\n" + API)
    body = synthesize(env).template("network").body
    kinds = {each["Type"] for each in body["Resources"].values()}
    assert {each.rpartition("::")[2] for each in kinds} == {
        "Key", "Topic", "TopicPolicy", "SecurityGroup", "SecurityGroupIngress", "SecurityGroupEgress", "VPCEndpoint",
    }  # fmt: skip
    outputs = {name: each["Value"] for name, each in body["Outputs"].items()}
    assert outputs["VpcId"] == VPC
    assert (outputs["PublicSubnetIds"], outputs["PrivateSubnetIds"]) == (",".join(PUBLIC), ",".join(PRIVATE))
    assert outputs["IsolatedSubnetIds"] == ",".join(PRIVATE)
    assert body["Resources"]["LogsEndpoint"]["Properties"]["SubnetIds"] == list(PRIVATE)
    groups = [each for each in body["Resources"].values() if each["Type"] == "AWS::EC2::SecurityGroup"]
    assert {each["Properties"]["VpcId"] for each in groups} == {VPC}


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_an_environment_in_an_existing_vpc_is_deployed(aws: FakeAws, tmp_path: Path, topology: str) -> None:
    """Through the checks; the VPC is only read."""
    database = "database: {min_acu: 0.5, max_acu: 1}\n"
    bench = at(aws, tmp_path, FILE + API + database, topology=topology)
    bench.bootstrap()
    assert bench.deploy(synthesize(bench.env)).exit_code == 0
    called = {each.operation for each in aws.calls if "Vpc" in each.operation}
    assert called <= {"DescribeVpcs", "DescribeVpcAttribute", "DescribeVpcEndpoints"}


@pytest.mark.long
def test_all_is_well_in_a_vpc_that_has_what_is_needed(aws: FakeAws, tmp_path: Path) -> None:
    """Each question has its answer."""
    found = answers(at(aws, tmp_path))
    assert {each.verdict for each in found} == {Verdict.OK}
    assert [each.text for each in found] == [
        f"{VPC} is there and resolves names",
        "private_subnet_ids: 2 subnets in us-east-1a, us-east-1b",
        "public_subnet_ids: 2 subnets in us-east-1a, us-east-1b",
        "400 addresses are free in the private subnets",
    ]


def changed(**members: Any) -> ExistingVpc:
    return replace(THERE, **members)


def with_subnet(name: str, zone: str, free: int = 200) -> ExistingVpc:
    return changed(subnets={**SUBNETS, name: (zone, free)})


NONE = FILE.replace("network:", "network:\n  nat: none")
WRONG: dict[str, tuple[str, ExistingVpc | None, str, bool]] = {
    "no such VPC": (FILE, None, f"{VPC} is no VPC of account {ACCOUNT} in us-east-1", True),
    "no DNS": (FILE, changed(dns_support=False), "resolves no names", True),
    "no DNS names for endpoints": (
        FILE + "  interface_endpoints: [logs]\n", changed(dns_hostnames=False), "which interface endpoints need", True,
    ),
    "no such subnet": (
        FILE, changed(subnets={each: at for each, at in SUBNETS.items() if each != PRIVATE[1]}),
        f"{PRIVATE[1]} is no subnet of this account in us-east-1", True,
    ),
    "one zone": (FILE, with_subnet(PRIVATE[1], "us-east-1a"), "private_subnet_ids are in us-east-1a alone", True),
    "twice a zone": (
        FILE.replace(", ".join(PUBLIC), ", ".join((*PUBLIC, DATABASE[0]))),
        changed(routes={**ROUTES, DATABASE[0]: "igw-1"}), "a load balancer takes one of each zone", True,
    ),
    "no address for the load balancer": (FILE, with_subnet(PUBLIC[0], "us-east-1a", 7), "needs 8", True),
    "no address for a task": (
        FILE, changed(subnets={**SUBNETS, **{each: (SUBNETS[each][0], 0) for each in PRIVATE}}), "0 addresses", True,
    ),
    "few addresses": (
        FILE, changed(subnets={**SUBNETS, **{each: (SUBNETS[each][0], 1) for each in PRIVATE}}), "up to 4", False,
    ),
    "a public subnet without a gateway": (
        FILE, changed(routes={**ROUTES, PUBLIC[0]: "nat-1"}), "leads to nat-1, not to an internet gateway", True,
    ),
    "a private subnet on the main table": (
        FILE, changed(routes={"": "", **dict.fromkeys(PUBLIC, "igw-1")}), "has no default route", True,
    ),
    "a route to what is gone": (FILE, changed(routes={**ROUTES, PRIVATE[0]: "nat-gone"}), "has no default route", True),
    "a private subnet that is public": (
        FILE, changed(routes={**ROUTES, PRIVATE[0]: "igw-1"}), "have no public address", True,
    ),
    "no way out and no endpoints": (NONE, THERE, "no endpoint of ecr.api, ecr.dkr, logs, secretsmanager, sqs", True),
    "a second endpoint": (
        FILE + "  interface_endpoints: [logs]\n",
        changed(endpoints=(("com.amazonaws.us-east-1.logs", "Interface", True),)), "a second one fails", True,
    ),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_vpc_is_named(aws: FakeAws, tmp_path: Path, case: str) -> None:
    """In words, with the line's place and what to do; what a deployment would fail of stops it."""
    text, there, words, stops = WRONG[case]
    bench = at(aws, tmp_path, text + API, there)
    wrong = [each for each in answers(bench) if each.verdict is Verdict.WRONG]
    assert any(words in each.text and each.hint and each.stops is stops for each in wrong), wrong
    if stops:
        bench.bootstrap()
        with pytest.raises(InfragenError, match=r"vpc|subnet|address"):
            bench.deploy(synthesize(bench.env))
        assert not [each for each in aws.mutations() if "shop-test-artifacts" not in str(each)]


@pytest.mark.long
def test_where_the_zones_of_the_subnets_are_not_known_the_engine_is_not_judged(aws: FakeAws, tmp_path: Path) -> None:
    """The check of the VPC names the subnets."""
    database = "database: {engine_version: '17.7', min_acu: 0.5, max_acu: 1}\n"
    bench = at(aws, tmp_path, FILE + API + database, changed(subnets={}))
    [engine] = answers(bench, "engine")
    assert (engine.verdict, engine.text.partition(": ")[2]) == (
        Verdict.UNKNOWN, "the zones of its subnets are not known",
    )  # fmt: skip


def test_without_a_way_out_the_endpoints_that_are_there_count(aws: FakeAws, tmp_path: Path) -> None:
    """Those of the platform team and our own together."""
    listed = tuple((f"com.amazonaws.us-east-1.{each}", "Interface", True) for each in ("ecr.api", "ecr.dkr", "sqs"))
    s3 = ("com.amazonaws.us-east-1.s3", "Gateway", False)
    there = changed(endpoints=(*listed, s3), routes={"": "", **dict.fromkeys(PUBLIC, "igw-1")})
    text = NONE + "  interface_endpoints: [logs, secretsmanager]\n" + API
    assert {each.verdict for each in answers(at(aws, tmp_path, text, there))} == {Verdict.OK}


@pytest.mark.long
@pytest.mark.parametrize("back", [False, True])
def test_moving_into_another_vpc_is_impossible(aws: FakeAws, tmp_path: Path, back: bool) -> None:
    """From our own VPC into an existing one, back, and between two."""
    texts = ["network: {nat: single}\n" + API, FILE + API, FILE.replace(VPC, "vpc-01234567") + API]
    for before, after in ((0, 1), (1, 2)):
        pair = [rendering(synthesize(environment(tmp_path, texts[each]))) for each in (before, after)]
        old, new = reversed(pair) if back else pair
        plan = plan_between("test", "us-east-1", old, new, "before")
        assert "impossible" in {each.level for each in plan.interruptions}


@pytest.mark.long
def test_a_second_deployment_finds_its_own_endpoints_in_order(aws: FakeAws, tmp_path: Path) -> None:
    """What the first created is no collision."""
    bench = at(aws, tmp_path, FILE + "  interface_endpoints: [logs]\n" + API)
    bench.bootstrap()
    bench.begin(synthesize(bench.env))
    aws.settings.vpcs[VPC] = changed(endpoints=(("com.amazonaws.us-east-1.logs", "Interface", True),))
    assert {each.verdict for each in answers(bench)} == {Verdict.OK}


def test_ids_need_the_vpc(tmp_path: Path) -> None:
    """Subnets without their VPC are an error of the file."""
    with pytest.raises(InputError, match=r"name it with network\.vpc_id"):
        _loaded(tmp_path, FILE.replace(f"  vpc_id: {VPC}\n", "") + API)


def _loaded(folder: Path, text: str) -> Environment:
    from infragen.config import load_environment

    path = folder / "test.yaml"
    path.write_text(f"project: shop\nenvironment: test\nregion: us-east-1\n{text}")
    return load_environment(path)
