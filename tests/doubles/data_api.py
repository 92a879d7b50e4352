"""The RDS Data API in front of a real PostgreSQL server, as strict as the real one or stricter.

From "Data API" in the Aurora User Guide and the API reference: a transaction is a connection of its own and lives
until commit or rollback, or until no call has used it for three minutes; a call without one commits by itself; a
statement is one statement; parameters are typed (a stringValue is a varchar, so PostgreSQL will not compare it with
a number) and exist only where `:name` stands. Whether the real parser skips quoted text is not documented, so this
one does not: `:name` anywhere is a parameter.
Errors of PostgreSQL come back with all their context, which may quote the failing SQL.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.string import StrDumperVarchar

from doubles.loopback import ServiceError
from doubles.postgres import MASTER

if TYPE_CHECKING:
    from doubles.postgres import Server

PARAMETER = re.compile(r"(?<!:):([A-Za-z_][A-Za-z0-9_]*)")
VOID = 2278
STATUS = {"DatabaseUnavailableException": 504, "ServiceUnavailableError": 503}


class DataApi:
    """One cluster with its HTTP endpoint on."""

    def __init__(self, server: Server, cluster_arn: str, master_secret_arn: str) -> None:
        self.server, self.cluster_arn, self.master_secret_arn = server, cluster_arn, master_secret_arn
        self.not_ready: list[str] = []  # errors that the next BeginTransaction calls get, one each
        self.transactions: dict[str, psycopg.Connection[Any]] = {}

    def call(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        self._authorise(body)
        if operation == "BeginTransaction":
            return self._begin(body)
        if operation == "Execute":
            return self._execute(body)
        if operation in ("CommitTransaction", "RollbackTransaction"):
            return self._end(operation, body)
        raise ServiceError("UnknownOperationException", operation)

    def expire(self) -> None:
        """Let three minutes pass: every open transaction is rolled back and forgotten."""
        while self.transactions:
            self.transactions.popitem()[1].close()

    def _authorise(self, body: dict[str, Any]) -> None:
        if body.get("resourceArn") != self.cluster_arn:
            raise ServiceError("BadRequestException", "the cluster is not known")
        if body.get("secretArn") != self.master_secret_arn:
            raise ServiceError("SecretsErrorException", "the secret is not the master's")

    def _connect(self, database: str) -> psycopg.Connection[Any]:
        connection = self.server.connect(MASTER, self.server.master_password, database)
        connection.adapters.register_dumper(str, StrDumperVarchar)
        return connection

    def _begin(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.not_ready:
            code = self.not_ready.pop(0)
            raise ServiceError(code, "the cluster is not ready", STATUS.get(code, 400))
        connection = self._connect(body["database"])
        connection.autocommit = False
        name = uuid.uuid4().hex
        self.transactions[name] = connection
        return {"transactionId": name}

    def _end(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.transactions.pop(self._transaction(body)) as connection:
            if operation == "CommitTransaction":
                connection.commit()
            else:
                connection.rollback()
        return {"transactionStatus": f"Transaction {operation.removesuffix('Transaction')}ed"}

    def _transaction(self, body: dict[str, Any]) -> str:
        name = str(body["transactionId"])
        if name not in self.transactions:
            raise ServiceError("TransactionNotFoundException", f"transaction {name} is not found", 404)
        return name

    def _execute(self, body: dict[str, Any]) -> dict[str, Any]:
        if "transactionId" in body:
            connection = self.transactions[self._transaction(body)]
            if body.get("database", connection.info.dbname) != connection.info.dbname:
                raise ServiceError("BadRequestException", "Database name is not the same as transaction's")
            return run(connection, body)
        with self._connect(body["database"]) as connection:
            return run(connection, body)


def run(connection: psycopg.Connection[Any], body: dict[str, Any]) -> dict[str, Any]:
    """Execute one statement by the extended protocol, which takes no second statement."""
    given = {parameter["name"]: value_of(parameter["value"]) for parameter in body.get("parameters", [])}
    wanted = PARAMETER.findall(body["sql"])
    for name in wanted:
        if name not in given:
            raise ServiceError("BadRequestException", f"Cannot find parameter: {name}")
    text = PARAMETER.sub("%s", body["sql"].replace("%", "%%")) if wanted else body["sql"]
    try:
        cursor = connection.execute(text.encode(), [given[name] for name in wanted] or None, binary=True)
    except psycopg.Error as error:
        raise ServiceError("DatabaseErrorException", words_of(error)) from None
    if cursor.description is None:
        return {"numberOfRecordsUpdated": max(cursor.rowcount, 0)}
    if any(column.type_code == VOID for column in cursor.description):
        raise ServiceError("UnsupportedResultException", "The result contains the unsupported data type VOID.")
    return {"numberOfRecordsUpdated": 0, "records": [[field_of(value) for value in row] for row in cursor]}


def value_of(value: dict[str, Any]) -> Any:
    (kind, found), *more = value.items()
    assert not more, "a field is a union"
    return None if kind == "isNull" else found


def field_of(value: object) -> dict[str, Any]:
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, int):
        return {"longValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}


def words_of(error: psycopg.Error) -> str:
    found = error.diag
    return f"ERROR: {found.message_primary}; SQLState: {found.sqlstate}\n  Where: {found.context}"
