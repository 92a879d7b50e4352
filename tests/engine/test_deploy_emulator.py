"""Every environment, all six layers, deployed by the engine on the emulator, in both topologies."""

import dataclasses
import itertools
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from account_contents import everything
from emulator import Clients, Faults
from formats import check_formats
from stage import Listener
from sweeps import SOAKING

from infragen.assembly.stacks import bucket_name
from infragen.assembly.synth import synthesize
from infragen.aws import Account, connect
from infragen.config import Environment, load_environment
from infragen.config.directory import find
from infragen.engine.bootstrap import bootstrap
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.destroy import DestroyOptions, destroy_environment, plan_destroy
from infragen.engine.options import Options
from infragen.engine.outcome import Deleted, Deployed, Failed, Unchanged
from infragen.engine.progress import Session, Timer
from infragen.engine.status import outputs, status
from infragen.errors import Refused
from infragen.machine.emulator import Emulator

FOLDER = Path(__file__).parents[1] / "data" / "environments"
ENVIRONMENTS = [file.stem for file in find(FOLDER)]
TOPOLOGIES = ["nested", "independent"]


def loaded(name: str, topology: str, account: str, **more: Any) -> Environment:
    env = load_environment(FOLDER / f"{name}.yaml")
    return env.model_copy(update={"topology": topology, "account": account, **more})


@pytest.fixture
def session(emulator: Emulator, account: str, monkeypatch: pytest.MonkeyPatch, request: Any) -> Session:
    """The engine's session for this test's account; real time, as for a user."""
    keys = emulator.credentials(account)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret_key)
    region = load_environment(FOLDER / f"{request.node.callspec.params.get('name', 'dev')}.yaml").region
    cloud = connect(region, account, endpoint_url=emulator.endpoint_url)
    return Session(cloud, Listener(), Timer(time.monotonic, lambda seconds: time.sleep(min(seconds, 0.02))))


def push(session: Session, repository: str, tag: str) -> None:
    """An image for both architectures, as `docker buildx build --push` leaves it."""
    platforms = [{"platform": {"os": "linux", "architecture": each}} for each in ("arm64", "amd64")]
    kind = "application/vnd.oci.image.index.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": platforms})
    assert isinstance(session.cloud, Account)
    session.cloud.clients.registry.put_image(
        repositoryName=repository, imageTag=tag, imageManifest=manifest, imageManifestMediaType=kind
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "topology"),
    list(itertools.product(ENVIRONMENTS, TOPOLOGIES))
    if SOAKING  # in short, each environment once
    else list(zip(ENVIRONMENTS, itertools.cycle(TOPOLOGIES), strict=False)),
)
def test_an_environment_lives_from_creation_to_deletion(
    session: Session, account: str, name: str, topology: str
) -> None:
    """Created, found unchanged, updated, destroyed; protections are switched off after asking for each by its name."""
    env = loaded(name, topology, account)
    assert bootstrap(env, session).exit_code == 0
    skip = Options(skip_check=frozenset({"certificate", "zone"}))  # the file's are in AWS
    created = deploy_environment(synthesize(env), session, skip)
    assert {type(each) for each in created.outcomes} == {Deployed}, created.outcomes
    push(session, f"{env.name}-api", "abc123")
    assert "Url" in outputs(synthesize(env), session)
    again = deploy_environment(synthesize(env), session)
    assert {type(each) for each in again.outcomes} == {Unchanged}
    queues = tuple(queue.model_copy(update={"retention_days": 6}) for queue in env.queues)
    workers = tuple(worker.model_copy(update={"memory": 1536}) for worker in env.workers)
    changed = env.model_copy(update={"queues": queues, "workers": workers})
    updated = deploy_environment(synthesize(changed), session, replace(skip, image_tag="abc123"))
    assert updated.exit_code == 0, updated.outcomes
    places = {row.place for row in updated.plan.changes() if row.layer != "root"}
    assert {"queue/NotificationsQueue", "worker/NotificationsFunction", "api/TaskDefinition"} <= places
    for each in (created, again, updated):
        check_formats(each.plan)
    gone = destroy_environment(changed, session, DestroyOptions(confirmed=name))
    assert {type(each) for each in gone.outcomes} == {Deleted}, gone.outcomes
    assert {each.status for each in status(synthesize(env), session)} == {"absent", "CREATE_COMPLETE"}


LOGS = frozenset({"api/AccessLogs", "artifacts/Bucket"})


@pytest.mark.long
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_development_leaves_nothing_behind(
    session: Session, account: str, topology: str, faults: Faults, client: Clients
) -> None:
    """After a life, and after a first creation that failed and left things; the log bucket and the one of bootstrap are
    emptied, versions included, because they are named.
    """
    env = loaded("dev", topology, account)
    before = everything(client, account, env.region)
    options = DestroyOptions(bootstrap=True, empty=LOGS)
    bootstrap(env, session)
    assert deploy_environment(synthesize(env), session).exit_code == 0
    s3 = client("s3", account, env.region)
    [logs] = [each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"] != bucket_name(env)]
    for _ in range(2):
        s3.put_object(Bucket=logs, Key="AWSLogs/one", Body=b"a load balancer's")
    assert len(everything(client, account, env.region)) > len(before) + 20
    gone = destroy_environment(env, session, options)
    assert {type(each) for each in gone.outcomes} == {Deleted}, gone.outcomes
    assert not [each for each in gone.outcomes if isinstance(each, Deleted) and each.kept]
    assert everything(client, account, env.region) == before
    bootstrap(env, session)
    faults(fail={"create AWS::SQS::Queue": [1]})
    assert deploy_environment(synthesize(env), session, Options(on_failure="keep")).exit_code == 1
    faults()
    gone = destroy_environment(env, session, replace(options, empty=frozenset({"artifacts/Bucket"})))
    assert gone.exit_code == 0, gone.outcomes
    assert everything(client, account, env.region) == before


@pytest.mark.long
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_failing_resource_rolls_back_and_is_named(
    session: Session, account: str, topology: str, faults: Faults
) -> None:
    """The first creation fails in the queue layer; after the cause is gone the same command succeeds."""
    env = loaded("dev", topology, account)
    bootstrap(env, session)
    faults(fail={"create AWS::SQS::Queue": [1]})
    failed = deploy_environment(synthesize(env), session)
    assert failed.exit_code == 1
    [outcome] = [each for each in failed.outcomes if isinstance(each, Failed)]
    assert outcome.cause is not None
    assert (outcome.cause.layer, outcome.cause.type) == ("queue", "AWS::SQS::Queue")
    assert "injected failure" in outcome.cause.reason
    faults()
    assert deploy_environment(synthesize(env), session).exit_code == 0


@pytest.mark.long
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_database_is_not_replaced_by_accident(session: Session, account: str, topology: str) -> None:
    """Another identifier would make a new, empty cluster: refused, with the resources that would be lost."""
    env = loaded("dev", topology, account)
    bootstrap(env, session)
    deploy_environment(synthesize(env), session)
    assert env.database is not None
    other = env.model_copy(update={"database": env.database.model_copy(update={"identifier_suffix": "new"})})
    with pytest.raises(Refused, match="database/Cluster"):
        deploy_environment(synthesize(other), session)
    plan = plan_environment(synthesize(other), session)
    [row] = [each for each in plan.changes() if each.place == "database/Cluster"]
    assert row.replacement == "True"


@pytest.mark.long
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_deletion_shows_every_fate_and_asks_for_each_protection(
    session: Session, account: str, topology: str
) -> None:
    """What is kept and snapshotted is known before; without a yes to every protection nothing is deleted."""
    env = loaded("dev", topology, account, protect=True)
    assert env.database is not None
    assert env.api is not None
    safe = {
        "database": env.database.model_copy(update={"deletion": "snapshot", "deletion_protection": True}),
        "api": env.api.model_copy(update={"deletion_protection": True}),
    }
    env = env.model_copy(update=safe)
    bootstrap(env, session)
    assert deploy_environment(synthesize(env), session).exit_code == 0
    plan = plan_destroy(env, session)
    assert "database/Cluster" in {each.place for each in plan.ending("snapshotted")}
    assert "database/DataKey" in {each.place for each in plan.ending("kept")}
    assert [each.place for each in plan.slow()] == ["worker/NotificationsFunction"]
    protected = {"database/Cluster", "api/LoadBalancer"}
    assert {each.place for stack in plan.stacks for each in stack.resources if each.protected} == protected
    silent = dataclasses.replace(session, ui=Listener(answers=False))
    with pytest.raises(Refused):
        destroy_environment(env, silent, DestroyOptions(confirmed="dev"))
    stacks = {"shop-dev"} if topology == "nested" else {each.state.name for each in plan.stacks}
    options = DestroyOptions(confirmed="dev", unprotect=frozenset(protected | stacks))
    gone = destroy_environment(env, silent, options)
    assert {type(each) for each in gone.outcomes} == {Deleted}, gone.outcomes
    kept = [name for each in gone.outcomes if isinstance(each, Deleted) for name in each.kept]
    assert {name.partition(" (")[0] for name in kept} == {"network/Key", "database/DataKey", "api/AccessLogs"}
