"""`infragen diff --against`: the plan between two renderings of an environment, from a directory or a commit."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from click.testing import Result
from commands import CommandLine
from formats import check_html, check_json, check_markdown
from rendering import assembly

from infragen.assembly.templatefile import parse
from infragen.assembly.write import files
from infragen.changes.stack_tags import TAGGED
from infragen.cli import main
from infragen.plan.between import NOWHERE, Rendering, plan_between, rendering
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.secrecy.shown import KnownAfter

ROOT = Path(__file__).parent.parent
INDEPENDENT = "topology: independent\n"


def between(before: str, after: str, base: str = "prod") -> EnvironmentPlan:
    one, other = (rendering(assembly(over, base)) for over in (before, after))
    return plan_between(base, "us-east-1", one, other, "before")


def stack(plan: EnvironmentPlan, layer: str) -> StackPlan:
    return next(each for each in plan.stacks if each.layer == layer)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with this project's environments and templates in one commit; the tests stand in it."""
    for name in ("environments", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    commit("first")
    return tmp_path


def git(*arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)  # our own git


def commit(message: str) -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


def diff(*arguments: str) -> Result:
    return CommandLine().invoke(main, ["diff", *arguments])


def change(file: str, old: str, new: str) -> None:
    path = Path("environments", file)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.long
@pytest.mark.parametrize("base", ["dev", "staging", "prod"])
@pytest.mark.parametrize("topology", ["", INDEPENDENT])
def test_equal_renderings_give_an_empty_plan(base: str, topology: str) -> None:
    """Nothing is invented, though one side was written to files and read again."""
    now = assembly(topology, base)
    written = Rendering({name.removesuffix(".yaml"): parse(text) for name, text in files(now).items()})
    assert not plan_between(base, "us-east-1", written, rendering(now), "x").changed


@pytest.mark.long
@pytest.mark.parametrize("topology", ["", INDEPENDENT])
def test_a_changed_value_is_shown_where_it_ends_and_what_waits_for_it(topology: str) -> None:
    """A zone less: the network loses subnets, and the layers that take its lists learn them later."""
    plan = between(topology, f"{topology}network: {{azs: 2}}\n")
    network = {each.logical_id: each.action for each in stack(plan, "network").changes}
    assert network["PrivateSubnet3"] == "Remove"
    [group] = (each for each in stack(plan, "database").changes if each.logical_id == "SubnetGroup")
    [subnets] = group.properties
    assert subnets.after == KnownAfter("network", "IsolatedSubnetIds")
    assert not stack(plan, "queue").changes


@pytest.mark.long
@pytest.mark.parametrize("topology", ["", INDEPENDENT])
def test_what_stands_in_no_template_is_compared_as_well(topology: str) -> None:
    """Stack tags, protection and the certificate are passed at deployment."""
    https = "api: {https: {mode: certificate, certificate_arn: '%s', domain_name: null, hosted_zone_id: null}}\n"
    arn = "arn:aws:acm:us-east-1:333333333333:certificate/"
    before = topology + https % f"{arn}one" + "environment: qa\n"
    plan = between(before, topology + https % f"{arn}two" + "environment: qa\nprotect: false\ntags: {Team: web}\n")
    top = "api" if topology else "root"
    assert [each.after for each in stack(plan, top).parameters] == [f"{arn}two"]
    assert all([each.path for each in one.tags] == [("Team",)] for one in plan.stacks)
    network = {each.logical_id: each.causes for each in stack(plan, "network").changes}
    assert network["Vpc"] == (TAGGED,)
    assert "PublicDefaultRoute" not in network
    assert any("termination protection" in each for each in stack(plan, top).notes)
    [listener] = (each for each in stack(plan, "api").changes if each.logical_id == "HttpsListener")
    assert listener.properties[0].after == f"{arn}two"


@pytest.mark.long
@pytest.mark.parametrize("topology", ["", INDEPENDENT])
def test_what_a_commit_lets_through_is_told(topology: str) -> None:
    """A port, a right and the image of a container, and nothing else: a layer that takes other layers' outputs lets
    through what it did.
    """
    more = "network: {extra_egress_ports: [587]}\napi: {tracing: %s}\n"
    plan = between(topology + more.replace("[587]", "[]") % "false", topology + more % "true")
    assert {str(each) for each in plan.gated} == {
        (
            "network/ApiSecurityGroup may now reach tcp 587 at 0.0.0.0/0 (was: only "
            "tcp 443 at 0.0.0.0/0, tcp 5432 at DatabaseSecurityGroup)"
        ),
        (
            "network/WorkerSecurityGroup may now reach tcp 587 at 0.0.0.0/0 (was: only "
            "tcp 443 at 0.0.0.0/0, tcp 5432 at DatabaseSecurityGroup)"
        ),
        (
            "the role api/TaskRole may now call xray:GetSamplingRules, xray:GetSamplingTargets, xray:PutSpans, "
            "xray:PutSpansForIndexing, xray:PutTraceSegments on every resource"
        ),
        "api/TaskDefinition now runs an image from somewhere else",
    }
    assert between(topology + more % "true", topology + more.replace("[587]", "[]") % "false").gated == ()
    fewer = between(topology, f"{topology}network: {{azs: 2}}\n")
    assert fewer.gated == ()  # fewer of the same subnets


@pytest.mark.long
def test_data_that_a_commit_would_lose_is_refused_in_the_plan() -> None:
    """The database layer is switched off: its cluster goes, and the guard says so before anybody deploys it."""
    plan = between("", "database: null\n")
    assert stack(plan, "database").action == "delete"
    assert "database/Cluster" in {each.place for each in plan.refusals}


@pytest.mark.long
def test_a_layer_that_is_gone_leaves_its_independent_stack() -> None:
    """A deployment deletes no stack of its own, so nothing is refused and the plan says what stays."""
    plan = between(INDEPENDENT, f"{INDEPENDENT}database: null\n")
    assert stack(plan, "database").notes
    assert not stack(plan, "database").changes


def test_another_account_region_or_topology_is_a_warning() -> None:
    """None of them shows in a template."""
    plan = between("", "account: '444444444444'\nregion: eu-west-1\ntopology: independent\n")
    assert [word in " ".join(plan.warnings) for word in ("topology", "account", "region")] == [True] * 3


@pytest.mark.long
def test_a_new_environment_is_all_to_add() -> None:
    """There is nothing before it."""
    plan = plan_between("dev", "us-east-1", NOWHERE, rendering(assembly("", "dev")), "main")
    assert {each.action for each in plan.stacks} == {"create"}
    assert {each.action for each in plan.changes()} == {"Add"}


@pytest.mark.long
def test_an_unchanged_work_tree_has_nothing_to_change(repository: Path) -> None:
    """All environments, against the commit by any of its names and against the directory it wrote."""
    for name in ("HEAD", "templates", str(repository / "templates")):
        result = diff("--against", name, "--detailed-exitcode")
        assert result.exit_code == 0, result.output
        assert result.stdout.count("nothing to change") == 3


@pytest.mark.long
@pytest.mark.usefixtures("repository")
def test_the_plan_of_a_commit_names_what_it_changes() -> None:
    """Uncommitted edits, then the same ones committed, against the commit before."""
    change("prod.yaml", "min_acu: 1", "min_acu: 2")
    change("base.yaml", "Team: backend", "Team: web")
    texts = [diff("--against", "HEAD", "--env", "prod")]
    commit("second")
    texts.append(diff("--against", "HEAD~1", "--env", "prod", "--detailed-exitcode"))
    assert [each.exit_code for each in texts] == [0, 10]
    for each in texts:
        assert "ServerlessV2ScalingConfiguration.MinCapacity  1.0 -> 2.0" in each.stdout
        assert "tag Team  backend -> web" in each.stdout
        assert re.search(r"from environments/prod.yaml:\d+ database.min_acu$", each.stdout, re.MULTILINE)


@pytest.mark.long
@pytest.mark.usefixtures("repository")
def test_a_refusal_names_the_line_that_loses_the_data() -> None:
    """As the plan against AWS does."""
    change("prod.yaml", "min_acu: 1", "min_acu: 1\n  name: store")
    shown = diff("--against", "HEAD", "--env", "prod").stdout
    assert re.search(r"database/Cluster .* replaced by a new one; from environments/prod.yaml:\d+ database.name", shown)


@pytest.mark.long
@pytest.mark.usefixtures("repository")
def test_the_cost_of_a_commit_minds_the_prices_and_the_budget_of_the_environment_file() -> None:
    """As the plan against AWS does."""
    Path("prices.yaml").write_text("regions: {us-east-1: {date: '2026-01-01', usd: {aurora-acu-hour: 10.0}}}\n")
    change("prod.yaml", "\ncost:\n", "\ncost:\n  prices: ../prices.yaml\n  budget: 10\n")
    change("prod.yaml", "readers: 1", "readers: 2")
    [plan] = check_json(diff("--against", "HEAD", "--env", "prod", "--format", "json").stdout_bytes)["plans"]
    assert (plan["budget"], plan["over_budget"]) == (10, True)
    assert "prices.yaml" in plan["cost"]["prices"]
    assert plan["cost"]["change"]["expected"] > 7300


@pytest.mark.long
@pytest.mark.usefixtures("repository")
def test_one_document_holds_the_plans_of_all_environments() -> None:
    """Each says what it was compared with; the exit code for changes is the same as with text."""
    change("prod.yaml", "min_acu: 1", "min_acu: 2")
    made = diff("--against", "HEAD", "--format", "json", "--detailed-exitcode")
    assert made.exit_code == 10
    plans = check_json(made.stdout_bytes)["plans"]
    assert [(each["environment"], each["against"], each["between"], each["changed"]) for each in plans] == [
        ("dev", "HEAD", False, False),
        ("prod", "HEAD", False, True),
        ("staging", "HEAD", False, False),
    ]
    comment = diff("--against", "HEAD", "--format", "markdown").stdout
    check_markdown(comment)
    assert "### `prod` against `HEAD`\n\n**0 to add, 1 to change" in comment
    assert "### `dev` against `HEAD`\n\n**nothing to change**" in comment
    page = diff("--against", "HEAD", "--format", "html").stdout
    check_html(page)
    assert page.count("<b>Nothing to change.</b>") == 2


@pytest.mark.long
@pytest.mark.usefixtures("repository")
def test_the_committed_templates_count_and_not_what_this_version_would_have_rendered() -> None:
    """Templates of another version of infragen are what is deployed, not what ours makes of the old file."""
    path = Path("templates/dev/queue.yaml")
    path.write_text(path.read_text().replace("RedrivePolicy", "RedriveAllowPolicy", 1))
    commit("as another version rendered it")
    assert "RedrivePolicy" in diff("--against", "HEAD", "--env", "dev").stdout


@pytest.mark.long
@pytest.mark.usefixtures("repository")
def test_environments_come_and_go_with_their_files() -> None:
    """A new one is all to add; one that is gone is told, but only when all are compared."""
    qa = Path("environments/qa.yaml")
    qa.write_text(Path("environments/staging.yaml").read_text().replace("environment: staging", "environment: qa"))
    Path("environments/dev.yaml").unlink()
    result = diff("--against", "HEAD")
    assert result.exit_code == 0, result.output
    assert "Plan for qa against HEAD" in result.stdout
    assert "Plan for dev against HEAD" in result.stdout
    assert "stay until `infragen destroy`" in result.stdout
    assert "dev" not in diff("--against", "HEAD", "--env", "qa").stdout


@pytest.mark.long
@pytest.mark.usefixtures("repository")
def test_a_commit_without_templates_is_rendered_from_its_environment_files() -> None:
    """Not everybody commits what is rendered."""
    shutil.rmtree("templates")
    commit("templates are not kept")
    change("prod.yaml", "min_acu: 1", "min_acu: 2")
    result = diff("--against", "HEAD", "--env", "prod", "--env", "dev")
    assert "MinCapacity  1.0 -> 2.0" in result.stdout
    assert "dev against HEAD: nothing to change" in result.stdout


@pytest.mark.long
@pytest.mark.usefixtures("repository")
def test_an_environment_file_that_cannot_be_read_leaves_the_templates_to_compare() -> None:
    """A key of another version, say: told as a warning, and no path of a scratch directory in it."""
    change("prod.yaml", "protect: true", "protect: true\nno_longer: known")
    commit("another schema")
    change("prod.yaml", "\nno_longer: known", "")
    change("prod.yaml", "min_acu: 1", "min_acu: 2")
    result = diff("--against", "HEAD", "--env", "prod")
    assert "warning: HEAD: prod cannot be read by this version" in result.stdout
    assert "environments/prod.yaml" in result.stdout
    assert tempfile.gettempdir() not in result.stdout
    assert "MinCapacity  1.0 -> 2.0" in result.stdout


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--against", "nowhere"), "neither a directory nor a commit"),
        (("--against", "--output=x"), "neither a directory nor a commit"),
        (("--against", "environments"), "environments holds no environment"),
        (("--against", "HEAD", "--env", "nope"), "no environment 'nope'"),
        (("--against", "HEAD", "--templates", "/"), "is not in the repository"),
        (("dev", "--against", "HEAD"), "cannot be given together"),
        (("dev",), "name two environments"),
        (("dev", "prod", "--env", "dev"), "name two environments"),
        ((), "name two environments"),
    ],
)
@pytest.mark.usefixtures("repository")
def test_what_cannot_be_compared_is_an_input_error(arguments: tuple[str, ...], message: str) -> None:
    """One clear message and exit code 2."""
    result = diff(*arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr


@pytest.mark.long
def test_outside_of_a_repository_only_directories_can_be_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git is not needed for them."""
    for name in ("environments", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert diff("--against", "HEAD").exit_code == 2
    monkeypatch.setenv("PATH", str(tmp_path))
    assert diff("--against", "HEAD").exit_code == 2
    assert diff("--against", "templates").exit_code == 0


@pytest.mark.long
def test_attributes_of_git_hide_nothing_of_a_commit(repository: Path) -> None:
    """What a `.gitattributes` keeps out of archives, or has replaced in them, is compared as it was committed."""
    (repository / ".gitattributes").write_text("environments export-ignore\ntemplates export-ignore\n* export-subst\n")
    dev = repository / "environments" / "dev.yaml"
    dev.write_text(dev.read_text() + "# $Format:%n%nreplaced: yes$\n")
    commit("attributes")
    ended = diff("--against", "HEAD", "--env", "dev")
    assert ended.exit_code == 0
    assert "nothing to change" in ended.output


def test_a_tree_that_leads_out_of_its_directory_is_refused(repository: Path, tmp_path: Path) -> None:
    """`..` as a name in a tree, which git itself never writes and a crafted commit can hold."""

    def made(kind: str, name: str, blob: str) -> str:
        mode = "100644" if kind == "blob" else "040000"
        row = f"{mode} {kind} {blob}\t{name}\n"
        return subprocess.run(
            ["git", "mktree"], input=row, text=True, capture_output=True, check=True
        ).stdout.strip()  # our own git

    blob = subprocess.run(
        ["git", "hash-object", "-w", "environments/dev.yaml"], text=True, capture_output=True, check=True
    ).stdout.strip()
    tree = made("tree", "environments", made("tree", "..", made("tree", "..", made("blob", "out.yaml", blob))))
    who = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit-tree", "-m", "x", tree]
    crafted = subprocess.run(who, text=True, capture_output=True, check=True).stdout.strip()
    before = {*Path(tempfile.gettempdir()).iterdir()}
    ended = diff("--against", crafted, "--env", "dev")
    assert ended.exit_code == 2
    assert "invalid path" in ended.stderr
    assert not [each for each in {*Path(tempfile.gettempdir()).iterdir()} - before if each.name == "out.yaml"]
