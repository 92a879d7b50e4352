"""Templates, limits and secrets: what goes wrong with them; each test names its row."""

from __future__ import annotations

import copy
import dataclasses
import random
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unicodedata import category

import pytest
from bench import Bench
from fakeaws import FakeAws
from hypothesis import assume, given
from hypothesis import strategies as st
from stage import TOPIC, assembly, environment, layer
from sweeps import SEED, sweep

from infragen.assembly import limits
from infragen.assembly.stacks import Kept, StackUnit, check_requests, make_plan, stack_tags
from infragen.assembly.synth import Assembly, synthesize
from infragen.assembly.templatefile import parse
from infragen.assembly.write import files
from infragen.cloud.cloudformation import StackState
from infragen.cloud.protocol import PreviousValue
from infragen.config import load_environment, load_file, warnings_of
from infragen.engine.bootstrap import artifact_plan
from infragen.engine.preview import resolve
from infragen.engine.progress import Question
from infragen.errors import InputError, OperationFailed
from infragen.layers.contract import LaunchParameter
from infragen.secrecy.masking import masks, secret_texts
from infragen.secrecy.suspicion import looks_random
from infragen.secrecy.texts import certain_credential

ROOT = Path(__file__).parents[2]
QUEUE = {"Type": "AWS::SQS::Queue"}
IMAGE = LaunchParameter("ImageTag", "", default="", keep=True)


# --- limits: one below, at, and one above each -----------------------------------------------------------------------


def outcome(counts: Iterator[limits.Count], name: str) -> str:
    """What becomes of the counts: fine, a warning that names the layer and the count, or an error that does."""
    found = list(counts)
    if any(each.count > each.limit for each in found):
        with pytest.raises(InputError, match=rf"layer {name}: [0-9,]+ .*; CloudFormation allows [0-9,]+"):
            limits.check(found)
        return "refused"
    warnings = limits.check(found)
    assert all(each.startswith(f"layer {name}: ") for each in warnings)
    return "warned" if warnings else "fine"


@pytest.mark.parametrize(
    ("count", "expected"),
    [(46_080, "fine"), (46_081, "warned"), (51_199, "warned"), (51_200, "warned"), (51_201, "refused")],
)
@pytest.mark.parametrize("letter", ["x", "é"])
def test_t1_a_template_that_is_sent_inline_is_counted_in_bytes(count: int, expected: str, letter: str) -> None:
    """51,200 of UTF-8, not of characters; through S3 the same text is far from any limit."""
    text = letter * (count // len(letter.encode())) + "x" * (count % len(letter.encode()))
    assert outcome(limits.of_template("artifacts", {}, text, inline=True), "artifacts") == expected
    assert outcome(limits.of_template("artifacts", {}, text), "artifacts") == "fine"


def test_t1_only_the_buckets_own_template_is_sent_inline_and_it_is_small() -> None:
    """Every other goes through S3, whatever its size; the bucket's cannot, and is counted like the rest."""
    env = environment("independent")
    [bucket] = artifact_plan(env).units
    assert (bucket.key, len(bucket.text.encode()) < 5_000) == ("", True)
    large = dataclasses.replace(bucket, text="x" * 51_201)
    with pytest.raises(InputError, match="layer artifacts: 51,201 bytes; CloudFormation allows 51,200"):
        check_requests(env, [large])
    made = make_plan(assembly(layer("first", {"Topic": TOPIC}), env=env))
    assert all(unit.key for unit in made.units)


@pytest.mark.parametrize(
    ("section", "limit"), [("Resources", 500), ("Parameters", 200), ("Outputs", 200), ("Mappings", 200)]
)
def test_t2_what_a_template_has_is_counted_before_anything_is_uploaded(section: str, limit: int) -> None:
    """Nothing at 90 %, a warning above, and one more than the limit is refused, with the layer and the count."""
    cases = {
        limit * 9 // 10: "fine",
        limit * 9 // 10 + 1: "warned",
        limit - 1: "warned",
        limit: "warned",
        limit + 1: "refused",
    }
    for count, expected in cases.items():
        body: dict[str, Any] = {section: {f"N{number}": {} for number in range(count)}}
        assert outcome(limits.of_template("app", body, ""), "app") == expected


@pytest.mark.parametrize(("count", "expected"), [(999_999, "warned"), (1_000_000, "warned"), (1_000_001, "refused")])
def test_t2_a_template_in_s3_may_have_a_megabyte(count: int, expected: str) -> None:
    """Bytes, again."""
    assert outcome(limits.of_template("app", {}, "x" * count), "app") == expected
    assert outcome(limits.of_template("app", {}, "é" * (count // 2) + "x" * (count % 2)), "app") == expected


@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_t2_an_environment_above_a_limit_is_neither_rendered_nor_planned(topology: str) -> None:
    """Both roads count; a nested root counts, too."""
    many = assembly(layer("app", {f"T{n}": TOPIC for n in range(501)}), env=environment(topology))
    with pytest.raises(InputError, match="layer app: 501 resources; CloudFormation allows 500"):
        make_plan(many)
    with pytest.raises(InputError, match="layer app: 501 resources"):
        many.check_limits()
    near = assembly(layer("app", {f"T{n}": TOPIC for n in range(500)}), env=environment(topology))
    assert make_plan(near).warnings == ("layer app: 500 resources of 500 that CloudFormation allows",)


def planned(value: str = "", tags: int = 0) -> tuple[str, ...]:
    env = environment("independent")
    env = env.model_copy(update={"tags": {f"T{number}": "" for number in range(tags)}})
    made = assembly(layer("first", {"Topic": TOPIC}, launch=[IMAGE]), env=env)
    return make_plan(made, {"ImageTag": value}).warnings


@pytest.mark.parametrize("letter", ["x", "é"])
def test_t3_the_value_of_a_parameter_is_counted_in_bytes(letter: str) -> None:
    """4,095 and 4,096 pass, one more is refused with the parameter's name."""
    for count in (4095, 4096):
        value = letter * (count // len(letter.encode())) + "x" * (count % len(letter.encode()))
        assert planned(value) == (
            f"layer first: {count:,} bytes in parameter ImageTag of 4,096 that CloudFormation allows",
        )
    with pytest.raises(InputError, match="layer first: 4,097 bytes in parameter ImageTag; CloudFormation allows 4,096"):
        planned("x" * 4097)


def test_t3_tags_are_counted_with_our_own(tmp_path: Path) -> None:
    """49 and 50 pass, 51 are refused; the file may have 40, so that ours always fit."""
    own = len(stack_tags(environment("independent"), "first"))
    assert planned(tags=49 - own)
    assert planned(tags=50 - own)
    with pytest.raises(InputError, match="layer first: 51 tags; CloudFormation allows 50"):
        planned(tags=51 - own)
    file = tmp_path / "dev.yaml"
    for count, fine in ((40, True), (41, False)):
        tags = ", ".join(f"T{number}: x" for number in range(count))
        file.write_text(f"project: shop\nenvironment: dev\nregion: eu-west-1\ntags: {{{tags}}}\n")
        if fine:
            assert count + own <= limits.TAGS
            load_environment(file)
        else:
            with pytest.raises(InputError, match=r"dev.yaml:4:7: tags"):
                load_environment(file)


@pytest.mark.parametrize(("count", "expected"), [(1023, "warned"), (1024, "warned"), (1025, "refused")])
def test_t3_a_description_has_its_limit(count: int, expected: str) -> None:
    """In bytes."""
    assert outcome(limits.of_template("app", {"Description": "x" * count}, ""), "app") == expected


@pytest.mark.parametrize(("count", "expected"), [(16_383, "warned"), (16_384, "warned"), (16_385, "refused")])
def test_t3_a_stack_policy_has_its_limit(count: int, expected: str) -> None:
    """In bytes; a protected environment counts the policies that it will set."""
    assert outcome(iter([limits.of_policy("app", "x" * count)]), "app") == expected
    queues = {f"Queue{'x' * 90}{number}": QUEUE for number in range(150)}
    for protect, refused in (("true", True), ("false", False)):
        made = assembly(layer("app", queues), env=environment("independent", protect=protect))
        if refused:
            with pytest.raises(
                InputError, match=r"layer app: [0-9,]+ bytes of stack policy; CloudFormation allows 16,384"
            ):
                make_plan(made)
        else:
            assert make_plan(made)


def test_t4_what_a_macro_makes_too_large_is_told_in_awss_words(bench: Bench, aws: FakeAws) -> None:
    """Only AWS knows what a transform expands to."""
    words = "Transform AWS::LanguageExtensions failed with: Template may not exceed 1000000 bytes in size."
    aws.settings.fail_change_set["shop-test-data"] = words
    unit = bench.unit("data", {"Jobs": QUEUE}, more={"Transform": "AWS::LanguageExtensions"})
    with pytest.raises(OperationFailed, match=re.escape(words)):
        bench.deploy_units(unit)
    asked = next(call.params for call in aws.calls if call.operation == "CreateChangeSet")
    assert asked["Capabilities"] == ["CAPABILITY_AUTO_EXPAND"]


# --- secrets ---------------------------------------------------------------------------------------------------------


PARAMETERS = st.dictionaries(st.sampled_from(["A", "B", "C", "D"]), st.sampled_from(["x", "****", ""]))


@given(
    deployed=st.none() | PARAMETERS,
    wanted=st.dictionaries(st.sampled_from(["A", "B", "C", "D"]), st.sampled_from(["given", Kept()])),
)
def test_t5_a_value_that_was_read_from_aws_is_never_sent_back(
    deployed: dict[str, str] | None, wanted: dict[str, str | Kept]
) -> None:
    """NoEcho reads `****`: what stays is UsePreviousValue, on an update, and only of a parameter that is there."""
    live = None if deployed is None else StackState("arn", "shop-dev-first", "UPDATE_COMPLETE", parameters=deployed)
    made = make_plan(assembly(layer("first", {"Topic": TOPIC}), env=environment("independent")))
    ready, missing = resolve(dataclasses.replace(made.units[0], parameters=wanted), live, {})
    assert missing == {}
    assert {each for each in ready.values() if isinstance(each, str)} <= {"given"}
    kept = {name for name, value in ready.items() if isinstance(value, PreviousValue)}
    assert kept == {name for name, value in wanted.items() if value == Kept() and name in (deployed or {})}


def with_secret(bench: Bench, delay: int, value: str | Kept) -> StackUnit:
    entry = {"Parameters": {"Password": {"Type": "String", "NoEcho": True, "Default": ""}}}
    jobs = {**QUEUE, "Properties": {"DelaySeconds": delay, "Tags": [{"Key": "P", "Value": {"Ref": "Password"}}]}}
    unit = bench.unit("data", {"Jobs": jobs}, more=entry)
    return dataclasses.replace(unit, parameters={"Password": value})


@pytest.mark.long
def test_t5_a_secret_parameter_survives_an_update(bench: Bench, aws: FakeAws) -> None:
    """The queue keeps the value, which nobody sent again."""
    assert bench.deploy_units(with_secret(bench, 1, "canary-7391")).exit_code == 0
    assert bench.deploy_units(with_secret(bench, 2, Kept())).exit_code == 0
    jobs = aws.stack("shop-test-data").resources["Jobs"].properties
    assert (jobs["DelaySeconds"], jobs["Tags"]) == (2, [{"Key": "P", "Value": "canary-7391"}])
    sent = [call.params["Parameters"] for call in aws.calls if call.operation == "CreateChangeSet"]
    assert sent[-1] == [{"ParameterKey": "Password", "UsePreviousValue": True}]


def test_t6_a_secret_parameter_is_in_nothing_that_is_told(bench: Bench, aws: FakeAws) -> None:
    """Not in the plan, an event, an outcome, a question or an error; in one request only."""
    aws.fail("Jobs", "no")
    unit = with_secret(bench, 1, "canary-7391")
    result = bench.deploy_units(unit)
    told = [*bench.ui.events, *bench.ui.questions, result]
    assert [type(each) for each in told if isinstance(each, Question)]
    assert "canary-7391" not in repr(told)
    assert [call.operation for call in aws.calls if "canary-7391" in repr(call.params)] == ["CreateChangeSet"]


SHAPES = {
    "an access key of AWS": "AKIAIOSFODNN7EXAMPLE",
    "a private key": "-----BEGIN OPENSSH PRIVATE KEY-----",
    "a token of GitHub": "ghp_" + "a1" * 18,
    "a token of Slack": "xoxb-1234567890-abc",
    "a key of Stripe": "rk_live_" + "a1" * 8,
    "an address with a password": "postgres://app:hunter2@db.example.com/shop",
}


@pytest.mark.parametrize(
    "where",
    [
        "tags: {{Key: {0}}}",
        "network: {{nat: none}}\nqueues: [{{name: a}}]\nworkers: [{{name: a, queue: a, environment: {{K: {0}}}}}]",
    ],
)
@pytest.mark.parametrize("kind", SHAPES)
def test_t7_a_credential_in_the_file_is_refused_and_not_shown(tmp_path: Path, kind: str, where: str) -> None:
    """With its place, what it is, and where a secret belongs; alone or inside a longer text."""
    for text in (SHAPES[kind], f"x {SHAPES[kind]} y"):
        assert certain_credential(text) == kind
        file = tmp_path / "dev.yaml"
        body = where.format(f"'{text}'")
        file.write_text(f"project: shop\nenvironment: dev\nregion: eu-west-1\n{body}\n")
        with pytest.raises(InputError, match=rf"dev.yaml:\d+:\d+: .* holds {kind} \(not shown\)") as caught:
            load_file(file)
        assert SHAPES[kind] not in caught.value.message


@pytest.mark.parametrize("length", [24, 32, 64])
def test_t7_random_texts_are_recognised(length: int) -> None:
    """Nine of ten of each length; words joined together are not."""
    lots = random.Random(SEED)  # noqa: S311 # chance for a test
    texts = ["".join(lots.choices(string.ascii_letters + string.digits, k=length)) for _ in range(500)]
    assert sum(map(looks_random, texts)) > 450
    words = ["Order", "Service", "Handler", "V2", "Production", "Queue", "eu", "west", "1"]
    assert sum(looks_random("-".join(lots.choices(words, k=length // 6))) for _ in range(500)) < 25


ORDINARY = [
    "my-service-production-1.internal.example.com", "arn:aws:s3:::bucket-1234567890-abcdefgh",
    "0123456789abcdef0123456789abcdef01234567", "550e8400-e29b-41d4-a716-446655440000", "/var/lib/app1/Data/Files",
    "info,sqlx=warn,tower_http=debug", "https://api2.example.com/v1/orders", "a sentence with 3 Words and more of them",
    "MyOrderServiceHandlerV2Production", "org.example.Orders.V2.HandlerFactory", "eu-central-1", "17.7",
]  # fmt: skip
RANDOM = ["9fQ2xLr7Vb0TzK4mWc1YpD8s", "t7Qw+9Lk2/ZpR4xVbN8mC3yHs6Jd1GfTa5Ue0WiX", "dGhpcyBpcyBub3QgYSBzZWNyZXQ1MjM="]


@pytest.mark.long
def test_t7_names_that_load_balancers_have_in_cloudwatch_are_no_secrets() -> None:
    """Whatever CloudFormation and ELB draw: their metrics stand in dashboards and alarms, which a plan shows."""
    lots = random.Random(SEED)  # noqa: S311 # chance for a test
    alike = string.ascii_letters + string.digits
    for _ in range(500):
        drawn, end = "".join(lots.choices(alike, k=12)), "".join(lots.choices("0123456789abcdef", k=16))
        for name in (f"targetgroup/shop-Targe-{drawn}/{end}", f"app/shop-Load-{drawn}/{end}"):
            assert not masks(name), name
            body = {"Parameters": {"TargetGroupFullName": {"Type": "String"}}}
            assert secret_texts(body, {"TargetGroupFullName": name}) == frozenset()


def test_t7_what_is_random_is_told_and_what_is_ordinary_is_not(tmp_path: Path) -> None:
    """Host names, paths, commits, digests and names of things are no secrets; keys are. Only a warning."""
    assert [text for text in ORDINARY if looks_random(text)] == []
    assert [text for text in RANDOM if not looks_random(text)] == []
    file = tmp_path / "dev.yaml"
    tags = f"{{Salt: {RANDOM[0]}, Sha: {ORDINARY[2]}, PoolId: {RANDOM[0]}}}"
    file.write_text(f"project: shop\nenvironment: dev\nregion: eu-west-1\ntags: {tags}\n")
    [warning] = [each for each in warnings_of(load_file(file)) if "secret" in each.text]
    told = "tags.Salt looks like a secret, 24 random characters; if it is one, take it out of this file"
    assert str(warning) == f"{file}:4:14: {told}"


# --- text of the file in templates -----------------------------------------------------------------------------------

LETTERS = st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\u2028\u2029\ufeff\ufffe\uffff")
PIECES = ["${", "}", "${!", "$", "AWS::Region", "ProjectName", "${A.B}", "!Ref", "{{", "<<", *"'\"\\{%#*&|>@?-: "]
LINES = st.one_of(st.text(LETTERS, max_size=40), st.lists(st.sampled_from(PIECES), max_size=8).map("".join)).filter(
    lambda text: "{{resolve:" not in text and not certain_credential(text)
)

FULL = """\
project: shop
environment: dev
region: eu-west-1
network: {nat: none, interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sqs, sts, kms]}
queues: [{name: jobs}]
api:
  https: {mode: http_only}
  ingress_cidrs: [203.0.113.0/24]
  cpu: 256
  memory: 512
  min_tasks: 1
  max_tasks: 1
  environment: {TEXT: placeholder}
workers: [{name: mail, queue: jobs, environment: {TEXT: placeholder}}]
"""


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("full") / "dev.yaml"
    file.write_text(FULL)
    return load_environment(file)


def with_text(env: Any, text: str) -> Assembly:
    """The environment with this text as a variable of the API and of a worker, and as a tag."""
    api = env.api.model_copy(update={"environment": {"TEXT": text}})
    [worker] = env.workers
    workers = (worker.model_copy(update={"environment": {"TEXT": text}}),)
    return synthesize(env.model_copy(update={"api": api, "workers": workers, "tags": {"Text": text}}))


def evaluated(value: object) -> object:
    """What CloudFormation makes of a literal: Fn::Sub resolves `${…}` and unwraps `${!…}`; everything else stays."""
    if isinstance(value, dict) and set(value) == {"Fn::Sub"}:
        assert not re.search(r"\$\{(?!!)", str(value["Fn::Sub"])), "a variable that the file wrote"
        return re.sub(r"\$\{!([^}]*)\}", r"${\1}", str(value["Fn::Sub"]))
    return value


def texts(body: Any) -> list[object]:
    """The values of every variable called TEXT in a template."""
    found: list[object] = []
    if isinstance(body, dict):
        if body.get("Name") == "TEXT":
            found.append(evaluated(body["Value"]))
        elif "TEXT" in body:
            found.append(evaluated(body["TEXT"]))
        found += [each for value in body.values() for each in texts(value)]
    elif isinstance(body, list):
        found += [each for value in body for each in texts(value)]
    return found


@pytest.mark.long
@given(text=LINES)
@sweep(short=12, soak=2000)
def test_t8_text_of_the_file_means_itself_in_a_template(full: Any, text: str) -> None:
    """`${AWS::Region}` in a variable is those characters: in memory, and in the file that is written and deployed."""
    made = with_text(full, text)
    bodies = [made.template(name).body for name in ("api", "worker")]
    assert [texts(body) for body in bodies] == [[text], [text]]
    for form in ("yaml", "json"):
        written = files(made, form)
        assert [texts(parse(written[f"{name}.{form}"])) for name in ("api", "worker")] == [[text], [text]]
    [tag] = {unit.tags["Text"] for unit in make_plan(with_account(made)).units}
    assert tag == text


def with_account(made: Assembly) -> Assembly:
    return dataclasses.replace(made, environment=made.environment.model_copy(update={"account": "111122223333"}))


@pytest.mark.long
@given(text=LINES)
@sweep(short=12, soak=2000)
def test_t9_no_text_changes_anything_but_its_own_place(full: Any, text: str) -> None:
    """Templates that differ in a variable's text alone are equal once that text is put back."""
    plain, odd = with_text(full, "plain"), with_text(full, text)
    for name in ("api", "worker", "queue", "network"):
        body = copy.deepcopy(odd.template(name).body)
        assert _put_back(body, text) == plain.template(name).body
        assert parse(odd.template(name).text) == odd.template(name).body


def _put_back(body: Any, text: str) -> Any:
    if isinstance(body, dict):
        if body.get("Name") == "TEXT" and body.get("Value") == text:
            return {**body, "Value": "plain"}
        return {k: "plain" if k == "TEXT" and v == text else _put_back(v, text) for k, v in body.items()}
    return [_put_back(each, text) for each in body] if isinstance(body, list) else body


NAMES = [
    "project: {0}", "environment: {0}", "queues: [{{name: {0}}}]", "workers: [{{name: {0}, queue: a}}]",
    "api: {{environment: {{{0}: x}}}}", "database: {{name: {0}}}", "tags: {{{0}: x}}",
]  # fmt: skip


BAD = LINES.filter(lambda text: not re.fullmatch(r"[A-Za-z0-9 _.:/=+@-]*", text))


@pytest.mark.long
@given(
    where=st.sampled_from(NAMES),
    name=st.one_of(BAD, BAD.map(lambda text: f"a{text}"), BAD.map(lambda text: f"{text}a")),
)
@sweep(short=60, soak=2000)
def test_t9_a_name_that_is_none_is_refused_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, where: str, name: str
) -> None:
    """Quotes, newlines, braces, signs of any alphabet: names are checked by pattern, wherever they stand. Keys of tags
    are in any alphabet.
    """
    assume(
        not where.startswith("tags") or any(category(sign)[0] not in "LNZ" and sign not in "_.:/=+-@" for sign in name)
    )
    quoted = "'" + name.replace("'", "''") + "'"
    lines = {"project": "shop", "environment": "dev", "region": "eu-west-1"}
    lines.pop(where.partition(":")[0], None)
    file = tmp_path_factory.getbasetemp() / "dev.yaml"
    head = "".join(f"{key}: {value}\n" for key, value in lines.items())
    file.write_text(f"{head}{where.format(quoted)}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_file(file)
    assert all(re.match(r".*dev\.yaml:\d+:\d+: ", line) for line in caught.value.message.splitlines())


def test_t10_windows_line_ends_make_the_same_bytes(tmp_path: Path) -> None:
    """A file from Windows renders to the same templates, and no template holds a carriage return."""
    made = []
    for name, ends in (("unix", "\n"), ("windows", "\r\n")):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "dev.yaml"
        file.write_bytes(FULL.replace("\n", ends).encode())
        made.append(files(synthesize(load_environment(file))))
    assert made[0] == made[1]
    committed = [*(ROOT / "templates").rglob("*.yaml"), *(ROOT / "src" / "infragen" / "layers" / "functions").iterdir()]
    assert len(committed) > 15
    assert [path for path in committed if path.is_file() and b"\r" in path.read_bytes()] == []
    assert not [name for texts in made for name, text in texts.items() if "\r" in text]
