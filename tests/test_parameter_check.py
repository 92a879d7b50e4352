"""Cluster parameters are compared with what RDS has in their family, before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import Bench, at_work, environment
from fakeaws import FakeAws

from infragen.assembly.stacks import make_plan
from infragen.assembly.synth import synthesize
from infragen.checks import Answer, Verdict
from infragen.checks.parameters import CHECK, takes
from infragen.engine.account_checks import run_checks, subject_of
from infragen.engine.observe import observe
from infragen.engine.preview import examine_all
from infragen.errors import InputError


def at(aws: FakeAws, directory: Path, parameters: str) -> Bench:
    text = f"network: {{nat: single}}\ndatabase: {{min_acu: 0.5, max_acu: 4, parameters: {{{parameters}}}}}\n"
    return at_work(aws, environment(directory, text))


def asked(bench: Bench) -> tuple[Answer, ...]:
    session, plan = bench.session, make_plan(synthesize(bench.env))
    observed = observe(session, bench.env)
    about = subject_of(session, plan, observed.identity, examine_all(session, plan, observed))
    [found] = run_checks(session, [CHECK], about, None)
    return found.answers


def test_parameters_that_rds_takes_are_counted(aws: FakeAws, tmp_path: Path) -> None:
    """Those of every environment and those of the file, from both pages of RDS's answer."""
    [answer] = asked(at(aws, tmp_path, "work_mem: 4096, rds.force_ssl: on, random_page_cost: 1.1"))
    assert (answer.verdict, answer.text) == (
        Verdict.OK, "10 parameters of aurora-postgresql17 exist, can be changed and have values that RDS takes",
    )  # fmt: skip
    assert [call.operation for call in aws.calls].count("DescribeEngineDefaultClusterParameters") == 2


@pytest.mark.long
@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ("fsync: 0", "RDS does not allow changes of fsync"),
        ("rds.from_tomorrow: 1", "aurora-postgresql17 has no cluster parameter rds.from_tomorrow"),
        ("shared_preload_libraries: 'pg_stat_statements,nonsense'", "shared_preload_libraries: RDS takes auto_explain"),
    ],
)
def test_what_rds_refuses_is_refused_before_anything_is_made(
    aws: FakeAws, tmp_path: Path, parameters: str, says: str
) -> None:
    """Which lint cannot know: named in the plan, and the deployment ends with exit code 2."""
    bench = at(aws, tmp_path, parameters)
    bench.bootstrap()
    [wrong] = [each for each in asked(bench) if each.verdict is Verdict.WRONG]
    assert says in wrong.text
    assert "describe-engine-default-cluster-parameters --db-parameter-group-family aurora-postgresql17" in wrong.hint
    aws.calls.clear()
    with pytest.raises(InputError, match=says) as refused:
        bench.deploy(synthesize(bench.env))
    assert "--skip-check parameters" in refused.value.hint
    assert aws.mutations() == []


def test_what_rds_does_not_say_is_unknown(aws: FakeAws, tmp_path: Path) -> None:
    """A list of values that infragen cannot read; a parameter without one takes anything."""
    aws.settings.cluster_parameters = {"work_mem": ("[0-9]+(kB|MB)", True), "search_path": ("", True)}
    verdicts = {each.verdict: each.text for each in asked(at(aws, tmp_path, "work_mem: 4096, search_path: app"))}
    assert "infragen cannot read which values RDS takes ([0-9]+(kB|MB))" in verdicts[Verdict.UNKNOWN]
    assert verdicts[Verdict.OK].startswith("9 parameters")


@pytest.mark.parametrize(
    ("allowed", "value", "right"),
    [
        ("64-2147483647", "64", True), ("64-2147483647", "63", False), ("-1-2147483647", "-1", True),
        ("0.0-1.0", "0.5", True), ("0-1.79769e+308", "1e300", True), ("0,1", "off", True), ("0,1", "2", False),
        ("none,ddl,mod,all", "DDL", True), ("none,ddl,mod,all", "ddl,mod", True), ("stderr,csvlog", "stderr,x", False),
        ("0-10,20", "20", True), ("0-10,20", "15", False), ("0-10", "ten", False),
    ],
)  # fmt: skip
def test_allowed_values_are_ranges_and_words(allowed: str, value: str, right: bool) -> None:
    """As RDS writes them."""
    assert takes(allowed, value) is right
