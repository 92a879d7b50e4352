"""The database of an environment: the product's own template on a real PostgreSQL server."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from emulator import REGION, Clients, delete, fresh_account, make_client
from twins import until

from infragen.machine.emulator import Emulator, reset, start, stop

DATABASE = """
Resources:
  Settings:
    Type: AWS::RDS::DBClusterParameterGroup
    Properties:
      Description: a test
      Family: aurora-postgresql17
      Parameters: {log_min_duration_statement: "77"}
  Cluster:
    Type: AWS::RDS::DBCluster
    Properties:
      DBClusterParameterGroupName: !Ref Settings
      EnableIAMDatabaseAuthentication: true
      BackupRetentionPeriod: 7
      ServerlessV2ScalingConfiguration: {MinCapacity: 0.5, MaxCapacity: 64}
      Engine: aurora-postgresql
      EngineVersion: "17.7"
      DBClusterIdentifier: NAME
      DatabaseName: app
      MasterUsername: dbadmin
      ManageMasterUserPassword: true
      EnableHttpEndpoint: true
  Writer:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: aurora-postgresql, DBClusterIdentifier: !Ref Cluster, DBInstanceClass: db.serverless}
Outputs:
  Host: {Value: !GetAtt Cluster.Endpoint.Address}
  Reader: {Value: !GetAtt Cluster.ReadEndpoint.Address}
  Port: {Value: !GetAtt Cluster.Endpoint.Port}
  Master: {Value: !GetAtt Cluster.MasterUserSecret.SecretArn}
"""


def made(client: Callable[..., Any], name: str) -> dict[str, str]:
    """Create a stack with a cluster and return its outputs."""
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=DATABASE.replace("NAME", name))
    until(lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE", name)
    found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    return {each["OutputKey"]: each["OutputValue"] for each in found}


def master(client: Callable[..., Any], outputs: dict[str, str], database: str = "app") -> "psycopg.Connection[Any]":
    """Log in as the master user, with the secret that RDS made."""
    secret = json.loads(client("secretsmanager").get_secret_value(SecretId=outputs["Master"])["SecretString"])
    return psycopg.connect(
        host=outputs["Host"],
        port=int(outputs["Port"]),
        user=secret["username"],
        password=secret["password"],
        dbname=database,
        autocommit=True,
    )


@pytest.fixture(scope="module")
def cluster(twin_client: Clients) -> Iterator[dict[str, str]]:
    """Create a cluster for the tests of this module; delete it at the end."""
    yield made(twin_client, "shop")
    assert delete(twin_client("cloudformation"), "shop") == "DELETE_COMPLETE"


def test_a_cluster_is_a_server_whose_master_is_no_superuser(twin_client: Clients, cluster: dict[str, str]) -> None:
    """The endpoint, port and secret of the stack let the master in, who may make roles and databases, as on RDS."""
    with master(twin_client, cluster) as connection:
        rights = connection.execute("SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = user")
        assert rights.fetchone() == (False, True, True)
        assert connection.pgconn.used_password
        assert connection.execute("SHOW password_encryption").fetchone() == ("scram-sha-256",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=cluster["Host"], port=int(cluster["Port"]), user="dbadmin", password="no", dbname="app")


def test_the_data_api_runs_statements_in_the_database(
    twin_client: Clients, cluster: dict[str, str], twin_account: str
) -> None:
    """A transaction that is committed is seen, one that is rolled back is not; PostgreSQL's errors come back."""
    arn = f"arn:aws:rds:{REGION}:{twin_account}:cluster:shop"
    data, target = twin_client("rds-data"), {"resourceArn": arn, "secretArn": cluster["Master"], "database": "app"}
    begun = data.begin_transaction(**target)["transactionId"]
    data.execute_statement(**target, transactionId=begun, sql="create table kept (n int)")
    parameters = [{"name": "n", "value": {"longValue": 7}}]
    data.execute_statement(**target, transactionId=begun, sql="insert into kept values (:n)", parameters=parameters)
    data.commit_transaction(resourceArn=arn, secretArn=cluster["Master"], transactionId=begun)
    begun = data.begin_transaction(**target)["transactionId"]
    data.execute_statement(**target, transactionId=begun, sql="delete from kept")
    data.rollback_transaction(resourceArn=arn, secretArn=cluster["Master"], transactionId=begun)
    assert data.execute_statement(**target, sql="select n from kept")["records"] == [[{"longValue": 7}]]
    for name, limit in (("statement_timeout", "45s"), ("idle_in_transaction_session_timeout", "3min")):
        assert data.execute_statement(**target, sql=f"show {name}")["records"] == [[{"stringValue": limit}]]
    with pytest.raises(data.exceptions.ClientError, match="does not exist"):
        data.execute_statement(**target, sql="select * from missing")
    with master(twin_client, cluster) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(7,)]


def test_what_aurora_adds_to_postgresql_is_not_there(twin_client: Clients, cluster: dict[str, str]) -> None:
    """Capacity, parameter groups, IAM authentication and TLS change nothing of the server; the reader is the writer."""
    assert cluster["Reader"] == cluster["Host"]
    with master(twin_client, cluster) as connection:

        def shown(name: str) -> str:
            [(value,)] = connection.execute("SELECT current_setting(%s)", [name]).fetchall()
            return str(value)

        assert int(shown("max_connections")) < 1000  # 64 ACU have 5,000
        assert shown("log_min_duration_statement") != "77ms"
        assert (shown("ssl"), connection.execute("SELECT pg_is_in_recovery()").fetchone()) == ("off", (False,))
    token = twin_client("rds").generate_db_auth_token(cluster["Host"], int(cluster["Port"]), "dbadmin")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=cluster["Host"], port=int(cluster["Port"]), user="dbadmin", password=token, dbname="app")


def test_snapshots_backups_and_failovers_are_records(twin_client: Clients, cluster: dict[str, str]) -> None:
    """A snapshot holds nothing of the data, there are no backups, and no failover: there is nothing to fail over to."""
    rds = twin_client("rds")
    with master(twin_client, cluster) as connection:
        connection.execute("CREATE TABLE snapped AS SELECT 1 AS n")
        began = connection.execute("SELECT pg_postmaster_start_time()").fetchone()
    rds.create_db_cluster_snapshot(DBClusterIdentifier="shop", DBClusterSnapshotIdentifier="kept")
    [found] = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="kept")["DBClusterSnapshots"]
    assert found["Status"] == "available"
    with pytest.raises(rds.exceptions.ClientError, match="Unknown RDS action"):
        rds.describe_db_cluster_automated_backups(DBClusterIdentifier="shop")
    with pytest.raises(rds.exceptions.ClientError, match="Cannot failover"):
        rds.failover_db_cluster(DBClusterIdentifier="shop")
    with master(twin_client, cluster) as connection:
        assert connection.execute("SELECT pg_postmaster_start_time()").fetchone() == began


def test_a_statement_that_waits_for_a_lock_stops_nobody_else(
    twin_client: Clients, cluster: dict[str, str], twin_account: str
) -> None:
    """The commit that releases the lock is answered while the other statement waits, and so are other services."""
    arn = f"arn:aws:rds:{REGION}:{twin_account}:cluster:shop"
    data, target = twin_client("rds-data"), {"resourceArn": arn, "secretArn": cluster["Master"], "database": "app"}
    data.execute_statement(**target, sql="create table locked as select 1 as n")
    begun = data.begin_transaction(**target)["transactionId"]
    data.execute_statement(**target, transactionId=begun, sql="update locked set n = 2")
    with ThreadPoolExecutor(1) as pool, master(twin_client, cluster) as connection:
        waits = pool.submit(lambda: data.execute_statement(**target, sql="update locked set n = n + 10"))
        until(
            lambda: connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall(), "the wait for the lock"
        )
        assert twin_client("sqs").list_queues()
        data.commit_transaction(resourceArn=arn, secretArn=cluster["Master"], transactionId=begun)
        assert waits.result(300)["numberOfRecordsUpdated"] == 1
        assert connection.execute("SELECT n FROM locked").fetchall() == [(12,)]


@pytest.mark.long
def test_a_database_outlives_stop_and_kill_and_not_reset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was committed is there after the next start, at the same address, and gone after a reset, files included."""
    monkeypatch.delenv("INFRAGEN_LOCAL_PARTS")
    account, state_dir = fresh_account(), tmp_path / "state"

    def client(running: Emulator) -> Callable[..., Any]:
        return lambda service: make_client(running, service, account)

    first = client(start(state_dir))
    outputs = made(first, "shop")
    with master(first, outputs) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    assert stop(state_dir)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host=outputs["Host"], port=int(outputs["Port"]), user="dbadmin", password="no", dbname="app")
    running = start(state_dir)
    second = client(running)
    with master(second, outputs) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(7,)]
        connection.execute("UPDATE kept SET n = 8")
    os.kill(running.pid, signal.SIGKILL)
    third = client(start(state_dir))
    with master(third, outputs) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(8,)]
    files = (state_dir / "databases").resolve()
    assert any(files.iterdir())
    assert reset(state_dir)
    assert not files.exists()
