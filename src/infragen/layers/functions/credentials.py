"""Application database credentials: bootstrap (CloudFormation) and rotation (Secrets Manager).

Runs in AWS Lambda; nothing of infragen imports it. It uses the standard library and boto3 only.

Two login roles, <owner>_a and <owner>_b, share the rights of the group role <owner>. A rotation gives a new
password to the role that is not in use and then makes it current, so the credentials that running tasks hold
stay valid until the rotation after. SQL goes through the RDS Data API as the master user; a password never
appears in it, only the SCRAM-SHA-256 verifier that PostgreSQL stores.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
import re
import time
import urllib.parse
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_rds_data import RDSDataServiceClient
    from mypy_boto3_rds_data.type_defs import ExecuteStatementResponseTypeDef
    from mypy_boto3_secretsmanager import SecretsManagerClient

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)
# At DEBUG botocore logs request bodies, and those of PutSecretValue hold the password.
logging.getLogger("botocore").setLevel(logging.INFO)

# What a cluster says that is being created, started or woken ("Data API errors", Aurora User Guide).
NOT_READY = frozenset(
    {
        "DatabaseResumingException",
        "DatabaseUnavailableException",
        "HttpEndpointNotEnabledException",
        "InvalidResourceStateException",
        "ServiceUnavailableError",
    }
)
PAUSE = 10  # seconds between two attempts
RESERVE = 90  # seconds of the invocation kept for the work and the answer after the waiting
REASON_LENGTH = 400  # CloudFormation cuts a response at 4096 bytes

# Constant statements without colons and dollar signs: the Data API reads ":name" as a parameter. What varies
# arrives in settings of the transaction and is quoted by format(). The lock keeps two runs from racing.
SET = "SELECT set_config(CAST(:name AS text), CAST(:value AS text), true)"
ROLES = """DO '
DECLARE
  owner text = current_setting(''infragen.owner'');
  login text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext(''infragen.credentials''));
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = owner) THEN
    EXECUTE format(''CREATE ROLE %I NOLOGIN'', owner);
  END IF;
  EXECUTE format(''GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO %I'', current_database(), owner);
  EXECUTE format(''GRANT USAGE, CREATE ON SCHEMA public TO %I'', owner);
  FOREACH login IN ARRAY ARRAY[owner || ''_a'', owner || ''_b''] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
      EXECUTE format(''CREATE ROLE %I LOGIN'', login);
    END IF;
    EXECUTE format(''GRANT %I TO %I'', owner, login);
    EXECUTE format(''ALTER ROLE %I SET role TO %L'', login, owner);
  END LOOP;
END'"""
SET_VERIFIER = """DO '
BEGIN
  EXECUTE format(''ALTER ROLE %I LOGIN PASSWORD %L'',
    current_setting(''infragen.login''), current_setting(''infragen.verifier''));
END'"""
CHECK = """SELECT count(*) FROM pg_roles WHERE rolname = CAST(:login AS text)
AND rolcanlogin AND pg_has_role(rolname, CAST(:owner AS text), 'MEMBER')"""


class CredentialsError(Exception):
    """What went wrong, in words that may be logged: never a password, never a verifier."""


@dataclass(frozen=True)
class Settings:
    """The function's environment: one cluster, one database, one secret."""

    cluster_arn: str
    master_secret_arn: str
    secret_arn: str
    database: str
    owner: str
    host: str
    reader_host: str
    port: int
    url_suffix: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read the variables that the template sets; a missing one is a KeyError with its name."""
        return cls(
            cluster_arn=environment["CLUSTER_ARN"],
            master_secret_arn=environment["MASTER_SECRET_ARN"],
            secret_arn=environment["SECRET_ARN"],
            database=environment["DB_NAME"],
            owner=environment["OWNER"],
            host=environment["DB_HOST"],
            reader_host=environment["DB_READER_HOST"],
            port=int(environment["DB_PORT"]),
            url_suffix=environment["URL_SUFFIX"],
        )

    def other_login(self, user: str) -> str:
        """Return the login role that is not `user`."""
        return self.owner + ("_b" if user == self.owner + "_a" else "_a")


@dataclass(frozen=True)
class Login:
    """One of the two login roles with its password; printing it shows the user only."""

    user: str
    password: str

    def __repr__(self) -> str:
        """Name the user; the password must not reach a traceback."""
        return f"Login({self.user!r})"


@dataclass(frozen=True)
class Database:
    """The cluster's database through the RDS Data API, as the master user."""

    settings: Settings
    client: RDSDataServiceClient
    wait: Callable[[], bool]  # pauses and says True, or says False when no time is left

    def run(self, settings: Mapping[str, str], *statements: str) -> None:
        """Run constant statements in one transaction; the settings exist in it as infragen.<name>."""
        transaction = self._begin()
        try:
            for name, value in settings.items():
                self._execute(transaction, SET, name="infragen." + name, value=value)
            for statement in statements:
                self._execute(transaction, statement)
            self._commit(transaction)
        except BaseException:
            self._rollback(transaction)  # an open transaction would keep its locks for three minutes
            raise

    def count(self, sql: str, **parameters: str) -> int:
        """Return the one number that a statement selects."""
        transaction = self._begin()
        try:
            records = self._execute(transaction, sql, **parameters)["records"]
        finally:
            self._rollback(transaction)
        return int(records[0][0]["longValue"])

    def _begin(self) -> str:
        while True:
            try:
                return self.client.begin_transaction(
                    resourceArn=self.settings.cluster_arn,
                    secretArn=self.settings.master_secret_arn,
                    database=self.settings.database,
                )["transactionId"]
            except ClientError as error:
                if error.response["Error"]["Code"] not in NOT_READY or not self.wait():
                    raise explain(error) from None
                log.info("the database is not ready: %s", error.response["Error"]["Code"])

    def _execute(self, transaction: str, sql: str, **parameters: str) -> ExecuteStatementResponseTypeDef:
        try:
            return self.client.execute_statement(
                resourceArn=self.settings.cluster_arn,
                secretArn=self.settings.master_secret_arn,
                database=self.settings.database,
                transactionId=transaction,
                sql=sql,
                parameters=[{"name": name, "value": {"stringValue": value}} for name, value in parameters.items()],
            )
        except ClientError as error:
            raise explain(error) from None

    def _commit(self, transaction: str) -> None:
        try:
            self.client.commit_transaction(
                resourceArn=self.settings.cluster_arn,
                secretArn=self.settings.master_secret_arn,
                transactionId=transaction,
            )
        except ClientError as error:
            raise explain(error) from None

    def _rollback(self, transaction: str) -> None:
        with suppress(Exception):  # the first error counts; the Data API ends an idle transaction by itself
            self.client.rollback_transaction(
                resourceArn=self.settings.cluster_arn,
                secretArn=self.settings.master_secret_arn,
                transactionId=transaction,
            )


@dataclass(frozen=True)
class Secret:
    """The application's secret in Secrets Manager: versions of one JSON value."""

    settings: Settings
    client: SecretsManagerClient

    def value(self, login: Login) -> str:
        """Return the JSON that the secret holds for a login; passwords are quoted in the URLs."""
        at = self.settings
        account = f"{login.user}:{urllib.parse.quote(login.password, safe='')}"
        place = f"{at.port}/{at.database}{at.url_suffix}"
        return json.dumps(
            {
                "engine": "postgres",
                "host": at.host,
                "port": at.port,
                "dbname": at.database,
                "username": login.user,
                "password": login.password,
                "url": f"postgresql://{account}@{at.host}:{place}",
                "reader_url": f"postgresql://{account}@{at.reader_host}:{place}",
            }
        )

    def read(self, version: str | None = None) -> tuple[Login, str] | None:
        """Return login and text of the current version, or of the given one; None when it has no value yet."""
        which: dict[str, str] = {"VersionId": version} if version else {"VersionStage": "AWSCURRENT"}
        try:
            text = self.client.get_secret_value(SecretId=self.settings.secret_arn, **which)["SecretString"]
        except self.client.exceptions.ResourceNotFoundException:
            return None
        return self._parse(text), text

    def current(self) -> tuple[Login, str]:
        """Return login and text of the current version; an empty secret is an error here."""
        found = self.read()
        if found is None:
            raise CredentialsError("the secret has no value yet: the database stack writes the first one")
        return found

    def write(self, login: Login, token: str, stage: str) -> None:
        """Write a version; the token is its id, so a repeated call changes nothing."""
        self.client.put_secret_value(
            SecretId=self.settings.secret_arn,
            ClientRequestToken=token,
            SecretString=self.value(login),
            VersionStages=[stage],
        )

    def write_new(self, user: str, token: str, stage: str) -> None:
        """Write a version with a new password, unless another run has just written it under the same token."""
        found = self.client.get_random_password(PasswordLength=48, ExcludePunctuation=True)
        with suppress(self.client.exceptions.ResourceExistsException):
            self.write(Login(user, found["RandomPassword"]), token, stage)

    def stages(self) -> Mapping[str, list[str]]:
        """Return the staging labels by version id."""
        return self.client.describe_secret(SecretId=self.settings.secret_arn).get("VersionIdsToStages", {})

    def make_current(self, version: str) -> None:
        """Move AWSCURRENT to a version; Secrets Manager moves AWSPREVIOUS after it."""
        present = next((name for name, stages in self.stages().items() if "AWSCURRENT" in stages), None)
        remove: dict[str, str] = {"RemoveFromVersionId": present} if present else {}
        self.client.update_secret_version_stage(
            SecretId=self.settings.secret_arn,
            VersionStage="AWSCURRENT",
            MoveToVersionId=version,
            **remove,
        )

    def _parse(self, text: str) -> Login:
        owner = self.settings.owner
        try:
            value = json.loads(text)
            login = Login(value["username"], value["password"])
        except (ValueError, KeyError, TypeError):
            raise CredentialsError("the secret's value is not the JSON with username and password made here") from None
        if login.user not in (owner + "_a", owner + "_b"):
            raise CredentialsError(
                f"the secret belongs to the user {login.user!r}, not to {owner}_a or {owner}_b: "
                "the owner of a database with credentials in use cannot be changed"
            )
        return login


def explain(error: ClientError) -> CredentialsError:
    """Turn an error of the Data API into one that may be logged: PostgreSQL quotes the failing SQL in it."""
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    hidden = re.sub(r"SCRAM-SHA-256\$[^'\"\s]*", "(verifier)", message)
    return CredentialsError(f"{error.operation_name}: {code}: {hidden}")


def verifier(password: str, iterations: int = 4096) -> str:
    """Return the SCRAM-SHA-256 verifier that PostgreSQL stores for a password (RFC 5803)."""
    if not isinstance(password, str) or not password or not password.isascii() or not password.isprintable():
        # Others would have to be normalised (SASLprep) exactly as every client does it.
        raise CredentialsError("the secret's password is not a text of printable ASCII characters")
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{parts[0]}${parts[1]}:{parts[2]}"


def set_password(database: Database, login: Login, *first: str) -> None:
    """Give a login role its password, after the statements that must come first."""
    values = {"owner": database.settings.owner, "login": login.user, "verifier": verifier(login.password)}
    database.run(values, *first, SET_VERIFIER)


def bootstrap(secret: Secret, database: Database, token: str) -> None:
    """Make roles and secret agree with the cluster; user and password stay when there are any.

    The first password goes into the secret before it goes into the database, so that a run that is repeated or
    delivered twice finds it there. Afterwards the database comes first: no URL changes before its login works.
    """
    if secret.read() is None:
        secret.write_new(secret.settings.owner + "_a", token, "AWSCURRENT")
    login, text = secret.current()
    set_password(database, login, ROLES)
    if json.loads(text) == json.loads(secret.value(login)):
        log.info("bootstrap: %s has its rights and its password; the secret stays as it is", login.user)
        return
    secret.write(login, token, "AWSCURRENT")
    log.info("bootstrap: %s has its rights and its password; the secret's URLs are rewritten", login.user)


def rotate(secret: Secret, database: Database, token: str, step: str) -> None:
    """Do one of the four steps of a rotation; every step can be repeated ("Lambda rotation functions")."""
    stages = secret.stages().get(token, [])
    if "AWSCURRENT" in stages:
        log.info("%s: this version is current already", step)
        return
    if step == "testSecret":
        test_secret(secret, database, token)
    elif "AWSPENDING" not in stages:
        raise CredentialsError(f"{step}: the version {token} is not staged for rotation (AWSPENDING)")
    elif step == "createSecret":
        create_secret(secret, token)
    elif step == "setSecret":
        set_secret(secret, database, token)
    elif step == "finishSecret":
        pending(secret, token)
        secret.make_current(token)
    else:
        raise CredentialsError(f"{step!r} is not a step of a rotation")
    log.info("%s: done", step)


def create_secret(secret: Secret, token: str) -> None:
    """Write the pending version: the login role that is not in use, with a new password."""
    current = secret.current()[0]
    if secret.read(token) is None:
        secret.write_new(secret.settings.other_login(current.user), token, "AWSPENDING")


def set_secret(secret: Secret, database: Database, token: str) -> None:
    """Give the pending login its password in the database."""
    login = pending(secret, token)
    if login.user == secret.current()[0].user:
        raise CredentialsError(f"refusing to change the password of {login.user}, the user in use")
    set_password(database, login)


def test_secret(secret: Secret, database: Database, token: str) -> None:
    """Check that the pending role may log in and has the owner's rights.

    Creating a rotation schedule runs this step alone, on a version that has no value: then the current one is
    checked ("RotateSecret", RotateImmediately).
    """
    login = secret.current()[0] if secret.read(token) is None else pending(secret, token)
    if database.count(CHECK, login=login.user, owner=secret.settings.owner) != 1:
        raise CredentialsError(f"the role {login.user} cannot log in with the rights of {secret.settings.owner}")


def pending(secret: Secret, token: str) -> Login:
    """Return the login of the pending version, which must be meant for the cluster as it is now."""
    found = secret.read(token)
    if found is None:
        raise CredentialsError("the pending version has no value: createSecret comes first")
    login, text = found
    if json.loads(text) != json.loads(secret.value(login)):
        raise CredentialsError(
            f"the pending version {token} was made for another host or other URL options; remove its AWSPENDING "
            "label (aws secretsmanager update-secret-version-stage) and rotate again"
        )
    return login


def answer(event: Mapping[str, Any], physical_id: str, problem: str | None) -> None:
    """Tell CloudFormation the outcome, at the presigned URL of the event ("Custom resource response objects")."""
    body = {
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem or "done",
        "PhysicalResourceId": physical_id,
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    request = urllib.request.Request(  # noqa: S310  # the URL is CloudFormation's
        event["ResponseURL"],
        data=json.dumps(body).encode(),
        method="PUT",
        headers={"Content-Type": ""},  # part of the signature
    )
    urllib.request.urlopen(request, timeout=20).close()  # noqa: S310 # the URL is CloudFormation's


def custom_resource(event: Mapping[str, Any], work: Callable[[], None], log_stream: str) -> None:
    """Do the work unless the resource is being deleted, and answer whatever happens, else the stack waits an hour."""
    problem = None
    try:
        if event["RequestType"] != "Delete":
            work()
    except Exception as error:  # noqa: BLE001  # CloudFormation must hear of every failure
        words = str(error) if isinstance(error, CredentialsError) else f"{type(error).__name__}: {error}"
        problem = f"{words[:REASON_LENGTH]} (log stream {log_stream})"
        log.error("%s failed: %s", event["RequestType"], words)
    answer(event, event.get("PhysicalResourceId") or os.environ.get("SECRET_ARN", "database-credentials"), problem)


def handler(event: Mapping[str, Any], context: Any, sleep: Callable[[float], None] = time.sleep) -> None:
    """Serve CloudFormation (the event has a ResponseURL) and Secrets Manager (it has a Step)."""

    def wait() -> bool:
        if context.get_remaining_time_in_millis() < (RESERVE + PAUSE) * 1000:
            return False
        sleep(PAUSE)
        return True

    def parts() -> tuple[Secret, Database]:
        settings = Settings.read(os.environ)
        config = Config(connect_timeout=5, read_timeout=50, retries={"mode": "standard", "total_max_attempts": 3})
        return (
            Secret(settings, boto3.client("secretsmanager", config=config)),
            Database(settings, boto3.client("rds-data", config=config), wait),
        )

    if "ResponseURL" in event:
        custom_resource(event, lambda: bootstrap(*parts(), event["RequestId"]), context.log_stream_name)
        return
    secret, database = parts()
    if event["SecretId"] != secret.settings.secret_arn:
        raise CredentialsError("this function rotates another secret")
    rotate(secret, database, event["ClientRequestToken"], event["Step"])
