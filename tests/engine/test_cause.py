"""The root cause of a failure leads to the line of the environment file that it comes from."""

from dataclasses import replace
from pathlib import Path

import pytest
from bench import ACCOUNT, Bench, at_work, failure, make_bucket
from fakeaws import FakeAws

from infragen.assembly.synth import synthesize
from infragen.config import EnvironmentFile, load_file
from infragen.engine.deploy import deploy_environment
from infragen.engine.run import Deployment
from infragen.engine.status import status
from infragen.errors import OperationFailed

TEXT = f"""\
project: shop
environment: test
region: us-east-1
account: "{ACCOUNT}"
topology: TOPOLOGY
network:
  nat: none
  interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sts, sqs, rds-data, ssm, kms]
queues:
  - name: mail
  - name: jobs
    retention_days: 9
"""


@pytest.fixture(params=["nested", "independent"])
def file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EnvironmentFile:
    monkeypatch.chdir(tmp_path)
    Path("test.yaml").write_text(TEXT.replace("TOPOLOGY", request.param))
    return load_file(Path("test.yaml"))


@pytest.fixture
def worker(aws: FakeAws, file: EnvironmentFile) -> Bench:
    bench = at_work(aws, file.environment)
    make_bucket(aws, file.environment, bench.session)
    return bench


def deploy(bench: Bench, file: EnvironmentFile) -> Deployment:
    return deploy_environment(synthesize(file.environment), replace(bench.session, file=file))


@pytest.mark.long
def test_a_failed_resource_names_the_line_of_its_item(worker: Bench, aws: FakeAws, file: EnvironmentFile) -> None:
    """The second queue of the list, in both topologies."""
    aws.fail("JobsQueue", "quota reached")
    found = failure(deploy(worker, file))
    assert found.cause is not None
    assert str(found.cause.setting) == "test.yaml:11 queues[1]"
    assert found.message.endswith("CREATE_FAILED: quota reached (test.yaml:11 queues[1])")


@pytest.mark.long
def test_a_value_in_awss_words_names_its_own_line(worker: Bench, aws: FakeAws, file: EnvironmentFile) -> None:
    """The key, not only the item it belongs to."""
    aws.fail("JobsQueue", "MessageRetentionPeriod is not valid")
    cause = failure(deploy(worker, file)).cause
    assert cause is not None
    assert str(cause.setting) == "test.yaml:12 queues[1].retention_days"


@pytest.mark.long
def test_a_failed_first_creation_names_the_line_when_it_is_found_again(
    worker: Bench, aws: FakeAws, file: EnvironmentFile
) -> None:
    """The next deployment says why the stack it removes had failed, and from which line."""
    aws.fail("JobsQueue", "quota reached")
    assert deploy(worker, file).exit_code == 1
    worker.ui.events.clear()
    deploy(worker, file)
    assert "quota reached (test.yaml:11 queues[1])" in str(worker.ui.events)


@pytest.mark.long
def test_c16_early_validation_names_the_line_of_the_property(
    worker: Bench, aws: FakeAws, file: EnvironmentFile
) -> None:
    """AWS names a path in the template; we name the key that put it there."""
    aws.settings.early_validation["JobsQueue"] = (
        "/Resources/JobsQueue/Properties/MessageRetentionPeriod",
        "expected type: Integer",
    )
    try:
        said = failure(deploy(worker, file)).message
    except OperationFailed as error:
        said = error.message
    assert "expected type: Integer (test.yaml:12 queues[1].retention_days)" in said


@pytest.mark.long
def test_status_says_why_the_last_operation_failed_and_no_earlier_one(
    worker: Bench, aws: FakeAws, file: EnvironmentFile
) -> None:
    """Two updates fail one after the other; the second one's cause, its line, and what to type."""
    assert deploy(worker, file).exit_code == 0
    for number, reason in ((10, "first"), (11, "second")):
        file.path.write_text(file.path.read_text().replace("retention_days: 9", f"retention_days: {number}"))
        file = load_file(file.path)
        aws.mend()
        aws.fail("JobsQueue", reason, on="update")
        assert deploy(worker, file).exit_code == 1
        file.path.write_text(file.path.read_text().replace(f"retention_days: {number}", "retention_days: 9"))
    rows = status(synthesize(file.environment), replace(worker.session, file=file))
    [found] = [each for each in rows if each.cause]
    assert found.status == "UPDATE_ROLLBACK_COMPLETE"
    assert found.cause.endswith("UPDATE_FAILED: second (test.yaml:11 queues[1])")
    assert found.hint == "the stack is as it was before; fix the cause and deploy again"


@pytest.mark.long
def test_an_update_that_somebody_else_cancels_is_no_riddle(worker: Bench, aws: FakeAws, file: EnvironmentFile) -> None:
    """No resource failed, and AWS gives no reason: the message says what it looks like."""
    assert deploy(worker, file).exit_code == 0
    file.path.write_text(file.path.read_text().replace("retention_days: 9", "retention_days: 10"))
    file = load_file(file.path)
    aws.slow("JobsQueue", 60, on="update")
    stack = "shop-test" if file.environment.topology == "nested" else "shop-test-queue"
    aws.at(30, lambda: aws.elsewhere.cancel_update_stack({"StackName": stack}))
    found = failure(deploy(worker, file))
    assert found.cause is None
    assert found.message.endswith("no resource failed: the operation was probably cancelled")
