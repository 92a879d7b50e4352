"""What all tests share: the fixtures of `emulator` and of `bench`, and how much the sweeps of `sweeps` try."""

pytest_plugins = ["sweeps", "emulator", "bench"]
