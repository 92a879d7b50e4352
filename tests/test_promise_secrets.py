"""Forty secrets are where a run can come across them; none may be printed, written or sent, in whatever disguise.

They are in the shell's variables, in the AWS configuration, in addresses, and in templates that are deployed already:
under names that sound like secrets, inside texts, in parameters that AWS does not show. Every command runs as a
process, with and without --debug, ends well, fails, is refused, and breaks.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import click
import pytest
from commands import CommandLine, formats
from commands import commands as every_command
from fakeaws import FakeAws
from fakeaws.model import Message
from fakeaws.proxy import Proxy
from figures import Tried
from processes import DEPLOY, Ended, Operator
from sweeps import figure
from test_denied import SHOP, Scene, account
from test_secrecy import on_files
from test_shell import LOGIN, place

from infragen.assembly.synth import synthesize
from infragen.cli import main
from infragen.cli.storing import secrets as stored
from infragen.secrecy.visible import quoted

Make = Callable[..., Operator]

BY_NAME = (
    "DB_PASSWORD", "API_TOKEN", "SECRET", "CLIENT_SECRET", "PRIVATE_KEY", "ACCESS_KEY", "SIGNING_KEY", "MASTER_KEY",
    "AUTH_TOKEN", "PASSPHRASE", "PGPASSWORD", "SESSION_TOKEN", "apiKey", "dbPassword", "SmtpPwd", "LICENSE_KEY",
    "WEBHOOK_SECRET", "DATABASE_CREDENTIALS", "SENTRY_DSN", "GITHUB_PAT", "DB_PASS", "API_KEYS", "SSH_KEY", "JWT",
    "CONNECTION_STRING",
)  # fmt: skip
"""Environment variables of a function: what these names hold is a secret."""

IN_TEXTS = {
    "DATABASE_URL": "postgres://app:{}@db.internal:5432/app",
    "SETTINGS": '{{"host": "db", "password": "{}"}}',
    "OPTIONS": "host=db user=app password={}",
    "CERTIFICATE": "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
    "REFERENCE": "{{{{resolve:secretsmanager:{}}}}}",
    "QUOTED": 'PGPASSWORD="a b {}"',
    "HEADER": "Authorization: Bearer {}",
    "OPTION": "run --password {}",
    "NOTATION": "password: {}",
    "SLASH": "postgres://app:a/b@{}@db.internal:5432/app",
    "CODE": "const apiKey = '{}'",
}
"""Environment variables whose names say nothing, and whose text holds a secret."""

STEERING = "\x1b\x9b\x07\u202e\u2066\u200b"
"""Characters that drive a terminal, turn text round or hide in it."""

SHELL = ("GITHUB_TOKEN", "NPM_TOKEN", "DATABASE_URL", "PGPASSWORD", "MY_SECRET")
"""Variables of the shell that are none of our business."""


def canary(number: int) -> str:
    """A secret with signs that every notation writes differently."""
    return f'kanari-{number:02d}+/"<&>é{number * 7919:05d}'


def plain_canary(number: int) -> str:
    """A secret that fits into an address, a header or a key."""
    return f"kanari-{number:02d}-{number * 7919:05d}"


class Canaries:
    """Hands out secrets by the name of their place."""

    def __init__(self) -> None:
        self.all: dict[str, str] = {}

    def new(self, place: str, plain: bool = False) -> str:
        return self.all.setdefault(place, (plain_canary if plain else canary)(len(self.all)))

    def found(self, data: bytes, *but: str) -> list[str]:
        """The places of the secrets that occur in some bytes, however written."""
        return [
            place for place, text in self.all.items() if place not in but and any(d in data for d in disguises(text))
        ]


def disguises(text: str) -> set[bytes]:
    """A text as it would look in JSON, XML, an address, base64 (at any offset), a Python literal, hexadecimal."""
    forms = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], escape(text), repr(text)[1:-1]}
    forms |= {urllib.parse.quote(text), urllib.parse.quote(text, safe=""), urllib.parse.quote_plus(text)}
    raw = text.encode()
    coded = {raw.hex().encode()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        coded |= {encode(raw[offset : offset + (len(raw) - offset) // 3 * 3]) for offset in range(3)}
    return {form.encode() for form in forms} | coded


def poisoned(body: dict[str, Any], secrets: Canaries) -> dict[str, Any]:
    """A template of ours as somebody has edited it: with secrets where people put them."""
    body = json.loads(json.dumps(body))
    [function] = [each for each in body["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
    variables = function["Properties"].setdefault("Environment", {}).setdefault("Variables", {})
    variables.update({name: secrets.new(f"variable {name}") for name in BY_NAME})
    variables.update({name: text.format(secrets.new(f"text {name}", plain=True)) for name, text in IN_TEXTS.items()})
    variables["FROM_PARAMETER"] = {"Ref": "Hidden"}
    hidden = {"Type": "String", "NoEcho": True, "Default": secrets.new("default of a NoEcho parameter")}
    body.setdefault("Parameters", {})["Hidden"] = hidden
    body["Resources"]["Mail"] = {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {"SecretString": secrets.new("SecretString")},
    }
    body["Resources"]["Old"] = {
        "Type": "AWS::RDS::DBCluster",
        "Properties": {
            "Engine": "aurora-postgresql",
            "MasterUsername": "app",
            "MasterUserPassword": secrets.new("MasterUserPassword"),
        },
    }
    return body


def poison(aws: FakeAws, secrets: Canaries) -> None:
    """Somebody edits the worker's stack by hand."""
    stack = aws.stack("shop-dev-worker")
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in stack.target.parameters]
    given = {"ParameterKey": "Hidden", "ParameterValue": secrets.new("value of a NoEcho parameter")}
    aws.elsewhere.update_stack({
        "StackName": stack.name,
        "TemplateBody": json.dumps(poisoned(stack.target.body, secrets)),
        "Parameters": [*kept, given],
        "Tags": [{"Key": key, "Value": value} for key, value in stack.target.tags.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    })  # fmt: skip
    aws.clock.settle()
    assert stack.status == "UPDATE_COMPLETE", stack.reason
    written = log_lines(secrets, "log")
    group = next(each.physical_id for each in stack.resources.values() if each.type == "AWS::Logs::LogGroup")
    aws.settings.log_events += [(group, "2026/03/01/[$LATEST]1", int(time.time() * 1000), each) for each in written]


def log_lines(secrets: Canaries, where: str) -> list[str]:
    """What a program writes that logs all it knows."""
    lines = [json.dumps({"msg": "ready", name: secrets.new(f"{name} in a {where}")}) for name in BY_NAME]
    texts = {name: text for name, text in IN_TEXTS.items() if name != "REFERENCE"}  # there it is none that is followed
    return lines + [text.format(secrets.new(f"{where} {name}", plain=True)) for name, text in texts.items()]


def function_of(aws: FakeAws) -> str:
    """The logical id of the worker's function."""
    resources = aws.stack("shop-dev-worker").resources.values()
    return next(each.logical_id for each in resources if each.type == "AWS::Lambda::Function")


ENV = ("--env", "dev")
QUEUE = "AWS::SQS::Queue"
ALLOW = ("--allow-data-loss", "worker/Mail", "--allow-data-loss", "worker/Old")
WIDER = ("--allow-widening", "worker/JobsFunction")


def formats_of(command: click.Command) -> Iterator[tuple[str, ...]]:
    """The options for each format that a command offers, as click knows them."""
    found = next((each for each in command.params if "--format" in each.opts), None)
    assert found is not None
    assert isinstance(found.type, click.Choice)
    yield from (("--format", str(each)) for each in found.type.choices)


def commands() -> Iterator[tuple[int, tuple[str, ...]]]:
    """Every command that reads or changes something, with the exit code it must end in; the order matters."""
    yield from ((0, each) for each in (("render",), ("lint", *ENV)))  # in every format: test_secrecy
    for name in ("plan", "status", "ps", "outputs", "logs", "follow", "cancel", "recover"):
        yield from ((0, (name, *ENV, *form)) for form in formats_of(main.commands[name]))
    yield from ((0, ("secrets", "list", *ENV, *form)) for form in formats_of(stored.commands["list"]))
    yield from ((2, ("secrets", "rm", "KEY", *ENV, *form)) for form in formats_of(stored.commands["rm"]))
    yield from ((4, ("secrets", "restart", *ENV, *form)) for form in formats_of(stored.commands["restart"]))
    yield 3, ("deploy", *ENV, "--yes")
    yield 3, ("deploy", *ENV, "--yes", "--format", "json")
    yield 0, ("plan", *ENV, *ALLOW)
    yield 0, ("plan", *ENV, *ALLOW, "--out", "dev.plan")
    yield 3, ("deploy", *ENV, *ALLOW)
    yield 2, ("deploy", "--env", "nowhere", "--yes")
    yield 3, ("destroy", *ENV)


STORES = ("the value on stdin", "a value of the file", "another value of the file")
"""Secrets that are sent to Parameter Store, because that is what the command is for."""

BESIDE = (
    (0, "bootstrap", (*ENV, "--yes")),
    (0, "changesets prune", (*ENV, "--yes")),
    (0, "diagnose", ENV),
    (0, "diagnose", (*ENV, "--format", "json")),
    (0, "doctor", ENV),
    (0, "doctor", (*ENV, "--format", "json")),
    (0, "drift", ENV),
    (0, "drift", (*ENV, "--format", "json")),
    (3, "drift", (*ENV, "--revert", "--yes", "--format", "json")),
    (0, "drift", (*ENV, "--revert", *WIDER, "--yes")),
    (2, "import", ("queue/JobsQueue=https://queue", *ENV, "--yes")),
    (0, "redrive", ("jobs", *ENV, "--peek")),
    (0, "redrive", ("jobs", *ENV, "--peek", "--format", "json")),
    (0, "redrive", ("jobs", *ENV, "--allow-unchanged", "--yes")),
    (3, "secrets import", ("home/app.env", *ENV)),
    (0, "secrets import", ("home/app.env", *ENV, "--yes")),
    (2, "secrets import", ("home/credentials", *ENV, "--yes")),
    (0, "secrets set", ("CARD", *ENV)),
    (0, "secrets list", ENV),
    (0, "secrets diff", ("dev", "other")),
    (0, "secrets diff", ("dev", "other", "--format", "json")),
    (0, "secrets rm", ("CARD", *ENV, "--yes")),
    (2, "image put", (".", *ENV)),
    (2, "image promote", ("--from", "dev", "--to", "other", "--image-tag", "v1")),
    (0, "local status", ()),
    (0, "local status", ("--format", "json")),
    (0, "local stop", ()),
    (0, "local reset", ("--yes",)),
)  # fmt: skip
"""Commands that need more than stacks: dead letters, drift, values to store, a second environment."""

MET = {
    ("drift", *ENV): "worker         drifted",
    ("redrive", "jobs", *ENV, "--peek"): "DB_PASSWORD",
    ("secrets", "diff", "dev", "other"): "STRIPE_KEY",
}
"""What a command prints when it has come across the secrets."""

TASKS = {
    "migrate": ("--yes",), "run": ("--yes", "--", "node", "x"), "shell": ("--", "true"), "tunnel": (),
    "rotate": ("--yes",),
}  # fmt: skip
"""Commands that start a task of the API, log in to its database or change its credentials."""

NOT_WALKED = {
    "local start": "It starts a server, which no project and no account is given to.",
    "local env": "It starts a server, and prints keys that it has made up.",
}
"""Commands that no walk runs, and why: one sentence each."""


def test_every_command_is_walked_or_has_a_reason() -> None:
    """The commands are the program's own: a new one fails here until it is run among secrets, or says why not."""
    known = {" ".join(path) for path, _ in every_command()}
    words = [command for _, command in commands()] + list(on_files())
    walked = {name for name in known if any(" ".join(each).startswith(f"{name} ") or each == (name,) for each in words)}
    walked |= {name for _, name, _ in BESIDE} | {*TASKS}
    assert known - walked == set(NOT_WALKED)
    assert all(each[0].isupper() and each.endswith(".") for each in NOT_WALKED.values())


def set_out(aws: FakeAws, user: Operator, secrets: Canaries) -> None:
    """A function that drifted, dead letters, a file of values and a second environment, with secrets in them."""
    stack = aws.stack("shop-dev-worker")
    values = {name: secrets.new(f"{name} by hand") for name in BY_NAME}
    stack.by_hand[function_of(aws)] = {"Environment": {"Variables": values}}
    urls = [each.physical_id for each in aws.stack("shop-dev-queue").resources.values() if each.type == QUEUE]
    bodies = [json.dumps({"id": 1, name: secrets.new(f"{name} in a message")}) for name in BY_NAME]
    bodies += [
        text.format(secrets.new(f"message {name}", plain=True))
        for name, text in IN_TEXTS.items()
        if name != "REFERENCE"
    ]
    for url in (each for each in urls if each.endswith("-dlq")):
        aws.cloud.messages[url] = [Message(f"m{number}", each, aws.clock.now()) for number, each in enumerate(bodies)]
    one, two = (secrets.new(place, plain=True) for place in STORES[1:])
    (user.directory / "home" / "app.env").write_text(f"STRIPE_KEY={one}\nOTHER={two}\n")
    dev = user.directory / "environments" / "dev.yaml"
    (dev.parent / "other.yaml").write_text(dev.read_text().replace("environment: dev", "environment: other"))


@pytest.mark.long
@pytest.mark.promise("P12", "commands run among secrets in drift, messages and values to store: none printed")
@pytest.mark.parametrize("debug", [True, False][: figure(short=1, soak=2)], ids=["debug", "brief"][: figure(1, 2)])
def test_no_secret_leaks_of_drift_messages_and_values_to_store(
    operator: Make, aws: FakeAws, tried: Tried, debug: bool
) -> None:
    """P12: the commands that need more than stacks, each in its own order; what is to be stored is sent once."""
    user = operator("independent")
    assert user.run(*DEPLOY).code == 0
    secrets = Canaries()
    poison(aws, secrets)
    user = among_secrets(user, secrets)
    set_out(aws, user, secrets)
    user = replace(user, variables={**user.variables, "INFRAGEN_STATE_DIR": str(user.directory / "state")})
    typed = secrets.new(STORES[0])
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        user = replace(user, url=proxy.url)
        for code, name, more in BESIDE:
            given = typed if name == "secrets set" else ""
            debugging = ("--debug",) if debug else ()
            words = (*name.split(), *more)
            ended = looked_through(user, proxy, secrets, tried, code, *words, *debugging, typed=given)
            assert MET.get(words, "") in ended.stdout, words
            sent = set(secrets.found(b"\n".join(proxy.sent), "session token"))
            stores = {"secrets set": set(STORES[:1]), "secrets import": set(STORES[1:])} if code == 0 else {}
            assert sent == stores.get(name, set()), (name, sent)


@pytest.mark.long
@pytest.mark.promise("P12", "commands run among 40 secrets: none printed, written or sent")
@pytest.mark.parametrize("debug", [True, False][: figure(short=1, soak=2)], ids=["debug", "brief"][: figure(1, 2)])
def test_no_secret_is_printed_written_or_sent(operator: Make, aws: FakeAws, tried: Tried, debug: bool) -> None:
    """P12, T6: whatever the command, and however it ends; the session token goes where AWS wants it, and only there."""
    user = operator("independent")
    assert user.run(*DEPLOY).code == 0
    secrets = Canaries()
    poison(aws, secrets)
    user = among_secrets(user, secrets)
    more = ("--debug",) if debug else ()
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        user = replace(user, url=proxy.url)
        for code, command in commands():
            looked_through(user, proxy, secrets, tried, code, *command, *more)
        quoted = (
            f'it broke: password="{secrets.new("a reason of AWS")}"; {secrets.all["default of a NoEcho parameter"]}'
        )
        for form in formats_of(main.commands["deploy"]):
            aws.fail(function_of(aws), quoted + STEERING, stack="shop-dev-worker", on="update", times=1)
            looked_through(user, proxy, secrets, tried, 1, "deploy", *ENV, *ALLOW, *WIDER, "--yes", *form, *more)
        broken = f"Resources:\n  A: {{{{ {secrets.new('a template that cannot be read')}\n"
        sound = aws.stack("shop-dev-worker").target
        aws.stack("shop-dev-worker").target = replace(sound, text=broken)
        looked_through(user, proxy, secrets, tried, None, "plan", *ENV, *more)
        aws.stack("shop-dev-worker").target = sound
        looked_through(user, proxy, secrets, tried, 0, "deploy", *ENV, *ALLOW, *WIDER, "--yes", *more)
        looked_through(user, proxy, secrets, tried, 0, "destroy", *ENV, "--yes", *more)
    for code, variables in unreachable(secrets):
        away = replace(user, url=variables.pop("url", user.url), variables={**user.variables, **variables})
        looked_through(away, proxy, secrets, tried, code, "plan", *ENV, *more)
    assert len(secrets.all) >= 40
    tried.most("secrets", len(secrets.all))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An environment with an API, a worker and a database, whose stacks were made without calls."""
    directory = tmp_path_factory.mktemp("tasks")
    with account(directory) as aws:
        made = Scene(aws, directory, SHOP)
        for each in synthesize(made.bench.env).templates:
            place(aws, made.bench.env, each.layer)
        yield made


@pytest.mark.long
@pytest.mark.promise("P12", "commands that start tasks and log in, among secrets: none printed, written or sent")
@pytest.mark.parametrize("well", [True, False], ids=["well", "badly"])
@pytest.mark.parametrize("name", TASKS)
def test_no_secret_leaks_of_tasks_and_logins(scene: Scene, tried: Tried, name: str, well: bool) -> None:
    """P12: tasks that log all they know and end well or badly, in words that quote secrets; also with --debug."""
    aws, secrets = scene.aws, Canaries()
    quoting = (
        f'it broke: password="{secrets.new("a reason")}"; Authorization: Bearer {secrets.new("a header", plain=True)}'
    )
    aws.settings.secret_values["AppSecret"] = json.dumps(
        {**LOGIN, "password": secrets.new("password of the database", plain=True)}
    )
    aws.settings.ssm["/shop/test/STRIPE_KEY"] = secrets.new("parameter", plain=True)
    script = aws.settings.one_off
    script.lines, script.exit_code, script.reason = log_lines(secrets, "log of a task"), 0 if well else 1, quoting
    script.agent_seconds = 8.0 if well or name != "shell" else None
    stack = aws.stack("shop-test-database")
    group = next(each.physical_id for each in stack.resources.values() if each.logical_id == "CredentialsLogGroup")
    aws.settings.rotation.log_group = group
    [command] = [each for path, each in every_command() if path == (name,)]
    words = TASKS[name]
    at = words.index("--") if "--" in words else len(words)
    for form in sorted(formats(command)) or [""]:
        for debug in ("--debug", ""):
            aws.cloud.one_offs.clear()
            aws.calls.clear()
            aws.settings.rotation.errors = [] if well else [quoting]
            options = [*(("--format", form) if form else ()), *([debug] if debug else ())]
            ended = scene.run(name, *words[:at], *options, *words[at:])
            tried()
            assert isinstance(ended.exception, SystemExit | None), ended.exception
            assert (ended.exit_code == 0) == (well or name == "tunnel"), ended.output
            assert secrets.found(ended.output.encode()) == [], ended.output
            assert not any(each in ended.output for each in STEERING)
            assert secrets.found(repr([each.params for each in aws.calls]).encode()) == []
    kept = [each for each in scene.directory.rglob("*") if each.is_file() and secrets.found(each.read_bytes())]
    assert kept == []


@pytest.mark.parametrize("command", ["set", "import"])
@pytest.mark.parametrize(
    "value", ["kanari huhn", "erste zeile hier\nzweite zeile hier", '{"hof": "kanari huhn"}', "kanari:\\huhn"]
)
def test_a_value_that_is_stored_is_known_to_be_secret(scene: Scene, tmp_path: Path, command: str, value: str) -> None:
    """Whatever AWS quotes of it: nothing else could tell that these words are a secret."""
    said = f"The text {value} is not welcome here"
    assert quoted(said) == said.replace("\n", " ")
    file = tmp_path / "app.env"
    file.write_text("KEY=" + json.dumps(value) + "\n")
    scene.aws.mend()
    scene.aws.refuse("ssm:PutParameter", "ValidationException", said, times=None)
    given = ("set", "KEY") if command == "set" else ("import", str(file), "--yes")
    where = ("--env", "test", "--environments", str(scene.directory / "environments"), "--endpoint-url", scene.aws.url)
    for form in ("text", "json"):
        line = CommandLine(scene.aws.clock)
        ended = line.invoke(main, ["secrets", *given, *where, "--format", form, "--debug"], input=value)
        assert ended.exit_code not in (0, 70), ended.output
        assert not any(each in ended.output for each in ("huhn", "zeile")), ended.output
    scene.aws.mend()


def among_secrets(user: Operator, secrets: Canaries) -> Operator:
    """The same user, with secrets in the shell and in the AWS configuration."""
    home = user.directory / "home"
    home.mkdir()
    config = home / "credentials"
    config.write_text(
        f"[work]\naws_access_key_id = {user.aws.settings.account}\n"
        f"aws_secret_access_key = {secrets.new('secret key of the profile', plain=True)}\n"
        f"aws_session_token = {secrets.new('session token', plain=True)}\n"
        f"[other]\naws_access_key_id = AKIA\naws_secret_access_key = {secrets.new('another profile', plain=True)}\n"
    )
    variables = {name: secrets.new(f"shell {name}") for name in SHELL}
    variables.update({"HOME": str(home), "AWS_PROFILE": "work", "AWS_SHARED_CREDENTIALS_FILE": str(config)})
    variables.update({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    return replace(user, variables={**user.variables, **variables})


def unreachable(secrets: Canaries) -> Iterator[tuple[int, dict[str, str]]]:
    """Ways to AWS that lead nowhere, with secrets in their addresses, and the exit code that each ends in."""
    yield 2, {"url": f"http://user:{secrets.new('address', plain=True)}@127.0.0.1:9/"}
    yield (
        4,
        {"url": "http://aws.invalid:9", "HTTP_PROXY": f"http://user:{secrets.new('proxy', plain=True)}@127.0.0.1:9"},
    )


def looked_through(
    user: Operator, proxy: Proxy, secrets: Canaries, tried: Tried, code: int | None, *command: str, typed: str = ""
) -> Ended:
    """Runs a command and looks for secrets in all that it printed, sent and wrote; those of STORES may be sent."""
    tried()
    proxy.sent.clear()
    ended = user.run_here(*command, typed=typed) if typed else user.run(*command)
    assert code in (None, ended.code), (command, ended.stdout, ended.stderr)
    assert secrets.found((ended.stdout + ended.stderr).encode()) == [], (command, ended)
    assert not any(each in ended.stdout + ended.stderr for each in STEERING), (command, ended)
    assert secrets.found(b"\n".join(proxy.sent), "session token", *STORES) == [], command
    written = [file for file in written_files(user) if secrets.found(file.read_bytes())]
    assert written == [], command
    return ended


def written_files(user: Operator) -> Iterator[Path]:
    """Every file that the user's commands could have written."""
    for kept in (user.directory, Path(user.variables["INFRAGEN_CACHE_DIR"])):
        yield from (each for each in kept.rglob("*") if each.is_file() and each.name not in ("credentials", "app.env"))
