"""Layers and extensions of a project, in the package `layers/` beside its environment files: as ours everywhere."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import cast

import jsonschema
import pytest
import yaml
from canaries import SHAPES, encode
from click.testing import Result
from commands import CommandLine

from infragen.assembly.stacks import ARTIFACTS, ROOT
from infragen.assembly.synth import synthesize
from infragen.checks.check import Subject
from infragen.cli import main
from infragen.cloud.protocol import AccountReader
from infragen.config.setting_lookup import origin
from infragen.errors import LayerError
from infragen.layers.project import _TAKEN, load_file

ENVIRONMENT = """project: shop
environment: dev
region: eu-central-1
account: "111111111111"
network: {vpc_cidr: 10.0.0.0/16, nat: instance}
api: {https: {mode: http_only}, ingress_cidrs: [203.0.113.0/24], cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2}
queues: [{name: mail}]
workers: [{name: mailer, queue: mail}]
"""

NOTES = '''"""Notes: a parameter in Systems Manager that the API may read."""

from troposphere import Ref
from troposphere.ssm import Parameter

from infragen.layer import Additions, Extension, Field, Layer, LayerOutput, Section, Template, allow, arn, named, retain

NotesName = LayerOutput("notes", "NotesName", "Parameter with the notes", for_people=True)


class Notes(Section):
    """Notes for the code."""

    text: str = Field("none", min_length=1, max_length=40, description="What the notes say.")
    tier: str = Field("Standard", pattern="^(Standard|Advanced)$", description="Tier of the parameter.")


def build(env):
    template = Template()
    template.add_resource(
        Parameter("Notes", Name=named("notes"), Type="String", Value=env.notes.text, Tier=env.notes.tier, **retain())
    )
    template.add_output(NotesName.publish(Ref("Notes")))
    return template


LAYERS = (
    Layer(name="notes", title="Notes", about="Notes", section=Notes, outputs=lambda env: (NotesName,), build=build),
)


def adds(env):
    read = allow("ssm:GetParameter", arn("ssm:${AWS::Region}:${AWS::AccountId}:parameter/${ProjectName}-*"))
    return Additions(variables={"NOTES": NotesName.ref()}, run_statements=(read,)) if env.notes else Additions()


EXTENSIONS = tuple(
    Extension(layer=each, inputs=lambda env: (NotesName,) if env.notes else (), adds=adds) for each in ("api", "worker")
)
'''


def project(tmp_path: Path, environment: str = ENVIRONMENT + "notes: {text: hello}\n", **modules: str) -> Path:
    """A project of one environment with these modules in layers/."""
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.yaml").write_text(environment)
    (tmp_path / "layers").mkdir()
    for name, text in modules.items():
        (tmp_path / "layers" / f"{name}.py").write_text(text)
    return tmp_path


def run(root: Path, *arguments: str, code: int = 0) -> Result:
    """A command of infragen on that project, which ends with this exit code."""
    done = CommandLine().invoke(main, [*arguments, "--environments", str(root / "environments")])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def rendered(root: Path, layer: str) -> dict[str, object]:
    """The text of a rendered template, read as YAML that keeps CloudFormation's short forms as text."""
    output = root / "templates"
    run(root, "render", "--output", str(output), "--format", "json")
    found: dict[str, object] = json.loads((output / "dev" / f"{layer}.json").read_text())
    return found


@pytest.mark.long
def test_a_layer_is_one_file_and_is_rendered_between_those_it_depends_on(tmp_path: Path) -> None:
    """Its output reaches the API and the workers by extensions, in the order that follows from that."""
    root = project(tmp_path, notes=NOTES)
    nested = rendered(root, "root")["Resources"]
    assert isinstance(nested, dict)
    assert list(nested) == ["Network", "Queue", "Notes", "Api", "Worker", "Observability"]
    assert nested["Api"]["Properties"]["Parameters"]["NotesName"] == {"Fn::GetAtt": ["Notes", "Outputs.NotesName"]}
    text = json.dumps(rendered(root, "api"))
    assert '{"Name": "NOTES", "Value": {"Ref": "NotesName"}}' in text
    assert '"ssm:GetParameter"' in text
    assert '"NOTES": {"Ref": "NotesName"}' in json.dumps(rendered(root, "worker"))


@pytest.mark.parametrize("text", [SHAPES["GitHub"], encode(f"x {SHAPES['GitHub']}")])
def test_a_credential_in_what_a_layer_makes_is_refused_with_the_layer(tmp_path: Path, text: str) -> None:
    """As in an environment file, as it is or encoded: it would be in git and in the template."""
    root = project(tmp_path, notes=NOTES, more=(
        "from infragen.layer import Additions, Extension\n"
        f"EXTENSIONS = (Extension(layer='worker', adds=lambda env: Additions(variables={{'THING': '{text}'}})),)\n"
    ))  # fmt: skip
    said = run(root, "render", "--check", code=2).output
    assert "Environment.Variables.THING holds a token of GitHub" in said
    assert "layers/" in said
    assert text not in said


@pytest.mark.long
def test_without_its_section_the_layer_is_off(tmp_path: Path) -> None:
    """The package changes nothing in an environment that does not use it."""
    root = project(tmp_path, ENVIRONMENT, notes=NOTES)
    assert "Notes" not in json.dumps(rendered(root, "root"))
    assert "NOTES" not in json.dumps(rendered(root, "api"))


@pytest.mark.long
def test_the_schema_and_the_values_hold_the_section(tmp_path: Path) -> None:
    """Editors check its keys, and `config` says where each is written."""
    root = project(tmp_path, notes=NOTES)
    schema = json.loads(run(root, "schema").stdout)
    document = yaml.safe_load((root / "environments" / "dev.yaml").read_text())
    jsonschema.validate(document, schema)
    assert schema["properties"]["notes"]["description"] == "Notes for the code."
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "notes": {"txt": "x"}}, schema)
    said = run(root, "config", "--env", "dev").stdout
    assert "text: hello" in said
    assert "tier: Standard" in said


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("notes: {txt: hello}", "dev.yaml:9:9: notes.txt is not a known key; did you mean text?"),
        ("notes: {tier: Cheap}", "notes.tier is \"Cheap\"; allowed: a text matching ^(Standard|Advanced)$"),
        ('notes: {text: ""}', 'notes.text is ""; allowed: a text of 1 to 40 characters'),
        ("notes: [hello]", "notes is a list of 1; allowed: a map"),
        ("nots: {}", "dev.yaml:9:1: nots is not a known key; did you mean notes?"),
        ("zzz: {}", "dev.yaml:9:1: zzz is not a known key; the sections of layers/ are notes"),
        ('notes: {text: "{{resolve:ssm:x}}"}', "notes.text contains {{resolve:"),
    ],
)  # fmt: skip
def test_a_wrong_key_of_the_section_is_told_with_its_line(tmp_path: Path, section: str, says: str) -> None:
    """As a wrong key of ours is."""
    said = run(project(tmp_path, f"{ENVIRONMENT}{section}\n", notes=NOTES), "render", code=2).output
    assert says in said, said


def changed(old: str, new: str) -> str:
    """The module with a change."""
    assert old in NOTES
    return NOTES.replace(old, new)


TAKES_API = changed("section=Notes,", "section=Notes, inputs=lambda env: (Url,),")
PUBLISH = '    template.add_output(NotesName.publish(Ref("Notes")))\n'

BUILD, ADDS, LISTED = "def build(env):", "def adds(env):", "LAYERS = ("
BROKEN = {
    "syntax": ("def build(env)\n", "def", "SyntaxError: expected ':'"),
    "null byte": ("x = 1\0\n", "x", "null bytes"),  # a ValueError before Python 3.11.4
    "import": ("\nimport nothing_of_this_name\n", "import", "No module named 'nothing_of_this_name'"),
    "name": ("from infragen.layer import Layr\n", "from", "cannot import name 'Layr' from 'infragen.layer'"),
    "absolute": ("from layers.other import X\n", "from", "No module named 'layers"),
    "neighbour": ("from .other import X\n", "from", "there is no layers/other.py"),
    "endless": (f"from .{'a' * 30_000} import X\n", "from", f"there is no layers/{'a' * 30}"),
    "open Sub": (
        changed("Tier=env.notes.tier", "Metadata={'x': {'Fn::Sub': 'x-${AWS::Region'}}"),
        BUILD,
        "${ that names nothing or is not",
    ),
    "no Exception": ("class Panic(BaseException):\n    pass\nraise Panic('x')\n", "raise", "Panic: x"),
    "exit": ("\n\nimport sys\nsys.exit(0)\n", "sys.exit", "SystemExit: 0"),
    "nothing": ("x = 1\n", "x", "defines neither LAYERS nor EXTENSIONS"),
    "no tuple": (NOTES + "LAYERS = LAYERS[0]\n", "LAYERS = LAYERS", "LAYERS is a Layer, not a tuple"),
    "no layer": (changed(LISTED, "LAYERS = (build,"), "LAYERS =", "LAYERS[0] is a function, not a Layer"),
    "forgotten": (changed(LISTED, "LAYERS = ()\nOTHER, = ("), BUILD, "OTHER is in no LAYERS"),
    "ours": (changed('name="notes"', 'name="api"'), BUILD, "api is a name of infragen's own"),
    "a key": (changed('name="notes"', 'name="queues"'), BUILD, "queues is a key of infragen's own"),
    "root": (changed('name="notes"', 'name="root"'), BUILD, "root is a name of infragen's own"),
    "no name": (changed('name="notes"', 'name="My_Notes"'), BUILD, "'My_Notes' is no name of a layer"),
    "twice": (NOTES + "LAYERS += (Layer('notes', '', '', build, section=Notes),)\n", BUILD, "two layers are called"),
    "no section": (changed("class Notes(Section)", "class Notes"), BUILD, "Notes of notes is no subclass of infragen"),
    "type of key": (changed("text: str =", "text: object ="), BUILD, "has text: object is no type of an environment"),
    "no description": (
        changed(', description="What the notes say."', ""),
        BUILD,
        "the section Notes of notes has text without a description: add description= to its Field",
    ),
    "no Field": (changed('= Field("Standard"', '= "Standard"  # ("'), BUILD, "of notes has tier without a description"),
    "build": (changed("template = Template()", "template = env.nots"), "template = env.nots", "no attribute 'nots'"),
    "returns": (changed("    return template\n", ""), BUILD, "build gives a NoneType, not a Template"),
    "inputs": (changed("section=Notes,", "section=Notes, inputs=lambda env: 5,"), BUILD, "inputs gives a int, not a"),
    "outputs": (changed("(NotesName,), build", "('NotesName',), build"), BUILD, "outputs gives a str, not a LayerOut"),
    "no output": (changed(PUBLISH, ""), BUILD, "lacks ['NotesName']"),
    "unknown": (changed('Ref("Notes")', 'Ref("Nots")'), BUILD, "uses Nots, which is neither an input nor a resource"),
    "resource": (changed('Type="String", ', ""), BUILD, "Resource Type required in type AWS::SSM::Parameter"),
    "type": (changed("Value=env.notes.text", "Value=5.5j"), "Parameter(", "expected <class 'str'>"),
    "no resource": (changed("template.add_resource(", "str(").replace(PUBLISH, ""), BUILD, "has no resource"),
    "not yaml": (changed("Tier=env.notes.tier", "Metadata={'x': object()}"), BUILD, "object"),
    "a text": (
        changed("    return template\n", "    template.resources['A'] = 'x'\n    return template\n"),
        BUILD,
        "A in Resources is no resource with a Type",
    ),
    "no map": (
        changed(
            "    return template\n",
            "    template.resources['A'] = {'Type': 'AWS::SNS::Topic', 'Properties': []}\n    return template\n",
        ),
        BUILD,
        "A.Properties must be a map",
    ),
    "null": (changed("Tier=env.notes.tier", "Metadata={'x': None}"), BUILD, "Resources.Notes.Metadata.x is empty"),
    "a set": (changed("Tier=env.notes.tier", "Metadata={'x': {1}}"), BUILD, "Resources.Notes.Metadata.x is a set"),
    "not a number": (changed("Tier=env.notes.tier", "Metadata={'x': [1e999]}"), BUILD, "Metadata.x[0] is inf"),
    "NUL": (changed("Tier=env.notes.tier", r"Metadata={'x': 'a\0'}"), BUILD, r"Metadata.x holds '\x00', which no text"),
    "key of a map": (
        changed("Tier=env.notes.tier", "Metadata={1: 'x'}"),
        BUILD,
        "has the key 1, a int; a key is a text",
    ),
    "conditions": (
        changed("template = Template()", "template = Template(); template.add_condition('A', {'Condition': 'A'})"),
        BUILD,
        "the conditions A -> A need each other in a circle",
    ),
    "too many": (
        changed(
            PUBLISH,
            PUBLISH + "    template.resources |= dict.fromkeys((f'N{n}' for n in range(500)), "
            "template.resources['Notes'])\n",
        ),
        BUILD,
        "layer notes: 501 resources; CloudFormation allows 500",
    ),
    "random": (
        changed("Value=env.notes.text", 'Value=__import__("uuid").uuid4().hex'),
        BUILD,
        "layer notes: builds another template each time",
    ),
    "a long import": (f"import {'.'.join(['a'] * 5000)}\n", "import a", "RecursionError: maximum recursion depth"),
    "a long import of a function": (
        changed("template = Template()", f"import {'.'.join(['a'] * 5000)}; template = Template()"),
        "import a",
        "layer notes: RecursionError: maximum recursion depth",
    ),
    "variable": (changed('"NOTES": NotesName', '"PORT": NotesName'), ADDS, "infragen or AWS sets PORT itself"),
    "value": (changed("NotesName.ref()}, run", "5}, run"), ADDS, "the variable NOTES is a int"),
    "statement": (changed("run_statements=(read,)", "run_statements=({},)"), ADDS, "which is no IAM statement"),
    "layer of ext": (changed('("api", "worker")', '("apy",)'), ADDS, "'apy', which is no layer of infragen"),
    "adds": (changed("if env.notes else Additions()\n", "and None\n"), ADDS, "adds gives a NoneType, not Additions"),
    "unused": (changed('{"NOTES": NotesName.ref()}', "{}"), ADDS, "declares the input NotesName and does not use it"),
    "circle": (
        TAKES_API.replace("from infragen.layer ", "from infragen.layers.api import Url\nfrom infragen.layer ", 1),
        ADDS,
        "the layers api -> notes -> api take outputs of each other in a circle",
    ),
    "foreign": (
        changed("section=Notes,", "section=Notes, inputs=lambda env: (LayerOutput('network', 'Nope', ''),),"),
        BUILD,
        "uses Nope of network, which publishes no such output",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_in_the_package_is_told_with_file_and_line(tmp_path: Path, case: str) -> None:
    """Exit code 2, never a traceback, whatever the project's Python does."""
    source, on, says = BROKEN[case]
    line = next(number for number, text in enumerate(source.split("\n"), 1) if text.strip().startswith(on))
    said = run(project(tmp_path, notes=source), "render", code=2).output
    assert f"layers/notes.py:{line}:1: " in said, said
    assert says in said, said
    assert "Traceback" not in said
    assert len(said) < 2_000
    assert not (tmp_path / "templates").exists()


def test_modules_that_import_each_other_are_named_in_their_order(tmp_path: Path) -> None:
    """With the place of the import that closes the circle."""
    first, second = "from ._other import X\nLAYERS = ()\n", "\nfrom .notes import Y\n"
    said = run(project(tmp_path, notes=first, _other=second), "render", code=2).output
    assert "layers/_other.py:2:1: ImportError: cannot import name 'Y'" in said, said
    assert "notes.py -> _other.py -> notes.py import each other" in said, said


def test_the_traceback_of_a_layer_is_shown_with_debug(tmp_path: Path) -> None:
    """For who writes it."""
    root = project(tmp_path, notes=BROKEN["build"][0])
    assert "Traceback" in run(root, "render", "--debug", code=2).output


def test_names_that_no_layer_may_have_are_those_of_stacks() -> None:
    """The root and the artifact bucket have stacks of their own."""
    assert {ROOT, ARTIFACTS} <= set(_TAKEN)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a git repository, committed."""
    root = project(tmp_path, notes=NOTES)
    monkeypatch.chdir(root)
    for command in ("init -q", "add .", "-c user.name=a -c user.email=a@example.com commit -qm first"):
        subprocess.run(["git", *command.split()], check=True)
    return root


@pytest.mark.long
def test_a_change_of_a_layers_code_is_compared_with_that_of_the_commit(repository: Path) -> None:
    """Both revisions of the package are loaded, side by side."""
    module = repository / "layers" / "notes.py"
    module.write_text(NOTES.replace('Type="String"', 'Type="StringList"'))
    assert re.search(r"Type +.?String.? -> .?StringList", run(repository, "diff", "--against", "HEAD").output)
    module.write_text(NOTES)
    assert "nothing to change" in run(repository, "diff", "--against", "HEAD").output


@pytest.mark.long
def test_a_layer_that_is_gone_is_a_deletion(repository: Path) -> None:
    """Its own resources, and what it gave the API."""
    (repository / "layers" / "notes.py").unlink()
    file = repository / "environments" / "dev.yaml"
    file.write_text(ENVIRONMENT)
    said = run(repository, "diff", "--against", "HEAD").output
    assert "notes" in said
    assert "AWS::SSM::Parameter" in said or "Notes" in said


@pytest.mark.long
def test_a_commit_whose_layers_cannot_be_loaded_leaves_a_warning(repository: Path) -> None:
    """As an environment file does that this version cannot read."""
    module = repository / "layers" / "notes.py"
    module.write_text("x = (")
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qam", "broken"], check=True
    )
    module.write_text(NOTES)
    run(repository, "render", "--output", "templates")
    subprocess.run(["git", "add", "."], check=True)
    said = run(repository, "diff", "--against", "HEAD", code=2).output
    assert "HEAD" in said


@pytest.mark.long
def test_a_change_is_traced_to_the_key_of_the_section(repository: Path) -> None:
    """By the value of the property, without a row of the layer; with one, by that."""
    file = repository / "environments" / "dev.yaml"
    file.write_text(ENVIRONMENT + "notes:\n  text: other\n")
    assert re.search(r"environments/dev.yaml:10 notes.text", run(repository, "diff", "--against", "HEAD").output)
    module = repository / "layers" / "notes.py"
    file.write_text(ENVIRONMENT + "notes:\n  text: other\n  tier: Standard\n")
    module.write_text(NOTES.replace("section=Notes,", 'section=Notes, settings="Notes Value notes.tier",'))
    assert re.search(r"environments/dev.yaml:11 notes.tier", run(repository, "diff", "--against", "HEAD").output)


def test_two_values_alike_leave_the_section(tmp_path: Path) -> None:
    """Which of them it was is not guessed."""
    root = project(tmp_path, ENVIRONMENT + "notes: {text: Standard, tier: Standard}\n", notes=NOTES)
    file = load_file(root / "environments" / "dev.yaml")
    found = origin(file, "notes", "Notes", ("Properties", "Value"), "Standard")
    assert found is not None
    assert found.key == "notes"


@pytest.mark.long
def test_modules_share_what_is_not_a_layer(tmp_path: Path) -> None:
    """One whose name begins with _ is no layer; relative imports reach it and other layers' outputs."""
    shared = 'TEXT = "shared"\n'
    second = NOTES.partition("class Notes")[0].replace(
        'LayerOutput("notes", "NotesName"', 'LayerOutput("more", "MoreName"'
    )
    second = second.replace("NotesName =", "MoreName =") + (
        "from ._shared import TEXT\nfrom .notes import NotesName\n\n\ndef build(env):\n    template = Template()\n"
        '    template.add_resource(Parameter("More", Type="String", Value=NotesName.ref(), Description=TEXT))\n'
        "    return template\n\n\n"
        'LAYERS = [Layer(name="more", title="", about="", build=build, inputs=lambda env: (NotesName,))]\n'
    )
    root = project(tmp_path, notes=NOTES, _shared=shared, a_more=second)
    assert list(rendered(root, "root")["Resources"])[-3:] == ["Worker", "Observability", "More"]  # type: ignore[call-overload]  # a part of YAML
    assert "shared" in json.dumps(rendered(root, "more"))


@pytest.mark.long
def test_what_a_layer_prints_leaves_stdout_to_the_command(tmp_path: Path) -> None:
    """A document on stdout stays one."""
    root = project(
        tmp_path,
        notes="print('hello')\n"
        + NOTES.replace("    template = Template()", "    print('x')\n    template = Template()"),
    )
    json.loads(run(root, "schema").stdout)
    assert json.loads(run(root, "lint", "--format", "json").stdout) is not None


def test_nothing_is_written_into_the_project(tmp_path: Path) -> None:
    """No compiled files beside its sources."""
    root = project(tmp_path, notes=NOTES)
    run(root, "lint")
    assert [each.name for each in (root / "layers").iterdir()] == ["notes.py"]


def test_a_folder_of_that_name_without_python_is_none_of_ours(tmp_path: Path) -> None:
    """A directory of Lambda layers, say."""
    root = project(tmp_path, ENVIRONMENT)
    (root / "layers" / "common").mkdir()
    (root / "layers" / "common" / "code.py").write_text("raise SystemExit")
    run(root, "lint")


@pytest.mark.parametrize(
    ("annotation", "written", "says"),
    [
        ("bool", "yes", 'key is "yes"; allowed: true or false'),
        ("int", "5.0", "key is 5.0; allowed: an integer"),
        ("int", "true", "key is true; allowed: an integer"),
        ("int", "'5'", 'key is "5"; allowed: an integer'),
        ("tuple[int, ...]", "[1, x]", 'key[1] is "x"; allowed: an integer'),
        ("dict[str, int]", "{a: x}", 'key.a is "x"; allowed: an integer'),
        ("Literal['one', 'two']", "c", 'key is "c"; allowed: one or two'),
        ("Literal['one']", "c", 'key is "c"; allowed: one'),
        ("str", "{a: 1}", "key is a map; allowed: a text"),
        ("Inner", "{size: x}", 'key.size is "x"; allowed: an integer'),
        ("Inner", "{sise: 1}", "key.sise is not a known key; did you mean size?"),
        ("tuple[Inner, ...]", "[{size: 1}, {}]", "key[1].size is missing; write an integer"),
        ("str", "012", ""), ("str | None", "null", ""), ("float", "1", ""), ("list[str]", "[on, 1]", ""),
        ("dict[str, str]", "{a: 1.10}", ""), ("Inner | None", "{size: 1}", ""), ("bool", "true", ""),
    ],
)  # fmt: skip
def test_a_value_has_the_type_that_its_key_declares(tmp_path: Path, annotation: str, written: str, says: str) -> None:
    """Strictly, with the key's path and what is allowed; a text keeps its source text."""
    source = NOTES.replace(
        '    text: str = Field("none", min',
        f'    key: {annotation} = Field(description="A key.")\n    text: str = Field("none", min',
    )
    source = source.replace(
        "class Notes", "class Inner(Section):\n    size: int = Field(description='How many.')\n\n\nclass Notes"
    )
    source = source.replace("from troposphere import Ref", "from typing import Literal\n\nfrom troposphere import Ref")
    root = project(tmp_path, f"{ENVIRONMENT}notes: {{key: {written}}}\n", notes=source)
    said = run(root, "config", "--env", "dev", "--format", "json", code=2 if says else 0).output
    assert f"notes.{says}" in said if says else '"key"' in said, said


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("account.nothing_of_that_name", "has no attribute 'nothing_of_that_name'"),
        ("'fine'", "the check free gives a str"),
    ],
)
def test_a_check_of_a_layer_that_breaks_is_told_with_its_line(tmp_path: Path, answer: str, says: str) -> None:
    """Its answers are looked at before plan and deploy change anything."""
    source = NOTES.replace("section=Notes,", "section=Notes, checks=lambda env: (CHECK,),").replace(
        "LAYERS = (",
        f"def ask(subject, account):\n    yield {answer}\n\n\n"
        'CHECK = Check("free", "The name is free.", (), frozenset(), ask)\nLAYERS = (',
    )
    root = project(tmp_path, notes=source.replace("import Additions,", "import Additions, Check,"))
    made = synthesize(load_file(root / "environments" / "dev.yaml").environment)
    [check] = made.template("notes").checks
    with pytest.raises(LayerError, match=says) as error:
        list(check.run(Subject(made.environment, "", ""), cast(AccountReader, object())))
    assert "layers/notes.py:" in error.value.message


def test_a_module_that_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """A FIFO of a module's name."""
    root = project(tmp_path, notes=NOTES)
    os.mkfifo(root / "layers" / "more.py")
    assert "more.py cannot be read" in run(root, "render", code=2).output


WRONG = (
    NOTES.replace("Tier=env.notes.tier,", 'Tier="Golden",')
    + """

def more(template, env):
    template.add_resource(Parameter("More", Type="Text", Value="x"))
    for name in ("One",):
        template.add_resource(Parameter(f"{name}More", Type="Text", Value="x"))


EXTENSIONS = (*EXTENSIONS, Extension(layer="queue", resources=more))
"""
)


def test_a_finding_names_the_line_of_the_layer_or_of_the_extension(tmp_path: Path) -> None:
    """The argument, where it can be seen; the function that makes the resource, where its name is made up."""
    root = project(tmp_path, notes=WRONG)
    text = run(root, "lint", code=2).output
    lines = WRONG.splitlines()
    golden, more, function = (
        next((n, line.index(word) + 1) for n, line in enumerate(lines, 1) if word in line)
        for word in ("Tier=", 'Type="Text"', "def more")
    )
    assert f"layers/notes.py:{golden[0]}:{golden[1]}: error E3030 Notes Properties.Tier" in text
    assert f"layers/notes.py:{more[0]}:{more[1]}: error E3030 More Properties.Type" in text
    assert f"layers/notes.py:{function[0]}:1: error E3030 OneMore Properties.Type" in text
    assert "(templates/dev/queue.yaml:" in text
