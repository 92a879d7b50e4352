"""What CI systems read in a log, as their own code does it; and texts that try to be read so."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Command:
    """A command to GitHub's runner."""

    name: str
    message: str
    properties: dict[str, str] = field(default_factory=dict)


ATTACKS = (
    "::set-env name=PWNED::1", "  ::add-mask::a", "\t::stop-commands::pwned", "::error file=a,line=1::pwned",
    "\u3000::group::pwned", "::endgroup::", "##[add-path]/pwned", "quite ##[set-output name=a]pwned", "###[error]pwned",
    "##vso[task.setvariable variable=PWNED]1", "##teamcity[buildStatus text='pwned']",
)  # fmt: skip
"""Lines that a CI system would run."""


def commands_in(text: str) -> list[Command]:
    """What GitHub's runner would run of a log (actions/runner, Runner.Common/ActionCommand.cs, TryParseV2, then
    TryParse; a line ends at LF, CR or both: .NET's TextReader.ReadLine). Every name counts as registered, and so do the
    other systems' `##name[`.
    """
    return [found for line in re.split(r"\r\n|\r|\n", text) if (found := _second(line) or _first(line))]


def _second(line: str) -> Command | None:
    line = line.lstrip()
    end = line.find("::", 2) if line.startswith("::") else -1
    if end < 0:
        return None
    name, _, rest = line[2:end].partition(" ")
    given = (each.partition("=") for each in rest.strip().split(",") if each)
    return Command(name, _data(line[end + 2 :]), {key: _property(value) for key, _, value in given})


def _first(line: str) -> Command | None:
    found = re.search(r"##([A-Za-z]*)\[([^\]]*)\]?(.*)", line)
    return Command(f"{found[1]}[{found[2]}", found[3]) if found else None


def _data(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _property(text: str) -> str:
    found = text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",")
    return found.replace("%25", "%")


def sections_in(text: str) -> list[tuple[str, int, str]]:
    """GitLab's section markers: which edge, when, and the name (gitlab-org/gitlab, lib/gitlab/regex.rb)."""
    found = re.findall(r"section_(start|end):(\d+):([a-zA-Z0-9_.-]+)(?:\[[^\]]*\])?\r\x1b\[0K", text)
    return [(edge, int(when), name) for edge, when, name in found]


def outputs_in(text: str) -> dict[str, str]:
    """What GitHub's runner reads in GITHUB_OUTPUT (actions/runner, Runner.Worker/FileCommandManager.cs)."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            found[line[:equals]] = line[equals + 1 :]
        elif heredoc >= 0:
            end, body = line[heredoc + 2 :], []
            for each in lines:
                if each == end:
                    break
                body.append(each)
            else:
                raise AssertionError(f"no end {end}")
            found[line[:heredoc]] = "\n".join(body)
        elif line:
            raise AssertionError(f"invalid format {line}")
    return found
