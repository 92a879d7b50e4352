"""Where AWS is: an address that the user gives, as an option, a variable or in a profile."""

import re
from pathlib import Path

import pytest
from commands import CommandLine

from infragen.aws.session import Clients, check_endpoint
from infragen.cli import main
from infragen.errors import InputError

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / "tests" / "data" / "environments"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:99999", "http://127.0.0.1:0", "http://127.0.0.1:x", "http://127.0.0.1:-1", "http://", "", " ",
        "127.0.0.1:4566", "localhost", "ftp://127.0.0.1", "http:///path", "http://a b", "http://[::1", "http://[x]:1",
        "http://127.0.0.1:1/?a=b", "http://127.0.0.1:1/#a", "http://h\u200bost", "http://h\nost", "file:///etc/passwd",
        "http://-x", "http://127.0.0.1:1/\x1b[31m", "http://user:hunter2@127.0.0.1:1",
    ],
)  # fmt: skip
def test_an_endpoint_that_is_none_is_wrong_input(url: str) -> None:
    """2, with what was given, and never with a password in it; from the AWS configuration, too."""
    arguments = [
        "status",
        "--env",
        "dev",
        "--environments",
        str(ENVIRONMENTS),
        "--endpoint-url",
        url,
    ]
    ended = CommandLine().invoke(main, arguments)
    assert ended.exit_code == 2
    assert "--endpoint-url: " in ended.stderr
    assert "hunter2" not in ended.stderr
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u200b]", ended.stderr)
    with pytest.raises(InputError):
        check_endpoint(url, "x")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4566", "https://localhost", "http://[::1]:1/path", "https://x.y.z./"]
)
def test_an_endpoint_that_is_one_is_taken(url: str) -> None:
    """With a port or a path or none."""
    check_endpoint(url, "x")


def test_an_endpoint_of_the_configuration_is_checked_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named by what it is for."""
    for name, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:99999")
    with pytest.raises(InputError, match="sts"):
        _ = Clients("us-east-1").sts
