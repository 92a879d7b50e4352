"""The product's own environment on the running emulator: its credentials, a bad image, and what `destroy` leaves."""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import psycopg
import pytest
from twins import ROOT, System, kept, lines, until

from infragen.emulator import Emulator, status

pytestmark = pytest.mark.twin


def credentials(system: System) -> dict[str, Any]:
    """Return the value of the application's secret."""
    secret = system.outputs()["DatabaseCredentialsArn"]
    found: dict[str, Any] = json.loads(
        system.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    )
    return found


def test_the_credentials_rotate_and_those_before_stay_valid(system: System) -> None:
    """Three rotations, each by the product's function in four steps, each complete when it has ended, so that the next
    one is taken; a login is good until the rotation after.
    """
    manager, secret = system.client("secretsmanager"), system.outputs()["DatabaseCredentialsArn"]

    def labels() -> list[str]:
        stages = manager.describe_secret(SecretId=secret)["VersionIdsToStages"].values()
        return sorted(label for version in stages for label in version)

    assert manager.describe_secret(SecretId=secret)["RotationEnabled"] is True
    seen = [credentials(system)]
    for _ in range(3):
        manager.rotate_secret(SecretId=secret)
        until(lambda: "AWSPENDING" not in labels(), "the end of the rotation")
        assert labels() == ["AWSCURRENT", "AWSPREVIOUS"]
        seen.append(credentials(system))
        for each in seen[-2:]:
            with psycopg.connect(each["url"], autocommit=True) as connection:
                assert connection.execute("SELECT session_user, current_user").fetchone() == (each["username"], "app")
    assert [each["username"] for each in seen] == ["app_a", "app_b", "app_a", "app_b"]
    for each in seen[:2]:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(each["url"])


def test_a_rotation_that_is_asked_for_while_one_runs_is_refused_and_changes_nothing(system: System) -> None:
    """RotateSecret answers at once, with AWS's words, however often; with the token of the one that runs it is the same
    request. One rotation is made. It runs for as long as a lock keeps it from setting the password.
    """
    manager, secret = system.client("secretsmanager"), system.outputs()["DatabaseCredentialsArn"]
    master = manager.get_secret_value(SecretId=system.outputs()["MasterSecretArn"])["SecretString"]
    before, token = credentials(system), str(uuid.uuid4())
    other = "app_b" if before["username"] == "app_a" else "app_a"
    with psycopg.connect(before["url"], user="dbadmin", password=json.loads(master)["password"]) as holder:
        holder.execute(f"ALTER ROLE {other} CONNECTION LIMIT -1")
        manager.rotate_secret(SecretId=secret, ClientRequestToken=token)
        assert manager.rotate_secret(SecretId=secret, ClientRequestToken=token)["VersionId"] == token
        for _ in range(3):
            with pytest.raises(manager.exceptions.InvalidRequestException, match="A previous rotation isn't complete"):
                manager.rotate_secret(SecretId=secret)
        holder.rollback()
    stages = until(lambda: complete(manager.describe_secret(SecretId=secret)), "the end of the rotation")
    assert stages[token] == ["AWSCURRENT"]
    assert credentials(system)["username"] == other


def complete(secret: dict[str, Any]) -> dict[str, list[str]]:
    """Return the labels of a secret's versions once none is pending."""
    stages: dict[str, list[str]] = secret["VersionIdsToStages"]
    return {} if any("AWSPENDING" in each for each in stages.values()) else stages


def test_an_image_that_crashes_fails_the_deployment_and_the_one_before_answers(system: System, tmp_path: Path) -> None:
    """The command ends with 1 and names what ECS did; the task's own line is in the log of the API."""
    (tmp_path / "main.js").write_text("console.error('cannot find CONFIG'); process.exit(3)")
    system.infragen("image", "put", str(tmp_path), "--image-tag", "bad", "--command", "node main.js")
    told = system.infragen("deploy", "--yes", "--image-tag", "bad", ok=False)
    assert "ECS Deployment Circuit Breaker was triggered" in told
    assert "cannot find CONFIG" in lines(system.client("logs"), "/ecs/shop-dev-api")
    [service] = system.client("ecs").describe_services(cluster="shop-dev", services=["shop-dev-api"])["services"]
    assert (service["runningCount"], service["deployments"][0]["rolloutState"]) == (1, "COMPLETED")


def test_destroying_an_environment_leaves_no_process(twin: Emulator, tmp_path: Path) -> None:
    """In the independent topology: seven stacks, the same tasks and database, and after `destroy` none of them."""
    shutil.copytree(ROOT / "environments", tmp_path / "environments")
    file = tmp_path / "environments" / "dev.yaml"
    given = file.read_text().replace("111111111111", "222222222222")
    file.write_text(given.replace("environment: dev", "environment: dev\ntopology: independent", 1))
    before = set(kept(twin.state_dir))
    other = System(twin, "222222222222", "us-east-1", tmp_path)
    other.infragen("bootstrap", "--yes")
    other.infragen("deploy", "--yes")
    assert len({each["StackName"] for each in other.client("cloudformation").describe_stacks()["Stacks"]}) >= 7
    started = set(kept(twin.state_dir)) - before
    assert len(started) >= 2  # a task and a database server, at least
    other.infragen("destroy", "--yes")
    until(lambda: not alive(started - functions(started)), "the end of every task and server")
    assert status(twin.state_dir) is not None


def functions(processes: set[int]) -> set[int]:
    """Return those that run functions: they are kept warm for a while, as on AWS."""
    return {pid for pid in processes if "_worker." in command(pid)}


def alive(processes: set[int]) -> list[str]:
    """Return the commands of those that still run."""
    return [command(pid) for pid in processes if command(pid)]


def command(pid: int) -> str:
    """Return what a process runs; empty when it does not."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
