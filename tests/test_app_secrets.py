"""`infragen secrets`: values from stdin, nothing but names in what is printed, on the emulator's Parameter Store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import Result
from commands import CommandLine
from emulator import fresh_account, log_in, make_client
from formats import check_lines

from infragen.cli import main
from infragen.engine.app_secrets import LONGEST, parse_env_file
from infragen.errors import InputError
from infragen.machine.emulator import Emulator
from infragen.report.app_secrets import secrets_schema

ENVIRONMENT = """\
project: shop
environment: {name}
region: eu-central-1
account: "{account}"
topology: {topology}
network: {{nat: single}}
queues:
  - name: orders
workers:
  - name: send
    queue: orders
    secrets: {{{secrets}}}
"""
VALUE = "sk-live-hunter2-öä-$HOME"


class Shop:
    """Two environments of one account, dev deployed, two not; and how a command is run on one."""

    def __init__(self, emulator: Emulator, directory: Path, account: str, topology: str) -> None:
        self.emulator, self.directory, self.account, self.topology = emulator, directory, account, topology
        self.ssm = make_client(emulator, "ssm", account, "eu-central-1")

    def write(self, name: str, secrets: str = "") -> None:
        text = ENVIRONMENT.format(account=self.account, topology=self.topology, name=name, secrets=secrets)
        (self.directory / f"{name}.yaml").write_text(text)

    def run(self, *arguments: str, env: str | None = "dev", code: int = 0, typed: bytes | str = "") -> Result:
        """Run a command; no output holds the value."""
        where = ("--environments", str(self.directory), "--endpoint-url", self.emulator.endpoint_url)
        result = CommandLine().invoke(main, [*arguments, *(("--env", env) if env else ()), *where], input=typed)
        assert result.exit_code == code, result.output
        assert "hunter2" not in result.output
        return result

    def value(self, name: str, env: str = "dev") -> str:
        found = self.ssm.get_parameter(Name=f"/shop/{env}/{name}", WithDecryption=True)["Parameter"]
        assert found["Type"] == "SecureString"
        return str(found["Value"])

    def clear(self) -> None:
        names = [each["Name"] for each in self.ssm.describe_parameters()["Parameters"] if each["Name"].startswith("/")]
        for each in names:
            self.ssm.delete_parameter(Name=each)


@pytest.fixture(scope="module", params=["nested", "independent"])
def deployed(request: pytest.FixtureRequest, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory, account = tmp_path_factory.mktemp("secrets"), fresh_account()
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("CI", raising=False)
        log_in(patched, emulator, account)
        made = Shop(emulator, directory, account, request.param)
        made.write("dev")
        made.write("two")
        made.run("bootstrap", "--yes")
        made.run("deploy", "--yes")
        yield made


@pytest.fixture
def shop(deployed: Shop) -> Iterator[Shop]:
    deployed.write("dev")
    yield deployed
    deployed.clear()


@pytest.mark.long
def test_a_value_comes_from_stdin_and_is_printed_nowhere(shop: Shop) -> None:
    """Without the newline that `echo` adds, and with every sign that it has."""
    told = shop.run("secrets", "set", "STRIPE_KEY", typed=f"{VALUE}\n").stdout
    assert "stored STRIPE_KEY (version 1)" in told
    assert "write STRIPE_KEY: ssm under api.secrets, then `infragen deploy --env dev" in told
    assert shop.value("STRIPE_KEY") == VALUE
    assert "(version 2)" in shop.run("secrets", "set", "STRIPE_KEY", typed="a\nb\n").stdout
    assert shop.value("STRIPE_KEY") == "a\nb"


@pytest.mark.long
def test_it_is_under_the_environments_own_key_once_that_is_deployed(shop: Shop) -> None:
    """And tagged; before the first deployment AWS's key stands in, and that is said."""
    shop.run("secrets", "set", "STRIPE_KEY", typed=VALUE)
    [row] = shop.ssm.describe_parameters()["Parameters"]
    assert row["KeyId"].startswith("arn:aws:kms:")
    tags = shop.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/shop/dev/STRIPE_KEY")["TagList"]
    assert {each["Key"]: each["Value"] for each in tags} == {"infragen:project": "shop", "infragen:environment": "dev"}
    told = shop.run("secrets", "set", "STRIPE_KEY", env="two", typed=VALUE).stdout
    assert "encrypted with aws/ssm, because the environment's own key is not deployed yet" in told


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("hunter2=x", VALUE, "that is not the name of a secret"),
        ("1KEY", VALUE, "that is not the name of a secret"),
        ("KEY", "", "the value of KEY is empty"),
        ("KEY", "\n", "the value of KEY is empty"),
        ("KEY", "x" * (LONGEST + 1), "the value of KEY has 4,097 bytes"),
        ("KEY", b"\xff\xfe", "is no UTF-8"),
        ("KEY", "a\0b", "is no text that a variable can hold"),
        ("KEY", "{{ssm:other}}", "which Parameter Store does not take"),
    ],
)
def test_what_cannot_be_stored_is_refused_before_aws_is_asked(
    shop: Shop, name: str, typed: bytes | str, said: str
) -> None:
    """Exit code 2; what is no name may be the value, and is not shown."""
    assert said in shop.run("secrets", "set", name, typed=typed, code=2).stderr
    assert shop.ssm.describe_parameters()["Parameters"] == []


@pytest.mark.long
def test_the_list_shows_names_and_what_uses_them(shop: Shop) -> None:
    """As text and as JSON; what the file takes and nobody stored is missing."""
    shop.write("dev", "STRIPE_KEY: ssm, MAIL_KEY: ssm")
    shop.run("secrets", "set", "STRIPE_KEY", typed=VALUE)
    shop.run("secrets", "set", "OLD_KEY", typed=VALUE)
    told = shop.run("secrets", "list").stdout
    lines = [each.split() for each in told.splitlines()]
    assert lines[0] == ["NAME", "AGE", "CHANGED", "BY", "KEY", "USED", "BY"]
    assert lines[1] == ["MAIL_KEY", "-", "-", "missing", "worker", "send"]
    assert (lines[2][0], lines[2][-1]) == ("OLD_KEY", "-")
    assert (lines[3][0], lines[3][-4:]) == ("STRIPE_KEY", ["root", "own", "worker", "send"])
    assert "not stored yet: `infragen secrets set" in told
    assert max(map(len, told.splitlines()[:4])) <= 80
    found = json.loads(shop.run("secrets", "list", "--format", "json").stdout)
    assert (found["version"], found["environment"]) == (1, "dev")
    jsonschema.validate(found, secrets_schema())
    rows = {each["name"]: each for each in found["secrets"]}
    assert [each["stored"] for each in rows.values()] == [False, True, True]
    assert rows["STRIPE_KEY"]["used_by"] == ["worker send"]


def test_a_file_is_stored_as_a_whole_or_not_at_all(shop: Shop, tmp_path: Path) -> None:
    """A wrong line is named by its number and not shown."""
    file = tmp_path / "app.env"
    file.write_text(f"# keys\nexport A='{VALUE}'\nB=\"two\\nlines\" # why\nC = plain value # why\n\n")
    told = shop.run("secrets", "import", str(file), "--yes").stdout
    assert ("stored A (version 1)" in told, "nothing of dev takes A, B, C" in told) == (True, True)
    assert [shop.value(each) for each in "ABC"] == [VALUE, "two\nlines", "plain value"]
    shop.clear()
    file.write_text("A=1\nhunter2 and more\nB=2\n")
    said = shop.run("secrets", "import", str(file), "--yes", code=2).stderr
    assert f"{file}:2: that is no NAME=VALUE" in said
    assert shop.ssm.describe_parameters()["Parameters"] == []
    file.write_text("A=1\n")
    assert "store A in dev?" in shop.run("secrets", "import", str(file), code=3).stderr


@pytest.mark.parametrize(
    "text",
    ["A", "A=1\nA=2", "1A=1", "A='x", 'A="x', "A-B=1", "=1", "A=", "A= # none", "", "# only", "A=x'y'\0", "A='a' b"],
)
def test_a_line_that_is_no_variable_stores_nothing(text: str) -> None:
    with pytest.raises(InputError, match="nothing was stored"):
        parse_env_file(text, ".env")


def test_lines_of_other_systems_are_read() -> None:
    """CR LF, a byte order mark, and signs that are quotes only at the beginning."""
    text = '\ufeffA=1\r\nB=it\'s\r\nC=\'#no $comment\'\r\nD=a#b\r\nE="\\$x \\\\ \\"q\\""\r\n'
    assert parse_env_file(text, ".env") == {"A": "1", "B": "it's", "C": "#no $comment", "D": "a#b", "E": '$x \\ "q"'}


@pytest.mark.long
def test_deletion_asks_and_refuses_what_is_in_use(shop: Shop) -> None:
    """By the file, with the sections that take it; --allow-in-use says that it is meant."""
    shop.write("dev", "STRIPE_KEY: ssm")
    for name in ("STRIPE_KEY", "OLD_KEY"):
        shop.run("secrets", "set", name, typed=VALUE)
    assert "STRIPE_KEY is in use: worker send of dev" in shop.run("secrets", "rm", "STRIPE_KEY", code=3).stderr
    assert "delete OLD_KEY of dev" in shop.run("secrets", "rm", "OLD_KEY", code=3).stderr
    assert "has no secret NONE" in shop.run("secrets", "rm", "NONE", "OLD_KEY", "--yes", code=2).stderr
    assert "deleted OLD_KEY" in shop.run("secrets", "rm", "OLD_KEY", "--yes").stdout
    assert "deleted STRIPE_KEY" in shop.run("secrets", "rm", "STRIPE_KEY", "--yes", "--allow-in-use").stdout
    assert shop.ssm.describe_parameters()["Parameters"] == []


@pytest.mark.long
def test_two_environments_are_compared_by_name(shop: Shop) -> None:
    """No value is read, and none is printed."""
    for name, env in (("A", "dev"), ("B", "dev"), ("B", "two"), ("C", "two")):
        shop.run("secrets", "set", name, env=env, typed=VALUE)
    shop.ssm.put_parameter(Name="/shop/dev/deeper/X", Value="x", Type="String")
    told = shop.run("secrets", "diff", "dev", "two", env=None).stdout
    assert told.splitlines() == ["only dev: A", "only two: C", "both: B"]
    found = json.loads(shop.run("secrets", "diff", "dev", "two", "--format", "json", env=None).stdout)
    assert found == {"version": 1, "only": {"dev": ["A"], "two": ["C"]}, "both": ["B"]}
    jsonschema.validate(found, secrets_schema())


@pytest.mark.long
def test_what_was_done_is_printed_as_json(shop: Shop, tmp_path: Path) -> None:
    """Of set, import and rm: names and versions, no value, and nothing else on stdout."""
    file = tmp_path / "app.env"
    file.write_text(f"STRIPE_KEY='{VALUE}'\nOLD_KEY=x\n")
    shop.write("dev", "STRIPE_KEY: ssm")
    json_ = ("--format", "json")
    found = json.loads(shop.run("secrets", "set", "STRIPE_KEY", *json_, typed=VALUE).stdout)
    row = {"name": "STRIPE_KEY", "version": 1, "used_by": ["worker send"]}
    assert found == {"version": 1, "environment": "dev", "stored": [row], "own_key": True}
    jsonschema.validate(found, secrets_schema())
    found = json.loads(shop.run("secrets", "import", str(file), "--yes", *json_).stdout)
    assert found["stored"] == [row | {"version": 2}, {"name": "OLD_KEY", "version": 1, "used_by": []}]
    jsonschema.validate(found, secrets_schema())
    found = json.loads(shop.run("secrets", "set", "A", *json_, env="two", typed=VALUE).stdout)
    assert (found["environment"], found["own_key"]) == ("two", False)
    refused = shop.run("secrets", "rm", "STRIPE_KEY", "--yes", *json_, code=3)
    assert (refused.stdout, "STRIPE_KEY is in use" in refused.stderr) == ("", True)
    found = json.loads(shop.run("secrets", "rm", "STRIPE_KEY", "OLD_KEY", "--yes", "--allow-in-use", *json_).stdout)
    assert (found["deleted"], found["environment"]) == (["STRIPE_KEY", "OLD_KEY"], "dev")
    jsonschema.validate(found, secrets_schema())


@pytest.mark.long
def test_a_restart_prints_lines(shop: Shop) -> None:
    """As `rotate` does; without a service the last line has the exit code."""
    lines = check_lines(shop.run("secrets", "restart", "--format", "json", code=4).stdout)
    assert [each["type"] for each in lines] == ["begin", "connected", "error", "finished"]


@pytest.mark.long
def test_a_secret_whose_key_is_gone_is_found_before_tasks_need_it(shop: Shop) -> None:
    """A key that went with an earlier environment of the name; storing the secret again repairs it."""
    keys = make_client(shop.emulator, "kms", shop.account, "eu-central-1")
    old = keys.create_key()["KeyMetadata"]["Arn"]
    shop.ssm.put_parameter(Name="/shop/dev/STRIPE_KEY", Value="x", Type="SecureString", KeyId=old)
    keys.schedule_key_deletion(KeyId=old, PendingWindowInDays=7)
    shop.write("dev", "STRIPE_KEY: ssm")
    told = shop.run("doctor", code=4).output
    assert "which is PendingDeletion: it cannot be decrypted" in told
    shop.run("secrets", "set", "STRIPE_KEY", typed=VALUE)
    assert "1 secrets of the environment's own exist" in shop.run("doctor").output


@pytest.mark.long
def test_nothing_is_asked_in_another_account(shop: Shop, tmp_path: Path) -> None:
    """Exit code 3 with both accounts, before anything is stored."""
    text = (shop.directory / "dev.yaml").read_text()
    (shop.directory / "dev.yaml").write_text(text.replace(shop.account, "999999999999"))
    (tmp_path / "app.env").write_text("A=1\n")
    for command, env in (
        (("set", "A"), "dev"), (("import", str(tmp_path / "app.env"), "--yes"), "dev"), (("rm", "A", "--yes"), "dev"),
        (("list",), "dev"), (("restart", "--yes"), "dev"), (("diff", "two", "dev"), None),
    ):  # fmt: skip
        said = shop.run("secrets", *command, env=env, typed=VALUE, code=3).stderr
        assert "999999999999" in said
        assert shop.account in said
    assert shop.ssm.describe_parameters()["Parameters"] == []


@pytest.mark.long
def test_a_deployment_that_lacks_one_is_refused_before_anything_is_made(shop: Shop) -> None:
    """With the line of the file; once it is stored the worker gets its name, and deleting it is refused."""
    shop.write("dev", "STRIPE_KEY: ssm")
    said = shop.run("deploy", "--yes", code=4).stderr
    assert "dev.yaml:12:" in said
    assert "there is no secret STRIPE_KEY of dev (the SSM parameter /shop/dev/STRIPE_KEY)" in said
    assert "`infragen secrets set --env dev" in said
    assert "STRIPE_KEY` stores it" in said
    shop.run("secrets", "set", "STRIPE_KEY", typed=VALUE)
    shop.run("deploy", "--yes")
    functions = make_client(shop.emulator, "lambda", shop.account, "eu-central-1")
    variables = functions.get_function_configuration(FunctionName="shop-dev-send")["Environment"]["Variables"]
    assert variables["SECRET_PARAMETERS"] == "STRIPE_KEY=/shop/dev/STRIPE_KEY"
    shop.write("dev")
    said = shop.run("secrets", "rm", "STRIPE_KEY", "--yes", code=3).stderr
    assert "STRIPE_KEY is in use: shop-dev-" in said
    assert "deploy the environment file without it first" in said
    shop.run("deploy", "--yes")
