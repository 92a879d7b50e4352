"""The product's own environment on the running emulator: the rotation of its credentials."""

import json
import time
import uuid
from typing import Any

import psycopg
import pytest
from twins import System, until

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
        assert seen[-1]["url"].endswith("?sslmode=disable")
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
        began = int(time.time())
        manager.rotate_secret(SecretId=secret, ClientRequestToken=token)
        changed = manager.describe_secret(SecretId=secret)["LastChangedDate"]
        assert changed.timestamp() >= began  # by which `ps` tells a rotation that runs from one that did not end
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


def test_what_the_emulator_leaves_out_of_functions_is_no_drift(system: System) -> None:
    """A variable that somebody changes by hand is."""
    functions = system.client("lambda")
    name = system.outputs()["DatabaseCredentialsFunctionName"]
    assert "CredentialsFunction" not in system.infragen("drift")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    try:
        changed = {**variables, "URL_SUFFIX": "?sslmode=prefer"}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
        assert "CredentialsFunction" in system.infragen("drift")
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
