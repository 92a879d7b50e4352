"""Lends this terminal to a program that runs elsewhere on this machine: a task of the emulator."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infragen.engine.progress import Event, Question, Ui


@dataclass(frozen=True)
class Borrowed:
    """A pseudo-terminal that stands for this one: `master` is our side, `name` the path of the program's."""

    master: int
    name: str
    started: threading.Event = field(default_factory=threading.Event)

    def command(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Return the command that runs another one on the terminal. The shell leads a session without a terminal, so
        that the one it opens first becomes its own, with Ctrl-C and job control (tty(4), "controlling terminal").
        """
        return ("/bin/sh", "-c", f'exec "$@" <{self.name} >{self.name} 2>&1', "sh", *words)

    def listener(self, ui: Ui) -> Ui:
        """Return a listener that lends the terminal when the task has started."""
        return _Listener(self, ui)


@dataclass(frozen=True)
class _Listener:
    terminal: Borrowed
    ui: Ui

    def tell(self, event: Event) -> None:
        """Pass an event on, except those of the task, which has the terminal."""
        from infragen.engine.progress import TaskEnded, TaskLog, TaskStarted

        if isinstance(event, TaskStarted):
            self.terminal.started.set()
        elif not isinstance(event, TaskLog | TaskEnded):
            self.ui.tell(event)

    def confirm(self, question: Question) -> bool:
        """Pass a question on."""
        return self.ui.confirm(question)


@contextmanager
def borrowed() -> Iterator[Borrowed]:
    """Yield a terminal that stands for this one until the end; then this one is as it was before."""
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    master, slave = pty.openpty()
    before = termios.tcgetattr(keyboard)
    with suppress(OSError):
        size = fcntl.ioctl(screen, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
    terminal, over = Borrowed(master, os.ttyname(slave)), threading.Event()
    relay = threading.Thread(target=_relay, args=(terminal, over, keyboard, screen), daemon=True)
    relay.start()
    try:
        yield terminal
    finally:
        over.set()
        terminal.started.set()
        relay.join(5)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        os.close(slave)
        os.close(master)


def _relay(terminal: Borrowed, over: threading.Event, keyboard: int, screen: int) -> None:
    """Pass on what is typed and what is written, until it is over and nothing more is written."""
    terminal.started.wait()
    if over.is_set():
        return
    tty.setraw(keyboard)
    sources = [keyboard, terminal.master]
    while True:
        ready, _, _ = select.select(sources, [], [], 0.05)
        if not ready and over.is_set():
            return
        try:
            if terminal.master in ready:
                _write(screen, os.read(terminal.master, 65536))
            if keyboard in ready:
                typed = os.read(keyboard, 4096)
                if typed and not over.is_set():
                    _write(terminal.master, typed)
                else:
                    sources = [terminal.master]
        except OSError:  # the terminal was closed
            return


def _write(target: int, data: bytes) -> None:
    while data:
        data = data[os.write(target, data) :]
