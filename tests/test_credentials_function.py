"""The database credentials function against a real PostgreSQL server, through real boto3 clients.

The RDS Data API and Secrets Manager are doubles on loopback (tests/doubles); every login that a test makes is a
SCRAM login of psycopg with the URL that the secret holds.
"""

from __future__ import annotations

import itertools
import json
import logging
import string
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from doubles.data_api import DataApi
from doubles.loopback import Loopback
from doubles.postgres import MASTER, MASTER_NAME, Server, installations, running
from doubles.secrets_manager import SecretsManager
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from sweeps import figure

from infragen.config.schema import RESERVED
from infragen.layers.functions import credentials, source

if TYPE_CHECKING:
    from collections.abc import Iterator

CLUSTER = "arn:aws:rds:eu-west-1:012345678901:cluster:shop-dev"
MASTER_SECRET = "arn:aws:secretsmanager:eu-west-1:012345678901:secret:rds!cluster-1-AbCdEf"
SECRET = "arn:aws:secretsmanager:eu-west-1:012345678901:secret:AppSecret-1-AbCdEf"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
numbers = itertools.count(1)


@dataclass
class Context:
    """What Lambda passes: the log stream and the time left, which only sleeping uses up here."""

    milliseconds: int = 300_000
    log_stream_name: str = "2026/01/31/[$LATEST]0123456789abcdef"
    slept: list[float] = field(default_factory=list)

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.milliseconds -= int(seconds * 1000)


@dataclass
class Cloud:
    """One database stack's surroundings: the server, both services, the function's environment."""

    server: Server
    loopback: Loopback
    data: DataApi
    secrets: SecretsManager
    environment: pytest.MonkeyPatch
    owner: str
    database: str
    context: Context = field(default_factory=Context)

    def resource(self, kind: str, **more: str) -> dict[str, Any]:
        """Send what CloudFormation sends for the custom resource; return what it gets to hear."""
        event = {
            "RequestType": kind,
            "ResponseURL": f"{self.loopback.url}/answer?X-Amz-Signature=abc",
            "StackId": "arn:aws:cloudformation:eu-west-1:012345678901:stack/shop-dev-Database/1",
            "RequestId": str(uuid.uuid4()),
            "LogicalResourceId": "Credentials",
            "ResourceProperties": {"Revision": "1"},
            **more,
        }
        before = len(self.loopback.answers)
        credentials.handler(event, self.context, self.context.sleep)
        assert len(self.loopback.answers) > before
        return self.loopback.answers[-1]

    def bootstrap(self, kind: str = "Create") -> None:
        answer = self.resource(kind)
        assert answer["Status"] == "SUCCESS", answer

    def step(self, token: str, step: str) -> None:
        event = {"SecretId": SECRET, "ClientRequestToken": token, "Step": step}
        credentials.handler(event, self.context, self.context.sleep)

    def rotate(self) -> str:
        token = self.secrets.start_rotation()
        for step in STEPS:
            self.step(token, step)
        return token

    def value(self, label: str = "AWSCURRENT") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.secrets.values[self.secrets.labels[label]] or "")
        return found

    def log_in(self, url: str | None = None) -> psycopg.Connection[Any]:
        """Log in as an application does: with the URL alone."""
        return psycopg.connect(url or self.value()["url"], autocommit=True)


every_version = pytest.mark.parametrize("server", installations(), indirect=True, ids=lambda path: path.name)


@pytest.fixture(scope="session", params=installations()[:1], ids=lambda path: path.name)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(request.param) as found:
        yield found


@pytest.fixture
def cloud(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with surroundings(server, monkeypatch, f"owner{next(numbers)}") as found:
        yield found


class surroundings:  # noqa: N801  # used as a context manager
    """Make database, services and environment for one owner, and remove the connections afterwards."""

    def __init__(self, server: Server, environment: pytest.MonkeyPatch, owner: str, database: str = "shop") -> None:
        self.server, self.environment, self.owner, self.database = server, environment, owner, database

    def __enter__(self) -> Cloud:
        self.server.create_database(self.database)
        self.data = DataApi(self.server, CLUSTER, MASTER_SECRET)
        manager = SecretsManager(SECRET)
        self.loopback = Loopback({"rds-data": self.data, "secretsmanager": manager})
        self.loopback.__enter__()
        variables = {
            "CLUSTER_ARN": CLUSTER,
            "MASTER_SECRET_ARN": MASTER_SECRET,
            "SECRET_ARN": SECRET,
            "DB_NAME": self.database,
            "OWNER": self.owner,
            "DB_HOST": "127.0.0.1",
            "DB_READER_HOST": "127.0.0.1",
            "DB_PORT": str(self.server.port),
            "URL_SUFFIX": "?sslmode=prefer",
            "AWS_ENDPOINT_URL": self.loopback.url,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "example",
            "AWS_SECRET_ACCESS_KEY": "example",
        }
        for name, value in variables.items():
            self.environment.setenv(name, value)
        return Cloud(self.server, self.loopback, self.data, manager, self.environment, self.owner, self.database)

    def __exit__(self, *error: object) -> None:
        self.loopback.__exit__()
        self.data.expire()


@pytest.mark.long
@every_version
def test_first_bootstrap_makes_working_urls(cloud: Cloud) -> None:
    """After the first bootstrap both URLs log in, and the login acts as the owner."""
    cloud.bootstrap()
    value = cloud.value()
    assert value["username"] == f"{cloud.owner}_a"
    assert value["url"].endswith(f"@127.0.0.1:{cloud.server.port}/{cloud.database}?sslmode=prefer")
    assert (value["engine"], value["host"], value["port"]) == ("postgres", "127.0.0.1", cloud.server.port)
    for url in (value["url"], value["reader_url"]):
        with cloud.log_in(url) as connection:
            row = connection.execute("SELECT session_user, current_user, current_database()").fetchone()
            assert row == (f"{cloud.owner}_a", cloud.owner, cloud.database)


@pytest.mark.long
def test_bootstrap_makes_roles_without_more_rights_than_they_need(cloud: Cloud) -> None:
    """The owner cannot log in, and neither role is a superuser or may create roles or databases."""
    cloud.bootstrap()
    with cloud.server.superuser() as connection:
        rows = connection.execute(
            "SELECT rolname, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
            " FROM pg_roles WHERE rolname LIKE %s ORDER BY rolname",
            [cloud.owner + "%"],
        ).fetchall()
    assert [row[:2] for row in rows] == [(cloud.owner, False), (f"{cloud.owner}_a", True), (f"{cloud.owner}_b", True)]
    assert all(not any(row[2:]) for row in rows)


def test_second_bootstrap_changes_nothing_in_use(cloud: Cloud) -> None:
    """An update with nothing new keeps the version of the secret, and open and new connections work."""
    cloud.bootstrap()
    version, value = cloud.secrets.labels["AWSCURRENT"], cloud.value()
    with cloud.log_in() as open_connection:
        cloud.bootstrap("Update")
        assert cloud.secrets.labels["AWSCURRENT"] == version
        assert cloud.value() == value
        open_connection.execute("SELECT 1")
        with cloud.log_in() as connection:
            connection.execute("SELECT 1")


@pytest.mark.long
@every_version
def test_bootstrap_restores_what_was_lost_in_the_database(cloud: Cloud) -> None:
    """On a cluster without the roles (a new one, a restored one) the same user and password work again."""
    cloud.bootstrap()
    before = cloud.value()
    with cloud.server.superuser(cloud.database) as connection:
        for name in (f"{cloud.owner}_a", f"{cloud.owner}_b", cloud.owner):
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
    with pytest.raises(psycopg.OperationalError):
        cloud.log_in()
    cloud.bootstrap("Update")
    assert cloud.value() == before
    cloud.log_in().close()


def test_a_new_host_rewrites_the_urls_only(cloud: Cloud) -> None:
    """User and password stay when the cluster's address changes; the version before keeps the old address."""
    cloud.bootstrap()
    before = cloud.value()
    cloud.environment.setenv("DB_HOST", "localhost")
    cloud.bootstrap("Update")
    after = cloud.value()
    assert {key for key in after if after[key] != before[key]} == {"host", "url"}
    assert "@localhost:" in after["url"]
    assert cloud.value("AWSPREVIOUS") == before


@pytest.mark.long
@every_version
def test_a_full_rotation_changes_the_login_and_keeps_the_old_one_valid(cloud: Cloud) -> None:
    """The credentials that running tasks hold work after one rotation and die with the second."""
    cloud.bootstrap()
    first = cloud.value()
    token = cloud.rotate()
    second = cloud.value()
    assert cloud.secrets.labels["AWSCURRENT"] == token
    assert (first["username"], second["username"]) == (f"{cloud.owner}_a", f"{cloud.owner}_b")
    assert first["password"] != second["password"]
    for value in (first, second):
        cloud.log_in(value["url"]).close()
    cloud.rotate()
    assert cloud.value()["username"] == f"{cloud.owner}_a"
    cloud.log_in().close()
    cloud.log_in(second["url"]).close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        cloud.log_in(first["url"])


@pytest.mark.long
@every_version
def test_tables_of_one_login_belong_to_both(cloud: Cloud) -> None:
    """A table made before a rotation can be migrated and used after it, and the other way round."""
    cloud.bootstrap()
    with cloud.log_in() as connection:
        connection.execute("CREATE TABLE orders (id int PRIMARY KEY)")
        connection.execute("CREATE SCHEMA billing CREATE TABLE invoices (id int)")
    old = cloud.value()["url"]
    cloud.rotate()
    with cloud.log_in() as connection:
        connection.execute("ALTER TABLE orders ADD COLUMN note text")
        connection.execute("INSERT INTO orders VALUES (1, 'made by a, changed by b')")
        connection.execute("INSERT INTO billing.invoices VALUES (1)")
        connection.execute("CREATE TABLE shipments (id int)")
    with cloud.log_in(old) as connection:
        connection.execute("DROP TABLE shipments")
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    cloud.rotate()
    with cloud.log_in() as connection:
        connection.execute("DROP TABLE orders")


@pytest.mark.long
def test_every_step_can_be_repeated(cloud: Cloud) -> None:
    """Secrets Manager may call a step again; nothing changes from the second call."""
    cloud.bootstrap()
    token = cloud.secrets.start_rotation()
    for step in STEPS:
        cloud.step(token, step)
        after = dict(cloud.secrets.values), dict(cloud.secrets.labels)
        cloud.step(token, step)
        assert (cloud.secrets.values, cloud.secrets.labels) == after
    cloud.log_in().close()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["before", "after"])
def test_a_rotation_survives_a_failure_at_any_call(cloud: Cloud, kind: str) -> None:
    """Whichever AWS call fails, before or after it took effect: the URL always works, and a repeated step finishes."""
    cloud.bootstrap()
    before = len(cloud.loopback.calls)
    cloud.rotate()
    length = len(cloud.loopback.calls) - before
    assert length > 10
    for number in range(1, length + 1):
        start, old = len(cloud.loopback.calls), cloud.value()["url"]
        cloud.loopback.fault = failing(start + number, kind)
        token, failures = cloud.secrets.start_rotation(), 0
        for step in STEPS:
            try:
                cloud.step(token, step)
            except Exception:  # noqa: BLE001  # what Secrets Manager sees is any error
                failures += 1
                cloud.log_in().close()
                cloud.data.expire()  # Secrets Manager tries again later
                cloud.step(token, step)
        assert failures <= 1
        assert cloud.secrets.labels["AWSCURRENT"] == token
        for url in (old, cloud.value()["url"]):
            cloud.log_in(url).close()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["before", "after"])
def test_a_bootstrap_survives_a_failure_at_any_call(server: Server, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Whichever AWS call of a first bootstrap fails, CloudFormation hears of it, and the next one completes."""
    number, reached = 0, True
    while reached:
        number += 1
        with surroundings(server, monkeypatch, f"first{next(numbers)}") as cloud:
            cloud.loopback.fault = failing(number, kind)
            answer = cloud.resource("Create")
            reached = len(cloud.loopback.calls) >= number
            if answer["Status"] == "FAILED":
                assert "AccessDeniedException" in answer["Reason"]
                cloud.loopback.fault = failing(0, kind)
                cloud.data.expire()
                cloud.bootstrap()
            cloud.log_in().close()
    assert number > 8


def failing(position: int, kind: str) -> Any:
    return lambda number, operation: kind if number == position else None


def test_two_deliveries_of_one_event_agree(cloud: Cloud) -> None:
    """Lambda may deliver an event twice: the second run takes the password that the first one wrote."""
    token = str(uuid.uuid4())
    inner = cloud.secrets.call

    def late(operation: str, body: dict[str, Any]) -> dict[str, Any]:
        if operation == "GetRandomPassword" and not cloud.secrets.labels:
            cloud.secrets.labels["never"] = "mind"  # once only
            found = inner(operation, body)
            cloud.resource("Create", RequestId=token)  # the other delivery runs to its end meanwhile
            return found
        return inner(operation, body)

    cloud.secrets.call = late  # type: ignore[method-assign]  # the double answers late
    assert cloud.resource("Create", RequestId=token)["Status"] == "SUCCESS"
    assert cloud.secrets.labels["AWSCURRENT"] == token
    cloud.log_in().close()


def test_the_user_in_use_is_never_changed_by_a_rotation(cloud: Cloud) -> None:
    """A pending version for the current user is refused, and the current URL keeps working."""
    cloud.bootstrap()
    token = cloud.secrets.start_rotation()
    cloud.step(token, "createSecret")
    cloud.secrets.values[token] = json.dumps(pending_value(cloud, f"{cloud.owner}_a", "another"))
    with pytest.raises(credentials.CredentialsError, match=r"refusing to change the password of owner\d+_a"):
        cloud.step(token, "setSecret")
    cloud.log_in().close()


def pending_value(cloud: Cloud, user: str, password: str) -> dict[str, Any]:
    value = cloud.value()
    replaced = {
        key: value[key].replace(f"{value['username']}:{value['password']}", f"{user}:{password}")
        for key in ("url", "reader_url")
    }
    return {**value, "username": user, "password": password, **replaced}


def test_a_schedule_can_be_created_with_its_trial_run(cloud: Cloud) -> None:
    """Creating the schedule runs testSecret alone on a version without value: it checks the current login."""
    cloud.bootstrap()
    token = cloud.secrets.start_rotation()
    cloud.step(token, "testSecret")
    cloud.secrets.cancel_rotation()
    cloud.step(token, "testSecret")
    with cloud.server.superuser() as connection:
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(f"{cloud.owner}_a")))
    with pytest.raises(credentials.CredentialsError, match="cannot log in with the rights of"):
        cloud.step(token, "testSecret")


def test_a_login_without_the_owners_rights_fails_the_test_step(cloud: Cloud) -> None:
    """testSecret sees a role that was taken out of the group, and the rotation stops before it becomes current."""
    cloud.bootstrap()
    token = cloud.secrets.start_rotation()
    cloud.step(token, "createSecret")
    cloud.step(token, "setSecret")
    with cloud.server.superuser() as connection:
        names = [sql.Identifier(name) for name in (cloud.owner, f"{cloud.owner}_b")]
        connection.execute(sql.SQL("REVOKE {} FROM {} GRANTED BY {}").format(*names, MASTER_NAME))
    with pytest.raises(credentials.CredentialsError, match="cannot log in with the rights of"):
        cloud.step(token, "testSecret")


@pytest.mark.long
def test_a_pending_version_for_another_host_never_becomes_current(cloud: Cloud) -> None:
    """A rotation that began before the cluster was replaced is refused with the way out; a new one works."""
    cloud.bootstrap()
    token = cloud.secrets.start_rotation()
    cloud.step(token, "createSecret")
    cloud.environment.setenv("DB_HOST", "localhost")
    cloud.bootstrap("Update")
    for step in STEPS[1:]:
        with pytest.raises(credentials.CredentialsError, match="made for another host"):
            cloud.step(token, step)
    cloud.secrets.cancel_rotation()
    cloud.rotate()
    assert "@localhost:" in cloud.value()["url"]
    cloud.log_in().close()


@pytest.mark.long
@pytest.mark.parametrize("code", ["DatabaseResumingException", "HttpEndpointNotEnabledException"])
def test_a_cluster_that_is_not_ready_is_waited_for(cloud: Cloud, code: str) -> None:
    """A paused or brand-new cluster costs waiting, not a failure; every step waits."""
    cloud.data.not_ready = [code] * 4
    cloud.bootstrap()
    assert cloud.context.slept == [10] * 4
    token = cloud.secrets.start_rotation()
    for step in STEPS:
        cloud.data.not_ready = [code] if step in ("setSecret", "testSecret") else []
        cloud.step(token, step)
    assert cloud.context.slept == [10] * 6
    cloud.log_in().close()


def test_waiting_ends_in_time_to_answer(cloud: Cloud) -> None:
    """A cluster that never comes up is reported while the invocation still has time to say so."""
    cloud.data.not_ready = ["DatabaseResumingException"] * 1000
    answer = cloud.resource("Create")
    assert answer["Status"] == "FAILED"
    assert "DatabaseResumingException" in answer["Reason"]
    assert 60_000 <= cloud.context.milliseconds <= 120_000


def test_delete_does_nothing_and_succeeds(cloud: Cloud) -> None:
    """Deleting the resource calls no service at all: the secret goes with the stack, the roles with the cluster."""
    cloud.bootstrap()
    before = len(cloud.loopback.calls)
    assert cloud.resource("Delete", PhysicalResourceId=SECRET)["Status"] == "SUCCESS"
    assert len(cloud.loopback.calls) == before
    cloud.log_in().close()


def test_the_answer_is_one_that_cloudformation_accepts(cloud: Cloud) -> None:
    """The answer repeats the ids, keeps the physical id it was given, and leaves the signed content type empty."""
    answer = cloud.resource("Create")
    assert answer["PhysicalResourceId"] == SECRET
    assert answer["LogicalResourceId"] == "Credentials"
    assert cloud.loopback.answer_headers[-1]["content-type"] == ""
    assert cloud.resource("Update", PhysicalResourceId="older-id")["PhysicalResourceId"] == "older-id"


@every_version
def test_a_failure_reaches_the_stack_with_its_reason(cloud: Cloud) -> None:
    """Whatever goes wrong, the stack hears the error's words and where the log is; no transaction stays open."""
    with cloud.server.superuser() as connection:
        connection.execute(sql.SQL("ALTER ROLE {} NOCREATEROLE").format(MASTER_NAME))
    try:
        answer = cloud.resource("Create")
    finally:
        with cloud.server.superuser() as connection:
            connection.execute(sql.SQL("ALTER ROLE {} CREATEROLE").format(MASTER_NAME))
    assert answer["Status"] == "FAILED"
    assert "ExecuteStatement: DatabaseErrorException: ERROR: permission denied to create role" in answer["Reason"]
    assert answer["Reason"].endswith("(log stream 2026/01/31/[$LATEST]0123456789abcdef)")
    assert cloud.data.transactions == {}, "a transaction that stays open keeps its locks for three minutes"


def test_a_long_reason_is_cut_to_what_cloudformation_takes(cloud: Cloud) -> None:
    """CloudFormation drops an answer of more than 4096 bytes, and the stack would wait for its timeout."""
    cloud.secrets.values["by-hand"] = json.dumps({"username": "somebody" * 1000, "password": "example"})
    cloud.secrets.labels["AWSCURRENT"] = "by-hand"
    answer = cloud.resource("Update", LogicalResourceId="C" * 255)
    assert answer["Reason"].startswith("the secret belongs to the user 'somebody")
    assert len(json.dumps(answer)) < 4096


def test_two_runs_make_roles_one_after_the_other(cloud: Cloud) -> None:
    """A run waits while another one makes roles: both would find none and one would fail."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with cloud.server.superuser(cloud.database) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('infragen.credentials'))")
        run = threading.Thread(target=cloud.bootstrap)
        run.start()
        while other.execute(waiting).fetchone() == (0,):
            assert run.is_alive(), "the run did not wait"
    run.join()
    cloud.log_in().close()


def test_a_broken_environment_still_answers(cloud: Cloud) -> None:
    """Even a function without its variables answers instead of letting the stack wait for an hour."""
    cloud.environment.delenv("SECRET_ARN")
    cloud.environment.delenv("DB_NAME")
    answer = cloud.resource("Create")
    assert answer["Status"] == "FAILED"
    assert "KeyError" in answer["Reason"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not json", "not the JSON with username and password"),
        ('["a list"]', "not the JSON with username and password"),
        ('{"username": "OWNER_a"}', "not the JSON with username and password"),
        ('{"username": "OWNER_a", "password": 31415926}', "printable ASCII"),
        ('{"username": "OWNER_a", "password": ""}', "printable ASCII"),
        ('{"username": "OWNER_a", "password": "p\\u00e4ssword-canary"}', "printable ASCII"),
        ('{"username": "somebody", "password": "password-canary"}', "cannot be changed"),
    ],
)
def test_a_secret_that_was_edited_by_hand_is_refused_without_showing_it(cloud: Cloud, text: str, words: str) -> None:
    """A value that this function did not write is named as such; neither answer nor log shows it."""
    cloud.secrets.values["by-hand"] = text.replace("OWNER", cloud.owner)
    cloud.secrets.labels["AWSCURRENT"] = "by-hand"
    answer = cloud.resource("Update")
    assert answer["Status"] == "FAILED"
    assert words in answer["Reason"]
    for hidden in ("password-canary", "31415926"):
        assert hidden not in json.dumps(answer)


def test_another_secret_or_step_is_refused(cloud: Cloud) -> None:
    """The function rotates its own secret, by the four known steps, and only versions staged for it."""
    cloud.bootstrap()
    token = cloud.secrets.start_rotation()
    with pytest.raises(credentials.CredentialsError, match="another secret"):
        credentials.handler({"SecretId": SECRET + "x", "ClientRequestToken": token, "Step": "setSecret"}, Context())
    with pytest.raises(credentials.CredentialsError, match="'dropSecret' is not a step"):
        cloud.step(token, "dropSecret")
    with pytest.raises(credentials.CredentialsError, match="not staged for rotation"):
        cloud.step(str(uuid.uuid4()), "setSecret")
    with pytest.raises(credentials.CredentialsError, match="createSecret comes first"):
        cloud.step(token, "setSecret")


def test_a_rotation_before_the_first_bootstrap_says_so(cloud: Cloud) -> None:
    """An empty secret cannot be rotated."""
    with pytest.raises(credentials.CredentialsError, match="the secret has no value yet"):
        cloud.step(cloud.secrets.start_rotation(), "createSecret")


@pytest.mark.long
@every_version
def test_no_password_is_shown_anywhere(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    """Neither our log at DEBUG (botocore's included), nor SQL, answers, errors or the server's log hold a password."""
    caplog.set_level(logging.DEBUG)
    cloud.bootstrap()
    cloud.rotate()
    with cloud.server.superuser() as connection:  # now statements fail, and PostgreSQL quotes them with context
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(f"{cloud.owner}_a")))
        connection.execute(sql.SQL("ALTER ROLE {} NOCREATEROLE").format(MASTER_NAME))
    shown = [json.dumps(cloud.resource("Update", PhysicalResourceId=SECRET))]
    token = cloud.secrets.start_rotation()
    try:
        cloud.step(token, "createSecret")
        with pytest.raises(credentials.CredentialsError) as caught:
            cloud.step(token, "setSecret")
        shown.append(repr(caught.value) + str(caught.getrepr(style="long")))
    finally:
        with cloud.server.superuser() as connection:
            connection.execute(sql.SQL("ALTER ROLE {} CREATEROLE").format(MASTER_NAME))
    shown.extend(repr(credentials.Login("user", password)) for password in cloud.secrets.passwords)
    statements = json.dumps([body for operation, body in cloud.loopback.calls if operation == "Execute"])
    assert len(cloud.secrets.passwords) == 3
    assert "infragen.verifier" in cloud.server.log()
    for password in cloud.secrets.passwords:
        for place in (caplog.text, statements, cloud.server.log(), *shown):
            assert password not in place
    for place in (caplog.text, *shown):
        assert "SCRAM-SHA-256$" not in place


def test_every_statement_is_constant(cloud: Cloud) -> None:
    """No SQL text differs between two owners, and none has a dollar sign or another colon than a parameter's."""
    cloud.bootstrap()
    cloud.rotate()
    texts = {body["sql"] for operation, body in cloud.loopback.calls if operation == "Execute"}
    assert texts == {credentials.SET, credentials.ROLES, credentials.SET_VERIFIER, credentials.CHECK}
    for text in texts:
        assert "$" not in text
    assert ":" not in credentials.ROLES + credentials.SET_VERIFIER


@pytest.mark.long
@settings(max_examples=figure(short=25, soak=500), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(password=st.text(alphabet=string.printable[:95], min_size=1, max_size=80))
def test_any_printable_password_logs_in(cloud: Cloud, password: str) -> None:
    """PostgreSQL accepts a login whose password was set by our verifier, through the URL, whatever its characters."""
    value = {"username": f"{cloud.owner}_a", "password": password}
    cloud.secrets.values["by-hand"] = json.dumps(value)
    cloud.secrets.labels["AWSCURRENT"] = "by-hand"
    cloud.bootstrap("Update")
    for key in ("url", "reader_url"):
        cloud.log_in(cloud.value()[key]).close()
    with pytest.raises(psycopg.OperationalError):
        cloud.server.connect(f"{cloud.owner}_a", password + "x", cloud.database)


@pytest.mark.long
@settings(max_examples=figure(short=10, soak=200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tail=st.from_regex(r"\A[a-z0-9_]{0,45}\Z"), head=st.sampled_from("_abz"))
def test_any_owner_that_the_schema_allows_works(
    server: Server, monkeypatch: pytest.MonkeyPatch, head: str, tail: str
) -> None:
    """Odd but allowed names of owners are quoted everywhere, from the first bootstrap to a rotation."""
    owner = f"{head}{tail}{next(numbers):x}"[:51]
    with surroundings(server, monkeypatch, owner) as cloud:
        cloud.bootstrap()
        cloud.rotate()
        with cloud.log_in() as connection:
            assert connection.execute("SELECT current_user").fetchone() == (owner,)


@pytest.mark.parametrize("name", ["user", "select", "a" * 51])
def test_reserved_words_and_long_names_work(server: Server, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Owner and database may be called by a keyword of SQL, and be as long as the schema allows."""
    with surroundings(server, monkeypatch, name, name) as cloud:
        cloud.bootstrap()
        cloud.rotate()
        cloud.log_in().close()


@pytest.mark.parametrize("name", ["none", "public", "pg_app"])
def test_names_that_the_schema_refuses_cannot_be_owners(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The schema refuses what PostgreSQL would refuse, only earlier."""
    with surroundings(server, monkeypatch, name) as cloud:
        answer = cloud.resource("Create")
        assert answer["Status"] == "FAILED"
        assert "reserved" in answer["Reason"]


def test_the_source_is_what_the_template_carries() -> None:
    """The text for the template is this very module, with line feeds, and compiles on its own."""
    text = source("credentials.py")
    assert "\r" not in text
    assert "def handler(event" in text
    compile(text, "index.py", "exec")


def test_the_reserved_words_are_those_that_the_server_reserves(server: Server) -> None:
    """pg_get_keywords(): R is reserved, T reserved but for functions and types. The table is PostgreSQL 18's."""
    with server.connect(MASTER, server.master_password) as connection:
        words = connection.execute("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')").fetchall()
    assert {word for (word,) in words} <= set(RESERVED)
    assert len(words) > 90
