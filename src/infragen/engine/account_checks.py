"""Runs the checks of an environment side by side, and waits for them no longer than it may.

Before anything is made a deployment waits two seconds for them. What takes longer continues while change sets are
created, and is looked at again before anything is executed. A check that is denied, that an endpoint does not know, or
that does not answer in time ends as unknown: never as a yes.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from infragen.assembly.stacks import StackLayout
from infragen.changes.comparison import LayerSides, Side
from infragen.changes.evaluate import evaluated, pseudo_parameters
from infragen.checks import GENERAL, Answer, Check, CheckResult, Subject, Verdict, unknown
from infragen.checks.check import Path, Resource
from infragen.checks.quotas import GROUP, named_resource
from infragen.cloud.protocol import Cloud, Identity
from infragen.engine.preview import Examined
from infragen.engine.progress import Session
from infragen.errors import CloudError, InfragenError, InputError, PermissionDenied, Unsupported
from infragen.layers.image_repository import ImageTag

API = "api"
"""The layer whose parameter ImageTag is the image of the service."""

SECONDS = 2.0
"""How long `plan` and `deploy` wait for all checks together before they make anything."""


def subject_of(session: Session, plan: StackLayout, identity: Identity, examined: Iterable[Examined]) -> Subject:
    """Return what there is to check: the resources of all layers with what happens to each, and the image tag."""
    pseudo = pseudo_parameters(identity.account, identity.region)
    resources, tag, running, given = list[Resource](), "", "", False
    examined = tuple(examined)
    for each in examined:
        rows = {row.place: row for one in each.plans for row in one.changes}
        given = given or isinstance(each.unit.parameters.get(ImageTag.name), str)
        for side in each.sides:
            before, after = (_resources(one, pseudo) for one in (side.before, side.after))
            found = side.after.values.get(ImageTag.name)
            now = side.before.values.get(ImageTag.name)
            if side.layer == API:
                tag = found if isinstance(found, str) else tag
                running = now if isinstance(now, str) else running
            for name, resource in after.items():
                row = rows.get(f"{side.layer}/{name}")
                replaced = row is not None and row.replacement == "True"
                action = "" if row is None else "Add" if row.action == "Add" or replaced else "Modify"
                old = before.get(name, {}).get("Properties", {})
                resources.append(
                    Resource(side.layer, name, resource["Type"], resource.get("Properties", {}), action, old)
                )

    def place(path: Path) -> str:
        return str(session.file.place(path)) if session.file is not None else ""

    return Subject(
        plan.environment,
        identity.account,
        identity.region,
        tuple(resources),
        _groups([side for each in examined for side in each.sides], resources),
        tag,
        running,
        given,
        session.timer.date,
        place,
    )


def _groups(sides: Sequence[LayerSides], resources: Iterable[Resource]) -> dict[str, str]:
    """Return the places of the security groups that outputs give to other layers: by the name of the output, which is
    that of the parameter, and by each value that the parameter has.
    """
    groups = {each.place for each in resources if each.type == GROUP}
    found = dict[str, str]()
    for side in sides:
        for name, output in side.after.body.get("Outputs", {}).items():
            place = f"{side.layer}/{named_resource(output.get('Value'))}"
            if place in groups:
                found[name] = place
    values = {str(value): found[n] for side in sides for n, value in side.after.values.items() if n in found}
    return found | values


def _resources(side: Side, pseudo: dict[str, str]) -> dict[str, dict[str, Any]]:
    return evaluated(side.body, {**pseudo, **side.values})


def checks_of(plan: StackLayout) -> tuple[Check, ...]:
    """Return the checks of an environment's layers, each id once, then the general ones."""
    return tuple({each.id: each for each in (*plan.checks, *GENERAL)}.values())


def quick_checks(session: Session, plan: StackLayout, subject: Subject, skip: Collection[str]) -> RunningChecks:
    """Start those that concern what a deployment changes."""
    wanted = [
        each for each in checks_of(plan) if each.quick and each.id not in skip and each.concerns(subject, changes=True)
    ]
    return RunningChecks(session, wanted, subject)


def check_names(plan: StackLayout, names: Collection[str]) -> None:
    """Raise InputError for a --skip-check that names no check."""
    known = [each.id for each in checks_of(plan)]
    if unheard := sorted(set(names) - set(known)):
        raise InputError(f"--skip-check {', '.join(unheard)}: there is no such check", f"there are {', '.join(known)}")


def run_checks(
    session: Session, checks: Sequence[Check], subject: Subject, seconds: float | None
) -> tuple[CheckResult, ...]:
    """Return the results in the order of the checks; without `seconds` every answer is waited for."""
    return RunningChecks(session, checks, subject).results(seconds)


LATE = CheckResult("", (Answer(Verdict.UNKNOWN, "no answer in time: `infragen doctor` waits for it", late=True),))


class RunningChecks:
    """Checks under way, each in a thread of its own. One that takes too long is left to itself: it only reads."""

    def __init__(self, session: Session, checks: Sequence[Check], subject: Subject) -> None:
        self._checks = tuple(checks)
        self._session = session
        self._subject = subject
        self._found: dict[str, CheckResult] = {}
        self._left, self._lock, self._done = len(self._checks), threading.Lock(), threading.Event()
        for each in self._checks:
            threading.Thread(target=self._work, args=(each,), daemon=True, name=f"check {each.id}").start()

    def _work(self, check: Check) -> None:
        session, result = self._session, None
        try:
            answers = tuple(map(_in_a_line, _answers(check, self._subject, session.cloud, local=session.local)))
            result = CheckResult(check.id, tuple(map(_on_emulator, answers)) if session.local else answers)
        finally:
            with self._lock:
                self._found[check.id] = result or CheckResult(check.id, (unknown("it ended without an answer"),))
                self._left -= 1
                if not self._left:
                    self._done.set()

    def results(self, seconds: float | None) -> tuple[CheckResult, ...]:
        """Return the results so far in the order of the checks, after at most so many seconds more; None waits for all
        of them.
        """
        if self._checks and not self._done.is_set():
            self._session.timer.wait(self._done, seconds)
        with self._lock:
            found = dict(self._found)
        return tuple(found.get(each.id, replace(LATE, check=each.id)) for each in self._checks)


def _answers(check: Check, subject: Subject, cloud: Cloud, *, local: bool) -> Iterator[Answer]:
    try:
        yield from check.run(subject, cloud)
    except PermissionDenied as error:
        yield unknown(f"{error.permission} is denied")
    except Unsupported as error:
        yield unknown(f"the endpoint cannot tell: {error.message}")
    except InfragenError as error:
        yield unknown("the emulator does not answer it") if local else unknown(error.message, error.hint)


def _in_a_line(answer: Answer) -> Answer:
    """Return an answer whose words are in one line: further ones could pass for the answer of another check."""
    return replace(answer, text=" ".join(answer.text.split()), hint=" ".join(answer.hint.split()))


def _on_emulator(answer: Answer) -> Answer:
    """Return an answer as it is meant on an emulator, where whatever a file names from AWS (an image, a zone, a
    secret) is missing: there it is unknown, not wrong.
    """
    if answer.verdict is Verdict.WRONG and answer.input:
        return unknown(f"{answer.text}; the emulator has only what was made in it")
    return answer


def refuse_wrong(results: Iterable[CheckResult], *, flags: bool = False) -> None:
    """Raise for what a deployment would fail of: InputError where only the user's input is wrong, else CloudError.

    With `flags` only for what was given for this run, which a plan refuses, too.
    """
    found = [
        (each.check, answer)
        for each in results
        for answer in each.answers
        if answer.verdict is Verdict.WRONG and answer.stops and (answer.flag or not flags)
    ]
    if not found:
        return
    lines = [answer.text for _, answer in found]
    skip = " ".join(f"--skip-check {each}" for each in dict.fromkeys(check for check, _ in found))
    hint = "; ".join(dict.fromkeys(answer.hint for _, answer in found))
    message = "\n".join(lines)
    if all(answer.input for _, answer in found):
        raise InputError(message, f"{hint}. Nothing was changed; {skip} continues all the same")
    raise CloudError(message, f"{hint}. Nothing was changed; {skip} continues all the same")
