"""The commands that messages name: with the options of this run that they need to be pasted."""

import json
from pathlib import Path

import pytest
from commands import CommandLine

from infragen.cli import main
from infragen.cli.pasting import Emulated, complete

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


LOG = "aws logs tail /ecs/shop-dev-api --log-stream-names {}/api/0123 --since 3h --region eu-west-1"
EMULATED = Emulated("111111111111", "eu-west-1", {"/ecs/shop-dev-api": "api", "/aws/lambda/shop-dev-mail": "mail"})
EVAL = 'eval "$(infragen local env --account 111111111111)" && '


@pytest.mark.parametrize(
    ("said", "completed"),
    [
        (LOG.format("api"), "infragen logs --env dev --local api --task 0123 --since 3h"),
        (
            LOG.format("api").replace("3h", "2026-03-01T12:00:58Z"),
            "infragen logs --env dev --local api --task 0123 --since 2026-03-01T12:00:58Z",
        ),
        (LOG.format("release"), "infragen logs --env dev --local release --task 0123 --since 3h"),
        (
            "aws logs tail /aws/lambda/shop-dev-mail --log-stream-names '2026/[$LATEST]1' --since 3h",
            "infragen logs --env dev --local mail --since 3h",
        ),
        (LOG.format("api").replace("shop-dev-api", "other"), EVAL + LOG.format("api").replace("shop-dev-api", "other")),
        ("aws ecr delete-repository --force", EVAL + "aws ecr delete-repository --force --region eu-west-1"),
        ("aws sso login", "aws sso login"),
    ],
)
def test_a_command_of_the_aws_cli_reaches_the_emulator(said: str, completed: str) -> None:
    """With `--local`: our own command where there is one, else with the emulator's credentials and the region."""
    given = {"--env": " --env dev", "--local": " --local"}
    assert complete(f"see `{said}`; `x`", given, EMULATED) == f"see `{completed}`; `x`"


def test_a_command_of_the_aws_cli_gets_the_endpoint_and_the_profile() -> None:
    """What it has already stays; a login is no request to an endpoint."""
    given = {"--env": " --env dev", "--endpoint-url": " --endpoint-url http://127.0.0.1:1", "--profile": " --profile p"}
    said = "`aws ecr list-images`, `aws sts get-caller-identity --profile q` or `aws sso login`"
    expected = (
        "`aws ecr list-images --endpoint-url http://127.0.0.1:1 --profile p`, "
        "`aws sts get-caller-identity --profile q --endpoint-url http://127.0.0.1:1` or `aws sso login`"
    )
    assert complete(said, given) == expected


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
