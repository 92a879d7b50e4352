"""Where the sources of a project are hosted, as far as it decides which CI system delivers it. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

_HOSTS: dict[str, Literal["github", "gitlab"]] = {
    "github.com": "github", "ssh.github.com": "github", "gitlab.com": "gitlab", "altssh.gitlab.com": "gitlab",
}  # fmt: skip
"""Hosts of remotes. The second of each is for SSH over port 443 (docs.github.com, "Using SSH over the HTTPS port";
docs.gitlab.com, "Use SSH keys with GitLab.com", read 2026-11-29). For what is not listed
no workflow is written."""
_URL = re.compile(r"(?:https?|ssh|git)://(?:[^/@]*@)?(?P<host>[^/:@]+)(?::\d+)?/(?P<path>.+)", re.IGNORECASE)
_SCP = re.compile(r"(?:[^/:@]+@)?(?P<host>[^/:@]+):(?!/)(?P<path>.+)")
_PATH = {
    "github": re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+"),
    "gitlab": re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+"),
}


@dataclass(frozen=True)
class Repository:
    """A repository of GitHub (`OWNER/REPO`) or a project of GitLab (`GROUP/PROJECT`)."""

    system: Literal["github", "gitlab"]
    name: str


def of_remote(url: str) -> Repository | None:
    """Return the repository that the URL of a git remote names; None for other hosts and for what is no such URL."""
    found = _URL.fullmatch(url) or _SCP.fullmatch(url)
    system = _HOSTS.get(found["host"].lower()) if found else None
    if found is None or system is None:
        return None
    name = found["path"].rstrip("/").removesuffix(".git").strip("/")
    return Repository(system, name) if _PATH[system].fullmatch(name) else None
