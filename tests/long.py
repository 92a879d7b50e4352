"""`make test` and `make test-long`: each test is in one of them, and CI runs both.

Long is what takes a fifth of a second of CPU or more and says so with the marker; where a file would have none left,
its three cheapest stay short. Of a test that is played in both topologies one of the two is long: which one is decided
by the test's name, so that `make test` plays both topologies. A new test is in `make test` until somebody marks it.
"""

from __future__ import annotations

import zlib
from typing import Any

import pytest

TOPOLOGIES = ("independent", "nested")


@pytest.hookimpl(tryfirst=True)  # before `-m` looks at the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for each in other_topology(items):
        each.add_marker("long")


def other_topology(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests that another one of these plays in the other topology, one of each such two."""
    pairs: dict[tuple[Any, ...], dict[str, pytest.Item]] = {}
    for item in items:
        parameters: dict[str, object] = getattr(getattr(item, "callspec", None), "params", {})
        played = [name for name, value in parameters.items() if isinstance(value, str) and value in TOPOLOGIES]
        if len(played) == 1:
            rest = tuple(repr(value) for name, value in parameters.items() if name not in played)
            pairs.setdefault((item.nodeid.partition("[")[0], rest), {})[str(parameters[played[0]])] = item
    both = ((place, pair) for (place, _), pair in pairs.items() if len(pair) == len(TOPOLOGIES))
    return [pair[TOPOLOGIES[zlib.crc32(place.encode()) % 2]] for place, pair in both]
