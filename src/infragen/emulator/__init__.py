"""`infragen local`: the embedded AWS emulator, MiniStack as a child process on 127.0.0.1.

`process` is our side of it and all that other rooms may use, by these names. `launcher` and `mends` run in the child:
they import MiniStack, and mend what it lacks for this product's templates.
"""

from infragen.emulator.process import (
    DEFAULT_ACCOUNT,
    Credentials,
    Emulator,
    credentials,
    default_state_dir,
    reset,
    start,
    status,
    stop,
)

__all__ = [
    "DEFAULT_ACCOUNT",
    "Credentials",
    "Emulator",
    "credentials",
    "default_state_dir",
    "reset",
    "start",
    "status",
    "stop",
]
