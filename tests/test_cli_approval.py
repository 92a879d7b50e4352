"""Saved plans and approvals as a user types them, on the emulator, in both topologies."""

import json
import re
import stat
from pathlib import Path

import pytest
from test_cli_deploy import Run, project, run, topology, write

from infragen.plan.saved import digest

__all__ = ["project", "run", "topology"]


@pytest.fixture
def deployed(run: Run, project: Path, account: str, topology: str) -> Path:
    """The environment file of a deployed environment, changed afterwards."""
    write(project, account, topology)
    run("bootstrap", "--yes")
    run("deploy", "--yes")
    file = project / "environments" / "dev.yaml"
    file.write_text(file.read_text().replace("nat: none", "nat: single") + "    retention_days: 7\n")
    return file


@pytest.mark.long
def test_a_plan_is_saved_reviewed_and_deployed(run: Run, deployed: Path, project: Path) -> None:
    """Without --yes and without a flag for the widenings that it shows; afterwards there is nothing left to do."""
    saved = run("plan", "--out", "dev 1.plan", "--format", "json")
    assert json.loads(saved.stdout)["plans"][0]["changed"] is True
    assert "saved to dev 1.plan (expires " in saved.stderr
    command = r"`infragen deploy --endpoint-url \S+ --plan 'dev 1.plan'`"
    assert re.search(rf"UTC\). Deploy it with {command}$", saved.stderr.rstrip())
    assert stat.S_IMODE((project / "dev 1.plan").stat().st_mode) == 0o600
    run("plan")
    ended = run("deploy", "--plan", "dev 1.plan")
    assert re.search(
        r"^dev 1.plan: made .* UTC outside of a git work tree; expires .* UTC$", ended.stderr, re.MULTILINE
    )
    assert "deployed" in ended.stdout
    assert "! the route table network/PrivateRoutes1 now leads to 0.0.0.0/0 through a NAT device" in ended.stderr
    assert "nothing to change" in run("plan").stdout
    assert "unchanged" in run("deploy", "--plan", "dev 1.plan").stdout


@pytest.mark.long
def test_a_plan_on_stdout_is_the_file_and_what_it_shows_is_on_stderr(run: Run, deployed: Path, project: Path) -> None:
    """`--out -` | what reads it; whoever asks for two documents on one stream is told so."""
    saved = run("plan", "--out", "-")
    assert json.loads(saved.stdout)["format"] == "infragen saved plan"
    assert "route table" in saved.stderr
    (project / "kept.plan").write_text(saved.stdout)
    assert "to stdout, so it cannot be combined" in run("plan", "--out", "-", "--format", "json", code=2).stderr
    assert "to stdout, so it cannot be combined" in run("plan", "--out", "-", "--progress", "stdout", code=2).stderr
    assert "deployed" in run("deploy", "--plan", "kept.plan").stdout


def test_a_plan_is_written_to_no_device(run: Run, project: Path) -> None:
    """2 before AWS is asked anything: there is nothing at this endpoint."""
    for name in ("/dev/null", "/dev/stdout", "environments", "."):
        said = run("plan", "--out", name, "--endpoint-url", "http://127.0.0.1:9", code=2).stderr
        assert ("names a directory" if name == "." else "infragen writes regular files only") in said
    assert Path("/dev/null").is_char_device()


@pytest.mark.long
def test_c9_a_plan_that_somebody_overtook_is_stale(run: Run, deployed: Path, account: str) -> None:
    """C9: 5, with the stack and the change set that did it; the hint is the next command."""
    run("plan", "--out", "dev.plan")
    text = deployed.read_text()
    deployed.write_text(text.replace("nat: single", "nat: none").replace("days: 7", "days: 5"))
    run("deploy", "--yes")
    deployed.write_text(text)
    stale = run("deploy", "--plan", "dev.plan", code=5)
    assert "error: the plan dev.plan is stale:" in stale.stderr
    assert " was updated at " in stale.stderr
    assert re.search(
        r"make a new one: `infragen plan --endpoint-url \S+ --env dev --out dev.plan`; nothing", stale.stderr
    )
    assert "4 to change" not in stale.stderr


@pytest.mark.long
def test_c9_a_plan_for_another_file_is_stale(run: Run, deployed: Path) -> None:
    """C9: what is in the repository is not what was reviewed."""
    run("plan", "--out", "dev.plan")
    deployed.write_text(deployed.read_text().replace("days: 7", "days: 8"))
    stale = run("deploy", "--plan", "dev.plan", code=5)
    assert "the environment file of dev is another one than when it was made" in stale.stderr
    assert "templates are rendered otherwise: " in stale.stderr


@pytest.mark.long
def test_a_file_that_is_no_plan_ends_in_2(run: Run, project: Path) -> None:
    """One error, and nothing is asked of AWS; 5 for one that somebody edited so that its checksum fits."""
    (project / "x.plan").write_text("nonsense")
    assert "x.plan: not a plan that infragen saved" in run("deploy", "--plan", "x.plan", code=2).stderr
    assert "cannot be read: no such file" in run("deploy", "--plan", "y.plan", code=2).stderr
    run("bootstrap", "--yes")
    run("plan", "--out", "dev.plan")
    damaged = (project / "dev.plan").read_text().replace("shop-dev", "shop-dev2")
    (project / "x.plan").write_text(damaged)
    assert "its checksum does not fit" in run("deploy", "--plan", "x.plan", code=2).stderr
    edited = json.loads((project / "dev.plan").read_text())
    edited["values"]["Nobody"] = "v2"
    del edited["checksum"]
    (project / "x.plan").write_text(json.dumps({**edited, "checksum": digest(edited)}))
    said = run("deploy", "--plan", "x.plan", "--endpoint-url", "http://127.0.0.1:9", code=5).stderr
    assert "the plan x.plan is stale:\n  the file was changed after it was saved" in said


@pytest.mark.long
def test_options_that_the_plan_answers_are_refused_beside_it(run: Run, project: Path, account: str) -> None:
    """And so is another environment."""
    run("bootstrap", "--yes")
    run("plan", "--out", "dev.plan")
    for option in (["--image-tag", "v1"], ["--allow-widening", "a/B"], ["--require-approval", "never"]):
        said = run("deploy", "--plan", "dev.plan", *option, code=2).stderr
        assert f"--plan cannot be combined with {option[0]}: the saved plan decides that" in said
    write(project, account, "nested", "other")
    said = run("deploy", "--plan", "dev.plan", env="other", code=2).stderr
    assert "dev.plan is a plan for dev, but --env is other" in said


@pytest.mark.long
def test_a_plan_that_cannot_be_saved_is_not_made(run: Run, project: Path) -> None:
    """4, and no change set stays behind."""
    run("bootstrap", "--yes")
    assert "the saved plan cannot be written" in run("plan", "--out", "missing/dev.plan", code=4).stderr
    assert run("status").stdout.count("REVIEW_IN_PROGRESS") == 0
