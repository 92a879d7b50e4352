"""Values of secrets are read, and databases dropped, in this machine's emulator only."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from infragen.aws.local_values import LocalValues
from infragen.cli import main
from infragen.errors import Refused

KEYS = ("111111111111", "test")

ELSEWHERE = (
    "https://secretsmanager.eu-central-1.amazonaws.com",
    "http://10.0.0.1:4566",
    "http://0.0.0.0:4566",
    "http://169.254.170.2",
    "http://127.0.0.1.example.com:4566",
    "http://127.0.0.1@example.com:4566",
    "http://localhost.example.com:4566",
    "http://example.com/127.0.0.1",
    "http://example.com:4566#@127.0.0.1",
    "http://example.com\\@127.0.0.1:4566",
    "//127.0.0.1:4566",
    "file://127.0.0.1/etc/passwd",
    "127.0.0.1:4566",
    "http://[::2]:4566",
    "http://[127.0.0.1",
    "",
)


@pytest.mark.parametrize("address", ELSEWHERE)
def test_an_address_that_is_not_loopback_is_refused_before_anything_is_asked(address: str) -> None:
    """Also one that only looks like loopback: in user information, a path, a fragment, a longer name."""
    with pytest.raises(Refused, match="is not on this machine"):
        LocalValues(address, "eu-central-1", KEYS)


@pytest.mark.parametrize("address", ["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566"])
def test_loopback_is_taken(address: str) -> None:
    """With any port."""
    assert LocalValues(address, "eu-central-1", KEYS).endpoint_url == address


def test_fresh_without_a_database_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """2, and not after the deployment."""
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.yaml").write_text(
        "project: shop\nenvironment: dev\nregion: eu-central-1\nnetwork: {}\n"
        "api: {https: {mode: http_only}, ingress_cidrs: [203.0.113.0/24], cpu: 256, memory: 512, min_tasks: 1, "
        "max_tasks: 1}\n"
    )
    ended = CliRunner().invoke(main, ["dev", "--fresh", "--environments", str(tmp_path / "environments")])
    assert ended.exit_code == 2, ended.output
    assert "dev has no database to drop" in ended.output
