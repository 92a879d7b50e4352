"""`infragen init`: a project of the user's own, complete or not at all."""

import errno
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result
from commands import CommandLine
from hypothesis import given
from hypothesis import strategies as st
from linting import linted
from test_cli_deploy import typed

import infragen
from infragen.assembly.synth import synthesize
from infragen.cli import main
from infragen.config import REGIONS, load_file
from infragen.errors import InputError
from infragen.project import place
from infragen.project.choices import Choices, check, project_name
from infragen.project.repository import of_remote
from infragen.project.scaffold import SCAFFOLD, SUBSTITUTIONS, files, scaffold

Init = Callable[..., Result]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def init(here: Path) -> Init:
    def run(*arguments: str, code: int = 0) -> Result:
        result = CommandLine().invoke(main, ["init", *arguments])
        assert result.exit_code == code, result.output
        return result

    return run


def written(directory: Path) -> set[str]:
    return {each.relative_to(directory).as_posix() for each in directory.rglob("*") if not each.is_dir()}


@pytest.mark.long
def test_a_project_in_an_empty_directory_is_up_to_date_and_clean(init: Init, here: Path, findings: Path) -> None:
    """What init wrote is what render would write, the schema is this version's, the linter finds nothing."""
    said = init("shop", "--region", "eu-west-1").stdout
    shop = here / "shop"
    assert f"wrote {len(written(shop))} files to shop\n" in said
    assert said.splitlines()[-2:] == [
        "next  cd shop && npm ci && infragen dev",
        "then  infragen pipeline github, or gitlab: the workflows that test and deliver it",
    ]
    os.chdir(shop)
    assert CommandLine().invoke(main, ["render", "--check"]).exit_code == 0
    assert CommandLine().invoke(main, ["schema"]).stdout == (shop / "environment.schema.json").read_text()
    environments = [load_file(each).environment for each in sorted(shop.glob("environments/[!b]*.yaml"))]
    assert [each.environment for each in environments] == ["dev", "prod", "staging"]
    assert {each.region for each in environments} == {"eu-west-1"}
    assert linted([synthesize(each) for each in environments], findings) == ((), (), ())
    assert f"infragen-cfn[local]=={infragen.__version__}\n" in (shop / "requirements.txt").read_text()


@pytest.mark.long
@pytest.mark.parametrize(
    "options",
    [
        ("--topology", "independent", "--queue", "mails", "--queue", "invoices"),
        ("--app", "none", "--account", "dev=111122223333", "--account", "prod=000000000001"),
        ("--project", "eu-central-1", "--queue", "a-queue-with-the-longest-name-of-fortyyy"),
    ],
)
def test_what_init_writes_loads_and_renders(init: Init, here: Path, options: tuple[str, ...]) -> None:
    """With each kind of option; accounts are those that were given, or none."""
    init("new", "--region", "us-west-2", *options)
    loaded = {
        each: load_file(here / f"new/environments/{each}.yaml").environment for each in ("dev", "staging", "prod")
    }
    given_accounts = dict(each.split("=") for each in options if "=" in each)
    assert {name: each.account for name, each in loaded.items()} == dict.fromkeys(loaded) | given_accounts
    queues = [options[index + 1] for index, each in enumerate(options) if each == "--queue"] or ["notifications"]
    with_app = "none" not in options
    for environment in loaded.values():
        assert (environment.release is not None, environment.workers[0].code is not None) == (with_app, with_app)
        assert environment.topology == ("independent" if "independent" in options else "nested")
        assert [each.name for each in environment.queues] == queues
        assert [each.queue for each in environment.workers] == queues
    assert (here / "new/package.json").exists() is with_app
    assert ("npm" in (here / "new/README.md").read_text()) is with_app
    assert (
        CommandLine()
        .invoke(main, ["render", "--check", "--environments", "new/environments", "--output", "new/templates"])
        .exit_code
        == 0
    )


@pytest.mark.parametrize("count", [1, 14, 15, 23, 40, 55])
def test_as_many_queues_as_an_environment_takes_load(tmp_path: Path, count: int) -> None:
    """The workers together leave the database the connections that its rules want."""
    queues = tuple(f"queue-{number}" for number in range(count))
    place.write(tmp_path, files(Choices("shop", "eu-west-1", "1", queues)))
    for each in ("dev", "staging", "prod"):
        assert len(load_file(tmp_path / f"environments/{each}.yaml").environment.workers) == count


def test_the_scaffold_has_no_account_id() -> None:
    """An account id that was made up would be somebody's. In tests of the application stands AWS's own example."""
    for path, body in scaffold().items():
        if path != "package-lock.json" and not path.startswith("test/"):
            assert not re.search(rb"\b[0-9]{12}\b", body), path


def test_no_test_of_the_scaffold_lists_its_migrations() -> None:
    """A project gets more of them, and its tests hold with those as well."""
    found = scaffold()
    names = [path.partition("/")[2].rpartition(".")[0] for path in found if path.startswith("migrations/")]
    assert names
    for path, body in found.items():
        if path.startswith("test/"):
            assert not [each for each in names if each.encode() in body], path


def test_each_text_of_the_table_occurs_as_often_as_it_says() -> None:
    found = scaffold()
    for path, text, times, _ in SUBSTITUTIONS:
        assert found[path].count(text.encode()) == times, (path, text)


def test_a_file_that_the_table_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed scaffold cannot give a project with the scaffold's own values."""
    monkeypatch.setattr("infragen.project.scaffold.SUBSTITUTIONS", (("README.md", "shop", 7, lambda _: "x"),))
    with pytest.raises(ValueError, match=r"README\.md holds 'shop' \d times, and not 7"):
        files(Choices("a", "eu-west-1", "1"))


def test_the_scaffold_is_what_git_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tools leave there while somebody works in it is no part of a project."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "."]
    listed = subprocess.run(asked, cwd=SCAFFOLD, capture_output=True, text=True, check=True).stdout.split("\n")
    assert set(scaffold()) == {each for each in listed if each and (SCAFFOLD / each).exists()}


@given(st.text(max_size=60))
def test_a_directory_gives_a_project_name_that_loads_or_none(directory: str) -> None:
    name = project_name(directory)
    if name:
        check(Choices(name, REGIONS[0], "1"))


@pytest.mark.parametrize(
    ("directory", "name"),
    [("My Shop", "my-shop"), ("shop_2", "shop-2"), ("2024-orders", "orders"),
     ("a-name-that-goes-on-for-long", "a-name-that-goes-on"),
     ("42", ""), ("", "")],
)  # fmt: skip
def test_the_name_of_a_directory_becomes_a_project(directory: str, name: str) -> None:
    assert project_name(directory) == name


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--project", "Shop"), "--project is 'Shop'; allowed: "),
        (("--project", "a" * 21), "--project is "),
        (("--region", "eu-centrl-1"), "did you mean eu-central-1?"),
        (("--queue", "a--b"), "--queue is 'a--b'"),
        (("--queue", "a", "--queue", "a"), "--queue names a more than once"),
        (("--account", "dev"), "is not ENV=ID"),
        (("--account", "dev=1111"), "12 digits"),
        (("--account", "test=111122223333"), "the environments are dev, staging, prod"),
        (("--account", "dev=111122223333", "--account", "dev=111122223334"), "dev has two accounts"),
        (("--only", "everything"), "'everything' is not one of environments, "),
        (("--github", "acme"), "is not OWNER/REPO"),
        (("--gitlab", "acme"), "is not GROUP/PROJECT"),
        (("--github", ""), "is not OWNER/REPO"),
        (("--github", "acme/shop", "--gitlab", "acme/shop"), "cannot be combined"),
        (("--github", "acme/shop", "--only", "app"), "add it to --only"),
        ([part for number in range(56) for part in ("--queue", f"q{number}")], "56 queues"),
    ],
)
def test_a_value_that_no_file_may_hold_is_refused(init: Init, here: Path, options: tuple[str, ...], says: str) -> None:
    """By the schema's own rules, naming the option; nothing is written."""
    region = () if "--region" in options else ("--region", "eu-west-1")
    assert says in init("shop", *region, *options, code=2).stderr
    assert written(here) == set()


@pytest.mark.long
def test_without_a_terminal_and_without_a_default_the_option_is_named(
    init: Init, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    assert "add --region REGION" in init("shop", code=2).stderr
    assert "add --project PROJECT" in init("42", "--region", "eu-west-1", code=2).stderr
    assert written(here) == set()
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    init("shop")
    assert "region: eu-north-1\n" in (here / "shop/environments/base.yaml").read_text()


@pytest.mark.long
def test_on_a_terminal_it_asks_for_what_is_open(here: Path) -> None:
    """One line each, with the default; a wrong answer is asked for again."""
    code, shown = typed(["init", "shop"], "\nnowhere-1\neu-south-1\norders\n", here, AWS_REGION="eu-west-3")
    assert code == 0, shown
    for line in ("project [shop]: ", "region [eu-west-3]: ", "queue [notifications]: ", "allowed: "):
        assert line in shown, shown
    base = (here / "shop/environments/base.yaml").read_text()
    assert "region: eu-south-1\n" in base
    assert "  - name: orders\n" in base


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "system", "last"),
    [
        (("--github", "acme/shop"), "github", "then  infragen bootstrap --env prod --github acme/shop"),
        (("--gitlab", "acme/web/shop"), "gitlab", "then  infragen bootstrap --env prod --gitlab acme/web/shop"),
        (
            ("--app", "none", "--github", "acme/shop"),
            "github",
            "then  infragen bootstrap --env prod --github acme/shop",
        ),
    ],
)
def test_the_workflows_of_a_new_project_are_up_to_date(
    init: Init, here: Path, options: tuple[str, ...], system: str, last: str
) -> None:
    said = init("shop", "--region", "eu-west-1", *options).stdout
    assert said.splitlines()[-1] == last
    os.chdir(here / "shop")
    assert CommandLine().invoke(main, ["pipeline", system, "--check"]).exit_code == 0
    assert CommandLine().invoke(main, ["render", "--check"]).exit_code == 0
    assert (Path(".gitlab-ci.yml").exists(), Path(".github/workflows").exists()) == (
        system == "gitlab",
        system == "github",
    )


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("git@github.com:acme/shop.git", ("github", "acme/shop")),
        ("https://github.com/acme/shop", ("github", "acme/shop")),
        ("https://someone:secret@GitHub.com/acme/shop.git/", ("github", "acme/shop")),
        ("ssh://git@ssh.github.com:443/acme/shop.git", ("github", "acme/shop")),
        ("git@gitlab.com:acme/web/shop.git", ("gitlab", "acme/web/shop")),
        ("https://gitlab.com/acme/shop", ("gitlab", "acme/shop")),
        ("git@github.com.example.com:acme/shop.git", None),
        ("https://github.com/acme", None),
        ("https://github.com/acme/shop/tree", None),
        ("https://example.com/github.com/acme/shop", None),
        ("/srv/git/github.com:acme/shop.git", None),
        ("file:///srv/shop.git", None),
        ("git@github.com:acme/$(id)", None),
        ("", None),
    ],
)
def test_a_remote_names_a_repository_or_none(url: str, found: tuple[str, str] | None) -> None:
    repository = of_remote(url)
    assert (repository and (repository.system, repository.name)) == found


@pytest.mark.long
def test_the_remote_of_the_directory_decides_and_its_password_is_not_printed(init: Init, here: Path) -> None:
    """At the top of the work tree only: elsewhere GitHub and GitLab read no workflows."""
    subprocess.run(["git", "init", "--quiet"], check=True)
    url = "https://someone:hunter2hunter2@gitlab.com/acme/shop.git"
    subprocess.run(["git", "remote", "add", "origin", url], check=True)
    result = init("--project", "shop", "--region", "eu-west-1")
    assert result.stdout.endswith("then  infragen bootstrap --env prod --gitlab acme/shop\n")
    assert "hunter2" not in result.output
    assert ".gitlab-ci.yml" in written(here)
    init("below", "--region", "eu-west-1")
    assert not {each for each in written(here / "below") if each.startswith((".gitlab-ci", ".github/workflows"))}


@pytest.mark.long
def test_the_pipeline_alone_is_written_for_what_is_there(init: Init, here: Path) -> None:
    """And without environments, without a repository or over a file it is not."""
    assert "add --github OWNER/REPO" in init("a", "--region", "eu-west-1", "--only", "pipeline", code=2).stderr
    alone = ("a", "--region", "eu-west-1", "--only", "pipeline", "--github", "acme/a")
    assert "there is no directory a/environments" in init(*alone, code=2).stderr
    assert written(here) == set()
    init("a", "--region", "eu-west-1", "--only", "environments,app")
    before = written(here / "a")
    init(*alone)
    assert written(here / "a") - before == {".github/workflows/pull-request.yaml", ".github/workflows/deploy.yaml"}
    assert "npm run test:e2e" in (here / "a/.github/workflows/pull-request.yaml").read_text()
    assert "exist already; nothing was written" in init(*alone, code=2).stderr


@pytest.mark.long
def test_workflows_of_somebody_else_stop_all_and_the_hint_leaves_them_out(init: Init, here: Path) -> None:
    (here / ".github/workflows").mkdir(parents=True)
    (here / ".github/workflows/deploy.yaml").write_text("name: mine\n")
    refused = init("--project", "shop", "--region", "eu-west-1", "--github", "acme/shop", code=2).stderr
    assert "--only environments,app,layers,repository writes the parts" in refused
    assert written(here) == {".github/workflows/deploy.yaml"}


@pytest.mark.long
def test_nothing_is_overwritten(init: Init, here: Path) -> None:
    """One file in the way: none is written, and the hint names the parts that are free."""
    (here / "README.md").write_text("mine")
    refused = init("--project", "shop", "--region", "eu-west-1", code=2).stderr
    assert "README.md exists already; nothing was written" in refused
    assert "--only environments,app,layers,pipeline writes" in refused
    assert written(here) == {"README.md"}
    init("--project", "shop", "--region", "eu-west-1", "--only", "environments,layers")
    assert "environments/dev.yaml" in written(here)
    assert (here / "README.md").read_text() == "mine"
    again = init("--project", "shop", "--region", "eu-west-1", code=2).stderr
    assert "exist already" in again


@pytest.mark.long
def test_layers_that_are_there_already_are_in_the_templates(init: Init, here: Path) -> None:
    """What init renders is what render will, and the project's own files are not touched."""
    (here / "layers").mkdir()
    (here / "layers/__init__.py").write_text(
        "from infragen.layer import Extension, Template\n\n\n"
        "def topic(template: Template, env: object) -> None:\n"
        "    import troposphere.sns as sns\n"
        "    template.add_resource(sns.Topic('News'))\n\n\n"
        "EXTENSIONS = (Extension(layer='network', resources=topic),)\n"
    )
    init("--project", "shop", "--region", "eu-west-1", "--only", "environments")
    assert "News" in (here / "templates/dev/network.yaml").read_text()
    assert CommandLine().invoke(main, ["render", "--check"]).exit_code == 0
    assert [each.name for each in (here / "layers").glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("kind", ["link", "dangling", "file for a directory", "template"])
def test_links_and_files_in_the_way_are_not_followed(init: Init, here: Path, kind: str) -> None:
    outside = here / "outside"
    outside.mkdir()
    shop = here / "shop"
    shop.mkdir()
    if kind == "link":
        (shop / "environments").symlink_to(outside)
    elif kind == "dangling":
        (shop / "README.md").symlink_to(outside / "nothing")
    elif kind == "file for a directory":
        (shop / "layers").write_text("")
    else:
        (shop / "templates/dev").mkdir(parents=True)
        (shop / "templates/dev/api.yaml").write_text("")
    before = written(here)
    init("shop", "--region", "eu-west-1", code=2)
    assert written(here) == before


def test_a_place_that_is_no_directory_is_refused(init: Init, here: Path) -> None:
    (here / "file").write_text("")
    assert "file is not a directory" in init("file", "--region", "eu-west-1", code=2).stderr
    assert "file is not a directory" in init("file/shop", "--region", "eu-west-1", code=2).stderr
    assert written(here) == {"file"}


@pytest.mark.long
def test_a_full_disk_ends_with_4_and_leaves_nothing(init: Init, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the files are written, and when they are moved: what was there before is there, and nothing else."""
    (here / "shop").mkdir()
    (here / "shop/mine").write_text("mine")
    for name in ("fsync", "link"):
        calls = iter(range(1000))
        really = getattr(os, name)

        def full(*arguments: object, name: str = name, calls: object = calls, really: object = really) -> None:
            if next(calls) == 9:  # type: ignore[call-overload]  # untyped on purpose: it stands in for any function
                raise OSError(errno.ENOSPC, "No space left on device", "a file")
            really(*arguments)  # type: ignore[operator]  # untyped on purpose: it stands in for any function

        with monkeypatch.context() as patched:
            patched.setattr(os, name, full)
            if name == "link":
                patched.setattr(Path, "open", refuse_exclusive)
            init("shop", "--region", "eu-west-1", code=4)
        assert written(here) == {"shop/mine"}
        assert [each.name for each in (here / "shop").iterdir()] == ["mine"]


def refuse_exclusive(self: Path, mode: str = "r", **others: Any) -> object:
    """A file system without links, and without room."""
    if mode == "xb" and ".infragen-init-" not in str(self):
        raise OSError(errno.ENOSPC, "No space left on device", str(self))
    return open(self, mode, **others)  # noqa: PTH123  # what it stands in for takes text


def test_a_file_that_comes_meanwhile_is_kept(here: Path) -> None:
    """Between the look and the move: refused, and what went before is taken back."""
    (here / "b").write_text("somebody's")
    with place.staged(here) as stage:
        place.write(stage, {"a/x": b"1", "b": b"2"})
        with pytest.raises(InputError, match="exists already"):
            place.move_in(stage, here, ["a/x", "b"])
    assert written(here) == {"b"}
    assert (here / "b").read_text() == "somebody's"
    assert not (here / "a").exists()


def commands(group: click.Group, *words: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that takes --environments, with the words that name it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *words, name)
        elif any("--environments" in each.opts for each in command.params):
            yield (*words, name), command


def test_in_an_empty_directory_each_command_says_init(here: Path) -> None:
    """Every command that needs an environment, with --env and without; the schema is there without a project."""
    tried, stored = 0, here.parent / "stored.env"
    stored.write_text("STRIPE_KEY=x\n")
    for words, command in commands(main):
        arguments = [each for each in command.params if isinstance(each, click.Argument) and each.required]
        values = [str(each.type.choices[0]) if isinstance(each.type, click.Choice) else "." for each in arguments]
        named = {("import",): "queue/JobsQueue=jobs", ("secrets", "set"): "STRIPE_KEY", ("secrets", "rm"): "STRIPE_KEY"}
        named[("secrets", "import")] = str(stored)
        values = [named[words]] if words in named else values
        options = [each for each in command.params if isinstance(each, click.Option) and each.required]
        values += [word for each in options for word in (each.opts[0], "dev")]
        for more in ([], ["--env", "dev"]) if any("--env" in each.opts for each in command.params) else ([],):
            if words in (("schema",), ("diff",)):
                continue
            result = CommandLine().invoke(main, [*words, *more, *values])
            assert result.exit_code == 2, (words, more, result.output)
            assert "infragen init" in result.stderr, (words, more, result.stderr)
            tried += 1
    assert tried > 30
    assert "infragen init" in CommandLine().invoke(main, ["diff", "dev", "prod"]).stderr
    assert CommandLine().invoke(main, ["schema"]).exit_code == 0
