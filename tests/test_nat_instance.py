"""The NAT instance's user data: its syntax, its way through success and failure, and its rules in a real kernel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infragen.layers.functions import nat_instance, source

if TYPE_CHECKING:
    from collections.abc import Iterator

CIDR = "10.20.0.0/16"
STACK, REGION = "shop-dev-Network-1A2B", "eu-west-1"


def substituted() -> str:
    """Return what the instance runs: the text after CloudFormation's Fn::Sub."""

    def value(found: re.Match[str]) -> str:
        if found[1].startswith("!"):
            return "${" + found[1][1:] + "}"
        return {"AWS::StackName": STACK, "AWS::Region": REGION}[found[1]]

    return re.sub(r"\$\{([^}]*)\}", value, nat_instance(CIDR))


def rules() -> str:
    """Return the rule set that the script writes."""
    found = re.search(r"nftables\.conf <<'END'\n(.*?)\nEND\n", substituted(), re.DOTALL)
    assert found
    return found[1] + "\n"


def test_the_text_is_ready_for_the_instance() -> None:
    """Every placeholder is filled, lines end in line feeds, and it fits into EC2's 16 KB of user data."""
    text = substituted()
    assert text.startswith("#!/bin/bash\n")
    assert "\r" not in text
    assert "@CIDR@" not in text
    assert f"--stack '{STACK}' --resource NatInstance --region '{REGION}'" in text
    assert len(text.encode()) < 16_384


def test_only_cloudformations_variables_are_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `${variable}` of the shell is escaped for Fn::Sub, and comes out of it as it was."""
    script = "echo ${attempt:-1} ${AWS::Region} $HOME @CIDR@\n"
    monkeypatch.setattr("infragen.layers.functions.source", lambda name: script)
    assert nat_instance(CIDR) == f"echo ${{!attempt:-1}} ${{AWS::Region}} $HOME {CIDR}\n"
    assert substituted() == f"echo ${{attempt:-1}} {REGION} $HOME {CIDR}\n"


def test_bash_accepts_the_script(tmp_path: Path) -> None:
    """The syntax is bash's."""
    script = tmp_path / "script"
    script.write_text(substituted())
    subprocess.run(["bash", "-n", script], check=True)


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    """ShellCheck has nothing to say at its strictest level."""
    script = tmp_path / "script"
    script.write_text(source("nat_instance.sh"))
    shellcheck = Path(sysconfig.get_path("scripts")) / "shellcheck"
    found = subprocess.run([shellcheck, "--severity=style", script], check=False, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "")


@dataclass(frozen=True)
class Machine:
    """A folder that stands for the instance: its /etc and /opt, and commands that note how they are called."""

    folder: Path

    def command(self, name: str, body: str = "exit 0") -> None:
        file = self.folder / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'#!/bin/bash\necho "{name} $*" >>"{self.folder}/calls"\n{body}\n')
        file.chmod(0o755)

    def run(self) -> int:
        text = substituted()
        for path in ("/etc/sysctl.d", "/etc/sysconfig", "/opt/aws/bin", "/swapfile"):
            text = text.replace(path, f"{self.folder}{path}")
        script = self.folder / "script"
        script.write_text(text)
        path = f"{self.folder}/bin"  # and nothing else: what the script calls is what the test made
        return subprocess.run(["/bin/bash", script], check=False, env={"PATH": path}).returncode

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def signals(self) -> list[str]:
        return [call for call in self.calls if call.startswith("cfn-signal")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """An instance with cfn-signal but without nftables; the package manager brings it at the first attempt."""
    found = Machine(tmp_path)
    for folder in ("etc/sysctl.d", "etc/sysconfig", "opt/aws/bin", "installed"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("mkswap", "swapon", "sysctl", "systemctl", "sleep", "nft", "cfn-signal"):
        found.command(name)
    (tmp_path / "bin" / "nft").rename(tmp_path / "installed" / "nft")
    (tmp_path / "bin" / "cfn-signal").rename(tmp_path / "opt/aws/bin/cfn-signal")
    found.command("dd", f': >"{tmp_path}/swapfile"')
    found.command("dnf", installing(tmp_path))
    for name in ("cat", "chmod"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    return found


def installing(folder: Path) -> str:
    mv = shutil.which("mv")
    return (
        f'case "$*" in *nftables) {mv} {folder}/installed/nft {folder}/bin/ ;; '
        f"*cfn-bootstrap) {mv} {folder}/installed/cfn-signal {folder}/opt/aws/bin/ ;; esac"
    )


def test_a_good_start_signals_success_once(machine: Machine) -> None:
    """The script installs nftables, writes both files, starts the service and tells the stack."""
    assert machine.run() == 0
    assert machine.signals() == [f"cfn-signal --exit-code 0 --stack {STACK} --resource NatInstance --region {REGION}"]
    assert "systemctl enable --now nftables" in machine.calls
    assert "net.ipv4.ip_forward = 1" in (machine.folder / "etc/sysctl.d/90-nat.conf").read_text()
    assert (machine.folder / "etc/sysconfig/nftables.conf").read_text() == rules()


def test_swap_comes_before_the_package_manager(machine: Machine) -> None:
    """On the smallest instance the package manager would be killed without it."""
    machine.run()
    names = [call.split()[0] for call in machine.calls]
    assert names.index("swapon") < names.index("dnf")


def test_a_busy_package_manager_is_tried_again(machine: Machine) -> None:
    """Two failed installations cost two pauses, not the stack."""
    counter = f'echo x >>"{machine.folder}/tries"; [ "$({shutil.which("wc")} -l <"{machine.folder}/tries")" -lt 3 ]'
    machine.command("dnf", f"{counter} && exit 1; {installing(machine.folder)}")
    assert machine.run() == 0
    assert [call for call in machine.calls if call.startswith("sleep")] == ["sleep 20"] * 2
    assert "--exit-code 0" in machine.signals()[0]


def test_a_missing_signal_command_is_installed(machine: Machine) -> None:
    """An image without aws-cfn-bootstrap gets it, or nobody would hear of the outcome."""
    (machine.folder / "opt/aws/bin/cfn-signal").rename(machine.folder / "installed/cfn-signal")
    assert machine.run() == 0
    assert len(machine.signals()) == 1


def test_no_nftables_signals_failure(machine: Machine) -> None:
    """When the package never arrives, the stack fails now."""
    machine.command("dnf", "exit 1")
    assert machine.run() == 1
    assert [call.split("--stack")[0] for call in machine.signals()] == ["cfn-signal --exit-code 1 "]


@pytest.mark.parametrize("broken", ["systemctl", "nft"])
def test_rules_that_do_not_load_signal_failure(machine: Machine, broken: str) -> None:
    """A service that does not start, or starts without our table, fails the stack."""
    machine.command(broken, "exit 1")
    assert machine.run() == 1
    assert [call.split("--stack")[0] for call in machine.signals()] == ["cfn-signal --exit-code 1 "]


needs_nft = pytest.mark.skipif(not shutil.which("nft"), reason="nft is not installed")
needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("nft"),
    reason="network namespaces need root, ip and nft",
)


@needs_nft
@needs_namespaces
def test_nftables_accepts_the_rules(tmp_path: Path) -> None:
    """nft checks the very file that the script writes, against the running kernel."""
    file = tmp_path / "nftables.conf"
    file.write_text(rules())
    subprocess.run(["unshare", "--net", "nft", "--check", "--file", file], check=True)


@pytest.fixture
def road(tmp_path: Path) -> Iterator[str]:
    """Three network namespaces in a row: a private host, the NAT instance with the rules, a host of the internet."""
    name = f"infragen-{os.getpid()}"
    private, nat, internet = (f"{name}-{role}" for role in ("private", "nat", "internet"))
    file = tmp_path / "nftables.conf"
    file.write_text(rules())
    commands = [
        *(f"ip netns add {space}" for space in (private, nat, internet)),
        f"ip -n {nat} link add inside type veth peer name eth0 netns {private}",
        f"ip -n {nat} link add outside type veth peer name eth0 netns {internet}",
        f"ip -n {private} address add 10.20.4.10/24 dev eth0",
        f"ip -n {nat} address add 10.20.4.1/24 dev inside",
        f"ip -n {nat} address add 198.51.100.1/24 dev outside",
        f"ip -n {internet} address add 198.51.100.9/24 dev eth0",
        *(f"ip -n {space} link set {link} up" for space, link in ((private, "eth0"), (nat, "inside"))),
        *(f"ip -n {space} link set {link} up" for space, link in ((nat, "outside"), (internet, "eth0"))),
        f"ip -n {private} route add default via 10.20.4.1",
        f"ip -n {internet} route add 10.20.0.0/16 via 198.51.100.1",  # an attacker's route: only the rules stop it
        f"ip netns exec {nat} sysctl -qw net.ipv4.ip_forward=1",
        f"ip netns exec {nat} nft --file {file}",
    ]
    try:
        for command in commands:
            subprocess.run(command.split(), check=True)
        yield name
    finally:
        for space in (private, nat, internet):
            subprocess.run(["ip", "netns", "delete", space], check=False, stderr=subprocess.DEVNULL)


ECHO = """
import socket
listener = socket.create_server(("0.0.0.0", 8080))
print("ready", flush=True)
connection, (peer, _) = listener.accept()
connection.sendall(peer.encode())
connection.close()
"""
ASK = """
import socket, sys
try:
    print(socket.create_connection((sys.argv[1], 8080), timeout=1).recv(100).decode())
except OSError as error:
    print(type(error).__name__)
"""


def visit(road: str, visitor: str, host: str, address: str) -> str:
    """Let one host connect to a server on another; return the visitor's address as the server sees it, or the error."""
    server = subprocess.Popen(
        ["ip", "netns", "exec", f"{road}-{host}", shutil.which("python3") or "python3", "-c", ECHO],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        command = ["ip", "netns", "exec", f"{road}-{visitor}", shutil.which("python3") or "python3", "-c", ASK, address]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    finally:
        server.kill()
        server.communicate()


@needs_namespaces
def test_private_hosts_reach_the_internet_under_the_instances_address(road: str) -> None:
    """A connection from the VPC arrives with the NAT's own address, and its answer finds the way back."""
    assert visit(road, "private", "internet", "198.51.100.9") == "198.51.100.1"


@needs_namespaces
def test_the_internet_cannot_reach_private_hosts(road: str) -> None:
    """A connection from outside is dropped, even when it knows the private address and a route to it."""
    assert visit(road, "internet", "private", "10.20.4.10") == "TimeoutError"
