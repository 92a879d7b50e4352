"""No command prints a secret in any of its formats, and what is none stays readable.

The commands and formats are the program's own: a format that is added is tested without being listed here.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from canaries import ABOUT, DIGEST, NAMES, OF_DIGESTS, PLAIN, SHAPES, TEXTS, encoded
from commands import CommandLine
from hypothesis import given
from hypothesis import strategies as st
from sweeps import sweep

from infragen.assembly.templatefile import parse
from infragen.changes import replacement
from infragen.cli import main
from infragen.secrecy import texts
from infragen.secrecy.masking import SECRET, hides, mask, masks_text
from infragen.secrecy.suspicion import looks_secret
from infragen.secrecy.texts import certain_credential, suspect
from infragen.secrecy.visible import quoted, shown, shown_json, visible

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / "tests" / "data" / "environments"


def canary(number: int) -> str:
    """A secret that looks like a word, so that nothing but what is around it gives it away."""
    return f"kanari{number:03d}huhn"


def planted() -> dict[str, tuple[str, str]]:
    """Name of a variable -> its text, and the piece of it that must not be seen."""
    found = {}
    for number, name in enumerate(NAMES):
        found[name] = (canary(number), canary(number))
    for number, (kind, text) in enumerate(TEXTS.items(), 100):
        found[_variable(kind)] = (text.format(canary(number)), canary(number))
    for number, kind in enumerate(encoded("x"), 200):
        text = encoded(canary(number))[kind]
        found[_variable(kind)] = (text, max(text.split(), key=len))
    found |= {_variable(f"shape {kind}"): (text, text) for kind, text in SHAPES.items()}
    return found


def _variable(kind: str) -> str:
    return "THING_" + re.sub(r"[^A-Za-z0-9]+", "_", kind).strip("_").upper()


PLANTED = planted()


def test_there_are_many_canaries() -> None:
    """As many as were tried when most of them leaked, and more."""
    assert len(PLANTED) >= 78


# --- the commands -------------------------------------------------------------------------------------------------


def formats_of(command: click.Command) -> tuple[str, ...]:
    """The formats that a command offers; one that offers none has one."""
    found = next((each for each in command.params if "--format" in each.opts), None)
    return tuple(found.type.choices) if found and isinstance(found.type, click.Choice) else ("",)


ARGUMENTS = {
    "config": ("--env", "dev"), "diff": ("dev", "other"), "lint": ("--env", "dev"), "cost": ("--env", "dev"),
    "graph": ("--env", "dev"), "render": ("--env", "dev", "--check"), "schema": ("environment",),
    "compose": ("--env", "dev", "--output", "-"), "pipeline": ("github", "--stage", "dev"),
    "policy": ("deploy", "--env", "dev"), "init": ("--project", "shop", "--region", "us-east-1"),
}  # fmt: skip
"""What a command is given; one that is not here gets the environment, if it has an option for it."""


def arguments_of(name: str, command: click.Command) -> tuple[str, ...]:
    takes = any("--env" in each.opts for each in command.params)
    return ARGUMENTS.get(name, ("--env", "dev") if takes else ())


ON_AWS = "--endpoint-url"
"""An option of the commands that work on stacks, which test_promise_secrets runs."""


def on_files() -> Iterator[tuple[str, ...]]:
    """Every command that works on files alone, with each of its formats."""
    for name, command in main.commands.items():
        if name == "local" or isinstance(command, click.Group):
            continue
        if name in ARGUMENTS or not any(ON_AWS in each.opts for each in command.params):
            for form in formats_of(command):
                yield (name, *arguments_of(name, command), *(("--format", form) if form else ()))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose environment holds every canary that a file may hold: none with a certain shape."""
    directory = tmp_path_factory.mktemp("project")
    (directory / "environments").mkdir()
    for name in ("base", "dev"):
        text = (ENVIRONMENTS / f"{name}.yaml").read_text()
        (directory / "environments" / f"{name}.yaml").write_text(text)
    (directory / "Dockerfile").write_text("FROM scratch\n")
    (directory / "requirements.txt").write_text("infragen-cfn\n")
    lines = [
        f"    {name}: {_quoted(text)}\n"
        for name, (text, _) in PLANTED.items()
        if not certain_credential(text) and "\n" not in text and name.upper() == name and name.isascii()
    ]
    lines += [f"    PLAIN_{number}: {_quoted(text)}\n" for number, text in enumerate(PLAIN)]
    dev = directory / "environments" / "dev.yaml"
    other = dev.read_text().replace("environment: dev", "environment: other")
    (directory / "environments" / "other.yaml").write_text(other)
    dev.write_text(dev.read_text().replace("\napi:\n", "\napi:\n  environment:\n" + "".join(lines), 1))
    return directory


@pytest.mark.long
@pytest.mark.promise("P12", "commands on files run among secrets: none printed")
@pytest.mark.parametrize("command", list(on_files()), ids=" ".join)
def test_no_command_on_files_prints_a_secret_in_any_format(
    project: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lint warns of, every command hides; and what is none stays readable where values are printed."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(project / "cache"))
    ended = CommandLine().invoke(main, command)
    assert ended.exit_code in (0, 1, 2), ended.output
    assert not isinstance(ended.exception, Exception) or isinstance(ended.exception, SystemExit), ended.output
    assert leaks(ended.output) == []
    kept = project / "cache"  # the linter quotes values, and its findings are kept
    assert [each for each in kept.rglob("*") if each.is_file() and leaks(each.read_text())] == []
    if command[0] in ("config",) or command[:3] == ("diff", "dev", "other"):
        shown_as = _escaped_forms(ended.output)
        assert [
            each for each in PLAIN if each not in shown_as and command[-1] not in ("text", "html", "markdown")
        ] == []


def _escaped_forms(output: str) -> str:
    return output.replace('\\"', '"').replace("&amp;", "&")


def leaks(output: str) -> list[str]:
    """The canaries that can be seen in an output."""
    return [name for name, (_, piece) in PLANTED.items() if piece in output]


@pytest.mark.long
def test_config_shows_secrets_only_after_a_yes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal nobody can agree; --yes agrees."""
    monkeypatch.chdir(project)
    asked = CommandLine().invoke(main, ["config", "--env", "dev", "--show-secrets"])
    assert asked.exit_code == 3
    assert leaks(asked.output) == []
    for form in formats_of(main.commands["config"]):
        agreed = CommandLine().invoke(main, ["config", "--env", "dev", "--show-secrets", "--yes", "--format", form])
        assert agreed.exit_code == 0
        assert canary(0) in agreed.output


@pytest.mark.parametrize("kind", [name for name, (text, _) in PLANTED.items() if certain_credential(text)])
def test_what_is_certain_is_refused_in_a_file_and_not_shown(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A credential by its shape, as it is or encoded, under any name: exit 2, the line, and no value."""
    text, piece = PLANTED[kind]
    if "\n" in text:
        pytest.skip("values of an environment are on one line")
    (tmp_path / "environments").mkdir()
    for name in ("base", "dev"):
        body = (ENVIRONMENTS / f"{name}.yaml").read_text()
        body = body.replace(
            "\napi:\n", f"\napi:\n  environment:\n    THING: {_quoted(text)}\n", 1 if name == "dev" else 0
        )
        (tmp_path / "environments" / f"{name}.yaml").write_text(body)
    monkeypatch.chdir(tmp_path)
    ended = CommandLine().invoke(main, ["config", "--env", "dev", "--format", "json"])
    assert ended.exit_code == 2
    assert "not shown" in ended.output
    assert piece not in ended.output


# --- plans --------------------------------------------------------------------------------------------------------


def poisoned(body: dict[str, Any]) -> dict[str, Any]:
    """A template with every canary: as variables, joined, in parameters, tags, lists, scripts, commands, Metadata."""
    body = json.loads(json.dumps(body))
    texts = [text for text, _ in PLANTED.values()]
    body["Parameters"] = body.get("Parameters", {}) | {
        "DbPassword": {"Type": "String", "Default": PLANTED["DB_PASSWORD"][0]},
        "Plainly": {"Type": "String", "Default": PLANTED["THING_URL"][0]},
        "Hidden": {"Type": "String", "NoEcho": True, "Default": PLANTED["APP_SECRET"][0]},
    }
    half = PLANTED["THING_URL_SLASH"][0].partition("a/")
    body["Resources"]["Poisoned"] = {
        "Type": "AWS::Lambda::Function",
        "Metadata": {name: text for name, (text, _) in PLANTED.items()},
        "Properties": {
            "Environment": {"Variables": {name: text for name, (text, _) in PLANTED.items()}},
            "Tags": [{"Key": name, "Value": text} for name, (text, _) in PLANTED.items()],
            "Description": {"Fn::Join": ["", [half[0], "a/", half[2]]]},
            "Handler": {"Fn::Sub": ["${A}${B}", {"A": half[0], "B": "a/" + half[2]}]},
            "Role": {"Ref": "DbPassword"},
            "KmsKeyArn": {"Fn::Join": ["", [half[0], "a/", {"Fn::If": ["Never", half[2], {"Ref": "Plainly"}]}]]},
            "PackageType": {"Fn::Join": ["=", ["password", PLANTED["DB_PASS"][0]]]},
            "Runtime": {"Fn::Sub": "x-${Plainly}-${Hidden}"},
            "Layers": [text for name, text in zip(PLANTED, texts, strict=True) if name not in NAMES],
            "Code": {"ZipFile": "import os\n" + "\n".join(f"{n} = '{t}'" for n, t in zip(PLANTED, texts, strict=True))},
            "ImageConfig": {"Command": ["serve", "--password", PLANTED["DB_PASS"][0]]},
            "Custom": [{"HeaderName": "Authorization", "HeaderValue": PLANTED["JWT"][0]}],
        },
    }
    return body


@pytest.mark.long
@pytest.mark.promise("P12", "plans of templates with secrets: none in any format")
@pytest.mark.parametrize("form", formats_of(main.commands["diff"]))
@pytest.mark.parametrize("side", ["before", "changed"])
def test_no_plan_shows_a_secret_of_a_template(
    form: str, side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removed with their resource, or changed: in every format that plans have, nothing of them is seen."""
    (tmp_path / "environments").mkdir()
    for name in ("base", "dev"):
        (tmp_path / "environments" / f"{name}.yaml").write_text((ENVIRONMENTS / f"{name}.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    assert CommandLine().invoke(main, ["render", "--env", "dev", "--output", "old"]).exit_code == 0
    file = tmp_path / "old" / "dev" / "worker.yaml"
    body = poisoned(parse(file.read_text()))
    if side == "changed":
        found = next(key for key, each in body["Resources"].items() if each["Type"] == "AWS::Lambda::Function")
        poison = body["Resources"].pop("Poisoned")
        body["Resources"][found]["Properties"] |= poison["Properties"]
        body["Resources"][found]["Metadata"] = poison["Metadata"]
    file.write_text(yaml.safe_dump(body))
    ended = CommandLine().invoke(main, ["diff", "--against", "old", "--env", "dev", "--format", form])
    assert ended.exit_code == 0, ended.output
    assert "Poisoned" in ended.output or side == "changed"
    assert leaks(ended.output) == []


# --- words of AWS -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        name
        for name in PLANTED
        if name not in NAMES and not name.endswith(("WITH_SIGNS", "WITH_BRACKETS", "KEY_OF_32_BYTES"))
    ],
)
def test_words_of_somebody_else_end_where_they_come_to_a_secret(kind: str) -> None:
    """A reason, an error, a note, a log line; what is before the secret is read."""
    text, piece = PLANTED[kind]
    said = quoted(f"Resource handler returned message: {text} (Service: Rds, Status Code: 400)")
    assert said.startswith("Resource handler returned")
    assert piece.replace("\n", " ") not in said
    assert piece not in said


@pytest.mark.parametrize("form", ["{}", "x {} y", '{{"a": "{}"}}'])
def test_the_value_of_a_noecho_parameter_is_hidden_in_every_notation(form: str) -> None:
    """As it is, in JSON, in an address, in Base64."""
    secret = 'ab"c/d é'
    for text in (form.format(secret), json.dumps(form.format(secret)), encoded(secret)["base64"]):
        assert secret not in shown(text, {secret})
        assert secret not in quoted(text, {secret})
        assert 'ab\\"c' not in shown_json({"x": text}, {secret})


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ("erste zeile hier\nzweite zeile hier", "so\n  zweite zeile hier\nends"),
        ("erste zeile hier\nzweite zeile hier", "erste zeile hier\nzweite zeile hier"),
        ("postgres://app:huhn-zeile@db/app", "tried huhn-zeile"),
        ("postgres://app:huhn%2Fzeile@db/app", "tried huhn/zeile"),
        ('{"a": ["huhn zeile"]}', "tried huhn zeile"),
    ],
)
def test_what_is_in_a_known_secret_is_known_too(known: str, said: str) -> None:
    """Its lines, which may be parted; the password of an address; the texts of a document."""
    assert shown(said) == said
    for output in (shown(said, {known}), quoted(said, {known}), shown_json({"x": said}, {known})):
        assert "zeile" not in output


def test_errors_of_aws_stay_readable() -> None:
    """Sentences about secrets hold none."""
    for text in (
        "ExpiredToken: The security token included in the request is expired",
        "AssertionError [ERR_ASSERTION]: Expected values to be strictly deep-equal:",
        "An error occurred (InvalidClientTokenId) when calling DescribeStacks: The security token is invalid",
        "Property validation failure: [#/MasterUserPassword: expected minLength: 8, actual: 3]",
        "Model validation failed (#/MasterUserPassword: expected type: String, found: Integer)",
        "Properties validation failed: [#/AuthToken: failed validation constraint for keyword [pattern]]",
        "Encountered unsupported property MasterUserSecretKmsKey",
        "1 validation error detected: Value 'x' at 'queueName' failed to satisfy constraint: at least 2 characters",
        'The parameter MasterUserPassword is not a valid password. (Service: Rds, Status Code: 400, Request ID: 1-2)',
        "Secrets Manager can't find the specified secret.",
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed",
        "Invalid request (RequestToken: 3f2504e0-4f89-11d3-9a0c-0305e82c3301, HandlerErrorCode: InvalidRequest)",
        "shop-dev-worker is in UPDATE_ROLLBACK_COMPLETE state",
    ):  # fmt: skip
        assert quoted(text) == text


# --- both ways ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    """In a value of a template, in a sentence, under an innocent name."""
    assert mask(text) == text
    assert not hides("THING", text)
    assert suspect(text, prose=True) is None
    assert shown(f"x: {text}") == f"x: {text}"


@pytest.mark.parametrize("name", OF_DIGESTS)
def test_a_digest_is_shown_under_a_name_that_says_so_and_under_no_other(name: str) -> None:
    """A key of 32 bytes in hexadecimal digits looks the same: only its name tells a commit from it."""
    assert mask({name: DIGEST}) == {name: DIGEST}
    assert mask([{"Name": name, "Value": DIGEST}]) == [{"Name": name, "Value": DIGEST}]
    assert mask({"THING": DIGEST}) == {"THING": SECRET}
    assert mask([{"Name": "THING", "Value": DIGEST}]) == [{"Name": "THING", "Value": SECRET}]
    assert quoted(f"image {DIGEST} not found") == f"image {DIGEST} not found"


@pytest.mark.long
@pytest.mark.parametrize(
    "file", sorted((ROOT / "templates").glob("*/*.yaml")), ids=lambda file: f"{file.parent.name}-{file.stem}"
)
def test_nothing_is_hidden_in_a_template_that_infragen_renders(file: Path) -> None:
    """The layers' own values are no secrets: a plan of them has to be readable to the last one.

    What stands under a secret's name, such as the description of the Custom::DatabaseCredentials, is read by its own
    names there; logical ids are names of resources and never of values.
    """
    body = parse(file.read_text())
    for section in ("Parameters", "Conditions", "Outputs", "Mappings", "Resources"):
        for name, each in body.get(section, {}).items():
            assert mask(each) == each, f"{section}.{name}"


@pytest.mark.long
def test_hardly_a_name_or_a_value_of_a_schema_is_taken_for_a_secret() -> None:
    """Of all names of properties and all their allowed values in the schemas: who sees false alarms switches it off."""
    names: set[str] = set()
    values: set[tuple[str, str]] = set()

    def collect(node: Any, name: str) -> None:
        if isinstance(node, list):
            for each in node:
                collect(each, name)
        elif isinstance(node, dict):
            values.update((name, each) for each in node.get("enum", ()) if isinstance(each, str))
            for key, each in node.items():
                if key in ("properties", "definitions") and isinstance(each, dict):
                    names.update(each)
                    for inner, of in each.items():
                        collect(of, inner)
                else:
                    collect(each, name)

    for file in (replacement._schemas() / "resources").glob("*.json"):
        collect(json.loads(file.read_bytes()), "")
    assert len(names) > 20_000
    assert len(values) > 10_000
    assert len([each for each in names if masks_text(each)]) <= 6
    assert len([each for each in values if hides(*each)]) <= 40


@pytest.mark.parametrize("name", [*ABOUT, "SECRET_PARAMETERS"])
def test_names_that_only_speak_of_secrets(name: str) -> None:
    """Under them a value is shown."""
    assert not looks_secret(name)
    assert mask({name: "eight"}) == {name: "eight"}


def test_the_variable_that_names_secrets_shows_names_and_nothing_else() -> None:
    """A value in it is hidden as anywhere."""
    pairs = "STRIPE_KEY=/shop/dev/STRIPE_KEY TOKEN=arn:aws:ssm:us-east-1:111122223333:parameter/token"
    for each in (pairs, {"Fn::Sub": "TOKEN=/${ProjectName}/${EnvironmentName}/TOKEN A=/a"}):
        assert mask({"SECRET_PARAMETERS": each}) == {"SECRET_PARAMETERS": each}
    line = "SECRET_PARAMETERS  (none) -> STRIPE_KEY=/shop/dev/STRIPE_KEY TOKEN=/shop/dev/TOKEN"
    assert shown(line) == line
    for value in ("/shop/dev/hunter2", "/shop/dev/TOKENS", "/shop/TOKEN", "/shop/dev/TOKEN/hunter2", "shop/dev/TOKEN"):
        assert value not in shown(f"TOKEN={value}")
    for text in ("TOKEN=hunter2hunter2", f"{pairs} TOKEN=hunter2hunter2"):
        assert mask({"SECRET_PARAMETERS": text}) == {"SECRET_PARAMETERS": SECRET}


@pytest.mark.parametrize(
    "name",
    [
        *NAMES,
        "MY_SECRET_PARAMETERS",
        "MasterUserPassword",
        "SecretString",
        "TOKENS",
        "x-api-key",
        "db.password",
    ],
)
def test_names_of_secrets(name: str) -> None:
    """Under them no text is shown, whatever it is."""
    assert mask({name: "eight"}) == {name: SECRET}


WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789;$&@/ '\"", min_size=1, max_size=20).map(
    lambda text: f"q{text}zz9q"
)


@pytest.mark.long
@given(
    secret=WORD,
    name=st.sampled_from(["password", "DB_PASS", "apiKey", "AUTH_TOKEN"]),
    form=st.sampled_from(['{}="{}"', "{}={}", "{} = {}", "{}: {}", "--{} {}", '"{}": "{}"', "export {}='{}'"]),
    around=st.sampled_from(["{}", "run {}", "{} end"]),
)
@sweep(short=150, soak=5000)
def test_a_value_is_hidden_whole_or_not_at_all(secret: str, name: str, form: str, around: str) -> None:
    """Whatever the password is made of, nothing of a text that assigns it is shown."""
    text = around.format(form.format(name, secret))
    assert mask(text) == SECRET


@pytest.mark.long
@given(st.text(max_size=60))
@sweep(short=100, soak=3000)
def test_nothing_that_may_be_shown_steers_a_terminal(text: str) -> None:
    """No control character, no direction, nothing without width, no lone surrogate, in text and in JSON."""
    steering = re.compile(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
    )
    sign = "".join(map(chr, (0x1B, 0x9B, 0x202E, 0x2066, 0x200B, 0xE0041)))
    for output in (shown(text + sign), quoted(text + sign), shown_json({text: sign}), shown_json([text + sign])):
        assert not steering.search(output)
    assert json.loads(shown_json(["harmless" + sign])) == ["harmless" + sign]


@pytest.mark.long
def test_every_character_without_a_look_of_its_own_is_written_as_its_number() -> None:
    """All that this Python's Unicode calls a control, a format, a separator of lines or a surrogate, and noncharacters,
    which no XML may hold.
    """
    kinds = ("Cc", "Cf", "Zl", "Zp", "Cs")
    steering = [sign for code in range(0x110000) if unicodedata.category(sign := chr(code)) in kinds]
    steering += [chr(code) for code in range(0x110000) if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF]
    left = [hex(ord(each)) for each in steering if each in visible(f"a{each}b") and each not in "\t\n"]
    assert left == []


# --- the door -----------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_only_secrecy_makes_text_that_may_be_shown() -> None:
    """`Shown` is called as a constructor in its own module and nowhere else, and no cast makes one."""
    for file in (ROOT / "src" / "infragen").rglob("*.py"):
        text = file.read_text()
        if file.name not in ("visible.py", "shown.py"):
            assert not re.search(
                r"\bShown(?:Bytes|Line)?\(|cast\(\s*\"?Shown", text.replace("return ShownLine(", "")
            ), file


def test_no_pattern_of_commands_looks_over_a_whole_line() -> None:
    """A log line has up to 256 KB, and who writes it decides what is in it: a gap without a limit takes minutes."""
    for pattern in (texts._HEADERS, texts._COMMANDS):
        assert re.findall(r"\[\^[^\]]*\\n[^\]]*\][*+]", pattern.pattern) == []
