"""What the emulator on this machine gives a task: variables with the values of its secrets, for `infragen dev`.

Beside `Workload.secret_value`, which `infragen tunnel` asks for the person who opens it, this is the one place of
infragen that reads the value of a secret, and the one that drops a database. It refuses any address but loopback.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from infragen.aws.account_reads import asked
from infragen.aws.reading import member
from infragen.aws.session import Clients
from infragen.errors import Refused


def _is_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets without an end
        return False
    plain = parts.scheme in ("http", "https") and "\\" not in url  # a backslash is a slash to some readers of URLs
    return plain and parts.hostname in ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class LocalValues:
    """The emulator at an address of loopback, with the keys of an account."""

    endpoint_url: str
    region: str
    keys: tuple[str, str]

    def __post_init__(self) -> None:
        if not _is_loopback(self.endpoint_url):
            raise Refused(f"{self.endpoint_url} is not on this machine", "values of secrets are read on loopback only")

    def of_task(self, definition: str, container: str) -> tuple[dict[str, str], frozenset[str]]:
        """Return the variables of a container of a task definition, and which values are secrets. Those are resolved as
        ECS does: a key of the secret's JSON where the ARN names one (Amazon ECS Developer Guide, "Pass Secrets Manager
        secrets").
        """
        clients = Clients(self.region, endpoint_url=self.endpoint_url, keys=self.keys)
        with asked("ecs:DescribeTaskDefinition", f"reading the task definition {definition}"):
            answer: Any = clients.ecs.describe_task_definition(taskDefinition=definition)
            rows = member(member(answer, "taskDefinition"), "containerDefinitions")
            own = next(each for each in rows if each["name"] == container)
            values = {str(each["name"]): str(each.get("value", "")) for each in own.get("environment", ())}
            wanted = {str(each["name"]): str(each["valueFrom"]) for each in own.get("secrets", ())}
        for name, arn in wanted.items():
            values[name] = self._parameter(clients, arn) if ":ssm:" in arn else self._secret(clients, arn)
        return values, frozenset(values[name] for name in wanted)

    def _parameter(self, clients: Clients, arn: str) -> str:
        with asked("ssm:GetParameter", f"reading the parameter {arn}"):
            answer: Any = clients.parameters.get_parameter(Name=arn, WithDecryption=True)
            return str(member(member(answer, "Parameter"), "Value"))

    def _secret(self, clients: Clients, arn: str) -> str:
        parts = arn.split(":")
        with asked("secretsmanager:GetSecretValue", f"reading the secret {arn}"):
            text = str(member(clients.secrets.get_secret_value(SecretId=":".join(parts[:7])), "SecretString"))
            return str(json.loads(text)[parts[7]]) if len(parts) > 7 and parts[7] else text

    def replace_database(self, function: str) -> str:
        """Drop the database with all that is in it, and create it as a new cluster has it: empty, with the owner's
        rights (`layers/functions/credentials.py`). `function` is the one that fills the credentials: its environment
        says which database. Return the database's name.
        """
        clients = Clients(self.region, endpoint_url=self.endpoint_url, keys=self.keys)
        with asked("lambda:GetFunctionConfiguration", f"reading the function {function}"):
            answer: Any = clients.functions.get_function_configuration(FunctionName=function)
            given = member(member(answer, "Environment"), "Variables")
            place = {
                "resourceArn": str(member(given, "CLUSTER_ARN")),
                "secretArn": str(member(given, "MASTER_SECRET_ARN")),
            }
            database, owner = str(member(given, "DB_NAME")), str(member(given, "OWNER"))
        for inside, statement in (
            # to end the sessions of a role takes its rights (PostgreSQL documentation, "DROP DATABASE", FORCE)
            (False, f'GRANT "{owner}_a", "{owner}_b" TO CURRENT_USER'),
            (False, f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'),
            (False, f'CREATE DATABASE "{database}"'),
            (False, f'GRANT CONNECT, CREATE, TEMPORARY ON DATABASE "{database}" TO "{owner}"'),
            (True, f'GRANT USAGE, CREATE ON SCHEMA public TO "{owner}"'),
        ):
            of = {"database": database} if inside else {}
            with asked("rds-data:ExecuteStatement", f"dropping the database {database} of the emulator"):
                clients.statements.execute_statement(**place, **of, sql=statement)
        return database

    def update_function(self, function: str, archive: bytes) -> None:
        """Give a function another archive."""
        clients = Clients(self.region, endpoint_url=self.endpoint_url, keys=self.keys)
        with asked("lambda:UpdateFunctionCode", f"updating the function {function}"):
            clients.functions.update_function_code(FunctionName=function, ZipFile=archive)
