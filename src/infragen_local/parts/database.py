"""A PostgreSQL server behind each Aurora cluster, and the Data API against it.

MiniStack's clusters are records. Here the cluster of a stack gets a server of its own, whose directory is kept with the
state: the master user with the password of its secret (no superuser, as on RDS), the database of the template, and
endpoints that lead to it. MiniStack's own Data API then runs the statements; it gets a driver and a server to reach.

MiniStack runs a statement in the thread that answers every request, so one that waits for a lock stopped the whole
emulator, and the COMMIT that would release the lock was never read. Here each has a thread, and the limits of the Data
API: a statement 45 seconds, a transaction three minutes without a call ("Using the Amazon RDS Data API", Amazon Aurora
User Guide; "BeginTransaction", RDS Data Service API Reference; read 2026-11-29).

TLS is what it is not: the server of PyPI has none. So where a function's environment asks for it (`URL_SUFFIX` of the
credentials function), `sslmode=disable` stands there, which drift detection does not report.
"""

import asyncio
import json
import re
import sys
from typing import Any

import psycopg
from ministack.core.concurrency import run_reentrant
from ministack.core.responses import get_account_id, get_region
from ministack.services import rds, rds_data, secretsmanager
from ministack.services.cloudformation import drift, stacks
from psycopg import sql

from infragen_local.patches.handlers import Created, Properties, handler, replace
from infragen_local.postgres import SUPERUSER, Binaries, Server, Servers, choose
from infragen_local.twin import Twin

CLUSTER, FUNCTION = "AWS::RDS::DBCluster", "AWS::Lambda::Function"
_HOST = "127.0.0.1"
_WITHOUT_TLS = "?sslmode=disable"
_LIMITS = "-c statement_timeout=45s -c idle_in_transaction_session_timeout=3min"


class Databases:
    """The servers behind the clusters of one emulator."""

    def __init__(self, twin: Twin, available: list[Binaries]) -> None:
        self._available, self._once_saved = available, twin.once_saved
        self._servers = Servers(twin.state_dir / "databases", twin.children)

    def apply(self) -> None:
        """Put a server behind each cluster that CloudFormation creates, and the Data API in front of it."""
        own = handler(CLUSTER)
        own_worker, own_endpoint, own_connect = (
            stacks._runs_on_worker_thread,
            rds_data._has_real_endpoint,
            rds_data._connect,
        )

        def create(logical_id: str, properties: Properties, stack: str) -> Created:
            cluster, attributes = own["create"](logical_id, properties, stack)
            try:
                server = self._start(_name(cluster), str(properties.get("EngineVersion") or ""))
                self._prepare(server, properties, attributes)
            except (OSError, psycopg.Error) as error:
                raise ValueError(str(error)) from error
            return cluster, {**attributes, **self._endpoints(cluster, server)}

        def update(cluster: str, old: Properties, new: Properties, *rest: Any) -> Created:
            cluster, attributes = own["update"](cluster, old, new, *rest)
            server = self._servers.running(_name(cluster))
            return cluster, {**(attributes or {}), **(self._endpoints(cluster, server) if server else {})}

        def delete(cluster: str, properties: Properties, *rest: Any) -> None:
            name = _name(cluster)
            own["delete"](cluster, properties, *rest)
            self._servers.stop(name)
            self._once_saved(lambda: self._servers.remove(name))

        def connect(instance: Any, engine: str, database: str, password: str, username: str) -> Any:
            server = self._behind(instance)
            if server is None:
                return own_connect(instance, engine, database, password, username=username)
            return _connected(server, username, password, database or "postgres", _LIMITS)

        replace(CLUSTER, create=create, update=update, delete=delete)
        stacks._runs_on_worker_thread = lambda resource_type: resource_type == CLUSTER or own_worker(resource_type)
        rds_data._has_real_endpoint = lambda instance: self._behind(instance) is not None or own_endpoint(instance)
        rds_data._connect = connect
        _in_threads()
        _without_tls()

    def resume(self) -> None:
        """Start the servers of clusters that an earlier run left; those of clusters that are gone are removed."""
        clusters = {_name(key, account, region): one for (account, region, key), one in rds._clusters._data.items()}
        for name in list(self._servers.known()):
            if name not in clusters:
                self._servers.remove(name)
                continue
            try:
                server = self._start(name, str(clusters[name].get("EngineVersion") or ""))
                clusters[name].update(Endpoint=_HOST, ReaderEndpoint=_HOST, Port=server.port)
            except OSError as error:
                sys.stderr.write(f"{name}: {error}\n")

    def _start(self, name: str, version: str) -> Server:
        binaries = choose(self._available, version)
        if binaries is None:
            raise OSError("there is no PostgreSQL on this machine")
        return self._servers.start(name, binaries)

    def _behind(self, instance: Any) -> Server | None:
        return self._servers.running(_name(str((instance or {}).get("DBClusterIdentifier", ""))))

    def _endpoints(self, cluster: str, server: Server) -> dict[str, Any]:
        record = rds._clusters[cluster]
        record.update(Endpoint=_HOST, ReaderEndpoint=_HOST, Port=server.port)
        return {"Endpoint.Address": _HOST, "ReadEndpoint.Address": _HOST, "Endpoint.Port": str(server.port)}

    def _prepare(self, server: Server, properties: Properties, attributes: dict[str, Any]) -> None:
        """Make what RDS makes in a new cluster: the master user with its rights, and the database of the template."""
        user, password = _master(properties, attributes)
        with _connected(server, SUPERUSER, server.password, "postgres") as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [user]).fetchone()
            if not known:
                connection.execute("CREATE ROLE rds_superuser NOLOGIN")
                rights = sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE IN ROLE rds_superuser")
                connection.execute(rights.format(sql.Identifier(user)))
            secret = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(user), sql.Literal(password))
            connection.execute(secret)
            database = str(properties.get("DatabaseName") or "postgres")
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
            if not there:
                made = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(user))
                connection.execute(made)


def _connected(server: Server, user: str, password: str, database: str, options: str = "") -> "psycopg.Connection[Any]":
    where: dict[str, Any] = {"host": _HOST, "port": server.port, "dbname": database}
    return psycopg.connect(**where, user=user, password=password, options=options, autocommit=True)


def _in_threads() -> None:
    """Answer each request to the Data API in a thread of its own."""
    own = rds_data.handle_request

    def answered(*request: Any) -> Any:
        return asyncio.run(own(*request))  # it waits for nothing but its database

    async def handle(*request: Any) -> Any:
        return await run_reentrant(answered, *request, thread_name="infragen-data-api")

    rds_data.handle_request = handle


def _name(cluster: str, account: str = "", region: str = "") -> str:
    """Return the directory of a cluster: account, region and identifier, of which none holds a slash."""
    return f"{account or get_account_id()}-{region or get_region()}-{re.sub('[^A-Za-z0-9-]', '_', cluster)}"


def _master(properties: Properties, attributes: dict[str, Any]) -> tuple[str, str]:
    """Return user and password of the master: of its managed secret, or of the template."""
    arn = attributes.get("MasterUserSecret.SecretArn")
    if arn:
        value = json.loads(secretsmanager.resolve_secret_string(arn))
        return str(value["username"]), str(value["password"])
    return str(properties.get("MasterUsername") or "postgres"), str(properties.get("MasterUserPassword") or "")


def _without_tls() -> None:
    """Leave out of functions' environments what asks for TLS to the database."""
    own = handler(FUNCTION)

    def plain(properties: Properties) -> Properties:
        variables = dict((properties.get("Environment") or {}).get("Variables") or {})
        if "DATABASE_SECRET_ARN" in variables:
            variables.pop("NODE_EXTRA_CA_CERTS", None)
        if "URL_SUFFIX" in variables and "CLUSTER_ARN" in variables:
            variables["URL_SUFFIX"] = _WITHOUT_TLS
        return {**properties, "Environment": {"Variables": variables}} if variables else properties

    def create(logical_id: str, properties: Properties, *rest: Any) -> Any:
        return own["create"](logical_id, plain(properties), *rest)

    def update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
        return own["update"](physical_id, plain(old), plain(new), *rest)

    def read(physical_id: str, written: Properties) -> Properties | None:
        """Read a function for drift detection: what was left out here is no drift."""
        found: Properties | None = own_read(physical_id, written)
        there = ((found or {}).get("Environment") or {}).get("Variables")
        if found is None or there is None:
            return found
        wanted, given = ((each.get("Environment") or {}).get("Variables") or {} for each in (written, plain(written)))
        same = {name: value for name, value in wanted.items() if there.get(name) == given.get(name)}
        return {**found, "Environment": {"Variables": {**there, **same}}}

    own_read, supported = drift._DRIFT_READERS[FUNCTION]
    drift._DRIFT_READERS[FUNCTION] = (read, supported)
    replace(FUNCTION, create=create, update=update)
