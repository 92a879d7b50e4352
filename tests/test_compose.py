"""`infragen compose`: rendered containers, variables and queues as a compose file; files of others stay as they are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from doubles.postgres import installations, running

from infragen.assembly.synth import synthesize
from infragen.cli import main
from infragen.config import load_environment
from infragen.layers.functions import source
from infragen.project.compose import EMULATOR, HEADER, PASSWORD, compose

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "data" / "compose.yaml"
SHOP = """\
project: shop
environment: dev
region: eu-central-1
account: "111111111111"
network: { nat: instance }
database: { engine_version: "17.7", min_acu: 0.5, max_acu: 2 }
queues: [{ name: mail }, { name: orders, fifo: true }]
api: { https: { mode: http_only }, ingress_cidrs: [203.0.113.0/24], cpu: 512, memory: 1024, min_tasks: 1, max_tasks: 2 }
release: { command: [node, src/release.ts], memory: 2048 }
workers: [{ name: mail, queue: mail, max_concurrency: 5 }, { name: orders, queue: orders, max_concurrency: 5 }]
"""
NO_DATABASE = re.sub(r"(?m)^(database|release).*\n", "", SHOP)

Run = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.yaml").write_text(SHOP)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "src" / "worker").mkdir(parents=True)
    (tmp_path / "src" / "worker" / "poll.ts").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(project: Path) -> Run:
    def invoke(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, ["compose", *arguments])
        assert result.exit_code == code, result.output
        return result

    return invoke


def written(project: Path) -> dict[str, Any]:
    """What Compose reads: YAML, with the doubled dollars single."""
    found: dict[str, Any] = yaml.safe_load((project / "compose.yaml").read_text().replace("$$", "$"))
    return found


def variables(service: dict[str, Any]) -> dict[str, str]:
    return dict(each.split("=", 1) for each in service["environment"])


@pytest.mark.long
def test_the_file_is_the_golden(project: Path, run: Run) -> None:
    """Byte for byte."""
    run()
    text = (project / "compose.yaml").read_text()
    assert text == GOLDEN.read_text()
    assert run("--output", "-").output.startswith(HEADER)
    assert (project / "compose.yaml").read_text() == text


@pytest.mark.parametrize("name", ["DB_PASSWORD", "API_TOKEN"])
def test_what_sounds_like_a_secret_is_not_printed(project: Path, run: Run, name: str) -> None:
    """stdout is often a log: 2 with the line, and no value; a file holds it."""
    dev = project / "environments" / "dev.yaml"
    dev.write_text(SHOP.replace("api: { ", f"api: {{ environment: {{ {name}: kanari-huhn }}, ", 1))
    ended = run("--output", "-", code=2)
    assert "kanari" not in ended.output
    assert f"dev.yaml:8:{dev.read_text().splitlines()[7].index('kanari') + 1}: api.environment.{name}" in ended.output
    run()
    assert variables(written(project)["services"]["api"])[name] == "kanari-huhn"


def test_what_a_layer_of_the_project_adds_is_not_printed_either(project: Path, run: Run) -> None:
    """The environment file says nothing of it: 2 with the layer and the place, and no value; a file holds it."""
    (project / "layers").mkdir()
    (project / "layers" / "more.py").write_text(
        "from infragen.layer import Additions, Extension\n"
        "EXTENSIONS = (Extension(layer='api', adds=lambda env: Additions(variables={'DB_PASSWORD': 'kanari-huhn'})),)\n"
    )
    ended = run("--output", "-", code=2)
    assert "kanari" not in ended.output
    assert "the layer api: TaskDefinition.Properties.ContainerDefinitions[0].Environment" in ended.output
    run()
    assert variables(written(project)["services"]["api"])["DB_PASSWORD"] == "kanari-huhn"


KEYS = {
    "service": {
        "image", "build", "command", "entrypoint", "environment", "configs", "volumes", "healthcheck", "depends_on",
        "ports", "user", "read_only", "init", "cap_drop", "tmpfs", "stop_grace_period", "deploy", "network_mode",
    },
    "healthcheck": {"test", "interval", "timeout", "retries", "start_period", "start_interval"},
}  # fmt: skip
"""Of compose-spec/compose-spec, schema/compose-spec.json, `definitions.service` and `definitions.healthcheck`, neither
of which takes other keys (read 2026-11-29)."""


def test_each_key_is_one_of_the_compose_specification(project: Path, run: Run) -> None:
    run()
    found = written(project)
    assert set(found) == {"name", "services", "configs", "volumes"}
    for name, service in found["services"].items():
        assert set(service) <= KEYS["service"], name
        assert set(service.get("healthcheck", {})) <= KEYS["healthcheck"], name
        assert set(service.get("depends_on", {})) <= set(found["services"]), name
        assert {each["source"] for each in service.get("configs", ())} <= set(found["configs"])
        for each in service.get("volumes", ()):
            assert each.split(":")[0] in found["volumes"]
        assert all(each.startswith("127.0.0.1:") for each in service.get("ports", ())), "reachable from elsewhere"


@pytest.mark.long
def test_the_api_has_the_variables_of_the_rendered_task_definition(project: Path, run: Run) -> None:
    """Each of them, with its value where the template has it as text; and nothing but where AWS is beside them."""
    run()
    env = load_environment(project / "environments" / "dev.yaml")
    api = synthesize(env).template("api").body["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"][0]
    rendered = {each["Name"]: each["Value"] for each in api["Environment"]}
    found = variables(written(project)["services"]["api"])
    for name, value in rendered.items():
        assert found[name] == value if isinstance(value, str) else found[name]
    beside = set(found) - set(rendered) - {each["Name"] for each in api["Secrets"]}
    aws = {"AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert beside == aws | {"NODE_EXTRA_CA_CERTS", "PGSSLROOTCERT"}
    assert found["QUEUE_URL"] == "http://aws:4566/111111111111/shop-dev-mail"
    assert found["QUEUE_URL_ORDERS"] == "http://aws:4566/111111111111/shop-dev-orders.fifo"
    assert found["DATABASE_URL"] == "postgresql://app_a:local@postgres:5432/app?sslmode=verify-full"


@pytest.mark.long
def test_a_value_that_only_the_user_knows_is_asked_for(project: Path, run: Run) -> None:
    """A secret's value is never made up: `docker compose` ends with its name until it is set."""
    secret = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:pay-AbCdEf"
    file = project / "environments" / "dev.yaml"
    file.write_text(SHOP.replace("cpu: 512,", f'cpu: 512, secrets: {{ PAY_KEY: "{secret}" }},'))
    run()
    found = variables(written(project)["services"]["api"])
    assert found["PAY_KEY"] == "${PAY_KEY:?set it in .env}"


def test_a_secret_of_the_environments_own_is_asked_for_by_api_and_worker(project: Path, run: Run) -> None:
    """There is no Parameter Store that has it: no container is given the parameter's name to look there."""
    file = project / "environments" / "dev.yaml"
    text = SHOP.replace("cpu: 512,", "cpu: 512, secrets: { PAY_KEY: ssm },")
    file.write_text(text.replace("{ name: mail, queue: mail,", "{ name: mail, queue: mail, secrets: { SMTP: ssm },"))
    run()
    services = written(project)["services"]
    assert variables(services["api"])["PAY_KEY"] == "${PAY_KEY:?set it in .env}"
    found = variables(services["worker-mail"])
    assert found["SMTP"] == "${SMTP:?set it in .env}"
    assert "SECRET_PARAMETERS" not in found


TEXTS = (
    "${HOME}",
    "$$",
    "a $x b",
    "0o17",
    "1e3",
    "on",
    "0x1F",
    "a: b # c",
    "'\"",
    "\\n",
    "ümlaut ✓",
    "=",
    "",
    " lead",
    "🚀",
)


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_arrives_as_it_is_written(project: Path, run: Run, text: str) -> None:
    """Neither YAML nor Compose's own variables make another one of it: in variables and in words of a command."""
    file = project / "environments" / "dev.yaml"
    changed = SHOP.replace("cpu: 512,", f"cpu: 512, environment: {{ TEXT: {json.dumps(text, ensure_ascii=False)} }},")
    file.write_text(changed.replace("src/release.ts]", f"{json.dumps(text, ensure_ascii=False)}]") if text else changed)
    run()
    services = yaml.safe_load((project / "compose.yaml").read_text())["services"]
    for service in ("api", "release"):
        assert variables(services[service])["TEXT"] == text.replace("$", "$$")
    if text:
        assert services["release"]["command"][1] == text.replace("$", "$$")


@pytest.mark.long
def test_texts_of_several_lines_and_of_letters_that_yaml_does_not_take_are_read_back(project: Path) -> None:
    """Quotes where lines would lose a blank, a tab or the last of two line ends."""
    env = load_environment(project / "environments" / "dev.yaml")
    bodies = {each.layer: each.body for each in synthesize(env).templates}
    assert env.release is not None
    for text in ("  a\nb\n", "a\n\n", "a \nb\n", "a\tb\n", "a\r\n", "\n", "a\nb\n", "a\u2028b", "\x85", "\x7f", "🚀\n"):
        release = env.release.model_copy(update={"command": ("sh", "-c", text)})
        found = compose(env.model_copy(update={"release": release}), bodies, account="1" * 12)
        assert yaml.safe_load(found)["services"]["release"]["command"][2] == text, repr(text)


def test_release_api_and_workers_are_built_once_hardened_and_started_in_order(project: Path, run: Run) -> None:
    run()
    services = written(project)["services"]
    assert list(services) == ["certificate", "postgres", "aws", "release", "api", "worker-mail", "worker-orders"]
    for name in ("release", "api", "worker-mail", "worker-orders"):
        each = services[name]
        hardened = (each["image"], each["build"], each["user"], each["read_only"], each["cap_drop"], each["tmpfs"])
        assert hardened == ("shop-dev", ".", "1000:1000", True, ["ALL"], ["/tmp:size=64m,mode=1777"])  # noqa: S108  # a path in the container
        after = "service_completed_successfully" if name != "release" else None
        assert each["depends_on"].get("release", {}).get("condition") == after
    assert services["release"]["deploy"]["resources"]["limits"] == {"cpus": "0.5", "memory": "2048M"}
    assert services["worker-orders"]["command"] == ["node", "src/worker/poll.ts", "orders"]
    check = services["api"]["healthcheck"]
    assert check["test"] == ["CMD", "node", "-e", source("health_check.js"), "3000", "/health"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("version", "data"), [("16.8", "/var/lib/postgresql/data"), ("17.7", "/var/lib/postgresql/data")]
)
def test_postgresql_has_the_major_version_and_the_connections_of_the_cluster(
    project: Path, run: Run, version: str, data: str
) -> None:
    (project / "environments" / "dev.yaml").write_text(SHOP.replace("17.7", version))
    run()
    postgres = written(project)["services"]["postgres"]
    assert postgres["image"] == f"postgres:{version[:2]}-alpine"
    assert f"postgres:{data}" in postgres["volumes"]
    assert "max_connections=400" in postgres["command"]


def test_without_a_database_there_is_nothing_of_one(project: Path, run: Run) -> None:
    (project / "environments" / "dev.yaml").write_text(NO_DATABASE)
    run()
    found = written(project)
    assert list(found["services"]) == ["aws", "api", "worker-mail", "worker-orders"]
    text = (project / "compose.yaml").read_text().lower()
    assert not any(word in text for word in ("certificate", "postgres", "secretsmanager", "node_extra"))


def test_the_emulator_is_the_one_of_infragen_local() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert f"ministack=={EMULATOR.partition(':')[2]}" in extras["local"]


@pytest.mark.long
def test_the_script_makes_the_queues_as_they_are_rendered(project: Path, run: Run, tmp_path: Path) -> None:
    """Run by a shell, with a program in the place of AWS's that writes down its arguments."""
    run()
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "aws"
    program.write_text('#!/bin/sh\nfor each in "$@"; do printf "%s\\0" "$each"; done\nprintf "\\n"\n')
    program.chmod(0o755)
    script = written(project)["configs"]["aws"]["content"]
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    said = subprocess.run(["sh", "-c", script], env={"PATH": path}, capture_output=True, text=True, check=True).stdout
    calls = [line.split("\0")[:-1] for line in said.splitlines()]
    made = {call[3]: json.loads(call[5]) for call in calls if call[:2] == ["sqs", "create-queue"]}
    assert list(made) == ["shop-dev-mail-dlq", "shop-dev-orders-dlq.fifo", "shop-dev-mail", "shop-dev-orders.fifo"]
    env = load_environment(project / "environments" / "dev.yaml")
    for each in env.queues:
        suffix = ".fifo" if each.fifo else ""
        found = made[f"shop-dev-{each.name}{suffix}"]
        assert found["VisibilityTimeout"] == str(env.visibility(each))
        assert found["MessageRetentionPeriod"] == str(each.retention_days * 86400)
        dead = f"arn:aws:sqs:eu-central-1:111111111111:shop-dev-{each.name}-dlq{suffix}"
        redrive = {"deadLetterTargetArn": dead, "maxReceiveCount": str(each.max_receives)}
        assert json.loads(found["RedrivePolicy"]) == redrive
        assert found.get("FifoQueue") == ("true" if each.fifo else None)
    [secret] = [call for call in calls if call[0] == "secretsmanager"]
    worker = variables(written(project)["services"]["worker-mail"])
    assert worker["DATABASE_SECRET_ARN"].endswith(f":secret:{secret[3]}")
    assert json.loads(secret[5])["url"] == variables(written(project)["services"]["api"])["DATABASE_URL"]


@pytest.mark.long
def test_the_roles_are_those_of_the_credentials_function(project: Path, run: Run) -> None:
    """In a real PostgreSQL: a login changes what the other made, and Aurora's own statement finds nothing to do."""
    run()
    script = written(project)["configs"]["roles"]["content"]
    looked = "SELECT rolname, rolcanlogin, rolconfig FROM pg_roles WHERE rolname LIKE 'app%' ORDER BY 1"
    with running(installations()[-1]) as server:
        server.create_database("app")
        with server.superuser("app") as postgres:
            postgres.execute(script)
            before = postgres.execute(looked).fetchall()
            statement = re.search(r'ROLES = """(.*?)"""', source("credentials.py"), re.DOTALL)
            assert statement is not None
            postgres.execute("SELECT set_config('infragen.owner', 'app', false)")
            postgres.execute(statement[1])
            assert postgres.execute(looked).fetchall() == before
            assert [row[:2] for row in before] == [("app", False), ("app_a", True), ("app_b", True)]
        with server.connect("app_a", PASSWORD, "app") as one:
            one.execute("CREATE TABLE things (id int)")
        with server.connect("app_b", PASSWORD, "app") as other:
            other.execute("ALTER TABLE things ADD COLUMN more int")


@pytest.mark.long
def test_a_stale_file_is_told_and_written_again(project: Path, run: Run) -> None:
    assert "stale: " in run("--check", code=1).output
    assert not (project / "compose.yaml").exists()
    run()
    assert "up to date" in run("--check").output
    (project / "environments" / "dev.yaml").write_text(SHOP.replace("memory: 1024", "memory: 2048"))
    before = (project / "compose.yaml").read_text()
    run("--check", code=1)
    assert (project / "compose.yaml").read_text() == before
    run()
    run("--check")


@pytest.mark.parametrize("text", ["services: {}\n", f" {HEADER}\n", HEADER[:-1] + "\n", "\xff"])
@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_a_file_of_somebody_else_is_left_alone(project: Path, run: Run, text: str, arguments: tuple[str, ...]) -> None:
    file = project / "compose.yaml"
    file.write_bytes(text.encode("latin-1"))
    assert "was not written by infragen; nothing was written" in run(*arguments, code=2).output
    assert file.read_bytes() == text.encode("latin-1")


def test_the_context_is_the_project_wherever_the_file_is(project: Path, run: Run) -> None:
    (project / "deploy").mkdir()
    run("--output", "deploy/compose.yaml")
    assert yaml.safe_load((project / "deploy" / "compose.yaml").read_text())["services"]["api"]["build"] == ".."


@pytest.mark.long
def test_a_worker_that_cannot_run_there_is_left_out_aloud(project: Path, run: Run) -> None:
    file = project / "environments" / "dev.yaml"
    file.write_text(SHOP.replace("name: mail, queue", "name: mail, runtime: python3.13, queue"))
    assert "the worker mail is left out: python3.13 does not run" in " ".join(run().output.split())
    assert "worker-mail" not in written(project)["services"]
    (project / "src" / "worker" / "poll.ts").unlink()
    assert "the worker orders is left out: there is no src/worker/poll.ts" in " ".join(run().output.split())
    assert "worker-orders" not in written(project)["services"]


def test_what_is_missing_is_said_before_anything_is_written(project: Path, run: Run) -> None:
    assert "--check compares a file" in run("--check", "--output", "-", code=2).output
    (project / "Dockerfile").unlink()
    assert "has no Dockerfile" in run(code=2).output
    file = project / "environments" / "dev.yaml"
    file.write_text(re.sub(r"(?m)^(api|release|database).*\n", "", SHOP))
    assert "has no api layer" in run(code=2).output
    assert not (project / "compose.yaml").exists()
