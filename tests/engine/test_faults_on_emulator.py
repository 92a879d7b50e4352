"""Faults on the way between the engine and the emulator: the proxy in front of another AWS than our fake."""

import time
from typing import Any

import pytest
from fakeaws.proxy import THROTTLED, DropAfter, DropBefore, Fault, Proxy
from stage import QUEUE, TOPIC, Listener, assembly, environment, layer

from infragen.aws import connect
from infragen.engine.bootstrap import bootstrap
from infragen.engine.deploy import deploy_environment
from infragen.engine.progress import Session, Timer
from infragen.engine.run import Deployment
from infragen.machine.emulator import Emulator

REGION = "eu-central-1"


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("CreateChangeSet", DropAfter()),
        ("ExecuteChangeSet", DropAfter()),
        ("ExecuteChangeSet", DropBefore()),
        ("DescribeStackEvents", THROTTLED),
        ("PutObject", DropAfter()),
    ],
)
def test_one_fault_on_the_way_to_the_emulator_changes_nothing(
    emulator: Emulator, account: str, monkeypatch: pytest.MonkeyPatch, topology: str, operation: str, fault: Fault
) -> None:
    """Deployed all the same, each stack once, and the next run finds nothing to do."""
    keys = emulator.credentials(account)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret_key)
    env = environment(topology, account, REGION)
    layers = [
        layer("data", {"Jobs": QUEUE}, {"Url": {"Ref": "Jobs"}}),
        layer("use", {"News": {**TOPIC, "Properties": {"DisplayName": "x"}}}, takes=[("data", "Url")]),
    ]

    def deploy(url: str) -> Deployment:
        timer = Timer(time.monotonic, lambda seconds: time.sleep(min(seconds, 0.1)))
        session = Session(connect(REGION, account, endpoint_url=url), Listener(), timer)
        assert bootstrap(env, session).exit_code == 0
        return deploy_environment(assembly(*layers, env=env), session)

    with Proxy(emulator.endpoint_url) as proxy:
        proxy.on(operation, fault)
        assert deploy(proxy.url).exit_code == 0
        assert [seen.operation for seen in proxy.calls if seen.fault] == [operation]
    assert kinds(deploy(emulator.endpoint_url)) == {"Unchanged"}


def kinds(deployment: Deployment) -> Any:
    return {type(each).__name__ for each in deployment.outcomes}
