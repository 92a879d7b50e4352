"""A certificate that waits for its DNS record, as a user of `infragen deploy` sees it."""

from pathlib import Path

import pytest
from bench import at_work, head, make_bucket
from commands import CommandLine
from fakeaws import FakeAws

from infragen.cli import main
from infragen.config import load_environment

TEXT = """\
network: {nat: per_az}
api:
  https: {mode: domain, domain_name: api.shop.example.com, hosted_zone_id: Z1}
  ingress_cidrs: [203.0.113.0/24]
  cpu: 256
  memory: 512
  min_tasks: 1
  max_tasks: 2
"""
SERVERS = ("ns-1.awsdns-01.org", "ns-2.awsdns-02.com")
RECORD = "Content of DNS Record is: {Name: _x1.api.shop.example.com.,Type: CNAME,Value: _x2.acm-validations.aws.}"


@pytest.fixture
def command(
    aws: FakeAws, tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch, topology: str
) -> CommandLine:
    (tmp_path / "environments").mkdir()
    file = tmp_path / "environments" / "test.yaml"
    file.write_text(head(topology=topology) + TEXT)
    env = load_environment(file)
    make_bucket(aws, env, at_work(aws, env).session)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    aws.settings.zones = {"Z1": ("shop.example.com", SERVERS, False)}
    return CommandLine(aws.clock)


@pytest.mark.long
def test_a_pending_certificate_is_followed_and_says_what_it_waits_for(aws: FakeAws, command: CommandLine) -> None:
    """Whether the zone is delegated is not known here: the record is named once, when the usual half hour is over, and
    when ACM sees it, the deployment goes on.
    """
    aws.slow("Certificate", 2400)
    ended = command.invoke(main, ["deploy", "--env", "test", "--yes"])
    assert ended.exit_code == 0, ended.output
    assert ended.output.count("ACM has not seen the DNS record") == 1
    assert RECORD in ended.output


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_a_certificate_that_is_given_up_names_its_record(aws: FakeAws, command: CommandLine) -> None:
    """When ACM gives up, the outcome has ACM's words; what it waited for was said on the way."""
    aws.fail("Certificate", "Certificate validation timed out", after=2400)
    ended = command.invoke(main, ["deploy", "--env", "test", "--yes"])
    assert ended.exit_code == 1, ended.output
    assert "api/Certificate (AWS::CertificateManager::Certificate) CREATE_FAILED" in ended.output
    assert "Certificate validation timed out" in ended.output
    assert RECORD in ended.output


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_an_undelegated_zone_is_refused_before_anything_is_created(aws: FakeAws, command: CommandLine) -> None:
    """Its parent in this account names other servers: the certificate would wait for 72 hours in vain."""
    aws.settings.registered = {"shop.example.com": ("ns-9.elsewhere.net",)}
    before = aws.mutations()
    ended = command.invoke(main, ["deploy", "--env", "test", "--yes"])
    assert ended.exit_code == 2, ended.output
    assert "ns-9.elsewhere.net" in ended.output
    assert "cloudformation:ExecuteChangeSet" not in aws.mutations()[len(before) :]
