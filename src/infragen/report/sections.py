"""Parts of a CI log that fold: GitHub's groups and GitLab's sections, one open at a time."""

from collections.abc import Callable, Collection
from typing import Literal

from infragen.secrecy.visible import Shown, section_marker, workflow_command

System = Literal["github", "gitlab"]


class Sections:
    """Opens and closes parts of a log. `write` takes a line, `date` gives the seconds since 1970.

    GitHub's groups cannot be nested, so there is one at a time in either system.
    """

    def __init__(
        self, system: System, write: Callable[[Shown], None], date: Callable[[], float], known: Collection[str] = ()
    ) -> None:
        self._system = system
        self._write = write
        self._date = date
        self._known = known
        self._count = 0
        self._open = ""

    def begin(self, title: str) -> None:
        """Close what is open and open the next part."""
        self.end()
        self._count += 1
        self._open = f"infragen-{self._count}-{title}"
        if self._system == "github":
            self._write(workflow_command("group", title.replace("\n", " "), known=self._known))
        else:
            self._write(section_marker("start", self._open, int(self._date()), title, self._known))

    def end(self) -> None:
        """Close what is open, if anything is."""
        name, self._open = self._open, ""
        if not name:
            return
        if self._system == "github":
            self._write(workflow_command("endgroup"))
        else:
            self._write(section_marker("end", name, int(self._date())))
