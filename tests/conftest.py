"""What all tests share: the fixtures of `emulator`."""

pytest_plugins = ["emulator"]
