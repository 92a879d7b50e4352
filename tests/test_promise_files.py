"""Environment files: malformed ones are refused with a place, and whatever text is accepted arrives unchanged."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakeaws import FakeAws
from fakeaws.templates import Scope
from figures import Tried
from processes import Operator
from sweeps import SEED, figure, seeds

from infragen.assembly import templatefile
from infragen.assembly.synth import synthesize
from infragen.config import load_environment
from infragen.errors import InputError

ENVIRONMENTS = Path(__file__).parent / "data" / "environments"
PLACED = re.compile(r"environments/[a-z]+\.yaml:\d+:\d+: \S")
SOON, LITTLE = 1.0, 100.0
"""Seconds of CPU, and MB of memory, that a refusal may take at most."""

Make = Callable[..., Operator]

CURATED = (
    "", "\n", "---\n", "a", "[]", "- a", "a: [", "a: {", "a: 'x", 'a: "x', "a: b: c", "\ta: 1", "a:\n\tb: 1",
    "a: 1\na: 2", "a: *b", "a: &a [*a]", "%YAML 9.9\n---\na: 1", "a: !!python/object:os.system x", "a: !x y",
    "a: |\n\n  x\n y", "? [a]", "a: 1\n---\nb: 1", "a: 1\n...\nb", "\x00", "a: \x07", "\ufeff\ufeffa: 1",
    "a: 1\r b", "{a: 1", "a: @x", "a: `x", "- : -", "<<: 1", "<<: [1]", "a: <<\n<<: *a", "a: " + "[" * 200,
    "a: " + "{a: " * 200, "x" * 5000 + ": [", "a: >\n\t x", "&a *a", "a: 1 # x\n b: 2",
    "environment: dev\nenvironment: dev\n", "environment: [dev]\n", "environment: prod\n",
)  # fmt: skip
"""Files that are no environment, whatever else they are."""


def damaged(rng: random.Random) -> str:
    """A committed environment with one to three of its characters or lines lost, doubled or replaced."""
    text = (ENVIRONMENTS / "dev.yaml").read_text().replace("extends: base.yaml\n", "")
    for _ in range(rng.randint(1, 3)):
        at, lines = rng.randrange(len(text) + 1), text.split("\n")
        line = rng.randrange(len(lines))
        text = rng.choice((
            text[:at] + rng.choice("\t:[]{}'\"#&*!|>%@`-,?\x00\x85é") + text[at:],
            text[:at] + text[at + 1 :],
            "\n".join([*lines[: line + 1], *lines[line:]]),
            "\n".join([*lines[:line], " " + lines[line], *lines[line + 1 :]]),
            "\n".join([*lines[:line], lines[line].replace(":", ""), *lines[line + 1 :]]),
            "\n".join([*lines[:line], lines[line].partition(":")[0] + ": ~", *lines[line + 1 :]]),
        ))  # fmt: skip
    return text


def malformed(directory: Path, count: int) -> Iterator[str]:
    """Curated files first, then damaged ones that the reader does not take."""
    rng = random.Random(SEED)  # noqa: S311 # reproducible, not secret
    found = list(CURATED)[:count]
    yield from found
    left = count - len(found)
    while left:
        text = damaged(rng)
        (directory / "dev.yaml").write_text(text)
        try:
            load_environment(directory / "dev.yaml")
        except InputError:
            left -= 1
            yield text


@pytest.mark.promise("P13", "malformed files on the command line: exit code 2 with a place, under 1 s and 100 MB")
def test_a_malformed_file_is_refused_with_its_place(operator: Make, aws: FakeAws, tried: Tried, tmp_path: Path) -> None:
    """P13, Y1-Y9: one line for each mistake, no traceback; what it costs is measured in the process itself."""
    user, scratch = operator(), tmp_path / "scratch"
    scratch.mkdir()
    user = replace(user, variables={**user.variables, "TEST_COST": "cost"})
    file = user.directory / "environments" / "dev.yaml"
    for text in malformed(scratch, figure(short=25, soak=500)):
        tried()
        file.write_text(text)
        ended = user.run("config", "--env", "dev")
        assert ended.code == 2, (text, ended)
        assert "Traceback" not in ended.stderr, text
        assert PLACED.match(ended.stderr), (text, ended.stderr)
        seconds, megabytes = map(float, (user.directory / "cost").read_text().split())
        tried.most("s of CPU", round(seconds, 2))
        tried.most("MB", round(megabytes, 1))
        assert megabytes < LITTLE, text
        assert seconds < SOON, text
    assert aws.calls == []


PIECES = (
    "${", "${!", "}", "${A}", "${AWS::Region}", "$", "{{", "}}", "'", '"', "\\", "\\n", ": ", " #", "- ", "&a",
    "*a", "!Sub ", "!Ref x", "%", "@", "`", "|", ">", "{", "[", "]", ",", "é", "ß", "漢", "😀", "\u2028", "\xa0", "~",
    "null", "yes", "0123", "1e3", "=", "<<", "?", "a", "B", "7", " ", "\t", "|", "--", "...", "Fn::Sub",
    '{"Ref": "x"}', "x" * 50,
)  # fmt: skip


def words(rng: random.Random) -> str:
    """Text of signs that mean something to YAML, JSON or Fn::Sub, and of any others."""
    found = "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 6)))
    return found + "".join(
        chr(rng.choice((rng.randrange(32, 0xD800), rng.randrange(0xE000, 0x1FFFF)))) for _ in range(rng.randint(0, 3))
    )


HEAD = """\
project: shop
environment: dev
region: us-east-1
account: "111122223333"
network: {nat: none, interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sqs]}
"""


def accepted(directory: Path, rng: random.Random, count: int) -> dict[str, str]:
    """So many texts that a file may hold, each under the name of a variable."""
    found: dict[str, str] = {}
    while len(found) < count:
        name, text = f"V{len(found)}", words(rng)
        written(directory, {name: text})
        try:
            load_environment(directory / "dev.yaml")
        except InputError:
            continue  # a line break, a control character, `{{resolve:`, what looks like a credential
        found[name] = text
    return found


def written(directory: Path, variables: dict[str, str]) -> None:
    """An environment whose worker has these variables, and whose tags these values."""
    rows = "".join(f"      {name}: {json.dumps(text)}\n" for name, text in variables.items())
    worker = "queues: [{name: jobs}]\nworkers:\n  - name: jobs\n    queue: jobs\n    environment:\n"
    (directory / "dev.yaml").write_text(HEAD + worker + rows, encoding="utf-8")


@pytest.mark.long
@pytest.mark.promise("P16", "texts of an environment file, through the template and Fn::Sub: unchanged")
@pytest.mark.parametrize("seed", seeds(short=2, soak=100))
def test_whatever_text_is_accepted_arrives_unchanged(tmp_path: Path, tried: Tried, seed: int) -> None:
    """P16, T8, T9: rendered as YAML and as JSON, read again, evaluated as CloudFormation does."""
    rng = random.Random(seed)  # noqa: S311 # reproducible, not secret
    variables = accepted(tmp_path, rng, 50)
    written(tmp_path, variables)
    body = synthesize(load_environment(tmp_path / "dev.yaml")).template("worker").body
    for dump in (templatefile.dump_yaml, templatefile.dump_json):
        again = templatefile.parse(dump(body))
        [function] = [each for each in again["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
        held = function["Properties"]["Environment"]["Variables"]
        scope = Scope(again, {}, {"AWS::Region": "eu-west-1"}, lambda name: "wrong", lambda *names: "wrong", str)
        assert {name: scope.evaluate(held[name]) for name in variables} == variables
    tried(len(variables))
