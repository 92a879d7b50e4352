"""The emulator as a child process: start, stop, status and reset, and what can be wrong on the machine."""

import json
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from emulator import delete, make_client

from infragen.emulator import Emulator, credentials, default_state_dir, reset, start, status, stop
from infragen.errors import CloudError, InputError
from infragen_local import private_names

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


def test_a_second_start_returns_the_running_emulator(state_dir: Path) -> None:
    """Starting is idempotent; asking for another port than the running one is refused."""
    running = start(state_dir)
    assert start(state_dir) == running
    with pytest.raises(CloudError, match=f"already runs on port {running.port}"):
        start(state_dir, port=running.port + 1)


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


def test_two_starts_at_once_give_one_emulator(state_dir: Path) -> None:
    """Of many starts at the same moment, in threads and in another process, one makes the child and all get it."""
    code = (
        "import sys; from pathlib import Path; from infragen.emulator import start; print(start(Path(sys.argv[1])).pid)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(state_dir)], stdout=subprocess.PIPE, text=True)
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: start(state_dir), range(4)))
    output, _ = other.communicate(timeout=90)
    assert {emulator.pid for emulator in started} == {int(output)}


@pytest.mark.parametrize("whose", ["a process that is gone", "another program"])
def test_a_stale_record_is_not_taken_for_an_emulator(state_dir: Path, whose: str) -> None:
    """Neither a dead process id nor one that another program has now counts, and that program is left alone."""
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        if whose == "a process that is gone":
            bystander.kill()
            bystander.wait()
        state_dir.mkdir()
        (state_dir / "emulator.json").write_text(json.dumps({"pid": bystander.pid, "port": 1}))
        (state_dir / "emulator.lock").touch()
        assert status(state_dir) is None
        assert not stop(state_dir)
        assert start(state_dir).pid != bystander.pid
        assert stop(state_dir)
        assert (bystander.poll() is None) == (whose == "another program")
    finally:
        bystander.kill()
        bystander.wait()


def test_a_killed_emulator_is_noticed_and_replaced(state_dir: Path) -> None:
    """kill -9 leaves the record behind; status sees that nobody holds the lock and start makes a new one."""
    first = start(state_dir)
    os.kill(first.pid, 9)
    give_up = time.monotonic() + 20
    while status(state_dir) is not None and time.monotonic() < give_up:
        time.sleep(0.02)
    assert status(state_dir) is None
    assert start(state_dir).pid != first.pid


def test_a_taken_port_is_named(state_dir: Path) -> None:
    """The port that the user asked for belongs to another program."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CloudError, match=f"port {port} on 127.0.0.1 is taken"):
            start(state_dir, port=port)
    assert start(state_dir, port=port).port == port


def test_an_emulator_that_dies_at_its_start_shows_the_end_of_its_log(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the exit status and the log's last lines."""
    _install_other_ministack(tmp_path, monkeypatch, "raise RuntimeError('no room on the ark')")
    with pytest.raises(CloudError, match="exit status 1") as raised:
        start(state_dir)
    assert "no room on the ark" in raised.value.message
    assert status(state_dir) is None


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
    assert raised.value.hint == "pip install 'infragen[local]'"


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


def test_credentials_name_the_account() -> None:
    """The access key is the account; anything but twelve digits is refused with its value."""
    assert credentials("012345678901").access_key == "012345678901"
    with pytest.raises(InputError, match="'12345'"):
        credentials("12345")


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
