"""Signals as a shell leaves them for what it runs in the foreground.

Tests may be started with signals ignored: by nohup, as a background job of a script, by some CI systems. An ignored
signal is inherited, and Python installs no handler of its own for it.
"""

import signal

HANDLERS = (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGTERM, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
)


def default_signals() -> None:
    """Give this process, and what it starts, the signals that a shell gives a program in the foreground."""
    for number, handler in HANDLERS:
        signal.signal(number, handler)


def heed_signals() -> None:
    """Let this test process heed what its tests send: SIGINT and SIGTERM. SIGHUP stays as nohup wants it."""
    for number, handler in HANDLERS[:2]:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
