"""The emulator as a child process: start, stop, status and reset, and what can be wrong on the machine."""

import errno
import fcntl
import itertools
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from emulator import delete, deploy, kill, make_client, settled

from infragen.errors import CloudError, InputError
from infragen.machine.emulator import Emulator, default_state_dir, last_killed, reset, start, status, stop
from infragen_local import private_names, together

ACCOUNT = "123456789012"


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    """Return a state directory whose emulator is ended after the test."""
    yield tmp_path / "state"
    stop(tmp_path / "state")


def test_start_gives_an_emulator_that_answers_on_loopback_and_status_finds_it(state_dir: Path) -> None:
    """What start returns is what status returns, and its endpoint serves AWS calls."""
    running = start(state_dir)
    assert running.endpoint_url == f"http://127.0.0.1:{running.port}"
    assert status(state_dir) == running
    assert make_client(running, "sts", ACCOUNT).get_caller_identity()["Account"] == ACCOUNT


@pytest.mark.long
def test_a_second_start_returns_the_running_emulator(state_dir: Path) -> None:
    """Starting is idempotent; asking for another port than the running one is refused."""
    running = start(state_dir)
    assert start(state_dir) == running
    with pytest.raises(CloudError, match=f"already runs on port {running.port}"):
        start(state_dir, port=running.port + 1)


@pytest.mark.long
def test_state_and_port_are_kept_across_stop_and_start(state_dir: Path) -> None:
    """Stacks and objects are there again after stop and start, at the same address."""
    first = start(state_dir)
    s3 = make_client(first, "s3", ACCOUNT)
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="kept", Key="key", Body=b"value")
    make_client(first, "cloudformation", ACCOUNT).create_stack(
        StackName="kept", TemplateBody=json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    )
    assert stop(state_dir)
    assert status(state_dir) is None
    second = start(state_dir)
    assert second.port == first.port
    assert second.pid != first.pid
    assert make_client(second, "s3", ACCOUNT).get_object(Bucket="kept", Key="key")["Body"].read() == b"value"
    stacks = make_client(second, "cloudformation", ACCOUNT).describe_stacks(StackName="kept")["Stacks"]
    assert stacks[0]["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.long
def test_messages_are_kept_when_the_emulator_is_killed(state_dir: Path) -> None:
    """Those that wait, those in flight with receipts and counts, and the order and deduplication of a FIFO queue.

    What was deleted stays deleted, a line that was cut off is no message, and the file holds no more than it needs.
    """
    sqs = make_client(start(state_dir), "sqs", ACCOUNT)
    url = sqs.create_queue(QueueName="kept", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    ordered = sqs.create_queue(QueueName="kept.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    purged = sqs.create_queue(QueueName="purged")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="of the first run")
    assert stop(state_dir)

    running = start(state_dir)
    sqs = make_client(running, "sqs", ACCOUNT)
    for number in range(4):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    held, done, again = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3)["Messages"]
    assert [held["Body"], done["Body"], again["Body"]] == ["of the first run", "0", "1"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=done["ReceiptHandle"])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=0)
    first = sqs.send_message(QueueUrl=ordered, MessageBody="1", MessageGroupId="g", MessageDeduplicationId="d")
    sqs.send_message(QueueUrl=ordered, MessageBody="2", MessageGroupId="g", MessageDeduplicationId="e")
    for _ in range(6):
        sqs.send_message(QueueUrl=purged, MessageBody="x" * 2**20)
        sqs.purge_queue(QueueUrl=purged)
    os.kill(running.pid, signal.SIGKILL)
    journal = state_dir / "data" / "queues.journal"
    assert journal.stat().st_size < 6 * 2**20
    with journal.open("ab") as file:
        file.write(b'{"queue": "cut o')

    sqs = make_client(start(state_dir), "sqs", ACCOUNT)
    assert [waiting(sqs, each) for each in (url, ordered, purged)] == [(3, 1), (2, 0), (0, 0)]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"])
    names = ["ApproximateReceiveCount"]
    left = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=names)["Messages"]
    assert [(each["Body"], each["Attributes"][names[0]]) for each in left] == [("1", "2"), ("2", "1"), ("3", "1")]
    same = sqs.send_message(QueueUrl=ordered, MessageBody="1", MessageGroupId="g", MessageDeduplicationId="d")
    third = sqs.send_message(QueueUrl=ordered, MessageBody="3", MessageGroupId="g", MessageDeduplicationId="f")
    assert same["MessageId"] == first["MessageId"]
    assert int(third["SequenceNumber"]) == int(first["SequenceNumber"]) + 2
    received = sqs.receive_message(QueueUrl=ordered, MaxNumberOfMessages=10)["Messages"]
    assert [each["Body"] for each in received] == ["1", "2", "3"]


def waiting(sqs: Any, url: str) -> tuple[int, int]:
    """Return how many messages of a queue can be received, and how many are in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


@pytest.mark.long
def test_an_operation_cut_short_by_stop_has_failed_after_the_next_start(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop does not wait for a signal that may never come, and the stack is not in progress for ever."""
    (tmp_path / f"{ACCOUNT}.json").write_text(json.dumps({"signal": "none"}))
    monkeypatch.setenv("INFRAGEN_EMULATOR_FAULTS", str(tmp_path))
    instance = {"Type": "AWS::EC2::Instance", "CreationPolicy": {"ResourceSignal": {"Timeout": "PT10M"}}}
    cloudformation = make_client(start(state_dir), "cloudformation", ACCOUNT)
    template = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "Instance": instance}})
    cloudformation.create_stack(StackName="cut", TemplateBody=template)
    assert cloudformation.describe_stacks(StackName="cut")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    assert stop(state_dir)
    cloudformation = make_client(start(state_dir), "cloudformation", ACCOUNT)
    stack = cloudformation.describe_stacks(StackName="cut")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_FAILED"
    assert stack["StackStatusReason"] == "The emulator was stopped while this operation ran"
    assert delete(cloudformation, "cut") == "DELETE_COMPLETE"


@pytest.mark.long
def test_a_kill_loses_the_operation_that_runs_and_no_other(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack that was complete is there, with its code and its change set; what was changed outside of stacks is
    saved soon. The record says what was kept and what was cut off, until the next start that follows no kill.
    """
    faults = tmp_path / f"{ACCOUNT}.json"
    monkeypatch.setenv("INFRAGEN_EMULATOR_FAULTS", str(tmp_path))
    running = start(state_dir)
    cloudformation = make_client(running, "cloudformation", ACCOUNT)
    before = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "kept"}}}}
    assert deploy(cloudformation, "kept", before) == "CREATE_COMPLETE"
    url = make_client(running, "sqs", ACCOUNT).get_queue_url(QueueName="kept")["QueueUrl"]
    make_client(running, "sqs", ACCOUNT).send_message(QueueUrl=url, MessageBody="of the killed run")
    make_client(running, "ssm", ACCOUNT).put_parameter(Name="outside", Value="of stacks", Type="String")
    until_saved(state_dir / "data" / "ssm.json", "outside")
    later = {"Resources": {**before["Resources"], "Topic": {"Type": "AWS::SNS::Topic"}}}
    body = json.dumps(later)
    cloudformation.create_change_set(StackName="kept", ChangeSetName="later", TemplateBody=body)
    faults.write_text(json.dumps({"delay": {"AWS::SNS::Topic": 600}}))
    cloudformation.update_stack(StackName="kept", TemplateBody=body)
    assert cloudformation.describe_stacks(StackName="kept")["Stacks"][0]["StackStatus"] == "UPDATE_IN_PROGRESS"
    kill(running)
    faults.unlink()

    killed = last_killed(state_dir)
    assert killed is not None
    assert (killed.stacks, killed.operations) == (("kept",), ("kept",))
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", killed.saved_at)
    running = start(state_dir)
    assert running.killed == killed
    cloudformation = make_client(running, "cloudformation", ACCOUNT)
    assert cloudformation.describe_stacks(StackName="kept")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    assert waiting(make_client(running, "sqs", ACCOUNT), url) == (1, 0)
    found = make_client(running, "ssm", ACCOUNT).get_parameter(Name="outside")["Parameter"]["Value"]
    assert found == "of stacks"
    cloudformation.execute_change_set(StackName="kept", ChangeSetName="later")
    assert settled(cloudformation, "kept") == "UPDATE_COMPLETE"
    assert stop(state_dir)
    assert last_killed(state_dir) is None
    assert start(state_dir).killed is None


def until_saved(file: Path, word: str) -> None:
    """Wait until a word is in a file of the state."""
    give_up = time.monotonic() + 300
    while not file.exists() or word not in file.read_text():
        assert time.monotonic() < give_up
        time.sleep(0.02)


@pytest.mark.parametrize("moment", range(6))
def test_files_are_replaced_together_or_not_at_all(
    moment: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed before any of its steps leaves the old files or the new ones to the next start."""
    together.commit(tmp_path, {"a": b"1", "b": b"1"})
    steps = 0

    def step(own: Callable[..., Any]) -> Callable[..., Any]:
        def taken(*arguments: Any) -> Any:
            nonlocal steps
            if steps == moment:
                raise KeyboardInterrupt  # as a kill: nothing tidies up
            steps += 1
            return own(*arguments)

        return taken

    with monkeypatch.context() as killed:
        for name in ("write_bytes", "replace"):
            killed.setattr(Path, name, step(getattr(Path, name)))
        with pytest.raises(KeyboardInterrupt):
            together.commit(tmp_path, {"a": b"2", "b": b"2"})
    together.finish(tmp_path)
    found = [(tmp_path / name).read_bytes() for name in ("a", "b")]
    assert found == ([b"1", b"1"] if moment < 4 else [b"2", b"2"])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b"]


def test_files_that_cannot_be_written_leave_the_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full: nothing of the new ones is left."""
    together.commit(tmp_path, {"a": b"1", "b": b"1"})
    own = Path.write_bytes

    def full(file: Path, text: bytes) -> int:
        if file.name.startswith("b"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return own(file, text)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        together.commit(tmp_path, {"a": b"2", "b": b"2"})
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"a": b"1", "b": b"1"}


@pytest.mark.long
def test_reset_removes_what_was_kept(state_dir: Path) -> None:
    """After reset a new emulator knows nothing of what the old one had; a second reset finds nothing."""
    make_client(start(state_dir), "sqs", ACCOUNT).create_queue(QueueName="gone")
    assert reset(state_dir)
    assert status(state_dir) is None
    assert not make_client(start(state_dir), "sqs", ACCOUNT).list_queues().get("QueueUrls")
    assert reset(state_dir)
    assert not reset(state_dir)


def test_stop_without_an_emulator_says_so(state_dir: Path) -> None:
    """Nothing runs, nothing is stopped, and no state directory is made."""
    assert not stop(state_dir)
    assert not state_dir.exists()


@pytest.mark.long
def test_two_starts_at_once_give_one_emulator(state_dir: Path) -> None:
    """Of many starts at the same moment, in threads and in another process, one makes the child and all get it."""
    code = (
        "import sys; from pathlib import Path\n"
        "from infragen.machine.emulator import start; print(start(Path(sys.argv[1])).pid)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(state_dir)], stdout=subprocess.PIPE, text=True)
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: start(state_dir), range(4)))
    output, _ = other.communicate(timeout=300)
    assert {emulator.pid for emulator in started} == {int(output)}


@pytest.mark.long
@pytest.mark.parametrize("whose", ["a process that is gone", "another program", "another program, while status looks"])
def test_a_stale_record_is_not_taken_for_an_emulator(state_dir: Path, whose: str) -> None:
    """Neither a dead process id nor one that another program has now counts, and that program is left alone.

    `status` holds the lock for a moment; `stop` takes nobody who looks for an emulator.
    """
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        if whose == "a process that is gone":
            bystander.kill()
            bystander.wait()
        state_dir.mkdir()
        record = {"pid": bystander.pid, "port": 1, "secret": "stale"}
        (state_dir / "emulator.json").write_text(json.dumps(record))
        looking = os.open(state_dir / "emulator.lock", os.O_RDWR | os.O_CREAT)
        if "looks" in whose:
            fcntl.flock(looking, fcntl.LOCK_SH)
        assert status(state_dir) is None
        assert not stop(state_dir)
        os.close(looking)
        assert start(state_dir).pid != bystander.pid
        assert stop(state_dir)
        assert (bystander.poll() is None) == whose.startswith("another program")
    finally:
        bystander.kill()
        bystander.wait()


class Liar(BaseHTTPRequestHandler):
    """Answers every question as another program might: well, and without the secret."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = json.dumps({"pid": os.getpid(), "proof": "0" * 64}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def test_what_holds_the_lock_and_cannot_prove_itself_is_not_stopped(state_dir: Path) -> None:
    """Another program has the lock and the port of the record: it is asked who it is, and nothing else."""
    state_dir.mkdir()
    held = os.open(state_dir / "emulator.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    with HTTPServer(("127.0.0.1", 0), Liar) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        record = {"pid": os.getpid(), "port": server.server_port, "secret": "known to the record alone"}
        (state_dir / "emulator.json").write_text(json.dumps(record))
        now = itertools.count(step=10.0)
        assert status(state_dir) is None
        with pytest.raises(CloudError, match="does not answer as the emulator"):
            stop(state_dir, sleep=lambda seconds: None, clock=lambda: next(now))
        server.shutdown()
    os.close(held)
    assert Liar.asked
    assert all(path.startswith("/_infragen/identity?challenge=") for path in Liar.asked)


@pytest.mark.long
def test_what_is_kept_is_for_the_user_alone(state_dir: Path) -> None:
    """Directories 0700, files 0600, whatever the umask and whatever was there: NoEcho values are in the state."""
    state_dir.mkdir(mode=0o755)
    umask = os.umask(0o022)
    try:
        s3 = make_client(start(state_dir), "s3", ACCOUNT)
    finally:
        os.umask(umask)
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="kept", Key="key", Body=b"value")
    assert stop(state_dir)
    kept = [state_dir, *state_dir.rglob("*")]
    assert {path.name for path in kept} >= {"emulator.json", "emulator.log", "emulator.lock", "key", "s3.json"}
    for path in kept:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.long
@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("data/sqs.json", '{"__ministack_format__": 2, "payl', "cut off or damaged"),
        ("data/s3.json", "", "cut off or damaged"),
        ("data/queues.journal", '{"base": ""}\n{"queue": "a"}\n', "the messages of the queues are damaged"),
        ("data/cloudformation.json", '{"__ministack_format__": 99, "payload": {}}', "has format 99"),
        ("data/ec2.json", "[]", "is not a JSON object"),
        ("data/ec2.json", '{"__ministack_format__": 2, "payload": {"instances": 7}}', "cannot be restored"),
        ("emulator.version", "999.0.0\n", "of ministack 999.0.0"),
        ("emulator.version", "what?", "not a version"),
    ],
)
def test_state_that_cannot_be_read_is_refused_and_kept(state_dir: Path, file: str, text: str, said: str) -> None:
    """With the file, and the command that moves it aside; after that command the emulator starts empty."""
    (state_dir / "data").mkdir(parents=True)
    state_dir.with_name("state.aside").mkdir()
    (state_dir / file).write_text(text)
    with pytest.raises(CloudError, match=said) as raised:
        start(state_dir)
    assert file in raised.value.message
    assert (state_dir / file).read_text() == text
    command = re.match(r"mv \S+ \S+", raised.value.hint)
    assert command
    subprocess.run(command[0], shell=True, check=True)  # noqa: S602 # as a user would paste it
    assert start(state_dir)
    assert (state_dir.with_name("state.aside-2") / file).read_text() == text


@pytest.mark.long
@pytest.mark.parametrize("what", ["a file", "below a file", "a broken link", "no name"])
def test_a_state_directory_that_is_none_is_an_input_error(tmp_path: Path, what: str) -> None:
    """2, with the name, from every command."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nothing" / "nowhere")
    name = {"a file": "file", "below a file": "file/x", "a broken link": "link", "no name": "x" * 300}[what]
    for command in ("start", "status", "stop", "env"):
        ended = subprocess.run(
            [sys.executable, "-m", "infragen", "local", command],
            env={**os.environ, "INFRAGEN_STATE_DIR": str(tmp_path / name)},
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 2
        assert "Traceback" not in ended.stderr
        assert name.split("/")[0] in ended.stderr
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.long
def test_a_killed_emulator_is_noticed_and_replaced(state_dir: Path) -> None:
    """kill -9 leaves the record behind; status sees that nobody holds the lock and start makes a new one."""
    first = start(state_dir)
    os.kill(first.pid, 9)
    give_up = time.monotonic() + 300
    while status(state_dir) is not None and time.monotonic() < give_up:
        time.sleep(0.02)
    assert status(state_dir) is None
    assert start(state_dir).pid != first.pid


@pytest.mark.long
def test_a_taken_port_is_named(state_dir: Path) -> None:
    """The port that the user asked for belongs to another program."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CloudError, match=f"port {port} on 127.0.0.1 is taken"):
            start(state_dir, port=port)
    assert start(state_dir, port=port).port == port


@pytest.mark.long
def test_an_emulator_that_dies_at_its_start_shows_the_end_of_its_log(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the exit status and the log's last lines."""
    _install_other_ministack(tmp_path, monkeypatch, "raise RuntimeError('no room on the ark')")
    with pytest.raises(CloudError, match="exit status 1") as raised:
        start(state_dir)
    assert "no room on the ark" in raised.value.message
    assert status(state_dir) is None


@pytest.mark.long
def test_another_ministack_is_refused_with_the_name_it_lacks(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release without one of the private names ends at its start and says which one, and which release is known."""
    _install_other_ministack(tmp_path, monkeypatch, "")
    with pytest.raises(CloudError) as raised:
        start(state_dir)
    assert "does not have" in raised.value.message
    assert "ministack.app" in raised.value.message
    assert f"pip install 'ministack=={private_names.VERSION}'" in raised.value.message


def test_a_missing_ministack_is_named_with_the_extra_that_brings_it(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the package the hint is the pip command."""
    monkeypatch.delitem(sys.modules, "ministack", raising=False)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(CloudError, match="not installed") as raised:
        start(state_dir)
    assert raised.value.hint == "pip install 'infragen-cfn[local]'"


def test_the_emulator_gets_no_aws_settings_and_no_proxy(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real credentials, profiles and proxies of the user's shell do not reach the child; Docker is out of reach."""
    dump = tmp_path / "environment.json"
    _install_other_ministack(
        tmp_path, monkeypatch, f"import json, os; json.dump(dict(os.environ), open({str(dump)!r}, 'w')); os._exit(3)"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "real")
    with pytest.raises(CloudError, match="exit status 3"):
        start(state_dir)
    environment = json.loads(dump.read_text())
    assert "real" not in environment.values()
    assert environment["BIND_HOST"] == "127.0.0.1"
    assert environment["DOCKER_HOST"] == "unix:///nonexistent"
    assert {name for name in environment if name.startswith("AWS_")} == {
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
    }


def test_credentials_name_the_account_and_are_not_in_a_representation(emulator: Emulator) -> None:
    """The access key is the account; anything but twelve digits is refused with its value."""
    keys = emulator.credentials("012345678901")
    assert (keys.access_key, keys.secret_key) == ("012345678901", emulator.secret)
    assert emulator.secret not in f"{keys} {emulator}"
    with pytest.raises(InputError, match="'12345'"):
        emulator.credentials("12345")


def test_the_state_directory_is_the_users_unless_the_environment_names_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """INFRAGEN_STATE_DIR wins over the user's state directory; `local` is the emulator's part of it."""
    monkeypatch.setenv("INFRAGEN_STATE_DIR", str(tmp_path))
    assert default_state_dir() == tmp_path / "local"
    monkeypatch.delenv("INFRAGEN_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert default_state_dir().name == "local"
    assert "infragen" in default_state_dir().parts


def test_nothing_listens_but_the_endpoint(emulator: Emulator) -> None:
    """All listening sockets of the emulator's process are its one port on 127.0.0.1."""
    descriptors = Path(f"/proc/{emulator.pid}/fd")
    if not descriptors.exists():
        pytest.skip("needs /proc")
    inodes = {str(descriptor.readlink()).removeprefix("socket:[").rstrip("]") for descriptor in descriptors.iterdir()}
    listening = {
        fields[1]
        for table in ("tcp", "tcp6")
        for fields in map(str.split, Path(f"/proc/{emulator.pid}/net/{table}").read_text().splitlines()[1:])
        if fields[3] == "0A" and fields[9] in inodes
    }
    assert listening == {f"0100007F:{emulator.port:04X}"}


def _install_other_ministack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Put a package named ministack in front of the real one on the child's path."""
    package = tmp_path / "other" / "ministack"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(textwrap.dedent(code))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))


@pytest.mark.parametrize("parts", ["databases", "tasks,lambda", "all"])
def test_a_part_that_does_not_exist_is_refused(parts: str, state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """INFRAGEN_LOCAL_PARTS names parts that exist, or none: a misspelt one must not silently stay records."""
    monkeypatch.setenv("INFRAGEN_LOCAL_PARTS", parts)
    with pytest.raises(InputError, match="not a part of the emulator"):
        start(state_dir)
