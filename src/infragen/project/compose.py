"""Rendered templates -> a compose file for teams with Docker: the same containers, variables and queues, no AWS.

Pure: an environment and the bodies of its templates in, text out. What the API's container is comes from its rendered
task definition, what a worker's variables are from its rendered function, what a queue is from its rendered queue: no
second place knows them. A value that only AWS or the user knows (a secret, an output of another layer) becomes a
variable that `docker compose` asks for (`${NAME:?…}`); it is not made up.

Every text is written with quotes unless it is a plain word: YAML 1.2, which Compose reads, and YAML 1.1, which Python
writes, disagree on which words are numbers. `$` is doubled (Compose file reference, "Interpolation", read 2026-11-29).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from infragen.changes.evaluate import evaluated, later
from infragen.config import Database, Environment, Worker
from infragen.layers import queue
from infragen.layers.database import DatabaseCredentialsArn
from infragen.layers.secret_rights import SECRET_PARAMETERS
from infragen.layers.worker import CA_CERTIFICATES

HEADER = "# Made by infragen compose; edit compose.override.yaml"
EMULATOR = "ministackorg/ministack:1.5.33"
"""The image of the emulator in the version that `infragen local` runs. It has aws, openssl and python (Dockerfile of
ministackorg/ministack, read 2026-11-29)."""

ENDPOINT = "http://aws:4566"
PASSWORD = "local"  # noqa: S105 # of databases that only containers of this file reach
POLL = "src/worker/poll.ts"
"""Runs a worker where there is no Lambda; a part of the application that `infragen init` writes."""

_POSTGRES_USER = 70
"""The user id of PostgreSQL in its Alpine image (Dockerfile of docker-library/postgres, `adduser -u 70`)."""
_CERTIFICATE = "/certificate/server.pem"
_ATTRIBUTES = (
    "VisibilityTimeout", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "DelaySeconds",
    "MaximumMessageSize", "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit",
)  # fmt: skip
"""Properties of AWS::SQS::Queue that are attributes of the same name (SQS API Reference, "CreateQueue"). Encryption and
the redrive allow policy are left out: they guard against other accounts, which the emulator's queues have not."""

READ = frozenset({"api", "queue", "worker"})
"""Layers of whose templates the file is made."""

_URLS = frozenset({"DATABASE_URL", "DATABASE_READER_URL"})
"""What infragen injects from the database's secret; a file cannot give these names to others."""


@dataclass(frozen=True)
class Asked:
    """A value that `docker compose` takes from its environment or from `.env`."""

    name: str


def foreign(text: str) -> bool:
    """Return whether a compose file was written by somebody else, so that it is not replaced."""
    return not text.startswith(HEADER + "\n")


def left_out(env: Environment, *, polls: bool) -> dict[str, str]:
    """Return the workers that get no service, and why; `polls` says whether the project has POLL."""
    why = {each.name: _why_not(each, polls) for each in env.workers}
    return {name: reason for name, reason in why.items() if reason}


def compose(
    env: Environment, bodies: Mapping[str, Mapping[str, Any]], *, account: str, context: str = ".", polls: bool = True
) -> str:
    """Return the compose file of an environment with an API.

    `bodies` are its rendered templates by layer, `account` is the emulator's account, `context` the directory of the
    Dockerfile as the compose file sees it.
    """
    found = _Values(env, bodies, account)
    document = {
        "name": env.name,
        "services": {
            **({"certificate": _certificate(), "postgres": _postgres(env.database)} if env.database else {}),
            "aws": _aws(env, account),
            **_application(env, found, context, polls),
        },
        "configs": {
            "aws": {"content": _resources(env, found)},
            **({"roles": {"content": _roles(env.database)}} if env.database else {}),
        },
        **({"volumes": {"certificate": {}, "postgres": {}}} if env.database else {}),
    }
    lead = (HEADER, f"# infragen compose --env {env.environment} writes it again; it needs Docker Compose 2.23.1.")
    return "\n".join((*lead, *_yaml(document))) + "\n"


class _Values:
    """The rendered resources of an environment, with what this file gives them in place of AWS."""

    def __init__(self, env: Environment, bodies: Mapping[str, Mapping[str, Any]], account: str) -> None:
        self._bodies = bodies
        self._values: dict[str, object] = {
            "AWS::Region": env.region,
            "AWS::AccountId": account,
            "AWS::Partition": "aws",
            "ProjectName": env.project,
            "EnvironmentName": env.environment,
            "ImageTag": "compose",
        }
        self.arn = f"arn:aws:sqs:{env.region}:{account}:"
        self.secret = f"{env.name}-database"
        if env.database:  # without the six characters at its end, which GetSecretValue does not need
            name = f"arn:aws:secretsmanager:{env.region}:{account}:secret:{self.secret}"
            self._values[DatabaseCredentialsArn.name] = name
        names = {key: str(each["QueueName"]) for key, each in self.properties("queue", "AWS::SQS::Queue").items()}
        for each in env.queues:
            given, name = queue.of(each), names[f"{each.id}Queue"]
            self._values[given.url.name] = f"{ENDPOINT}/{account}/{name}"
            self._values[given.arn.name] = self.arn + name

    def properties(self, layer: str, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of the resources of a type, by logical id."""
        if layer not in self._bodies:
            return {}
        found = evaluated(self._bodies[layer], self._values)
        return {key: each.get("Properties", {}) for key, each in found.items() if each["Type"] == kind}

    def container(self, name: str) -> dict[str, Any]:
        """Return the definition of the API's container."""
        [task] = self.properties("api", "AWS::ECS::TaskDefinition").values()
        found: dict[str, Any] = next(each for each in task["ContainerDefinitions"] if each["Name"] == name)
        return found


def _certificate() -> dict[str, Any]:
    """Return the service that makes the certificate which `sslmode=verify-full` is checked against, once."""
    script = f"""\
test -s {_CERTIFICATE} && exit 0
cd /certificate
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=postgres -addext subjectAltName=DNS:postgres \
-keyout server.key -out server.new
chown {_POSTGRES_USER} server.key
chmod 600 server.key
chmod 644 server.new
mv server.new server.pem
"""
    return {
        "image": EMULATOR,
        "entrypoint": ["sh", "-ec", script],
        "network_mode": "none",
        "volumes": ["certificate:/certificate"],
    }


def _postgres(database: Database) -> dict[str, Any]:
    major = int(database.engine_version.partition(".")[0])
    # 18 moved the volume of the image (docker-library/postgres#1370, 2025-10-11)
    data = "/var/lib/postgresql" if major >= 18 else "/var/lib/postgresql/data"
    settings = {
        "ssl": "on",
        "ssl_cert_file": _CERTIFICATE,
        "ssl_key_file": "/certificate/server.key",
        "max_connections": str(database.max_connections),
    }
    return {
        "image": f"postgres:{major}-alpine",
        "command": ["postgres", *(word for key, value in settings.items() for word in ("-c", f"{key}={value}"))],
        "environment": [f"POSTGRES_DB={database.name}", f"POSTGRES_PASSWORD={PASSWORD}"],
        "configs": [{"source": "roles", "target": "/docker-entrypoint-initdb.d/roles.sql"}],
        "volumes": ["certificate:/certificate:ro", f"postgres:{data}"],
        # by TCP: while the init scripts run the server listens on its socket only
        "healthcheck": _check(["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "postgres", "-d", database.name]),
        "depends_on": {"certificate": {"condition": "service_completed_successfully"}},
    }


def _aws(env: Environment, account: str) -> dict[str, Any]:
    ready = "import json, sys, urllib.request as r; sys.exit(json.load(r.urlopen(sys.argv[1]))['failed'])"
    return {
        "image": EMULATOR,
        "environment": [f"MINISTACK_ACCOUNT_ID={account}", "MINISTACK_HOST=aws", f"MINISTACK_REGION={env.region}"],
        "configs": [{"source": "aws", "target": "/etc/localstack/init/ready.d/resources.sh"}],
        "ports": ["127.0.0.1:4566:4566"],
        # 503 until the script has ended
        "healthcheck": _check(["CMD", "python", "-c", ready, "http://127.0.0.1:4566/_ministack/ready"]),
    }


def _check(words: list[str]) -> dict[str, Any]:
    return {"test": words, "interval": "2s", "timeout": "5s", "retries": 30}


def _application(env: Environment, found: _Values, context: str, polls: bool) -> dict[str, Any]:
    """Return release command, API and workers: one image."""
    assert env.api is not None  # noqa: S101 # the command asked before
    definition = found.container("api")
    trust = {"volumes": ["certificate:/certificate:ro"]} if env.database else {}
    base = {"image": env.name, "build": context, **_hardening(definition), **trust}
    after: dict[str, Any] = {"aws": {"condition": "service_healthy"}}
    if env.database:
        after["postgres"] = {"condition": "service_healthy"}
    variables = _of_container(env, definition)
    services: dict[str, Any] = {}
    if env.release is not None:
        size = _limits(env.release.cpu or env.api.cpu, env.release.memory or env.api.memory)
        services["release"] = {
            **base, "command": [*env.release.command], "environment": variables, "deploy": size, "depends_on": after,
        }  # fmt: skip
        after = {**after, "release": {"condition": "service_completed_successfully"}}
    command = {"command": list(definition["Command"])} if "Command" in definition else {}
    services["api"] = {
        **base, **command, "environment": variables, "ports": [f"127.0.0.1:{env.api.port}:{env.api.port}"],
        "deploy": _limits(env.api.cpu, env.api.memory), "depends_on": after, **_health(definition),
    }  # fmt: skip
    functions = found.properties("worker", "AWS::Lambda::Function")
    for each in env.workers:
        if not _why_not(each, polls):
            named = functions[f"{each.id}Function"]["Environment"]["Variables"]
            given = {key: value for key, value in named.items() if key != SECRET_PARAMETERS}
            given |= {name: Asked(name) for name in each.secrets}  # there is no Parameter Store with them
            services[f"worker-{each.name}"] = {
                **base, "command": ["node", POLL, each.name], "environment": _environment(env, given),
                "deploy": {"resources": {"limits": {"memory": f"{each.memory}M"}}}, "depends_on": after,
            }  # fmt: skip
    return services


def _why_not(worker: Worker, polls: bool) -> str:
    if not worker.runtime.startswith("nodejs"):
        return f"{worker.runtime} does not run in the API's image"
    return "" if polls else f"there is no {POLL} to run it where there is no Lambda"


def _hardening(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the task definition takes from the container: root, capabilities, a writable file system."""
    linux = definition["LinuxParameters"]
    mounts = [
        f"{each['ContainerPath']}:size={each['Size']}m,{','.join(each['MountOptions'])}"
        for each in linux.get("Tmpfs", ())
    ]
    return {
        "user": str(definition["User"]),
        "read_only": definition["ReadonlyRootFilesystem"] in (True, "true"),
        "init": True,
        **({"cap_drop": list(linux["Capabilities"]["Drop"])} if "Capabilities" in linux else {}),
        **({"tmpfs": mounts} if mounts else {}),
        "stop_grace_period": f"{definition['StopTimeout']}s",
    }


def _health(definition: Mapping[str, Any]) -> dict[str, Any]:
    check = definition["HealthCheck"]
    return {
        "healthcheck": {
            "test": list(check["Command"]),
            "interval": f"{check['Interval']}s",
            "timeout": f"{check['Timeout']}s",
            "retries": int(check["Retries"]),
            "start_period": f"{check['StartPeriod']}s",
            "start_interval": "1s",
        }
    }


def _limits(cpu: int, memory: int) -> dict[str, Any]:
    return {"resources": {"limits": {"cpus": str(cpu / 1024), "memory": f"{memory}M"}}}


def _of_container(env: Environment, definition: Mapping[str, Any]) -> list[Any]:
    given: dict[str, Any] = {each["Name"]: each["Value"] for each in definition["Environment"]}
    for each in definition.get("Secrets", ()):
        name = each["Name"]
        given[name] = database_url(env.database) if env.database and name in _URLS else Asked(name)
    # its collector is a sidecar, which this file has not
    given = {key: value for key, value in given.items() if key != "OTEL_EXPORTER_OTLP_ENDPOINT"}
    return _environment(env, given)


def _environment(env: Environment, given: Mapping[str, Any]) -> list[Any]:
    """Return the variables of a container, in the form NAME=VALUE, and where AWS is; the rest it has to ask for."""
    aws = {
        "AWS_REGION": env.region,
        "AWS_DEFAULT_REGION": env.region,
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    trusted = {"NODE_EXTRA_CA_CERTS": _CERTIFICATE, "PGSSLROOTCERT": _CERTIFICATE} if env.database else {}
    own = {name: value for name, value in given.items() if value != CA_CERTIFICATES}  # a file of Lambda's runtime
    return [_variable(name, value) for name, value in {**own, **aws, **trusted}.items()]


def _variable(name: str, value: Any) -> Any:
    open_value = isinstance(value, dict | list | Asked) or later(value)
    return Asked(name) if open_value else f"{name}={value}"


def database_url(database: Database) -> str:
    """Return the URL of the first of the two logins."""
    options = f"?{database.url_options}" if database.url_options else ""
    return f"postgresql://{quote(database.owner)}_a:{PASSWORD}@postgres:5432/{quote(database.name)}{options}"


def _roles(database: Database) -> str:
    """Return the SQL that makes the roles which `layers/functions/credentials.py` makes on Aurora."""
    owner, name = f'"{database.owner}"', f'"{database.name}"'
    logins = [f'"{database.owner}_{letter}"' for letter in "ab"]
    lines = [
        f"CREATE ROLE {owner} NOLOGIN;",
        f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {name} TO {owner};",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {owner};",
    ]
    for login in logins:
        lines += [
            f"CREATE ROLE {login} LOGIN PASSWORD '{PASSWORD}';",
            f"GRANT {owner} TO {login};",
            f"ALTER ROLE {login} SET role TO {owner};",
        ]
    return "\n".join(lines) + "\n"


def _resources(env: Environment, found: _Values) -> str:
    """Return the script that makes queues and the database's secret each time the emulator starts."""
    queues = found.properties("queue", "AWS::SQS::Queue")
    lines = ["set -eu"]
    # a queue of dead letters is there before the queue that names it
    for each in sorted(queues.values(), key=lambda each: "RedrivePolicy" in each):
        name = str(each["QueueName"])
        attributes = {key: _attribute(each[key]) for key in _ATTRIBUTES if key in each}
        if "RedrivePolicy" in each:
            policy = each["RedrivePolicy"]
            dead = queues[policy["deadLetterTargetArn"]["Fn::GetAtt"][0]]["QueueName"]
            redrive = {"deadLetterTargetArn": f"{found.arn}{dead}", "maxReceiveCount": str(policy["maxReceiveCount"])}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        lines.append(_words("aws", "sqs", "create-queue", "--queue-name", name, "--attributes", json.dumps(attributes)))
    if env.database:
        url = database_url(env.database)
        value = {
            "engine": "postgres", "host": "postgres", "port": 5432, "dbname": env.database.name,
            "username": f"{env.database.owner}_a", "password": PASSWORD, "url": url, "reader_url": url,
        }  # fmt: skip
        create = ("aws", "secretsmanager", "create-secret", "--name", found.secret)
        lines.append(_words(*create, "--secret-string", json.dumps(value)))
    return "\n".join(lines) + "\n"


def _attribute(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _words(*words: str) -> str:
    return " ".join(map(shlex.quote, words))


_PLAIN = re.compile(r"[a-z][a-z_-]*")
_NOT_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})

_UNPRINTABLE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What JSON leaves as it is and YAML does not take, or takes for the end of a line."""


def _is_block(value: Any) -> bool:
    """Return whether a text can be written as lines, and be read as it was: a script of ours."""
    if not isinstance(value, str) or not value.endswith("\n") or value.endswith("\n\n") or value[0] in " \n":
        return False
    return all(each.isascii() and each.isprintable() and each == each.rstrip() for each in value[:-1].split("\n"))


def _yaml(value: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield the lines of a mapping."""
    for key, each in value.items():
        yield from _entry(f"{indent}{_scalar(key)}:", each, indent + "  ")


def _entry(lead: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield lead
        yield from _yaml(value, indent)
    elif isinstance(value, list) and value:
        yield lead
        for item in value:
            if isinstance(item, dict):
                first, *rest = _yaml(item, indent + "  ")
                yield f"{indent}- {first.strip()}"
                yield from rest
            elif _is_block(item):
                yield from _entry(f"{indent}-", item, indent + "  ")
            else:
                yield f"{indent}- {_scalar(item)}"
    elif _is_block(value):
        yield f"{lead} |"
        yield from (f"{indent}{line}".rstrip() for line in value.replace("$", "$$").splitlines())
    else:
        yield f"{lead} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, Asked):
        return f'"{value.name}=${{{value.name}:?set it in .env}}"'
    if isinstance(value, str) and not (_PLAIN.fullmatch(value) and value not in _NOT_TEXT):
        quoted = json.dumps(value.replace("$", "$$"), ensure_ascii=False)
        return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
    return value if isinstance(value, str) else json.dumps(value)
