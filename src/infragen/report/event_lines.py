"""Listens to the engine and prints one JSON object a line, for programs; the last one has the exit code.

Nobody is asked: who reads this is no person. A heartbeat comes after each minute without another line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from infragen.engine.change_set_cleanup import Leftover
from infragen.engine.outcome import Outcome
from infragen.engine.progress import Connected, Ended, Event, Following, Question, Warned
from infragen.errors import Refused
from infragen.report import event_document
from infragen.report.duration import HEARTBEAT
from infragen.report.progress_state import Scene
from infragen.secrecy.masking import mask
from infragen.secrecy.visible import Shown, shown_json


class EventLines:
    """Listens to the engine (`progress.Ui`) for one run of one command.

    `write` takes each line without its end, `known` are texts that are secrets; `clock` is in seconds and never goes
    back; `now` is the time of day.
    """

    def __init__(
        self,
        write: Callable[[Shown], None],
        clock: Callable[[], float],
        now: Callable[[], datetime],
        command: str,
        known: Collection[str] = (),
    ) -> None:
        self.environment = ""
        self.agreed: frozenset[str] = frozenset()
        self._write = write
        self._known = known
        self._clock = clock
        self._now = now
        self._command = command
        self._scene = Scene(clock)
        self._outcomes: dict[str, Outcome] = {}
        self._connected: Connected | None = None
        self._begun = False
        self._spoke = clock()

    def confirm(self, question: Question) -> bool:
        """Return whether a flag has answered. Raises Refused without one, naming it."""
        if question.answered_by in self.agreed:
            return True
        raise Refused(f"{question.text} --format json never prompts", question.hint)

    def tell(self, event: Event) -> None:
        """Print an event; who we are is reported once, though each look at AWS finds it out again."""
        if event == self._connected:
            return
        if isinstance(event, Connected):
            self._connected = event
        took = self._scene.took(event)
        self._scene.take(event)
        if isinstance(event, Ended):
            self._outcomes[event.outcome.layer] = event.outcome
        found = event_document.document(event, took)
        if found is not None:
            self._line(found)
        elif isinstance(event, Following) and self._clock() - self._spoke >= HEARTBEAT:
            self._line(event_document.heartbeat(self._scene, event.seconds))

    def warning(self, text: str) -> None:
        """Print what deserves a second look before there is anything to listen to."""
        self.tell(Warned(text))

    def outputs(self, values: Mapping[str, str]) -> None:
        """Print the outputs of what is deployed."""
        self._line({"type": "outputs", "values": mask(dict(values))})

    def left(self, found: Sequence[event_document.Object]) -> None:
        """Print what is left in AWS after a deletion."""
        self._line({"type": "left", "resources": list(found)})

    def leftovers(self, found: Sequence[Leftover]) -> None:
        """Print which change sets are left, before any is deleted."""
        self._line(event_document.leftovers(found))

    def pruned(self, deleted: int, refused: Sequence[str]) -> None:
        """Print how many change sets were deleted, and what AWS said of the others."""
        self._line({"type": "pruned", "deleted": deleted, "refused": list(refused)})

    def error(self, kind: str, message: str, hint: str) -> None:
        """Print what ended the command."""
        self._line({"type": "error", "kind": kind, "message": message, "hint": hint})

    def finish(self, code: int, meaning: str) -> None:
        """Print the last line. A command that came no further than to print its help has none."""
        if self._begun or code:
            running = self._scene.running.values()
            self._line(event_document.finished(code, meaning, self._outcomes.values(), running))

    def begin(self) -> None:
        """Print the first line, which comes by itself before any other: for a command that may have nothing to tell."""
        if not self._begun:
            self._begun = True
            self._line({"type": "begin", "version": event_document.VERSION, "command": self._command})

    def _line(self, values: event_document.Object) -> None:
        self.begin()
        self._spoke = self._clock()
        kind = {"type": values["type"], "time": self._now().isoformat(), "environment": self.environment}
        self._write(shown_json(kind | values, self._known))
