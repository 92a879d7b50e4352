"""What all tests share: the fixtures of `emulator` and of `bench`, and how much the sweeps of `sweeps` try."""

import functools
from collections.abc import Iterator

import botocore.loaders
import pytest

pytest_plugins = ["sweeps", "emulator", "bench"]


@pytest.fixture(scope="session", autouse=True)
def models_are_read_once() -> Iterator[None]:
    """Let all boto3 sessions share botocore's data files: a session of its own would parse megabytes in every test."""
    reader = botocore.loaders.JSONFileLoader
    load = functools.cache(reader().load_file)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reader, "load_file", lambda _, path: load(path))
        yield
