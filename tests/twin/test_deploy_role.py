"""The roles of CI, enforced by the emulator: they suffice for a delivery, and for no stack beside it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from emulator import REGION, fresh_account
from twins import PATIENCE, System

from infragen.machine.emulator import Emulator

pytestmark = pytest.mark.twin

ENVIRONMENT = """project: mine
environment: ENV
region: REGION
account: "ACCOUNT"
topology: TOPOLOGY
network: {nat: instance}
queues:
  - name: jobs
"""


def session_of(own: System, role: str) -> dict[str, str]:
    """Return the variables of a session of a role, which a person may assume here: the emulator has no GitHub."""
    iam, root = own.client("iam"), f"arn:aws:iam::{own.account}:root"
    trust = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=document)
    arn = iam.get_role(RoleName=role)["Role"]["Arn"]
    keys = own.client("sts").assume_role(RoleArn=arn, RoleSessionName="ci")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_the_roles_of_ci_suffice_for_their_environment_and_for_no_other(
    twin: Emulator, tmp_path: Path, topology: str
) -> None:
    """Plan, deploy, plan and deploy a change, save a plan; neither the other environment nor a deletion."""
    account, files = fresh_account(), tmp_path / "environments"
    files.mkdir()
    for name in ("dev", "staging"):
        text = ENVIRONMENT.replace("ACCOUNT", account).replace("REGION", REGION).replace("TOPOLOGY", topology)
        (files / f"{name}.yaml").write_text(text.replace("ENV", name))
    own = System(twin, account, REGION, tmp_path)
    own.infragen("bootstrap", "--yes", "--github", "acme/mine", "--github-ids", "1/2", "--write")
    staging = [sys.executable, "-m", "infragen", "bootstrap", "--yes", "--env", "staging", "--local"]
    state = {**os.environ, "INFRAGEN_STATE_DIR": str(twin.state_dir.parent)}
    subprocess.run(staging, cwd=tmp_path, env=state, capture_output=True, check=True, timeout=PATIENCE)

    def ran(role: str, *words: str, env: str = "dev") -> tuple[int, str]:
        variables = {**os.environ, **sessions[role], "INFRAGEN_STATE_DIR": str(twin.state_dir.parent)}
        where = ["--env", env, "--endpoint-url", twin.endpoint_url]
        command = [sys.executable, "-m", "infragen", *words, *where]
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout + done.stderr

    sessions = {each: session_of(own, f"mine-dev-{each}") for each in ("plan", "deploy")}
    code, said = ran("plan", "plan")
    assert code == 0, said
    code, said = ran("deploy", "deploy", "--yes")
    assert code == 0, said
    file = files / "dev.yaml"
    file.write_text(file.read_text().replace("- name: jobs", "- name: jobs\n    max_receives: 7"))
    code, said = ran("plan", "plan", "--out", "dev.plan")
    assert (code, "maxReceiveCount" in said) == (0, True), said
    code, said = ran("plan", "deploy", "--plan", "dev.plan")
    assert (code, "ExecuteChangeSet" in said) == (4, True), said
    code, said = ran("deploy", "deploy", "--yes")
    assert code == 0, said
    assert ran("deploy", "status")[0] == 0
    code, said = ran("deploy", "destroy", "--yes")
    assert (code, "DeleteStack" in said) == (4, True), said
    code, said = ran("deploy", "deploy", "--yes", env="staging")
    assert (code, "not authorized" in said) == (4, True), said
