"""The commands that messages name: with the options of this run that they need to be pasted."""

import json
from pathlib import Path

import pytest
from commands import CommandLine

from infragen.cli import main
from infragen.cli.pasting import complete

GIVEN = {"--env": " --env dev", "--environments": " --environments 'my files'", "--local": " --local"}


@pytest.mark.parametrize(
    ("said", "completed"),
    [
        ("`infragen follow` or `x`", "`infragen follow --env dev --environments 'my files' --local` or `x`"),
        (
            "`infragen destroy --retain LAYER/LogicalId`",
            "`infragen destroy --env dev --environments 'my files' --local --retain LAYER/LogicalId`",
        ),
        ("`infragen changesets prune`", "`infragen changesets prune --env dev --environments 'my files' --local`"),
        ("`infragen plan --env prod`", "`infragen plan --environments 'my files' --local --env prod`"),
        ("`infragen deploy --plan FILE`", "`infragen deploy --environments 'my files' --local --plan FILE`"),
        ("`infragen lint` shows them", "`infragen lint --env dev --environments 'my files'` shows them"),
        ("`infragen local stop`, infragen deploy", "`infragen local stop`, infragen deploy"),
        ("`infragen planned`", "`infragen planned`"),
    ],
)
def test_a_command_gets_what_it_lacks(said: str, completed: str) -> None:
    """What it has already stays; a saved plan names its environment; other words are no command."""
    assert complete(said, GIVEN) == completed
    assert complete(said, {}) == said


def test_an_error_names_a_command_that_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For people and in lines of JSON; another directory and profile are part of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my files").mkdir()
    text = 'project: shop\nenvironment: dev\nregion: us-east-1\naccount: "111122223333"\n'
    (tmp_path / "my files" / "dev.yaml").write_text(text)
    plan = {"version": 1}
    (tmp_path / "dev.plan").write_text(json.dumps(plan))
    where = ["--environments", "my files", "--profile", "shop", "--plan", "dev.plan"]
    refused = CommandLine().invoke(main, ["deploy", *where, "--format", "json"])
    assert refused.exit_code == 2
    [error] = [each for each in map(json.loads, refused.stdout.splitlines()) if each["type"] == "error"]
    completed = "create a new one with `infragen plan --environments 'my files' --profile shop --out FILE`"
    assert error["hint"] == completed
    assert f"hint: {completed}\n" in refused.stderr
