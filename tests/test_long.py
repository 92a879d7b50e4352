"""`make test` and `make test-long` share the tests among them: each is in one of the two, and none is in neither."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import pytest

@pytest.mark.parametrize("topology", ["nested", "independent"])
@pytest.mark.parametrize("number", [1, {}])
def test_both(topology, number): pass

@pytest.mark.parametrize("other", ["nested", "independent"])
def test_both_again(other): pass

@pytest.mark.parametrize(("name", "topology"), [("dev", "nested"), ("prod", "independent")])
def test_one_of_each(name, topology): pass

@pytest.mark.parametrize(("topology", "other"), [("nested", "independent"), ("independent", "nested")])
def test_two_of_them(topology, other): pass

@pytest.mark.long
def test_long(): pass

def test_short(): pass
"""


def names(tmp_path: Path, *options: str) -> set[str]:
    """The tests that are collected."""
    command = [sys.executable, "-m", "pytest", "-p", "long", "--collect-only", "-q", "-p", "no:cacheprovider", *options]
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    ended = subprocess.run(command, capture_output=True, text=True, env=variables, cwd=tmp_path)
    return {line for line in ended.stdout.splitlines() if "::" in line}


def test_each_test_is_in_one_of_two_runs_and_each_function_without_the_marker_in_the_first(tmp_path: Path) -> None:
    """What is played in both topologies is halved; what has one topology to a case, or two, stays whole."""
    (tmp_path / "test_topologies.py").write_text(TESTS)
    everything, short, long = names(tmp_path), names(tmp_path, "-m", "not long"), names(tmp_path, "-m", "long")
    assert len(everything) == 12
    assert (short | long, short & long) == (everything, set())
    assert {each.partition("::")[2].partition("[")[0] for each in long} == {"test_both", "test_both_again", "test_long"}
    assert [sum(f"::{each}[" in name for name in short) for each in ("test_both", "test_both_again")] == [2, 1]
