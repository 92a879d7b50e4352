"""Assembly -> findings of cfn-lint, kept for templates that were linted before.

The root is linted with the paths of its children in place of their URLs, because cfn-lint checks the wiring of nested
stacks (rules E3043 and E1010) only then. A user's `.cfnlintrc` is not read: findings depend on the templates alone.
cfn-lint takes more than a second to start, so it is imported only when a template is not in the cache, and once: the
processes that lint are forked from the one that has it. Where forking is not safe each of them imports it.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.metadata
import json
import os
import re
import signal
import stat
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import chdir, suppress
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from infragen.assembly.synth import Assembly, template_key
from infragen.cloud.template import STACK_TYPE
from infragen.config.yamlfile import Place
from infragen.errors import InputError
from infragen.gates.data_loss import may_hold_data
from infragen.layers.written import written_at
from infragen.machine.input_file import read
from infragen.machine.output_file import private_directory
from infragen.resource_types import resource_type
from infragen.secrecy.suspicion import looks_secret
from infragen.secrecy.visible import quoted

if TYPE_CHECKING:
    from concurrent.futures import Executor

Level = Literal["error", "warning", "informational"]
LEVELS: tuple[Level, ...] = ("error", "warning", "informational")

_ERRORS = frozenset({"I3011", "W3011"})
"""Rules by which cfn-lint only informs: something that holds data does not say what becomes of it when it is removed or
replaced (I3011). By default nearly all of it is deleted, so one has to say so. W3011, only a warning there, is about a
resource that says one of the two."""

POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")
WITHOUT_POLICY = "infragen-deletion-policy"
"""The rule of infragen's own about data: cfn-lint's (I3011) knows about thirty types by name, and passes any other."""

_ABOUT_POLICIES = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html"
)
_CACHE_VERSION = 4
_TEMPLATES_PER_PROCESS = 4  # where each imports cfn-lint for itself, which costs as much as linting four templates
_ON_LINUX = sys.platform == "linux"


@dataclass(frozen=True)
class Finding:
    """What a rule says about one place of one template; `layer` is `root` for the root.

    `path` leads to the place in the body, e.g. Resources, Cluster, Properties, Engine; line and column are those of
    the rendered file and count from 1. `about` is the page that explains the rule. `written` is where the project wrote
    it itself, in an addon or a layer of its own; None for what infragen's layers made.
    """

    layer: str
    rule: str
    level: Level
    message: str
    path: tuple[str | int, ...]
    line: int
    column: int
    about: str
    written: Place | None = None


@dataclass(frozen=True)
class _Job:
    """One template with the files that it needs beside it, by name; `region` decides which types exist."""

    layer: str
    region: str
    files: Mapping[str, str]

    @cached_property
    def key(self) -> str:
        """Return the same key, the same findings."""
        parts = [str(_CACHE_VERSION), _tool_version(), self.layer, self.region, *sorted(self.files.items())]
        return hashlib.sha256(repr(parts).encode()).hexdigest()


@cache
def _tool_version() -> str:
    return importlib.metadata.version("cfn-lint")


_SUB_NEEDED = "E1029"
_NO_SUCH_TYPE = "E3006"
_NAMESPACES_OF_AWS = frozenset({"aws", "amazon", "alexa"})


def lint(
    assemblies: Sequence[Assembly], kept: Path | None = None, pool: Executor | None = None
) -> tuple[tuple[Finding, ...], ...]:
    """Return the findings of each assembly: in deployment order, the root last, each template's by place.

    `kept` is a directory of ours; None keeps nothing. One that cannot be read or written only costs time. `pool` runs
    the processes that lint; without it some are started, and ended.
    """
    jobs = [tuple(_jobs(assembly)) for assembly in assemblies]
    known = {job.key: _recall(kept, job.key) for job in _flat(jobs)}
    unknown = {job.key: job for job in _flat(jobs) if known[job.key] is None}
    for key, findings in zip(unknown, _run(tuple(unknown.values()), pool), strict=True):
        known[key] = findings
        _remember(kept, key, findings)
    return tuple(
        tuple(finding for job in each for finding in _of_template(assembly, job.layer, known[job.key] or ()))
        for assembly, each in zip(assemblies, jobs, strict=True)
    )


def _of_template(assembly: Assembly, layer: str, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return what cfn-lint found in one template and what it does not know to find, by place; each with the line that
    the project wrote.
    """
    kept = [
        _of_third_party(assembly, each) if each.rule == _NO_SUCH_TYPE else each
        for each in found
        if not (each.rule == _SUB_NEEDED and _is_text_of_the_file(assembly, each))
    ]
    named = {each.path for each in kept if each.rule in _ERRORS}
    env = assembly.environment
    written = [replace(each, written=written_at(env, each.layer, each.path)) for each in kept]
    if layer == "root":
        return tuple(written)
    own = [each for each in _without_policies(assembly, layer) if each.path not in named]
    own = [replace(each, written=place) for each in own if (place := written_at(env, layer, each.path))]
    return tuple(sorted((*written, *own), key=lambda each: (each.line, each.column))) if own else tuple(written)


def _of_third_party(assembly: Assembly, finding: Finding) -> Finding:
    """Return the warning that cfn-lint has no schema of a type that is not AWS's: it cannot know the account's
    registry. A type of AWS's that it does not know is misspelt, or younger than it, and stays an error.
    """
    body: Any = assembly.root().body if finding.layer == "root" else assembly.template(finding.layer).body
    type_ = body["Resources"][finding.path[1]]["Type"]
    if type_.partition("::")[0].lower() in _NAMESPACES_OF_AWS:
        return finding
    return replace(finding, level="warning", message=f"{type_} is no type of AWS: only AWS will check its properties")


def _without_policies(assembly: Assembly, layer: str) -> Iterator[Finding]:
    """Yield what holds data, or may hold it, and does not say what becomes of it when it is removed or replaced.

    An error where infragen knows that it holds data, a warning for a type that it does not know: most of those hold
    none, and what removes one is refused all the same.
    """
    template = assembly.template(layer)
    for name, resource in template.body.get("Resources", {}).items():
        missing = [each for each in POLICIES if each not in resource]
        if not missing or resource["Type"] == STACK_TYPE or not may_hold_data(resource):
            continue
        known = resource_type(resource["Type"]).known
        holds = (
            f"{resource['Type']} holds data"
            if known
            else f"infragen does not know whether {resource['Type']} holds data"
        )
        line = _line_of(template.text, name)
        yield Finding(
            layer=layer,
            rule=WITHOUT_POLICY,
            level="error" if known else "warning",
            message=f"{holds}: write {' and '.join(missing)}, without which CloudFormation deletes it",
            path=("Resources", name),
            line=line,
            column=3,
            about=_ABOUT_POLICIES,
        )


def _line_of(text: str, name: str) -> int:
    """Return the line of a rendered template on which a resource begins."""
    lines = text.splitlines()
    start = lines.index("Resources:")
    return next(at for at, each in enumerate(lines[start:], start + 1) if each.rstrip().startswith(f"  {name}:"))


def _is_text_of_the_file(assembly: Assembly, finding: Finding) -> bool:
    """Return whether the variable that E1029 misses an Fn::Sub for is only in what the environment file says.

    `${AWS::Region}` is no variable there but text, and CloudFormation leaves it alone outside of Fn::Sub. What is left
    of the value without the file's texts (as they are, or in JSON) must hold no variable.
    """
    value: Any = assembly.root().body if finding.layer == "root" else assembly.template(finding.layer).body
    for step in finding.path:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return False
    if not isinstance(value, str):
        return False
    for text in sorted(_texts(assembly.environment.model_dump(mode="json")), key=len, reverse=True):
        value = value.replace(text, "").replace(json.dumps(text)[1:-1], "")
    return not re.search(r"\$\{[A-Za-z0-9_:.]+\}", value)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (text for each in value.values() for text in _texts(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in _texts(each))
    elif isinstance(value, str) and "${" in value:
        yield value


def _flat(jobs: Iterable[tuple[_Job, ...]]) -> Iterator[_Job]:
    return (job for each in jobs for job in each)


def _jobs(assembly: Assembly) -> Iterator[_Job]:
    region = assembly.environment.region
    for each in assembly.templates:
        yield _Job(each.layer, region, {f"{each.layer}.yaml": each.text})
    if assembly.environment.topology == "nested":
        texts = {f"{each.layer}.yaml": each.text for each in assembly.templates}
        yield _Job("root", region, {"root.yaml": _with_local_paths(assembly), **texts})


def _with_local_paths(assembly: Assembly) -> str:
    """Return the root with the files beside it in place of the URLs, line for line the same."""
    text = assembly.root().text
    for each in assembly.templates:
        key = re.escape(template_key(assembly.environment, each.digest))
        text = re.sub(rf"!Sub \S+/{key}", f"{each.layer}.yaml", text)
    return text


def _recall(kept: Path | None, key: str) -> tuple[Finding, ...] | None:
    """Return the findings that an earlier run of this user kept: who else can write them could hide an error."""
    if kept is None:
        return None
    file = kept / f"{key}.json"
    try:
        found = file.stat()
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return None
        rows = json.loads(read(file))
        return tuple(Finding(**{**row, "path": tuple(row["path"])}) for row in rows["findings"])
    except (OSError, ValueError, TypeError, KeyError, InputError, RecursionError):
        return None


def _remember(kept: Path | None, key: str, findings: tuple[Finding, ...]) -> None:
    if kept is None:
        return
    with suppress(OSError):
        private_directory(kept)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=kept, delete=False) as stream:
            json.dump({"findings": [asdict(each) for each in findings]}, stream)
        Path(stream.name).replace(kept / f"{key}.json")


def _run(jobs: tuple[_Job, ...], pool: Executor | None) -> list[tuple[Finding, ...]]:
    """Lint in processes of their own, because cfn-lint follows local paths only below the working directory."""
    if not jobs:
        return []
    if pool is not None:
        return _largest_first(jobs, pool)
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    method, for_each = "spawn", _TEMPLATES_PER_PROCESS
    if _may_fork():
        method, for_each = "fork", 1
        for region in {job.region for job in jobs}:
            _rules(region)
        gc.freeze()  # rules and schemas live to the end: nobody need look at them again
    workers = min(len(os.sched_getaffinity(0)) if _ON_LINUX else os.cpu_count() or 1, -(-len(jobs) // for_each))
    with ProcessPoolExecutor(workers, get_context(method), _die_on_signals) as own:
        try:
            return _largest_first(jobs, own)
        except BaseException:
            own.shutdown(wait=False, cancel_futures=True)
            raise


def _may_fork() -> bool:
    """Return whether a fork is safe: a lock that another thread, or a library of macOS, holds is held in the child for
    ever.
    """
    return _ON_LINUX and threading.active_count() == 1


def _largest_first(jobs: Sequence[_Job], pool: Executor) -> list[tuple[Finding, ...]]:
    """Return the findings of each job, started with the largest, so that the processes end at much the same time."""
    order = sorted(range(len(jobs)), key=lambda at: -len(jobs[at].files[f"{jobs[at].layer}.yaml"]))
    found = dict(zip(order, pool.map(_lint, [jobs[at] for at in order]), strict=True))
    return [found[at] for at in range(len(jobs))]


def _die_on_signals() -> None:
    """End silently on Ctrl-C, which reaches every process of the terminal; the parent reports it.

    A signal that is ignored from the start is ignored here, too.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _lint(job: _Job) -> tuple[Finding, ...]:
    from cfnlint.runner.template import run_template_by_file_path

    with tempfile.TemporaryDirectory(prefix="infragen-lint-") as directory:
        for name, text in job.files.items():
            (Path(directory) / name).write_text(text, encoding="utf-8")
        config, rules = _rules(job.region)
        with chdir(directory):
            matches = list(run_template_by_file_path(f"{job.layer}.yaml", config, rules, False))
    findings = (_finding(job.layer, match) for match in matches)
    kept = (each for each in findings if job.layer != "root" or not _of_our_making(each))
    return tuple(sorted(kept, key=lambda each: (each.line, each.column, each.rule, each.message)))


def _of_our_making(finding: Finding) -> bool:
    """Return what cfn-lint says of the root only because of the local paths.

    W3002 is "may only work with the package command", W2001 here that the bucket's parameter is not used.
    """
    return finding.rule == "W3002" or (finding.rule, finding.path) == ("W2001", ("Parameters", "TemplateBucket"))


@cache
def _rules(region: str) -> tuple[Any, Any]:
    """Load cfn-lint's configuration and rules, once per process."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as empty:
        arguments = ["--config-file", empty.name, "--regions", region, "--include-checks", "I"]
        config = ConfigMixIn(arguments)
    return config, Runner(config).rules


_NOT_SHOWN = "about a secret; the linter's words are not shown"
"""The linter quotes values, and its findings are kept in the cache."""


def _finding(layer: str, match: Any) -> Finding:
    path = tuple(part if isinstance(part, int) else str(part) for part in getattr(match, "path", None) or ())
    about_secret = any(isinstance(step, str) and looks_secret(step) for step in path)
    return Finding(
        layer=layer,
        rule=match.rule.id,
        level="error" if match.rule.id in _ERRORS else match.rule.severity,
        message=_NOT_SHOWN if about_secret else quoted(" ".join(match.message.split())),
        path=path,
        line=match.linenumber,
        column=match.columnnumber,
        about=match.rule.source_url,
    )
