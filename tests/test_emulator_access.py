"""Who the emulator answers: whoever signs with its secret, and no web page. It runs code: nobody else may call it."""

import asyncio
import base64
import http.client
import http.server
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from emulator import REGION, Clients

from infragen.machine.emulator import Emulator

CREATE = (
    "Action=CreateQueue&QueueName=taken",
    {"Content-Type": "application/x-www-form-urlencoded"},
)


def ask(
    emulator: Emulator, method: str, path: str, body: str | bytes = "", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Send a request as it is; return status, headers (lower case) and body."""
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=300)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def signed(emulator: Emulator, account: str, secret: str, body: str = CREATE[0]) -> dict[str, str]:
    """Return the headers of a signed request to SQS."""
    request = AWSRequest("POST", f"{emulator.endpoint_url}/", data=body, headers=dict(CREATE[1]))
    SigV4Auth(Credentials(account, secret), "sqs", REGION).add_auth(request)
    return dict(request.headers)


def queues(client: Clients) -> list[str]:
    return list(client("sqs").list_queues().get("QueueUrls", []))


def test_a_request_signed_with_the_secret_is_answered(emulator: Emulator, account: str, client: Clients) -> None:
    """The control: the same request as in the tests below, signed as it should be. No reply names another origin."""
    status, headers, _ = ask(emulator, "POST", "/", CREATE[0], signed(emulator, account, emulator.secret))
    assert status == 200
    assert not [name for name in headers if name.startswith("access-control-")]
    assert len(queues(client)) == 1


@pytest.mark.parametrize(
    "how",
    [
        "unsigned",
        "another secret",
        "another body",
        "another host",
        "no port",
        "from a page",
        "from a page, null",
        "from the same site",
        "by navigation",
        "preflight",
        "malformed",
        "host not signed",
    ],
)
def test_anything_else_is_refused_and_does_nothing(emulator: Emulator, account: str, client: Clients, how: str) -> None:
    """403, no CORS header, nothing created. What a page may send without being asked is text/plain, form or GET."""
    body, good = CREATE[0], signed(emulator, account, emulator.secret)
    method, headers = "POST", {
        "unsigned": {"Content-Type": "text/plain"},
        "another secret": signed(emulator, account, "local"),
        "another body": good,
        "another host": {**good, "Host": f"rebound.example:{emulator.port}"},
        "no port": {**good, "Host": "127.0.0.1"},
        "from a page": {**good, "Origin": "http://evil.example"},
        "from a page, null": {**good, "Origin": "null"},
        "from the same site": {**good, "Sec-Fetch-Site": "same-origin"},
        "by navigation": {**good, "Sec-Fetch-Mode": "navigate"},
        "preflight": {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
        "malformed": {"Authorization": "AWS4-HMAC-SHA256 Credential=,Signature=", "Content-Type": "text/plain"},
        "host not signed": {**good, "Authorization": good["Authorization"].replace(";host;", ";")},
    }[how]  # fmt: skip
    if how == "another body":
        body = body.replace("taken", "other")
    if how == "preflight":
        method = "OPTIONS"
    status, answered, _ = ask(emulator, method, "/", body, headers)
    assert status == 403
    assert not [name for name in answered if name.startswith("access-control-")]
    assert queues(client) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/health"),
        ("GET", "/_localstack/health"),
        ("GET", "/health"),
        ("GET", "/_ministack/sqs/messages"),
        ("GET", "/_ministack/lambda-code/x"),
        ("PUT", "/_ministack/cfn-response/guess"),
        ("POST", "/_ministack/cfn-response/00000000-0000-4000-8000-000000000000"),
        ("POST", "/2015-03-31/functions/x/invocations"),
        ("GET", "/bucket/key?X-Amz-Signature=0"),
        ("POST", "/_infragen/stop"),
        ("GET", "/_infragen/anything"),
        ("GET", "/"),
    ],
)
def test_no_path_is_open(emulator: Emulator, method: str, path: str) -> None:
    """MiniStack's own paths for its administration are not, either; what has no rule is refused."""
    assert ask(emulator, method, path)[0] == 403


def test_an_unsigned_body_is_not_read(emulator: Emulator) -> None:
    """The answer comes before any of the 5 GB that are announced: memory is not what a stranger decides about."""
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{emulator.port}\r\nContent-Length: 5000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 403 ")


def test_a_body_is_read_up_to_a_limit() -> None:
    """Of one that is larger no more is asked for."""
    from infragen_local.authentication import read_body

    async def never_ending() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * 10, "more_body": True}

    assert asyncio.run(read_body(never_ending, most=95)) is None


def test_websockets_are_refused(emulator: Emulator) -> None:
    """They know no same-origin policy."""
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=300) as connection:
        connection.sendall(
            b"GET /_aws/execute-api/x/y HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n" % emulator.port
        )
        assert b" 403 " in connection.recv(1000).split(b"\r\n")[0]


def test_clients_read_the_refusal_in_every_protocol(emulator: Emulator, account: str) -> None:
    """The code and the command that prints the credentials, in query, JSON, REST-JSON and REST-XML."""
    for service, call in (
        ("sts", "get_caller_identity"),
        ("secretsmanager", "list_secrets"),
        ("lambda", "list_functions"),
        ("s3", "list_buckets"),
    ):
        stranger = boto3.client(  # type: ignore[call-overload]  # the name of the service is not literal
            service, endpoint_url=emulator.endpoint_url, region_name=REGION, aws_access_key_id=account,
            aws_secret_access_key="guess", config=Config(proxies={}, retries={"max_attempts": 1}),
        )  # fmt: skip
        with pytest.raises(ClientError, match="infragen local env") as caught:
            getattr(stranger, call)()
        assert caught.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def test_presigned_addresses_work_when_they_are_signed_with_the_secret(emulator: Emulator, client: Clients) -> None:
    """As for the download of an object; without the signature, or with a changed one, it is refused."""
    s3 = client("s3")
    s3.create_bucket(Bucket="presigned", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="presigned", Key="a b", Body=b"value")
    url = s3.generate_presigned_url("get_object", {"Bucket": "presigned", "Key": "a b"})
    path = url.removeprefix(emulator.endpoint_url)
    assert ask(emulator, "GET", path)[::2] == (200, b"value")
    assert ask(emulator, "GET", path.partition("?")[0])[0] == 403
    assert ask(emulator, "GET", path.replace("a%20b", "other"))[0] == 403


FUNCTION = """
import json, os, urllib.request
import boto3

def handler(event, context):
    names = boto3.client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL"]).list_queues()
    return {"queues": len(names.get("QueueUrls", []))}
"""


def test_a_function_inside_calls_back_with_its_own_credentials(client: Clients) -> None:
    """It gets the secret as its AWS_SECRET_ACCESS_KEY, as the credentials function of the database does."""
    client("sqs").create_queue(QueueName="one")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("code.py", FUNCTION)
    functions = client("lambda")
    functions.create_function(
        FunctionName="back", Runtime="python3.11", Role="arn:aws:iam::000000000000:role/x", Handler="code.handler",
        Code={"ZipFile": code.getvalue()},
    )  # fmt: skip
    answer = functions.invoke(FunctionName="back")
    assert json.loads(answer["Payload"].read()) == {"queues": 1}


PAGE = """
<!doctype html><title>waiting</title><script>
const target = "{target}";
const attempts = [
  () => fetch(target + "/", {{method: "POST", mode: "no-cors", headers: {{"Content-Type": "text/plain"}},
                              body: "Action=CreateQueue&QueueName=taken"}}),
  () => fetch(target + "/2015-03-31/functions", {{method: "POST", mode: "no-cors", body: JSON.stringify({function})}}),
  () => fetch(target + "/2015-03-31/functions/evil/invocations", {{method: "POST", mode: "no-cors", body: "{{}}"}}),
  () => fetch(target + "/_ministack/health").then(answer => answer.text()).then(() => document.readable = true),
  () => fetch(target + "/_infragen/identity?challenge=x").then(answer => answer.text())
        .then(() => document.readable = true),
  () => navigator.sendBeacon(target + "/_ministack/reset"),
  () => new Promise(done => {{ const image = new Image(); image.onload = image.onerror = done;
                               image.src = target + "/?Action=CreateQueue&QueueName=image"; }}),
  () => new Promise(done => {{ const frame = document.createElement("iframe"); frame.name = "frame";
    document.body.append(frame); const form = document.createElement("form"); form.target = "frame";
    form.method = "post"; form.action = target + "/"; form.innerHTML =
    '<input name=Action value=CreateQueue><input name=QueueName value=form>';
    document.body.append(form); frame.onload = done; form.submit(); }}),
];
window.onload = async () => {{
  for (const attempt of attempts) {{ try {{ await attempt(); }} catch (error) {{}} }}
  document.title = "readable: " + !!document.readable;
}};
</script>
"""


@pytest.fixture
def browser() -> Iterator[Any]:
    """Return a Chromium that is installed on this machine."""
    found = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    sync = pytest.importorskip("playwright.sync_api")
    with sync.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.mark.long
def test_a_page_in_a_browser_can_do_nothing(emulator: Emulator, client: Clients, browser: Any) -> None:
    """A page of another origin tries what needs no permission: it creates nothing, runs nothing and reads nothing."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("code.py", "def handler(event, context): return 1")
    function = {
        "FunctionName": "evil", "Runtime": "python3.11", "Role": "arn:aws:iam::000000000000:role/x",
        "Handler": "code.handler", "Code": {"ZipFile": base64.b64encode(code.getvalue()).decode()},
    }  # fmt: skip
    page = PAGE.format(target=emulator.endpoint_url, function=json.dumps(function)).encode()

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        opened = browser.new_page()
        opened.goto(f"http://localhost:{site.server_port}/")
        opened.wait_for_function("document.title.startsWith('readable')", timeout=120_000)
        title = opened.title()
        site.shutdown()
    assert title == "readable: false"
    assert ask(emulator, "GET", "/_infragen/identity?challenge=x")[0] == 200  # it runs, and was not reset
    # whom MiniStack takes unsigned requests for
    assert not client("sqs", "000000000000", "us-east-1").list_queues().get("QueueUrls")
    assert client("lambda", "000000000000", "us-east-1").list_functions()["Functions"] == []


@pytest.mark.long
def test_local_obeys_no_profile_proxy_or_configuration_of_the_user(
    emulator: Emulator, account: str, tmp_path: Path
) -> None:
    """Whatever the variables and files say, `--local` signs as the file's account and goes to 127.0.0.1 directly."""
    (tmp_path / "environments").mkdir()
    text = f'project: shop\nenvironment: dev\naccount: "{account}"\nregion: eu-central-1\n'
    (tmp_path / "environments" / "dev.yaml").write_text(text)
    (tmp_path / "config").write_text("[default]\nregion = mars\nendpoint_url = http://127.0.0.1:9\nmax_attempts = x\n")
    hostile = {
        "AWS_PROFILE": "nobody", "AWS_DEFAULT_PROFILE": "nobody", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SESSION_TOKEN": "x",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_CLOUDFORMATION": "http://127.0.0.1:9",
        "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "config"),
        "AWS_CA_BUNDLE": "/nowhere", "AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_RETRY_MODE": "what", "AWS_MAX_ATTEMPTS": "none", "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9",
    }  # fmt: skip
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "local").symlink_to(emulator.state_dir)
    ended = subprocess.run(
        [sys.executable, "-m", "infragen", "status", "--env", "dev", "--local"], cwd=tmp_path, capture_output=True,
        text=True, env={**os.environ, **hostile, "INFRAGEN_STATE_DIR": str(tmp_path / "state")},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert f"account {account}, eu-central-1" in ended.stderr


@pytest.mark.long
def test_env_prints_what_another_client_needs(emulator: Emulator, tmp_path: Path) -> None:
    """A shell reads it, and a client in that shell is the account."""
    (tmp_path / "local").symlink_to(emulator.state_dir)
    code = "import boto3; print(boto3.client('sts', region_name='eu-central-1').get_caller_identity()['Account'])"
    script = f'eval "$({sys.executable} -m infragen local env --account 123456789012)" && {sys.executable} -c "{code}"'
    variables = {**os.environ, "INFRAGEN_STATE_DIR": str(tmp_path), "AWS_PROFILE": "nobody", "NO_PROXY": "127.0.0.1"}
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=variables)
    assert ended.stdout == "123456789012\n", ended.stderr
