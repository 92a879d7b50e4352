"""Who may assume the roles of delivery: the jobs of one repository, by the token that its CI gives them.

Each role trusts exact subjects (StringEquals); a wildcard in place of an id would admit every repository of that name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infragen.errors import InputError

AUDIENCE = "sts.amazonaws.com"
GITHUB = "token.actions.githubusercontent.com"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
_IDS = re.compile(r"[0-9]+/[0-9]+")
_PROJECT = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")
_BRANCH = re.compile(r"(?![-/.])(?!.*(?:\.\.|//|/\.|\.lock(?:/|$)|[./]$))[A-Za-z0-9_./-]+")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(frozen=True)
class Repository:
    """The repository whose jobs deliver: on GitHub with the ids of its owner and itself, where known; or on GitLab, at
    `host`. `branch` is the one that is delivered from.
    """

    kind: str
    name: str
    ids: str = ""
    branch: str = "main"
    host: str = ""

    @property
    def issuer(self) -> str:
        """Return the host, and path, of who signs the tokens."""
        return GITHUB if self.kind == "github" else self.host

    def subjects(self, environment: str = "") -> tuple[str, ...]:
        """Return the subjects of jobs: of a GitHub environment when one is named, of the branch otherwise.

        GitHub has two forms (github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens;
        aws-actions/configure-aws-credentials#1888, #1889, 2026-07): repositories made or renamed since 2026-07-15 have
        `repo:OWNER@ID/REPO@ID:…`, older ones `repo:OWNER/REPO:…` until they change. With ids both are trusted.
        GitLab: `project_path:GROUP/PROJECT:ref_type:branch:ref:BRANCH` (GitLab documentation, "OpenID Connect in AWS",
        read 2026-11-29).
        """
        if self.kind == "gitlab":
            return (f"project_path:{self.name}:ref_type:branch:ref:{self.branch}",)
        end = f"environment:{environment}" if environment else f"ref:refs/heads/{self.branch}"
        found = [f"repo:{self.name}:{end}"]
        if self.ids:
            (owner, repository), (owner_id, repository_id) = self.name.split("/"), self.ids.split("/")
            found.append(f"repo:{owner}@{owner_id}/{repository}@{repository_id}:{end}")
        return tuple(found)

    def settings(self) -> dict[str, str]:
        """Return the trust as the delivery template's metadata keeps it, so that a later run needs no option."""
        every = {"Kind": self.kind, "Name": self.name, "Ids": self.ids, "Branch": self.branch, "Host": self.host}
        return {key: value for key, value in every.items() if value}


def github(name: str, ids: str = "", branch: str = "main") -> Repository:
    """Return a repository of GitHub. Raises InputError for what is none."""
    if not _REPOSITORY.fullmatch(name):
        raise InputError(f"--github: {name!r} is not OWNER/REPO", "such as --github acme/shop")
    if ids and not _IDS.fullmatch(ids):
        raise InputError(
            f"--github-ids: {ids!r} is not OWNER_ID/REPO_ID, two numbers",
            f"`gh api repos/{name} --jq '\"\\(.owner.id)/\\(.id)\"'` prints them",
        )
    return Repository("github", name, ids, branch_name(branch))


def gitlab(name: str, host: str = "gitlab.com", branch: str = "main") -> Repository:
    """Return a project of GitLab. Raises InputError for what is none."""
    if not _PROJECT.fullmatch(name):
        raise InputError(f"--gitlab: {name!r} is not GROUP/PROJECT", "such as --gitlab acme/shop")
    if not _HOST.fullmatch(host):
        raise InputError(f"--gitlab-host: {host!r} is not a host name", "such as gitlab.com")
    return Repository("gitlab", name, "", branch_name(branch), host)


def branch_name(name: str) -> str:
    """Return the name of a branch; InputError for one that git refuses (git-check-ref-format), and for one whose
    characters mean something else in policies and workflows.
    """
    if not _BRANCH.fullmatch(name):
        raise InputError(f"--branch: {name!r} is not the name of a branch", "such as --branch main")
    return name


def remembered(settings: Mapping[str, Any]) -> Repository | None:
    """Return the repository of a delivery template's metadata; None where it holds none that is whole."""
    values = {key: str(value) for key, value in settings.items()}
    if values.get("Kind") not in ("github", "gitlab") or not values.get("Name"):
        return None
    return Repository(
        values["Kind"], values["Name"], values.get("Ids", ""), values.get("Branch", "main"), values.get("Host", "")
    )


def web_identity(provider: Any, issuer: str, subjects: tuple[str, ...]) -> dict[str, Any]:
    """Return the trust of a role for jobs with one of these subjects; `provider` is an ARN, or what gives it."""
    condition = {f"{issuer}:aud": AUDIENCE, f"{issuer}:sub": subjects[0] if len(subjects) == 1 else list(subjects)}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": condition},
            }
        ],
    }


def service(name: str, account: str) -> dict[str, Any]:
    """Return the trust of a role for an AWS service, on behalf of this account only."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": name},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": account}},
            }
        ],
    }
