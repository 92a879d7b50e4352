"""What all tests share: the fixtures of `emulator` and of `bench`."""

pytest_plugins = ["emulator", "bench"]
